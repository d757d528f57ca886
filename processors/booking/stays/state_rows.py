"""The state as rows, for snapshots and digests, and back.

    searches, by guest
    listing, its bookings by id      } for each listing, by name

Who holds which night is not written but for the host's blocks: it follows from the bookings. Nor
are timers. The ids of bookings that are over stand in the order in which they will be forgotten.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from processors.booking.stays.spans import Spans
from processors.booking.stays.state import BLOCK, Booking, Listing, Stays
from processors.booking.stays.terms import (
    BookingTerms,
    NightTerms,
    Place,
    PriceRules,
    StayRules,
)


class SearchesRow(msgspec.Struct, tag="searches", omit_defaults=True):
    guest: str
    searches: tuple[str, ...]


class ListingRow(msgspec.Struct, tag="listing", omit_defaults=True):
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
    past_until: int
    blocks: tuple[tuple[int, int], ...]
    set_nights: tuple[tuple[int, int, NightTerms], ...]
    over: tuple[str, ...]
    wishes: tuple[str, ...]


StateRow = SearchesRow | ListingRow | Booking

SAME: Final = ListingRow.__struct_fields__[: ListingRow.__struct_fields__.index("blocks")]
"""The fields that the listing itself has under the same names."""


def to_rows(state: Stays) -> Iterator[StateRow]:
    for guest in sorted(state.searches):
        yield SearchesRow(guest, tuple(sorted(state.searches[guest])))
    for name in sorted(state.listings):
        listing = state.listings[name]
        yield _listing_row(listing)
        for booking in sorted(listing.bookings):
            yield listing.bookings[booking]


def _listing_row(listing: Listing) -> ListingRow:
    blocks = tuple((first, end) for first, end, holder in listing.nights if holder == BLOCK)
    wishes = tuple(sorted(listing.wishes))
    kept = blocks, tuple(listing.set_nights), tuple(listing.over), wishes
    return ListingRow(*(*(getattr(listing, field) for field in SAME), *kept))


def from_rows(rows: Iterator[StateRow]) -> Stays:
    state = Stays()
    for row in rows:
        if isinstance(row, SearchesRow):
            state.searches[row.guest] = dict.fromkeys(row.searches)
        elif isinstance(row, ListingRow):
            state.listings[row.listing] = _listing(row)
        else:
            _add_booking(state, row)
    return state


def _listing(row: ListingRow) -> Listing:
    listing = Listing(row.listing, row.host, row.currency)
    for field in SAME:
        setattr(listing, field, getattr(row, field))
    for first, end in row.blocks:
        listing.nights.set(first, end, BLOCK)
    set_nights: Spans[NightTerms] = listing.set_nights
    for first, end, terms in row.set_nights:
        set_nights.set(first, end, terms)
    listing.over = dict.fromkeys(row.over)
    listing.wishes = dict.fromkeys(row.wishes)
    return listing


def _add_booking(state: Stays, booking: Booking) -> None:
    listing = state.listings[booking.listing]
    listing.bookings[booking.booking] = booking
    for first, end in booking.held():
        listing.nights.set(first, end, booking.booking)
    due_ms, booking.due_ms = booking.due_ms, 0
    state.set_timer(booking, due_ms)
