"""What every backend of the log owes its callers: one suite, run over each.

A backend joins by a line in `BACKENDS`. What only one backend has (files, processes, crashes) is
tested beside it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from log.backends.file import FileLog
from log.backends.memory import MemoryLog
from log.errors import (
    InvalidConfig,
    InvalidRecord,
    OffsetOutOfRange,
    PartitionFenced,
    TopicExists,
    UnknownTopic,
)
from log.interface import Log, Partition
from log.record import BatchBuilder, Record, StoredRecord, new_batch
from log.topic import Durability, TopicConfig

NOW_MS = 1_700_000_000_000
DAY_MS = 24 * 3600 * 1000

BACKENDS: dict[str, Callable[[Path], Log]] = {
    "memory": lambda folder: MemoryLog(clock=lambda: NOW_MS),
    "file": lambda folder: FileLog(folder / "log", clock=lambda: NOW_MS),
}


@pytest.fixture(params=sorted(BACKENDS))
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Log]:
    with BACKENDS[request.param](tmp_path) as opened:
        yield opened


def a_partition(log: Log, config: TopicConfig | None = None, name: str = "orders") -> Partition:
    log.ensure_topic(name, config or TopicConfig())
    return log.partition(name, 0)


def records_of(
    partition: Partition, offset: int | None = None, max_bytes: int = 1 << 20
) -> list[StoredRecord]:
    found: list[StoredRecord] = []
    at = partition.log_start if offset is None else offset
    while at < partition.high_watermark:
        batches = partition.read(at, max_bytes)
        assert batches, "nothing to read below the high watermark"
        for batch in batches:
            found += batch
        at = batches[-1].last_offset + 1
    return found


def values_of(partition: Partition, offset: int | None = None) -> list[bytes | None]:
    return [record.value for record in records_of(partition, offset)]


def append_values(partition: Partition, *values: str, at_ms: int | None = None) -> None:
    for value in values:
        partition.append([Record(value.encode(), timestamp=at_ms)])


def a_batch(*values: bytes) -> BatchBuilder:
    builder = new_batch()
    for delta, value in enumerate(values):
        builder.append(delta, NOW_MS, None, value, [])
    return builder


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
    assert partition.append_batch(a_batch(b"c", b"d", b"e")) == 2
    assert partition.append([Record(b"f")]) == range(5, 6)
    assert (partition.log_start, partition.log_end, partition.high_watermark) == (0, 6, 6)
    assert values_of(partition) == [b"a", b"b", b"c", b"d", b"e", b"f"]


def test_empty_appends_do_nothing(log: Log) -> None:
    partition = a_partition(log)
    append_values(partition, "a")
    assert partition.append([]) == range(1, 1)
    assert partition.append_batch(new_batch()) == 1
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
    assert len(partition.read(0, max_bytes=1)) == 1
    size = len(partition.read(0, max_bytes=1)[0].buffer)
    assert [b.base_offset for b in partition.read(1, max_bytes=3 * size)] == [1, 2, 3]
    assert len(partition.read(0, max_bytes=3 * size - 1)) == 2
    assert len(partition.read(0)) == 5


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
    batch = partition.read(0)[0]
    assert [(r.key, r.value) for r in batch] == [(b"%d" % n, b"abc" * 1000) for n in range(50)]
    assert (len(batch.buffer) < 10_000) == (compression != "none")


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
    times = [(number * 37) % 100 for number in range(100)]
    for at_ms in times:
        partition.append([Record(b"x" * 30, timestamp=at_ms)])
    for wanted in range(101):
        first = next((n for n, at_ms in enumerate(times) if at_ms >= wanted), None)
        assert partition.offset_for_time(wanted) == first


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


# -- retention and compaction ------------------------------------------------------------------


def test_without_limits_cleaning_deletes_nothing(log: Log) -> None:
    partition = a_partition(log, TopicConfig(segment_bytes=1024))
    append_values(partition, *map(str, range(100)), at_ms=0)
    assert list(log.clean(NOW_MS)) == []
    assert len(values_of(partition)) == 100


def test_retention_by_time_deletes_whole_old_segments(log: Log) -> None:
    config = TopicConfig(segment_bytes=1024, retention_ms=DAY_MS)
    partition = a_partition(log, config)
    append_values(partition, *map(str, range(100)), at_ms=NOW_MS - 2 * DAY_MS)
    append_values(partition, *map(str, range(100, 200)), at_ms=NOW_MS)
    lines = list(log.clean())
    assert lines
    assert all("orders-0" in line and "retention_ms" in line for line in lines)
    assert 0 < partition.log_start <= 100
    assert partition.log_start > 80, "only the segment that also holds new records may stay"
    assert values_of(partition)[-100:] == [b"%d" % number for number in range(100, 200)]
    assert list(log.clean()) == []


def test_retention_rolls_an_active_segment_that_is_all_too_old(log: Log) -> None:
    partition = a_partition(log, TopicConfig(retention_ms=DAY_MS))
    append_values(partition, "a", "b", at_ms=NOW_MS)
    assert list(log.clean(NOW_MS + DAY_MS)) == []
    assert list(log.clean(NOW_MS + DAY_MS + 1)) != []
    assert (partition.log_start, partition.log_end) == (2, 2)
    assert partition.append([Record(b"c")]) == range(2, 3)
    assert values_of(partition) == [b"c"]


def test_retention_by_size_keeps_at_least_that_much(log: Log) -> None:
    partition = a_partition(log, TopicConfig(segment_bytes=1024, retention_bytes=5000))
    for number in range(300):
        partition.append([Record(b"%d" % number)])
    list(log.clean())
    kept = sum(len(batch.buffer) for batch in partition.read(partition.log_start, 1 << 30))
    assert 5000 <= kept < 5000 + 1024
    assert values_of(partition)[-1] == b"299"


def test_compaction_keeps_the_last_of_each_key_in_order_at_its_offset(log: Log) -> None:
    config = TopicConfig(segment_bytes=1024, cleanup_policy="compact")
    partition = a_partition(log, config)
    for number in range(200):
        partition.append([Record(b"%d" % number, key=b"%d" % (number % 7))])
    before = {record.offset: record.value for record in records_of(partition)}
    assert list(log.clean())
    after = records_of(partition)
    offsets = [record.offset for record in after]
    assert offsets == sorted(offsets)
    assert len(after) < 50
    assert all(before[record.offset] == record.value for record in after)
    latest = {record.key: record.value for record in after}
    assert latest == {b"%d" % (n % 7): b"%d" % n for n in range(193, 200)}
    assert (partition.log_start, partition.log_end) == (0, 200)
    for offset in range(200):
        expected = [record.value for record in after if record.offset >= offset]
        assert values_of(partition, offset) == expected
    assert list(log.clean()) == []


def test_compaction_works_within_batches_and_keeps_headers(log: Log) -> None:
    config = TopicConfig(segment_bytes=1024, cleanup_policy="compact", compression_type="lz4")
    partition = a_partition(log, config)
    for round_number in range(30):
        partition.append(
            [
                Record(bytes(40), key=key, timestamp=round_number, headers=[("r", key)])
                for key in (b"same", b"own-%d" % round_number, b"same")
            ]
        )
    list(log.clean())
    kept = records_of(partition)
    own = [record for record in kept if (record.key or b"").startswith(b"own")]
    assert [(r.offset, r.timestamp, list(r.headers)) for r in own] == [
        (3 * n + 1, n, [("r", b"own-%d" % n)]) for n in range(30)
    ]
    assert [r.offset for r in kept if r.key == b"same"][-1] == 89
    assert len(kept) < 60


def test_tombstones_stay_for_their_delay_after_the_first_compaction(log: Log) -> None:
    config = TopicConfig(segment_bytes=1024, cleanup_policy="compact", delete_retention_ms=DAY_MS)
    partition = a_partition(log, config)
    partition.append([Record(b"x", key=b"gone", timestamp=0)])
    partition.append([Record(None, key=b"gone", timestamp=0)])
    for number in range(40):
        partition.append([Record(bytes(30), key=b"%d" % number, timestamp=0)])

    def gone() -> list[bytes | None]:
        return [record.value for record in records_of(partition) if record.key == b"gone"]

    assert gone() == [b"x", None]
    list(log.clean(NOW_MS))
    assert gone() == [None]
    list(log.clean(NOW_MS + DAY_MS - 1))
    assert gone() == [None]
    list(log.clean(NOW_MS + DAY_MS))
    assert gone() == []
    assert len(records_of(partition)) == 40


def test_a_compacted_topic_refuses_records_without_a_key(log: Log) -> None:
    partition = a_partition(log, TopicConfig(cleanup_policy="compact"))
    with pytest.raises(InvalidRecord, match=r"orders-0.*no key"):
        partition.append([Record(b"x", key=b"k"), Record(b"y")])
    assert partition.log_end == 0


def test_a_reader_gets_past_what_compaction_removed_whole(log: Log) -> None:
    config = TopicConfig(
        segment_bytes=1024, cleanup_policy="compact,delete", delete_retention_ms=0,
        retention_ms=10 * DAY_MS,
    )  # fmt: skip
    partition = a_partition(log, config)
    for _ in range(60):
        partition.append([Record(None, key=b"k", timestamp=NOW_MS)])
    list(log.clean())
    offset, high = 0, partition.high_watermark
    for _ in range(high + 1):
        if offset == high:
            break
        offset = partition.read(offset)[-1].last_offset + 1
    assert offset == high


# -- the fence ---------------------------------------------------------------------------------


def test_one_writer_at_a_time(log: Log) -> None:
    partition = a_partition(log)
    writer = log.open_writer("orders", 0)
    assert writer.append_batch(a_batch(b"a", b"b")) == 0
    with pytest.raises(PartitionFenced, match="orders-0"):
        log.open_writer("orders", 0)
    writer.close()
    writer.close()
    with pytest.raises(PartitionFenced, match="closed"):
        writer.append_batch(a_batch(b"late"))
    successor = log.open_writer("orders", 0)
    assert successor.append_batch(a_batch(b"c")) == 2
    writer.close()
    with pytest.raises(PartitionFenced):
        log.open_writer("orders", 0)
    assert values_of(partition) == [b"a", b"b", b"c"]


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
