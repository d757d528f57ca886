"""A smaller history that still replays: cut out of a log, into a new file log.

By place: commands and events keep their offsets and sequences. Where it does not begin at the
beginning, the state just before is written as a snapshot, in the new log's folder `snapshots`.

    commands   . . . . │ c c c c c │ . .        events   . . . │ e e e e e │ .
                     since        until                 snapshot

By key: the commands of some keys, and those without one, are decided again, by today's rules, from
nothing: offsets and sequences begin anew, and events are those that the chosen commands lead to.
"""

import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from log.backends.file import FileLog
from log.errors import LogStorageError
from log.interface import Log
from log.record import Batch, Record, StoredRecord
from processors.core.dead_letters import MARKER_HEADER, OFFSET_HEADER, RetryMarker
from processors.core.fold import Fold
from processors.core.snapshots import OpenSnapshots, SnapshotFolder
from processors.core.system import System
from processors.core.task import Task
from replay.events import RecordedEvents
from replay.portable import Importer, Progress, batches_of
from replay.state import begin_fold, fold_until
from replay.stretch import (
    Chosen,
    Looked,
    NothingChosen,
    Stretch,
    batches_in,
    commands_of,
    stretches_of,
)

SNAPSHOTS_NAME = "snapshots"


class CutPartition(msgspec.Struct, kw_only=True):
    """What is in one partition of the cut."""

    partition: int
    first_command: int
    """The offset that its commands begin at."""
    commands: int = 0
    events: int = 0
    dead_letters: int = 0
    snapshot: bool = False
    """Whether a snapshot holds the state before its first command."""


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """What was cut out."""

    system: str
    decided_again: bool
    """By key: offsets and sequences are new."""
    partitions: list[CutPartition]
    notes: list[str]
    """What a person should know beside: a line each."""


def cut_history(
    log: Log,
    system: System,
    out: Path,
    chosen: Chosen,
    *,
    snapshots: OpenSnapshots | None = None,
    progress: Progress | None = None,
) -> Cut:
    """Write the chosen part of a system's history to a new file log in the folder `out`.

    Only this system's: what its reactors lead to in others is not there. `snapshots` are those of
    `log`, for a start that is nearer. The folder is there at the end, whole, or not at all.
    Errors: FileExistsError; NothingChosen; OffsetOutOfRange where the events before the cut are
    deleted and no snapshot has them; those of folding and of the logs; TaskFailed.
    """
    stretches = stretches_of(log, system, chosen)
    notes: list[str] = []
    with _new_folder(out) as folder, FileLog(folder) as target:
        if not chosen.keys:
            cutter = _Cutter(log, system, target, folder, snapshots, progress)
            partitions = [cutter.cut(stretch) for stretch in stretches]
        else:
            cutter = _Cutter(log, system, target, folder, None, progress)
            partitions = _cut_by_key(cutter, chosen, stretches)
            notes += _notes_by_key(log, system, stretches)
    return Cut(
        system=system.name,
        decided_again=bool(chosen.keys),
        partitions=partitions,
        notes=notes,
    )


def _cut_by_key(cutter: "_Cutter", chosen: Chosen, stretches: list[Stretch]) -> list[CutPartition]:
    """Everything up to `until` is decided again; where it is to begin later, in a log that is
    thrown away, which is then cut by place."""
    log, system, progress = cutter.log, cutter.system, cutter.progress
    starts = {
        one.partition: log.partition(system.commands_topic, one.partition).log_start
        for one in stretches
    }
    wholes = [
        msgspec.structs.replace(one, begin=min(starts[one.partition], one.begin))
        for one in stretches
    ]
    if wholes == stretches:
        decider = _Decider(log, system, cutter.target, chosen.keys, progress)
        return [decider.decide(stretch) for stretch in decider.copied(wholes)]
    scratch_folder = cutter.folder / f".scratch-{secrets.token_hex(8)}"
    try:
        with FileLog(scratch_folder) as scratch:
            decider = _Decider(log, system, scratch, chosen.keys, progress)
            copied = decider.copied(wholes, {one.partition: one.begin for one in stretches})
            for whole in copied:
                decider.decide(whole)
            again = _Cutter(scratch, system, cutter.target, cutter.folder, None, progress)
            return [again.cut(stretch) for stretch in copied]
    finally:
        shutil.rmtree(scratch_folder, ignore_errors=True)


def _notes_by_key(log: Log, system: System, stretches: list[Stretch]) -> Iterator[str]:
    yield (
        f"decided again by rules {system.rules_version}, from nothing: offsets and sequences are "
        "new, and what the commands of other keys led to is not there"
    )
    for stretch in stretches:
        start = log.partition(system.commands_topic, stretch.partition).log_start
        if start:
            yield (
                f"partition {stretch.partition}: the commands before offset {start} are deleted, "
                "so what they led to is not there either"
            )


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """A folder beside, which becomes `out` at the end."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} is there already: name a new folder")
    aside = out.with_name(f".{out.name}.{secrets.token_hex(8)}.cutting")
    aside.mkdir(parents=True)
    try:
        yield aside
        aside.replace(out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _create_topics(log: Log, system: System, target: Log) -> None:
    configs = log.topics()
    for topic in (system.commands_topic, system.events_topic, system.dead_letters_topic):
        if topic in configs:
            target.create_topic(topic, configs[topic])
    system.ensure_topics(target)


class _Cutter:
    """Copies stretches, by place, with a snapshot of the state before each."""

    def __init__(
        self,
        log: Log,
        system: System,
        target: Log,
        folder: Path,
        snapshots: OpenSnapshots | None,
        progress: Progress | None,
    ) -> None:
        self.log = log
        self.system = system
        self.target = target
        self.folder = folder
        self.snapshots = snapshots
        self.progress = progress
        _create_topics(log, system, target)

    def cut(self, stretch: Stretch) -> CutPartition:
        """Copy one partition's stretch."""
        system, number = self.system, stretch.partition
        events = RecordedEvents(self.log, system, number)
        begin, events_begin, fold = self._begin(events, stretch)
        result = CutPartition(partition=number, first_command=begin)
        commands = self.log.partition(system.commands_topic, number)
        kept = msgspec.structs.replace(stretch, begin=begin)
        importer = Importer(self.target.partition(system.commands_topic, number), begin)
        for batch, records in batches_in(commands, kept):
            importer.add(records, batch.size)
            result.commands += len(records)
        importer.finish()
        result.events = self._copy_events(events, events_begin, stretch.end - 1)
        result.dead_letters = self._copy_letters(kept)
        if fold is not None:
            place = SnapshotFolder(self.folder / SNAPSHOTS_NAME, system, number)
            if not place.save(fold):
                raise LogStorageError(
                    f"{events!r}: the state before command {begin} could not be written to "
                    f"{place.name(fold.next_sequence)}: the events before it are not all there, "
                    "or the disk refused"
                )
            result.snapshot = True
        return result

    def _begin(
        self, events: RecordedEvents, stretch: Stretch
    ) -> tuple[int, int, Fold[Any] | None]:
        """Where commands and events begin, and the fold of what is before, if that is needed."""
        system, begin, number = self.system, stretch.begin, stretch.partition
        snapshots = self.snapshots(system, number) if self.snapshots else None
        commands_start = self.log.partition(system.commands_topic, number).log_start
        if begin > commands_start:
            fold = begin_fold(events, system, begin - 1, snapshots)
            fold_until(events, fold, begin - 1, self.progress)
        elif events.partition.log_start == 0:
            return begin, 0, None  # all of it, from the very beginning
        else:
            fold = begin_fold(events, system, stretch.end - 1, snapshots)
            begin = min(max(begin, fold.last_cause + 1), stretch.end)
        if fold.next_sequence == 0:
            return begin, 0, None
        return begin, fold.next_offset, fold

    def _copy_events(self, events: RecordedEvents, begin: int, last_command: int) -> int:
        importer = Importer(
            self.target.partition(self.system.events_topic, events.partition.number), begin
        )
        count = 0
        for batch in events.batches(max(begin, events.partition.log_start)):
            head: Batch | None = events.up_to_command(batch, last_command)
            if head is not None:
                records = list(head)
                importer.add(records, head.size)
                count += len(records)
            if head is not batch:
                break
            if self.progress:
                self.progress(batch.last_offset + 1, events.end)
        importer.finish()
        return count

    def _copy_letters(self, stretch: Stretch) -> int:
        """The dead letters of commands in the stretch, and the markers of retries within it."""
        topic, count = self.system.dead_letters_topic, 0
        if topic not in self.log.topics():
            return count
        letters = self.log.partition(topic, stretch.partition)
        importer = Importer(self.target.partition(topic, stretch.partition), letters.log_start)
        for batch in batches_of(letters, letters.log_start, letters.high_watermark):
            kept = [record for record in batch if _is_letter_of(record, stretch)]
            if kept:
                importer.add(kept, batch.size)
            count += sum(not _is_marker(record) for record in kept)
        importer.finish()
        return count


def _is_marker(record: StoredRecord) -> bool:
    return any(name == MARKER_HEADER for name, _ in record.headers)


def _is_letter_of(record: StoredRecord, stretch: Stretch) -> bool:
    inside = range(stretch.begin, stretch.end)
    if _is_marker(record):
        marker = msgspec.json.decode(record.value or b"", type=RetryMarker)
        return marker.commands_end < stretch.end and all(each in inside for each in marker.offsets)
    offset = dict(record.headers).get(OFFSET_HEADER)
    return offset is not None and int(offset) in inside


class _Decider:
    """Copies the commands of some keys to new offsets, and decides them there."""

    def __init__(
        self,
        log: Log,
        system: System,
        target: Log,
        keys: Iterable[str],
        progress: Progress | None,
    ) -> None:
        self.log = log
        self.system = system
        self.target = target
        self.keys = frozenset(key.encode() for key in keys)
        self.progress = progress
        _create_topics(log, system, target)

    def copied(
        self, stretches: Sequence[Stretch], begins: dict[int, int] | None = None
    ) -> list[Stretch]:
        """Copy the chosen commands; returns where they are now: from the first that stood at or
        after the partition's offset in `begins` on. NothingChosen where a key has no command."""
        found: set[bytes] = set()
        copied: list[Stretch] = []
        looked = Looked(stretches, self.progress)
        for stretch in stretches:
            commands = self.log.partition(self.system.commands_topic, stretch.partition)
            target = self.target.partition(self.system.commands_topic, stretch.partition)
            sought, begin = (begins or {}).get(stretch.partition, 0), 0
            for records in commands_of(commands, stretch, self.keys, looked):
                found.update(record.key for record in records if record.key is not None)
                begin += sum(record.offset < sought for record in records)
                target.append(
                    [Record(one.value, one.key, one.timestamp, one.headers) for one in records]
                )
            copied.append(
                Stretch(partition=stretch.partition, begin=begin, end=target.high_watermark)
            )
        missing = sorted(key.decode() for key in self.keys - found)
        if missing:
            raise NothingChosen(
                f"{self.system.commands_topic}: no command there has the key {', '.join(missing)}"
            )
        if all(one.begin == one.end for one in copied):
            raise NothingChosen(
                f"{self.system.commands_topic}: no command of these keys is between these places"
            )
        return copied

    def decide(self, stretch: Stretch) -> CutPartition:
        """Decide all of a partition's commands, from the first on."""
        number = stretch.partition
        task = Task(self.target, self.system, number)
        try:
            while task.step():
                if self.progress:
                    self.progress(task.next_command, stretch.end)
        finally:
            task.close()
        return CutPartition(
            partition=number,
            first_command=0,
            commands=stretch.end,
            events=task.fold.next_sequence,
            dead_letters=task.dead_lettered,
        )
