"""The named queries about listings: what can be had, when, and for how much.

Money is in minor units, coordinates in microdegrees, as on the log; days are dates. Where a query
depends on what day it is, it goes by this machine's clock, unless `now_ms` (since 1970) is given.
"""

from datetime import date
from typing import Annotated, Literal

import msgspec

from processors.booking.stays.events import (
    BookingMode,
    CancellationPolicy,
    LastMinuteDiscount,
    LengthDiscount,
    Season,
    night_price,
)
from projections.booking.stays import nights
from projections.booking.stays.days import date_of, day_of
from projections.booking.stays.days import now_ms as clock_ms
from projections.booking.stays.geography import parse_area
from projections.booking.stays.held_nights import HELD_NIGHTS
from projections.booking.stays.listings import (
    BY_HOST,
    LISTINGS,
    Listing,
    amenities_of,
    line_of,
    prices_of,
    rules_of,
    terms_of,
    today_at,
)
from projections.booking.stays.offers import Wanted, fault_of, quote_of
from projections.booking.stays.search import Order, SearchPage, find
from projections.booking.stays.set_nights import prices_between, terms_on
from projections.core.errors import QueryError, nearest
from projections.core.store import Reader

PageLength = Annotated[int, msgspec.Meta(ge=1, le=1_000)]
Nights = Annotated[int, msgspec.Meta(ge=1, le=1_100)]
Number = Annotated[int, msgspec.Meta(ge=0)]
Mode = Literal["", "instant", "request"]


class ListedUnit(msgspec.Struct):
    listing: str
    title: str
    city: str
    room_type: str
    capacity: int
    is_open: bool
    mode: str
    currency: str
    night_price: int
    rank: int
    reviews: int
    wishes: int


class ListingFacts(msgspec.Struct):
    """All that its host says of a listing, as `change_listing` takes it, and what guests do."""

    listing: str
    host: str
    title: str
    room_type: str
    capacity: int
    """Guests at most."""
    is_open: bool
    """Whether new bookings are taken."""
    city: str
    country: str
    latitude_microdegrees: int
    longitude_microdegrees: int
    amenities: list[str]
    mode: BookingMode
    cancellation: CancellationPolicy
    hold_ms: int
    response_ms: int
    utc_offset_minutes: int
    check_in_minute: int
    """Since midnight, there."""
    check_out_minute: int
    minimum_nights: int
    maximum_nights: int
    notice_days: int
    window_days: int
    arrival_weekdays: list[int]
    """0 is Monday; empty: any."""
    departure_weekdays: list[int]
    preparation_nights: int
    gap_nights_min: int
    fills_gaps: bool
    currency: str
    night_price: int
    weekday_prices: list[int]
    """Monday's first; 0 is `night_price`. Empty: `night_price` on every day."""
    seasons: list[Season]
    length_discounts: list[LengthDiscount]
    last_minute_discounts: list[LastMinuteDiscount]
    rank: int
    reviews: int
    wishes: int


class StayOffer(msgspec.Struct):
    """Whether a stay can be had now, and what it costs."""

    listing: str
    can_be_had: bool
    reason: str
    """Why not; empty where it can."""
    currency: str
    total: int
    length_discount: int
    last_minute_discount: int
    night_prices: list[int]


class Availability(msgspec.Struct):
    """How many nights nobody has, of so many from the first on."""

    listing: str
    first: date
    availability_30: int
    availability_60: int
    availability_90: int
    availability_365: int


class CalendarNight(msgspec.Struct):
    night: date
    """The day on which it begins."""
    state: str
    """`free`, `blocked` or `booked`."""
    booking: str
    price: int
    minimum_nights: int
    """Of a stay that begins on this night."""
    maximum_nights: int


def search(
    reader: Reader,
    area: str = "",
    arrival: date | None = None,
    departure: date | None = None,
    guests: Number = 0,
    currency: str = "",
    price_least: Number = 0,
    price_most: Number = 0,
    amenities: str = "",
    room_type: str = "",
    mode: Mode = "",
    order: Order = "rank",
    limit: PageLength = 20,
    after: str = "",
    now_ms: int | None = None,
) -> SearchPage:
    """Listings in an area that can be had, by rank, price or distance, with facets.

    `area` is SOUTH,WEST,NORTH,EAST or LATITUDE,LONGITUDE,METRES, in degrees; none is everywhere,
    and looks at every listing. With days, prices are of the stay, else of a night. `amenities` are
    joined by commas, all of them asked for. `after` is the `next` of the page before.
    """
    if (arrival is None) != (departure is None):
        raise QueryError("a stay has an arrival and a departure: give both, or neither")
    if arrival is not None and departure is not None and arrival >= departure:
        raise QueryError(f"the departure, {departure}, is not after the arrival, {arrival}")
    asked = [name for name in amenities.split(",") if name.strip()]
    wanted = Wanted(
        arrival=day_of(arrival) if arrival else 0,
        departure=day_of(departure) if departure else 0,
        guests=guests,
        currency=currency,
        price_least=price_least,
        price_most=price_most,
        amenity_lines=tuple(map(line_of, asked)),
        room_type=room_type,
        mode=mode,
    )
    at_ms = clock_ms() if now_ms is None else now_ms
    return find(reader, parse_area(area), wanted, order, now_ms=at_ms, limit=limit, after=after)


def offer(
    reader: Reader, listing: str, arrival: date, departure: date, now_ms: int | None = None
) -> StayOffer:
    """Whether a listing can be had from day to day, why not, and what each night costs."""
    row = _listed(reader, listing)
    if arrival >= departure:
        raise QueryError(f"the departure, {departure}, is not after the arrival, {arrival}")
    first, end = day_of(arrival), day_of(departure)
    today = today_at(row, clock_ms() if now_ms is None else now_ms)
    quote = quote_of(row, first, end, today)
    reason = ""
    if not row.is_open:
        reason = "the listing takes no bookings now"
    elif not nights.are_free(row, first, end):
        reason = "not all of its nights are free"
    elif (fault := fault_of(row, first, end, today)) is not None:
        reason = fault.reason
    return StayOffer(
        listing,
        not reason,
        reason,
        row.currency,
        quote.total,
        quote.length_discount,
        quote.last_minute_discount,
        list(quote.night_prices),
    )


def availability(
    reader: Reader, listing: str, first: date | None = None, now_ms: int | None = None
) -> Availability:
    """The free nights of the next 30, 60, 90 and 365, from today or from a day on."""
    row = _listed(reader, listing)
    day = _day_or_today(row, first, now_ms)
    counts = [nights.free_nights(row, day, day + days) for days in (30, 60, 90, 365)]
    return Availability(listing, date_of(day), *counts)


def calendar(
    reader: Reader,
    listing: str,
    first: date | None = None,
    days: Nights = 35,
    now_ms: int | None = None,
) -> list[CalendarNight]:
    """A listing night by night, from today or from a day on: who has it, or what it costs."""
    row = _listed(reader, listing)
    day = _day_or_today(row, first, now_ms)
    held = reader.rows(HELD_NIGHTS, listing, at_least=day, below=day + days)
    bookings = {each.night: each.booking for each in held}
    rules = rules_of(row.rules)
    set_prices = prices_between(row.set_nights, day, day + days)
    price_rules = prices_of(row)
    found = []
    for night in range(day, day + days):
        terms = terms_on(row.set_nights, night)
        found.append(
            CalendarNight(
                date_of(night),
                nights.state_of(row, night),
                bookings.get(night, ""),
                set_prices.get(night) or night_price(price_rules, night),
                (terms and terms.minimum_nights) or rules.minimum_nights,
                (terms and terms.maximum_nights) or rules.maximum_nights,
            )
        )
    return found


def listing(reader: Reader, listing: str) -> ListingFacts:
    """All about a listing: its host, place and amenities, its rules, prices and terms."""
    row = _listed(reader, listing)
    facts = msgspec.structs.asdict(row) | {"amenities": amenities_of(row)}
    for part in (rules_of(row.rules), prices_of(row), terms_of(row)):
        facts |= msgspec.structs.asdict(part)
    named = {name: facts[name] for name in ListingFacts.__struct_fields__}
    return msgspec.convert(named, ListingFacts)


def listings(reader: Reader, host: str) -> list[ListedUnit]:
    """The listings of a host."""
    return [_unit(row) for row in reader.rows(LISTINGS, host, by=BY_HOST)]


def _unit(row: Listing) -> ListedUnit:
    return ListedUnit(*(getattr(row, name) for name in ListedUnit.__struct_fields__))


def _day_or_today(row: Listing, first: date | None, now_ms: int | None) -> int:
    if first is not None:
        return day_of(first)
    return today_at(row, clock_ms() if now_ms is None else now_ms)


def _listed(reader: Reader, listing: str) -> Listing:
    found = reader.get(LISTINGS, listing)
    if found is None:
        known = [row.listing for row in reader.rows(LISTINGS, limit=10_000)]
        raise QueryError(f"there is no listing {listing!r}: {nearest(listing, known)}")
    return found


QUERIES = (search, calendar, availability, offer, listing, listings)
