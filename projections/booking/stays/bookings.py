"""Every booking and where it stands: guests read their trips here, hosts their days.

From the events of a booking's life, by (listing, booking). An id that a listing has forgotten may
come again, and then takes the place of the old booking.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from processors.booking.stays.events import (
    BookingCancelled,
    BookingConfirmed,
    BookingModified,
    BookingReleased,
    BookingRequested,
    ChangeHeld,
    ChangeReleased,
    ChangeRequested,
    NightsHeld,
    PaymentAnswered,
    PaymentOperation,
    PaymentOutcome,
    PaymentStuck,
    ReviewsRevealed,
    StayBegun,
    StayCompleted,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables

HELD: Final = "held"
REQUESTED: Final = "requested"
CONFIRMED: Final = "confirmed"
STAYING: Final = "staying"
COMPLETED: Final = "completed"
CANCELLED: Final = "cancelled"
RELEASED: Final = "released"
COMING: Final = (CONFIRMED, STAYING)
ASKED_BOOKING: Final = "booking"
ASKED_CHANGE: Final = "change"
NOTHING: Final = ""


class Booking(msgspec.Struct, gc=False):
    listing: str
    booking: str
    guest: str
    host: str
    arrival: int
    departure: int
    guests: int
    status: str
    """`held`, `requested`, `confirmed`, `staying`, `completed`, `cancelled`; `released`: it never
    came to be."""
    currency: str
    total: int
    booked_at_ms: int
    changed_at_ms: int
    due_at_ms: int | None
    """When the hold runs out, the host's answer is due, or check-in is."""
    paid: int = 0
    """Taken from the guest, less what was given back."""
    asked: str = NOTHING
    """What the host is asked: `booking`, `change`, or nothing."""
    reason: str = ""
    """Why it was released or cancelled."""
    kept: int = 0
    """Of a cancelled booking: what the guest pays all the same."""
    stays_on: bool = False
    """It was cancelled during the stay: the guest is there until the departure all the same."""
    change_arrival: int = 0
    change_departure: int = 0
    change_total: int = 0
    """What it is to become, while a change is under way; 0: none is."""
    change_reason: str = ""
    """Why the last change that was asked for came to nothing; empty: it did not."""
    payment_stuck: bool = False
    """Money could not be moved, and somebody has to look."""
    guest_stars: int = 0
    guest_text: str = ""
    host_stars: int = 0
    host_text: str = ""


BY_GUEST: Final = ("guest", "arrival")
BY_ARRIVAL: Final = ("host", "arrival")
BY_DEPARTURE: Final = ("host", "departure")
BY_ASKED: Final = ("host", "asked")
BY_LISTING: Final = ("listing", "arrival")
BOOKINGS = Table(
    "bookings",
    Booking,
    key=("listing", "booking"),
    indexes=(BY_GUEST, BY_ARRIVAL, BY_DEPARTURE, BY_ASKED, BY_LISTING),
)


def held(event: NightsHeld, at_ms: int) -> Booking:
    return Booking(
        event.listing,
        event.booking,
        event.guest,
        event.host,
        event.arrival,
        event.departure,
        event.guests,
        HELD,
        event.currency,
        event.quote.total,
        at_ms,
        at_ms,
        event.expires_at_ms,
    )


def _request(row: Booking, event: BookingRequested) -> None:
    row.status, row.asked, row.due_at_ms = REQUESTED, ASKED_BOOKING, event.respond_by_ms


def _confirm(row: Booking, event: BookingConfirmed) -> None:
    row.status, row.asked, row.due_at_ms = CONFIRMED, NOTHING, event.check_in_at_ms


def _release(row: Booking, event: BookingReleased) -> None:
    row.status, row.asked, row.due_at_ms = RELEASED, NOTHING, None
    row.reason = event.reason.value


def _hold_change(row: Booking, event: ChangeHeld) -> None:
    row.change_arrival, row.change_departure = event.arrival, event.departure
    row.change_total, row.change_reason = event.quote.total, ""


def _request_change(row: Booking, _event: ChangeRequested) -> None:
    row.asked = ASKED_CHANGE


def _release_change(row: Booking, event: ChangeReleased) -> None:
    row.asked, row.change_reason = NOTHING, event.reason.value
    row.change_arrival = row.change_departure = row.change_total = 0


def _modify(row: Booking, event: BookingModified) -> None:
    row.arrival, row.departure, row.guests = event.arrival, event.departure, event.guests
    row.total, row.asked, row.change_reason = event.quote.total, NOTHING, ""
    row.change_arrival = row.change_departure = row.change_total = 0
    if not event.was_held:
        row.due_at_ms = event.check_in_at_ms


def _begin(row: Booking, _event: StayBegun) -> None:
    row.status, row.due_at_ms = STAYING, None


def _cancel(row: Booking, event: BookingCancelled) -> None:
    row.status, row.asked, row.due_at_ms = CANCELLED, NOTHING, None
    row.reason, row.kept = event.reason.value, event.kept
    if event.free_from > event.arrival:
        row.departure, row.stays_on = event.free_from, True


def _complete(row: Booking, _event: StayCompleted) -> None:
    row.stays_on, row.due_at_ms = False, None
    if row.status != CANCELLED:
        row.status = COMPLETED


def _pay(row: Booking, event: PaymentAnswered) -> None:
    row.paid += amount_taken(event)
    row.payment_stuck = False


def _stick(row: Booking, _event: PaymentStuck) -> None:
    row.payment_stuck = True


def _review(row: Booking, event: ReviewsRevealed) -> None:
    row.guest_stars, row.guest_text = event.guest_stars, event.guest_text
    row.host_stars, row.host_text = event.host_stars, event.host_text


def amount_taken(event: PaymentAnswered) -> int:
    """From the guest; below 0: given back."""
    if event.outcome is not PaymentOutcome.DONE:
        return 0
    if event.operation is PaymentOperation.CAPTURE:
        return event.amount
    return 0 if event.operation is PaymentOperation.AUTHORIZE else -event.amount


CHANGES: Final[dict[type[Any], Callable[[Booking, Any], None]]] = {
    BookingRequested: _request,
    BookingConfirmed: _confirm,
    BookingReleased: _release,
    ChangeHeld: _hold_change,
    ChangeRequested: _request_change,
    ChangeReleased: _release_change,
    BookingModified: _modify,
    StayBegun: _begin,
    BookingCancelled: _cancel,
    StayCompleted: _complete,
    PaymentAnswered: _pay,
    PaymentStuck: _stick,
    ReviewsRevealed: _review,
}


def fold(tables: Tables, events: Events) -> None:
    rows = tables[BOOKINGS]
    for event, at_ms in events:
        if type(event) is NightsHeld:
            row = held(event, at_ms)
        else:
            row = rows[event.listing, event.booking]
            CHANGES[type(event)](row, event)
            row.changed_at_ms = at_ms
        rows.put(row)


GUEST_BOOKINGS = Projection(
    name="bookings",
    events=(NightsHeld, *CHANGES),
    tables=(BOOKINGS,),
    fold=fold,
    version=2,
    rows_of="partition",
)
