"""Read models in this process, for those that must answer in microseconds.

The same interface as a database has, on dictionaries and sorted lists. Gone with the process: a
worker makes them again from the log. A query waits at most for one (small) transaction to be put
in place.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from operator import attrgetter, itemgetter
from typing import Any

from sortedcontainers import SortedList

from projections.core.errors import ProjectionConflict
from projections.core.leases import Lease, partition_lease
from projections.core.memory_grid import Grid
from projections.core.projection import Box, Projection, Row, Table
from projections.core.rows import Changes
from projections.core.store import (
    Catalog,
    GenerationReplaced,
    Status,
    Watermark,
    Write,
    check_order,
    check_readable,
    check_spatial,
    outdated,
)

WHERE = "this process's memory"


class _Top:
    """Above every value: where a range of a sorted list has no upper bound."""

    def __gt__(self, other: object) -> bool:
        return True

    def __lt__(self, other: object) -> bool:
        return False


TOP = _Top()


class _Order:
    """The keys of a table, sorted by some columns (and the key, so that no two are equal)."""

    def __init__(self, table: Table[Any], by: tuple[str, ...]) -> None:
        columns = tuple(dict.fromkeys((*by, *table.key)))
        values_of = attrgetter(*columns)
        self.entry_of: Callable[[Any], tuple[Any, ...]] = (
            values_of if len(columns) > 1 else lambda row: (values_of(row),)
        )
        self.key_of_entry: Callable[[tuple[Any, ...]], Any] = itemgetter(
            *(columns.index(name) for name in table.key)
        )
        self.entries: SortedList[tuple[Any, ...]] = SortedList()


class _MemoryTable:
    def __init__(self, table: Table[Any]) -> None:
        self.rows: dict[Any, Any] = {}
        self._key_of = table.key_of
        self.orders = {by: _Order(table, by) for by in (table.key, *table.indexes)}
        self.grid = None if table.spatial is None else Grid(table, table.spatial)

    def apply(self, changes: Changes) -> None:
        rows = self.rows
        gone = [rows.pop(key) for key in changes.deleted if key in rows]
        new = []
        for row in (*changes.written, *changes.appended):
            key = self._key_of(row)
            before = rows.get(key)
            if before is not None:
                gone.append(before)
            # A copy: the fold goes on to change its own.
            rows[key] = row = copy(row)
            new.append(row)
        for order in self.orders.values():
            removed = set(map(order.entry_of, gone))
            added = set(map(order.entry_of, new))
            for entry in removed - added:
                order.entries.remove(entry)
            order.entries.update(added - removed)
        if self.grid is not None:
            for row in gone:
                self.grid.remove(row)
            for row in new:
                self.grid.add(row)


class _Model:
    """One generation of one projection."""

    def __init__(self, projection: Projection, generation: int, partitions: int) -> None:
        self.version = projection.version
        self.schema = projection.schema
        self.generation = generation
        self.tables = {table.name: _MemoryTable(table) for table in projection.tables}
        self.watermarks = {number: Watermark() for number in range(partitions)}

    def is_declared(self, projection: Projection) -> bool:
        return self.version == projection.version and self.schema == projection.schema

    def status(self, projection: Projection) -> Status:
        declared = self.is_declared(projection)
        return Status(self.version, self.generation, declared, dict(self.watermarks))


class MemoryStore:
    """Read models in memory. See `store.Store`."""

    batch_bytes = 256 << 10
    cached_rows_limit = 0

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.lock = threading.RLock()
        self.models: dict[str, _Model] = {}
        self.rebuilt: dict[str, _Model] = {}
        """What is being rebuilt: readers do not see it."""
        self.leases: set[str] = set()
        """Those that are held, but for partitions."""
        self._generations = 0

    @contextmanager
    def together(self) -> Iterator[None]:
        """What was written stays, whatever raises: nothing here fails at the end."""
        with self.lock:
            yield

    def open(self, projection: Projection, partitions: int) -> "MemorySession":
        with self.lock:
            model = self.models.get(projection.name)
            if model is None:
                model = self.models[projection.name] = self._new(projection, partitions)
            elif not model.status(projection).current:
                raise outdated(projection, model.version, WHERE)
        return MemorySession(self, projection, model)

    def join(self, partitions: int, lease_s: float) -> "MemoryMembership":
        return MemoryMembership(self, partitions)

    def members(self) -> list[str]:
        return []

    def begin_rebuild(
        self, projection: Projection, partitions: int, lease: Lease | None = None
    ) -> "MemorySession":
        with self.lock:
            model = self.rebuilt[projection.name] = self._new(projection, partitions)
        return MemorySession(self, projection, model)

    def status(self, projection: Projection) -> Status | None:
        with self.lock:
            model = self.models.get(projection.name)
            return None if model is None else model.status(projection)

    def statuses(self) -> dict[str, Status]:
        with self.lock:
            declared = self.catalog.projections
            return {
                name: self.models[name].status(each)
                for name, each in declared.items()
                if name in self.models
            }

    @contextmanager
    def reading(self) -> Iterator["MemoryReader"]:
        with self.lock:
            yield MemoryReader(self)

    def close(self) -> None:
        return None

    def _new(self, projection: Projection, partitions: int) -> _Model:
        self._generations += 1
        return _Model(projection, self._generations, partitions)


class MemoryMembership:
    """See `leases.Membership`. There is one process, and one worker is to move each projection:
    every partition is its own, and nothing expires."""

    def __init__(self, store: MemoryStore, partitions: int) -> None:
        self.held = {
            number: Lease(partition_lease(number), WHERE, 1) for number in range(partitions)
        }
        self._store = store
        self._taken: list[Lease] = []

    def look(self) -> bool:
        return True

    def lose(self, number: int) -> None:
        raise AssertionError("nobody takes a partition from the only process")

    def take(self, name: str) -> Lease | None:
        with self._store.lock:
            if name in self._store.leases:
                return None
            self._store.leases.add(name)
        lease = Lease(name, WHERE, 1)
        self._taken.append(lease)
        return lease

    def give_back(self, lease: Lease) -> None:
        self._taken.remove(lease)
        self._store.leases.remove(lease.name)

    def holder(self, name: str) -> tuple[str, int] | None:
        return (WHERE, time.monotonic_ns()) if name in self._store.leases else None

    def leave(self) -> None:
        for lease in list(self._taken):
            self.give_back(lease)


class MemorySession:
    """Writes one generation of one projection; see `store.Session`."""

    def __init__(self, store: MemoryStore, projection: Projection, model: _Model) -> None:
        self.projection = projection
        self.generation = model.generation
        self.watermarks = dict(model.watermarks)
        self.lease: Lease | None = None
        self.others_wrote = False
        self._store = store
        self._model = model

    @property
    def is_new(self) -> bool:
        return not any(mark.next_sequence for mark in self.watermarks.values())

    def load(self, table: Table[Any], key: Any) -> Any:
        row = self._model.tables[table.name].rows.get(key)
        return None if row is None else copy(row)

    def refresh(self) -> bool:
        with self._store.lock:
            self._check_current()
            before, self.watermarks = self.watermarks, dict(self._model.watermarks)
        return before != self.watermarks

    @contextmanager
    def transaction(self, partition: int, after: Watermark) -> Iterator[Write]:
        written: list[Changes] = []
        yield written.extend
        with self._store.lock:
            self._check(partition)
            for changes in written:
                self._model.tables[changes.table.name].apply(changes)
            self._model.watermarks[partition] = after
        self.watermarks[partition] = after

    def swap(self, is_at_end: Callable[[int, Watermark], bool]) -> bool:
        name = self.projection.name
        with self._store.lock:
            if self._store.rebuilt.get(name) is not self._model:
                raise ProjectionConflict(f"another rebuild of {name!r} took over: this one ends")
            live = self._store.models.get(name)
            for number, mark in live.watermarks.items() if live else ():
                own = self.watermarks[number]
                if own.next_sequence < mark.next_sequence and not is_at_end(number, own):
                    return False
            self._store.models[name] = self._store.rebuilt.pop(name)
        return True

    def close(self) -> None:
        return None

    def _check_current(self) -> None:
        name = self.projection.name
        if self._model not in (self._store.models.get(name), self._store.rebuilt.get(name)):
            raise GenerationReplaced

    def _check(self, partition: int) -> None:
        self._check_current()
        before, found = self.watermarks[partition], self._model.watermarks[partition]
        if before != found:
            raise ProjectionConflict(
                f"another worker applies events to {self.projection.name!r} in {WHERE}: partition "
                f"{partition} was at sequence {before.next_sequence} and is now at "
                f"{found.next_sequence}: run one worker in a process"
            )


class MemoryReader:
    """Reads the current generations while it holds the store; see `store.Reader`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def get(self, table: Table[Row], *key: Any) -> Row | None:
        if len(key) != len(table.key):
            raise TypeError(f"table {table.name}: {len(key)} values for the key {table.key}")
        row: Row | None = self._table(table).rows.get(key if len(key) > 1 else key[0])
        return row

    def rows(
        self,
        table: Table[Row],
        *equal: Any,
        by: tuple[str, ...] = (),
        at_least: Any = None,
        below: Any = None,
        descending: bool = False,
        limit: int | None = None,
    ) -> Iterator[Row]:
        columns = check_order(table, by, equal)
        held = self._table(table)
        order = held.orders[columns]
        entries = order.entries.irange(
            equal if at_least is None else (*equal, at_least),
            (*equal, TOP if below is None else below),
            inclusive=(True, False),
            reverse=descending,
        )
        for count, entry in enumerate(entries):
            if count == limit:
                return
            yield held.rows[order.key_of_entry(entry)]

    def within(self, table: Table[Row], box: Box) -> Iterator[Row]:
        check_spatial(table)
        grid = self._table(table).grid
        assert grid is not None
        return grid.within(box)

    def _table(self, table: Table[Any]) -> _MemoryTable:
        projection = self._store.catalog.owner(table)
        model = self._store.models.get(projection.name)
        if model is None or not model.is_declared(projection):
            check_readable(projection, self._store.status(projection), WHERE)
        return self._store.models[projection.name].tables[table.name]
