"""Which stays are taken: lengths, notice, weekdays, gaps, preparation."""

import pytest

from processors.booking.stays import SYSTEM
from processors.booking.stays.commands import (
    BlockNights,
    BookingTerms,
    NightRange,
    NightTerms,
    SetNights,
    StayRules,
)
from processors.booking.stays.events import NightsHeld, RejectCode
from tests.given_when_then import given
from tests.processors.booking.stays.scenes import (
    DAY,
    HOST,
    LOFT,
    Scene,
    at,
    booked,
    hold,
    kinds,
    loft,
    offered,
    rejected,
)


def verdict(scene: Scene, arrival: int, departure: int) -> RejectCode | None:
    """Why a stay is not taken; None: it is, and is held now."""
    events = scene.when(hold(f"try-{arrival}-{departure}", arrival, departure), at(0))
    return None if isinstance(events[0], NightsHeld) else rejected(events)


@pytest.mark.parametrize(
    ("rules", "arrival", "departure", "expected"),
    [
        (StayRules(minimum_nights=3), 1, 3, RejectCode.TOO_SHORT),
        (StayRules(minimum_nights=3), 1, 4, None),
        (StayRules(maximum_nights=5), 1, 7, RejectCode.TOO_LONG),
        (StayRules(maximum_nights=5), 1, 6, None),
        (StayRules(), -1, 1, RejectCode.TOO_SOON),
        (StayRules(), 0, 1, None),
        (StayRules(notice_days=2), 1, 3, RejectCode.TOO_SOON),
        (StayRules(notice_days=2), 2, 3, None),
        (StayRules(window_days=30), 29, 31, RejectCode.TOO_FAR),
        (StayRules(window_days=30), 29, 30, None),
        (StayRules(arrival_weekdays=(4, 5)), 3, 5, RejectCode.ARRIVAL_WEEKDAY),  # a Sunday
        (StayRules(arrival_weekdays=(4, 5)), 1, 5, None),
        (StayRules(departure_weekdays=(6,)), 1, 4, RejectCode.DEPARTURE_WEEKDAY),
        (StayRules(departure_weekdays=(6,)), 1, 3, None),
    ],
)
def test_a_rule_by_itself(
    rules: StayRules, arrival: int, departure: int, expected: RejectCode | None
) -> None:
    assert verdict(offered(rules), arrival, departure) is expected


def test_a_gap_that_is_of_no_use_is_not_left() -> None:
    """Nights 10 to 13 are booked; gaps of 1 night are not left, none and 2 are."""
    rules = StayRules(gap_nights_min=2)
    assert verdict(booked(offered(rules), 10, 14), 7, 9) is RejectCode.LEAVES_GAP
    assert verdict(booked(offered(rules), 10, 14), 7, 10) is None
    assert verdict(booked(offered(rules), 10, 14), 6, 8) is None
    assert verdict(booked(offered(rules), 10, 14), 15, 17) is RejectCode.LEAVES_GAP
    assert verdict(booked(offered(rules), 10, 14), 14, 17) is None
    assert verdict(booked(offered(rules), 10, 14), 16, 17) is None


def test_a_gap_may_be_filled_by_a_stay_that_is_too_short() -> None:
    """Nights 12 and 13 are left between two bookings; the minimum is 4."""
    for fills_gaps, expected in ((True, None), (False, RejectCode.TOO_SHORT)):
        rules = StayRules(minimum_nights=4, fills_gaps=fills_gaps)
        scene = booked(booked(offered(rules), 8, 12, "one"), 14, 18, "other")
        assert verdict(scene, 12, 13) is RejectCode.TOO_SHORT
        assert verdict(scene, 12, 14) is expected


def test_hosts_have_nights_to_prepare_between_bookings() -> None:
    rules = StayRules(preparation_nights=1)
    assert verdict(booked(offered(rules), 10, 14), 8, 10) is RejectCode.PREPARATION
    assert verdict(booked(offered(rules), 10, 14), 8, 9) is None
    assert verdict(booked(offered(rules), 10, 14), 14, 16) is RejectCode.PREPARATION
    assert verdict(booked(offered(rules), 10, 14), 15, 16) is None


def test_what_is_past_is_no_neighbour() -> None:
    """It is day 5; the block ends on day 4, or today."""
    for end, expected in ((4, "NightsHeld"), (5, "RequestRejected")):
        scene = offered(StayRules(gap_nights_min=3))
        nights = (NightRange(first_night=DAY + 1, end_night=DAY + end),)
        scene.when(BlockNights(listing=LOFT, host=HOST, ranges=nights), at(0))
        assert kinds(scene.when(hold("b", 6, 8), at(5))) == [expected]


def test_preparation_is_no_gap_and_fills_one() -> None:
    rules = StayRules(preparation_nights=1, gap_nights_min=2, minimum_nights=3, fills_gaps=True)
    scene = booked(booked(offered(rules), 8, 11, "one"), 15, 18, "other")
    assert verdict(scene, 12, 14) is None  # a night to prepare on either side


def test_no_preparation_is_needed_beside_a_block() -> None:
    scene = offered(StayRules(preparation_nights=1))
    nights = (NightRange(first_night=DAY + 10, end_night=DAY + 12),)
    scene.when(BlockNights(listing=LOFT, host=HOST, ranges=nights), at(0))
    assert verdict(scene, 8, 10) is None
    assert verdict(scene, 12, 14) is None


def test_the_host_sets_lengths_for_the_night_of_arrival() -> None:
    scene = offered(StayRules(minimum_nights=2, maximum_nights=3))
    terms = NightTerms(minimum_nights=4, maximum_nights=5)
    nights = (NightRange(first_night=DAY + 10, end_night=DAY + 12),)
    scene.when(SetNights(listing=LOFT, host=HOST, ranges=nights, night_terms=terms), at(0))
    assert verdict(scene, 10, 13) is RejectCode.TOO_SHORT
    assert verdict(scene, 10, 16) is RejectCode.TOO_LONG
    assert verdict(scene, 12, 14) is None
    assert verdict(scene, 9, 11) is None  # it begins before those nights
    scene = offered(StayRules(minimum_nights=2, maximum_nights=3))
    scene.when(SetNights(listing=LOFT, host=HOST, ranges=nights, night_terms=terms), at(0))
    assert verdict(scene, 11, 15) is None


def test_today_is_the_listing_s_own() -> None:
    """At 23:30 UTC it is tomorrow already where the clock is an hour ahead."""
    late = hold("late", 0, 1)
    for utc_offset_minutes, is_tomorrow in ((60, True), (0, False)):
        scene = given(SYSTEM.decider)
        terms = BookingTerms(utc_offset_minutes=utc_offset_minutes)
        scene.when(loft(terms=terms), at(0))
        events = scene.when(late, at(0, 23, 30))
        if is_tomorrow:
            assert rejected(events) is RejectCode.TOO_SOON
        else:
            assert isinstance(events[0], NightsHeld)
