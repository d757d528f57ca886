"""A broker that goes away and comes back costs time and nothing else."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from log.backends.kafka import KafkaLog
from log.backends.kafka import log as kafka
from log.envelope import Event
from log.errors import LogUnavailable, PartitionFenced
from log.record import Record
from log.topic import TopicConfig
from processors.core.workers.group import GroupWorker
from tests.contract.logs import a_partition, values_of
from tests.integration.brokers import Broker
from tests.integration.kafka_tools import KafkaTools
from tests.log.backends.kafka.test_writer import AT_MS, begun, until_on_the_log
from tests.samples.parking import SYSTEM
from tests.samples.parking.decider import Garage

AWAY_S = 2.0
MANY: list[bytes | None] = [b"%d" % number for number in range(10_000)]
Away = Callable[[], None]


@pytest.fixture(scope="module")
def own_broker(
    kafka_tools: KafkaTools, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Broker]:
    properties = {"transaction.abort.timed.out.transaction.cleanup.interval.ms": "200"}
    broker = Broker(kafka_tools, tmp_path_factory.mktemp("away"), properties=properties)
    broker.start()
    yield broker
    broker.wipe()


@pytest.fixture
def log(own_broker: Broker, request: pytest.FixtureRequest) -> Iterator[KafkaLog]:
    settings = {"bootstrap.servers": own_broker.start()}
    with KafkaLog(settings, prefix=f"{request.node.name}.") as opened:
        yield opened


@contextmanager
def away(broker: Broker, leave: Away) -> Iterator[None]:
    """Within, the broker has gone; it comes back later."""
    leave()
    later = threading.Timer(AWAY_S, broker.start)
    later.start()
    try:
        yield
    finally:
        later.join()


def test_whatever_is_going_on_as_a_broker_leaves(own_broker: Broker, log: KafkaLog) -> None:
    partition = a_partition(log, TopicConfig(partitions=3))
    written, appended, opened = (log.partition("orders", number) for number in range(3))
    writer = log.open_writer("orders", 0)
    expected: list[bytes | None] = []
    for leave in (own_broker.stop, own_broker.kill):
        batch = begun(writer, *MANY)
        until_on_the_log(log, partition.high_watermark + 1)
        with away(own_broker, leave), ThreadPoolExecutor() as pool:
            end = pool.submit(lambda: appended.high_watermark)
            records = pool.submit(opened.read, 0)
            fence = pool.submit(log.open_writer, "orders", 2)
            offsets = pool.submit(appended.append, [Record(value) for value in MANY])
            for delta, value in enumerate(MANY, len(MANY)):
                batch.append(delta, AT_MS, None, value, [])
            first = writer.append_batch(batch)[0]
        expected += MANY
        assert values_of(written, first) == MANY * 2
        assert values_of(appended) == expected
        assert offsets.result()[0] in (end.result(), end.result() - len(MANY))
        new = fence.result()
        new.append_batch(begun(new, b"new"))
        assert len(records.result()) == (leave == own_broker.kill)
    assert values_of(written) == expected * 2


def test_a_transaction_left_for_too_long_is_fenced(
    log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka, "TRANSACTION_TIMEOUT_MS", 1000)
    partition = a_partition(log)
    writer = log.open_writer("orders", 0)
    batch = begun(writer, b"a")
    until_on_the_log(log, 2)  # the cluster undoes it
    with pytest.raises(PartitionFenced, match="the cluster took the transactional id away"):
        writer.append_batch(batch)
    successor = log.open_writer("orders", 0)
    successor.append_batch(begun(successor, b"b"))
    assert values_of(partition) == [b"b"]


def test_nobody_has_to_wait_for_a_broker_that_is_away(own_broker: Broker, log: KafkaLog) -> None:
    partition = a_partition(log)
    writer = log.open_writer("orders", 0)
    batch = begun(writer, b"a")
    until_on_the_log(log, 1)
    asked = Counter[int]()

    def keep_waiting() -> bool:
        asked[threading.get_ident()] += 1
        return False

    log.keep_waiting = keep_waiting
    own_broker.kill()
    began_s = time.monotonic()
    with ThreadPoolExecutor() as pool:
        waits: list[Future[object]] = [
            pool.submit(lambda: partition.high_watermark),
            pool.submit(partition.append, [Record(b"b")]),
            pool.submit(writer.append_batch, batch),
            pool.submit(log.open_writer, "orders", 0),
        ]
    assert [type(wait.exception()) for wait in waits] == [LogUnavailable] * len(waits)
    with pytest.raises(PartitionFenced):
        writer.append_batch(begun(writer, b"c"))
    writer.close()
    log.close()
    assert len(asked) == len(waits)
    assert time.monotonic() - began_s < 15


def test_slow_rules_do_not_run_out_of_time_again_and_again(
    log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step has to end before the cluster takes its transaction away."""
    monkeypatch.setattr(kafka, "TRANSACTION_TIMEOUT_MS", 1000)

    def decide(garage: Garage, command: Any, at: int) -> Sequence[Event]:
        time.sleep(0.002)
        return SYSTEM.decider.decide(garage, command, at)

    slow = replace(SYSTEM, partitions=1, decider=replace(SYSTEM.decider, decide=decide))
    slow.ensure_topics(log)
    leave = Record(b'{"type":"leave_spot.v1","spot":"a"}', b"a", AT_MS)
    log.partition(slow.commands_topic, 0).append([leave] * 1000)
    stop = threading.Event()
    later = threading.Timer(60, stop.set)
    later.start()
    with GroupWorker(log, [slow], session_timeout_s=6.0) as worker:
        assert worker.run(until_idle=True, stop=stop) == 1000
    later.cancel()
