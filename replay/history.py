"""The life of one order, post, booking: every command and event that touched it, across systems.

    what was looked for ─┬─► up: the command of an event, the origin of a command, theirs ...
    (a key, or a place)  └─► down: the events of a command, the commands that have one of them as
                             their origin, theirs ...

Commands and events of the systems on the log go in; messages, each with the place that it came
from, go out as a tree (`causal_tree.py`). A first pass looks for the bytes of the key in whole
batches, and decodes only records that have them. What follows upwards and downwards is found by
number (offset, sequence, cause, origin), by an index that keeps the lowest and highest of these of
each read: memory grows with what is found, and by some 200 bytes a MiB of log.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from log.envelope import Command, Event
from log.errors import CorruptLog
from log.interface import Log, Partition
from log.record import COMPRESSION_MASK, Batch, StoredRecord
from processors.core.system import System
from replay.causal_tree import Message, grow

READ_BYTES = 1 << 20
LIMIT = 1000
HOPS_MAX = 100
"""From system to system: what goes round for longer is cut."""

Progress = Callable[[int, int], None]
"""Called with how many records were looked at, and how many there are to look at so far."""

Source = tuple[str, int]
"""What numbers count: those of an origin's partition, or one of the three here."""
OFFSET, SEQUENCE, CAUSE = ("@offset", 0), ("@sequence", 0), ("@cause", 0)

UNREADABLE = "(unreadable)"
_ADOPTED = "rules_adopted.v1"
_ENVELOPE = {"type", *Command.__struct_fields__, *Event.__struct_fields__}
_PLACE = re.compile(r"([\w.-]+)/(\d+)([@#])(\d+)")
_FIELD = re.compile(r"([A-Za-z_][\w.]*)=(.*)", re.DOTALL)
_ORIGIN_NAME = b"origin_sequence"


class InvalidKey(ValueError):
    """What is looked for cannot be there; the message says why."""


class Key(msgspec.Struct, frozen=True):
    """A value to look for, in any field at any depth, or as a record's key; strings and integers.

    `field` limits it to fields of that name (`booking`), or path (`terms.parent`), and to those
    that say a role before it: `order_id` finds `maker_order_id`. `key` is the record's key too.
    """

    value: str
    field: str = ""

    @property
    def integer(self) -> int | None:
        """The value as an integer, where it is written as one."""
        is_one = re.fullmatch(r"0|-?[1-9]\d*", self.value)
        return int(self.value) if is_one else None

    def needles(self, value_format: str) -> tuple[bytes, ...]:
        """Every value that holds this has one of these in it; none where that cannot be told."""
        encoded = self.value.encode()
        if value_format == "msgpack":
            return () if not self.value or self.integer is not None else (encoded,)
        if not self.value.isascii() or msgspec.json.encode(self.value) != b'"%b"' % encoded:
            return ()  # JSON may be written with escapes, or without
        return (encoded, encoded.replace(b"/", b"\\/")) if b"/" in encoded else (encoded,)

    def is_in(self, record: StoredRecord, fields: Mapping[str, Any]) -> bool:
        if self.field in ("", "key") and record.key == self.value.encode():
            return True
        number = self.integer
        names = f".{self.field}", f"_{self.field}"
        return any(
            value == self.value or (number is not None and type(value) is int and value == number)
            for path, value in _scalars(fields)
            if not self.field or f".{path}".endswith(names)
        )


class Place(msgspec.Struct, frozen=True):
    """One message: `topic/partition@offset`, or of an event `topic/partition#sequence`."""

    topic: str
    partition: int
    number: int
    is_sequence: bool = False


class History(msgspec.Struct, kw_only=True):
    """A causal tree; `matching` messages hold the key, `messages` are in the tree."""

    matching: int
    messages: int
    is_cut: bool
    """Whether more would belong to it than the limit lets in. Of those that hold the key, the
    earliest are there."""
    roots: list[Message]


class _Head(msgspec.Struct, gc=False):
    """What is read of a message to tell whose it is."""

    type: str = ""
    sequence: int = -1
    cause: int = -1
    cause_count: int = 1
    origin_topic: str = ""
    origin_partition: int = 0
    origin_sequence: int = -1


class _Stretch(NamedTuple):
    """A read's worth of records, and the lowest and highest number of each source in it."""

    offset: int
    end: int
    spans: dict[Source, tuple[int, int]]


class _Recorded:
    """The commands or the events of one partition of a system."""

    def __init__(self, system: System, partition: Partition) -> None:
        self.system = system
        self.partition = partition
        self.holds_events = partition.topic == system.events_topic
        self.start = self.end = partition.log_start
        self._count: Callable[[int, int], None] = lambda records, more: None
        self._stretches: list[_Stretch] = []
        library = msgspec.json if partition.config.value_format == "json" else msgspec.msgpack
        self._decode: Callable[[bytes], Any] = library.decode
        self._decode_head: Callable[[bytes], _Head] = library.Decoder(_Head).decode

    def go_on(self, count: Callable[[int, int], None]) -> None:
        """It holds what it holds now; `count` hears what is looked at."""
        self.start, self.end = self.partition.log_start, self.partition.high_watermark
        self._count = count

    def matching(self, key: Key) -> Iterator[Message]:
        """The messages that hold the key."""
        value_format = self.partition.config.value_format
        needles = key.needles(value_format)
        may_be_in = _search_of(needles, value_format)
        as_key = key.value.encode()
        for _, batches in self._reads(self.start, self.end):
            for batch in batches:
                if needles and not any(_may_hold(batch, needle) for needle in needles):
                    continue
                for record in batch:
                    is_worth_it = record.key == as_key or may_be_in(record.value or b"")
                    if is_worth_it and record.offset < self.end:
                        message = self._message(record)
                        if message.type != _ADOPTED and key.is_in(record, message.fields):
                            yield message

    def picked(self, wanted: Mapping[Source, Iterable[int]]) -> Iterator[Message]:
        """The messages that have one of the wanted numbers of a source."""
        sets = {source: frozenset(numbers) for source, numbers in wanted.items()}
        ordered = {source: sorted(numbers) for source, numbers in sets.items()}
        for stretch in self._indexed():
            if not any(
                _is_within(ordered[source], *stretch.spans[source])
                for source in ordered.keys() & stretch.spans.keys()
            ):
                continue
            for _, batches in self._reads(stretch.offset, stretch.end, counted=False):
                for batch in batches:
                    for record in batch:
                        if any(
                            number in sets.get(source, ())
                            for source, number in self._numbers(record)
                        ):
                            yield self._message(record)

    def _indexed(self) -> list[_Stretch]:
        """Those that are kept; what came since the last search is added."""
        known = [each for each in self._stretches if each.offset >= self.start]
        self._stretches = known
        begin = known[-1].end if known else self.start
        if begin < self.end:
            self._count(0, self.end - begin)
            for offset, batches in self._reads(begin, self.end):
                end = batches[-1].last_offset + 1
                known.append(_Stretch(offset, end, self._spans(batches)))
        return known

    def _spans(self, batches: list[Batch]) -> dict[Source, tuple[int, int]]:
        found: dict[Source, list[int]] = {
            OFFSET: [batches[0].base_offset, batches[-1].last_offset]
        }
        for batch in batches:
            if self.holds_events:
                heads = [self._head(record) for record in batch]
                found.setdefault(SEQUENCE, []).extend([head.sequence for head in heads])
                causes = [head.cause for head in heads if head.type != _ADOPTED]
                found.setdefault(CAUSE, []).extend(causes)
            elif _may_hold(batch, _ORIGIN_NAME):
                for record in batch:
                    for source, number in self._numbers(record):
                        found.setdefault(source, []).append(number)
        return {source: (min(each), max(each)) for source, each in found.items() if each}

    def _numbers(self, record: StoredRecord) -> Iterator[tuple[Source, int]]:
        yield OFFSET, record.offset
        if self.holds_events:
            head = self._head(record)
            yield SEQUENCE, head.sequence
            if head.type != _ADOPTED:
                yield CAUSE, head.cause
        elif _ORIGIN_NAME in (record.value or b""):
            head = self._head(record)
            yield (head.origin_topic, head.origin_partition), head.origin_sequence

    def _head(self, record: StoredRecord) -> _Head:
        try:
            return self._decode_head(record.value or b"")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if self.holds_events:
                raise self._corrupt(record, error) from error
            return _Head()

    def _corrupt(self, record: StoredRecord, error: Exception) -> CorruptLog:
        return CorruptLog(
            f"{self.partition.topic}-{self.partition.number}: the event at offset {record.offset} "
            f"cannot be read: {error}; `refold doctor` tells more"
        )

    def _message(self, record: StoredRecord) -> Message:
        number, head = self.partition.number, self._head(record)
        try:
            fields = self._decode(record.value or b"")
            if not isinstance(fields, dict):
                raise msgspec.DecodeError("it is no object")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if self.holds_events:
                raise self._corrupt(record, error) from error
            fields = {"value": (record.value or b"").decode(errors="backslashreplace")}
        came_from = None
        if self.holds_events and head.cause >= 0 and head.type != _ADOPTED:
            came_from = f"{self.system.commands_topic}/{number}@{head.cause}"
        elif not self.holds_events and head.origin_sequence >= 0:
            came_from = f"{head.origin_topic}/{head.origin_partition}#{head.origin_sequence}"
        mark = f"#{head.sequence}" if self.holds_events else f"@{record.offset}"
        return Message(
            place=f"{self.partition.topic}/{number}{mark}",
            kind="event" if self.holds_events else "command",
            system=self.system.name,
            topic=self.partition.topic,
            partition=number,
            offset=record.offset,
            timestamp=record.timestamp,
            type=head.type or UNREADABLE,
            key=None if record.key is None else record.key.decode(errors="backslashreplace"),
            fields={name: value for name, value in fields.items() if name not in _ENVELOPE},
            came_from=came_from,
            cause_count=head.cause_count,
        )

    def _reads(
        self, offset: int, end: int, counted: bool = True
    ) -> Iterator[tuple[int, list[Batch]]]:
        while offset < end:
            batches = self.partition.read(offset, READ_BYTES)
            if not batches:
                return
            yield offset, batches
            following = batches[-1].last_offset + 1
            if counted:
                self._count(following - offset, 0)
            offset = following


class HistoryIndex:
    """What searches in a log have learned of where numbers stand in it, for the next ones: each
    then reads what is new. For one search at a time."""

    def __init__(self, log: Log, systems: Sequence[System]) -> None:
        self._log = log
        self._systems = systems
        self._known: dict[tuple[str, int], _Recorded] = {}

    def recorded(self, count: Callable[[int, int], None]) -> list[_Recorded]:
        """All partitions of the systems that are on the log, as far as they go now."""
        topics = self._log.topics()
        found: dict[tuple[str, int], _Recorded] = {}
        for system in self._systems:
            for topic in (system.commands_topic, system.events_topic):
                for number in range(topics[topic].partitions if topic in topics else 0):
                    place = topic, number
                    partition = self._log.partition(topic, number)
                    known = self._known.get(place)
                    if known is None or known.partition is not partition:  # it was made again
                        known = _Recorded(system, partition)
                    found[place] = known
                    known.go_on(count)
        self._known = found
        return list(found.values())


def history(
    log: Log,
    systems: Sequence[System],
    sought: Key | Place,
    *,
    system: str | None = None,
    partition: int | None = None,
    limit: int = LIMIT,
    progress: Progress | None = None,
    index: HistoryIndex | None = None,
) -> History:
    """What holds a key (or stands at a place) among the `systems` on the log, what led to it, and
    all that it led to.

    `system` and `partition` limit where the key is looked for, not where it leads. Systems that
    are not on the log are passed over. Reads only, and takes no fence. `index`, of the same log
    and systems, makes the next search short.
    Errors: InvalidKey for a place that is not there; CorruptLog.
    """
    index = index or HistoryIndex(log, systems)
    return _Search(index, limit, progress).run(sought, system, partition)


class _Search:
    def __init__(self, index: HistoryIndex, limit: int, progress: Progress | None) -> None:
        self.recorded = index.recorded(self._count)
        self.limit = limit
        self.found: dict[str, Message] = {}
        self.is_cut = False
        self.progress = progress
        self.looked_at = 0
        self.to_look_at = sum(each.end - each.start for each in self.recorded)

    def _count(self, records: int, more: int) -> None:
        """So many were looked at, and so many `more` are to be."""
        self.looked_at += records
        self.to_look_at += more
        if self.progress:
            self.progress(self.looked_at, self.to_look_at)

    def run(self, sought: Key | Place, system: str | None, partition: int | None) -> History:
        if isinstance(sought, Key):
            matching, seeds = self._matching(sought, system, partition)
        else:
            seeds = [self._at(sought)]
            matching = 1
        for message in seeds:
            message.matches = True
            self._add(message)
        self.is_cut = matching > len(seeds)
        self._follow(seeds, self._parents)
        self._follow(seeds, self._children)
        return History(
            matching=matching,
            messages=len(self.found),
            is_cut=self.is_cut,
            roots=grow(self.found.values()),
        )

    def _matching(
        self, key: Key, system: str | None, partition: int | None
    ) -> tuple[int, list[Message]]:
        """How many hold the key, and the earliest of them."""
        earliest: dict[str, Message] = {}
        matching = 0
        for recorded in self.recorded:
            if system not in (None, recorded.system.name):
                continue
            if partition not in (None, recorded.partition.number):
                continue
            last_told = -1
            for message in recorded.matching(key):
                if message.kind == "event":
                    sequence = int(message.place.rpartition("#")[2])
                    if sequence <= last_told:
                        continue  # told again
                    last_told = sequence
                matching += 1
                earliest[message.place] = message
                if len(earliest) >= 2 * self.limit:
                    earliest = self._earliest(earliest)
        return matching, list(self._earliest(earliest).values())

    def _earliest(self, messages: dict[str, Message]) -> dict[str, Message]:
        ordered = sorted(messages.values(), key=lambda message: message.timestamp)
        return {message.place: message for message in ordered[: self.limit]}

    def _at(self, place: Place) -> Message:
        for recorded in self.recorded:
            at = recorded.partition
            if (at.topic, at.number) != (place.topic, place.partition):
                continue
            source = SEQUENCE if place.is_sequence else OFFSET
            for message in recorded.picked({source: [place.number]}):
                return message
            name = "sequence" if place.is_sequence else "offset"
            raise InvalidKey(
                f"{place.topic}/{place.partition} holds no {name} {place.number}: it has the "
                f"offsets {recorded.start} to {recorded.end - 1}"
            )
        raise InvalidKey(f"there is no partition {place.partition} of {place.topic} on the log")

    def _add(self, message: Message) -> bool:
        """Whether there is room for it."""
        if message.place not in self.found and len(self.found) >= self.limit:
            self.is_cut = True
            return False
        self.found.setdefault(message.place, message)
        return True

    def _follow(
        self, seeds: Iterable[Message], next_to: Callable[[list[Message]], Iterator[Message]]
    ) -> None:
        """Go on from message to message until there is nothing new."""
        reached = {message.place for message in seeds}
        frontier = list(seeds)
        for _ in range(2 * HOPS_MAX):
            following: list[Message] = []
            for message in next_to(frontier):
                if message.place not in reached and self._add(message):
                    reached.add(message.place)
                    following.append(message)
            frontier = following
            if not frontier:
                return
        self.is_cut = True

    def _parents(self, messages: list[Message]) -> Iterator[Message]:
        wanted: dict[tuple[str, int], dict[Source, list[int]]] = {}
        for message in messages:
            if message.came_from is not None and message.came_from not in self.found:
                place = place_of(message.came_from)
                source = SEQUENCE if place.is_sequence else OFFSET
                numbers = wanted.setdefault((place.topic, place.partition), {})
                numbers.setdefault(source, []).append(place.number)
        for recorded in self.recorded:
            at = recorded.partition.topic, recorded.partition.number
            if at in wanted:
                yield from recorded.picked(wanted[at])

    def _children(self, messages: list[Message]) -> Iterator[Message]:
        causes: dict[tuple[str, int], list[int]] = {}
        origins: dict[Source, list[int]] = {}
        for message in messages:
            place = place_of(message.place)
            if message.kind == "command":
                causes.setdefault((message.system, place.partition), []).append(place.number)
            else:
                origins.setdefault((place.topic, place.partition), []).append(place.number)
        for recorded in self.recorded:
            if not recorded.holds_events:
                if origins:
                    yield from recorded.picked(origins)
                continue
            offsets = causes.get((recorded.system.name, recorded.partition.number))
            if offsets:
                yield from recorded.picked({CAUSE: offsets})


def parse_key(text: str, systems: Sequence[System]) -> tuple[str | None, Key | Place]:
    """`VALUE`, `FIELD=VALUE`, either with `SYSTEM:` before it, or a place; with the system's name.

    A topic and a system may be named by their last parts. Errors: InvalidKey.
    """
    if match := _PLACE.fullmatch(text):
        topics = [each for s in systems for each in (s.commands_topic, s.events_topic)]
        named = [topic for topic in topics if f".{topic}".endswith(f".{match[1]}")]
        if len(named) != 1:
            what = f"could be {' or '.join(named)}" if named else "is no topic of a system here"
            raise InvalidKey(f"{text!r}: {match[1]} {what}")
        place = Place(named[0], int(match[2]), int(match[4]), match[3] == "#")
        if place.is_sequence and named[0].endswith(".commands"):
            raise InvalidKey(f"{text!r}: commands have offsets ({text.replace('#', '@')})")
        return None, place
    before, colon, after = text.partition(":")
    within = [s.name for s in systems if colon and f".{s.name}".endswith(f".{before}")]
    if len(within) == 1:
        text = after
    if not text:
        raise InvalidKey("there is no value to look for")
    system = within[0] if len(within) == 1 else None
    if match := _FIELD.fullmatch(text):
        return system, Key(match[2], match[1])
    return system, Key(text)


def place_of(text: str) -> Place:
    """The place that a message's `place` or `came_from` names."""
    topic, _, rest = text.rpartition("/")
    is_sequence = "#" in rest
    number, _, within = rest.partition("#" if is_sequence else "@")
    return Place(topic, int(number), int(within), is_sequence)


def _scalars(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every string and number within, with the names that lead to it."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _scalars(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _scalars(inner, path)
    else:
        yield path, value


def _is_within(ordered: Sequence[int], low: int, high: int) -> bool:
    """Whether one of the numbers is between these two, or one of them."""
    at = bisect_left(ordered, low)
    return at < len(ordered) and ordered[at] <= high


def _search_of(needles: Sequence[bytes], value_format: str) -> Callable[[bytes], object]:
    """Tells whether one of the needles may be a value of its own, and not a part of one."""
    if not needles:
        return lambda value: True
    if value_format == "msgpack":
        return lambda value: needles[0] in value
    either = b"|".join(map(re.escape, needles))
    bounded = re.compile(b'[":,\\[\\s](?:' + either + b')[",\\]}\\s]').search
    return lambda value: any(needle in value for needle in needles) and bounded(value)


def _may_hold(batch: Batch, needle: bytes) -> bool:
    return bool(batch.attributes & COMPRESSION_MASK) or needle in batch.buffer
