"""Holding a range of nights: all or none, for a while, at the price that the guest has seen."""

from processors.booking.stays import SYSTEM
from processors.booking.stays.commands import (
    BlockNights,
    CancelBooking,
    NightRange,
    NightTerms,
    PriceRules,
    SetNights,
    UnblockNights,
)
from processors.booking.stays.events import NightsHeld, RejectCode, ReleaseReason
from processors.booking.stays.state import OVER_KEPT, TIMERS_KEPT
from processors.core.messages import Tick
from processors.core.timers import decide_fully
from tests.processors.booking.stays.scenes import (
    DAY,
    GUEST,
    HOST,
    LOFT,
    MINUTE_MS,
    NIGHT,
    at,
    booked,
    booking_of,
    hold,
    kinds,
    offered,
    rejected,
    taken,
)


def test_all_nights_are_held_or_none() -> None:
    scene = offered()
    [held] = scene.when(hold("b", 3, 6), at(0))
    assert isinstance(held, NightsHeld)
    assert (held.arrival, held.departure, held.guest, held.host) == (DAY + 3, DAY + 6, GUEST, HOST)
    assert held.quote.night_prices == (NIGHT,) * 3
    assert (held.quote.total, held.currency) == (3 * NIGHT, "EUR")
    assert held.expires_at_ms == at(0, 12, 15)
    assert taken(scene) == [(3, 6, "b")]
    for arrival, departure in ((3, 6), (1, 4), (5, 9), (4, 5), (1, 9)):
        again = scene.when(hold("c", arrival, departure), at(0))
        assert rejected(again) is RejectCode.NIGHTS_TAKEN
    assert taken(scene) == [(3, 6, "b")]
    scene.when(hold("before", 1, 3), at(0))
    scene.when(hold("after", 6, 7), at(0))
    assert taken(scene) == [(1, 3, "before"), (3, 6, "b"), (6, 7, "after")]


def test_a_hold_runs_out_by_itself_and_at_its_time() -> None:
    scene = offered()
    scene.when(hold("b", 3, 6), at(0))
    assert rejected(scene.when(hold("c", 3, 6), at(0, 12, 14))) is RejectCode.NIGHTS_TAKEN
    released, held = scene.when(hold("c", 3, 6), at(0, 12, 15))
    assert (released.booking, released.reason) == ("b", ReleaseReason.EXPIRED)
    assert (released.arrival, released.departure) == (DAY + 3, DAY + 6)
    assert held.booking == "c"
    assert taken(scene) == [(3, 6, "c")]


def test_a_booking_s_name_is_used_once_and_known_after_it_is_over() -> None:
    scene = booked(offered(), 3, 6)
    assert rejected(scene.when(hold("b", 10, 11), at(0))) is RejectCode.DUPLICATE_BOOKING
    scene.when(hold("gone", 10, 11), at(0))
    scene.when(Tick(), at(0, 13))
    assert scene.state.booking(LOFT, "gone") is None
    assert rejected(scene.when(hold("gone", 10, 11), at(0, 13))) is RejectCode.DUPLICATE_BOOKING


def test_what_is_over_is_remembered_within_limits() -> None:
    """The ids of the last thousand bookings that are over; and of their timers, which a hold that
    runs out earlier keeps from coming up, no more than a thousand."""
    scene = offered()
    scene.when(hold("first", 10, 11), at(0))
    for number in range(OVER_KEPT + 10):
        withdrawn = CancelBooking(listing=LOFT, booking=f"b{number}", party_id=GUEST)
        decide_fully(SYSTEM.decider, scene.state, hold(f"b{number}", 3, 6), at(0, 12, 1))
        decide_fully(SYSTEM.decider, scene.state, withdrawn, at(0, 12, 1))
    over = scene.state.listings[LOFT].over
    assert len(over) == OVER_KEPT
    assert "b0" not in over
    assert f"b{OVER_KEPT}" in over
    assert len(scene.state.timers) <= TIMERS_KEPT


def test_what_is_not_held() -> None:
    scene = offered()
    for command, code in (
        (hold("b", 3, 3), RejectCode.INVALID_VALUE),
        (hold("b", 6, 3), RejectCode.INVALID_VALUE),
        (hold("b", 3, 2_000), RejectCode.INVALID_VALUE),
        (hold("b", 3, 6, guests=0), RejectCode.TOO_MANY_GUESTS),
        (hold("b", 3, 6, guests=5), RejectCode.TOO_MANY_GUESTS),
        (hold("b", 3, 6, guest=HOST), RejectCode.OWN_LISTING),
        (hold("b", 3, 6, guest=""), RejectCode.INVALID_VALUE),
        (hold("", 3, 6), RejectCode.INVALID_VALUE),
        (hold("b", 3, 6, listing="shed"), RejectCode.UNKNOWN_LISTING),
        (hold("b", 3, 6, total_max=3 * NIGHT - 1), RejectCode.PRICE_CHANGED),
    ):
        assert rejected(scene.when(command, at(0))) is code
    assert taken(scene) == []
    assert kinds(scene.when(hold("b", 3, 6, total_max=3 * NIGHT), at(0))) == ["NightsHeld"]


def test_nights_that_the_host_blocked_are_not_held() -> None:
    scene = offered()
    week = (NightRange(first_night=DAY + 3, end_night=DAY + 10),)
    scene.when(BlockNights(listing=LOFT, host=HOST, ranges=week), at(0))
    assert rejected(scene.when(hold("b", 9, 11), at(0))) is RejectCode.NIGHTS_TAKEN
    part = (NightRange(first_night=DAY + 8, end_night=DAY + 20),)
    scene.when(UnblockNights(listing=LOFT, host=HOST, ranges=part), at(0))
    assert kinds(scene.when(hold("b", 9, 11), at(0))) == ["NightsHeld"]
    assert taken(scene) == [(3, 8, ""), (9, 11, "b")]


def test_nights_with_a_price_of_their_own() -> None:
    scene = offered(prices=PriceRules(night_price=NIGHT))
    nights = (NightRange(first_night=DAY + 4, end_night=DAY + 5),)
    festival = NightTerms(price=3 * NIGHT)
    scene.when(SetNights(listing=LOFT, host=HOST, ranges=nights, night_terms=festival), at(0))
    [held] = scene.when(hold("b", 3, 6), at(0))
    assert held.quote.night_prices == (NIGHT, 3 * NIGHT, NIGHT)
    scene.when(SetNights(listing=LOFT, host=HOST, ranges=nights, night_terms=NightTerms()), at(0))
    scene.when(hold("c", 10, 11), at(1))
    [held] = scene.when(hold("d", 3, 6), at(1))
    assert held.quote.night_prices == (NIGHT,) * 3
    assert booking_of(scene, "d").owed == 3 * NIGHT


def test_holds_run_out_one_by_one_however_late_the_next_command() -> None:
    scene = offered()
    for number in range(3):
        now = at(0) + number * MINUTE_MS
        scene.when(hold(f"b{number}", 3 * number, 3 * number + 2), now)
    events = scene.when(hold("late", 0, 1), at(0, 18))
    assert [event.booking for event in events] == ["b0", "b1", "b2", "late"]
