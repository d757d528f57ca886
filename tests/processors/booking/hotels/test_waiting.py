"""The waiting list: who waits is served when something frees, in order, and for a while only."""

from typing import Any

import pytest

from log.envelope import Command
from processors.booking.hotels.commands import (
    AddRooms,
    SetInOrder,
    SetOutOfOrder,
    SetOverbooking,
    SetRestrictions,
)
from processors.booking.hotels.events import LapseReason, RejectCode
from processors.core.messages import Tick
from tests.processors.booking.hotels.scenes import (
    HOUR_MS,
    INN,
    PRICE,
    House,
    book,
    cancel,
    check_in,
    check_out,
    confirm,
    day,
    kinds,
    modify,
    noon,
    rooms,
    small_house,
)


@pytest.fixture
def full() -> House:
    """Both doubles are sold from 5 to 8."""
    house = small_house(offer_ms=HOUR_MS, waiting_max=3)
    house.when(book("a", 5, 8), noon(0))
    house.when(book("b", 5, 8), noon(0))
    return house


def wait(house: House, name: str, arrival: int = 5, departure: int = 8, **more: object) -> None:
    events = house.when(book(name, arrival, departure, wait=True, **more), noon(0))
    assert kinds(events) == ["BookingWaitlisted"]


def test_who_waits_is_offered_what_frees_in_order(full: House) -> None:
    wait(full, "x")
    wait(full, "y")
    cancelled, offer = full.when(cancel("a"), noon(0))
    assert kinds([cancelled, offer]) == ["BookingCancelled", "OfferMade"]
    assert (offer.booking, offer.total, offer.held_until_ms) == (
        "x",
        3 * PRICE,
        noon(0) + HOUR_MS,
    )
    assert full.when(confirm("x"), noon(0))[0].booking == "x"
    assert full.when(cancel("b"), noon(0))[1].booking == "y"
    assert full.sold(5, 6, 7) == [2, 2, 2]


def test_an_offer_that_is_not_taken_goes_to_the_next(full: House) -> None:
    wait(full, "x")
    wait(full, "y")
    full.when(cancel("a"), noon(0))
    lapsed, offer = full.when(Tick(), noon(0, 1))
    assert (lapsed.booking, lapsed.reason) == ("x", LapseReason.OFFER_EXPIRED)
    assert offer.booking == "y"
    declined = full.when(cancel("y"), noon(0, 1))
    assert kinds(declined) == ["BookingCancelled"]
    assert declined[0].fee == 0
    assert full.sold(5) == [1]


def test_who_cannot_be_served_is_passed_over_and_stays(full: House) -> None:
    wait(full, "long", 5, 9, rooms=rooms(double=2))
    wait(full, "short", 6, 7)
    assert full.when(cancel("a"), noon(0))[1].booking == "short"
    assert kinds(full.when(cancel("b"), noon(0))) == ["BookingCancelled"]
    assert full.when(cancel("short"), noon(0))[1].booking == "long"
    assert full.sold(5, 6, 7, 8) == [2, 2, 2, 2]


def test_one_event_may_serve_several(full: House) -> None:
    full.when(book("g", 20, 22, rooms=rooms(double=2)), noon(0))
    wait(full, "x", 20, 22)
    wait(full, "y", 21, 22)
    wait(full, "z", 20, 21)
    events = full.when(cancel("g"), noon(0))
    assert [event.booking for event in events] == ["g", "x", "y", "z"]
    assert full.sold(20, 21) == [2, 2]


def ways_to_free() -> list[tuple[str, list[Command], Command, int]]:
    """Where both doubles are booked from 5 to 8 and `x` waits: the commands before, and the one
    that frees."""
    nights: Any = {"first_night": day(5), "until_night": day(8)}
    suite = book("s", 5, 8, rooms=rooms(suite=1))
    more = SetOverbooking(hotel=INN, room_type="double", extra_rooms=1, **nights)
    return [
        ("modified", [], modify("a", 10, 12), noon(0)),
        ("added", [], AddRooms(hotel=INN, room_type="double", names=("d3",)), noon(0)),
        ("limit", [], more, noon(0)),
        ("upgraded", [], check_in("a", assigned_type="suite"), noon(5)),
        ("suite", [suite], modify("a", 5, 8, rooms=rooms(suite=1)), noon(0)),
    ]


@pytest.mark.parametrize(("name", "before", "frees", "at"), ways_to_free(), ids=str)
def test_whatever_frees_serves(
    full: House, name: str, before: list[Command], frees: Command, at: int
) -> None:
    wait(full, "x", 5, 8)
    for command in before:
        full.when(command, noon(0))
    events = full.when(frees, at)
    assert ("OfferMade" in kinds(events)) == (name != "suite")


def test_an_early_departure_serves(full: House) -> None:
    wait(full, "x", 6, 8)
    full.when(check_in("a"), noon(5))
    full.when(check_in("b"), noon(5))
    full.when(Tick(), noon(6))
    assert kinds(full.when(check_out("a"), noon(6))) == ["GuestCheckedOut", "OfferMade"]


def test_a_room_that_is_mended_serves() -> None:
    house = small_house(doubles=1)
    nights: Any = {"first_night": day(5), "until_night": day(6)}
    house.when(SetOutOfOrder(hotel=INN, room="d1", **nights), noon(0))
    wait(house, "x", 5, 6)
    events = house.when(SetInOrder(hotel=INN, room="d1", **nights), noon(0))
    assert kinds(events) == ["RoomInOrder", "OfferMade"]


def test_a_night_that_is_closed_is_not_offered(full: House) -> None:
    wait(full, "x")
    closed = SetRestrictions(
        hotel=INN,
        rate_plan="flexible",
        room_type="double",
        first_night=day(6),
        until_night=day(7),
        closed=True,
    )
    full.when(closed, noon(0))
    assert kinds(full.when(cancel("a"), noon(0))) == ["BookingCancelled"]
    closed.closed = False
    assert kinds(full.when(closed, noon(0))) == ["RestrictionsSet", "OfferMade"]


def test_nobody_is_offered_a_day_that_is_over(full: House) -> None:
    wait(full, "x", 5, 8)
    wait(full, "y", 6, 8)
    events = full.when(Tick(), noon(5, 12))
    assert kinds(events) == [
        "BookingLapsed",
        "GuestNotShown",
        "GuestNotShown",
        "DayEnded",
        "OfferMade",
    ]
    assert (events[0].booking, events[0].reason) == ("x", LapseReason.ARRIVAL_DAY_ENDED)
    assert events[-1].booking == "y"


def test_the_list_has_an_end(full: House) -> None:
    for name in "xyz":
        wait(full, name)
    assert full.rejected(book("w", 5, 8, wait=True)) == (RejectCode.WAITING_LIST_FULL, "wait")
    assert full.rejected(confirm("x")) == (RejectCode.STILL_WAITING, "booking")
    assert full.rejected(modify("x", 5, 6)) == (RejectCode.STILL_WAITING, "booking")
    assert kinds(full.when(cancel("x"), noon(0))) == ["BookingCancelled"]
    wait(full, "w")


def test_who_could_have_it_at_once_does_not_wait(full: House) -> None:
    assert kinds(full.when(book("x", 9, 10, wait=True), noon(0))) == ["RoomsBooked"]
