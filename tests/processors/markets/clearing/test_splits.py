"""A split: positions, reservations, open orders and trades that are not settled, in new shares."""

import pytest

from processors.core.messages import Tick
from processors.markets.clearing.commands import AmendOrder, ReplaceOrder, SplitInstrument
from processors.markets.clearing.events import HoldingSplit, InstrumentSplit, SplitInstruction
from tests.processors.markets.clearing.vocabulary import (
    ANN,
    BOB,
    CASH,
    MONDAY,
    SHARES,
    Desk,
    at,
    buy,
    fill,
    of,
    sell,
)


def split(parts: int, of_: int) -> SplitInstrument:
    return SplitInstrument(instrument="ACME", numerator=parts, denominator=of_)


def test_holdings_and_what_is_due_in_new_shares() -> None:
    desk = Desk(buy(10, 100), fill(10, 100))
    told, ann, bob = desk.when(split(2, 1))
    assert told == InstrumentSplit(instrument="ACME", numerator=2, denominator=1)
    assert ann == HoldingSplit(
        instrument="ACME",
        account_id=ANN,
        quantity=SHARES,
        currency="EUR",
        instructions=(SplitInstruction(settlement_day=MONDAY + 1, quantity=10),),
    )
    assert (bob.account_id, bob.quantity) == (BOB, SHARES)
    assert (desk.cash(), desk.stock()) == ((CASH, -1_000, 0), (200, 20, 0))
    desk.when(Tick(), at(MONDAY + 1))
    assert (desk.cash(), desk.stock()) == ((CASH - 1_000, 0, 0), (220, 0, 0))


def test_the_fraction_of_a_share_is_paid_for() -> None:
    desk = Desk(sell(5, 90), fill(5, 90))  # the last price, of old shares
    desk.when(split(1, 30))
    # 100 old shares are 3 new ones at 2700, and a third; 5 to deliver are a sixth of one.
    assert desk.stock() == (3, 0, 0)
    assert desk.cash() == (CASH + 10 * 90, 450 - 5 * 90, 0)
    assert desk.state.instruments["ACME"].last_price == 2_700
    assert desk.state.books["EUR"].issuer == -(10 + 10 - 5) * 90


def test_open_orders_are_as_the_exchange_tells_them() -> None:
    desk = Desk(sell(40, 100), buy(10, 100, number=2))
    desk.when(split(3, 2))
    assert desk.stock() == (150, 0, 60)  # held, until the exchange tells
    desk.when(AmendOrder(**of(), price=67, quantity=60))
    desk.when(AmendOrder(**of(number=2), price=66, quantity=15))
    assert (desk.cash(), desk.stock()) == ((CASH, 0, 990), (150, 0, 60))
    desk.when(fill(60, 67))
    assert desk.stock() == (150, -60, 0)


def test_new_shares_are_not_sold_twice_while_the_exchange_is_silent() -> None:
    desk = Desk(sell(SHARES, 100), split(2, 1))
    assert desk.rejected(sell(1, 100, number=2)) == ("insufficient_stock", "quantity")


def test_an_order_on_its_way_stays_as_it_was() -> None:
    desk = Desk(sell(40, 100), split(2, 1), fill(40, 50))
    assert desk.stock() == (200, -40, 0)
    assert not desk.state.instruments["ACME"].orders


def test_what_is_held_for_a_replacement_is_split_too() -> None:
    desk = Desk(sell(10, 100), ReplaceOrder(**of(), price=100, quantity=20), split(2, 1))
    assert desk.stock() == (200, 0, 60)
    desk.when(AmendOrder(**of(), price=50, quantity=20))
    assert desk.stock() == (200, 0, 70)  # 20, and all that is held until the answer
    desk.when(AmendOrder(**of(), price=50, quantity=20, replaces=True))
    assert desk.stock() == (200, 0, 20)


@pytest.mark.parametrize("parts", [(0, 1), (1, 0), (1_000_001, 1)])
def test_what_is_no_split(parts: tuple[int, int]) -> None:
    code, field = Desk().rejected(split(*parts))
    assert code == "invalid_value"
    assert field == ("denominator" if parts[0] == 1 else "numerator")


def test_an_instrument_that_is_not_cleared_is_none_of_ours() -> None:
    desk = Desk()
    assert desk.when(SplitInstrument(instrument="BOLT", numerator=2, denominator=1)) == []
