"""What a stay costs, against an oracle that goes night by night, in fractions."""

from datetime import date, timedelta
from fractions import Fraction
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from processors.booking.stays.pricing import night_price, price_stay, share_of, weekday_of
from processors.booking.stays.terms import (
    LastMinuteDiscount,
    LengthDiscount,
    PriceRules,
    Quote,
    Season,
)

FIRST = 20_454


def half_up(amount: Fraction) -> int:
    return floor(amount + Fraction(1, 2))


def naive_total(
    rules: PriceRules, arrival: int, departure: int, today: int, set_prices: dict[int, int]
) -> int:
    total = Fraction(0)
    for night in range(arrival, departure):
        day = date(1970, 1, 1) + timedelta(days=night)
        price = rules.night_price
        if rules.weekday_prices and rules.weekday_prices[day.weekday()] != 0:
            price = rules.weekday_prices[day.weekday()]
        for season in rules.seasons:
            if season.first_night <= night < season.end_night:
                price = half_up(Fraction(price * season.rate_ppm, 1_000_000))
        if set_prices.get(night, 0) != 0:
            price = set_prices[night]
        total += price
    reached = [d for d in rules.length_discounts if departure - arrival >= d.nights]
    if reached:
        most = max(reached, key=lambda each: each.nights)
        total -= half_up(total * Fraction(most.discount_ppm, 1_000_000))
    near = [d for d in rules.last_minute_discounts if arrival - today <= d.days]
    if near:
        nearest = min(near, key=lambda each: each.days)
        total -= half_up(total * Fraction(nearest.discount_ppm, 1_000_000))
    return max(int(total), 1)


PRICES = st.integers(1, 100_000)
RATES = st.integers(0, 900_000)


@st.composite
def price_rules(draw: st.DrawFn) -> PriceRules:
    bounds = sorted(draw(st.lists(st.integers(FIRST, FIRST + 60), max_size=6, unique=True)))
    lengths = sorted(draw(st.lists(st.integers(0, 30), max_size=4, unique=True)))
    days = sorted(draw(st.lists(st.integers(0, 30), max_size=4, unique=True)))
    return PriceRules(
        night_price=draw(PRICES),
        weekday_prices=draw(st.just(()) | st.tuples(*[st.integers(0, 50_000) for _ in range(7)])),
        seasons=tuple(
            Season(first_night=first, end_night=end, rate_ppm=draw(st.integers(1, 3_000_000)))
            for first, end in zip(bounds[::2], bounds[1::2], strict=False)
        ),
        length_discounts=tuple(
            LengthDiscount(nights=n, discount_ppm=draw(RATES)) for n in lengths
        ),
        last_minute_discounts=tuple(
            LastMinuteDiscount(days=d, discount_ppm=draw(RATES)) for d in days
        ),
    )


@given(
    price_rules(),
    st.integers(FIRST, FIRST + 60),
    st.integers(1, 40),
    st.integers(0, 40),
    st.dictionaries(st.integers(FIRST, FIRST + 100), st.integers(0, 50_000), max_size=10),
)
def test_a_stay_costs_what_the_rules_say(
    rules: PriceRules, arrival: int, nights: int, ahead: int, set_prices: dict[int, int]
) -> None:
    today, departure = arrival - ahead, arrival + nights
    quote = price_stay(rules, arrival, departure, today, set_prices)
    assert quote.total == naive_total(rules, arrival, departure, today, set_prices)
    assert len(quote.night_prices) == nights
    parts = sum(quote.night_prices) - quote.length_discount - quote.last_minute_discount
    assert quote.total == max(parts, 1)


def test_each_rule_by_itself() -> None:
    plain = PriceRules(night_price=10_000)
    assert price_stay(plain, FIRST, FIRST + 3, FIRST).total == 30_000
    weekly = PriceRules(night_price=10_000, weekday_prices=(0, 0, 0, 0, 15_000, 15_000, 0))
    assert [night_price(weekly, FIRST + day) for day in range(4)] == [
        10_000,
        15_000,
        15_000,
        10_000,
    ]
    summer = Season(first_night=FIRST + 1, end_night=FIRST + 2, rate_ppm=1_250_000)
    seasonal = PriceRules(night_price=10_001, seasons=(summer,))
    assert price_stay(seasonal, FIRST, FIRST + 3, FIRST).night_prices == (10_001, 12_501, 10_001)
    longer = PriceRules(
        night_price=10_000,
        length_discounts=(
            LengthDiscount(nights=7, discount_ppm=100_000),
            LengthDiscount(nights=28, discount_ppm=250_000),
        ),
    )
    totals = [price_stay(longer, FIRST, FIRST + nights, FIRST).total for nights in (6, 7, 28)]
    assert totals == [60_000, 63_000, 210_000]
    last_minute = PriceRules(
        night_price=10_000,
        last_minute_discounts=(
            LastMinuteDiscount(days=1, discount_ppm=200_000),
            LastMinuteDiscount(days=3, discount_ppm=100_000),
        ),
    )
    totals = [
        price_stay(last_minute, FIRST + days, FIRST + days + 1, FIRST).total for days in (1, 2, 4)
    ]
    assert totals == [8_000, 9_000, 10_000]


def test_the_host_s_own_price_goes_before_season_and_weekday() -> None:
    season = Season(first_night=FIRST, end_night=FIRST + 9, rate_ppm=2_000_000)
    rules = PriceRules(night_price=100, weekday_prices=(200,) * 7, seasons=(season,))
    assert price_stay(rules, FIRST, FIRST + 2, FIRST, {FIRST: 7}).night_prices == (7, 400)


def test_a_stay_costs_something() -> None:
    free = PriceRules(
        night_price=1, length_discounts=(LengthDiscount(nights=1, discount_ppm=900_000),)
    )
    assert price_stay(free, FIRST, FIRST + 1, FIRST) == Quote(
        night_prices=(1,), length_discount=1, total=1
    )


def test_shares_are_rounded_half_up() -> None:
    assert [share_of(amount, 500_000) for amount in (1, 2, 3)] == [1, 1, 2]
    assert share_of(1, 499_999) == 0


def test_weekdays_are_those_of_the_calendar() -> None:
    for day in (0, 1, 20_454, 20_455, 30_000):
        assert weekday_of(day) == (date(1970, 1, 1) + timedelta(days=day)).weekday()
