"""How a command is turned down, and the checks that most commands begin with."""

from typing import Any

from processors.booking.stays.events import RequestRejected
from processors.booking.stays.state import Booking, Listing, Stays
from processors.booking.stays.stay_rules import StayFault
from processors.booking.stays.terms import RejectCode


class Turned(Exception):
    """A command is turned down: `decide` catches it where the command came in."""

    def __init__(self, code: RejectCode, field: str, reason: str) -> None:
        self.code = code
        self.field = field
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


def reject(command: Any, turned: Turned) -> RequestRejected:
    return RequestRejected(
        listing=getattr(command, "listing", ""),
        booking=getattr(command, "booking", ""),
        code=turned.code,
        field=turned.field,
        reason=turned.reason,
    )


def turn_down_if(fault: StayFault | None) -> None:
    if fault is not None:
        raise Turned(*fault)


def listing_of(state: Stays, command: Any) -> Listing:
    found: Listing | None = state.listings.get(command.listing)
    if found is None:
        reason = f"there is no listing {command.listing!r}"
        raise Turned(RejectCode.UNKNOWN_LISTING, "listing", reason)
    return found


def own_listing(state: Stays, command: Any) -> Listing:
    """The listing of a host's command."""
    listing = listing_of(state, command)
    if command.host != listing.host:
        reason = f"{listing.listing} is not a listing of {command.host!r}"
        raise Turned(RejectCode.NOT_YOURS, "host", reason)
    return listing


def booking_of(listing: Listing, command: Any) -> Booking:
    found: Booking | None = listing.bookings.get(command.booking)
    if found is None:
        is_over = command.booking in listing.over
        reason = f"booking {command.booking!r} is over" if is_over else _unknown(command)
        raise Turned(RejectCode.UNKNOWN_BOOKING, "booking", reason)
    return found


def _unknown(command: Any) -> str:
    return f"{command.listing} has no booking {command.booking!r}"


def own_booking(listing: Listing, command: Any) -> Booking:
    """The booking of a guest's command."""
    booking = booking_of(listing, command)
    if command.guest != booking.guest:
        reason = f"{booking.booking} is not a booking of {command.guest!r}"
        raise Turned(RejectCode.NOT_YOURS, "guest", reason)
    return booking


def wrong_stage(booking: Booking, cannot: str) -> Turned:
    reason = f"a booking that is {booking.stage.value} cannot be {cannot}"
    return Turned(RejectCode.WRONG_STAGE, "booking", reason)
