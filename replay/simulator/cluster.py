"""A simulated cluster that keeps a log, with what can be seen of Kafka from outside.

    SimulatedCluster             what is durable: partitions, writers' epochs, groups
    SimulatedLog (a process's)   as `log.interface.ClusterLog`: asks, waits, and may not be told

Transactions take an offset for their marker, and aborted ones leave holes; a successor's epoch
fences whoever had the partition; an answer may be lost after the deed, and a deed undone; a
process may be cut off, and the brokers away. What was acknowledged stays.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Self

from log.backends.cleaning import without_records
from log.backends.memory import MemoryLog, MemoryPartition
from log.errors import LogUnavailable, PartitionFenced
from log.interface import GroupListener, nothing
from log.record import Batch, BatchBuilder, Record, place_batch
from log.topic import TopicConfig
from replay.simulator.coordinator import Coordinator, SimulatedMembership
from replay.simulator.processes import Process

TRIES_MAX = 5
"""As the real writer: how often a transaction that is aborted is sent again."""


class SimulatedCluster:
    """The brokers. `truth` is what they hold; nothing goes wrong when it is read directly."""

    def __init__(self, clock: Callable[[], int], now_ms: Callable[[], int]) -> None:
        self.truth = MemoryLog(clock)
        self.now_ms = now_ms
        self.away_until_ms = 0
        """Until then no broker answers: they restart."""
        self.epochs: dict[tuple[str, int], int] = {}
        self.groups: dict[str, Coordinator] = {}

    def log_of(self, process: Process) -> "SimulatedLog":
        """The log as a process sees it."""
        return SimulatedLog(self, process)

    def raise_epoch(self, place: tuple[str, int]) -> int:
        self.epochs[place] = self.epochs.get(place, 0) + 1
        return self.epochs[place]

    def coordinator(self, group: str) -> Coordinator:
        return self.groups.setdefault(group, Coordinator(self.truth, self.now_ms))


def skip(partition: MemoryPartition, count: int) -> None:
    """Let offsets pass that readers never see: a marker, an aborted transaction."""
    builder = partition.new_batch()
    for delta in range(count):
        builder.append(delta, 1, None, b"", [])
    encoded = builder.build()
    place_batch(encoded, partition.log_end)
    hidden = Batch(without_records(Batch(bytes(encoded))))
    partition._batches.append(hidden)
    partition._last_offsets.append(hidden.last_offset)
    partition.log_end = hidden.last_offset + 1


class SimulatedLog:
    """As `log.interface.ClusterLog`, for one process."""

    scope = "simulated."

    def __init__(self, cluster: SimulatedCluster, process: Process) -> None:
        self.cluster = cluster
        self.process = process
        self.keep_waiting: Callable[[], bool] = lambda: True
        self._partitions: dict[tuple[str, int], SimulatedPartition] = {}
        self._begun: dict[tuple[str, int], int] = {}

    def ask(self, what: str) -> None:
        """Go to the cluster. Errors: LogUnavailable, ProcessKilled."""
        process, cluster = self.process, self.cluster
        process.operation()
        if cluster.now_ms() < max(cluster.away_until_ms, process.cut_until_ms):
            raise LogUnavailable(f"{what}: the cluster does not answer (simulated)")

    def lost_ack(self, what: str) -> None:
        """After the deed: it may be that nobody is told. Errors: LogUnavailable, ProcessKilled."""
        self.process.operation()
        if self.process.faults.strikes("lost_ack", what):
            raise LogUnavailable(f"{what}: the answer was lost (simulated)")

    # -- topics and partitions --------------------------------------------------------------------

    def create_topic(self, name: str, config: TopicConfig) -> TopicConfig:
        self.ask(f"creating {name}")
        return self.cluster.truth.create_topic(name, config)

    def ensure_topic(self, name: str, config: TopicConfig) -> TopicConfig:
        self.ask(f"creating {name}")
        return self.cluster.truth.ensure_topic(name, config)

    def delete_topic(self, name: str) -> None:
        self.ask(f"deleting {name}")
        self.cluster.truth.delete_topic(name)

    def topics(self) -> dict[str, TopicConfig]:
        return self.cluster.truth.topics()

    def partition(self, topic: str, number: int) -> "SimulatedPartition":
        place = topic, number
        if place not in self._partitions:
            truth = self.cluster.truth.partition(topic, number)
            self._partitions[place] = SimulatedPartition(self, truth)
        return self._partitions[place]

    def begin_writer(self, topic: str, number: int) -> None:
        self.ask(f"fencing {topic}-{number}")
        self._begun[topic, number] = self.cluster.raise_epoch((topic, number))

    def forget_begun_writer(self, topic: str, number: int) -> None:
        self._begun.pop((topic, number), None)

    def open_writer(self, topic: str, number: int) -> "SimulatedWriter":
        self.ask(f"fencing {topic}-{number}")
        place = topic, number
        epoch = self._begun.pop(place, None) or self.cluster.raise_epoch(place)
        return SimulatedWriter(self, self.partition(topic, number), epoch)

    # -- groups -----------------------------------------------------------------------------------

    def join(
        self, group: str, topics: Sequence[str], listener: GroupListener, session_timeout_s: float
    ) -> SimulatedMembership:
        return self.cluster.coordinator(group).join(
            self.process, topics, listener, int(session_timeout_s * 1000)
        )

    def commit(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        self.ask(f"committing for {group}")
        self.cluster.truth.commit(group, offsets)

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        self.ask(f"asking for the offsets of {group}")
        return self.cluster.truth.committed(group)

    def groups(self) -> list[str]:
        return self.cluster.truth.groups()

    def clean(self, now_ms: int | None = None) -> Iterable[str]:
        return ()

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


class SimulatedPartition:
    """One partition, as one process sees it."""

    def __init__(self, log: SimulatedLog, truth: MemoryPartition) -> None:
        self.truth = truth
        self.topic = truth.topic
        self.number = truth.number
        self.config = truth.config
        self._log = log

    @property
    def log_start(self) -> int:
        return self.truth.log_start

    @property
    def log_end(self) -> int:
        return self.truth.log_end

    @property
    def high_watermark(self) -> int:
        self._log.ask(f"asking for the end of {self.truth.name}")
        return self.truth.high_watermark

    def new_batch(self) -> BatchBuilder:
        return self.truth.new_batch()

    def append(self, records: Sequence[Record]) -> Sequence[int]:
        return self._appended(lambda: self.truth.append(records))

    def append_batch(self, batch: BatchBuilder) -> Sequence[int]:
        return self._appended(lambda: self.truth.append_batch(batch))

    def _appended(self, append: Callable[[], range]) -> range:
        log, name = self._log, self.truth.name
        log.ask(f"appending to {name}")
        if log.process.faults.strikes("failed_append", name):
            raise LogUnavailable(f"appending to {name}: nothing was written (simulated)")
        offsets = append()
        log.lost_ack(f"appending to {name}")
        return offsets

    def read(self, offset: int, max_bytes: int = 1 << 20) -> list[Batch]:
        self._log.ask(f"reading {self.truth.name}")
        return self.truth.read(offset, max_bytes)

    def wait(self, offset: int, timeout_s: float) -> bool:
        """A record that was appended this moment may be missed."""
        process = self._log.process
        process.operation()
        if process.faults.strikes("late", self.truth.name):
            return False
        if self.truth.high_watermark <= offset:
            process.clock.sleep(timeout_s)
        return self.truth.high_watermark > offset

    def offset_for_time(self, timestamp: int) -> int | None:
        self._log.ask(f"reading {self.truth.name}")
        return self.truth.offset_for_time(timestamp)

    def delete_before(self, offset: int) -> None:
        self._log.ask(f"deleting from {self.truth.name}")
        self.truth.delete_before(offset)


class SimulatedWriter:
    """The writer of a partition, in transactions, while its epoch is the latest."""

    def __init__(self, log: SimulatedLog, partition: SimulatedPartition, epoch: int) -> None:
        self._log = log
        self._partition = partition.truth
        self._place = partition.topic, partition.number
        self._epoch = epoch
        self._check_epoch()

    def _check_epoch(self) -> None:
        if self._log.cluster.epochs[self._place] != self._epoch:
            raise PartitionFenced(f"{self._partition.name}: a successor has taken over")

    def new_batch(self) -> BatchBuilder:
        return self._partition.new_batch()

    def append_batch(self, batch: BatchBuilder, meanwhile: Callable[[], None] = nothing) -> range:
        log, partition, faults = self._log, self._partition, self._log.process.faults
        what = f"writing to {partition.name}"
        log.ask(what)
        meanwhile()
        encoded = batch.build()
        for _ in range(TRIES_MAX):
            log.ask(what)
            self._check_epoch()
            if not faults.strikes("aborted", what):
                break
            skip(partition, Batch(bytes(encoded)).count + 1)
        else:
            raise LogUnavailable(f"{what}: aborted again and again (simulated)")
        offsets = partition._place(encoded)
        skip(partition, 1)
        log.lost_ack(what)
        return offsets

    def close(self) -> None:
        """Nothing to give back: the next epoch takes it."""
