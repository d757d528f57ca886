"""Every byte of one segment held to what it should be: batches, offsets, checksums, indexes.

The `.log` file is read from its beginning; findings come out, with the file and the position. As
Kafka's `DumpLogSegments` does, the indexes are compared with the batches that they point to.
"""

from collections.abc import Iterator
from typing import NamedTuple

from log.backends.file.indexes import OFFSET_ENTRY, TIME_ENTRY
from log.backends.file.segment import (
    INDEX_SUFFIX,
    LOG_SUFFIX,
    TIME_INDEX_SUFFIX,
    batch_size,
    segment_name,
)
from log.backends.file.storage import File, Storage, read_file
from log.errors import CorruptLog
from log.finding import Finding
from log.record import HEADER_SIZE, Batch

CHUNK_BYTES = 1 << 20
LOG_APPEND_TIME_BIT = 0x08
"""Of a broker's batch: all records have the batch's timestamp."""
RESTORE = "restore the file from a copy"


class Place(NamedTuple):
    """A batch in the file, and the largest timestamp in the segment up to it."""

    position: int
    base_offset: int
    last_offset: int
    max_timestamp: int
    max_timestamp_so_far: int


class SegmentCheck:
    """Goes through one segment. `findings()` yields what is wrong; then `end_offset` and
    `end_position` say how far the batches go.

    Batches from the offset `until` on are left alone: they may be under way. Offsets follow on
    each other unless `may_have_gaps`. The segment that is appended to `is_active`.
    """

    def __init__(
        self,
        storage: Storage,
        folder: str,
        base_offset: int,
        *,
        until: int | None,
        is_active: bool,
        may_have_gaps: bool,
    ) -> None:
        self.path = f"{folder}/{segment_name(base_offset)}"
        self.base_offset = base_offset
        self.end_offset = base_offset
        self.end_position = 0
        self._until = until
        self._is_active = is_active
        self._may_have_gaps = may_have_gaps
        # The indexes first: what they point to is in the log file by then.
        self._offset_index = _OffsetIndexCheck(storage, self.path, base_offset)
        self._time_index = _TimeIndexCheck(storage, self.path, base_offset)
        self._file: File = storage.open(self.path + LOG_SUFFIX)
        self.size = self._file.size()
        self.is_cut = False
        """Whether the batches end before they should."""
        self._has_hole = False
        self._max_timestamp = -1

    def findings(self) -> Iterator[Finding]:
        offset_index, time_index = self._offset_index, self._time_index
        for found in self._batches():
            if isinstance(found, Finding):
                yield found
            else:
                yield from offset_index.pass_by(found)
                yield from time_index.pass_by(found)
        is_whole = self.end_position == self.size
        yield from offset_index.left(is_whole)
        yield from time_index.left(is_whole)
        if is_whole and not self._has_hole and not self._is_active:
            yield from time_index.finish(self._max_timestamp)
        self._file.close()

    def _batches(self) -> Iterator[Place | Finding]:
        position, data, begin = 0, b"", 0
        while position < self.size:
            at = position - begin
            size = batch_size(data, at)
            if not size or at + size > len(data):
                begin, at = position, 0
                head = self._file.pread(HEADER_SIZE, position)
                size = batch_size(head, 0)
                data = self._file.pread(max(size, CHUNK_BYTES), position) if size else b""
            if not size or at + size > len(data):
                due, resumed = self.end_offset, self._resume(position)
                yield self._unreadable(position, size, due, resumed)
                if not resumed:
                    return
                position = resumed
                continue
            buffer = data[at : at + size]
            batch = Batch(buffer)
            if self._until is not None and self.end_offset >= self._until:
                return
            due = self.end_offset
            yield from self._check(batch, position)
            self._max_timestamp = max(self._max_timestamp, batch.max_timestamp)
            yield Place(
                position,
                batch.base_offset,
                batch.last_offset,
                batch.max_timestamp,
                self._max_timestamp,
            )
            # The base offset is not under the checksum: where it is wrong, go by the one due.
            base = batch.base_offset if self._follows(batch, due) else due
            self.end_offset = base + batch.last_offset - batch.base_offset + 1
            position = self.end_position = position + size

    def _check(self, batch: Batch, position: int) -> Iterator[Finding]:
        what = ""
        if not batch.is_intact():
            what = (
                f"the checksum of the batch with offsets {batch.base_offset} to "
                f"{batch.last_offset} does not hold: bytes were changed"
            )
        elif not self._follows(batch, self.end_offset):
            what = (
                f"the batch says that it holds offsets {batch.base_offset} to "
                f"{batch.last_offset}, and offset {self.end_offset} is due"
            )
        else:
            what = _disagreement(batch)
        if what:
            yield self._damage(position, batch.base_offset, what)

    def _follows(self, batch: Batch, due: int) -> bool:
        base = batch.base_offset
        if self._until is not None and base >= self._until:
            return False
        return base == due or (self._may_have_gaps and base > due)

    def _resume(self, position: int) -> int:
        """After a place where no batch is: the next one that the index knows; 0 for none."""
        for after in self._offset_index.positions_after(position):
            head = self._file.pread(HEADER_SIZE, after)
            size = batch_size(head, 0)
            data = self._file.pread(size, after) if size else b""
            if size and len(data) == size and (batch := Batch(data)).is_intact():
                self.end_offset = max(self.end_offset, batch.base_offset)
                self._has_hole = True
                self._offset_index.pass_over(after)
                self._time_index.pass_over(batch.base_offset)
                return after
        return 0

    def _unreadable(self, position: int, size: int, due: int, resumed: int) -> Finding:
        """Where no whole batch is; `resumed` is where the next one is, or 0."""
        left = (resumed or self.size) - position
        is_promised = self._until is not None and due < self._until
        if self._is_active and not is_promised and not resumed:
            return Finding(
                path=self.path + LOG_SUFFIX,
                position=position,
                offset=due,
                what=f"{left} bytes after the last whole batch: an append that is under way, or "
                "was torn and never acknowledged",
                advice="nothing: the next opening cuts a torn one off",
                is_note=True,
            )
        if resumed:
            what = f"no whole batch begins here: {left} bytes, with offsets {due} to "
            return self._damage(position, due, f"{what}{self.end_offset - 1}, cannot be read")
        self.is_cut = True
        what = f"the file ends within a batch of {size} bytes" if size else "no batch begins here"
        return self._damage(position, due, f"{what}: {left} bytes cannot be read")

    def _damage(self, position: int, offset: int, what: str) -> Finding:
        path = self.path + LOG_SUFFIX
        return Finding(path=path, position=position, offset=offset, what=what, advice=RESTORE)


def _disagreement(batch: Batch) -> str:
    """How the header of an intact batch and its records differ; empty where they do not."""
    try:
        told = [(record.offset, record.timestamp) for record in batch]
    except CorruptLog as error:
        return f"the records of the batch cannot be read: {error}"
    if len(told) != batch.count:
        return f"the header says {batch.count} records, and the batch holds {len(told)}"
    offsets = [offset for offset, _ in told]
    if offsets != sorted(set(offsets)) or (
        told and not batch.base_offset <= offsets[0] <= offsets[-1] <= batch.last_offset
    ):
        return f"the records' offsets are not in order within the batch: {offsets[:9]} ..."
    latest = max((timestamp for _, timestamp in told), default=batch.max_timestamp)
    if latest != batch.max_timestamp and not batch.attributes & LOG_APPEND_TIME_BIT:
        return f"the header's latest timestamp is {batch.max_timestamp}, the records' {latest}"
    return ""


class _IndexCheck:
    """What checking the two indexes has in common: entries, and the batches that pass by."""

    suffix: str
    entry_size: int

    def __init__(self, storage: Storage, path: str, base_offset: int) -> None:
        self.path = path + self.suffix
        self.base_offset = base_offset
        try:
            self.stored: bytes | None = read_file(storage, self.path)
        except FileNotFoundError:
            self.stored = None
        self.at = 0
        """The byte position of the next entry."""

    def finding(self, what: str, *, offset: int | None = None, is_note: bool = False) -> Finding:
        return Finding(
            path=self.path,
            position=self.at,
            offset=offset,
            what=what,
            advice="delete the file: it is made again from the log file at the next opening",
            is_note=is_note,
        )

    def left(self, is_whole: bool) -> Iterator[Finding]:
        """At the end: entries that no batch was for."""
        if self.stored is None:
            yield self.finding("the index is missing", is_note=True)
        elif is_whole and len(self.stored) > self.at:
            entries = (len(self.stored) - self.at) // self.entry_size
            rest = len(self.stored) % self.entry_size
            if entries:
                yield self.finding(f"{entries} entries point to no batch of the segment")
            if rest:
                yield self.finding(f"{rest} bytes at the end are no entry")


class _OffsetIndexCheck(_IndexCheck):
    suffix = INDEX_SUFFIX
    entry_size = OFFSET_ENTRY.size

    def positions_after(self, position: int) -> list[int]:
        stored = self.stored or b""
        whole = stored[: len(stored) - len(stored) % self.entry_size]
        return sorted(at for _, at in OFFSET_ENTRY.iter_unpack(whole) if at > position)

    def pass_by(self, place: Place) -> Iterator[Finding]:
        """Entries are in order of positions: those up to this batch's."""
        while self.stored is not None and self.at + self.entry_size <= len(self.stored):
            relative, position = OFFSET_ENTRY.unpack_from(self.stored, self.at)
            if position > place.position:
                return
            offset = self.base_offset + relative
            if position < place.position or offset != place.last_offset:
                yield self.finding(
                    f"the entry for offset {offset} points to position {position}, where no "
                    "batch ends with that offset",
                    offset=offset,
                )
            self.at += self.entry_size

    def pass_over(self, position: int) -> None:
        """Entries for what cannot be read, before a position."""
        stored = self.stored or b""
        while self.at + self.entry_size <= len(stored):
            if OFFSET_ENTRY.unpack_from(stored, self.at)[1] >= position:
                return
            self.at += self.entry_size


class _TimeIndexCheck(_IndexCheck):
    suffix = TIME_INDEX_SUFFIX
    entry_size = TIME_ENTRY.size
    last_timestamp = -1

    def pass_by(self, place: Place) -> Iterator[Finding]:
        """Entries are in order of offsets: those up to this batch's."""
        while self.stored is not None and self.at + self.entry_size <= len(self.stored):
            timestamp, relative = TIME_ENTRY.unpack_from(self.stored, self.at)
            offset = self.base_offset + relative
            if offset > place.last_offset:
                return
            if timestamp <= self.last_timestamp:
                yield self.finding(f"the entry's timestamp {timestamp} does not grow")
            elif not (
                place.base_offset <= offset
                and timestamp == place.max_timestamp == place.max_timestamp_so_far
            ):
                yield self.finding(
                    f"the entry says that {timestamp} is the largest timestamp up to offset "
                    f"{offset}, and it is not",
                    offset=offset,
                )
            self.last_timestamp = max(timestamp, self.last_timestamp)
            self.at += self.entry_size

    def pass_over(self, offset: int) -> None:
        """Entries for what cannot be read, before an offset."""
        stored = self.stored or b""
        while self.at + self.entry_size <= len(stored):
            timestamp, relative = TIME_ENTRY.unpack_from(stored, self.at)
            if self.base_offset + relative >= offset:
                return
            self.last_timestamp = max(timestamp, self.last_timestamp)
            self.at += self.entry_size

    def finish(self, due: int) -> Iterator[Finding]:
        """`due`: of a rolled segment, the timestamp that its last entry must have."""
        if self.stored is not None and self.last_timestamp != due >= 0:
            yield self.finding(
                f"the last entry is for timestamp {self.last_timestamp}, and the segment's "
                f"largest is {due}: a search by time would pass it over"
            )
