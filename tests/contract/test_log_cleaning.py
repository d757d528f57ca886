"""What retention, compaction and compression do, over the logs that do it themselves.

A cluster does it in its own time, and says nothing.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from log.interface import Log
from log.record import Record
from log.topic import TopicConfig
from tests.contract.logs import (
    DAY_MS,
    NOW_MS,
    OWN_BACKENDS,
    a_partition,
    append_values,
    records_of,
    values_of,
)


@pytest.fixture(params=sorted(OWN_BACKENDS))
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Log]:
    """A log whose cleaning is refold's own; a cluster cleans in its own time."""
    with OWN_BACKENDS[request.param](tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_compression_makes_smaller(log: Log, compression: str) -> None:
    config = msgspec.convert({"compression_type": compression}, TopicConfig)
    partition = a_partition(log, config)
    partition.append([Record(b"abc" * 1000) for n in range(50)])
    assert (len(partition.read(0)[0].buffer) < 10_000) == (compression != "none")


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
