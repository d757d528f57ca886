"""Reads a system's events topic for projections: decoded, checked, in runs of whole commands."""

import zlib
from collections.abc import Iterable
from typing import Any, NamedTuple, cast

import msgspec

from log.codec import DECODE_ERRORS, Codec, tag_of
from log.envelope import Event
from log.errors import OffsetOutOfRange
from log.interface import Log, Partition
from log.record import Batch, StoredRecord
from log.topic import TopicConfig
from processors.core.system import System
from projections.core.errors import ForeignLog, InvalidEvent, ProjectionError, ProjectionGap
from projections.core.projection import Events
from projections.core.store import Watermark


class Chunk(NamedTuple):
    """A run of events whose sequences follow one another, and the watermark behind it."""

    events: Events
    after: Watermark


class EventReader:
    """Reads the events of some types from a system's topic, for any number of followers.

    The others are only looked at for their sequence. The last chunk is remembered, for followers
    that go side by side.
    """

    def __init__(self, log: Log, system: System, kinds: Iterable[type[Event]]) -> None:
        self.topic = system.events_topic
        self._kinds = frozenset(kinds)
        self.partitions: list[Partition] = [
            log.partition(self.topic, number) for number in range(system.ensure_topics(log))
        ]
        self._decode = _codec(system, self._kinds, self.partitions[0].config).decode
        self._asked: tuple[int, Watermark, int] | None = None
        self._chunk = Chunk(Events(0, (), ()), Watermark())

    def read(self, number: int, mark: Watermark, max_bytes: int) -> Chunk:
        """The events from the watermark on; at the end of the topic, none and the same watermark.

        Errors: ProjectionGap, InvalidEvent, ForeignLog; CorruptLog from the log.
        """
        asked = (number, mark, max_bytes)
        if asked == self._asked:
            return self._chunk
        chunk = self._read(number, mark, max_bytes)
        if chunk.after != mark:
            self._asked, self._chunk = asked, chunk
        return chunk

    def _read(self, number: int, mark: Watermark, max_bytes: int) -> Chunk:
        partition = self.partitions[number]
        while True:
            end = partition.high_watermark
            if mark.next_offset == end:
                return Chunk(Events(number, (), ()), mark)
            if mark.next_offset > end:
                raise ForeignLog(
                    f"{self.topic}[{number}] ends at offset {end}, but the read model has applied "
                    f"it up to {mark.next_offset}: the log was replaced or lost its tail; rebuild "
                    "the read model"
                )
            try:
                batches = partition.read(max(mark.next_offset, partition.log_start), max_bytes)
            except OffsetOutOfRange:
                continue  # retention moved the log start meanwhile
            chunk = self._decode_batches(number, mark, batches)
            if chunk.after != mark or not batches or batches[-1].last_offset + 1 >= end:
                return chunk
            max_bytes *= 2  # one command's events are in more batches than were read

    def _decode_batches(self, number: int, mark: Watermark, batches: list[Batch]) -> Chunk:
        """As many of the batches as hold what follows, up to the last end of a command.

        A fault is raised only once it stands in the first: all batches before are applied."""
        events: list[Any] = []
        timestamps: list[int] = []
        after, kept = mark, 0
        expected = mark.next_sequence
        ends_command = True
        for batch in batches:
            try:
                newest, last = self._decode_batch(number, batch, expected, events, timestamps)
            except ProjectionError:
                if after == mark:
                    raise
                break
            if newest is not None:
                expected = newest.sequence + 1
                ends_command = newest.cause_index + 1 >= newest.cause_count
            if ends_command and last is not None:
                after = Watermark(expected, last.offset + 1, zlib.crc32(last.value or b""))
                kept = len(events)
        del events[kept:], timestamps[kept:]
        return Chunk(Events(number, events, timestamps), after)

    def _decode_batch(
        self, number: int, batch: Batch, expected: int, events: list[Any], timestamps: list[int]
    ) -> tuple[Any, StoredRecord | None]:
        """Add the batch's events to the lists; returns the newest one, and the last record."""
        decode, kinds = self._decode, self._kinds
        newest: Any = None
        record: StoredRecord | None = None
        for record in batch:
            try:
                event: Any = decode(record.value)  # type: ignore[arg-type]
            except (*DECODE_ERRORS, TypeError) as error:
                raise InvalidEvent(
                    f"{self.topic}[{number}] at offset {record.offset}: the event does not "
                    f"decode: {error}"
                ) from error
            sequence = event.sequence
            if sequence != expected:
                if sequence < expected:
                    continue  # applied already: a writer without a fence repeated it
                raise ProjectionGap(self.topic, number, expected, sequence, record.offset)
            expected += 1
            newest = event
            if type(event) in kinds:
                events.append(event)
                timestamps.append(record.timestamp)
        return newest, record

    def verify(self, number: int, mark: Watermark) -> None:
        """ForeignLog, unless the topic still holds the last record that was applied."""
        partition = self.partitions[number]
        last = mark.next_offset - 1
        if last < partition.log_start:
            return
        if mark.next_offset <= partition.high_watermark:
            for batch in partition.read(last, 1)[:1]:
                for record in batch:
                    if record.offset == last and zlib.crc32(record.value or b"") == mark.checksum:
                        return
        raise ForeignLog(
            f"{self.topic}[{number}] no longer holds, at offset {last}, the event that the read "
            "model has applied: the log was replaced or lost its tail; rebuild the read model"
        )


def _codec(system: System, kinds: frozenset[type[Event]], config: TopicConfig) -> Codec[Event]:
    """The topic's codec, in which events of other types have no fields but the envelope: not to
    make what nobody folds is a third of the time of reading."""
    whole = system.event_codec(config)
    if whole.upcasters:
        return whole  # an old version may become any of the types
    return Codec(
        [kind if kind in kinds else _envelope_of(kind) for kind in whole.tags.values()],
        config.value_format,
    )


def _envelope_of(kind: type[Event]) -> type[Event]:
    name, tag = kind.__name__, tag_of(kind)
    return cast(type[Event], msgspec.defstruct(name, [], bases=(Event,), tag=tag, kw_only=True))
