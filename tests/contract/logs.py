"""What the contract suites share: refold's own logs, and short ways to fill and read one."""

from collections.abc import Callable
from pathlib import Path
from random import Random

from log.backends.file import FileLog
from log.backends.memory import MemoryLog
from log.interface import Log, Partition
from log.record import BatchBuilder, Record, StoredRecord, new_batch
from log.topic import TopicConfig
from replay.simulator.disk import SimulatedDisk

NOW_MS = 1_700_000_000_000
DAY_MS = 24 * 3600 * 1000

OWN_BACKENDS: dict[str, Callable[[Path], Log]] = {
    "memory": lambda folder: MemoryLog(clock=lambda: NOW_MS),
    "file": lambda folder: FileLog(folder / "log", clock=lambda: NOW_MS),
    "file on a simulated disk": lambda folder: FileLog(
        "/log", clock=lambda: NOW_MS, storage=SimulatedDisk(Random(1)).process("only")
    ),
}


def a_partition(log: Log, config: TopicConfig | None = None, name: str = "orders") -> Partition:
    log.ensure_topic(name, config or TopicConfig())
    return log.partition(name, 0)


def records_of(
    partition: Partition, offset: int | None = None, max_bytes: int = 1 << 20
) -> list[StoredRecord]:
    found: list[StoredRecord] = []
    at = partition.log_start if offset is None else offset
    while at < partition.high_watermark:
        batches = partition.read(at, max_bytes)
        assert batches, "nothing to read below the high watermark"
        for batch in batches:
            found += batch
        at = batches[-1].last_offset + 1
    return found


def values_of(partition: Partition, offset: int | None = None) -> list[bytes | None]:
    return [record.value for record in records_of(partition, offset)]


def append_values(partition: Partition, *values: str, at_ms: int | None = None) -> None:
    for value in values:
        partition.append([Record(value.encode(), timestamp=at_ms)])


def a_batch(*values: bytes) -> BatchBuilder:
    builder = new_batch()
    for delta, value in enumerate(values):
        builder.append(delta, NOW_MS, None, value, [])
    return builder
