"""Events that other processes write, followed once for all who wait for them here.

Where the tasks run elsewhere, a partition of events is read on by one thread, from where the first
one waits, committed events only. No group is joined and nothing is committed. The newest stretch
stays in memory, where waiters and streams read it; what is older comes from the log. A partition
that nobody waits for is left alone.

The log is opened twice. One is for looks, which other looks alone may hold up, and which give up
soon where a broker is away; what follows and what appends waits patiently in the other.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self

from log.errors import LogError, OffsetOutOfRange
from log.interface import Log, Partition, Writer
from log.record import Batch, BatchBuilder, Record, StoredRecord, batch_of
from log.topic import TopicConfig

logger = logging.getLogger("refold.http")

KEPT_BYTES = 1 << 20
"""Of a partition, in memory. More where a single read brought more."""
READ_BYTES = 1 << 18
RECORD_BYTES = 200
"""What a record takes in memory beside its value, about."""
WAIT_S = 0.25
IDLE_S = 10.0
"""So long after the last one who waited, a partition is followed on."""
VISIBLE_S = 1.0
"""How long what is on the log may take to come here, for one who reads it."""
TRY_AGAIN_S = 0.5


class KeptBatch(Batch):
    """A read's records in memory. It reaches over offsets that hold nothing, such as the markers
    of a broker's transactions."""

    __slots__ = ("_records", "bytes")

    def __init__(
        self, base_offset: int, last_offset: int, records: Sequence[StoredRecord]
    ) -> None:
        self._records = records
        self.base_offset = self._first_offset = base_offset
        self.last_offset = last_offset
        self.count = len(records)
        self.attributes = self.crc = 0
        self.producer_id = -1
        self.max_timestamp = max((record.timestamp for record in records), default=-1)
        self.bytes = sum(len(record.value or b"") + RECORD_BYTES for record in records)

    def __iter__(self) -> Iterator[StoredRecord]:
        return iter(self._records)

    def whole(self) -> "KeptBatch":
        return self

    @property
    def size(self) -> int:
        return self.bytes

    @property
    def buffer(self) -> bytes:
        return batch_of(self._records).buffer if self._records else b""

    def last_record(self) -> StoredRecord | None:
        return self._records[-1] if self._records else None

    def behind(self, offset: int) -> "KeptBatch":
        """Without the records before an offset."""
        kept = [record for record in self._records if record.offset >= offset]
        return KeptBatch(offset, self.last_offset, kept)


class TailedPartition:
    """As `log.interface.Partition`: of one for looks, and the same for what waits."""

    def __init__(self, partition: Partition, patient: Partition) -> None:
        self.topic, self.number = partition.topic, partition.number
        self.config = partition.config
        self._partition = partition
        self._patient = patient
        self._kept: deque[KeptBatch] = deque()
        self._kept_bytes = 0
        self._begin = self._end = -1
        """What is in memory, or known to hold nothing; -1: nobody follows."""
        self._asked_s = 0.0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    # -- what is followed -------------------------------------------------------------------------

    def wait(self, offset: int, timeout_s: float) -> bool:
        with self._changed:
            self._asked_s = time.monotonic()
            if self._end < 0:
                self._begin = self._end = offset
                self._changed.notify_all()
            if self._thread is None and not self._closed:
                name = f"refold-tail-{self.topic}-{self.number}"
                self._thread = threading.Thread(target=self._follow, name=name, daemon=True)
                self._thread.start()
            self._changed.wait_for(lambda: self._end > offset or self._closed, timeout_s)
            return self._end > offset

    def read(self, offset: int, max_bytes: int = 1 << 20) -> list[Batch]:
        with self._changed:
            if 0 <= self._begin <= offset <= self._end:
                return self._from_memory(offset, max_bytes)
        return self._partition.read(offset, max_bytes)

    @property
    def high_watermark(self) -> int:
        """All below is to be had at once, where the partition is followed."""
        end = self._partition.high_watermark
        with self._changed:
            self._changed.wait_for(lambda: not 0 <= self._end < end, VISIBLE_S)
        return end

    def _from_memory(self, offset: int, max_bytes: int) -> list[Batch]:
        found: list[KeptBatch] = []
        for batch in reversed(self._kept):
            if batch.last_offset < offset:
                break
            found.append(batch if batch.base_offset >= offset else batch.behind(offset))
        taken: list[Batch] = []
        while found and (not taken or found[-1].bytes <= max_bytes):
            max_bytes -= found[-1].bytes
            taken.append(found.pop())
        return taken

    def _follow(self) -> None:
        while True:
            with self._changed:
                if time.monotonic() - self._asked_s > IDLE_S:
                    self._forget()
                self._changed.wait_for(lambda: self._end >= 0 or self._closed)
                if self._closed:
                    return
                end = self._end
            try:
                if self._patient.wait(end, WAIT_S):
                    self._keep(end, self._patient.read(end, READ_BYTES))
            except OffsetOutOfRange:
                self._forget()  # who waits reads there, and is told
            except LogError as error:
                logger.warning("%s-%d is not followed: %s", self.topic, self.number, error)
                with self._changed:
                    self._changed.wait_for(lambda: self._closed, TRY_AGAIN_S)

    def _keep(self, end: int, batches: Iterable[Batch]) -> None:
        kept = []
        for batch in batches:
            kept.append(KeptBatch(end, batch.last_offset, list(batch)))
            end = batch.last_offset + 1
        with self._changed:
            self._kept += kept
            self._kept_bytes += sum(each.bytes for each in kept)
            self._end = end
            while self._kept_bytes > KEPT_BYTES and len(self._kept) > 1:
                self._kept_bytes -= self._kept.popleft().bytes
                self._begin = self._kept[0].base_offset
            self._changed.notify_all()

    def _forget(self) -> None:
        with self._changed:
            self._kept.clear()
            self._kept_bytes = 0
            self._begin = self._end = -1
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    # -- what is the partition's ------------------------------------------------------------------

    @property
    def log_start(self) -> int:
        return self._partition.log_start

    @property
    def log_end(self) -> int:
        return self._partition.log_end

    def new_batch(self) -> BatchBuilder:
        return self._patient.new_batch()

    def append(self, records: Sequence[Record]) -> Sequence[int]:
        return self._patient.append(records)

    def append_batch(self, batch: BatchBuilder) -> Sequence[int]:
        return self._patient.append_batch(batch)

    def offset_for_time(self, timestamp: int) -> int | None:
        return self._partition.offset_for_time(timestamp)

    def delete_before(self, offset: int) -> None:
        self._partition.delete_before(offset)


class TailedLog:
    """As `log.interface.Log`: of one for looks, and the same for what waits on partitions of
    `topics`. `close` ends the waits; the two logs stay open."""

    def __init__(self, log: Log, patient: Log, topics: Collection[str]) -> None:
        self._log = log
        self._patient = patient
        self._topics = frozenset(topics)
        self._partitions: dict[tuple[str, int], TailedPartition] = {}
        self._lock = threading.Lock()

    def partition(self, topic: str, number: int) -> Partition:
        if topic not in self._topics:
            return self._log.partition(topic, number)
        with self._lock:
            if (topic, number) not in self._partitions:
                self._partitions[topic, number] = TailedPartition(
                    self._log.partition(topic, number), self._patient.partition(topic, number)
                )
            return self._partitions[topic, number]

    def close(self) -> None:
        for partition in self._partitions.values():
            partition.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- what is the log's ------------------------------------------------------------------------

    @property
    def scope(self) -> str:
        return self._log.scope

    def open_writer(self, topic: str, number: int) -> Writer:
        return self._log.open_writer(topic, number)

    def create_topic(self, name: str, config: TopicConfig) -> TopicConfig:
        return self._log.create_topic(name, config)

    def ensure_topic(self, name: str, config: TopicConfig) -> TopicConfig:
        return self._log.ensure_topic(name, config)

    def delete_topic(self, name: str) -> None:
        self._log.delete_topic(name)

    def topics(self) -> dict[str, TopicConfig]:
        return self._log.topics()

    def commit(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        self._log.commit(group, offsets)

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        return self._log.committed(group)

    def groups(self) -> list[str]:
        return self._log.groups()

    def clean(self, now_ms: int | None = None) -> Iterable[str]:
        return self._log.clean(now_ms)
