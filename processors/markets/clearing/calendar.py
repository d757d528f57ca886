"""Business days, and when trades settle: on the business day after theirs (T+1)."""

from typing import Final

DAY_MS: Final = 86_400_000
HOLIDAYS_MAX: Final = 10_000
DAY_MAX: Final = 100_000_000


class Calendar:
    """`weekdays`, 0 is Monday; `holidays` are days since 1970."""

    __slots__ = ("_is_holiday", "holidays", "settles_at_ms", "weekdays")

    weekdays: tuple[int, ...]
    holidays: tuple[int, ...]
    settles_at_ms: int
    _is_holiday: dict[int, bool]

    def __init__(
        self, weekdays: tuple[int, ...], holidays: tuple[int, ...], settles_at_ms: int
    ) -> None:
        self.weekdays = weekdays
        self.holidays = holidays
        self.settles_at_ms = settles_at_ms
        self._is_holiday = dict.fromkeys(holidays, True)

    def next_business_day(self, day: int) -> int:
        """The first business day after `day`."""
        day += 1
        while (day + 3) % 7 not in self.weekdays or day in self._is_holiday:
            day += 1
        return day

    def settlement_day(self, at: int) -> int:
        """Of a trade at that time."""
        day = at // DAY_MS
        if (day + 4) % 7 in self.weekdays and day + 1 not in self._is_holiday:
            return day + 1  # as a rule, and asked with every fill
        return self.next_business_day(day)

    def settles_at(self, day: int) -> int:
        """When the trades of that settlement day settle: milliseconds since 1970."""
        return day * DAY_MS + self.settles_at_ms


def default_calendar() -> Calendar:
    """Monday to Friday, at 18:00 UTC."""
    return Calendar((0, 1, 2, 3, 4), (), 64_800_000)


def fault_of_calendar(
    weekdays: tuple[int, ...], holidays: tuple[int, ...], settles_at_ms: int
) -> tuple[str, str] | None:
    """The field that is wrong with a calendar, and why."""
    if not weekdays or not all(0 <= weekday <= 6 for weekday in weekdays):
        return "weekdays", "must name business days from 0, Monday, to 6"
    if len(holidays) > HOLIDAYS_MAX or not all(0 <= day <= DAY_MAX for day in holidays):
        return "holidays", f"must be at most {HOLIDAYS_MAX} days since 1970"
    if not 0 <= settles_at_ms < DAY_MS:
        return "settles_at_ms", "must be within the day"
    return None
