"""What became of a value, as a JSON Patch (RFC 6902): encoded JSON before and after come in.

Rows that merely moved on are kept: of a list, the rows that are the same on both sides and in the
same order stay, and what lies between is replaced, added or removed. Works on the encoded bytes of
each member, so that nothing is compared that would not be sent, and nothing is encoded twice.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

RAW_LIST = msgspec.json.Decoder(list[msgspec.Raw])
RAW_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
LIST, OBJECT = b"[", b"{"


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One operation: `add`, `remove` or `replace`."""

    op: str
    path: str
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Kept(NamedTuple):
    """A row that is on both sides: where."""

    before: int
    after: int


def changes_between(before: bytes, after: bytes, path: str = "") -> Iterator[Change]:
    """In the order in which they are to be applied."""
    if before == after:
        return
    kind = after[:1]
    if kind == before[:1] == LIST:
        yield from _of_lists(_members(before), _members(after), path)
    elif kind == before[:1] == OBJECT:
        yield from _of_objects(before, after, path)
    else:
        yield Change("replace", path, msgspec.Raw(after))


def _members(text: bytes) -> list[bytes]:
    return [bytes(each) for each in RAW_LIST.decode(text)]


def _of_objects(before: bytes, after: bytes, path: str) -> Iterator[Change]:
    old, new = RAW_OBJECT.decode(before), RAW_OBJECT.decode(after)
    for name in old.keys() - new.keys():
        yield Change("remove", f"{path}/{_escaped(name)}")
    for name, value in new.items():
        place = f"{path}/{_escaped(name)}"
        if name not in old:
            yield Change("add", place, value)
        elif (held := bytes(old[name])) != (wanted := bytes(value)):
            yield from changes_between(held, wanted, place)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _of_lists(old: Sequence[bytes], new: Sequence[bytes], path: str) -> Iterator[Change]:
    """`place` is where the list, as changed so far, is looked at."""
    place = at = 0
    for kept in _kept(old, new):
        gone, come = old[at : kept.before], new[place : kept.after]
        yield from _of_gap(gone, come, path, place)
        place, at = kept.after + 1, kept.before + 1


def _of_gap(
    gone: Sequence[bytes], come: Sequence[bytes], path: str, place: int
) -> Iterator[Change]:
    """Between two rows that stay: those that have a counterpart change, the rest goes or comes."""
    for held, wanted in zip(gone, come, strict=False):
        yield from changes_between(held, wanted, f"{path}/{place}")
        place += 1
    for _ in gone[len(come) :]:
        yield Change("remove", f"{path}/{place}")
    for wanted in come[len(gone) :]:
        yield Change("add", f"{path}/{place}", msgspec.Raw(wanted))
        place += 1


def _kept(old: Sequence[bytes], new: Sequence[bytes]) -> Iterator[Kept]:
    """The rows that stay, in order; last, where both end. First those that both sides begin and
    end with; of those between, the longest run in the same order on both sides, among rows that
    are there once on each."""
    least = min(len(old), len(new))
    first = next((index for index in range(least) if old[index] != new[index]), least)
    same_end = 0
    while same_end < least - first and old[-1 - same_end] == new[-1 - same_end]:
        same_end += 1
    old_end, new_end = len(old) - same_end, len(new) - same_end
    yield from (Kept(index, index) for index in range(first))
    places = _places(old, first, old_end)
    seen = _places(new, first, new_end)
    pairs = [
        Kept(place, index) for row, index in seen.items() if (place := places.get(row, -1)) >= 0
    ]
    yield from _longest_rising([each for each in pairs if each.after >= 0])
    yield from (Kept(old_end + index, new_end + index) for index in range(same_end + 1))


def _places(rows: Sequence[bytes], start: int, end: int) -> dict[bytes, int]:
    """Where each row is; -1 where it is twice."""
    places: dict[bytes, int] = {}
    for index in range(start, end):
        places[rows[index]] = -1 if rows[index] in places else index
    return places


def _longest_rising(pairs: Sequence[Kept]) -> list[Kept]:
    """Of pairs whose `after` may come in any order, the most that rise on both sides."""
    ends: list[int] = []
    """By length, the least `before` that so long a run ends with."""
    last: list[int] = []
    came_from: list[int] = []
    ordered = sorted(pairs, key=lambda pair: pair.after)
    for index, pair in enumerate(ordered):
        length = bisect_left(ends, pair.before)
        came_from.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [pair.before]
        last[length : length + 1] = [index]
    found: list[Kept] = []
    at = last[-1] if last else -1
    while at >= 0:
        found.append(ordered[at])
        at = came_from[at]
    return found[::-1]
