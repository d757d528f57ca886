"""One command history of the exchange on every log, by every worker: the same events.

The same causes, sequences, keys, timestamps and bytes of values; only the offsets of events are
each log's own. Commands are appended as they were recorded, so that theirs are the same, too.
"""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from itertools import islice
from pathlib import Path

import pytest

from log.backends.file import FileLog
from log.backends.kafka import KafkaLog
from log.backends.memory import MemoryLog
from log.interface import Log
from log.record import Record
from processors.core.workers.embedded import Worker
from processors.core.workers.group import GroupWorker
from processors.markets.exchange import SYSTEM
from tests.integration.kafka_workers import flow_of, told

COMMANDS = int(os.environ.get("REFOLD_TEST_SAME_COMMANDS", "200000"))
PARTITIONS = SYSTEM.partitions
BATCH = 5_000
FAUST_DEADLINE_S = 240.0


@cache
def recorded(number: int) -> list[Record]:
    """The commands of a partition."""
    return list(islice(flow_of(number, PARTITIONS), COMMANDS // PARTITIONS))


def append_all(log: Log) -> None:
    SYSTEM.ensure_topics(log)
    for number in range(PARTITIONS):
        partition, records = log.partition(SYSTEM.commands_topic, number), recorded(number)
        for at in range(0, len(records), BATCH):
            partition.append(records[at : at + BATCH])


def digests(log: Log) -> list[tuple[int, str]]:
    """By partition, how many events, and a hash of every key, timestamp and value."""
    found = []
    for number in range(PARTITIONS):
        hashed, events = hashlib.sha256(), told(log, SYSTEM.events_topic, number)
        for timestamp, key, value in events:
            hashed.update(b"%d %b %b\n" % (timestamp, key or b"", value or b""))
        found.append((len(events), hashed.hexdigest()))
    return found


@cache
def in_memory() -> list[tuple[int, str]]:
    log = MemoryLog()
    append_all(log)
    with Worker(log, [SYSTEM]) as worker:
        assert worker.run(until_idle=True) == COMMANDS
    found = digests(log)
    assert min(count for count, _ in found) > COMMANDS // PARTITIONS
    return found


def test_a_file_log(tmp_path: Path) -> None:
    with FileLog(tmp_path / "log") as log:
        append_all(log)
        with Worker(log, [SYSTEM]) as worker:
            assert worker.run(until_idle=True) == COMMANDS
        assert digests(log) == in_memory()


def test_kafka(kafka_log: KafkaLog, kafka_address: str) -> None:
    append_all(kafka_log)
    settings, prefix = {"bootstrap.servers": kafka_address}, kafka_log.prefix
    with (
        KafkaLog(settings, prefix=prefix) as log,
        GroupWorker(log, [SYSTEM], session_timeout_s=6.0) as worker,
    ):
        assert worker.run(until_idle=True) == COMMANDS
    assert digests(kafka_log) == in_memory()


def faust(url: str, folder: Path) -> "subprocess.Popen[bytes]":
    """`faust worker`, as a user starts it."""
    command: Sequence[str] = ("-A", "gateway.faust_app:exchange", "worker", "-l", "info")
    return subprocess.Popen(
        [sys.executable, "-m", "faust", *command, "--without-web"],
        cwd=folder,
        env={**os.environ, "REFOLD_LOG": url, "PYTHONPATH": os.getcwd()},
        stdout=(folder / "faust.log").open("wb"),
        stderr=subprocess.STDOUT,
    )


def wait_for(holds: Callable[[], bool], process: "subprocess.Popen[bytes]", said: Path) -> None:
    deadline_s = time.monotonic() + FAUST_DEADLINE_S
    while not holds():
        assert process.poll() is None, said.read_text()[-4000:]
        assert time.monotonic() < deadline_s, said.read_text()[-4000:]
        time.sleep(0.2)


@pytest.mark.filterwarnings("ignore:unclosed file")
def test_faust(kafka_log: KafkaLog, kafka_address: str, tmp_path: Path) -> None:
    """Nobody kills it here, so that nothing stands on the log twice."""
    append_all(kafka_log)
    expected = in_memory()
    events = [kafka_log.partition(SYSTEM.events_topic, number) for number in range(PARTITIONS)]
    process = faust(f"kafka://{kafka_address}/{kafka_log.prefix.rstrip('.')}", tmp_path)
    try:
        wait_for(
            lambda: all(
                events[number].high_watermark >= count
                for number, (count, _) in enumerate(expected)
            ),
            process,
            tmp_path / "faust.log",
        )
    finally:
        process.terminate()
        process.wait(30)
    assert digests(kafka_log) == expected
