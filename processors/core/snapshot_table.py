"""Snapshots in a table of a database, where every process that may be a task's successor reaches
them: PostgreSQL, or SQLite on one machine.

A snapshot is as many rows as it has pieces, so that a state of a gigabyte is never one value. It
is written in one transaction, and read a row at a time. What it is made of: see `snapshots.py`.
"""

import functools
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import sqlalchemy as sql
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    OperationalError,
    SQLAlchemyError,
)

from log.errors import InvalidConfig
from processors.core.snapshots import PIECE_BYTES, SnapshotGone, Snapshots, SnapshotsUnavailable
from processors.core.system import System

SETTINGS = {
    "sqlite": {"timeout": 60},
    # A server that is gone must not hold a task up for the minutes that TCP would wait.
    "postgresql": {"connect_timeout": 10, "keepalives_idle": 10, "tcp_user_timeout": 30_000},
}
"""The kinds of database that there can be, and what their drivers are told."""
WRITE_BESIDE_READERS = "PRAGMA journal_mode = WAL"
"""Stays set in the file; without it, who loads holds up those who save."""

TABLE = sql.Table(
    "refold_snapshots",
    sql.MetaData(),
    sql.Column("scope", sql.Text, primary_key=True),
    sql.Column("system", sql.Text, primary_key=True),
    sql.Column("partition", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("sequence", sql.BigInteger, primary_key=True, autoincrement=False),
    sql.Column("piece", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("content", sql.LargeBinary, nullable=False),
)
"""The contents of a snapshot's pieces, one after the other, are what would be in its file."""
_COLUMNS = TABLE.columns


class SnapshotTable(Snapshots):
    """Rows of `refold_snapshots`, which the first to save makes. A connection is opened for each
    save and each load: they are minutes apart."""

    def __init__(self, url: str, system: System, partition: int, scope: str = "") -> None:
        super().__init__(system, partition)
        self._engine = _engine(url)
        self._key = {"scope": scope, "system": system.name, "partition": partition}
        self._ours = sql.and_(*(_COLUMNS[name] == value for name, value in self._key.items()))
        self._place = self._engine.url.set(query={}).render_as_string(hide_password=True)

    def name(self, sequence: int) -> str:
        return f"{self._place} {'/'.join(map(str, (*self._key.values(), sequence)))}"

    def sequences(self) -> list[int]:
        with self._explained():
            file = _file_of(self._engine)
            if (file is not None and not file.exists()) or not _has_table(self._engine):
                return []
            with self._engine.connect() as connection:
                found = sql.select(_COLUMNS.sequence).where(self._ours, _COLUMNS.piece == 0)
                return list(connection.scalars(found.order_by(_COLUMNS.sequence.desc())))

    def _write(self, sequence: int, pieces: Iterable[bytes]) -> None:
        with self._explained():
            _make_table(self._engine)
            try:
                with self._engine.begin() as connection:
                    # Begins with a write, so that SQLite's lock is taken now and not too late.
                    self._delete(connection, _COLUMNS.sequence == sequence)
                    for number, content in enumerate(_cut(pieces)):
                        row = {**self._key, "sequence": sequence, "piece": number}
                        connection.execute(sql.insert(TABLE), {**row, "content": content})
                    before = sql.select(sql.func.max(_COLUMNS.sequence)).where(
                        self._ours, _COLUMNS.sequence < sequence
                    )
                    self._delete(connection, _COLUMNS.sequence < before.scalar_subquery())
            except IntegrityError:
                pass  # another process has just saved the same sequence

    def _delete(self, connection: sql.Connection, which: sql.ColumnElement[bool]) -> None:
        connection.execute(sql.delete(TABLE).where(self._ours, which))

    def _read(self, sequence: int) -> Generator[bytes, None, None]:
        mine = sql.and_(self._ours, _COLUMNS.sequence == sequence)
        query = sql.select(_COLUMNS.content).where(mine).order_by(_COLUMNS.piece)
        is_there = False
        with self._explained(), self._engine.connect() as connection:
            one_by_one = connection.execution_options(yield_per=1)
            with closing(one_by_one.scalars(query)) as contents:
                for content in contents:
                    is_there = True
                    yield content
        if not is_there:
            raise SnapshotGone(f"{self.name(sequence)} is not there any more")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError) as error:
            reason = error.orig if isinstance(error, DBAPIError) else error
            told = " ".join(str(reason).split())  # on one line
            raise SnapshotsUnavailable(f"{self._place}: {told}") from error


@functools.cache
def _engine(url: str) -> sql.Engine:
    """One for all tasks of the process. It keeps no connection, so there is nothing to close."""
    example = "postgresql+psycopg://user@host/database, or sqlite:////folder/snapshots.db"
    try:
        parsed = sql.make_url(url)
    except (ArgumentError, ValueError):  # whose text may have the password in it
        raise InvalidConfig(f"the URL of the snapshots means nothing: give {example}") from None
    kind = parsed.get_backend_name()
    if kind not in SETTINGS:
        raise InvalidConfig(f"snapshots cannot be kept in {kind}: give {example}")
    if kind == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise InvalidConfig(f"snapshots in memory reach no successor: name a file, {example}")
    try:
        return sql.create_engine(parsed, connect_args=SETTINGS[kind], poolclass=sql.pool.NullPool)
    except (SQLAlchemyError, ImportError) as error:
        hint = "; pip install 'refold[postgresql]'" if kind == "postgresql" else ""
        raise InvalidConfig(f"snapshots cannot be kept in {kind}: {error}{hint}") from error


def _file_of(engine: sql.Engine) -> Path | None:
    return Path(engine.url.database or "") if engine.dialect.name == "sqlite" else None


def _has_table(engine: sql.Engine) -> bool:
    with engine.connect() as connection:
        return sql.inspect(connection).has_table(TABLE.name)


def _make_table(engine: sql.Engine) -> None:
    file = _file_of(engine)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    if _has_table(engine):
        return
    if file is not None:
        with suppress(OperationalError), engine.connect() as connection:  # another does it, too
            connection.exec_driver_sql(WRITE_BESIDE_READERS)
    try:
        with engine.begin() as connection:
            TABLE.create(connection)
    except DBAPIError:
        if not _has_table(engine):
            raise  # else another process made it at the same time


def _cut(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, in pieces of PIECE_BYTES."""
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) > PIECE_BYTES:
            yield bytes(held[:PIECE_BYTES])
            del held[:PIECE_BYTES]
    yield bytes(held)
