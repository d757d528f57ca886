"""A log seen as it was: partitions that end before where they end now, for reading alone.

Whatever reads a log (a projection's worker, a task's recovery, verify) reads this one in its place
and finds no more than there was. Nothing can be written, committed or deleted through it.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import NoReturn, Self

from log.errors import LogRefused, OffsetOutOfRange
from log.interface import Log, Partition, Writer
from log.record import Batch, BatchBuilder, Record, batch_of
from log.topic import TopicConfig


class PartitionUntil:
    """A partition that ends at `log_end`, wherever the recorded one does; replay moves it on."""

    def __init__(self, recorded: Partition, end: int) -> None:
        if not recorded.log_start <= end <= recorded.high_watermark:
            raise OffsetOutOfRange(
                f"{recorded.topic}-{recorded.number} cannot end at offset {end}: it holds "
                f"{recorded.log_start} to {recorded.high_watermark}"
            )
        self.topic = recorded.topic
        self.number = recorded.number
        self.config = recorded.config
        self.log_end = end
        self._recorded = recorded

    @property
    def log_start(self) -> int:
        return self._recorded.log_start

    @property
    def high_watermark(self) -> int:
        return self.log_end

    def read(self, offset: int, max_bytes: int = 1 << 20) -> list[Batch]:
        if offset > self.log_end:
            raise OffsetOutOfRange(
                f"{self.topic}-{self.number}: offset {offset} is beyond {self.log_end}, where "
                "the log is taken to end"
            )
        if offset == self.log_end:
            return []
        found: list[Batch] = []
        for batch in self._recorded.read(offset, max_bytes):
            if batch.last_offset < self.log_end:
                found.append(batch)
                continue
            records = [record for record in batch if record.offset < self.log_end]
            if records:
                found.append(batch_of(records))
            break
        return found

    def wait(self, offset: int, timeout_s: float) -> bool:
        """At once: nothing is ever added."""
        return offset < self.log_end

    def offset_for_time(self, timestamp: int) -> int | None:
        offset = self._recorded.offset_for_time(timestamp)
        return None if offset is None or offset >= self.log_end else offset

    def new_batch(self) -> NoReturn:
        raise _read_only(self.topic)

    def append(self, records: Sequence[Record]) -> NoReturn:
        raise _read_only(self.topic)

    def append_batch(self, batch: BatchBuilder) -> NoReturn:
        raise _read_only(self.topic)

    def delete_before(self, offset: int) -> NoReturn:
        raise _read_only(self.topic)


class LogUntil:
    """The log whose partitions end at `ends`, by topic and number; the others as they are.

    It may be closed or not: the recorded log stays open. Errors: OffsetOutOfRange for an end that
    the partition does not hold; UnknownTopic.
    """

    def __init__(self, recorded: Log, ends: Mapping[tuple[str, int], int]) -> None:
        self._recorded = recorded
        self._cut = {
            (topic, number): PartitionUntil(recorded.partition(topic, number), end)
            for (topic, number), end in ends.items()
        }

    @property
    def scope(self) -> str:
        return self._recorded.scope

    def topics(self) -> dict[str, TopicConfig]:
        return self._recorded.topics()

    def partition(self, topic: str, number: int) -> Partition:
        known = self._cut.get((topic, number))
        if known is None:
            recorded = self._recorded.partition(topic, number)
            known = self._cut[topic, number] = PartitionUntil(recorded, recorded.high_watermark)
        return known

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        return self._recorded.committed(group)

    def groups(self) -> list[str]:
        return self._recorded.groups()

    def open_writer(self, topic: str, number: int) -> Writer:
        raise _read_only(topic)

    def create_topic(self, name: str, config: TopicConfig) -> NoReturn:
        raise _read_only(name)

    def ensure_topic(self, name: str, config: TopicConfig) -> TopicConfig:
        """The configuration of a topic that is there."""
        known = self._recorded.topics().get(name)
        if known is None:
            raise _read_only(name)
        return known

    def delete_topic(self, name: str) -> NoReturn:
        raise _read_only(name)

    def commit(self, group: str, offsets: Mapping[tuple[str, int], int]) -> NoReturn:
        raise _read_only(f"group {group}")

    def clean(self, now_ms: int | None = None) -> Iterable[str]:
        raise _read_only("retention")

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
        return None


def _read_only(what: str) -> LogRefused:
    return LogRefused(f"{what}: this is the log as it was, and can only be read")
