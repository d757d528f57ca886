"""The listings that are offered, with their nights, and who hears of a change: one fold, as all of
it needs the listing as it was before.

listing events ─┬─► listings         what a search reads
booking events ─┤─► held_nights      who holds each night: one, or the fold stops
wishes, searches┴─► notifications    whom a change concerns, by saved searches and wish lists
"""

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, Final

from processors.booking.stays.events import (
    BookingCancelled,
    BookingModified,
    BookingReleased,
    ChangeHeld,
    ChangeReleased,
    ListingChanged,
    ListingCreated,
    NightRange,
    NightsBlocked,
    NightsHeld,
    NightsSet,
    NightsUnblocked,
    ReviewsRevealed,
    SearchRemoved,
    SearchSaved,
    StayCompleted,
    WishAdded,
    WishRemoved,
)
from projections.booking.stays import listings, nights
from projections.booking.stays.held_nights import HELD_NIGHTS, HeldNights
from projections.booking.stays.listings import LISTINGS, Listing, rank_of
from projections.booking.stays.notifications import (
    ALL_STAYS,
    NO_STAYS,
    NOTIFICATIONS,
    Herald,
    Span,
)
from projections.booking.stays.set_nights import with_terms
from projections.booking.stays.watching import TABLES as WATCHING_TABLES
from projections.booking.stays.watching import Watchers
from projections.core.projection import Events, Projection
from projections.core.rows import Tables


def _change(row: Listing, event: ListingChanged) -> Span:
    listings.change(row, event)
    return ALL_STAYS


def _review(row: Listing, event: ReviewsRevealed) -> Span:
    listings.review(row, event)
    return NO_STAYS


def _set(row: Listing, event: NightsSet) -> Span:
    ranges = [(each.first_night, each.end_night) for each in event.ranges]
    row.set_nights = with_terms(row.set_nights, ranges, event.terms)
    return _span(event.ranges)


def _block(row: Listing, event: NightsBlocked) -> Span:
    for each in event.ranges:
        nights.block(row, each.first_night, each.end_night)
    return _span(event.ranges)


def _unblock(row: Listing, event: NightsUnblocked) -> Span:
    for each in event.ranges:
        nights.unblock(row, each.first_night, each.end_night)
    return _span(event.ranges)


def _span(ranges: Sequence[NightRange]) -> Span:
    return min(each.first_night for each in ranges), max(each.end_night for each in ranges)


def _hold(row: Listing, held: HeldNights, event: NightsHeld) -> Span:
    held.hold(event.booking, event.arrival, event.departure)
    nights.book(row, event.arrival, event.departure)
    return event.arrival, event.departure


def _release(row: Listing, held: HeldNights, event: BookingReleased) -> Span:
    held.free(event.booking, event.arrival, event.departure)
    nights.unbook(row, event.arrival, event.departure)
    return event.arrival, event.departure


def _hold_change(row: Listing, held: HeldNights, event: ChangeHeld) -> Span:
    held.hold(event.booking, event.arrival, event.departure, by_change=True)
    nights.book(row, event.arrival, event.departure)
    return event.arrival, event.departure


def _release_change(row: Listing, held: HeldNights, event: ChangeReleased) -> Span:
    for night in held.free_change(event.booking, event.arrival, event.departure):
        nights.unbook(row, night, night + 1)
    return event.arrival, event.departure


def _modify(row: Listing, held: HeldNights, event: BookingModified) -> Span:
    arrival, departure = event.arrival, event.departure
    for first, end in (
        (event.old_arrival, min(event.old_departure, arrival)),
        (max(event.old_arrival, departure), event.old_departure),
    ):
        if first < end:
            held.free(event.booking, first, end)
            nights.unbook(row, first, end)
    held.settle_change(event.booking, arrival, departure)
    nights.book(row, arrival, departure)
    return min(event.old_arrival, arrival), max(event.old_departure, departure)


def _cancel(row: Listing, held: HeldNights, event: BookingCancelled) -> Span:
    held.free(event.booking, event.free_from, event.departure)
    nights.unbook(row, event.free_from, event.departure)
    return event.free_from, event.departure


def _complete(row: Listing, held: HeldNights, event: StayCompleted) -> Span:
    """The nights are past, but may have been in the way of an arrival today."""
    first = held.free_until(event.booking, event.departure)
    nights.unbook(row, first, event.departure)
    nights.forget_before(row, event.departure)
    row.past_until = max(row.past_until, event.departure)
    return first, event.departure


def _add_wish(row: Listing, watchers: Watchers, event: WishAdded) -> None:
    watchers.add_wish(event.listing, event.guest)
    row.wishes += 1
    row.rank = rank_of(row)


def _remove_wish(row: Listing, watchers: Watchers, event: WishRemoved) -> None:
    watchers.remove_wish(event.listing, event.guest)
    row.wishes -= 1
    row.rank = rank_of(row)


OF_LISTING: Final[dict[type[Any], Callable[[Listing, Any], Span]]] = {
    ListingChanged: _change,
    NightsSet: _set,
    NightsBlocked: _block,
    NightsUnblocked: _unblock,
    ReviewsRevealed: _review,
}
"""What each event does to a listing, and the nights in which stays are others for it."""
OF_NIGHTS: Final[dict[type[Any], Callable[[Listing, HeldNights, Any], Span]]] = {
    NightsHeld: _hold,
    BookingReleased: _release,
    ChangeHeld: _hold_change,
    ChangeReleased: _release_change,
    BookingModified: _modify,
    BookingCancelled: _cancel,
    StayCompleted: _complete,
}
OF_WISHES: Final[dict[type[Any], Callable[[Listing, Watchers, Any], None]]] = {
    WishAdded: _add_wish,
    WishRemoved: _remove_wish,
}
OF_SEARCHES: Final[dict[type[Any], Callable[[Watchers, Any], None]]] = {
    SearchSaved: Watchers.save_search,
    SearchRemoved: Watchers.remove_search,
}


def fold(tables: Tables, events: Events) -> None:
    rows, held_rows = tables[LISTINGS], tables[HELD_NIGHTS]
    watchers = Watchers(tables, events.partition)
    herald = Herald(tables[NOTIFICATIONS], watchers, events.partition)
    for event, at_ms in events:
        kind = type(event)
        if kind in OF_SEARCHES:
            OF_SEARCHES[kind](watchers, event)
            continue
        if kind is ListingCreated:
            row = listings.created(event)
            rows.put(row)
            herald.tell(None, row, ALL_STAYS, event, at_ms)
            continue
        row = rows[event.listing]
        if kind in OF_WISHES:
            OF_WISHES[kind](row, watchers, event)
            rows.put(row)
            continue
        before = copy(row)
        if kind in OF_LISTING:
            span = OF_LISTING[kind](row, event)
        else:
            span = OF_NIGHTS[kind](row, HeldNights(held_rows, event.listing), event)
        rows.put(row)
        herald.tell(before, row, span, event, at_ms)


OFFERED_LISTINGS = Projection(
    name="offered_listings",
    events=(ListingCreated, *OF_LISTING, *OF_NIGHTS, *OF_WISHES, *OF_SEARCHES),
    tables=(LISTINGS, HELD_NIGHTS, NOTIFICATIONS, *WATCHING_TABLES),
    fold=fold,
    version=2,
    rows_of="partition",
)
