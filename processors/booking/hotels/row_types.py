"""The kinds of rows that a state of the hotels is written down in: see `state_rows`.

Arrays in JSON, without field names. What a field means stands where the state has it (`state`).
"""

import msgspec

from processors.booking.hotels.state import Status
from processors.booking.hotels.terms import CancellationStep, RoomRequest


class Row(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What all rows have in common: their form."""


class HotelRow(Row, tag="hotel", frozen=True):
    """Before all other rows of its hotel."""

    hotel: str
    name: str
    currency: str
    utc_offset_min: int
    day_ends_min: int
    hold_ms_max: int
    offer_ms: int
    waiting_max: int
    walk_percent: int
    first_open_day: int


class RoomTypeRow(Row, tag="room_type", frozen=True):
    room_type: str
    guests_max: int
    extra_rooms: int
    extra_percent: int
    overbooking: tuple[tuple[int, int, int], ...]
    """(night, extra rooms, extra percent)"""


class RoomRow(Row, tag="room", frozen=True):
    room: str
    room_type: str
    out_of_order: tuple[int, ...]


class PlanRow(Row, tag="plan", frozen=True):
    rate_plan: str
    refundable: bool
    minimum_nights: int
    maximum_nights: int
    cancellation: tuple[CancellationStep, ...]
    no_show_percent: int
    early_departure_percent: int
    suspended: bool


class RatesRow(Row, tag="rates", frozen=True):
    rate_plan: str
    room_type: str
    prices: tuple[tuple[int, int], ...]
    """(night, price)"""
    restrictions: tuple[tuple[int, bool, bool, bool, int], ...]


class StayRow(msgspec.Struct, array_like=True, frozen=True, gc=False):
    number: int
    room_type: str
    guests: int
    arrival: int
    departure: int
    prices: tuple[int, ...]
    room: str


class BookingRow(Row, tag="booking", frozen=True):
    """Those who wait stand in the order in which they are served."""

    booking: str
    guest: str
    rate_plan: str
    arrival: int
    departure: int
    status: Status
    requests: tuple[RoomRequest, ...]
    agreed_price: int | None
    loyalty: int
    booked_at_ms: int
    until_ms: int
    rooms: int
    stays: tuple[StayRow, ...]


class EndedRow(Row, tag="ended", frozen=True):
    bookings: tuple[str, ...]


StateRow = HotelRow | RoomTypeRow | RoomRow | PlanRow | RatesRow | BookingRow | EndedRow
