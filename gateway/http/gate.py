"""What every request and WebSocket passes before it is looked at: its host, the page it comes
from, who calls, and how much is under way already; and what every response carries, so that a
browser does nothing unasked with it.
"""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPReceiveMessage, Message, Receive, Scope, Send
from litestar.types.asgi_types import WebSocketReceiveMessage

from gateway.http.guard.admission import UNKNOWN, Admission, Client, client_name
from gateway.http.guard.authentication import Authentication
from gateway.http.guard.caller import ANYBODY, STATE, Caller
from gateway.http.guard.connections import has_whole_body
from gateway.http.guard.origins import Origins
from gateway.http.problems import MEDIA_TYPE, ProblemFound, problem
from gateway.http.ready import Header
from gateway.http.service import Service
from gateway.http_settings import Limits

SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    ),
]
SECURITY_NAMES = frozenset(name for name, _ in SECURITY_HEADERS)
UPGRADE = "websocket.http.response"
"""The extension by which a WebSocket is refused with a response."""

Headers = Mapping[bytes, bytes]


class Gate:
    """Before the application. `hosts` are the names that it answers to, without ports; none: to
    all. A page of another site that got itself our address would not name one of them."""

    def __init__(self, app: ASGIApp, service: Service, hosts: Collection[str] = ()) -> None:
        self._app = app
        self._limits = service.limits
        self._hosts = frozenset(hosts)
        self._admission = Admission(service.limits)
        self._authentication = service.part(Authentication)
        self._origins = Origins(service.settings.origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        method = str(scope.get("method", ""))  # none of a WebSocket
        stream = not method or _is_stream(scope)
        answer = _hardened(send, self._origins.of_response(headers))
        client: Client | None = None
        held = 0
        try:
            if self._hosts:
                self._check_host(headers)
            if b"origin" in headers:
                allowed = self._origins.preflight(method, headers)
                if allowed is not None:
                    await _send(answer, 204, allowed, b"")
                    return
                self._origins.check(method, headers)
            name = await self._identified(scope, headers, stream)
            client = self._admission.enter(name, stream)
            if _has_body(headers):
                if not has_whole_body(receive):
                    receive = _timed(receive, self._limits)
                held = self._hold_body(headers)
            await self._app(scope, receive, answer)
        except ProblemFound as found:
            await _refuse(found, scope, receive, answer)
        finally:
            if client is not None:
                self._admission.leave(client, stream)
            self._admission.drop_body(held)

    def _check_host(self, headers: Headers) -> None:
        host = headers.get(b"host", b"").decode("latin-1")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name.lower() not in self._hosts:
            raise problem(421, f"this server is not {host!r}")

    async def _identified(self, scope: Scope, headers: Headers, stream: bool) -> str:
        """Tell handlers who calls, and give the name that it is counted by. Errors: ProblemFound
        (401, 429, 503)."""
        admission = self._admission
        peer = scope.get("client")
        address = client_name(peer[0]) if peer else UNKNOWN
        ticket = _taken_ticket(scope) if stream else ""
        if not self._authentication.is_required:
            scope["state"][STATE] = Caller(ANYBODY, address, admission)
            return address
        if scope["path"].lstrip("/").partition("/")[0] != "api":
            return address  # routes of the API are told of nobody, and refuse
        admission.check_room(stream)
        try:
            identity = await self._authentication.identify(headers, ticket)
        except ProblemFound:
            admission.leave(admission.enter(address))  # guessing has its rate too
            raise
        name = f"actor {identity.actor}"
        scope["state"][STATE] = Caller(identity, name, admission)
        return name

    def _hold_body(self, headers: Headers) -> int:
        """What is taken whole, which JSON is, stands in memory until its request is done. Errors:
        ProblemFound (503)."""
        if not headers.get(b"content-type", b"").startswith(b"application/json"):
            return 0
        length, most = headers.get(b"content-length", b""), self._limits.body_bytes
        size = min(int(length), most) if length.isdigit() else most
        self._admission.hold_body(size)
        return size


def _is_stream(scope: Scope) -> bool:
    return bool(scope.get("method") == "GET" and scope["path"].endswith("/events"))


def _has_body(headers: Headers) -> bool:
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


def _taken_ticket(scope: Scope) -> str:
    """`?ticket=` of a stream, which nobody behind the gate sees."""
    query = scope["query_string"]
    if b"ticket=" not in query:
        return ""
    given = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    left = [each for each in given if each[0] != "ticket"]
    scope["query_string"] = urlencode(left).encode()
    return next((value for name, value in given if name == "ticket"), "")


def _timed(receive: Receive, limits: Limits) -> Receive:
    """A body comes in its time, however it trickles; time that the server takes does not count."""
    left_s = limits.body_s
    more = True

    async def receive_in_time() -> HTTPReceiveMessage | WebSocketReceiveMessage:
        nonlocal left_s, more
        if not more:
            return await receive()
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(left_s):
                message = await receive()
        except TimeoutError:
            found = problem(408, "the body did not come in time")
            found.headers["Connection"] = "close"
            raise found from None
        left_s -= time.monotonic() - began_s
        if message["type"] == "http.request":
            more = message["more_body"]
            left_s += len(message["body"]) / limits.body_bytes_per_s
        return message

    return receive_in_time


def _hardened(send: Send, more: Sequence[Header]) -> Send:
    async def harden(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message["headers"], *more]
            given = {name for name, _ in headers}
            if SECURITY_NAMES.isdisjoint(given):
                headers += SECURITY_HEADERS
            else:
                headers += [each for each in SECURITY_HEADERS if each[0] not in given]
            message["headers"] = headers
        await send(message)

    return harden


async def _refuse(found: ProblemFound, scope: Scope, receive: Receive, send: Send) -> None:
    headers = [(b"content-type", MEDIA_TYPE.encode())]
    headers += [(name.lower().encode(), text.encode()) for name, text in found.headers.items()]
    body = msgspec.json.encode(found.problem)
    kind = "http.response"
    if scope["type"] == ScopeType.WEBSOCKET:
        await receive()  # that it wants to connect
        if UPGRADE not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
            return
        kind = UPGRADE
    elif not any(name == b"connection" for name, _ in headers):
        headers.append((b"connection", b"close"))
    await _send(send, found.problem.status, headers, body, kind)


async def _send(
    send: Any, status: int, headers: Sequence[Header], body: bytes, kind: str = "http.response"
) -> None:
    """`kind` is that of a WebSocket's refused handshake as well."""
    await send({"type": f"{kind}.start", "status": status, "headers": list(headers)})
    await send({"type": f"{kind}.body", "body": body, "more_body": False})
    await asyncio.sleep(0)
