"""What must hold in a simulated deployment, at every moment and in the end; `Violation` says what
does not.

The checks read what is durable, past all faults, and follow it with folds of their own:

- what was acknowledged to a producer, or seen once, is there, the same, for good;
- every command is decided once, in order, its events whole; sequences have no gap;
- a command that was sent again with its idempotency key is decided once, within the window;
- what reactors are to lead to is decided once each, by origin, and nothing else has an origin;
- states keep their system's invariant; deciding again gives the same bytes (in the end);
- every read model is what a rebuild makes of the events that it has applied;
- when the faults are over everything catches up: commands, timers, reactors, effects, read models.
"""

import itertools
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from log.envelope import Event
from log.errors import LogError
from log.interface import Log
from log.record import StoredRecord
from processors.core.fold import IDEMPOTENCY_WINDOW_MS, new_fold
from processors.core.messages import CommandRepeated, NothingChanged, RulesAdopted
from processors.core.system import System
from processors.core.task import SEEN_BEFORE
from projections.core.memory_store import MemoryStore
from projections.core.store import Store
from projections.core.worker import Worker as ProjectionWorker
from replay.log_until import LogUntil
from replay.simulator.actors import Acknowledged

READ_BYTES = 1 << 30
Origin = tuple[str, int, int, int]
"""Topic, partition, sequence, index."""


class Violation(AssertionError):
    """Something that must hold does not."""


class TopicWatch:
    """One partition: what was seen of it stays as it was."""

    def __init__(self, topic: str, number: int) -> None:
        self.topic = topic
        self.number = number
        self.next_offset = 0
        self._seen: dict[int, int] = {}
        """By offset, the CRC-32 of the value."""

    def news(self, log: Log, *, whole: bool) -> list[StoredRecord]:
        """The records that are new; with `whole`, the old ones are looked at again."""
        partition = log.partition(self.topic, self.number)
        begin = 0 if whole else self.next_offset
        try:
            batches = partition.read(begin, READ_BYTES)
        except LogError as error:
            raise Violation(f"{self.topic}-{self.number}: {error}") from error
        new, found = [], 0
        for batch in batches:
            for record in batch:
                checksum = zlib.crc32(record.value or b"")
                if record.offset < self.next_offset:
                    found += 1
                    if self._seen.get(record.offset) != checksum:
                        raise Violation(
                            f"{self.topic}-{self.number}: the record at offset {record.offset} "
                            "is another one than was seen before"
                        )
                else:
                    self._seen[record.offset] = checksum
                    new.append(record)
        if whole and found != len(self._seen) - len(new):
            raise Violation(
                f"{self.topic}-{self.number}: {len(self._seen) - len(new) - found} records that "
                "were seen before are gone"
            )
        if new:
            self.next_offset = new[-1].offset + 1
        return new

    def checksum(self, offset: int) -> int | None:
        return self._seen.get(offset)


class PartitionWatch:
    """A task's partition: its commands, and what was decided of them."""

    def __init__(self, system: System, number: int, log: Log) -> None:
        self.system = system
        self.number = number
        self.commands = TopicWatch(system.commands_topic, number)
        self.events = TopicWatch(system.events_topic, number)
        self.fold = new_fold(system.decider)
        self.command_offsets: list[int] = []
        self.origins: dict[int, Origin] = {}
        """By command offset."""
        self.keys: dict[int, str] = {}
        """By command offset, its idempotency key."""
        self.decided_at: dict[str, int] = {}
        """By idempotency key, the time at which it was decided."""
        self.accepted = Counter[Origin]()
        self.to_perform: list[Event] = []
        """Events that effects react to."""
        self.happened: list[tuple[Event, int]] = []
        """Events since the reactors' oracle looked, with their time."""
        self._topics = log.topics()
        self._command_codec = system.command_codec(self._topics[system.commands_topic])
        self._event_codec = system.event_codec(self._topics[system.events_topic])
        self._effect_kinds = {kind for effect in system.effects for kind in effect.on}
        self._due = 0
        """Which of the commands is to be decided next."""
        self._left = 0
        """How many events of the last command are to come."""

    @property
    def where(self) -> str:
        return f"{self.system.name}-{self.number}"

    @property
    def lag(self) -> int:
        """How many commands wait."""
        return len(self.command_offsets) - self._due

    def look(self, log: Log, *, whole: bool = False) -> None:
        """Errors: Violation."""
        for record in self.commands.news(log, whole=whole):
            self.command_offsets.append(record.offset)
            self._note_command(record)
        news = self.events.news(log, whole=whole)
        for record in news:
            event = self._event_codec.decode(record.value or b"")
            self._check_order(event, record)
            self._apply(event, record)
        if news and self.system.invariant is not None and not self._left:
            try:
                self.system.invariant(self.fold.state)
            except AssertionError as error:
                raise Violation(f"{self.where}: the invariant is broken: {error}") from error

    def _note_command(self, record: StoredRecord) -> None:
        try:
            command = self._command_codec.decode(record.value or b"")
        except Exception:
            return  # it will be a dead letter
        if command.origin_sequence >= 0:
            self.origins[record.offset] = origin_of(command)
        if command.idempotency_key:
            self.keys[record.offset] = command.idempotency_key

    def _check_order(self, event: Event, record: StoredRecord) -> None:
        place = f"{self.where}: at events offset {record.offset}"
        if event.sequence != self.fold.next_sequence:
            raise Violation(
                f"{place} stands sequence {event.sequence}, and {self.fold.next_sequence} is due"
            )
        if type(event) is RulesAdopted:
            return
        if not self._left:
            if self._due >= len(self.command_offsets):
                raise Violation(f"{place} is an event of a command that is not there")
            self._left = event.cause_count
        due = self.command_offsets[self._due]
        index = event.cause_count - self._left
        if (event.cause, event.cause_index) != (due, index):
            raise Violation(
                f"{place} stands event {event.cause_index} of the command at offset "
                f"{event.cause}, and event {index} of the command at offset {due} is due: one "
                "was left out, or decided twice"
            )
        self._left -= 1
        if not self._left:
            self._due += 1

    def _apply(self, event: Event, record: StoredRecord) -> None:
        fold = self.fold
        fold.next_sequence += 1
        fold.at = max(fold.at, record.timestamp)
        fold.last_cause = event.cause
        if type(event) in self.system.events:
            fold.state = self.system.decider.evolve(fold.state, event)
        if type(event) in self._effect_kinds:
            self.to_perform.append(event)
        self.happened.append((event, record.timestamp))
        if event.cause_index == 0 and event.cause in self.keys:
            self._check_key(event, self.keys[event.cause])
        origin = self.origins.get(event.cause)
        is_seen = type(event) is NothingChanged and event.reason == SEEN_BEFORE
        if origin is not None and event.cause_index == 0 and not is_seen:
            self.accepted[origin] += 1
            if self.accepted[origin] > 1:
                raise Violation(
                    f"{self.where}: the command at offset {event.cause} was decided, and its "
                    f"origin {origin} had been decided before: it is doubled"
                )

    def _check_key(self, event: Event, key: str) -> None:
        decided_at, at = self.decided_at.get(key), self.fold.at
        is_remembered = decided_at is not None and at - decided_at <= IDEMPOTENCY_WINDOW_MS
        if is_remembered != (type(event) is CommandRepeated):
            what = "decided again" if is_remembered else "not decided"
            raise Violation(
                f"{self.where}: the command at offset {event.cause}, of the idempotency key "
                f"{key!r}, was {what}"
            )
        if not is_remembered:
            self.decided_at[key] = at

    def missing(self, wall_ms: int) -> str | None:
        """What is not caught up here; None where everything is."""
        if self.lag or self._left:
            return f"{self.where}: {self.lag} commands are not decided"
        next_due = self.system.decider.next_due
        due = None if next_due is None else next_due(self.fold.state)
        if due is not None and due <= wall_ms:
            return f"{self.where}: a timer is due since {wall_ms - due} ms, and has not fired"
        for effect in self.system.effects:
            kept = [event for event in self.to_perform if type(event) in effect.on]
            waiting = [event for event in kept if effect.wanted(self.fold.state, event)]
            if waiting:
                return (
                    f"{self.where}: {len(waiting)} requests of the effect {effect.name} have no "
                    f"answer, the first is the event of sequence {waiting[0].sequence}"
                )
        return None


def origin_of(message: Any) -> Origin:
    return (
        message.origin_topic,
        message.origin_partition,
        message.origin_sequence,
        message.origin_index,
    )


class ReactorOracle:
    """What the reactors of all systems are to lead to, worked out from the same events."""

    def __init__(self, systems: Sequence[System], watches: Iterable[PartitionWatch]) -> None:
        self._watches = list(watches)
        self._by_name = {system.name: system for system in systems}
        self._owners = [system for system in systems if system.reactors]
        self.expected: dict[str, set[Origin]] = {system.name: set() for system in systems}
        """By target system."""

    def look(self) -> None:
        """Errors: Violation."""
        for watch in self._watches:
            for event, at in watch.happened:
                self._react(watch, event, at)
            watch.happened.clear()
        for watch in self._watches:
            for origin in watch.accepted:
                if origin not in self.expected[watch.system.name]:
                    raise Violation(
                        f"{watch.where}: a command of origin {origin} was decided, and no "
                        "reactor leads to it"
                    )

    def _react(self, watch: PartitionWatch, event: Event, at: int) -> None:
        for owner in self._owners:
            index = 0
            for reactor in owner.reactors:
                source, target = reactor.source or owner, reactor.target or owner
                react = reactor.on.get(type(event))
                if source.name != watch.system.name or react is None:
                    continue
                for _ in react(event, at):
                    origin = (source.events_topic, watch.number, event.sequence, index)
                    self.expected[target.name].add(origin)
                    index += 1

    def missing(self) -> str | None:
        """What reactors have not led to yet."""
        for name, expected in self.expected.items():
            accepted = {
                origin
                for watch in self._watches
                if watch.system.name == name
                for origin in watch.accepted
            }
            late = sorted(expected - accepted)
            if late:
                return (
                    f"{name}: {len(late)} commands of reactors are not decided, the first of "
                    f"origin {late[0]}"
                )
        return None


def check_acknowledged(
    acknowledged: Iterable[Acknowledged], watches: dict[tuple[str, int], TopicWatch]
) -> None:
    """Each is there, to the byte, and those of one key are in the order of their sending."""
    last: dict[tuple[str, int, bytes | None], int] = {}
    for each in acknowledged:
        found = watches[each.topic, each.number].checksum(each.offset)
        if found != zlib.crc32(each.value):
            state = "is gone" if found is None else "is another"
            raise Violation(
                f"{each.topic}-{each.number}: the record at offset {each.offset} was "
                f"acknowledged, and {state}"
            )
        place = each.topic, each.number, each.key
        if last.get(place, -1) >= each.offset:
            raise Violation(f"{each.topic}-{each.number}: the key {each.key!r} is out of order")
        last[place] = each.offset


def check_projections(log: Log, store: Store) -> None:
    """Every read model has the rows that a rebuild makes of the events that it has applied.
    Errors: Violation."""
    catalog = store.catalog
    again = MemoryStore(catalog)
    compared = []
    for projection in catalog.projections.values():
        status = store.status(projection)
        if status is None:
            continue
        compared.append(projection)
        ends = {
            (catalog.system.events_topic, number): mark.next_offset
            for number, mark in status.watermarks.items()
        }
        ProjectionWorker(LogUntil(log, ends), again, [projection]).catch_up()
    with store.reading() as live, again.reading() as rebuilt:
        for table, projection in catalog.owners.items():
            if projection not in compared:
                continue
            pairs = itertools.zip_longest(live.rows(table), rebuilt.rows(table))
            odd = next((pair for pair in pairs if pair[0] != pair[1]), None)
            if odd is not None:
                raise Violation(
                    f"the read model {catalog.system.name}.{projection.name} is not what a "
                    f"rebuild makes: table {table.name} holds {odd[0]}, rebuilt {odd[1]}"
                )
