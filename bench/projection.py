"""Events a second into SQLite, against a bare executemany of the same rows in the same
transactions.

Ours reads the events topic, decodes, checks sequences, folds, and writes rows and watermark. The
bare side has the rows ready, as tuples, and does nothing but hand them to the driver's
`executemany`, to tables of the same keys and indexes with the same settings.

What is compared is an account's executions and the trade tape, on a flow in which every other
order trades: there, most events become rows. The tape keeps candles too (of 1 second to 1 day), of
which the bare side writes no more than the net change of each transaction, as of any fold that
keeps a state. The order book hands SQLite the net change of thousands of events, and the bare side
then has next to nothing to do; so all read models together, on the peers' flow, are shown without
a reach.
"""

import random
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.dialects import sqlite

from bench.harness import Options, Row, at_least, best_of, main, scratch_folder, timed
from bench.order_flow import BATCH, INSTRUMENT, SIDES, START_MS, commands
from log.backends.memory import MemoryLog
from log.envelope import Command
from log.interface import Log
from log.record import Record
from processors.core.registry import Registered
from processors.core.task import Task
from processors.markets.exchange import SYSTEM
from processors.markets.exchange.commands import ListInstrument, PlaceOrder
from projections.core.memory_store import MemorySession, MemoryStore
from projections.core.projection import Projection, Table
from projections.core.read_models import read_models
from projections.core.rows import Changes
from projections.core.sql_store import SqlStore, set_up_sqlite
from projections.core.sql_tables import SqlTable
from projections.core.store import Catalog, Watermark, Write
from projections.core.worker import Worker
from projections.markets.exchange.executions import ACCOUNT_EXECUTIONS
from projections.markets.exchange.trade_tape import TRADE_TAPE

ONE_PARTITION = replace(SYSTEM, partitions=1)
MODELS = read_models(Registered(ONE_PARTITION, "processors.markets.exchange"))
FACTS = (ACCOUNT_EXECUTIONS, TRADE_TAPE)
ALL = tuple(MODELS.projections.values())
COMMANDS = 200_000


def pairs(count: int, seed: int = 7) -> Iterator[Command]:
    """Every second order takes the one before it."""
    draw = random.Random(seed)
    yield ListInstrument(instrument=INSTRUMENT)
    for order in range(1, count):
        yield PlaceOrder(
            instrument=INSTRUMENT,
            order_id=order,
            account_id=draw.randrange(1, 1001),
            side=SIDES[order % 2],
            quantity=10,
            price=100_000,
        )


def decided(flow: Iterable[Command]) -> MemoryLog:
    """The events of a flow, in memory: reading files is another benchmark."""
    log = MemoryLog()
    ONE_PARTITION.ensure_topics(log)
    partition = log.partition(ONE_PARTITION.commands_topic, 0)
    encode = ONE_PARTITION.command_codec(partition.config).encode
    timed_flow = (
        Record(encode(command), INSTRUMENT.encode(), START_MS + number // 100)
        for number, command in enumerate(flow)
    )
    while batch := list(islice(timed_flow, BATCH)):
        partition.append(batch)
    task = Task(log, ONE_PARTITION, 0)
    while task.step():
        pass
    task.close()
    return log


class Written(NamedTuple):
    """One executemany: the table, which statement, and its rows as the driver takes them."""

    table: Table[Any]
    statement: str
    rows: list[tuple[Any, ...]]


class RecordingStore(MemoryStore):
    """Keeps what each transaction would have written to a database, instead of writing it."""

    batch_bytes = SqlStore.batch_bytes
    cached_rows_limit = SqlStore.cached_rows_limit

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(catalog)
        self.transactions: list[list[Written]] = []

    def open(self, projection: Projection, partitions: int) -> MemorySession:
        session = super().open(projection, partitions)
        return RecordingSession(self, session)


class RecordingSession(MemorySession):
    def __init__(self, store: RecordingStore, session: MemorySession) -> None:
        super().__init__(store, session.projection, store.models[session.projection.name])
        self._transactions = store.transactions

    @contextmanager
    def transaction(self, partition: int, after: Watermark) -> Iterator[Write]:
        with super().transaction(partition, after) as write:

            def write_and_keep(changes: list[Changes]) -> None:
                self._transactions.append([each for it in changes for each in _writes(it)])
                write(changes)

            yield write_and_keep


def _writes(changes: Changes) -> Iterator[Written]:
    row_values = msgspec.structs.astuple
    yield Written(changes.table, "delete", [_tuple(key) for key in changes.deleted])
    yield Written(changes.table, "upsert", list(map(row_values, changes.written)))
    yield Written(changes.table, "insert", list(map(row_values, changes.appended)))


def _tuple(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)


def recorded(log: Log, projections: tuple[Projection, ...]) -> list[list[Written]]:
    store = RecordingStore(Catalog(ONE_PARTITION, projections))
    Worker(log, store).catch_up()
    return store.transactions


def ours(log: Log, projections: tuple[Projection, ...]) -> float:
    with scratch_folder() as folder:
        store = SqlStore(Catalog(ONE_PARTITION, projections), f"sqlite:///{folder}/ours.sqlite")
        worker = Worker(log, store)
        seconds = timed(worker.catch_up)
        store.close()
    return seconds


def bare(transactions: list[list[Written]], projections: tuple[Projection, ...]) -> float:
    dialect = sqlite.dialect()
    tables = {
        table: SqlTable(table, 1, dialect)
        for projection in projections
        for table in projection.tables
    }
    statements = [
        [
            (getattr(tables[table], statement).text, rows)
            for table, statement, rows in writes
            if rows
        ]
        for writes in transactions
    ]
    with scratch_folder() as folder:
        made = SqlStore(Catalog(ONE_PARTITION, projections), f"sqlite:///{folder}/bare.sqlite")
        for projection in projections:
            made.open(projection, 1)
        made.close()
        connection = sqlite3.connect(Path(folder) / "bare.sqlite")
        set_up_sqlite(connection)

        def write_all() -> None:
            for writes in statements:
                connection.execute("BEGIN IMMEDIATE")
                for text, rows in writes:
                    connection.executemany(text, rows)
                connection.execute("COMMIT")

        seconds = timed(write_all)
        connection.close()
    return seconds


def compare(
    name: str, log: Log, projections: tuple[Projection, ...], rounds: int, reach: float | None
) -> Row:
    transactions = recorded(log, projections)
    best = best_of(
        {
            "ours": lambda: ours(log, projections),
            "bare": lambda: bare(transactions, projections),
        },
        rounds,
    )
    events = log.partition(ONE_PARTITION.events_topic, 0).high_watermark
    rate, bare_rate = events / best["ours"], events / best["bare"]
    if reach is not None:
        return at_least(name, rate, "events/s", bare_rate, reach)
    return Row(name=name, value=rate, unit="events/s", ratio=rate / bare_rate)


def in_memory(log: Log) -> list[Row]:
    """The second kind of store: how fast it is made, and how soon it answers."""
    store = MODELS.open_store("memory:")
    worker = Worker(log, store)
    seconds = timed(worker.catch_up)
    events = log.partition(ONE_PARTITION.events_topic, 0).high_watermark
    best = MODELS.query("best")
    asked = 2_000

    def ask() -> None:
        for _ in range(asked):
            best.run(store, {"instrument": INSTRUMENT})

    answer_us = timed(ask) / asked * 1e6
    return [
        Row(name="all read models, in memory", value=events / seconds, unit="events/s"),
        Row(name="query of the best bid and offer, in memory", value=answer_us, unit="us"),
    ]


def run(options: Options) -> list[Row]:
    facts, flow = decided(pairs(options.size)), decided(commands(options.size // 2))
    return [
        compare("executions, tape and candles, SQLite", facts, FACTS, options.rounds, 0.6),
        compare("all read models, SQLite", flow, ALL, options.rounds, None),
        *in_memory(flow),
    ]


if __name__ == "__main__":
    main("projection", run, size=COMMANDS)
