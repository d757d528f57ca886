"""A broker that goes away and comes back costs time and nothing else."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from log.backends.kafka import KafkaLog
from log.backends.kafka import log as kafka
from log.errors import LogUnavailable, PartitionFenced
from log.record import Record
from log.topic import TopicConfig
from tests.contract.logs import a_partition, values_of
from tests.integration.brokers import Broker
from tests.integration.kafka_tools import KafkaTools
from tests.log.backends.kafka.test_writer import AT_MS, begun, until_on_the_log

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
