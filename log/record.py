"""Records and record batches, in Kafka's own format (magic 2).

A `Record` is what a caller appends; a `StoredRecord` is what a log gives back. In between
stands the record batch, exactly as Kafka lays it out on disk and on the wire, built and read by
aiokafka's C implementation. Batches come from `new_batch` (or `encode_batch`), go to
`Partition.append_batch`, and come back from `Partition.read` as `Batch`.

The format is KIP-98's; https://kafka.apache.org/documentation/#recordbatch.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, cast

import cramjam
import crc32c
import msgspec
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from log.errors import CorruptLog, InvalidConfig

Headers = list[tuple[str, bytes | None]]

NO_HEADERS: Headers = []
"""Shared by every record without headers: callers never mutate it."""

COMPRESSION_CODES = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
BATCH_BYTES_LIMIT = 2**31 - 1

# baseOffset int64, batchLength int32, partitionLeaderEpoch int32, magic int8, crc uint32,
# attributes int16, lastOffsetDelta int32, baseTimestamp int64, maxTimestamp int64,
# producerId int64, producerEpoch int16, baseSequence int32, recordCount int32
HEADER = struct.Struct(">qiibIhiqqqhii")
HEADER_SIZE = HEADER.size  # 61
LENGTH_END = 12
"""A batch is its 12 leading bytes (base offset and length) and `length` more."""
CRC_FROM = 21
"""The checksum covers everything from the attributes on, so the base offset can be set after."""
BASE_OFFSET = struct.Struct(">q")

RECORD_COUNT = struct.Struct(">i")
BASE_TIMESTAMP = slice(27, 35)
"""Where the header holds it; the records' own timestamps count from there."""

COMPRESSION_MASK = 0x07
TRANSACTIONAL_BIT = 0x10
CONTROL_BIT = 0x20


class Record(msgspec.Struct, gc=False):
    """A record to append. `timestamp` is milliseconds since 1970; None means now.

    A `value` of None is a tombstone: compaction drops the key.
    """

    value: bytes | None
    key: bytes | None = None
    timestamp: int | None = None
    headers: Headers = []


class StoredRecord(Protocol):
    """A record as a log gives it back: an object of aiokafka's C reader, made without a copy."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class BatchBuilder(Protocol):
    """Takes records in, in order: `append(offset_delta, timestamp, key, value, headers)`.

    aiokafka's builder in C, where a log does not give another by its `new_batch`.
    """

    def append(
        self,
        offset: int,
        timestamp: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
    ) -> object: ...
    def size(self) -> int: ...
    def build(self) -> bytearray: ...


def new_batch(compression: str = "none") -> BatchBuilder:
    """An empty batch; number its records 0, 1, 2 ... (offset deltas), then `append_batch` it."""
    code = COMPRESSION_CODES.get(compression)
    if code is None:
        raise InvalidConfig(
            f"compression_type {compression!r}: choose one of {', '.join(COMPRESSION_CODES)}"
        )
    return cast(BatchBuilder, DefaultRecordBatchBuilder(2, code, 0, -1, -1, -1, BATCH_BYTES_LIMIT))


def encode_batch(records: Iterable[Record], now_ms: int, compression: str = "none") -> bytearray:
    """The records as one batch at base offset 0; `now_ms` stamps those without a timestamp."""
    builder = new_batch(compression)
    append = builder.append
    for delta, record in enumerate(records):
        timestamp = now_ms if record.timestamp is None else record.timestamp
        append(delta, timestamp, record.key, record.value, record.headers)
    return builder.build()


def place_batch(batch: bytearray, base_offset: int) -> None:
    """Give a built batch its place in the log (outside of what its checksum covers)."""
    BASE_OFFSET.pack_into(batch, 0, base_offset)


class Batch:
    """A record batch as stored: iterate it for its records, as often as you like.

    Iteration costs what aiokafka's C reader costs and nothing on top. `first_offset` hides the
    records before it, where a read began in the middle of a batch.
    """

    __slots__ = (
        "_buffer",
        "_first_offset",
        "attributes",
        "base_offset",
        "count",
        "crc",
        "last_offset",
        "max_timestamp",
        "producer_id",
    )

    def __init__(self, buffer: bytes, first_offset: int = 0) -> None:
        (
            self.base_offset,
            _length,
            _epoch,
            magic,
            self.crc,
            self.attributes,
            last_offset_delta,
            _base_timestamp,
            self.max_timestamp,
            self.producer_id,
            _producer_epoch,
            _base_sequence,
            self.count,
        ) = HEADER.unpack_from(buffer)
        if magic != 2:
            raise CorruptLog(
                f"batch at offset {self.base_offset} has magic {magic}: only Kafka's record "
                "batch format 2 (Kafka 0.11 and later) can be read"
            )
        self._buffer = buffer
        self.last_offset = self.base_offset + last_offset_delta
        self._first_offset = first_offset

    def __iter__(self) -> Iterator[StoredRecord]:
        try:
            records = iter(DefaultRecordBatch(self._buffer))
        except (CorruptRecordException, cramjam.DecompressionError, zlib.error, OSError) as error:
            raise CorruptLog(f"batch at offset {self.base_offset}: {error}") from error
        if self._first_offset > self.base_offset:
            first = self._first_offset
            return iter([record for record in records if record.offset >= first])
        return cast(Iterator[StoredRecord], records)

    def __repr__(self) -> str:
        return f"Batch({self.base_offset}..{self.last_offset}, {self.count} records)"

    def whole(self) -> "Batch":
        """The batch with the records that a read hid."""
        return Batch(self._buffer)

    @property
    def buffer(self) -> bytes:
        """The whole batch, encoded."""
        return self._buffer

    @property
    def size(self) -> int:
        """Bytes on the log, nearly."""
        return len(self._buffer)

    @property
    def is_control(self) -> bool:
        """A broker's transaction marker: takes an offset, carries no record of a caller."""
        return bool(self.attributes & CONTROL_BIT)

    @property
    def is_compressed(self) -> bool:
        return bool(self.attributes & COMPRESSION_MASK)

    def last_record(self) -> StoredRecord | None:
        """The last record, with no object made of those before it; None where that cannot be had
        (compressed, or some are hidden)."""
        if not self.count or self.is_compressed or self._first_offset > self.base_offset:
            return None
        buffer, at, start = self._buffer, HEADER_SIZE, HEADER_SIZE
        end = len(buffer)
        while at < end:  # a record is its length, as a zigzag varint, and so many bytes
            start = at
            byte = buffer[at]
            length, shift = byte & 0x7F, 7
            while byte & 0x80:
                at += 1
                byte = buffer[at]
                length |= (byte & 0x7F) << shift
                shift += 7
            at += 1 + (length >> 1)
        alone = bytearray(buffer[:HEADER_SIZE] + buffer[start:])
        RECORD_COUNT.pack_into(alone, HEADER_SIZE - RECORD_COUNT.size, 1)
        return next(iter(Batch(bytes(alone))))

    def has_records_of(self, other: "Batch") -> bool:
        """Whether both hold the same records, to the byte, told without reading them: False also
        where that cannot be told (compressed, or some are hidden)."""
        return (
            self.count == other.count
            and not self.is_compressed
            and not other.is_compressed
            and self._first_offset <= self.base_offset
            and other._first_offset <= other.base_offset
            and self._buffer[BASE_TIMESTAMP] == other._buffer[BASE_TIMESTAMP]
            and self._buffer[HEADER_SIZE:] == other._buffer[HEADER_SIZE:]
        )

    def is_intact(self) -> bool:
        """Whether the bytes are those that were written (CRC-32C over the attributes and on)."""
        return bool(crc32c.crc32c(memoryview(self.buffer)[CRC_FROM:]) == self.crc)


def batch_of(records: Sequence[StoredRecord]) -> Batch:
    """The records (at least one) as one batch that keeps their offsets: to cut a batch in two."""
    base = records[0].offset
    builder = new_batch()
    for record in records:
        delta = record.offset - base
        builder.append(delta, record.timestamp, record.key, record.value, record.headers)
    encoded = builder.build()
    place_batch(encoded, base)
    return Batch(bytes(encoded))
