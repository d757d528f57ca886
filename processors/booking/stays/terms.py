"""The words that commands, events and state share: places, prices, rules, terms, payments.

Days and nights are days since 1970-01-01, in the listing's own time zone; night 20,000 is the one
from day 20,000 to day 20,001, so a stay from `arrival` to `departure` has the nights `arrival` to
`departure - 1`. Money is in minor units of the listing's currency. Rates are parts per million.
"""

from enum import Enum
from typing import Annotated

import msgspec
from msgspec import Meta

Day = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Term = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""What does not fit 64 bits, which is what databases hold, does not decode."""


class Place(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """Where a listing is. Latitude grows to the north, longitude to the east; WGS 84."""

    latitude_microdegrees: Term
    longitude_microdegrees: Term
    city: str = ""
    country: str = ""
    """ISO 3166-1 alpha-2: `US`."""


class NightRange(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """The nights from `first_night` up to, without, `end_night`."""

    first_night: Day
    end_night: Day


class Season(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """Nights from `first_night` up to, without, `end_night`, at `rate_ppm` of their price."""

    first_night: Day
    end_night: Day
    rate_ppm: Number


class LengthDiscount(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """A stay of so many nights or more is so much cheaper."""

    nights: Number
    discount_ppm: Number


class LastMinuteDiscount(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """A stay that begins in so many days or fewer is so much cheaper."""

    days: Number
    discount_ppm: Number


class PriceRules(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """What a night costs, and a stay.

    A night: the price that the host set for it (`set_nights`), else the weekday's price at the
    rate of its season. A stay: the sum of its nights, less the discount for its length, and from
    what is left the one for the last minute. Each product is rounded half up.
    """

    night_price: Number
    weekday_prices: tuple[Number, ...] = ()
    """Monday's first, seven of them, by the day on which the night begins; a price of 0 is
    `night_price`. Empty: `night_price` on every day."""
    seasons: tuple[Season, ...] = ()
    """In order of time; none begins before the one before it ends."""
    length_discounts: tuple[LengthDiscount, ...] = ()
    """By nights, ascending; the last one that the stay reaches counts."""
    last_minute_discounts: tuple[LastMinuteDiscount, ...] = ()
    """By days, ascending; the first one that the stay is within counts."""


class StayRules(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """Which stays are taken."""

    minimum_nights: Number = 1
    """`set_nights` may say otherwise for stays that begin on certain nights."""
    maximum_nights: Number = 365
    notice_days: Number = 0
    """So many days must lie between today and the arrival."""
    window_days: Number = 730
    """The departure is at most so many days from today."""
    arrival_weekdays: tuple[int, ...] = ()
    """0 is Monday; empty: any."""
    departure_weekdays: tuple[int, ...] = ()
    preparation_nights: Number = 0
    """Nights that stay free between two bookings."""
    gap_nights_min: Number = 0
    """A stay must not leave fewer free nights than that between itself and what is taken before
    or after it (beyond the preparation nights), unless it leaves none."""
    fills_gaps: bool = False
    """Whether a stay that fills a gap between two others to the night may be shorter than the
    minimum."""


class BookingMode(Enum):
    INSTANT = "instant"
    """Confirmed as soon as the payment is authorized."""
    REQUEST = "request"
    """Then the host accepts or declines."""


class CancellationPolicy(Enum):
    """What a guest who cancels gets back. Days are whole 24 hours before check-in."""

    FLEXIBLE = "flexible"
    """All until 1 day before check-in, then half; half of the nights left after check-in."""
    MODERATE = "moderate"
    """All until 5 days before, then half; half of the nights left after check-in."""
    FIRM = "firm"
    """All until 30 days before, half until 7 days before, then nothing."""
    STRICT = "strict"
    """All within 48 hours of booking, if check-in is 14 days off or more; else half until 7 days
    before, then nothing."""
    NON_REFUNDABLE = "non_refundable"
    """Nothing."""


class BookingTerms(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """How a stay is booked. A booking keeps the terms that it was made by."""

    mode: BookingMode = BookingMode.INSTANT
    cancellation: CancellationPolicy = CancellationPolicy.FLEXIBLE
    hold_ms: Number = 900_000
    """How long nights are held for a payment."""
    response_ms: Number = 86_400_000
    """How long the host may take to answer a request."""
    utc_offset_minutes: Term = 0
    """How far the listing's clock is ahead of UTC: what `today` and the times below go by."""
    check_in_minute: Number = 900
    """Minutes since midnight: 15:00."""
    check_out_minute: Number = 660
    """11:00."""


class NightTerms(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """What the host set for certain nights, in place of the rules. 0: as the rules say."""

    price: Number = 0
    minimum_nights: Number = 0
    """Of stays that begin on this night."""
    maximum_nights: Number = 0


class SearchTerms(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """What a guest looks for: a stay in a box on the map. 0 or empty: any."""

    south_microdegrees: Term
    west_microdegrees: Term
    north_microdegrees: Term
    east_microdegrees: Term
    arrival: Day = 0
    departure: Day = 0
    guests: Number = 0
    currency: str = ""
    total_max: Number = 0
    """Of the stay, in minor units of `currency`."""
    amenities: tuple[str, ...] = ()
    """All of them."""


class Quote(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """What a stay costs: `sum(night_prices) - length_discount - last_minute_discount`, and at
    least 1."""

    night_prices: tuple[int, ...]
    length_discount: int = 0
    last_minute_discount: int = 0
    total: int


class RejectCode(Enum):
    INVALID_VALUE = "invalid_value"
    UNKNOWN_LISTING = "unknown_listing"
    LISTING_EXISTS = "listing_exists"
    LISTING_CLOSED = "listing_closed"
    NOT_YOURS = "not_yours"
    UNKNOWN_BOOKING = "unknown_booking"
    DUPLICATE_BOOKING = "duplicate_booking"
    UNKNOWN_PAYMENT = "unknown_payment"
    UNKNOWN_SEARCH = "unknown_search"
    TOO_MANY_SEARCHES = "too_many_searches"
    WRONG_STAGE = "wrong_stage"
    """Not at this point of the booking's life."""
    NIGHTS_TAKEN = "nights_taken"
    """By another booking, or by a block of the host's."""
    PREPARATION = "preparation"
    """Too near to another booking for the host to prepare."""
    LEAVES_GAP = "leaves_gap"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TOO_SOON = "too_soon"
    TOO_FAR = "too_far"
    ARRIVAL_WEEKDAY = "arrival_weekday"
    DEPARTURE_WEEKDAY = "departure_weekday"
    TOO_MANY_GUESTS = "too_many_guests"
    OWN_LISTING = "own_listing"
    PRICE_CHANGED = "price_changed"
    """The stay costs more than the guest has seen."""
    METHOD_NEEDED = "method_needed"
    """There is something to pay, and no means of payment."""
    ALREADY_REVIEWED = "already_reviewed"


class Party(Enum):
    GUEST = "guest"
    HOST = "host"


class PaymentOperation(Enum):
    AUTHORIZE = "authorize"
    """Set the amount aside on the guest's means of payment."""
    CAPTURE = "capture"
    """Take the amount, and let go of the rest of what is set aside."""
    REFUND = "refund"
    """Give an amount back of what was taken."""
    REVERSE = "reverse"
    """Undo all there is: what is set aside is let go, what was taken is given back; and nothing
    can be authorized for this payment any more. Also where nobody knows how far it came."""


class PaymentOutcome(Enum):
    DONE = "done"
    DECLINED = "declined"
    """It was not done, for certain."""
    FAILED = "failed"
    """Nobody knows: there was no answer, however often it was tried."""
