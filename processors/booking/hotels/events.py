"""What happened in a hotel. Units as in `terms.py`.

A booking's rooms are numbered from 0 in the order of `rooms` of `rooms_booked.v1` (or
`offer_made.v1`, `booking_modified.v1`). Each leaves by its own event: cancelled, not shown up,
walked, checked out; the booking has ended when the last has left.
"""

from log.envelope import Event
from processors.booking.hotels.terms import BookedRooms as BookedRooms
from processors.booking.hotels.terms import By as By
from processors.booking.hotels.terms import CancellationStep as CancellationStep
from processors.booking.hotels.terms import LapseReason as LapseReason
from processors.booking.hotels.terms import RejectCode as RejectCode
from processors.booking.hotels.terms import RoomRequest as RoomRequest


class RequestRejected(Event, tag="request_rejected.v1", kw_only=True):
    """Nothing changed. `field` is the command's; `reason` a sentence with what to do."""

    hotel: str
    request: str
    """The command's type."""
    booking: str = ""
    code: RejectCode
    field: str
    reason: str


class HotelOpened(Event, tag="hotel_opened.v1", kw_only=True):
    """Or changed, where it was open."""

    hotel: str
    name: str
    currency: str
    utc_offset_min: int
    day_ends_min: int
    hold_ms_max: int
    offer_ms: int
    waiting_max: int
    walk_percent: int
    day: int


class RoomTypeSet(Event, tag="room_type_set.v1", kw_only=True):
    hotel: str
    room_type: str
    guests_max: int
    extra_rooms: int = 0
    extra_percent: int = 0


class OverbookingSet(Event, tag="overbooking_set.v1", kw_only=True):
    hotel: str
    room_type: str
    first_night: int
    until_night: int
    extra_rooms: int = 0
    extra_percent: int = 0


class RoomsAdded(Event, tag="rooms_added.v1", kw_only=True):
    hotel: str
    room_type: str
    names: tuple[str, ...]
    day: int


class RoomRemoved(Event, tag="room_removed.v1", kw_only=True):
    hotel: str
    room_type: str
    room: str
    day: int


class RoomOutOfOrder(Event, tag="room_out_of_order.v1", kw_only=True):
    """In nights in which it was not before."""

    hotel: str
    room_type: str
    room: str
    nights: tuple[int, ...]
    why: str = ""


class RoomInOrder(Event, tag="room_in_order.v1", kw_only=True):
    hotel: str
    room_type: str
    room: str
    nights: tuple[int, ...]


class RatePlanSet(Event, tag="rate_plan_set.v1", kw_only=True):
    hotel: str
    rate_plan: str
    refundable: bool
    minimum_nights: int
    maximum_nights: int
    cancellation: tuple[CancellationStep, ...] = ()
    no_show_percent: int
    early_departure_percent: int
    suspended: bool = False


class PricesSet(Event, tag="prices_set.v1", kw_only=True):
    hotel: str
    rate_plan: str
    room_type: str
    first_night: int
    until_night: int
    price: int


class RestrictionsSet(Event, tag="restrictions_set.v1", kw_only=True):
    hotel: str
    rate_plan: str
    room_type: str
    first_night: int
    until_night: int
    closed: bool = False
    closed_to_arrival: bool = False
    closed_to_departure: bool = False
    minimum_nights: int = 0


class RoomsBooked(Event, tag="rooms_booked.v1", kw_only=True):
    """The rooms are taken, in each of these nights."""

    hotel: str
    booking: str
    guest: str
    rate_plan: str
    arrival: int
    departure: int
    rooms: tuple[BookedRooms, ...]
    total: int
    """The price of all rooms and nights."""
    held_until_ms: int = 0
    """0: confirmed."""
    agreed_price: int | None = None
    loyalty: int = 0
    booked_at_ms: int


class BookingWaitlisted(Event, tag="booking_waitlisted.v1", kw_only=True):
    """Behind all who wait already."""

    hotel: str
    booking: str
    guest: str
    rate_plan: str
    arrival: int
    departure: int
    requests: tuple[RoomRequest, ...]
    agreed_price: int | None = None
    loyalty: int = 0
    booked_at_ms: int


class OfferMade(Event, tag="offer_made.v1", kw_only=True):
    """What a waiting guest asked for is free, and held for them."""

    hotel: str
    booking: str
    rooms: tuple[BookedRooms, ...]
    total: int
    held_until_ms: int


class BookingConfirmed(Event, tag="booking_confirmed.v1", kw_only=True):
    hotel: str
    booking: str


class BookingLapsed(Event, tag="booking_lapsed.v1", kw_only=True):
    """A hold, an offer or a place on the waiting list came to its end."""

    hotel: str
    booking: str
    reason: LapseReason


class BookingModified(Event, tag="booking_modified.v1", kw_only=True):
    """All of it, as it is now."""

    hotel: str
    booking: str
    rate_plan: str
    arrival: int
    departure: int
    rooms: tuple[BookedRooms, ...]
    total: int
    agreed_price: int | None = None


class BookingCancelled(Event, tag="booking_cancelled.v1", kw_only=True):
    """These of its rooms; none where it only waited."""

    hotel: str
    booking: str
    numbers: tuple[int, ...] = ()
    fee: int = 0


class GuestCheckedIn(Event, tag="guest_checked_in.v1", kw_only=True):
    hotel: str
    booking: str
    number: int
    room: str
    room_type: str
    """The room's; the nights from `day` on count there."""
    booked_type: str
    day: int


class GuestMoved(Event, tag="guest_moved.v1", kw_only=True):
    hotel: str
    booking: str
    number: int
    room: str
    room_type: str
    from_room: str
    from_type: str
    day: int


class StayExtended(Event, tag="stay_extended.v1", kw_only=True):
    """`prices` of the nights that come to it."""

    hotel: str
    booking: str
    number: int
    departure: int
    prices: tuple[int, ...]


class GuestCheckedOut(Event, tag="guest_checked_out.v1", kw_only=True):
    """The room is free again, and the nights from `day` on are."""

    hotel: str
    booking: str
    number: int
    room: str
    day: int
    charged: int
    """The price of the nights slept."""
    fee: int = 0
    by: By = By.REQUEST


class GuestNotShown(Event, tag="guest_not_shown.v1", kw_only=True):
    """All nights are free again."""

    hotel: str
    booking: str
    number: int
    day: int
    """The arrival day."""
    fee: int
    by: By = By.REQUEST


class GuestWalked(Event, tag="guest_walked.v1", kw_only=True):
    """Sent elsewhere; all nights are free again."""

    hotel: str
    booking: str
    number: int
    to: str
    compensation: int


class DayEnded(Event, tag="day_ended.v1", kw_only=True):
    """Nights up to this one are over."""

    hotel: str
    day: int


EVENTS = (
    RequestRejected,
    HotelOpened,
    RoomTypeSet,
    OverbookingSet,
    RoomsAdded,
    RoomRemoved,
    RoomOutOfOrder,
    RoomInOrder,
    RatePlanSet,
    PricesSet,
    RestrictionsSet,
    RoomsBooked,
    BookingWaitlisted,
    OfferMade,
    BookingConfirmed,
    BookingLapsed,
    BookingModified,
    BookingCancelled,
    GuestCheckedIn,
    GuestMoved,
    StayExtended,
    GuestCheckedOut,
    GuestNotShown,
    GuestWalked,
    DayEnded,
)
