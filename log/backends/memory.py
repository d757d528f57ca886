"""The memory backend: a log in lists, for tests and what-if runs. Gone with the process.

It keeps encoded batches in segments that roll as the file backend's do, so that retention and
compaction mean the same, and what passes here is what a file holds.
"""

import bisect
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self

from log.backends import wall_clock_ms
from log.backends.cleaning import (
    DeleteHorizons,
    SegmentSummary,
    check_batch,
    compact_batch,
    expired,
    is_roll_due,
    latest_offsets,
    without_records,
)
from log.backends.names import check_group_name, check_topic_name
from log.errors import (
    LogStorageError,
    OffsetOutOfRange,
    PartitionFenced,
    TopicExists,
    UnknownTopic,
)
from log.interface import nothing
from log.record import Batch, BatchBuilder, Record, encode_batch, new_batch, place_batch
from log.topic import TopicConfig


class _Segment:
    """What rolls, expires and is compacted together: only sizes, the batches are elsewhere."""

    __slots__ = ("base_offset", "first_timestamp", "max_timestamp", "size")

    def __init__(self, base_offset: int) -> None:
        self.base_offset = base_offset
        self.size = 0
        self.first_timestamp = -1
        self.max_timestamp = -1

    def add(self, batch: Batch) -> None:
        if not self.size:
            self.first_timestamp = batch.max_timestamp
        self.size += len(batch.buffer)
        self.max_timestamp = max(self.max_timestamp, batch.max_timestamp)


class MemoryPartition:
    """One partition: its batches in order, and the last offset of each for bisection."""

    def __init__(
        self, topic: str, number: int, config: TopicConfig, clock: Callable[[], int]
    ) -> None:
        self.topic = topic
        self.number = number
        self.config = config
        self.log_start = 0
        self.log_end = 0
        self._clock = clock
        self._batches: list[Batch] = []
        self._last_offsets: list[int] = []
        self._segments = [_Segment(0)]
        self._horizons = DeleteHorizons()
        self._deleted = False
        self._changed = threading.Condition()

    @property
    def high_watermark(self) -> int:
        return self.log_end

    @property
    def name(self) -> str:
        return f"{self.topic}-{self.number}"

    def new_batch(self) -> BatchBuilder:
        return new_batch(self.config.compression_type)

    def append(self, records: Sequence[Record]) -> range:
        if not records:
            return range(self.log_end, self.log_end)
        return self._place(encode_batch(records, self._clock(), self.config.compression_type))

    def append_batch(self, batch: BatchBuilder) -> range:
        return self._place(batch.build())

    def _place(self, encoded: bytearray) -> range:
        check_batch(self.config, encoded, self.name)
        with self._changed:
            if self._deleted:
                raise UnknownTopic(f"{self.name}: the topic was deleted")
            base = self.log_end
            place_batch(encoded, base)
            batch = Batch(bytes(encoded))
            if not batch.count:
                return range(base, base)
            segment = self._segments[-1]
            age_ms = batch.max_timestamp - segment.first_timestamp
            relative = batch.last_offset - segment.base_offset
            if is_roll_due(self.config, segment.size, len(encoded), age_ms, relative):
                segment = _Segment(base)
                self._segments.append(segment)
            segment.add(batch)
            self._batches.append(batch)
            self._last_offsets.append(batch.last_offset)
            self.log_end = batch.last_offset + 1
            self._changed.notify_all()
        return range(base, self.log_end)

    def read(self, offset: int, max_bytes: int = 1 << 20) -> list[Batch]:
        with self._changed:
            if not self.log_start <= offset <= self.log_end:
                raise OffsetOutOfRange(
                    f"{self.name}: offset {offset} is not between the log start "
                    f"{self.log_start} and the high watermark {self.log_end}"
                )
            found: list[Batch] = []
            size = 0
            for at in range(bisect.bisect_left(self._last_offsets, offset), len(self._batches)):
                batch = self._batches[at]
                size += len(batch.buffer)
                if found and size > max_bytes:
                    break
                found.append(batch if found else Batch(batch.buffer, offset))
            return found

    def wait(self, offset: int, timeout_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.log_end > offset, timeout_s)

    def offset_for_time(self, timestamp: int) -> int | None:
        with self._changed:
            for batch in self._batches:
                if batch.max_timestamp >= timestamp and batch.last_offset >= self.log_start:
                    for record in batch:
                        if record.timestamp >= timestamp and record.offset >= self.log_start:
                            return record.offset
        return None

    def delete_before(self, offset: int) -> None:
        with self._changed:
            if not self.log_start <= offset <= self.log_end:
                raise OffsetOutOfRange(
                    f"{self.name}: cannot delete before {offset}: the log holds "
                    f"{self.log_start} to {self.log_end}"
                )
            self._raise_log_start(offset)

    def _raise_log_start(self, offset: int) -> None:
        self.log_start = offset
        while len(self._segments) > 1 and self._segments[1].base_offset <= offset:
            del self._segments[0]
        gone = bisect.bisect_left(self._last_offsets, self._segments[0].base_offset)
        del self._batches[:gone], self._last_offsets[:gone]

    def mark_deleted(self) -> None:
        with self._changed:
            self._deleted = True

    def clean(self, now_ms: int) -> Iterator[str]:
        """Apply retention, then compaction; a line for each thing done."""
        with self._changed:
            active, config = self._segments[-1], self.config
            if (
                active.size
                and "delete" in config.cleanup_policy
                and 0 <= config.retention_ms < now_ms - active.max_timestamp
            ):
                self._segments.append(_Segment(self.log_end))
            done = list(self._retain(now_ms))
            if "compact" in config.cleanup_policy:
                done += self._compact(now_ms)
        yield from done

    def _retain(self, now_ms: int) -> Iterator[str]:
        bases = [segment.base_offset for segment in self._segments]
        rolled = [
            SegmentSummary(segment.base_offset, following, segment.size, segment.max_timestamp)
            for segment, following in zip(self._segments[:-1], bases[1:], strict=True)
        ]
        start = self.log_start
        for gone, why in expired(self.config, rolled, self._segments[-1].size, now_ms):
            start = max(start, gone.next_base)
            yield f"{self.name}: {gone.describe()}: {why}"
        self._raise_log_start(start)

    def _compact(self, now_ms: int) -> Iterator[str]:
        end = self._segments[-1].base_offset
        droppable_below = self._horizons.compacted(end, now_ms, self.config.delete_retention_ms)
        rolled = bisect.bisect_left(self._last_offsets, end)
        latest = latest_offsets(self._batches[:rolled])
        kept: list[Batch] = []
        dropped = 0
        for batch in self._batches[:rolled]:
            cleaned = compact_batch(batch, latest, droppable_below)
            dropped += cleaned.dropped
            if cleaned.encoded is not None:
                kept.append(Batch(cleaned.encoded))
            elif batch.last_offset == end - 1:
                kept.append(Batch(without_records(batch)))  # a reader must get past it
        self._batches[:rolled] = kept
        self._last_offsets = [batch.last_offset for batch in self._batches]
        self._measure_segments()
        if dropped:
            yield f"{self.name}: compaction dropped {dropped} records"

    def _measure_segments(self) -> None:
        """Count the segments' bytes and timestamps anew."""
        bases = [segment.base_offset for segment in self._segments]
        self._segments = [_Segment(base) for base in bases]
        for batch in self._batches:
            self._segments[bisect.bisect_right(bases, batch.base_offset) - 1].add(batch)


class _MemoryWriter:
    def __init__(self, partition: MemoryPartition, release: Callable[[], None]) -> None:
        self._partition = partition
        self._release = release
        self._closed = False

    def new_batch(self) -> BatchBuilder:
        return self._partition.new_batch()

    def append_batch(self, batch: BatchBuilder, meanwhile: Callable[[], None] = nothing) -> range:
        if self._closed:
            raise PartitionFenced(f"{self._partition.name}: this writer was closed")
        return self._partition.append_batch(batch)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._release()


class MemoryLog:
    """A whole log in memory. `clock` stamps records without a timestamp (milliseconds)."""

    scope = ""

    def __init__(self, clock: Callable[[], int] = wall_clock_ms) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._configs: dict[str, TopicConfig] = {}
        self._partitions: dict[tuple[str, int], MemoryPartition] = {}
        self._groups: dict[str, dict[tuple[str, int], int]] = {}
        self._writers: dict[tuple[str, int], _MemoryWriter] = {}
        self._closed = False

    def create_topic(self, name: str, config: TopicConfig) -> TopicConfig:
        existing = self.ensure_topic(name, config)
        if existing != config:
            raise TopicExists(f"topic {name} exists with another configuration: {existing}")
        return existing

    def ensure_topic(self, name: str, config: TopicConfig) -> TopicConfig:
        check_topic_name(name)
        with self._lock:
            if name not in self._configs:
                self._configs[name] = config
                for number in range(config.partitions):
                    partition = MemoryPartition(name, number, config, self._clock)
                    self._partitions[name, number] = partition
            return self._configs[name]

    def delete_topic(self, name: str) -> None:
        with self._lock:
            if name not in self._configs:
                raise UnknownTopic(f"there is no topic {name}")
            for number in range(self._configs.pop(name).partitions):
                self._partitions.pop((name, number)).mark_deleted()
                self._writers.pop((name, number), None)

    def topics(self) -> dict[str, TopicConfig]:
        return dict(sorted(self._configs.items()))

    def partition(self, topic: str, number: int) -> MemoryPartition:
        if self._closed:
            raise LogStorageError("the log was closed")
        if (topic, number) not in self._partitions:
            raise UnknownTopic(f"there is no partition {number} of a topic {topic}")
        return self._partitions[topic, number]

    def open_writer(self, topic: str, number: int) -> _MemoryWriter:
        partition = self.partition(topic, number)
        with self._lock:
            if (topic, number) in self._writers:
                raise PartitionFenced(f"{topic}-{number} has a writer already, in this process")
            writer = _MemoryWriter(partition, lambda: self._release(topic, number, writer))
            self._writers[topic, number] = writer
        return writer

    def _release(self, topic: str, number: int, writer: _MemoryWriter) -> None:
        with self._lock:
            if self._writers.get((topic, number)) is writer:
                del self._writers[topic, number]

    def commit(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        check_group_name(group)
        self._groups.setdefault(group, {}).update(offsets)

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        return dict(self._groups.get(group, {}))

    def groups(self) -> list[str]:
        return sorted(self._groups)

    def clean(self, now_ms: int | None = None) -> Iterable[str]:
        now_ms = self._clock() if now_ms is None else now_ms
        for partition in list(self._partitions.values()):
            yield from partition.clean(now_ms)

    def close(self) -> None:
        """Give the fences back. A second time does nothing."""
        self._closed = True
        for writer in list(self._writers.values()):
            writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
