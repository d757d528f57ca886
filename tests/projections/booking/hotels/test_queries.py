"""The hotels' queries by example: commands in, tables out."""

from textwrap import dedent
from typing import Any

import pytest

from processors.booking.hotels.commands import (
    CancelBooking,
    CheckIn,
    CheckOut,
    ConfirmBooking,
    ExtendStay,
    MoveGuest,
    RemoveRoom,
    RoomRequest,
    SetOutOfOrder,
    SetOverbooking,
    SetRestrictions,
    WalkGuest,
)
from processors.core.messages import Tick
from projections.core.errors import QueryError
from tests.projections.booking.hotels.inn import Inn
from tests.projections.booking.hotels.words import INN, book, day, noon

GROUP = (RoomRequest(room_type="double", count=2), RoomRequest(room_type="suite"))


def lines(text: str) -> str:
    return dedent(text).strip()


def test_availability(inn: Inn) -> None:
    """type | plan | guests | left | total | from | to | refundable | obstacle"""
    inn.decide(book("a", 5, 7), book("b", 6, 9), at_ms=noon(0))
    asked = ("availability", INN, day(5), day(8))
    assert inn.table(*asked) == lines("""
        double saver 2 1 24000 8000 8000 False -
        double flexible 2 1 30000 10000 10000 True -
        suite flexible 4 1 60000 20000 20000 True -
        suite saver 4 1 - - - False no_price
    """)
    assert inn.table(*asked, "guests=3", show="room_type obstacle") == "suite -\nsuite no_price"
    assert inn.table(*asked, "rooms=2", show="room_type rate_plan obstacle") == lines("""
        double saver sold_out
        double flexible sold_out
        suite flexible sold_out
        suite saver no_price
    """)
    one = inn.table("availability", INN, day(5), day(6), show="rate_plan total obstacle")
    assert "saver 8000 minimum_nights" in one.splitlines()
    with pytest.raises(QueryError, match="no stay of 0 to 365 nights"):
        inn.ask("availability", INN, day(5), day(4))
    with pytest.raises(QueryError, match="no hotel 'in': did you mean 'inn'"):
        inn.ask("availability", "in", day(5), day(6))


@pytest.mark.parametrize(
    ("restriction", "obstacle"),
    [
        ("closed", "closed"),
        ("closed_to_arrival", "closed_to_arrival"),
        ("closed_to_departure", "-"),
        ("minimum_nights", "minimum_nights"),
    ],
)
def test_availability_knows_restrictions(inn: Inn, restriction: str, obstacle: str) -> None:
    fields: Any = {restriction: 3 if restriction == "minimum_nights" else True}
    restricted = SetRestrictions(
        hotel=INN,
        rate_plan="flexible",
        room_type="double",
        first_night=day(5),
        until_night=day(6),
        **fields,
    )
    inn.decide(restricted, at_ms=noon(0))

    def obstacle_of(first: int, until: int) -> str:
        rows = inn.ask("availability", INN, day(first), day(until))
        (found,) = [
            it.obstacle or "-"
            for it in rows
            if (it.room_type, it.rate_plan) == ("double", "flexible")
        ]
        return str(found)

    assert obstacle_of(5, 7) == obstacle
    leaving = "closed_to_departure" if restriction == "closed_to_departure" else "-"
    assert obstacle_of(3, 5) == leaving
    assert obstacle_of(6, 8) == "-"


def test_calendar(inn: Inn) -> None:
    """night | rooms | out of order | overbooking | taken | left | from"""
    inn.decide(
        book("a", 1, 3),
        book("b", 2, 3, hold_ms=10**7),
        SetOutOfOrder(hotel=INN, room="d2", first_night=day(3), until_night=day(4)),
        SetOverbooking(
            hotel=INN,
            room_type="double",
            first_night=day(4),
            until_night=day(5),
            extra_percent=100,
        ),
        at_ms=noon(0),
    )
    assert inn.table("calendar", INN, "double", day(1), 4) == lines(f"""
        {day(1)} 2 0 1 1 2 8000
        {day(2)} 2 0 1 2 1 8000
        {day(3)} 2 1 1 0 2 8000
        {day(4)} 2 0 2 0 4 8000
    """)
    assert inn.table("calendar", INN, "suite", day(29), 2, show="price_from") == "20000\n-"
    with pytest.raises(QueryError, match="no room type 'doubel': did you mean 'double'"):
        inn.ask("calendar", INN, "doubel", day(1))


def test_a_guests_bookings(inn: Inn) -> None:
    inn.decide(book("a", 5, 7, guest="ann"), book("b", 9, 10, guest="bob"), at_ms=noon(0))
    inn.decide(book("g", 8, 9, guest="ann", rooms=GROUP, hold_ms=10**7), at_ms=noon(0))
    inn.decide(CancelBooking(hotel=INN, booking="a"), at_ms=noon(4))
    show = "booking status arrival rooms open_rooms total fees"
    assert inn.table("bookings", "ann", show=show) == lines(f"""
        g lapsed {day(8)} 3 0 40000 0
        a cancelled {day(5)} 1 0 20000 10000
    """)
    assert inn.table("bookings", "ann", 1, show="booking") == "g"
    assert inn.ask("booking", INN, "b").status == "confirmed"
    assert inn.table("rooms_of", INN, "g", show="number room_type status prices") == lines("""
        0 double lapsed [10000]
        1 double lapsed [10000]
        2 suite lapsed [20000]
    """)


def test_the_desks_day(inn: Inn) -> None:
    """part | booking | number | guest | status | type | room | arrival | departure"""
    inn.decide(book("a", 1, 3), book("g", 1, 2, rooms=GROUP), at_ms=noon(0))
    inn.decide(book("x", 1, 2, wait=True), at_ms=noon(0))
    inn.decide(CheckIn(hotel=INN, booking="g"), at_ms=noon(1))
    inn.decide(CheckIn(hotel=INN, booking="g", number=2), at_ms=noon(1))
    inn.decide(WalkGuest(hotel=INN, room_type="double", to="Grand"), at_ms=noon(1))
    assert inn.table("desk", INN, show="part booking number status room") == lines(
        """
        arrival a 0 confirmed -
        arrival g 0 in_house d1
        arrival g 1 walked -
        arrival x 0 offered -
        in house g 0 in_house d1
        in house g 2 in_house s1
    """.replace("arrival x", "arrival g 2 in_house s1\n        arrival x")
    )
    inn.decide(CheckIn(hotel=INN, booking="a"), at_ms=noon(1))
    inn.decide(CheckOut(hotel=INN, booking="g"), at_ms=noon(2))
    assert inn.table("desk", INN, day(2), show="part booking number status") == lines("""
        in house g 2 in_house
        in house a 0 in_house
        departure g 2 in_house
        departure g 0 checked_out
    """)


def test_occupancy_and_revenue(inn: Inn) -> None:
    """night | rooms | sold | permille | revenue | rate | per room"""
    inn.decide(book("a", 1, 4), book("s", 2, 3, rooms=GROUP[1:]), at_ms=noon(0))
    inn.decide(book("held", 1, 4, hold_ms=10**7), at_ms=noon(0))
    expected = f"""
        {day(1)} 3 1 333 10000 10000 3333
        {day(2)} 3 2 666 30000 15000 10000
        {day(3)} 3 1 333 10000 10000 3333
    """
    assert inn.table("occupancy", INN, day(1), 3) == lines(expected)
    inn.decide(ConfirmBooking(hotel=INN, booking="held"), at_ms=noon(0))
    assert inn.table("occupancy", INN, day(1), 3, "double", show="rooms sold revenue") == lines("""
        2 2 20000
        2 2 20000
        2 2 20000
    """)
    inn.decide(CheckIn(hotel=INN, booking="a"), at_ms=noon(1))
    inn.decide(Tick(), at_ms=noon(2))  # `held` has not shown up
    inn.decide(CheckOut(hotel=INN, booking="a"), at_ms=noon(3))  # a night early
    inn.decide(RemoveRoom(hotel=INN, room="d2"), at_ms=noon(4))
    assert inn.table("occupancy", INN, day(1), 4, show="rooms sold revenue") == lines("""
        3 1 10000
        3 1 10000
        3 0 0
        2 0 0
    """)
    show = "day booked arrived left not_shown fees"
    assert inn.table("days", INN, show=show) == lines(f"""
        {day(0)} 3 0 0 0 0
        {day(1)} 0 1 0 1 30000
        {day(2)} 0 0 0 1 20000
        {day(3)} 0 0 1 0 0
    """)


def test_the_waiting_list(inn: Inn) -> None:
    inn.decide(book("g", 1, 3, rooms=(RoomRequest(room_type="double", count=3),)), at_ms=noon(0))
    inn.decide(book("x", 1, 3, wait=True), book("y", 2, 3, wait=True), at_ms=noon(0))
    group = (RoomRequest(room_type="double", count=3), RoomRequest(room_type="suite"))
    inn.decide(book("z", 1, 3, wait=True, rooms=group), at_ms=noon(0))
    assert inn.table("waiting_list", INN, show="booking guest wanted") == lines("""
        x guest-x 1 double
        y guest-y 1 double
        z guest-z 3 double, 1 suite
    """)
    inn.decide(CancelBooking(hotel=INN, booking="g"), at_ms=noon(0))
    assert inn.table("waiting_list", INN, show="booking") == "z"
    assert inn.ask("booking", INN, "x").status == "offered"
    inn.decide(CancelBooking(hotel=INN, booking="z"), at_ms=noon(0))
    assert inn.ask("waiting_list", INN) == []


def test_outcomes(inn: Inn) -> None:
    inn.decide(book("a", 1, 3), book("b", 1, 2), book("c", 2, 3), at_ms=noon(0))
    inn.decide(CheckIn(hotel=INN, booking="a", assigned_type="suite"), at_ms=noon(1))
    inn.decide(MoveGuest(hotel=INN, booking="a", room="d2"), at_ms=noon(1))
    inn.decide(ExtendStay(hotel=INN, booking="a", departure=day(4)), at_ms=noon(1))
    assert inn.table("outcomes", INN) == "inn confirmed 2\ninn in_house 1"
    assert inn.table("calendar", INN, "suite", day(1), 1, show="taken") == "0"
    assert inn.table("calendar", INN, "double", day(1), 3, show="taken") == "2\n2\n1"
    inn.decide(Tick(), at_ms=noon(5))
    assert inn.table("outcomes") == lines("""
        inn checked_out 1
        inn confirmed 0
        inn in_house 0
        inn no_show 2
    """)
    assert inn.ask("booking", INN, "a").total == 300_00


def test_what_there_is(inn: Inn) -> None:
    assert inn.table("hotels", show="hotel name currency") == "inn The Inn EUR"
    assert inn.table("room_types", INN) == "inn double 2 1 0 2\ninn suite 4 0 0 1"
    shown = inn.table("rate_plans", INN, show="rate_plan refundable minimum_nights cancellation")
    assert shown == "flexible True 1 50% from 72 h before\nsaver False 2 -"
