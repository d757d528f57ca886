"""Three systems in a row and round again, under kill -9: each command reaches the end once.

Every pass that is started leads to a known number of passes in each system; what a reactor lost or
did twice would show in the counts for ever, as each pass that comes too often is counted, too.
"""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from log.backends.file import FileLog
from log.backends.kafka import KafkaLog
from log.interface import Log
from processors.core.appender import Appender
from processors.core.testing.subject import decide_all
from processors.core.workers.embedded import Worker
from processors.core.workers.group import GroupWorker
from tests.integration.brokers import Broker
from tests.integration.kafka_workers import ROOT, SESSION_S, until
from tests.samples.relay import START, SYSTEMS, expected, flow, told

KILLS = int(os.environ.get("REFOLD_TEST_KILLS", "6"))
PREFIX = "relay."
AT_ONCE = 40
LIVES_S = 0.6
"""How long, at most, a worker lives after it is seen to work."""


class Workers:
    """Processes on one log."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._said = folder / "said.log"
        self._arguments = arguments
        self.all: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.integration.relay_worker", *self._arguments]
        with self._said.open("ab") as said:
            self.all.append(subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said))

    def kill(self) -> None:
        """kill -9 the oldest."""
        process = self.all.pop(0)
        assert process.poll() is None, self._said.read_text()[-4000:]
        process.kill()
        process.wait()

    def close(self) -> None:
        for process in self.all:
            process.kill()
            process.wait()


@pytest.fixture
def folder_workers(tmp_path: Path) -> Iterator[Workers]:
    workers = Workers(tmp_path, str(tmp_path / "log"))
    yield workers
    workers.close()


def events(log: Log) -> int:
    return sum(
        log.partition(system.events_topic, number).high_watermark
        for system in SYSTEMS
        for number in range(system.partitions)
    )


def keep_starting(log: Log) -> Iterator[Counter[str]]:
    """Each time that it is asked: some more passes. Yields how many of each runner so far."""
    appender, started, passes = Appender(log, START), Counter[str](), flow(0)
    while True:
        for at, command in islice(passes, AT_ONCE):
            appender.add(command, at)
            started[command.runner] += 1
        appender.flush()
        yield started


def kill_again_and_again(log: Log, workers: Workers, at_work: int) -> Counter[str]:
    """Of `at_work` workers, kill one after the other while passes are started; how many were."""
    starts, draw = keep_starting(log), random.Random(5)
    for _ in range(at_work):
        workers.start()
    for _ in range(KILLS):
        started = next(starts)
        before = events(log)
        until(lambda: events(log) > before, "a worker works")  # noqa: B023
        time.sleep(draw.random() * LIVES_S)
        started = next(starts)
        workers.kill()
        workers.start()
    return started


def test_on_a_file_log(tmp_path: Path, folder_workers: Workers) -> None:
    with FileLog(tmp_path / "log") as log:
        for system in SYSTEMS:
            system.ensure_topics(log)
        started = kill_again_and_again(log, folder_workers, at_work=1)
        folder_workers.close()
        with Worker(log, SYSTEMS) as worker:
            worker.run(until_idle=True)
            assert told(worker.tasks) == expected(started)


def test_on_kafka(tmp_path: Path, broker: Broker) -> None:
    broker.start()
    workers = Workers(tmp_path, broker.address, PREFIX)
    with KafkaLog({"bootstrap.servers": broker.address}, prefix=PREFIX) as log:
        try:
            for system in SYSTEMS:
                system.ensure_topics(log)
            started = kill_again_and_again(log, workers, at_work=2)
        finally:
            workers.close()
        with GroupWorker(log, SYSTEMS, session_timeout_s=SESSION_S) as worker:
            worker.run(until_idle=True)
        assert told_by(log) == expected(started)


def told_by(log: Log) -> dict[str, dict[str, int]]:
    """The counts, folded from the log."""
    found: dict[str, dict[str, int]] = {}
    for system in SYSTEMS:
        for fold in decide_all(log, system):
            name = system.name.partition(".")[2]
            state: Any = fold.state
            found.setdefault(name, {}).update(state.by_runner)
    return found
