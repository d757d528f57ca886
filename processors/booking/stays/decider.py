"""The rules of the stays: `initial`, `decide`, `evolve`, `next_due`, and the state's form.

    decide ── command ─┬─► hosting           listings, prices, blocks, wish lists, searches
       │               ├─► holding ──────┐
       │               ├─► saga, changing├─► stay_rules, pricing, spans     may it be? what for?
       │               ├─► answering ────┴─► payments, asking               what is to be paid?
       │               └─► reviewing
       └──── tick ───────► the first timer: a hold, an answer, a change, check-in ...
    evolve ── event ─────► facts ─► state

Listings do not know of each other, so a decision costs what its own listing's calendar costs: a
binary search among its spans of nights.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from log.envelope import Event
from processors.booking.stays.answering import answer_payment, retry_payment
from processors.booking.stays.changing import modify_booking
from processors.booking.stays.commands import (
    AcceptBooking,
    AddWish,
    AnswerPayment,
    BlockNights,
    CancelBooking,
    ChangeListing,
    CreateListing,
    DeclineBooking,
    HoldNights,
    ModifyBooking,
    PayBooking,
    RemoveSearch,
    RemoveWish,
    RetryPayment,
    SaveSearch,
    SetNights,
    UnblockNights,
    WriteReview,
)
from processors.booking.stays.events import ReleaseReason
from processors.booking.stays.facts import FACTS
from processors.booking.stays.holding import hold_nights
from processors.booking.stays.hosting import (
    add_wish,
    block_nights,
    change_listing,
    create_listing,
    remove_search,
    remove_wish,
    save_search,
    set_nights,
    unblock_nights,
)
from processors.booking.stays.rejecting import Turned, reject
from processors.booking.stays.reviewing import revealed, write_review
from processors.booking.stays.saga import (
    accept_booking,
    cancel_booking,
    check_in,
    check_out,
    decline_booking,
    pay_booking,
    release,
    release_change,
)
from processors.booking.stays.state import Booking, Listing, Stage, Stays
from processors.booking.stays.state_rows import StateRow, from_rows, to_rows
from processors.core.decider import Decider, StateFormat
from processors.core.messages import Tick

RULES: Final[dict[type[Any], Callable[[Stays, Any, int], Sequence[Event]]]] = {
    CreateListing: create_listing,
    ChangeListing: change_listing,
    SetNights: set_nights,
    BlockNights: block_nights,
    UnblockNights: unblock_nights,
    HoldNights: hold_nights,
    PayBooking: pay_booking,
    AcceptBooking: accept_booking,
    DeclineBooking: decline_booking,
    ModifyBooking: modify_booking,
    CancelBooking: cancel_booking,
    WriteReview: write_review,
    AnswerPayment: answer_payment,
    RetryPayment: retry_payment,
    AddWish: add_wish,
    RemoveWish: remove_wish,
    SaveSearch: save_search,
    RemoveSearch: remove_search,
}


def initial() -> Stays:
    return Stays()


def next_due(state: Stays) -> int | None:
    return state.timer_due


def decide(state: Stays, command: Any, at: int) -> Sequence[Event]:
    """What the command leads to."""
    if type(command) is Tick:
        return _tick(state, at)
    try:
        return RULES[type(command)](state, command, at)
    except Turned as turned:
        return (reject(command, turned),)


def _tick(state: Stays, at: int) -> Sequence[Event]:
    """The first timer, if it is due."""
    if state.timer_due is None or state.timer_due > at:
        return ()
    _due, name, number = state.timers[0]
    listing = state.listings[name]
    return _fire(listing, listing.bookings[number])


def _fire(listing: Listing, booking: Booking) -> Sequence[Event]:
    if booking.change is not None:
        requested = booking.change.requested
        reason = ReleaseReason.HOST_SILENT if requested else ReleaseReason.EXPIRED
        return release_change(listing, booking, booking.change, reason)
    match booking.stage:
        case Stage.REQUESTED:
            return release(listing, booking, ReleaseReason.HOST_SILENT)
        case Stage.CONFIRMED:
            return check_in(listing, booking)
        case Stage.STAYING:
            return check_out(listing, booking)
        case Stage.COMPLETED:
            return (revealed(listing, booking),)
    return release(listing, booking, ReleaseReason.EXPIRED)


def evolve(state: Stays, event: Any) -> Stays:
    """Apply one fact, in place. Facts that are none of the stays' change nothing."""
    apply = FACTS.get(type(event))
    if apply is not None:
        apply(state, event)
    return state


DECIDER: Final = Decider(
    initial=initial,
    decide=decide,
    evolve=evolve,
    state_format=StateFormat(row_type=StateRow, to_rows=to_rows, from_rows=from_rows),
    next_due=next_due,
)
