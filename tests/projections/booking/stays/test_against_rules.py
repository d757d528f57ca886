"""The read models against the rules' own state: who holds what, and what a hold would be told."""

from collections import Counter
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

from processors.booking.stays.commands import HoldNights
from processors.booking.stays.events import (
    BookingCancelled,
    BookingConfirmed,
    BookingModified,
    NightsHeld,
    RejectCode,
    RequestRejected,
)
from processors.booking.stays.state import BLOCK, day_of
from projections.booking.stays.bookings import BOOKINGS
from projections.booking.stays.days import month_of
from projections.booking.stays.held_nights import HELD_NIGHTS
from projections.booking.stays.listings import LISTINGS, amenities_of
from projections.booking.stays.months import LISTING_MONTHS
from projections.booking.stays.nights import state_of
from projections.booking.stays.watching import SAVED_SEARCHES, WISHES
from tests.projections.booking.stays.town import SYSTEM, Town, day

COMMANDS = 1_500
STAYS_TRIED = 400
OF_THE_GUEST = (RejectCode.TOO_MANY_GUESTS, RejectCode.OWN_LISTING, RejectCode.DUPLICATE_BOOKING)


@pytest.fixture(params=(1, 2, 3))
def lived_in(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    town = Town(f"sqlite:///{tmp_path}/stays.sqlite")
    commands = list(islice(SYSTEM.flow(request.param), COMMANDS))
    town.append(commands)
    town.decide()
    town.catch_up()
    town.now_ms = commands[-1][0]
    yield town
    town.close()


def test_nights_and_listings_are_as_the_rules_have_them(lived_in: Town) -> None:
    listings = lived_in.listings()
    with lived_in.store.reading() as reader:
        rows = {row.listing: row for row in reader.rows(LISTINGS)}
        assert sorted(rows) == sorted(listings)
        for name, listing in listings.items():
            row = rows[name]
            assert amenities_of(row) == sorted(set(listing.amenities))
            assert (row.is_open, row.past_until) == (listing.open, listing.past_until)
            holders = {
                night: holder
                for first, end, holder in listing.nights
                for night in range(first, end)
            }
            held = {row.night: row.booking for row in reader.rows(HELD_NIGHTS, name)}
            assert held == {n: holder for n, holder in holders.items() if holder != BLOCK}
            for night in range(listing.past_until, max(holders, default=0) + 3):
                holder = holders.get(night)
                state = "free" if holder is None else "blocked" if holder == BLOCK else "booked"
                assert state_of(row, night) == state, (name, night)
            wishes = {row.guest for row in reader.rows(WISHES, name)}
            assert (wishes, row.wishes) == (set(listing.wishes), len(listing.wishes))


def test_bookings_and_searches_are_as_the_rules_have_them(lived_in: Town) -> None:
    stages = {"authorizing": "held", "over": "released cancelled completed"}
    with lived_in.store.reading() as reader:
        for name, listing in lived_in.listings().items():
            for booking in listing.bookings.values():
                row = reader.get(BOOKINGS, name, booking.booking)
                assert row is not None
                stage = booking.stage.value
                if not row.stays_on and row.status != "cancelled":
                    assert row.status in stages.get(stage, stage).split()
                assert (row.arrival, row.departure) == (booking.arrival, booking.departure)
                assert (row.total, row.guests) == (booking.quote.total, booking.guests)
                assert bool(row.change_total) == (booking.change is not None)
        for number, state in enumerate(lived_in.states()):
            saved: dict[str, set[str]] = {}
            for each in reader.rows(SAVED_SEARCHES, number):
                saved.setdefault(each.guest, set()).add(each.search)
            assert saved == {guest: set(ids) for guest, ids in state.searches.items() if ids}


def test_an_offer_is_what_a_hold_would_be_told(lived_in: Town) -> None:
    """For random stays of random listings: free or not, and to the cent."""
    draw = Random(5)
    told = {True: 0, False: 0}
    decider = SYSTEM.decider
    names = sorted(lived_in.listings())
    for number in range(STAYS_TRIED):
        name = draw.choice(names)
        state = lived_in.state_of(name)
        terms = state.listings[name].terms
        arrival = day_of(terms, lived_in.now_ms) + draw.randrange(-2, 150)
        departure = arrival + draw.randrange(1, 15)
        hold = HoldNights(
            listing=name,
            booking=f"tried-{number}",
            guest="nobody",
            arrival=arrival,
            departure=departure,
        )
        (event,) = decider.decide(state, hold, lived_in.now_ms)
        offer = lived_in.ask("offer", name, day(arrival), day(departure))
        told[offer.can_be_had] += 1
        if isinstance(event, NightsHeld):
            assert (offer.can_be_had, offer.reason) == (True, ""), event
            assert offer.total == event.quote.total
            assert tuple(offer.night_prices) == event.quote.night_prices
        else:
            assert isinstance(event, RequestRejected)
            assert event.code not in OF_THE_GUEST
            assert not offer.can_be_had, event
            if event.code not in (RejectCode.NIGHTS_TAKEN, RejectCode.LISTING_CLOSED):
                assert offer.reason in (event.reason, "the listing takes no bookings now")
    assert min(told.values()) > STAYS_TRIED // 20


def test_a_search_finds_what_a_hold_would_get(lived_in: Town) -> None:
    draw = Random(6)
    decider = SYSTEM.decider
    found_any = 0
    for number in range(40):
        arrival = lived_in.now_ms // 86_400_000 + draw.randrange(3, 60)
        departure = arrival + draw.randrange(2, 7)
        page = lived_in.ask("search", arrival=day(arrival), departure=day(departure), limit=1_000)
        held = {}
        for name in lived_in.listings():
            hold = HoldNights(
                listing=name,
                booking=f"tried-{number}",
                guest="nobody",
                arrival=arrival,
                departure=departure,
            )
            (event,) = decider.decide(lived_in.state_of(name), hold, lived_in.now_ms)
            if isinstance(event, NightsHeld):
                held[name] = event.quote.total
        assert {row.listing: row.price for row in page.listings} == held
        found_any += bool(held)
    assert found_any


def test_months_add_up_to_the_nights_and_the_money_of_bookings(lived_in: Town) -> None:
    stayed: dict[tuple[str, str], set[int]] = {}
    for event in lived_in.events():
        match event:
            case BookingConfirmed():
                nights = range(event.arrival, event.departure)
                stayed[event.listing, event.booking] = set(nights)
            case BookingModified(was_held=False):
                nights = range(event.arrival, event.departure)
                stayed[event.listing, event.booking] = set(nights)
            case BookingCancelled():
                stayed[event.listing, event.booking] -= set(
                    range(event.free_from, event.departure)
                )
    due = Counter(
        (name, month_of(night)) for (name, _), nights in stayed.items() for night in nights
    )
    with lived_in.store.reading() as reader:
        rows = list(reader.rows(LISTING_MONTHS))
        paid = sum(row.paid for row in reader.rows(BOOKINGS))
    assert {
        (row.listing, row.month): row.booked_nights for row in rows if row.booked_nights
    } == due
    assert sum(row.taken - row.given_back for row in rows) == paid > 0
