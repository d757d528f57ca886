"""The hold of a range of nights: whether it may be, and what it costs. A change of a booking goes
the same way."""

from collections.abc import Sequence

from log.envelope import Event
from processors.booking.stays.commands import HoldNights, ModifyBooking
from processors.booking.stays.events import NightsHeld, RequestRejected
from processors.booking.stays.listing_checks import NIGHTS_MAX, fault_of_name, invalid
from processors.booking.stays.pricing import NO_PRICES, price_stay
from processors.booking.stays.rejecting import Turned, listing_of, turn_down_if
from processors.booking.stays.state import BLOCK, Booking, Listing, Stays, day_of
from processors.booking.stays.stay_rules import fault_of_stay
from processors.booking.stays.terms import Quote, RejectCode


def hold_nights(state: Stays, command: HoldNights, at: int) -> Sequence[Event]:
    """All the nights or none."""
    listing = listing_of(state, command)
    name = command.booking
    if name in listing.bookings or name in listing.over:
        reason = f"{listing.listing} has a booking {name!r} already"
        raise Turned(RejectCode.DUPLICATE_BOOKING, "booking", reason)
    check_length(command)
    taken = listing.nights.taken_within(command.arrival, command.departure)
    if taken is not None:  # most attempts end here, so this is the short way
        return (_nights_taken(command, *taken),)
    quote = quote_stay(listing, command, at)
    if not listing.open:
        reason = f"{listing.listing} takes no bookings now"
        raise Turned(RejectCode.LISTING_CLOSED, "listing", reason)
    if command.guest == listing.host:
        raise Turned(RejectCode.OWN_LISTING, "guest", "hosts block nights, they do not book them")
    turn_down_if(fault_of_name("booking", name))
    turn_down_if(fault_of_name("guest", command.guest))
    return (
        NightsHeld(
            listing=listing.listing,
            booking=name,
            guest=command.guest,
            host=listing.host,
            arrival=command.arrival,
            departure=command.departure,
            guests=command.guests,
            quote=quote,
            currency=listing.currency,
            terms=listing.terms,
            expires_at_ms=at + listing.terms.hold_ms,
        ),
    )


def check_length(command: HoldNights | ModifyBooking) -> None:
    if not 0 < command.departure - command.arrival <= NIGHTS_MAX:
        raise Turned(*invalid("departure", f"a stay has 1 to {NIGHTS_MAX:,} nights"))


def check_free_for(listing: Listing, command: ModifyBooking) -> None:
    """Nobody but the booking itself has the nights. Errors: Turned."""
    arrival, departure = command.arrival, command.departure
    stranger = listing.nights.stranger_within(arrival, departure, command.booking)
    if stranger is not None:
        raise Turned(RejectCode.NIGHTS_TAKEN, "arrival", _whose(*stranger))


def quote_stay(
    listing: Listing, command: HoldNights | ModifyBooking, at: int, booking: Booking | None = None
) -> Quote:
    """What the nights, which are free, cost, if they may be had: by a new booking, or by one that
    has others. Errors: Turned."""
    arrival, departure = command.arrival, command.departure
    own = None if booking is None else booking.booking
    _check_guests(listing, command.guests)
    today = day_of(listing.terms, at)
    set_prices = NO_PRICES
    minimum_nights = maximum_nights = 0
    if listing.set_nights.starts:
        nights = listing.set_nights.within(arrival, departure)
        set_prices = {
            night: terms.price
            for first, end, terms in nights
            for night in range(first, end)
            if terms.price
        }
        if nights and nights[0][0] == arrival:
            minimum_nights = nights[0][2].minimum_nights
            maximum_nights = nights[0][2].maximum_nights
    keeps_arrival = booking is not None and booking.arrival == arrival
    if arrival < listing.past_until and not keeps_arrival:
        raise Turned(RejectCode.TOO_SOON, "arrival", f"day {arrival} is past")
    rules, before, after = listing.rules, None, None
    if rules.gap_nights_min or rules.preparation_nights or rules.fills_gaps:
        before = listing.neighbour_before(arrival, today, own)
        after = listing.neighbour_after(departure, own)
    fault = fault_of_stay(
        rules,
        arrival,
        departure,
        today,
        before=before,
        after=after,
        minimum_nights=minimum_nights,
        maximum_nights=maximum_nights,
        keeps_arrival=keeps_arrival,
    )
    turn_down_if(fault)
    quote = price_stay(listing.prices, arrival, departure, today, set_prices)
    if command.total_max and quote.total > command.total_max:
        reason = f"the stay costs {quote.total}, more than {command.total_max}"
        raise Turned(RejectCode.PRICE_CHANGED, "total_max", reason)
    return quote


def _nights_taken(command: HoldNights, first: int, end: int, holder: str) -> RequestRejected:
    return RequestRejected(
        listing=command.listing,
        booking=command.booking,
        code=RejectCode.NIGHTS_TAKEN,
        field="arrival",
        reason=_whose(first, end, holder),
    )


def _whose(first: int, end: int, holder: str) -> str:
    whose = "blocked by the host" if holder == BLOCK else "taken"
    return f"nights {first} to {end - 1} are {whose}"


def _check_guests(listing: Listing, guests: int) -> None:
    if not 1 <= guests <= listing.capacity:
        reason = f"{guests} guests; {listing.listing} takes 1 to {listing.capacity}"
        raise Turned(RejectCode.TOO_MANY_GUESTS, "guests", reason)
