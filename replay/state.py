"""A system's state as it was: at a command offset, or at a time.

The nearest usable snapshot before that place, and the recorded events after it, are folded;
nothing is decided and nothing is written. `begin_fold` and `fold_until` give the fold; `state_at`
gives it for people: as rows of JSON, with the digest that equal states share on every machine.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from log.errors import OffsetOutOfRange
from log.interface import Log
from log.record import Batch
from processors.core.decider import digest
from processors.core.fold import Fold, new_fold
from processors.core.messages import RulesAdopted
from processors.core.snapshots import Snapshots
from processors.core.system import System
from replay.events import RecordedEvents

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PROGRESS_EVERY_BATCHES = 64

Progress = Callable[[int, int], None]
"""Called with how many events are done, and how many there will be."""


class At(msgspec.Struct, frozen=True, kw_only=True):
    """A place in history: after the command at an offset, or after all up to a time (both
    included). With neither, the end."""

    command_offset: int | None = None
    time_ms: int | None = None


END = At()


def parse_at(text: str) -> At:
    """`1042` is a command offset, `2024-05-01T09:30:00Z` a time (UTC where no zone is given).

    Errors: ValueError, for what is neither.
    """
    if text.isdecimal():
        return At(command_offset=int(text))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is neither a command offset (1042) nor a time (2024-05-01T09:30:00Z)"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return At(time_ms=(moment - EPOCH) // timedelta(milliseconds=1))


class StateAt(msgspec.Struct, frozen=True, kw_only=True):
    """A state of one partition, and its place in history."""

    system: str
    partition: int
    command_offset: int
    """Of the last command whose events are in it; -1 for none."""
    next_sequence: int
    """How many events made it."""
    at: int
    """The latest timestamp so far, in milliseconds since 1970."""
    rules_version: int
    digest: str
    rows: list[Any]
    """The state as its `StateFormat` writes it down, in JSON's types."""


def state_at(
    log: Log,
    system: System,
    partition: int,
    at: At = END,
    *,
    snapshots: Snapshots | None = None,
    progress: Progress | None = None,
) -> StateAt:
    """The state of one partition at a place in history. `snapshots` are the partition's.

    Errors: OffsetOutOfRange for a command that is not decided yet, or where the events before the
    place were deleted and no snapshot has them in it; those of folding.
    """
    events = RecordedEvents(log, system, partition)
    until = at.command_offset
    if at.time_ms is not None:
        until = _last_command_by(events, at.time_ms)
    fold = begin_fold(events, system, until, snapshots)
    fold_until(events, fold, until, progress)
    if at.command_offset is not None and fold.last_cause < at.command_offset:
        decided = f"the last is {fold.last_cause}" if fold.last_cause >= 0 else "none is"
        raise OffsetOutOfRange(
            f"{system.commands_topic}-{partition}: the command at offset {at.command_offset} is "
            f"not decided: {decided}"
        )
    state_format = system.decider.state_format
    return StateAt(
        system=system.name,
        partition=partition,
        command_offset=fold.last_cause,
        next_sequence=fold.next_sequence,
        at=fold.at,
        rules_version=fold.rules_version,
        digest=digest(state_format, fold.state),
        rows=[msgspec.to_builtins(row) for row in state_format.to_rows(fold.state)],
    )


def begin_fold(
    events: RecordedEvents,
    system: System,
    command_offset: int | None,
    snapshots: Snapshots | None,
) -> Fold[Any]:
    """The newest usable snapshot not after a command (None: the end), or the fold of nothing.

    Errors: OffsetOutOfRange where the events after it are deleted.
    """
    fold = snapshots.load(events.partition, command_offset) if snapshots else None
    while fold is not None and fold.next_offset > events.end:  # taken meanwhile
        fold = snapshots.load(events.partition, fold.last_cause - 1) if snapshots else None
    fold = fold or new_fold(system.decider)
    if fold.next_offset < events.partition.log_start:
        raise OffsetOutOfRange(
            f"{events!r}: the events before offset {events.partition.log_start} were deleted, and "
            "no usable snapshot has them in it: the state at that place cannot be made again"
        )
    return fold


def fold_until(
    events: RecordedEvents,
    fold: Fold[Any],
    command_offset: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Fold on: the events up to those of a command (None: all)."""
    for count, batch in enumerate(events.batches(fold.next_offset)):
        head: Batch | None = batch
        if command_offset is not None:
            head = events.up_to_command(batch, command_offset)
        if head is not None:
            fold.advance(events.partition, [head], events.codec)
        if head is not batch:
            break
        if progress and count % PROGRESS_EVERY_BATCHES == 0:
            progress(fold.next_offset, events.end)


def _last_command_by(events: RecordedEvents, time_ms: int) -> int | None:
    """The last command decided at or before a time: the one before the first event after it."""
    offset = events.partition.offset_for_time(time_ms + 1)
    if offset is None or offset >= events.end:
        return None
    for batch in events.batches(offset):
        for record in batch:
            event = events.decode(record)
            return event.cause if type(event) is RulesAdopted else event.cause - 1
    return None
