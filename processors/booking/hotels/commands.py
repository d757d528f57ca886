"""What is asked of a hotel, by its operator, its guests and its desk. Units as in `terms.py`.

Names of hotels, rooms, plans and bookings are the sender's; a booking's is never used twice in its
hotel. A range of nights goes from `first_night` to before `until_night`.
"""

from typing import Annotated

from msgspec import Meta

from log.envelope import Command
from processors.booking.hotels.terms import CancellationStep as CancellationStep
from processors.booking.hotels.terms import (
    Count,
    Currency,
    Day,
    DurationMs,
    Id,
    Money,
    Nights,
    Number,
    OptionalId,
    Percent,
    Text,
)
from processors.booking.hotels.terms import RoomRequest as RoomRequest


class OpenHotel(Command, tag="open_hotel.v1", kw_only=True):
    """Sent again: changed, all but the currency."""

    hotel: Id
    name: Text = ""
    currency: Currency = "EUR"
    utc_offset_min: Annotated[int, Meta(ge=-900, le=900)] = 0
    """How far the hotel's clock is ahead of UTC; sent again where that changes."""
    day_ends_min: Annotated[int, Meta(ge=0, le=720)] = 0
    """How long after midnight the hotel's day ends: who arrives until then is not late."""
    hold_ms_max: DurationMs = 7 * 86_400_000
    offer_ms: DurationMs = 86_400_000
    """How long rooms are kept for one who waited for them."""
    waiting_max: Annotated[int, Meta(ge=0, le=1_000)] = 100
    """Places on the waiting list."""
    walk_percent: Annotated[int, Meta(ge=0, le=1_000)] = 100
    """What a guest who is sent elsewhere gets, of the price of the first night."""


class SetRoomType(Command, tag="set_room_type.v1", kw_only=True):
    """Sent again: changed. So many rooms more than are in service may be sold, in each night that
    has no limit of its own: `extra_rooms`, and `extra_percent` of the rooms in service."""

    hotel: Id
    room_type: Id
    guests_max: Count
    """In one room."""
    extra_rooms: Count = 0
    extra_percent: Percent = 0


class SetOverbooking(Command, tag="set_overbooking.v1", kw_only=True):
    """The limit of some nights, in place of the room type's."""

    hotel: Id
    room_type: Id
    first_night: Day
    until_night: Day
    extra_rooms: Count = 0
    extra_percent: Percent = 0


class AddRooms(Command, tag="add_rooms.v1", kw_only=True):
    hotel: Id
    room_type: Id
    names: tuple[Id, ...]


class RemoveRoom(Command, tag="remove_room.v1", kw_only=True):
    """Only where no more is sold than the rooms that are left, and the limit, allow."""

    hotel: Id
    room: Id


class SetOutOfOrder(Command, tag="set_out_of_order.v1", kw_only=True):
    """A room cannot be used in some nights. Only where these are not sold by then: else raise the
    overbooking limit first, which says that somebody may be walked."""

    hotel: Id
    room: Id
    first_night: Day
    until_night: Day
    why: Text = ""


class SetInOrder(Command, tag="set_in_order.v1", kw_only=True):
    """It can, after all."""

    hotel: Id
    room: Id
    first_night: Day
    until_night: Day


class SetRatePlan(Command, tag="set_rate_plan.v1", kw_only=True):
    """Sent again: changed. Fees of bookings go by the plan as it is when they are due."""

    hotel: Id
    rate_plan: Id
    refundable: bool = True
    """Where it is not, each fee is the price of all nights that it is about."""
    minimum_nights: Nights = 1
    """0: rooms may be had for a day, without a night."""
    maximum_nights: Nights = 365
    cancellation: tuple[CancellationStep, ...] = ()
    """The dearest step that is reached holds; before the first, it is free."""
    no_show_percent: Percent = 100
    """Of the price of all nights."""
    early_departure_percent: Percent = 0
    """Of the price of the nights that are not slept."""
    suspended: bool = False
    """Not to be booked, whatever the night."""


class SetPrices(Command, tag="set_prices.v1", kw_only=True):
    """A night without a price is not for sale by that plan."""

    hotel: Id
    rate_plan: Id
    room_type: Id
    first_night: Day
    until_night: Day
    price: Money


class SetRestrictions(Command, tag="set_restrictions.v1", kw_only=True):
    """All restrictions of these nights, in place of what held before."""

    hotel: Id
    rate_plan: Id
    room_type: Id
    first_night: Day
    until_night: Day
    closed: bool = False
    closed_to_arrival: bool = False
    closed_to_departure: bool = False
    minimum_nights: Nights = 0
    """Of stays that arrive then; 0: the plan's."""


class BookRooms(Command, tag="book_rooms.v1", kw_only=True):
    """Rooms of one type or several, for the same nights: all of them, or none."""

    hotel: Id
    booking: Id
    guest: Id
    rate_plan: Id
    arrival: Day
    departure: Day
    rooms: tuple[RoomRequest, ...]
    hold_ms: DurationMs = 0
    """0: confirmed at once. Else held so long, for a confirmation."""
    wait: bool = False
    """Join the waiting list rather than be rejected as sold out."""
    agreed_price: Money | None = None
    """Of each room and night, in place of the plan's prices."""
    loyalty: Percent = 0
    """Who has more is walked last."""


class ConfirmBooking(Command, tag="confirm_booking.v1", kw_only=True):
    """Of what is held; so an offer is taken."""

    hotel: Id
    booking: Id


class ModifyBooking(Command, tag="modify_booking.v1", kw_only=True):
    """Other days, rooms or another plan, at today's prices. Where that cannot be, the booking
    stays as it is: nothing of it is let go first."""

    hotel: Id
    booking: Id
    arrival: Day
    departure: Day
    rooms: tuple[RoomRequest, ...]
    new_rate_plan: OptionalId = ""
    """Empty: as before."""
    agreed_price: Money | None = None


class CancelBooking(Command, tag="cancel_booking.v1", kw_only=True):
    """All rooms of the booking that nobody has arrived in; so an offer is declined and a place on
    the waiting list given up."""

    hotel: Id
    booking: Id


class CheckIn(Command, tag="check_in.v1", kw_only=True):
    """On the arrival day. A room is assigned: this one, or the first free one of this type, or
    of the type that was booked. In a room of another type, the nights count there from now on."""

    hotel: Id
    booking: Id
    number: Number = 0
    """Which of the booking's rooms, from 0."""
    assigned_room: OptionalId = ""
    assigned_type: OptionalId = ""


class MoveGuest(Command, tag="move_guest.v1", kw_only=True):
    """To another room, from today on."""

    hotel: Id
    booking: Id
    number: Number = 0
    room: Id


class ExtendStay(Command, tag="extend_stay.v1", kw_only=True):
    """Leave later than booked."""

    hotel: Id
    booking: Id
    number: Number = 0
    departure: Day


class CheckOut(Command, tag="check_out.v1", kw_only=True):
    """Before the departure day: with the plan's fee for the nights that are not slept."""

    hotel: Id
    booking: Id
    number: Number = 0


class ReportNoShow(Command, tag="report_no_show.v1", kw_only=True):
    """The desk gives up waiting on the arrival day; at its end that happens by itself. All rooms
    of the booking that nobody has arrived in, or one of them."""

    hotel: Id
    booking: Id
    only_number: Number | None = None


class WalkGuest(Command, tag="walk_guest.v1", kw_only=True):
    """More is sold tonight than there are rooms of a type: one who has not arrived is sent
    elsewhere, with compensation. Without a booking's name the hotel's rule says who."""

    hotel: Id
    room_type: Id
    to: Text = ""
    only_booking: OptionalId = ""


COMMANDS = (
    OpenHotel,
    SetRoomType,
    SetOverbooking,
    AddRooms,
    RemoveRoom,
    SetOutOfOrder,
    SetInOrder,
    SetRatePlan,
    SetPrices,
    SetRestrictions,
    BookRooms,
    ConfirmBooking,
    ModifyBooking,
    CancelBooking,
    CheckIn,
    MoveGuest,
    ExtendStay,
    CheckOut,
    ReportNoShow,
    WalkGuest,
)
