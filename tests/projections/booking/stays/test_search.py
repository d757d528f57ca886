"""The search: the same answers on every store, filtered, sorted, by pages, with facets."""

from random import Random
from typing import Any

import msgspec
import pytest

from processors.booking.stays.commands import (
    BlockNights,
    BookingMode,
    BookingTerms,
    ChangeListing,
    HoldNights,
    LengthDiscount,
    NightRange,
    NightTerms,
    PriceRules,
    SetNights,
    StayRules,
)
from projections.booking.stays.geography import Point, distance_m
from projections.booking.stays.search import SearchPage
from projections.core.errors import QueryError
from tests.projections.booking.stays.town import TODAY, Town, day, listing

ALBANY = "42.6,-73.8,42.7,-73.7"
REQUEST = BookingTerms(mode=BookingMode.REQUEST)


@pytest.fixture
def four(town: Town) -> Town:
    town.tell(
        listing("attic", 42_610_000, price=5_000, amenities=("wifi",), room_type="private room"),
        listing("barn", 42_640_000, price=20_000, capacity=6, amenities=("pool", "wifi")),
        listing("cabin", 42_650_000, price=9_000, terms=REQUEST, amenities=("Free  parking",)),
        listing("dome", 43_650_000, price=1_000),
    )
    return town


def names(page: SearchPage) -> list[str]:
    return [row.listing for row in page.listings]


ASKED: list[tuple[dict[str, Any], str]] = [
    ({}, "attic barn cabin"),
    ({"area": ""}, "attic barn cabin dome"),
    ({"area": "42.65,-73.75,1500"}, "barn cabin"),
    ({"area": "42.65,-73.75,1500", "order": "distance"}, "cabin barn"),
    ({"area": "10,10,11,11"}, ""),
    ({"order": "price", "currency": "USD"}, "attic cabin barn"),
    ({"currency": "EUR"}, ""),
    ({"guests": 3}, "barn"),
    ({"amenities": "wifi"}, "attic barn"),
    ({"amenities": "wifi,pool"}, "barn"),
    ({"amenities": "Free parking"}, "cabin"),
    ({"amenities": "wi"}, ""),
    ({"room_type": "private room"}, "attic"),
    ({"mode": "request"}, "cabin"),
    ({"currency": "USD", "price_least": 6_000}, "barn cabin"),
    ({"currency": "USD", "price_most": 9_000}, "attic cabin"),
    ({"currency": "USD", "price_least": 9_000, "price_most": 9_000}, "cabin"),
    ({"limit": 2}, "attic barn"),
]


def test_what_is_asked_for_is_found(four: Town) -> None:
    for asked, expected in ASKED:
        page = four.ask("search", **{"area": ALBANY, **asked})
        assert names(page) == expected.split(), asked
        assert page.matches == len(expected.split()) + (asked.get("limit") == 2)


def test_only_what_is_free_and_may_be_booked(four: Town) -> None:
    week = {"area": ALBANY, "arrival": day(TODAY + 10), "departure": day(TODAY + 14)}
    assert names(four.ask("search", **week)) == ["attic", "barn", "cabin"]
    blocked = NightRange(first_night=TODAY + 13, end_night=TODAY + 14)
    four.tell(
        HoldNights(
            listing="attic", booking="b", guest="g", arrival=TODAY + 8, departure=TODAY + 11
        ),
        BlockNights(listing="barn", host="host", ranges=(blocked,)),
    )
    assert names(four.ask("search", **week)) == ["cabin"]
    later = {"area": ALBANY, "arrival": day(TODAY + 11), "departure": day(TODAY + 13)}
    assert names(four.ask("search", **later)) == ["attic", "barn", "cabin"]
    dates = NightRange(first_night=TODAY + 11, end_night=TODAY + 12)
    longer = NightTerms(minimum_nights=5)
    four.tell(SetNights(listing="cabin", host="host", ranges=(dates,), night_terms=longer))
    assert names(four.ask("search", **later)) == ["attic", "barn"]
    assert four.ask("offer", "cabin", day(TODAY + 11), day(TODAY + 13)).reason == (
        "2 nights are fewer than the 5 that are taken here"
    )


def test_prices_are_of_the_stay_by_the_rules(four: Town) -> None:
    prices = PriceRules(
        night_price=10_000,
        weekday_prices=(0, 0, 0, 0, 20_000, 20_000, 0),
        length_discounts=(LengthDiscount(nights=4, discount_ppm=100_000),),
    )
    four.tell(listing("elm", prices=prices, rules=StayRules(minimum_nights=2)))
    asked = {"area": ALBANY, "currency": "USD", "order": "price"}
    thursday = TODAY + 3
    week = {"arrival": day(thursday), "departure": day(thursday + 4)}
    page = four.ask("search", **asked, **week)
    assert [(row.listing, row.price) for row in page.listings] == [
        ("attic", 20_000),
        ("cabin", 36_000),
        ("elm", 54_000),
        ("barn", 80_000),
    ]
    assert names(four.ask("search", **asked, **week, price_most=54_000))[-1] == "elm"
    assert "elm" not in names(four.ask("search", **asked, **week, price_most=53_999))
    offer = four.ask("offer", "elm", day(thursday), day(thursday + 4))
    assert (offer.total, offer.length_discount) == (54_000, 6_000)
    assert offer.night_prices == [10_000, 20_000, 20_000, 10_000]


def test_a_listing_that_moves_or_closes_is_found_so(four: Town) -> None:
    given = listing("attic", 43_655_000, price=5_000)
    whole = {
        name: getattr(given, name)
        for name in ("listing", "host", "place", "capacity", "prices", "room_type")
    }
    four.tell(ChangeListing(**whole, open=True))
    assert names(four.ask("search", ALBANY)) == ["barn", "cabin"]
    assert names(four.ask("search", "43.6,-73.8,43.7,-73.7")) == ["attic", "dome"]
    four.tell(ChangeListing(**whole, open=False))
    assert names(four.ask("search", "43.6,-73.8,43.7,-73.7")) == ["dome"]


def test_facets_count_what_a_narrower_search_finds(four: Town) -> None:
    page = four.ask("search", ALBANY, currency="USD")
    counted = {(facet.name, facet.value): facet.count for facet in page.facets}
    assert counted == {
        ("room_type", "entire home"): 2,
        ("room_type", "private room"): 1,
        ("mode", "instant"): 2,
        ("mode", "request"): 1,
        ("capacity", "2"): 2,
        ("capacity", "6"): 1,
        ("amenity", "wifi"): 2,
        ("amenity", "Free parking"): 1,
        ("amenity", "pool"): 1,
        ("price", "5000"): 2,
        ("price", "20000"): 1,
    }
    arguments = {"room_type": "room_type", "mode": "mode", "amenity": "amenities"}
    for (name, value), count in counted.items():
        if name in arguments:
            assert four.ask("search", ALBANY, **{arguments[name]: value}).matches == count


def test_pages_neither_skip_nor_repeat(town: Town) -> None:
    draw = Random(9)
    town.tell(
        *(
            listing(
                f"l{number:03}",
                42_650_000 + draw.randrange(-9_000, 9_000),
                -73_750_000 + draw.randrange(-9_000, 9_000),
                price=draw.randrange(1, 9) * 1_000,
            )
            for number in range(60)
        )
    )
    for order in ("rank", "price", "distance"):
        asked = {"area": "42.65,-73.75,900", "currency": "USD", "order": order}
        whole = town.ask("search", **asked, limit=100)
        assert 10 < len(whole.listings) == whole.matches < 60
        found, after = [], ""
        while True:
            page = town.ask("search", **asked, limit=7, after=after)
            found += page.listings
            assert page.matches == whole.matches
            assert bool(page.facets) == (not after)
            if page.next is None:
                break
            after = page.next
        assert found == whole.listings
        if order == "distance":
            centre = Point(42_650_000, -73_750_000)
            distances = [
                distance_m(centre, Point(row.latitude_microdegrees, row.longitude_microdegrees))
                for row in found
            ]
            assert distances == sorted(distances) == [row.distance_m for row in found]
            assert distances[-1] <= 900


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"order": "price"}, "prices of several currencies do not compare"),
        ({"price_most": 5}, "prices of several currencies do not compare"),
        ({"arrival": day(TODAY)}, "give both, or neither"),
        ({"arrival": day(TODAY), "departure": day(TODAY)}, "is not after the arrival"),
        ({"after": "abc"}, "is no place in a search"),
        ({"after": "abc/def"}, "is no place in a search"),
        ({"area": "abc"}, "an area is"),
        ({"order": "distance"}, "give an area"),
    ],
)
def test_what_cannot_be_asked_is_said(asked: dict[str, object], says: str) -> None:
    town = Town("memory:")
    town.tell(listing("attic"))
    with pytest.raises(QueryError, match=says):
        town.ask("search", **asked)
    town.close()


def test_an_answer_is_json(four: Town) -> None:
    page = four.ask("search", ALBANY, limit=1)
    found = msgspec.json.decode(msgspec.json.encode(page))
    assert found["next"] == "-4000/attic"
    assert found["listings"][0]["latitude_microdegrees"] == 42_610_000
