"""Days and bookings in few words: day 5 is DAY_ZERO + 5."""

from typing import Any

from processors.booking.hotels.commands import BookRooms, RoomRequest

INN = "inn"
DAY_ZERO = 20_000
DAY_MS = 86_400_000


def day(number: int) -> int:
    return DAY_ZERO + number


def noon(number: int) -> int:
    return day(number) * DAY_MS + DAY_MS // 2


def book(name: str, arrival: int, departure: int, **more: Any) -> BookRooms:
    return BookRooms(
        hotel=INN,
        booking=name,
        guest=more.pop("guest", f"guest-{name}"),
        rate_plan=more.pop("rate_plan", "flexible"),
        arrival=day(arrival),
        departure=day(departure),
        rooms=more.pop("rooms", (RoomRequest(room_type="double"),)),
        **more,
    )
