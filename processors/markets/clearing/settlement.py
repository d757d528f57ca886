"""Settlement: on its day, each instruction moves shares against cash, in whole or not at all.

Trades are netted as they come: an account has one instruction a day and instrument. What brings an
account cash goes before what costs it cash, so that it pays with what it gets that day.

An instruction that the account has not enough for, stock to deliver or cash to pay, fails: it is
tried again on the next business day, netted with that day's, and pays a penalty. The other side
is settled all the same, as the clearing house stands in between.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Final

from log.envelope import Event
from processors.markets.clearing.checks import PPM
from processors.markets.clearing.events import InstructionFailed, InstructionSettled
from processors.markets.clearing.state import Clearing, Instruction

ACCOUNTS_AT_ONCE: Final = 1_000
"""A tick settles so many; the next one, due at the same time, goes on."""


def settle(state: Clearing, at: int) -> Sequence[Event]:
    """What is due on the earliest settlement day, if its time has come."""
    if state.settlement_due is None or state.settlement_due > at:
        return ()
    day = min(state.days)
    retry_day = state.calendar.next_business_day(day)
    events: list[Event] = []
    for account_id, instructions in islice(state.days[day].items(), ACCOUNTS_AT_ONCE):
        _settle_account(state, day, retry_day, account_id, instructions, events)
    return events


def _settle_account(
    state: Clearing,
    day: int,
    retry_day: int,
    account_id: int,
    instructions: dict[str, Instruction],
    events: list[Event],
) -> None:
    moved: dict[str, int] = {}
    """What this day's instructions have brought so far, by currency."""
    account = state.accounts[account_id]
    in_turn = [(instruction.cash < 0, name) for name, instruction in instructions.items()]
    for _pays, name in sorted(in_turn):
        instruction, instrument = instructions[name], state.instruments[name]
        quantity, cash, currency = instruction.quantity, instruction.cash, instrument.currency
        paid = account.cash[currency].settled + moved.get(currency, 0) + cash
        lacks = ""
        if quantity < 0 and instrument.holdings[account_id].settled + quantity < 0:
            lacks = name
        elif cash < 0 and paid < 0:
            lacks = currency
        if lacks:
            events.append(
                InstructionFailed(
                    account_id=account_id,
                    instrument=name,
                    settlement_day=day,
                    quantity=quantity,
                    cash=cash,
                    currency=currency,
                    lacks=lacks,
                    penalty=-(-abs(cash) * instrument.penalty_ppm // PPM),
                    retry_day=retry_day,
                )
            )
            continue
        moved[currency] = moved.get(currency, 0) + cash
        events.append(
            InstructionSettled(
                account_id=account_id,
                instrument=name,
                settlement_day=day,
                quantity=quantity,
                cash=cash,
                currency=currency,
            )
        )
