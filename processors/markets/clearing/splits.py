"""A split: whatever an account has and owes of the instrument, in new shares.

Fractions of a settled share are paid out at the last price here; those of shares that are due
change what is paid for them. Both at the issuer's cost. What the open orders become is told by the
exchange, order by order, right after; those that are still on their way there stay as they are.
Until then nobody can sell the new shares twice, as they are held for the sells.
"""

from collections.abc import Iterator, Sequence

from log.envelope import Event
from processors.markets.clearing.checks import reject
from processors.markets.clearing.commands import SplitInstrument
from processors.markets.clearing.events import (
    HoldingSplit,
    InstrumentSplit,
    OrderAmended,
    RejectCode,
    SplitInstruction,
)
from processors.markets.clearing.state import Clearing, Instrument

SPLIT_TERM_MAX = 1_000_000


def split(state: Clearing, command: SplitInstrument) -> Sequence[Event]:
    name = command.instrument
    instrument = state.instruments.get(name)
    if instrument is None:
        return ()  # the exchange's, and not cleared here
    parts, of = command.numerator, command.denominator
    for field, term in (("numerator", parts), ("denominator", of)):
        if not 0 < term <= SPLIT_TERM_MAX:
            reason = f"{term} is not from 1 to {SPLIT_TERM_MAX}"
            return (reject(RejectCode.INVALID_VALUE, field, reason, instrument=name),)
    return [
        InstrumentSplit(instrument=name, numerator=parts, denominator=of),
        *_holdings(state, instrument, parts, of),
        *_orders(instrument, parts, of),
    ]


def _holdings(state: Clearing, instrument: Instrument, parts: int, of: int) -> Iterator[Event]:
    name = instrument.name
    for account_id, holding in instrument.holdings.items():
        quantity, cash = _changes(instrument, holding.settled, parts, of)
        instructions = []
        for day, accounts in state.days.items():
            instruction = accounts.get(account_id, {}).get(name)
            if instruction is not None and instruction.quantity:
                due, due_cash = _changes(instrument, instruction.quantity, parts, of)
                instructions.append(
                    SplitInstruction(settlement_day=day, quantity=due, cash=due_cash)
                )
        if quantity or cash or instructions:
            yield HoldingSplit(
                instrument=name,
                account_id=account_id,
                quantity=quantity,
                cash=cash,
                currency=instrument.currency,
                instructions=tuple(instructions),
            )


def _changes(instrument: Instrument, shares: int, parts: int, of: int) -> tuple[int, int]:
    """How many more shares they become, rounded toward zero, and what the fraction is worth."""
    whole, rest = divmod(abs(shares) * parts, of)
    cash = rest * instrument.last_price * instrument.multiplier // parts
    return (whole - shares, cash) if shares >= 0 else (-whole - shares, -cash)


def _orders(instrument: Instrument, parts: int, of: int) -> Iterator[Event]:
    """Hold for each sell what it will be short of, until the exchange tells its new quantity."""
    for order in instrument.orders.values():
        quantity = order.quantity
        held = (quantity + order.held) * parts // of - quantity
        if not order.is_buy and held > order.held:
            yield OrderAmended(
                instrument=instrument.name,
                order_id=order.order_id,
                price=order.price,
                quantity=quantity,
                reserved=quantity,
                held=held,
            )
