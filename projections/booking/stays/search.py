"""The search: which listings in an area can be had, sorted, a page at a time, with facets.

The spatial index gives the listings of the area; each is judged by its own row (`offers.py`), and
what is left is sorted. All of it is the same code on every store, so that answers are the same.
A cursor is the place of the last listing in the order, so that pages neither skip nor repeat what
stays as it is.
"""

from collections import Counter
from collections.abc import Iterator
from heapq import nsmallest
from typing import Final, Literal, NamedTuple

import msgspec

from projections.booking.stays.geography import Area, Point, distance_m
from projections.booking.stays.listings import LISTINGS, Listing
from projections.booking.stays.offers import Wanted, judge_of
from projections.core.errors import QueryError
from projections.core.store import Reader

Order = Literal["rank", "price", "distance"]
AMENITIES_COUNTED: Final = 20
PRICE_BANDS: Final = 8


class FoundListing(msgspec.Struct):
    listing: str
    title: str
    city: str
    room_type: str
    capacity: int
    mode: str
    currency: str
    price: int
    """Of the stay, where days were asked for, else of a night; in minor units."""
    distance_m: int | None
    """From the middle of the area; None where that is everywhere."""
    rank: int
    reviews: int
    latitude_microdegrees: int
    longitude_microdegrees: int


class Facet(msgspec.Struct):
    """How many of all matches have a value: what a narrower search would find."""

    name: str
    """`room_type`, `mode`, `capacity`, `amenity`, or `price` with the lower bound of a band."""
    value: str
    count: int


class SearchPage(msgspec.Struct):
    listings: list[FoundListing]
    matches: int
    """On all pages."""
    next: str | None
    """What to give as `after` for the next page; None: there is none."""
    facets: list[Facet]
    """Of all matches; on the first page alone."""


class _Match(NamedTuple):
    """In the order of the search: by value, ties by listing."""

    value: int
    listing: str
    price: int
    row: Listing


def find(
    reader: Reader,
    area: Area,
    wanted: Wanted,
    order: Order,
    *,
    now_ms: int,
    limit: int,
    after: str = "",
) -> SearchPage:
    """Errors: QueryError."""
    if not wanted.currency and (wanted.price_least or wanted.price_most or order == "price"):
        raise QueryError("prices of several currencies do not compare: name a currency")
    if order == "distance" and area.centre is None:
        raise QueryError("a distance is from the middle of an area: give an area")
    matches = list(_matches(reader, area, wanted, order, now_ms))
    found = matches
    if after:
        place = _place(after)
        found = [match for match in matches if match[:2] > place]
    page = nsmallest(limit, found)
    return SearchPage(
        [_found(match, area.centre) for match in page],
        len(matches),
        f"{page[-1].value}/{page[-1].listing}" if len(found) > limit else None,
        [] if after else _facets(matches),
    )


def _matches(
    reader: Reader, area: Area, wanted: Wanted, order: Order, now_ms: int
) -> Iterator[_Match]:
    centre, radius_m = area.centre, area.radius_m
    judge = judge_of(wanted, now_ms)
    for box in area.boxes:
        for row in reader.within(LISTINGS, box):
            price = judge(row)
            if price is None:
                continue
            away_m = 0
            if centre is not None and (radius_m is not None or order == "distance"):
                away_m = distance_m(centre, _point(row))
                if radius_m is not None and away_m > radius_m:
                    continue
            if order == "rank":
                value = -row.rank
            else:
                value = price if order == "price" else away_m
            yield _Match(value, row.listing, price, row)


def _place(after: str) -> tuple[int, str]:
    value, slash, listing = after.partition("/")
    try:
        if slash:
            return int(value), listing
    except ValueError:
        pass
    raise QueryError(
        f"after={after!r} is no place in a search: give the `next` of the page before"
    )


def _point(row: Listing) -> Point:
    return Point(row.latitude_microdegrees, row.longitude_microdegrees)


def _found(match: _Match, centre: Point | None) -> FoundListing:
    row = match.row
    return FoundListing(
        row.listing,
        row.title,
        row.city,
        row.room_type,
        row.capacity,
        row.mode,
        row.currency,
        match.price,
        None if centre is None else distance_m(centre, _point(row)),
        row.rank,
        row.reviews,
        *_point(row),
    )


def _facets(matches: list[_Match]) -> list[Facet]:
    """The commonest value first, price bands and capacities in order."""
    rows = [match.row for match in matches]
    facets = []
    for name in ("room_type", "mode"):
        counts = Counter([getattr(row, name) for row in rows])
        facets += [Facet(name, *each) for each in _commonest(counts)]
    capacities = Counter([row.capacity for row in rows])
    facets += [Facet("capacity", str(each), capacities[each]) for each in sorted(capacities)]
    amenities = Counter("".join([row.amenities for row in rows]).split("\n"))
    del amenities[""]  # between the lists
    facets += [Facet("amenity", *each) for each in _commonest(amenities)[:AMENITIES_COUNTED]]
    if len({row.currency for row in rows}) == 1:
        facets += _price_bands([match.price for match in matches])
    return facets


def _commonest(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))


def _price_bands(prices: list[int]) -> list[Facet]:
    """Bands of one round width (1, 2 or 5 and zeros), as narrow as eight of them allow."""
    least, most = min(prices), max(prices)
    widths = (digit * 10**zeros for zeros in range(20) for digit in (1, 2, 5))
    width = next(each for each in widths if most // each - least // each < PRICE_BANDS)
    counts = Counter([price // width * width for price in prices])
    return [Facet("price", str(bound), counts[bound]) for bound in sorted(counts)]
