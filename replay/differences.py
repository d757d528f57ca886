"""Two states, or any two values, compared field by field.

States come in as their `StateFormat` writes them down; out come the fields that differ, each by
its path: `order[AAPL, 17].quantity`. Rows are matched by their leading fields where these tell
them apart, so that a row more does not make all that follow differ; where they do not, by the row
of another kind that they stand behind (`instrument[ACME].standing[7]`), else by their number.

Equal is what is written down in equal bytes, as for the digest of a state: the order of a list
counts, and that of a dict does not.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from processors.core.decider import StateFormat
from replay.row_names import (
    Name,
    RowNames,
    WrittenRows,
    encode,
    shown_name,
    text_of,
    written_list,
    written_rows,
)

ABSENT = "(absent)"


class FieldDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A field that differs. `path` is empty for the whole; what is not there is `ABSENT`. A path
    that ends in ` (follows)` is of a row that stands elsewhere: the values are the rows before."""

    path: str
    left: Any
    right: Any


def compare_states(state_format: StateFormat[Any], left: Any, right: Any) -> list[FieldDifference]:
    """The fields in which two states differ; none where their digests are equal."""
    row_type, to_rows = state_format.row_type, state_format.to_rows
    return compare_rows(*(written_rows(row_type, to_rows(each)) for each in (left, right)))


def compare_rows(left: WrittenRows, right: WrittenRows) -> list[FieldDifference]:
    """The fields in which two states differ, each given as its rows."""
    if len(left) == len(right) == 1:
        return list(compare_values(left.value(0), right.value(0)))
    return list(_compare_lists(left, right, ""))


def compare_values(left: Any, right: Any, path: str = "") -> Iterator[FieldDifference]:
    """The fields in which two values differ, in the order of the left one: values of JSON's types,
    or whatever msgspec writes as such."""
    if encode(left) == encode(right):
        return
    one, other = _opened(left), _opened(right)
    if isinstance(one, dict) and isinstance(other, dict):
        yield from _compare_mappings(one, other, path)
    elif isinstance(one, list) and isinstance(other, list):
        if len(one) == len(other) and not any(map(_is_collection, (*one, *other))):
            for at, (before, after) in enumerate(zip(one, other, strict=True)):
                yield from compare_values(before, after, f"{path}[{at}]")
            return
        yield from _compare_lists(written_list(one), written_list(other), path)
    else:
        yield FieldDifference(path=path, left=plain(left), right=plain(right))


def _is_collection(value: Any) -> bool:
    return isinstance(value, msgspec.Struct | dict | list | tuple | set | frozenset)


def _opened(value: Any) -> Any:
    """A struct as a dict of its fields, and any other collection as a list: one level of it."""
    if isinstance(value, msgspec.Struct):
        config = value.__struct_config__
        tag = {} if config.tag is None else {config.tag_field or "type": config.tag}
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        return {**tag, **{name: getattr(value, field) for name, field in names}}
    if isinstance(value, tuple | set | frozenset):
        return sorted(value, key=encode) if isinstance(value, set | frozenset) else list(value)
    return value


def plain(value: Any) -> Any:
    """In JSON's types, with the names of all fields, also where they are written without."""
    value = _opened(value)
    if isinstance(value, dict):
        return {text_of(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return msgspec.to_builtins(value)


def _compare_mappings(
    left: dict[Any, Any], right: dict[Any, Any], path: str
) -> Iterator[FieldDifference]:
    for key in {**left, **right}:
        inner = f"{path}.{text_of(key)}" if path else text_of(key)
        if key in left and key in right:
            yield from compare_values(left[key], right[key], inner)
        else:
            yield _one_sided(inner, left, right, key)


def _one_sided(
    path: str, left: dict[Any, Any], right: dict[Any, Any], key: Any
) -> FieldDifference:
    one, other = (plain(side[key]) if key in side else ABSENT for side in (left, right))
    return FieldDifference(path=path, left=one, right=other)


def _compare_lists(left: WrittenRows, right: WrittenRows, path: str) -> Iterator[FieldDifference]:
    if left.encoded == right.encoded:
        return
    names = RowNames(left, right)
    kinds = dict.fromkeys((*left.places, *right.places))
    named = {tag for tag in kinds if left.written(tag) != right.written(tag)}
    while True:
        matched = _match(left, right, names, [tag for tag in kinds if tag in named], kinds)
        moved = list(_moved(matched.pairs))
        rows = [at for each in moved for at in each if at is not None]
        found = named | {left.tags[at] for at in rows}
        if found == named:
            break
        named = found
    for name, at, there in sorted(matched.unequal, key=lambda row: _place(row[1], row[2])):
        inner = path + shown_name(name, inside=bool(path))
        if at is None or there is None:
            one = ABSENT if at is None else plain(left.value(at))
            other = ABSENT if there is None else plain(right.value(there))
            yield FieldDifference(path=inner, left=one, right=other)
        else:
            yield from compare_values(left.value(at), right.value(there), inner)
    for at, *before in moved:
        inner = path + shown_name(names.name(0, at), inside=bool(path))
        one, other = (
            "(nothing)" if each is None else shown_name(names.name(0, each), inside=False)
            for each in before
        )
        yield FieldDifference(path=f"{inner} (follows)", left=one, right=other)


class _Matched(NamedTuple):
    pairs: dict[int, int]
    """From the rows of the left list to those of the right one that are called the same."""
    unequal: list[tuple[Name, int | None, int | None]]
    """The name of each that is written differently, and where it stands; None: nowhere."""


def _match(
    left: WrittenRows,
    right: WrittenRows,
    names: RowNames,
    named: Iterable[str],
    kinds: Iterable[str],
) -> _Matched:
    """Rows of the kinds `named` by name; those of the others, all equal, one by one."""
    pairs: dict[int, int] = {}
    unequal: list[tuple[Name, int | None, int | None]] = []
    chosen = set(named)
    for tag in kinds:
        places = left.places.get(tag, []), right.places.get(tag, [])
        if tag not in chosen:
            pairs.update(zip(*places, strict=True))
            continue
        ones, others = (
            dict(zip(side, at, strict=True))
            for side, at in zip(names.of(tag), places, strict=True)
        )
        for name in {**ones, **others}:
            one, other = ones.get(name), others.get(name)
            if one is not None and other is not None:
                pairs[one] = other
                if left.encoded[one] == right.encoded[other]:
                    continue
            unequal.append((name, one, other))
    return _Matched(pairs, unequal)


def _place(at: int | None, there: int | None) -> tuple[bool, int]:
    """As the rows of the left list stand; then those of the right one alone."""
    return at is None, (there or 0) if at is None else at


def _moved(pairs: dict[int, int]) -> Iterator[tuple[int, int | None, int | None]]:
    """The fewest rows that stand elsewhere: each with the row before it in the left list, and with
    the one before it in the right; all by their place in the left list."""
    lefts = sorted(pairs)
    rights = [pairs[at] for at in lefts]
    in_order = set(_longest_rising(rights))
    if len(in_order) == len(rights):
        return
    by_right = sorted(lefts, key=pairs.__getitem__)
    before_right = dict(zip(by_right, [None, *by_right], strict=False))
    for at, before in zip(lefts, [None, *lefts], strict=False):
        if pairs[at] not in in_order and before != before_right[at]:
            yield at, before, before_right[at]


def _longest_rising(numbers: Sequence[int]) -> list[int]:
    """The longest part of some different numbers that rises."""
    ends: list[int] = []
    """Of the rising parts of each length, the least last number."""
    lengths = []
    for number in numbers:
        length = bisect_left(ends, number)
        ends[length : length + 1] = [number]
        lengths.append(length)
    rising: list[int] = []
    for number, length in zip(reversed(numbers), reversed(lengths), strict=True):
        if length == len(ends) - len(rising) - 1 and (not rising or number < rising[-1]):
            rising.append(number)
    return rising
