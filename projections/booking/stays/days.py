"""Days since 1970-01-01, as the log has them, and dates, as people write them."""

from datetime import UTC, date, datetime
from typing import Final

DAY_MS: Final = 86_400_000
ORDINAL_OF_DAY_ZERO: Final = date(1970, 1, 1).toordinal()
DAY_MOST: Final = date.max.toordinal() - ORDINAL_OF_DAY_ZERO
"""The last day of the year 9999."""


def day_of(moment: date) -> int:
    return moment.toordinal() - ORDINAL_OF_DAY_ZERO


def date_of(day: int) -> date:
    """Of a day beyond the year 9999, its last day."""
    return date.fromordinal(min(day, DAY_MOST) + ORDINAL_OF_DAY_ZERO)


def month_of(day: int) -> int:
    """202612 is December 2026."""
    found = date_of(day)
    return found.year * 100 + found.month


def first_day(month: int) -> int:
    return day_of(date(month // 100, month % 100, 1))


def month_after(month: int) -> int:
    return month + 1 if month % 100 < 12 else month + 89


def now_ms() -> int:
    return int(datetime.now(UTC).timestamp() * 1_000)
