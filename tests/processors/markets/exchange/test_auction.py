"""The call auction's price and allocation: published examples and hand-computed ties, a brute
force over all prices, and the cost of an order and an indication.
"""

import random
import sys
from collections.abc import Iterable
from itertools import groupby
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.markets.exchange.auction import NO_TRADE, CallBook, Indication, allocate
from processors.markets.exchange.instrument import Instrument
from processors.markets.exchange.terms import AuctionPrices, Side
from tests.processors.markets.exchange.auction_cases import ALL_CASES, LIMIT_CASES, Case


class Placed(NamedTuple):
    """An order, by what the auction sees of it. `price` 0: a market order."""

    is_buy: bool
    price: int
    quantity: int


def placed(table: str) -> list[Placed]:
    orders = []
    for line in table.splitlines():
        if line.strip():
            buy, limit, sell = (word.strip() for word in line.split("|"))
            price = 0 if limit == "mkt" else int(limit)
            orders += [Placed(True, price, int(buy))] if buy else []
            orders += [Placed(False, price, int(sell))] if sell else []
    return orders


def book_of(orders: Iterable[Placed], terms: Instrument) -> CallBook:
    book = CallBook(terms)
    for order in orders:
        book.add(*order)
    return book


def shown(indication: Indication) -> str:
    if indication == NO_TRADE:
        return "no trade"
    text = f"{indication.quantity} at {indication.price}"
    if indication.surplus_side is None:
        assert indication.surplus == 0
        return text
    return f"{text}, {indication.surplus} {indication.surplus_side.value}"


@pytest.mark.parametrize(
    ("prices", "case"),
    [
        pytest.param(prices, case, id=f"{prices.value}: {case.rule}")
        for prices, cases in ((AuctionPrices.LIMITS, LIMIT_CASES), (AuctionPrices.ALL, ALL_CASES))
        for case in cases
    ],
)
def test_the_price_by_each_rule(prices: AuctionPrices, case: Case) -> None:
    book = book_of(placed(case.orders), case.instrument(prices))
    found = {reference: shown(book.indication(reference)) for reference in case.outcomes}
    assert found == case.outcomes


@pytest.mark.parametrize(
    ("orders", "remain"),
    [
        ("60 | mkt | 45", True),
        ("45 | mkt | 45", False),
        ("60 | mkt |\n | 100 | 45", True),
        ("60 | mkt |\n 10 | 100 | 65", False),
        ("| mkt | 60\n 45 | 100 | 5", True),
        ("| mkt | 45\n 45 | 100 | 5", False),
        ("60 | mkt |", True),
        ("| mkt | 60\n | 100 | 5", True),
        ("10 | 100 | 10", False),
    ],
)
def test_whether_market_orders_of_either_side_remain(orders: str, remain: bool) -> None:
    """XETRA 11, market order interruption: they are "not or only partially executable"."""
    terms = Case("", orders, {}).instrument(AuctionPrices.LIMITS)
    book = book_of(placed(orders), terms)
    assert book.market_orders_remain(book.indication(100)) is remain


# Against a brute force.


class Market(NamedTuple):
    terms: Instrument
    on_tick: list[int]
    """All prices of the instrument."""
    orders: list[Placed]
    reference: int


@st.composite
def markets(draw: st.DrawFn) -> Market:
    """Few prices and small quantities, so that ties are common; low and high, and up to numbers
    at which the structures within have another level. Ticks may change within the prices, and
    neither the price limits nor all limits of orders are on tick."""
    price_min = draw(st.sampled_from([1, 55, 247, 503, 4_087, 10**12])) + draw(st.integers(0, 2))
    price_max = price_min + draw(st.integers(5, 16))
    terms = Instrument("ACME", 0, draw(st.sampled_from([1, 1, 3])), 1, price_min, price_max, 99)
    terms.auction_prices = draw(st.sampled_from(AuctionPrices))
    if draw(st.booleans()):
        tick = draw(st.sampled_from([1, 2, 5]))
        price_from = price_min + draw(st.integers(0, 12))
        terms.set_tick_bands([(price_from + -price_from % tick, tick)])
    on_tick = [
        price for price in range(price_min, price_max + 1) if not price % tick_of(terms, price)
    ]
    price = st.sampled_from(on_tick)
    off_tick = st.integers(price_min, price_max)
    limit = st.one_of(st.just(0), price, price, price, off_tick)
    order = st.builds(Placed, st.booleans(), limit, st.integers(1, 4))
    orders = draw(st.lists(order, max_size=14))
    near = st.integers(max(1, price_min - 2), price_max + 2)
    return Market(terms, on_tick, orders, draw(st.one_of(st.just(0), near, near)))


def tick_of(terms: Instrument, price: int) -> int:
    ticks = [tick for price_from, tick in terms.tick_bands if price_from <= price]
    return ticks[-1] if ticks else terms.tick_size


def demand_and_supply(orders: Iterable[Placed], price: int) -> tuple[int, int]:
    demand = sum(o.quantity for o in orders if o.is_buy and (not o.price or o.price >= price))
    supply = sum(o.quantity for o in orders if not o.is_buy and o.price <= price)
    return demand, supply


def prices_of(market: Market) -> list[int]:
    """All that the auction may have; none where market orders alone can trade."""
    if market.terms.auction_prices is AuctionPrices.LIMITS:
        return sorted({order.price for order in market.orders if order.price})
    first, last = market.on_tick[0], market.on_tick[-1]
    for is_buy, limit, _ in market.orders:
        if limit and (limit >= first if is_buy else limit <= last):
            return market.on_tick
    return []


def price_by_the_rules(market: Market) -> int:
    """The four rules, read literally, over all prices that the auction may have."""
    rounded = market.reference
    while rounded % tick_of(market.terms, rounded):
        rounded -= 1
    prices = prices_of(market)
    if not prices:
        sides = {order.is_buy for order in market.orders if not order.price}
        return rounded if len(sides) == 2 else 0
    of_limits = market.terms.auction_prices is AuctionPrices.LIMITS
    met = {price: demand_and_supply(market.orders, price) for price in prices}
    most = max(min(both) for both in met.values())
    if not most:
        return 0
    prices = [price for price in prices if min(met[price]) == most]
    surplus = {price: met[price][0] - met[price][1] for price in prices}
    least = min(map(abs, surplus.values()))
    prices = [price for price in prices if abs(surplus[price]) == least]
    bought_over = [price for price in prices if surplus[price] > 0]
    sold_over = [price for price in prices if surplus[price] < 0]
    if bought_over == prices:
        return max(prices)
    if sold_over == prices:
        return min(prices)
    if least and of_limits:
        prices = [max(bought_over), min(sold_over)]
    if not market.reference:
        return min(prices)
    aim = market.reference if of_limits else rounded
    distance = min(abs(price - aim) for price in prices)
    return max(price for price in prices if abs(price - aim) == distance)


@settings(max_examples=1_000)
@given(markets())
def test_equals_the_rules_read_literally(market: Market) -> None:
    found = book_of(market.orders, market.terms).indication(market.reference)
    price = price_by_the_rules(market)
    if not price:
        assert found == NO_TRADE
        return
    able = market.orders
    if not prices_of(market):
        able = [order for order in able if not order.price]
    demand, supply = demand_and_supply(able, price)
    side = None if demand == supply else Side.BUY if demand > supply else Side.SELL
    assert found == (price, min(demand, supply), abs(demand - supply), side)


@given(markets())
def test_no_price_executes_more(market: Market) -> None:
    """LIMITS: on tick or not, to beyond both ends. ALL: on tick. (Market orders alone need a
    reference price.)"""
    found = book_of(market.orders, market.terms).indication(market.reference)
    prices = prices_of(market)
    if prices and market.terms.auction_prices is AuctionPrices.LIMITS:
        prices = list(range(market.terms.price_min - 1, market.terms.price_max + 2))
    most = max((min(demand_and_supply(market.orders, price)) for price in prices), default=0)
    assert found.quantity == most or not prices


@given(markets(), st.randoms(use_true_random=False))
def test_what_has_gone_leaves_no_trace(market: Market, draw: random.Random) -> None:
    """Orders that stay and others that come and go, whole or by halves, in any order."""
    book = CallBook(market.terms)
    staying = []
    leaving = []
    for order in market.orders:
        book.add(*order)
        if draw.random() < 0.5:
            staying.append(order)
        else:
            half = order.quantity // 2
            parts = (half, order.quantity - half)
            leaving += [order._replace(quantity=part) for part in parts if part]
        if leaving and draw.random() < 0.5:
            book.remove(*leaving.pop(draw.randrange(len(leaving))))
    for order in leaving:
        book.remove(*order)
    afresh = book_of(staying, market.terms)
    for reference in (0, market.reference, market.terms.price_min, market.terms.price_max):
        found = book.indication(reference)
        assert found == afresh.indication(reference)
        assert book.market_orders_remain(found) == afresh.market_orders_remain(found)
    for order in staying:
        book.remove(*order)
    for side in (book._buys, book._sells):
        assert (side.total, side.market, side.by_limit) == (0, 0, {})
        assert not any(side.sums), "sums of nothing are not kept"


# Allocation.


@pytest.mark.parametrize(
    ("rule", "buys", "sells", "quantity", "trades"),
    [
        (
            "XETRA partial execution: of two at the price the later is filled in part",
            [("9:00", 300), ("9:01", 300)],
            [("S", 400)],
            400,
            "9:00-S 300, 9:01-S 100",
        ),
        (
            "EURONEXT market order 1: market orders, then price, then time",
            [("A mtl", 50), ("G mkt", 20), ("B 1010", 90), ("C 990", 10)],
            [("D mtl", 40), ("E 1008", 100), ("F 1015", 60)],
            140,
            "A mtl-D mtl 40, A mtl-E 1008 10, G mkt-E 1008 20, B 1010-E 1008 70",
        ),
        (
            "EURONEXT market order 2: the later market order is filled in part",
            [("A mtl", 40), ("G mkt", 20)],
            [("D mkt", 45)],
            45,
            "A mtl-D mkt 40, G mkt-D mkt 5",
        ),
        ("nothing to trade", [("A", 40)], [], 0, ""),
    ],
)
def test_pairs_in_order_of_priority(
    rule: str,
    buys: list[tuple[str, int]],
    sells: list[tuple[str, int]],
    quantity: int,
    trades: str,
) -> None:
    found = allocate(buys, sells, quantity)
    assert ", ".join(f"{buy}-{sell} {traded}" for buy, sell, traded in found) == trades, rule


def test_a_side_that_ends_too_early_is_said() -> None:
    with pytest.raises(ValueError, match="5 more should trade, but one side has no more orders"):
        allocate([("A", 40)], [("B", 30), ("C", 20)], 45)


quantities = st.lists(st.integers(1, 9), max_size=8)


def in_turn(side: list[int], quantity: int) -> list[tuple[int, int]]:
    """Each order in full before the next, by its place: what priority asks for."""
    fills = []
    for place, open_quantity in enumerate(side):
        if quantity:
            fills.append((place, min(open_quantity, quantity)))
            quantity -= fills[-1][1]
    return fills


def fills_of(parts: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    return [
        (place, sum(quantity for _, quantity in group))
        for place, group in groupby(parts, lambda part: part[0])
    ]


@given(quantities, quantities, st.data())
def test_conserves_quantity_and_priority(
    bought: list[int], sold: list[int], data: st.DataObject
) -> None:
    quantity = data.draw(st.integers(0, min(sum(bought), sum(sold))))
    buys, sells = enumerate(bought), enumerate(sold)
    pairs = allocate(buys, sells, quantity)
    assert all(traded > 0 for _, _, traded in pairs)
    fills = fills_of((buy, traded) for buy, _, traded in pairs)
    assert fills == in_turn(bought, quantity)
    assert list(buys) == list(enumerate(bought))[len(fills) :], "no more orders than trade"
    fills = fills_of((sell, traded) for _, sell, traded in pairs)
    assert fills == in_turn(sold, quantity)
    assert list(sells) == list(enumerate(sold))[len(fills) :], "no more orders than trade"


# Cost.

PRICE_MAX = 10**12


def lines_run(book: CallBook, orders: list[Placed]) -> int:
    """Of Python, to let each order come and go, with an indication after both."""
    lines = 0

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for order in orders:
            book.add(*order)
            book.indication(PRICE_MAX)
            book.remove(*order)
            book.indication(PRICE_MAX)
    finally:
        sys.settrace(before)
    return lines


def crossed(levels: int, gap: int, prices: AuctionPrices) -> CallBook:
    """Buys and sells at every limit, around the middle of the range."""
    first = PRICE_MAX // 2 - levels * gap // 2
    terms = Instrument("ACME", 4, 1, 1, 1, PRICE_MAX, 10**9)
    terms.auction_prices = prices
    book = CallBook(terms)
    for step in range(levels):
        book.add(True, first + step * gap, 7)
        book.add(False, first + step * gap, 7)
    return book


@pytest.mark.parametrize("prices", AuctionPrices)
@pytest.mark.parametrize("gap", [1, 1_000_003])
def test_costs_no_more_with_more_limits(gap: int, prices: AuctionPrices) -> None:
    """A thousand times as many: a walk over them would cost that much more, and a descent through
    their sums takes a few steps more. Small orders, and ones that move the crossing far."""
    sizes = 100, 100_000
    draw = random.Random(7)
    steps = [draw.randrange(-50, 50) for _ in range(30)]
    costs = []
    for levels in sizes:
        orders = [
            Placed(step % 2 == 0, PRICE_MAX // 2 + step * gap, draw.choice([1, 3 * levels]))
            for step in steps
        ]
        costs.append(lines_run(crossed(levels, gap, prices), orders))
    assert costs[1] < 1.5 * costs[0] + 20, f"{costs} lines of {sizes} limits"
