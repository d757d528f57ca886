"""One segment: a `.log` file of record batches, and the indexes to find a place in it.

Read by partitions (batches out), recovery (where do the whole batches end) and compaction.
Nothing here writes. A batch that is not whole or not intact is a `CorruptLog` that names the file,
the position and the offset; who may treat it as a torn tail instead is recovery's business.
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from log.backends.file.indexes import (
    OFFSET_ENTRY,
    TIME_ENTRY,
    IndexBuilder,
    OffsetIndex,
    TimeIndex,
)
from log.backends.file.storage import File, Storage
from log.errors import CorruptLog
from log.record import HEADER, HEADER_SIZE, LENGTH_END, Batch

LOG_SUFFIX, INDEX_SUFFIX, TIME_INDEX_SUFFIX = ".log", ".index", ".timeindex"
TRANSACTION_INDEX_SUFFIX = ".txnindex"
CHUNK_BYTES = 256 << 10
LARGE_BATCH_BYTES = 32 << 10
"""From this size on a batch is read by itself, which saves copying it out of a chunk."""
SMALLEST_LENGTH = HEADER_SIZE - LENGTH_END


RELATIVE_OFFSET_LIMIT = 2**31 - 1
NO_BATCH = "the bytes are no record batch of format 2"
LENGTH_AND_MAGIC = struct.Struct(">iib")
LENGTH_AT = 8


def batch_size(data: bytes, at: int) -> int:
    """The size in bytes of the batch whose header is at `at`; 0 where the bytes are none."""
    if len(data) - at < HEADER_SIZE:
        return 0
    length, _, magic = LENGTH_AND_MAGIC.unpack_from(data, at + LENGTH_AT)
    return length + LENGTH_END if magic == 2 and length >= SMALLEST_LENGTH else 0


def segment_name(base_offset: int) -> str:
    return f"{base_offset:020d}"


def segment_bases(names: list[str]) -> list[int]:
    """The base offsets of the segment files among `names`, in order."""
    return sorted(int(name[:20]) for name in names if re.fullmatch(r"\d{20}\.log", name))


class Header(NamedTuple):
    """A whole batch's place in a segment file."""

    position: int
    size: int
    base_offset: int
    last_offset: int
    max_timestamp: int


class Segment:
    """A segment file. Its indexes are read when first needed; the file stays open with it."""

    __slots__ = ("_index", "_indexed_to", "_storage", "_time_index", "base_offset", "file", "path")

    def __init__(
        self, storage: Storage, folder: str, base_offset: int, file: File | None = None
    ) -> None:
        self.base_offset = base_offset
        self.path = f"{folder}/{segment_name(base_offset)}"
        self.file: File = file or storage.open(self.path + LOG_SUFFIX)
        self._storage = storage
        self._index = OffsetIndex(base_offset)
        self._time_index = TimeIndex(base_offset)
        self._indexed_to = 0

    def corrupt(self, position: int, offset: int, what: str) -> CorruptLog:
        return CorruptLog(
            f"{self.path}{LOG_SUFFIX}, position {position}, offset {offset}: {what}. "
            "Restore the file from a copy; nothing was changed"
        )

    def header(self, position: int, end_position: int) -> Header | None:
        """The header of the batch at `position`; None where there cannot be a whole batch."""
        data = self.file.pread(HEADER_SIZE, position)
        if len(data) < HEADER_SIZE:
            return None
        base, length, _, magic, _, _, delta, _, max_timestamp, _, _, _, count = HEADER.unpack(data)
        size = length + LENGTH_END
        if magic != 2 or length < SMALLEST_LENGTH or position + size > end_position:
            return None
        if base < self.base_offset or delta < 0 or count < 0:
            return None
        if base + delta - self.base_offset > RELATIVE_OFFSET_LIMIT:
            return None
        return Header(position, size, base, base + delta, max_timestamp)

    def headers(self, position: int, end_position: int) -> Iterator[Header]:
        """Every batch from `position` on, each where the one before says that it ends.

        Stops where the bytes are none. Nothing but the header was looked at.
        """
        while position < end_position:
            header = self.header(position, end_position)
            if header is None:
                return
            yield header
            position += header.size

    def chunk(
        self, position: int, wanted: int, offset: int, most: int | None = None
    ) -> bytes | None:
        """The whole batch at `position`, and with small batches what follows, up to `wanted`
        bytes.

        Empty at the end of the file; None where the batch is larger than `most`. `offset` is what
        is looked for, for the error.
        """
        head = self.file.pread(HEADER_SIZE, position)
        if not head:
            return b""
        size = batch_size(head, 0)
        if not size:
            raise self.corrupt(position, offset, NO_BATCH)
        if most is not None and size > most:
            return None
        data = self.file.pread(size if size >= LARGE_BATCH_BYTES else max(wanted, size), position)
        if len(data) < size:
            raise self.corrupt(position, offset, f"the file ends within a batch of {size} bytes")
        return data

    def is_intact(self, header: Header) -> bool:
        """Whether the checksum of a batch holds."""
        return Batch(self.file.pread(header.size, header.position)).is_intact()

    def indexes(self) -> tuple[OffsetIndex, TimeIndex]:
        """Both indexes as stored, or rebuilt in memory where missing or unsound."""
        size = self.file.size()
        if size > self._indexed_to:
            if not self._extend_indexes(size):
                self.rebuild_indexes(size)
            self._indexed_to = size
        return self._index, self._time_index

    def _extend_indexes(self, size: int) -> bool:
        index, time_index = self._index, self._time_index
        try:
            index.extend(self._stored(INDEX_SUFFIX, len(index.entries) * OFFSET_ENTRY.size))
            known = len(time_index.timestamps) * TIME_ENTRY.size
            time_index.extend(self._stored(TIME_INDEX_SUFFIX, known))
        except FileNotFoundError:
            return False
        return index.is_sound(size) and time_index.is_sound()

    def _stored(self, suffix: str, position: int) -> bytes:
        file = self._storage.open(self.path + suffix)
        return file.pread(max(file.size() - position, 0), position)

    def rebuild_indexes(self, size: int, interval_bytes: int = 4096) -> IndexBuilder:
        """Both indexes again, from the batches' headers; returned so that they can be stored."""
        builder = IndexBuilder(self.base_offset, interval_bytes)
        following = self.base_offset
        for header in self.headers(0, size):
            if header.base_offset >= following:  # else damaged: no entry may lead to it
                builder.add(header.last_offset, header.max_timestamp, header.position, header.size)
                following = header.last_offset + 1
        builder.add_time_entry()
        self._index = OffsetIndex(self.base_offset, bytes(builder.offset_entries))
        self._time_index = TimeIndex(self.base_offset, bytes(builder.time_entries))
        return builder

    def find(self, offset: int) -> int:
        """The position of the first batch that ends at or above `offset`, or the file's end."""
        index, _ = self.indexes()
        size = self.file.size()
        position = index.position(offset)
        if position and not self._is_entry(index, position, size):
            self.rebuild_indexes(size)
            position = self._index.position(offset)
        while position < size:
            header = self.header(position, size)
            if header is None:
                raise self.corrupt(position, offset, NO_BATCH)
            if header.last_offset >= offset:
                return position
            position += header.size
        return size

    def _is_entry(self, index: OffsetIndex, position: int, size: int) -> bool:
        header = self.header(position, size)
        return header is not None and index.position(header.last_offset) == position

    def first_timestamp(self) -> int:
        """The largest timestamp of the first batch, from which rolling by time counts; or -1."""
        header = self.header(0, self.file.size())
        return -1 if header is None else header.max_timestamp
