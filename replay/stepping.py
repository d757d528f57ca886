"""A history walked forwards and backwards, command by command, as a debugger walks a program.

The events of one partition are folded to where one stands; out comes a `Step`: the command, its
events, what they changed, and how the state looks. Nothing is decided and nothing is written.
So that going back is fast, folds are kept in memory on the way, as the rows of their states: close
together near where one stands, further apart elsewhere, and never more than so many or so large.
"""

import hashlib
import itertools
from bisect import bisect_right, insort
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from log.errors import OffsetOutOfRange
from log.interface import Log
from log.record import StoredRecord
from processors.core.decider import ROWS_PER_CHUNK, decode_state, encode_state
from processors.core.fold import Fold, new_fold
from processors.core.snapshots import SnapshotError, Snapshots, is_of
from processors.core.system import System
from replay.differences import FieldDifference, compare_rows
from replay.events import RecordedEvents
from replay.places import find_place, first_command_from
from replay.row_names import Name, WrittenRows, encode, written_rows
from replay.state import END, At, Progress, fold_until
from replay.text_search import TextSearch, Told, told_record

NEAR_COMMANDS = (256, 8192)
"""How far before the place asked for folds are kept, so that the way back is short."""
STEPS_KEPT = 256
ROWS_KEPT = 3
"""Of the rows of a state: a step to either side needs one more."""
LEADS_KEPT = 500_000
SNAPSHOT_WORTH_COMMANDS = 10_000
"""So many commands are folded sooner than a snapshot is looked for."""
ROWS_SHOWN = 500
WIDE_ROW_BYTES = 200
"""A row that is longer is shown on several lines."""


class Keeping(msgspec.Struct, frozen=True, kw_only=True):
    """How many folds are kept on the way, and how close together far from where one stands."""

    folds_max: int = 64
    bytes_max: int = 256 << 20
    every_commands_min: int = 16_384

    def every_commands(self, commands: int) -> int:
        """Of a history so long: half of all folds are kept at such distances, as one comes by."""
        every = self.every_commands_min
        while commands > every * (self.folds_max // 2):
            every *= 2  # so that the places stay as history grows
        return every


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """One command of a history, its events, and the state after it."""

    system: str
    partition: int
    command_offset: int
    command: Told | None
    """None where it is deleted from the commands topic by now."""
    events: list[Told]
    """With the adoption of rules that it began with, if any."""
    rendering: str
    """The state after it: as its system draws it, or else its rows."""
    at: int
    """The latest timestamp so far, in milliseconds since 1970."""
    next_sequence: int
    rules_version: int


class Step(Glance, frozen=True, kw_only=True):
    """With what it changed."""

    differences: list[FieldDifference]
    """Of the state before it and after it."""
    digest: str
    """Of the state after it."""


@dataclass(frozen=True)
class _Kept:
    """A fold, written down."""

    fold: Fold[Any]
    """Without its state."""
    chunks: Sequence[bytes]

    @property
    def last_cause(self) -> int:
        return self.fold.last_cause

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self.chunks))

    def again(self) -> Fold[Any]:
        state = decode_state(self.fold.decider.state_format, iter(self.chunks))
        return _copy(self.fold, state)


def _copy(fold: Fold[Any], state: Any) -> Fold[Any]:
    return Fold(
        fold.decider,
        state,
        next_sequence=fold.next_sequence,
        next_offset=fold.next_offset,
        last_cause=fold.last_cause,
        last_offset=fold.last_offset,
        last_checksum=fold.last_checksum,
        at=fold.at,
        rules_version=fold.rules_version,
        origins=dict(fold.origins),
        keys=dict(fold.keys),
    )


class Stepper:
    """Stands on a history; `at`, `by` and `find` move along it. For one thread at a time.

    History ends where it ended when this was made, or where `go_on` was called last; it begins
    with the first event, or, where that is deleted, at the oldest of the partition's `snapshots`
    that is usable. Errors: OffsetOutOfRange where there is no history; those of the log.
    """

    def __init__(
        self,
        log: Log,
        system: System,
        partition: int,
        snapshots: Snapshots | None = None,
        keeping: Keeping | None = None,
    ) -> None:
        self.system = system
        self.partition = partition
        self._log = log
        self._keeping = keeping or Keeping()
        self._events = RecordedEvents(log, system, partition)
        self._commands = log.partition(system.commands_topic, partition)
        self._snapshots = snapshots
        self._base = self._keep_of(self._begin())
        first = first_command_from(self._events, self._base.fold.next_offset)
        if first is None:
            raise OffsetOutOfRange(
                f"{self._events!r}: nothing to step through: no command was decided yet"
            )
        self.first = first
        """The offset of the first command."""
        self.last = find_place(self._events, self._commands, END).command_offset
        """That of the last one."""
        self._kept: list[_Kept] = []
        self._now: Fold[Any] | None = None
        self._rows: OrderedDict[int, WrittenRows] = OrderedDict()
        """Of the last states seen, by command."""
        self._leads: dict[bytes, Name] = {}
        self._steps: OrderedDict[int, Step] = OrderedDict()

    def go_on(self) -> None:
        """History ends where it ends now. Errors: those of the log."""
        self._events = RecordedEvents(self._log, self.system, self.partition)
        self.last = find_place(self._events, self._commands, END).command_offset

    def fold_at(self, place: At | int = END, progress: Progress | None = None) -> Fold[Any]:
        """The state after a command, see `at`; the stepper's own, until it is asked again."""
        fold = self._now = self._fold_to(self.offset_at(place), progress)
        return fold

    def glance(self, place: At | int = END, progress: Progress | None = None) -> Glance:
        """As `at`, without what it changed: that takes most of the time of a step."""
        offset = self.offset_at(place)
        fold = self._fold_to(offset - 1, progress)
        before, sequence = fold.last_cause, fold.next_sequence
        events = self._advance(fold, offset)
        self._now = fold
        if fold.last_cause == before:
            return self.glance(before, progress)  # a hole
        return Glance(
            **self._seen(fold, events, sequence), rendering=rendering(self.system, fold.state)
        )

    def at(self, place: At | int = END, progress: Progress | None = None) -> Step:
        """The command at an offset, or the last one up to a time; or the last of all. Where an
        offset has no command (a hole), the one before it.

        Errors: OffsetOutOfRange for a place outside of history; SequenceGap, CorruptLog.
        """
        offset = self.offset_at(place)
        step = self._steps.get(offset) or self._step(offset, progress)
        self._steps[step.command_offset] = step
        self._steps.move_to_end(step.command_offset)
        if len(self._steps) > STEPS_KEPT:
            self._steps.popitem(last=False)
        return step

    def by(self, count: int, offset: int, progress: Progress | None = None) -> Step:
        """So many offsets after the command at `offset` (before it: negative), but not beyond the
        first or the last."""
        return self.at(self.offset_by(count, offset), progress)

    def offset_by(self, count: int, offset: int) -> int:
        """Where `by` leads."""
        wanted = min(max(offset + count, self.first), self.last)
        place = find_place(self._events, self._commands, At(command_offset=wanted))
        if count > 0 and place.command_offset <= offset < self.last:  # holes
            end = find_place(self._events, self._commands, At(command_offset=offset)).events_end
            return first_command_from(self._events, end) or self.last
        return max(place.command_offset, self.first)

    def find(self, text: str, offset: int, progress: Progress | None = None) -> int | None:
        """The first command after `offset` that has the text in its key, its value or one of its
        events; None where none has. See `TextSearch`."""
        search = TextSearch(text, self._events, self._commands)
        return search.after(offset, self.last, progress)

    def offset_at(self, place: At | int) -> int:
        """That of the last command up to a place. Errors: OffsetOutOfRange outside of history."""
        if isinstance(place, int):
            offset = place
        elif place.command_offset is not None:
            offset = place.command_offset
        else:
            offset = find_place(self._events, self._commands, place).command_offset
        if not self.first <= offset <= self.last:
            raise OffsetOutOfRange(
                f"{self._commands.topic}-{self._commands.number}: there is no command {offset} to "
                f"step to: they are {self.first} to {self.last}"
            )
        return offset

    def _step(self, offset: int, progress: Progress | None) -> Step:
        fold = self._fold_to(offset - 1, progress)
        before, sequence = fold.last_cause, fold.next_sequence
        rows = self._rows_of(fold)
        events = self._advance(fold, offset)
        if fold.last_cause == before:
            return self.at(before, progress)  # a hole
        after = self._rows_of(fold)
        self._now = fold
        return Step(
            **self._seen(fold, events, sequence),
            rendering=rendering(self.system, fold.state),
            differences=compare_rows(rows, after),
            digest=_digest(after),
        )

    def _seen(
        self, fold: Fold[Any], events: Sequence[StoredRecord], sequence: int
    ) -> dict[str, Any]:
        """What a glance tells, but the rendering."""
        return {
            "system": self.system.name,
            "partition": self.partition,
            "command_offset": fold.last_cause,
            "command": self._command(fold.last_cause),
            "events": self._told(events, sequence),
            "at": fold.at,
            "next_sequence": fold.next_sequence,
            "rules_version": fold.rules_version,
        }

    def _advance(self, fold: Fold[Any], offset: int) -> list[StoredRecord]:
        """Fold the events up to those of a command; returns their records."""
        records: list[StoredRecord] = []
        for batch in self._events.batches(fold.next_offset):
            head = self._events.up_to_command(batch, offset)
            if head is not None:
                fold.advance(self._events.partition, [head], self._events.codec)
                records += head
            if head is not batch:
                break
        return records

    def _told(self, records: Sequence[StoredRecord], sequence: int) -> list[Told]:
        """The events from a sequence on: what was told again is left out."""
        told: list[Told] = []
        for record in records:
            if self._events.decode(record).sequence == sequence:
                told.append(told_record(record, self._events.partition.config.value_format))
                sequence += 1
        return told

    def _command(self, offset: int) -> Told | None:
        if not self._commands.log_start <= offset < self._commands.high_watermark:
            return None
        for batch in self._commands.read(offset, 1):
            for record in batch:
                if record.offset == offset:
                    return told_record(record, self._commands.config.value_format)
        return None

    def _fold_to(self, offset: int, progress: Progress | None) -> Fold[Any]:
        """The state after a command, the caller's own."""
        now, self._now = self._now, None
        if now is not None and now.last_cause == offset:
            return now
        fold = self._nearest(offset, now)
        every = self._keeping.every_commands(self.last - self.first)
        stops = {*range(fold.last_cause // every * every, offset, every)}
        stops |= {offset - near for near in NEAR_COMMANDS}
        for stop in sorted(stop for stop in (*stops, offset) if fold.last_cause < stop <= offset):
            fold_until(self._events, fold, stop, progress)
            self._keep(fold, offset)
        return fold

    def _rows_of(self, fold: Fold[Any]) -> WrittenRows:
        rows = self._rows.get(fold.last_cause)
        if rows is None:
            if len(self._leads) > LEADS_KEPT:
                self._leads.clear()
            state_format = self.system.decider.state_format
            written = state_format.to_rows(fold.state)
            rows = self._rows[fold.last_cause] = written_rows(
                state_format.row_type, written, self._leads
            )
            if len(self._rows) > ROWS_KEPT:
                self._rows.popitem(last=False)
        return rows

    def _nearest(self, offset: int, now: Fold[Any] | None) -> Fold[Any]:
        """The fold to begin with, to get to a command."""
        at = bisect_right(self._kept, offset, key=lambda kept: kept.last_cause)
        kept = self._kept[at - 1] if at else self._base
        if now is not None and kept.last_cause <= now.last_cause <= offset:
            return now
        if self._snapshots is not None and offset - kept.last_cause > SNAPSHOT_WORTH_COMMANDS:
            loaded = self._snapshots.load(self._events.partition, offset)
            is_known = loaded is not None and loaded.next_offset <= self._events.end
            if loaded is not None and is_known and loaded.last_cause > kept.last_cause:
                return loaded
        return kept.again()

    def _keep(self, fold: Fold[Any], towards: int) -> None:
        """Keep a fold, unless there is one close by; then drop those that are missed least."""
        at = bisect_right(self._kept, fold.last_cause, key=lambda kept: kept.last_cause)
        below = self._kept[at - 1] if at else self._base
        if fold.last_cause - below.last_cause < NEAR_COMMANDS[0]:
            return
        insort(self._kept, self._keep_of(fold), key=lambda kept: kept.last_cause)
        while len(self._kept) > 1 and (
            len(self._kept) > self._keeping.folds_max
            or sum(kept.size_bytes for kept in self._kept) > self._keeping.bytes_max
        ):
            causes = [self._base.last_cause, *(kept.last_cause for kept in self._kept)]
            causes.append(self.last)
            missed = [
                (causes[at + 1] - causes[at - 1]) / (1 + abs(towards - causes[at]))
                for at in range(1, len(causes) - 1)
            ]
            del self._kept[missed.index(min(missed))]

    def _keep_of(self, fold: Fold[Any]) -> _Kept:
        chunks = list(encode_state(self.system.decider.state_format, fold.state))
        return _Kept(_copy(fold, None), chunks)

    def _begin(self) -> Fold[Any]:
        """Where history begins: with nothing, or with the oldest usable snapshot."""
        events = self._events
        if events.partition.log_start == 0:
            return new_fold(self.system.decider)
        first = next(
            itertools.chain.from_iterable(events.batches(events.partition.log_start)), None
        )
        known = self._snapshots.sequences() if self._snapshots and first is not None else []
        for sequence in sorted(known):
            try:
                fold = self._snapshots.read(sequence) if self._snapshots else None
            except SnapshotError:
                continue
            if (
                fold is not None
                and events.partition.log_start <= fold.next_offset <= events.end
                and is_of(fold, events.partition)
            ):
                return fold
        raise OffsetOutOfRange(
            f"{events!r}: the events before offset {events.partition.log_start} were deleted, and "
            "no usable snapshot has them in it: there is no state to begin with"
        )


def rendering(system: System, state: Any) -> str:
    """A state as its system draws it, or else as rows of JSON, the first of them."""
    if system.render is not None:
        try:
            return system.render(state)
        except Exception as error:  # of the system's own code; the walk goes on without it
            return f"(the system's own rendering failed: {error!r})"
    lines: list[str] = []
    rows = iter(system.decider.state_format.to_rows(state))
    for row in map(encode, rows):
        wide = len(row) > WIDE_ROW_BYTES
        lines += (msgspec.json.format(row, indent=2) if wide else row).decode().splitlines()
        if len(lines) > ROWS_SHOWN:
            if left := sum(1 for _ in rows):
                lines.append(f"... and {left:,} rows more")
            break
    return "\n".join(lines)


def _digest(rows: WrittenRows) -> str:
    """As `processors.core.decider.digest`, of rows that are written already."""
    hashed = hashlib.blake2b(digest_size=16)
    for at in range(0, len(rows), ROWS_PER_CHUNK):
        hashed.update(b"[" + b",".join(rows.encoded[at : at + ROWS_PER_CHUNK]) + b"]")
    return hashed.hexdigest()
