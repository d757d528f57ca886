"""The tables of what goes on in the hotels: rooms by night, who is where, bookings, the desk.

Everything stands by hotel. Money in minor units of the hotel's currency, days since 1970-01-01.
"""

from typing import Literal

import msgspec

from projections.core.projection import Table

BookingStatus = Literal[
    "waiting",
    "held",
    "offered",
    "confirmed",
    "in_house",
    "checked_out",
    "cancelled",
    "no_show",
    "walked",
    "lapsed",
]


class HotelNow(msgspec.Struct, gc=False):
    hotel: str
    name: str
    currency: str
    utc_offset_min: int
    day_ends_min: int
    opened_at_ms: int


class RoomTypeNow(msgspec.Struct, gc=False):
    hotel: str
    room_type: str
    guests_max: int
    extra_rooms: int
    extra_percent: int
    rooms: int = 0
    """How many there are by now."""


class RoomCount(msgspec.Struct, gc=False):
    """So many rooms of a type there are from a day on."""

    hotel: str
    room_type: str
    since_day: int
    rooms: int


class TypeNight(msgspec.Struct, gc=False):
    """A night of a room type."""

    hotel: str
    room_type: str
    night: int
    taken: int = 0
    """Rooms that are booked, or held."""
    booked: int = 0
    """Those that are booked for sure, or slept in."""
    revenue: int = 0
    """Their prices."""
    out_of_order: int = 0
    extra_rooms: int | None = None
    """None: the room type's limit holds."""
    extra_percent: int | None = None


class RoomNow(msgspec.Struct, gc=False):
    """A room, and the guest who is in it: no booking, nobody."""

    hotel: str
    room: str
    room_type: str
    booking: str = ""
    number: int = 0


class BookingNow(msgspec.Struct, gc=False):
    hotel: str
    booking: str
    guest: str
    rate_plan: str
    status: BookingStatus
    """Of several rooms: in house while one is; at the end, checked out where one was."""
    arrival: int
    departure: int
    rooms: int
    """How many were booked, or are waited for."""
    open_rooms: int
    """How many of these have not left, or been given up."""
    total: int
    fees: int
    compensation: int
    held_until_ms: int
    booked_at_ms: int
    waiting_number: int
    """The place on the waiting list: who has less is served first; -1: it is not on it."""


class StayNow(msgspec.Struct, gc=False):
    """One room of a booking."""

    hotel: str
    booking: str
    number: int
    guest: str
    status: BookingStatus
    room_type: str
    guests: int
    room: str
    arrival: int
    departure: int
    prices: str
    """By night, as a JSON array."""
    charged: int = 0
    fee: int = 0


class Waiting(msgspec.Struct, gc=False):
    hotel: str
    waiting_number: int
    booking: str
    guest: str
    rate_plan: str
    arrival: int
    departure: int
    wanted: str
    """`2 double, 1 suite`"""
    since_ms: int


class Outcome(msgspec.Struct, gc=False):
    """How many booked rooms of a hotel are, or ended, so."""

    hotel: str
    status: BookingStatus
    rooms: int = 0


class HotelDay(msgspec.Struct, gc=False):
    """What came to pass on a day of the hotel's own."""

    hotel: str
    day: int
    booked: int = 0
    """Rooms."""
    cancelled: int = 0
    arrived: int = 0
    left: int = 0
    not_shown: int = 0
    walked: int = 0
    fees: int = 0
    compensation: int = 0


OF_GUEST = ("guest", "arrival", "hotel", "booking")
BY_ARRIVAL = ("hotel", "arrival", "booking", "number")
BY_STATUS = ("hotel", "status", "departure", "booking", "number")
BY_NIGHT = ("hotel", "night", "room_type")

HOTELS = Table("hotels", HotelNow, key=("hotel",))
ROOM_TYPES = Table("room_types", RoomTypeNow, key=("hotel", "room_type"))
ROOM_COUNTS = Table("room_counts", RoomCount, key=("hotel", "room_type", "since_day"))
TYPE_NIGHTS = Table(
    "type_nights", TypeNight, key=("hotel", "room_type", "night"), indexes=(BY_NIGHT,)
)
ROOMS = Table("rooms", RoomNow, key=("hotel", "room"))
BOOKINGS = Table("bookings", BookingNow, key=("hotel", "booking"), indexes=(OF_GUEST,))
STAYS = Table(
    "stays",
    StayNow,
    key=("hotel", "booking", "number"),
    indexes=(BY_ARRIVAL, BY_STATUS),
)
WAITING = Table("waiting", Waiting, key=("hotel", "waiting_number"))
OUTCOMES = Table("outcomes", Outcome, key=("hotel", "status"))
HOTEL_DAYS = Table("hotel_days", HotelDay, key=("hotel", "day"))


def capacity_of(room_type: RoomTypeNow, night: TypeNight, rooms: int) -> int:
    """How many rooms may be sold in a night, where the type has so many."""
    in_service = rooms - night.out_of_order
    extra, percent = night.extra_rooms, night.extra_percent
    if extra is None or percent is None:
        extra, percent = room_type.extra_rooms, room_type.extra_percent
    return in_service + extra + in_service * percent // 100
