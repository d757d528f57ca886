"""What the handlers of this room share: their arguments, and their answers as JSON."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from litestar import MediaType, Request, Response

from gateway.http.catalogue import Served
from gateway.http.problems import problem
from gateway.http.service import service_of

Http = Request[Any, Any, Any]

HISTORY = "/api/{family:str}/{system:str}/history"
PARTITION = HISTORY + "/partitions/{partition:int}"

encode = msgspec.json.Encoder(decimal_format="string").encode


def found(request: Http, family: str, system: str, partition: int | None = None) -> Served:
    """Errors: ProblemFound (404)."""
    served = service_of(request).catalogue.find(family, system)
    if partition is not None:
        served.check_partition(partition)
    return served


def arguments(request: Http, known: Collection[str]) -> dict[str, str]:
    """Those of the request's URL, each once. Errors: ProblemFound (400)."""
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            raise problem(400, f"there is no argument {name[:80]!r}: {', '.join(known)}")
        if name in given:
            raise problem(400, f"{name} is given twice")
        given[name] = value
    return given


def flag(given: Mapping[str, str], name: str, default: bool) -> bool:
    """Errors: ProblemFound (400)."""
    text = given.get(name, "true" if default else "false")
    if text not in ("true", "false"):
        raise problem(400, f"{name}={text[:80]!r} is neither `true` nor `false`")
    return text == "true"


def json(
    body: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    return Response(
        body if isinstance(body, bytes) else encode(body),
        status_code=status,
        media_type=MediaType.JSON,
        headers={"Cache-Control": "no-cache", **(headers or {})},
    )
