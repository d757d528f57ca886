"""What a listing can be had for: whether a stay may be, what it costs, and whether it is what a
guest wants. The rules are the decider's own, asked of a listing's row.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import msgspec

from processors.booking.stays.events import (
    Neighbour,
    Quote,
    RejectCode,
    SearchTerms,
    StayFault,
    StayRules,
    fault_of_stay,
    price_stay,
)
from projections.booking.stays import nights
from projections.booking.stays.listings import Listing, line_of, prices_of, rules_of, today_at
from projections.booking.stays.set_nights import prices_between, terms_on

KEPT_DECODED: Final = 65_536
PRICE_UNLIMITED: Final = 1 << 63
Judge = Callable[[Listing], int | None]
_decode_terms = msgspec.msgpack.Decoder(SearchTerms).decode


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a guest wants of a listing, wherever it is. 0 or empty: any.

    A price is the whole stay's where there are days, else a night's.
    """

    arrival: int = 0
    departure: int = 0
    guests: int = 0
    currency: str = ""
    price_least: int = 0
    price_most: int = 0
    amenity_lines: tuple[str, ...] = ()
    """See `listings.line_of`."""
    room_type: str = ""
    mode: str = ""


def wanted_by(terms: SearchTerms) -> Wanted:
    """Of a saved search."""
    has_stay = terms.arrival < terms.departure
    return Wanted(
        arrival=terms.arrival if has_stay else 0,
        departure=terms.departure if has_stay else 0,
        guests=terms.guests,
        currency=terms.currency,
        price_most=terms.total_max,
        amenity_lines=tuple(map(line_of, terms.amenities)),
    )


@lru_cache(KEPT_DECODED)
def saved_terms(column: bytes) -> tuple[SearchTerms, Wanted]:
    """Of a saved search's column, as MessagePack."""
    terms = _decode_terms(column)
    return terms, wanted_by(terms)


def judge_of(wanted: Wanted, now_ms: int) -> Judge:
    """Tells what a listing costs, booked now, where it is what is wanted; else None.

    For thousands of listings a search: what tells most of them apart for the least work comes
    first, and what their rules say of the stay is asked once for each kind of rules.
    """
    guests, currency, room_type, mode = (
        wanted.guests,
        wanted.currency,
        wanted.room_type,
        wanted.mode,
    )
    lines = wanted.amenity_lines
    arrival, departure = wanted.arrival, wanted.departure
    length = departure - arrival
    every_night = (1 << length) - 1
    least, most = wanted.price_least, wanted.price_most or PRICE_UNLIMITED
    verdicts: dict[tuple[bytes, int], bool] = {}

    def judge(row: Listing) -> int | None:
        if row.capacity < guests or not row.is_open:
            return None
        price = row.night_price
        if length:
            is_plain = not row.prices and not row.set_nights
            if is_plain:
                price *= length
                if not least <= price <= most:
                    return None
            place = arrival - row.first_night
            taken = int.from_bytes(row.taken, "little")
            if (taken >> place if place >= 0 else taken << -place) & every_night:
                return None
            if not is_plain:
                price = quote_of(row, arrival, departure, today_at(row, now_ms)).total
        if not least <= price <= most:
            return None
        if currency and row.currency != currency:
            return None
        if (room_type and row.room_type != room_type) or (mode and row.mode != mode):
            return None
        for line in lines:
            if line not in row.amenities:
                return None
        return price if not length or may_be(row) else None

    def may_be(row: Listing) -> bool:
        if row.set_nights or arrival < row.past_until or looks_around(rules_of(row.rules)):
            return fault_of(row, arrival, departure, today_at(row, now_ms)) is None
        kind = row.rules, row.utc_offset_minutes
        verdict = verdicts.get(kind)
        if verdict is None:
            fault = fault_of(row, arrival, departure, today_at(row, now_ms))
            verdict = verdicts[kind] = fault is None
        return verdict

    return judge


def looks_around(rules: StayRules) -> bool:
    """Whether the rules go by what is taken before and after a stay."""
    return bool(rules.preparation_nights or rules.gap_nights_min or rules.fills_gaps)


def reach_of(rules: StayRules) -> int:
    """How many nights before and after a stay matter to it."""
    if not looks_around(rules):
        return 0
    return rules.preparation_nights + rules.gap_nights_min + 1


def fault_of(row: Listing, arrival: int, departure: int, today: int) -> StayFault | None:
    """What the listing's rules have against a stay whose nights are free."""
    if arrival < row.past_until:
        return StayFault(RejectCode.TOO_SOON, "arrival", f"day {arrival} is past")
    rules = rules_of(row.rules)
    before = after = None
    if looks_around(rules):
        before = _neighbour_before(row, arrival)
        after = nights.neighbour_after(row, departure)
    least = most = 0
    if row.set_nights and (terms := terms_on(row.set_nights, arrival)) is not None:
        least, most = terms.minimum_nights, terms.maximum_nights
    return fault_of_stay(
        rules,
        arrival,
        departure,
        today,
        before=before,
        after=after,
        minimum_nights=least,
        maximum_nights=most,
    )


def quote_of(row: Listing, arrival: int, departure: int, today: int) -> Quote:
    set_prices = prices_between(row.set_nights, arrival, departure)
    return price_stay(prices_of(row), arrival, departure, today, set_prices)


def _neighbour_before(row: Listing, arrival: int) -> Neighbour | None:
    before = nights.neighbour_before(row, arrival)
    return None if before is None or before.day < row.past_until else before
