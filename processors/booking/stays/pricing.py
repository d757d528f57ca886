"""What a stay costs: pure functions of the price rules, for the decider and for read models alike.

All in integers: minor units of the listing's currency, rates in parts per million, each product
rounded half up. The order is that of `PriceRules`: night, season, length, last minute.
"""

from bisect import bisect_right
from collections.abc import Mapping
from operator import attrgetter
from typing import Final

from processors.booking.stays.terms import PriceRules, Quote

PPM: Final = 1_000_000
"""What a rate in parts per million is out of."""
DAYS_A_WEEK: Final = 7
DAY_ZERO_WEEKDAY: Final = 3
"""1970-01-01 was a Thursday; 0 is Monday."""
NO_PRICES: Final[Mapping[int, int]] = {}
FIRST_NIGHT: Final = attrgetter("first_night")


def weekday_of(day: int) -> int:
    """0 is Monday."""
    return (day + DAY_ZERO_WEEKDAY) % DAYS_A_WEEK


def share_of(amount: int, rate_ppm: int) -> int:
    """`amount * rate_ppm / 1,000,000`, half up."""
    return (amount * rate_ppm + PPM // 2) // PPM


def night_price(rules: PriceRules, night: int) -> int:
    """By the rules alone, where the host set no price for the night itself."""
    price = rules.night_price
    if rules.weekday_prices:
        price = rules.weekday_prices[weekday_of(night)] or price
    seasons = rules.seasons
    if seasons:
        place = bisect_right(seasons, night, key=FIRST_NIGHT) - 1
        if place >= 0 and night < seasons[place].end_night:
            price = share_of(price, seasons[place].rate_ppm)
    return price


def price_stay(
    rules: PriceRules,
    arrival: int,
    departure: int,
    today: int,
    set_prices: Mapping[int, int] = NO_PRICES,
) -> Quote:
    """What the nights from `arrival` to `departure - 1` cost, booked today. `set_prices` are those
    that the host set for nights, by night; the rest go by the rules."""
    nights = range(arrival, departure)
    if set_prices:
        prices = tuple([set_prices.get(night) or night_price(rules, night) for night in nights])
    elif rules.seasons or rules.weekday_prices:
        prices = tuple([night_price(rules, night) for night in nights])
    else:
        prices = (rules.night_price,) * len(nights)
    total = sum(prices)
    length_discount = last_minute_discount = 0
    if rules.length_discounts:
        length_discount = share_of(total, _length_rate(rules, len(nights)))
        total -= length_discount
    if rules.last_minute_discounts:
        last_minute_discount = share_of(total, _last_minute_rate(rules, arrival - today))
        total -= last_minute_discount
    return Quote(
        night_prices=prices,
        length_discount=length_discount,
        last_minute_discount=last_minute_discount,
        total=max(total, 1),
    )


def _length_rate(rules: PriceRules, nights: int) -> int:
    rate = 0
    for discount in rules.length_discounts:
        if nights < discount.nights:
            break
        rate = discount.discount_ppm
    return rate


def _last_minute_rate(rules: PriceRules, days: int) -> int:
    for discount in rules.last_minute_discounts:
        if days <= discount.days:
            return discount.discount_ppm
    return 0
