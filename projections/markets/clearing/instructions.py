"""Settlement instructions: what each account is to receive and to give on which day, and what came
of it."""

from typing import Any, Final

import msgspec

from processors.markets.clearing.events import (
    HoldingSplit,
    InstructionFailed,
    InstructionSettled,
    OrderFilled,
    TradeAdjusted,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Rows, Tables

DUE: Final = "due"
SETTLED: Final = "settled"
FAILED: Final = "failed"


class Instruction(msgspec.Struct, gc=False):
    """Net of all trades: above zero to receive, below zero to give."""

    account_id: int
    instrument: str
    settlement_day: int
    """Since 1970-01-01."""
    quantity: int = 0
    cash: int = 0
    status: str = DUE
    """`due`, `settled`, `failed`: then it is due again on another day."""
    trades: int = 0
    """What it is the net of; busts and corrections are among them."""
    lacks: str = ""
    """The asset that it failed for."""
    penalty: int = 0
    decided_at_ms: int | None = None
    """None: it is due."""


OF_DAY = ("settlement_day", "account_id", "instrument")
BY_STATUS = ("status", "settlement_day", "account_id", "instrument")
INSTRUCTIONS = Table(
    "instructions",
    Instruction,
    key=("account_id", "instrument", "settlement_day"),
    indexes=(OF_DAY, BY_STATUS),
)


def fold(tables: Tables, events: Events) -> None:
    rows = tables[INSTRUCTIONS]
    for event, at_ms in events:
        kind = type(event)
        if kind is OrderFilled or kind is TradeAdjusted:
            account_id, day = event.order_id >> 32, event.settlement_day
            _add(rows, account_id, event.instrument, day, event.quantity, event.cash, 1)
        elif kind is HoldingSplit:
            for change in event.instructions:
                day, name = change.settlement_day, event.instrument
                _add(rows, event.account_id, name, day, change.quantity, change.cash, 0)
        else:
            _decide(rows, event, at_ms)


def _add(
    rows: Rows[Instruction],
    account_id: int,
    instrument: str,
    day: int,
    quantity: int,
    cash: int,
    trades: int,
) -> None:
    key = account_id, instrument, day
    row = rows.get(key) or Instruction(*key)
    row.quantity += quantity
    row.cash += cash
    row.trades += trades
    rows.put(row)


def _decide(rows: Rows[Instruction], event: Any, at_ms: int) -> None:
    row = rows[event.account_id, event.instrument, event.settlement_day]
    row.decided_at_ms = at_ms
    row.status = SETTLED
    if type(event) is InstructionFailed:
        row.status, row.lacks, row.penalty = FAILED, event.lacks, event.penalty
        cash = event.cash - event.penalty
        _add(rows, event.account_id, event.instrument, event.retry_day, event.quantity, cash, 0)
    rows.put(row)


SETTLEMENT = Projection(
    name="settlement",
    events=(OrderFilled, TradeAdjusted, HoldingSplit, InstructionSettled, InstructionFailed),
    tables=(INSTRUCTIONS,),
    fold=fold,
    rows_of="partition",
)
