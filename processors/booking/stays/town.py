"""The listings of the flow: a small town, every rule of the stays in use somewhere in it."""

from random import Random
from typing import Final

from processors.booking.stays.commands import (
    BookingMode,
    BookingTerms,
    CancellationPolicy,
    CreateListing,
    LastMinuteDiscount,
    LengthDiscount,
    Place,
    PriceRules,
    Season,
    StayRules,
)

GUESTS: Final = tuple(f"guest-{number}" for number in range(1, 41))
TITLES: Final = (
    "Loft",
    "Garden flat",
    "Attic",
    "Cabin",
    "Row house",
    "Studio",
    "Barn",
    "Boathouse",
)
AMENITIES: Final = ("wifi", "kitchen", "parking", "washer", "pool", "desk", "crib", "sauna")
ROOM_TYPES: Final = ("entire home", "entire home", "private room")
POLICIES: Final = tuple(CancellationPolicy)
DAY_MS: Final = 86_400_000
SEASON_FROM: Final = 20_464
"""2026-01-11."""


def listing_of_town(draw: Random, number: int, *, patient: bool = False) -> CreateListing:
    """The listing of this number. `patient`: nights are held for days, as in the demo, where the
    answer of the provider comes by a slower clock than the flow's."""
    hold_ms, response_ms = (3 * DAY_MS, 6 * DAY_MS) if patient else (900_000, 6 * 3_600_000)
    return CreateListing(
        listing=f"{TITLES[number % len(TITLES)].lower().replace(' ', '-')}-{number}",
        host=f"host-{number // 2}",
        place=Place(
            latitude_microdegrees=42_600_000 + draw.randrange(120_000),
            longitude_microdegrees=-73_900_000 + draw.randrange(160_000),
            city="Albany",
            country="US",
        ),
        capacity=2 + draw.randrange(5),
        currency="USD",
        prices=_prices(draw),
        title=f"{TITLES[number % len(TITLES)]} {number}",
        room_type=ROOM_TYPES[draw.randrange(len(ROOM_TYPES))],
        amenities=tuple(name for name in AMENITIES if draw.randrange(2)),
        rules=_rules(number),
        terms=BookingTerms(
            mode=BookingMode.REQUEST if number % 3 == 2 else BookingMode.INSTANT,
            cancellation=POLICIES[number % len(POLICIES)],
            hold_ms=hold_ms,
            response_ms=response_ms,
            utc_offset_minutes=-300,
        ),
    )


def _prices(draw: Random) -> PriceRules:
    base = 100 * draw.randrange(45, 260)
    weekend = base + 100 * draw.randrange(10, 50)
    return PriceRules(
        night_price=base,
        weekday_prices=(0, 0, 0, 0, weekend, weekend, 0) if draw.randrange(2) else (),
        seasons=(
            Season(first_night=SEASON_FROM, end_night=SEASON_FROM + 10, rate_ppm=1_250_000),
            Season(first_night=SEASON_FROM + 150, end_night=SEASON_FROM + 240, rate_ppm=1_400_000),
        ),
        length_discounts=(
            LengthDiscount(nights=7, discount_ppm=100_000),
            LengthDiscount(nights=28, discount_ppm=250_000),
        ),
        last_minute_discounts=(LastMinuteDiscount(days=2, discount_ppm=80_000),),
    )


def _rules(number: int) -> StayRules:
    match number % 6:
        case 1:
            return StayRules(minimum_nights=2, maximum_nights=14, fills_gaps=True)
        case 2:
            return StayRules(preparation_nights=1, window_days=180)
        case 3:
            return StayRules(gap_nights_min=2, notice_days=1)
        case 4:
            return StayRules(minimum_nights=3, arrival_weekdays=(4, 5), departure_weekdays=(0, 6))
    return StayRules()
