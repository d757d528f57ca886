"""A task: one processor on one partition, the inner loop of refold.

Commands come in from `<system>.commands`, are decided one by one, and their events go out to
`<system>.events`, the events of one read as one durable batch. What stops a command stops only
that command: it goes to `<system>.dead-letters`, and an event says so.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from hdrh.histogram import HdrHistogram

from log.envelope import Event
from log.errors import LogError, OffsetOutOfRange
from log.interface import TaskLog
from log.record import NO_HEADERS, Batch, BatchBuilder, Record, StoredRecord
from processors.core.dead_letters import dead_letter_of
from processors.core.decider import EvolveFailed
from processors.core.decider import fold as fold_events
from processors.core.messages import (
    CommandDeadLettered,
    CommandRepeated,
    NothingChanged,
    RulesAdopted,
    Tick,
)
from processors.core.recovery import Recovery
from processors.core.snapshots import Snapshots
from processors.core.system import System
from processors.core.timers import fire_timers, log_failure
from processors.core.workers.tracing import TaskTracing

logger = logging.getLogger("refold.task")

READ_BYTES = 1 << 20
"""Some 10,000 commands a step: a flush to disk (about 0.5 ms) is then 2 % of a step."""
EVENT_OVERHEAD_BYTES = 4096
"""More than what stands beside an event's value in its batch."""
REASON_LENGTH_MAX = 4000
LATENCY_US_MAX = 3_600_000_000
NO_ORIGIN = -1, -1
SEEN_BEFORE = "its origin was seen before"

Apply = Callable[[Any, Event], Any]
Progress = Callable[[int, int], None]
"""Called with how many events are folded, and how many there will be."""


class InvalidEvent(Exception):
    """The rules made an event that its topic does not take; the command is dead-lettered."""


class TaskFailed(Exception):
    """The rules broke a law and the task stops; the message says where and what to do."""


class Task:
    """Runs a system's decider over one command partition, exactly once.

    Opening a task takes the fence of its events partition (PartitionFenced where another task
    has it, and keeps it) and folds what is there; with `at_once=False` that is left to the caller:
    `recover_some`, again and again. Then `step` again and again; `close` gives the fence up.
    A warm standby hands its `recovery` over.
    """

    def __init__(
        self,
        log: TaskLog,
        system: System,
        number: int,
        snapshots: Snapshots | None = None,
        progress: Progress | None = None,
        *,
        recovery: Recovery | None = None,
        at_once: bool = True,
        tracing: TaskTracing | None = None,
    ) -> None:
        self.system = system
        self.number = number
        self.snapshots = snapshots
        self.commands = log.partition(system.commands_topic, number)
        self.events = log.partition(system.events_topic, number)
        self.dead_letters = log.partition(system.dead_letters_topic, number)
        self.latency = HdrHistogram(1, LATENCY_US_MAX, 3)
        """Microseconds from a command's read to its durable events, a count a command."""
        self.command_codec = system.command_codec(self.commands.config)
        self.dead_lettered = 0
        """How many commands this task could not decide."""
        self._event_codec = system.event_codec(self.events.config)
        self._event_bytes_max = self.events.config.max_message_bytes - EVENT_OVERHEAD_BYTES
        self._commands_start = self.commands.log_start
        self._ahead = False
        """Whether the state is ahead of what is durable."""
        self._log = log
        self._tracing = tracing
        self._step_bytes = READ_BYTES
        self._letters: list[Record] = []
        self._read_ahead: tuple[int, list[Batch]] = (-1, [])
        """What was read while the last events became durable, and from where."""
        self._writer = log.open_writer(system.events_topic, number)
        try:
            self._recovery: Recovery | None = recovery or self._new_recovery()
            self.fold = self._recovery.fold
            self.snapshot_sequence = self._recovery.snapshot_sequence
            """The next sequence of the newest snapshot."""
            self.recovery_end = self.events.high_watermark
            """Where in the events history ends: nobody else can write from the fence on."""
            if at_once:
                self._recover(progress)
        except BaseException:
            self._writer.close()
            raise

    def __repr__(self) -> str:
        return f"Task({self.system.name}-{self.number})"

    @property
    def next_command(self) -> int:
        """The offset of the next command to decide."""
        return max(self.fold.last_cause + 1, self._commands_start)

    @property
    def lag(self) -> int:
        """How many commands wait."""
        return self.commands.high_watermark - self.next_command

    def waiting_ms(self, now: int) -> int:
        """Since when the oldest command waits that is not decided; 0 where none does."""
        offset, batches = self._read_ahead
        if offset != self.next_command:
            batches = self.commands.read(self.next_command, 1)
        for batch in batches:
            for record in batch:
                return max(now - record.timestamp, 0)
        return 0

    def has_commands(self) -> bool:
        """Whether a step finds commands at once. One that was appended this moment may be missed;
        a step does not miss it, but may wait for a broker to say that there is nothing."""
        if self._ahead or self._read_ahead[1]:
            return True
        try:
            return self.commands.wait(self.next_command, 0.0)
        except OffsetOutOfRange:
            return True

    @property
    def next_due(self) -> int | None:
        """When the earliest timer of the state fires (ms since 1970); None where there is none."""
        next_due = self.fold.decider.next_due
        return None if next_due is None else next_due(self.fold.state)

    @property
    def is_recovering(self) -> bool:
        """Whether history is not folded yet, so that nothing can be decided."""
        return self._recovery is not None

    def recover_some(self) -> bool:
        """Fold one read's worth of history; whether there is more to fold."""
        recovery = self._recovery
        if recovery is None:
            return False
        if recovery.fold.next_offset < self.recovery_end and recovery.advance():
            return True
        self.fold = recovery.finish()
        self._recovery = None
        return False

    def _recover(self, progress: Progress | None) -> None:
        while self.recover_some():
            if progress:
                progress(self.fold.next_offset, self.recovery_end)

    def _new_recovery(self) -> Recovery:
        return Recovery(self._log, self.system, self.number, self.snapshots)

    def step(self, max_bytes: int = READ_BYTES) -> int:
        """Decide one read's worth of commands; returns how many, once their events are durable.

        Errors: TaskFailed, and those of the log: with them nothing is acknowledged, and a further
        step first folds again what is durable.
        """
        if self._ahead:
            self._recovery = self._new_recovery()
            self.recovery_end = self.events.high_watermark
            self._ahead = False
        self._recover(None)
        batches = self._read_commands(max_bytes)
        if not batches:
            return 0
        started_ns = time.perf_counter_ns()
        if self._tracing is not None:
            self._tracing.began()
        try:
            decided = self._decide(batches)
        except BaseException as error:
            self._start_over()
            if isinstance(error, LogError) or not isinstance(error, Exception):
                raise
            if (interrupt := _interrupt_behind(error)) is not None:
                raise interrupt from None
            raise TaskFailed(
                f"{self.system.name}-{self.number}: evolve raised {error!r} at a command from "
                f"offset {self.next_command} on. A fact cannot be rejected: mend the rules and "
                "start again; nothing of these commands was written"
            ) from error
        if self._tracing is not None:
            self._tracing.decided(True)
        elapsed_us = (time.perf_counter_ns() - started_ns) // 1000 + 1
        self.latency.record_value(min(elapsed_us, LATENCY_US_MAX), decided)
        return decided

    def _start_over(self) -> None:
        """The state is ahead of what is durable: the next step folds that again."""
        self._letters = []
        if self._tracing is not None:
            self._tracing.decided(False)
        self._ahead = True  # folded later: the log may not answer now

    def _read_commands(self, max_bytes: int) -> list[Batch]:
        self._step_bytes = max_bytes
        offset, batches = self._read_ahead
        self._read_ahead = -1, []
        if offset == self.next_command and batches:
            return batches
        try:
            batches = self.commands.read(self.next_command, max_bytes)
        except OffsetOutOfRange:
            self._commands_start = self.commands.log_start
            batches = self.commands.read(self.next_command, max_bytes)
        while batches and not any(batch.count for batch in batches):  # steps over a hole
            batches = self.commands.read(batches[-1].last_offset + 1, max_bytes)
        return batches

    def _meanwhile(self, offset: int) -> None:
        """While the log makes the events durable: read the next commands, if they are there."""
        with contextlib.suppress(LogError):  # the next step meets it
            if self.commands.wait(offset, 0.0):
                self._read_ahead = offset, self.commands.read(offset, self._step_bytes)

    def save_snapshot(self) -> None:
        """Write the state down, unless the newest snapshot is of it already."""
        if self.snapshots and not self._ahead and self.fold.next_sequence > self.snapshot_sequence:
            self.snapshots.save(self.fold)
            self.snapshot_sequence = self.fold.next_sequence

    def close(self) -> Recovery | None:
        """Give the partition up; a successor may open it at once.

        What is folded may stay as a standby; None where it is ahead of what is durable.
        """
        self._writer.close()
        return (
            None
            if self._ahead
            else Recovery(self._log, self.system, self.number, self.snapshots, self.fold)
        )

    def _decide(self, batches: Sequence[Batch]) -> int:
        """The inner loop: what every command pays is here, what few pay in methods beside."""
        fold = self.fold
        decode: Callable[[bytes], Any] = self.command_codec.decode
        decide, next_due = fold.decider.decide, fold.decider.next_due
        evolve, encode = fold.decider.evolve, self._event_codec.encode
        builder = self._writer.new_batch()
        append, bytes_max = builder.append, self._event_bytes_max
        tracing, headers = self._tracing, NO_HEADERS
        size, decided = self._adopt_rules(builder, batches[0]), 0
        first, state, at, due = fold.next_sequence, fold.state, fold.at, self.next_due
        for batch in batches:
            for record in batch:
                cause, now = record.offset, record.timestamp
                if now < at:
                    now = at
                apply, command = evolve, None
                try:
                    command = decode(record.value)  # type: ignore[arg-type]
                    if next_due is not None and (
                        (due is not None and due <= now) or type(command) is Tick
                    ):
                        fold.state, fold.at, apply = state, at, _unchanged
                        events, state = self._decide_specially(record, command, now)
                    elif command.origin_sequence < 0 and not command.idempotency_key:
                        events = decide(state, command, now)
                    else:
                        events, apply = self._decide_once(state, command, cause, now)
                    if len(events) == 1:
                        event = events[0]
                        event.sequence = first + size
                        event.cause = cause
                        value, values = encode(event), None
                        if len(value) > bytes_max:
                            raise self._too_large(value)
                    else:
                        if not events:
                            events, apply = (NothingChanged(),), _unchanged
                        values = self._encode(events, first + size, cause)
                except (EvolveFailed, LogError):
                    raise
                except Exception as error:
                    events, apply = (self._dead_letter(record, error),), _unchanged
                    self._note(command, events, cause, now)
                    values = self._encode(events, first + size, cause)
                at, decided = now, decided + 1
                for event in events:
                    state = apply(state, event)
                if next_due is not None:
                    due = next_due(state)
                    if due is not None and due <= now and apply is evolve:
                        fold.state, fold.at = state, now
                        events = [*events, *self._fire_timers(now)]
                        fold.see_origin(command, events)
                        values = self._encode(events, first + size, cause)
                        state, due = fold.state, self.next_due
                if tracing is not None:
                    headers = tracing.headers(record, events, len(events))
                if values is None:
                    append(size, now, record.key, value, headers)
                    size += 1
                    continue
                for value in values:
                    append(size, now, record.key, value, headers)
                    size += 1
        fold.state, fold.at, fold.last_cause, fold.next_sequence = state, at, cause, first + size
        fold.rules_version = self.system.rules_version
        self._append(builder, value)
        return decided

    def _append(self, builder: BatchBuilder, last_value: bytes) -> None:
        """Make the events durable, after the dead letters that they name."""
        letters, self._letters = self._letters, []
        if letters:
            self.dead_letters.append(letters)
            self.dead_lettered += len(letters)
        fold = self.fold
        offsets = self._writer.append_batch(builder, partial(self._meanwhile, fold.last_cause + 1))
        fold.reached(last_value, offsets[-1])

    def _encode(self, events: Sequence[Event], sequence: int, cause: int) -> list[bytes]:
        """Number the events of one command, and encode them."""
        count, encode, bytes_max = len(events), self._event_codec.encode, self._event_bytes_max
        values = []
        for index, event in enumerate(events):
            event.sequence = sequence + index
            event.cause = cause
            event.cause_index = index
            event.cause_count = count
            value = encode(event)
            if len(value) > bytes_max:
                raise self._too_large(value)
            values.append(value)
        return values

    def _encode_event(self, event: Event) -> bytes:
        value = self._event_codec.encode(event)
        if len(value) > self._event_bytes_max:
            raise self._too_large(value)
        return value

    def _too_large(self, value: bytes) -> InvalidEvent:
        return InvalidEvent(
            f"an event of {len(value)} bytes does not fit the topic's max_message_bytes "
            f"{self.events.config.max_message_bytes}"
        )

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

    def _decide_once(
        self, state: Any, command: Any, cause: int, now: int
    ) -> tuple[Sequence[Event], Apply]:
        """The events of a command with an origin, or an idempotency key, and how to apply them."""
        if command.origin_sequence < 0:
            return self._decide_keyed(state, command, cause, now)
        # What `has_seen_origin` and `see_origin` do, with one look at the watermark.
        fold = self.fold
        topic, number = command.origin_topic, command.origin_partition
        sequence, index = command.origin_sequence, command.origin_index
        source, mark = (topic, number), (sequence, index)
        apply: Apply = _unchanged
        if mark <= fold.origins.get(source, NO_ORIGIN):
            events: Sequence[Event] = (NothingChanged(reason=SEEN_BEFORE),)
        else:
            events = fold.decider.decide(state, command, now)
            if events:
                apply = fold.decider.evolve
            else:
                events = (NothingChanged(),)
            fold.origins[source] = mark
        for event in events:
            event.origin_topic = topic
            event.origin_sequence = sequence
            if number:
                event.origin_partition = number
            if index:
                event.origin_index = index
        return events, apply

    def _decide_keyed(
        self, state: Any, command: Any, cause: int, now: int
    ) -> tuple[Sequence[Event], Apply]:
        fold = self.fold
        first_cause = fold.first_cause(command.idempotency_key, now)
        if first_cause is not None:
            return (CommandRepeated(first_cause=first_cause),), _unchanged
        events = fold.decider.decide(state, command, now)
        apply: Apply = fold.decider.evolve if events else _unchanged
        events = events or (NothingChanged(),)
        self._note(command, events, cause, now)
        return events, apply

    def _note(self, command: Any, events: Sequence[Event], cause: int, now: int) -> None:
        """Remember the origin and the idempotency key of a command, which these events repeat."""
        if command is None:
            return
        self.fold.see_origin(command, events)
        if command.idempotency_key:
            events[0].idempotency_key = command.idempotency_key
            self.fold.remember(command.idempotency_key, cause, now)

    def _decide_specially(
        self, record: StoredRecord, command: Any, now: int
    ) -> tuple[Sequence[Event], Any]:
        """A tick, or a command that a timer is due before. Its events are applied, and the timers
        fired that it made due at once; the state is what they led to."""
        fold = self.fold
        if command.origin_sequence >= 0 and fold.has_seen_origin(command):
            events: list[Event] = [NothingChanged(reason=SEEN_BEFORE)]
        elif (first_cause := fold.first_cause(command.idempotency_key, now)) is not None:
            return [CommandRepeated(first_cause=first_cause)], fold.state
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
        if command.origin_sequence >= 0 or command.idempotency_key:
            events = events or [NothingChanged()]
            self._note(command, events, record.offset, now)
        return events, fold.state

    def _fire_timers(self, now: int) -> list[Event]:
        """The events, applied, of the timers that are due."""
        fold = self.fold
        events, fold.state = fire_timers(
            fold.decider,
            fold.state,
            now,
            at=fold.at,
            encode=self._encode_event,
            failed=log_failure,
        )
        return events

    def _dead_letter(self, record: StoredRecord, error: Exception) -> Event:
        """Keep the record for people to look at; the event that says so."""
        if (interrupt := _interrupt_behind(error)) is not None:
            raise interrupt  # nothing is wrong with the command
        reason = "a command cannot be a tombstone" if record.value is None else repr(error)
        if len(reason) > REASON_LENGTH_MAX:
            reason = reason[:REASON_LENGTH_MAX] + " ..."
        topic = self.commands.topic
        logger.warning("%s-%d offset %d: %s", topic, self.number, record.offset, reason)
        self._letters.append(dead_letter_of(topic, self.number, record, reason))
        return CommandDeadLettered(reason=reason)


def _interrupt_behind(error: BaseException) -> KeyboardInterrupt | None:
    """The Ctrl-C that C code met and made an error of its own of (CPython: SystemError)."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, KeyboardInterrupt):
        seen = seen.__cause__ or seen.__context__
    return seen


def _unchanged(state: Any, event: Event) -> Any:
    """In the place of `evolve`, for events of the core, and events that are applied already."""
    return state
