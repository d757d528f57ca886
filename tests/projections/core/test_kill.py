"""kill -9 of real worker and rebuild processes at random moments: nothing lost, nothing doubled.

The read models in the SQLite file are compared with those of an uninterrupted run in memory.
"""

import multiprocessing
import random
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from log.backends.file import FileLog
from log.backends.memory import MemoryLog
from log.record import Record
from log.topic import Durability, TopicConfig
from processors.core.testing.subject import ONE_COMMAND, decide_all, flow_records, memory_log
from processors.markets.exchange import SYSTEM
from projections.core.read_models import default_url
from projections.core.rebuild import rebuild
from projections.core.testing import rows
from projections.core.worker import Worker
from tests.projections.core import killed_process
from tests.projections.core.garage import let_time_pass
from tests.projections.core.killed_process import MODELS, follow, rebuild_forever

KILLS = 20
COMMANDS = 6_000
LONGEST_LIFE_S = 0.25

Target = Callable[[Path, str, Connection], None]


@pytest.fixture
def processes() -> multiprocessing.context.ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([killed_process.__name__])
    return context


def decided() -> MemoryLog:
    log = memory_log(SYSTEM, flow_records(SYSTEM, 5, COMMANDS))
    decide_all(log, SYSTEM, ONE_COMMAND)
    return log


def copy_events(source: MemoryLog, folder: Path) -> None:
    """The events topic as files: a batch a command, as decided."""
    unflushed: Durability = "loses_unflushed_on_power_failure"
    config = TopicConfig(partitions=SYSTEM.partitions, durability=unflushed)
    with FileLog(folder) as log:
        log.ensure_topic(SYSTEM.commands_topic, config)
        log.ensure_topic(SYSTEM.events_topic, config)
        for number in range(SYSTEM.partitions):
            target = log.partition(SYSTEM.events_topic, number)
            for batch in source.partition(SYSTEM.events_topic, number).read(0, 1 << 30):
                target.append([Record(it.value, it.key, it.timestamp) for it in batch])


def killed_after(
    context: multiprocessing.context.ForkServerContext,
    target: Target,
    folder: Path,
    url: str,
    life_s: float,
) -> None:
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=target, args=(folder, url, there))
    process.start()
    there.close()
    assert here.recv(), "the process did not start"
    time.sleep(life_s)
    assert process.is_alive(), "the process ended by itself"
    process.kill()
    process.join()
    process.close()
    here.close()


def test_kill(processes: multiprocessing.context.ForkServerContext, tmp_path: Path) -> None:
    log = decided()
    copy_events(log, tmp_path)
    url = default_url(tmp_path, SYSTEM)
    draw = random.Random(1)
    store = MODELS.open_store(url)
    seen: set[int] = set()
    for number in range(KILLS):
        target = rebuild_forever if number % 3 == 2 else follow
        killed_after(processes, target, tmp_path, url, draw.random() * LONGEST_LIFE_S)
        let_time_pass(store)
        for projection in store.catalog.projections.values():
            status = store.status(projection)
            if status is not None:
                seen.add(sum(mark.next_sequence for mark in status.watermarks.values()))
    assert len(seen) > KILLS / 3, f"hardly any process got anywhere: {sorted(seen)}"

    expected = MODELS.open_store("memory:")
    Worker(log, expected).catch_up()
    with FileLog(tmp_path) as files:
        Worker(files, store).catch_up()
        assert rows(store) == rows(expected)
        for projection in store.catalog.projections.values():
            rebuild(files, store, projection)
        assert rows(store) == rows(expected)
    store.close()
