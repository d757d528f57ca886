"""Many integers in little room: how many, the least, the median, the 99th percentile, the most.

Sizes, times and counts come in from `statistics.py` and `slowest.py`; a `Spread` goes out.
"""

from collections.abc import Iterable

import msgspec
from hdrh.histogram import HdrHistogram

VALUE_MAX = 1 << 50
"""In milliseconds some 35,000 years; what is more counts as this."""
DIGITS = 3


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """In the unit of what was counted; all 0 where nothing was. Percentiles are within 0.1 %."""

    count: int
    total: int
    least: int
    p50: int
    p99: int
    most: int


class SpreadCount:
    """Counts integers from 0 up, in room that does not grow."""

    def __init__(self) -> None:
        self._histogram = HdrHistogram(1, VALUE_MAX, DIGITS)
        self._count = self._total = self._most = 0
        self._least = VALUE_MAX

    def add(self, value: int, count: int = 1) -> None:
        self._histogram.record_value(min(value, VALUE_MAX), count)
        self._count += count
        self._total += value * count
        self._least = min(self._least, value)
        self._most = max(self._most, value)

    def add_all(self, counts: Iterable[tuple[int, int]]) -> None:
        """Values, and how often each came."""
        for value, count in counts:
            self.add(value, count)

    def spread(self) -> Spread:
        if not self._count:
            return Spread(count=0, total=0, least=0, p50=0, p99=0, most=0)
        at = self._histogram.get_value_at_percentile
        return Spread(
            count=self._count,
            total=self._total,
            least=self._least,
            p50=min(max(int(at(50)), self._least), self._most),
            p99=min(max(int(at(99)), self._least), self._most),
            most=self._most,
        )
