"""Commands on their way into a system: each to the partition of its key, many in one batch; one
without a key to every partition.

Used by everything that appends commands (`refold append`, the demo, imports, reactors, effects).
Commands come in one by one with `add`, and are durable once `flush` has returned.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from log.backends import wall_clock_ms
from log.interface import Log
from log.record import NO_HEADERS, BatchBuilder, Headers
from processors.core.system import System, place_of
from processors.core.workers.tracing import AppendTracing

RECORD_OVERHEAD_BYTES = 256
"""More than a batch's header and a record's lengths and times take beside its key and value."""


@dataclass(slots=True)
class Appended:
    """What is durable of one partition: so many records, from the first offset to the last."""

    count: int
    first_offset: int
    last_offset: int


@dataclass(slots=True)
class _OpenBatch:
    """What was taken in for one partition, and is not appended yet."""

    number: int
    builder: BatchBuilder
    count: int = 0


class Appender:
    """Appends the commands of one system. Makes its topics where they are missing.

    With `tracing`, the commands of one flush are one span, and carry it in their headers.
    """

    def __init__(
        self,
        log: Log,
        system: System,
        clock: Callable[[], int] = wall_clock_ms,
        tracing: AppendTracing | None = None,
    ) -> None:
        partitions = system.ensure_topics(log)
        self._partitions = [
            log.partition(system.commands_topic, number) for number in range(partitions)
        ]
        config = self._partitions[0].config
        self._encode = system.command_codec(config).encode
        self.message_bytes_limit = config.max_message_bytes
        self._full_bytes = config.max_message_bytes - RECORD_OVERHEAD_BYTES
        self._key = system.key
        self._clock = clock
        self._tracing = tracing
        batches = [
            _OpenBatch(number, partition.new_batch())
            for number, partition in enumerate(self._partitions)
        ]
        self._open = batches
        self.durable: dict[int, Appended] = {}
        """By partition number, what this appender has made durable."""

        @lru_cache(1 << 16)
        def place(key: str | None) -> tuple[bytes | None, tuple[_OpenBatch, ...]]:
            encoded, numbers = place_of(key, partitions)
            return encoded, tuple(batches[number] for number in numbers)

        self._place = place

    def add(
        self, command: Any, timestamp: int | None = None, headers: Headers = NO_HEADERS
    ) -> None:
        """Take a command in; `timestamp` is milliseconds since 1970, None for now.

        A batch that would be over the topic's limit is appended first.
        """
        key, batches = self._place(self._key(command))
        value = self._encode(command)
        if timestamp is None:
            timestamp = self._clock()
        full_bytes = self._full_bytes
        if self._tracing is not None:
            headers = [*headers, *self._tracing.headers()]
        if headers:
            full_bytes -= sum(len(name) + len(text or b"") for name, text in headers)
        for batch in batches:
            count = batch.count
            if count:
                size = batch.builder.size() + len(value)
                if size + (len(key) if key else 0) > full_bytes:
                    self._append(batch.number, *self._take(batch))
                    count = 0
            batch.builder.append(count, timestamp, key, value, headers)
            batch.count = count + 1

    def flush(self) -> int:
        """Append what was taken in; returns how many records that were, once they are durable.

        Where the log refuses one partition's batch, `durable` counts what is there nevertheless.
        """
        taken = [(batch.number, *self._take(batch)) for batch in self._open if batch.count]
        for number, builder, count in taken:
            self._append(number, builder, count)
        if self._tracing is not None:
            self._tracing.appended(True)
        return sum(count for _, _, count in taken)

    def _take(self, batch: _OpenBatch) -> tuple[BatchBuilder, int]:
        """What is in it; it is empty afterwards."""
        taken = batch.builder, batch.count
        batch.builder, batch.count = self._partitions[batch.number].new_batch(), 0
        return taken

    def _append(self, number: int, builder: BatchBuilder, count: int) -> None:
        try:
            offsets = self._partitions[number].append_batch(builder)
        except BaseException:
            if self._tracing is not None:
                self._tracing.appended(False)
            raise
        known = self.durable.setdefault(number, Appended(0, offsets[0], offsets[0]))
        known.count += count
        known.last_offset = offsets[-1]

    @property
    def durable_count(self) -> int:
        """How many records: a command without a key counts once a partition."""
        return sum(appended.count for appended in self.durable.values())
