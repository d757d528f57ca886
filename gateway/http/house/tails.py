"""The end of a partition, looked at now and then: where it is, what its last event says, and which
kinds of records came since. However much that is, a look reads no more than a little of it.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import msgspec

from gateway.http.house.told import Extent
from log.backends.file.reading import PartitionReader
from log.interface import Partition
from log.record import Batch, StoredRecord

READ_BYTES = 1 << 16
SAMPLE_RECORDS = 256
"""So many of the records that came since are looked into; the others count as these."""


class Head(msgspec.Struct, gc=False):
    """What every command and event says of itself."""

    type: str = ""
    origin_topic: str = ""
    sequence: int = -1
    cause: int = -1


class Tail:
    """Of one partition. `kinds` counts records by (type, origin's topic) since the first look."""

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        library = msgspec.json if partition.config.value_format == "json" else msgspec.msgpack
        self._decode: Callable[[bytes], Head] = library.Decoder(Head).decode
        self.kinds: Counter[tuple[str, str]] = Counter()
        self.last = Head()
        """Of the last record."""
        self.at_ms = 0
        self.end = -1
        """The high watermark of the last look; -1 before the first."""
        self._bytes: int | None = None

    def look(self) -> bool:
        """Whether there was anything new. Errors: those of the log."""
        end, before = self.partition.high_watermark, self.end
        if end == before:
            return False
        start = self.partition.log_start
        if before >= 0 and end > start:
            self._count(max(before, start), end)
        if end > start:
            self._find_last(max(before, start), end)
        self._bytes = bytes_of(self.partition)
        self.end = end
        return True

    @property
    def extent(self) -> Extent:
        start = self.partition.log_start
        return Extent(start=start, end=max(self.end, start), bytes=self._bytes)

    def _count(self, begin: int, end: int) -> None:
        """What came from `begin` on: some of it stands for all."""
        records = _records(self.partition.read(begin, READ_BYTES), end)
        heads = [self._head(record) for record in islice(records, SAMPLE_RECORDS)]
        for head in heads:
            self.kinds[head.type, head.origin_topic] += round((end - begin) / len(heads))

    def _find_last(self, begin: int, end: int) -> None:
        """The last offsets of a broker's partition may hold no records."""
        back = 1
        while True:
            offset = max(end - back, begin)
            found: StoredRecord | None = None
            batches = self.partition.read(offset, READ_BYTES)
            while batches:
                found = _last_of(batches, end) or found
                reached = batches[-1].last_offset + 1
                batches = self.partition.read(reached, READ_BYTES) if reached < end else []
            if found is not None:
                head = self._head(found)
                if head.sequence >= self.last.sequence:  # another may have been told again
                    self.last, self.at_ms = head, found.timestamp
                return
            if offset == begin:
                return
            back *= 2

    def _head(self, record: StoredRecord) -> Head:
        try:
            return self._decode(record.value or b"")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Head()


def _records(batches: Sequence[Batch], end: int) -> Iterator[StoredRecord]:
    for batch in batches:
        for record in batch:
            if record.offset >= end:
                return
            yield record


def _last_of(batches: Sequence[Batch], end: int) -> StoredRecord | None:
    for batch in reversed(batches):
        if batch.last_offset < end and (record := batch.last_record()) is not None:
            return record
        records = list(_records([batch], end))
        if records:
            return records[-1]
    return None


def bytes_of(partition: Partition) -> int | None:
    """On disk; None where it is on servers, or in memory."""
    if not isinstance(partition, PartitionReader):
        return None
    try:
        with os.scandir(partition.folder) as entries:
            return sum(entry.stat().st_size for entry in entries)
    except OSError:  # a segment was deleted meanwhile
        return None
