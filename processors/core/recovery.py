"""An events partition on its way to a state: a snapshot, and the events after it, read by read.

A task begins with one (law 4). A warm standby is one that is kept going behind another worker's
task: when that ends, only the tail is left to fold.
"""

from typing import Any

from log.errors import OffsetOutOfRange
from log.interface import TaskLog
from log.record import Batch, StoredRecord, batch_of
from processors.core.fold import Fold, IncompleteCommand, new_fold
from processors.core.snapshots import Snapshots
from processors.core.system import System

READ_BYTES = 1 << 20


class Recovery:
    """Folds what the events partition of `number` holds; `fold` is how far it has come: from the
    newest of `snapshots`, or from a fold that there is."""

    def __init__(
        self,
        log: TaskLog,
        system: System,
        number: int,
        snapshots: Snapshots | None = None,
        fold: Fold[Any] | None = None,
    ) -> None:
        self.system = system
        self.events = log.partition(system.events_topic, number)
        self._codec = system.event_codec(self.events.config)
        self._snapshots = snapshots
        self.fold = self._begin() if fold is None else fold
        self.snapshot_sequence = 0 if fold else self.fold.next_sequence
        """The next sequence of the newest snapshot."""

    @property
    def behind(self) -> int:
        """How many offsets of the partition are not folded yet."""
        return self.events.high_watermark - self.fold.next_offset

    def _begin(self) -> Fold[Any]:
        loaded = self._snapshots.load(self.events) if self._snapshots else None
        return loaded or new_fold(self.system.decider)

    def has_events(self) -> bool:
        """Whether there is something to fold at once; see `Task.has_commands`."""
        try:
            return self.events.wait(self.fold.next_offset, 0.0)
        except OffsetOutOfRange:
            return True

    def advance(self) -> bool:
        """Fold what one read brings; False where there is nothing (yet).

        Errors: SequenceGap, CorruptLog.
        """
        batches = self._read(self.fold.next_offset)
        if batches:
            self.fold.advance(self.events, batches, self._codec)
        return bool(batches)

    def _read(self, offset: int) -> list[Batch]:
        try:
            return self.events.read(offset, READ_BYTES)
        except OffsetOutOfRange:
            start = self.events.log_start
            if start <= offset:
                raise
            return self.events.read(start, READ_BYTES)  # the fold tells what is missing

    def finish(self) -> Fold[Any]:
        """The fold for a task that has the fence and has folded all there is.

        Where a writer without a fence ended within the events of a command, it is the fold before
        that command: deciding it again gives the same events, and readers skip those that they
        have seen (law 5). What is read on reads them, too: that writer may not be dead, but late.
        Errors: IncompleteCommand where other rules had begun it.
        """
        fold = self.fold
        if fold.last_cause_complete:
            return fold
        if fold.rules_version != self.system.rules_version:
            raise IncompleteCommand(
                f"{self.events.topic}-{self.events.number}: the events of the command at offset "
                f"{fold.last_cause} are not all there, and rules {fold.rules_version} decided it: "
                f"run these once, before rules {self.system.rules_version}"
            )
        self.fold = self._fold_before(fold.last_cause, fold.next_offset)
        return self.fold

    def _fold_before(self, cause: int, end: int) -> Fold[Any]:
        """What is there up to `end`, without the events of one command; it reads on at those."""
        fold = self._begin()
        next_offset = end
        while fold.next_offset < end:
            batches = self._read(fold.next_offset)
            for batch in batches:
                kept: list[StoredRecord] = []
                left_out: list[StoredRecord] = []
                for record in batch:
                    is_before = self._codec.decode(record.value or b"").cause < cause
                    (kept if is_before else left_out).append(record)
                if not left_out:
                    fold.advance(self.events, [batch], self._codec)
                    continue
                next_offset = min(next_offset, left_out[0].offset)
                if kept:
                    fold.advance(self.events, [batch_of(kept)], self._codec)
                fold.next_offset = batch.last_offset + 1
        fold.next_offset = next_offset
        return fold
