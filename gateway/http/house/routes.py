"""The routes of this room: `/api/house` and what is below it."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get, post

from gateway.http.guard.authorization import needs
from gateway.http.house.letters import PAGE, PAGE_MAX, listed, retried, whole
from gateway.http.house.sampling import House
from gateway.http.problems import ProblemFound, problem
from gateway.http.routing import Route
from gateway.http.service import service_of

LETTERS = "/api/house/systems/{family:str}/{system:str}/dead-letters"
LETTER = LETTERS + "/{partition:int}/{offset:int}"


@get("/api/house", opt=needs("read"))
async def look(request: Request[Any, Any, Any]) -> Response[bytes]:
    """All systems as they are now."""
    _only(request, ())
    return _answer(await service_of(request).part(House).latest())


@get("/api/house/flow", opt=needs("read"))
async def flow(request: Request[Any, Any, Any]) -> Response[bytes]:
    """How commands and events go through the systems."""
    _only(request, ())
    return _answer(service_of(request).part(House).flow.told)


@get(LETTERS, opt=needs("operate"))
async def list_letters(
    request: Request[Any, Any, Any], family: str, system: str
) -> Response[bytes]:
    """A page of a system's dead letters."""
    service = service_of(request)
    served = service.catalogue.find(family, system)
    _only(request, ("cursor", "limit", "waiting"))
    given = request.query_params
    limit = _limit_of(given.get("limit", str(PAGE)))
    waiting = _bool_of(given.get("waiting", "false"))
    cursor = given.get("cursor", "")
    return _answer(await service.blocking(listed, served, cursor, limit, waiting))


@get(LETTER, opt=needs("operate"))
async def show_letter(
    request: Request[Any, Any, Any], family: str, system: str, partition: int, offset: int
) -> Response[bytes]:
    """One dead letter, whole."""
    service = service_of(request)
    served = service.catalogue.find(family, system)
    _only(request, ())
    return _answer(await service.blocking(whole, served, partition, offset))


@post(LETTER + "/retry", status_code=200, opt=needs("operate"))
async def retry_letter(
    request: Request[Any, Any, Any], family: str, system: str, partition: int, offset: int
) -> Response[bytes]:
    """Append its command again."""
    service = service_of(request)
    served = service.catalogue.find(family, system)
    _only(request, ())
    if request.content_type[0] != "application/json":
        raise problem(415, "send an empty object, {}, with Content-Type: application/json")
    if not _is_empty(await request.body()):
        raise problem(400, "a retry takes nothing: send an empty object, {}", "invalid-body")
    return _answer(await service.blocking(retried, served, partition, offset))


ROUTES: list[Route] = [look, flow, list_letters, show_letter, retry_letter]


def _answer(told: Any) -> Response[bytes]:
    return Response(
        msgspec.json.encode(told),
        media_type=MediaType.JSON,
        headers={"Cache-Control": "no-cache"},
    )


def _only(request: Request[Any, Any, Any], names: Iterable[str]) -> None:
    """Errors: ProblemFound (400) for a parameter that is none."""
    taken = tuple(names)
    for name in request.query_params:
        if name not in taken:
            known = ", ".join(taken) or "none"
            raise _no_fit(f"there is no parameter {name!r}; there are: {known}")


def _is_empty(body: bytes) -> bool:
    try:
        return bool(msgspec.json.decode(body) == {})
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _limit_of(text: str) -> int:
    if re.fullmatch("[0-9]{1,9}", text) is None or not 1 <= int(text) <= PAGE_MAX:
        raise _no_fit(f"limit is 1 to {PAGE_MAX}")
    return int(text)


def _bool_of(text: str) -> bool:
    if text not in ("true", "false"):
        raise _no_fit("waiting is true or false")
    return text == "true"


def _no_fit(detail: str) -> ProblemFound:
    return problem(400, detail, "invalid-query")
