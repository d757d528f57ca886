"""Runs projections: from a system's events topic, batch by batch, into a store.

`EventReader` reads and decodes; a `Follower` moves one projection (or its rebuild) along every
partition; a `Worker` runs the followers of one system, which share what is decoded. Each
projection has its own watermark on each partition, and stops, loudly, where a sequence does not
follow (law 8).
"""

import threading
from collections.abc import Callable, Iterable
from functools import partial

import msgspec

from log.interface import Log
from projections.core.errors import (
    FoldFailed,
    ProjectionConflict,
    ProjectionError,
    ProjectionOutdated,
)
from projections.core.event_reader import EventReader
from projections.core.projection import Events, Projection
from projections.core.rows import Tables
from projections.core.store import GenerationReplaced, Session, Store, Watermark

POLL_INTERVAL_S = 0.02
"""How long a new event on one partition may wait while the worker sleeps on another."""


class Progress(msgspec.Struct, frozen=True):
    """How far a projection is: events of the topic, over all partitions."""

    projection: str
    rebuilding: bool
    done: int
    total: int


Report = Callable[[Progress], None]


class Follower:
    """Moves one projection along the topic; `rebuilding`: its new generation, from the start."""

    def __init__(
        self, reader: EventReader, store: Store, projection: Projection, rebuilding: bool = False
    ) -> None:
        self.projection = projection
        self.rebuilding = rebuilding
        self._reader = reader
        self._store = store
        self._session: Session
        self._tables: Tables
        self._open()

    def _open(self) -> None:
        opener = self._store.begin_rebuild if self.rebuilding else self._store.open
        self._session = opener(self.projection, len(self._reader.partitions))
        for number, mark in self._session.watermarks.items():
            self._reader.verify(number, mark)
        self._forget_rows()

    def _forget_rows(self) -> None:
        session = self._session
        self._tables = Tables(self.projection.tables, session.load, complete=session.is_new)

    def step(self, number: int) -> bool:
        """Apply the next chunk of a partition; False where there is none (yet)."""
        mark = self._session.watermarks[number]
        events, after = self._reader.read(number, mark, self._store.batch_bytes)
        if after == mark:
            return False
        try:
            with self._session.transaction(number, after) as write:
                self._fold(events.of(self.projection.kinds))
                write(self._tables.changes())
        except GenerationReplaced:
            self._follow_replacement()
        except BaseException:
            self._forget_rows()  # they may hold half of what failed
            raise
        else:
            self._tables.settle(self._store.cached_rows_limit)
        return True

    def _fold(self, events: Events) -> None:
        try:
            self.projection.fold(self._tables, events)
        except Exception as error:
            self._forget_rows()
            raise FoldFailed(self._blame(events)) from error

    def _blame(self, events: Events) -> str:
        """Fold again, one by one, to name the event at which the fold raises."""
        where = f"{self._reader.topic}[{events.partition}]"
        for event, at_ms in events:
            try:
                self.projection.fold(self._tables, Events(events.partition, [event], [at_ms]))
            except Exception as error:
                return (
                    f"{where} sequence {event.sequence}: the fold of {self.projection.name!r} "
                    f"raised {type(error).__name__}: {error}; the event is {event}"
                )
        return f"{where}: the fold of {self.projection.name!r} raised, but only on a whole run"

    def _follow_replacement(self) -> None:
        name = self.projection.name
        if self.rebuilding:
            raise ProjectionConflict(f"another rebuild of {name!r} took over: this one ends")
        try:
            self._open()
        except ProjectionOutdated as error:
            raise ProjectionConflict(
                f"{name!r} was rebuilt by a program that declares it otherwise: this worker "
                "ends; start it again with the same release"
            ) from error

    def finish_rebuild(self) -> bool:
        """Swap the rebuilt generation in, and follow on from there; False where the live one has
        meanwhile gone further."""

        def is_at_end(number: int, mark: Watermark) -> bool:
            return mark.next_offset >= self._reader.partitions[number].high_watermark

        if not self._session.swap(is_at_end):
            return False
        self.rebuilding = False
        return True

    def progress(self) -> Progress:
        done = total = 0
        for partition in self._reader.partitions:
            start = partition.log_start
            done += max(self._session.watermarks[partition.number].next_offset - start, 0)
            total += partition.high_watermark - start
        return Progress(self.projection.name, self.rebuilding, done, total)

    def offset(self, number: int) -> int:
        return self._session.watermarks[number].next_offset


class Worker:
    """Keeps the projections of one system up to date. One per store.

    A read model of another version or schema than the declared one is rebuilt beside the old one,
    which goes on answering until the swap. A projection that fails is left where it stopped, and
    the others go on; `failures` says why.
    """

    def __init__(self, log: Log, store: Store, projections: Iterable[Projection] = ()) -> None:
        """Of the store's system: these projections, or all."""
        chosen = tuple(projections) or tuple(store.catalog.projections.values())
        kinds = {kind for projection in chosen for kind in projection.events}
        self.reader = EventReader(log, store.catalog.system, kinds)
        self.store = store
        self.failures: dict[str, ProjectionError] = {}
        self.followers: list[Follower] = []
        for projection in chosen:
            status = store.status(projection)
            outdated = status is not None and not status.current
            try:
                self.followers.append(Follower(self.reader, store, projection, outdated))
            except ProjectionError as error:
                self.failures[projection.name] = error

    def catch_up(self, report: Report | None = None) -> int:
        """Apply all that the topic holds. Returns how many chunks that took.

        Raises the first failure, once the other projections are done.
        """
        chunks = 0
        while applied := self._step(report):
            chunks += applied
        self._raise_failure()
        return chunks

    def follow(self, stop: threading.Event, report: Report | None = None) -> None:
        """Catch up, and apply what is appended from then on, until `stop` is set."""
        turn = 0
        while not stop.is_set():
            if self._step(report):
                continue
            self._raise_failure()
            # A partition is waited for in turn; the others are looked at in between.
            partition = self.reader.partitions[turn % len(self.reader.partitions)]
            offsets = [each.offset(partition.number) for each in self.followers]
            partition.wait(min(offsets, default=partition.high_watermark), POLL_INTERVAL_S)
            turn += 1

    def _step(self, report: Report | None) -> int:
        """One chunk of every partition for every projection; returns how many there were."""
        applied = [0] * len(self.followers)
        for partition in self.reader.partitions:
            for number, follower in enumerate(self.followers):
                step = partial(follower.step, partition.number)
                applied[number] += self._try(follower, step)
        for number, follower in enumerate(self.followers):
            if follower.rebuilding and not applied[number]:
                self._try(follower, follower.finish_rebuild)
                applied[number] += follower.projection.name not in self.failures
            if report is not None and applied[number]:
                report(follower.progress())
        return sum(applied)

    def _try(self, follower: Follower, action: Callable[[], bool]) -> bool:
        name = follower.projection.name
        if name in self.failures:
            return False
        try:
            return action()
        except ProjectionError as error:
            self.failures[name] = error
            return False

    def _raise_failure(self) -> None:
        for error in self.failures.values():
            raise error
