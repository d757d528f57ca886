"""An events partition folded into state, and how far: what a task, a snapshot and replay hold.

Events come in as batches read from the partition; the state, the next sequence, the last cause and
the origins and idempotency keys seen come out (law 4: the events topic is the checkpoint).
"""

import zlib
from collections.abc import Iterable, Sequence
from typing import Generic

from log.codec import DECODE_ERRORS, Codec
from log.envelope import Command, Event
from log.errors import CorruptLog, LogError
from log.interface import Partition
from log.record import Batch, StoredRecord
from processors.core.decider import Decider, State
from processors.core.messages import CORE_EVENTS, RulesAdopted

_CORE = frozenset(CORE_EVENTS)

IDEMPOTENCY_WINDOW_MS = 24 * 3_600_000
"""For so long, by the times of the records, an idempotency key is remembered ..."""
IDEMPOTENCY_KEYS_MAX = 1_000_000
"""... or until so many newer ones have come on the partition: some 200 MB."""

Keys = dict[str, tuple[int, int]]
"""By idempotency key, in the order of their times: the first command's offset, and its time."""

Origins = dict[tuple[str, int], tuple[int, int]]
"""Of each source partition (topic, number), the highest (sequence, index) seen."""


class SequenceGap(LogError):
    """An event is missing: the fold would be of another history."""


class IncompleteCommand(LogError):
    """The partition ends within the events of one command."""


class Fold(Generic[State]):
    """A state, and the place in history that it is the state of.

    `next_offset` is where to read on in the events partition; `last_cause` the offset of the last
    command decided; `at` the latest timestamp so far (milliseconds since 1970); `rules_version`
    is 0 where no rules were adopted yet. `last_offset` is where the last event read stands, and
    `last_checksum` the CRC-32 of its value: they tell a replaced partition from the old one.
    """

    def __init__(
        self,
        decider: Decider[State],
        state: State,
        *,
        next_sequence: int = 0,
        next_offset: int = 0,
        last_cause: int = -1,
        last_offset: int = -1,
        last_checksum: int = 0,
        at: int = 0,
        rules_version: int = 0,
        origins: Origins | None = None,
        keys: Keys | None = None,
    ) -> None:
        self.decider = decider
        self.state = state
        self.next_sequence = next_sequence
        self.next_offset = next_offset
        self.last_cause = last_cause
        self.last_cause_complete = True
        self.last_offset = last_offset
        self.last_checksum = last_checksum
        self.at = at
        self.rules_version = rules_version
        self.origins: Origins = origins or {}
        self.keys: Keys = keys or {}

    def advance(self, partition: Partition, batches: Iterable[Batch], codec: Codec[Event]) -> int:
        """Fold whole batches, in order; returns the number of events folded.

        Errors: SequenceGap, CorruptLog (an event that does not decode), both with the place.
        """
        decode = codec.decode
        evolve = self.decider.evolve
        state = self.state
        sequence = first = self.next_sequence
        next_offset = self.next_offset
        event: Event | None = None
        record: StoredRecord | None = None
        for batch in batches:
            for record in batch:
                value = record.value
                if value is None:
                    raise _undecodable(partition, record.offset, "it is a tombstone")
                try:
                    told = decode(value)
                except DECODE_ERRORS as error:
                    raise _undecodable(partition, record.offset, str(error)) from error
                if told.sequence != sequence:
                    if told.sequence < sequence:
                        continue  # told before: the first writer of a sequence wins
                    raise SequenceGap(
                        f"{partition.topic}-{partition.number}: at offset {record.offset} stands "
                        f"sequence {told.sequence} where {sequence} is due"
                    )
                event = told
                sequence += 1
                if type(event) in _CORE:
                    if type(event) is RulesAdopted:
                        self.rules_version = event.version
                else:
                    state = evolve(state, event)
                if event.origin_sequence >= 0:
                    self.see_origin(event)
                if event.idempotency_key:
                    self.remember(event.idempotency_key, event.cause, record.timestamp)
            next_offset = batch.last_offset + 1
            if batch.max_timestamp > self.at:
                self.at = batch.max_timestamp
        self.state = state
        self.next_sequence = sequence
        if record is not None:
            self.reached(record.value or b"", record.offset)
        self.next_offset = next_offset
        if event is not None and sequence > first:
            self.last_cause = event.cause
            self.last_cause_complete = event.cause_index + 1 == event.cause_count
        return sequence - first

    def reached(self, value: bytes, offset: int) -> None:
        """The last event so far, of that value, stands at `offset`; the next one is after it."""
        self.last_checksum = zlib.crc32(value)
        self.last_offset = offset
        self.next_offset = offset + 1

    def has_seen_origin(self, message: Command | Event) -> bool:
        """Whether the origin is at or below the watermark of its source partition (law 5)."""
        source = message.origin_topic, message.origin_partition
        watermark = self.origins.get(source, (-1, -1))
        return (message.origin_sequence, message.origin_index) <= watermark

    def see_origin(self, message: Command | Event | None, events: Sequence[Event] = ()) -> None:
        """Raise the watermark of the origin's source partition, if the message has one; `events`
        repeat the origin."""
        if message is None or message.origin_sequence < 0:
            return
        for event in events:
            event.origin_topic = message.origin_topic
            event.origin_partition = message.origin_partition
            event.origin_sequence = message.origin_sequence
            event.origin_index = message.origin_index
        if not self.has_seen_origin(message):
            source = message.origin_topic, message.origin_partition
            self.origins[source] = message.origin_sequence, message.origin_index

    def first_cause(self, key: str, at: int) -> int | None:
        """The offset of the command that had this idempotency key, within the window."""
        cause, seen_at = self.keys.get(key, (-1, 0))
        return cause if cause >= 0 and at - seen_at <= IDEMPOTENCY_WINDOW_MS else None

    def remember(self, key: str, cause: int, at: int) -> None:
        """The command at offset `cause` has this idempotency key. The oldest are forgotten."""
        keys = self.keys
        keys.pop(key, None)
        keys[key] = cause, at
        while True:
            oldest = next(iter(keys))
            if len(keys) <= IDEMPOTENCY_KEYS_MAX and at - keys[oldest][1] <= IDEMPOTENCY_WINDOW_MS:
                return
            del keys[oldest]


def new_fold(decider: Decider[State]) -> Fold[State]:
    """The fold of no events."""
    return Fold(decider, decider.initial())


def _undecodable(partition: Partition, offset: int, reason: str) -> CorruptLog:
    return CorruptLog(
        f"{partition.topic}-{partition.number}: the event at offset {offset} cannot be read: "
        f"{reason}. Where an old version of a type was removed, keep it in the system's upcasters"
    )
