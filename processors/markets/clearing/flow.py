"""Seeded trading through clearing: what clients and operators ask for, with the answers that the
exchange would give.

    Random(seed) ─► a request ─► clearing and the exchange, in memory (`connected`) ─► answers
        flow:       requests to clearing, and the answers      } the same market
        demo_flow:  requests to clearing and to the exchange   }

A few accounts trade three instruments in two currencies; one of them sells short. A day has few
requests, so that trades settle, and fail; now and then an instrument is split, or a trade busted.
What is open is looked up in the states, so that most cancels and replaces meet their order.
"""

from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any, Final, NamedTuple

from processors.markets.clearing.calendar import DAY_MS
from processors.markets.clearing.commands import (
    CancelOrder,
    Deposit,
    OpenAccount,
    OrderTerms,
    OrderType,
    PlaceOrder,
    RegisterInstrument,
    ReplaceOrder,
    SelfTradePrevention,
    SetCalendar,
    Side,
    TimeInForce,
    Withdraw,
)
from processors.markets.clearing.connected import OF_CLEARING, Connected
from processors.markets.clearing.order_ids import account_of, order_id_of
from processors.markets.clearing.reactors import bust, listing, split_on_exchange
from processors.markets.clearing.state import Instrument, Order

START_MS: Final = 1_704_182_400_000
"""2024-01-02, 08:00 UTC: a Tuesday."""
DAY_LENGTH_MS: Final = 8 * 3_600_000
SHORT_SELLER: Final = 1
MORNING_NUMBER: Final = 2**31
"""Its orders of the morning are numbered from here on."""
CASH: Final = 2_000_000_000
SHARES: Final = 600
MAKER_PPM: Final = -20
TAKER_PPM: Final = 300
NEW_YEAR_2025: Final = 20_089
MINUTE_MS: Final = 60_000


class Size(NamedTuple):
    accounts: int
    day_requests: int
    split_days: int
    """A split every so many days."""


SMALL: Final = Size(8, 20, 4)
"""Everything happens within some hundred commands."""
LARGE: Final = Size(100, 2_500, 5)


class Traded(NamedTuple):
    instrument: str
    currency: str
    multiplier: int
    tick_size: int
    price: int


TRADED: Final = (
    Traded("ASPEN", "EUR", 1, 100, 1_000_000),
    Traded("BEECH", "EUR", 1, 50, 252_500),
    Traded("CHESTNUT", "USD", 10, 10, 41_000),
)


def flow(seed: int, start_ms: int = START_MS) -> Iterator[tuple[int, Any]]:
    """Endless (timestamp in ms since 1970, command of clearing), answers of the exchange among
    them; the same for the same seed."""
    market = Connected()
    for at, command in _requests(Random(seed), market, SMALL, start_ms):
        answers = market.give(command, at)
        if type(command) in OF_CLEARING:
            yield at, command
        for answer in answers:
            yield at, answer


def demo_flow(seed: int, start_ms: int = START_MS) -> Iterator[tuple[int, Any]]:
    """Endless (timestamp in ms since 1970, command of clearing or of the exchange): requests
    alone."""
    market = Connected()
    for at, command in _requests(Random(seed), market, LARGE, start_ms):
        market.give(command, at)
        yield at, command


def _requests(
    draw: Random, market: Connected, size: Size, start_ms: int
) -> Iterator[tuple[int, Any]]:
    """Requests, each once the one before has been given to the market."""
    for command in _setting_up(size):
        yield start_ms, command
    number, day, prices = 0, 0, [traded.price for traded in TRADED]
    while True:
        at = start_ms + day * DAY_MS
        for command in _operator(market, day, size):
            yield at, command
        for _ in range(size.day_requests):
            number += 1
            at += draw.randrange(2 * DAY_LENGTH_MS // size.day_requests)
            which = draw.randrange(len(TRADED))
            if draw.random() < 0.5:
                prices[which] += draw.choice((-1, 1)) * TRADED[which].tick_size
            order_id = order_id_of(draw.randrange(1, size.accounts + 1), number)
            yield at, _request(draw, market, order_id, TRADED[which], prices[which], at)
        day += 1


def _setting_up(size: Size) -> Iterator[Any]:
    yield SetCalendar(holidays=(NEW_YEAR_2025,), settles_at_ms=17 * 60 * MINUTE_MS)
    for traded in TRADED:
        yield from listing(traded.instrument, traded.tick_size, MAKER_PPM, TAKER_PPM)
        yield RegisterInstrument(
            instrument=traded.instrument,
            currency=traded.currency,
            multiplier=traded.multiplier,
            fee_ppm_max=TAKER_PPM,
        )
    for account_id in range(1, size.accounts + 1):
        yield OpenAccount(account_id=account_id, may_sell_short=account_id == SHORT_SELLER)
        yield Deposit(account_id=account_id, asset="EUR", amount=CASH, reference="opening")
        yield Deposit(account_id=account_id, asset="USD", amount=CASH, reference="opening")
        if account_id != SHORT_SELLER:
            for traded in TRADED:
                yield Deposit(account_id=account_id, asset=traded.instrument, amount=SHARES)


def _operator(market: Connected, day: int, size: Size) -> Iterator[Any]:
    """In the morning: the short seller sells, a trade of the day before is busted, and now and
    then there is a split."""
    traded = TRADED[day % len(TRADED)]
    price = market.clearing[0].instruments[traded.instrument].last_price or traded.price
    yield PlaceOrder(
        instrument=traded.instrument,
        order_id=order_id_of(SHORT_SELLER, MORNING_NUMBER + day),
        side=Side.SELL,
        quantity=40,
        price=price - price % traded.tick_size,
    )
    book = market.exchange.books[traded.instrument]
    if book.trade_count:
        yield from bust(traded.instrument, book.trade_count)
    splits, days = divmod(day, size.split_days)
    if days == 1:
        parts, of = ((2, 1), (3, 2), (1, 2), (2, 3))[splits % 4]
        yield from split_on_exchange("BEECH", parts, of)


def _request(
    draw: Random, market: Connected, order_id: int, traded: Traded, price: int, at: int
) -> Any:
    account_id = account_of(order_id)
    kind = draw.random()
    if kind < 0.05:
        asset = draw.choice((traded.instrument, traded.currency))
        amount = draw.randrange(1, SHARES if asset == traded.instrument else CASH // 10)
        make = Deposit if kind < 0.025 else Withdraw
        return make(account_id=account_id, asset=asset, amount=amount)
    instrument = market.clearing[0].instruments[traded.instrument]
    if kind < 0.3 and instrument.orders:
        return _change(draw, traded, _any_order(draw, instrument), is_cancel=kind < 0.2)
    if kind < 0.31:
        return CancelOrder(instrument=traded.instrument, order_id=order_id)  # there is none
    holding = instrument.holdings.get(account_id)
    is_short = holding is not None and holding.available < 0 and draw.random() < 0.2
    return _order(draw, traded, order_id, instrument.last_price or price, at, is_short=is_short)


def _any_order(draw: Random, instrument: Instrument) -> Order:
    """One of the open orders, an old one rather than a new one."""
    number = draw.randrange(min(len(instrument.orders), 50))
    return next(islice(instrument.orders.values(), number, None))


def _change(draw: Random, traded: Traded, order: Order, *, is_cancel: bool) -> Any:
    if is_cancel:
        return CancelOrder(instrument=traded.instrument, order_id=order.order_id)
    off_tick = draw.random() < 0.25
    return ReplaceOrder(
        instrument=traded.instrument,
        order_id=order.order_id,
        price=order.price + draw.randrange(-5, 6) * traded.tick_size + off_tick,
        quantity=draw.randrange(1, 100),
    )


def _order(
    draw: Random, traded: Traded, order_id: int, price: int, at: int, *, is_short: bool
) -> PlaceOrder:
    side = Side.BUY if is_short else draw.choice((Side.BUY, Side.SELL))
    quantity = draw.randrange(1, 100)
    if draw.random() < 0.02 and account_of(order_id) != SHORT_SELLER:
        quantity *= 1_000  # more than the account can stand behind
    price -= price % traded.tick_size
    away = draw.randrange(-4 if is_short else -2, 8) * traded.tick_size
    order = PlaceOrder(
        instrument=traded.instrument,
        order_id=order_id,
        side=side,
        quantity=quantity,
        price=max(price - away if side is Side.BUY else price + away, traded.tick_size),
    )
    kind = draw.random()
    if kind < 0.06:
        order.order_type = OrderType.MARKET
        if side is Side.SELL:
            order.price = 0
    elif kind < 0.12:
        order.time_in_force = TimeInForce.IMMEDIATE_OR_CANCEL
    elif kind < 0.2:
        order.time_in_force = TimeInForce.GOOD_TILL_TIME
        order.terms = OrderTerms(expires_at_ms=at + draw.randrange(1, 60) * MINUTE_MS)
    elif kind < 0.24:
        order.terms = OrderTerms(stop_price=order.price)
    elif kind < 0.27:
        order.post_only = True
    elif kind < 0.37:
        order.self_trade_prevention = SelfTradePrevention.DECREMENT_AND_CANCEL
    elif kind < 0.39:
        order.price += 1  # off tick: reserved, and released when the exchange rejects it
    elif kind < 0.8:
        order.time_in_force = TimeInForce.DAY
    return order
