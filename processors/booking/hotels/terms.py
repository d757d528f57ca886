"""The words that commands, events and state of the hotels share, and how far numbers go.

Money is an integer in minor units of the hotel's currency. A *day* is the number of days since
1970-01-01 on the hotel's own calendar; a *night* is known by the day that it begins on. Percent
are whole. What does not fit does not decode.
"""

from enum import Enum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

Id = Annotated[str, Meta(min_length=1, max_length=80)]
OptionalId = Annotated[str, Meta(max_length=80)]
Text = Annotated[str, Meta(max_length=200)]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
Day = Annotated[int, Meta(ge=0, le=100_000)]
Nights = Annotated[int, Meta(ge=0, le=365)]
Count = Annotated[int, Meta(ge=0, le=10_000)]
Number = Annotated[int, Meta(ge=0, le=10_000)]
Money = Annotated[int, Meta(ge=0, le=10**12)]
Percent = Annotated[int, Meta(ge=0, le=100)]
DurationMs = Annotated[int, Meta(ge=0, le=366 * 86_400_000)]

DAY_MS: Final = 86_400_000
HORIZON_NIGHTS: Final = 1_100
"""How far ahead a hotel may set prices and be booked: three years."""
STAY_NIGHTS_MAX: Final = 365
ROOMS_A_BOOKING_MAX: Final = 500
WAITING_MAX: Final = 1_000


class RoomRequest(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """So many rooms of a type, each for so many guests."""

    room_type: Id
    count: Count = 1
    guests: Count = 1


class BookedRooms(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """Rooms of a type that are booked, and the price of one of them by night from the arrival."""

    room_type: str
    count: int = 1
    guests: int = 1
    prices: tuple[int, ...] = ()


class CancellationStep(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """From so many hours before the arrival day begins, a cancellation costs so much of the
    price of all nights."""

    hours_before: Annotated[int, Meta(ge=0, le=100_000)]
    percent: Percent


class RejectCode(Enum):
    """Why a request was rejected."""

    UNKNOWN_HOTEL = "unknown_hotel"
    UNKNOWN_ROOM_TYPE = "unknown_room_type"
    UNKNOWN_ROOM = "unknown_room"
    UNKNOWN_RATE_PLAN = "unknown_rate_plan"
    UNKNOWN_BOOKING = "unknown_booking"
    DUPLICATE_BOOKING = "duplicate_booking"
    DUPLICATE_ROOM = "duplicate_room"
    INVALID_VALUE = "invalid_value"
    CURRENCY_IS_FIXED = "currency_is_fixed"
    PAST_NIGHT = "past_night"
    BEYOND_HORIZON = "beyond_horizon"
    SOLD_OUT = "sold_out"
    NO_PRICE = "no_price"
    CLOSED = "closed"
    CLOSED_TO_ARRIVAL = "closed_to_arrival"
    CLOSED_TO_DEPARTURE = "closed_to_departure"
    MINIMUM_NIGHTS = "minimum_nights"
    MAXIMUM_NIGHTS = "maximum_nights"
    TOO_MANY_GUESTS = "too_many_guests"
    TOO_MANY_ROOMS = "too_many_rooms"
    HOLD_TOO_LONG = "hold_too_long"
    WAITING_LIST_FULL = "waiting_list_full"
    STILL_WAITING = "still_waiting"
    NOT_CONFIRMED = "not_confirmed"
    ALREADY_ARRIVED = "already_arrived"
    PARTLY_OVER = "partly_over"
    """One of the booking's rooms has been left, or given up."""
    NOT_ARRIVED = "not_arrived"
    NOT_ARRIVAL_DAY = "not_arrival_day"
    FEE_DUE = "fee_due"
    """The change would save a fee that a cancellation costs by now."""
    OVERSOLD = "oversold"
    """More is sold in a night than would be left."""
    ROOM_OCCUPIED = "room_occupied"
    ROOM_OUT_OF_ORDER = "room_out_of_order"
    NO_ROOM_FREE = "no_room_free"
    NOT_OVERBOOKED = "not_overbooked"


class LapseReason(Enum):
    """Why rooms that were held, or a place on the waiting list, are given up."""

    HOLD_EXPIRED = "hold_expired"
    OFFER_EXPIRED = "offer_expired"
    ARRIVAL_DAY_ENDED = "arrival_day_ended"


class By(Enum):
    """Who did it: somebody asked for it, or the hotel's day ended."""

    REQUEST = "request"
    DAY_END = "day_end"
