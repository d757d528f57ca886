"""The rules of clearing: `initial`, `decide`, `evolve`, `next_due`, and the state's form.

decide ── command ──┬─► orders: what clients ask for ─► reserved, and sent on
                    ├─► answers: what the exchange says ─► settled against, or released
                    ├─► splits
                    └─► administration: accounts, deposits, instruments, the calendar
   └──── tick ────────► settlement
evolve ── event ──────► facts ─► state
"""

from collections.abc import Sequence
from typing import Any, Final

from log.envelope import Event
from processors.core.decider import Decider, StateFormat
from processors.core.messages import Tick
from processors.markets.clearing import administration, answers, orders, settlement, splits
from processors.markets.clearing.commands import (
    AdjustTrade,
    AmendOrder,
    CancelOrder,
    CloseOrder,
    Deposit,
    OpenAccount,
    PlaceOrder,
    RecordFill,
    ReduceOrder,
    RefuseOrder,
    RegisterInstrument,
    ReplaceOrder,
    SetCalendar,
    SplitInstrument,
    Withdraw,
)
from processors.markets.clearing.events import (
    CancelRequested,
    OrderFilled,
    OrderReleased,
    OrderReserved,
)
from processors.markets.clearing.facts import (
    FACTS,
    order_filled,
    order_released,
    order_reserved,
)
from processors.markets.clearing.state import Clearing
from processors.markets.clearing.state_rows import StateRow, from_rows, to_rows


def initial() -> Clearing:
    return Clearing()


def next_due(state: Clearing) -> int | None:
    """When the earliest settlement day settles."""
    return state.settlement_due


def decide(state: Clearing, command: Any, at: int) -> Sequence[Event]:
    """What the command leads to."""
    kind = type(command)
    if kind is PlaceOrder:
        return orders.place(state, command)
    if kind is RecordFill:
        return answers.record_fill(state, command, at)
    if kind is CancelOrder:
        return orders.cancel(state, command)
    if kind is CloseOrder:
        return answers.close(state, command)
    if kind is ReplaceOrder:
        return orders.replace(state, command)
    if kind is AmendOrder:
        return answers.amend(state, command)
    if kind is Tick:
        return settlement.settle(state, at)
    return _decide_rarer(state, command, at)


def _decide_rarer(state: Clearing, command: Any, at: int) -> Sequence[Event]:
    match command:
        case RefuseOrder():
            return answers.refuse(state, command)
        case ReduceOrder():
            return answers.reduce(state, command)
        case AdjustTrade():
            return answers.adjust(state, command, at)
        case Deposit():
            return administration.deposit(state, command)
        case Withdraw():
            return administration.withdraw(state, command)
        case OpenAccount():
            return administration.open_account(command)
        case RegisterInstrument():
            return administration.register(state, command)
        case SetCalendar():
            return administration.set_calendar(command)
        case SplitInstrument():
            return splits.split(state, command)
    return ()


def evolve(state: Clearing, event: Any) -> Clearing:
    """Apply one fact, in place. Facts that are none of clearing's change nothing."""
    kind = type(event)
    if kind is OrderReserved:
        order_reserved(state, event)
    elif kind is OrderFilled:
        order_filled(state, event)
    elif kind is OrderReleased:
        order_released(state, event)
    elif kind is not CancelRequested:
        apply = FACTS.get(kind)
        if apply is not None:
            apply(state, event)
    return state


DECIDER: Final = Decider(
    initial=initial,
    decide=decide,
    evolve=evolve,
    state_format=StateFormat(row_type=StateRow, to_rows=to_rows, from_rows=from_rows),
    next_due=next_due,
)
