"""kill -9 of real Faust workers at random moments: nothing lost, and nothing doubled for readers.

Commands keep coming while two workers share four partitions, and one or the other is killed and
started again. Without a fence some events may stand on the log twice; what readers take, the first
of each sequence, is compared byte for byte with an uninterrupted run.
"""

import random
import signal
import threading
import time
from itertools import islice
from pathlib import Path

import pytest

from log.backends.kafka import KafkaLog
from log.backends.memory import MemoryLog
from log.interface import Log
from log.record import Record, StoredRecord
from processors.core.task import Task
from processors.markets.exchange import SYSTEM
from replay.verify import verify
from tests.integration.faust_process import FaustProcess

KILLS = 10
APPEND, EVERY_S = 10, 0.05
"""Commands an append, and how often: so that a worker is nearly always at work on some."""
BACKLOG = 12_000
"""More than Faust delivers while one looks."""
WITHIN_S = 90.0
SETTINGS = {
    "REFOLD_SESSION_TIMEOUT_S": "6",  # the least that brokers take by default
    "REFOLD_SNAPSHOT_EVERY_COMMANDS": "500",
}

Told = tuple[bytes | None, int, bytes | None]


def records(log: Log, topic: str, number: int) -> list[StoredRecord]:
    partition = log.partition(topic, number)
    found: list[StoredRecord] = []
    offset, end = partition.log_start, partition.high_watermark
    while offset < end and (batches := partition.read(offset)):
        offset = batches[-1].last_offset + 1
        found += [record for batch in batches for record in batch]
    return found


def told(log: Log, number: int) -> tuple[list[Told], int]:
    """The events as readers take them, and how many more there are that tell the same again."""
    decode = SYSTEM.event_codec(log.topics()[SYSTEM.events_topic]).decode
    found: list[Told] = []
    again = 0
    for record in records(log, SYSTEM.events_topic, number):
        one = (record.key, record.timestamp, record.value)
        sequence = decode(record.value or b"").sequence
        assert sequence <= len(found), "an event is missing"
        if sequence == len(found):
            found.append(one)
        else:
            assert found[sequence] == one, "an event is told in two ways"
            again += 1
    return found, again


class Commands:
    """Appends a flow of commands."""

    def __init__(self, log: Log, partitions: int) -> None:
        self._log = log
        self._partitions = partitions
        self._encode = SYSTEM.command_codec(log.topics()[SYSTEM.commands_topic]).encode
        self._flow = SYSTEM.flow(11)

    def append(self, count: int) -> None:
        batches: dict[int, list[Record]] = {}
        for at, command in islice(self._flow, count):
            key, numbers = SYSTEM.placed(command, self._partitions)
            for number in numbers:
                batches.setdefault(number, []).append(Record(self._encode(command), key, at))
        for number, batch in batches.items():
            self._log.partition(SYSTEM.commands_topic, number).append(batch)

    def keep_appending(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.append(APPEND)
            time.sleep(EVERY_S)


def decided_without_interruption(log: Log, number: int, last: bytes | None) -> list[Told]:
    """The same commands, up to that of the last event, decided by a task that nobody kills. What
    comes after it are ticks that the workers append."""
    whole = MemoryLog()
    SYSTEM.ensure_topics(whole)
    until = SYSTEM.event_codec(log.topics()[SYSTEM.events_topic]).decode(last or b"").cause
    commands = [
        Record(record.value, record.key, record.timestamp)
        for record in records(log, SYSTEM.commands_topic, number)
        if record.offset <= until
    ]
    whole.partition(SYSTEM.commands_topic, number).append(commands)
    task = Task(whole, SYSTEM, number)
    while task.step():
        pass
    return [(r.key, r.timestamp, r.value) for r in records(whole, SYSTEM.events_topic, number)]


def ends(log: Log, partitions: int) -> int:
    return sum(log.partition(SYSTEM.events_topic, n).high_watermark for n in range(partitions))


def wait_for_progress(log: Log, partitions: int) -> None:
    before, deadline_s = ends(log, partitions), time.monotonic() + WITHIN_S
    while ends(log, partitions) == before:
        assert time.monotonic() < deadline_s, "the workers decide nothing"
        time.sleep(0.001)


def wait_until_decided(log: Log, partitions: int) -> None:
    decode = SYSTEM.event_codec(log.topics()[SYSTEM.events_topic]).decode
    deadline_s = time.monotonic() + WITHIN_S
    for number in range(partitions):
        last = log.partition(SYSTEM.commands_topic, number).high_watermark - 1
        events, offset, decided = log.partition(SYSTEM.events_topic, number), 0, -1
        while decided < last:
            assert time.monotonic() < deadline_s, f"partition {number} stands still"
            if not events.wait(offset, 0.1):
                continue
            for batch in events.read(offset):
                offset = batch.last_offset + 1
                for record in batch:
                    decided = max(decided, decode(record.value or b"").cause)


def check_history(log: Log, partitions: int) -> int:
    """It is what an uninterrupted run gives; returns how many events are told again."""
    repeated = 0
    for number in range(partitions):
        found, again = told(log, number)
        assert found == decided_without_interruption(log, number, found[-1][2])
        assert verify(log, SYSTEM, number).difference is None
        repeated += again
    return repeated


@pytest.fixture
def url(kafka_address: str, kafka_prefix: str) -> str:
    return f"kafka://{kafka_address}/{kafka_prefix}"


def test_workers_killed_ten_times_lose_and_double_nothing(
    kafka_log: KafkaLog, url: str, tmp_path: Path
) -> None:
    draw = random.Random(3)
    stop = threading.Event()
    partitions = SYSTEM.ensure_topics(kafka_log)
    commands = Commands(kafka_log, partitions)
    appender = threading.Thread(target=commands.keep_appending, args=(stop,))
    appender.start()
    workers = [
        # One that comes back under its name has its partitions back at once: no rebalance.
        FaustProcess("exchange", url, tmp_path / name, CONSUMER_GROUP_INSTANCE_ID=name, **SETTINGS)
        for name in ("one", "other")
    ]
    try:
        for kill in range(KILLS):
            worker = workers[kill % 2]
            worker.wait_until("recovered in")
            wait_for_progress(kafka_log, partitions)
            time.sleep(draw.random() * 0.3)
            worker.kill()
            worker.start()
        stop.set()
        wait_until_decided(kafka_log, partitions)
        for worker in workers:
            worker.stop()
    finally:
        stop.set()
        appender.join()
        for worker in workers:
            worker.kill()
    repeated = check_history(kafka_log, partitions)
    print(f"{KILLS} kills, {ends(kafka_log, partitions)} events, {repeated} of them told again")


def test_a_worker_that_wakes_up_long_after_its_session(
    kafka_log: KafkaLog, url: str, tmp_path: Path
) -> None:
    partitions = SYSTEM.ensure_topics(kafka_log)
    commands = Commands(kafka_log, partitions)
    commands.append(BACKLOG)
    late = FaustProcess("exchange", url, tmp_path / "late", **SETTINGS)
    workers = [late]
    try:
        wait_for_progress(kafka_log, partitions)
        time.sleep(0.2)  # it is in the middle of it: what it was about to append comes late
        late.send(signal.SIGSTOP)
        workers.append(FaustProcess("exchange", url, tmp_path / "successor", **SETTINGS))
        wait_until_decided(kafka_log, partitions)
        commands.append(500)
        wait_until_decided(kafka_log, partitions)
        late.send(signal.SIGCONT)
        late.wait_until("released")
        commands.append(500)
        wait_until_decided(kafka_log, partitions)
        for worker in workers:
            worker.stop()
    finally:
        for worker in workers:
            worker.kill()
    repeated = check_history(kafka_log, partitions)
    print(f"a late worker: {ends(kafka_log, partitions)} events, {repeated} of them told again")
