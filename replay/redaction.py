"""Values of named fields replaced by others, so that a history can be shared.

Two passes over the records: `learn` finds the values that stand in the fields; `redacted` replaces
them there, and wherever else they stand: in other fields, within texts, as keys and headers of
records. A value's replacement is a keyed hash of it, the same everywhere: without the key nobody
can tell which value it was, nor try which it may have been.

| value | becomes |
|---|---|
| a text | `r` and 12 hexadecimal digits |
| an integer | another of the same sign, below 2^31 where it is below that, else below 2^63 |
| a float | as an integer below 2^31 |
| a list, a struct | itself, each value within replaced |
| empty, 0, true, false, null | itself |

Two values never share a replacement. In memory are the distinct values, and nothing else.
"""

import hashlib
import itertools
import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any

import msgspec

from log.envelope import Command, Event
from log.record import Headers, StoredRecord
from log.topic import TopicConfig, ValueFormat
from processors.core.dead_letters import ERROR_HEADER, MARKER_HEADER, OUR_HEADERS
from processors.core.system import System

TAG_FIELD = "type"
ENVELOPE = frozenset((*Command.__struct_fields__, *Event.__struct_fields__, TAG_FIELD))
"""Not redacted: history would not hold together."""
WITHIN_TEXT_MIN = 3
"""A shorter value is replaced only where it is the whole of a field, a key or a header; and as a
word of its own, in the texts of a record that has it in one of the fields."""
WORD_DIGITS = 12
SMALL = 1 << 31
LARGE = 1 << 63
TEXTS_CACHED = 1 << 14
NAMES_TOLD_MAX = 200

WORD = re.compile(r"\w+")

Shorts = dict[str, str]
"""Of the short values in the fields of one record, the replacements."""

_LIBRARIES: dict[ValueFormat, Any] = {"json": msgspec.json, "msgpack": msgspec.msgpack}


class RedactionRefused(Exception):
    """It cannot be redacted so; the message says why."""


class RedactedRecord(msgspec.Struct, gc=False):
    """A record with its place."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Redaction:
    """Replaces the values of `fields`, under a `key` of any length.

    `systems` tell which words belong to their schemas: tags, names of fields, names of choices.
    These stay what they are, also where a value is the same.
    """

    def __init__(
        self, fields: Collection[str], key: bytes, systems: Iterable[System] = ()
    ) -> None:
        self.fields = frozenset(fields)
        self.names: set[str] = set()
        """Of all fields that there are."""
        self.numbers_left: set[str] = set()
        """Fields that hold numbers, which stay, and are called like one of `fields`, with a role
        before it: `maker_account_id` beside `account_id`."""
        self._roles = tuple(f"_{name}" for name in self.fields)
        self._key = hashlib.blake2b(key).digest()
        self._schema = frozenset().union(*(words_of(system) for system in systems))
        self._missing = set(self.fields)
        self._values: set[str | int | float | bytes] = set()
        self._replacements: dict[Any, Any] = {}
        """Of a value of a field, by the value and its type."""
        self._whole: dict[str, str] = {}
        """Of what may be the whole of another field."""
        self._places: dict[str, str] = {}
        """Of what may be the whole of a key or a header."""
        self._within: dict[str, list[tuple[str, str]]] = {}
        """Of what may stand within a text: by its first characters, the longest first."""
        self._has_shorts = False
        self._replaced = lru_cache(TEXTS_CACHED)(self._replace_within)

    # -- the first pass ---------------------------------------------------------------------------

    def learn(self, config: TopicConfig, record: StoredRecord) -> None:
        """See which values stand in the fields of a record."""
        decoded, _ = _decoded(config, record)
        if isinstance(decoded, dict):
            for name, value in decoded.items():
                if name not in ENVELOPE:
                    self._learn_field(name, value, False)

    def _learn_field(self, name: Any, value: Any, redacts: bool) -> None:
        if type(name) is str and name.isidentifier() and len(self.names) < NAMES_TOLD_MAX:
            self.names.add(name)
        if name in self.fields:
            self._missing.discard(name)
            redacts = True
        elif not redacts and type(value) in (int, float) and str(name).endswith(self._roles):
            self.numbers_left.add(name)
        self._learn_value(value, redacts)

    def _learn_value(self, value: Any, redacts: bool) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                if name != TAG_FIELD:
                    self._learn_field(name, inner, redacts)
        elif isinstance(value, list):
            for inner in value:
                self._learn_value(inner, redacts)
        elif redacts and _is_redactable(value):
            self._values.add(value)

    def learned(self) -> None:
        """All records were seen. RedactionRefused where no record has a field of a name."""
        if self._missing:
            missing = ", ".join(sorted(self._missing))
            there = ", ".join(sorted(self.names)) or "none"
            raise RedactionRefused(f"no record has a field {missing}; there are: {there}")
        used: set[Any] = set(self._values)
        for value in sorted(self._values, key=lambda value: (type(value).__name__, value)):
            for attempt in itertools.count():
                other = self._hashed(value, attempt)
                if other not in used:
                    break
            used.add(other)
            self._replacements[type(value), value] = other
            self._place(value, other)
        for texts in self._within.values():
            texts.sort(key=lambda pair: (-len(pair[0]), pair[0]))

    def _hashed(self, value: str | int | float | bytes, attempt: int) -> Any:
        told = repr((type(value).__name__, value, attempt)).encode(errors="surrogatepass")
        hashed = hashlib.blake2b(told, key=self._key, digest_size=16)
        if isinstance(value, str):
            return f"r{hashed.hexdigest()[:WORD_DIGITS]}"
        if isinstance(value, bytes):
            return hashed.digest()[: WORD_DIGITS // 2]
        number, sign = int.from_bytes(hashed.digest(), "big"), -1 if value < 0 else 1
        if isinstance(value, float):
            return float(sign * (1 + number % (SMALL - 1)))
        limit = SMALL if abs(value) < SMALL else max(LARGE, 1 << value.bit_length())
        return sign * (1 + number % (limit - 1))

    def _place(self, value: str | int | float | bytes, other: Any) -> None:
        if isinstance(value, float | bytes):
            return
        text, instead = str(value), str(other)
        self._places[text] = instead
        if isinstance(value, str):
            self._whole[text] = instead
        if len(text) >= WITHIN_TEXT_MIN:
            self._within.setdefault(text[:WITHIN_TEXT_MIN], []).append((text, instead))
        else:
            self._has_shorts = True

    # -- the second pass --------------------------------------------------------------------------

    def redacted(self, config: TopicConfig, record: StoredRecord) -> RedactedRecord | None:
        """The record with all values replaced; None where that changes nothing."""
        value, shorts = self._redacted_value(config, record)
        key = None if record.key is None else self._redacted_bytes(record.key, {})
        headers = [
            (name, self._redacted_header(name, told, shorts)) for name, told in record.headers
        ]
        if value == record.value and key == record.key and headers == list(record.headers):
            return None
        return RedactedRecord(record.offset, record.timestamp, key, value, headers)

    def _redacted_value(
        self, config: TopicConfig, record: StoredRecord
    ) -> tuple[bytes | None, Shorts]:
        shorts: Shorts = {}
        if record.value is None or _is_marker(record):
            return record.value, shorts
        decoded, library = _decoded(config, record)
        if library is None:
            return self._redacted_bytes(record.value, shorts), shorts
        if not isinstance(decoded, dict):
            changed = self._redact(decoded, False, shorts)
        else:
            if self._has_shorts:
                self._find_shorts(decoded, False, shorts)
            changed = {
                self._name(name, shorts): value
                if name in ENVELOPE
                else self._redact(value, name in self.fields, shorts)
                for name, value in decoded.items()
            }
        return record.value if changed == decoded else library.encode(changed), shorts

    def _find_shorts(self, value: Any, redacts: bool, found: Shorts) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                self._find_shorts(inner, redacts or name in self.fields, found)
        elif isinstance(value, list):
            for inner in value:
                self._find_shorts(inner, redacts, found)
        elif redacts and len(text := str(value)) < WITHIN_TEXT_MIN:
            instead = self._replacements.get((type(value), value))
            if instead is not None:
                found[text] = str(instead)

    def _redact(self, value: Any, redacts: bool, shorts: Shorts) -> Any:
        if isinstance(value, dict):
            return {
                self._name(name, shorts): inner
                if name == TAG_FIELD
                else self._redact(inner, redacts or name in self.fields, shorts)
                for name, inner in value.items()
            }
        if isinstance(value, list):
            return [self._redact(inner, redacts, shorts) for inner in value]
        if redacts and (type(value), value) in self._replacements:
            return self._replacements[type(value), value]
        return self._text(value, shorts) if isinstance(value, str) else value

    def _name(self, name: Any, shorts: Shorts) -> Any:
        """A field's name, or a key of a mapping, which may be data."""
        if type(name) is str:
            if name in ENVELOPE or name in self.fields or name in self._schema:
                return name
            if name.isidentifier() and not self._schema:  # nobody can tell: it looks like a name
                return self._whole.get(name, name)
            return self._text(name, shorts)
        return self._replacements.get((type(name), name), name)

    def _text(self, text: str, shorts: Shorts) -> str:
        if text in self._schema:
            return text
        return self._whole.get(text) or self._words(self._replaced(text), shorts)

    def _words(self, text: str, shorts: Shorts) -> str:
        if not shorts:
            return text
        return WORD.sub(lambda word: shorts.get(word.group(), word.group()), text)

    def _redacted_bytes(self, data: bytes, shorts: Shorts) -> bytes:
        text = data.decode(errors="surrogateescape")
        instead = self._places.get(text) or self._words(self._replaced(text), shorts)
        return instead.encode(errors="surrogateescape")

    def _redacted_header(self, name: str, value: bytes | None, shorts: Shorts) -> bytes | None:
        if value is None or (name.startswith(OUR_HEADERS) and name != ERROR_HEADER):
            return value
        return self._redacted_bytes(value, shorts)

    def _replace_within(self, text: str) -> str:
        """Every value that stands in the text, but for digits out of the middle of a number."""
        pieces: list[str] = []
        begin = at = 0
        while at <= len(text) - WITHIN_TEXT_MIN:
            for value, instead in self._within.get(text[at : at + WITHIN_TEXT_MIN], ()):
                if text.startswith(value, at) and not _cuts_number(text, at, at + len(value)):
                    pieces += (text[begin:at], instead)
                    begin = at = at + len(value)
                    break
            else:
                at += 1
        return "".join((*pieces, text[begin:])) if pieces else text


def words_of(system: System) -> frozenset[str]:
    """The words of a system's schemas: tags, names of fields, and what enums and literals hold."""
    words: set[str] = set()
    kinds = (*system.commands, *system.events, *system.upcasters)
    waiting: list[Any] = list(msgspec.inspect.multi_type_info(kinds))
    seen: set[int] = set()
    while waiting:
        told = waiting.pop()
        if isinstance(told, list | tuple):
            waiting.extend(told)
        elif isinstance(told, msgspec.inspect.Type | msgspec.inspect.Field):
            if id(told) in seen:
                continue
            seen.add(id(told))
            if isinstance(told, msgspec.inspect.Field):
                words.add(told.encode_name)
            elif isinstance(told, msgspec.inspect.EnumType):
                words.update(str(choice.value) for choice in told.cls)
            elif isinstance(told, msgspec.inspect.LiteralType):
                words.update(map(str, told.values))
            elif isinstance(told, msgspec.inspect.StructType):
                words.update((str(told.tag), str(told.tag_field)))
            waiting.extend(
                getattr(told, name)
                for name in told.__struct_fields__
                if name not in ("cls", "default", "default_factory")
            )
    return frozenset(words)


def _decoded(config: TopicConfig, record: StoredRecord) -> tuple[Any, Any]:
    """The value in plain types, and the library that reads it; (None, None) where none does.

    The dead letters of msgpack commands stand on a topic of JSON, as they came.
    """
    for name, library in _LIBRARIES.items():
        try:
            decoded = library.decode(record.value or b"")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if name == config.value_format or isinstance(decoded, dict):
            return decoded, library
    return None, None


def _is_marker(record: StoredRecord) -> bool:
    """Whether the dead letters' topic keeps its own books with the record."""
    return any(name == MARKER_HEADER for name, _ in record.headers)


def _is_redactable(value: object) -> bool:
    """RedactionRefused for a value that has no replacement, such as a date in msgpack."""
    if value is None or isinstance(value, bool) or not value:
        return False
    if not isinstance(value, str | int | float | bytes):
        raise RedactionRefused(f"a value of type {type(value).__name__} cannot be redacted")
    return True


def _cuts_number(text: str, begin: int, end: int) -> bool:
    """Whether one of the two places lies between two digits."""
    return any(
        0 < at < len(text) and text[at - 1].isdigit() and text[at].isdigit() for at in (begin, end)
    )
