"""Booking, holding, confirming, changing and cancelling: what is taken, what it costs."""

import pytest

from processors.booking.hotels.commands import (
    AddRooms,
    SetOutOfOrder,
    SetRatePlan,
    SetRestrictions,
    SetRoomType,
)
from processors.booking.hotels.events import (
    BookedRooms,
    BookingCancelled,
    BookingConfirmed,
    BookingLapsed,
    BookingModified,
    LapseReason,
    RejectCode,
    RoomsBooked,
)
from processors.core.messages import Tick
from tests.processors.booking.hotels.scenes import (
    HOUR_MS,
    INN,
    PRICE,
    SAVER_PRICE,
    House,
    book,
    cancel,
    check_in,
    confirm,
    day,
    modify,
    noon,
    prices,
    rooms,
    small_house,
)


@pytest.fixture
def house() -> House:
    return small_house()


def test_a_booking_takes_its_nights_at_the_price_of_each(house: House) -> None:
    house.when(prices(6, 7, 130_00), noon(0))
    event = house.one(book("a", 5, 8))
    assert isinstance(event, RoomsBooked)
    assert event.rooms == (
        BookedRooms(room_type="double", count=1, guests=1, prices=(PRICE, 130_00, PRICE)),
    )
    assert event.total == 330_00
    assert house.sold(4, 5, 6, 7, 8) == [0, 1, 1, 1, 0]


def test_never_more_than_there_are(house: House) -> None:
    house.when(book("a", 5, 8), noon(0))
    house.when(book("b", 7, 9), noon(0))
    assert house.rejected(book("c", 6, 8)) == (RejectCode.SOLD_OUT, "rooms")
    assert isinstance(house.one(book("d", 5, 7)), RoomsBooked)
    assert house.sold(5, 6, 7, 8) == [2, 2, 2, 1]


def test_up_to_the_overbooking_limit_by_percent_of_the_rooms_in_service() -> None:
    house = small_house(doubles=4)
    half = SetRoomType(hotel=INN, room_type="double", guests_max=2, extra_percent=50)
    broken = SetOutOfOrder(hotel=INN, room="d1", first_night=day(6), until_night=day(7))
    house.when(half, noon(0))
    house.when(broken, noon(0))
    assert house.rejected(book("a", 5, 6, rooms=rooms(double=7)))[0] is RejectCode.SOLD_OUT
    assert isinstance(house.one(book("a", 5, 6, rooms=rooms(double=6))), RoomsBooked)
    assert house.rejected(book("b", 6, 7, rooms=rooms(double=5)))[0] is RejectCode.SOLD_OUT
    assert isinstance(house.one(book("b", 6, 7, rooms=rooms(double=4))), RoomsBooked)


def test_up_to_the_overbooking_limit_by_count() -> None:
    house = small_house(doubles=2, extra_rooms=1)
    for name in "abc":
        assert isinstance(house.one(book(name, 5, 6)), RoomsBooked)
    assert house.rejected(book("d", 5, 6)) == (RejectCode.SOLD_OUT, "rooms")


def test_a_group_gets_all_its_rooms_or_none(house: House) -> None:
    house.when(book("a", 5, 6), noon(0))
    assert house.rejected(book("g", 4, 7, rooms=rooms(suite=1, double=2)))[0] is (
        RejectCode.SOLD_OUT
    )
    assert house.sold(4, 5, 6) == [0, 1, 0]
    assert house.sold(4, 5, 6, room_type="suite") == [0, 0, 0]
    event = house.one(book("h", 4, 7, rooms=rooms(suite=1, double=1)))
    assert event.total == 6 * PRICE
    assert house.sold(4, 5, 6, room_type="suite") == [1, 1, 1]


def test_rooms_of_one_type_in_several_lines_count_together(house: House) -> None:
    wanted = rooms(double=2) + rooms(double=1)
    assert house.rejected(book("g", 4, 7, rooms=wanted)) == (RejectCode.SOLD_OUT, "rooms")


def test_a_hold_ends_by_itself(house: House) -> None:
    held = house.one(book("a", 5, 6, hold_ms=HOUR_MS, rooms=rooms(double=2)))
    assert held.held_until_ms == noon(0) + HOUR_MS
    assert house.rejected(book("b", 5, 6))[0] is RejectCode.SOLD_OUT
    lapsed, booked = house.when(book("c", 5, 6), noon(0, 1))
    assert lapsed == BookingLapsed(hotel=INN, booking="a", reason=LapseReason.HOLD_EXPIRED)
    assert isinstance(booked, RoomsBooked)
    assert house.rejected(confirm("a"), noon(0, 1))[0] is RejectCode.UNKNOWN_BOOKING


def test_what_is_confirmed_in_time_stays(house: House) -> None:
    house.when(book("a", 5, 6, hold_ms=HOUR_MS), noon(0))
    assert house.when(confirm("a"), noon(0)) == [BookingConfirmed(hotel=INN, booking="a")]
    assert house.when(confirm("a"), noon(0)) == []
    assert house.when(Tick(), noon(0, 2)) == []
    assert house.sold(5) == [1]


def test_a_hold_ends_with_its_arrival_day(house: House) -> None:
    house.when(book("a", 0, 2, hold_ms=24 * HOUR_MS), noon(0))
    lapsed, _ended = house.when(Tick(), noon(0, 12))
    assert lapsed.reason is LapseReason.ARRIVAL_DAY_ENDED
    assert house.sold(1) == [0]


def test_a_change_gives_up_nothing_before_it_has_the_new(house: House) -> None:
    house.when(book("a", 5, 8, rooms=rooms(double=2)), noon(0))
    house.when(book("b", 9, 10), noon(0))
    assert house.rejected(modify("a", 8, 10, rooms=rooms(double=2)))[0] is RejectCode.SOLD_OUT
    assert house.sold(5, 6, 7, 8) == [2, 2, 2, 0]
    event = house.one(modify("a", 6, 9, rooms=rooms(double=2)))  # overlaps itself
    assert isinstance(event, BookingModified)
    assert event.total == 6 * PRICE
    assert house.sold(5, 6, 7, 8, 9) == [0, 2, 2, 2, 1]


def test_a_change_keeps_the_hold(house: House) -> None:
    house.when(book("a", 5, 6, hold_ms=HOUR_MS), noon(0))
    house.when(modify("a", 6, 8), noon(0))
    assert house.when(Tick(), noon(0, 1))[0].reason is LapseReason.HOLD_EXPIRED
    assert house.sold(6, 7) == [0, 0]


def test_a_change_saves_no_fee(house: House) -> None:
    house.when(book("a", 5, 8), noon(0))
    assert isinstance(house.one(modify("a", 5, 7), noon(0)), BookingModified)
    assert house.rejected(modify("a", 5, 6), noon(3)) == (RejectCode.FEE_DUE, "rooms")
    assert isinstance(house.one(modify("a", 6, 8), noon(3)), BookingModified)
    house.when(book("s", 20, 23, rate_plan="saver"), noon(3))
    assert house.rejected(modify("s", 20, 22), noon(3))[0] is RejectCode.FEE_DUE


@pytest.mark.parametrize(
    ("at", "plan", "fee"),
    [
        (noon(0), "flexible", 0),
        (noon(6, 11), "flexible", 0),
        (noon(6, 12), "flexible", 150_00),  # 72 hours before the arrival day begins
        (noon(8, 11), "flexible", 150_00),
        (noon(8, 12), "flexible", 300_00),
        (noon(10), "flexible", 300_00),
        (noon(0), "saver", 3 * SAVER_PRICE),
    ],
)
def test_a_cancellation_costs_what_the_plan_says(
    house: House, at: int, plan: str, fee: int
) -> None:
    house.when(book("a", 10, 13, rate_plan=plan), noon(0))
    assert house.when(cancel("a"), at) == [
        BookingCancelled(hotel=INN, booking="a", numbers=(0,), fee=fee)
    ]
    assert house.sold(10, 11, 12) == [0, 0, 0]


def test_what_is_only_held_costs_nothing(house: House) -> None:
    house.when(book("a", 1, 3, rate_plan="saver", hold_ms=HOUR_MS), noon(0))
    assert house.one(cancel("a"), noon(0)).fee == 0


def test_a_cancellation_is_of_those_who_have_not_arrived(house: House) -> None:
    house.when(book("g", 1, 3, rooms=rooms(double=2)), noon(0))
    house.when(check_in("g", 1), noon(1))
    assert house.one(cancel("g"), noon(1)) == BookingCancelled(
        hotel=INN, booking="g", numbers=(0,), fee=2 * PRICE
    )
    assert house.rejected(cancel("g"), noon(1)) == (RejectCode.ALREADY_ARRIVED, "booking")
    assert house.rejected(modify("g", 1, 4), noon(1))[0] is RejectCode.ALREADY_ARRIVED
    assert house.sold(1, 2) == [1, 1]


def test_an_agreed_price_takes_the_place_of_the_plans(house: House) -> None:
    house.when(prices(0, 60, 7_00, plan="saver"), noon(0))
    assert house.one(book("a", 5, 8, agreed_price=90_00)).total == 270_00


def test_rooms_for_a_day_without_a_night(house: House) -> None:
    assert house.one(book("a", 1, 1)).total == 0
    assert house.sold(1) == [0]
    assert house.rejected(book("b", 1, 1, rate_plan="saver"))[0] is RejectCode.MINIMUM_NIGHTS


@pytest.mark.parametrize(
    ("restriction", "stay", "code", "field"),
    [
        ({"closed": True}, (8, 11), RejectCode.CLOSED, "arrival"),
        ({"closed_to_arrival": True}, (10, 11), RejectCode.CLOSED_TO_ARRIVAL, "arrival"),
        ({"closed_to_departure": True}, (8, 10), RejectCode.CLOSED_TO_DEPARTURE, "departure"),
        ({"minimum_nights": 3}, (10, 12), RejectCode.MINIMUM_NIGHTS, "departure"),
    ],
)
def test_restrictions_of_a_night(
    house: House,
    restriction: dict[str, bool | int],
    stay: tuple[int, int],
    code: RejectCode,
    field: str,
) -> None:
    house.when(AddRooms(hotel=INN, room_type="double", names=("d3", "d4")), noon(0))
    restrict = SetRestrictions(
        hotel=INN,
        rate_plan="flexible",
        room_type="double",
        first_night=day(10),
        until_night=day(11),
        **restriction,  # type: ignore[arg-type]
    )
    house.when(restrict, noon(0))
    assert house.rejected(book("a", *stay)) == (code, field)
    assert house.rejected(book("a", *stay, wait=True))[0] is code
    assert isinstance(house.one(book("b", *stay, rate_plan="saver")), RoomsBooked)
    assert isinstance(house.one(book("c", *stay, rooms=rooms(suite=1))), RoomsBooked)
    assert isinstance(house.one(book("d", 11, 14)), RoomsBooked)
    lifted = SetRestrictions(
        hotel=INN,
        rate_plan="flexible",
        room_type="double",
        first_night=day(10),
        until_night=day(11),
    )
    house.when(lifted, noon(0))
    assert isinstance(house.one(book("e", *stay)), RoomsBooked)


def test_restrictions_of_a_plan(house: House) -> None:
    plan = {"hotel": INN, "rate_plan": "week", "minimum_nights": 7, "maximum_nights": 14}
    house.when(SetRatePlan(**plan), noon(0))  # type: ignore[arg-type]
    house.when(prices(0, 60, 50_00, plan="week"), noon(0))
    assert house.rejected(book("a", 5, 11, rate_plan="week"))[0] is RejectCode.MINIMUM_NIGHTS
    assert house.rejected(book("a", 5, 20, rate_plan="week"))[0] is RejectCode.MAXIMUM_NIGHTS
    assert isinstance(house.one(book("a", 5, 12, rate_plan="week")), RoomsBooked)
    house.when(SetRatePlan(**plan, suspended=True), noon(0))  # type: ignore[arg-type]
    suspended = house.rejected(book("b", 5, 12, rate_plan="week"))
    assert suspended == (RejectCode.CLOSED, "rate_plan")
