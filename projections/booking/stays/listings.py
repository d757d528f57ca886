"""The listings as a search reads them: one row each, with all that decides whether a stay may be
and what it costs, so that a candidate is judged without a second look-up.
"""

from functools import lru_cache
from typing import Final

import msgspec

from processors.booking.stays.events import (
    BookingTerms,
    ListingChanged,
    ListingCreated,
    PriceRules,
    ReviewsRevealed,
    StayRules,
)
from projections.booking.stays.days import DAY_MS
from projections.core.projection import Table

PRIOR_REVIEWS: Final = 5
PRIOR_MILLISTARS: Final = 4_000
WISHES_RANKED_MAX: Final = 200
KEPT_DECODED: Final = 65_536
MINUTE_MS: Final = 60_000


class Listing(msgspec.Struct, gc=False):
    listing: str
    host: str
    currency: str
    title: str = ""
    city: str = ""
    country: str = ""
    room_type: str = ""
    latitude_microdegrees: int = 0
    longitude_microdegrees: int = 0
    capacity: int = 0
    amenities: str = ""
    """A line each, sorted, with a line break before the first and after the last."""
    is_open: bool = True
    mode: str = ""
    """`instant` or `request`."""
    night_price: int = 0
    """Of a night without a price of its own, weekday or season, in minor units."""
    prices: bytes = b""
    """The price rules as MessagePack; empty where they are `night_price` and no more."""
    rules: bytes = b""
    """The stay rules as MessagePack; empty where they are the default."""
    terms: bytes = b""
    """The booking terms as MessagePack; empty where they are the default."""
    utc_offset_minutes: int = 0
    set_nights: bytes = b""
    """See `set_nights.py`."""
    first_night: int = 0
    taken: bytes = b""
    booked: bytes = b""
    """See `nights.py`."""
    past_until: int = 0
    """What was stayed before this day is nobody's neighbour."""
    reviews: int = 0
    stars: int = 0
    """Of all reviews together."""
    wishes: int = 0
    """On how many wish lists it is."""
    rank: int = 0
    """See `rank_of`."""


BY_HOST: Final = ("host", "listing")
LISTINGS = Table(
    "listings",
    Listing,
    key=("listing",),
    indexes=(BY_HOST,),
    spatial=("latitude_microdegrees", "longitude_microdegrees"),
)
_encode = msgspec.msgpack.Encoder().encode
_NO_RULES: Final = StayRules()
_NO_TERMS: Final = BookingTerms()
_decode_rules = msgspec.msgpack.Decoder(StayRules).decode
_decode_terms = msgspec.msgpack.Decoder(BookingTerms).decode
_decode_prices = msgspec.msgpack.Decoder(PriceRules).decode


def rank_of(row: Listing) -> int:
    """The mean of the stars in thousandths, as if five reviews of four stars had come before, and
    one more for each wish list that it is on, up to 200. So one good review does not outrank many,
    and all of it is integers."""
    stars = row.stars * 1_000 + PRIOR_REVIEWS * PRIOR_MILLISTARS
    return stars // (row.reviews + PRIOR_REVIEWS) + min(row.wishes, WISHES_RANKED_MAX)


@lru_cache(KEPT_DECODED)
def rules_of(column: bytes) -> StayRules:
    return _decode_rules(column) if column else _NO_RULES


def terms_of(row: Listing) -> BookingTerms:
    return _decode_terms(row.terms) if row.terms else _NO_TERMS


def prices_of(row: Listing) -> PriceRules:
    if not row.prices:
        return PriceRules(night_price=row.night_price)
    return _decode_prices(row.prices)


def line_of(amenity: str) -> str:
    """How `Listing.amenities` holds one: `line_of(amenity) in row.amenities` looks for it."""
    return f"\n{' '.join(amenity.split())}\n"


def amenities_of(row: Listing) -> list[str]:
    return row.amenities.split("\n")[1:-1]


def today_at(row: Listing, at_ms: int) -> int:
    """The day that it is where the listing is."""
    return (at_ms + row.utc_offset_minutes * MINUTE_MS) // DAY_MS


def created(event: ListingCreated) -> Listing:
    row = Listing(event.listing, event.host, event.currency)
    _describe(row, event)
    row.rank = rank_of(row)
    return row


def change(row: Listing, event: ListingChanged) -> None:
    _describe(row, event)
    row.is_open = event.open


def review(row: Listing, event: ReviewsRevealed) -> None:
    if event.guest_stars:
        row.reviews += 1
        row.stars += event.guest_stars
        row.rank = rank_of(row)


def _describe(row: Listing, event: ListingCreated | ListingChanged) -> None:
    place, prices, terms = event.place, event.prices, event.terms
    row.title, row.room_type, row.capacity = event.title, event.room_type, event.capacity
    row.city, row.country = place.city, place.country
    row.latitude_microdegrees = place.latitude_microdegrees
    row.longitude_microdegrees = place.longitude_microdegrees
    names = sorted({line_of(amenity).strip("\n") for amenity in event.amenities})
    row.amenities = "\n".join(("", *names, "")) if names else ""
    row.mode, row.utc_offset_minutes = terms.mode.value, terms.utc_offset_minutes
    row.night_price = prices.night_price
    is_plain = prices == PriceRules(night_price=prices.night_price)
    row.prices = b"" if is_plain else _encode(prices)
    row.rules = b"" if event.rules == _NO_RULES else _encode(event.rules)
    row.terms = b"" if terms == _NO_TERMS else _encode(terms)
