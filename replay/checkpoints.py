"""Checkpoints: snapshots that the laboratory keeps for good, all along a history, so that any
place of it is near one.

Made by folding recorded events once; found by bisection. A task's own snapshots, of which it keeps
the newest two, are neither touched nor needed, but serve beside them. In the same format, and as
much only a speed-up: delete them all and nothing is lost.
"""

import copy
import sys
from bisect import bisect_right
from collections.abc import Generator
from pathlib import Path
from typing import Any, Self

import msgspec

from log.interface import Log
from processors.core.fold import Fold
from processors.core.snapshots import (
    SnapshotError,
    SnapshotFolder,
    Snapshots,
    SnapshotsUnavailable,
)
from processors.core.system import System
from replay.events import RecordedEvents
from replay.state import Progress, begin_fold, fold_until

EVERY_COMMANDS_MIN = 10_000
"""By default no closer: so many commands are folded in less than a tenth of a second."""
COUNT_MAX = 200
"""By default about as many, or half as many, stand along a history."""


class Checkpoints(SnapshotFolder):
    """The checkpoints of a partition, in a folder like that of snapshots; none is ever dropped.

    Whoever loads from them is given those of `beside`, too: the task's own snapshots.
    """

    keep = sys.maxsize

    def __init__(
        self,
        folder: Path,
        system: System,
        partition: int,
        scope: str = "",
        *,
        beside: Snapshots | None = None,
    ) -> None:
        super().__init__(folder, system, partition, scope)
        self._beside = beside

    def alone(self) -> Self:
        """Without those beside."""
        alone = copy.copy(self)
        alone._beside = None
        return alone

    def size_bytes(self) -> int:
        """Of all that the folder holds. Errors: SnapshotsUnavailable."""
        return sum(path.stat().st_size for path in self._files(".snapshot"))

    def sequences(self) -> list[int]:
        own = super().sequences()
        if self._beside is None:
            return own
        return sorted({*own, *self._beside.sequences()}, reverse=True)

    def name(self, sequence: int) -> str:
        if self._beside is None or self._path(sequence).exists():
            return super().name(sequence)
        return self._beside.name(sequence)

    def _read(self, sequence: int) -> Generator[bytes, None, None]:
        if self._beside is None or self._path(sequence).exists():
            return super()._read(sequence)
        return self._beside._read(sequence)

    def _candidates(self, until_cause: int | None) -> list[int]:
        """Causes grow with sequences: a few headers are read, however many checkpoints there are.

        What is of another log, or damaged, may mislead it: then a nearer one is missed, and more
        is folded.
        """
        newest_first = self.sequences()
        if until_cause is None:
            return newest_first
        oldest_first = newest_first[::-1]
        count = bisect_right(oldest_first, until_cause, key=self._last_cause)
        return oldest_first[:count][::-1]

    def _last_cause(self, sequence: int) -> int:
        """Of the header; before all where there is none, so that loading says what is wrong."""
        try:
            return self.header(sequence).last_cause
        except SnapshotError:
            return -1


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What `make_checkpoints` did on one partition."""

    system: str
    partition: int
    every_commands: int
    made: int
    """Checkpoints written now."""
    checkpoints: int
    """All that there are."""
    size_bytes: int
    """Of all."""
    command_offset: int
    """Of the last command that was folded; -1 for none."""


def interval_for(commands: int) -> int:
    """How many commands should stand between two checkpoints of a history so long: from
    EVERY_COMMANDS_MIN doubled until there are at most COUNT_MAX, so that those of a shorter
    history stay in step as it grows."""
    every = EVERY_COMMANDS_MIN
    while commands > every * COUNT_MAX:
        every *= 2
    return every


def make_checkpoints(
    log: Log,
    system: System,
    partition: int,
    checkpoints: Checkpoints,
    *,
    every_commands: int | None = None,
    progress: Progress | None = None,
) -> Made:
    """Fold a partition's events once, and keep a checkpoint every so many commands (by default:
    `interval_for` them all). Goes on after the newest checkpoint that there is, and leaves those
    before it as they are.

    Errors: SnapshotsUnavailable where one cannot be written (those before it stay); those of
    folding.
    """
    events = RecordedEvents(log, system, partition)
    every = every_commands or interval_for(
        log.partition(system.commands_topic, partition).high_watermark
    )
    own = checkpoints.alone()
    # Those beside are nearer to the end, so from them a stretch would stay without checkpoints.
    is_cut = events.partition.log_start > 0 and not own.sequences()
    fold = begin_fold(events, system, None, checkpoints if is_cut else own)
    made, folded = 0, -1
    while folded < fold.next_sequence:
        folded = fold.next_sequence
        place = ((fold.last_cause + 1) // every + 1) * every - 1
        fold_until(events, fold, place, progress)
        if fold.last_cause == place:
            _save(own, fold)
            made += 1
    return Made(
        system=system.name,
        partition=partition,
        every_commands=every,
        made=made,
        checkpoints=len(own.sequences()),
        size_bytes=own.size_bytes(),
        command_offset=fold.last_cause,
    )


def _save(checkpoints: Checkpoints, fold: Fold[Any]) -> None:
    if not checkpoints.save(fold):
        raise SnapshotsUnavailable(
            f"{checkpoints.name(fold.next_sequence)} cannot be written, and stderr says why: mend "
            "that and call again: it goes on after the last one"
        )
