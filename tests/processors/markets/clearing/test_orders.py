"""What is reserved before an order goes to the exchange, and what is rejected."""

from typing import Any

import pytest

from processors.markets.clearing.commands import (
    AmendOrder,
    CancelOrder,
    CloseOrder,
    OrderType,
    RefuseOrder,
    ReplaceOrder,
    TimeInForce,
)
from processors.markets.clearing.events import (
    CancelRequested,
    OrderReserved,
    ReplacementReserved,
    Side,
)
from processors.markets.clearing.order_ids import account_of, order_id_of
from tests.processors.markets.clearing.vocabulary import (
    ANN,
    CASH,
    MAKER,
    SHARES,
    Desk,
    buy,
    fill,
    of,
    sell,
)


def test_an_order_id_names_its_account() -> None:
    assert account_of(order_id_of(7, 12)) == 7
    assert account_of(12) == 0


def test_a_buy_reserves_cash_at_its_limit() -> None:
    desk = Desk()
    assert desk.when(buy(30, 100)) == [
        OrderReserved(**of(), side=Side.BUY, quantity=30, price=100, reserved=3_000, asset="EUR")
    ]
    assert desk.cash() == (CASH, 0, 3_000)
    assert desk.stock() == (SHARES, 0, 0)


def test_a_buy_reserves_for_the_highest_fee_too() -> None:
    desk = Desk(fee_ppm_max=1_500)
    desk.when(buy(30, 100))  # 0.15 a share, rounded up
    assert desk.cash() == (CASH, 0, 30 * 101)


def test_a_sell_reserves_stock() -> None:
    desk = Desk(sell(30, 100))
    assert desk.stock() == (SHARES, 0, 30)
    assert desk.cash() == (CASH, 0, 0)


def test_no_more_is_reserved_than_is_there() -> None:
    desk = Desk(buy(60, 100), sell(60, 100, number=2))
    assert desk.rejected(buy(41, 100, number=3)) == ("insufficient_cash", "price")
    assert desk.rejected(sell(41, 100, number=3)) == ("insufficient_stock", "quantity")
    desk.when(buy(40, 100, number=3))
    desk.when(sell(40, 100, number=4))
    assert (desk.cash(), desk.stock()) == ((CASH, 0, CASH), (SHARES, 0, SHARES))


def test_what_trades_will_bring_may_be_used_and_what_they_take_may_not() -> None:
    desk = Desk(buy(50, 100), fill(50, 100))
    assert desk.rejected(buy(51, 100, number=2)) == ("insufficient_cash", "price")
    desk.when(sell(SHARES + 50, 100, number=2))
    desk.when(fill(SHARES + 50, 100, number=2))
    assert desk.cash() == (CASH, 10_000, 0)
    desk.when(buy(200, 100, number=3))
    assert desk.rejected(sell(1, 100, number=4)) == ("insufficient_stock", "quantity")


def test_one_that_may_sell_short_needs_no_stock() -> None:
    desk = Desk(sell(500, 100, account_id=MAKER))
    assert desk.stock(MAKER) == (0, 0, 500)


def test_a_market_buy_is_reserved_at_its_cap() -> None:
    desk = Desk()
    assert desk.rejected(buy(5, 0, order_type=OrderType.MARKET)) == ("unbounded_price", "price")
    (event,) = desk.when(buy(5, 120, order_type=OrderType.MARKET))
    assert (event.reserved, event.order_type) == (600, OrderType.MARKET)
    desk.when(sell(5, 0, number=2, order_type=OrderType.MARKET))
    assert desk.stock() == (SHARES, 0, 5)


def test_what_the_exchange_is_to_know_is_passed_on() -> None:
    (event,) = Desk().when(buy(5, 120, time_in_force=TimeInForce.DAY, post_only=True))
    assert (event.time_in_force, event.post_only) == (TimeInForce.DAY, True)


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        (buy(1, 100, account_id=9), ("unknown_account", "order_id")),
        (buy(1, 100), ("duplicate_order", "order_id")),
        (buy(0, 100, number=2), ("invalid_value", "quantity")),
        (buy(-1, 100, number=2), ("invalid_value", "quantity")),
        (buy(1, -5, number=2), ("unbounded_price", "price")),
        (sell(1, -5, number=2), ("invalid_value", "price")),
        (buy(10**9, 10**9, number=2), ("amount_limit", "quantity")),
        (
            buy(1, 100, number=2, order_type=OrderType.MARKET_TO_LIMIT),
            ("unbounded_price", "order_type"),
        ),
        (CancelOrder(**of(number=2)), ("unknown_order", "order_id")),
        (ReplaceOrder(**of(number=2), price=1, quantity=1), ("unknown_order", "order_id")),
        (ReplaceOrder(**of(), price=100, quantity=0), ("invalid_value", "quantity")),
        (ReplaceOrder(**of(), price=100, quantity=91), ("insufficient_cash", "price")),
    ],
)
def test_rejections(command: Any, fault: tuple[str, str]) -> None:
    desk = Desk(buy(10, 100))
    before = desk.cash()
    assert desk.rejected(command) == fault
    assert desk.cash() == before


def test_an_instrument_must_be_registered() -> None:
    order = buy(1, 100)
    order.instrument = "BOLT"
    assert Desk().rejected(order) == ("unknown_instrument", "instrument")


def test_a_cancel_releases_when_the_exchange_has_cancelled() -> None:
    desk = Desk(buy(10, 100))
    assert desk.when(CancelOrder(**of())) == [CancelRequested(**of())]
    assert desk.cash() == (CASH, 0, 1_000)
    desk.when(CloseOrder(**of(), reason="requested"))
    assert desk.cash() == (CASH, 0, 0)


def test_a_replacement_is_reserved_beside_the_order_until_it_is_answered() -> None:
    desk = Desk(buy(10, 100))
    assert desk.when(ReplaceOrder(**of(), price=110, quantity=20)) == [
        ReplacementReserved(**of(), price=110, quantity=20, held=2_200)
    ]
    assert desk.cash() == (CASH, 0, 3_200)
    again = ReplaceOrder(**of(), price=110, quantity=20)
    assert desk.rejected(again) == ("replacement_pending", "order_id")
    desk.when(fill(4, 100))  # before the exchange came to the replacement
    assert desk.cash() == (CASH, -400, 2_800)
    desk.when(AmendOrder(**of(), price=110, quantity=20, replaces=True))
    assert desk.cash() == (CASH, -400, 2_200)
    desk.when(fill(20, 110))
    assert desk.cash() == (CASH, -2_600, 0)


def test_a_replacement_of_less_releases() -> None:
    desk = Desk(sell(50, 100))
    desk.when(ReplaceOrder(**of(), price=100, quantity=20))
    desk.when(AmendOrder(**of(), price=100, quantity=20, replaces=True))
    assert desk.stock() == (SHARES, 0, 20)


def test_a_refused_replacement_leaves_the_order() -> None:
    desk = Desk(buy(10, 100), ReplaceOrder(**of(), price=110, quantity=20))
    desk.when(RefuseOrder(**of(), code="off_tick"))
    assert desk.cash() == (CASH, 0, 1_000)
    desk.when(RefuseOrder(**of(), code="off_tick"))
    assert desk.cash(ANN) == (CASH, 0, 0)


def test_an_order_that_ends_while_its_replacement_is_on_the_way_releases_both() -> None:
    desk = Desk(buy(10, 100), ReplaceOrder(**of(), price=110, quantity=20), fill(10, 100))
    assert desk.cash() == (CASH, -1_000, 0)
    assert desk.when(RefuseOrder(**of(), code="unknown_order")) == []
