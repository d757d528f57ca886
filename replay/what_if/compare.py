"""The events of two sides compared, command by command.

Both logs are read once, side by side, partition by partition, and forgotten as they pass; what
stays are counts, and the first differences as examples. A command's answer is its events, without
what only says where they stand: sequence, cause, and the adoption of rules. Events are decoded
without any system's types, as a side's rules may be of another revision.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from log.interface import Log, Partition
from log.topic import ValueFormat
from processors.core.messages import RulesAdopted
from processors.core.system import System
from replay.state import Progress
from replay.what_if.edits import EditedPartition
from replay.what_if.sides import Stretch

READ_BYTES = 1 << 20
EXAMPLES = 100
"""So many changed commands are told in full."""
TOP_KEYS = 20
TIME_BUCKETS = 60
POSITION_FIELDS = ("sequence", "cause", "cause_index", "cause_count")
PROGRESS_EVERY_COMMANDS = 10_000
_ADOPTED = str(RulesAdopted.__struct_config__.tag)
_END = 1 << 62


class KindCount(msgspec.Struct, kw_only=True):
    """The events of one kind on both sides. Of a command, the first of a kind before belongs to
    the first of that kind after, and so on; what is left over was removed or added."""

    kind: str
    before: int = 0
    after: int = 0
    removed: int = 0
    added: int = 0
    changed: int = 0
    fields: dict[str, int] = {}
    """Of those that changed: how often which field differs."""


class KeyCount(msgspec.Struct, kw_only=True):
    """How many commands of a record key have another answer."""

    key: str
    changed_commands: int


class ChangedCommand(msgspec.Struct, kw_only=True):
    """A command with another answer, or on one side only. Events are without their position."""

    partition: int
    offset: int
    """As recorded; of an added command, in the log of the side after."""
    edit: str
    """Empty, `changed`, `removed`, or `added #1` by the order of the edits."""
    at_ms: int
    key: str | None
    command: Any
    """Its value; text where it is no JSON."""
    kinds_before: list[str]
    kinds_after: list[str]
    fields: list[str]
    before: list[Any]
    after: list[Any]


class TimeCount(msgspec.Struct, kw_only=True):
    """How many commands have another answer from `start_ms` on, until the next one."""

    start_ms: int
    commands: int
    changed: int


class EventComparison(msgspec.Struct, kw_only=True):
    """What deciding the commands of two sides gives, over all partitions."""

    commands: int = 0
    """On both sides."""
    changed: int = 0
    """With another answer, and not edited themselves: what a budget is for."""
    edited_changed: int = 0
    """Edited, and with another answer."""
    removed: int = 0
    """By edits."""
    added: int = 0
    events_before: int = 0
    events_after: int = 0
    kinds: list[KindCount] = []
    keys: list[KeyCount] = []
    """Those with the most changed commands, the most first."""
    times: list[TimeCount] = []
    examples: list[ChangedCommand] = []
    """The first ones of each partition, so many in all."""


class _Envelope(msgspec.Struct, gc=False):
    type: str
    sequence: int
    cause: int = -1


class _Told(NamedTuple):
    """An event, with its timestamp and key."""

    kind: str
    sequence: int
    cause: int
    timestamp: int
    key: bytes | None
    value: bytes


class _Answer(NamedTuple):
    offset: int
    events: list[_Told]


_NO_ANSWER = _Answer(_END, [])


class EventComparer:
    """Compares partition after partition; `result` is what they come to."""

    def __init__(self, system: System, before: Log, after: Log, stretches: list[Stretch]) -> None:
        self._system = system
        self._logs = before, after
        self._kinds: dict[str, KindCount] = {}
        self._keys: Counter[bytes | None] = Counter()
        begin = min((each.first_ms for each in stretches if each.last_ms), default=0)
        end = max((each.last_ms for each in stretches), default=0)
        self._begin_ms = begin
        self._width_ms = max((end - begin) // TIME_BUCKETS + 1, 1)
        self._times = [[0, 0] for _ in range(TIME_BUCKETS + 1)]
        self._total = EventComparison()
        self._edits: EditedPartition | None = None
        self._examples_left = 0
        self._number = 0
        self._decode: Any = msgspec.json.decode
        self._partitions_left = len(stretches)

    def compare(self, stretch: Stretch, edits: EditedPartition | None, progress: Progress) -> None:
        """One partition; `edits` are those that were applied to its commands."""
        number, total = stretch.partition, self._total
        topic = self._system.events_topic
        self._number, self._edits = number, edits
        room = EXAMPLES - len(total.examples)
        self._examples_left = -(-room // self._partitions_left)
        self._partitions_left -= 1
        one, other = (log.partition(topic, number) for log in self._logs)
        value_format = one.config.value_format
        self._decode = (msgspec.json if value_format == "json" else msgspec.msgpack).decode
        befores = _answers(one, stretch.start, value_format)
        afters = _identified(_answers(other, stretch.start, value_format), edits)
        before, (name, place, after) = next(befores, _NO_ANSWER), next(afters)
        done = 0
        while before.offset < _END or after.offset < _END:
            if name:
                total.added += 1
                self._take(before=None, after=after, offset=after.offset, edit=f"added #{name}")
                name, place, after = next(afters)
            elif before.offset < place:
                total.removed += 1
                self._take(before=before, after=None, offset=before.offset, edit="removed")
                before = next(befores, _NO_ANSWER)
            else:
                is_edited = edits is not None and before.offset in edits.changed_offsets
                edit = "changed" if is_edited else ""
                total.commands += 1
                self._take(before=before, after=after, offset=before.offset, edit=edit)
                before, (name, place, after) = next(befores, _NO_ANSWER), next(afters)
            done += 1
            if done % PROGRESS_EVERY_COMMANDS == 0:
                progress(done, stretch.end - stretch.start)

    @property
    def result(self) -> EventComparison:
        total = self._total
        total.kinds = sorted(self._kinds.values(), key=lambda each: (-each.before, each.kind))
        total.keys = [
            KeyCount(key=_text(key) or "(none)", changed_commands=count)
            for key, count in self._keys.most_common(TOP_KEYS)
        ]
        total.times = [
            TimeCount(
                start_ms=self._begin_ms + at * self._width_ms, commands=commands, changed=changed
            )
            for at, (commands, changed) in enumerate(self._times[:TIME_BUCKETS])
        ]
        return total

    # -- one command -----------------------------------------------------------------------------

    def _take(
        self, *, before: _Answer | None, after: _Answer | None, offset: int, edit: str
    ) -> None:
        ones = before.events if before else []
        others = after.events if after else []
        total = self._total
        total.events_before += len(ones)
        total.events_after += len(others)
        bucket = self._times[self._bucket((ones or others)[0].timestamp)]
        bucket[0] += 1
        if len(ones) == len(others) and all(map(_is_same, ones, others)):
            for told in ones:
                kind = self._kind(told.kind)
                kind.before += 1
                kind.after += 1
            return
        fields = self._count_pairs(ones, others)
        kinds_before, kinds_after = ([told.kind for told in side] for side in (ones, others))
        if not fields and kinds_before == kinds_after:
            return  # only their bytes differ: of a field that is left out and its default
        bucket[1] += 1
        self._keys[(ones or others)[0].key] += 1
        if not edit:
            total.changed += 1
        elif edit == "changed":
            total.edited_changed += 1
        if self._examples_left > 0:
            self._examples_left -= 1
            total.examples.append(self._example(ones, others, offset, edit, sorted(fields)))

    def _count_pairs(self, ones: list[_Told], others: list[_Told]) -> set[str]:
        """Count the events of a command whose answers differ; returns the differing fields."""
        waiting: dict[str, list[_Told]] = {}
        for told in others:
            waiting.setdefault(told.kind, []).append(told)
            self._kind(told.kind).after += 1
        found: set[str] = set()
        for told in ones:
            kind = self._kind(told.kind)
            kind.before += 1
            same = waiting.get(told.kind)
            if not same:
                kind.removed += 1
                continue
            names = self._differing(told, same.pop(0))
            kind.changed += bool(names)
            for name in names:
                kind.fields[name] = kind.fields.get(name, 0) + 1
            found.update(names)
        for name, left in waiting.items():
            self._kind(name).added += len(left)
        return found

    def _differing(self, one: _Told, other: _Told) -> list[str]:
        if _is_same(one, other):
            return []
        left, right = self._fields(one), self._fields(other)
        names = [name for name in {**left, **right} if left.get(name) != right.get(name)]
        names += ["key"] if one.key != other.key else []
        return names + (["timestamp"] if one.timestamp != other.timestamp else [])

    def _fields(self, told: _Told) -> dict[str, Any]:
        decoded = self._decode(told.value)
        return {name: value for name, value in decoded.items() if name not in POSITION_FIELDS}

    def _example(
        self, ones: list[_Told], others: list[_Told], offset: int, edit: str, fields: list[str]
    ) -> ChangedCommand:
        side = others if edit.startswith(("added", "changed")) else ones
        log = self._logs[1] if side is others else self._logs[0]
        commands = log.partition(self._system.commands_topic, self._number)
        first = side[0] if side else (ones or others)[0]
        record = next(iter(commands.read(first.cause, 1)[0]))
        return ChangedCommand(
            partition=self._number,
            offset=offset,
            edit=edit,
            at_ms=record.timestamp,
            key=_text(record.key),
            command=_command(self._decode, record.value),
            kinds_before=[told.kind for told in ones],
            kinds_after=[told.kind for told in others],
            fields=fields,
            before=[self._fields(told) for told in ones],
            after=[self._fields(told) for told in others],
        )

    def _kind(self, name: str) -> KindCount:
        kind = self._kinds.get(name)
        if kind is None:
            kind = self._kinds[name] = KindCount(kind=name, fields={})
        return kind

    def _bucket(self, timestamp: int) -> int:
        at = (timestamp - self._begin_ms) // self._width_ms
        return min(max(at, 0), TIME_BUCKETS - 1)


def _is_same(one: _Told, other: _Told) -> bool:
    """Whether two events are the same but for where they stand, as far as their bytes tell."""
    if one.kind != other.kind or one.timestamp != other.timestamp or one.key != other.key:
        return False
    if one.sequence == other.sequence and one.cause == other.cause:
        return one.value == other.value
    return _unplaced(one) == _unplaced(other)


def _unplaced(told: _Told) -> bytes:
    """The value without its sequence and cause, where it is JSON as the core writes it."""
    return told.value.replace(b'"sequence":%d,"cause":%d' % (told.sequence, told.cause), b"", 1)


def _answers(partition: Partition, start: int, value_format: ValueFormat) -> Iterator[_Answer]:
    """The events of each command from `start` on, in order; what is told again is left out."""
    library = msgspec.json if value_format == "json" else msgspec.msgpack
    decode = library.Decoder(_Envelope).decode
    offset, end, due = partition.log_start, partition.high_watermark, -1
    cause = -1
    events: list[_Told] = []
    while offset < end:
        batches = partition.read(offset, READ_BYTES)
        if not batches:
            break
        offset = batches[-1].last_offset + 1
        for batch in batches:
            for record in batch:
                value = record.value or b""
                told = decode(value)
                if told.sequence < due:
                    continue
                due = told.sequence + 1
                if told.cause < start or told.type == _ADOPTED:
                    continue
                if told.cause != cause:
                    if events:
                        yield _Answer(cause, events)
                    cause, events = told.cause, []
                events.append(
                    _Told(told.type, told.sequence, cause, record.timestamp, record.key, value)
                )
    if events:
        yield _Answer(cause, events)


def _identified(
    answers: Iterator[_Answer], edits: EditedPartition | None
) -> Iterator[tuple[int, int, _Answer]]:
    """Each answer with the number of the edit that added its command (0: none), and the offset
    that its command was recorded at; at the end, `_NO_ANSWER` for ever."""
    names = [] if edits is None else list(zip(edits.added_offsets, edits.added_names, strict=True))
    at = 0
    for answer in answers:
        if at < len(names) and names[at][0] == answer.offset:
            at += 1
            yield names[at - 1][1], answer.offset, answer
        else:
            yield 0, answer.offset - at, answer
    while True:
        yield 0, _END, _NO_ANSWER


def _text(key: bytes | None) -> str | None:
    return None if key is None else key.decode(errors="backslashreplace")


def _command(decode: Any, value: bytes | None) -> Any:
    if value is None:
        return None
    try:
        return decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return value.decode(errors="backslashreplace")
