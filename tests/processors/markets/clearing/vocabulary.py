"""Clearing in few words, for these tests: accounts that have cash and stock, and their orders."""

from typing import Any

from processors.markets.clearing.calendar import DAY_MS
from processors.markets.clearing.commands import (
    Deposit,
    OpenAccount,
    PlaceOrder,
    RecordFill,
    RegisterInstrument,
    SetCalendar,
    Side,
)
from processors.markets.clearing.decider import DECIDER
from processors.markets.clearing.events import RequestRejected
from processors.markets.clearing.invariants import check
from processors.markets.clearing.order_ids import order_id_of
from processors.markets.clearing.state import Balance, Clearing
from tests.given_when_then import Scenario

MONDAY = 19_723
"""2024-01-01."""
NOON_MS = 12 * 3_600_000
ANN, BOB, MAKER = 1, 2, 3
CASH, SHARES = 10_000, 100


def at(day: int) -> int:
    """Noon of a day, in ms since 1970."""
    return day * DAY_MS + NOON_MS


class Desk:
    """`when` decides a command and folds its events, and holds the invariant after it."""

    def __init__(self, *commands: Any, fee_ppm_max: int = 0) -> None:
        self._scenario: Scenario[Clearing] = Scenario(DECIDER, ())
        self.at = at(MONDAY)
        self.when(SetCalendar(settles_at_ms=0))
        register = RegisterInstrument(
            instrument="ACME", currency="EUR", fee_ppm_max=fee_ppm_max, penalty_ppm=10_000
        )
        self.when(register)
        for account_id in (ANN, BOB, MAKER):
            self.when(OpenAccount(account_id=account_id, may_sell_short=account_id == MAKER))
            self.when(Deposit(account_id=account_id, asset="EUR", amount=CASH))
            if account_id != MAKER:
                self.when(Deposit(account_id=account_id, asset="ACME", amount=SHARES))
        for command in commands:
            self.when(command)

    @property
    def state(self) -> Clearing:
        return self._scenario.state

    def when(self, command: Any, at_ms: int = 0) -> list[Any]:
        self.at = max(self.at, at_ms)
        events = self._scenario.when(command, self.at)
        check(self.state)
        return events

    def rejected(self, command: Any) -> tuple[str, str]:
        """The code and the field of the one rejection that the command leads to."""
        (event,) = self.when(command)
        assert isinstance(event, RequestRejected), event
        return event.code.value, event.field

    def cash(self, account_id: int = ANN) -> tuple[int, int, int]:
        return _numbers(self.state.accounts[account_id].cash["EUR"])

    def stock(self, account_id: int = ANN) -> tuple[int, int, int]:
        return _numbers(self.state.instruments["ACME"].holdings[account_id])


def _numbers(balance: Balance) -> tuple[int, int, int]:
    """Settled, due, reserved."""
    return balance.settled, balance.due, balance.reserved


def buy(quantity: int, price: int, account_id: int = ANN, number: int = 1, **more: Any) -> Any:
    return _order(Side.BUY, quantity, price, account_id, number, more)


def sell(quantity: int, price: int, account_id: int = ANN, number: int = 1, **more: Any) -> Any:
    return _order(Side.SELL, quantity, price, account_id, number, more)


def _order(
    side: Side, quantity: int, price: int, account_id: int, number: int, more: dict[str, Any]
) -> PlaceOrder:
    return PlaceOrder(
        instrument="ACME",
        order_id=order_id_of(account_id, number),
        side=side,
        quantity=quantity,
        price=price,
        **more,
    )


def fill(quantity: int, price: int, account_id: int = ANN, number: int = 1, fee: int = 0) -> Any:
    return RecordFill(
        instrument="ACME",
        order_id=order_id_of(account_id, number),
        quantity=quantity,
        price=price,
        fee=fee,
    )


def of(account_id: int = ANN, number: int = 1) -> dict[str, Any]:
    """The fields that name an order."""
    return {"instrument": "ACME", "order_id": order_id_of(account_id, number)}
