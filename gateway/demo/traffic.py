"""Live traffic for a server: what the flows of its systems give from now on, each at its pace,
sent as anybody sends commands: over HTTP, one after the other, each once the one before is
decided.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import msgspec

from gateway.demo.streams import Pace, Stream
from gateway.http.catalogue import name_of
from log.envelope import Command

logger = logging.getLogger("refold.demo")

WAIT_S = 15.0
BUSY_PAUSE_S = 1.0
READY_EVERY_S = 0.05
ENVELOPE = frozenset(Command.__struct_fields__)


class Traffic:
    """A thread that sends, from `start` to `close`. `sent` counts answers by (system, status)."""

    def __init__(
        self, url: str, streams: Sequence[Stream], paths: Mapping[type[Any], str]
    ) -> None:
        """`paths` are those of the API, by type of command."""
        self._url = url
        self._streams = streams
        self._paths = paths
        self.sent: Counter[tuple[str, int]] = Counter()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sending: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="refold-traffic", daemon=True)
        self._ended = threading.Event()

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """What is under way may be cut off: it is durable, or was never there."""
        self._ended.set()
        if self._loop is not None and self._sending is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._sending.cancel)
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(self._send_all())

    async def _send_all(self) -> None:
        self._loop, self._sending = asyncio.get_running_loop(), asyncio.current_task()
        async with httpx.AsyncClient(base_url=self._url, timeout=WAIT_S) as client:
            await self._wait_until_ready(client)
            await asyncio.gather(*(self._send(client, each) for each in self._streams))

    async def _wait_until_ready(self, client: httpx.AsyncClient) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(httpx.TransportError):
                if (await client.get("/api")).is_success:
                    return
            await asyncio.sleep(READY_EVERY_S)

    async def _send(self, client: httpx.AsyncClient, stream: Stream) -> None:
        """One flow, without end."""
        pace = Pace(stream.speed, time.monotonic())
        for at_ms, command in stream.live():
            path = self._paths.get(type(command))
            if path is None:
                continue  # of a system that is not served
            now_s = time.monotonic()
            await asyncio.sleep(max(pace.due_s(at_ms, now_s) - now_s, 0.0))
            if self._ended.is_set():
                return
            status = await self._answered(client, path, body_of(command))
            self.sent[stream.system.name, status] += 1
            if status in (429, 503):
                await asyncio.sleep(BUSY_PAUSE_S)

    async def _answered(self, client: httpx.AsyncClient, path: str, body: bytes) -> int:
        """The status; 0 where there was no answer."""
        try:
            answer = await client.post(
                path, content=body, headers={"Content-Type": "application/json"}
            )
        except httpx.TransportError as error:
            if not self._ended.is_set():
                logger.info("%s: no answer: %r", path, error)
                await asyncio.sleep(BUSY_PAUSE_S)
            return 0
        return answer.status_code


def body_of(command: Any) -> bytes:
    """A command's own fields, as HTTP takes them."""
    fields = msgspec.to_builtins(command)
    return msgspec.json.encode(
        {name: value for name, value in fields.items() if name not in ENVELOPE and name != "type"}
    )


def paths_of(systems: Sequence[Any]) -> dict[type[Any], str]:
    """Of what is served, by type of command. Older versions of a command have none."""
    return {
        accepts.kind: f"{served.path}/commands/{name_of(accepts.kind)}"
        for served in systems
        for accepts in served.accepts.values()
    }
