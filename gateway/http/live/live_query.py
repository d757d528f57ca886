"""A query that is asked again whenever its system's read models have moved, for all who subscribe.

Its answer is encoded once, compared with the last one, and told as changes, encoded once as well;
a subscriber that has missed some, because it did not take what it was sent, gets the whole answer.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from gateway.http.catalogue import Served
from gateway.http.live.changes import changes_between
from gateway.http.live.messages import delta_rest, encoded_marks, framed, snapshot_rest
from gateway.http.live.pulse import Pulse
from gateway.http.problems import Problem, problem
from gateway.http.service import Service
from gateway.http_settings import LiveLimits
from log.errors import LogError
from projections.core.errors import ProjectionError, QueryError
from projections.core.read_models import Query

logger = logging.getLogger("refold.http")

CLOCK_S = 1.0
"""How often a query that reads the clock is asked where nothing happens."""
APPLIED_S = 0.5
"""After so long it is told what is applied by now, also where the answer is the same."""
TRY_AGAIN_S = 1.0
SNAPSHOT_BYTES = len(snapshot_rest(b"", b""))
BURST = 64
"""Subscribers that are told before others have their turn in the event loop."""


class Subscriber(Protocol):
    """One subscription of a connection."""

    def tell(self) -> None:
        """The query has moved on."""

    def tell_problem(self, found: Problem, is_over: bool) -> None: ...


class Answer(NamedTuple):
    """As of one moment. `delta` is what it says beside the answer before it; None: all of it."""

    marks: Mapping[int, int]
    applied: bytes
    value: bytes
    delta: bytes | None


class Asked(NamedTuple):
    """What makes two live queries the same one."""

    system: str
    query: str
    arguments: bytes


class LiveQuery:
    """Lives while there are subscribers, or until it ends with a problem."""

    def __init__(
        self,
        service: Service,
        pulse: Pulse,
        turns: asyncio.Semaphore,
        limits: LiveLimits,
        served: Served,
        query: Query,
        arguments: Mapping[str, Any],
        reads_clock: bool,
    ) -> None:
        self.subscribers: dict[Subscriber, None] = {}
        self.version = 0
        """Grows with each other answer; 0: there is none yet."""
        self.problem: Problem | None = None
        """What it cannot be answered for, at the moment."""
        self.pulse = pulse
        self._service, self._turns, self._limits = service, turns, limits
        self._served, self._query, self._arguments = served, query, arguments
        self._reads_clock = reads_clock
        self._answer = Answer({}, b"", b"", None)
        self._told_s = 0.0
        self._snapshot = b""
        self._frame: tuple[bytes, str, int, bytes] = (b"", "", 0, b"")
        """The last one made: kind, subscription, number; many want the same."""
        self.task = asyncio.create_task(self._run())

    def frame(self, subscription: str, number: int, version: int) -> bytes:
        """What takes a subscription from a version to this one."""
        is_next = version == self.version - 1
        kind = b"delta" if is_next and self._answer.delta is not None else b"snapshot"
        if self._frame[:3] != (kind, subscription, number):
            rest = self._answer.delta if kind == b"delta" else self._whole()
            frame = framed(kind, subscription, number, rest or b"")
            self._frame = kind, subscription, number, frame
        return self._frame[3]

    def _whole(self) -> bytes:
        if not self._snapshot:
            self._snapshot = snapshot_rest(self._answer.applied, self._answer.value)
        return self._snapshot

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        frame_s = self._limits.frame_ms / 1000
        while True:
            await self.pulse.beyond(0)
            began_s, beats = loop.time(), self.pulse.beats
            try:
                async with self._turns:
                    answer = await self._service.blocking(self._ask)
                if answer is not None:
                    await self._tell(answer)
            except QueryError as error:  # perhaps of what is not there yet
                self._tell_problem(problem(400, str(error), "invalid-query").problem)
            except (ProjectionError, LogError) as error:
                await self._wait_for_models(error)
                continue
            except TooLarge as error:
                self._end(problem(413, str(error)).problem)
                return
            except OverflowError:
                text = f"a number is too large: {self._query.usage}"
                self._end(problem(400, text, "invalid-query").problem)
                return
            except Exception as error:
                logger.error("live query %s", self._query.name, exc_info=error)
                text = "this is a mistake of the server, and in its log"
                self._end(problem(500, text).problem)
                return
            await asyncio.sleep(max(began_s + frame_s - loop.time(), 0))
            is_due = self._answer.marks != self.pulse.marks.sequences
            again_s = APPLIED_S if is_due else CLOCK_S if self._reads_clock else None
            await self.pulse.beyond(beats, again_s)

    def _ask(self) -> Answer | None:
        """None where the answer is what it was. Blocks; the marks are taken first, so that the
        answer holds at least what they say."""
        marks = self.pulse.marks
        value = msgspec.json.encode(self._query.run(self._served.store, self._arguments))
        if len(value) > self._limits.value_bytes:
            raise TooLarge(
                f"the answer has {len(value)} bytes, and a live query at most "
                f"{self._limits.value_bytes}: ask for fewer rows"
            )
        is_same = value == self._answer.value and self.problem is None
        if is_same and not self._is_applied_due(marks.sequences):
            return None
        applied = encoded_marks(marks.sequences)
        if not self.version or self.problem is not None:
            return Answer(marks.sequences, applied, value, None)
        delta = delta_rest(applied, list(changes_between(self._answer.value, value)))
        is_less = len(delta) < len(applied) + len(value) + SNAPSHOT_BYTES
        return Answer(marks.sequences, applied, value, delta if is_less else None)

    def _is_applied_due(self, marks: Mapping[int, int]) -> bool:
        """Whoever waits to see an event applied is told so, though it changed nothing here."""
        return marks != self._answer.marks and time.monotonic() - self._told_s >= APPLIED_S

    async def _tell(self, answer: Answer) -> None:
        self._answer, self._snapshot, self.problem = answer, b"", None
        self._told_s = time.monotonic()
        self._frame = (b"", "", 0, b"")
        self.version += 1
        for count, subscriber in enumerate(list(self.subscribers), 1):
            subscriber.tell()
            if count % BURST == 0:
                await asyncio.sleep(0)

    async def _wait_for_models(self, error: Exception) -> None:
        """They are not there, or are rebuilt: told once; the next answer is told whole."""
        if self.problem is None:
            logger.error("live query %s: %s", self._query.name, error)
        text = "the read model is not there yet, or is rebuilt"
        self._tell_problem(problem(503, text).problem)
        await asyncio.sleep(TRY_AGAIN_S)

    def _tell_problem(self, found: Problem) -> None:
        """Once; the subscription goes on."""
        if found != self.problem:
            self.problem = found
            for subscriber in list(self.subscribers):
                subscriber.tell_problem(found, False)

    def _end(self, found: Problem) -> None:
        self.problem = found
        for subscriber in list(self.subscribers):
            subscriber.tell_problem(found, True)


class TooLarge(Exception):
    """The answer is larger than a live query's may be."""
