"""`GET .../queries/<name>`: the named queries of a system's read models.

Read models follow the events: `min_sequence` and `partition` wait until they have applied an
event, and the entity tag says what they had applied. A query that reads the clock (its argument
`now_ms` is left out) has no tag.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get

from gateway.http.catalogue import Served
from gateway.http.problems import ProblemFound, problem
from gateway.http.service import Service, service_of
from projections.core.read_models import Query

LOOK_AGAIN_S = 0.01
CLOCK = "now_ms"
WAITING = ("min_sequence", "partition")
UNCHANGED = b""


@get("/api/{family:str}/{system:str}/queries/{name:str}")
async def ask(
    request: Request[Any, Any, Any], family: str, system: str, name: str
) -> Response[bytes]:
    """Ask a system's read models."""
    service = service_of(request)
    served = service.catalogue.find(family, system)
    if name.replace("-", "_") not in served.models.queries:
        raise _no_query(served, name)
    asked = served.models.query(name)
    given = list(request.query_params.multi_items())
    await _wait_for(service, served, dict(given))
    own = {argument.name for argument in asked.arguments}
    arguments = parse(asked, [each for each in given if each[0] in own or each[0] not in WAITING])
    known = request.headers.get("if-none-match", "")
    tag, body = await service.blocking(answer, served, asked, arguments, known)
    headers = {"Cache-Control": "no-cache", **({"ETag": tag} if tag else {})}
    status = 304 if tag and body is UNCHANGED else 200
    return Response(body, status_code=status, media_type=MediaType.JSON, headers=headers)


def parse(asked: Query, given: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Errors: ProblemFound, QueryError."""
    texts = []
    for name, value in given:
        if not name.replace("-", "_").isidentifier():
            raise problem(400, f"there is no argument {name!r}: {asked.usage}", "invalid-query")
        texts.append(f"{name.replace('-', '_')}={value}")
    return asked.parse(texts)


def answer(
    served: Served, asked: Query, arguments: Mapping[str, Any], known: str
) -> tuple[str, bytes]:
    """The entity tag and the body; UNCHANGED where the caller knows that one. Blocks."""
    tag = (
        ""
        if CLOCK in {each.name for each in asked.arguments} - {*arguments}
        else served.applied.tag()
    )
    if tag and tag in [each.strip() for each in known.split(",")]:
        return tag, UNCHANGED
    try:
        return tag, msgspec.json.encode(asked.run(served.store, arguments))
    except OverflowError as error:
        raise problem(400, f"a number is too large: {asked.usage}", "invalid-query") from error


async def _wait_for(service: Service, served: Served, given: Mapping[str, str]) -> None:
    """Until the read models have applied the event that the caller wants to see."""
    if "min_sequence" not in given:
        return
    try:
        sequence, number = (int(given[name]) for name in WAITING)
    except (KeyError, ValueError):
        raise problem(
            400, "min_sequence=N&partition=P are two whole numbers, and go together"
        ) from None
    served.check_partition(number)
    deadline_s = time.monotonic() + service.limits.wait_s
    while not await service.blocking(served.applied.has_applied, number, sequence):
        if time.monotonic() >= deadline_s:
            raise problem(
                504,
                f"the read models have not applied sequence {sequence} of partition {number} yet",
                "not-applied-yet",
            )
        await asyncio.sleep(LOOK_AGAIN_S)


def _no_query(served: Served, name: str) -> ProblemFound:
    names = ", ".join(served.models.queries) or "none"
    return problem(404, f"{served.system.name} has no query {name!r}; there are {names}")
