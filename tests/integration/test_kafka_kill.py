"""kill -9 of real workers on a real broker, and of the broker: nothing lost, nothing doubled.

Commands keep coming while two workers on four partitions are killed and started again, one is
stopped past its session and continued, and the broker dies and comes back. In the end the events
are those of the same commands decided in memory, and the read models in PostgreSQL that followed
throughout are those of a rebuild.
"""

import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.cli.projecting import commands_waiting
from log.backends.kafka import KafkaLog
from log.backends.memory import MemoryLog
from processors.core.registry import load_system
from processors.core.testing.subject import told as told_by
from processors.markets.exchange import SYSTEM
from projections.core.read_models import read_models
from projections.core.rebuild import rebuild
from projections.core.testing import rows
from projections.core.worker import Worker
from tests.contract.logs import a_partition, values_of
from tests.integration.brokers import Broker
from tests.integration.kafka_workers import (
    SESSION_S,
    Flow,
    Process,
    Processes,
    decided_in_memory,
    ends,
    told,
    until,
)

KILLS = int(os.environ.get("REFOLD_TEST_KILLS", "8"))
PREFIX = "kill."
PARTITIONS = SYSTEM.partitions
APPEND, APPEND_EVERY_S = 10, 0.02
"""Commands a partition, small and often: a worker is nearly always in the middle of some."""
STOPPED_S = 20.0
"""How long a worker may take to end while its broker is away."""
VISIBLE_S = 5.0
"""How long it may take from the opening of a successor to its first event that readers see."""
LIVES_S = 0.3
"""How long, at most, everything runs well between two kills."""


class Scene:
    """Two workers, and what befalls them."""

    def __init__(
        self, log: KafkaLog, broker: Broker, processes: Processes, draw: random.Random
    ) -> None:
        self._log, self._broker, self._processes, self._draw = log, broker, processes, draw
        self._spares: list[Process] = []
        """Ready to begin: what takes a process long to import is imported."""
        self.workers: list[Process] = []
        self.away_s: list[float] = []
        """After kills, how long until every partition got on."""
        self._begin(2)

    def _begin(self, count: int) -> None:
        while len(self._spares) < count + 2:
            standby = self._draw.choice(("true", "false"))
            self._spares.append(self._processes.worker(standby=standby))
        for _ in range(count):
            worker = self._spares.pop(0)
            worker.go()
            self.workers.append(worker)

    def until_all_get_on(self) -> None:
        before = ends(self._log, SYSTEM.events_topic, PARTITIONS)

        def all_get_on() -> bool:
            now = ends(self._log, SYSTEM.events_topic, PARTITIONS)
            return all(now[number] > before[number] for number in before)

        until(all_get_on, "progress on every partition", *self.workers)

    def kill(self, count: int) -> None:
        """At least so many: one of the two, or both shortly after each other."""
        while count > 0:
            at_once = self._draw.randrange(1, 3)
            for _ in range(at_once):
                time.sleep(self._draw.random() * LIVES_S)
                self.workers.pop(self._draw.randrange(len(self.workers))).kill()
                killed_s = time.monotonic()
            self._begin(at_once)
            self.until_all_get_on()
            self.away_s.append(time.monotonic() - killed_s)
            count -= at_once

    def stop_a_worker_past_its_session(self) -> None:
        until(lambda: any(each.holds for each in self.workers), "one has some", *self.workers)
        stopped = next(each for each in self.workers if each.holds)
        stopped.pause()
        self.workers.remove(stopped)
        self.until_all_get_on()
        already_said = len(stopped.said)
        stopped.resume()
        self.workers.append(stopped)
        until(lambda: "assigned" in stopped.said[already_said:], "it joins again", *self.workers)
        said = stopped.said[already_said:]
        assert re.search("released|a successor has taken over", said), said
        assert "CRITICAL" not in said

    def kill_the_broker(self) -> None:
        self._broker.kill()
        self._broker.start()
        self.until_all_get_on()

    def restart_the_broker(self) -> None:
        self._broker.stop()
        self._broker.start()
        self.until_all_get_on()

    def pause_the_broker(self) -> None:
        self._broker.pause()
        time.sleep(2 * SESSION_S)
        self._broker.resume()
        self.until_all_get_on()


@pytest.fixture
def log(broker: Broker) -> Iterator[KafkaLog]:
    with KafkaLog({"bootstrap.servers": broker.start()}, prefix=PREFIX) as opened:
        yield opened


@pytest.fixture
def processes(tmp_path: Path, broker: Broker, log: KafkaLog) -> Iterator[Processes]:
    started = Processes(tmp_path, f"kafka://{broker.address}/{PREFIX}")
    yield started
    started.close()


def test_nothing_is_lost_and_nothing_doubled(
    log: KafkaLog,
    broker: Broker,
    processes: Processes,
    postgresql_database: str,
    record_property: Callable[[str, object], None],
) -> None:
    SYSTEM.ensure_topics(log)
    flow = Flow(log, PARTITIONS, APPEND, APPEND_EVERY_S)
    flow.append(1)
    projector = processes.start("project", "exchange", projections_url=postgresql_database)
    projector.go()
    scene = Scene(log, broker, processes, random.Random(5))
    flow.start()
    try:
        scene.until_all_get_on()
        for more_harm in (
            scene.kill_the_broker,
            scene.stop_a_worker_past_its_session,
            scene.restart_the_broker,
            scene.pause_the_broker,
        ):
            scene.kill(KILLS // 5)
            more_harm()
        scene.kill(KILLS - 4 * (KILLS // 5))
    finally:
        flow.end()
    until(lambda: commands_waiting(log, SYSTEM) == 0, "all is decided", *scene.workers)
    whole = decided_in_memory(flow.appended)
    for number, (commands, events) in enumerate(
        zip(flow.appended, told_by(whole, SYSTEM), strict=True)
    ):
        assert told(log, SYSTEM.commands_topic, number) == commands
        assert told(log, SYSTEM.events_topic, number) == events
    _check_read_models(log, whole, postgresql_database, projector)

    broker.kill()
    began_s = time.monotonic()
    for worker in scene.workers:
        worker.stop()
    for worker in scene.workers:
        assert worker.wait() in (0, 3), "3: it could not ask how far all is decided"
    assert time.monotonic() - began_s < STOPPED_S
    record_property("away_s", sorted(scene.away_s))


LEFT_OPEN = """
import sys, time
from log.backends.kafka import KafkaLog
log = KafkaLog({"bootstrap.servers": sys.argv[1]}, prefix=sys.argv[2])
batch = log.open_writer("orders", 0).new_batch()
for number in range(20_000):
    batch.append(number, 1, b"key", b"begun", [])
time.sleep(600)
"""


def test_what_a_killed_writer_left_open_holds_nobody_up(
    kafka_log: KafkaLog, kafka_address: str, record_property: Callable[[str, object], None]
) -> None:
    """Until it times out, after a minute, nobody would see what comes after it."""
    partition = a_partition(kafka_log)
    killed = subprocess.Popen([sys.executable, "-c", LEFT_OPEN, kafka_address, kafka_log.prefix])
    until(lambda: partition.log_end > 0, "it is in the middle of a transaction")
    killed.kill()
    killed.wait()
    assert partition.high_watermark == 0
    began_s = time.monotonic()
    successor = kafka_log.open_writer("orders", 0)
    batch = successor.new_batch()
    batch.append(0, 1, b"key", b"the successor's", [])
    successor.append_batch(batch)
    assert values_of(partition) == [b"the successor's"]
    visible_s = time.monotonic() - began_s
    record_property("visible_s", visible_s)
    assert visible_s < VISIBLE_S


def _check_read_models(log: KafkaLog, whole: MemoryLog, url: str, projector: Process) -> None:
    """Those in PostgreSQL, as they came to be."""
    models = read_models(load_system("processors.markets.exchange"))
    store, in_memory = models.open_store(url, log.prefix), models.open_store("memory:")
    Worker(whole, in_memory).catch_up()
    until(Worker(log, store).has_applied, "read models follow", projector)
    projector.stop()
    assert projector.wait() == 0
    followed = rows(store)
    assert followed == rows(in_memory)
    for projection in models.projections.values():
        rebuild(log, store, projection)
    assert rows(store) == followed
    store.close()
