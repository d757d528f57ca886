"""A task: one processor on one partition, the inner loop of refold.

Commands come in from `<system>.commands`, are decided one by one, and their events go out to
`<system>.events`, the events of one read as one durable batch. What stops a command stops only
that command: it goes to `<system>.dead-letters`, and an event says so.
"""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from hdrh.histogram import HdrHistogram

from log.envelope import Event
from log.errors import LogError
from log.interface import TaskLog
from log.record import NO_HEADERS, Batch, BatchBuilder, StoredRecord, new_batch
from processors.core.dead_letters import dead_letter_of
from processors.core.decider import EvolveFailed
from processors.core.decider import fold as fold_events
from processors.core.fold import Fold, IncompleteCommand, new_fold
from processors.core.messages import CommandDeadLettered, NothingChanged, RulesAdopted, Tick
from processors.core.snapshots import SnapshotFolder
from processors.core.system import System
from processors.core.timers import fire_timers, log_failure

logger = logging.getLogger("refold.task")

READ_BYTES = 1 << 20
"""Some 10,000 commands a step: a flush to disk (about 0.5 ms) is then 2 % of a step."""
LATENCY_US_MAX = 3_600_000_000

Progress = Callable[[int, int], None]
"""Called with how many events are folded, and how many there will be."""


class TaskFailed(Exception):
    """The rules broke a law and the task stops; the message says where and what to do."""


class Task:
    """Runs a system's decider over one command partition, exactly once.

    Opening a task takes the fence of its events partition (PartitionFenced where another task
    has it) and folds what is there. Then `step` again and again; `close` gives the fence up.
    """

    def __init__(
        self,
        log: TaskLog,
        system: System,
        number: int,
        snapshots: SnapshotFolder | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.system = system
        self.number = number
        self.snapshots = snapshots
        self.snapshot_sequence = 0
        """The next sequence of the newest snapshot."""
        self.commands = log.partition(system.commands_topic, number)
        self.events = log.partition(system.events_topic, number)
        self.dead_letters = log.partition(system.dead_letters_topic, number)
        self.latency = HdrHistogram(1, LATENCY_US_MAX, 3)
        """Microseconds from a command's read to its durable events, a count a command."""
        self.command_codec = system.command_codec(self.commands.config)
        self._event_codec = system.event_codec(self.events.config)
        self._ahead = False
        """Whether the state is ahead of what is durable."""
        self._writer = log.open_writer(system.events_topic, number)
        try:
            self.fold = self._recover(progress)
        except BaseException:
            self._writer.close()
            raise

    def __repr__(self) -> str:
        return f"Task({self.system.name}-{self.number})"

    @property
    def next_command(self) -> int:
        """The offset of the next command to decide."""
        return max(self.fold.last_cause + 1, self.commands.log_start)

    @property
    def lag(self) -> int:
        """How many commands wait."""
        return self.commands.high_watermark - self.next_command

    @property
    def next_due(self) -> int | None:
        """When the earliest timer of the state fires (ms since 1970); None where there is none."""
        next_due = self.fold.decider.next_due
        return None if next_due is None else next_due(self.fold.state)

    def step(self, max_bytes: int = READ_BYTES) -> int:
        """Decide one read's worth of commands; returns how many, once their events are durable.

        Errors: TaskFailed, and those of the log: with them nothing is acknowledged, and a further
        step first folds again what is durable.
        """
        if self._ahead:
            self.fold = self._recover(None)
            self._ahead = False
        batches = self.commands.read(self.next_command, max_bytes)
        if not batches:
            return 0
        started_ns = time.perf_counter_ns()
        self._ahead = True
        try:
            decided = self._decide(batches)
        except LogError:
            raise
        except Exception as error:
            raise TaskFailed(
                f"{self.system.name}-{self.number}: evolve raised {error!r} at a command from "
                f"offset {self.next_command} on. A fact cannot be rejected: mend the rules and "
                "start again; nothing of these commands was written"
            ) from error
        self._ahead = False
        elapsed_us = (time.perf_counter_ns() - started_ns) // 1000 + 1
        self.latency.record_value(min(elapsed_us, LATENCY_US_MAX), decided)
        return decided

    def save_snapshot(self) -> None:
        """Write the state down, unless the newest snapshot is of it already."""
        if self.snapshots and not self._ahead and self.fold.next_sequence > self.snapshot_sequence:
            self.snapshots.save(self.fold)
            self.snapshot_sequence = self.fold.next_sequence

    def close(self) -> None:
        """Give the partition up; a successor may open it at once."""
        self._writer.close()

    def _recover(self, progress: Progress | None) -> Fold[Any]:
        """Law 4: the newest snapshot, and the events after it."""
        end = self.events.high_watermark
        fold = self.snapshots.load(end) if self.snapshots else None
        fold = fold or new_fold(self.system.decider)
        self.snapshot_sequence = fold.next_sequence
        while fold.next_offset < end:
            offset = max(fold.next_offset, self.events.log_start)
            batches = self.events.read(offset, READ_BYTES)
            if not batches:
                break
            fold.advance(self.events, batches, self._event_codec)
            if progress:
                progress(fold.next_offset, end)
        if not fold.last_cause_complete:
            raise IncompleteCommand(
                f"{self.events.topic}-{self.number}: the events of the command at offset "
                f"{fold.last_cause} are not all there; `refold doctor` tells more"
            )
        return fold

    def _decide(self, batches: Sequence[Batch]) -> int:
        """The inner loop. What every command pays is here; what few pay is in methods beside."""
        fold = self.fold
        decode: Callable[[bytes], Any] = self.command_codec.decode
        decide, next_due = fold.decider.decide, fold.decider.next_due
        evolve, encode = fold.decider.evolve, self._event_codec.encode
        builder = new_batch(self.events.config.compression_type)
        append = builder.append
        adopted = size = self._adopt_rules(builder, batches[0])
        sequence, state, at = fold.next_sequence + size, fold.state, fold.at
        due, decided = self.next_due, 0
        for batch in batches:
            for record in batch:
                cause, now = record.offset, record.timestamp
                if now < at:
                    now = at
                apply = evolve
                try:
                    command = decode(record.value)  # type: ignore[arg-type]
                    if command.origin_sequence < 0 and (
                        next_due is None
                        or ((due is None or due > now) and type(command) is not Tick)
                    ):
                        events = decide(state, command, now)
                    else:
                        fold.state, fold.at = state, at
                        events = self._decide_specially(record, command, now)
                        state, apply = fold.state, _unchanged
                    if len(events) == 1:
                        event = events[0]
                        event.sequence = sequence
                        event.cause = cause
                        value, values = encode(event), None
                    else:
                        if not events:
                            events, apply = (NothingChanged(),), _unchanged
                        values = self._encode(events, sequence, cause)
                except (EvolveFailed, LogError):
                    raise
                except Exception as error:
                    events, apply = (self._dead_letter(record, error),), _unchanged
                    values = self._encode(events, sequence, cause)
                at = now
                decided += 1
                for event in events:
                    state = apply(state, event)
                if next_due is not None:
                    due = next_due(state)
                    if due is not None and due <= now and apply is evolve:
                        fold.state, fold.at = state, now
                        values = self._encode([*events, *self._fire_timers(now)], sequence, cause)
                        state, due = fold.state, self.next_due
                if values is None:
                    append(size, now, record.key, value, NO_HEADERS)
                    size += 1
                    sequence += 1
                    continue
                for value in values:
                    append(size, now, record.key, value, NO_HEADERS)
                    size += 1
                    sequence += 1
        base = self._writer.append_batch(builder)
        fold.state, fold.at, fold.last_cause = state, at, cause
        fold.next_sequence, fold.next_offset = sequence, base + size
        if adopted:
            fold.rules_version = self.system.rules_version
        return decided

    def _encode(self, events: Sequence[Event], sequence: int, cause: int) -> list[bytes]:
        """Number the events of one command, and encode them."""
        count = len(events)
        for index, event in enumerate(events):
            event.sequence = sequence + index
            event.cause = cause
            event.cause_index = index
            event.cause_count = count
        return list(map(self._event_codec.encode, events))

    def _adopt_rules(self, builder: BatchBuilder, batch: Batch) -> int:
        """Law 10: say which rules decide from here on, before the first command that they decide.

        Returns how many events that took: none where the last rules adopted are these.
        """
        fold = self.fold
        if fold.rules_version == self.system.rules_version:
            return 0
        adopted = RulesAdopted(
            version=self.system.rules_version, sequence=fold.next_sequence, cause=fold.last_cause
        )
        timestamp = max(fold.at, next(iter(batch)).timestamp)
        builder.append(0, timestamp, None, self._event_codec.encode(adopted), NO_HEADERS)
        return 1

    def _decide_specially(self, record: StoredRecord, command: Any, now: int) -> list[Event]:
        """A command with an origin, or one that a timer is due before. Its events are applied, and
        the timers fired that it made due at once."""
        fold = self.fold
        if command.origin_sequence >= 0 and fold.has_seen_origin(command):
            events: list[Event] = [NothingChanged(reason="its origin was seen before")]
        else:
            events = self._fire_timers(now)
            if type(command) is not Tick:
                try:
                    decided = fold.decider.decide(fold.state, command, now)
                    self._encode(decided, 0, 0)  # what cannot be written must not be applied
                except Exception as error:
                    events.append(self._dead_letter(record, error))
                else:
                    fold.state = fold_events(fold.decider, decided, fold.state)
                    fold.at = now
                    events = [*events, *decided, *self._fire_timers(now)]
        if command.origin_sequence >= 0:
            events = events or [NothingChanged()]
            for event in events:
                event.origin_topic = command.origin_topic
                event.origin_partition = command.origin_partition
                event.origin_sequence = command.origin_sequence
                event.origin_index = command.origin_index
            fold.see_origin(command)
        return events

    def _fire_timers(self, now: int) -> list[Event]:
        """The events, applied, of the timers that are due."""
        fold, encode = self.fold, self._event_codec.encode
        events, fold.state = fire_timers(
            fold.decider, fold.state, now, at=fold.at, encode=encode, failed=log_failure
        )
        return events

    def _dead_letter(self, record: StoredRecord, error: Exception) -> Event:
        """Keep the record for people to look at; the event that says so."""
        reason = "a command cannot be a tombstone" if record.value is None else repr(error)
        topic = self.commands.topic
        logger.warning("%s-%d offset %d: %s", topic, self.number, record.offset, reason)
        self.dead_letters.append([dead_letter_of(topic, self.number, record, reason)])
        return CommandDeadLettered(reason=reason)


def _unchanged(state: Any, event: Event) -> Any:
    """In the place of `evolve`, for events of the core, and events that are applied already."""
    return state
