"""The rules of rolling, retention and compaction, which every backend of our own applies.

Pure functions over batches and sizes; Kafka's rules (`LogSegment.shouldRoll`, `UnifiedLog`,
`LogCleaner`). Where the bytes are and how they are replaced safely is each backend's own business.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import crc32c

from log.errors import InvalidRecord
from log.record import (
    BASE_OFFSET,
    COMPRESSION_CODES,
    COMPRESSION_MASK,
    CONTROL_BIT,
    CRC_FROM,
    HEADER,
    HEADER_SIZE,
    LENGTH_END,
    Batch,
    StoredRecord,
    new_batch,
)
from log.topic import TopicConfig

SEGMENT_BYTES_LIMIT = 2**31 - 1
"""An index holds positions and relative offsets in 31 bits."""
NO_TIMESTAMP = -1
LAST_OFFSET_DELTA = struct.Struct(">i")
LAST_OFFSET_DELTA_AT = 23
CRC = struct.Struct(">I")
CRC_AT = 17
_COMPRESSION_NAMES = {code: name for name, code in COMPRESSION_CODES.items()}


class SegmentSummary(NamedTuple):
    """What retention needs to know of a segment that is rolled."""

    base_offset: int
    next_base: int
    size: int
    max_timestamp: int

    def describe(self) -> str:
        return f"deleted offsets {self.base_offset} to {self.next_base - 1} ({self.size} bytes)"


def is_roll_due(config: TopicConfig, size: int, more: int, age_ms: int, relative: int) -> bool:
    """Whether a segment of `size` bytes must be rolled before `more` bytes are appended.

    `age_ms` is from the segment's first batch to the new one, by their timestamps; `relative` the
    new batch's last offset from the segment's base.
    """
    return size > 0 and (
        size + more > min(config.segment_bytes, SEGMENT_BYTES_LIMIT)
        or age_ms > config.segment_ms
        or relative > SEGMENT_BYTES_LIMIT
    )


def check_batch(config: TopicConfig, encoded: bytes | bytearray, where: str) -> None:
    """Refuse what the topic's configuration does not take: too large, or without a key."""
    if len(encoded) > config.max_message_bytes:
        raise InvalidRecord(
            f"{where}: a batch of {len(encoded)} bytes is over the topic's max_message_bytes "
            f"{config.max_message_bytes}: append fewer records at once, or raise the setting"
        )
    if "compact" in config.cleanup_policy:
        for record in Batch(bytes(encoded)):
            if record.key is None:
                raise InvalidRecord(
                    f"{where}: record {record.offset} of the batch has no key, and the topic is "
                    "compacted (cleanup_policy): only records with a key can be kept by key"
                )


def expired(
    config: TopicConfig, segments: Sequence[SegmentSummary], active_bytes: int, now_ms: int
) -> Iterator[tuple[SegmentSummary, str]]:
    """The oldest rolled segments that retention lets go of, and why."""
    if "delete" not in config.cleanup_policy:
        return
    over = sum(segment.size for segment in segments) + active_bytes - config.retention_bytes
    for segment in segments:
        if 0 <= config.retention_ms < now_ms - segment.max_timestamp:
            why = f"its newest record is older than retention_ms {config.retention_ms}"
        elif config.retention_bytes >= 0 and over >= segment.size:
            why = f"the partition is over retention_bytes {config.retention_bytes}"
        else:
            return
        over -= segment.size
        yield segment, why


def latest_offsets(batches: Iterable[Batch]) -> dict[bytes, int]:
    """The offset of each key's last record."""
    latest: dict[bytes, int] = {}
    for batch in batches:
        for record in batch:
            if record.key is not None:
                latest[record.key] = record.offset
    return latest


class CleanedBatch(NamedTuple):
    """A batch after compaction: its bytes (None when all its records went), and how many went."""

    encoded: bytes | None
    dropped: int


def compact_batch(batch: Batch, latest: dict[bytes, int], droppable_below: int) -> CleanedBatch:
    """Keep each key's last record, and tombstones from offset `droppable_below` on.

    What stays keeps its offset: the batch's base and last offset are those it had, as in Kafka.
    """
    kept: list[StoredRecord] = []
    for record in batch:
        key = record.key
        is_last = key is None or latest.get(key, -1) <= record.offset
        is_droppable = key is not None and record.value is None and record.offset < droppable_below
        if is_last and not is_droppable:
            kept.append(record)
    dropped = batch.count - len(kept)
    if not dropped:
        return CleanedBatch(batch.buffer, 0)
    if not kept:
        return CleanedBatch(None, dropped)
    compression = _COMPRESSION_NAMES[batch.attributes & COMPRESSION_MASK]
    builder = new_batch(compression)
    for record in kept:
        delta = record.offset - batch.base_offset
        builder.append(delta, record.timestamp, record.key, record.value, list(record.headers))
    encoded = builder.build()
    BASE_OFFSET.pack_into(encoded, 0, batch.base_offset)
    last_delta = batch.last_offset - batch.base_offset
    LAST_OFFSET_DELTA.pack_into(encoded, LAST_OFFSET_DELTA_AT, last_delta)
    CRC.pack_into(encoded, CRC_AT, crc32c.crc32c(memoryview(encoded)[CRC_FROM:]))
    return CleanedBatch(bytes(encoded), dropped)


def without_records(batch: Batch) -> bytes:
    """A batch that takes the same offsets and holds no records, as Kafka's cleaner leaves behind.

    It lets a reader step over offsets that hold nothing for it.
    """
    fields = list(HEADER.unpack_from(batch.buffer))
    fields[1] = HEADER_SIZE - LENGTH_END
    fields[4] = 0
    fields[5] &= ~(COMPRESSION_MASK | CONTROL_BIT)
    fields[7] = fields[8] = NO_TIMESTAMP
    fields[12] = 0
    encoded = bytearray(HEADER.pack(*fields))
    CRC.pack_into(encoded, CRC_AT, crc32c.crc32c(memoryview(encoded)[CRC_FROM:]))
    return bytes(encoded)


class DeleteHorizons:
    """From when on tombstones may be dropped: `delete_retention_ms` after the first compaction
    that met them, so that a reader that is behind has that long to see the deletion.
    """

    def __init__(self, met: Iterable[tuple[int, int]] = ()) -> None:
        self.met = [(end_offset, at_ms) for end_offset, at_ms in met]
        """(compaction reached this offset, at this time in ms), oldest first."""

    def compacted(self, end_offset: int, now_ms: int, delete_retention_ms: int) -> int:
        """A compaction up to `end_offset` begins; tombstones below the answer may be dropped."""
        if not self.met or self.met[-1][0] < end_offset:
            self.met.append((end_offset, now_ms))
        due = [pair for pair in self.met if pair[1] <= now_ms - delete_retention_ms]
        if due:  # the newest of them stands for all
            self.met = [due[-1], *self.met[len(due) :]]
        return due[-1][0] if due else 0
