"""Deposits and withdrawals, instruments, accounts, the calendar."""

from typing import Any

import pytest

from processors.markets.clearing.commands import (
    Deposit,
    OpenAccount,
    RegisterInstrument,
    SetCalendar,
    Withdraw,
)
from processors.markets.clearing.events import Deposited, Withdrawn
from tests.processors.markets.clearing.vocabulary import (
    ANN,
    BOB,
    CASH,
    SHARES,
    Desk,
    buy,
    fill,
    sell,
)


def test_what_comes_in_is_the_custodians_other_side() -> None:
    desk = Desk()
    assert desk.when(Deposit(account_id=ANN, asset="EUR", amount=5, reference="wire 8")) == [
        Deposited(account_id=ANN, asset="EUR", amount=5, reference="wire 8")
    ]
    assert desk.cash() == (CASH + 5, 0, 0)
    assert desk.state.books["EUR"].custodian == -(3 * CASH + 5)
    assert desk.when(Withdraw(account_id=ANN, asset="ACME", amount=SHARES)) == [
        Withdrawn(account_id=ANN, asset="ACME", amount=SHARES)
    ]
    assert desk.stock() == (0, 0, 0)


def test_what_is_reserved_or_owed_stays() -> None:
    desk = Desk(buy(60, 100), sell(60, 100, number=2), fill(30, 100))
    assert desk.rejected(Withdraw(account_id=ANN, asset="EUR", amount=4_001)) == (
        "insufficient_cash",
        "amount",
    )
    assert desk.rejected(Withdraw(account_id=ANN, asset="ACME", amount=71)) == (
        "insufficient_stock",
        "amount",
    )
    desk.when(Withdraw(account_id=ANN, asset="EUR", amount=4_000))
    desk.when(Withdraw(account_id=ANN, asset="ACME", amount=70))


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        (Deposit(account_id=9, asset="EUR", amount=1), ("unknown_account", "account_id")),
        (Deposit(account_id=ANN, asset="JPY", amount=1), ("unknown_asset", "asset")),
        (Deposit(account_id=ANN, asset="EUR", amount=0), ("amount_limit", "amount")),
        (Withdraw(account_id=ANN, asset="EUR", amount=10**16), ("amount_limit", "amount")),
        (RegisterInstrument(instrument="", currency="EUR"), ("invalid_value", "instrument")),
        (RegisterInstrument(instrument="X", currency="E" * 65), ("invalid_value", "currency")),
        (RegisterInstrument(instrument="EUR", currency="USD"), ("contradictory", "instrument")),
        (RegisterInstrument(instrument="X", currency="ACME"), ("contradictory", "instrument")),
        (RegisterInstrument(instrument="ACME", currency="USD"), ("contradictory", "currency")),
        (
            RegisterInstrument(instrument="X", currency="EUR", multiplier=0),
            ("invalid_value", "multiplier"),
        ),
        (
            RegisterInstrument(instrument="X", currency="EUR", fee_ppm_max=2_000_000),
            ("invalid_value", "fee_ppm_max"),
        ),
        (SetCalendar(weekdays=()), ("invalid_value", "weekdays")),
        (SetCalendar(weekdays=(7,)), ("invalid_value", "weekdays")),
        (SetCalendar(holidays=(-1,)), ("invalid_value", "holidays")),
        (SetCalendar(settles_at_ms=86_400_000), ("invalid_value", "settles_at_ms")),
    ],
)
def test_rejections(command: Any, fault: tuple[str, str]) -> None:
    assert Desk().rejected(command) == fault


def test_an_instruments_rates_may_change() -> None:
    desk = Desk()
    desk.when(RegisterInstrument(instrument="ACME", currency="EUR", fee_ppm_max=20_000))
    desk.when(buy(10, 100))
    assert desk.cash() == (CASH, 0, 1_020)


def test_a_multiplier_is_what_a_price_unit_is_worth() -> None:
    desk = Desk(RegisterInstrument(instrument="BOLT", currency="EUR", multiplier=10))
    order = buy(3, 100)
    order.instrument = "BOLT"
    desk.when(order)
    assert desk.cash() == (CASH, 0, 3_000)
    filled = fill(3, 99, fee=1)
    filled.instrument = "BOLT"
    desk.when(filled)
    assert desk.cash() == (CASH, -2_980, 0)


def test_an_account_may_be_given_leave_to_sell_short() -> None:
    desk = Desk()
    assert desk.rejected(sell(101, 100, account_id=BOB)) == ("insufficient_stock", "quantity")
    desk.when(OpenAccount(account_id=BOB, may_sell_short=True))
    desk.when(sell(101, 100, account_id=BOB))
    assert desk.cash(BOB) == (CASH, 0, 0)
