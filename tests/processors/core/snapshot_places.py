"""Places to keep snapshots in, of every kind, and systems whose states suit their tests."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from log.backends.memory import MemoryLog
from log.interface import Log
from log.record import Record
from processors.core.decider import StateFormat
from processors.core.fold import Fold, new_fold
from processors.core.snapshot_table import TABLE
from processors.core.snapshots import Snapshots, open_snapshots
from processors.core.system import System
from processors.core.task import Task
from tests.samples.parking import SYSTEM, flow

ONE = replace(SYSTEM, partitions=1)
ROW = "a thousand bytes or so, with a snowman in them \N{SNOWMAN}: " + "x" * 950


class Place:
    """Where snapshots are kept, as a user names it; and the bytes of one, to do harm to."""

    def __init__(self, where: Path | str) -> None:
        self.where = where

    def open(self, system: System = ONE, scope: str = "") -> Snapshots:
        return open_snapshots(self.where, system, 0, scope=scope)

    def content(self, sequence: int) -> bytes:
        if isinstance(self.where, Path):
            return Path(self.open().name(sequence)).read_bytes()
        query = sql.select(TABLE.c.content).where(TABLE.c.sequence == sequence)
        with self._connected() as connection:
            return b"".join(connection.scalars(query.order_by(TABLE.c.piece)))

    def put(self, sequence: int, content: bytes) -> None:
        """In the place of a snapshot that is there, or beside those that are."""
        if isinstance(self.where, Path):
            Path(self.open().name(sequence)).write_bytes(content)
            return
        row = {"scope": "", "system": ONE.name, "partition": 0, "sequence": sequence}
        with self._connected() as connection, connection.begin():
            connection.execute(sql.delete(TABLE).where(TABLE.c.sequence == sequence))
            for piece, part in enumerate((content[:10], content[10:])):
                values = {**row, "piece": piece, "content": part}
                connection.execute(sql.insert(TABLE), values)

    def _connected(self) -> sql.Connection:
        return sql.create_engine(str(self.where), poolclass=sql.NullPool).connect()


def a_history(commands: int = 0, seed: int = 9) -> MemoryLog:
    """Commands on the log, not decided yet."""
    log = MemoryLog()
    ONE.ensure_topics(log)
    append(log, 0, commands, seed)
    return log


def append(log: Log, first: int, last: int, seed: int = 9) -> None:
    """Commands of the flow, ten to a batch."""
    codec = ONE.command_codec(log.topics()[ONE.commands_topic])
    records = [
        Record(codec.encode(c), c.spot.encode(), at) for at, c in islice(flow(seed), first, last)
    ]
    for at in range(0, len(records), 10):
        log.partition(ONE.commands_topic, 0).append(records[at : at + 10])


def decided(log: Log, snapshots: Snapshots | None = None, system: System = ONE) -> Task:
    task = Task(log, system, 0, snapshots)
    while task.step(1):
        pass
    task.close()
    return task


def folded(log: Log, system: System = ONE, batches: int | None = None) -> Fold[Any]:
    """What waits is decided; then the fold of the events, or of their first batches: a batch holds
    those of a batch of commands."""
    decided(log, system=system)
    events = log.partition(system.events_topic, 0)
    fold = new_fold(system.decider)
    offset = 0
    while offset < events.high_watermark and batches != 0:
        read = events.read(offset)[:batches]
        fold.advance(events, read, system.event_codec(events.config))
        offset = fold.next_offset
        batches = None if batches is None else batches - len(read)
    return fold


def place_of(fold: Fold[Any]) -> tuple[object, ...]:
    """All that a fold is, but its decider."""
    return (
        fold.state,
        fold.next_sequence,
        fold.next_offset,
        fold.last_cause,
        fold.last_cause_complete,
        fold.last_offset,
        fold.last_checksum,
        fold.at,
        fold.rules_version,
        fold.origins,
    )


def of_rows(to_rows: Callable[[int], Iterable[str]]) -> System:
    """A system whose state is a number, written down as rows of text: how many there were."""

    def from_rows(rows: Iterator[str]) -> int:
        count = 0
        for row in rows:
            assert row == ROW
            count += 1
        return count

    rows = StateFormat(row_type=str, to_rows=to_rows, from_rows=from_rows)
    return replace(ONE, decider=replace(ONE.decider, state_format=rows))


def many_rows(count: int) -> Iterator[str]:
    return (ROW for _ in range(count))


LARGE = of_rows(many_rows)


def large(fold: Fold[Any], rows: int) -> Fold[Any]:
    """The same place, with a state of so many rows."""
    fold.state = rows
    return fold


def save_and_hang(where: Path | str, halfway: Connection) -> None:
    """What the process runs that is killed: it never gets to the end of its state."""

    def rows(count: int) -> Iterator[str]:
        yield from many_rows(count)
        halfway.send(True)
        halfway.recv()

    fold = large(folded(a_history(100)), 10_000)
    Place(where).open(of_rows(rows)).save(fold)
