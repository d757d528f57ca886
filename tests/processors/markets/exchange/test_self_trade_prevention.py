"""The four ways in which an order does not trade with its own account, at every level of a sweep.

The book is the same for each: account 2 sells first and last, account 1 (the taker's) in between.
"""

import pytest

from processors.markets.exchange.commands import PlaceOrder, SelfTradePrevention
from processors.markets.exchange.events import CancelReason, OrderCancelled, OrderTraded
from tests.processors.markets.exchange.vocabulary import (
    FOK,
    IOC,
    accepted,
    book,
    buy,
    cancelled,
    decremented,
    given,
    market,
    preventing,
    replace,
    replaced,
    sell,
    table,
    trades,
)

NONE = SelfTradePrevention.NONE
NEWEST = SelfTradePrevention.CANCEL_NEWEST
OLDEST = SelfTradePrevention.CANCEL_OLDEST
BOTH = SelfTradePrevention.CANCEL_BOTH
DECREMENT = SelfTradePrevention.DECREMENT_AND_CANCEL
SELF_TRADE = CancelReason.SELF_TRADE

BOOK = (
    sell(1, 10, 101, account=2),
    sell(2, 10, 101, account=1),
    sell(3, 10, 102, account=1),
    sell(4, 10, 102, account=2),
)


def taker(quantity: int, mode: SelfTradePrevention) -> PlaceOrder:
    return preventing(buy(7, quantity, 102), mode)


def test_none_trades_with_itself() -> None:
    exchange = given(*BOOK)
    assert len(trades(exchange.when(taker(40, NONE)))) == 4
    assert book(exchange) == []


def test_cancel_newest_cancels_the_rest_of_the_taker() -> None:
    exchange = given(*BOOK)
    order = taker(35, NEWEST)
    first, traded, gone = exchange.when(order)
    assert first == accepted(order)
    assert trades([traded]) == ["7 x 1: 10 @ 101"]
    assert gone == cancelled(7, 25, SELF_TRADE)
    assert book(exchange) == table("""
        | 102 | 10#3 10#4
        | 101 | 10#2
    """)


def test_cancel_oldest_cancels_each_maker_of_its_own_and_goes_on() -> None:
    exchange = given(*BOOK)
    order = taker(35, OLDEST)
    first, traded, gone_2, gone_3, traded_last = exchange.when(order)
    assert first == accepted(order)
    assert trades([traded]) == ["7 x 1: 10 @ 101"]
    assert [gone_2, gone_3] == [cancelled(2, 10, SELF_TRADE), cancelled(3, 10, SELF_TRADE)]
    assert trades([traded_last]) == ["7 x 4: 10 @ 102"]
    assert book(exchange) == table("15#7 | 102 |")


def test_cancel_both_cancels_the_maker_and_the_rest_of_the_taker() -> None:
    exchange = given(*BOOK)
    events = exchange.when(taker(35, BOTH))
    assert trades(events) == ["7 x 1: 10 @ 101"]
    assert events[2:] == [cancelled(2, 10, SELF_TRADE), cancelled(7, 25, SELF_TRADE)]
    assert book(exchange) == table("| 102 | 10#3 10#4")


def test_decrement_and_cancel_of_a_larger_taker_goes_on_with_what_is_left() -> None:
    exchange = given(*BOOK)
    events = exchange.when(taker(35, DECREMENT))
    assert trades(events) == ["7 x 1: 10 @ 101", "7 x 4: 5 @ 102"]
    assert events[2:6] == [
        cancelled(2, 10, SELF_TRADE),
        decremented(7, 10),
        cancelled(3, 10, SELF_TRADE),
        decremented(7, 10),
    ]
    assert book(exchange) == table("| 102 | 5#4")


def test_decrement_and_cancel_of_a_smaller_taker_takes_it_off_the_maker() -> None:
    exchange = given(*BOOK)
    events = exchange.when(taker(14, DECREMENT))
    assert trades(events) == ["7 x 1: 10 @ 101"]
    assert events[2:] == [decremented(2, 4), cancelled(7, 4, SELF_TRADE)]
    assert book(exchange) == table("""
        | 102 | 10#3 10#4
        | 101 | 6#2
    """)


def test_decrement_and_cancel_of_equals_cancels_both() -> None:
    exchange = given(*BOOK)
    events = exchange.when(taker(20, DECREMENT))
    assert events[2:] == [cancelled(2, 10, SELF_TRADE), cancelled(7, 10, SELF_TRADE)]
    assert book(exchange) == table("| 102 | 10#3 10#4")


def test_decrement_that_ends_the_sweep_lets_the_rest_of_the_taker_rest() -> None:
    exchange = given(sell(2, 10, 101))
    exchange.when(taker(35, DECREMENT))
    assert book(exchange) == table("25#7 | 102 |")


def test_the_takers_mode_decides_and_not_the_makers() -> None:
    maker = preventing(sell(2, 10, 101), OLDEST)
    assert trades(given(maker).when(buy(7, 10, 101))) == ["7 x 2: 10 @ 101"]


def test_other_accounts_trade_whatever_the_mode() -> None:
    maker = sell(2, 10, 101, account=2)
    for mode in SelfTradePrevention:
        assert trades(given(maker).when(taker(10, mode))) == ["7 x 2: 10 @ 101"]


@pytest.mark.parametrize(
    ("mode", "left", "is_prevented"),
    [(NEWEST, 50, True), (OLDEST, 40, False), (BOTH, 50, True), (DECREMENT, 20, False)],
)
def test_an_order_that_never_rests_is_cancelled_once(
    mode: SelfTradePrevention, left: int, is_prevented: bool
) -> None:
    for order, reason in (
        (buy(7, 60, 102, time_in_force=IOC), CancelReason.IMMEDIATE_OR_CANCEL),
        (market(buy(7, 60)), CancelReason.NO_LIQUIDITY),
    ):
        exchange = given(*BOOK)
        events = exchange.when(preventing(order, mode))
        cancels = [e for e in events if isinstance(e, OrderCancelled) and e.order_id == 7]
        assert cancels == [cancelled(7, left, SELF_TRADE if is_prevented else reason)]
        assert events[-1] == cancels[0]
        assert 7 not in exchange.state.books["ACME"].orders


@pytest.mark.parametrize(
    ("mode", "quantity", "fills"),
    [
        (NONE, 40, True),
        (OLDEST, 20, True),
        (OLDEST, 21, False),
        (NEWEST, 10, True),
        (NEWEST, 11, False),
        (BOTH, 10, True),
        (BOTH, 11, False),
        (DECREMENT, 10, True),
        (DECREMENT, 11, False),
    ],
)
def test_own_orders_are_nothing_that_fill_or_kill_can_have(
    mode: SelfTradePrevention, quantity: int, fills: bool
) -> None:
    exchange = given(*BOOK)
    before = book(exchange)
    order = preventing(buy(7, quantity, 102, time_in_force=FOK), mode)
    events = exchange.when(order)
    if fills:
        assert sum(e.quantity for e in events if isinstance(e, OrderTraded)) == quantity
        assert not any(isinstance(e, OrderCancelled) and e.order_id == 7 for e in events)
    else:
        assert events == [accepted(order), cancelled(7, quantity, CancelReason.FILL_OR_KILL)]
        assert book(exchange) == before


@pytest.mark.parametrize("mode", [NEWEST, OLDEST, BOTH, DECREMENT])
def test_a_replaced_order_keeps_its_mode(mode: SelfTradePrevention) -> None:
    exchange = given(sell(2, 10, 101), preventing(buy(7, 10, 99), mode))
    events = exchange.when(replace(7, 15, 101))
    assert events[0] == replaced(7, 15, 101)
    assert (
        events[1:]
        == {
            NEWEST: [cancelled(7, 15, SELF_TRADE)],
            OLDEST: [cancelled(2, 10, SELF_TRADE)],
            BOTH: [cancelled(2, 10, SELF_TRADE), cancelled(7, 15, SELF_TRADE)],
            DECREMENT: [cancelled(2, 10, SELF_TRADE), decremented(7, 10)],
        }[mode]
    )
    assert book(exchange) == table(
        {
            NEWEST: "| 101 | 10#2",
            OLDEST: "15#7 | 101 |",
            BOTH: "",
            DECREMENT: "5#7 | 101 |",
        }[mode]
    )
