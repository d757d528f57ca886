"""How dense a partition's history is: what came in any stretch of it, and where it was unusual.

Counts come from the log's own indexes: where a time or a command stands. What those do not know
(rejections, dead letters, adopted rules, where the events of a command begin) is marked once, in a
walk over the events that goes on as they grow. What is settled stays: places of past times and the
marks never change. Bounded: where marks grow too many, every other one is left out, and counts for
two.
"""

import time
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Collection, Sequence
from itertools import pairwise

import msgspec

from log.codec import DECODE_ERRORS, tag_of
from log.interface import Log, Partition
from processors.core.messages import CommandDeadLettered, RulesAdopted
from processors.core.system import System
from replay.state import Progress

READ_BYTES = 1 << 20
MARKS_MAX = 1 << 17
ADOPTIONS_MAX = 1000
PLACES_MAX = 20_000

_ADOPTED = tag_of(RulesAdopted)
_DEAD = tag_of(CommandDeadLettered)


class Adoption(msgspec.Struct, frozen=True, kw_only=True):
    """Where other rules began to decide."""

    partition: int
    command_offset: int
    """Of the first command that they decided."""
    at_ms: int
    version: int


class _Head(msgspec.Struct, gc=False):
    """What is read of an event."""

    type: str = ""
    cause: int = -1
    version: int = 0


class Marks:
    """Growing numbers, how many of which are below another: at most MARKS_MAX are kept."""

    def __init__(self) -> None:
        self._kept = array("q")
        self.each = 1
        """So many does one that is kept stand for."""
        self._skipped = 0

    def add(self, number: int) -> None:
        self._skipped += 1
        if self._skipped < self.each:
            return
        self._skipped = 0
        self._kept.append(number)
        if len(self._kept) >= MARKS_MAX:
            self._kept = self._kept[1::2]
            self.each *= 2

    def below(self, number: int) -> int:
        return bisect_left(self._kept, number) * self.each


class Density:
    """Of one partition of a system. For one thread at a time."""

    def __init__(self, log: Log, system: System, number: int, refusals: Collection[str]) -> None:
        self.number = number
        self.commands = log.partition(system.commands_topic, number)
        self.events = log.partition(system.events_topic, number)
        self.refused, self.dead = Marks(), Marks()
        """By the offsets of their events."""
        self.adoptions: list[Adoption] = []
        self.marked_to = self.events.log_start
        """So far the events were walked over: an offset of theirs."""
        self.last_cause = -1
        """The last command whose events were walked over."""
        self.every = 1
        self._begins = array("q")
        """Where the events of the commands at 0, `every`, twice that ... begin."""
        self._refusals = frozenset(refusals) - {_DEAD}
        library = msgspec.json if self.events.config.value_format == "json" else msgspec.msgpack
        self._decode = library.Decoder(_Head).decode
        self._places: OrderedDict[tuple[str, int], int] = OrderedDict()

    @property
    def is_marked(self) -> bool:
        return self.marked_to >= self.events.high_watermark

    def mark(self, progress: Progress, until_s: float) -> None:
        """Walk on over the events until a time (`time.monotonic`), but for a read at least."""
        self.marked_to = max(self.marked_to, self.events.log_start)
        while self.marked_to < self.events.high_watermark:
            progress(self.marked_to, self.events.high_watermark)
            batches = self.events.read(self.marked_to, READ_BYTES)
            if not batches:
                return
            for batch in batches:
                for record in batch:
                    self._take(record.offset, record.timestamp, record.value or b"")
            self.marked_to = batches[-1].last_offset + 1
            if time.monotonic() > until_s:
                return

    def _take(self, offset: int, at_ms: int, value: bytes) -> None:
        try:
            head = self._decode(value)
        except DECODE_ERRORS:
            return  # who folds it says so
        kind, cause = head.type, head.cause
        if kind == _ADOPTED:
            cause += 1
            if len(self.adoptions) < ADOPTIONS_MAX:
                adopted = Adoption(
                    partition=self.number, command_offset=cause, at_ms=at_ms, version=head.version
                )
                self.adoptions.append(adopted)
        elif kind == _DEAD:
            self.dead.add(offset)
        elif kind in self._refusals:
            self.refused.add(offset)
        if cause > self.last_cause:
            self.last_cause = cause
            while len(self._begins) * self.every <= cause:
                self._begins.append(offset)
                if len(self._begins) >= MARKS_MAX:
                    self._begins = self._begins[::2]
                    self.every *= 2

    def event_of(self, command_offset: int) -> int:
        """Where the events of a command begin: exact for a multiple of `every` up to `last_cause`;
        else those of the next one. What was not walked over yet: where that begins."""
        at = -(-command_offset // self.every)
        return self._begins[at] if 0 <= at < len(self._begins) else self.marked_to

    def commands_before(self, time_ms: int) -> int:
        """Where the commands from a time on begin."""
        return self._place(self.commands, time_ms)

    def events_before(self, time_ms: int) -> int:
        return self._place(self.events, time_ms)

    def _place(self, partition: Partition, time_ms: int) -> int:
        key = partition.topic, time_ms
        known = self._places.get(key)
        if known is None:
            known = partition.offset_for_time(time_ms)
            if known is None:
                return partition.high_watermark
            self._places[key] = known
            if len(self._places) > PLACES_MAX:
                self._places.popitem(last=False)
        return max(known, partition.log_start)

    def times(self) -> tuple[int, int] | None:
        """Of the first record and the last one; None where there is none."""
        found = [each for each in map(_ends, (self.commands, self.events)) if each]
        if not found:
            return None
        return min(first for first, _ in found), max(last for _, last in found)


def _ends(partition: Partition) -> tuple[int, int] | None:
    start, end = partition.log_start, partition.high_watermark
    if start >= end:
        return None
    first = next((record.timestamp for batch in partition.read(start, 1) for record in batch), 0)
    latest = [batch.max_timestamp for batch in partition.read(end - 1, 1)]
    return first, max([first, *latest])


def differences(edges: Sequence[int]) -> list[int]:
    """What is between each and the next."""
    return [max(after - before, 0) for before, after in pairwise(edges)]
