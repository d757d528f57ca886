"""Batches as Kafka's client has them: messages out of a consumer, rows into a producer.

confluent-kafka hands over records one by one, not as record batches; so a batch here is what one
read brought, and is encoded only where someone asks for its bytes.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from confluent_kafka import Message

from log.record import NO_HEADERS, Batch, Headers, StoredRecord, new_batch, place_batch

RECORD_OVERHEAD_BYTES = 70
"""What a record takes on the log beside its key and value, at most: lengths, times, its share of a
batch's header."""


class MessageRecord(msgspec.Struct, gc=False):
    """As `log.record.StoredRecord`."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class MessageBatch(Batch):
    """The records of one read; `last_offset` may lie behind the last of them, over offsets that
    hold nothing for a reader (transaction markers, aborted records, what compaction removed)."""

    __slots__ = ("_records",)

    def __init__(
        self, base_offset: int, last_offset: int, records: Sequence[MessageRecord]
    ) -> None:
        self._records = records
        self._buffer = b""
        self.base_offset = base_offset
        self.last_offset = last_offset
        self.count = len(records)
        self.attributes = self.crc = 0
        self.producer_id = -1
        self._first_offset = base_offset

    @property
    def max_timestamp(self) -> int:
        """The latest of its records; -1 where it has none."""
        return max((record.timestamp for record in self._records), default=-1)

    def __iter__(self) -> Iterator[StoredRecord]:
        return iter(self._records)

    def whole(self) -> Batch:
        return self

    @property
    def size(self) -> int:
        values = sum(len(record.value or b"") for record in self._records)
        return values + RECORD_OVERHEAD_BYTES * len(self._records)

    @property
    def buffer(self) -> bytes:
        if not self._buffer:
            builder = new_batch()
            for record in self._records:
                delta = record.offset - self.base_offset
                builder.append(delta, record.timestamp, record.key, record.value, record.headers)
            encoded = builder.build()
            place_batch(encoded, self.base_offset)
            self._buffer = bytes(encoded)
        return self._buffer


def records_of(messages: Sequence[Message]) -> list[MessageRecord]:
    return [
        MessageRecord(
            message.offset() or 0,
            message.timestamp()[1],
            message.key(),
            message.value(),
            _headers(headers) if (headers := message.headers()) else NO_HEADERS,
        )
        for message in messages
    ]


def _headers(headers: Iterable[Any]) -> Headers:
    """What the client calls headers, typed more widely than it gives them."""
    return [(name, value) for name, value in headers]


Row = tuple[int, bytes | None, bytes | None, Headers]
"""(timestamp, key, value, headers) of a record on its way to a producer. A plain tuple: there is
one for every event."""


def size_of(row: Row) -> int:
    """Bytes on the log, at most."""
    _, key, value, headers = row
    size = RECORD_OVERHEAD_BYTES + len(key or b"") + len(value or b"")
    return size + sum(10 + len(name) + len(value or b"") for name, value in headers)


class RowsBuilder:
    """As `log.record.BatchBuilder`: keeps the rows for a producer. `now_ms` stamps those without a
    timestamp."""

    def __init__(self, now_ms: int) -> None:
        self.rows: list[Row] = []
        self._now_ms = now_ms
        self._size = 0

    def append(
        self,
        offset: int,
        timestamp: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
    ) -> None:
        row = (self._now_ms if timestamp is None else timestamp, key, value, headers)
        self._size += size_of(row)
        self.rows.append(row)

    def size(self) -> int:
        return self._size

    def build(self) -> bytearray:
        builder = new_batch()
        for delta, row in enumerate(self.rows):
            builder.append(delta, *row)
        return builder.build()


def rows_of(batch: Batch) -> list[Row]:
    """Of a batch that another log's builder built."""
    return [(record.timestamp, record.key, record.value, list(record.headers)) for record in batch]
