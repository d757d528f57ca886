"""Commands removed, changed or added before they are decided: the edits of a what-if, as JSON
lines, checked against the system's types.

    {"op": "remove", "partition": 0, "offset": 12}
    {"op": "remove", "where": {"type": "place_order.v1", "account_id": 7}}
    {"op": "change", "partition": 0, "offset": 12, "set": {"quantity": 5}}
    {"op": "change", "where": {"account_id": 7}, "set": {"price": 100}}
    {"op": "add", "after": 12, "command": {"type": "cancel_order.v1", ...}}
    {"op": "add", "timestamp": "2024-05-01T09:30:00Z", "command": {...}}

Offsets are those of the recorded commands. A command that stays keeps its offset, moved on by the
commands that were added before it; one that goes leaves a hole.
"""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from log.codec import DECODE_ERRORS, tag_of
from log.record import Headers, StoredRecord
from log.topic import TopicConfig
from processors.core.messages import CORE_COMMANDS
from processors.core.system import System
from replay.portable_lines import ImportedRecord
from replay.state import parse_at
from replay.what_if.errors import InvalidEdit

Fields = dict[str, Any]


class _Edit(msgspec.Struct, kw_only=True, tag_field="op", forbid_unknown_fields=True):
    partition: int | None = None
    """None: the only one there is, or (`where`) all."""


class Remove(_Edit, tag="remove", kw_only=True):
    """A command by its offset, or all that match."""

    offset: int | None = None
    where: Fields | None = None


class Change(_Edit, tag="change", kw_only=True):
    """Other values of fields, of a command by its offset, or of all that match."""

    offset: int | None = None
    where: Fields | None = None
    set: Fields


class Add(_Edit, tag="add", kw_only=True):
    """One more command, on the partition of its key: beside the one at an offset, with its time
    unless one is given; or by its time alone, before the first command of a later time."""

    command: Fields
    before: int | None = None
    after: int | None = None
    timestamp: int | str | None = None


class _Line(msgspec.Struct):
    """An edit, where it stands, and how many commands it met."""

    number: int
    edit: Remove | Change | Add
    met: int = 0


class _Added(msgspec.Struct, kw_only=True):
    """A command to add to one partition, encoded."""

    line: _Line
    name: int
    timestamp: int | None
    key: bytes | None
    value: bytes


class Edits:
    """The edits of one system's history on a log. Errors: InvalidEdit, with the line.

    `edited` applies them to one partition after the other; then `check_met`.
    """

    def __init__(
        self, lines: Iterable[bytes | str], system: System, config: TopicConfig, partitions: int
    ) -> None:
        self.system = system
        self.partitions = partitions
        self.codec = system.command_codec(config)
        self._json = system.command_codec(TopicConfig(value_format="json"))
        self._lines = list(_parse(lines))
        self._added_count = 0
        for line in self._lines:
            self._check(line)

    def edited(self, number: int) -> "EditedPartition":
        """What becomes of one partition's commands."""
        return EditedPartition(self, number, self._lines)

    def check_met(self, numbers: Sequence[int]) -> None:
        """InvalidEdit where one changes nothing, which is hardly what was meant."""
        for line in self._lines:
            if not line.met:
                edit = line.edit
                if isinstance(edit, Remove | Change) and edit.where is not None:
                    what = "no command matches"
                else:
                    what = "no recorded command stands there"
                where = ", ".join(map(str, numbers))
                raise InvalidEdit(
                    f"line {line.number}: {what} (of those that are compared, partition {where})"
                )

    # -- checks ----------------------------------------------------------------------------------

    def _check(self, line: _Line) -> None:
        edit = line.edit
        if edit.partition is not None and not 0 <= edit.partition < self.partitions:
            raise _wrong(line, f"partition {edit.partition}: there are 0 to {self.partitions - 1}")
        if isinstance(edit, Add):
            self._check_place(line, edit)
            return
        if (edit.offset is None) == (edit.where is None):
            raise _wrong(line, f"a {_op(edit)} needs an `offset` or a `where`, and not both")
        if edit.offset is not None:
            self._name_partition(line)
        if edit.where is not None:
            self._check_names(line, "where", edit.where)
        if isinstance(edit, Change):
            if not edit.set:
                raise _wrong(line, "`set` is empty")
            if "type" in edit.set:
                raise _wrong(line, "a command's type cannot change: remove it, and add another")
            self._check_names(line, "set", edit.set)

    def _check_place(self, line: _Line, edit: Add) -> None:
        if edit.before is not None and edit.after is not None:
            raise _wrong(line, "an add stands `before` a command or `after` one, not both")
        beside = edit.after if edit.before is None else edit.before
        if beside is None and edit.timestamp is None:
            raise _wrong(line, "an add needs `before`, `after` or a `timestamp`")
        numbers = self.placed(self.decoded(line, edit.command))[1]
        if edit.partition is not None and edit.partition not in numbers:
            raise _wrong(line, f"the command's key belongs to partition {numbers[0]}")
        if edit.partition is None and beside is not None and len(numbers) > 1:
            raise _wrong(line, "the command has no key, and belongs to every partition: name one")
        _time_of(line, edit.timestamp)

    def _name_partition(self, line: _Line) -> None:
        if line.edit.partition is None:
            if self.partitions > 1:
                raise _wrong(line, "name the `partition`: each has a command at that offset")
            line.edit.partition = 0

    def _check_names(self, line: _Line, what: str, fields: Fields) -> None:
        kinds = list(self._json.tags.values())
        tag = fields.get("type")
        if tag is not None:
            if not isinstance(tag, str) or tag not in self._json.tags:
                near = _near(str(tag), self._json.tags)
                raise _wrong(line, f"`{what}`: there is no command {tag!r}: {near}")
            kinds = [self._json.tags[tag]]
        known = {name for kind in kinds for name in kind.__struct_fields__}
        for name in fields.keys() - {"type"} - known:
            raise _wrong(line, f"`{what}`: no command has a field {name!r}: {_near(name, known)}")

    def decoded(self, line: _Line, fields: Fields) -> Any:
        """A command from its fields and type."""
        if "type" not in fields:
            raise _wrong(line, "`command` has no `type`")
        self._check_names(line, "command", fields)
        try:
            return self._json.decode(msgspec.json.encode(fields))
        except DECODE_ERRORS as error:
            raise _wrong(line, str(error)) from error

    def placed(self, command: Any) -> tuple[bytes | None, Sequence[int]]:
        """The record key of a command, and its partitions; a tick has no key."""
        if isinstance(command, CORE_COMMANDS):
            return None, range(self.partitions)
        return self.system.placed(command, self.partitions)

    # -- what a partition needs ------------------------------------------------------------------

    def added(self, line: _Line, edit: Add, number: int) -> _Added | None:
        """What an edit adds to a partition; None for nothing."""
        command = self.decoded(line, edit.command)
        key, numbers = self.placed(command)
        if number not in numbers or edit.partition not in (None, number):
            return None
        return _Added(
            line=line,
            name=[each for each in self._lines if isinstance(each.edit, Add)].index(line) + 1,
            timestamp=_time_of(line, edit.timestamp),
            key=key,
            value=self.codec.encode(command),
        )

    def changed(self, line: _Line, edit: Change, record: StoredRecord, number: int) -> Any:
        """The command of a record with other values: its key and its value."""
        where = f"the command at partition {number}, offset {record.offset}"
        try:
            command = self.codec.decode(record.value)  # type: ignore[arg-type]
        except (*DECODE_ERRORS, TypeError) as error:
            raise _wrong(line, f"{where} cannot be read: {error}") from error
        fields = {name: getattr(command, name) for name in command.__struct_fields__}
        for name in edit.set.keys() - fields.keys():
            raise _wrong(line, f"{where} is a {tag_of(type(command))}, with no field {name!r}")
        told = {**fields, **edit.set, "type": tag_of(type(command))}
        changed = self.decoded(line, told)
        key, numbers = self.placed(changed)
        if number not in numbers:
            raise _wrong(
                line,
                f"{where} would then belong to partition {numbers[0]}: remove it, and add "
                "another there",
            )
        return key, self.codec.encode(changed)

    def matches(self, where: Fields, command: Any) -> bool:
        """Whether a command has these values (and this type)."""
        for name, value in where.items():
            if name == "type":
                if tag_of(type(command)) != value:
                    return False
                continue
            if name not in command.__struct_fields__:
                return False
            if msgspec.to_builtins(getattr(command, name)) != value:
                return False
        return True


class EditedPartition:
    """Applies edits to the commands of one partition as they pass.

    `added_offsets` are, in order, the new offsets of what was added; `changed_offsets` tells by
    the recorded offset (less the first) whether a command that stays was changed.
    """

    def __init__(self, edits: Edits, number: int, lines: Sequence[_Line]) -> None:
        self._edits = edits
        self._number = number
        self._at: dict[int, list[_Line]] = {}
        self._where: list[tuple[_Line, Remove | Change]] = []
        self._beside: dict[tuple[str, int], list[_Added]] = {}
        self._timed: list[_Added] = []
        self._shift = 0
        self.added_offsets: list[int] = []
        self.added_names: list[int] = []
        self.removed = 0
        self.changed_offsets: set[int] = set()
        for line in lines:
            self._take(line)
        self._timed.sort(key=lambda added: added.timestamp or 0, reverse=True)

    def _take(self, line: _Line) -> None:
        edit, number = line.edit, self._number
        if isinstance(edit, Add):
            added = self._edits.added(line, edit, number)
            if added is None:
                return
            if edit.before is not None:
                self._beside.setdefault(("before", edit.before), []).append(added)
            elif edit.after is not None:
                self._beside.setdefault(("after", edit.after), []).append(added)
            else:
                self._timed.append(added)
        elif edit.partition in (None, number):
            if edit.where is not None:
                self._where.append((line, edit))
            else:
                self._at.setdefault(edit.offset or 0, []).append(line)

    @property
    def is_untouched(self) -> bool:
        return not (self._at or self._where or self._beside or self._timed)

    def apply(self, records: Iterable[StoredRecord]) -> list[StoredRecord]:
        """What stands in the place of some records, with their new offsets."""
        return [edited for record in records for edited in self._apply(record)]

    def rest(self, next_offset: int) -> list[StoredRecord]:
        """What is added after the last record."""
        timed, self._timed = self._timed[::-1], []
        return [self._add(added, next_offset, added.timestamp or 0) for added in timed]

    def _apply(self, record: StoredRecord) -> Iterator[StoredRecord]:
        offset = record.offset
        while self._timed and record.timestamp > (self._timed[-1].timestamp or 0):
            added = self._timed.pop()
            yield self._add(added, offset, added.timestamp or 0)
        for added in self._beside.get(("before", offset), ()):
            yield self._add(added, offset, record.timestamp)
        key, value, stays = record.key, record.value, True
        for line, edit in self._touching(record):
            line.met += 1
            if isinstance(edit, Remove):
                stays = False
            elif stays:
                now = ImportedRecord(offset, record.timestamp, key, value, [])
                key, value = self._edits.changed(line, edit, now, self._number)
        if stays:
            if value is not record.value:
                self.changed_offsets.add(offset)
            headers: Headers = list(record.headers)
            yield ImportedRecord(offset + self._shift, record.timestamp, key, value, headers)
        else:
            self.removed += 1
        for added in self._beside.get(("after", offset), ()):
            yield self._add(added, offset + 1, record.timestamp)

    def _touching(self, record: StoredRecord) -> Iterator[tuple[_Line, Remove | Change]]:
        for line in self._at.get(record.offset, ()):
            yield line, line.edit  # type: ignore[misc]
        if not self._where:
            return
        try:
            command = self._edits.codec.decode(record.value)  # type: ignore[arg-type]
        except (*DECODE_ERRORS, TypeError):
            return  # a dead letter has no fields
        for line, edit in self._where:
            if self._edits.matches(edit.where or {}, command):
                yield line, edit

    def _add(self, added: _Added, offset: int, timestamp: int) -> StoredRecord:
        added.line.met += 1
        placed = offset + self._shift
        self._shift += 1
        self.added_offsets.append(placed)
        self.added_names.append(added.name)
        at = timestamp if added.timestamp is None else added.timestamp
        return ImportedRecord(placed, at, added.key, added.value, [])


def _parse(lines: Iterable[bytes | str]) -> Iterator[_Line]:
    decode = msgspec.json.Decoder(Remove | Change | Add).decode
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            yield _Line(number, decode(text))
        except DECODE_ERRORS as error:
            raise InvalidEdit(f"line {number}: {error}") from error


def _time_of(line: _Line, timestamp: int | str | None) -> int | None:
    if not isinstance(timestamp, str):
        return timestamp
    try:
        at = parse_at(timestamp)
    except ValueError as error:
        raise _wrong(line, f"`timestamp`: {error}") from error
    return at.command_offset if at.time_ms is None else at.time_ms


def _op(edit: Remove | Change | Add) -> str:
    return str(type(edit).__struct_config__.tag)


def _wrong(line: _Line, reason: str) -> InvalidEdit:
    return InvalidEdit(f"line {line.number}: {reason}")


def _near(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
