"""A request's body for a thread that takes it piece by piece: no more of it is in memory than the
thread has not taken yet, and the sender is held up meanwhile.
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future

from litestar.types import Receive

from gateway.http.problems import ProblemFound, problem


class Body:
    """Iterate in a thread, once. Where the body breaks off that raises ProblemFound."""

    def __init__(self, receive: Receive, idle_s: float, bytes_max: int) -> None:
        self._receive = receive
        self._idle_s = idle_s
        self._bytes_max = self._left = bytes_max
        self._loop = asyncio.get_running_loop()
        self._is_over = False
        self._pending: Future[bytes] | None = None
        self._broken: ProblemFound | None = None

    def __iter__(self) -> Iterator[bytes]:
        while not self._is_over:
            if self._broken is not None:
                raise self._broken
            self._pending = asyncio.run_coroutine_threadsafe(self._read(), self._loop)
            if self._broken is not None:  # since it was looked for
                self._pending.cancel()
            try:
                piece = self._pending.result()
            except CancelledError:
                raise self._broken or _broken_off() from None
            if piece:
                yield piece

    async def _read(self) -> bytes:
        try:
            async with asyncio.timeout(self._idle_s):
                message = await self._receive()
        except TimeoutError:
            raise problem(408, f"nothing came for {self._idle_s:g} s: go on from there") from None
        if message["type"] != "http.request":
            raise _broken_off()
        piece = message.get("body", b"")
        self._is_over = not message.get("more_body", False)
        self._left -= len(piece)
        if self._left < 0:
            raise problem(
                413, f"at most {self._bytes_max} bytes with a checksum: send less at once"
            )
        return piece

    def break_off(self, why: ProblemFound | None = None) -> None:
        """Whoever takes it gets no more; in the event loop."""
        self._broken = why or _broken_off()
        if self._pending is not None:
            self._pending.cancel()


def _broken_off() -> ProblemFound:
    return problem(400, "the body broke off")
