"""A booking's way from its hold to its end: pay, request, confirm, check in, check out, cancel.

    held ─► authorizing ─┬─► confirmed ─► staying ─► completed ─► over
      │          │       └─► requested ─┘    │           (reviews)   ▲
      └──────────┴───────────────┴───────────┴──────────────────────┘
             released: expired, declined, failed, withdrawn;   cancelled

Each function gives the events that one command, one answer of the payment provider or one timer
leads to. What is to be undone at the provider is asked for in the same breath.
"""

from collections.abc import Sequence

from log.envelope import Event
from processors.booking.stays.asking import authorize, requests_to_drop, requests_to_keep
from processors.booking.stays.cancellation import refund_after, refund_before, unspent_of
from processors.booking.stays.commands import (
    AcceptBooking,
    CancelBooking,
    DeclineBooking,
    PayBooking,
)
from processors.booking.stays.events import (
    BookingCancelled,
    BookingConfirmed,
    BookingModified,
    BookingReleased,
    BookingRequested,
    CancelReason,
    ChangeReleased,
    ReleaseReason,
    StayBegun,
    StayCompleted,
)
from processors.booking.stays.listing_checks import fault_of_name
from processors.booking.stays.rejecting import (
    Turned,
    booking_of,
    listing_of,
    own_booking,
    own_listing,
    turn_down_if,
    wrong_stage,
)
from processors.booking.stays.state import (
    REVIEW_MS,
    Booking,
    Change,
    Listing,
    Stage,
    Stays,
    check_in_of,
    check_out_of,
    day_of,
    time_on,
)
from processors.booking.stays.terms import BookingMode, RejectCode

UNCONFIRMED = (Stage.HELD, Stage.AUTHORIZING, Stage.REQUESTED)


def pay_booking(state: Stays, command: PayBooking, _at: int) -> Sequence[Event]:
    listing = listing_of(state, command)
    booking = own_booking(listing, command)
    if booking.stage is not Stage.HELD:
        raise wrong_stage(booking, "paid")
    turn_down_if(fault_of_name("method", command.method))
    return (authorize(listing, booking, booking.owed, command.method),)


def authorized(listing: Listing, booking: Booking, at: int) -> Sequence[Event]:
    """The hold is paid for: confirm it, or ask the host."""
    if booking.terms.mode is BookingMode.INSTANT:
        return (confirmed(listing, booking),)
    midnight = time_on(booking.terms, booking.arrival + 1, 0)
    return (
        BookingRequested(
            listing=listing.listing,
            booking=booking.booking,
            respond_by_ms=min(at + booking.terms.response_ms, midnight),
        ),
    )


def confirmed(listing: Listing, booking: Booking) -> BookingConfirmed:
    return BookingConfirmed(
        listing=listing.listing,
        booking=booking.booking,
        guest=booking.guest,
        host=listing.host,
        arrival=booking.arrival,
        departure=booking.departure,
        guests=booking.guests,
        total=booking.quote.total,
        currency=listing.currency,
        check_in_at_ms=check_in_of(booking.terms, booking.arrival),
    )


def modified(
    listing: Listing, booking: Booking, change: Change, *, was_held: bool = False
) -> BookingModified:
    return BookingModified(
        listing=listing.listing,
        booking=booking.booking,
        guest=booking.guest,
        old_arrival=booking.arrival,
        old_departure=booking.departure,
        arrival=change.arrival,
        departure=change.departure,
        guests=change.guests,
        quote=change.quote,
        currency=listing.currency,
        check_in_at_ms=check_in_of(booking.terms, change.arrival),
        was_held=was_held,
    )


def accept_booking(state: Stays, command: AcceptBooking, _at: int) -> Sequence[Event]:
    listing = own_listing(state, command)
    booking = booking_of(listing, command)
    if booking.stage is Stage.REQUESTED:
        return (confirmed(listing, booking),)
    if booking.change is not None and booking.change.requested:
        return (modified(listing, booking, booking.change),)
    raise wrong_stage(booking, "accepted")


def decline_booking(state: Stays, command: DeclineBooking, _at: int) -> Sequence[Event]:
    listing = own_listing(state, command)
    booking = booking_of(listing, command)
    if booking.stage is Stage.REQUESTED:
        return release(listing, booking, ReleaseReason.HOST_DECLINED)
    if booking.change is not None and booking.change.requested:
        return release_change(listing, booking, booking.change, ReleaseReason.HOST_DECLINED)
    raise wrong_stage(booking, "declined")


def released(listing: Listing, booking: Booking, reason: ReleaseReason) -> BookingReleased:
    return BookingReleased(
        listing=listing.listing,
        booking=booking.booking,
        guest=booking.guest,
        arrival=booking.arrival,
        departure=booking.departure,
        reason=reason,
    )


def release(listing: Listing, booking: Booking, reason: ReleaseReason) -> Sequence[Event]:
    """It comes to nothing, and its payments with it."""
    return (released(listing, booking, reason), *requests_to_keep(listing, booking, 0))


def change_released(
    listing: Listing, booking: Booking, change: Change, reason: ReleaseReason
) -> ChangeReleased:
    return ChangeReleased(
        listing=listing.listing,
        booking=booking.booking,
        arrival=change.arrival,
        departure=change.departure,
        reason=reason,
    )


def release_change(
    listing: Listing, booking: Booking, change: Change, reason: ReleaseReason
) -> Sequence[Event]:
    return (
        change_released(listing, booking, change, reason),
        *requests_to_drop(listing, booking, change.payment),
    )


def cancel_booking(state: Stays, command: CancelBooking, at: int) -> Sequence[Event]:
    listing = listing_of(state, command)
    booking = booking_of(listing, command)
    by_guest = command.party_id == booking.guest
    if not by_guest and command.party_id != listing.host:
        sentence = f"{command.party_id!r} is neither its guest nor its host"
        raise Turned(RejectCode.NOT_YOURS, "party_id", sentence)
    if booking.stage in UNCONFIRMED:
        withdrawn = ReleaseReason.WITHDRAWN if by_guest else ReleaseReason.HOST_DECLINED
        return release(listing, booking, withdrawn)
    if booking.stage not in (Stage.CONFIRMED, Stage.STAYING):
        raise wrong_stage(booking, "cancelled")
    free_from = first_night_left(booking, at)
    if free_from == booking.departure:
        raise Turned(RejectCode.WRONG_STAGE, "booking", "it has no night left to cancel")
    unspent = unspent_value(booking, free_from)
    refund = _refund_to_guest(booking, unspent, at) if by_guest else unspent
    reason = CancelReason.GUEST if by_guest else CancelReason.HOST
    cancelled_ = cancelled(listing, booking, free_from, reason, booking.owed - refund)
    requests = requests_to_keep(listing, booking, cancelled_.kept)
    if booking.change is None:
        return (cancelled_, *requests)
    dropped = change_released(listing, booking, booking.change, ReleaseReason.WITHDRAWN)
    return (dropped, cancelled_, *requests)


def _refund_to_guest(booking: Booking, unspent: int, at: int) -> int:
    policy = booking.terms.cancellation
    if booking.stage is Stage.STAYING:
        return refund_after(policy, unspent)
    before_ms = check_in_of(booking.terms, booking.arrival) - at
    return refund_before(policy, booking.owed, before_ms, at - booking.booked_at_ms)


def first_night_left(booking: Booking, at: int) -> int:
    """The first night that can still be given back: tonight cannot, once the stay has begun."""
    if booking.stage is not Stage.STAYING:
        return booking.arrival
    tomorrow = day_of(booking.terms, at) + 1
    return max(booking.arrival, min(tomorrow, booking.departure))


def unspent_value(booking: Booking, free_from: int) -> int:
    """Of what is owed, what the nights from `free_from` on cost."""
    spent = free_from - booking.arrival
    return unspent_of(booking.owed, booking.quote.night_prices, spent)


def cancelled(
    listing: Listing, booking: Booking, free_from: int, reason: CancelReason, kept: int
) -> BookingCancelled:
    return BookingCancelled(
        listing=listing.listing,
        booking=booking.booking,
        guest=booking.guest,
        arrival=booking.arrival,
        departure=booking.departure,
        free_from=free_from,
        reason=reason,
        kept=kept,
        refund=booking.owed - kept,
        currency=listing.currency,
    )


def check_in(listing: Listing, booking: Booking) -> Sequence[Event]:
    begun = StayBegun(listing=listing.listing, booking=booking.booking)
    return (begun, *requests_to_keep(listing, booking, booking.owed))


def check_out(listing: Listing, booking: Booking) -> Sequence[Event]:
    due = check_out_of(booking.terms, booking.departure)
    return (
        StayCompleted(
            listing=listing.listing,
            booking=booking.booking,
            departure=booking.departure,
            review_by_ms=due + REVIEW_MS,
        ),
    )
