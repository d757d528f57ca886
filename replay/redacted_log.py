"""A recorded log seen with values replaced: what an export reads, and what is decided again.

    recorded log ─► learn the values ─► RedactedLog ─► export
                                             └───────► verify: does history still come out?

Nothing is written to the recorded log. It is seen as far as it went when this began.
"""

import secrets
from collections.abc import Collection, Iterator
from typing import Any

from log.backends import wall_clock_ms
from log.backends.cleaning import without_records
from log.backends.memory import MemoryLog, MemoryPartition
from log.codec import DECODE_ERRORS
from log.errors import LogError
from log.interface import Log, Partition
from log.record import Batch, StoredRecord, batch_of
from processors.core.registry import Registry
from processors.core.system import System
from processors.core.task import TaskFailed
from replay.portable import Progress, batches_of, chosen_topics
from replay.portable_manifest import systems_on
from replay.redaction import Redaction, RedactionRefused
from replay.verify import verify

KEY_BYTES = 32


class RedactedPartition(MemoryPartition):
    """A recorded partition, redacted as it is read."""

    def __init__(self, recorded: Partition, redaction: Redaction, codec: Any | None) -> None:
        super().__init__(recorded.topic, recorded.number, recorded.config, wall_clock_ms)
        self.log_start = recorded.log_start
        self.log_end = recorded.high_watermark
        self._recorded = recorded
        self._redaction = redaction
        self._codec = codec

    def read(self, offset: int, max_bytes: int = 1 << 20) -> list[Batch]:
        if offset >= self.log_end:
            return []
        found: list[Batch] = []
        for batch in self._recorded.read(offset, max_bytes):
            if batch.base_offset >= self.log_end:
                break
            found.append(self._redacted(batch))
        return found

    def offset_for_time(self, timestamp: int) -> int | None:
        return self._recorded.offset_for_time(timestamp)

    def _redacted(self, batch: Batch) -> Batch:
        """What a read hides in a batch is not redacted: it goes, and the offsets stay."""
        records = list(batch)
        if not records:
            return Batch(without_records(batch)) if batch.count else batch
        changed = len(records) < batch.count
        for at, record in enumerate(records):
            redacted = self._redaction.redacted(self.config, record)
            if redacted is not None:
                self._check(record, redacted.value)
                records[at], changed = redacted, True
        return batch_of(records) if changed else batch

    def _check(self, record: StoredRecord, value: bytes | None) -> None:
        """RedactionRefused where its types took the value, and do not take it now."""
        if self._codec is None or value == record.value or self._reason(record.value) is not None:
            return
        reason = self._reason(value)
        if reason is not None:
            raise RedactionRefused(
                f"{self.topic}-{self.number}: with its values replaced, the record at offset "
                f"{record.offset} is none of its system's any more ({reason}): that field cannot "
                "be redacted"
            )

    def _reason(self, value: bytes | None) -> str | None:
        if self._codec is None:
            return None
        try:
            self._codec.decode(value)
        except (*DECODE_ERRORS, TypeError) as error:
            return str(error)
        return None


class RedactedLog(MemoryLog):
    """Topics and groups of a recorded log; its partitions redacted."""

    def __init__(
        self,
        recorded: Log,
        partitions: dict[tuple[str, int], RedactedPartition],
        numbers_left: list[str],
    ) -> None:
        super().__init__()
        self.numbers_left = numbers_left
        """Fields that are called like a redacted one, and hold numbers: these stay."""
        self._recorded = recorded
        self._redacted = partitions

    def topics(self) -> Any:
        return chosen_topics(self._recorded, {topic for topic, _ in self._redacted})

    def partition(self, topic: str, number: int) -> MemoryPartition:
        return self._redacted.get((topic, number)) or super().partition(topic, number)

    def groups(self) -> list[str]:
        return self._recorded.groups()

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        return self._recorded.committed(group)


def redacted_log(
    log: Log,
    fields: Collection[str],
    *,
    key: bytes | None = None,
    topics: Collection[str] | None = None,
    registry: Registry | None = None,
    progress: Progress | None = None,
) -> RedactedLog:
    """The log, or some of its topics, with the values of the fields replaced everywhere.

    `key` makes the replacements; None: a random one, which is kept nowhere. `progress` follows
    the pass over all records that finds the values. Errors: RedactionRefused for a field that no
    record has; the same, as it is read, where replaced values are none of their types any more.
    """
    chosen = chosen_topics(log, topics)
    systems = systems_on(registry, chosen)
    codecs: dict[str, Any] = {}
    for system in systems:
        if system.commands_topic in chosen:
            codec: Any = system.command_codec(chosen[system.commands_topic])
            codecs[system.commands_topic] = codec
        if system.events_topic in chosen:
            codecs[system.events_topic] = system.event_codec(chosen[system.events_topic])
    redaction = Redaction(fields, key or secrets.token_bytes(KEY_BYTES), systems)
    partitions = {
        (topic, number): RedactedPartition(
            log.partition(topic, number), redaction, codecs.get(topic)
        )
        for topic, config in chosen.items()
        for number in range(config.partitions)
    }
    total = sum(one.log_end - one.log_start for one in partitions.values())
    done = 0
    for (topic, number), one in partitions.items():
        for batch in batches_of(log.partition(topic, number), one.log_start, one.log_end):
            for record in batch:
                redaction.learn(one.config, record)
            done += batch.count
            if progress:
                progress(done, total)
    redaction.learned()
    return RedactedLog(log, partitions, sorted(redaction.numbers_left))


def decided_again(
    log: Log, registry: Registry | None, progress: Progress | None = None
) -> Iterator[str]:
    """A line for each system whose commands and events are in a redacted log: whether deciding
    the commands again still gives the events."""
    topics = log.topics()
    for system in systems_on(registry, topics):
        if system.commands_topic in topics and system.events_topic in topics:
            yield f"{system.name}: {_decide_again(log, system, progress)}"


def _decide_again(log: Log, system: System, progress: Progress | None) -> str:
    compared = 0
    for number in range(log.topics()[system.commands_topic].partitions):
        try:
            result = verify(log, system, number, progress=progress)
        except (LogError, TaskFailed) as error:
            return f"it cannot be decided again: {error}"
        compared += result.events_compared
        if result.difference is not None:
            found = result.difference
            return (
                f"redacted, it does not verify: partition {number} differs first at the command "
                f"at offset {found.command_offset} ({', '.join(found.fields) or 'its events'}). "
                "Either it did not before, or its rules go by the order or the text of a redacted "
                "value, or the value stands in a field that is not redacted"
            )
    return f"redacted, it still verifies: {compared:,} events came out the same"
