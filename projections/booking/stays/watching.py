"""Who is to hear of a change: saved searches by the squares of the map that they look at, and wish
lists by listing.

A saved search stands in the few squares (four, or eight across the 180th meridian) that cover its
box, of the smallest size of which two by two do. So a listing looks into one square of each size,
and finds the searches about its place, however many there are elsewhere. A square's members, and a
listing's, are numbered from 0 without a gap: the last takes the place of one that leaves.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from processors.booking.stays.events import SearchRemoved, SearchSaved, SearchTerms
from projections.booking.stays.geography import boxes_of
from projections.booking.stays.offers import saved_terms
from projections.core.projection import Table
from projections.core.rows import Rows, Tables

LEVEL_LEAST: Final = 16
"""A square of level n has sides of 2 ** n microdegrees: 65,536 are some seven kilometres."""
LEVEL_MOST: Final = 29


class SavedSearch(msgspec.Struct, gc=False):
    """Every partition has all saved searches, for the listings that it holds."""

    partition: int
    guest: str
    search: str
    terms: bytes
    """SearchTerms as MessagePack."""


class SearchOfSquare(msgspec.Struct, gc=False):
    partition: int
    level: int
    row: int
    column: int
    number: int
    guest: str
    search: str


class PlaceOfSearch(msgspec.Struct, gc=False):
    partition: int
    level: int
    row: int
    column: int
    guest: str
    search: str
    number: int


class SquareCount(msgspec.Struct, gc=False):
    partition: int
    level: int
    row: int
    column: int
    members: int = 0


class WisherOfListing(msgspec.Struct, gc=False):
    listing: str
    number: int
    guest: str


class Wish(msgspec.Struct, gc=False):
    listing: str
    guest: str
    number: int


class WishCount(msgspec.Struct, gc=False):
    listing: str
    members: int = 0


SQUARE: Final = ("partition", "level", "row", "column")
SAVED_SEARCHES = Table("saved_searches", SavedSearch, key=("partition", "guest", "search"))
SEARCHES_OF_SQUARES = Table("searches_of_squares", SearchOfSquare, key=(*SQUARE, "number"))
PLACES_OF_SEARCHES = Table("places_of_searches", PlaceOfSearch, key=(*SQUARE, "guest", "search"))
SQUARE_COUNTS = Table("square_counts", SquareCount, key=SQUARE)
WISHERS_OF_LISTINGS = Table("wishers_of_listings", WisherOfListing, key=("listing", "number"))
WISHES_BY_GUEST: Final = ("guest", "listing")
WISHES = Table("wishes", Wish, key=("listing", "guest"), indexes=(WISHES_BY_GUEST,))
WISH_COUNTS = Table("wish_counts", WishCount, key=("listing",))
TABLES: Final = (
    SAVED_SEARCHES,
    SEARCHES_OF_SQUARES,
    PLACES_OF_SEARCHES,
    SQUARE_COUNTS,
    WISHERS_OF_LISTINGS,
    WISHES,
    WISH_COUNTS,
)
_encode = msgspec.msgpack.Encoder().encode


class _Groups:
    """Numbered members of groups, in three tables: by number, by member, and how many there are.

    The rows are (*group, number, *member), (*group, *member, number) and (*group, members).
    """

    __slots__ = ("_counts", "_members", "_places")

    def __init__(self, members: Rows[Any], places: Rows[Any], counts: Rows[Any]) -> None:
        self._members = members
        self._places = places
        self._counts = counts

    def add(
        self, group: tuple[Any, ...], member: tuple[str, ...], kinds: tuple[Any, Any, Any]
    ) -> None:
        if self._places.get((*group, *member)) is not None:
            return
        of_number, of_member, of_count = kinds
        count = self._counts.get(_key(group)) or of_count(*group)
        self._members.put(of_number(*group, count.members, *member))
        self._places.put(of_member(*group, *member, count.members))
        count.members += 1
        self._counts.put(count)

    def remove(self, group: tuple[Any, ...], member: tuple[str, ...]) -> None:
        place = self._places.get((*group, *member))
        if place is None:
            return
        count = self._counts[_key(group)]
        count.members -= 1
        last = self._members[(*group, count.members)]
        if place.number != count.members:
            last_member = msgspec.structs.astuple(last)[len(group) + 1 :]
            moved = self._places[(*group, *last_member)]
            moved.number = place.number
            self._places.put(moved)
            self._members.put(type(last)(*group, place.number, *last_member))
        self._members.delete((*group, count.members))
        self._places.delete((*group, *member))
        self._counts.put(count)

    def members(self, group: tuple[Any, ...]) -> Iterator[Any]:
        """Their rows, by number."""
        count = self._counts.get(_key(group))
        for number in range(count.members if count else 0):
            yield self._members[(*group, number)]


def _key(group: tuple[Any, ...]) -> Any:
    return group if len(group) > 1 else group[0]


class Watchers:
    """Saved searches and wish lists, for a fold of one partition's events."""

    __slots__ = ("_listings", "_partition", "_searches", "_squares")

    def __init__(self, tables: Tables, partition: int) -> None:
        self._partition = partition
        self._searches = tables[SAVED_SEARCHES]
        self._squares = _Groups(
            tables[SEARCHES_OF_SQUARES], tables[PLACES_OF_SEARCHES], tables[SQUARE_COUNTS]
        )
        self._listings = _Groups(tables[WISHERS_OF_LISTINGS], tables[WISHES], tables[WISH_COUNTS])

    def save_search(self, event: SearchSaved) -> None:
        self._leave_squares(event.guest, event.search)
        column = _encode(event.terms)
        self._searches.put(SavedSearch(self._partition, event.guest, event.search, column))
        kinds = SearchOfSquare, PlaceOfSearch, SquareCount
        for square in squares_of(event.terms):
            self._squares.add((self._partition, *square), (event.guest, event.search), kinds)

    def remove_search(self, event: SearchRemoved) -> None:
        self._leave_squares(event.guest, event.search)
        self._searches.delete((self._partition, event.guest, event.search))

    def _leave_squares(self, guest: str, search: str) -> None:
        saved = self._searches.get((self._partition, guest, search))
        if saved is not None:
            for square in squares_of(saved_terms(saved.terms)[0]):
                self._squares.remove((self._partition, *square), (guest, search))

    def searches_at(self, latitude: int, longitude: int) -> Iterator[SavedSearch]:
        """Those whose box may hold a point: it is in one of their squares."""
        for level in range(LEVEL_LEAST, LEVEL_MOST + 1):
            square = (self._partition, level, latitude >> level, longitude >> level)
            for member in self._squares.members(square):
                yield self._searches[self._partition, member.guest, member.search]

    def add_wish(self, listing: str, guest: str) -> None:
        self._listings.add((listing,), (guest,), (WisherOfListing, Wish, WishCount))

    def remove_wish(self, listing: str, guest: str) -> None:
        self._listings.remove((listing,), (guest,))

    def wishers_of(self, listing: str) -> list[str]:
        return [member.guest for member in self._listings.members((listing,))]


def squares_of(terms: SearchTerms) -> list[tuple[int, int, int]]:
    """(level, row, column) of the squares that a search's box lies in."""
    found: dict[tuple[int, int, int], None] = {}
    for (south, west), (north, east) in boxes_of(
        terms.south_microdegrees,
        terms.west_microdegrees,
        terms.north_microdegrees,
        terms.east_microdegrees,
    ):
        level = max(LEVEL_LEAST, (north - south).bit_length(), (east - west).bit_length())
        for row in range(south >> level, (north >> level) + 1):
            for column in range(west >> level, (east >> level) + 1):
                found[level, row, column] = None
    return list(found)
