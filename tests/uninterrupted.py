"""What a log holds, and what its commands lead to where nobody is killed: for the crash tests."""

from log.backends.memory import MemoryLog
from log.interface import Log
from log.record import Record, StoredRecord
from processors.core.system import System
from processors.core.testing.subject import decide_all


def records(log: Log, topic: str, number: int) -> list[StoredRecord]:
    """All of a partition, read by read."""
    partition = log.partition(topic, number)
    found: list[StoredRecord] = []
    while batches := partition.read(found[-1].offset + 1 if found else 0):
        found += [record for batch in batches for record in batch]
    return found


def decided_without_interruption(log: Log, system: System) -> MemoryLog:
    """The same commands, decided by tasks that nobody kills."""
    whole = MemoryLog()
    for number in range(system.ensure_topics(whole)):
        commands = [
            Record(record.value, record.key, record.timestamp)
            for record in records(log, system.commands_topic, number)
        ]
        whole.partition(system.commands_topic, number).append(commands)
    decide_all(whole, system)
    return whole
