"""An events topic of the parking sample, written by hand, and stores of every kind for it."""

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sql

from log.backends.memory import MemoryLog
from log.envelope import Event
from log.record import Record
from projections.core.memory_store import MemoryStore
from projections.core.projection import Projection, Table
from projections.core.sql_leases import MEMBERS, SqlMembership
from projections.core.sql_store import SqlStore
from projections.core.store import Catalog, Reader, Store
from tests.samples.parking import SYSTEM as PARKING
from tests.samples.parking.events import CarLeft, CarParked
from tests.samples.parking.projections import PROJECTIONS

SYSTEM = dataclasses.replace(PARKING, partitions=2)


class Topic:
    """The events topic: each `append` is the events of one command, one batch."""

    def __init__(self, log: MemoryLog | None = None) -> None:
        self.log = log or MemoryLog(clock=lambda: 0)
        SYSTEM.ensure_topics(self.log)
        self.config = self.log.topics()[SYSTEM.events_topic]
        self.encode: Callable[[Event], bytes] = SYSTEM.event_codec(self.config).encode
        self.sequences = [0] * SYSTEM.partitions
        self.commands = [0] * SYSTEM.partitions

    def append(self, *events: Event, partition: int = 0, at_ms: int = 0) -> None:
        self.append_records(self.records(*events, partition=partition, at_ms=at_ms), partition)

    def append_records(self, records: list[Record], partition: int = 0) -> None:
        self.log.partition(SYSTEM.events_topic, partition).append(records)

    def records(self, *events: Event, partition: int = 0, at_ms: int = 0) -> list[Record]:
        """The events of one command, numbered; not appended."""
        records = []
        for index, event in enumerate(events):
            event.sequence = self.sequences[partition]
            event.cause = self.commands[partition]
            event.cause_index, event.cause_count = index, len(events)
            self.sequences[partition] += 1
            records.append(Record(self.encode(event), timestamp=at_ms))
        self.commands[partition] += 1
        return records


def parked(spot: str, car: str) -> CarParked:
    return CarParked(spot=spot, car=car, until_ms=1_000)


def left(spot: str) -> CarLeft:
    return CarLeft(spot=spot)


class Stores:
    """One database (or memory), opened as often as a test likes."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._memory: MemoryStore | None = None
        self._opened: list[Store] = []

    def open(self, projections: Iterable[Projection] = PROJECTIONS) -> Store:
        """As another process would; the memory store has one process only."""
        catalog = Catalog(SYSTEM, tuple(projections))
        store: Store
        if self.url == "memory:":
            self._memory = store = self._memory or MemoryStore(catalog)
            store.catalog = catalog
        else:
            store = SqlStore(catalog, self.url)
        self._opened.append(store)
        return store

    def close(self) -> None:
        for store in self._opened:
            store.close()


def silent_member(store: Store, partitions: int) -> SqlMembership:
    """A member that says once that it lives, and then no more, like one that was stopped."""
    member = store.join(partitions, lease_s=60.0)
    assert isinstance(member, SqlMembership)
    member.fall_silent()
    return member


def let_time_pass(store: Store, *members: SqlMembership) -> None:
    """The time of these members (or all) is up, if they do not say anew that they live."""
    assert isinstance(store, SqlStore)
    statement = sql.update(MEMBERS).values(expires_at_ms=0)
    if members:
        statement = statement.where(MEMBERS.c.member.in_([each.name for each in members]))
    with store.writing() as connection:
        connection.execute(statement)


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder}/models/garage.sqlite"


def dump(store: Store) -> dict[str, list[Any]]:
    """Every row of every read model, by table."""
    with store.reading() as reader:
        return {table.name: dump_table(reader, table) for table in store.catalog.owners}


def dump_table(reader: Reader, table: Table[Any]) -> list[Any]:
    return [msgspec.structs.astuple(row) for row in reader.rows(table)]
