"""A small hotel for the tests of its rules: commands and states in few words.

    house = small_house(doubles=2)
    house.when(book("a", 5, 7), at=noon(1))

Days are counted from DAY_ZERO on: day 5 is DAY_ZERO + 5. The hotel has prices of 100.00 a night by
the plan `flexible`, which costs half from three days before the arrival on, and all on the last;
and of 80.00 by `saver`, which never gives money back.
"""

from typing import Any

from log.envelope import Command, Event
from processors.booking.hotels import SYSTEM
from processors.booking.hotels.commands import (
    AddRooms,
    BookRooms,
    CancelBooking,
    CancellationStep,
    CheckIn,
    CheckOut,
    ConfirmBooking,
    ModifyBooking,
    OpenHotel,
    RoomRequest,
    SetPrices,
    SetRatePlan,
    SetRoomType,
)
from processors.booking.hotels.events import RejectCode, RequestRejected
from processors.booking.hotels.state import Hotel, Hotels
from processors.booking.hotels.terms import DAY_MS
from processors.core.messages import Tick
from tests.given_when_then import Scenario

DAY_ZERO = 20_000
HOUR_MS = 3_600_000
PRICE, SAVER_PRICE = 100_00, 80_00
INN = "inn"


def day(number: int) -> int:
    return DAY_ZERO + number


def noon(number: int, hours: int = 0) -> int:
    """Noon of a day, or so many hours later, in ms since 1970."""
    return day(number) * DAY_MS + (12 + hours) * HOUR_MS


class House(Scenario[Hotels]):
    """A scenario of one hotel, whose state keeps the stated invariant."""

    def when(self, command: Any, at: int = 0) -> list[Any]:
        events = super().when(command, at)
        assert SYSTEM.invariant is not None
        SYSTEM.invariant(self.state)
        return events

    def one(self, command: Command, at: int = noon(0)) -> Any:
        """The one event that the command leads to, once time has passed until then."""
        self.when(Tick(), at)
        (event,) = self.when(command, at)
        return event

    def rejected(self, command: Command, at: int = noon(0)) -> tuple[RejectCode, str]:
        """Code and field, where the request is rejected with a sentence."""
        event = self.one(command, at)
        assert isinstance(event, RequestRejected), event
        assert len(event.reason) > 20, event.reason
        assert event.request == command.__struct_config__.tag
        return event.code, event.field

    @property
    def hotel(self) -> Hotel:
        return self.state.hotels[INN]

    def sold(self, *nights: int, room_type: str = "double") -> list[int]:
        sold = self.hotel.room_types[room_type].sold
        return [sold.get(day(night), 0) for night in nights]


def small_house(doubles: int = 2, suites: int = 1, extra_rooms: int = 0, **terms: Any) -> House:
    house = House(SYSTEM.decider, ())
    steps = (
        CancellationStep(hours_before=72, percent=50),
        CancellationStep(hours_before=24, percent=100),
    )
    setting_up: list[Command] = [
        OpenHotel(hotel=INN, **terms),
        SetRoomType(hotel=INN, room_type="double", guests_max=2, extra_rooms=extra_rooms),
        SetRoomType(hotel=INN, room_type="suite", guests_max=4),
        AddRooms(hotel=INN, room_type="double", names=_names("d", doubles)),
        AddRooms(hotel=INN, room_type="suite", names=_names("s", suites)),
        SetRatePlan(
            hotel=INN,
            rate_plan="flexible",
            minimum_nights=0,
            cancellation=steps,
            early_departure_percent=50,
        ),
        SetRatePlan(hotel=INN, rate_plan="saver", refundable=False),
    ]
    for room_type in ("double", "suite"):
        setting_up += [
            prices(0, 60, PRICE, room_type),
            prices(0, 60, SAVER_PRICE, room_type, "saver"),
        ]
    for command in setting_up:
        events = house.when(command, noon(0))
        assert not isinstance(events[0], RequestRejected), events
    return house


def _names(letter: str, count: int) -> tuple[str, ...]:
    return tuple(f"{letter}{number}" for number in range(1, count + 1))


def prices(
    first: int, until: int, price: int, room_type: str = "double", plan: str = "flexible"
) -> SetPrices:
    return SetPrices(
        hotel=INN,
        rate_plan=plan,
        room_type=room_type,
        first_night=day(first),
        until_night=day(until),
        price=price,
    )


def rooms(**counts: int) -> tuple[RoomRequest, ...]:
    return tuple(RoomRequest(room_type=name, count=count) for name, count in counts.items())


def book(name: str, arrival: int, departure: int, **more: Any) -> BookRooms:
    wanted = more.pop("rooms", None) or rooms(double=1)
    return BookRooms(
        hotel=INN,
        booking=name,
        guest=more.pop("guest", f"guest-{name}"),
        rate_plan=more.pop("rate_plan", "flexible"),
        arrival=day(arrival),
        departure=day(departure),
        rooms=wanted,
        **more,
    )


def modify(name: str, arrival: int, departure: int, **more: Any) -> ModifyBooking:
    wanted = more.pop("rooms", None) or rooms(double=1)
    return ModifyBooking(
        hotel=INN,
        booking=name,
        arrival=day(arrival),
        departure=day(departure),
        rooms=wanted,
        **more,
    )


def confirm(name: str) -> ConfirmBooking:
    return ConfirmBooking(hotel=INN, booking=name)


def cancel(name: str) -> CancelBooking:
    return CancelBooking(hotel=INN, booking=name)


def check_in(name: str, number: int = 0, **more: Any) -> CheckIn:
    return CheckIn(hotel=INN, booking=name, number=number, **more)


def check_out(name: str, number: int = 0) -> CheckOut:
    return CheckOut(hotel=INN, booking=name, number=number)


def kinds(events: list[Event]) -> list[str]:
    """The types of events, in short words."""
    return [type(event).__name__ for event in events]
