"""What holds of every state of the stays between two commands. For tests: walks everything, and
builds afresh what the state keeps up to date."""

from processors.booking.stays.payments import Payment, is_settled, next_step
from processors.booking.stays.spans import Spans
from processors.booking.stays.state import BLOCK, OVER_KEPT, Booking, Listing, Stage, Stays
from processors.booking.stays.terms import NightTerms

PAID = (Stage.REQUESTED, Stage.CONFIRMED)


def check(state: Stays) -> None:
    """AssertionError, with the listing, where the state is impossible."""
    timed = 0
    for name, listing in state.listings.items():
        assert listing.listing == name, f"{name}: the listing is {listing.listing}"
        _check_nights(listing)
        _check_sorted(name, listing.nights)
        _check_sorted(name, listing.set_nights)
        assert len(listing.over) <= OVER_KEPT, f"{name} remembers too much"
        both = listing.over.keys() & listing.bookings.keys()
        assert not both, f"{name}: over, and not over: {sorted(both)}"
        numbers: list[int] = []
        for number, booking in listing.bookings.items():
            assert (booking.listing, booking.booking) == (name, number), f"{name}: {number}"
            _check_booking(f"{name} {number}", booking)
            numbers += [payment.number for payment in booking.payments]
            timed += booking.due_ms != 0
        assert len(set(numbers)) == len(numbers), f"{name}: a payment of two bookings"
        assert max(numbers, default=0) <= listing.payments_made, f"{name}: an unknown payment"
    _check_timers(state, timed)
    assert all(state.searches.values()), "a guest without searches"


def _check_nights(listing: Listing) -> None:
    """At most one holder a night: each booking holds its nights, and nobody else any."""
    held: dict[int, str] = {}
    for booking in listing.bookings.values():
        for first, end in booking.held():
            for night in range(first, end):
                holder = held.setdefault(night, booking.booking)
                assert holder == booking.booking, (
                    f"{listing.listing}, night {night}: {holder} and {booking.booking}"
                )
    for first, end, holder in listing.nights:
        if holder == BLOCK:
            taken = [night for night in held if first <= night < end]
            assert not taken, f"{listing.listing}: blocked, and booked: {taken}"
        else:
            for night in range(first, end):
                assert held.pop(night, None) == holder, f"{listing.listing}, night {night}"
    assert not held, f"{listing.listing}: booked, and not on the calendar: {held}"


def _check_sorted(name: str, spans: Spans[str] | Spans[NightTerms]) -> None:
    last = None
    for first, end, _value in spans:
        assert first < end, f"{name}: an empty span at {first}"
        assert last is None or last <= first, f"{name}: spans overlap at {first}"
        last = end


def _check_booking(where: str, booking: Booking) -> None:
    stage = booking.stage
    assert booking.arrival < booking.departure, f"{where}: no nights"
    assert booking.quote.total >= booking.owed >= 0, f"{where}: owes {booking.owed}"
    assert (booking.due_ms == 0) == (stage is Stage.OVER), f"{where}: {stage} and no timer"
    assert booking.change is None or stage is Stage.CONFIRMED, f"{where}: {stage}, changing"
    if stage is Stage.OVER:
        settled = all(is_settled(payment) for payment in booking.payments)
        assert not settled, f"{where} is over and settled, and is kept"
    if stage is Stage.HELD:
        assert not booking.payments, f"{where} is held, and paid"
    if stage in PAID:
        live = [each for each in booking.payments if each.target is None]
        pledged = sum(payment.amount for payment in live if payment.authorized)
        assert pledged >= booking.owed, f"{where}: {pledged} of {booking.owed} is authorized"
    for payment in booking.payments:
        _check_payment(f"{where} payment {payment.number}", payment)


def _check_payment(where: str, payment: Payment) -> None:
    assert 0 <= payment.captured <= payment.amount, f"{where}: captured {payment.captured}"
    assert payment.step > 0, f"{where}: never asked for"
    assert not payment.over, f"{where} is over, and kept"
    assert next_step(payment) is None, f"{where}: {next_step(payment)} was not asked for"


def _check_timers(state: Stays, timed: int) -> None:
    assert state.timed == timed, f"{state.timed} timers counted, {timed} there"
    listings = state.listings.values()
    due = [each.due_ms for listing in listings for each in listing.bookings.values()]
    first = min((when for when in due if when), default=None)
    assert state.timer_due == first, f"the first timer is {first}, not {state.timer_due}"
    standing = {timer for timer in state.timers if state._stands(timer)}
    assert len(standing) == timed, "a timer is missing"
