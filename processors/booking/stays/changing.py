"""The modification of a booking, which never loses its hold: the new nights are held beside the
old ones until the money and, where it is asked, the host are sure."""

from collections.abc import Sequence

from log.envelope import Event
from processors.booking.stays.asking import authorize
from processors.booking.stays.commands import ModifyBooking
from processors.booking.stays.events import ChangeHeld, ChangeRequested
from processors.booking.stays.holding import check_free_for, check_length, quote_stay
from processors.booking.stays.listing_checks import fault_of_name
from processors.booking.stays.payments import pledged
from processors.booking.stays.rejecting import (
    Turned,
    listing_of,
    own_booking,
    turn_down_if,
    wrong_stage,
)
from processors.booking.stays.saga import modified
from processors.booking.stays.state import Booking, Change, Listing, Stage, Stays, check_in_of
from processors.booking.stays.terms import BookingMode, RejectCode


def modify_booking(state: Stays, command: ModifyBooking, at: int) -> Sequence[Event]:
    listing = listing_of(state, command)
    booking = own_booking(listing, command)
    if booking.stage not in (Stage.HELD, Stage.CONFIRMED):
        raise wrong_stage(booking, "modified")
    if booking.change is not None:
        reason = "a change of it is under way: wait for its end"
        raise Turned(RejectCode.WRONG_STAGE, "booking", reason)
    wanted = command.arrival, command.departure, command.guests
    if wanted == (booking.arrival, booking.departure, booking.guests):
        return ()
    check_length(command)
    check_free_for(listing, command)
    quote = quote_stay(listing, command, at, booking)
    change = Change(*wanted, quote)
    if booking.stage is Stage.HELD:
        return (modified(listing, booking, change, was_held=True),)
    more = quote.total - pledged(booking.payments)
    if more > 0:
        if not command.method:
            reason = f"{more} more is to be authorized, and no means of payment is given"
            raise Turned(RejectCode.METHOD_NEEDED, "method", reason)
        turn_down_if(fault_of_name("method", command.method))
        held = _held(listing, booking, change, at + booking.terms.hold_ms)
        return (held, authorize(listing, booking, more, command.method))
    if booking.terms.mode is BookingMode.INSTANT:
        return (modified(listing, booking, change),)
    respond_by_ms = at + booking.terms.response_ms
    held = _held(listing, booking, change, respond_by_ms)
    return (held, change_requested(listing, booking, at))


def _held(listing: Listing, booking: Booking, change: Change, expires_at_ms: int) -> ChangeHeld:
    return ChangeHeld(
        listing=listing.listing,
        booking=booking.booking,
        arrival=change.arrival,
        departure=change.departure,
        guests=change.guests,
        quote=change.quote,
        expires_at_ms=_before_check_in(booking, expires_at_ms),
    )


def _before_check_in(booking: Booking, due_ms: int) -> int:
    """Once the stay begins, the change is off: what is captured then is sure."""
    return min(due_ms, check_in_of(booking.terms, booking.arrival))


def change_requested(listing: Listing, booking: Booking, at: int) -> ChangeRequested:
    return ChangeRequested(
        listing=listing.listing,
        booking=booking.booking,
        respond_by_ms=_before_check_in(booking, at + booking.terms.response_ms),
    )


def change_authorized(
    listing: Listing, booking: Booking, change: Change, at: int
) -> Sequence[Event]:
    """What a change costs more is authorized: it is done, or the host is asked."""
    if booking.terms.mode is BookingMode.INSTANT:
        return (modified(listing, booking, change),)
    return (change_requested(listing, booking, at),)
