"""The one writer of a partition on a real broker: what a successor undoes, what is refused, and
where records stand afterwards. What happens while a broker is away is in `test_broker_away.py`.
"""

import time

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType

from log.backends.kafka import KafkaLog
from log.errors import InvalidRecord, PartitionFenced
from log.interface import Writer
from log.record import BatchBuilder
from log.topic import TopicConfig
from tests.contract.logs import a_partition, records_of, values_of

AT_MS = 1_700_000_000_000


def begun(writer: Writer, *values: bytes | None) -> BatchBuilder:
    """A batch whose records are on their way to the broker."""
    batch = writer.new_batch()
    for delta, value in enumerate(values):
        batch.append(delta, AT_MS, b"key", value, [])
    return batch


def until_on_the_log(log: KafkaLog, end: int) -> None:
    deadline_s = time.monotonic() + 10
    while log.partition("orders", 0).log_end < end:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_a_successor_undoes_what_was_begun_and_is_seen_at_once(kafka_log: KafkaLog) -> None:
    partition = a_partition(kafka_log)
    first = kafka_log.open_writer("orders", 0)
    first.append_batch(begun(first, b"a", b"b"))
    left = begun(first, b"c", b"d")
    until_on_the_log(kafka_log, 5)  # two records, the end of their transaction, two records
    assert values_of(partition) == [b"a", b"b"]
    second = kafka_log.open_writer("orders", 0)
    offsets = second.append_batch(begun(second, b"e"))
    assert values_of(partition) == [b"a", b"b", b"e"]
    assert [record.offset for record in records_of(partition)] == [0, 1, *offsets]
    with pytest.raises(PartitionFenced, match=r"orders-0: a successor has taken over"):
        first.append_batch(left)
    with pytest.raises(PartitionFenced):
        first.append_batch(begun(first, b"f"))
    second.append_batch(begun(second, b"g"))
    assert values_of(partition) == [b"a", b"b", b"e", b"g"]
    first.close()


def test_a_writer_that_is_fenced_as_it_sends_is_done_with_at_once(kafka_log: KafkaLog) -> None:
    partition = a_partition(kafka_log)
    for _ in range(5):
        first = kafka_log.open_writer("orders", 0)
        batch = begun(first, b"a")
        until_on_the_log(kafka_log, partition.high_watermark + 1)
        kafka_log.open_writer("orders", 0)
        with pytest.raises(PartitionFenced):  # as it is added to, or as it is committed
            for delta in range(1, 1000):
                batch.append(delta, AT_MS, None, b"b", [])
            first.append_batch(batch)
        began_s = time.monotonic()
        first.close()
        assert time.monotonic() - began_s < 1
    assert values_of(partition) == []


def test_a_successor_that_only_opens_frees_readers(kafka_log: KafkaLog) -> None:
    partition = a_partition(kafka_log)
    first = kafka_log.open_writer("orders", 0)
    begun(first, b"a")
    until_on_the_log(kafka_log, 1)
    assert partition.high_watermark == 0
    kafka_log.open_writer("orders", 0)
    assert partition.high_watermark == 2  # what was begun, and the marker that undoes it


def test_offsets_after_a_batch_that_was_dropped(kafka_log: KafkaLog) -> None:
    partition = a_partition(kafka_log)
    writer = kafka_log.open_writer("orders", 0)
    for value in (b"a", b"b", b"c"):
        begun(writer, b"dropped")
        until_on_the_log(kafka_log, partition.log_end + 1)
        (offset,) = writer.append_batch(begun(writer, value))
        assert [(each.offset, each.value) for each in partition.read(offset)[0]] == [
            (offset, value)
        ]
    assert values_of(partition) == [b"a", b"b", b"c"]


@pytest.mark.parametrize("count", [1, 50_000])
def test_what_the_broker_does_not_take_is_refused_and_not_sent_for_ever(
    kafka_log: KafkaLog, kafka_address: str, count: int
) -> None:
    """Where a topic's limit was lowered behind the writer's back."""
    partition = a_partition(kafka_log, TopicConfig(max_message_bytes=100_000))
    writer = kafka_log.open_writer("orders", 0)
    writer.append_batch(begun(writer, b"a"))
    resource = ConfigResource(
        ResourceType.TOPIC,
        kafka_log.prefix + "orders",
        incremental_configs=[
            ConfigEntry("max.message.bytes", "2000", incremental_operation=AlterConfigOpType.SET)
        ],
    )
    admin = AdminClient({"bootstrap.servers": kafka_address})
    for altered in admin.incremental_alter_configs([resource]).values():
        altered.result()
    with pytest.raises(InvalidRecord, match=r"orders-0: .*too large"):
        writer.append_batch(begun(writer, b"b" * 50_000, *[b"c"] * count))
    writer.append_batch(begun(writer, b"d"))
    assert values_of(partition) == [b"a", b"d"]
