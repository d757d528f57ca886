"""The stays on one partition: listings with their calendars and bookings, and the timers.

A booking has one timer at a time, `due_ms`: of its hold, the host's answer, its change, check-in,
check-out, or its reviews. All stand in one heap; those that were overtaken leave it when they come
up, or when they are more than those that stand.
"""

from enum import Enum
from heapq import heapify, heappop, heappush
from typing import Final

import msgspec

from processors.booking.stays.cancellation import DAY_MS
from processors.booking.stays.payments import Payment, is_settled
from processors.booking.stays.spans import Spans
from processors.booking.stays.stay_rules import Neighbour
from processors.booking.stays.terms import (
    BookingTerms,
    NightTerms,
    Place,
    PriceRules,
    Quote,
    StayRules,
)

MINUTE_MS: Final = 60_000
REVIEW_MS: Final = 14 * DAY_MS
"""How long after check-out reviews are taken."""
BLOCK: Final = ""
"""Holds the nights that the host took off the calendar; no booking has this id."""
OVER_KEPT: Final = 1_000
"""So many ids of bookings that are over a listing remembers, and takes none of them again."""
TIMERS_KEPT: Final = 1_000
"""So many overtaken timers are no reason to clean up."""


class Stage(Enum):
    HELD = "held"
    AUTHORIZING = "authorizing"
    """A hold still, which runs out while the provider is asked."""
    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    STAYING = "staying"
    COMPLETED = "completed"
    """Reviews may be written."""
    OVER = "over"
    """It holds nothing; there is money to be given back, or an answer to come."""


class Change(msgspec.Struct, omit_defaults=True):
    """What a booking is to become: it holds these nights beside its own."""

    arrival: int
    departure: int
    guests: int
    quote: Quote
    payment: int = 0
    """The payment that it waits for; 0: none."""
    requested: bool = False
    """It waits for the host."""


class Booking(msgspec.Struct, omit_defaults=True, tag="booking"):
    listing: str
    booking: str
    guest: str
    arrival: int
    departure: int
    guests: int
    quote: Quote
    terms: BookingTerms
    booked_at_ms: int
    owed: int
    """The total, or what a cancellation left of it."""
    due_ms: int
    """When its timer fires; 0: never."""
    stage: Stage = Stage.HELD
    payments: list[Payment] = []
    """The oldest first; those that are over are not among them."""
    change: Change | None = None
    guest_stars: int = 0
    """0: no review yet."""
    guest_text: str = ""
    host_stars: int = 0
    host_text: str = ""

    def payment(self, number: int) -> Payment | None:
        for payment in self.payments:
            if payment.number == number:
                return payment
        return None

    def held(self) -> tuple[tuple[int, int], ...]:
        """The nights that it holds, as (first, end); those of its change may be among its own."""
        if self.stage in (Stage.COMPLETED, Stage.OVER):
            return ()
        own = self.arrival, self.departure
        return (
            (own,) if self.change is None else (own, (self.change.arrival, self.change.departure))
        )


class Listing:
    __slots__ = (
        "amenities",
        "bookings",
        "capacity",
        "currency",
        "host",
        "listing",
        "nights",
        "open",
        "over",
        "past_until",
        "payments_made",
        "place",
        "prices",
        "room_type",
        "rules",
        "set_nights",
        "terms",
        "title",
        "wishes",
    )

    listing: str
    host: str
    currency: str
    place: Place
    capacity: int
    prices: PriceRules
    title: str
    room_type: str
    amenities: tuple[str, ...]
    rules: StayRules
    terms: BookingTerms
    open: bool
    payments_made: int
    """The last payment's number."""
    past_until: int
    """Nights before this day were stayed, or are past: nobody can have them any more, whatever
    becomes of the listing's clock."""
    nights: Spans[str]
    """Who holds each night: a booking, or BLOCK."""
    set_nights: Spans[NightTerms]
    bookings: dict[str, Booking]
    """Those that are not over, or have money to settle."""
    over: dict[str, None]
    """Ids of the last bookings that are over, the oldest first."""
    wishes: dict[str, None]
    """Guests who keep it on their wish list."""

    def __init__(self, listing: str, host: str, currency: str) -> None:
        self.listing = listing
        self.host = host
        self.currency = currency
        self.open = True
        self.payments_made = 0
        self.past_until = 0
        self.nights = Spans()
        self.set_nights = Spans()
        self.bookings = {}
        self.over = {}
        self.wishes = {}

    def neighbour_before(
        self, arrival: int, today: int, own: str | None = None
    ) -> Neighbour | None:
        """What is taken before a stay; None: nothing that is not past."""
        found = self.nights.before(arrival, own)
        if found is None or found[0] < today:
            return None
        return Neighbour(found[0], found[1] != BLOCK)

    def neighbour_after(self, departure: int, own: str | None = None) -> Neighbour | None:
        found = self.nights.after(departure, own)
        return None if found is None else Neighbour(found[0], found[1] != BLOCK)


class Stays:
    """Timers stand in one heap, as (when, listing, booking)."""

    __slots__ = ("listings", "searches", "timed", "timer_due", "timers")

    listings: dict[str, Listing]
    searches: dict[str, dict[str, None]]
    """The ids of each guest's saved searches."""
    timers: list[tuple[int, str, str]]
    timed: int
    """How many bookings have a timer."""
    timer_due: int | None
    """When the first timer fires; None where there is none."""

    def __init__(self) -> None:
        self.listings = {}
        self.searches = {}
        self.timers = []
        self.timed = 0
        self.timer_due = None

    def booking(self, listing: str, booking: str) -> Booking | None:
        found = self.listings.get(listing)
        return None if found is None else found.bookings.get(booking)

    def set_timer(self, booking: Booking, due_ms: int) -> None:
        """The booking's timer fires then; at 0 it has none."""
        was_ms, booking.due_ms = booking.due_ms, due_ms
        self.timed += (due_ms != 0) - (was_ms != 0)
        if due_ms:
            heappush(self.timers, (due_ms, booking.listing, booking.booking))
        if was_ms == 0:  # a timer more overtakes none
            self.timer_due = self.timers[0][0] if self.timers else None
            return
        if len(self.timers) > TIMERS_KEPT + 2 * self.timed:
            self.timers = [
                (kept.due_ms, kept.listing, kept.booking)
                for listing in self.listings.values()
                for kept in listing.bookings.values()
                if kept.due_ms
            ]
            heapify(self.timers)
        self.drop_overtaken_timers()

    def drop_overtaken_timers(self) -> None:
        timers = self.timers
        while timers and not self._stands(timers[0]):
            heappop(timers)
        self.timer_due = timers[0][0] if timers else None

    def _stands(self, timer: tuple[int, str, str]) -> bool:
        when, listing, booking = timer
        found = self.booking(listing, booking)
        return found is not None and found.due_ms == when

    def forget_if_settled(self, booking: Booking) -> None:
        """A booking that is over is kept no longer than its payments need."""
        if booking.stage is not Stage.OVER:
            return
        for payment in booking.payments:
            if not is_settled(payment):
                return
        listing = self.listings[booking.listing]
        del listing.bookings[booking.booking]
        listing.over[booking.booking] = None
        if len(listing.over) > OVER_KEPT:
            del listing.over[next(iter(listing.over))]


def day_of(terms: BookingTerms, at: int) -> int:
    """The day that it is at the listing."""
    return (at + terms.utc_offset_minutes * MINUTE_MS) // DAY_MS


def time_on(terms: BookingTerms, day: int, minute: int) -> int:
    """A minute of a day by the listing's clock, as milliseconds since 1970."""
    return day * DAY_MS + (minute - terms.utc_offset_minutes) * MINUTE_MS


def check_in_of(terms: BookingTerms, arrival: int) -> int:
    return time_on(terms, arrival, terms.check_in_minute)


def check_out_of(terms: BookingTerms, departure: int) -> int:
    return time_on(terms, departure, terms.check_out_minute)
