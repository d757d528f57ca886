"""A read model as it was: built aside up to a place in history, and asked with its own queries.

Events up to that place go from the log into a store of its own, in memory or a temporary file; the
answer of a query comes out. Only those projections are built that the query reads. The log is only
read; the read models that serve, and their watermarks, are not looked at.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from functools import cached_property
from typing import Any, Self

import msgspec

from log.errors import OffsetOutOfRange
from log.interface import Log
from processors.core.system import System
from projections.core.projection import Box, Projection, Row, Table
from projections.core.read_models import CLOCK, Query, ReadModels
from projections.core.store import Reader, Store
from projections.core.worker import Report, Worker
from replay.events import RecordedEvents
from replay.log_until import LogUntil
from replay.places import Place, find_place
from replay.state import At

IN_MEMORY = "memory:"


class AnswerAt(msgspec.Struct, frozen=True, kw_only=True):
    """What a query said, and of when."""

    result: Any
    places: list[Place]
    """Of each partition."""
    projections: list[str]
    """Those that it read."""


def find_places(log: Log, system: System, at: At, partition: int | None = None) -> list[Place]:
    """One moment on every partition: a time, or that of a command on `partition`; or the end.

    The other partitions are taken up to the time of that command, which they include.
    Errors: OffsetOutOfRange for a command that is not decided, or without its partition where
    there are several.
    """
    numbers = range(log.partition(system.events_topic, 0).config.partitions)
    if at.command_offset is None:
        return [_find(log, system, number, at) for number in numbers]
    if partition is None and len(numbers) > 1:
        raise OffsetOutOfRange(
            f"{system.name} has {len(numbers)} partitions, and each has a command at offset "
            f"{at.command_offset}: name one"
        )
    chosen = partition or 0
    known = _find(log, system, chosen, at)
    moment = At(time_ms=known.at)
    return [
        known if number == chosen else _find(log, system, number, moment) for number in numbers
    ]


def _find(log: Log, system: System, number: int, at: At) -> Place:
    commands = log.partition(system.commands_topic, number)
    return find_place(RecordedEvents(log, system, number), commands, at)


def query_at(
    log: Log,
    models: ReadModels,
    query: Query,
    arguments: Mapping[str, Any],
    at: At,
    *,
    partition: int | None = None,
    url: str = IN_MEMORY,
    report: Report | None = None,
) -> AnswerAt:
    """Ask one of a system's queries as of a place in history (see `find_places`).

    `arguments` are as `Query.parse` gives them. A query that takes the time of day as `now_ms` is
    told that of the place, unless it is given. `url` is where to build: in memory, or an empty
    database of one's own. `report` hears of each projection how far it is.
    Errors: OffsetOutOfRange; those of the query, of folding, and of the store.
    """
    places = find_places(log, models.system, at, partition)
    with PastModels(log, models, places, url) as past:
        return past.ask(query, arguments, at, report)


class PastModels:
    """Read models as they were at some places, one of each partition: built when a query reads
    them. Use as a context manager, or `close` it. Errors: those of the log and the store."""

    def __init__(
        self, log: Log, models: ReadModels, places: list[Place], url: str = IN_MEMORY
    ) -> None:
        self._log = log
        self._models = models
        self._store = models.open_store(url)
        self._built: dict[str, Projection] = {}
        self._use(places)

    def _use(self, places: list[Place]) -> None:
        topic = self._models.system.events_topic
        ends = {(topic, number): place.events_end for number, place in enumerate(places)}
        self._past = LogUntil(self._log, ends)
        self.places = places

    def move_on(self, places: list[Place], report: Report | None = None) -> None:
        """To later places: only what is between is applied. Close it where that fails."""
        for before, after in zip(self.places, places, strict=True):
            assert before.events_end <= after.events_end, "read models never go back"
        self._use(places)
        if self._built:
            Worker(self._past, self._store, self._built.values()).catch_up(report)

    def ask(
        self, query: Query, arguments: Mapping[str, Any], at: At, report: Report | None = None
    ) -> AnswerAt:
        """As `query_at`; `at` is what led to the places."""
        given = dict(arguments)
        if at != At() and query.reads_clock(given):
            latest_ms = max(place.at for place in self.places)
            given[CLOCK] = latest_ms if at.time_ms is None else at.time_ms
        read: dict[str, None] = {}
        while True:
            try:
                with ExitStack() as reading:
                    reader = _Built(self._store, reading, self._built, read)
                    result = query.function(reader, **given)
            except _NotBuilt as needed:
                projection = needed.projection
                Worker(self._past, self._store, [projection]).catch_up(report)
                self._built[projection.name] = projection
            else:
                return AnswerAt(result=result, places=self.places, projections=list(read))

    def close(self) -> None:
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _NotBuilt(BaseException):
    """A query reads a projection that is not built yet. Not an Exception: no query catches it."""

    def __init__(self, projection: Projection) -> None:
        super().__init__(projection.name)
        self.projection = projection


class _Built:
    """The reader of a store of which only some projections are built; see `store.Reader`."""

    def __init__(
        self, store: Store, reading: ExitStack, built: Collection[str], read: dict[str, None]
    ) -> None:
        self._store = store
        self._reading = reading
        self._built_names = built
        self._read = read
        """Gathers the names of those that are read."""

    @cached_property
    def _reader(self) -> Reader:
        return self._reading.enter_context(self._store.reading())

    def get(self, table: Table[Row], *key: Any) -> Row | None:
        self._check(table)
        return self._reader.get(table, *key)

    def rows(self, table: Table[Row], *equal: Any, **order: Any) -> Iterator[Row]:
        self._check(table)
        return self._reader.rows(table, *equal, **order)

    def within(self, table: Table[Row], box: Box) -> Iterator[Row]:
        self._check(table)
        return self._reader.within(table, box)

    def _check(self, table: Table[Any]) -> None:
        projection = self._store.catalog.owner(table)
        if projection.name not in self._built_names:
            raise _NotBuilt(projection)
        self._read[projection.name] = None
