"""Kafka's sparse indexes beside a segment, in Kafka's own bytes, and their rebuilding.

`.index`: entries of 8 bytes, big-endian: the last offset of a batch relative to the segment's base
offset (int32), and the batch's position in the `.log` file (int32).
`.timeindex`: entries of 12 bytes: the largest timestamp so far in the segment (int64), and the
last offset of the batch that has it, relative (int32).

An entry is due once more than `index_interval_bytes` have been appended since the last, and stands
for the batch about to be appended (as in `LogSegment.append`); rolling adds a last time entry.
Indexes are only a speed-up: they are rebuilt from the `.log` where they are missing or wrong.
"""

import struct
import sys
from array import array
from bisect import bisect_left, bisect_right
from operator import le, lt

OFFSET_ENTRY = struct.Struct(">ii")
TIME_ENTRY = struct.Struct(">qi")
POSITION_MASK = 0xFFFFFFFF


class OffsetIndex:
    """The entries of an `.index`, each as one 64-bit number: relative offset, then position.

    Both halves grow, so the numbers are sorted and one bisection finds an entry.
    """

    __slots__ = ("base_offset", "entries")

    def __init__(self, base_offset: int, stored: bytes = b"") -> None:
        self.base_offset = base_offset
        self.entries = array("q")
        self.extend(stored)

    def extend(self, stored: bytes) -> None:
        """Take in more of the file's bytes; half an entry at the end is left out."""
        more = array("q")
        more.frombytes(stored[: len(stored) - len(stored) % OFFSET_ENTRY.size])
        if sys.byteorder == "little":
            more.byteswap()
        self.entries.extend(more)

    def is_sound(self, segment_size: int) -> bool:
        """Whether the entries grow and end inside the segment. A position is proven where used."""
        if not self.entries:
            return True
        grow = all(map(lt, self.entries, self.entries[1:]))
        return grow and self.entries[0] >= 0 and self.entries[-1] & POSITION_MASK < segment_size

    def position(self, offset: int) -> int:
        """Where to begin to look for `offset`: at or before the batch that holds it."""
        at = bisect_right(self.entries, (offset - self.base_offset) << 32 | POSITION_MASK) - 1
        return self.entries[at] & POSITION_MASK if at >= 0 else 0

    def last_before(self, end_offset: int) -> tuple[int, int]:
        """(last offset, position) of the last entry whose batch ends below `end_offset`.

        (-1, 0) where there is none: begin at the segment's start.
        """
        at = bisect_left(self.entries, (end_offset - self.base_offset) << 32) - 1
        if at < 0:
            return -1, 0
        return self.base_offset + (self.entries[at] >> 32), self.entries[at] & POSITION_MASK


class TimeIndex:
    """The entries of a `.timeindex`: timestamps, and the offsets that have them."""

    __slots__ = ("base_offset", "offsets", "timestamps")

    def __init__(self, base_offset: int, stored: bytes = b"") -> None:
        self.base_offset = base_offset
        self.timestamps = array("q")
        self.offsets = array("q")
        self.extend(stored)

    def extend(self, stored: bytes) -> None:
        whole = len(stored) - len(stored) % TIME_ENTRY.size
        for timestamp, relative in TIME_ENTRY.iter_unpack(stored[:whole]):
            self.timestamps.append(timestamp)
            self.offsets.append(self.base_offset + relative)

    def is_sound(self) -> bool:
        """Whether timestamps and offsets grow."""
        return (
            all(map(lt, self.timestamps, self.timestamps[1:]))
            and all(map(le, self.offsets, self.offsets[1:]))
            and (not self.offsets or self.base_offset <= self.offsets[0])
        )

    def offset_before(self, timestamp: int) -> int:
        """Every record before this offset is older than `timestamp`."""
        at = bisect_left(self.timestamps, timestamp) - 1
        return self.offsets[at] + 1 if at >= 0 else self.base_offset


class IndexBuilder:
    """Decides which entries a segment's indexes get, batch by batch.

    The appender keeps the same counters in the partition's shared state and follows the same rule;
    this is the rule for rebuilding and compaction.
    """

    def __init__(self, base_offset: int, interval_bytes: int) -> None:
        self.base_offset = base_offset
        self.interval_bytes = interval_bytes
        self.offset_entries = bytearray()
        self.time_entries = bytearray()
        self.bytes_since_entry = 0
        self.max_timestamp = -1
        self.max_timestamp_offset = -1
        self.first_timestamp = -1
        self.last_time_entry = -1

    def resume(self, index: OffsetIndex, time_index: TimeIndex, entry_offset: int) -> None:
        """Begin with the stored entries up to the one of the batch that ends at `entry_offset`.

        That batch itself comes next, by `skip`: it has its entry.
        """
        relative = entry_offset - self.base_offset
        kept = index.entries[: bisect_right(index.entries, relative << 32 | POSITION_MASK)]
        if sys.byteorder == "little":
            kept.byteswap()
        self.offset_entries += kept.tobytes()
        for timestamp, offset in zip(time_index.timestamps, time_index.offsets, strict=True):
            if offset > entry_offset:
                break
            self.time_entries += TIME_ENTRY.pack(timestamp, offset - self.base_offset)
            self.max_timestamp, self.max_timestamp_offset = timestamp, offset
            self.last_time_entry = timestamp

    def add(self, last_offset: int, max_timestamp: int, position: int, size: int) -> None:
        if self.first_timestamp < 0:
            self.first_timestamp = max_timestamp
        if max_timestamp > self.max_timestamp:
            self.max_timestamp, self.max_timestamp_offset = max_timestamp, last_offset
        if self.bytes_since_entry > self.interval_bytes:
            self.offset_entries += OFFSET_ENTRY.pack(last_offset - self.base_offset, position)
            self.add_time_entry()
            self.bytes_since_entry = 0
        self.bytes_since_entry += size

    def skip(self, size: int) -> None:
        """Count a batch whose entry is there already."""
        self.bytes_since_entry = size

    def add_time_entry(self) -> None:
        """The largest timestamp so far, where it is above the last entry's; also due at a roll."""
        if self.max_timestamp > self.last_time_entry:
            relative = self.max_timestamp_offset - self.base_offset
            self.time_entries += TIME_ENTRY.pack(self.max_timestamp, relative)
            self.last_time_entry = self.max_timestamp
