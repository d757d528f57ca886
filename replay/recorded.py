"""A recorded partition seen as the log that a task runs on: where replay decides again.

Commands come from the recorded partition, up to a place that replay moves on; events go to a sink
that replay gives; dead letters are counted and dropped. Nothing is written to the recorded log and
no fence is taken, so replay works while a task runs.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from log.backends import wall_clock_ms
from log.backends.memory import MemoryPartition
from log.errors import UnknownTopic
from log.interface import Partition, Writer, nothing
from log.record import Batch, BatchBuilder, Record, new_batch
from log.topic import TopicConfig
from processors.core.system import System
from replay.log_until import PartitionUntil

EventSink = Callable[[Batch], None]
"""Takes the events of one step, as a batch whose offsets mean nothing."""


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
        self.commands = PartitionUntil(commands, commands.log_start)
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


@contextmanager
def told_from(logger_name: str, level: int) -> Iterator[None]:
    """Within, a logger tells of nothing below a level."""
    logger = logging.getLogger(logger_name)
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


def quiet_dead_letters() -> AbstractContextManager[None]:
    """What was a dead letter is one again, and was told when it happened."""
    return told_from("refold.task", logging.ERROR)
