"""What guests are told: a row for each saved search that a changed listing now fits, or fits for
less, and for each wish list that it is on.

Before and after are judged as of the same moment, that of the event: nobody is told that a day has
gone by.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from log.envelope import Event
from processors.booking.stays.events import BookingReleased, ChangeReleased, SearchTerms
from projections.booking.stays import nights
from projections.booking.stays.listings import Listing, rules_of, today_at
from projections.booking.stays.offers import judge_of, reach_of, saved_terms
from projections.booking.stays.watching import Watchers
from projections.core.projection import Table
from projections.core.rows import Rows

NEW_MATCH: Final = "new_match"
PRICE_FELL: Final = "price_fell"
NIGHTS_FREED: Final = "nights_freed"
CLOSED: Final = "closed"
REOPENED: Final = "reopened"
CAME_TO_NOTHING: Final = (BookingReleased, ChangeReleased)
"""That nights are free again which were only held is no news to those who keep a listing."""
LOOKED_AHEAD_DAYS: Final = 400
"""Nor are nights further off."""
Span = tuple[int, int]
"""Nights, from the first up to, without, the end."""
ALL_STAYS: Final[Span] = (0, 1 << 31)
"""And the listing itself."""
NO_STAYS: Final[Span] = (0, 0)
News = tuple[str, str, str, int | None, int]
"""Guest, search, kind, price before, price."""


class Notification(msgspec.Struct, gc=False):
    guest: str
    at_ms: int
    partition: int
    sequence: int
    """Of the event that led to it."""
    search: str
    """The saved search that the listing fits; empty: the listing is on the wish list."""
    kind: str
    """Of a search: `new_match`, `price_fell`. Of a wish: `price_fell`, `nights_freed`, `closed`,
    `reopened`."""
    listing: str
    currency: str
    price_before: int | None
    """As of `price`; None where it did not fit."""
    price: int
    """Of the stay, where the search has days, else of a night."""


NOTIFICATIONS = Table(
    "notifications",
    Notification,
    key=("guest", "at_ms", "partition", "sequence", "search", "kind"),
)


class Herald:
    """Tells those who watch, of one event after the other of a partition."""

    __slots__ = ("_partition", "_rows", "_watchers")

    def __init__(self, rows: Rows[Notification], watchers: Watchers, partition: int) -> None:
        self._rows = rows
        self._watchers = watchers
        self._partition = partition

    def tell(
        self, before: Listing | None, after: Listing, span: Span, event: Event, at_ms: int
    ) -> None:
        """What an event made of a listing, for stays in the nights of `span`; `before` is None
        where the listing is new."""
        if before == after:
            return
        today = today_at(after, at_ms)
        news = list(self._for_searches(before, after, span, at_ms)) if span != NO_STAYS else []
        if before is not None and after.wishes:
            kinds = _kinds_of_change(before, after, today, type(event) not in CAME_TO_NOTHING)
            news += self._for_wishers(before, after, list(kinds))
        where = self._partition, event.sequence
        for guest, search, kind, price_before, price in news:
            listing = after.listing, after.currency
            told = Notification(guest, at_ms, *where, search, kind, *listing, price_before, price)
            self._rows.append(told)

    def _for_searches(
        self, before: Listing | None, after: Listing, span: Span, at_ms: int
    ) -> Iterator[News]:
        reach = reach_of(rules_of(after.rules))
        first, end = max(span[0] - reach, today_at(after, at_ms)), span[1] + reach
        searches = self._watchers.searches_at(
            after.latitude_microdegrees, after.longitude_microdegrees
        )
        for saved in searches:
            terms, wanted = saved_terms(saved.terms)
            if wanted.departure:
                if wanted.departure <= first or wanted.arrival >= end:
                    continue
            elif span != ALL_STAYS:
                continue
            if not _is_in_box(after, terms):
                continue
            judge = judge_of(wanted, at_ms)
            price = judge(after)
            if price is None:
                continue
            was = judge(before) if before is not None and _is_in_box(before, terms) else None
            if was is None:
                yield saved.guest, saved.search, NEW_MATCH, None, price
            elif price < was:
                yield saved.guest, saved.search, PRICE_FELL, was, price

    def _for_wishers(self, before: Listing, after: Listing, kinds: list[str]) -> Iterator[News]:
        for guest in self._watchers.wishers_of(after.listing) if kinds else ():
            for kind in kinds:
                yield guest, "", kind, before.night_price, after.night_price


def _is_in_box(row: Listing, terms: SearchTerms) -> bool:
    if not terms.south_microdegrees <= row.latitude_microdegrees <= terms.north_microdegrees:
        return False
    west, east = terms.west_microdegrees, terms.east_microdegrees
    is_east, is_west = west <= row.longitude_microdegrees, row.longitude_microdegrees <= east
    return is_east and is_west if west <= east else is_east or is_west


def _kinds_of_change(
    before: Listing, after: Listing, today: int, frees_nights: bool
) -> Iterator[str]:
    """What those who keep a listing want to hear."""
    if after.is_open != before.is_open:
        yield REOPENED if after.is_open else CLOSED
    if after.night_price < before.night_price:
        yield PRICE_FELL
    if frees_nights and nights.freed(before, after, today, today + LOOKED_AHEAD_DAYS):
        yield NIGHTS_FREED
