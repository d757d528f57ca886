"""Waiting for decisions: a thread a partition follows its events while requests wait for them.

Appended offsets come in with a future each; the events of those commands go out, durable, to the
event loop. Where nobody waits, nothing is read.
"""

import asyncio
import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from log.codec import Codec
from log.envelope import Event
from log.interface import Partition
from log.record import Batch

logger = logging.getLogger("refold.http")

WAIT_S = 0.1
READ_BYTES = 1 << 18

Events = asyncio.Future[list[Event]]
Results = Sequence[tuple[asyncio.Future[Any], Any]]


def settle(futures: Results) -> None:
    """Give futures their results, or exceptions; in the event loop. Nobody waits for some."""
    for future, result in futures:
        if future.done():
            continue
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)


class Decided:
    """The events of one partition, by the command that led to them, as they become durable."""

    def __init__(
        self, events: Partition, codec: Codec[Event], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._events = events
        self._codec = codec
        self._loop = loop
        self._waiting: dict[int, list[Events]] = {}
        """By the offset of the command."""
        self._found: dict[int, dict[int, Event]] = {}
        """Of those, the events so far, by their index."""
        self._offset = 0
        """Where to read on."""
        self._passed = -1
        """The highest cause read."""
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def place(self) -> int:
        """Ask before commands are appended: their events stand there, or behind."""
        with self._changed:
            if self._waiting:
                return self._offset
        return self._events.high_watermark

    def register(self, place: int, answers: Iterable[tuple[int, Events]]) -> None:
        """Have the events of commands told, that were appended at these offsets since `place` was
        asked for. Where some were decided so soon that their events were read over, they are read
        once more."""
        with self._changed:
            begun = not self._waiting
            for offset, future in answers:
                if begun or offset <= self._passed:
                    self._offset, begun = place, False
                self._waiting.setdefault(offset, []).append(future)
            if self._thread is None and self._waiting:
                self._thread = threading.Thread(
                    target=self._follow, name=f"refold-decided-{self._events.number}", daemon=True
                )
                self._thread.start()
            self._changed.notify()

    @property
    def waiting(self) -> int:
        """How many commands somebody waits for."""
        with self._changed:
            return len(self._waiting)

    def forget(self, offset: int, future: Events) -> None:
        """Nobody waits for it any more."""
        with self._changed:
            futures = self._waiting.get(offset, [])
            if future in futures:
                futures.remove(future)
            if not futures:
                self._waiting.pop(offset, None)
                self._found.pop(offset, None)

    def fail(self, error: Exception) -> None:
        """Whoever waits gets this error."""
        with self._changed:
            futures = [each for waiting in self._waiting.values() for each in waiting]
            self._waiting.clear()
            self._found.clear()
        self._settle([(future, error) for future in futures])

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _follow(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                offset = self._offset
            try:
                self._events.wait(offset, WAIT_S)
                batches = self._events.read(offset, READ_BYTES)
                if batches:
                    self._tell(offset, batches)
            except Exception as error:  # the next to wait begins behind it
                logger.error("events cannot be followed: %s", error)
                self.fail(error)

    def _tell(self, offset: int, batches: Sequence[Batch]) -> None:
        decode = self._codec.decode
        complete: list[tuple[Events, list[Event]]] = []
        with self._changed:
            if self._offset != offset:
                return  # those who waited are gone, and others came
            for batch in batches:
                for record in batch:
                    event = decode(record.value or b"")
                    if event.cause in self._waiting:
                        complete += self._add(event)
                    if event.cause > self._passed:
                        self._passed = event.cause
            self._offset = batches[-1].last_offset + 1
        self._settle(complete)

    def _add(self, event: Event) -> Iterator[tuple[Events, list[Event]]]:
        """One more event of a command; those who wait, once that is all."""
        found = self._found.setdefault(event.cause, {})
        found.setdefault(event.cause_index, event)
        if len(found) == event.cause_count:
            del self._found[event.cause]
            events = [found[index] for index in sorted(found)]
            for future in self._waiting.pop(event.cause):
                yield future, events

    def _settle(self, futures: Results) -> None:
        if futures:
            self._loop.call_soon_threadsafe(settle, futures)
