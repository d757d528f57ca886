"""Commands as JSON lines: what people and programs write, checked before it reaches the log.

A line is a tagged command, `{"type": "place_order.v1", ...}`, and may say when it was asked with
`at`. What the log's codec would pass over in silence (a field that no command has) is an error
here, so that a misspelt field is not lost.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Union

import msgspec

from gateway.config import nearest
from log.codec import DECODE_ERRORS, tag_of
from log.envelope import Command
from log.topic import TopicConfig
from processors.core.system import System

TIME_FIELD = "at"
TIME_MS_LIMIT = 253_402_300_800_000
"""The year 10000: beyond, a number was hardly meant as milliseconds."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_JSON = TopicConfig(value_format="json")
_Info = msgspec.inspect.Type


class BadLine(Exception):
    """A line that is no command: `field` is where (a path, "" for the line), `reason` why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class LineDecoder:
    """Decodes the command lines of one system. Where a command type has a field `at` of its own,
    `at` in its lines is that field, and not the time of the record."""

    def __init__(self, system: System) -> None:
        codec = system.command_codec(_JSON)
        self._decode = codec.decode
        old = tuple(kind for kind in codec.upcasters if issubclass(kind, Command))
        kinds = (*system.commands, *old)
        self._kinds = {tag_of(kind): kind for kind in kinds}
        self._nested = {tag for tag, kind in self._kinds.items() if _holds_structs(kind)}
        strict = tuple(map(_strict, kinds))
        self._check = msgspec.json.Decoder(Union[strict]).decode  # noqa: UP007
        self._timed = {
            checked: TIME_FIELD not in kind.__struct_fields__
            for kind, checked in zip(kinds, strict, strict=True)
        }
        self._tag_of = {checked: tag_of(checked) for checked in strict}

    def decode(self, line: bytes) -> tuple[Any, int | None]:
        """The command, and its time in ms since 1970 where the line has one; else BadLine."""
        try:
            checked = self._check(line)
            command = self._decode(line)
        except DECODE_ERRORS as error:
            raise self._explain(line, error) from error
        kind = type(checked)
        if self._nested and self._tag_of[kind] in self._nested:
            self._refuse_unknown_fields(msgspec.json.decode(line))
        at = checked.at if self._timed[kind] else None
        return command, None if at is None else time_ms(at)

    def _explain(self, line: bytes, error: Exception) -> BadLine:
        """What is wrong with a line that does not decode, as precisely as it can be said."""
        try:
            raw = msgspec.json.decode(line)
        except DECODE_ERRORS as malformed:
            return BadLine("", f"this is no JSON: {malformed}")
        if not isinstance(raw, dict):
            return BadLine("", "a command is a JSON object with a `type`")
        tag = raw.get("type")
        if not isinstance(tag, str) or tag not in self._kinds:
            known = nearest(str(tag), self._kinds)
            if "type" not in raw:
                return BadLine("type", f"it is missing: {nearest('', self._kinds)}")
            return BadLine("type", f"there is no command {tag!r}: {known}")
        try:
            self._refuse_unknown_fields(raw)
        except BadLine as unknown:
            return unknown
        reason, _, path = str(error).partition(" - at `$")
        return BadLine(path.rstrip("`").lstrip("."), reason)

    def _refuse_unknown_fields(self, raw: dict[str, Any]) -> None:
        kind = self._kinds[raw["type"]]
        _refuse_unknown(raw, msgspec.inspect.type_info(kind), "", (TIME_FIELD,))


def time_ms(at: int | str) -> int:
    """Milliseconds since 1970 from a number of them, or from ISO 8601 (UTC where it has no
    offset); BadLine where it is neither."""
    if isinstance(at, str):
        try:
            moment = datetime.fromisoformat(at)
        except ValueError as error:
            raise BadLine(
                TIME_FIELD,
                f"{at!r} is no time: write milliseconds since 1970 as a number, or ISO 8601 "
                '("2024-05-01T09:30:00Z")',
            ) from error
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        at = (moment - EPOCH) // timedelta(milliseconds=1)
    if not 0 <= at < TIME_MS_LIMIT:
        raise BadLine(
            TIME_FIELD, f"{at} is out of range: it is milliseconds since 1970, up to the year 9999"
        )
    return at


def _strict(kind: type[Any]) -> type[Any]:
    """The command type with an optional `at`, and no patience with unknown fields."""
    fields: list[Any] = []
    if TIME_FIELD not in kind.__struct_fields__:
        fields.append((TIME_FIELD, int | str | None, None))
    return msgspec.defstruct(
        kind.__name__,
        fields,
        bases=(kind,),
        tag_field="type",
        tag=tag_of(kind),
        kw_only=True,
        forbid_unknown_fields=True,
    )


def _names(info: _Info) -> list[str]:
    assert isinstance(info, msgspec.inspect.StructType)
    names = [field.encode_name for field in info.fields]
    return [info.tag_field, *names] if info.tag_field else names


def _holds_structs(kind: type[Any]) -> bool:
    """Whether a field of the command may hold further objects."""
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)
    return any(_may_hold_structs(field.type) for field in info.fields)


def _may_hold_structs(info: _Info) -> bool:
    match info:
        case msgspec.inspect.StructType():
            return True
        case msgspec.inspect.UnionType():
            return any(map(_may_hold_structs, info.types))
        case msgspec.inspect.DictType():
            return _may_hold_structs(info.value_type)
        case msgspec.inspect.TupleType():
            return any(map(_may_hold_structs, info.item_types))
        case msgspec.inspect.CollectionType():
            return _may_hold_structs(info.item_type)
    return False


def _refuse_unknown(raw: Any, info: _Info, path: str, more: tuple[str, ...] = ()) -> None:
    """BadLine for the first object in `raw` with a field that its struct does not have.

    `more` are names that the outermost object may have besides.
    """
    match raw, info:
        case dict() | list(), msgspec.inspect.UnionType():
            for member in info.types:
                if _fits(raw, member):
                    _refuse_unknown(raw, member, path)
        case dict(), msgspec.inspect.StructType():
            names = (*_names(info), *more)
            for name in raw:
                if name not in names:
                    raise BadLine(_at(path, name), f"unknown field: {nearest(name, names)}")
            for field in info.fields:
                if field.encode_name in raw:
                    inner = raw[field.encode_name]
                    _refuse_unknown(inner, field.type, _at(path, field.encode_name))
        case dict(), msgspec.inspect.DictType():
            for name, part in raw.items():
                _refuse_unknown(part, info.value_type, _at(path, name))
        case list(), msgspec.inspect.TupleType():
            for at, (part, item) in enumerate(zip(raw, info.item_types, strict=False)):
                _refuse_unknown(part, item, f"{path}[{at}]")
        case list(), msgspec.inspect.CollectionType():
            for at, part in enumerate(raw):
                _refuse_unknown(part, info.item_type, f"{path}[{at}]")


def _fits(raw: Any, member: _Info) -> bool:
    """Whether `raw` can only be this member of a union: msgspec allows one of each shape, and
    several structs where tags tell them apart."""
    match member:
        case msgspec.inspect.StructType():
            tagged = member.tag_field is not None
            return isinstance(raw, dict) and (
                not tagged or raw.get(str(member.tag_field)) == member.tag
            )
        case msgspec.inspect.DictType():
            return isinstance(raw, dict)
        case msgspec.inspect.CollectionType() | msgspec.inspect.TupleType():
            return isinstance(raw, list)
    return False


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
