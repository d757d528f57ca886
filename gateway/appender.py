"""Commands on their way into a system: each to the partition of its key, many in one batch.

Used by everything that appends commands (`refold append`, the demo, imports). Commands come in one
by one with `add`, and are durable once `flush` has returned.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from log.backends import wall_clock_ms
from log.interface import Log
from log.partitioner import partition_for_key
from log.record import NO_HEADERS, BatchBuilder, new_batch
from processors.core.system import System

RECORD_OVERHEAD_BYTES = 256
"""More than a batch's header and a record's lengths and times take beside its key and value."""


@dataclass(slots=True)
class Appended:
    """What is durable of one partition: so many records, from the first offset to the last."""

    count: int
    first_offset: int
    last_offset: int


class Appender:
    """Appends the commands of one system. Makes its topics where they are missing."""

    def __init__(self, log: Log, system: System, clock: Callable[[], int] = wall_clock_ms) -> None:
        partitions = system.ensure_topics(log)
        self._partitions = [
            log.partition(system.commands_topic, number) for number in range(partitions)
        ]
        config = self._partitions[0].config
        self._encode = system.command_codec(config).encode
        self._compression = config.compression_type
        self.message_bytes_limit = config.max_message_bytes
        self._full_bytes = config.max_message_bytes - RECORD_OVERHEAD_BYTES
        self._key = system.key
        self._clock = clock
        self._builders: dict[int, tuple[BatchBuilder, list[int]]] = {}
        self.durable: dict[int, Appended] = {}
        """By partition number, what this appender has made durable."""

        @lru_cache(1 << 16)
        def place(key: str) -> tuple[bytes, int]:
            encoded = key.encode()
            return encoded, partition_for_key(encoded, partitions)

        self._place = place

    def add(self, command: Any, timestamp: int | None = None) -> None:
        """Take a command in; `timestamp` is milliseconds since 1970, None for now.

        A batch that would be over the topic's limit is appended first.
        """
        key, number = self._place(self._key(command))
        value = self._encode(command)
        if timestamp is None:
            timestamp = self._clock()
        entry = self._builders.get(number)
        if entry is None:
            entry = self._builders[number] = (new_batch(self._compression), [0])
        builder, count = entry
        if count[0] and builder.size() + len(key) + len(value) > self._full_bytes:
            self._append(number, builder, count[0])
            builder, count = self._builders[number] = (new_batch(self._compression), [0])
        builder.append(count[0], timestamp, key, value, NO_HEADERS)
        count[0] += 1

    def flush(self) -> int:
        """Append what was taken in; returns how many that were, once they are durable.

        Where the log refuses one partition's batch, `durable` counts what is there nevertheless.
        """
        flushed = 0
        builders, self._builders = self._builders, {}
        for number, (builder, (count,)) in sorted(builders.items()):
            self._append(number, builder, count)
            flushed += count
        return flushed

    def _append(self, number: int, builder: BatchBuilder, count: int) -> None:
        base = self._partitions[number].append_batch(builder)
        known = self.durable.setdefault(number, Appended(0, base, base))
        known.count += count
        known.last_offset = base + count - 1

    @property
    def durable_count(self) -> int:
        return sum(appended.count for appended in self.durable.values())
