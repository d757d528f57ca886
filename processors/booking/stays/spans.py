"""Disjoint spans of nights, each with a value, in order: who holds which nights, and what the host
set for them.

`starts`, `ends` and `values` run side by side, sorted; looking up is a binary search, and a change
moves what stands after it in three lists of a listing's few dozen spans.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Spans(Generic[Value]):
    __slots__ = ("ends", "starts", "values")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.values: list[Value] = []

    def __iter__(self) -> Iterator[tuple[int, int, Value]]:
        """(first night, end, value), in order."""
        return zip(self.starts, self.ends, self.values, strict=True)

    def within(self, first: int, end: int) -> list[tuple[int, int, Value]]:
        """What there is of the nights `first` to `end - 1`, cut to them."""
        low, high = self._places(first, end)
        return [
            (max(self.starts[place], first), min(self.ends[place], end), self.values[place])
            for place in range(low, high)
        ]

    def taken_within(self, first: int, end: int) -> tuple[int, int, Value] | None:
        """The last span that has a night from `first` to `end - 1`; None: all are free."""
        place = bisect_left(self.starts, end) - 1
        if place < 0 or self.ends[place] <= first:
            return None
        return self.starts[place], self.ends[place], self.values[place]

    def stranger_within(
        self, first: int, end: int, own: Value | None = None
    ) -> tuple[int, int, Value] | None:
        """The first span of any other than `own` that has a night from `first` to `end - 1`."""
        low, high = self._places(first, end)
        for place in range(low, high):
            if self.values[place] != own:
                return self.starts[place], self.ends[place], self.values[place]
        return None

    def at(self, night: int) -> Value | None:
        place = bisect_right(self.starts, night) - 1
        return self.values[place] if place >= 0 and night < self.ends[place] else None

    def before(self, night: int, own: Value | None = None) -> tuple[int, Value] | None:
        """The last span that begins before `night`, as (its end, value); not one of `own`."""
        for place in range(bisect_left(self.starts, night) - 1, -1, -1):
            if self.values[place] != own:
                return self.ends[place], self.values[place]
        return None

    def after(self, night: int, own: Value | None = None) -> tuple[int, Value] | None:
        """The first span that begins on `night` or later, as (its start, value); not of `own`."""
        for place in range(bisect_left(self.starts, night), len(self.starts)):
            if self.values[place] != own:
                return self.starts[place], self.values[place]
        return None

    def set(self, first: int, end: int, value: Value) -> None:
        """The nights have this value now, whatever they had."""
        starts = self.starts
        if not starts or first >= self.ends[-1]:
            place = len(starts)
        else:
            self.clear(first, end)
            place = bisect_left(starts, first)
        starts.insert(place, first)
        self.ends.insert(place, end)
        self.values.insert(place, value)

    def clear(self, first: int, end: int) -> None:
        """The nights are in no span now."""
        low, high = self._places(first, end)
        if low == high:
            return
        kept: list[tuple[int, int, Value]] = []
        if self.starts[low] < first:
            kept.append((self.starts[low], first, self.values[low]))
        if self.ends[high - 1] > end:
            kept.append((end, self.ends[high - 1], self.values[high - 1]))
        self.starts[low:high] = [span[0] for span in kept]
        self.ends[low:high] = [span[1] for span in kept]
        self.values[low:high] = [span[2] for span in kept]

    def drop_past(self, day: int, value: Value | None = None) -> None:
        """Forget the first spans as far as they end on `day` or before, and (where one is given)
        have this value."""
        count = 0
        while count < len(self.starts) and self.ends[count] <= day:
            if value is not None and self.values[count] != value:
                break
            count += 1
        del self.starts[:count], self.ends[:count], self.values[:count]

    def _places(self, first: int, end: int) -> tuple[int, int]:
        """Of the spans that have nights from `first` to `end - 1`: the first place, and the one
        after the last."""
        return bisect_right(self.ends, first), bisect_left(self.starts, end)
