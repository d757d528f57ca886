"""Every other reason to reject: its code, the field at fault, a sentence; nothing changes."""

from typing import Any

import pytest

from processors.booking.hotels import SYSTEM
from processors.booking.hotels.commands import (
    AddRooms,
    ExtendStay,
    MoveGuest,
    OpenHotel,
    RemoveRoom,
    ReportNoShow,
    RoomRequest,
    SetInOrder,
    SetOutOfOrder,
    SetOverbooking,
    SetRatePlan,
    SetRestrictions,
    SetRoomType,
    WalkGuest,
)
from processors.booking.hotels.events import RejectCode, RequestRejected
from processors.core.decider import digest
from tests.processors.booking.hotels.scenes import (
    HOUR_MS,
    INN,
    House,
    book,
    cancel,
    check_in,
    check_out,
    confirm,
    day,
    modify,
    noon,
    prices,
    rooms,
    small_house,
)

CODE = RejectCode
NIGHTS: Any = {"first_night": day(5), "until_night": day(8)}


@pytest.fixture
def house() -> House:
    """Both doubles are sold from 5 to 8; a guest is in d1 until 3."""
    house = small_house()
    house.when(book("a", 5, 8), noon(0))
    house.when(book("b", 5, 8), noon(0))
    house.when(book("here", 0, 3), noon(0))
    house.when(check_in("here"), noon(0))
    house.when(book("over", 0, 1), noon(0))
    house.when(cancel("over"), noon(0))
    house.when(book("walked", 0, 1, rooms=rooms(double=1, suite=1)), noon(0))
    house.when(ReportNoShow(hotel=INN, booking="walked", only_number=0), noon(0))
    return house


def overbooking(**more: Any) -> SetOverbooking:
    return SetOverbooking(**{"hotel": INN, "room_type": "double", **NIGHTS, **more})


def broken(**more: Any) -> SetOutOfOrder:
    return SetOutOfOrder(**{"hotel": INN, "room": "d2", **NIGHTS, **more})


def restrictions(**more: Any) -> SetRestrictions:
    plan = {"hotel": INN, "rate_plan": "flexible", "room_type": "double", **NIGHTS}
    return SetRestrictions(**{**plan, **more})


CASES: list[tuple[Any, RejectCode, str]] = [
    (cancel("nobody"), CODE.UNKNOWN_BOOKING, "booking"),
    (confirm("over"), CODE.UNKNOWN_BOOKING, "booking"),
    (check_in("a", 1), CODE.UNKNOWN_BOOKING, "number"),
    (check_out("a"), CODE.NOT_ARRIVED, "number"),
    (ExtendStay(hotel=INN, booking="a", departure=day(9)), CODE.NOT_ARRIVED, "number"),
    (ExtendStay(hotel=INN, booking="here", departure=day(70)), CODE.NO_PRICE, "arrival"),
    (MoveGuest(hotel=INN, booking="a", room="d1"), CODE.NOT_ARRIVED, "number"),
    (MoveGuest(hotel=INN, booking="here", room="z"), CODE.UNKNOWN_ROOM, "room"),
    (book("a", 10, 12), CODE.DUPLICATE_BOOKING, "booking"),
    (book("over", 10, 12), CODE.DUPLICATE_BOOKING, "booking"),
    (book("n", 10, 12, rate_plan="none"), CODE.UNKNOWN_RATE_PLAN, "rate_plan"),
    (book("n", 10, 12, rooms=rooms(igloo=1)), CODE.UNKNOWN_ROOM_TYPE, "rooms"),
    (book("n", 10, 12, rooms=rooms(double=0)), CODE.INVALID_VALUE, "rooms"),
    (book("n", 10, 12, rooms=rooms(double=501)), CODE.TOO_MANY_ROOMS, "rooms"),
    (
        book("n", 10, 12, rooms=(RoomRequest(room_type="double", guests=3),)),
        CODE.TOO_MANY_GUESTS,
        "rooms",
    ),
    (book("n", 12, 10), CODE.INVALID_VALUE, "departure"),
    (book("n", -1, 2), CODE.PAST_NIGHT, "arrival"),
    (book("n", 1099, 1101), CODE.BEYOND_HORIZON, "departure"),
    (book("n", 59, 61), CODE.NO_PRICE, "arrival"),
    (book("n", 10, 12, hold_ms=8 * 24 * HOUR_MS), CODE.HOLD_TOO_LONG, "hold_ms"),
    (modify("a", 12, 10), CODE.INVALID_VALUE, "departure"),
    (modify("walked", 0, 1), CODE.PARTLY_OVER, "booking"),
    (OpenHotel(hotel=INN, currency="USD"), CODE.CURRENCY_IS_FIXED, "currency"),
    (
        SetRatePlan(hotel=INN, rate_plan="p", minimum_nights=3, maximum_nights=2),
        CODE.INVALID_VALUE,
        "minimum_nights",
    ),
    (prices(0, 0, 1), CODE.INVALID_VALUE, "until_night"),
    (prices(-1, 3, 1), CODE.PAST_NIGHT, "first_night"),
    (prices(1090, 1102, 1), CODE.BEYOND_HORIZON, "until_night"),
    (prices(0, 1, 1, room_type="igloo"), CODE.UNKNOWN_ROOM_TYPE, "room_type"),
    (prices(0, 1, 1, plan="none"), CODE.UNKNOWN_RATE_PLAN, "rate_plan"),
    (restrictions(rate_plan="none"), CODE.UNKNOWN_RATE_PLAN, "rate_plan"),
    (
        AddRooms(hotel=INN, room_type="igloo", names=("i1",)),
        CODE.UNKNOWN_ROOM_TYPE,
        "room_type",
    ),
    (AddRooms(hotel=INN, room_type="double", names=()), CODE.INVALID_VALUE, "names"),
    (AddRooms(hotel=INN, room_type="double", names=("s1",)), CODE.DUPLICATE_ROOM, "names"),
    (AddRooms(hotel=INN, room_type="double", names=("x", "x")), CODE.DUPLICATE_ROOM, "names"),
    (RemoveRoom(hotel=INN, room="d1"), CODE.ROOM_OCCUPIED, "room"),
    (RemoveRoom(hotel=INN, room="d2"), CODE.OVERSOLD, "room_type"),
    (broken(), CODE.OVERSOLD, "room_type"),
    (
        broken(room="d1", first_night=day(2), until_night=day(4)),
        CODE.ROOM_OCCUPIED,
        "first_night",
    ),
    (broken(room="z"), CODE.UNKNOWN_ROOM, "room"),
    (SetInOrder(hotel=INN, room="z", **NIGHTS), CODE.UNKNOWN_ROOM, "room"),
    (overbooking(room_type="igloo"), CODE.UNKNOWN_ROOM_TYPE, "room_type"),
    (
        WalkGuest(hotel=INN, room_type="suite", only_booking="nobody"),
        CODE.NOT_OVERBOOKED,
        "room_type",
    ),
]


@pytest.mark.parametrize(("command", "code", "field"), CASES, ids=lambda it: str(it)[:60])
def test_rejected(house: House, command: Any, code: RejectCode, field: str) -> None:
    before = digest(SYSTEM.decider.state_format, house.state)
    assert house.rejected(command) == (code, field)
    assert digest(SYSTEM.decider.state_format, house.state) == before


def test_a_limit_cannot_fall_below_what_is_sold(house: House) -> None:
    house.when(overbooking(extra_rooms=1), noon(0))
    house.when(book("c", 6, 7), noon(0))
    assert house.rejected(overbooking()) == (CODE.OVERSOLD, "room_type")
    house.when(cancel("c"), noon(0))
    house.when(overbooking(), noon(0))
    more = SetRoomType(hotel=INN, room_type="double", guests_max=2, extra_percent=50)
    house.when(more, noon(0))
    assert house.rejected(book("d", 6, 7))[0] is CODE.SOLD_OUT  # these nights have their own
    for name in ("e", "f", "g"):
        house.when(book(name, 20, 21), noon(0))
    less = SetRoomType(hotel=INN, room_type="double", guests_max=2)
    assert house.rejected(less) == (CODE.OVERSOLD, "room_type")


def test_a_broken_room_in_a_sold_out_night_asks_for_a_limit_first(house: House) -> None:
    house.when(overbooking(extra_rooms=1), noon(0))
    assert not isinstance(house.one(broken()), RequestRejected)
    assert house.rejected(overbooking()) == (CODE.OVERSOLD, "room_type")
    assert house.when(broken(), noon(0)) == []
    assert not isinstance(house.one(SetInOrder(hotel=INN, room="d2", **NIGHTS)), RequestRejected)
    assert house.when(SetInOrder(hotel=INN, room="d2", **NIGHTS), noon(0)) == []


def test_a_room_is_removed_where_nobody_needs_it(house: House) -> None:
    house.when(broken(first_night=day(20), until_night=day(22)), noon(0))
    house.when(cancel("a"), noon(0))
    (event,) = house.when(RemoveRoom(hotel=INN, room="d2"), noon(0))
    assert not isinstance(event, RequestRejected)
    assert house.hotel.room_types["double"].out_of_order == {}
    assert house.rejected(RemoveRoom(hotel=INN, room="d2"))[0] is CODE.UNKNOWN_ROOM


def test_an_unknown_hotel() -> None:
    house = small_house()
    elsewhere = book("a", 1, 2)
    elsewhere.hotel = "elsewhere"
    assert house.rejected(elsewhere) == (CODE.UNKNOWN_HOTEL, "hotel")
