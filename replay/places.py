"""Where a place in history is on an events partition: found without folding what is before it.

A place (`replay.state.At`) comes in; out comes the offset where the events up to there end. It is
found by the time index: events carry the latest timestamp so far, which is never below that of
their command, so only those from the command's own time on are looked at.
"""

from collections import deque
from collections.abc import Iterator

import msgspec

from log.errors import OffsetOutOfRange
from log.interface import Partition
from log.record import StoredRecord
from processors.core.messages import RulesAdopted
from replay.events import RecordedEvents
from replay.state import At


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A place between two commands."""

    events_end: int
    """The offset on the events partition of the first event after it."""
    command_offset: int
    """Of the last command before it; -1 for none, or where its events are deleted."""
    at: int
    """The latest timestamp so far, in milliseconds since 1970; 0 for none."""


def find_place(events: RecordedEvents, commands: Partition, at: At) -> Place:
    """Where the events end of all up to a command or a time, both included; or all of them.

    `commands` is the partition that these events come from.
    Errors: OffsetOutOfRange for a command that is not decided yet; CorruptLog.
    """
    if at.command_offset is not None:
        return _after_command(events, commands, at.command_offset)
    end = events.end
    if at.time_ms is not None:
        first_after = events.partition.offset_for_time(at.time_ms + 1)
        end = end if first_after is None else min(first_after, end)
    return _place_before(events, end)


def _after_command(events: RecordedEvents, commands: Partition, command_offset: int) -> Place:
    start = events.partition.log_start
    if (time_ms := _time_of(commands, command_offset)) is not None:
        offset = events.partition.offset_for_time(time_ms)
        start = events.end if offset is None else max(offset, start)
    for batch in events.batches(start):
        head = events.up_to_command(batch, command_offset)
        if head is not batch:
            first = next(iter(batch)).offset
            return _place_before(events, first if head is None else head.last_offset + 1)
    place = _place_before(events, events.end)
    if place.command_offset < command_offset:
        last = place.command_offset
        decided = f"the last is {last}" if last >= 0 else "none is"
        raise OffsetOutOfRange(
            f"{commands.topic}-{commands.number}: the command at offset {command_offset} is not "
            f"decided: {decided}"
        )
    return place


def _time_of(commands: Partition, offset: int) -> int | None:
    """A command's timestamp; None where it is deleted, or not there yet."""
    if not commands.log_start <= offset < commands.high_watermark:
        return None
    for batch in commands.read(offset, 1):
        for record in batch:
            return record.timestamp
    return None


def _place_before(events: RecordedEvents, end: int) -> Place:
    """The place where the events end at an offset."""
    last = _last_before(events, end)
    if last is None:
        return Place(events_end=end, command_offset=-1, at=0)
    # What was told again, by a writer without a fence, may stand last: time tells it.
    offset = events.partition.offset_for_time(last.timestamp + 1)
    if offset is None or offset >= end:
        offset = events.partition.offset_for_time(last.timestamp)
    found, at = events.decode(last), last.timestamp
    for record in _records(events, last.offset if offset is None else offset, end):
        event = events.decode(record)
        if event.sequence > found.sequence:
            found, at = event, record.timestamp
    return Place(events_end=end, command_offset=found.cause, at=at)


def _last_before(events: RecordedEvents, end: int) -> StoredRecord | None:
    start, back, none_from = events.partition.log_start, 1, end
    while start < none_from:  # the last offsets may hold no records
        none_from = max(end - back, start)
        if last := deque(_records(events, none_from, end), maxlen=1):
            return last[0]
        back *= 2
    return None


def _records(events: RecordedEvents, offset: int, end: int) -> Iterator[StoredRecord]:
    for batch in events.batches(offset):
        for record in batch:
            if record.offset >= end:
                return
            yield record
        if batch.last_offset + 1 >= end:
            return


def first_command_from(events: RecordedEvents, offset: int) -> int | None:
    """The command that the first event from an offset on belongs to; None at the end."""
    for batch in events.batches(offset):
        for record in batch:
            event = events.decode(record)
            if type(event) is not RulesAdopted:
                return event.cause
    return None
