"""Runs projections: from a system's events topic, batch by batch, into a store.

`EventReader` reads and decodes; a `Follower` moves one projection (or its rebuild) along the
partitions; a `Worker` runs the followers of one system, which share what is decoded. Each
projection has its own watermark on each partition, and stops, loudly, where a sequence does not
follow (law 8). The workers of one store share its partitions by leases, see `leases.py`.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

import msgspec

from log.interface import Log
from projections.core.errors import (
    FoldFailed,
    ProjectionConflict,
    ProjectionError,
    ProjectionOutdated,
    StoreError,
    StoreUnavailable,
)
from projections.core.event_reader import EventReader
from projections.core.leases import LEASE_S, Lease, LeaseLost, Membership, rebuild_lease
from projections.core.projection import Events, Projection
from projections.core.rows import Tables
from projections.core.store import GenerationReplaced, Session, Store, Watermark

ROUND_S = 0.02
"""Rounds follow one another no sooner: where events come one by one, those of a moment share the
transaction of a round. The first after a pause waits for nothing."""
REST, REST_S_MAX = 2.0, 0.05
"""After a round that took longer, so many times as long, but no more seconds: larger rounds cost
less, and where events come fast, the requests of a server need its interpreter, too."""
TOGETHER_S = 0.05
"""How long followers share a transaction: no more of them begin in it then."""
POLL_INTERVAL_S = 0.02
"""How long a new event on one partition may wait while the worker sleeps on another."""
LOOK_AT_OTHERS_S = 0.25


class Progress(msgspec.Struct, frozen=True):
    """How far a projection is, in offsets of the topic: on the partitions that this worker moves,
    or on all, where it rebuilds."""

    projection: str
    rebuilding: bool
    done: int
    total: int


Report = Callable[[Progress], None]
Shared = Callable[[Sequence[int]], None]
"""Called with the partitions that the worker moves, whenever they are others."""


class Follower:
    """Moves one projection along the topic, once it is opened: its current generation, or a new
    one, from the start."""

    def __init__(self, reader: EventReader, store: Store, projection: Projection) -> None:
        self.projection = projection
        self.is_open = False
        self.rebuilding: Lease | None = None
        """The lease of the rebuild that is on."""
        self._reader = reader
        self._store = store
        self._session: Session
        self._tables: Tables
        self._verified: set[int] = set()
        self.batches_at_once = 1
        """Of the store's size, in one transaction. Followers that share a reader have the same."""
        self.reads_ahead = False
        """Whether what comes next is read while the store writes. Not where followers share a
        reader."""

    def open(self) -> None:
        """Follow the generation that serves. Errors: ProjectionOutdated."""
        self._use(self._store.open(self.projection, len(self._reader.partitions)))

    def begin_rebuild(self, lease: Lease) -> None:
        """Make a new generation. Errors: LeaseLost."""
        partitions = len(self._reader.partitions)
        self._use(self._store.begin_rebuild(self.projection, partitions, lease))
        self.rebuilding = self._session.lease = lease

    def close(self) -> None:
        """Let the generation be, and begin again when opened."""
        self.is_open, self.rebuilding = False, None

    def _use(self, session: Session) -> None:
        self._session = session
        self._verified.clear()
        self._forget_rows()
        self.is_open = True

    def _forget_rows(self) -> None:
        session = self._session
        self._tables = Tables(self.projection.tables, session.load, complete=session.is_new)

    def refresh(self) -> None:
        """Other workers may have moved what is this one's from now on: go on from there."""
        try:
            if self._session.refresh():
                self._verified.clear()
                self._forget_rows()
        except GenerationReplaced:
            self._follow_replacement()

    def step(self, number: int, lease: Lease | None = None) -> bool:
        """Apply the next chunk of a partition; False where there is none (yet).

        `lease` is the partition's; a rebuild stands on its own. Errors: LeaseLost.
        """
        session = self._session
        session.lease = self.rebuilding or lease
        mark = session.watermarks[number]
        if number not in self._verified:
            self._reader.verify(number, mark)
            self._verified.add(number)
        events, after = self._reader.read(number, mark, self._batch_bytes)
        if after == mark:
            return False
        try:
            with self._reading_ahead(number, after), session.transaction(number, after) as write:
                if session.others_wrote:
                    self._forget_rows()
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

    @property
    def _batch_bytes(self) -> int:
        return self._store.batch_bytes * self.batches_at_once

    @contextmanager
    def _reading_ahead(self, number: int, mark: Watermark) -> Iterator[None]:
        """The reader keeps the last chunk that it was asked for: ask for the next one, beside what
        is done within. Databases write without Python's lock."""
        if not self.reads_ahead:
            yield
            return

        def read() -> None:
            with suppress(Exception):  # the next step meets it
                self._reader.read(number, mark, self._batch_bytes)

        ahead = threading.Thread(target=read, name="refold-read-ahead")
        ahead.start()
        try:
            yield
        finally:
            ahead.join()

    def _fold(self, events: Events) -> None:
        try:
            self.projection.fold(self._tables, events)
        except StoreError:
            raise
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
            self.open()
        except ProjectionOutdated as error:
            raise ProjectionConflict(
                f"{name!r} was rebuilt by a program that declares it otherwise: this worker "
                "ends; start it again with the same release"
            ) from error

    def finish_rebuild(self) -> bool:
        """Swap the rebuilt generation in, and follow on from there; False where the live one has
        meanwhile gone further. Errors: LeaseLost."""
        if not self._session.swap(self._reader.is_at_end):
            return False
        self.rebuilding = None
        return True

    def progress(self, partitions: Iterable[int]) -> Progress:
        done = total = 0
        for number in partitions:
            start, end = self._reader.extent(number)
            reached = self.position(number)
            done += max(reached - start, 0)
            total += max(end, reached) - start
        return Progress(self.projection.name, self.rebuilding is not None, done, total)

    def position(self, number: int) -> int:
        """The offset from which on there may be something new."""
        return self._reader.position(number, self._session.watermarks[number])


class Worker:
    """Keeps the projections of one system up to date, on its share of the partitions: all of them,
    while no other worker has joined the store.

    A read model of another version or schema than the declared one is rebuilt beside the old one,
    which goes on answering until the swap; one worker rebuilds it, the others wait. A projection
    that fails is left where it stopped, and the others go on; `failures` says why.
    """

    def __init__(
        self,
        log: Log,
        store: Store,
        projections: Iterable[Projection] = (),
        lease_s: float = LEASE_S,
    ) -> None:
        """Of the store's system: these projections, or all. Silent for `lease_s`, it has its
        partitions taken over."""
        chosen = tuple(projections) or tuple(store.catalog.projections.values())
        kinds = {kind for projection in chosen for kind in projection.events}
        self.reader = EventReader(log, store.catalog.system, kinds)
        self.store = store
        self.failures: dict[str, ProjectionError] = {}
        self.followers: list[Follower] = []
        self._lease_s = lease_s
        self._member: Membership
        self._held: dict[int, Lease] = {}
        """As of the last look."""
        for projection in chosen:
            follower = Follower(self.reader, store, projection)
            self.followers.append(follower)
            with suppress(ProjectionOutdated):  # it is rebuilt when this worker has joined
                self._try(follower, follower.open)

    def catch_up(self, report: Report | None = None) -> int:
        """Apply all that the topic holds on the partitions that come to this worker. Returns how
        many chunks that took.

        Raises the first failure, once the other projections are done; StoreUnavailable at once.
        """
        chunks = 0
        never = threading.Event()
        with self._joined():
            while applied := self._step(never, report, None):
                chunks += applied
        self._raise_failure()
        return chunks

    def follow(
        self,
        stop: threading.Event,
        report: Report | None = None,
        shared: Shared | None = None,
        until_idle: bool = False,
    ) -> None:
        """Catch up, and apply what is appended from then on, until `stop` is set; or `until_idle`,
        until all is applied, by whichever worker. Errors: as above."""
        turn, looked_s = 0, 0.0
        with self._joined():
            while not stop.is_set():
                began_s = time.monotonic()
                if self._step(stop, report, shared):
                    took_s = time.monotonic() - began_s
                    stop.wait(max(ROUND_S - took_s, min(REST * took_s, REST_S_MAX)))
                    continue
                self._raise_failure()
                now_s = time.monotonic()
                if until_idle and now_s - looked_s > LOOK_AT_OTHERS_S:
                    looked_s = now_s
                    if self.has_applied():
                        return
                self._wait(turn, stop)
                turn += 1

    def has_applied(self, ends: Mapping[int, int] | None = None) -> bool:
        """Whether every projection (but those that failed) has applied all that the topic holds,
        or what it holds below these offsets by partition; whichever worker did it."""
        statuses = self.store.statuses()
        for follower in self._working():
            status = statuses.get(follower.projection.name)
            if status is None or not status.current:
                return False
            for number, mark in status.watermarks.items():
                if ends is not None and mark.next_offset >= ends[number]:
                    continue
                if not self.reader.is_at_end(number, mark):
                    return False
        return True

    @contextmanager
    def _joined(self) -> Iterator[None]:
        self._held = {}
        self._member = self.store.join(len(self.reader.partitions), self._lease_s)
        try:
            yield
        finally:
            self._member.leave()

    def _step(self, stop: threading.Event, report: Report | None, shared: Shared | None) -> int:
        """One chunk of every partition for every projection; returns how many there were."""
        applied = dict.fromkeys(self.followers, 0)
        everywhere = range(len(self.reader.partitions))
        for number in everywhere:
            self._look(shared)
            with self.reader.side_by_side(), self._together(number) as begin:
                for follower in self._working():
                    if not stop.is_set():
                        begin(follower)
                        applied[follower] += self._advance(follower, number)
        for follower in self._working():
            if follower.rebuilding and not applied[follower] and not stop.is_set():
                applied[follower] += self._finish_rebuild(follower)
            if report is not None and applied[follower]:
                moved = everywhere if follower.rebuilding else self._member.held
                report(follower.progress(moved))
        return sum(applied.values())

    @contextmanager
    def _together(self, number: int) -> Iterator[Callable[[Follower], None]]:
        """Have followers, which begin one after another, share transactions on a partition: of a
        moment each, so that others who write to the store need not wait for long. A rebuild is
        alone."""
        until_s = 0.0
        sharing: list[Follower] = []

        def begin(follower: Follower) -> None:
            nonlocal until_s
            if time.monotonic() > until_s or follower.rebuilding:
                stack.close()
                sharing.clear()
                until_s = 0.0
            if until_s == 0.0 and not follower.rebuilding:
                stack.enter_context(self.store.together())
                until_s = time.monotonic() + TOGETHER_S
            sharing.append(follower)

        try:
            with ExitStack() as stack:
                yield begin
        except StoreUnavailable:
            # Perhaps nothing but this connection, ended by who took the partition over.
            self._member.lose(number)
            for follower in sharing:
                self._try(follower, follower.refresh)
        except StoreError as error:
            self.failures.update({each.projection.name: error for each in sharing})

    def _working(self) -> list[Follower]:
        return [each for each in self.followers if each.projection.name not in self.failures]

    def _look(self, shared: Shared | None) -> None:
        """Have a share of the partitions, and all projections open."""
        if not self._member.look():
            return
        before, self._held = self._held, dict(self._member.held)
        are_new = any(before.get(number) != lease for number, lease in self._held.items())
        if shared is not None and before.keys() != self._held.keys():
            shared(sorted(self._held))
        for follower in self._working():
            if not follower.is_open:
                self._try(follower, partial(self._open, follower))
            elif are_new and not follower.rebuilding:
                self._try(follower, follower.refresh)

    def _open(self, follower: Follower) -> None:
        """Rebuild what is outdated, unless another worker does, or has done so."""
        projection = follower.projection
        status = self.store.status(projection)
        if status is not None and status.version > projection.version:
            raise ProjectionConflict(
                f"{projection.name!r} was made by a newer release, which declares version "
                f"{status.version}; this one declares {projection.version}, and lets it be. Start "
                "that release, or rebuild it by hand (`refold replay rebuild`)"
            )
        lease = self._member.take(rebuild_lease(projection.name))
        if lease is None:
            return
        try:
            follower.open()
        except ProjectionOutdated:
            with suppress(LeaseLost):
                follower.begin_rebuild(lease)
        finally:
            if not follower.rebuilding:
                self._member.give_back(lease)

    def _finish_rebuild(self, follower: Follower) -> bool:
        lease = follower.rebuilding
        finished = self._try(follower, follower.finish_rebuild)
        if finished and lease is not None:
            self._member.give_back(lease)
        return finished

    def _advance(self, follower: Follower, number: int) -> bool:
        lease = self._member.held.get(number)
        if not follower.is_open or (lease is None and not follower.rebuilding):
            return False
        try:
            return self._try(follower, partial(follower.step, number, lease))
        except LeaseLost:
            self._member.lose(number)
            return False

    def _try(self, follower: Follower, action: Callable[[], object]) -> bool:
        """The action's result; False where it fails, or a rebuild is another worker's now."""
        try:
            return bool(action())
        except LeaseLost:
            if not follower.rebuilding:
                raise
            follower.close()
        except (ProjectionOutdated, StoreUnavailable):
            raise
        except ProjectionError as error:
            self.failures[follower.projection.name] = error
            if follower.rebuilding:
                self._member.give_back(follower.rebuilding)
        return False

    def _raise_failure(self) -> None:
        for error in self.failures.values():
            raise error

    def _wait(self, turn: int, stop: threading.Event) -> None:
        """A partition is waited for in turn; the others are looked at in between."""
        held = sorted(self._member.held)
        followers = [each for each in self._working() if each.is_open]
        if not held or not followers:
            stop.wait(POLL_INTERVAL_S)
            return
        number = held[turn % len(held)]
        offset = min(follower.position(number) for follower in followers)
        self.reader.partitions[number].wait(offset, POLL_INTERVAL_S)
