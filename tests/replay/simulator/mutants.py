"""Mistakes that a core like this one could have, each put into it in one place: the simulator has
to find every one.

A mutant is a function that patches the core; `samples` says which sample shows it, and where.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from log.backends.file.partition import FilePartition
from log.backends.file.segment import Segment
from log.backends.file.writer import LOCK_NAME, FileWriter
from processors.core.fold import Fold
from processors.core.snapshots import Snapshots
from processors.core.task import Task
from processors.core.workers.follower import Follower
from processors.core.workers.performing import Performing
from processors.core.workers.reacting import Reacting
from processors.core.workers.running import Running
from projections.core.memory_store import MemorySession

Mutate = Callable[[pytest.MonkeyPatch], None]
MUTANTS: dict[str, tuple[str, str, Mutate]] = {}
"""By name: the sample and the place where it shows, and the patch."""


def mutant(sample: str, place: str) -> Callable[[Mutate], Mutate]:
    def declared(mutate: Mutate) -> Mutate:
        MUTANTS[mutate.__name__] = sample, place, mutate
        return mutate

    return declared


@mutant("relay", "cluster")
def origin_watermark_off_by_one(patch: pytest.MonkeyPatch) -> None:
    whole = Task._decide_once

    def decide_once(self: Task, state: Any, command: Any, cause: int, now: int) -> Any:
        source = command.origin_topic, command.origin_partition
        mark = command.origin_sequence, command.origin_index
        if self.fold.origins.get(source) == mark:  # `<` where `<=` should be
            self.fold.origins[source] = command.origin_sequence, command.origin_index - 1
        return whole(self, state, command, cause, now)

    patch.setattr(Task, "_decide_once", decide_once)


@mutant("parking", "disk")
def acknowledged_before_fsync(patch: pytest.MonkeyPatch) -> None:
    def sync(self: FilePartition) -> None:
        segment, position, _, end = self._active.written
        self._active.publish(segment, position, end)

    patch.setattr(FilePartition, "_sync", sync)


@mutant("parking", "disk")
def no_fence(patch: pytest.MonkeyPatch) -> None:
    def opened(self: FileWriter, storage: Any, partition: FilePartition) -> None:
        self._partition = partition
        self._file = storage.open(f"{partition.folder}/{LOCK_NAME}", write=True, create=True)
        self._epoch = 0  # as a plain append, which nobody fences
        self._closed = False

    patch.setattr(FileWriter, "__init__", opened)


@mutant("parking", "cluster")
def snapshot_without_its_cause(patch: pytest.MonkeyPatch) -> None:
    whole = Snapshots._fold

    def fold(self: Snapshots, header: Any, chunks: Iterator[bytes]) -> Fold[Any]:
        restored = whole(self, header, chunks)
        restored.last_cause = -1
        return restored

    patch.setattr(Snapshots, "_fold", fold)


@mutant("relay", "cluster")
def reactor_without_origin(patch: pytest.MonkeyPatch) -> None:
    def take(self: Reacting, event: Any, record: Any, at: int) -> None:
        for _, react, appender in self._on.get(type(event), ()):
            for command in react(event, at):
                appender.add(command, at, record.headers)

    patch.setattr(Reacting, "take", take)


@mutant("parking", "cluster")
def read_model_commits_its_watermark_first(patch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def transaction(self: MemorySession, partition: int, after: Any) -> Iterator[Any]:
        written: list[Any] = []
        self._model.watermarks[partition] = self.watermarks[partition] = after
        yield written.extend
        for changes in written:
            self._model.tables[changes.table.name].apply(changes)

    patch.setattr(MemorySession, "transaction", transaction)


@mutant("parking", "disk")
def torn_tail_is_not_checked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Segment, "is_intact", lambda self, header: True)


@mutant("parking", "cluster")
def timer_lost_at_recovery(patch: pytest.MonkeyPatch) -> None:
    add = Running.add

    def added(self: Running, task: Task) -> None:
        add(self, task)
        self._since[task].ticked_due = task.next_due  # as if its tick were on its way

    patch.setattr(Running, "add", added)


@mutant("asking", "cluster")
def effect_counted_as_done_when_it_begins(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Performing, "unfinished", None)


@mutant("relay", "cluster")
def reactor_goes_on_after_a_failed_append(patch: pytest.MonkeyPatch) -> None:
    whole = Follower._read

    def read(self: Follower) -> int:
        began = self._next_offset
        try:
            return whole(self)
        except BaseException:
            batches = self._events.read(began)
            self._next_offset = batches[-1].last_offset + 1
            self._next_sequence = -1
            raise

    patch.setattr(Follower, "_read", read)


@mutant("parking", "cluster")
def idempotency_keys_forgotten_by_a_successor(patch: pytest.MonkeyPatch) -> None:
    whole = Fold.advance

    def advance(self: Fold[Any], *arguments: Any) -> int:
        count = whole(self, *arguments)
        self.keys.clear()
        return count

    patch.setattr(Fold, "advance", advance)
