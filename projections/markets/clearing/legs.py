"""Double entry: each movement as its legs, which sum to zero by asset.

| event | one side | the other |
|---|---|---|
| deposited, withdrawn | account, settled | custodian |
| order_filled, trade_adjusted | account, due | clearing house; fees |
| instruction_settled | account, due | account, settled |
| instruction_failed | account, due (the penalty) | fees |
| holding_split | account, settled and due | issuer |

The legs of an event follow from it alone. Whose book the house's is, is the partition's: each has
a house of its own, and those of all partitions together have a clearing house at zero, as each
trade has two sides.
"""

from typing import Any, Final, NamedTuple

from processors.markets.clearing.events import (
    Deposited,
    HoldingSplit,
    InstructionFailed,
    InstructionSettled,
    OrderFilled,
    TradeAdjusted,
    Withdrawn,
)

HOUSE: Final = 0
"""In place of an account's id."""
SETTLED: Final = "settled"
DUE: Final = "due"
CUSTODIAN: Final = "custodian"
CLEARING_HOUSE: Final = "clearing_house"
FEES: Final = "fees"
ISSUER: Final = "issuer"


class Leg(NamedTuple):
    account_id: int
    """HOUSE: of the house."""
    book: str
    asset: str
    amount: int


def legs(event: Any) -> list[Leg]:
    """The legs of an event that moves anything; none of any other. None of them is of zero."""
    return [leg for leg in _legs(event) if leg.amount]


def _legs(event: Any) -> list[Leg]:
    kind = type(event)
    if kind is OrderFilled or kind is TradeAdjusted:
        account_id, fee = event.order_id >> 32, event.fee
        return [
            Leg(account_id, DUE, event.instrument, event.quantity),
            Leg(HOUSE, CLEARING_HOUSE, event.instrument, -event.quantity),
            Leg(account_id, DUE, event.currency, event.cash),
            Leg(HOUSE, CLEARING_HOUSE, event.currency, -event.cash - fee),
            Leg(HOUSE, FEES, event.currency, fee),
        ]
    if kind is InstructionSettled:
        account_id = event.account_id
        return [
            Leg(account_id, DUE, event.instrument, -event.quantity),
            Leg(account_id, SETTLED, event.instrument, event.quantity),
            Leg(account_id, DUE, event.currency, -event.cash),
            Leg(account_id, SETTLED, event.currency, event.cash),
        ]
    if kind is Deposited or kind is Withdrawn:
        amount = event.amount if kind is Deposited else -event.amount
        return [
            Leg(event.account_id, SETTLED, event.asset, amount),
            Leg(HOUSE, CUSTODIAN, event.asset, -amount),
        ]
    if kind is InstructionFailed:
        return [
            Leg(event.account_id, DUE, event.currency, -event.penalty),
            Leg(HOUSE, FEES, event.currency, event.penalty),
        ]
    if kind is HoldingSplit:
        return _legs_of_split(event)
    return []


def _legs_of_split(event: HoldingSplit) -> list[Leg]:
    account_id = event.account_id
    due = sum(change.quantity for change in event.instructions)
    due_cash = sum(change.cash for change in event.instructions)
    return [
        Leg(account_id, SETTLED, event.instrument, event.quantity),
        Leg(account_id, DUE, event.instrument, due),
        Leg(HOUSE, ISSUER, event.instrument, -event.quantity - due),
        Leg(account_id, SETTLED, event.currency, event.cash),
        Leg(account_id, DUE, event.currency, due_cash),
        Leg(HOUSE, ISSUER, event.currency, -event.cash - due_cash),
    ]


MOVEMENTS: Final = (
    Deposited, Withdrawn, OrderFilled, TradeAdjusted, InstructionSettled, InstructionFailed,
    HoldingSplit,
)  # fmt: skip
"""The events that may have legs."""
