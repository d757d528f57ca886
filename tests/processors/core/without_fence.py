"""Histories as writers without a fence leave them: events told again, commands cut short.

`repeated` makes one from a history that a fenced task wrote: stretches of it stand again further
on, as a worker that was stopped and went on appends them. `WithoutFence` is a log that any number
of tasks write to at once.
"""

import random
from collections.abc import Iterable, Sequence

from log.backends.memory import MemoryLog
from log.interface import Log, Partition
from log.record import BatchBuilder, Record
from processors.core.system import System
from processors.core.workers.fenceless import FencelessWriter


class MemorySender:
    """Appends to a partition of a log in memory, as to one without a fence."""

    def __init__(self, partition: Partition) -> None:
        self._partition = partition

    def append(self, batch: BatchBuilder) -> Sequence[int]:
        return self._partition.append_batch(batch)

    def close(self) -> None:
        return None


class WithoutFence:
    """A `TaskLog` on a log in memory, whose writers keep nobody out."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    def partition(self, topic: str, number: int) -> Partition:
        return self._log.partition(topic, number)

    def open_writer(self, topic: str, number: int) -> FencelessWriter:
        partition = self._log.partition(topic, number)
        return FencelessWriter(partition, MemorySender(partition))


def records_of(log: Log, topic: str, number: int = 0) -> list[Record]:
    """All records of a partition, ready to be appended."""
    partition = log.partition(topic, number)
    found: list[Record] = []
    offset, end = partition.log_start, partition.high_watermark
    while offset < end and (batches := partition.read(offset)):
        offset = batches[-1].last_offset + 1
        found += [
            Record(record.value, record.key, record.timestamp, list(record.headers))
            for batch in batches
            for record in batch
        ]
    return found


def stretches(records: Sequence[Record], draw: random.Random, late: int) -> list[list[Record]]:
    """The records in stretches of some, with `late` stretches told before in between."""
    told: list[list[Record]] = []
    at = 0
    while at < len(records):
        size = draw.randint(1, 12)
        told.append(list(records[at : at + size]))
        at += size
    for _ in range(late):
        place = draw.randint(1, len(told))
        before = [record for each in told[:place] for record in each]
        begin = draw.randrange(len(before))
        told.insert(place, before[begin : begin + draw.randint(1, 30)])
    return told


def copy_of(log: Log, system: System, appends: Iterable[Sequence[Record]]) -> MemoryLog:
    """The same commands and dead letters, and events in these appends; one partition."""
    copy = MemoryLog()
    for name, config in log.topics().items():
        copy.ensure_topic(name, config)
    for topic in (system.commands_topic, system.dead_letters_topic):
        if records := records_of(log, topic):
            copy.partition(topic, 0).append(records)
    for append in appends:
        copy.partition(system.events_topic, 0).append(append)
    return copy
