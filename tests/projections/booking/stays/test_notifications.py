"""Who hears of a change: saved searches that a listing now fits, and wish lists."""

from collections.abc import Iterator
from copy import copy
from itertools import islice
from random import Random
from typing import Any

import pytest

from processors.booking.stays.commands import (
    AddWish,
    BlockNights,
    CancelBooking,
    ChangeListing,
    HoldNights,
    NightRange,
    NightTerms,
    PriceRules,
    RemoveSearch,
    RemoveWish,
    SaveSearch,
    SearchTerms,
    SetNights,
    UnblockNights,
)
from processors.booking.stays.events import SearchRemoved, SearchSaved
from processors.core.testing.subject import decoded
from projections.booking.stays.listings import LISTINGS, Listing
from projections.booking.stays.notifications import NOTIFICATIONS
from projections.booking.stays.offered import OFFERED_LISTINGS
from projections.booking.stays.offers import judge_of, wanted_by
from projections.booking.stays.watching import LEVEL_LEAST, LEVEL_MOST, squares_of
from projections.core.projection import Events
from projections.core.rows import Tables
from tests.projections.booking.stays.town import SYSTEM, TODAY, Town, listing

ARRIVAL = TODAY + 10
ALBANY: dict[str, Any] = {
    "south_microdegrees": 42_600_000,
    "west_microdegrees": -73_800_000,
    "north_microdegrees": 42_700_000,
    "east_microdegrees": -73_700_000,
}
WEEK = SearchTerms(**ALBANY, arrival=ARRIVAL, departure=ARRIVAL + 7)


def heard(town: Town, guest: str = "ann") -> list[Any]:
    """(search, kind, listing, price before, price), the first first."""
    return [
        (row.search, row.kind, row.listing, row.price_before, row.price)
        for row in reversed(town.ask("notifications", guest))
    ]


def save(town: Town, terms: SearchTerms = WEEK, search: str = "s", guest: str = "ann") -> None:
    town.tell(SaveSearch(guest=guest, search=search, search_terms=terms))


def change(name: str, price: int, **others: Any) -> ChangeListing:
    given = listing(name, price=price, **others)
    fields = ("listing", "host", "place", "capacity", "prices", "room_type", "amenities")
    return ChangeListing(**{field: getattr(given, field) for field in fields}, open=True)


def test_a_new_listing_and_a_lower_price_are_heard_of(town: Town) -> None:
    save(town)
    town.tell(listing("cabin"), listing("far", latitude=43_000_000))
    town.tell(change("cabin", 12_000), now_ms=town.now_ms + 1)
    town.tell(change("cabin", 9_000), now_ms=town.now_ms + 1)
    assert heard(town) == [
        ("s", "new_match", "cabin", None, 70_000),
        ("s", "price_fell", "cabin", 84_000, 63_000),
    ]


def test_only_what_was_asked_for_is_heard_of(town: Town) -> None:
    save(town, SearchTerms(**ALBANY, guests=4, currency="USD"), "large")
    save(town, SearchTerms(**ALBANY, amenities=("pool",)), "pool")
    week: dict[str, Any] = {"arrival": ARRIVAL, "departure": ARRIVAL + 7}
    save(town, SearchTerms(**ALBANY, **week, currency="USD", total_max=69_999), "cheap")
    save(town, WEEK, "euro")
    town.tell(listing("cabin"))
    town.tell(listing("villa", capacity=8, price=99_000, amenities=("pool", "wifi")))
    assert sorted(heard(town)) == [
        ("euro", "new_match", "cabin", None, 70_000),
        ("euro", "new_match", "villa", None, 693_000),
        ("large", "new_match", "villa", None, 99_000),
        ("pool", "new_match", "villa", None, 99_000),
    ]
    seven = NightRange(first_night=ARRIVAL, end_night=ARRIVAL + 1)
    cheaper = NightTerms(price=5_000)
    town.tell(SetNights(listing="cabin", host="host", ranges=(seven,), night_terms=cheaper))
    assert ("cheap", "new_match", "cabin", None, 65_000) in heard(town)


def test_nights_that_come_free_are_heard_of(town: Town) -> None:
    town.tell(listing("cabin"))
    save(town)
    town.tell(AddWish(listing="cabin", guest="bob"))
    town.book("cabin", "b", "g", ARRIVAL + 2, ARRIVAL + 4)
    assert heard(town) == []
    town.tell(CancelBooking(listing="cabin", booking="b", party_id="g"))
    assert heard(town) == [("s", "new_match", "cabin", None, 70_000)]
    assert heard(town, "bob") == [("", "nights_freed", "cabin", 10_000, 10_000)]
    ranges = (NightRange(first_night=ARRIVAL, end_night=ARRIVAL + 1),)
    town.tell(BlockNights(listing="cabin", host="host", ranges=ranges))
    town.tell(UnblockNights(listing="cabin", host="host", ranges=ranges), now_ms=town.now_ms + 1)
    assert len(heard(town)) == len(heard(town, "bob")) == 2


def test_a_hold_that_comes_to_nothing_is_no_news_to_a_wish_list(town: Town) -> None:
    town.tell(listing("cabin"), AddWish(listing="cabin", guest="bob"))
    hold: dict[str, Any] = {
        "listing": "cabin",
        "guest": "g",
        "arrival": ARRIVAL,
        "departure": ARRIVAL + 2,
    }
    town.tell(HoldNights(booking="b", **hold))
    town.tell(CancelBooking(listing="cabin", booking="b", party_id="g"))
    assert town.ask("availability", "cabin").availability_30 == 30
    assert heard(town, "bob") == []


def test_a_wish_list_hears_of_prices_and_of_the_end(town: Town) -> None:
    town.tell(listing("cabin"), *(AddWish(listing="cabin", guest=each) for each in ("ann", "bob")))
    town.tell(RemoveWish(listing="cabin", guest="ann"), AddWish(listing="cabin", guest="cid"))
    town.tell(change("cabin", 8_000))
    closed = change("cabin", 8_000)
    closed.open = False
    town.tell(closed, now_ms=town.now_ms + 1)
    expected = [("", "price_fell", "cabin", 10_000, 8_000), ("", "closed", "cabin", 8_000, 8_000)]
    assert heard(town, "bob") == heard(town, "cid") == expected
    assert heard(town, "ann") == []
    assert [row.listing for row in town.ask("wish_list", "cid")] == ["cabin"]
    assert town.ask("wish_list", "ann") == []
    assert town.ask("listings", "host")[0].wishes == 2


def test_a_search_that_is_changed_or_removed_is_no_longer_what_it_was(town: Town) -> None:
    save(town)
    paris = SearchTerms(
        south_microdegrees=48_800_000,
        west_microdegrees=2_200_000,
        north_microdegrees=48_900_000,
        east_microdegrees=2_400_000,
    )
    save(town, paris)
    town.tell(listing("cabin"))
    assert heard(town) == []
    town.tell(listing("loft", latitude=48_850_000, longitude=2_300_000))
    assert [row[2] for row in heard(town)] == ["loft"]
    (row,) = town.ask("saved_searches", "ann")
    assert (row.search, row.north_microdegrees, row.arrival) == ("s", 48_900_000, None)
    town.tell(RemoveSearch(guest="ann", search="s"))
    town.tell(listing("studio", latitude=48_850_000, longitude=2_300_000))
    assert [row[2] for row in heard(town)] == ["loft"]
    assert town.ask("saved_searches", "ann") == []


def test_a_search_across_the_180th_meridian(town: Town) -> None:
    fiji = SearchTerms(
        south_microdegrees=-20_000_000,
        west_microdegrees=177_000_000,
        north_microdegrees=-15_000_000,
        east_microdegrees=-178_000_000,
    )
    save(town, fiji)
    for name, longitude in (("west", 178_000_000), ("east", -179_000_000), ("not", 0)):
        town.tell(listing(name, latitude=-17_000_000, longitude=longitude))
    assert sorted(row[2] for row in heard(town)) == ["east", "west"]


def test_every_point_of_a_box_is_in_one_of_its_squares() -> None:
    draw = Random(3)
    for _ in range(2_000):
        size = draw.choice((0, 100, 70_000, 5_000_000, 170_000_000))
        south, west = (
            draw.randint(-90_000_000, 90_000_000),
            draw.randint(-180_000_000, 179_000_000),
        )
        north, east = min(south + size, 90_000_000), min(west + size, 180_000_000)
        terms = SearchTerms(
            south_microdegrees=south,
            west_microdegrees=west,
            north_microdegrees=north,
            east_microdegrees=east,
        )
        squares = squares_of(terms)
        assert len(squares) <= 4
        latitude, longitude = draw.randint(south, north), draw.randint(west, east)
        assert any(
            (level, latitude >> level, longitude >> level) in squares
            for level in range(LEVEL_LEAST, LEVEL_MOST + 1)
        )


@pytest.mark.parametrize("leaving", [0, 1, 2, 3])
def test_those_who_stay_are_told_whoever_leaves(leaving: int) -> None:
    town = Town("memory:")
    town.tell(listing("cabin"))
    guests = [f"guest-{number}" for number in range(4)]
    for guest in guests:
        town.tell(AddWish(listing="cabin", guest=guest))
        save(town, guest=guest)
    town.tell(RemoveWish(listing="cabin", guest=guests[leaving]))
    town.tell(RemoveSearch(guest=guests[leaving], search="s"))
    town.tell(change("cabin", 9_000, prices=PriceRules(night_price=9_000)))
    for number, guest in enumerate(guests):
        assert len(heard(town, guest)) == (0 if number == leaving else 2)
    town.close()


def test_nobody_is_left_out_and_nobody_is_bothered() -> None:
    """Against every saved search judged at every event, whatever square and nights it is about."""
    town = Town("memory:")
    town.append(islice(SYSTEM.flow(4), 1_500))
    town.decide()
    told = 0
    for number in range(SYSTEM.partitions):
        tables = Tables(OFFERED_LISTINGS.tables, lambda table, key: None, complete=True)
        searches: Searches = {}
        rows: dict[str, Listing] = {}
        records = town.log.partition(SYSTEM.events_topic, number).read(0, 1 << 30)
        times = [record.timestamp for batch in records for record in batch]
        for event, at_ms in zip(decoded(town.log, SYSTEM, number), times, strict=True):
            if type(event) not in OFFERED_LISTINGS.kinds:
                continue
            OFFERED_LISTINGS.fold(tables, Events(number, [event], [at_ms]))
            changes = {each.table: each for each in tables.changes()}
            found = {
                (row.guest, row.search, row.kind): (row.price_before, row.price)
                for row in changes[NOTIFICATIONS].appended
                if row.search
            }
            tables.settle(1 << 30)
            due = {}
            if isinstance(event, SearchSaved):
                searches[event.guest, event.search] = event.terms
            elif isinstance(event, SearchRemoved):
                del searches[event.guest, event.search]
            else:
                name: str = event.listing  # type: ignore[attr-defined]
                after = copy(tables[LISTINGS][name])
                due = dict(news_of(searches, rows.get(name), after, at_ms))
                rows[name] = after
            assert found == due, event
            told += len(found)
    assert told > 20
    town.close()


Searches = dict[tuple[str, str], SearchTerms]
"""By guest and id."""


def news_of(
    searches: Searches, before: Listing | None, after: Listing, at_ms: int
) -> Iterator[tuple[tuple[str, str, str], tuple[int | None, int]]]:
    for (guest, search), terms in searches.items():
        judge = judge_of(wanted_by(terms), at_ms)
        price = judge(after) if is_in(after, terms) else None
        was = judge(before) if before is not None and is_in(before, terms) else None
        if price is not None and was is None:
            yield (guest, search, "new_match"), (None, price)
        elif price is not None and was is not None and price < was:
            yield (guest, search, "price_fell"), (was, price)


def is_in(row: Listing, terms: SearchTerms) -> bool:
    """Of the flow, whose boxes do not go across the 180th meridian."""
    return (
        terms.south_microdegrees <= row.latitude_microdegrees <= terms.north_microdegrees
        and terms.west_microdegrees <= row.longitude_microdegrees <= terms.east_microdegrees
    )
