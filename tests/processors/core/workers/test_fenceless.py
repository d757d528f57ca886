"""Writers without a fence: two at once, one that wakes up late, one that dies within a command.

What readers take from the log is what one task alone would have written, byte for byte.
"""

import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from log.backends.kafka import KafkaLog
from log.backends.kafka.partition import KafkaPartition
from log.backends.memory import MemoryLog
from log.errors import InvalidRecord, LogRefused, LogUnavailable, PartitionFenced
from log.interface import Log, Partition, nothing
from log.record import BatchBuilder
from log.topic import TopicConfig
from processors.core.recovery import Recovery
from processors.core.snapshots import SnapshotFolder
from processors.core.task import Task
from processors.core.workers.faust_settings import client_settings
from processors.core.workers.fenceless import FencelessWriter, KafkaSender, Loop
from replay.verify import verify
from tests.integration.brokers import Broker, SecuredBroker, TlsBroker
from tests.processors.core.without_fence import MemorySender, WithoutFence, records_of
from tests.replay.recording import PARKING, append, run
from tests.samples.parking import flow

COMMANDS = 300

Told = list[tuple[bytes | None, int | None, bytes | None]]


def a_log(commands: int = COMMANDS) -> MemoryLog:
    log = MemoryLog()
    append(log, *islice(flow(8), commands))
    return log


def decided_alone(commands: int = COMMANDS) -> Told:
    log = a_log(commands)
    run(log)
    return [(r.key, r.timestamp, r.value) for r in records_of(log, PARKING.events_topic)]


def told(log: Log) -> Told:
    """The events as readers take them: the first of each sequence. Fails where one is missing."""
    codec = PARKING.event_codec(log.topics()[PARKING.events_topic])
    found: Told = []
    for record in records_of(log, PARKING.events_topic):
        sequence = codec.decode(record.value or b"").sequence
        assert sequence <= len(found), "a hole"
        if sequence == len(found):
            found.append((record.key, record.timestamp, record.value))
        else:
            assert found[sequence] == (record.key, record.timestamp, record.value)
    return found


def raw_events(log: Log) -> int:
    return log.partition(PARKING.events_topic, 0).high_watermark


class Worker:
    """A task that is opened anew where another has come further, as a worker does."""

    def __init__(self, log: MemoryLog, snapshots: SnapshotFolder | None = None) -> None:
        self._log = WithoutFence(log)
        self._snapshots = snapshots
        self.task = self._open()
        self.fenced = 0

    def _open(self) -> Task:
        return Task(self._log, PARKING, 0, self._snapshots)

    def step(self, max_bytes: int) -> int:
        try:
            return self.task.step(max_bytes)
        except PartitionFenced:
            self.fenced += 1
            self.task.close()
            self.task = self._open()
            return 1


@pytest.mark.parametrize("seed", range(15))
def test_workers_side_by_side_tell_what_one_would(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    log = a_log()
    shared = SnapshotFolder(tmp_path, PARKING, 0)
    workers = [Worker(log, shared) for _ in range(3)]
    idle = 0
    while idle < 10:
        worker = draw.choice(workers)
        idle = 0 if worker.step(draw.choice([1, 300, 3000])) else idle + 1
        if draw.random() < 0.2:
            worker.task.save_snapshot()
        if draw.random() < 0.05:
            recovery = worker.task.close()
            worker.task = Task(WithoutFence(log), PARKING, 0, shared, recovery=recovery)
    for worker in workers:
        while worker.step(1 << 20):
            pass
    alone = decided_alone()
    assert told(log) == alone
    assert raw_events(log) > len(alone)
    assert any(worker.fenced for worker in workers)
    assert verify(log, PARKING, 0).difference is None
    assert verify(log, PARKING, 0, snapshots=shared).commands_compared == COMMANDS


class StoppedSender(MemorySender):
    """Is stopped between deciding and appending, once."""

    def __init__(self, partition: Partition, before: Callable[[], None]) -> None:
        super().__init__(partition)
        self._before = before

    def append(self, batch: BatchBuilder) -> Sequence[int]:
        before, self._before = self._before, nothing
        before()
        return super().append(batch)


class Stopped(WithoutFence):
    """A log for a task that is stopped in its first append, until `before` is done."""

    def __init__(self, log: MemoryLog, before: Callable[[], None]) -> None:
        super().__init__(log)
        self._before = before

    def open_writer(self, topic: str, number: int) -> FencelessWriter:
        partition = self.partition(topic, number)
        return FencelessWriter(partition, StoppedSender(partition, self._before))


def test_a_worker_that_wakes_up_after_its_successor(tmp_path: Path) -> None:
    log = a_log()
    successor: list[Task] = []

    def decide_most() -> None:
        successor.append(Task(WithoutFence(log), PARKING, 0))
        for _ in range(30):
            successor[0].step(100)

    snapshots = SnapshotFolder(tmp_path, PARKING, 0)
    late = Task(Stopped(log, decide_most), PARKING, 0, snapshots)
    with pytest.raises(PartitionFenced, match="another worker has decided this partition up to"):
        late.step(1000)
    late.save_snapshot()
    assert snapshots.sequences() == []  # it would leave out what the other has decided
    assert late.close() is None
    while successor[0].step():
        pass  # what was repeated meanwhile does not disturb it
    assert told(log) == decided_alone()
    assert raw_events(log) > len(decided_alone())


def cut_within_a_command(log: MemoryLog) -> MemoryLog:
    """The same, up to the first event of the last command that has several."""
    codec = PARKING.event_codec(log.topics()[PARKING.events_topic])
    records = records_of(log, PARKING.events_topic)
    events = [codec.decode(record.value or b"") for record in records]
    end = max(at for at, event in enumerate(events) if event.cause_index)
    cut = a_log()
    cut.partition(PARKING.events_topic, 0).append(records[:end])
    return cut


def test_a_command_cut_short_is_completed(tmp_path: Path) -> None:
    log = a_log()
    run(log)
    cut = cut_within_a_command(log)
    before = raw_events(cut)
    snapshots = SnapshotFolder(tmp_path, PARKING, 0)
    task = Task(WithoutFence(cut), PARKING, 0, snapshots)
    assert not task.is_recovering
    while task.step():
        pass
    assert told(cut) == decided_alone()
    assert raw_events(cut) > len(decided_alone()) > before
    task.save_snapshot()
    assert Task(WithoutFence(cut), PARKING, 0, snapshots).step() == 0
    assert verify(cut, PARKING, 0).difference is None


def test_two_complete_the_same_command(tmp_path: Path) -> None:
    """One of them leaves again, and the other's end of the command comes late."""
    log = a_log()
    run(log)
    cut = cut_within_a_command(log)
    snapshots = SnapshotFolder(tmp_path, PARKING, 0)
    first = Task(WithoutFence(cut), PARKING, 0, snapshots)
    first.save_snapshot()
    standby = first.close()
    assert standby is not None
    rest = records_of(log, PARKING.events_topic)[raw_events(cut) :]
    cut.partition(PARKING.events_topic, 0).append(rest)  # the writer was not dead after all
    for recovery in (standby, Recovery(cut, PARKING, 0, snapshots)):
        while recovery.advance():
            pass
        assert recovery.fold.last_cause == COMMANDS - 1
    assert told(cut) == decided_alone()


class Forgetful(MemorySender):
    """Appends, and half the time says that it does not know whether it did."""

    def __init__(self, partition: Partition) -> None:
        super().__init__(partition)
        self._draw = random.Random(4)

    def append(self, batch: BatchBuilder) -> Sequence[int]:
        offsets = super().append(batch)
        if self._draw.random() < 0.5:
            raise LogUnavailable("no answer in time")
        return offsets


def test_an_append_whose_outcome_is_not_known() -> None:
    log = a_log()

    class Log(WithoutFence):
        def open_writer(self, topic: str, number: int) -> FencelessWriter:
            partition = self.partition(topic, number)
            return FencelessWriter(partition, Forgetful(partition))

    task = Task(Log(log), PARKING, 0)
    unknown = 0
    while task.lag:
        try:
            task.step(500)
        except LogUnavailable:
            unknown += 1
    assert unknown > 5
    assert told(log) == decided_alone()
    assert raw_events(log) == len(decided_alone())  # what is there is folded, not told again


class OnKafka:
    """`TaskLog` on a cluster, whose writers keep nobody out; one partition."""

    def __init__(self, log: KafkaLog, settings: Mapping[str, Any]) -> None:
        self.log = log
        self._loop = Loop()
        self._settings = settings

    def partition(self, topic: str, number: int) -> KafkaPartition:
        return self.log.partition(topic, number)

    def sender(self, topic: str) -> KafkaSender:
        return KafkaSender(self.log, self.log.partition(topic, 0), self._loop, self._settings)

    def open_writer(self, topic: str, number: int) -> FencelessWriter:
        return FencelessWriter(self.log.partition(topic, number), self.sender(topic))

    def close(self) -> None:
        self._loop.close()


@pytest.fixture
def on_kafka(kafka_log: KafkaLog, kafka_address: str) -> Iterator[OnKafka]:
    log = OnKafka(kafka_log, {"bootstrap_servers": kafka_address})
    yield log
    log.close()


def rows(partition: KafkaPartition, count: int, size: int) -> BatchBuilder:
    batch = partition.new_batch()
    for number in range(count):
        batch.append(number, 5, b"key", b"%d " % number + b"x" * size, [("name", b"value")])
    return batch


def test_a_batch_goes_out_whole_as_far_as_the_topic_takes_it(on_kafka: OnKafka) -> None:
    on_kafka.log.create_topic("events", TopicConfig(max_message_bytes=100_000))
    partition = on_kafka.partition("events", 0)
    sender = on_kafka.sender("events")
    assert list(sender.append(partition.new_batch())) == []
    for base, count in ((0, 90), (90, 450)):  # the broker refuses a batch over 100,000 bytes
        offsets = sender.append(rows(partition, count, 1000))
        assert list(offsets) == list(range(base, base + count))
    found = [record for batch in partition.read(90) for record in batch]
    assert [(r.value or b"").split(b" ")[0] for r in found] == [b"%d" % n for n in range(450)]
    assert (found[0].key, found[0].timestamp) == (b"key", 5)
    assert list(found[0].headers) == [("name", b"value")]
    with pytest.raises(InvalidRecord, match="over the topic's max_message_bytes 100000"):
        sender.append(rows(partition, 1, 100_000))
    assert list(sender.append(rows(partition, 1, 1))) == [540]
    sender.close()


def test_a_command_cut_short_is_completed_on_kafka(on_kafka: OnKafka) -> None:
    log = a_log()
    run(log)
    cut = cut_within_a_command(log)
    PARKING.ensure_topics(on_kafka.log)
    for topic in (PARKING.commands_topic, PARKING.events_topic):
        on_kafka.partition(topic, 0).append(records_of(cut, topic))
    late, task = Task(on_kafka, PARKING, 0), Task(on_kafka, PARKING, 0)
    while task.step():
        pass
    with pytest.raises(PartitionFenced, match="another worker has decided this partition"):
        late.step(1)
    for each in (late, task):
        each.close()
    assert told(on_kafka.log) == decided_alone()
    assert raw_events(on_kafka.log) > len(decided_alone())
    assert verify(on_kafka.log, PARKING, 0).difference is None


def test_a_cluster_that_is_away_is_waited_for(broker: Broker) -> None:
    settings = {"bootstrap_servers": broker.start()}
    with KafkaLog({"bootstrap.servers": broker.address}) as log:
        log.create_topic("events", TopicConfig())
        on_kafka = OnKafka(log, settings)
        sender, partition = on_kafka.sender("events"), log.partition("events", 0)
        sender.append(rows(partition, 10, 10))
        broker.kill()
        starting = threading.Timer(0.5, broker.start)
        starting.start()
        assert list(sender.append(rows(partition, 10, 10))) == list(range(10, 20))
        starting.join()
        broker.pause()
        log.keep_waiting = lambda: False
        with pytest.raises(LogUnavailable, match="no time to wait"):
            sender.append(rows(partition, 10, 10))
        sender.close()
        on_kafka.close()


def test_it_logs_in_as_the_settings_say(
    secured_broker: SecuredBroker, tls_broker: TlsBroker
) -> None:
    for settings in (secured_broker.settings("admin"), tls_broker.settings()):
        if "sasl.mechanisms" in settings:
            settings["sasl.mechanism"] = settings.pop("sasl.mechanisms")
        with KafkaLog(settings) as log:
            log.ensure_topic("fenceless", TopicConfig())
            on_kafka = OnKafka(log, client_settings(settings))
            sender = on_kafka.sender("fenceless")
            assert len(sender.append(rows(log.partition("fenceless", 0), 10, 10))) == 10
            sender.close()
            on_kafka.close()


def test_who_may_not_write_is_told(secured_broker: SecuredBroker) -> None:
    with KafkaLog(secured_broker.settings("admin")) as log:
        log.ensure_topic("forbidden", TopicConfig())
        guest = secured_broker.settings("guest")
        guest["sasl.mechanism"] = guest.pop("sasl.mechanisms")
        on_kafka = OnKafka(log, client_settings(guest))
        sender = on_kafka.sender("forbidden")
        with pytest.raises(LogRefused, match="lacks a right on the"):
            sender.append(rows(log.partition("forbidden", 0), 1, 10))
        on_kafka.close()
