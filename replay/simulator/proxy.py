"""A TCP proxy between Kafka clients and their broker, to hold up and cut their lines.

    worker ─► listen address ─► Proxy ─► target address ─► broker

It tells clients apart by the `client.id` in the first request of each connection, so that a fault
hits those that it is aimed at. A broker sends its clients on to the address that it advertises:
it needs a second listener for this, whose advertised address is the proxy's (docs/replay/chaos.md
shows the lines). Encrypted connections pass, but nobody can tell whose they are.
"""

import asyncio
import struct
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

from log.errors import InvalidConfig

CHUNK_BYTES = 64 << 10
REQUEST_HEADER = struct.Struct(">ihhih")
"""A request: its size, api key, api version, correlation id, the length of its `client.id`."""
READY_S = 10.0

Address = tuple[str, int]
"""Host and port."""


def parse_address(text: str) -> Address:
    """`host:port`. Errors: InvalidConfig."""
    host, found, port = text.rpartition(":")
    if not found or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InvalidConfig(f"{text!r} is no address: give host:port")
    return host, int(port)


class Line:
    """What is between one client and the broker, over all its connections."""

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.is_open = asyncio.Event()
        self.is_open.set()

    async def passes(self) -> None:
        """Return when bytes that came now get through."""
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        await self.is_open.wait()


class Proxy:
    """Within a `with`: listens on one address and passes all on to the other. Runs in a thread of
    its own; its methods may be called from any. Errors on the way in: OSError."""

    def __init__(self, listen: Address, target: Address) -> None:
        self.listen = listen
        self.target = target
        self.clients: set[str] = set()
        """The `client.id`s seen so far."""
        self._lines: dict[str, Line] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread
        self._server: asyncio.Server | None = None

    def delay(self, client: str, delay_ms: int) -> None:
        """What passes between this client and the broker comes so much later; 0: at once."""
        self._do(lambda: setattr(self._line(client), "delay_s", delay_ms / 1000))

    def cut(self, client: str) -> None:
        """Nothing passes any more, as where packets are dropped: nobody is told."""
        self._do(self._line(client).is_open.clear)

    def mend(self, client: str) -> None:
        """All passes again; what was held up, first."""
        self._do(self._line(client).is_open.set)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="refold-proxy")
        self._thread.start()
        try:
            self._run(self._listen())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run(self._close())
        self._end()

    # -- in the loop ------------------------------------------------------------------------------

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, *self.listen)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await asyncio.sleep(0)  # transports close in the next round

    def _line(self, client: str) -> Line:
        return self._lines.setdefault(client, Line())

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = self._loop.create_task(self._carry(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first request to its end."""
        self._writers.add(writer)
        try:
            begun, client = await first_request(reader)
            self.clients.add(client)
            line = self._line(client)
            await line.passes()
            far_reader, far_writer = await asyncio.open_connection(*self.target)
            self._writers.add(far_writer)
            far_writer.write(begun)
            try:
                await _first_of(_pump(reader, far_writer, line), _pump(far_reader, writer, line))
            finally:
                self._let_go(far_writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # one of the two went away, and the other hears of it now
        finally:
            self._let_go(writer)

    def _let_go(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        writer.close()

    # -- from other threads -----------------------------------------------------------------------

    def _do(self, action: Callable[[], object]) -> None:
        async def done() -> None:
            action()

        self._run(done())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(READY_S)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def first_request(reader: asyncio.StreamReader) -> tuple[bytes, str]:
    """The first bytes of a connection, and the `client.id` in them; empty where there is none."""
    header = await reader.readexactly(REQUEST_HEADER.size)
    _, _, _, _, length = REQUEST_HEADER.unpack(header)
    if not 0 < length < 256:
        return header, ""
    name = await reader.readexactly(length)
    return header + name, name.decode(errors="replace")


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: Line) -> None:
    while data := await reader.read(CHUNK_BYTES):
        await line.passes()
        writer.write(data)
        await writer.drain()


async def _first_of(*ways: Coroutine[Any, Any, None]) -> None:
    """Return when one of them ends; the others are cancelled."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
