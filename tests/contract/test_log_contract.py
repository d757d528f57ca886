"""What every backend of the log owes its callers: one suite, run over each.

A backend joins by a line in `logs.py`. What only one backend has (files, processes, crashes) is
tested beside it.
"""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from log.backends.kafka import KafkaLog
from log.errors import (
    InvalidConfig,
    InvalidRecord,
    OffsetOutOfRange,
    PartitionFenced,
    TopicExists,
    UnknownTopic,
)
from log.interface import Log
from log.record import Record, new_batch
from log.topic import Durability, TopicConfig
from tests.contract.logs import (
    NOW_MS,
    OWN_BACKENDS,
    a_batch,
    a_partition,
    append_values,
    records_of,
    values_of,
)


@pytest.fixture(params=[*sorted(OWN_BACKENDS), "kafka"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Log]:
    if request.param != "kafka":
        with OWN_BACKENDS[request.param](tmp_path) as opened:
            yield opened
        return
    settings = {"bootstrap.servers": request.getfixturevalue("kafka_address")}
    prefix = request.getfixturevalue("kafka_prefix")
    with KafkaLog(settings, prefix=prefix, clock=lambda: NOW_MS) as opened:
        yield opened


# -- append and read ---------------------------------------------------------------------------


def test_appended_records_come_back_as_they_were(log: Log) -> None:
    partition = a_partition(log)
    offsets = partition.append(
        [
            Record(b"one", key=b"k", timestamp=5, headers=[("h", b"x"), ("h", b""), ("n", None)]),
            Record(None, key=b"k"),
            Record(b"", key=b""),
        ]
    )
    assert offsets == range(3)
    stored = [
        (r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in partition.read(0)[0]
    ]
    assert stored == [
        (0, 5, b"k", b"one", [("h", b"x"), ("h", b""), ("n", None)]),
        (1, NOW_MS, b"k", None, []),
        (2, NOW_MS, b"", b"", []),
    ]


def test_offsets_count_on_over_batches(log: Log) -> None:
    partition = a_partition(log)
    assert partition.append([Record(b"a"), Record(b"b")]) == range(2)
    assert list(partition.append_batch(a_batch(b"c", b"d", b"e"))) == [2, 3, 4]
    assert partition.append([Record(b"f")]) == range(5, 6)
    assert (partition.log_start, partition.log_end, partition.high_watermark) == (0, 6, 6)
    assert values_of(partition) == [b"a", b"b", b"c", b"d", b"e", b"f"]


def test_empty_appends_do_nothing(log: Log) -> None:
    partition = a_partition(log)
    append_values(partition, "a")
    assert not partition.append([])
    assert not partition.append_batch(new_batch())
    assert not partition.append_batch(partition.new_batch())
    assert partition.log_end == 1
    assert values_of(partition) == [b"a"]


def test_a_new_partition_is_empty(log: Log) -> None:
    partition = a_partition(log)
    assert (partition.log_start, partition.log_end, partition.high_watermark) == (0, 0, 0)
    assert partition.read(0) == []


def test_a_read_may_begin_within_a_batch(log: Log) -> None:
    partition = a_partition(log)
    partition.append_batch(a_batch(b"a", b"b", b"c"))
    append_values(partition, "d")
    for offset in range(4):
        assert values_of(partition, offset) == [b"a", b"b", b"c", b"d"][offset:]


def test_a_read_keeps_to_max_bytes_but_gives_one_batch_at_least(log: Log) -> None:
    partition = a_partition(log)
    for _ in range(5):
        partition.append([Record(bytes(1000))])

    def read(offset: int, max_bytes: int) -> list[int]:
        return [r.offset for batch in partition.read(offset, max_bytes) for r in batch]

    assert read(0, 1) == [0]
    assert read(1, 3 * 1100) == [1, 2, 3]
    assert read(0, 2 * 1100) == [0, 1]
    assert read(0, 1 << 20) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("max_bytes", [1, 500, 40_000, 10 << 20])
def test_reading_on_meets_every_record_once(log: Log, max_bytes: int) -> None:
    partition = a_partition(log, TopicConfig(segment_bytes=20_000, index_interval_bytes=300))
    sizes = [(n * 7919) % 4000 for n in range(60)] + [50_000, 3, 90_000]
    for number, size in enumerate(sizes):
        partition.append([Record(bytes(size), key=str(number).encode())])
    found = records_of(partition, 0, max_bytes)
    assert [(r.offset, len(r.value or b"")) for r in found] == list(enumerate(sizes))


@pytest.mark.parametrize("offset", [-1, 4, 1000])
def test_reading_outside_the_log_is_an_error_that_says_what_there_is(
    log: Log, offset: int
) -> None:
    partition = a_partition(log)
    append_values(partition, "a", "b", "c")
    assert partition.read(3) == []
    with pytest.raises(OffsetOutOfRange, match=rf"orders-0.*{offset}.*0.*3"):
        partition.read(offset)


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_every_compression_reads_back(log: Log, compression: str) -> None:
    config = msgspec.convert({"compression_type": compression}, TopicConfig)
    partition = a_partition(log, config)
    partition.append([Record(b"abc" * 1000, key=b"%d" % n) for n in range(50)])
    stored = [(r.key, r.value) for r in records_of(partition)]
    assert stored == [(b"%d" % n, b"abc" * 1000) for n in range(50)]


@pytest.mark.parametrize(
    "durability",
    ["loses_nothing", "loses_last_second_on_power_failure", "loses_unflushed_on_power_failure"],
)
def test_what_was_appended_is_visible_at_once_at_every_durability(
    log: Log, durability: Durability
) -> None:
    partition = a_partition(log, TopicConfig(durability=durability))
    append_values(partition, "a", "b")
    assert partition.high_watermark == 2
    assert values_of(partition) == [b"a", b"b"]


def test_a_batch_over_max_message_bytes_is_refused_and_leaves_nothing(log: Log) -> None:
    partition = a_partition(log, TopicConfig(max_message_bytes=2000))
    append_values(partition, "a")
    with pytest.raises(InvalidRecord, match=r"orders-0.*max_message_bytes 2000"):
        partition.append([Record(bytes(3000))])
    append_values(partition, "b")
    assert values_of(partition) == [b"a", b"b"]


def test_threads_append_without_losing_or_mixing(log: Log) -> None:
    partition = a_partition(log, TopicConfig(segment_bytes=20_000))
    acknowledged: list[tuple[int, bytes]] = []

    def append(thread: int) -> None:
        for number in range(40):
            values = [b"%d-%d-%d" % (thread, number, index) for index in range(3)]
            offsets = partition.append([Record(value) for value in values])
            acknowledged.extend(zip(offsets, values, strict=True))

    threads = [threading.Thread(target=append, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = [(record.offset, record.value) for record in records_of(partition)]
    assert stored == sorted(acknowledged)
    assert len(stored) == 8 * 40 * 3


# -- waiting -----------------------------------------------------------------------------------


def test_waiting_ends_with_an_append_or_with_the_time(log: Log) -> None:
    partition = a_partition(log)
    assert not partition.wait(0, 0.02)
    append_values(partition, "a")
    assert partition.wait(0, 0)
    assert not partition.wait(1, 0)

    threading.Timer(0.05, append_values, (partition, "b")).start()
    began = time.monotonic()
    assert partition.wait(1, 10)
    assert time.monotonic() - began < 5
    assert values_of(partition, 1) == [b"b"]


def test_a_reader_follows_a_growing_log(log: Log) -> None:
    partition = a_partition(log, TopicConfig(segment_bytes=1024))
    total = 300
    seen: list[bytes | None] = []

    def follow() -> None:
        offset = 0
        while offset < total and partition.wait(offset, 10):
            for batch in partition.read(offset):
                seen.extend(record.value for record in batch)
                offset = batch.last_offset + 1

    reader = threading.Thread(target=follow)
    reader.start()
    expected = [str(number) for number in range(total)]
    append_values(partition, *expected)
    reader.join(10)
    assert seen == [value.encode() for value in expected]


# -- time and deletion -------------------------------------------------------------------------


def test_offset_for_time_is_the_first_at_or_after(log: Log) -> None:
    partition = a_partition(log, TopicConfig(segment_bytes=1024, index_interval_bytes=100))
    for number in range(100):
        partition.append([Record(b"x" * 30, timestamp=1000 + 10 * number)])
    for timestamp, offset in [(0, 0), (1000, 0), (1001, 1), (1010, 1), (1555, 56), (1990, 99)]:
        assert partition.offset_for_time(timestamp) == offset
    assert partition.offset_for_time(1991) is None


def test_offset_for_time_finds_the_first_even_where_time_goes_back(log: Log) -> None:
    partition = a_partition(log, TopicConfig(segment_bytes=1024, index_interval_bytes=100))
    times = [1 + (number * 37) % 100 for number in range(100)]
    for at_ms in times:
        partition.append([Record(b"x" * 30, timestamp=at_ms)])
    for wanted in range(102):
        first = next((n for n, at_ms in enumerate(times) if at_ms >= wanted), None)
        assert partition.offset_for_time(wanted) == first


def test_offset_for_time_counts_records_alone(log: Log) -> None:
    """And not what ends the writer's appends, which on Kafka has the time of day."""
    partition = a_partition(log)
    writer = log.open_writer("orders", 0)
    offsets: list[int] = []
    for number in range(5):
        batch = writer.new_batch()
        batch.append(0, 1000 + 10 * number, b"k", b"%d" % number, [])
        offsets += writer.append_batch(batch)
    writer.close()
    for timestamp, number in [(0, 0), (1000, 0), (1001, 1), (1010, 1), (1025, 3), (1040, 4)]:
        assert partition.offset_for_time(timestamp) == offsets[number]
    assert partition.offset_for_time(1041) is None


def test_deleting_before_an_offset_hides_what_is_below(log: Log) -> None:
    partition = a_partition(log, TopicConfig(segment_bytes=1024))
    append_values(partition, *map(str, range(100)), at_ms=7)
    partition.delete_before(55)
    assert (partition.log_start, partition.log_end) == (55, 100)
    assert values_of(partition) == [b"%d" % number for number in range(55, 100)]
    assert partition.offset_for_time(0) == 55
    with pytest.raises(OffsetOutOfRange, match="54"):
        partition.read(54)
    for offset in (54, 101):
        with pytest.raises(OffsetOutOfRange, match=r"55 to 100"):
            partition.delete_before(offset)
    partition.delete_before(100)
    assert partition.read(100) == []
    assert partition.append([Record(b"next")]) == range(100, 101)
    assert values_of(partition) == [b"next"]


def test_deleting_within_a_batch(log: Log) -> None:
    partition = a_partition(log)
    partition.append_batch(a_batch(b"a", b"b", b"c"))
    partition.delete_before(1)
    assert values_of(partition) == [b"b", b"c"]


def test_a_compacted_topic_refuses_records_without_a_key(log: Log) -> None:
    partition = a_partition(log, TopicConfig(cleanup_policy="compact"))
    with pytest.raises(InvalidRecord, match=r"orders-0.*no key"):
        partition.append([Record(b"x", key=b"k"), Record(b"y")])
    assert partition.log_end == 0


# -- the fence ---------------------------------------------------------------------------------


def test_one_writer_at_a_time(log: Log) -> None:
    """A second writer is refused, or it fences the first: never do both write."""
    partition = a_partition(log)
    writer = log.open_writer("orders", 0)
    batch = writer.new_batch()
    for delta in range(2):
        batch.append(delta, NOW_MS, b"k", b"%d" % delta, [])
    assert list(writer.append_batch(batch)) == [0, 1]
    try:
        second = log.open_writer("orders", 0)
    except PartitionFenced as error:
        assert "orders-0" in str(error)
        writer.append_batch(a_batch(b"2"))
    else:
        second.append_batch(a_batch(b"2"))
        with pytest.raises(PartitionFenced, match="orders-0"):
            writer.append_batch(a_batch(b"late"))
    assert values_of(partition) == [b"0", b"1", b"2"]


def test_a_closed_writer_is_fenced_and_leaves_the_partition_free(log: Log) -> None:
    partition = a_partition(log)
    writer = log.open_writer("orders", 0)
    writer.append_batch(a_batch(b"a", b"b"))
    writer.close()
    writer.close()
    with pytest.raises(PartitionFenced, match="closed"):
        writer.append_batch(a_batch(b"late"))
    successor = log.open_writer("orders", 0)
    offsets = successor.append_batch(a_batch(b"c"))
    assert records_of(partition)[-1].offset == offsets[0]
    assert values_of(partition) == [b"a", b"b", b"c"]


def test_a_batch_that_is_not_appended_leaves_nothing(log: Log) -> None:
    partition = a_partition(log)
    writer = log.open_writer("orders", 0)
    dropped = writer.new_batch()
    dropped.append(0, NOW_MS, None, b"dropped", [])
    kept = writer.new_batch()
    kept.append(0, NOW_MS, None, b"kept", [])
    writer.append_batch(kept)
    begun = writer.new_batch()
    begun.append(0, NOW_MS, None, b"begun", [])
    writer.close()
    assert values_of(partition) == [b"kept"]


def test_a_large_batch_of_a_writer_is_seen_whole(log: Log) -> None:
    partition = a_partition(log)
    writer = log.open_writer("orders", 0)
    batch, count, meanwhile = writer.new_batch(), 30_000, []
    for number in range(count):
        batch.append(number, NOW_MS + number, b"key", b"%d" % number, [])
    offsets = writer.append_batch(batch, lambda: meanwhile.append(partition.high_watermark))
    assert [len(offsets), offsets[0]] == [count, 0]
    assert set(meanwhile) <= {0}
    stored = [(r.timestamp, r.value) for r in records_of(partition)]
    assert stored == [(NOW_MS + number, b"%d" % number) for number in range(count)]


def test_a_fence_is_of_one_partition_and_does_not_stop_plain_appends(log: Log) -> None:
    log.create_topic("orders", TopicConfig(partitions=2))
    log.open_writer("orders", 0)
    log.open_writer("orders", 1)
    append_values(log.partition("orders", 0), "plain")
    assert values_of(log.partition("orders", 0)) == [b"plain"]


# -- topics and groups -------------------------------------------------------------------------


def test_topics_are_listed_with_their_configuration(log: Log) -> None:
    assert log.topics() == {}
    config = TopicConfig(partitions=3, retention_ms=5, compression_type="zstd")
    assert log.create_topic("b.events", config) == config
    assert log.create_topic("a", TopicConfig()) == TopicConfig()
    assert list(log.topics().items()) == [("a", TopicConfig()), ("b.events", config)]
    assert log.partition("b.events", 2).config == config
    assert log.partition("b.events", 2) is log.partition("b.events", 2)
    assert (log.partition("b.events", 2).topic, log.partition("b.events", 2).number) == (
        "b.events",
        2,
    )


def test_a_topic_is_created_once(log: Log) -> None:
    log.create_topic("a", TopicConfig())
    assert log.create_topic("a", TopicConfig()) == TopicConfig()
    with pytest.raises(TopicExists, match="another configuration"):
        log.create_topic("a", TopicConfig(partitions=2))
    assert log.ensure_topic("a", TopicConfig(partitions=2)) == TopicConfig()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "ä", "x" * 250, "a\n"])
def test_bad_topic_names_are_refused(log: Log, name: str) -> None:
    with pytest.raises(InvalidConfig, match="topic name"):
        log.create_topic(name, TopicConfig())
    assert log.topics() == {}


def test_topic_names_that_look_like_partitions_do_not_clash(log: Log) -> None:
    log.create_topic("a", TopicConfig(partitions=2))
    log.create_topic("a-1", TopicConfig())
    append_values(log.partition("a", 1), "x")
    assert values_of(log.partition("a-1", 0)) == []


@pytest.mark.parametrize(("topic", "number"), [("no", 0), ("a", 1), ("a", -1), ("../a", 0)])
def test_what_does_not_exist_is_unknown(log: Log, topic: str, number: int) -> None:
    log.create_topic("a", TopicConfig())
    with pytest.raises(UnknownTopic):
        log.partition(topic, number)
    with pytest.raises(UnknownTopic):
        log.open_writer(topic, number)


def test_a_deleted_topic_is_gone_and_can_be_created_anew(log: Log) -> None:
    old = a_partition(log, TopicConfig(partitions=2))
    append_values(old, "old")
    log.delete_topic("orders")
    assert log.topics() == {}
    with pytest.raises(UnknownTopic):
        log.partition("orders", 0)
    with pytest.raises(UnknownTopic):
        old.append([Record(b"late")])
    with pytest.raises(UnknownTopic):
        log.delete_topic("orders")
    new = a_partition(log)
    assert (new.log_end, new.read(0)) == (0, [])
    append_values(new, "new")
    assert values_of(new) == [b"new"]


def test_committed_offsets_merge_by_group(log: Log) -> None:
    for topic in ("a", "b.c"):
        log.create_topic(topic, TopicConfig(partitions=2))
    assert log.committed("g") == {}
    log.commit("g", {("a", 0): 5, ("a", 1): 6})
    log.commit("g", {("a", 1): 9, ("b.c", 0): 1})
    log.commit("other/../group ö", {("a", 0): 1})
    assert log.committed("g") == {("a", 0): 5, ("a", 1): 9, ("b.c", 0): 1}
    assert log.committed("other/../group ö") == {("a", 0): 1}
    assert log.groups() == ["g", "other/../group ö"]


@pytest.mark.parametrize("group", ["", "g" * 300])
def test_a_group_needs_a_name_of_some_length(log: Log, group: str) -> None:
    with pytest.raises(InvalidConfig, match="group"):
        log.commit(group, {("a", 0): 1})


def test_closing_twice_is_once(log: Log) -> None:
    append_values(a_partition(log), "a")
    log.close()
    log.close()
