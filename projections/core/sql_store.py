"""Read models in a database: SQLite (in WAL mode) or PostgreSQL, through SQLAlchemy Core.

Rows come from a fold's working set (`rows.py`) and leave through a `Reader`. The tables of
generation 3 of `trades` are called `trades__g3`; which generation is the current one is a row in
`refold_generations`, so that the swap at the end of a rebuild is one update. A view `trades`
shows the current one to other tools.
"""

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sql
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from projections.core.errors import (
    ProjectionConflict,
    ReadModelMissing,
    StoreError,
    StoreUnavailable,
)
from projections.core.leases import Lease, LeaseLost
from projections.core.projection import Projection, Table
from projections.core.rows import Changes
from projections.core.sql_generations import (
    ASIDE,
    CURRENT,
    DROPPED,
    Generation,
    current_generations,
    delete_watermarks,
    is_declared,
    mark,
    watermarks_of,
)
from projections.core.sql_leases import MEMBERS, LeaseCheck, SqlMembership, members_of
from projections.core.sql_reader import SqlReader
from projections.core.sql_tables import (
    ADVANCE,
    GENERATIONS,
    METADATA,
    WATERMARKS,
    SqlTable,
    drop_tables,
    show_as_views,
)
from projections.core.store import (
    Catalog,
    GenerationReplaced,
    Status,
    Watermark,
    Write,
    outdated,
)

BUSY_TIMEOUT_S = 30.0
SQLITE_CACHE_KIB = 65_536
HINTS = {
    "database is locked": "another process writes to it, and did not let go for a long while",
    "readonly database": "the file or its folder is read-only: correct the rights",
    "unable to open": "the folder is missing or closed to this user",
    "disk is full": "free some space, and start again: nothing was half applied",
    "not a database": "the file is something else: name another one",
    "malformed": "the file is damaged: delete it, and the worker makes it again from the log",
}


LOCK_GENERATIONS = "LOCK TABLE refold_generations IN {} MODE"
LOCK_SET_UP = "SELECT pg_advisory_xact_lock(7310598841)"
"""A number of our own: who makes tables on PostgreSQL does so alone."""


class _Shared(threading.local):
    """The transaction that the sessions of a thread share; it begins with the first of them."""

    stack: ExitStack | None = None
    connection: sql.Connection | None = None
    lost: StoreError | None = None
    """What ended it, whatever was a part of it."""


class SqlStore:
    """Read models in one database. `url` is SQLAlchemy's; a SQLite file is made where missing."""

    batch_bytes = 2 << 20
    cached_rows_limit = 400_000

    def __init__(
        self, catalog: Catalog, url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S
    ) -> None:
        self.catalog = catalog
        try:
            self._url = sql.make_url(url)
            is_sqlite = self._url.get_backend_name() == "sqlite"
            arguments = {"timeout": busy_timeout_s} if is_sqlite else {}
            self.engine = sql.create_engine(self._url, connect_args=arguments)
        except (SQLAlchemyError, ImportError) as error:
            shown = re.sub(r":[^@]*@", ":***@", url)  # there may be a password in it
            reason = str(error).replace(url, shown)
            raise StoreError(f"database URL {shown!r}: {reason}") from error
        self.where = self._url.render_as_string(hide_password=True)
        self._tables: dict[tuple[Table[Any], int], SqlTable] = {}
        self._made = False
        self._set_up = False
        self._file = Path(self._url.database or "") if is_sqlite else None
        if self._file is not None:
            if not self._url.database or self._url.database == ":memory:":
                raise StoreError(f"{url}: name a file; a store in memory is `memory:`")
            sql.event.listen(self.engine, "connect", set_up_sqlite)
            sql.event.listen(self.engine, "begin", _begin_sqlite)
        self.check_lease = LeaseCheck(catalog.topic, self.engine.dialect)
        self._shared = _Shared()

    def join(self, partitions: int, lease_s: float) -> SqlMembership:
        self._make_own_tables()
        return SqlMembership(self, partitions, lease_s)

    def members(self) -> list[str]:
        if self._file is not None and not self._file.exists():
            return []
        with self._reading() as connection:
            if not sql.inspect(connection).has_table(MEMBERS.name):
                return []
            rows = connection.execute(members_of(self.catalog.topic))
            return [row.member for row in rows if row.takes_share]

    def open(self, projection: Projection, partitions: int) -> "SqlSession":
        with self._making() as connection:
            current = self._current(connection, projection)
            if current is None:
                generation = self._create(connection, projection, CURRENT)
                show_as_views(connection, None, projection.schema, generation)
            else:
                generation = current.generation
                if not is_declared(projection, current):
                    raise outdated(projection, current.version, self.where)
            return self._session(connection, projection, generation, partitions)

    def begin_rebuild(
        self, projection: Projection, partitions: int, lease: Lease | None = None
    ) -> "SqlSession":
        with self._making() as connection:
            self.check_lease(connection, lease)
            self._wait_for_readers(connection)
            for other in self._generations(connection, projection):
                if other.state == ASIDE:
                    self._drop(connection, projection, other)
            generation = self._create(connection, projection, ASIDE)
            return self._session(connection, projection, generation, partitions)

    def status(self, projection: Projection) -> Status | None:
        return self._statuses((projection,)).get(projection.name)

    def statuses(self) -> dict[str, Status]:
        return self._statuses(self.catalog.projections.values())

    def _statuses(self, projections: Iterable[Projection]) -> dict[str, Status]:
        if self._file is not None and not self._file.exists():
            return {}
        with self._reading() as connection:
            if not self._is_made(connection):
                return {}
            held = current_generations(connection)
        found = {}
        for each in projections:
            if each.name in held:
                current, applied = held[each.name]
                self._check_topic(each, current)
                declared = is_declared(each, current)
                found[each.name] = Status(current.version, current.generation, declared, applied)
        return found

    @contextmanager
    def reading(self) -> Iterator[SqlReader]:
        with self._reading() as connection:
            yield SqlReader(self, connection)

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def together(self) -> Iterator[None]:
        shared = self._shared
        with ExitStack() as stack:
            shared.stack = stack
            try:
                yield
                if shared.lost is not None:
                    raise shared.lost
            finally:
                shared.stack = shared.connection = shared.lost = None

    @contextmanager
    def writing(self) -> Iterator[sql.Connection]:
        """A write transaction, or a part of the one that this thread's sessions share."""
        shared = self._shared
        if shared.stack is None:
            with self._writing_alone() as connection:
                yield connection
            return
        if shared.lost is not None:
            raise shared.lost
        if shared.connection is None:
            shared.connection = shared.stack.enter_context(self._writing_alone())
        with self._part_of(shared.connection):
            yield shared.connection

    @contextmanager
    def _part_of(self, connection: sql.Connection) -> Iterator[None]:
        with self._explained():
            connection.exec_driver_sql("SAVEPOINT part")
            try:
                yield
            except BaseException as error:
                try:
                    connection.exec_driver_sql("ROLLBACK TO SAVEPOINT part")
                except SQLAlchemyError:  # all is undone already: so does SQLite on a full disk
                    told = error if isinstance(error, StoreError) else self.explained(error)
                    self._shared.lost = told
                raise
            connection.exec_driver_sql("RELEASE SAVEPOINT part")

    @contextmanager
    def _writing_alone(self) -> Iterator[sql.Connection]:
        """On SQLite it has the lock from its beginning."""
        if self._file is not None:
            with self._explained():
                self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._connected() as connection, _immediately(connection).begin():
            yield connection

    @contextmanager
    def at_once(self) -> Iterator[sql.Connection]:
        """For one statement, which commits by itself: on PostgreSQL nothing stays locked where
        this process stands still."""
        if self._file is not None:
            with self.writing() as connection:
                yield connection
            return
        with self._connected() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def _reading(self) -> Iterator[sql.Connection]:
        if self._file is not None and not self._file.exists():
            raise ReadModelMissing(f"there is no {self._file}: run the system's worker first")
        with self._connected() as connection:
            if self._file is not None:
                with connection.begin():
                    yield connection
                return
            with connection.begin():
                is_made = self._is_made(connection)
            with connection.execution_options(isolation_level="REPEATABLE READ").begin():
                if is_made:
                    # Before the snapshot is taken: until it ends, no generation is dropped.
                    connection.exec_driver_sql(LOCK_GENERATIONS.format("ACCESS SHARE"))
                yield connection

    def _wait_for_readers(self, connection: sql.Connection) -> None:
        """PostgreSQL drops tables under the feet of a reader that has not touched them yet."""
        if self._file is None and self._is_made(connection):
            connection.exec_driver_sql(LOCK_GENERATIONS.format("ACCESS EXCLUSIVE"))

    @contextmanager
    def _making(self) -> Iterator[sql.Connection]:
        """A write transaction that alone may make tables; the store's own are there."""
        self._make_own_tables()
        with self.writing() as connection:
            if self._file is None:
                connection.exec_driver_sql(LOCK_SET_UP)
            yield connection

    def _make_own_tables(self) -> None:
        if self._set_up:
            return
        with self.writing() as connection:
            if self._file is None:
                connection.exec_driver_sql(LOCK_SET_UP)
            METADATA.create_all(connection)
        self._set_up = True

    def _is_made(self, connection: sql.Connection) -> bool:
        """Whether the database has the store's own tables."""
        if not self._made:
            self._made = sql.inspect(connection).has_table(GENERATIONS.name)
        return self._made

    @contextmanager
    def _connected(self) -> Iterator[sql.Connection]:
        try:
            connection = self.engine.connect()
        except SQLAlchemyError as error:
            kind = StoreUnavailable if self._file is None else StoreError
            raise self.explained(error, kind) from error
        with self._explained(), connection:
            yield connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError) as error:
            raise self.explained(error) from error

    def explained(self, error: BaseException, kind: type[StoreError] = StoreError) -> StoreError:
        """What the driver raised, with where and what to do."""
        text = str(error.orig if isinstance(error, DBAPIError) else error)
        hint = next((f": {HINTS[part]}" for part in HINTS if part in text), "")
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            kind = StoreUnavailable
        return kind(f"{self.where}: {text}{hint}")

    def table(self, table: Table[Any], generation: int) -> SqlTable:
        found = self._tables.get((table, generation))
        if found is None:
            found = SqlTable(table, generation, self.engine.dialect)
            self._tables[table, generation] = found
        return found

    def _generations(self, connection: sql.Connection, projection: Projection) -> list[Generation]:
        if not self._is_made(connection):
            return []
        fields = (GENERATIONS.columns[name] for name in Generation._fields)
        query = sql.select(*fields).where(GENERATIONS.c.projection == projection.name)
        found = [Generation(*row) for row in connection.execute(query)]
        for generation in found:
            self._check_topic(projection, generation)
        return found

    def _check_topic(self, projection: Projection, held: Generation) -> None:
        if held.topic != self.catalog.topic:
            raise StoreError(
                f"{self.where} holds {projection.name!r} of {held.topic}, not of "
                f"{self.catalog.topic}: give each system, and each log, a database of its own"
            )

    def _current(self, connection: sql.Connection, projection: Projection) -> Generation | None:
        generations = self._generations(connection, projection)
        return next((each for each in generations if each.state == CURRENT), None)

    def _create(self, connection: sql.Connection, projection: Projection, state: str) -> int:
        newest = sql.select(sql.func.max(GENERATIONS.c.generation)).where(
            GENERATIONS.c.projection == projection.name
        )
        generation: int = (connection.scalar(newest) or 0) + 1
        for table in projection.tables:
            self.table(table, generation).create(connection)
        connection.execute(
            sql.insert(GENERATIONS).values(
                projection=projection.name,
                generation=generation,
                topic=self.catalog.topic,
                version=projection.version,
                schema=projection.schema,
                state=state,
            )
        )
        return generation

    def _drop(self, connection: sql.Connection, projection: Projection, old: Generation) -> None:
        drop_tables(connection, old.schema, old.generation)
        delete_watermarks(connection, projection, old.generation)
        mark(connection, projection, old.generation, DROPPED)

    def _session(
        self, connection: sql.Connection, projection: Projection, generation: int, partitions: int
    ) -> "SqlSession":
        held = watermarks_of(connection, projection, generation)
        missing = [number for number in range(partitions) if number not in held]
        for number in missing:
            held[number] = Watermark()
            identity = {
                "projection": projection.name,
                "generation": generation,
                "partition": number,
            }
            values = {**identity, **msgspec.structs.asdict(held[number])}
            connection.execute(sql.insert(WATERMARKS).values(values))
        return SqlSession(self, projection, generation, held)

    def replace_current(
        self,
        projection: Projection,
        generation: int,
        is_behind: Callable[[dict[int, Watermark]], bool],
        lease: Lease | None,
    ) -> bool:
        """Make `generation` the current one, unless it is behind it; then drop the old one."""
        with self.writing() as connection:
            self.check_lease(connection, lease)
            old = self._current(connection, projection)
            if old is not None:
                # On PostgreSQL the live worker waits here, and finds its generation replaced.
                if is_behind(watermarks_of(connection, projection, old.generation, lock=True)):
                    return False
                mark(connection, projection, old.generation, ASIDE)
                delete_watermarks(connection, projection, old.generation)
            if not mark(connection, projection, generation, CURRENT):
                raise ProjectionConflict(
                    f"another rebuild of {projection.name!r} in {self.where} took over: this one "
                    "ends"
                )
            show_as_views(connection, old.schema if old else None, projection.schema, generation)
        if old is not None:
            with self.writing() as connection:
                self._wait_for_readers(connection)
                self._drop(connection, projection, old)
        return True


class SqlSession:
    """Writes one generation of one projection; see `store.Session`."""

    def __init__(
        self,
        store: SqlStore,
        projection: Projection,
        generation: int,
        watermarks: dict[int, Watermark],
    ) -> None:
        self.projection = projection
        self.generation = generation
        self.watermarks = watermarks
        self.lease: Lease | None = None
        self.others_wrote = False
        self._store = store
        self._connection: sql.Connection | None = None

    @property
    def is_new(self) -> bool:
        return not any(mark.next_sequence for mark in self.watermarks.values())

    def load(self, table: Table[Any], key: Any) -> Any:
        assert self._connection is not None, "rows are read inside of a transaction"
        try:
            return self._store.table(table, self.generation).load(self._connection, key)
        except SQLAlchemyError as error:
            raise self._store.explained(error) from error

    def refresh(self) -> bool:
        with self._store._reading() as connection:
            found = watermarks_of(connection, self.projection, self.generation)
        return self._take_over(found)

    @contextmanager
    def transaction(self, partition: int, after: Watermark) -> Iterator[Write]:
        try:
            with self._store.writing() as connection:
                self._store.check_lease(connection, self.lease)
                self._take_turn(connection, partition)
                self._advance(connection, partition, after)
                self._connection = connection
                try:
                    yield self._write
                finally:
                    self._connection = None
        except StoreUnavailable as error:
            if self.lease is None:
                raise
            raise LeaseLost from error
        self.watermarks[partition] = after

    def _take_turn(self, connection: sql.Connection, partition: int) -> None:
        """Where rows belong to no partition: lock all watermarks. They also show whether another
        worker has written since this one did."""
        self.others_wrote = False
        if self.projection.rows_of == "topic":
            found = watermarks_of(connection, self.projection, self.generation, lock=True)
            if found:  # the partition's own is compared as it is moved
                found[partition] = self.watermarks[partition]
            self.others_wrote = self._take_over(found)

    def _take_over(self, found: dict[int, Watermark]) -> bool:
        """Go on from these watermarks; whether they are others."""
        if not found:
            raise GenerationReplaced
        differ = found != self.watermarks
        self.watermarks = found
        return differ

    def swap(self, is_at_end: Callable[[int, Watermark], bool]) -> bool:
        def is_behind(live: dict[int, Watermark]) -> bool:
            return any(
                self.watermarks[number].next_sequence < live[number].next_sequence
                and not is_at_end(number, self.watermarks[number])
                for number in live
            )

        try:
            return self._store.replace_current(
                self.projection, self.generation, is_behind, self.lease
            )
        except StoreUnavailable as error:
            if self.lease is None:
                raise
            raise LeaseLost from error

    def close(self) -> None:
        return None

    def _advance(self, connection: sql.Connection, partition: int, after: Watermark) -> None:
        """Compare and set: whoever else moved this watermark keeps what they wrote."""
        before = self.watermarks[partition]
        moved = {
            "of_projection": self.projection.name,
            "of_generation": self.generation,
            "of_partition": partition,
            "from_sequence": before.next_sequence,
            "from_offset": before.next_offset,
            **msgspec.structs.asdict(after),
        }
        if connection.execute(ADVANCE, moved).rowcount == 1:
            return
        found = watermarks_of(connection, self.projection, self.generation).get(partition)
        if found is None:
            raise GenerationReplaced
        raise ProjectionConflict(
            f"another process applies events to {self.projection.name!r} in {self._store.where} "
            f"and holds no lease: partition {partition} was at sequence {before.next_sequence} "
            f"and is now at {found.next_sequence}: end that process"
        )

    def _write(self, changes: list[Changes]) -> None:
        assert self._connection is not None
        row_values = msgspec.structs.astuple
        for change in changes:
            table = self._store.table(change.table, self.generation)
            try:
                table.delete.execute_many(self._connection, list(map(table.key, change.deleted)))
                table.upsert.execute_many(self._connection, list(map(row_values, change.written)))
                table.insert.execute_many(self._connection, list(map(row_values, change.appended)))
            except OverflowError as error:
                raise StoreError(
                    f"{self._store.where}: a number in {change.table.name!r} does not fit 64 "
                    "bits, signed: keep it as text, or bound it in the system's commands"
                ) from error


def set_up_sqlite(connection: Any, _record: Any = None) -> None:
    """The settings of every connection to a SQLite file; `connection` is the driver's own."""
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says
    for pragma in (
        "journal_mode = WAL",
        # Whole after a power failure; the last transactions may be gone, rows and watermark
        # together, and are applied again from the log.
        "synchronous = NORMAL",
        f"cache_size = -{SQLITE_CACHE_KIB}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _immediately(connection: sql.Connection) -> sql.Connection:
    return connection.execution_options(refold_begin="BEGIN IMMEDIATE")


def _begin_sqlite(connection: sql.Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("refold_begin", "BEGIN"))
