"""The memory backend: a log in lists, for tests and what-if runs. Gone with the process.

It keeps encoded batches, as the file backend does, so that what passes here is what a file holds.
"""

import bisect
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Self

from log.errors import OffsetOutOfRange, PartitionFenced, TopicExists, UnknownTopic
from log.record import Batch, BatchBuilder, Record, encode_batch, new_batch, place_batch
from log.topic import TopicConfig


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


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
        self._changed = threading.Condition()

    @property
    def high_watermark(self) -> int:
        return self.log_end

    def append(self, records: Sequence[Record]) -> range:
        if not records:
            return range(self.log_end, self.log_end)
        base = self._place(encode_batch(records, self._clock(), self.config.compression_type))
        return range(base, base + len(records))

    def append_batch(self, batch: BatchBuilder) -> int:
        return self._place(batch.build())

    def _place(self, encoded: bytearray) -> int:
        with self._changed:
            base = self.log_end
            place_batch(encoded, base)
            batch = Batch(bytes(encoded))
            self._batches.append(batch)
            self._last_offsets.append(batch.last_offset)
            self.log_end = batch.last_offset + 1
            self._changed.notify_all()
        return base

    def read(self, offset: int, max_bytes: int = 1 << 20) -> list[Batch]:
        with self._changed:
            if not self.log_start <= offset <= self.log_end:
                raise OffsetOutOfRange(
                    f"{self.topic}-{self.number}: offset {offset} is not between the log start "
                    f"{self.log_start} and the high watermark {self.log_end}"
                )
            at = bisect.bisect_left(self._last_offsets, offset)
            found: list[Batch] = []
            size = 0
            for batch in self._batches[at:]:
                size += len(batch.buffer)
                if found and size > max_bytes:
                    break
                found.append(Batch(batch.buffer, offset) if not found else batch)
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
                    f"{self.topic}-{self.number}: cannot delete before {offset}: the log holds "
                    f"{self.log_start} to {self.log_end}"
                )
            self.log_start = offset
            gone = bisect.bisect_left(self._last_offsets, offset)
            del self._batches[:gone], self._last_offsets[:gone]

    def compact(self, horizon_ms: int) -> int:
        """Keep each key's last record; drop tombstones older than `horizon_ms`. Returns dropped."""
        with self._changed:
            latest: dict[bytes, int] = {}
            for batch in self._batches:
                for record in batch:
                    if record.key is not None:
                        latest[record.key] = record.offset
            dropped = 0
            kept: list[Batch] = []
            for batch in self._batches:
                builder, records = new_batch(self.config.compression_type), 0
                for record in batch:
                    stale = record.key is not None and latest[record.key] != record.offset
                    expired = record.value is None and record.timestamp < horizon_ms
                    if stale or expired:
                        dropped += 1
                        continue
                    delta = record.offset - batch.base_offset
                    builder.append(
                        delta, record.timestamp, record.key, record.value, record.headers
                    )
                    records += 1
                if records == batch.count:
                    kept.append(batch)
                elif records:
                    encoded = builder.build()
                    place_batch(encoded, batch.base_offset)
                    kept.append(Batch(bytes(encoded)))
            self._batches = kept
            self._last_offsets = [batch.last_offset for batch in kept]
            return dropped


class _MemoryWriter:
    def __init__(self, partition: MemoryPartition, release: Callable[[], None]) -> None:
        self._partition = partition
        self._release = release

    def append_batch(self, batch: BatchBuilder) -> int:
        return self._partition.append_batch(batch)

    def close(self) -> None:
        self._release()


class MemoryLog:
    """A whole log in memory. `clock` stamps records without a timestamp (milliseconds)."""

    def __init__(self, clock: Callable[[], int] = wall_clock_ms) -> None:
        self._clock = clock
        self._configs: dict[str, TopicConfig] = {}
        self._partitions: dict[tuple[str, int], MemoryPartition] = {}
        self._groups: dict[str, dict[tuple[str, int], int]] = {}
        self._fenced: set[tuple[str, int]] = set()

    def create_topic(self, name: str, config: TopicConfig) -> TopicConfig:
        existing = self.ensure_topic(name, config)
        if existing != config:
            raise TopicExists(f"topic {name} exists with another configuration: {existing}")
        return existing

    def ensure_topic(self, name: str, config: TopicConfig) -> TopicConfig:
        if name not in self._configs:
            self._configs[name] = config
            for number in range(config.partitions):
                self._partitions[name, number] = MemoryPartition(name, number, config, self._clock)
        return self._configs[name]

    def delete_topic(self, name: str) -> None:
        if name not in self._configs:
            raise UnknownTopic(f"there is no topic {name}")
        for number in range(self._configs.pop(name).partitions):
            del self._partitions[name, number]

    def topics(self) -> dict[str, TopicConfig]:
        return dict(sorted(self._configs.items()))

    def partition(self, topic: str, number: int) -> MemoryPartition:
        if (topic, number) not in self._partitions:
            raise UnknownTopic(f"there is no partition {number} of a topic {topic}")
        return self._partitions[topic, number]

    def open_writer(self, topic: str, number: int) -> _MemoryWriter:
        partition = self.partition(topic, number)
        if (topic, number) in self._fenced:
            raise PartitionFenced(f"{topic}-{number} has a writer already, in this process")
        self._fenced.add((topic, number))
        return _MemoryWriter(partition, lambda: self._fenced.discard((topic, number)))

    def commit(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        self._groups.setdefault(group, {}).update(offsets)

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        return dict(self._groups.get(group, {}))

    def groups(self) -> list[str]:
        return sorted(self._groups)

    def clean(self, now_ms: int | None = None) -> Iterable[str]:
        now_ms = self._clock() if now_ms is None else now_ms
        for (topic, number), partition in self._partitions.items():
            config = partition.config
            if "compact" in config.cleanup_policy:
                dropped = partition.compact(now_ms - config.delete_retention_ms)
                if dropped:
                    yield f"{topic}-{number}: compaction dropped {dropped} records"

    def close(self) -> None:
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
