"""Whether what a host says of a listing can be: a fault for the first thing that cannot."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

from processors.booking.stays.pricing import DAYS_A_WEEK, PPM
from processors.booking.stays.stay_rules import StayFault, names_weekdays
from processors.booking.stays.terms import (
    BookingTerms,
    NightRange,
    NightTerms,
    Place,
    PriceRules,
    RejectCode,
    SearchTerms,
    StayRules,
)

NIGHTS_MAX: Final = 1_100
"""Three years: of a stay, a range, or how far ahead."""
FAR_DAYS: Final = 3_660
"""Ten years: how far from today nights may be that hosts speak of."""
RANGES_MAX: Final = 400
PRICE_MAX: Final = 10_000_000_000
RATE_MAX_PPM: Final = 10 * PPM
DISCOUNT_MAX_PPM: Final = 900_000
LISTED_MAX: Final = 100
"""Amenities, seasons, discounts."""
TEXT_MAX: Final = 4_000
CAPACITY_MAX: Final = 1_000
HOLD_MIN_MS: Final = 1_000
WAIT_MAX_MS: Final = 7 * 86_400_000
DAY_MINUTES: Final = 1_440
NORTH_MAX: Final = 90_000_000
EAST_MAX: Final = 180_000_000


def invalid(field: str, reason: str) -> StayFault:
    return StayFault(RejectCode.INVALID_VALUE, field, reason)


def fault_of_name(field: str, name: str) -> StayFault | None:
    if not name or len(name) > LISTED_MAX:
        return invalid(field, f"{field} has 1 to {LISTED_MAX} characters, not {len(name)}")
    return None


def fault_of_listing(listing: Any) -> StayFault | None:
    """Of a `create_listing` or a `change_listing`."""
    return next(_faults_of_listing(listing), None)


def _faults_of_listing(listing: Any) -> Iterator[StayFault]:
    if not 1 <= listing.capacity <= CAPACITY_MAX:
        yield invalid("capacity", f"capacity is 1 to {CAPACITY_MAX} guests")
    for field in ("title", "room_type"):
        if len(getattr(listing, field)) > TEXT_MAX:
            yield invalid(field, f"{field} has {TEXT_MAX} characters at most")
    amenities = listing.amenities
    if len(amenities) > LISTED_MAX or not all(0 < len(each) <= LISTED_MAX for each in amenities):
        yield invalid("amenities", f"at most {LISTED_MAX}, each of 1 to {LISTED_MAX} characters")
    yield from _faults_of_place(listing.place)
    yield from _faults_of_prices(listing.prices)
    yield from _faults_of_rules(listing.rules)
    yield from _faults_of_terms(listing.terms)


def fault_of_currency(currency: str) -> StayFault | None:
    if len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper():
        return None
    return invalid("currency", "currency is three capital letters of ISO 4217, as EUR")


def _faults_of_place(place: Place) -> Iterator[StayFault]:
    if abs(place.latitude_microdegrees) > NORTH_MAX:
        yield invalid("place", f"the latitude is within {NORTH_MAX:,} microdegrees")
    if abs(place.longitude_microdegrees) > EAST_MAX:
        yield invalid("place", f"the longitude is within {EAST_MAX:,} microdegrees")
    if len(place.city) > LISTED_MAX or len(place.country) > LISTED_MAX:
        yield invalid("place", f"city and country have {LISTED_MAX} characters at most")


def _faults_of_prices(prices: PriceRules) -> Iterator[StayFault]:
    if not 1 <= prices.night_price <= PRICE_MAX:
        yield invalid("prices", f"night_price is 1 to {PRICE_MAX:,} minor units")
    days = prices.weekday_prices
    if days and (len(days) != DAYS_A_WEEK or max(days) > PRICE_MAX):
        yield invalid("prices", f"weekday_prices are seven, of {PRICE_MAX:,} at most, or none")
    lists = prices.seasons, prices.length_discounts, prices.last_minute_discounts
    if any(len(listed) > LISTED_MAX for listed in lists):
        yield invalid("prices", f"at most {LISTED_MAX} seasons, and discounts of each kind")
    for season in prices.seasons:
        if season.first_night >= season.end_night or not 1 <= season.rate_ppm <= RATE_MAX_PPM:
            yield invalid(
                "prices", f"a season has nights, and a rate of 1 to {RATE_MAX_PPM:,} ppm"
            )
    if any(one.end_night > other.first_night for one, other in pairwise(prices.seasons)):
        yield invalid("prices", "seasons stand in order of time, and do not overlap")
    for rates, steps in (
        (prices.length_discounts, [each.nights for each in prices.length_discounts]),
        (prices.last_minute_discounts, [each.days for each in prices.last_minute_discounts]),
    ):
        if any(each.discount_ppm > DISCOUNT_MAX_PPM for each in rates):
            yield invalid("prices", f"a discount is {DISCOUNT_MAX_PPM:,} ppm at most")
        if not _ascends(steps):
            yield invalid("prices", "discounts stand in ascending order of nights or days")


def _ascends(numbers: Sequence[int]) -> bool:
    return all(one < other for one, other in pairwise(numbers))


def _faults_of_rules(rules: StayRules) -> Iterator[StayFault]:
    if not 1 <= rules.minimum_nights <= rules.maximum_nights <= NIGHTS_MAX:
        reason = f"1 <= minimum_nights <= maximum_nights <= {NIGHTS_MAX} does not hold"
        yield invalid("rules", reason)
    for field in ("notice_days", "window_days", "preparation_nights", "gap_nights_min"):
        if getattr(rules, field) > NIGHTS_MAX:
            yield invalid("rules", f"{field} is {NIGHTS_MAX} at most")
    for days in (rules.arrival_weekdays, rules.departure_weekdays):
        if len(days) > DAYS_A_WEEK or not names_weekdays(days):
            yield invalid("rules", "weekdays are numbers from 0, Monday, to 6")


def _faults_of_terms(terms: BookingTerms) -> Iterator[StayFault]:
    for field in ("hold_ms", "response_ms"):
        if not HOLD_MIN_MS <= getattr(terms, field) <= WAIT_MAX_MS:
            yield invalid("terms", f"{field} is {HOLD_MIN_MS:,} to {WAIT_MAX_MS:,}")
    if abs(terms.utc_offset_minutes) > DAY_MINUTES:
        yield invalid("terms", f"utc_offset_minutes is within {DAY_MINUTES:,}")
    if max(terms.check_in_minute, terms.check_out_minute) >= DAY_MINUTES:
        yield invalid("terms", f"check-in and check-out are before minute {DAY_MINUTES:,}")


def fault_of_ranges(ranges: Sequence[NightRange], today: int) -> StayFault | None:
    if not 1 <= len(ranges) <= RANGES_MAX:
        return invalid("ranges", f"1 to {RANGES_MAX} ranges, not {len(ranges)}")
    for each in ranges:
        if not each.first_night < each.end_night <= each.first_night + NIGHTS_MAX:
            return invalid("ranges", f"a range has 1 to {NIGHTS_MAX:,} nights")
        if each.first_night < today - FAR_DAYS or each.end_night > today + FAR_DAYS:
            return invalid("ranges", f"nights lie within {FAR_DAYS:,} days of today, {today}")
    return None


def fault_of_night_terms(terms: NightTerms) -> StayFault | None:
    if terms.price > PRICE_MAX:
        return invalid("terms", f"a price is {PRICE_MAX:,} minor units at most")
    if max(terms.minimum_nights, terms.maximum_nights) > NIGHTS_MAX:
        return invalid("terms", f"minimum_nights and maximum_nights are {NIGHTS_MAX} at most")
    return None


def fault_of_search(terms: SearchTerms) -> StayFault | None:
    south, north = terms.south_microdegrees, terms.north_microdegrees
    if not -NORTH_MAX <= south <= north <= NORTH_MAX:
        return invalid("terms", f"south to north lie within {NORTH_MAX:,} microdegrees")
    if max(abs(terms.west_microdegrees), abs(terms.east_microdegrees)) > EAST_MAX:
        return invalid("terms", f"west and east lie within {EAST_MAX:,} microdegrees")
    if terms.departure < terms.arrival or terms.departure - terms.arrival > NIGHTS_MAX:
        return invalid("terms", f"departure is at most {NIGHTS_MAX} days after arrival")
    if len(terms.amenities) > LISTED_MAX or len(terms.currency) > LISTED_MAX:
        return invalid("terms", f"at most {LISTED_MAX} amenities, and a short currency")
    return None
