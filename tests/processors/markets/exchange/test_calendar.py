"""Trading days and their timetables, against Python's own dates and time zones."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.markets.exchange.calendar import (
    CALENDAR_NAME_LENGTH_MAX,
    DATES_MAX,
    DAY_MS,
    HORIZON_MS,
    STEPS_MAX,
    UTC_DAYS,
    UTC_OFFSET_MS_MAX,
    UTC_OFFSETS_MAX,
    TradingCalendar,
    check_calendar,
    is_date,
)
from processors.markets.exchange.commands import SetCalendar
from processors.markets.exchange.events import CalendarSet
from processors.markets.exchange.terms import Phase, TimetableStep, UtcOffset

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
PARIS = ZoneInfo("Europe/Paris")
NEW_YORK = ZoneInfo("America/New_York")


def steps(table: str) -> tuple[TimetableStep, ...]:
    """`"09:00 opening_auction, 17:35 closed"`."""
    found = []
    for line in table.split(","):
        time, phase = line.split()
        hours, minutes = time.split(":")
        at_ms = int(hours) * HOUR_MS + int(minutes) * MINUTE_MS
        found.append(TimetableStep(at_ms=at_ms, phase=Phase(phase)))
    return tuple(found)


DAY = steps(
    "7:15 pre_open, 9:00 opening_auction, 9:01 continuous, 17:30 closing_auction, 17:40 closed"
)
HALF_DAY = steps("7:15 pre_open, 9:00 continuous, 14:05 closed")
AROUND_THE_CLOCK = steps(
    "0:00 pre_open, 1:59 opening_auction, 2:00 continuous, 2:30 closing_auction, "
    "3:00 trading_at_last, 3:15 halt, 23:59 closed"
)


@cache
def utc_offsets(zone: ZoneInfo) -> tuple[UtcOffset, ...]:
    """The zone's clock in 2020 to 2030, whose changes are on whole hours, as data."""
    found: list[UtcOffset] = []
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    while moment.year < 2031:
        offset_ms = in_ms(moment.astimezone(zone).utcoffset() or timedelta())
        if not found or offset_ms != found[-1].offset_ms:
            found.append(UtcOffset(from_ms=to_ms(moment), offset_ms=offset_ms))
        moment += timedelta(hours=1)
    return tuple(found)


def in_ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


def to_ms(moment: datetime) -> int:
    return in_ms(moment - datetime(1970, 1, 1, tzinfo=UTC))


def from_ms(at_ms: int, zone: ZoneInfo | None = None) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)).astimezone(
        zone or UTC
    )


def number(day: date) -> int:
    return day.year * 10000 + day.month * 100 + day.day


def calendar_of(zone: ZoneInfo = PARIS, **fields: Any) -> TradingCalendar:
    command = SetCalendar(
        calendar="XPAR",
        **{
            "steps": DAY,
            "half_day_steps": HALF_DAY,
            "utc_offsets": utc_offsets(zone),
            **fields,
        },
    )
    assert check_calendar(command) is None
    return TradingCalendar(
        command.calendar,
        command.weekdays,
        command.holidays,
        command.half_days,
        command.steps,
        command.half_day_steps,
        command.utc_offsets,
    )


def walk(calendar: TradingCalendar, after_ms: int, until_ms: int) -> Iterator[tuple[Phase, int]]:
    """Every step after one moment and up to another, each asked for from the one before."""
    step = calendar.next_step(after_ms)
    while step is not None and step[1] <= until_ms:
        yield step
        step = calendar.next_step(step[1])


def drawn(calendar: TradingCalendar, first: str, last: str) -> str:
    """The steps of some days, a line each: the moment in UTC and the phase."""
    after_ms = to_ms(datetime.fromisoformat(first + "T00:00Z")) - 1
    until_ms = to_ms(datetime.fromisoformat(last + "T23:01Z"))
    return "\n".join(
        f"{from_ms(at_ms):%a %d %H:%M}{f'+{at_ms % 1000}ms' if at_ms % 1000 else ''} {phase.value}"
        for phase, at_ms in walk(calendar, after_ms, until_ms)
    )


def rows(table: str) -> str:
    return "\n".join(line.strip() for line in table.strip().splitlines())


def test_a_week_with_a_half_day_a_holiday_and_a_weekend() -> None:
    """Christmas 2026 in Paris (UTC+1), as Euronext has it."""
    calendar = calendar_of(holidays=(20261225,), half_days=(20261224,))
    assert drawn(calendar, "2026-12-23", "2026-12-28") == rows(
        """
        Wed 23 06:15 pre_open
        Wed 23 08:00 opening_auction
        Wed 23 08:01 continuous
        Wed 23 16:30 closing_auction
        Wed 23 16:40 closed
        Thu 24 06:15 pre_open
        Thu 24 08:00 continuous
        Thu 24 13:05 closed
        Mon 28 06:15 pre_open
        Mon 28 08:00 opening_auction
        Mon 28 08:01 continuous
        Mon 28 16:30 closing_auction
        Mon 28 16:40 closed
        """
    )


def test_summer_time_moves_the_day_in_utc() -> None:
    """Friday before and Monday after: of the same local time."""
    calendar = calendar_of(steps=steps("9:00 continuous, 17:40 closed"))
    assert drawn(calendar, "2026-03-27", "2026-03-30") == rows(
        """
        Fri 27 08:00 continuous
        Fri 27 16:40 closed
        Mon 30 07:00 continuous
        Mon 30 15:40 closed
        """
    )


def test_steps_in_an_hour_that_the_clock_skips_are_taken_at_the_change_in_order() -> None:
    """Paris, 29 March 2026: 02:00 does not come, it is 03:00 (01:00 UTC). What is of 03:00 itself
    comes after what was skipped."""
    calendar = calendar_of(weekdays=EVERY_DAY, steps=AROUND_THE_CLOCK)
    assert drawn(calendar, "2026-03-29", "2026-03-29") == rows(
        """
        Sun 29 00:59 opening_auction
        Sun 29 01:00 continuous
        Sun 29 01:00+1ms closing_auction
        Sun 29 01:00+2ms trading_at_last
        Sun 29 01:15 halt
        Sun 29 21:59 closed
        Sun 29 22:00 pre_open
        """
    )


def test_steps_in_an_hour_that_the_clock_repeats_are_taken_the_first_time() -> None:
    """Paris, 25 October 2026: at 03:00 (01:00 UTC) it is 02:00 again."""
    calendar = calendar_of(weekdays=EVERY_DAY, steps=AROUND_THE_CLOCK)
    assert drawn(calendar, "2026-10-25", "2026-10-25") == rows(
        """
        Sun 25 00:00 continuous
        Sun 25 00:30 closing_auction
        Sun 25 02:00 trading_at_last
        Sun 25 02:15 halt
        Sun 25 22:59 closed
        Sun 25 23:00 pre_open
        """
    )


def test_a_skipped_midnight_ends_one_day_and_then_begins_the_next() -> None:
    """From 23:00 the clock goes to 01:00 of the next day."""
    change_ms = to_ms(datetime(2026, 6, 2, 23, tzinfo=UTC))
    calendar = calendar_of(
        weekdays=EVERY_DAY,
        steps=steps("0:00 pre_open, 0:30 continuous, 1:00 halt, 23:30 closed"),
        utc_offsets=(UtcOffset(from_ms=change_ms, offset_ms=2 * HOUR_MS),),
    )
    assert drawn(calendar, "2026-06-02", "2026-06-02").splitlines()[3:] == [
        "Tue 02 23:00 closed",
        "Tue 02 23:00+1ms pre_open",
        "Tue 02 23:00+2ms continuous",
        "Tue 02 23:00+3ms halt",
    ]
    assert calendar.local_date(change_ms - 1) == 20260602
    assert calendar.end_of_date(20260602) == change_ms
    assert calendar.local_date(change_ms) == 20260603


EURONEXT_2024 = (20240101, 20240329, 20240401, 20240501, 20241225, 20241226)
EURONEXT_2025 = (20250101, 20250418, 20250421, 20250501, 20251225, 20251226)
NYSE_2024 = (
    *(20240101, 20240115, 20240219, 20240329, 20240527),
    *(20240619, 20240704, 20240902, 20241128, 20241225),
)
NYSE_2025 = (
    *(20250101, 20250109, 20250120, 20250217, 20250418, 20250526),
    *(20250619, 20250704, 20250901, 20251127, 20251225),
)


@pytest.mark.parametrize(
    ("zone", "year", "holidays", "half_days", "trading_days"),
    [
        (PARIS, 2024, EURONEXT_2024, (20241224, 20241231), 256),
        (PARIS, 2025, EURONEXT_2025, (20251224, 20251231), 255),
        (NEW_YORK, 2024, NYSE_2024, (20240703, 20241129, 20241224), 252),
        (NEW_YORK, 2025, NYSE_2025, (20250703, 20251128, 20251224), 250),
        (PARIS, 2024, (), (), 262),
        (PARIS, 2023, (), (), 260),
    ],
)
def test_the_trading_days_of_a_year(
    zone: ZoneInfo,
    year: int,
    holidays: tuple[int, ...],
    half_days: tuple[int, ...],
    trading_days: int,
) -> None:
    """As the exchanges' published calendars count them."""
    calendar = calendar_of(zone, holidays=holidays, half_days=half_days)
    begin_ms = calendar.end_of_date((year - 1) * 10000 + 1231)
    end_ms = calendar.end_of_date(year * 10000 + 1231)
    taken = list(walk(calendar, begin_ms - 1, end_ms))
    days = [calendar.local_date(at_ms) for phase, at_ms in taken if phase is Phase.CLOSED]
    assert len(days) == len(set(days)) == trading_days
    assert not set(days) & set(holidays)
    short = [
        calendar.local_date(at_ms)
        for _, at_ms in taken
        if f"{from_ms(at_ms, zone):%H%M}" == "1405"
    ]
    assert short == list(half_days)
    assert len(taken) == 5 * trading_days - 2 * len(half_days)


@cache
def steps_by_python(zone: ZoneInfo) -> tuple[list[int], list[Phase]]:
    """Every step of every weekday of 2020 to 2030."""
    moments, phases = [], []
    day = date(2020, 1, 2)
    while day.year < 2031:
        for step in DAY if day.weekday() < 5 else ():
            midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
            moments.append(to_ms((midnight + timedelta(milliseconds=step.at_ms)).astimezone(UTC)))
            phases.append(step.phase)
        day += timedelta(days=1)
    return moments, phases


@pytest.mark.parametrize("zone", [PARIS, NEW_YORK], ids=str)
def test_eleven_years_of_steps_are_pythons(zone: ZoneInfo) -> None:
    moments, phases = steps_by_python(zone)
    taken = list(walk(calendar_of(zone), moments[0] - 1, moments[-1]))
    assert taken == list(zip(phases, moments, strict=True))


MOMENTS = st.datetimes(datetime(2020, 1, 3), datetime(2030, 12, 30)).map(
    lambda moment: to_ms(moment.replace(tzinfo=UTC))
)
ZONES = st.sampled_from([PARIS, NEW_YORK])


@given(ZONES, MOMENTS)
def test_the_next_step_from_any_moment_is_pythons(zone: ZoneInfo, after_ms: int) -> None:
    moments, phases = steps_by_python(zone)
    index = bisect_right(moments, after_ms)
    assert calendar_of(zone).next_step(after_ms) == (phases[index], moments[index])


@given(ZONES, MOMENTS)
def test_local_dates_and_their_ends_are_pythons(zone: ZoneInfo, at_ms: int) -> None:
    calendar = calendar_of(zone)
    today = from_ms(at_ms, zone).date()
    assert calendar.local_date(at_ms) == number(today)
    tomorrow = today + timedelta(days=1)
    midnight = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone)
    assert calendar.end_of_date(number(today)) == to_ms(midnight.astimezone(UTC))


@given(st.dates())
def test_every_date_of_python_is_one_here(day: date) -> None:
    midnight_ms = to_ms(datetime(day.year, day.month, day.day, tzinfo=UTC))
    assert is_date(number(day))
    assert UTC_DAYS.local_date(midnight_ms) == number(day)
    assert UTC_DAYS.local_date(midnight_ms + DAY_MS - 1) == number(day)
    assert UTC_DAYS.end_of_date(number(day)) == midnight_ms + DAY_MS


@pytest.mark.parametrize(
    ("dates", "are_dates"),
    [
        ((20240229, 20000229, 4_02_29), True),
        ((20230229, 19000229, 21000229), False),
        ((20260430, 20260331, 99991231, 1_01_01), True),
        ((20260431, 20260332, 20260001, 20260100, 20261301), False),
        ((0, 1231, -20260101, 100000101, 2**63 - 1), False),
    ],
)
def test_what_is_a_date(dates: tuple[int, ...], are_dates: bool) -> None:
    assert [is_date(each) for each in dates] == [are_dates] * len(dates)


@given(st.integers(0, 9999_99_99))
def test_numbers_that_python_has_no_date_for_are_none(each: int) -> None:
    try:
        date(each // 10000, each // 100 % 100, each % 100)
    except ValueError:
        assert not is_date(each)
    else:
        assert is_date(each)


CLOCKS = st.lists(
    st.tuples(
        st.integers(DAY_MS, 3 * DAY_MS),
        st.one_of(
            st.integers(-UTC_OFFSET_MS_MAX, UTC_OFFSET_MS_MAX),
            st.sampled_from([-UTC_OFFSET_MS_MAX, 0, HOUR_MS, UTC_OFFSET_MS_MAX]),
        ),
    ),
    max_size=6,
)
TIMETABLES = st.lists(
    st.one_of(st.integers(0, DAY_MS - 1), st.integers(0, 5), st.integers(DAY_MS - 5, DAY_MS - 1)),
    min_size=1,
    max_size=12,
    unique=True,
).map(sorted)


@given(CLOCKS, TIMETABLES, st.data())
def test_under_any_clock_each_step_is_taken_once_and_in_order(
    changes: list[tuple[int, int]], times: list[int], data: st.DataObject
) -> None:
    """However often and far the clock is changed: a step has come when the clock has first shown
    its time or more, or within the milliseconds in which those before it are taken."""
    offsets, at_ms = [], 0
    for later_ms, offset_ms in changes:
        at_ms += later_ms
        offsets.append(UtcOffset(from_ms=at_ms, offset_ms=offset_ms))
    calendar = calendar_of(
        weekdays=EVERY_DAY,
        utc_offsets=tuple(offsets),
        steps=tuple(TimetableStep(at_ms=time, phase=Phase.CLOSED) for time in times),
    )
    taken = [at_ms for _, at_ms in walk(calendar, -1, 20 * DAY_MS)]
    wanted = [day * DAY_MS + time for day in range(-3, 22) for time in times]
    wanted = wanted[bisect_right(wanted, -1) :]
    assert len(taken) >= 17 * len(times)
    for moment, local_ms in zip(taken, wanted, strict=False):
        first = first_shown(offsets, local_ms)
        assert first <= moment < first + len(times) * 3
    assert taken == sorted(set(taken))
    after_ms = data.draw(
        st.one_of(st.integers(-1, 17 * DAY_MS), st.sampled_from(taken[: 17 * len(times)]))
    )
    assert calendar.next_step(after_ms) == (Phase.CLOSED, taken[bisect_right(taken, after_ms)])


def first_shown(offsets: list[UtcOffset], local_ms: int) -> int:
    """The first moment at which the clock shows a time or more, by looking at each span."""
    begins: list[int | None] = [None, *(change.from_ms for change in offsets)]
    ends: list[int | None] = [*(change.from_ms for change in offsets), None]
    ahead = [0, *(change.offset_ms for change in offsets)]
    for begin_ms, end_ms, offset_ms in zip(begins, ends, ahead, strict=True):
        moment = local_ms - offset_ms
        if begin_ms is not None:
            moment = max(moment, begin_ms)
        if end_ms is None or moment < end_ms:
            return moment
    raise AssertionError("the last span has no end")


def test_no_step_within_400_days_is_none() -> None:
    """Two sessions, two years apart."""
    days = [date(2026, 1, 1) + timedelta(days=index) for index in range(3 * 365)]
    closed = [number(day) for day in days if number(day) not in (20260102, 20280103)]
    calendar = calendar_of(
        holidays=tuple(closed[:DATES_MAX]),
        utc_offsets=(),
        steps=steps("9:00 closed"),
    )
    first_ms = to_ms(datetime(2026, 1, 2, 9, tzinfo=UTC))
    second_ms = to_ms(datetime(2028, 1, 3, 9, tzinfo=UTC))
    assert calendar.next_step(first_ms - 1) == (Phase.CLOSED, first_ms)
    assert calendar.next_step(first_ms) is None
    assert calendar.next_step(second_ms - HORIZON_MS) == (Phase.CLOSED, second_ms)
    assert calendar.next_step(second_ms - HORIZON_MS - 1) is None
    assert UTC_DAYS.next_step(first_ms) is None


def test_a_calendar_keeps_what_it_was_made_of() -> None:
    fields: dict[str, Any] = {
        "calendar": "XPAR",
        "weekdays": (0, 1, 2, 3, 6),
        "holidays": (20261225,),
        "half_days": (20261224,),
        "steps": DAY,
        "half_day_steps": HALF_DAY,
        "utc_offsets": utc_offsets(PARIS),
    }
    event = CalendarSet(**fields)
    calendar = TradingCalendar(**{name: getattr(event, name) for name in fields})
    assert {name: getattr(calendar, name) for name in fields} == fields


GOOD = SetCalendar(
    calendar="XPAR",
    holidays=(20261225, 20261226),  # one of them a Saturday, as lists have them
    half_days=(20261224,),
    steps=DAY,
    half_day_steps=HALF_DAY,
    utc_offsets=utc_offsets(PARIS),
)
CLOSED_AT = TimetableStep(at_ms=5, phase=Phase.CLOSED)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"calendar": "x" * CALENDAR_NAME_LENGTH_MAX},
        {"weekdays": (6, 3)},
        {"half_days": (), "half_day_steps": ()},
        {"half_days": ()},
        {"holidays": (20270101,) * DATES_MAX},
        {
            "steps": (
                *(TimetableStep(at_ms=ms, phase=Phase.HALT) for ms in range(STEPS_MAX - 1)),
                TimetableStep(at_ms=DAY_MS - 1, phase=Phase.CLOSED),
            )
        },
        {
            "utc_offsets": tuple(
                UtcOffset(from_ms=day * DAY_MS, offset_ms=UTC_OFFSET_MS_MAX * (-1) ** day)
                for day in range(UTC_OFFSETS_MAX)
            )
        },
    ],
)
def test_calendars_without_a_fault(change: dict[str, Any]) -> None:
    assert check_calendar(msgspec.structs.replace(GOOD, **change)) is None


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("calendar", "", "1 to 64 printable"),
        ("calendar", "x" * (CALENDAR_NAME_LENGTH_MAX + 1), "1 to 64 printable"),
        ("calendar", "a\nb", "1 to 64 printable"),
        ("weekdays", (), "at least one"),
        ("weekdays", (0, 7), "7 is no day of the week"),
        ("weekdays", (-1,), "-1 is no day of the week"),
        ("weekdays", (0, 3, 0), "0 is there twice"),
        ("holidays", (20261225, 20260230), "20260230 is no date"),
        ("holidays", (20270101,) * (DATES_MAX + 1), "1001 dates are more than 1000"),
        ("half_days", (20261324,), "20261324 is no date"),
        ("half_days", (20261224,) * (DATES_MAX + 1), "1001 dates are more than 1000"),
        ("half_days", (20261225,), "20261225 is a holiday too"),
        ("half_days", (20261227,), "20261227 is no trading day: weekdays are without 6"),
        ("steps", (), "at least one"),
        ("steps", DAY[:-1], "the last one is closing_auction"),
        ("steps", (*DAY, CLOSED_AT), "5 comes after 63600000"),
        ("steps", (CLOSED_AT, CLOSED_AT), "5 comes after 5"),
        ("steps", (TimetableStep(at_ms=DAY_MS, phase=Phase.CLOSED),), "86400000 is no time"),
        ("steps", (CLOSED_AT,) * (STEPS_MAX + 1), "101 steps are more than 100"),
        ("half_day_steps", (), "there are half days"),
        ("half_day_steps", HALF_DAY[:1], "the last one is pre_open"),
        ("utc_offsets", (UtcOffset(),) * (UTC_OFFSETS_MAX + 1), "1001 are more than 1000"),
        ("utc_offsets", (UtcOffset(offset_ms=UTC_OFFSET_MS_MAX + 1),), "64800001 is beyond"),
        ("utc_offsets", (UtcOffset(offset_ms=-UTC_OFFSET_MS_MAX - 1),), "-64800001 is beyond"),
        ("utc_offsets", (UtcOffset(), UtcOffset(from_ms=DAY_MS - 1)), "86399999 comes after 0"),
    ],
)
def test_the_faults_of_a_calendar(field: str, value: Any, reason: str) -> None:
    fault = check_calendar(msgspec.structs.replace(GOOD, **{field: value}))
    assert fault is not None
    assert fault[0] == field
    assert reason in fault[1]
