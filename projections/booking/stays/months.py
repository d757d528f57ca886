"""Occupancy and revenue: the nights of confirmed bookings by the month that they are in, and money
by the month in which it moved.

A night counts from its confirmation on, and no more where the booking is cancelled or changed away
from it.
"""

import msgspec

from processors.booking.stays.events import (
    BookingCancelled,
    BookingConfirmed,
    BookingModified,
    PaymentAnswered,
)
from projections.booking.stays.bookings import amount_taken
from projections.booking.stays.days import DAY_MS, first_day, month_after, month_of
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Rows, Tables


class ListingMonth(msgspec.Struct, gc=False):
    listing: str
    month: int
    """202612 is December 2026."""
    currency: str
    booked_nights: int = 0
    confirmed: int = 0
    """Bookings that were confirmed in the month (UTC)."""
    cancelled: int = 0
    taken: int = 0
    """Captured from guests."""
    given_back: int = 0


LISTING_MONTHS = Table("listing_months", ListingMonth, key=("listing", "month"))


class _Months:
    __slots__ = ("rows",)

    def __init__(self, rows: Rows[ListingMonth]) -> None:
        self.rows = rows

    def row(self, listing: str, month: int, currency: str) -> ListingMonth:
        """The caller `put`s it."""
        return self.rows.get((listing, month)) or ListingMonth(listing, month, currency)

    def add_nights(self, listing: str, currency: str, first: int, end: int, sign: int) -> None:
        while first < end:
            month = month_of(first)
            until = min(end, first_day(month_after(month)))
            row = self.row(listing, month, currency)
            row.booked_nights += sign * (until - first)
            self.rows.put(row)
            first = until


def fold(tables: Tables, events: Events) -> None:
    months = _Months(tables[LISTING_MONTHS])
    for event, at_ms in events:
        kind, listing, currency = type(event), event.listing, event.currency
        row = months.row(listing, month_of(at_ms // DAY_MS), currency)
        if kind is PaymentAnswered:
            moved = amount_taken(event)
            if moved > 0:
                row.taken += moved
            elif moved < 0:
                row.given_back -= moved
            else:
                continue
        elif kind is BookingConfirmed:
            row.confirmed += 1
        elif kind is BookingCancelled:
            row.cancelled += 1
        if kind is not BookingModified:
            months.rows.put(row)
        if kind is BookingConfirmed:
            months.add_nights(listing, currency, event.arrival, event.departure, 1)
        elif kind is BookingCancelled:
            months.add_nights(listing, currency, event.free_from, event.departure, -1)
        elif kind is BookingModified and not event.was_held:
            months.add_nights(listing, currency, event.old_arrival, event.old_departure, -1)
            months.add_nights(listing, currency, event.arrival, event.departure, 1)


OCCUPANCY_AND_REVENUE = Projection(
    name="occupancy_and_revenue",
    events=(BookingConfirmed, BookingModified, BookingCancelled, PaymentAnswered),
    tables=(LISTING_MONTHS,),
    fold=fold,
    rows_of="partition",
)
