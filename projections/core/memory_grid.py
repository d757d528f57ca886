"""The points of a table in memory: its rows by the squares of the plane that they are in."""

from array import array
from collections.abc import Callable, Iterator
from itertools import product
from operator import attrgetter
from typing import Any

from projections.core.projection import Box, Table

SQUARE_BITS = 14
"""A square of the grid is 16,384 wide: of microdegrees that is 1.8 km, from south to north."""


class _Square:
    """Rows and their points side by side: the points are looked at without touching the rows."""

    __slots__ = ("firsts", "numbers", "rows", "seconds")

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}
        """Where the row of a key stands in the others."""
        self.firsts = array("q")
        self.seconds = array("q")
        self.rows: list[Any] = []

    def add(self, key: Any, point: tuple[int, int], row: Any) -> None:
        self.numbers[key] = len(self.rows)
        self.firsts.append(point[0])
        self.seconds.append(point[1])
        self.rows.append(row)

    def remove(self, key: Any, key_of: Callable[[Any], Any]) -> None:
        """The last row takes its place."""
        number = self.numbers.pop(key)
        first, second, last = self.firsts.pop(), self.seconds.pop(), self.rows.pop()
        if number < len(self.rows):
            self.firsts[number], self.seconds[number], self.rows[number] = first, second, last
            self.numbers[key_of(last)] = number

    def within(self, box: Box) -> list[Any]:
        (low_1, low_2), (high_1, high_2) = box
        return [
            row
            for on_1, on_2, row in zip(self.firsts, self.seconds, self.rows, strict=True)
            if low_1 <= on_1 <= high_1 and low_2 <= on_2 <= high_2
        ]


class Grid:
    """The rows of a table by the squares of the plane that their points are in."""

    def __init__(self, table: Table[Any], columns: tuple[str, str]) -> None:
        self._key_of = table.key_of
        self._point_of: Callable[[Any], tuple[int, int]] = attrgetter(*columns)
        self._squares: dict[tuple[int, int], _Square] = {}

    def remove(self, row: Any) -> None:
        place = self._place_of(self._point_of(row))
        square = self._squares[place]
        square.remove(self._key_of(row), self._key_of)
        if not square.rows:
            del self._squares[place]

    def add(self, row: Any) -> None:
        point = self._point_of(row)
        place = self._place_of(point)
        square = self._squares.get(place)
        if square is None:
            square = self._squares[place] = _Square()
        square.add(self._key_of(row), point, row)

    def within(self, box: Box) -> Iterator[Any]:
        for square in self._squares_of(box):
            yield from square.within(box)

    def _squares_of(self, box: Box) -> Iterator[_Square]:
        """Those that there are: looked up one by one, or where that is more, looked through."""
        squares = self._squares
        (first_1, first_2), (last_1, last_2) = map(self._place_of, box)
        if (last_1 - first_1 + 1) * (last_2 - first_2 + 1) > len(squares):
            for (at_1, at_2), square in squares.items():
                if first_1 <= at_1 <= last_1 and first_2 <= at_2 <= last_2:
                    yield square
            return
        for place in product(range(first_1, last_1 + 1), range(first_2, last_2 + 1)):
            found = squares.get(place)
            if found is not None:
                yield found

    @staticmethod
    def _place_of(point: tuple[int, int]) -> tuple[int, int]:
        return point[0] >> SQUARE_BITS, point[1] >> SQUARE_BITS
