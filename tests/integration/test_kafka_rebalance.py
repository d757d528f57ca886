"""Members come and go all the time while a long history is recovered: progress is never lost, and
recovery ends.

Each rebalance takes partitions out of the middle of their recovery. What was folded by then is
saved, and whoever has the partition next goes on from there.
"""

import random
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from log.backends.kafka import KafkaLog
from processors.core.snapshots import open_snapshots
from processors.core.workers import group
from processors.core.workers.embedded import Worker
from processors.core.workers.group import GroupWorker
from processors.core.workers.monitor import Monitor, Place
from processors.markets.exchange import SYSTEM
from tests.integration.kafka_workers import flow_of

PARTITIONS = SYSTEM.partitions
COMMANDS = 12_000
"""Of each partition."""
JOINS_AND_LEAVES = 50
INTERRUPTED = 10
"""Recoveries taken away in their middle, at least: else the test shows nothing."""
SESSION_S = 6.0
SLICE_BYTES = 10_000
TURN_S = 0.005
"""With these, a recovery takes some seconds, so that rebalances fall into it."""


class Seen(Monitor):
    """What the members tell, all of them together."""

    def __init__(self) -> None:
        self.begun = self.ended = 0
        """Recoveries: what is begun and not ended was taken away in its middle."""

    def turned(self) -> None:
        time.sleep(TURN_S)

    def assigned(self, place: Place) -> None:
        self.begun += 1

    def running(self, place: Place, recovery_s: float) -> None:
        self.ended += 1


class Member:
    """A worker in a thread of its own, on a log of its own."""

    def __init__(self, settings: dict[str, str], prefix: str, snapshots: Path, seen: Seen) -> None:
        self._log = KafkaLog(settings, prefix=prefix)
        self._stop = threading.Event()
        self.worker = GroupWorker(
            self._log,
            [SYSTEM],
            snapshots=snapshots,
            session_timeout_s=SESSION_S,
            monitor=seen,
        )
        self.failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.worker.run(stop=self._stop)
        except BaseException as error:
            self.failed = error

    def leave(self) -> None:
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()
        self.worker.close()
        self._log.close()
        if self.failed is not None:
            raise self.failed


@pytest.fixture
def history(kafka_log: KafkaLog) -> Iterator[KafkaLog]:
    """Decided long ago; no snapshot is left."""
    SYSTEM.ensure_topics(kafka_log)
    for number in range(PARTITIONS):
        records = list(islice(flow_of(number, PARTITIONS), COMMANDS))
        kafka_log.partition(SYSTEM.commands_topic, number).append(records)
    with Worker(kafka_log, [SYSTEM]) as worker:
        assert worker.run(until_idle=True) == COMMANDS * PARTITIONS
    yield kafka_log


def progress(log: KafkaLog, snapshots: Path) -> list[int]:
    """By partition, the sequence that the newest snapshot goes up to."""
    found = []
    for number in range(PARTITIONS):
        kept = open_snapshots(snapshots, SYSTEM, number, scope=log.scope)
        found.append(max(kept.sequences(), default=0))
    return found


def test_fifty_joins_and_leaves_during_recovery(
    history: KafkaLog, kafka_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("processors.core.recovery.READ_BYTES", SLICE_BYTES)
    monkeypatch.setattr(group, "SAVE_EVERY_S", 0.5)
    settings, snapshots, seen = {"bootstrap.servers": kafka_address}, tmp_path / "s", Seen()
    draw = random.Random(3)
    total = {
        number: history.partition(SYSTEM.events_topic, number).high_watermark
        for number in range(PARTITIONS)
    }
    members: list[Member] = []
    before = [0] * PARTITIONS
    try:
        for _ in range(JOINS_AND_LEAVES):
            if len(members) > 1 and draw.random() < 0.5:
                members.pop(draw.randrange(len(members))).leave()
            else:
                members.append(Member(settings, history.prefix, snapshots, seen))
            time.sleep(0.05)
            now = progress(history, snapshots)
            assert all(new >= old for new, old in zip(now, before, strict=True)), (before, now)
            before = now
        deadline_s = time.monotonic() + 60
        while not all(member.worker.is_settled for member in members):
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
    finally:
        for member in members:
            member.leave()
    assert seen.begun - seen.ended >= INTERRUPTED
    after = progress(history, snapshots)
    assert all(COMMANDS < sequence <= total[number] for number, sequence in enumerate(after))
