"""Connections, before there is a request: how many, and for how long one may send its headers, or
take nothing of what it is sent. What uvicorn leaves open, and what a slow or a greedy peer would
hold for ever.
"""

import asyncio
import ipaddress
import math
from collections import Counter
from collections.abc import Collection

import msgspec
from litestar.types import Receive
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from gateway.http.guard.admission import client_name, too_many
from gateway.http.problems import MEDIA_TYPE, ProblemFound, problem
from gateway.http_settings import Limits

LOOK_S = 0.5
"""How often it is looked who is late."""
NEVER = math.inf
HELD_BYTES_MAX = 1 << 15
"""More of a response does not wait for the end of a turn of the event loop."""


def has_whole_body(receive: Receive) -> bool:
    """Whether nothing of a request is to come any more: most bodies come with their headers."""
    cycle = getattr(receive, "__self__", None)
    return isinstance(cycle, RequestResponseCycle) and not cycle.more_body


class Connections:
    """All that are open, and who is late. Those that became WebSockets are not here: they are
    streams."""

    def __init__(self, limits: Limits, proxies: Collection[str]) -> None:
        self.limits = limits
        self._proxies = [ipaddress.ip_network(each) for each in proxies]
        self._open: set[Connection] = set()
        self._of_client: Counter[str] = Counter()
        self._looking: asyncio.TimerHandle | None = None

    def protocol(self) -> type[asyncio.Protocol]:
        """For `uvicorn.Config.http`."""
        return type("Counted", (Connection,), {"all": self})

    def enter(self, connection: "Connection", host: str) -> None:
        """Errors: ProblemFound (429, 503)."""
        client = client_name(host)
        if len(self._open) >= self.limits.connections_max:
            raise problem(503, f"{len(self._open)} connections are open: come back later")
        many = self._of_client[client] >= self.limits.client_connections_max
        if many and not self._is_proxy(host):
            raise too_many(f"{self._of_client[client]} connections of yours are open: use those")
        connection.client_name = client
        self._open.add(connection)
        self._of_client[client] += 1
        if self._looking is None:
            self._looking = connection.loop.call_later(LOOK_S, self._look, connection.loop)

    def leave(self, connection: "Connection") -> None:
        if connection not in self._open:
            return
        self._open.remove(connection)
        client = connection.client_name
        self._of_client[client] -= 1
        if not self._of_client[client]:
            del self._of_client[client]

    def _is_proxy(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._proxies)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = loop.time()
        for each in list(self._open):
            each.look(now_s)
        self._looking = loop.call_later(LOOK_S, self._look, loop) if self._open else None


class Gathered:
    """A transport that sends at once what is written in one turn of the event loop, such as the
    head of a response and its body: a packet and a system call less."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.transport = transport
        self._loop = loop
        self._held = bytearray()
        self.is_closing = transport.is_closing
        self.get_extra_info = transport.get_extra_info

    def write(self, data: bytes) -> None:
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held += data
        if len(self._held) > HELD_BYTES_MAX:
            self._flush()

    def close(self) -> None:
        self._flush()
        self.transport.close()

    def abort(self) -> None:
        self.transport.abort()

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, bytearray()
            self.transport.write(held)


class Connection(HttpToolsProtocol):
    """One of them."""

    all: Connections
    client_name = ""
    in_head = False
    head_bytes = 0
    head_deadline_s = NEVER
    unread_deadline_s = NEVER

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = Gathered(transport, self.loop)  # type: ignore[assignment]
        self._expect_head()
        try:
            self.all.enter(self, self.client[0] if self.client else "")
        except ProblemFound as found:
            self._refuse(found)

    def connection_lost(self, error: Exception | None) -> None:
        self.all.leave(self)
        super().connection_lost(error)

    def handle_websocket_upgrade(self) -> None:
        self.all.leave(self)
        self.transport = self.transport.transport  # type: ignore[attr-defined]
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self.in_head:
            self.head_bytes += len(data)
            if self.head_bytes > self.all.limits.headers_bytes:
                self._refuse(problem(431, f"more than {self.all.limits.headers_bytes} bytes"))
        elif self.timeout_keep_alive_task is None and not self._is_busy():
            self._expect_head()  # what came was no beginning of a request

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.in_head = True
        self.head_bytes = 0
        self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.in_head:  # else a trailer, which nobody asked for
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self.in_head = False
        self.head_deadline_s = NEVER
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(problem(400, msg))

    def pause_writing(self) -> None:
        self.unread_deadline_s = self.loop.time() + self.all.limits.unread_s
        super().pause_writing()

    def resume_writing(self) -> None:
        self.unread_deadline_s = NEVER
        super().resume_writing()

    def look(self, now_s: float) -> None:
        """Whether it is late."""
        if now_s > self.unread_deadline_s:
            self.transport.abort()
        elif now_s > self.head_deadline_s:
            self._refuse(problem(408, "the headers did not come in time"))

    def _is_busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _expect_head(self) -> None:
        if self.head_deadline_s == NEVER:
            self.head_deadline_s = self.loop.time() + self.all.limits.headers_s

    def _refuse(self, found: ProblemFound) -> None:
        if self._is_busy():  # its answer is on its way
            self.transport.close()
            return
        body = msgspec.json.encode(found.problem)
        headers = {
            **found.headers,
            "content-type": MEDIA_TYPE,
            "content-length": str(len(body)),
            "connection": "close",
        }
        lines = "".join(f"{name.lower()}: {text}\r\n" for name, text in headers.items())
        head = STATUS_LINE[found.problem.status] + lines.encode() + b"\r\n"
        self.transport.write(head + body)
        self.transport.close()
