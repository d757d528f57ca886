"""Indexes get the entries that Kafka's LogSegment.append would give them, and find places."""

import struct
from bisect import bisect_right
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log.backends.file import FileLog
from log.backends.file.indexes import IndexBuilder, OffsetIndex, TimeIndex
from log.record import Record
from log.topic import TopicConfig


def kafkas_entries(
    batches: list[tuple[int, int, int]], interval_bytes: int, is_rolled: bool
) -> tuple[bytes, bytes]:
    """LogSegment.append of Kafka 4.1, line by line, for (last offset, max timestamp, size)."""
    index, time_index = b"", b""
    position = since = 0
    top = (-1, -1)
    last_time = -1
    for last_offset, max_timestamp, size in batches:
        if max_timestamp > top[0]:
            top = (max_timestamp, last_offset)
        if since > interval_bytes:
            index += struct.pack(">ii", last_offset, position)
            if top[0] > last_time:
                time_index += struct.pack(">qi", *top)
                last_time = top[0]
            since = 0
        position += size
        since += size
    if is_rolled and top[0] > last_time:
        time_index += struct.pack(">qi", *top)
    return index, time_index


@pytest.mark.parametrize("interval_bytes", [0, 150, 4096])
def test_appending_makes_kafkas_entries(tmp_path: Path, interval_bytes: int) -> None:
    config = TopicConfig(
        index_interval_bytes=interval_bytes, durability="loses_unflushed_on_power_failure"
    )
    batches: list[tuple[int, int, int]] = []
    with FileLog(tmp_path / "log") as log:
        log.create_topic("a", config)
        partition = log.partition("a", 0)
        for number in range(200):
            timestamp = 1000 + (number * 37) % 150
            records = [Record(bytes(number % 60), timestamp=timestamp)] * (1 + number % 3)
            offsets = partition.append(records)
            size = len(partition.read(offsets[0])[0].buffer)
            batches.append((offsets[-1], timestamp, size))
    expected = kafkas_entries(batches, interval_bytes, is_rolled=False)
    base = tmp_path / "log/a-0/00000000000000000000"
    stored = (base.with_suffix(".index").read_bytes(), base.with_suffix(".timeindex").read_bytes())
    assert stored == expected

    builder = IndexBuilder(0, interval_bytes)
    position = 0
    for last_offset, timestamp, size in batches:
        builder.add(last_offset, timestamp, position, size)
        position += size
    assert (bytes(builder.offset_entries), bytes(builder.time_entries)) == expected
    builder.add_time_entry()
    assert bytes(builder.time_entries) == kafkas_entries(batches, interval_bytes, True)[1]


def test_rolling_adds_the_largest_timestamp(tmp_path: Path) -> None:
    with FileLog(tmp_path / "log") as log:
        log.create_topic("a", TopicConfig(segment_bytes=1024))
        for timestamp in [5, 900, 7] * 20:
            log.partition("a", 0).append([Record(bytes(30), timestamp=timestamp)])
    first = min((tmp_path / "log/a-0").glob("*.timeindex"))
    assert first.read_bytes() == struct.pack(">qi", 900, 1)


def test_a_segment_rolls_by_the_time_of_its_records(tmp_path: Path) -> None:
    with FileLog(tmp_path / "log") as log:
        log.create_topic("a", TopicConfig(segment_ms=1000))
        for timestamp in [500, 1500, 1501, 2000, 2502, 9000]:
            log.partition("a", 0).append([Record(b"x", timestamp=timestamp)])
    names = sorted(path.stem for path in (tmp_path / "log/a-0").glob("*.log"))
    assert names == [f"{offset:020d}" for offset in (0, 2, 4, 5)]


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(1, 500)), max_size=50),
    st.integers(0, 3000),
)
def test_lookups_find_the_entry_at_or_before(steps: list[tuple[int, int]], wanted: int) -> None:
    base, offsets, positions = 1000, [], []
    offset = position = 0
    for more_offsets, more_bytes in steps:
        offset += more_offsets
        position += more_bytes
        offsets.append(offset)
        positions.append(position)
    stored = b"".join(map(struct.Struct(">ii").pack, offsets, positions))
    index = OffsetIndex(base, stored)
    assert index.is_sound(position + 1)
    assert not offsets or not index.is_sound(position)
    at = bisect_right(offsets, wanted)
    assert index.position(base + wanted) == (positions[at - 1] if at else 0)
    below = [pair for pair in zip(offsets, positions, strict=True) if pair[0] < wanted]
    expected = (base + below[-1][0], below[-1][1]) if below else (-1, 0)
    assert index.last_before(base + wanted) == expected


def test_a_damaged_index_is_not_sound() -> None:
    pack = struct.Struct(">ii").pack
    for entries in ([(3, 10), (2, 20)], [(-5, 10)], [(3, 200)]):
        assert not OffsetIndex(0, b"".join(pack(*entry) for entry in entries)).is_sound(100)
    pack_time = struct.Struct(">qi").pack
    for times in ([(5, 1), (5, 2)], [(5, 2), (6, 1)], [(5, -3)]):
        assert not TimeIndex(0, b"".join(pack_time(*entry) for entry in times)).is_sound()


def test_half_an_entry_at_the_end_is_left_out() -> None:
    stored = struct.pack(">iiii", 1, 10, 2, 20)
    assert len(OffsetIndex(0, stored[:-1]).entries) == 1
    assert len(TimeIndex(0, struct.pack(">qiq", 1, 2, 3)).timestamps) == 1
