"""The calendar that people see."""

from datetime import date, timedelta

from processors.booking.stays import SYSTEM
from processors.booking.stays.commands import BlockNights, NightRange
from processors.booking.stays.month import calendar, civil_date, overview
from processors.core.messages import Tick
from tests.given_when_then import given
from tests.processors.booking.stays.scenes import DAY, HOST, LOFT, at, booked, hold, offered


def test_a_calendar_shows_who_has_which_night() -> None:
    scene = booked(booked(offered(request=True), 5, 7), 1, 3, "c")
    week = (NightRange(first_night=DAY + 9, end_night=DAY + 12),)
    scene.when(BlockNights(listing=LOFT, host=HOST, ranges=week), at(0))
    scene.when(hold("d", 7, 8), at(0))
    assert calendar(scene.state.listings[LOFT], weeks=2).splitlines() == [
        "loft: , 3 bookings",
        "          Mo  Tu  We  Th  Fr  Sa  Su",
        "Jan 2026  29. 30. 31.  1.  2r  3r  4.",
        "Jan 2026   5.  6r  7r  8?  9. 10# 11#",
    ]


def test_a_booking_and_a_stay_have_signs_of_their_own() -> None:
    scene = booked(booked(offered(), 1, 2), 3, 4, "c")
    scene.when(Tick(), at(1, 16))
    last = calendar(scene.state.listings[LOFT], weeks=1).splitlines()[-1]
    assert last == "Jan 2026  29. 30. 31.  1.  2S  3.  4B"


def test_the_overview_shows_the_busiest_first() -> None:
    assert overview(given(SYSTEM.decider).state) == "no listings yet"
    shown = overview(booked(offered(), 1, 2).state)
    assert shown.startswith("loft: , 1 bookings")
    assert "B booked" in shown


def test_days_are_those_of_the_calendar() -> None:
    for day in (0, 58, 59, 60, 789, 11_016, 11_017, 20_454, 47_540, 47_541, 100_000):
        expected = date(1970, 1, 1) + timedelta(days=day)
        assert civil_date(day) == (expected.year, expected.month, expected.day)
