"""The examination of a system's history: what its events say of themselves and of its commands.

Sequences without a gap; causes in order, each with all of its events, each of a command that is
there and decided once; snapshots that are whole, and are the fold of the events they stand for.
Reads only, takes no fence, and may run beside the task. The files underneath are the business of
`log/backends/file/doctor.py`.
"""

from collections.abc import Callable, Iterator
from typing import Any

from log.envelope import Event
from log.errors import LogError
from log.finding import Finding
from log.interface import Log, Partition
from log.record import StoredRecord
from processors.core.decider import digest
from processors.core.fold import Fold, new_fold
from processors.core.messages import RulesAdopted
from processors.core.snapshots import (
    ANOTHER_LOG,
    DamagedSnapshot,
    OpenSnapshots,
    SnapshotGone,
    Snapshots,
    SnapshotsUnavailable,
    is_of,
)
from processors.core.system import System
from replay.events import RecordedEvents
from replay.state import fold_until

REPEATED = (
    "nothing: a worker without a fence (Faust's) repeats some events when it dies or is slow, and "
    "readers skip what they have seen"
)
RESTORE = "restore the log from a copy; until then `refold replay verify` tells how far it is good"
DELETE = "delete it: a snapshot is only a speed-up"
REACH = "see to where they are kept; until then a start folds all of history"

Progress = Callable[[int, int], None]
"""Called with how many events are done, and how many there are."""


def examine_system(
    log: Log,
    system: System,
    snapshots: OpenSnapshots | None = None,
    progress: Progress | None = None,
) -> Iterator[Finding]:
    """Everything in a system's history that is not as it should be. A log that holds nothing of
    the system is fine."""
    topics = log.topics()
    if system.commands_topic not in topics and system.events_topic not in topics:
        return
    counts = [
        topics[topic].partitions if topic in topics else 0
        for topic in (system.commands_topic, system.events_topic, system.dead_letters_topic)
    ]
    if len(set(counts)) > 1:
        yield Finding(
            path=system.name,
            what=f"its topics for commands, events and dead letters have {counts} partitions, and "
            "should have the same number",
            advice=RESTORE,
        )
    for number in range(min(counts[:2])):
        opened = snapshots(system, number) if snapshots else None
        yield from examine_partition(log, system, number, opened, progress)


def examine_partition(
    log: Log,
    system: System,
    number: int,
    snapshots: Snapshots | None = None,
    progress: Progress | None = None,
) -> Iterator[Finding]:
    """One partition of `examine_system`."""
    events = RecordedEvents(log, system, number)
    check = _HistoryCheck(events, log.partition(system.commands_topic, number), progress)
    is_sound = True
    for finding in check.findings():
        is_sound = is_sound and finding.is_note
        yield finding
    if snapshots is not None:
        yield from _examine_snapshots(log, system, number, snapshots, is_sound)


class _HistoryCheck:
    """Follows the events of one partition."""

    def __init__(
        self, events: RecordedEvents, commands: Partition, progress: Progress | None
    ) -> None:
        self.events = events
        self.commands = commands
        self.commands_end = commands.high_watermark
        """As of the last look: on a cluster a look is a round trip."""
        self.progress = progress
        self.sequence: int | None = 0 if events.partition.log_start == 0 else None
        """The one that is due; None where that is not known."""
        self.last: Event | None = None
        """The last event, in order; None at the beginning and after what cannot be read."""
        self.timestamp = -(1 << 63)
        self.repeated = 0
        """How many events were told before."""
        self.first_repeated: tuple[int, str] = (0, "")
        """Where the first of them stands, and what it is."""

    def findings(self) -> Iterator[Finding]:
        try:
            for batch in self.events.batches(self.events.partition.log_start):
                for record in batch:
                    for what in self._follow(record):
                        yield self._finding(record.offset, what)
                if self.progress:
                    self.progress(batch.last_offset + 1, self.events.end)
        except LogError as error:
            yield self._finding(None, f"the check stops here: {error}")
            return
        last = self.last
        if last is not None and last.cause_index + 1 != last.cause_count:
            what = f"the partition ends within the events of the command at offset {last.cause}"
            yield self._finding(self.events.end - 1, what)
        if self.repeated:
            offset, what = self.first_repeated
            what = f"{what} ({self.repeated} events in all were told again)"
            path = repr(self.events)
            yield Finding(path=path, offset=offset, what=what, advice=REPEATED, is_note=True)

    def _follow(self, record: StoredRecord) -> Iterator[str]:
        """What is wrong with the next event."""
        try:
            event = self.events.decode(record)
        except LogError as error:
            yield f"the event cannot be read: {error.__cause__}"
            self.sequence = self.last = None
            return
        due = self.sequence
        if due is not None and event.sequence < due:
            if not self.repeated:
                what = f"sequence {event.sequence} was told before, and {due} is due"
                self.first_repeated = record.offset, what
            self.repeated += 1
            return
        if record.timestamp < self.timestamp:
            yield f"time goes back from {self.timestamp} to {record.timestamp}"
        self.timestamp = max(record.timestamp, self.timestamp)
        self.sequence = event.sequence + 1
        if due is not None and event.sequence != due:
            yield f"sequence {event.sequence} follows where {due} is due: events are missing"
            self.last = None
        yield from self._follow_cause(event)
        self.last = event

    def _follow_cause(self, event: Event) -> Iterator[str]:
        last = self.last
        adopts = type(event) is RulesAdopted
        if event.cause_index:
            if last is not None and (last.cause, last.cause_index + 1, last.cause_count) != (
                event.cause,
                event.cause_index,
                event.cause_count,
            ):
                yield (
                    f"it is event {event.cause_index} of {event.cause_count} of the command at "
                    f"offset {event.cause}, and does not follow the one before it"
                )
            return
        if event.cause >= self.commands_end:
            self.commands_end = self.commands.high_watermark
        if event.cause >= self.commands_end:
            yield (
                f"it is of a command at offset {event.cause}, and the commands end before offset "
                f"{self.commands_end}"
            )
        if last is None:
            if event.sequence > 0:
                return
        elif last.cause_index + 1 != last.cause_count:
            yield (
                f"of the command at offset {last.cause} only {last.cause_index + 1} of "
                f"{last.cause_count} events are there"
            )
        before = -1 if last is None else last.cause
        if adopts:
            if event.cause != before:
                yield f"rules are adopted after command {event.cause}, which was not the last"
        elif event.cause <= before:
            yield f"the command at offset {event.cause} is decided again, after {before}"
        elif before + 1 < event.cause and (
            (first := max(before + 1, self.commands.log_start)) < event.cause
        ):
            yield f"the commands from offset {first} to {event.cause - 1} were never decided"

    def _finding(self, offset: int | None, what: str) -> Finding:
        return Finding(path=repr(self.events), offset=offset, what=what, advice=RESTORE)


def _examine_snapshots(
    log: Log, system: System, number: int, snapshots: Snapshots, is_sound: bool
) -> Iterator[Finding]:
    """Each is whole; and, where history is sound and all there, it is the fold of it."""
    fold: Fold[Any] = new_fold(system.decider)
    try:
        for sequence in reversed(snapshots.sequences()):
            name = snapshots.name(sequence)
            try:
                stored = snapshots.read(sequence)
            except SnapshotGone:
                continue
            except DamagedSnapshot as error:
                what = f"the snapshot is damaged: {error}"
                yield Finding(path=name, what=what, advice=DELETE)
                continue
            if stored is None:
                yield Finding(
                    path=name,
                    what="the snapshot is of other rules or another schema, and is not used",
                    advice="nothing, or delete it",
                    is_note=True,
                )
                continue
            what = ""
            events = RecordedEvents(log, system, number)  # as far as they go now
            if not is_of(stored, events.partition):
                what = f"the snapshot is not used: {ANOTHER_LOG}"
            elif is_sound and events.partition.log_start == 0:
                fold_until(events, fold, stored.last_cause)
                what = _difference(stored, fold, system)
            if what:
                yield Finding(path=name, what=what, advice=DELETE)
    except SnapshotsUnavailable as error:
        place = f"snapshots of {system.name}-{number}"
        yield Finding(path=place, what=f"they cannot be read: {error}", advice=REACH)


def _difference(stored: Fold[Any], fold: Fold[Any], system: System) -> str:
    state_format = system.decider.state_format
    for name in ("next_sequence", "last_cause", "at", "rules_version", "origins", "keys"):
        told, found = getattr(stored, name), getattr(fold, name)
        if told != found:
            return f"the snapshot says {name} {told}, and the events fold to {found}"
    if digest(state_format, stored.state) != digest(state_format, fold.state):
        return "the snapshot's state is not what the events fold to"
    return ""
