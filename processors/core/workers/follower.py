"""What runs beside a task: the reactors and effects of its system, fed from events partitions.

    an events partition ─► read once, decoded once ─┬─► reactors: commands, with their origin
                                                    └─► effects: requests; answers as commands

A system's effects follow the task's own events. Its reactors follow each partition of their source
that falls to the task: those whose number is the task's, modulo how many tasks there are. So who
has the task has what is beside it, and no one else deals anything out.

The committed offset of the group `<system>.reactors` saves the way after a restart, no more: what
is done again is told by its origin, or by the state that no longer waits for it.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from log.errors import LogUnavailable, OffsetOutOfRange
from log.interface import Log
from log.record import Batch, StoredRecord
from processors.core.fold import SequenceGap
from processors.core.system import System
from processors.core.task import TaskFailed

READ_BYTES = 1 << 20
COMMIT_EVERY_S, COMMIT_IDLE_S = 5.0, 0.5
"""How often it says how far it is, while there is work, and at rest: that takes some flushes."""


class Listener(Protocol):
    """Reactors or effects, at one events partition."""

    @property
    def kinds(self) -> Iterable[type[Any]]:
        """The types of the events that it is to be given."""

    @property
    def is_full(self) -> bool:
        """Whether it can take no more events now."""

    def take(self, event: Any, record: StoredRecord, at: int) -> None:
        """The next event, which stands in `record`, and its time (ms since 1970)."""

    def settle(self) -> int:
        """Make durable what the events led to so far; how many commands that was."""

    @property
    def unfinished(self) -> int | None:
        """The offset of the first event that is not done with; None where all are."""

    def close(self) -> None: ...


class Follower:
    """Reads one partition of the `source`'s events for its listeners. See `step`."""

    def __init__(
        self, log: Log, owner: System, source: System, number: int, listeners: Sequence[Listener]
    ) -> None:
        self.name = f"{owner.name} after {source.events_topic}-{number}"
        self.group = f"{owner.name}.reactors"
        self._log = log
        self._place = source.events_topic, number
        self._events = log.partition(*self._place)
        self._kinds = frozenset(kind for each in listeners for kind in each.kinds)
        self._decode = source.event_codec_of(self._events.config, self._kinds).decode
        self._listeners = listeners
        start = self._events.log_start
        self._committed = log.committed(self.group).get(self._place, start)
        if self._committed < start:
            raise TaskFailed(
                f"{self.name}: the events from offset {self._committed} on were deleted before "
                f"they were followed: the log starts at {start}. Keep more of {self._place[0]}, "
                f"or commit {start} for the group {self.group} to go on without them"
            )
        self._begin(self._committed)
        self._is_from_start = self._committed == start
        self._committed_s = time.monotonic()

    def _begin(self, offset: int) -> None:
        self._next_offset = offset
        self._next_sequence = 0 if offset == 0 else -1
        """-1: not known, as nothing was read yet."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing is asked of the outside that is not answered."""
        return all(listener.unfinished is None for listener in self._listeners)

    def step(self) -> int:
        """Follow one read's worth of events; how many events and answers that were.

        Errors: TaskFailed, SequenceGap, and those of the log: then it stands where it stood.
        """
        count = sum(listener.settle() for listener in self._listeners)
        if not any(listener.is_full for listener in self._listeners):
            count += self._read()
        if time.monotonic() - self._committed_s >= (COMMIT_EVERY_S if count else COMMIT_IDLE_S):
            self._commit()
        return count

    def _read(self) -> int:
        if not self._events.wait(self._next_offset, 0.0):
            return 0
        began = self._next_offset, self._next_sequence
        count = 0
        try:
            batches = self._events.read(self._next_offset, READ_BYTES)
            for batch in batches:
                count += self._take(batch)
                self._next_offset = batch.last_offset + 1
            for listener in self._listeners:
                listener.settle()
        except OffsetOutOfRange as error:
            raise TaskFailed(f"{self.name}: {error}: events were deleted too early") from error
        except SequenceGap:
            if self._is_from_start:
                raise
            # It may have begun among events that a writer without a fence told once more, and not
            # to their end. From the start on, the first telling comes first.
            self._begin(self._events.log_start)
            self._is_from_start = True
        except BaseException:
            self._next_offset, self._next_sequence = began
            raise
        return count

    def _take(self, batch: Batch) -> int:
        decode, kinds, due, count = self._decode, self._kinds, self._next_sequence, 0
        takes = [listener.take for listener in self._listeners]
        for record in batch:
            count += 1
            event = decode(record.value or b"")
            sequence = event.sequence
            if sequence != due and due >= 0:
                if sequence < due:
                    continue  # told once more by a writer that has no fence
                raise SequenceGap(
                    f"{self.name}: sequence {due} is missing at offset {record.offset}"
                )
            due = sequence + 1
            if type(event) in kinds:
                for take in takes:
                    take(event, record, record.timestamp)
        self._next_sequence = due
        return count

    def _commit(self) -> None:
        """Where to begin the next time."""
        self._committed_s = time.monotonic()
        unfinished = [each.unfinished for each in self._listeners]
        # A read that failed is begun again, though a listener may hold requests from beyond.
        offset = min([self._next_offset, *(at for at in unfinished if at is not None)])
        if offset > self._committed:
            self._log.commit(self.group, {self._place: offset})
            self._committed = offset

    def close(self) -> None:
        """What is not done yet is the successor's."""
        try:
            self._commit()
        except LogUnavailable:
            pass  # the successor does a little twice
        finally:
            for listener in self._listeners:
                listener.close()
