"""When the read models of a system have moved: one look for all its live queries.

Events that grow wake it; from then on it looks at the watermarks until they stand still.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import NamedTuple

from gateway.http.catalogue import Served
from gateway.http.growth import any_beyond
from gateway.http.service import Service
from log.errors import LogError
from projections.core.errors import ProjectionError

logger = logging.getLogger("refold.http")

STILL_S = 1.0
"""Watermarks that have not moved for so long are not looked at until events come, or so long."""
LOOKS = 4
"""In a frame, while there is something to apply."""


class Marks(NamedTuple):
    """What all read models have applied: the next sequence and the next offset, by partition."""

    sequences: Mapping[int, int]
    offsets: Mapping[int, int]
    generations: Mapping[str, int]
    """By read model: one that was rebuilt says other things of the same events."""


class Pulse:
    """Of one system. Runs until it is cancelled."""

    def __init__(self, service: Service, served: Served, frame_s: float) -> None:
        self._service = service
        self._served = served
        self._frame_s = frame_s
        self._moved: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.beats = 0
        """How often the read models have moved; 0: nobody has looked yet."""
        self.marks = Marks({}, {}, {})
        self.listeners = 0
        self.task = asyncio.create_task(self._run())

    async def beyond(self, beats: int, timeout_s: float | None = None) -> None:
        """Until the read models have moved more often than that, or the time runs out."""
        if self.beats > beats:
            return
        await asyncio.wait([self._moved], timeout=timeout_s)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        moved_s = loop.time()
        while True:
            ends = await self._ends()
            marks = await self._look()
            if marks is None or marks != self.marks or not self.beats:
                moved_s = loop.time()
                self._beat(marks or self.marks)
                await asyncio.sleep(STILL_S if marks is None else self._frame_s)
            elif self._is_behind(ends) and loop.time() - moved_s < STILL_S:
                await asyncio.sleep(self._frame_s / LOOKS)
            elif await self._grown(ends):
                moved_s = loop.time()

    def _beat(self, marks: Marks) -> None:
        self.marks = marks
        self.beats += 1
        moved, self._moved = self._moved, asyncio.get_running_loop().create_future()
        moved.set_result(None)

    def _is_behind(self, ends: Mapping[int, int]) -> bool:
        return any(self.marks.offsets.get(number, 0) < end for number, end in ends.items())

    async def _grown(self, ends: Mapping[int, int]) -> bool:
        growth = self._service.growth
        places = [(growth(self._served, number), end) for number, end in ends.items()]
        return await any_beyond(places, STILL_S)

    async def _ends(self) -> dict[int, int]:
        """Where the events end. Before the marks: what comes meanwhile is seen as not applied."""
        served = self._served
        topic = served.system.events_topic

        def ask() -> dict[int, int]:
            numbers = range(served.partitions)
            return {
                number: served.log.partition(topic, number).high_watermark for number in numbers
            }

        try:
            return await self._service.blocking(ask)
        except LogError:  # who waits for it to grow is told of it in the server's log
            return {}

    async def _look(self) -> Marks | None:
        """None where the read models are away: whoever asks them finds out why."""
        try:
            return await self._service.blocking(marks_of, self._served)
        except ProjectionError as error:
            logger.error("live queries of %s: %s", self._served.system.name, error)
            return None


def marks_of(served: Served) -> Marks:
    """Blocks. Errors: ProjectionError."""
    sequences: dict[int, int] = {}
    offsets: dict[int, int] = {}
    statuses = served.store.statuses()
    for status in statuses.values():
        for number, mark in status.watermarks.items():
            sequences[number] = min(mark.next_sequence, sequences.get(number, mark.next_sequence))
            offsets[number] = min(mark.next_offset, offsets.get(number, mark.next_offset))
    generations = {name: status.generation for name, status in statuses.items()}
    return Marks(sequences, offsets, generations)
