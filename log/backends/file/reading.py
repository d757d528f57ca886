"""The read side of a partition's folder: from segment files to batches.

Any number of threads read at once, and the files may grow, roll, be deleted or compacted under
them, by this process or another: what readers may see, and whether the set of files has changed,
is in the shared words of `state.py`; files that are open stay readable after they are gone.
"""

import threading
import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import AbstractContextManager

from log.backends.cleaning import without_records
from log.backends.file.segment import (
    CHUNK_BYTES,
    NO_BATCH,
    Segment,
    batch_size,
    segment_bases,
)
from log.backends.file.state import DURABLE_END, GENERATION, HIGH_WATERMARK, LOG_START
from log.backends.file.storage import Storage
from log.errors import CorruptLog, LogStorageError, OffsetOutOfRange
from log.record import CONTROL_BIT, HEADER_SIZE, TRANSACTIONAL_BIT, Batch
from log.topic import TopicConfig

OPEN_SEGMENTS = 32
"""How many segment files a partition keeps open for reading."""
REMEMBERED_PLACES = 64
FIRST_PAUSE_S = 0.00005
LONGEST_PAUSE_S = 0.005
PAUSE_SHARE = 0.05
"""Appends of other processes are noticed by looking: after 50 us at first (a look costs some 10),
then after a twentieth of the time since anything came, and at last each 5 ms."""
HIDDEN_BITS = CONTROL_BIT | TRANSACTIONAL_BIT


class PartitionReader:
    """What can be read of one folder of segments; the write side builds on it."""

    def __init__(
        self, storage: Storage, folder: str, topic: str, number: int, config: TopicConfig
    ) -> None:
        self.topic = topic
        self.number = number
        self.config = config
        self.folder = folder
        self._storage = storage
        self._lock = threading.Lock()
        self._words = memoryview(bytearray(512)).cast("q")
        self._generation = -1
        self._bases: list[int] = []
        self._segments: dict[int, Segment] = {}
        self._places: dict[int, tuple[Segment, int]] = {}
        self._waiting = 0
        self._changed = threading.Condition()
        self._grown_s = time.monotonic()
        """When one who waited last saw something come."""
        self._may_skip = False
        """Whether a segment's offsets need not reach to the next one's: in a broker's files."""
        self._may_have_gaps = "compact" in config.cleanup_policy

    @property
    def name(self) -> str:
        return f"{self.topic}-{self.number}"

    @property
    def is_deleted(self) -> bool:
        """Whether the topic was deleted, by this process or another."""
        return False

    @property
    def log_start(self) -> int:
        return self._words[LOG_START]

    @property
    def durable_end(self) -> int:
        """The records below have been fsynced, whatever the topic's durability."""
        return self._words[DURABLE_END]

    @property
    def high_watermark(self) -> int:
        return self._words[HIGH_WATERMARK]

    def read(self, offset: int, max_bytes: int = 1 << 20) -> list[Batch]:
        """As `log.interface.Partition.read`.

        The next offset to read is always the last batch's `last_offset` + 1: where the last
        batches are hidden (control batches, aborted transactions), one without records stands for
        them.
        """
        words = self._words
        high = words[HIGH_WATERMARK]
        if not words[LOG_START] <= offset < high:
            if offset == high:
                return []
            raise OffsetOutOfRange(
                f"{self.name}: offset {offset} is not between the log start {self.log_start} "
                f"and the high watermark {high}"
            )
        if words[GENERATION] != self._generation:
            self._list_again()
        place = self._places.get(offset)
        while True:
            generation = self._generation
            try:
                if place is None:
                    place = self._find(offset)
                return self._read_from(*place, offset, high, max_bytes)
            except (CorruptLog, OSError) as error:
                # Another process may have deleted or replaced the file under us: look once more.
                if words[GENERATION] == generation:
                    if isinstance(error, CorruptLog):
                        raise
                    raise LogStorageError(f"{self.name}: reading {offset}: {error}") from error
                self._list_again()
                if offset < words[LOG_START]:
                    raise OffsetOutOfRange(
                        f"{self.name}: offset {offset} was deleted while it was read: the log "
                        f"starts at {self.log_start}"
                    ) from None
                place = None

    def offset_for_time(self, timestamp: int) -> int | None:
        """As `log.interface.Partition.offset_for_time`."""
        if self._words[GENERATION] != self._generation:
            self._list_again()
        start, high = self.log_start, self.high_watermark
        bases = self._bases
        for at, base in enumerate(bases):
            if at + 1 < len(bases) and bases[at + 1] <= start:
                continue
            segment = self._segment(base)
            _, time_index = segment.indexes()
            if (
                at + 1 < len(bases)
                and time_index.timestamps
                and (time_index.timestamps[-1] < timestamp)
            ):
                continue  # a rolled segment's last entry has its largest timestamp
            offset = max(time_index.offset_before(timestamp), start)
            end = min(bases[at + 1] if at + 1 < len(bases) else high, high)
            while offset < end:
                for batch in self.read(offset, CHUNK_BYTES):
                    if batch.max_timestamp >= timestamp:
                        for record in batch:
                            if record.timestamp >= timestamp:
                                return record.offset
                    offset = batch.last_offset + 1
        return None

    def wait(self, offset: int, timeout_s: float) -> bool:
        """As `log.interface.Partition.wait`: appends of this process wake it at once."""
        words = self._words
        if words[HIGH_WATERMARK] > offset:
            self._grown_s = time.monotonic()
            return True
        started_s = time.monotonic()
        with self._changed:
            self._waiting += 1
            try:
                while words[HIGH_WATERMARK] <= offset:
                    now_s = time.monotonic()
                    left_s = started_s + timeout_s - now_s
                    if left_s <= 0:
                        return False
                    pause_s = (now_s - self._grown_s) * PAUSE_SHARE
                    pause_s = min(max(pause_s, FIRST_PAUSE_S), LONGEST_PAUSE_S)
                    self._changed.wait(min(pause_s, left_s))
            finally:
                self._waiting -= 1
        self._grown_s = time.monotonic()
        return True

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _guard(self) -> AbstractContextManager[object]:
        """Held while files are opened, so that none is replaced between one and the next."""
        return self._lock

    def _list_again(self) -> None:
        with self._guard():
            self._list()

    def _list(self) -> None:
        generation = self._words[GENERATION]
        names = self._storage.list(self.folder)
        self._bases = segment_bases(names)
        self._segments = {}
        self._places = {}
        self._generation = generation  # last: other threads take it to mean that the rest is new

    def _segment(self, base: int) -> Segment:
        segment = self._segments.get(base)
        if segment is None:
            with self._guard():
                if len(self._segments) >= OPEN_SEGMENTS:
                    self._segments = {}
                segment = self._segments[base] = self._open_segment(base)
        return segment

    def _open_segment(self, base: int) -> Segment:
        segment = Segment(self._storage, self.folder, base)
        segment.indexes()
        return segment

    def _find(self, offset: int) -> tuple[Segment, int]:
        at = bisect_right(self._bases, offset) - 1
        if at < 0:
            raise self._missing(offset)
        segment = self._segment(self._bases[at])
        return segment, segment.find(offset)

    def _missing(self, offset: int) -> CorruptLog:
        return CorruptLog(
            f"{self.folder}: no segment file holds offset {offset}, though the log goes from "
            f"{self.log_start} to {self.high_watermark}: a file is missing, or cut. Restore it "
            "from a copy; nothing was changed"
        )

    def _next_segment(self, segment: Segment, offset: int) -> Segment:
        at = bisect_right(self._bases, segment.base_offset)
        if at == len(self._bases) or (self._bases[at] != offset and not self._may_skip):
            raise self._missing(offset)
        return self._segment(self._bases[at])

    def _read_from(
        self, segment: Segment, position: int, offset: int, high: int, max_bytes: int
    ) -> list[Batch]:
        batches: list[Batch] = []
        hidden: Batch | None = None
        following, size = offset, 0
        try:
            for batch, at, end in self._batches(segment, position, offset, high, max_bytes):
                size += len(batch.buffer)
                if size > max_bytes and following > offset:
                    break
                segment, position, following = at, end, batch.last_offset + 1
                if batch.attributes & HIDDEN_BITS and self._is_hidden(batch):
                    hidden = batch
                else:
                    hidden = None
                    batches.append(batch)
                if size >= max_bytes:
                    break
        except CorruptLog:
            if following == offset:
                raise  # else the next read begins at the damage, and says so
        if hidden is not None:
            batches.append(Batch(without_records(hidden)))
        if len(self._places) >= REMEMBERED_PLACES:
            self._places = {}
        self._places[following] = (segment, position)
        return batches

    def _batches(
        self, segment: Segment, position: int, offset: int, high: int, max_bytes: int
    ) -> Iterator[tuple[Batch, Segment, int]]:
        """Each batch below `high`, checked, with its segment and the position after it.

        Some more than `max_bytes` of small ones; a large one is not read where it does not fit.
        """
        following = offset
        wanted, most = min(max_bytes, CHUNK_BYTES), None
        left = max_bytes
        while following < high:
            chunk = segment.chunk(position, wanted, following, most)
            if chunk is None:
                return
            if not chunk:
                segment, position = self._next_segment(segment, following), 0
                continue
            at, end = 0, len(chunk)
            most = left = left - end
            while following < high and at < end:
                size = batch_size(chunk, at)
                if at + size > end or (not size and end - at < HEADER_SIZE):
                    break  # the chunk ends within this batch
                if not size:
                    raise segment.corrupt(position, following, NO_BATCH)
                batch = Batch(chunk if size == end else chunk[at : at + size], offset)
                if not batch.is_intact():
                    raise segment.corrupt(
                        position, batch.base_offset, "the checksum of the batch does not hold"
                    )
                base, last = batch.base_offset, batch.last_offset
                if base != following and self._is_misplaced(batch, following, offset):
                    raise segment.corrupt(
                        position, following, f"the batch there says that it holds {base} to {last}"
                    )
                at += size
                position += size
                following = last + 1
                yield batch, segment, position

    def _is_misplaced(self, batch: Batch, following: int, offset: int) -> bool:
        """Whether a batch cannot stand where it is: its base offset is not under the checksum."""
        if batch.base_offset > following:
            return not self._may_have_gaps
        return following != offset or batch.last_offset < offset

    def _is_hidden(self, batch: Batch) -> bool:
        """Whether a control or transactional batch is not for readers: none of our own is made."""
        return batch.is_control
