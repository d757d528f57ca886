"""Reads a system's events topic for projections: decoded, checked, in runs of whole commands.

From any kind of log: offsets may have holes (a broker's transaction markers take some), and a
batch may begin and end anywhere, also within the events of one command. A partition's ends are
asked for as seldom as can be: on a cluster, that is a round trip.
"""

import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from log.codec import DECODE_ERRORS
from log.envelope import Event
from log.errors import OffsetOutOfRange, UnknownTopic
from log.interface import Log, Partition
from log.record import Batch, StoredRecord, batch_of
from processors.core.system import System
from projections.core.errors import ForeignLog, InvalidEvent, ProjectionError, ProjectionGap
from projections.core.projection import Events
from projections.core.store import Watermark

EXTENT_AGE_S = 0.25
"""How old the ends of a partition may be where they are only shown."""


class Chunk(NamedTuple):
    """A run of events whose sequences follow one another, and the watermark behind it."""

    events: Events
    after: Watermark


class _Ahead(NamedTuple):
    """What was read behind a watermark, and makes no whole command yet."""

    mark: Watermark
    batches: list[Batch]
    offset: int
    """Where to read on."""


class _Extent(NamedTuple):
    start: int
    end: int
    at_s: float


class EventReader:
    """Reads the events of some types from a system's topic, for any number of followers.

    The others are only looked at for their sequence. The last chunk is remembered, for followers
    that go side by side.
    """

    def __init__(self, log: Log, system: System, kinds: Iterable[type[Event]]) -> None:
        self.topic = system.events_topic
        self._kinds = frozenset(kinds)
        self.partitions: list[Partition] = _partitions(log, system)
        self._decode = system.event_codec_of(self.partitions[0].config, self._kinds).decode
        self._asked: tuple[int, Watermark, int] | None = None
        self._side_by_side = False
        self._chunk = Chunk(Events(0, (), ()), Watermark())
        self._ahead: dict[int, _Ahead] = {}
        self._extents: dict[int, _Extent] = {}
        self._verified: set[tuple[int, Watermark]] = set()

    def read(self, number: int, mark: Watermark, max_bytes: int) -> Chunk:
        """The events from the watermark on, of some `max_bytes` of the topic; at its end, none and
        the same watermark.

        Errors: ProjectionGap, InvalidEvent, ForeignLog; CorruptLog from the log.
        """
        asked = (number, mark, max_bytes)
        if asked == self._asked:
            return self._chunk
        chunk = self._read(number, mark, max_bytes)
        if chunk.after != mark or self._side_by_side:
            self._asked, self._chunk = asked, chunk
        return chunk

    @contextmanager
    def side_by_side(self) -> Iterator[None]:
        """Within, followers ask for the same in turn: that there was nothing is kept, too."""
        self._side_by_side = True
        try:
            yield
        finally:
            self._side_by_side = False
            if self._asked is not None and self._chunk.after == self._asked[1]:
                self._asked = None

    def is_at_end(self, number: int, mark: Watermark) -> bool:
        """Whether the topic has nothing more to apply after the watermark."""
        return self.read(number, mark, 1).after == mark

    def has_more(self, number: int, mark: Watermark) -> bool:
        """Whether the topic has any records after the watermark."""
        offset = self.position(number, mark)
        while found := self._read_batches(number, offset, 1):
            if any(batch.count for batch in found):
                return True
            offset = found[-1].last_offset + 1
        return False

    def position(self, number: int, mark: Watermark) -> int:
        """The offset from which on there may be something new."""
        ahead = self._ahead.get(number)
        return ahead.offset if ahead is not None and ahead.mark == mark else mark.next_offset

    def extent(self, number: int) -> tuple[int, int]:
        """The partition's log start and high watermark, as of a moment ago, to be shown."""
        known, now_s = self._extents.get(number), time.monotonic()
        if known is None or now_s - known.at_s > EXTENT_AGE_S:
            partition = self.partitions[number]
            known = _Extent(partition.log_start, partition.high_watermark, now_s)
            self._extents[number] = known
        return known.start, known.end

    def _read(self, number: int, mark: Watermark, max_bytes: int) -> Chunk:
        ahead = self._ahead.pop(number, None)
        batches: list[Batch] = []
        offset = mark.next_offset
        if ahead is not None and ahead.mark == mark:
            batches, offset = ahead.batches, ahead.offset
        is_faulty = False
        while found := self._read_batches(number, offset, max_bytes):
            offset = found[-1].last_offset + 1
            batches += [batch for batch in found if batch.count]
            try:
                chunk, has_more = self._decode_batches(number, mark, batches)
            except ProjectionError:
                if max_bytes == 1:
                    raise
                # Where batches are cut by the reader, there may be whole commands before it.
                is_faulty, max_bytes = True, max_bytes // 2
                batches, offset = [], mark.next_offset
                continue
            if chunk.after != mark:
                if not has_more:
                    self._keep_ahead(number, chunk.after, batches[-1], offset)
                return chunk
            if not is_faulty:
                max_bytes *= 2  # one command's events are in more batches than were read
        self._ahead[number] = _Ahead(mark, batches, offset)
        return Chunk(Events(number, (), ()), mark)

    def _keep_ahead(self, number: int, after: Watermark, last: Batch, offset: int) -> None:
        """What was read behind the watermark, where it is a part of the last batch: so that a log
        that has read on need not go back."""
        if last.base_offset <= after.next_offset < offset:
            rest = [record for record in last if record.offset >= after.next_offset]
            if rest:
                self._ahead[number] = _Ahead(after, [batch_of(rest)], offset)

    def _read_batches(self, number: int, offset: int, max_bytes: int) -> list[Batch]:
        partition = self.partitions[number]
        while True:
            try:
                return partition.read(offset, max_bytes)
            except OffsetOutOfRange:
                end = partition.high_watermark
                if offset > end:
                    raise ForeignLog(
                        f"{self.topic}[{number}] ends at offset {end}, but the read model has "
                        f"applied it up to {offset}: the log was replaced or lost its tail; "
                        "rebuild the read model"
                    ) from None
                start = partition.log_start
                if offset >= start:
                    raise
                offset = start  # retention moved it: the sequence tells what is missing

    def _decode_batches(
        self, number: int, mark: Watermark, batches: list[Batch]
    ) -> tuple[Chunk, bool]:
        """As much of the batches as holds what follows, up to the last end of a command; and
        whether they hold more, which is faulty.

        A fault is raised only once it stands in the first: all batches before are applied."""
        events: list[Any] = []
        timestamps: list[int] = []
        after, kept = mark, 0
        expected = mark.next_sequence
        ends_command, has_more = True, False
        for batch in batches:
            try:
                newest, last = self._decode_batch(number, batch, expected, events, timestamps)
            except ProjectionError:
                if after == mark:
                    raise
                has_more = True
                break
            if newest is not None:
                expected = newest.sequence + 1
                ends_command = _ends_command(newest)
            if last is None:
                continue
            if ends_command:
                after = Watermark(expected, last.offset + 1, zlib.crc32(last.value or b""))
                kept = len(events)
            elif newest is not None and (end := self._last_end(batch, newest.sequence)):
                after = end
                kept = len(events)
                while kept and events[kept - 1].sequence >= end.next_sequence:
                    kept -= 1
        del events[kept:], timestamps[kept:]
        return Chunk(Events(number, events, timestamps), after), has_more

    def _last_end(self, batch: Batch, sequence: int) -> Watermark | None:
        """Behind the last whole command of a batch that ends, at this sequence, within another.

        None where the batch holds no such end, or repeats events: then all of it waits for more.
        """
        for record in reversed(list(batch)):
            value = record.value or b""
            event = self._decode(value)
            if event.sequence != sequence:
                return None
            if _ends_command(event):
                return Watermark(sequence + 1, record.offset + 1, zlib.crc32(value))
            sequence -= 1
        return None

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
        last = mark.next_offset - 1
        if last < 0 or (number, mark) in self._verified:
            return
        partition = self.partitions[number]
        try:
            batches = partition.read(last, 1)
        except OffsetOutOfRange:
            if last < partition.log_start:
                return
            batches = []
        for record in batches[0] if batches else ():
            if record.offset == last and zlib.crc32(record.value or b"") == mark.checksum:
                self._verified.add((number, mark))
                return
        raise ForeignLog(
            f"{self.topic}[{number}] no longer holds, at offset {last}, the event that the read "
            "model has applied: the log was replaced or lost its tail; rebuild the read model"
        )


def _partitions(log: Log, system: System) -> list[Partition]:
    """Of the events topic; who finds it needs no right to any other."""
    topic = system.events_topic
    try:
        first = log.partition(topic, 0)
    except UnknownTopic:
        system.ensure_topics(log)
        first = log.partition(topic, 0)
    return [first, *(log.partition(topic, number) for number in range(1, first.config.partitions))]


def _ends_command(event: Any) -> bool:
    return bool(event.cause_index + 1 >= event.cause_count)
