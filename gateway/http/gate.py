"""What every request passes before it is looked at: its host, and how many are under way already;
and what every response carries, so that a browser does nothing unasked with it.
"""

import asyncio
from collections.abc import Collection

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from gateway.http.problems import MEDIA_TYPE, ProblemFound, problem
from gateway.http.service import Limits

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


class Gate:
    """Before the application. `hosts` are the names that it answers to, without ports; none: to
    all. A page of another site that got itself our address would not name one of them."""

    def __init__(self, app: ASGIApp, limits: Limits, hosts: Collection[str] = ()) -> None:
        self._app = app
        self._limits = limits
        self._hosts = frozenset(hosts)
        self._requests = 0
        self._streams = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        if found := self._refusal(scope):
            await _refuse(found, _hardened(send))
        elif _is_stream(scope):
            self._streams += 1
            try:
                await self._app(scope, receive, _hardened(send))
            finally:
                self._streams -= 1
        else:
            self._requests += 1
            try:
                await self._app(scope, receive, _hardened(send))
            finally:
                self._requests -= 1

    def _refusal(self, scope: Scope) -> ProblemFound | None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if self._hosts and name.lower() not in self._hosts:
            return problem(421, f"this server is not {host!r}")
        if _is_stream(scope):
            if self._streams >= self._limits.streams_max:
                return problem(503, f"{self._streams} streams are open: come back later")
        elif self._requests >= self._limits.waiting_max:
            return problem(503, f"{self._requests} requests are under way: come back later")
        return None


def _is_stream(scope: Scope) -> bool:
    return bool(scope.get("method") == "GET" and scope["path"].endswith("/events"))


def _hardened(send: Send) -> Send:
    async def harden(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message["headers"]]
            given = {name for name, _ in headers}
            headers += [each for each in SECURITY_HEADERS if each[0] not in given]
            message["headers"] = headers
        await send(message)

    return harden


async def _refuse(found: ProblemFound, send: Send) -> None:
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"connection", b"close")]
    headers += [(name.lower().encode(), text.encode()) for name, text in found.headers.items()]
    body = msgspec.json.encode(found.problem)
    await send({"type": "http.response.start", "status": found.problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
    await asyncio.sleep(0)
