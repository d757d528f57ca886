"""Decide recorded history again, and compare what comes out with what was recorded.

A task, the same that wrote the events, runs over the recorded commands; its events are compared
with the recorded ones (key, timestamp and every byte of the value) and then forgotten, a read at a
time, so that memory does not grow with history. The first difference is told with both sides.

Only what today's rules decided is compared (law 10). What other rules decided is folded, and so is
what stands before `since`, or was decided from commands that are deleted by now.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from log.interface import Log
from log.record import Batch, StoredRecord, batch_of
from processors.core.snapshots import Snapshots
from processors.core.system import System
from processors.core.task import Task
from replay.events import RecordedEvents, WholeCommands
from replay.recorded import ReplayLog
from replay.state import Progress, begin_fold, fold_until


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """An event as one of the two sides has it."""

    timestamp: int
    key: str | None
    value: str
    """The bytes, as text (msgpack as escapes)."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """The first event that came out differently."""

    command_offset: int
    sequence: int
    event_offset: int | None
    """Of the recorded event; None where none was recorded."""
    fields: list[str]
    """Which fields of the event differ; `key` and `timestamp` are the record's."""
    recorded: Side | None
    """None: deciding gives an event more than was recorded."""
    decided: Side | None
    """None: deciding gives an event less, or the command is no longer there."""


class Verification(msgspec.Struct, kw_only=True):
    """What was compared on one partition, and the first difference, if any."""

    system: str
    partition: int
    rules_version: int
    commands_compared: int = 0
    events_compared: int = 0
    commands_of_other_rules: int = 0
    """Folded: decided by rules of another version than today's."""
    commands_before: int = 0
    """Folded: before `since`, or deleted from the commands topic by now."""
    commands_pending: int = 0
    """Not decided yet."""
    dead_letters: int = 0
    """Of the commands compared."""
    difference: Difference | None = None


def verify(
    log: Log,
    system: System,
    partition: int,
    *,
    since: int = 0,
    snapshots: Snapshots | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Decide the commands of one partition again, from the offset `since` on, and compare.

    Reads only, and takes no fence: it may run beside the task. The partition's snapshots, where
    given, are used to get to `since` faster, and where the events before it were deleted.
    Errors: OffsetOutOfRange, SequenceGap, IncompleteCommand, CorruptLog where history cannot be
    folded; TaskFailed where the rules raise in `evolve`.
    """
    return Verifier(log, system, partition).run(since, snapshots, progress)


class Verifier:
    """The verification of one partition, ready to `run` once."""

    def __init__(self, log: Log, system: System, number: int) -> None:
        self.system = system
        self.events = RecordedEvents(log, system, number)
        self.commands = log.partition(system.commands_topic, number)
        self.commands_end = self.commands.high_watermark
        self.replay = ReplayLog(system, self.commands, self.events.partition.config, self.compare)
        self.task = Task(self.replay, system, number)
        self.result = Verification(
            system=system.name, partition=number, rules_version=system.rules_version
        )
        self.expected: Sequence[StoredRecord] = ()
        """The recorded events of the commands that are being decided; `compared` of them are."""
        self.compared = 0

    def run(
        self, since: int, snapshots: Snapshots | None, progress: Progress | None
    ) -> Verification:
        result = self.result
        start = max(since, self.commands.log_start)
        # Where the first events are gone, only the newest snapshot is sure to be old enough.
        newest = self.events.partition.log_start > 0
        fold = begin_fold(self.events, self.system, None if newest else start - 1, snapshots)
        if fold.last_cause < start - 1:
            fold_until(self.events, fold, start - 1, progress)
        self.task.fold = fold
        result.commands_before = fold.last_cause + 1
        for records in self.events.whole_commands(fold.next_offset, fold.next_sequence):
            for stretch in self._stretches(records):
                self._follow(stretch)
                if result.difference is not None:
                    return result
            if progress:
                progress(self.task.fold.next_offset, self.events.end)
        result.dead_letters = self.replay.dead_letters.count
        result.commands_pending = self.commands_end - self.task.next_command
        return result

    def _stretches(self, records: Sequence[StoredRecord]) -> Iterator[Sequence[StoredRecord]]:
        """Cut where the rules change: what adopts rules stands alone."""
        begin = 0
        adoptions = self.events.adoptions(records)
        if not adoptions:
            yield records
            return
        for at in adoptions:
            if begin < at:
                yield records[begin:at]
            yield records[at : at + 1]
            begin = at + 1
        if begin < len(records):
            yield records[begin:]

    def _follow(self, records: Sequence[StoredRecord]) -> None:
        """Compare a stretch of events where today's rules decided them, else fold them."""
        fold = self.task.fold
        before = fold.last_cause
        adopts = len(records) == 1 and bool(self.events.adoptions(records))
        if not adopts and fold.rules_version == self.system.rules_version:
            self._compare(records)
        else:
            fold.advance(self.events.partition, [batch_of(records)], self.events.codec)
            self.result.commands_of_other_rules += fold.last_cause - before
        fold.reached(records[-1].value or b"", records[-1].offset)

    def _compare(self, records: Sequence[StoredRecord]) -> None:
        last = self.events.decode(records[-1]).cause
        self.expected, self.compared = records, 0
        self.replay.commands.log_end = last + 1
        while self.task.next_command <= last and self.result.difference is None:
            decided = self.task.step()
            self.result.commands_compared += decided
            if not decided:
                break  # the command is not there
        if self.compared < len(records) and self.result.difference is None:
            self._differ(records[self.compared], None)

    def compare(self, decided: Batch) -> None:
        """The sink of the task: takes the events of a step."""
        expected, at = self.expected, self.compared
        if self.result.difference is not None:
            return
        recorded_batch = expected.batch if isinstance(expected, WholeCommands) else None
        if at == 0 and recorded_batch is not None and decided.has_records_of(recorded_batch):
            self.result.events_compared += len(expected)
            self.compared = len(expected)
            return
        for record in decided:
            if at == len(expected):
                self._differ(None, record)
                return
            recorded = expected[at]
            if (
                record.value != recorded.value
                or record.key != recorded.key
                or record.timestamp != recorded.timestamp
            ):
                self._differ(recorded, record)
                return
            at += 1
            self.result.events_compared += 1
        self.compared = at

    def _differ(self, recorded: StoredRecord | None, decided: StoredRecord | None) -> None:
        sides = [side for side in (recorded, decided) if side is not None]
        # The earlier command is where they part: the other side told more events, or fewer, of it.
        event = min(
            map(self.events.decode, sides), key=lambda event: (event.cause, event.sequence)
        )
        self.result.difference = Difference(
            command_offset=event.cause,
            sequence=event.sequence,
            event_offset=recorded.offset if recorded is not None else None,
            fields=self._fields(recorded, decided) if recorded and decided else [],
            recorded=_side(recorded),
            decided=_side(decided),
        )

    def _fields(self, recorded: StoredRecord, decided: StoredRecord) -> list[str]:
        one, other = self._as_dict(recorded), self._as_dict(decided)
        names = [name for name in {**one, **other} if one.get(name) != other.get(name)]
        for name in ("key", "timestamp"):
            if getattr(recorded, name) != getattr(decided, name):
                names.append(name)
        return names

    def _as_dict(self, record: StoredRecord) -> dict[str, Any]:
        library = msgspec.json if self.events.partition.config.value_format == "json" else None
        found = (library or msgspec.msgpack).decode(record.value or b"")
        return found if isinstance(found, dict) else {"value": found}


def _side(record: StoredRecord | None) -> Side | None:
    if record is None:
        return None
    key = None if record.key is None else record.key.decode(errors="backslashreplace")
    value = (record.value or b"").decode(errors="backslashreplace")
    return Side(timestamp=record.timestamp, key=key, value=value)
