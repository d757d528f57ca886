"""A recorded partition seen as the log that a task runs on: where replay decides again.

Commands come from the recorded partition, up to a place that replay moves on; events go to a sink
that replay gives; dead letters are counted and dropped. Nothing is written to the recorded log and
no fence is taken, so replay works while a task runs.
"""

from collections.abc import Callable, Sequence

from log.backends import wall_clock_ms
from log.backends.memory import MemoryPartition
from log.errors import UnknownTopic
from log.interface import Partition, Writer, nothing
from log.record import Batch, BatchBuilder, Record, batch_of, new_batch
from log.topic import TopicConfig
from processors.core.system import System

EventSink = Callable[[Batch], None]
"""Takes the events of one step, as a batch whose offsets mean nothing."""


class CommandsUntil(MemoryPartition):
    """A commands partition that ends at `end`, wherever the recorded one does."""

    def __init__(self, recorded: Partition) -> None:
        super().__init__(recorded.topic, recorded.number, recorded.config, wall_clock_ms)
        self._recorded = recorded
        self.log_start = recorded.log_start
        self.log_end = self.log_start

    def read(self, offset: int, max_bytes: int = 1 << 20) -> list[Batch]:
        if offset >= self.log_end:
            return []
        found: list[Batch] = []
        for batch in self._recorded.read(offset, max_bytes):
            if batch.last_offset >= self.log_end:
                records = [record for record in batch if record.offset < self.log_end]
                if records:
                    found.append(batch_of(records))
                break
            found.append(batch)
        return found


class CountedDeadLetters(MemoryPartition):
    """Counts what goes to it."""

    count = 0

    def append(self, records: Sequence[Record]) -> range:
        self.count += len(records)
        return range(self.log_end, self.log_end)


class _SinkWriter:
    def __init__(self, sink: EventSink) -> None:
        self._sink = sink

    def new_batch(self) -> BatchBuilder:
        return new_batch()

    def append_batch(self, batch: BatchBuilder, meanwhile: Callable[[], None] = nothing) -> range:
        decided = Batch(bytes(batch.build()))
        self._sink(decided)
        return range(decided.count)

    def close(self) -> None:
        return None


class ReplayLog:
    """The three topics of one task: recorded commands in, events to the sink."""

    def __init__(self, system: System, commands: Partition, events: TopicConfig, sink: EventSink):
        number = commands.number
        self.commands = CommandsUntil(commands)
        self.dead_letters = CountedDeadLetters(
            system.dead_letters_topic, number, TopicConfig(), wall_clock_ms
        )
        self._events = MemoryPartition(system.events_topic, number, events, wall_clock_ms)
        self._sink = sink

    def partition(self, topic: str, number: int) -> Partition:
        for partition in (self.commands, self._events, self.dead_letters):
            if (partition.topic, partition.number) == (topic, number):
                return partition
        raise UnknownTopic(f"replay holds no partition {number} of a topic {topic}")

    def open_writer(self, topic: str, number: int) -> Writer:
        self.partition(topic, number)
        return _SinkWriter(self._sink)
