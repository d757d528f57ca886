"""What happened to the stays. Units as in `terms.py`.

A booking's nights are held, and nobody else's, from `nights_held.v1` on, until
`booking_released.v1` (it never came to be), `booking_cancelled.v1` (from `free_from` on) or
`stay_completed.v1` (they are past). While a change is under way, from `change_held.v1` to
`booking_modified.v1` or `change_released.v1`, the new nights are held as well as the old ones.

    nights_held ─► payment_requested ─► payment_answered ─┬─► booking_confirmed ─► stay_begun
         │                                                └─► booking_requested ─┘
         └─► booking_released                 ─► stay_completed ─► reviews_revealed
"""

from enum import Enum

from log.envelope import Event
from processors.booking.stays.pricing import night_price as night_price
from processors.booking.stays.pricing import price_stay as price_stay
from processors.booking.stays.stay_rules import Neighbour as Neighbour
from processors.booking.stays.stay_rules import StayFault as StayFault
from processors.booking.stays.stay_rules import fault_of_stay as fault_of_stay
from processors.booking.stays.terms import BookingMode as BookingMode
from processors.booking.stays.terms import BookingTerms as BookingTerms
from processors.booking.stays.terms import CancellationPolicy as CancellationPolicy
from processors.booking.stays.terms import LastMinuteDiscount as LastMinuteDiscount
from processors.booking.stays.terms import LengthDiscount as LengthDiscount
from processors.booking.stays.terms import NightRange as NightRange
from processors.booking.stays.terms import NightTerms as NightTerms
from processors.booking.stays.terms import Party as Party
from processors.booking.stays.terms import PaymentOperation as PaymentOperation
from processors.booking.stays.terms import PaymentOutcome as PaymentOutcome
from processors.booking.stays.terms import Place as Place
from processors.booking.stays.terms import PriceRules as PriceRules
from processors.booking.stays.terms import Quote as Quote
from processors.booking.stays.terms import RejectCode as RejectCode
from processors.booking.stays.terms import SearchTerms as SearchTerms
from processors.booking.stays.terms import Season as Season
from processors.booking.stays.terms import StayRules as StayRules


class ReleaseReason(Enum):
    EXPIRED = "expired"
    """The hold ran out before it was paid, or before the payment was authorized."""
    PAYMENT_DECLINED = "payment_declined"
    PAYMENT_FAILED = "payment_failed"
    """The payment provider gave no answer."""
    HOST_DECLINED = "host_declined"
    HOST_SILENT = "host_silent"
    WITHDRAWN = "withdrawn"
    """By the guest; of a change: also where the booking was cancelled."""


class CancelReason(Enum):
    GUEST = "guest"
    HOST = "host"
    PAYMENT = "payment"
    """The money that was authorized could not be taken at check-in."""


class ListingCreated(Event, tag="listing_created.v1", kw_only=True):
    """Open for bookings. Every night is open until it is blocked or held."""

    listing: str
    host: str
    place: Place
    capacity: int
    currency: str
    prices: PriceRules
    title: str = ""
    room_type: str = ""
    amenities: tuple[str, ...] = ()
    rules: StayRules = StayRules()
    terms: BookingTerms = BookingTerms()


class ListingChanged(Event, tag="listing_changed.v1", kw_only=True):
    """All that can change, as it is now."""

    listing: str
    place: Place
    capacity: int
    prices: PriceRules
    title: str = ""
    room_type: str = ""
    amenities: tuple[str, ...] = ()
    rules: StayRules = StayRules()
    terms: BookingTerms = BookingTerms()
    open: bool = True
    """Whether new bookings are taken."""


class NightsSet(Event, tag="nights_set.v1", kw_only=True):
    """These nights have these terms now, whatever they had; with nothing but zeros, none."""

    listing: str
    ranges: tuple[NightRange, ...]
    terms: NightTerms


class NightsBlocked(Event, tag="nights_blocked.v1", kw_only=True):
    """Some of these nights may have been blocked before; none is booked."""

    listing: str
    ranges: tuple[NightRange, ...]


class NightsUnblocked(Event, tag="nights_unblocked.v1", kw_only=True):
    """No night of these is blocked any more; some may not have been, and some may be booked."""

    listing: str
    ranges: tuple[NightRange, ...]


class NightsHeld(Event, tag="nights_held.v1", kw_only=True):
    """The nights `arrival` to `departure - 1` are the booking's."""

    listing: str
    booking: str
    guest: str
    host: str
    arrival: int
    departure: int
    guests: int
    quote: Quote
    currency: str
    terms: BookingTerms
    """The listing's, which the booking keeps."""
    expires_at_ms: int


class PaymentRequested(Event, tag="payment_requested.v1", kw_only=True):
    """The payment provider is to do this: the payment effect reads it."""

    listing: str
    booking: str
    payment: int
    """A number of the listing's own, which no other payment of it ever has."""
    step: int
    """1, 2, ... of this payment; the same again where what is retried may have been done."""
    operation: PaymentOperation
    amount: int
    """To authorize, capture, refund; of a reversal, what was authorized."""
    currency: str
    method: str


class PaymentAnswered(Event, tag="payment_answered.v1", kw_only=True):
    """What became of a step. Money moves with these alone: a capture that is done took `amount`
    from the guest, a refund that is done gave it back; a reversal that is done gave back
    `amount`, all that was taken, which may be 0."""

    listing: str
    booking: str
    payment: int
    step: int
    operation: PaymentOperation
    outcome: PaymentOutcome
    amount: int
    currency: str
    reason: str = ""


class PaymentStuck(Event, tag="payment_stuck.v1", kw_only=True):
    """Money could not be given back: somebody has to look, and send `retry_payment.v1`."""

    listing: str
    booking: str
    payment: int
    step: int
    operation: PaymentOperation
    amount: int
    currency: str


class BookingReleased(Event, tag="booking_released.v1", kw_only=True):
    """A hold or a request came to nothing: its nights are free. What is authorized, or still
    comes to be, is reversed."""

    listing: str
    booking: str
    guest: str
    arrival: int
    departure: int
    reason: ReleaseReason


class BookingRequested(Event, tag="booking_requested.v1", kw_only=True):
    """The payment is authorized, and the host is asked. The nights stay held."""

    listing: str
    booking: str
    respond_by_ms: int


class BookingConfirmed(Event, tag="booking_confirmed.v1", kw_only=True):
    listing: str
    booking: str
    guest: str
    host: str
    arrival: int
    departure: int
    guests: int
    total: int
    currency: str
    check_in_at_ms: int


class ChangeHeld(Event, tag="change_held.v1", kw_only=True):
    """The nights that the guest wants instead are held too, until the rest is paid and, where the
    listing takes requests, the host has accepted."""

    listing: str
    booking: str
    arrival: int
    departure: int
    guests: int
    quote: Quote
    expires_at_ms: int


class ChangeRequested(Event, tag="change_requested.v1", kw_only=True):
    """What there is to pay is authorized, and the host is asked."""

    listing: str
    booking: str
    respond_by_ms: int


class ChangeReleased(Event, tag="change_released.v1", kw_only=True):
    """The booking stays as it was; the nights `arrival` to `departure - 1` that are not its own
    are free."""

    listing: str
    booking: str
    arrival: int
    departure: int
    reason: ReleaseReason


class BookingModified(Event, tag="booking_modified.v1", kw_only=True):
    """The booking has these nights, and no longer the old ones that are not among them. With
    `was_held`, it is a hold still; else it is confirmed."""

    listing: str
    booking: str
    guest: str
    old_arrival: int
    old_departure: int
    arrival: int
    departure: int
    guests: int
    quote: Quote
    currency: str
    check_in_at_ms: int
    was_held: bool = False


class StayBegun(Event, tag="stay_begun.v1", kw_only=True):
    """It is check-in: what is authorized is captured."""

    listing: str
    booking: str


class BookingCancelled(Event, tag="booking_cancelled.v1", kw_only=True):
    """A confirmed booking ends. Its nights from `free_from` on are free; where that is after
    `arrival`, the guest stays until then, and `stay_completed.v1` follows in its time."""

    listing: str
    booking: str
    guest: str
    arrival: int
    departure: int
    """As they were."""
    free_from: int
    reason: CancelReason
    kept: int
    """Of the total, what the guest pays all the same; the rest is not taken, or is refunded."""
    refund: int
    """The rest."""
    currency: str


class StayCompleted(Event, tag="stay_completed.v1", kw_only=True):
    """It is check-out; reviews may be written."""

    listing: str
    booking: str
    departure: int
    review_by_ms: int


class ReviewWritten(Event, tag="review_written.v1", kw_only=True):
    """Not for anybody's eyes until it is revealed."""

    listing: str
    booking: str
    party: Party
    stars: int
    text: str = ""


class ReviewsRevealed(Event, tag="reviews_revealed.v1", kw_only=True):
    """Both are written, or the time is over. Stars of 0: none was written."""

    listing: str
    booking: str
    guest: str
    host: str
    guest_stars: int = 0
    """What the guest gives the listing."""
    guest_text: str = ""
    host_stars: int = 0
    """What the host gives the guest."""
    host_text: str = ""


class WishAdded(Event, tag="wish_added.v1", kw_only=True):
    listing: str
    guest: str


class WishRemoved(Event, tag="wish_removed.v1", kw_only=True):
    listing: str
    guest: str


class SearchSaved(Event, tag="search_saved.v1", kw_only=True):
    """On every partition, each for the listings that it holds; it may be one of that id before."""

    guest: str
    search: str
    terms: SearchTerms


class SearchRemoved(Event, tag="search_removed.v1", kw_only=True):
    guest: str
    search: str


class RequestRejected(Event, tag="request_rejected.v1", kw_only=True):
    """A command of a host, a guest or the operator changed nothing, and why."""

    listing: str = ""
    booking: str = ""
    code: RejectCode
    field: str
    """Of the command."""
    reason: str
    """A sentence for people."""


EVENTS = (
    ListingCreated,
    ListingChanged,
    NightsSet,
    NightsBlocked,
    NightsUnblocked,
    NightsHeld,
    PaymentRequested,
    PaymentAnswered,
    PaymentStuck,
    BookingReleased,
    BookingRequested,
    BookingConfirmed,
    ChangeHeld,
    ChangeRequested,
    ChangeReleased,
    BookingModified,
    StayBegun,
    BookingCancelled,
    StayCompleted,
    ReviewWritten,
    ReviewsRevealed,
    WishAdded,
    WishRemoved,
    SearchSaved,
    SearchRemoved,
    RequestRejected,
)

StaysEvent = Event
"""Any of `EVENTS`."""
