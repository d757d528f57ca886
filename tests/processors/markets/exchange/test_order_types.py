"""Each type of order and time in force, on books that are drawn."""

import pytest

from processors.markets.exchange.commands import PlaceOrder, TimeInForce
from processors.markets.exchange.events import CancelReason, OrderTraded
from tests.processors.markets.exchange.vocabulary import (
    ACME,
    FOK,
    IOC,
    accepted,
    book,
    buy,
    cancelled,
    given,
    market,
    sell,
    table,
    trades,
)

ASKS = (sell(1, 10, 101), sell(2, 5, 101), sell(3, 20, 102))


def test_a_limit_order_that_meets_nobody_rests() -> None:
    exchange = given(*ASKS)
    assert exchange.when(buy(7, 10, 100)) == [accepted(buy(7, 10, 100))]
    assert book(exchange) == table("""
              | 102 | 20#3
              | 101 | 10#1 5#2
        10#7  | 100 |
    """)


def test_a_limit_order_trades_at_the_makers_price_oldest_first_and_its_rest_rests() -> None:
    exchange = given(*ASKS)
    order = buy(7, 40, 102, account=9)
    assert exchange.when(order) == [
        accepted(order),
        *(
            OrderTraded(
                instrument=ACME,
                taker_order_id=7,
                maker_order_id=maker,
                taker_account_id=9,
                maker_account_id=1,
                taker_side=order.side,
                price=price,
                quantity=quantity,
                trade_id=trade_id,
            )
            for trade_id, (maker, price, quantity) in enumerate(
                ((1, 101, 10), (2, 101, 5), (3, 102, 20)), start=1
            )
        ),
    ]
    assert book(exchange) == table("5#7 | 102 |")


def test_a_maker_that_trades_in_part_keeps_its_place() -> None:
    exchange = given(*ASKS)
    assert trades(exchange.when(buy(7, 4, 105))) == ["7 x 1: 4 @ 101"]
    assert book(exchange) == table("""
        | 102 | 20#3
        | 101 | 6#1 5#2
    """)
    assert trades(exchange.when(buy(8, 7, 101))) == ["8 x 1: 6 @ 101", "8 x 2: 1 @ 101"]


def test_a_limit_order_stops_at_its_price() -> None:
    exchange = given(*ASKS)
    assert trades(exchange.when(buy(7, 50, 101))) == ["7 x 1: 10 @ 101", "7 x 2: 5 @ 101"]
    assert book(exchange) == table("""
               | 102 | 20#3
        35#7   | 101 |
    """)


def test_selling_mirrors_buying() -> None:
    exchange = given(buy(1, 10, 99), buy(2, 5, 99), buy(3, 20, 98))
    assert trades(exchange.when(sell(7, 30, 98))) == [
        "7 x 1: 10 @ 99",
        "7 x 2: 5 @ 99",
        "7 x 3: 15 @ 98",
    ]
    assert trades(exchange.when(sell(8, 9, 98))) == ["8 x 3: 5 @ 98"]
    assert book(exchange) == table("| 98 | 4#8")


def test_a_market_order_takes_any_price_and_its_rest_is_cancelled() -> None:
    exchange = given(*ASKS)
    assert trades(exchange.when(market(buy(7, 30)))) == [
        "7 x 1: 10 @ 101",
        "7 x 2: 5 @ 101",
        "7 x 3: 15 @ 102",
    ]
    order = market(buy(8, 30))
    accepted_first, traded, gone = exchange.when(order)
    assert accepted_first == accepted(order)
    assert trades([traded]) == ["8 x 3: 5 @ 102"]
    assert gone == cancelled(8, 25, CancelReason.NO_LIQUIDITY)
    assert book(exchange) == []


@pytest.mark.parametrize("time_in_force", [TimeInForce.GOOD_TILL_CANCELLED, IOC])
def test_a_market_order_on_an_empty_side_never_rests(time_in_force: TimeInForce) -> None:
    exchange = given(buy(1, 10, 99))
    order = market(buy(7, 3, time_in_force=time_in_force))
    assert exchange.when(order) == [accepted(order), cancelled(7, 3, CancelReason.NO_LIQUIDITY)]
    assert book(exchange) == table("10#1 | 99 |")


def test_immediate_or_cancel_takes_what_there_is_and_leaves_nothing() -> None:
    exchange = given(*ASKS)
    order = buy(7, 50, 101, time_in_force=IOC)
    events = exchange.when(order)
    assert trades(events) == ["7 x 1: 10 @ 101", "7 x 2: 5 @ 101"]
    assert events[-1] == cancelled(7, 35, CancelReason.IMMEDIATE_OR_CANCEL)
    assert book(exchange) == table("| 102 | 20#3")


def test_immediate_or_cancel_that_is_filled_ends_with_its_last_trade() -> None:
    events = given(*ASKS).when(buy(7, 15, 102, time_in_force=IOC))
    assert trades(events[-1:]) == ["7 x 2: 5 @ 101"]


@pytest.mark.parametrize(
    "order",
    [buy(7, 35, 102, time_in_force=FOK), market(buy(7, 35, time_in_force=FOK))],
    ids=["limit", "market"],
)
def test_fill_or_kill_fills_where_all_of_it_can_trade(order: PlaceOrder) -> None:
    exchange = given(*ASKS)
    events = exchange.when(order)
    assert trades(events) == ["7 x 1: 10 @ 101", "7 x 2: 5 @ 101", "7 x 3: 20 @ 102"]
    assert len(events) == 4
    assert book(exchange) == []


@pytest.mark.parametrize(
    "order",
    [
        buy(7, 36, 102, time_in_force=FOK),
        buy(7, 16, 101, time_in_force=FOK),
        market(buy(7, 36, time_in_force=FOK)),
    ],
    ids=["too little", "too little at its price", "market"],
)
def test_fill_or_kill_is_killed_untouched_where_it_cannot(order: PlaceOrder) -> None:
    exchange = given(*ASKS)
    killed = cancelled(7, order.quantity, CancelReason.FILL_OR_KILL)
    assert exchange.when(order) == [accepted(order), killed]
    assert book(exchange) == table("""
        | 102 | 20#3
        | 101 | 10#1 5#2
    """)


def test_post_only_rests_where_it_takes_nothing() -> None:
    exchange = given(*ASKS)
    order = buy(7, 10, 100, post_only=True)
    assert exchange.when(order) == [accepted(order)]
    assert book(exchange)[-1] == ("10#7", "100", "")


def test_an_order_id_may_be_used_again_once_it_is_not_open() -> None:
    exchange = given(*ASKS)
    exchange.when(buy(7, 10, 101))
    assert exchange.when(buy(7, 1, 100)) == [accepted(buy(7, 1, 100))]


def test_instruments_have_books_of_their_own() -> None:
    exchange = given(*ASKS)
    exchange.when(buy(7, 1, 90))
    other = buy(7, 10, 200)
    other.instrument = "BOLT"
    (rejected,) = exchange.when(other)
    assert rejected.code.value == "unknown_instrument"
