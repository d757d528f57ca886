"""Arrivals, rooms, no-shows, walks, longer and shorter stays, and the end of the day."""

import pytest

from processors.booking.hotels.commands import (
    ExtendStay,
    MoveGuest,
    OpenHotel,
    ReportNoShow,
    SetOutOfOrder,
    WalkGuest,
)
from processors.booking.hotels.events import (
    By,
    DayEnded,
    GuestCheckedIn,
    GuestCheckedOut,
    GuestMoved,
    GuestNotShown,
    GuestWalked,
    RejectCode,
    StayExtended,
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
    check_out,
    day,
    kinds,
    noon,
    rooms,
    small_house,
)


@pytest.fixture
def house() -> House:
    return small_house()


def extend(name: str, departure: int) -> ExtendStay:
    return ExtendStay(hotel=INN, booking=name, departure=day(departure))


def move(name: str, room: str) -> MoveGuest:
    return MoveGuest(hotel=INN, booking=name, room=room)


def walk(room_type: str = "double", booking: str = "") -> WalkGuest:
    return WalkGuest(hotel=INN, room_type=room_type, to="Grand", only_booking=booking)


def out_of_order(room: str, first: int, until: int) -> SetOutOfOrder:
    return SetOutOfOrder(hotel=INN, room=room, first_night=day(first), until_night=day(until))


def test_each_guest_gets_a_room_of_their_own(house: House) -> None:
    house.when(book("g", 1, 3, rooms=rooms(double=2)), noon(0))
    assert house.one(check_in("g", 0), noon(1)) == GuestCheckedIn(
        hotel=INN,
        booking="g",
        number=0,
        room="d1",
        room_type="double",
        booked_type="double",
        day=day(1),
    )
    assert house.rejected(check_in("g", 1, assigned_room="d1"), noon(1)) == (
        RejectCode.ROOM_OCCUPIED,
        "assigned_room",
    )
    assert house.one(check_in("g", 1), noon(1)).room == "d2"
    assert house.rejected(check_in("g", 1), noon(1))[0] is RejectCode.ALREADY_ARRIVED


def test_rooms_are_given_in_the_order_of_their_names() -> None:
    house = small_house(doubles=11)
    for number in range(11):
        house.when(book(f"b{number}", 1, 2), noon(0))
    given = [house.one(check_in(f"b{number}"), noon(1)).room for number in range(11)]
    assert given == [f"d{number}" for number in range(1, 12)]


def test_only_on_the_arrival_day_and_only_when_confirmed(house: House) -> None:
    house.when(book("a", 2, 4), noon(0))
    house.when(book("h", 2, 4, hold_ms=72 * HOUR_MS), noon(0))
    assert house.rejected(check_in("a"), noon(1)) == (RejectCode.NOT_ARRIVAL_DAY, "booking")
    assert house.rejected(check_in("h"), noon(2))[0] is RejectCode.NOT_CONFIRMED
    assert isinstance(house.one(check_in("a"), noon(2)), GuestCheckedIn)


def test_another_type_takes_the_nights_with_it(house: House) -> None:
    house.when(book("a", 1, 4), noon(0))
    assert house.one(check_in("a", assigned_type="suite"), noon(1)).room == "s1"
    assert house.sold(1, 2, 3) == [0, 0, 0]
    assert house.sold(1, 2, 3, room_type="suite") == [1, 1, 1]
    assert house.rejected(book("b", 3, 5, rooms=rooms(suite=1)), noon(1))[0] is RejectCode.SOLD_OUT


def test_no_other_type_that_is_sold(house: House) -> None:
    house.when(book("a", 1, 4), noon(0))
    house.when(book("b", 3, 4, rooms=rooms(suite=1)), noon(0))
    assert house.rejected(check_in("a", assigned_type="suite"), noon(1))[0] is RejectCode.SOLD_OUT
    house.when(check_in("a"), noon(1))
    assert house.rejected(move("a", "s1"), noon(1))[0] is RejectCode.SOLD_OUT


def test_a_room_that_is_out_of_order_is_given_to_nobody(house: House) -> None:
    house.when(book("a", 1, 4), noon(0))
    house.when(out_of_order("d1", 3, 5), noon(0))
    assert house.rejected(check_in("a", assigned_room="d1"), noon(1)) == (
        RejectCode.ROOM_OUT_OF_ORDER,
        "assigned_room",
    )
    assert house.one(check_in("a"), noon(1)).room == "d2"
    house.when(book("b", 1, 3), noon(1))
    assert house.one(check_in("b"), noon(1)).room == "d1"
    assert house.rejected(extend("b", 4), noon(2))[0] is RejectCode.ROOM_OUT_OF_ORDER


def test_moving(house: House) -> None:
    house.when(book("a", 1, 4), noon(0))
    house.when(check_in("a"), noon(1))
    assert house.when(move("a", "d1"), noon(1)) == []
    assert house.one(move("a", "s1"), noon(2)) == GuestMoved(
        hotel=INN,
        booking="a",
        number=0,
        room="s1",
        room_type="suite",
        from_room="d1",
        from_type="double",
        day=day(2),
    )
    assert house.sold(2, 3) == [0, 0]
    assert house.sold(2, 3, room_type="suite") == [1, 1]
    assert house.rejected(move("a", "d9"), noon(2))[0] is RejectCode.UNKNOWN_ROOM


def test_a_longer_stay_is_paid_by_the_plan(house: House) -> None:
    house.when(book("a", 1, 3), noon(0))
    house.when(book("b", 4, 5, rooms=rooms(double=2)), noon(0))
    house.when(check_in("a"), noon(1))
    assert house.when(extend("a", 3), noon(1)) == []
    assert house.rejected(extend("a", 2), noon(1)) == (RejectCode.INVALID_VALUE, "departure")
    assert house.rejected(extend("a", 5), noon(1)) == (RejectCode.SOLD_OUT, "rooms")
    assert house.one(extend("a", 4), noon(1)) == StayExtended(
        hotel=INN, booking="a", number=0, departure=day(4), prices=(PRICE,)
    )
    left = house.one(check_out("a"), noon(4))
    assert (left.charged, left.fee) == (3 * PRICE, 0)


@pytest.mark.parametrize(
    ("plan", "price", "percent"), [("flexible", PRICE, 50), ("saver", SAVER_PRICE, 100)]
)
def test_an_early_departure_frees_the_rest_and_costs(
    house: House, plan: str, price: int, percent: int
) -> None:
    house.when(book("a", 1, 5, rate_plan=plan), noon(0))
    house.when(check_in("a"), noon(1))
    left = house.one(check_out("a"), noon(2))
    assert (left.day, left.charged, left.fee) == (day(2), price, 3 * price * percent // 100)
    assert house.sold(2, 3, 4) == [0, 0, 0]
    assert house.hotel.in_house == 0


def test_who_does_not_come_is_charged_when_the_day_ends(house: House) -> None:
    house.when(book("a", 1, 4), noon(0))
    assert house.when(Tick(), noon(1, 11)) == []
    assert house.when(Tick(), noon(1, 12)) == [
        GuestNotShown(hotel=INN, booking="a", number=0, day=day(1), fee=3 * PRICE, by=By.DAY_END),
        DayEnded(hotel=INN, day=day(1)),
    ]
    assert house.sold(2, 3) == [0, 0]


def test_the_day_ends_by_the_hotels_own_clock() -> None:
    house = small_house()
    house.when(OpenHotel(hotel=INN, utc_offset_min=120, day_ends_min=180), noon(0))
    house.when(book("a", 1, 4), noon(0))
    assert house.when(Tick(), noon(1, 12)) == []  # midnight UTC: 2 o'clock there, until 3
    assert isinstance(house.one(check_in("a"), noon(1, 12)), GuestCheckedIn)
    assert house.when(Tick(), noon(1, 13)) == [DayEnded(hotel=INN, day=day(1))]


def test_the_desk_may_give_up_waiting(house: House) -> None:
    house.when(book("g", 1, 3, rooms=rooms(double=2)), noon(0))
    report = ReportNoShow(hotel=INN, booking="g")
    assert house.rejected(report, noon(0)) == (RejectCode.NOT_ARRIVAL_DAY, "booking")
    house.when(check_in("g", 0), noon(1))
    (event,) = house.when(report, noon(1))
    assert (event.number, event.fee, event.by) == (1, 2 * PRICE, By.REQUEST)
    assert house.sold(1) == [1]
    report = ReportNoShow(hotel=INN, booking="g", only_number=0)
    assert house.rejected(report, noon(1))[0] is RejectCode.ALREADY_ARRIVED


def test_who_is_still_there_when_the_departure_day_ends_is_checked_out(house: House) -> None:
    house.when(book("a", 1, 2), noon(0))
    house.when(check_in("a"), noon(1))
    assert kinds(house.when(Tick(), noon(1, 12))) == ["DayEnded"]
    left, ended = house.when(Tick(), noon(2, 12))
    assert isinstance(left, GuestCheckedOut)
    assert (left.by, left.charged, left.fee) == (By.DAY_END, PRICE, 0)
    assert ended == DayEnded(hotel=INN, day=day(2))
    assert house.decider.next_due is not None
    assert house.decider.next_due(house.state) is None


@pytest.fixture
def overbooked() -> House:
    """Two doubles, four bookings for tonight; a third room's worth of them has to go, twice."""
    house = small_house(extra_rooms=2)
    house.when(book("loyal", 1, 2, loyalty=50), noon(0))
    house.when(book("long", 1, 5), noon(0))
    house.when(book("early", 1, 2), noon(0))
    house.when(book("late", 1, 2), noon(0, 1))
    return house


def test_who_is_walked(overbooked: House) -> None:
    """The least loyal, of these the shortest stay, then who booked last."""
    assert overbooked.one(walk(), noon(1)) == GuestWalked(
        hotel=INN, booking="late", number=0, to="Grand", compensation=PRICE
    )
    assert overbooked.one(walk(), noon(1)).booking == "early"
    assert overbooked.rejected(walk(), noon(1)) == (RejectCode.NOT_OVERBOOKED, "room_type")
    assert overbooked.sold(1, 2) == [2, 1]


def test_who_pays_less_is_walked_first() -> None:
    house = small_house(doubles=1, extra_rooms=1)
    house.when(book("cheap", 1, 2, agreed_price=70_00), noon(0))
    house.when(book("dear", 1, 2), noon(0, 1))
    assert house.one(walk(), noon(1)).compensation == 70_00


def test_only_one_who_is_expected_is_walked(overbooked: House) -> None:
    assert overbooked.rejected(walk(), noon(0))[0] is RejectCode.NOT_OVERBOOKED
    overbooked.when(check_in("late"), noon(1))
    overbooked.when(check_in("early"), noon(1))
    assert overbooked.rejected(check_in("long"), noon(1)) == (
        RejectCode.NO_ROOM_FREE,
        "assigned_type",
    )
    assert overbooked.rejected(walk(booking="late"), noon(1))[0] is RejectCode.NOT_ARRIVAL_DAY
    assert overbooked.one(walk(booking="loyal"), noon(1)).booking == "loyal"
    assert overbooked.one(walk(), noon(1)).booking == "long"


def test_an_upgrade_saves_from_walking(overbooked: House) -> None:
    overbooked.when(check_in("late", assigned_type="suite"), noon(1))
    overbooked.when(cancel("early"), noon(1))
    assert overbooked.rejected(walk(), noon(1))[0] is RejectCode.NOT_OVERBOOKED


def test_an_overbooked_night_is_settled_by_those_who_do_not_come(overbooked: House) -> None:
    overbooked.when(check_in("long"), noon(1))
    events = overbooked.when(Tick(), noon(1, 12))
    assert kinds(events) == ["GuestNotShown"] * 3 + ["DayEnded"]
    assert [event.booking for event in events[:3]] == ["early", "late", "loyal"]


def test_compensation_goes_by_the_hotels_percent() -> None:
    house = small_house(doubles=1, extra_rooms=1, walk_percent=150)
    house.when(book("a", 1, 3), noon(0))
    house.when(book("b", 1, 3), noon(0))
    assert house.one(walk(), noon(1)).compensation == 150_00
