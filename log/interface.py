"""The Log interface: what every backend gives, and what the contract suite holds it to.

Data comes in through `Partition.append*` (any number of writers) or `Writer.append_batch` (the one
fenced writer of a partition), and leaves through `Partition.read`.
Offsets, log start, log end, high watermark, groups: as in Kafka.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self

from log.record import Batch, BatchBuilder, Record
from log.topic import TopicConfig


class Partition(Protocol):
    """One append-only sequence of records. Safe to use from several threads."""

    @property
    def topic(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def config(self) -> TopicConfig: ...

    @property
    def log_start(self) -> int:
        """The offset of the oldest record kept."""

    @property
    def log_end(self) -> int:
        """The offset that the next record will get."""

    @property
    def high_watermark(self) -> int:
        """Records below are durable, and what readers see; at most the log end."""

    def new_batch(self) -> BatchBuilder:
        """An empty batch for `append_batch`, compressed as the topic says."""

    def append(self, records: Sequence[Record]) -> Sequence[int]:
        """Append in order; returns their offsets once durable. An empty append is a no-op.

        One batch here; on Kafka another writer's records may come in between.
        """

    def append_batch(self, batch: BatchBuilder) -> Sequence[int]:
        """As `append`, of a built batch."""

    def read(self, offset: int, max_bytes: int = 1 << 20) -> list[Batch]:
        """Batches from the one that holds `offset` on, below the high watermark.

        At least one batch where there is any, however large; else up to `max_bytes`. Empty at the
        high watermark. The first batch hides records before `offset`. Control batches and aborted
        transactions (of a broker) are left out: offsets may have holes, and a batch that only
        steps over some has no records.
        Errors: OffsetOutOfRange, CorruptLog.
        """

    def wait(self, offset: int, timeout_s: float) -> bool:
        """Block until the high watermark is above `offset`; False when the time ran out."""

    def offset_for_time(self, timestamp: int) -> int | None:
        """The first offset whose timestamp (ms) is at or above; None where there is none."""

    def delete_before(self, offset: int) -> None:
        """Raise the log start to `offset`; the records below are gone for readers."""


def nothing() -> None:
    """There is nothing to do meanwhile."""


class Writer(Protocol):
    """The one writer of a partition, until closed. The fence of law 5."""

    def new_batch(self) -> BatchBuilder:
        """An empty batch for `append_batch`; one that was begun and not appended is dropped."""

    def append_batch(
        self, batch: BatchBuilder, meanwhile: Callable[[], None] = nothing
    ) -> Sequence[int]:
        """As `Partition.append_batch`, all of it or nothing; PartitionFenced when a successor has
        taken over. A writer that has to wait calls `meanwhile` first.
        """

    def close(self) -> None: ...


class TaskLog(Protocol):
    """The part of a log that a task needs; replay puts another in its place."""

    def partition(self, topic: str, number: int) -> Partition:
        """UnknownTopic where there is none. The same object for the same partition."""

    def open_writer(self, topic: str, number: int) -> Writer:
        """Fence the partition.

        Where processes can be told to be alive (memory, file): PartitionFenced, naming the holder,
        while another has it. On a cluster: from now on the holder's appends raise it, and what it
        had begun is undone.
        """


class Log(TaskLog, Protocol):
    """Topics, partitions and consumer groups. Use as a context manager, or `close` it."""

    @property
    def scope(self) -> str:
        """Tells it from other logs where several share a place, such as one for snapshots; empty
        for one that has a place of its own."""

    def create_topic(self, name: str, config: TopicConfig) -> TopicConfig:
        """Create, or return the configuration where it exists with the same one (TopicExists)."""

    def ensure_topic(self, name: str, config: TopicConfig) -> TopicConfig:
        """Create where missing; an existing topic keeps its own configuration, returned."""

    def delete_topic(self, name: str) -> None: ...

    def topics(self) -> dict[str, TopicConfig]:
        """Every topic by name, sorted."""

    def commit(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        """Set a consumer group's committed offsets (the next offset to read)."""

    def committed(self, group: str) -> dict[tuple[str, int], int]: ...

    def groups(self) -> list[str]: ...

    def clean(self, now_ms: int | None = None) -> Iterable[str]:
        """Apply retention and compaction once; yields a line for each thing done."""

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class GroupListener(Protocol):
    """What a member of a consumer group is told, from within `Membership.poll`. A place is (topic,
    partition)."""

    def assigned(self, places: Sequence[tuple[str, int]]) -> None:
        """These are ours from now on."""

    def revoked(self, places: Sequence[tuple[str, int]]) -> None:
        """These go to another member as soon as this returns: finish what is begun."""

    def lost(self, places: Sequence[tuple[str, int]]) -> None:
        """These may be another's already: the session ran out."""


class Membership(Protocol):
    """Of a consumer group, which only deals partitions out: `poll` often, `close` to leave."""

    @property
    def is_member(self) -> bool:
        """Whether the group has dealt partitions out (maybe none) to this member."""

    def poll(self, timeout_s: float = 0.0) -> None:
        """Take part in the group; calls the listener. Errors: LogRefused."""

    def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Tell the group how far the partitions are; not waited for, and not worth a failure."""

    def close(self) -> None:
        """Leave the group: others need not wait for the session to run out."""


class ClusterLog(Log, Protocol):
    """A log on servers, whose partitions a group of workers shares."""

    keep_waiting: Callable[[], bool]
    """Asked again and again by what waits for the cluster; False to have it give up."""

    def begin_writer(self, topic: str, number: int) -> None:
        """Begin what the next `open_writer` of the partition waits for."""

    def forget_begun_writer(self, topic: str, number: int) -> None:
        """It was not opened, and will not be soon."""

    def join(
        self, group: str, topics: Sequence[str], listener: GroupListener, session_timeout_s: float
    ) -> Membership:
        """Join a group that deals out the partitions of some topics."""
