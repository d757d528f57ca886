"""Projectors that share one database, as real processes: shares are fair, and whoever comes, goes,
dies or stands still, every event is applied once.

The read models are compared with those of an uninterrupted run in memory, and with a rebuild.
"""

import multiprocessing
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import pytest
import sqlalchemy as sql

from log.backends.file import FileLog
from log.backends.memory import MemoryLog
from log.interface import Log
from log.record import Record
from log.topic import TopicConfig
from processors.core.testing.subject import decide_all, flow_records, memory_log
from processors.markets.exchange import SYSTEM
from projections.core.rebuild import rebuild
from projections.core.sql_leases import LEASES, MEMBERS
from projections.core.sql_store import SqlStore
from projections.core.testing import rows
from projections.core.worker import Worker
from tests.projections.core import shared_process
from tests.projections.core.garage import Stores
from tests.projections.core.shared_process import MODELS, project

COMMANDS = 4_000
LEASE_S = 0.6
DEADLINE_S = 120.0
"""For a machine that does much else."""
STOPS = 3
FEED_S = 0.004
FED_RECORDS = 8
"""Events come so many at a time, with a pause between: so they come while all of this goes on."""


@pytest.fixture(scope="module")
def decided() -> MemoryLog:
    log = memory_log(SYSTEM, flow_records(SYSTEM, 5, COMMANDS))
    decide_all(log, SYSTEM)
    return log


@dataclass
class Projectors:
    """Processes on one store, by number, and the events that they get."""

    store: SqlStore
    folder: Path
    context: ForkServerContext
    running: dict[int, ForkServerProcess] = field(default_factory=dict)

    def start(self, number: int) -> None:
        here, there = self.context.Pipe(duplex=False)
        url = self.store.engine.url.render_as_string(hide_password=False)
        process = self.context.Process(target=project, args=(self.folder, url, LEASE_S, there))
        process.start()
        there.close()
        assert here.recv(), "the process did not start"
        here.close()
        self.running[number] = process

    def tell(self, number: int, what: signal.Signals) -> None:
        pid = self.running[number].pid
        assert pid is not None
        os.kill(pid, what)

    def end(self, number: int, what: signal.Signals = signal.SIGTERM) -> int | None:
        """Returns the exit code."""
        self.tell(number, what)
        process = self.running.pop(number)
        process.join(DEADLINE_S)
        return process.exitcode

    def shares(self) -> dict[int, int]:
        """How many partitions each process holds now."""
        with self.store.reading() as reader:
            connection = reader._connection
            held = connection.execute(sql.select(LEASES.c.holder)).scalars()
            members = set(connection.execute(sql.select(MEMBERS.c.member)).scalars())
        counts = Counter(holder for holder in held if holder in members)
        return {
            number: sum(counts[member] for member in counts if f"-{process.pid}-" in member)
            for number, process in self.running.items()
        }

    def until(self, holds: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + DEADLINE_S
        while not holds():
            assert time.monotonic() < deadline_s, f"it did not come about; {self.shares()}"
            time.sleep(0.01)

    def until_shares(self, *expected: int) -> None:
        """In any order."""
        self.until(lambda: sorted(self.shares().values()) == sorted(expected))


@pytest.fixture
def projectors(database_stores: Stores, tmp_path: Path) -> Iterator[Projectors]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([shared_process.__name__])
    store = MODELS.open_store(database_stores.url)
    assert isinstance(store, SqlStore)
    projectors = Projectors(store, tmp_path / "log", context)
    yield projectors
    for process in projectors.running.values():
        process.kill()
        process.join()
    store.close()


def events_topic(folder: Path) -> FileLog:
    log = FileLog(folder)
    config = TopicConfig(
        partitions=SYSTEM.partitions, durability="loses_unflushed_on_power_failure"
    )
    for topic in (SYSTEM.commands_topic, SYSTEM.events_topic):
        log.ensure_topic(topic, config)
    return log


def feed(source: MemoryLog, target: Log, hurry: threading.Event) -> None:
    """The events, a batch at a time over all partitions, slowly until told to hurry."""
    partitions = range(SYSTEM.partitions)
    offsets = dict.fromkeys(partitions, 0)
    while offsets:
        for number in list(offsets):
            batches = source.partition(SYSTEM.events_topic, number).read(offsets[number], 1)
            if not batches:
                del offsets[number]
                continue
            offsets[number] = batches[-1].last_offset + 1
            records = [Record(it.value, it.key, it.timestamp) for it in batches[0]]
            for first in range(0, len(records), FED_RECORDS):
                target.partition(SYSTEM.events_topic, number).append(
                    records[first : first + FED_RECORDS]
                )
                hurry.wait(FEED_S)


def test_projectors_come_and_go(projectors: Projectors, decided: MemoryLog) -> None:
    hurry = threading.Event()
    with events_topic(projectors.folder) as log:
        feeder = threading.Thread(target=feed, args=(decided, log, hurry))
        feeder.start()
        try:
            _disturb(projectors)
        finally:
            hurry.set()
            feeder.join()
        watcher = Worker(log, projectors.store)
        projectors.until(watcher.has_applied)
        codes = [projectors.end(number) for number in list(projectors.running)]
        assert codes == [0] * len(codes)
        assert projectors.store.members() == []

        expected = MODELS.open_store("memory:")
        Worker(decided, expected).catch_up()
        assert rows(projectors.store) == rows(expected)
        for projection in MODELS.projections.values():
            rebuild(log, projectors.store, projection)
        assert rows(projectors.store) == rows(expected)


def _has_nothing(projectors: Projectors, number: int) -> bool:
    return projectors.shares()[number] == 0


def _disturb(projectors: Projectors) -> None:
    draw = random.Random(2)
    projectors.start(0)
    projectors.until_shares(4)
    projectors.start(1)
    projectors.until_shares(2, 2)
    projectors.end(0, signal.SIGKILL)
    projectors.until_shares(4)
    projectors.start(2)
    projectors.start(3)
    projectors.until_shares(2, 1, 1)
    for _ in range(STOPS):
        time.sleep(draw.random() * 0.2)
        stopped = draw.choice((2, 3))
        projectors.tell(stopped, signal.SIGSTOP)
        try:
            if projectors.store.engine.dialect.name == "postgresql":
                projectors.until(partial(_has_nothing, projectors, stopped))
                projectors.until(lambda: sum(projectors.shares().values()) == 4)
            else:
                time.sleep(1.5 * LEASE_S)  # it may hold the file: then all wait for it
        finally:
            projectors.tell(stopped, signal.SIGCONT)
        projectors.until_shares(2, 1, 1)
    ended = f"-{projectors.running[1].pid}-"
    assert projectors.end(1) == 0
    assert not any(ended in member for member in projectors.store.members())
    projectors.until_shares(2, 2)
