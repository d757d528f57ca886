"""Cancel, replace and mass cancel."""

import pytest

from processors.markets.exchange.commands import MassCancel, Side
from processors.markets.exchange.events import CancelReason
from tests.processors.markets.exchange.vocabulary import (
    ACME,
    book,
    buy,
    cancel,
    cancelled,
    given,
    replace,
    replaced,
    sell,
    table,
    trades,
)

QUEUE = (buy(1, 10, 100), buy(2, 10, 100), buy(3, 10, 100))


@pytest.mark.parametrize(
    ("order_id", "left"),
    [(1, "10#2 10#3"), (2, "10#1 10#3"), (3, "10#1 10#2")],
    ids=["front", "middle", "back"],
)
def test_an_order_leaves_its_queue_from_anywhere(order_id: int, left: str) -> None:
    exchange = given(*QUEUE)
    assert exchange.when(cancel(order_id)) == [cancelled(order_id, 10)]
    assert book(exchange) == table(f"{left} | 100 |")
    assert exchange.when(cancel(order_id))[0].code.value == "unknown_order"


def test_a_cancelled_best_price_gives_way_to_the_next() -> None:
    exchange = given(buy(1, 10, 100), buy(2, 10, 98), sell(3, 10, 103))
    exchange.when(cancel(1))
    assert trades(exchange.when(sell(7, 5, 90))) == ["7 x 2: 5 @ 98"]


def test_cancel_tells_what_was_still_open() -> None:
    exchange = given(*QUEUE)
    exchange.when(sell(7, 4, 100, account=2))
    assert exchange.when(cancel(1, account=1)) == [cancelled(1, 6)]


@pytest.mark.parametrize("quantity", [9, 10], ids=["smaller", "the same"])
def test_no_more_at_the_same_price_keeps_its_place(quantity: int) -> None:
    exchange = given(*QUEUE)
    assert exchange.when(replace(1, quantity, 100)) == [replaced(1, quantity, 100, kept=True)]
    assert book(exchange) == table(f"{quantity}#1 10#2 10#3 | 100 |")


def test_more_at_the_same_price_goes_to_the_back() -> None:
    exchange = given(*QUEUE)
    assert exchange.when(replace(1, 11, 100)) == [replaced(1, 11, 100)]
    assert book(exchange) == table("10#2 10#3 11#1 | 100 |")


def test_another_price_goes_to_the_back_of_its_queue() -> None:
    exchange = given(*QUEUE, buy(4, 5, 99))
    exchange.when(replace(1, 3, 99))
    assert book(exchange) == table("""
        10#2 10#3 | 100 |
        5#4 3#1   |  99 |
    """)
    exchange.when(replace(1, 3, 100))
    assert book(exchange) == table("""
        10#2 10#3 3#1 | 100 |
        5#4           |  99 |
    """)


def test_a_replaced_order_may_trade_and_its_rest_rests() -> None:
    exchange = given(*QUEUE, sell(8, 4, 105, account=2), sell(9, 4, 106, account=2))
    events = exchange.when(replace(2, 6, 105))
    assert events[0] == replaced(2, 6, 105)
    assert trades(events) == ["2 x 8: 4 @ 105"]
    assert book(exchange) == table("""
                  | 106 | 4#9
        2#2       | 105 |
        10#1 10#3 | 100 |
    """)


def test_a_replaced_order_that_trades_in_full_is_gone() -> None:
    exchange = given(*QUEUE, sell(8, 14, 105, account=2))
    assert trades(exchange.when(replace(2, 14, 105))) == ["2 x 8: 14 @ 105"]
    assert book(exchange) == table("10#1 10#3 | 100 |")


def test_a_replace_asks_for_an_open_quantity_whatever_traded_before() -> None:
    exchange = given(*QUEUE)
    exchange.when(sell(7, 4, 100, account=2))
    assert exchange.when(replace(1, 10, 100)) == [replaced(1, 10, 100)]
    assert book(exchange) == table("10#2 10#3 10#1 | 100 |")


def test_a_post_only_order_stays_so_when_it_is_replaced() -> None:
    exchange = given(buy(1, 10, 100, post_only=True), sell(8, 4, 105, account=2))
    (rejected,) = exchange.when(replace(1, 10, 105))
    assert (rejected.code.value, rejected.field) == ("would_take", "price")
    assert book(exchange)[-1] == ("10#1", "100", "")
    assert exchange.when(replace(1, 10, 104)) == [replaced(1, 10, 104)]


@pytest.mark.parametrize(
    ("side", "order_ids"),
    [(None, [5, 1, 3, 2]), (Side.BUY, [5, 1]), (Side.SELL, [3, 2])],
    ids=["both sides", "bids", "asks"],
)
def test_a_mass_cancel_takes_an_accounts_orders_oldest_place_first(
    side: Side | None, order_ids: list[int]
) -> None:
    exchange = given(
        sell(2, 10, 110),
        buy(5, 10, 100),
        buy(4, 10, 100, account=2),
        buy(1, 10, 99),
        sell(3, 10, 111),
    )
    exchange.when(replace(2, 10, 112))  # now the newest
    events = exchange.when(MassCancel(instrument=ACME, account_id=1, side=side))
    assert events == [cancelled(order, 10, CancelReason.MASS_CANCEL) for order in order_ids]
    left = set(exchange.state.books[ACME].orders)
    assert left == {1, 2, 3, 4, 5} - set(order_ids)


def test_a_mass_cancel_of_nothing_leads_to_nothing() -> None:
    exchange = given(*QUEUE)
    assert exchange.when(MassCancel(instrument=ACME, account_id=2)) == []
    assert exchange.when(MassCancel(instrument=ACME, account_id=1, side=Side.SELL)) == []
