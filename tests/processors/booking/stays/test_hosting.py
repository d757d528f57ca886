"""What hosts do with their listings, and what guests keep of them."""

from typing import Any

import pytest

from processors.booking.stays import SYSTEM
from processors.booking.stays.commands import (
    AddWish,
    BlockNights,
    BookingTerms,
    ChangeListing,
    LastMinuteDiscount,
    LengthDiscount,
    NightRange,
    NightTerms,
    Place,
    PriceRules,
    RemoveSearch,
    RemoveWish,
    SaveSearch,
    SearchTerms,
    Season,
    SetNights,
    StayRules,
    UnblockNights,
)
from processors.booking.stays.events import ListingChanged, ListingCreated, RejectCode
from processors.core.messages import Tick
from tests.given_when_then import given
from tests.processors.booking.stays.scenes import (
    DAY,
    GUEST,
    HOST,
    LOFT,
    NIGHT,
    at,
    booked,
    booking_of,
    hold,
    kinds,
    loft,
    offered,
    rejected,
    taken,
)


def ranges(*spans: tuple[int, int]) -> tuple[NightRange, ...]:
    return tuple(NightRange(first_night=DAY + one, end_night=DAY + two) for one, two in spans)


def changed(**changes: Any) -> ChangeListing:
    listing = loft()
    command = ChangeListing(
        listing=LOFT,
        host=HOST,
        place=listing.place,
        capacity=listing.capacity,
        prices=listing.prices,
    )
    for name, value in changes.items():
        setattr(command, name, value)
    return command


def place(latitude: int = 0, longitude: int = 0) -> Place:
    return Place(latitude_microdegrees=latitude, longitude_microdegrees=longitude)


def season(first: int, end: int, rate_ppm: int = 1_000_000) -> Season:
    return Season(first_night=first, end_night=end, rate_ppm=rate_ppm)


def prices(**changes: Any) -> PriceRules:
    return PriceRules(**{"night_price": NIGHT, **changes})


def test_a_listing_is_created_once() -> None:
    scene = given(SYSTEM.decider)
    assert isinstance(scene.when(loft(), at(0))[0], ListingCreated)
    assert rejected(scene.when(loft(), at(0))) is RejectCode.LISTING_EXISTS


@pytest.mark.parametrize(
    "wrong",
    [
        {"listing": ""},
        {"host": "x" * 101},
        {"currency": "eur"},
        {"currency": "EURO"},
        {"capacity": 0},
        {"title": "x" * 4_001},
        {"amenities": ("",)},
        {"place": place(latitude=90_000_001)},
        {"place": place(longitude=-180_000_001)},
        {"prices": prices(night_price=0)},
        {"prices": prices(weekday_prices=(1, 2, 3))},
        {"prices": prices(seasons=(season(5, 5),))},
        {"prices": prices(seasons=(season(5, 9), season(8, 10)))},
        {"prices": prices(seasons=(season(5, 9, 0),))},
        {"prices": prices(length_discounts=(LengthDiscount(nights=7, discount_ppm=900_001),))},
        {"prices": prices(length_discounts=(LengthDiscount(nights=7, discount_ppm=1),) * 2)},
        {
            "prices": prices(
                last_minute_discounts=(LastMinuteDiscount(days=1, discount_ppm=1),) * 2
            )
        },
        {"rules": StayRules(minimum_nights=0)},
        {"rules": StayRules(minimum_nights=5, maximum_nights=4)},
        {"rules": StayRules(maximum_nights=1_101)},
        {"rules": StayRules(window_days=1_101)},
        {"rules": StayRules(arrival_weekdays=(7,))},
        {"terms": BookingTerms(hold_ms=999)},
        {"terms": BookingTerms(response_ms=8 * 86_400_000)},
        {"terms": BookingTerms(utc_offset_minutes=1_441)},
        {"terms": BookingTerms(check_in_minute=1_440)},
    ],
)
def test_what_is_no_listing(wrong: dict[str, Any]) -> None:
    scene = given(SYSTEM.decider)
    [rejection] = scene.when(loft(**wrong), at(0))
    assert rejection.code is RejectCode.INVALID_VALUE
    assert rejection.field == next(iter(wrong))
    assert not scene.state.listings


def test_a_listing_is_changed_and_its_bookings_are_not() -> None:
    scene = booked(offered(), 3, 6)
    dearer = changed(prices=PriceRules(night_price=9 * NIGHT), capacity=1, open=False)
    [event] = scene.when(dearer, at(0))
    assert isinstance(event, ListingChanged)
    assert booking_of(scene).quote.total == 3 * NIGHT
    assert rejected(scene.when(hold("c", 7, 8), at(0))) is RejectCode.LISTING_CLOSED
    scene.when(changed(open=True), at(0))
    assert kinds(scene.when(hold("c", 7, 8), at(0))) == ["NightsHeld"]
    other = changed(host="helga")
    assert rejected(scene.when(other, at(0))) is RejectCode.NOT_YOURS
    assert rejected(scene.when(changed(capacity=0), at(0))) is RejectCode.INVALID_VALUE


def block(*spans: tuple[int, int]) -> BlockNights:
    return BlockNights(listing=LOFT, host=HOST, ranges=ranges(*spans))


def unblock(*spans: tuple[int, int]) -> UnblockNights:
    return UnblockNights(listing=LOFT, host=HOST, ranges=ranges(*spans))


def test_many_nights_are_blocked_or_none() -> None:
    scene = booked(offered(), 10, 12)
    scene.when(block((1, 4), (20, 25)), at(0))
    assert taken(scene) == [(1, 4, ""), (10, 12, "b"), (20, 25, "")]
    assert rejected(scene.when(block((5, 6), (11, 13)), at(0))) is RejectCode.NIGHTS_TAKEN
    scene.when(block((3, 6)), at(0))
    assert taken(scene) == [(1, 3, ""), (3, 6, ""), (10, 12, "b"), (20, 25, "")]
    scene.when(unblock((2, 22)), at(0))
    assert taken(scene) == [(1, 2, ""), (10, 12, "b"), (22, 25, "")]
    assert scene.when(unblock((2, 22)), at(0)) == []


@pytest.mark.parametrize(
    "spans",
    [(), ((3, 3),), ((5, 3),), ((1, 1_102),), ((1, 2),) * 401, ((3_660, 3_661),), ((-3_661, 1),)],
)
def test_what_is_no_range_of_nights(spans: tuple[tuple[int, int], ...]) -> None:
    scene = offered()
    free = SetNights(listing=LOFT, host=HOST, ranges=ranges(*spans), night_terms=NightTerms())
    for command in (block(*spans), unblock(*spans), free):
        assert rejected(scene.when(command, at(0))) is RejectCode.INVALID_VALUE


def test_a_whole_calendar_is_blocked_in_one_command() -> None:
    scene = offered()
    every_other = tuple((2 * number, 2 * number + 1) for number in range(365))
    scene.when(block(*every_other), at(0))
    assert len(taken(scene)) == 365
    assert rejected(scene.when(hold("b", 3, 5), at(0))) is RejectCode.NIGHTS_TAKEN
    assert kinds(scene.when(hold("b", 3, 4), at(0))) == ["NightsHeld"]


def test_what_is_past_is_forgotten_when_a_stay_ends() -> None:
    scene = offered()
    scene.when(block((1, 3), (6, 8)), at(0))
    dear = NightTerms(price=2 * NIGHT)
    spans = ranges((1, 3), (4, 6))
    scene.when(SetNights(listing=LOFT, host=HOST, ranges=spans, night_terms=dear), at(0))
    booked(scene, 3, 5)
    scene.when(Tick(), at(5, 12))
    listing = scene.state.listings[LOFT]
    assert taken(scene) == [(6, 8, "")]
    assert list(listing.set_nights) == [(DAY + 4, DAY + 6, dear)]
    assert listing.past_until == DAY + 5


def test_nights_that_were_stayed_are_nobody_s_again_whatever_the_clock_says() -> None:
    """The host moves the loft's clock back by a day: the night of day 1 is to come once more."""
    scene = booked(offered(), 1, 2)
    scene.when(Tick(), at(2, 12))
    scene.when(changed(terms=BookingTerms(utc_offset_minutes=-1_440)), at(2, 12))
    assert rejected(scene.when(hold("c", 1, 2), at(2, 12))) is RejectCode.TOO_SOON
    assert kinds(scene.when(hold("c", 2, 3), at(2, 12))) == ["NightsHeld"]


def test_wishes_are_kept_once() -> None:
    scene = offered()
    add = AddWish(listing=LOFT, guest=GUEST)
    remove = RemoveWish(listing=LOFT, guest=GUEST)
    assert scene.when(remove, at(0)) == []
    assert kinds(scene.when(add, at(0))) == ["WishAdded"]
    assert scene.when(add, at(0)) == []
    assert kinds(scene.when(remove, at(0))) == ["WishRemoved"]
    unknown = AddWish(listing="shed", guest=GUEST)
    assert rejected(scene.when(unknown, at(0))) is RejectCode.UNKNOWN_LISTING


def search(name: str = "summer", south: int = 0, north: int = 10) -> SaveSearch:
    terms = SearchTerms(
        south_microdegrees=south,
        west_microdegrees=0,
        north_microdegrees=north,
        east_microdegrees=10,
        arrival=DAY,
        departure=DAY + 7,
    )
    return SaveSearch(guest=GUEST, search=name, search_terms=terms)


def test_searches_are_saved_changed_and_removed_on_every_partition() -> None:
    assert SYSTEM.key(search()) is None
    scene = given(SYSTEM.decider)
    for _ in range(2):
        assert kinds(scene.when(search(), at(0))) == ["SearchSaved"]
    assert rejected(scene.when(search(south=11), at(0))) is RejectCode.INVALID_VALUE
    remove = RemoveSearch(guest=GUEST, search="summer")
    assert kinds(scene.when(remove, at(0))) == ["SearchRemoved"]
    assert rejected(scene.when(remove, at(0))) is RejectCode.UNKNOWN_SEARCH
    for number in range(100):
        scene.when(search(f"s{number}"), at(0))
    assert rejected(scene.when(search(), at(0))) is RejectCode.TOO_MANY_SEARCHES
    assert kinds(scene.when(search("s0", north=5), at(0))) == ["SearchSaved"]
