"""Where read models are kept: one interface, two kinds of store.

`SqlStore` keeps them in a database (SQLite by default), `MemoryStore` in this process. Workers and
rebuilds write through a `Session`, queries read through a `Reader`. A read model has a
*generation*, which grows with each rebuild; readers only ever see the current one, whole. Workers
join a store to share its partitions, see `leases.py`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from processors.core.system import System
from projections.core.errors import ProjectionError, ProjectionOutdated, ReadModelMissing
from projections.core.leases import Lease, Membership
from projections.core.projection import Box, Projection, Row, Table
from projections.core.rows import Changes


class Watermark(msgspec.Struct, frozen=True):
    """How far a read model is on one partition of its events topic."""

    next_sequence: int = 0
    next_offset: int = 0
    checksum: int = 0
    """CRC-32 of the last applied record's value: tells a replaced log from the old one."""


Watermarks = Mapping[int, Watermark]
Write = Callable[[list[Changes]], None]


@dataclass(frozen=True)
class Status:
    """What a store holds of a projection."""

    version: int
    generation: int
    current: bool
    """Whether version and schema are those that the program declares."""
    watermarks: Watermarks


class Catalog:
    """The projections of one system, by name, and which table belongs to which.

    `scope` is the log's (`Log.scope`): it tells the events of two logs apart in one database.
    """

    def __init__(
        self, system: System, projections: tuple[Projection, ...], scope: str = ""
    ) -> None:
        self.system = system
        self.topic = f"{scope}{system.events_topic}"
        """The events topic, as a database knows it."""
        self.projections = {projection.name: projection for projection in projections}
        self.owners: dict[Table[Any], Projection] = {}
        if len(self.projections) != len(projections):
            raise TypeError(f"{system.name}: two projections of one name")
        names: set[str] = set()
        for projection in projections:
            for kind in projection.events:
                if kind not in system.events:
                    raise TypeError(
                        f"projection {projection.name} folds {kind.__name__}, which is no event "
                        f"of {system.name}"
                    )
            for table in projection.tables:
                if table.name in names:
                    raise TypeError(f"{system.name}: two tables are called {table.name!r}")
                names.add(table.name)
                self.owners[table] = projection

    def owner(self, table: Table[Any]) -> Projection:
        owner = self.owners.get(table)
        if owner is None:
            raise ProjectionError(
                f"no projection of {self.system.name} declares the table {table.name!r}"
            )
        return owner


class Reader(Protocol):
    """Reads the rows of read models, all as of one moment. Rows are not yours to change."""

    def get(self, table: Table[Row], *key: Any) -> Row | None:
        """The row with that key, or None."""

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
        """Rows in the order of `by` (the key, or one of the table's indexes).

        `equal` fixes its first columns; `at_least` and `below` bound the one after these.
        """

    def within(self, table: Table[Row], box: Box) -> Iterator[Row]:
        """Rows whose point is in the box, in no particular order. TypeError where the table
        declares no `spatial` columns."""


class Session(Protocol):
    """The writer of one generation of one projection. A worker or a rebuild has one."""

    projection: Projection
    generation: int
    watermarks: dict[int, Watermark]
    lease: Lease | None
    """What its transactions stand on; None: nothing else writes, as far as the caller knows."""
    others_wrote: bool
    """Within a transaction: whether other workers have written rows that this one may keep as they
    were. It forgets what it keeps."""

    @property
    def is_new(self) -> bool:
        """Whether nothing has been applied yet: every table is empty."""

    def load(self, table: Table[Any], key: Any) -> Any:
        """A stored row, the caller's own, or None."""

    def refresh(self) -> bool:
        """Read the watermarks anew; whether other workers have moved any. Errors: as below."""

    def transaction(self, partition: int, after: Watermark) -> AbstractContextManager[Write]:
        """Move a partition from `watermarks[partition]` to `after`, with what is written inside.

        Errors: LeaseLost; ProjectionConflict where the store's watermark is another;
        GenerationReplaced where a rebuild has taken this generation's place.
        """

    def swap(self, is_at_end: Callable[[int, Watermark], bool]) -> bool:
        """Put this (rebuilt) generation in the place of the current one, in one transaction.

        False, and nothing done, where the current one is further on a partition, unless
        `is_at_end` says that the topic has nothing more to apply there. Errors: LeaseLost,
        ProjectionConflict.
        """

    def close(self) -> None: ...


class GenerationReplaced(Exception):
    """A rebuild was swapped in: open the projection again and go on."""


class Store(Protocol):
    """Opened for one system's projections. Safe to use from several threads."""

    catalog: Catalog
    batch_bytes: int
    """How much of the topic to apply in one transaction while catching up."""
    cached_rows_limit: int
    """How many rows of a table a worker keeps between transactions."""

    def open(self, projection: Projection, partitions: int) -> Session:
        """The current generation, made where there is none. ProjectionOutdated where it is of
        another version or schema."""

    def begin_rebuild(
        self, projection: Projection, partitions: int, lease: Lease | None = None
    ) -> Session:
        """A new, empty generation beside the current one. What an earlier rebuild left is gone.
        Errors: LeaseLost."""

    def join(self, partitions: int, lease_s: float) -> Membership:
        """Become one of the workers that share so many partitions. With none: for the lease of a
        rebuild alone."""

    def members(self) -> list[str]:
        """The workers of this or other processes that live and take a share."""

    def status(self, projection: Projection) -> Status | None:
        """None where the store does not hold it."""

    def statuses(self) -> dict[str, Status]:
        """Of all that it holds of the catalog's projections, by name, as of one moment."""

    def together(self) -> AbstractContextManager[None]:
        """Within, the transactions of this thread's sessions become one at its end: readers see
        all of them or none. One that fails undoes itself alone; what raises at the end, or beyond
        them, undoes all, and their sessions are then to be opened anew."""

    def reading(self) -> AbstractContextManager[Reader]:
        """Readers see every read model as of one moment. Reading a table raises ReadModelMissing
        or ProjectionOutdated."""

    def close(self) -> None: ...


def check_readable(projection: Projection, status: Status | None, where: str) -> None:
    """Raise where the read model cannot be queried."""
    if status is None:
        raise ReadModelMissing(
            f"there is no read model {projection.name!r} in {where}: run the system's worker first"
        )
    if not status.current:
        raise outdated(projection, status.version, where)


def outdated(projection: Projection, version: int, where: str) -> ProjectionOutdated:
    held = f"version {version}" if version != projection.version else "another table schema"
    return ProjectionOutdated(
        f"{where} holds {projection.name!r} in {held}; the program declares version "
        f"{projection.version}: rebuild it (a worker does so when it starts)"
    )


def check_order(table: Table[Any], by: tuple[str, ...], equal: tuple[Any, ...]) -> tuple[str, ...]:
    """The columns to read along; TypeError where the table declares no such order."""
    order = by or table.key
    if order != table.key and order not in table.indexes:
        raise TypeError(
            f"table {table.name} cannot be read by {order}: declare it in `indexes`; there are "
            f"{(table.key, *table.indexes)}"
        )
    if len(equal) > len(order):
        raise TypeError(f"table {table.name}: {len(equal)} values for {order}")
    return order


def check_spatial(table: Table[Any]) -> tuple[str, str]:
    """The columns that are the table's points; TypeError where it declares none."""
    if table.spatial is None:
        raise TypeError(
            f"table {table.name} cannot be read within a box: declare its two columns as `spatial`"
        )
    return table.spatial
