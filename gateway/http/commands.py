"""`POST .../commands/<name>`: a command in, durable, and its events out once it is decided; and
`GET .../partitions/<n>/commands/<offset>`, the same answer later.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.types import ASGIApp, HTTPScope

from gateway.http.answers import Reply, reply_of
from gateway.http.catalogue import Served
from gateway.http.guard.caller import caller_of
from gateway.http.problems import MEDIA_TYPE, RETRY_AFTER_S, Answer, CommandPlace, problem
from gateway.http.ready import JSON, Ready, header_of
from gateway.http.service import Service, service_of
from processors.core.messages import CommandRepeated

KEY_LENGTH_MAX = 255
PROBLEM_JSON = MEDIA_TYPE.encode()

encode = msgspec.json.Encoder().encode

Headers = Mapping[str, str]


class Pending(msgspec.Struct, frozen=True):
    """A command that is durable, and not decided yet."""

    command: CommandPlace
    location: str


@post("/api/{family:str}/{system:str}/commands/{name:str}", status_code=200)
async def send_command(
    request: Request[Any, Any, Any], family: str, system: str, name: str
) -> ASGIApp:
    """Append a command; answer with its events."""
    service = service_of(request)
    served = service.catalogue.find(family, system)
    accepts = served.find(name)
    body = await _body(request, service.limits.body_bytes)
    command = accepts.command(body, _key_of(request.scope))
    wait = "respond-async" not in _preferences(request.scope)
    actor = caller_of(request).actor
    reply, headers = await decide(service, served, command, wait, actor)
    return respond(reply, headers)


@get("/api/{family:str}/{system:str}/partitions/{partition:int}/commands/{offset:int}")
async def find_command(
    request: Request[Any, Any, Any], family: str, system: str, partition: int, offset: int
) -> ASGIApp:
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
    try:
        told = await service.in_time(sent)
    except TimeoutError:
        raise _late(service, served, sent.places) from None
    if not wait:
        return _pending(served, sent.places, of_all)
    first = service.recorded(served).first
    answers: list[Answer] = []
    repeated = False
    for place, events in zip(sent.places, told, strict=True):
        if isinstance(events[0], CommandRepeated):  # what it repeats is in the log
            answer, again = await service.blocking(first, place, events, command)
            repeated |= again
        else:
            answer = Answer(place, events)
        answers.append(answer)
    return reply_of(answers, of_all, repeated), {}


def respond(reply: Reply, headers: Headers) -> Ready:
    fields = [(name.encode(), value.encode()) for name, value in headers.items()]
    if reply.repeated:
        fields.append((b"idempotency-replayed", b"true"))
    kind = PROBLEM_JSON if reply.status >= 400 else JSON
    return Ready(encode(reply.body), status=reply.status, kind=kind, headers=fields)


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


async def _body(request: Request[Any, Any, Any], bytes_max: int) -> bytes:
    """Only what says that it is JSON: a page of another site cannot send that unasked. Errors:
    ProblemFound (400, 413, 415)."""
    kind = header_of(request.scope, b"content-type") or ""
    if kind.partition(";")[0].strip().lower() != "application/json":
        raise problem(415, "a command is JSON: send it with Content-Type: application/json")
    announced = header_of(request.scope, b"content-length") or ""
    size, more = int(announced) if announced.isdigit() else 0, True
    body = bytearray()
    while more and size <= bytes_max:
        message = await request.receive()
        if message["type"] != "http.request":
            raise problem(400, "the body broke off")
        body += message["body"]
        size, more = max(size, len(body)), message["more_body"]
    if size > bytes_max:
        raise problem(413, f"a body has at most {bytes_max} bytes here")
    return bytes(body)


def _key_of(scope: HTTPScope) -> str:
    """The idempotency key; the quotes of a structured header are no part of it. Errors:
    ProblemFound (400)."""
    key = header_of(scope, b"idempotency-key")
    if key is None:
        return ""
    if len(key) > 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not 0 < len(key) <= KEY_LENGTH_MAX or not (key.isascii() and key.isprintable()):
        raise problem(400, f"Idempotency-Key is 1 to {KEY_LENGTH_MAX} printable ASCII characters")
    return key


def _preferences(scope: HTTPScope) -> list[str]:
    return [each.strip() for each in (header_of(scope, b"prefer") or "").split(",")]
