"""When the phases of a trading day begin: timetables, holidays, half days and summer times, as
data that `set_calendar.v1` brings and `calendar_set.v1` keeps. The decider asks for the next step
of an instrument's timetable, and for the local dates that orders expire on.

Days are counted from 1970-01-01, a Thursday; dates are numbers, 20261121, of the proleptic
Gregorian calendar, in integers: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms",
days_from_civil and civil_from_days.

One rule turns the exchange's own time into UTC: *a local time comes when the exchange's clock
first shows it, or has gone past it*. So in an hour that a clock change repeats, a step is taken
once, the first time (RFC 5545, 3.3.5, says the same). The steps of an hour that it skips are taken
at the change, in their order, a millisecond apart, and what follows at that time comes after them.
(RFC 5545 would move a skipped hour on: its step of 02:30 would come after the next one of 03:15.)
"""

from bisect import bisect_right
from typing import Final

from processors.markets.exchange.commands import SetCalendar
from processors.markets.exchange.terms import Phase, TimetableStep, UtcOffset

DAY_MS: Final = 86_400_000
HORIZON_MS: Final = 400 * DAY_MS
"""No step within that: there is no next step."""
CALENDAR_NAME_LENGTH_MAX: Final = 64
DATES_MAX: Final = 1_000
"""Holidays, and half days: of 30 to 80 years as a rule."""
STEPS_MAX: Final = 100
UTC_OFFSETS_MAX: Final = 1_000
UTC_OFFSET_MS_MAX: Final = 18 * 3_600_000
"""Clocks are within 14 hours of UTC (java.time.ZoneOffset allows 18, as here): what is beyond
makes room for an exchange whose trading day goes over midnight, to put its own midnight in the
pause between two of them."""
_TIED_MS: Final = 3 * STEPS_MAX
"""Steps are taken that much late at most: a change by 36 hours skips steps of three days."""


class TradingCalendar:
    """What one `calendar_set.v1` says, in the same words; it does not change. `check_calendar`
    found no fault with it."""

    __slots__ = (
        "_begins_ms",
        "_half_day_numbers",
        "_holiday_numbers",
        "_offsets_ms",
        "_reaches_ms",
        "calendar",
        "half_day_steps",
        "half_days",
        "holidays",
        "steps",
        "utc_offsets",
        "weekdays",
    )

    calendar: str
    weekdays: tuple[int, ...]
    holidays: tuple[int, ...]
    half_days: tuple[int, ...]
    steps: tuple[TimetableStep, ...]
    half_day_steps: tuple[TimetableStep, ...]
    utc_offsets: tuple[UtcOffset, ...]
    _holiday_numbers: frozenset[int]
    _half_day_numbers: frozenset[int]
    _offsets_ms: list[int]
    """Of each span between two changes of the clock; the first begins before all time, at 0."""
    _begins_ms: list[int]
    """When each of them but for the first begins, UTC."""
    _reaches_ms: list[int]
    """The local time that the clock comes up to, but does not show, by the end of each of them but
    for the last."""

    def __init__(
        self,
        calendar: str,
        weekdays: tuple[int, ...],
        holidays: tuple[int, ...],
        half_days: tuple[int, ...],
        steps: tuple[TimetableStep, ...],
        half_day_steps: tuple[TimetableStep, ...],
        utc_offsets: tuple[UtcOffset, ...],
    ) -> None:
        self.calendar = calendar
        self.weekdays = weekdays
        self.holidays = holidays
        self.half_days = half_days
        self.steps = steps
        self.half_day_steps = half_day_steps
        self.utc_offsets = utc_offsets
        self._holiday_numbers = frozenset([day_of_date(date) for date in holidays])
        self._half_day_numbers = frozenset([day_of_date(date) for date in half_days])
        self._offsets_ms = [0]
        self._begins_ms = []
        self._reaches_ms = []
        for change in utc_offsets:
            reach_ms = change.from_ms + self._offsets_ms[-1]
            if self._reaches_ms:
                reach_ms = max(reach_ms, self._reaches_ms[-1])
            self._reaches_ms.append(reach_ms)
            self._begins_ms.append(change.from_ms)
            self._offsets_ms.append(change.offset_ms)

    def next_step(self, after_ms: int) -> tuple[Phase, int] | None:
        """The phase and the moment (milliseconds since 1970, UTC) of the timetable's first step
        after the moment `after_ms`; None where none comes within `HORIZON_MS`. Asked again from
        each answer on, it gives every step of every trading day once, in their order."""
        end_ms = after_ms + HORIZON_MS
        # Every step of an earlier day has been taken, and keeps none of this day's waiting.
        day = self._local_ms(after_ms - _TIED_MS) // DAY_MS
        last_day = (end_ms + UTC_OFFSET_MS_MAX) // DAY_MS
        free_from_ms = after_ms - HORIZON_MS
        while day <= last_day:
            for step in self._steps_of(day):
                at_ms = max(self._utc_ms(day * DAY_MS + step.at_ms), free_from_ms)
                if at_ms > after_ms:
                    return (step.phase, at_ms) if at_ms <= end_ms else None
                free_from_ms = at_ms + 1
            day += 1
        return None

    def local_date(self, at_ms: int) -> int:
        """The date, 20261121, that the exchange's clock shows at a moment."""
        return date_of_day(self._local_ms(at_ms) // DAY_MS)

    def end_of_date(self, date: int) -> int:
        """The moment at which a date (`is_date`) ends, in milliseconds since 1970, UTC: the local
        midnight after it, which is no more part of it."""
        return self._utc_ms((day_of_date(date) + 1) * DAY_MS)

    def _steps_of(self, day: int) -> tuple[TimetableStep, ...]:
        if weekday_of_day(day) not in self.weekdays or day in self._holiday_numbers:
            return ()
        return self.half_day_steps if day in self._half_day_numbers else self.steps

    def _local_ms(self, at_ms: int) -> int:
        """What the clock shows at a moment."""
        return at_ms + self._offsets_ms[bisect_right(self._begins_ms, at_ms)]

    def _utc_ms(self, local_ms: int) -> int:
        """The first moment at which the clock shows `local_ms` or more."""
        span = bisect_right(self._reaches_ms, local_ms)
        at_ms = local_ms - self._offsets_ms[span]
        if span and at_ms < self._begins_ms[span - 1]:
            return self._begins_ms[span - 1]
        return at_ms


UTC_DAYS: Final = TradingCalendar("", (), (), (), (), (), ())
"""For instruments without a calendar: no timetable, and dates by UTC."""


def check_calendar(command: SetCalendar) -> tuple[str, str] | None:
    """The first fault of a calendar: the field, and what is wrong with it and what to do. None:
    a `TradingCalendar` can be made of it."""
    name = command.calendar
    if not (0 < len(name) <= CALENDAR_NAME_LENGTH_MAX and name.isprintable()):
        return (
            "calendar",
            f"a name is 1 to {CALENDAR_NAME_LENGTH_MAX} printable characters",
        )
    return (
        _check_weekdays(command.weekdays)
        or _check_dates("holidays", command.holidays)
        or _check_dates("half_days", command.half_days)
        or _check_half_days(command)
        or _check_steps("steps", command.steps)
        or _check_half_day_steps(command)
        or _check_utc_offsets(command.utc_offsets)
    )


def _check_weekdays(weekdays: tuple[int, ...]) -> tuple[str, str] | None:
    if not weekdays:
        return "weekdays", "there must be at least one, 0 (Monday) to 6"
    for index, weekday in enumerate(weekdays):
        if not 0 <= weekday <= 6:
            return "weekdays", f"{weekday} is no day of the week; they are 0 (Monday) to 6"
        if weekday in weekdays[:index]:
            return "weekdays", f"{weekday} is there twice; leave one out"
    return None


def _check_dates(field: str, dates: tuple[int, ...]) -> tuple[str, str] | None:
    if len(dates) > DATES_MAX:
        return field, f"{len(dates)} dates are more than {DATES_MAX}; leave out those long past"
    for date in dates:
        if not is_date(date):
            return field, f"{date} is no date; write year, month and day as in 20261121"
    return None


def _check_half_days(command: SetCalendar) -> tuple[str, str] | None:
    """A half day that is no trading day would never be one, and nobody would be told."""
    holidays = frozenset(command.holidays)
    for date in command.half_days:
        if date in holidays:
            return "half_days", f"{date} is a holiday too; leave it out of one of them"
        weekday = weekday_of_day(day_of_date(date))
        if weekday not in command.weekdays:
            return "half_days", f"{date} is no trading day: weekdays are without {weekday}"
    return None


def _check_half_day_steps(command: SetCalendar) -> tuple[str, str] | None:
    if not command.half_day_steps:
        if command.half_days:
            return "half_day_steps", "there are half days, so there must be steps for them"
        return None
    return _check_steps("half_day_steps", command.half_day_steps)


def _check_steps(field: str, steps: tuple[TimetableStep, ...]) -> tuple[str, str] | None:
    """In order, and the last one closes: only into `closed` do orders for the day expire and is
    the closing price set, and no market is to stay open over a holiday."""
    if not steps:
        return field, "there must be at least one, and the last must be closed"
    if len(steps) > STEPS_MAX:
        return field, f"{len(steps)} steps are more than {STEPS_MAX}"
    previous_ms = -1
    for step in steps:
        if not 0 <= step.at_ms < DAY_MS:
            return field, f"{step.at_ms} is no time of the day: it must be below {DAY_MS}"
        if step.at_ms <= previous_ms:
            return (
                field,
                f"{step.at_ms} comes after {previous_ms}; each must be later than the last",
            )
        previous_ms = step.at_ms
    if steps[-1].phase is not Phase.CLOSED:
        return field, f"the last one is {steps[-1].phase.value}; it must be closed"
    return None


def _check_utc_offsets(utc_offsets: tuple[UtcOffset, ...]) -> tuple[str, str] | None:
    if len(utc_offsets) > UTC_OFFSETS_MAX:
        return "utc_offsets", f"{len(utc_offsets)} are more than {UTC_OFFSETS_MAX}"
    previous_ms = -DAY_MS
    for change in utc_offsets:
        if change.from_ms < previous_ms + DAY_MS:
            return (
                "utc_offsets",
                f"from_ms {change.from_ms} comes after {previous_ms}; "
                "each must be at least a day later than the last",
            )
        if abs(change.offset_ms) > UTC_OFFSET_MS_MAX:
            return (
                "utc_offsets",
                f"offset_ms {change.offset_ms} is beyond 18 hours ({UTC_OFFSET_MS_MAX})",
            )
        previous_ms = change.from_ms
    return None


def is_date(number: int) -> bool:
    """Whether a number is a date, 20261121, of the years 1 to 9999."""
    return 1_01_01 <= number <= 9999_12_31 and date_of_day(day_of_date(number)) == number


def weekday_of_day(day: int) -> int:
    """0 is Monday."""
    return (day + 3) % 7


def day_of_date(date: int) -> int:
    """The number of a date's day, 0 for 19700101 (days_from_civil)."""
    year, month, day_of_month = date // 10_000, date // 100 % 100, date % 100
    if month <= 2:  # years begin in March, so that the leap day is the last
        year -= 1
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day_of_month - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146_097 + day_of_era - 719_468


def date_of_day(day: int) -> int:
    """The date, 20261121, of a day's number (civil_from_days)."""
    era, day_of_era = divmod(day + 719_468, 146_097)
    year_of_era = (
        day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    march_month = (5 * day_of_year + 2) // 153
    day_of_month = day_of_year - (153 * march_month + 2) // 5 + 1
    month = march_month + 3 if march_month < 10 else march_month - 9
    year = era * 400 + year_of_era + (1 if month <= 2 else 0)
    return year * 10_000 + month * 100 + day_of_month
