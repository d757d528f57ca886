"""Long looks into history, beside the event loop: in a few threads of their own, so that they hold
up no command and no query, and never more of them than a stated number.

Work is a function that is given a `Progress`, and calls it as often as it can. Where the client is
gone, or the server ends, the next call raises, and the work is over.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from litestar import Request

from gateway.http.problems import problem
from replay.state import Progress

THREADS = 3
WAITING_MAX = 32
"""So many looks at once, of which so many as there are threads are on."""

Result = TypeVar("Result")
Work = Callable[[Progress], Result]


class Abandoned(Exception):
    """Nobody waits for this work any more."""


class Working:
    """The threads. Use within the event loop; `close` once nobody asks any more."""

    def __init__(self, threads: int = THREADS, waiting_max: int = WAITING_MAX) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="refold-history")
        self._waiting_max = waiting_max
        self._under_way = 0
        self._closed = threading.Event()

    async def do(
        self, work: Work[Result], request: Request[Any, Any, Any] | None = None
    ) -> Result:
        """Have work done, as long as the client of the `request` is there.

        Errors: ProblemFound (503) where too much is under way; those of the work.
        """
        if self._under_way >= self._waiting_max:
            raise problem(503, f"{self._under_way} looks into history are under way: come back")
        abandoned = threading.Event()

        def check(done: int = 0, total: int = 0) -> None:
            if abandoned.is_set() or self._closed.is_set():
                raise Abandoned

        def begin() -> Result:
            check()
            return work(check)

        self._under_way += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, begin)
        future.add_done_callback(self._ended)
        try:
            if request is not None:
                await _while_there(request, future)
                if not future.done():
                    abandoned.set()
            return await future  # in any case, as it may use what the next work will use
        except Abandoned:
            raise problem(503, "the server ends, or the client is gone") from None
        finally:
            abandoned.set()

    def _ended(self, future: asyncio.Future[Any]) -> None:
        self._under_way -= 1
        if not future.cancelled():
            future.exception()  # where nobody waits, nobody is told

    def close(self) -> None:
        self._closed.set()
        self._threads.shutdown()


async def _while_there(request: Request[Any, Any, Any], future: asyncio.Future[Any]) -> None:
    """Until it is done, or the client is gone."""
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((future, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone


async def _gone(request: Request[Any, Any, Any]) -> None:
    """Until the client is."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
