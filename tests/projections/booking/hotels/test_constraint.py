"""The read model's own constraint: what rules can never have made stops the projection, with the
event; what it holds stays right."""

from typing import Any

import pytest

from log.envelope import Event
from processors.booking.hotels.commands import CheckIn
from processors.booking.hotels.events import (
    BookedRooms,
    GuestCheckedIn,
    GuestMoved,
    OverbookingSet,
    RoomOutOfOrder,
    RoomsBooked,
    StayExtended,
)
from tests.projections.booking.hotels.inn import Inn
from tests.projections.booking.hotels.words import INN, book, day, noon


def booked(name: str, count: int) -> RoomsBooked:
    rooms = BookedRooms(room_type="double", count=count, prices=(1, 1))
    return RoomsBooked(
        hotel=INN,
        booking=name,
        guest="g",
        rate_plan="flexible",
        arrival=day(1),
        departure=day(3),
        rooms=(rooms,),
        total=2,
        booked_at_ms=0,
    )


def checked_in(name: str, room: str) -> GuestCheckedIn:
    return GuestCheckedIn(
        hotel=INN,
        booking=name,
        number=0,
        room=room,
        room_type="double",
        booked_type="double",
        day=day(1),
    )


def moved(name: str, from_room: str, room: str) -> GuestMoved:
    return GuestMoved(
        hotel=INN,
        booking=name,
        number=0,
        room=room,
        room_type="double",
        from_room=from_room,
        from_type="double",
        day=day(1),
    )


IMPOSSIBLE: list[tuple[Event, str]] = [
    (booked("x", 2), "4 rooms of type double are taken in night 20001, and 3 may be"),
    (checked_in("b", "d1"), "booking b would be the second in room d1, after booking a"),
    (moved("a", "d1", "d9"), r"has no row \('inn', 'd9'\)"),
    (
        StayExtended(hotel=INN, booking="b", number=0, departure=day(4), prices=(1,)),
        "4 rooms of type double are taken in night 20003",
    ),
    (
        RoomOutOfOrder(hotel=INN, room_type="double", room="d2", nights=(day(1), day(3))),
        "3 rooms of type double are taken in night 20003, and 2 may be",
    ),
    (
        OverbookingSet(hotel=INN, room_type="double", first_night=day(3), until_night=day(4)),
        "3 rooms of type double are taken in night 20003, and 2 may be",
    ),
]


@pytest.fixture
def busy(inn: Inn) -> Inn:
    """Two of three doubles are sold from 1 to 3, a guest is in d1; all three on 3."""
    inn.decide(book("a", 1, 3), book("b", 1, 3), at_ms=noon(0))
    inn.decide(*(book(name, 3, 4) for name in "cde"), at_ms=noon(0))
    inn.decide(CheckIn(hotel=INN, booking="a"), at_ms=noon(1))
    return inn


@pytest.mark.parametrize(("event", "reason"), IMPOSSIBLE, ids=lambda it: type(it).__name__)
def test_what_cannot_be_stops_the_read_model(busy: Inn, event: Event, reason: str) -> None:
    def held() -> list[Any]:
        asked: list[tuple[Any, ...]] = [
            ("calendar", INN, "double", day(1), 5),
            ("desk", INN),
            ("outcomes",),
        ]
        return [busy.ask(*question) for question in asked]

    before = held()
    with pytest.raises(Exception, match=reason):
        busy.happen(event)
    assert held() == before


def test_what_can_be_goes_on(busy: Inn) -> None:
    busy.happen(booked("x", 1))
    busy.happen(moved("a", "d1", "d2"))
    assert busy.table("calendar", INN, "double", day(1), 1, show="taken left") == "3 0"
