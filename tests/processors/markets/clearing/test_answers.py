"""What the exchange says: settled against the account, or released."""

from typing import Any

import pytest

from processors.markets.clearing.commands import (
    AdjustTrade,
    AmendOrder,
    CloseOrder,
    ReduceOrder,
    RefuseOrder,
    ReplaceOrder,
)
from processors.markets.clearing.events import OrderFilled, OrderReleased, TradeAdjusted
from tests.processors.markets.clearing.vocabulary import (
    BOB,
    CASH,
    MONDAY,
    SHARES,
    Desk,
    buy,
    fill,
    of,
    sell,
)


def test_a_fill_is_due_on_the_next_business_day() -> None:
    desk = Desk(buy(10, 100))
    assert desk.when(fill(4, 95, fee=3)) == [
        OrderFilled(
            **of(),
            quantity=4,
            price=95,
            cash=-383,
            currency="EUR",
            fee=3,
            released=400,
            left=6,
            settlement_day=MONDAY + 1,
        )
    ]
    assert desk.cash() == (CASH, -383, 600)
    assert desk.stock() == (SHARES, 4, 0)
    desk.when(fill(6, 100))
    assert desk.cash() == (CASH, -983, 0)
    assert desk.rejected(fill(1, 100)) == ("unknown_order", "order_id")


def test_a_seller_gets_the_price_less_the_fee() -> None:
    desk = Desk(sell(10, 100), fill(10, 105, fee=2))
    assert desk.cash() == (CASH, 1_048, 0)
    assert desk.stock() == (SHARES, -10, 0)


def test_a_rebate_is_a_fee_below_zero() -> None:
    desk = Desk(sell(10, 100), fill(10, 100, fee=-3))
    assert desk.cash() == (CASH, 1_003, 0)
    assert desk.state.books["EUR"].fees == -3


def test_both_sides_come_to_zero_at_the_clearing_house() -> None:
    desk = Desk(sell(10, 100), fill(10, 100, fee=2))
    books = desk.state.books
    assert (books["ACME"].clearing_house, books["EUR"].clearing_house) == (10, -1_000)
    desk.when(buy(10, 100, account_id=BOB))
    desk.when(fill(10, 100, account_id=BOB, fee=1))
    assert (books["ACME"].clearing_house, books["EUR"].clearing_house) == (0, 0)
    assert books["EUR"].fees == 3


def test_self_trade_prevention_takes_off_what_it_prevented() -> None:
    desk = Desk(sell(10, 100))
    assert desk.when(ReduceOrder(**of(), quantity=4)) == [
        OrderReleased(**of(), quantity=4, released=4, left=6, reason="self_trade")
    ]
    assert desk.stock() == (SHARES, 0, 6)


def test_an_order_that_is_refused_is_closed() -> None:
    desk = Desk(buy(10, 100))
    assert desk.when(RefuseOrder(**of(), code="off_tick")) == [
        OrderReleased(**of(), quantity=10, released=1_000, reason="off_tick")
    ]
    assert desk.when(RefuseOrder(**of(), code="unknown_order")) == []


def test_where_order_and_replacement_are_refused_the_second_one_closes_it() -> None:
    desk = Desk(buy(10, 100), ReplaceOrder(**of(), price=90, quantity=10))
    desk.when(RefuseOrder(**of(), code="off_tick"))
    desk.when(RefuseOrder(**of(), code="unknown_order"))
    assert desk.cash() == (CASH, 0, 0)
    assert not desk.state.instruments["ACME"].orders


def test_a_child_that_its_parent_left_less_of_is_amended() -> None:
    desk = Desk(sell(10, 100), AmendOrder(**of(), quantity=3))
    assert desk.stock() == (SHARES, 0, 3)
    assert desk.when(AmendOrder(**of(), quantity=3)) == []


def test_a_busted_trade_is_one_the_other_way_round() -> None:
    desk = Desk(buy(10, 100), fill(10, 100, fee=5))
    bust = AdjustTrade(**of(), trade_id=8, quantity=-10, notional=1_000, fee=-5)
    assert desk.when(bust) == [
        TradeAdjusted(
            **of(),
            trade_id=8,
            quantity=-10,
            cash=1_005,
            currency="EUR",
            fee=-5,
            settlement_day=MONDAY + 1,
        )
    ]
    assert (desk.cash(), desk.stock()) == ((CASH, 0, 0), (SHARES, 0, 0))
    assert desk.state.books["EUR"].fees == 0


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        (fill(11, 100), ("invalid_value", "quantity")),
        (fill(0, 100), ("invalid_value", "quantity")),
        (fill(1, -1), ("amount_limit", "price")),
        (fill(1, 100, fee=10**16), ("amount_limit", "price")),
        (ReduceOrder(**of(), quantity=10), ("invalid_value", "quantity")),
        (AmendOrder(**of(), quantity=0), ("invalid_value", "quantity")),
        (CloseOrder(**of(number=2), reason="expired"), ("unknown_order", "order_id")),
        (ReduceOrder(**of(number=2), quantity=1), ("unknown_order", "order_id")),
        (AmendOrder(**of(number=2), quantity=1), ("unknown_order", "order_id")),
        (
            AdjustTrade(**of(), trade_id=1, quantity=0, notional=10**16),
            ("amount_limit", "quantity"),
        ),
        (
            AdjustTrade(**of(account_id=9), trade_id=1, quantity=0, notional=0),
            ("unknown_account", "order_id"),
        ),
    ],
)
def test_what_does_not_fit_is_seen(command: Any, fault: tuple[str, str]) -> None:
    assert Desk(sell(10, 100)).rejected(command) == fault
