"""The naive exchange's calendar: dates stepped through one by one."""

import datetime
import itertools

from processors.markets.exchange.commands import Phase
from processors.markets.exchange.events import CalendarSet

DAY_MS = 86_400_000
EPOCH = datetime.date(1970, 1, 1)
ONE_DAY = datetime.timedelta(days=1)
DAYS_AHEAD = 400


def date_of(number: int) -> datetime.date | None:
    """20261121 as a date; None where there is no such day."""
    try:
        return datetime.date(number // 10_000, number // 100 % 100, number % 100)
    except ValueError:
        return None


def number_of(date: datetime.date) -> int:
    return date.year * 10_000 + date.month * 100 + date.day


def local_date(calendar: CalendarSet | None, at_ms: int) -> datetime.date:
    offset_ms = 0
    for change in calendar.utc_offsets if calendar else ():
        if change.from_ms <= at_ms:
            offset_ms = change.offset_ms
    return EPOCH + ONE_DAY * ((at_ms + offset_ms) // DAY_MS)


def utc_ms(calendar: CalendarSet | None, date: datetime.date, time_ms: int) -> int:
    """When the local clock shows this time of this date."""
    local_ms = (date - EPOCH).days * DAY_MS + time_ms
    changes = (
        [(change.from_ms, change.offset_ms) for change in calendar.utc_offsets] if calendar else []
    )
    since = [(-(10**18), 0), *changes, (10**18, 0)]
    for (begin, offset_ms), (end, _) in itertools.pairwise(since):
        if begin <= local_ms - offset_ms < end:
            return local_ms - offset_ms
    return next(begin for begin, offset_ms in since if begin > local_ms - offset_ms)


def end_of_day(calendar: CalendarSet | None, date: datetime.date) -> int:
    return utc_ms(calendar, date + ONE_DAY, 0)


def next_step(calendar: CalendarSet, after_ms: int) -> tuple[Phase | None, int]:
    """The first step of the timetable after a moment, and when it is; (None, 0): there is none."""
    date = local_date(calendar, after_ms) - ONE_DAY
    for _ in range(DAYS_AHEAD):
        number = number_of(date)
        if date.weekday() in calendar.weekdays and number not in calendar.holidays:
            half = number in calendar.half_days
            for step in calendar.half_day_steps if half else calendar.steps:
                at_ms = utc_ms(calendar, date, step.at_ms)
                if at_ms > after_ms:
                    return step.phase, at_ms
        date += ONE_DAY
    return None, 0
