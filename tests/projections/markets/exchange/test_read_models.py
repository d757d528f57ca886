"""The exchange's read models by example: commands in, tables out."""

from textwrap import dedent

import pytest

from processors.markets.exchange.commands import (
    CancelOrder,
    ListInstrument,
    MassCancel,
    OrderType,
    PlaceOrder,
    ReplaceOrder,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from projections.core.errors import QueryError
from tests.projections.markets.exchange.trading import Trading

SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000
NOON_MS = 1_700_000_000_000 // DAY_MS * DAY_MS + 12 * HOUR_MS


def buy(order_id: int, price: int, quantity: int, account_id: int = 1) -> PlaceOrder:
    return _order(Side.BUY, order_id, price, quantity, account_id)


def sell(order_id: int, price: int, quantity: int, account_id: int = 2) -> PlaceOrder:
    return _order(Side.SELL, order_id, price, quantity, account_id)


def _order(side: Side, order_id: int, price: int, quantity: int, account_id: int) -> PlaceOrder:
    return PlaceOrder(
        instrument="ACME",
        order_id=order_id,
        account_id=account_id,
        side=side,
        quantity=quantity,
        price=price,
    )


def replace(order_id: int, price: int, quantity: int) -> ReplaceOrder:
    return ReplaceOrder(instrument="ACME", order_id=order_id, price=price, quantity=quantity)


def lines(text: str) -> str:
    return dedent(text).strip()


@pytest.fixture
def acme(trading: Trading) -> Trading:
    trading.decide(ListInstrument(instrument="ACME", price_decimals=2, tick_size=5))
    return trading


def test_instruments(acme: Trading) -> None:
    acme.decide(ListInstrument(instrument="BOLT"), at_ms=7)
    show = "instrument symbol price_decimals tick_size lot_size listed_at_ms delisted_at_ms"
    assert acme.table("instruments", show=show) == "ACME ACME 2 5 1 0 -\nBOLT BOLT 4 1 1 7 -"


def test_book_by_price(acme: Trading) -> None:
    acme.decide(buy(1, 100, 10), buy(2, 100, 5), buy(3, 95, 7), buy(4, 90, 1))
    acme.decide(sell(5, 105, 20), sell(6, 115, 2))
    assert acme.table("book_by_price", "ACME") == lines("""
        1 2 15 100 105 20 1
        2 1 7 95 115 2 1
        3 1 1 90 - - -
    """)
    assert acme.table("book_by_price", "ACME", "depth=1") == "1 2 15 100 105 20 1"
    assert acme.table("best", "ACME") == "1 2 15 100 105 20 1"


def test_best_of_an_empty_book(acme: Trading) -> None:
    assert acme.table("best", "ACME") == "1 - - - - - -"
    acme.decide(sell(1, 105, 20))
    assert acme.table("best", "ACME") == "1 - - - 105 20 1"
    acme.decide(CancelOrder(instrument="ACME", order_id=1))
    assert acme.table("best", "ACME") == "1 - - - - - -"
    assert acme.ask("book_by_price", "ACME") == []


def test_book_by_order_shows_who_trades_first(acme: Trading) -> None:
    acme.decide(buy(1, 100, 10), buy(2, 105, 5), buy(3, 100, 7), buy(4, 100, 9), buy(5, 95, 1))
    show = "order_id price quantity"
    assert acme.table("book_by_order", "ACME", "buy", show=show) == lines("""
        2 105 5
        1 100 10
        3 100 7
        4 100 9
        5 95 1
    """)
    acme.decide(replace(1, 100, 4))  # smaller: keeps its place
    acme.decide(replace(3, 100, 8))  # larger: loses it
    acme.decide(replace(5, 105, 1))  # another price: behind those that are there
    assert acme.table("book_by_order", "ACME", "buy", show=show) == lines("""
        2 105 5
        5 105 1
        1 100 4
        4 100 9
        3 100 8
    """)
    assert acme.table("book_by_order", "ACME", "buy", "limit=3", show=show) == lines("""
        2 105 5
        5 105 1
        1 100 4
    """)
    assert acme.ask("book_by_order", "ACME", "sell") == []


def test_trades_take_from_the_book(acme: Trading) -> None:
    acme.decide(sell(1, 100, 10), sell(2, 100, 5), sell(3, 105, 8))
    acme.decide(buy(4, 105, 18), at_ms=NOON_MS)
    assert acme.table("book_by_price", "ACME") == "1 - - - 105 5 1"
    assert acme.table("trades", "ACME", show="at_ms price quantity taker_side") == lines(f"""
        {NOON_MS} 105 3 buy
        {NOON_MS} 100 5 buy
        {NOON_MS} 100 10 buy
    """)
    acme.decide(sell(5, 90, 1), buy(6, 80, 2), sell(7, 80, 2))
    assert acme.table("trades", "ACME", "1", show="price quantity taker_side") == "80 2 sell"


@pytest.mark.parametrize(
    ("order_type", "time_in_force"),
    [
        (OrderType.LIMIT, TimeInForce.IMMEDIATE_OR_CANCEL),
        (OrderType.LIMIT, TimeInForce.FILL_OR_KILL),
        (OrderType.MARKET, TimeInForce.IMMEDIATE_OR_CANCEL),
    ],
)
def test_orders_that_never_rest_are_never_in_the_book(
    acme: Trading, order_type: OrderType, time_in_force: TimeInForce
) -> None:
    acme.decide(sell(1, 100, 10))
    order = buy(2, 0 if order_type is OrderType.MARKET else 100, 25)
    order.order_type, order.time_in_force = order_type, time_in_force
    acme.decide(order)
    assert acme.ask("open_orders", "1") == []
    left = "1 - - - 100 10 1" if time_in_force is TimeInForce.FILL_OR_KILL else "1 - - - - - -"
    assert acme.table("best", "ACME") == left


def test_self_trade_prevention_moves_the_book(acme: Trading) -> None:
    acme.decide(sell(1, 100, 10, account_id=1))
    order = buy(2, 100, 4)
    order.self_trade_prevention = SelfTradePrevention.DECREMENT_AND_CANCEL
    acme.decide(order)
    assert acme.table("best", "ACME") == "1 - - - 100 6 1"
    assert acme.ask("trades", "ACME") == acme.ask("executions", "1") == []


def test_open_orders_of_an_account(acme: Trading) -> None:
    acme.decide(ListInstrument(instrument="BOLT"))
    bolt = buy(9, 50, 3)
    bolt.instrument = "BOLT"
    acme.decide(buy(1, 100, 10), sell(2, 105, 5, account_id=1), sell(3, 110, 5), at_ms=1)
    acme.decide(bolt, sell(4, 100, 4), at_ms=2)
    show = "instrument order_id side price quantity accepted_at_ms"
    assert acme.table("open_orders", "1", show=show) == lines("""
        ACME 1 buy 100 6 1
        ACME 2 sell 105 5 1
        BOLT 9 buy 50 3 2
    """)
    assert acme.table("open_orders", "1", "BOLT", show=show) == "BOLT 9 buy 50 3 2"
    acme.decide(MassCancel(instrument="ACME", account_id=1))
    assert acme.table("open_orders", "account_id=1", show=show) == "BOLT 9 buy 50 3 2"


def test_executions_of_an_account(acme: Trading) -> None:
    acme.decide(sell(1, 100, 10, account_id=7), at_ms=NOON_MS)
    acme.decide(buy(2, 100, 4, account_id=8), at_ms=NOON_MS + 1)
    acme.decide(buy(3, 100, 6, account_id=7), at_ms=NOON_MS + 2)  # with itself
    acme.decide(buy(4, 95, 1, account_id=7), sell(5, 95, 1, account_id=8), at_ms=NOON_MS + 3)
    show = "at_ms kind order_id side price quantity"
    assert acme.table("executions", "7", show=show) == lines(f"""
        {NOON_MS + 3} maker 4 buy 95 1
        {NOON_MS + 2} maker 1 sell 100 6
        {NOON_MS + 2} taker 3 buy 100 6
        {NOON_MS + 1} maker 1 sell 100 4
    """)
    assert (
        acme.table("executions", "8", "limit=1", show=show) == f"{NOON_MS + 3} taker 5 sell 95 1"
    )
    since = f"since_ms={NOON_MS + 2}"
    assert len(acme.ask("executions", "7", since)) == 3


def test_candles(acme: Trading) -> None:
    prices = [(0, 100), (999, 115), (SECOND_MS, 90), (59_999, 95), (MINUTE_MS, 105)]
    prices += [(HOUR_MS - 1, 110), (HOUR_MS, 80), (12 * HOUR_MS, 200)]
    for number, (after_ms, price) in enumerate(prices, 1):
        at_ms = NOON_MS + after_ms
        acme.decide(
            sell(2 * number, price, number), buy(2 * number + 1, price, number), at_ms=at_ms
        )

    def candles(*arguments: str) -> list[list[int]]:
        return [
            [it.start_ms - NOON_MS, it.open, it.high, it.low, it.close, it.volume, it.trades]
            for it in acme.ask("candles", "ACME", *arguments)
        ]

    assert candles("1s")[:3] == [
        [0, 100, 115, 100, 115, 3, 2],
        [SECOND_MS, 90, 90, 90, 90, 3, 1],
        [59 * SECOND_MS, 95, 95, 95, 95, 4, 1],
    ]
    assert candles() == [
        [0, 100, 115, 90, 95, 10, 4],
        [MINUTE_MS, 105, 105, 105, 105, 5, 1],
        [59 * MINUTE_MS, 110, 110, 110, 110, 6, 1],
        [HOUR_MS, 80, 80, 80, 80, 7, 1],
        [12 * HOUR_MS, 200, 200, 200, 200, 8, 1],
    ]
    assert candles("1h", f"since_ms={NOON_MS + HOUR_MS}", "limit=5") == [
        [HOUR_MS, 80, 80, 80, 80, 7, 1],
        [12 * HOUR_MS, 200, 200, 200, 200, 8, 1],
    ]
    assert candles("1d") == [
        [-12 * HOUR_MS, 100, 115, 80, 80, 28, 7],
        [12 * HOUR_MS, 200, 200, 200, 200, 8, 1],
    ]
    assert candles("1min", "limit=2") == candles("1min")[-2:]


def test_an_instrument_that_is_not_listed(acme: Trading) -> None:
    for name in ("best", "book_by_price", "trades", "candles"):
        with pytest.raises(QueryError, match="no instrument 'ACNE': did you mean 'ACME'"):
            acme.ask(name, "ACNE")


@pytest.mark.parametrize(
    ("query", "arguments", "message"),
    [
        ("book_by_price", ["ACME", "0"], "depth='0': Expected `int` >= 1"),
        ("book_by_order", ["ACME", "left"], "side='left': Invalid enum value 'left'"),
        ("candles", ["ACME", "2min"], "interval='2min': Invalid enum value"),
        ("executions", ["me"], "account_id='me': Expected `int`"),
    ],
)
def test_arguments_that_mean_nothing(
    acme: Trading, query: str, arguments: list[str], message: str
) -> None:
    with pytest.raises(QueryError, match=message):
        acme.ask(query, *arguments)
