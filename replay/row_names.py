"""Rows of two lists, each with a name that no other row of its list has: so they are matched.

A row is called by its kind and leading fields: `order[17]`; where rows of a kind begin alike, by
the row of another kind that they stand behind: `instrument[ACME].standing[7]`; else by their
number: `order[#3]`. Names are made for the kinds that are asked for, and no others.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

import msgspec

IDENTITY_FIELDS_MAX = 3
"""So many leading values of a row may be needed to tell it from the others."""

Name = tuple[Any, ...]
"""`(tag, leading values)`, after the name of the row that it stands behind, if it takes that; or
`(tag, None, number)`. An empty tag is that of a row which has none."""

_TAGS: dict[Any, str] = {}
"""By type: they are few."""

encode: Callable[[Any], bytes] = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True)
class WrittenRows:
    """A list, such as the rows of a state: how each is written, of which kind it is, and the value
    (made again where it is asked for)."""

    encoded: Sequence[bytes]
    tags: Sequence[str]
    value: Callable[[int], Any]
    leads: dict[bytes, Name] = field(default_factory=dict)
    """What rows begin with, as far as it was asked for; it may be shared by many lists."""

    def __len__(self) -> int:
        return len(self.encoded)

    @cached_property
    def places(self) -> dict[str, list[int]]:
        """Where the rows of each kind stand."""
        found: dict[str, list[int]] = {}
        for at, tag in enumerate(self.tags):
            found.setdefault(tag, []).append(at)
        return found

    def written(self, tag: str) -> list[bytes]:
        """The rows of a kind."""
        return [self.encoded[at] for at in self.places.get(tag, ())]

    def lead(self, at: int) -> Name:
        """The tag of a row, and up to so many leading texts and integers that may name it."""
        content = self.encoded[at]
        lead = self.leads.get(content)
        if lead is None:
            lead = self.leads[content] = self.tags[at], *_leading(self.value(at))
        return lead


def written_rows(
    row_type: Any, rows: Iterable[Any], leads: dict[bytes, Name] | None = None
) -> WrittenRows:
    """A state's rows, kept apart from the state, which may go on to change. `leads` may be shared
    by the rows of one system."""
    encoded: list[bytes] = []
    tags: list[str] = []
    for row in rows:
        encoded.append(encode(row))
        tags.append(tag_of(type(row)))
    decode = msgspec.json.Decoder(row_type).decode
    return WrittenRows(
        encoded, tags, lambda at: decode(encoded[at]), {} if leads is None else leads
    )


def written_list(values: list[Any]) -> WrittenRows:
    """A list within a row."""
    tags = [tag_of(type(value)) for value in values]
    return WrittenRows([*map(encode, values)], tags, values.__getitem__)


def tag_of(kind: Any) -> str:
    """The tag that a struct is written with; empty where it has none."""
    tag = _TAGS.get(kind)
    if tag is None:
        config = getattr(kind, "__struct_config__", None)
        tag = _TAGS[kind] = str(getattr(config, "tag", None) or "")
    return tag


def _leading(row: Any) -> Name:
    if isinstance(row, msgspec.Struct):
        values = [getattr(row, name) for name in row.__struct_fields__[:IDENTITY_FIELDS_MAX]]
    elif isinstance(row, dict):
        values = list(row.values())[:IDENTITY_FIELDS_MAX]
    elif isinstance(row, list | tuple):
        values = list(row[:IDENTITY_FIELDS_MAX])
    else:
        values = [row]
    for count, value in enumerate(values):
        if isinstance(value, bool | Enum) or not isinstance(value, str | int):
            return tuple(values[:count])
    return tuple(values)


Names = list[list[Name]]
"""Of the rows of one kind on either side, in order."""


class RowNames:
    """The names of the rows of two lists, the same on both sides for rows that belong together."""

    def __init__(self, left: WrittenRows, right: WrittenRows) -> None:
        self._sides = left, right
        self._clear: dict[str, Names | None] = {}
        self._named: dict[str, Names] = {}
        self._asked: set[str] = set()

    def of(self, tag: str) -> Names:
        """The names of the rows of a kind."""
        if tag not in self._named:
            self._asked.add(tag)
            self._named[tag] = self._clear_names(tag) or self._unclear_names(tag)
        return self._named[tag]

    def name(self, side: int, at: int) -> Name:
        """That of one row."""
        rows = self._sides[side]
        tag = rows.tags[at]
        return self.of(tag)[side][bisect_right(rows.places[tag], at) - 1]

    def _leads(self, tag: str) -> Names:
        return [[rows.lead(at) for at in rows.places.get(tag, ())] for rows in self._sides]

    def _clear_names(self, tag: str) -> Names | None:
        """By the first value alone, or where there is but one row of the kind."""
        if tag not in self._clear:
            leads = self._leads(tag)
            self._clear[tag] = _cut(leads, 1) or (_cut(leads, 0) if tag else None)
        return self._clear[tag]

    def _unclear_names(self, tag: str) -> Names:
        leads = self._leads(tag)
        # The more leading values, the likelier is one among them that is no part of a name, but
        # something that changes: the row that they stand behind comes before the third.
        possible = [_cut(leads, 2), self._behind(tag, leads)]
        possible += [_cut(leads, width) for width in range(3, IDENTITY_FIELDS_MAX + 1)]
        by_number = [[(tag, None, count) for count in range(len(side))] for side in leads]
        return max((each for each in possible if each), key=_shared, default=by_number)

    def _behind(self, tag: str, leads: Names) -> Names | None:
        """By the last row before them of a kind whose rows have names, of the nearest kind that
        tells them apart; None where none does it."""
        others = {
            each: None for rows in self._sides for each in rows.places if each and each != tag
        }
        clear = [each for each in others if self._clear_names(each)]
        for head in sorted(clear, key=lambda each: self._distance(tag, each)):
            if named := self._behind_head(tag, leads, head):
                return named
        # Those that take a name of that kind themselves: not while theirs is being made.
        rest = [each for each in others if each not in clear]
        for head in rest:
            is_known = head in self._named or head not in self._asked
            if is_known and (named := self._behind_head(tag, leads, head)):
                return named
        return None

    def _distance(self, tag: str, head: str) -> int:
        """How far, in all, the rows of a kind stand behind those of another."""
        distance = 0
        for rows in self._sides:
            heads = rows.places.get(head, [])
            for at in rows.places.get(tag, ()):
                last = bisect_right(heads, at) - 1
                distance += at - heads[last] if last >= 0 else len(rows)
        return distance

    def _behind_head(self, tag: str, leads: Names, head: str) -> Names | None:
        heads = self.of(head)
        behind: Names = []
        for rows, names in zip(self._sides, heads, strict=True):
            places = rows.places.get(head, [])
            last = [bisect_right(places, at) - 1 for at in rows.places.get(tag, ())]
            behind.append([names[at] if at >= 0 else () for at in last])
        for width in range(IDENTITY_FIELDS_MAX):
            if (cut := _cut(leads, width, behind)) is not None:
                return cut
        return None


def _cut(sides: Names, width: int, behind: Names | None = None) -> Names | None:
    """So many leading values as names; None where they do not tell rows of a list apart."""
    found: Names = []
    for number, side in enumerate(sides):
        if behind is None:
            names = [lead[: width + 1] for lead in side if len(lead) > width]
        else:
            pairs = zip(behind[number], side, strict=True)
            names = [(head, *lead[: width + 1]) for head, lead in pairs if len(lead) > width]
        if len(set(names)) != len(side):
            return None
        found.append(names)
    return found


def _shared(names: Sequence[Sequence[Name]]) -> int:
    """How many rows of one list are found in the other."""
    return len(set(names[0]) & set(names[1]))


def shown_name(name: Name, inside: bool) -> str:
    """`[17]`, `order[17]`, `instrument[ACME].standing[7]`, and `order[#3]` by its number."""
    if name and isinstance(name[0], tuple):
        head, name = shown_name(name[0], inside), name[1:]
        return f"{head}{shown_name(name, inside=bool(head) or inside)}"
    if not name:
        return ""
    tag, *values = name
    if values[:1] == [None]:
        values = [f"#{values[1]}" if tag else values[1]]
    inner = f"[{', '.join(map(text_of, values))}]" if values else ""
    return f".{tag}{inner}" if tag and inside else f"{tag}{inner}"


def text_of(key: Any) -> str:
    """A key, or a value of a name, as it is written."""
    return str(key.value if isinstance(key, Enum) else key)
