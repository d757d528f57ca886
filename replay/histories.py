"""A partition's history, walked from command to command: recorded events folded, or the recorded
commands decided again by rules of today.

Events come from a log, or from the rules; a state and a running digest of all events so far go to
who compares. A place that was reached can be kept, and gone back to. Nothing is written.
"""

import copy
import hashlib
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from log.codec import Codec, tag_of
from log.envelope import Event
from log.interface import Log
from log.record import Batch, StoredRecord
from processors.core.decider import decode_state, digest, encode_state, sum_of_parts
from processors.core.fold import Fold
from processors.core.messages import RulesAdopted
from processors.core.snapshots import Snapshots
from processors.core.system import System
from processors.core.task import Task
from replay.events import RecordedEvents
from replay.recorded import ReplayLog
from replay.state import begin_fold, fold_until

Progress = Callable[[int], None]
"""Called with the offset of the last command that is done."""

_SEQUENCE = b',"sequence":'
_ADOPTED_TAG = tag_of(RulesAdopted).encode()
_FRAME = struct.Struct(">qii")
"""Timestamp, length of the key (-1: none), length of the value."""


class EventsDigest:
    """A running hash of events: key, timestamp and value of each. Once two of them differ, they
    stay different.

    An event's sequence is left out: it counts adoptions of rules, too, and whether those stand in
    a history says nothing of what was decided.
    """

    def __init__(self, codec: Codec[Event], is_json: bool) -> None:
        self._hashed = hashlib.blake2b(digest_size=16)
        self._codec = codec
        self._is_json = is_json

    def add(self, records: Iterable[StoredRecord]) -> None:
        """Events in their order. What adopts rules is left out."""
        pieces: list[bytes] = []
        append, is_json, pack = pieces.append, self._is_json, _FRAME.pack
        for record in records:
            key, value = record.key, record.value or b""
            if _ADOPTED_TAG in value and self.is_adoption(record):
                continue
            begin = value.find(_SEQUENCE) if is_json else -1
            end = value.find(b",", begin + 1)
            if begin >= 0 and end >= 0:
                value = value[:begin] + value[end:]
            else:
                event = self._codec.decode(value)
                event.sequence = -1
                value = self._codec.encode(event)
            append(pack(record.timestamp, -1 if key is None else len(key), len(value)))
            append(key or b"")
            append(value)
        self._hashed.update(b"".join(pieces))

    def is_adoption(self, record: StoredRecord) -> bool:
        """Whether the event says that other rules decide from there on."""
        return type(self._codec.decode(record.value or b"")) is RulesAdopted

    def copy(self) -> "EventsDigest":
        copied = copy.copy(self)
        copied._hashed = self._hashed.copy()
        return copied

    def hexdigest(self) -> str:
        return self._hashed.hexdigest()


@dataclass(frozen=True)
class Kept:
    """A place of a history to go back to, with the state written down."""

    fold: Fold[Any]
    state: Sequence[bytes]
    events_digest: EventsDigest


class History(ABC):
    """One partition's history, at a place: after some command. `fold` is the state there."""

    def __init__(self, log: Log, system: System, number: int) -> None:
        self.system = system
        self.number = number
        self.recorded = RecordedEvents(log, system, number)
        self.commands = log.partition(system.commands_topic, number)
        self.commands_end = self.commands.high_watermark
        self.begin_digest()
        self._collected: list[StoredRecord] | None = None

    @property
    @abstractmethod
    def fold(self) -> Fold[Any]:
        """Where the history has been walked to, and its state."""

    @fold.setter
    @abstractmethod
    def fold(self, fold: Fold[Any]) -> None: ...

    @abstractmethod
    def advance(self, command_offset: int, progress: Progress | None = None) -> None:
        """Walk on, to after the command at that offset, or to the end where that comes before.

        Errors: those of folding; TaskFailed where commands are decided.
        """

    def events_until(self, command_offset: int) -> list[StoredRecord]:
        """As `advance`; the events on that way, without adoptions of rules."""
        self._collected = []
        self.advance(command_offset)
        collected, self._collected = self._collected, None
        return collected

    def begin_digest(self) -> None:
        """Let the events' digest be of those from here on."""
        is_json = self.recorded.partition.config.value_format == "json"
        self.events_digest = EventsDigest(self.recorded.codec, is_json)

    def state_digest(self) -> str:
        """Of all parts, where the state declares parts, else of all rows."""
        state_format = self.system.decider.state_format
        if state_format.parts is None:
            return digest(state_format, self.fold.state)
        return text_of_sum(sum_of_parts(state_format.parts, self.fold.state))

    def keep(self) -> Kept:
        fold = self.fold
        state = tuple(encode_state(self.system.decider.state_format, fold.state))
        return Kept(_without_state(fold), state, self.events_digest.copy())

    def go_back(self, kept: Kept) -> None:
        """To a place that was kept; as often as you like."""
        fold = _without_state(kept.fold)
        fold.state = decode_state(self.system.decider.state_format, kept.state)
        self.fold, self.events_digest = fold, kept.events_digest.copy()

    def _add(self, records: Iterable[StoredRecord]) -> None:
        self.events_digest.add(records)
        if self._collected is not None:
            is_adoption = self.events_digest.is_adoption
            self._collected += (record for record in records if not is_adoption(record))


def text_of_sum(total: int) -> str:
    """A sum of parts as a digest, in hexadecimal."""
    return f"{total:032x}"


def _without_state(fold: Fold[Any]) -> Fold[Any]:
    copied = copy.copy(fold)
    copied.origins, copied.keys = dict(fold.origins), dict(fold.keys)
    copied.state = None
    return copied


class RecordedHistory(History):
    """Recorded events, folded. Begins with nothing; where the first events are deleted, at the
    newest of `snapshots`, and its digest is of the events from there on. With `after`, it begins
    after that command, from the nearest of the snapshots."""

    def __init__(
        self,
        log: Log,
        system: System,
        number: int,
        snapshots: Snapshots | None = None,
        *,
        after: int | None = None,
    ) -> None:
        super().__init__(log, system, number)
        is_whole = self.recorded.partition.log_start == 0
        if after is None and is_whole:
            snapshots = None
        self._fold = begin_fold(self.recorded, system, after, snapshots)
        if after is not None:
            fold_until(self.recorded, self._fold, after)

    @property
    def fold(self) -> Fold[Any]:
        return self._fold

    @fold.setter
    def fold(self, fold: Fold[Any]) -> None:
        self._fold = fold

    def advance(self, command_offset: int, progress: Progress | None = None) -> None:
        recorded, fold = self.recorded, self._fold
        for batch in recorded.batches(fold.next_offset):
            head: Batch | None = recorded.up_to_command(batch, command_offset)
            if head is not None:
                due = fold.next_sequence
                folded = fold.advance(recorded.partition, [head], recorded.codec)
                # Where some were told before, the fold skips them.
                is_whole = folded == head.count
                self._add(head if is_whole else recorded.in_sequence(list(head), due))
            if head is not batch:
                break
            if progress:
                progress(fold.last_cause)


class DecidedHistory(History):
    """Recorded commands, decided by the system's rules, whichever rules decided them before.

    Begins with nothing; where the first commands are deleted, with the recorded events of those.
    """

    def __init__(
        self, log: Log, system: System, number: int, snapshots: Snapshots | None = None
    ) -> None:
        super().__init__(log, system, number)
        config = self.recorded.partition.config
        self._replay = ReplayLog(system, self.commands, config, self._add_batch)
        self._task = Task(self._replay, system, number)
        start = self.commands.log_start
        if start > 0:
            self.fold = begin_fold(self.recorded, system, start - 1, snapshots)
            fold_until(self.recorded, self.fold, start - 1)

    @property
    def fold(self) -> Fold[Any]:
        return self._task.fold

    @fold.setter
    def fold(self, fold: Fold[Any]) -> None:
        self._task.fold = fold

    def _add_batch(self, decided: Batch) -> None:
        self._add(decided)

    def advance(self, command_offset: int, progress: Progress | None = None) -> None:
        end = min(command_offset + 1, self.commands_end)
        self._replay.commands.log_end = end
        while self._task.next_command < end and self._task.step():
            if progress:
                progress(self._task.fold.last_cause)
