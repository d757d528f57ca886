"""`POST .../commands/<name>`: a command in, durable, and its events out once it is decided; and
`GET .../partitions/<n>/commands/<offset>`, the same answer later.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get, post

from gateway.http.answers import Reply, reply_of
from gateway.http.catalogue import Served
from gateway.http.guard.caller import caller_of
from gateway.http.problems import MEDIA_TYPE, RETRY_AFTER_S, Answer, CommandPlace, problem
from gateway.http.service import Service, service_of
from processors.core.messages import CommandRepeated

KEY_LENGTH_MAX = 255

Headers = Mapping[str, str]


class Pending(msgspec.Struct, frozen=True):
    """A command that is durable, and not decided yet."""

    command: CommandPlace
    location: str


@post("/api/{family:str}/{system:str}/commands/{name:str}", status_code=200)
async def send_command(
    request: Request[Any, Any, Any], family: str, system: str, name: str
) -> Response[bytes]:
    """Append a command; answer with its events."""
    service = service_of(request)
    served = service.catalogue.find(family, system)
    accepts = served.find(name)
    command = accepts.command(await _body(request), _key_of(request.headers))
    wait = not _prefers_not_to_wait(request.headers)
    actor = caller_of(request).actor
    reply, headers = await decide(service, served, command, wait, actor)
    return respond(reply, headers)


@get("/api/{family:str}/{system:str}/partitions/{partition:int}/commands/{offset:int}")
async def find_command(
    request: Request[Any, Any, Any], family: str, system: str, partition: int, offset: int
) -> Response[bytes]:
    """The answer to a command sent before, or 202 while it waits to be decided."""
    service = service_of(request)
    served = service.catalogue.find(family, system)
    served.check_partition(partition)
    place = CommandPlace(partition, offset)
    found = await service.blocking(service.recorded(served).find, place)
    if found is None:
        return respond(*_pending(served, [place], of_all=False))
    answer, repeated = found
    reply = reply_of([answer], False, repeated)
    actor = await service.blocking(service.recorded(served).actor, place)
    body = msgspec.structs.replace(reply.body, actor=actor)
    return respond(reply._replace(body=body), {})


async def decide(
    service: Service, served: Served, command: Any, wait: bool, actor: str = ""
) -> tuple[Reply, Headers]:
    """Send a command, and wait for its events (or not). Errors: ProblemFound."""
    sent = service.send(served, command, wait, actor)
    of_all = len(sent.targets) > 1 or served.system.key(command) is None
    places: list[CommandPlace] = []
    try:
        async with asyncio.timeout(service.limits.wait_s):
            offsets = await sent.placed
            numbers = [target.commands.number for target in sent.targets]
            places = list(map(CommandPlace, numbers, offsets))
            if not wait:
                return _pending(served, places, of_all)
            told = await asyncio.gather(*sent.answers)
    except TimeoutError:
        raise _late(service, served, places) from None
    finally:
        for target, future in zip(sent.targets, sent.answers, strict=False):
            if target in sent.offsets and not (future.done() and not future.cancelled()):
                target.decided.forget(sent.offsets[target], future)
    first = service.recorded(served).first
    answers: list[Answer] = []
    repeated = False
    for place, events in zip(places, told, strict=True):
        if isinstance(events[0], CommandRepeated):  # what it repeats is in the log
            answer, again = await service.blocking(first, place, events, command)
            repeated |= again
        else:
            answer = Answer(place, events)
        answers.append(answer)
    return reply_of(answers, of_all, repeated), {}


def respond(reply: Reply, headers: Headers) -> Response[bytes]:
    is_problem = reply.status >= 400
    more = {"Idempotency-Replayed": "true"} if reply.repeated else {}
    return Response(
        msgspec.json.encode(reply.body),
        status_code=reply.status,
        media_type=MEDIA_TYPE if is_problem else MediaType.JSON,
        headers={**headers, **more},
    )


def location_of(served: Served, place: CommandPlace) -> str:
    return f"{served.path}/partitions/{place.partition}/commands/{place.offset}"


def _pending(
    served: Served, places: Sequence[CommandPlace], of_all: bool
) -> tuple[Reply, Headers]:
    """202: the answer is to be had there."""
    pending = [Pending(place, location_of(served, place)) for place in places]
    headers = {"Location": pending[0].location, "Retry-After": str(RETRY_AFTER_S)}
    return Reply(202, pending if of_all else pending[0]), headers


def _late(service: Service, served: Served, places: Sequence[CommandPlace]) -> Exception:
    if not places:
        return problem(
            504, "the log has not answered: the command may be on it; send it again with its key"
        )
    wait_s = service.limits.wait_s
    return problem(
        504,
        f"the command is durable, and was not decided within {wait_s:g} s: ask again at location",
        "not-decided-yet",
        command=places[0],
        location=location_of(served, places[0]),
    )


async def _body(request: Request[Any, Any, Any]) -> bytes:
    """Only what says that it is JSON: a page of another site cannot send that unasked."""
    if request.content_type[0] != "application/json":
        raise problem(415, "a command is JSON: send it with Content-Type: application/json")
    return await request.body()


def _key_of(headers: Mapping[str, str]) -> str:
    """The idempotency key; the quotes of a structured header are no part of it."""
    key = headers.get("idempotency-key")
    if key is None:
        return ""
    if len(key) > 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not 0 < len(key) <= KEY_LENGTH_MAX or not (key.isascii() and key.isprintable()):
        raise problem(400, f"Idempotency-Key is 1 to {KEY_LENGTH_MAX} printable ASCII characters")
    return key


def _prefers_not_to_wait(headers: Mapping[str, str]) -> bool:
    return "respond-async" in [each.strip() for each in headers.get("prefer", "").split(",")]
