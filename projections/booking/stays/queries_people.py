"""The named queries of guests and hosts: trips, a host's day, revenue, wishes, notifications."""

from datetime import date
from typing import Annotated

import msgspec

from projections.booking.stays.bookings import (
    ASKED_BOOKING,
    ASKED_CHANGE,
    BOOKINGS,
    BY_ARRIVAL,
    BY_ASKED,
    BY_DEPARTURE,
    BY_GUEST,
    BY_LISTING,
    COMING,
    Booking,
)
from projections.booking.stays.days import DAY_MS, date_of, day_of, first_day, month_after
from projections.booking.stays.days import now_ms as clock_ms
from projections.booking.stays.listings import BY_HOST, LISTINGS
from projections.booking.stays.months import LISTING_MONTHS, ListingMonth
from projections.booking.stays.notifications import NOTIFICATIONS, Notification
from projections.booking.stays.offers import saved_terms
from projections.booking.stays.watching import SAVED_SEARCHES, WISHES, WISHES_BY_GUEST
from projections.core.store import Reader

Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Month = Annotated[int, msgspec.Meta(ge=0, le=999_912)]
PPM = 1_000_000


class Trip(msgspec.Struct):
    arrival: date
    departure: date
    listing: str
    title: str
    city: str
    booking: str
    status: str
    guests: int
    currency: str
    total: int
    paid: int
    due_at_ms: int | None
    reason: str


class HostTask(msgspec.Struct):
    """What there is to do on a day: `arrival`, `departure`; or to answer: `request`, `change`."""

    kind: str
    listing: str
    booking: str
    guest: str
    guests: int
    arrival: date
    departure: date
    total: int
    currency: str
    due_at_ms: int | None


class Occupancy(msgspec.Struct):
    listing: str
    month: int
    nights: int
    booked_nights: int
    occupancy_ppm: int
    confirmed: int
    cancelled: int
    currency: str
    revenue: int
    """Taken in the month, less what was given back in it."""


class Revenue(msgspec.Struct):
    """Of all listings of a host in one currency."""

    month: int
    currency: str
    taken: int
    given_back: int
    revenue: int
    listings: int
    """That were booked, or took money, in the month."""
    booked_nights: int


class SavedSearchRow(msgspec.Struct):
    search: str
    south_microdegrees: int
    west_microdegrees: int
    north_microdegrees: int
    east_microdegrees: int
    arrival: date | None
    departure: date | None
    guests: int
    currency: str
    total_max: int
    amenities: list[str]


class WishedListing(msgspec.Struct):
    listing: str
    title: str
    city: str
    is_open: bool
    currency: str
    night_price: int


class Review(msgspec.Struct):
    booking: str
    guest: str
    departure: date
    guest_stars: int
    guest_text: str
    host_stars: int
    host_text: str


def trips(reader: Reader, guest: str, since: date | None = None, limit: Count = 100) -> list[Trip]:
    """A guest's bookings, past and to come, the latest arrival first."""
    first = day_of(since) if since else None
    rows = reader.rows(BOOKINGS, guest, by=BY_GUEST, at_least=first, descending=True, limit=limit)
    return [_trip(reader, row) for row in rows]


def _trip(reader: Reader, row: Booking) -> Trip:
    listing = reader.get(LISTINGS, row.listing)
    return Trip(
        date_of(row.arrival),
        date_of(row.departure),
        row.listing,
        listing.title if listing else "",
        listing.city if listing else "",
        row.booking,
        row.status,
        row.guests,
        row.currency,
        row.total,
        row.paid,
        row.due_at_ms,
        row.reason,
    )


def booking(reader: Reader, listing: str, booking: str) -> Booking | None:
    """All that is known of a booking."""
    return reader.get(BOOKINGS, listing, booking)


def host_day(reader: Reader, host: str, day: date | None = None) -> list[HostTask]:
    """A host's day: who arrives, who leaves, and which requests wait for an answer."""
    number = clock_ms() // DAY_MS if day is None else day_of(day)
    tasks = []
    for kind, order in (("arrival", BY_ARRIVAL), ("departure", BY_DEPARTURE)):
        for row in reader.rows(BOOKINGS, host, number, by=order):
            if row.status in COMING or (kind == "departure" and row.stays_on):
                tasks.append(_task(kind, row))
    for kind, asked in (("request", ASKED_BOOKING), ("change", ASKED_CHANGE)):
        tasks += [_task(kind, row) for row in reader.rows(BOOKINGS, host, asked, by=BY_ASKED)]
    return tasks


def _task(kind: str, row: Booking) -> HostTask:
    is_change = kind == "change"
    return HostTask(
        kind,
        row.listing,
        row.booking,
        row.guest,
        row.guests,
        date_of(row.change_arrival if is_change else row.arrival),
        date_of(row.change_departure if is_change else row.departure),
        row.change_total if is_change else row.total,
        row.currency,
        row.due_at_ms,
    )


def occupancy(
    reader: Reader, listing: str, since_month: Month = 0, limit: Count = 24
) -> list[Occupancy]:
    """A listing by month (202612): nights booked, in parts per million too, and revenue."""
    rows = reader.rows(LISTING_MONTHS, listing, at_least=since_month, limit=limit)
    return [_occupancy(row) for row in rows]


def _occupancy(row: ListingMonth) -> Occupancy:
    count = first_day(month_after(row.month)) - first_day(row.month)
    return Occupancy(
        row.listing,
        row.month,
        count,
        row.booked_nights,
        row.booked_nights * PPM // count,
        row.confirmed,
        row.cancelled,
        row.currency,
        row.taken - row.given_back,
    )


def revenue(reader: Reader, host: str, since_month: Month = 0) -> list[Revenue]:
    """A host's money by month and currency, over all listings."""
    months: dict[tuple[int, str], Revenue] = {}
    for listing in reader.rows(LISTINGS, host, by=BY_HOST):
        for row in reader.rows(LISTING_MONTHS, listing.listing, at_least=since_month):
            key = row.month, row.currency
            found = months.setdefault(key, Revenue(*key, 0, 0, 0, 0, 0))
            found.taken += row.taken
            found.given_back += row.given_back
            found.revenue += row.taken - row.given_back
            found.listings += 1
            found.booked_nights += row.booked_nights
    return [months[key] for key in sorted(months)]


def reviews(reader: Reader, listing: str, limit: Count = 20) -> list[Review]:
    """What guests and hosts said of each other, the latest arrival first."""
    found: list[Review] = []
    for row in reader.rows(BOOKINGS, listing, by=BY_LISTING, descending=True):
        if len(found) < limit and (row.guest_stars or row.host_stars):
            found.append(
                Review(
                    row.booking,
                    row.guest,
                    date_of(row.departure),
                    row.guest_stars,
                    row.guest_text,
                    row.host_stars,
                    row.host_text,
                )
            )
    return found


def saved_searches(reader: Reader, guest: str) -> list[SavedSearchRow]:
    """What a guest wants to hear of."""
    found = []
    for row in reader.rows(SAVED_SEARCHES, 0, guest):
        terms, wanted = saved_terms(row.terms)
        found.append(
            SavedSearchRow(
                row.search,
                terms.south_microdegrees,
                terms.west_microdegrees,
                terms.north_microdegrees,
                terms.east_microdegrees,
                date_of(wanted.arrival) if wanted.departure else None,
                date_of(wanted.departure) if wanted.departure else None,
                terms.guests,
                terms.currency,
                terms.total_max,
                list(terms.amenities),
            )
        )
    return found


def wish_list(reader: Reader, guest: str) -> list[WishedListing]:
    """The listings that a guest keeps."""
    found: list[WishedListing] = []
    for wish in reader.rows(WISHES, guest, by=WISHES_BY_GUEST):
        row = reader.get(LISTINGS, wish.listing)
        if row is not None:
            found.append(
                WishedListing(
                    row.listing, row.title, row.city, row.is_open, row.currency, row.night_price
                )
            )
    return found


def notifications(
    reader: Reader, guest: str, since_ms: int = 0, limit: Count = 50
) -> list[Notification]:
    """What a guest was told of saved searches and the wish list, latest first."""
    rows = reader.rows(NOTIFICATIONS, guest, at_least=since_ms, descending=True, limit=limit)
    return list(rows)


QUERIES = (
    trips,
    booking,
    host_day,
    occupancy,
    revenue,
    reviews,
    saved_searches,
    wish_list,
    notifications,
)
