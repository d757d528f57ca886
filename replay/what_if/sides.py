"""The sides of a what-if as logs of their own: recorded commands copied, edited where asked, and
decided in a process of their own by the rules of the side.

    the recorded log ─► recorded: commands and events as they were, frozen
                            └─► a side: commands, edited; events of what is not decided anew
                                    └─► runner.py: decided

Records keep offsets, timestamps, keys, headers and origins. A side is a file log in a folder of
the caller's; it need not outlive a power failure.
"""

import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import msgspec

from log.backends.file import FileLog
from log.interface import Log, Partition
from log.record import Batch, batch_of
from log.topic import TopicConfig
from processors.core.snapshots import OpenSnapshots
from processors.core.system import System
from replay.events import RecordedEvents
from replay.portable import Importer, batches_of
from replay.state import At, Progress, begin_fold
from replay.what_if import runner
from replay.what_if.edits import EditedPartition
from replay.what_if.errors import WhatIfFailed
from replay.what_if.rules import Rules, core_path

RUNNER = Path(runner.__file__)


class Stretch(msgspec.Struct, kw_only=True):
    """What is compared of one partition: the commands from offset `start` to before `end`. What
    stands before is as it was recorded, on both sides."""

    partition: int
    start: int
    end: int
    pending: int
    """Commands after `end`: not decided yet, or after the end that was asked for."""
    first_ms: int = 0
    last_ms: int = 0
    """The commands' earliest and latest timestamp."""


class Decided(msgspec.Struct, kw_only=True):
    """What a side's process tells at its end."""

    rules_version: int
    elapsed_s: float


def make_log(path: Path, system: System, recorded: Log) -> FileLog:
    """A side's log, with the topics of the recorded one, and nothing in them."""
    log = FileLog(path)
    topics = recorded.topics()
    for topic in (system.commands_topic, system.events_topic, system.dead_letters_topic):
        found = topics.get(topic) or TopicConfig(partitions=topics[system.events_topic].partitions)
        log.ensure_topic(
            topic,
            msgspec.structs.replace(
                found,
                durability="loses_unflushed_on_power_failure",
                cleanup_policy="delete",
                retention_ms=-1,
                retention_bytes=-1,
            ),
        )
    return log


def copy_recorded(
    recorded: Log,
    copy: Log,
    system: System,
    number: int,
    since: At | None,
    until: At,
    snapshots: OpenSnapshots | None,
    progress: Progress,
) -> Stretch:
    """Copy a partition's commands, as far as they are decided, and their events.

    Errors: OffsetOutOfRange where the first events are deleted and no snapshot has them in it;
    those of reading.
    """
    commands = recorded.partition(system.commands_topic, number)
    events = RecordedEvents(recorded, system, number)
    watermark = commands.high_watermark
    end = min(_offset_after(commands, until), watermark)
    last = _copy_events(events, copy.partition(system.events_topic, number), end - 1, progress)
    end = min(last + 1, watermark)
    start = commands.log_start
    if events.partition.log_start > 0:
        # The newest snapshot alone is sure to be old enough, as when history is verified.
        kept = snapshots(system, number) if snapshots else None
        start = max(start, begin_fold(events, system, end - 1, kept).last_cause + 1)
    if since is not None:
        start = max(start, min(_offset_before(commands, since), end))
    stretch = Stretch(
        partition=number, start=min(start, end), end=max(end, 0), pending=watermark - end
    )
    importer = Importer(copy.partition(system.commands_topic, number), commands.log_start)
    for batch in _batches_until(commands, commands.log_start, end):
        importer.add(batch, len(batch.buffer))
        if batch.last_offset >= start:
            first = next(iter(batch)).timestamp
            stretch.first_ms = min(stretch.first_ms or first, first)
            stretch.last_ms = max(stretch.last_ms, batch.max_timestamp)
        progress(batch.last_offset + 1, end)
    importer.finish()
    return stretch


def copy_commands(
    recorded: Log, side: Log, system: System, stretch: Stretch, edits: EditedPartition | None
) -> None:
    """Copy a partition's commands, edited, and the events of those before the stretch."""
    number = stretch.partition
    source = recorded.partition(system.commands_topic, number)
    if stretch.start > 0:
        events = RecordedEvents(recorded, system, number)
        _copy_events(
            events, side.partition(system.events_topic, number), stretch.start - 1, _silent
        )
    target = side.partition(system.commands_topic, number)
    importer = Importer(target, source.log_start)
    touches = edits is not None and not edits.is_untouched
    for batch in _batches_until(source, source.log_start, stretch.end):
        if not touches or edits is None:
            importer.add(batch, len(batch.buffer))
            continue
        records = list(batch)
        as_they_were = [record for record in records if record.offset < stretch.start]
        edited = edits.apply(records[len(as_they_were) :])
        size = sum(len(record.value or b"") + 100 for record in edited)
        importer.add([*as_they_were, *edited], len(batch.buffer) + size)
    if touches and edits is not None:
        rest = edits.rest(stretch.end)
        importer.add(rest, sum(len(record.value or b"") + 100 for record in rest))
    importer.finish()


def _copy_events(
    events: RecordedEvents, target: Partition, last_command: int, progress: Progress
) -> int:
    """Copy the events up to those of a command; returns the last command that has any, -1 for
    none."""
    begin = events.partition.log_start
    importer = Importer(target, begin)
    newest: Batch | None = None
    for batch in events.batches(begin):
        if not any(True for _ in batch):
            continue
        head = events.up_to_command(batch, last_command)
        if head is not None:
            importer.add(head, len(head.buffer))
            newest = head
        if head is not batch:
            break
        progress(batch.last_offset + 1, events.end)
    importer.finish()
    if newest is None:
        return -1
    *_, record = newest
    return events.decode(record).cause


def _offset_after(commands: Partition, until: At) -> int:
    """The offset after the last command up to a place."""
    if until.command_offset is not None:
        return until.command_offset + 1
    if until.time_ms is not None:
        return _offset_at(commands, until.time_ms + 1)
    return commands.high_watermark


def _offset_before(commands: Partition, since: At) -> int:
    if since.command_offset is not None:
        return since.command_offset
    return _offset_at(commands, since.time_ms or 0)


def _offset_at(commands: Partition, time_ms: int) -> int:
    offset = commands.offset_for_time(time_ms)
    return commands.high_watermark if offset is None else offset


def _batches_until(partition: Partition, begin: int, end: int) -> Iterator[Batch]:
    """The batches with records between two offsets, the last one cut at the end."""
    for batch in batches_of(partition, begin, end):
        if batch.last_offset < end:
            yield batch
            continue
        records = [record for record in batch if record.offset < end]
        if records:
            yield batch_of(records)


def _silent(done: int, total: int) -> None:
    """Nobody is told."""


class SideProcess:
    """A side's process, from its start on. Use as a context manager: it does not outlive it."""

    def __init__(
        self,
        rules: Rules,
        system: System,
        side: Path,
        numbers: Sequence[int],
        *,
        snapshots: str = "",
        scope: str = "",
    ) -> None:
        self.done, self.total = 0, 0
        self.decided: Decided | None = None
        self._error = ""
        self._rules = rules
        self._needs_snapshots = bool(snapshots)
        (side / "states").mkdir()
        job = {
            "package": rules.package,
            "system": system.name,
            "import_path": rules.import_path,
            "core_path": core_path(),
            "log": str(side / "log"),
            "states": str(side / "states"),
            "numbers": list(numbers),
            "snapshots": snapshots,
            "scope": scope,
        }
        path = side / "job.json"
        path.write_bytes(msgspec.json.encode(job))
        self._process = subprocess.Popen(
            [rules.interpreter, "-P", str(RUNNER), str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        self._reading = threading.Thread(target=self._read, name="refold-what-if", daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                told: dict[str, Any] = msgspec.json.decode(line)
            except msgspec.DecodeError:
                continue  # the rules, or what they import, print
            if "error" in told:
                self._error = told["error"]
            elif "done" in told:
                self.done, self.total = told["done"], told["total"]
            else:
                self.decided = msgspec.convert(told, Decided)

    def wait(self, timeout_s: float) -> bool:
        """Whether it has ended. Errors: WhatIfFailed, where it failed."""
        self._reading.join(timeout_s)
        if self._reading.is_alive():
            return False
        code = self._process.wait()
        if code or self.decided is None:
            reason = self._error or f"its process ended with code {code} and said nothing"
            if self._needs_snapshots:
                reason += (
                    ". The first events are deleted, so that it begins with a snapshot; perhaps "
                    "their snapshots are of other rules or another schema"
                )
            raise WhatIfFailed(
                f"the rules {self._rules.label!r} cannot decide this history: {reason}"
            )
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reading.join()
        if self._process.stdout is not None:
            self._process.stdout.close()
