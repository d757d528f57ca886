"""Waiting for a partition to grow, for any number of streams: one thread waits for them all, and
wakes them in the event loop. Where nobody waits, neither does it.
"""

import asyncio
import logging
import threading
from collections.abc import Iterable

from gateway.http.deciding import settle
from log.errors import LogError
from log.interface import Partition

logger = logging.getLogger("refold.http")

WAIT_S = 0.25
TRY_AGAIN_S = 1.0


class Growth:
    """Of one partition, from where its listeners are."""

    def __init__(self, partition: Partition, loop: asyncio.AbstractEventLoop) -> None:
        self._partition = partition
        self._loop = loop
        self._listeners: list[tuple[int, asyncio.Future[None]]] = []
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._wait, name="refold-growth", daemon=True)
        self._thread.start()

    async def beyond(self, offset: int, timeout_s: float) -> bool:
        """Until there are records at or behind `offset`; False when the time ran out."""
        return await any_beyond([(self, offset)], timeout_s)

    def listen(self, offset: int, grown: asyncio.Future[None]) -> None:
        """The future is done once there are records at or behind `offset`, or it was done by
        another."""
        with self._changed:
            self._listeners.append((offset, grown))
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _wait(self) -> None:
        while True:
            with self._changed:
                self._listeners = [each for each in self._listeners if not each[1].done()]
                self._changed.wait_for(lambda: self._listeners or self._closed)
                if self._closed:
                    return
                least = min(offset for offset, _ in self._listeners)
            try:
                self._partition.wait(least, WAIT_S)
                end = self._partition.high_watermark
            except LogError as error:
                logger.error("a stream waits for the log: %s", error)
                with self._changed:
                    self._changed.wait_for(lambda: self._closed, TRY_AGAIN_S)
                continue
            with self._changed:
                awake = [each for each in self._listeners if each[0] < end]
                self._listeners = [each for each in self._listeners if each[0] >= end]
            if awake:
                self._loop.call_soon_threadsafe(settle, [(grown, None) for _, grown in awake])


async def any_beyond(places: Iterable[tuple[Growth, int]], timeout_s: float) -> bool:
    """Until one of several partitions has records at or behind its offset."""
    grown: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    for growth, offset in places:
        growth.listen(offset, grown)
    try:
        await asyncio.wait_for(grown, timeout_s)
    except TimeoutError:
        return False
    return True
