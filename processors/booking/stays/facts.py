"""What each event does to the state. Facts are never rejected."""

from collections.abc import Callable
from typing import Any, Final

from processors.booking.stays.events import (
    BookingCancelled,
    BookingConfirmed,
    BookingModified,
    BookingReleased,
    BookingRequested,
    ChangeHeld,
    ChangeReleased,
    ChangeRequested,
    ListingChanged,
    ListingCreated,
    NightsBlocked,
    NightsHeld,
    NightsSet,
    NightsUnblocked,
    PaymentAnswered,
    PaymentRequested,
    ReviewsRevealed,
    ReviewWritten,
    SearchRemoved,
    SearchSaved,
    StayBegun,
    StayCompleted,
    WishAdded,
    WishRemoved,
)
from processors.booking.stays.payments import Payment, apply_answer, apply_request, spread
from processors.booking.stays.state import (
    BLOCK,
    Booking,
    Change,
    Listing,
    Stage,
    Stays,
    check_in_of,
    check_out_of,
)
from processors.booking.stays.terms import NightTerms, Party

NO_TERMS: Final = NightTerms()


def listing_created(state: Stays, event: ListingCreated) -> None:
    listing = Listing(event.listing, event.host, event.currency)
    state.listings[event.listing] = listing
    _describe(listing, event)


def listing_changed(state: Stays, event: ListingChanged) -> None:
    listing = state.listings[event.listing]
    _describe(listing, event)
    listing.open = event.open


def _describe(listing: Listing, event: ListingCreated | ListingChanged) -> None:
    listing.place = event.place
    listing.capacity = event.capacity
    listing.prices = event.prices
    listing.title = event.title
    listing.room_type = event.room_type
    listing.amenities = tuple(event.amenities)
    listing.rules = event.rules
    listing.terms = event.terms


def nights_set(state: Stays, event: NightsSet) -> None:
    spans = state.listings[event.listing].set_nights
    for each in event.ranges:
        if event.terms == NO_TERMS:
            spans.clear(each.first_night, each.end_night)
        else:
            spans.set(each.first_night, each.end_night, event.terms)


def nights_blocked(state: Stays, event: NightsBlocked) -> None:
    nights = state.listings[event.listing].nights
    for each in event.ranges:
        nights.set(each.first_night, each.end_night, BLOCK)


def nights_unblocked(state: Stays, event: NightsUnblocked) -> None:
    nights = state.listings[event.listing].nights
    for each in event.ranges:
        for first, end, holder in nights.within(each.first_night, each.end_night):
            if holder == BLOCK:
                nights.clear(first, end)


def nights_held(state: Stays, event: NightsHeld) -> None:
    booking = Booking(
        listing=event.listing,
        booking=event.booking,
        guest=event.guest,
        arrival=event.arrival,
        departure=event.departure,
        guests=event.guests,
        quote=event.quote,
        terms=event.terms,
        booked_at_ms=event.expires_at_ms - event.terms.hold_ms,
        owed=event.quote.total,
        due_ms=0,
    )
    listing = state.listings[event.listing]
    listing.bookings[event.booking] = booking
    listing.nights.set(event.arrival, event.departure, event.booking)
    state.set_timer(booking, event.expires_at_ms)


def payment_requested(state: Stays, event: PaymentRequested) -> None:
    listing = state.listings[event.listing]
    booking = listing.bookings[event.booking]
    payment = booking.payment(event.payment)
    if payment is None:
        payment = Payment(event.payment, event.method, event.amount)
        booking.payments.append(payment)
        listing.payments_made = event.payment
        if booking.stage is Stage.HELD:
            booking.stage = Stage.AUTHORIZING
        elif booking.change is not None:
            booking.change.payment = event.payment
    apply_request(payment, event)


def payment_answered(state: Stays, event: PaymentAnswered) -> None:
    booking = state.listings[event.listing].bookings[event.booking]
    payment = booking.payment(event.payment)
    assert payment is not None, "a payment that is answered was asked for"
    apply_answer(payment, event)
    if payment.over:
        booking.payments.remove(payment)
    state.forget_if_settled(booking)


def booking_released(state: Stays, event: BookingReleased) -> None:
    listing = state.listings[event.listing]
    booking = listing.bookings[event.booking]
    listing.nights.clear(event.arrival, event.departure)
    booking.stage = Stage.OVER
    spread(booking.payments, 0)
    state.set_timer(booking, 0)
    state.forget_if_settled(booking)


def booking_requested(state: Stays, event: BookingRequested) -> None:
    booking = state.listings[event.listing].bookings[event.booking]
    booking.stage = Stage.REQUESTED
    state.set_timer(booking, event.respond_by_ms)


def booking_confirmed(state: Stays, event: BookingConfirmed) -> None:
    booking = state.listings[event.listing].bookings[event.booking]
    booking.stage = Stage.CONFIRMED
    state.set_timer(booking, event.check_in_at_ms)


def change_held(state: Stays, event: ChangeHeld) -> None:
    listing = state.listings[event.listing]
    booking = listing.bookings[event.booking]
    booking.change = Change(event.arrival, event.departure, event.guests, event.quote)
    listing.nights.set(event.arrival, event.departure, event.booking)
    state.set_timer(booking, event.expires_at_ms)


def change_requested(state: Stays, event: ChangeRequested) -> None:
    booking = state.listings[event.listing].bookings[event.booking]
    assert booking.change is not None, "a change that is requested is held"
    booking.change.requested = True
    state.set_timer(booking, event.respond_by_ms)


def change_released(state: Stays, event: ChangeReleased) -> None:
    listing = state.listings[event.listing]
    booking = listing.bookings[event.booking]
    assert booking.change is not None, "a change that is released is held"
    payment = booking.payment(booking.change.payment)
    if payment is not None:
        payment.target = 0
    booking.change = None
    listing.nights.clear(event.arrival, event.departure)
    listing.nights.set(booking.arrival, booking.departure, booking.booking)
    state.set_timer(booking, check_in_of(booking.terms, booking.arrival))


def booking_modified(state: Stays, event: BookingModified) -> None:
    listing = state.listings[event.listing]
    booking = listing.bookings[event.booking]
    listing.nights.clear(event.old_arrival, event.old_departure)
    listing.nights.set(event.arrival, event.departure, event.booking)
    booking.arrival, booking.departure = event.arrival, event.departure
    booking.guests = event.guests
    booking.quote = event.quote
    booking.owed = event.quote.total
    booking.change = None
    if not event.was_held:
        state.set_timer(booking, event.check_in_at_ms)


def stay_begun(state: Stays, event: StayBegun) -> None:
    booking = state.listings[event.listing].bookings[event.booking]
    booking.stage = Stage.STAYING
    spread(booking.payments, booking.owed)
    state.set_timer(booking, check_out_of(booking.terms, booking.departure))


def booking_cancelled(state: Stays, event: BookingCancelled) -> None:
    listing = state.listings[event.listing]
    booking = listing.bookings[event.booking]
    listing.nights.clear(event.free_from, event.departure)
    booking.owed = event.kept
    spread(booking.payments, event.kept)
    if event.free_from > event.arrival:
        booking.departure = event.free_from
        state.set_timer(booking, check_out_of(booking.terms, booking.departure))
    else:
        booking.stage = Stage.OVER
        state.set_timer(booking, 0)
        state.forget_if_settled(booking)


def stay_completed(state: Stays, event: StayCompleted) -> None:
    listing = state.listings[event.listing]
    booking = listing.bookings[event.booking]
    listing.nights.clear(booking.arrival, event.departure)
    listing.nights.drop_past(event.departure, BLOCK)
    listing.set_nights.drop_past(event.departure)
    listing.past_until = max(listing.past_until, event.departure)
    booking.stage = Stage.COMPLETED
    state.set_timer(booking, event.review_by_ms)


def review_written(state: Stays, event: ReviewWritten) -> None:
    booking = state.listings[event.listing].bookings[event.booking]
    if event.party is Party.GUEST:
        booking.guest_stars, booking.guest_text = event.stars, event.text
    else:
        booking.host_stars, booking.host_text = event.stars, event.text


def reviews_revealed(state: Stays, event: ReviewsRevealed) -> None:
    booking = state.listings[event.listing].bookings[event.booking]
    booking.stage = Stage.OVER
    state.set_timer(booking, 0)
    state.forget_if_settled(booking)


def wish_added(state: Stays, event: WishAdded) -> None:
    state.listings[event.listing].wishes[event.guest] = None


def wish_removed(state: Stays, event: WishRemoved) -> None:
    del state.listings[event.listing].wishes[event.guest]


def search_saved(state: Stays, event: SearchSaved) -> None:
    state.searches.setdefault(event.guest, {})[event.search] = None


def search_removed(state: Stays, event: SearchRemoved) -> None:
    saved = state.searches[event.guest]
    del saved[event.search]
    if not saved:
        del state.searches[event.guest]


FACTS: Final[dict[type[Any], Callable[[Stays, Any], None]]] = {
    ListingCreated: listing_created,
    ListingChanged: listing_changed,
    NightsSet: nights_set,
    NightsBlocked: nights_blocked,
    NightsUnblocked: nights_unblocked,
    NightsHeld: nights_held,
    PaymentRequested: payment_requested,
    PaymentAnswered: payment_answered,
    BookingReleased: booking_released,
    BookingRequested: booking_requested,
    BookingConfirmed: booking_confirmed,
    ChangeHeld: change_held,
    ChangeRequested: change_requested,
    ChangeReleased: change_released,
    BookingModified: booking_modified,
    StayBegun: stay_begun,
    BookingCancelled: booking_cancelled,
    StayCompleted: stay_completed,
    ReviewWritten: review_written,
    ReviewsRevealed: reviews_revealed,
    WishAdded: wish_added,
    WishRemoved: wish_removed,
    SearchSaved: search_saved,
    SearchRemoved: search_removed,
}
"""`payment_stuck` and `request_rejected` say nothing that the state does not know."""
