"""The state as rows, for snapshots and digests, and back.

    calendar, books, instruments, accounts, cash, holdings, orders, instructions

All in the order in which the rules go through them, which is that of their coming. What follows
from other rows is written all the same where it is a sum: `invariants` holds it.
"""

from collections.abc import Iterable, Iterator

import msgspec

from processors.markets.clearing.calendar import Calendar
from processors.markets.clearing.state import Account, Balance, Books, Clearing, Instrument, Order


class CalendarRow(msgspec.Struct, tag="calendar", gc=False):
    weekdays: tuple[int, ...]
    holidays: tuple[int, ...]
    settles_at_ms: int


class BooksRow(msgspec.Struct, tag="books", gc=False):
    asset: str
    custodian: int
    clearing_house: int
    fees: int
    issuer: int


class InstrumentRow(msgspec.Struct, tag="instrument", gc=False):
    instrument: str
    currency: str
    multiplier: int
    fee_ppm_max: int
    penalty_ppm: int
    last_price: int


class AccountRow(msgspec.Struct, tag="account", gc=False):
    account_id: int
    may_sell_short: bool


class CashRow(msgspec.Struct, tag="cash", gc=False):
    account_id: int
    currency: str
    settled: int
    due: int
    reserved: int


class HoldingRow(msgspec.Struct, tag="holding", gc=False):
    instrument: str
    account_id: int
    settled: int
    due: int
    reserved: int


class OrderRow(msgspec.Struct, tag="order", gc=False):
    instrument: str
    order_id: int
    is_buy: bool
    price: int
    quantity: int
    unit: int
    held: int
    replacing: bool


class InstructionRow(msgspec.Struct, tag="instruction", gc=False):
    settlement_day: int
    account_id: int
    instrument: str
    quantity: int
    cash: int


StateRow = (
    CalendarRow
    | BooksRow
    | InstrumentRow
    | AccountRow
    | CashRow
    | HoldingRow
    | OrderRow
    | InstructionRow
)


def to_rows(state: Clearing) -> Iterator[StateRow]:
    calendar = state.calendar
    yield CalendarRow(calendar.weekdays, calendar.holidays, calendar.settles_at_ms)
    for asset, books in state.books.items():
        yield BooksRow(asset, books.custodian, books.clearing_house, books.fees, books.issuer)
    for instrument in state.instruments.values():
        yield InstrumentRow(
            instrument.name,
            instrument.currency,
            instrument.multiplier,
            instrument.fee_ppm_max,
            instrument.penalty_ppm,
            instrument.last_price,
        )
    for account_id, account in state.accounts.items():
        yield AccountRow(account_id, account.may_sell_short)
        for currency, cash in account.cash.items():
            yield CashRow(account_id, currency, cash.settled, cash.due, cash.reserved)
    for instrument in state.instruments.values():
        yield from _of_instrument(instrument)
    for day, accounts in state.days.items():
        for account_id, instructions in accounts.items():
            for name, due in instructions.items():
                yield InstructionRow(day, account_id, name, due.quantity, due.cash)


def _of_instrument(instrument: Instrument) -> Iterator[StateRow]:
    for account_id, holding in instrument.holdings.items():
        yield HoldingRow(
            instrument.name, account_id, holding.settled, holding.due, holding.reserved
        )
    for order in instrument.orders.values():
        yield OrderRow(
            instrument.name,
            order.order_id,
            order.is_buy,
            order.price,
            order.quantity,
            order.unit,
            order.held,
            order.replacing,
        )


def from_rows(rows: Iterable[StateRow]) -> Clearing:
    state = Clearing()
    for row in rows:
        match row:
            case OrderRow():
                _add_order(state, row)
            case HoldingRow():
                holding = Balance(row.settled, row.due, row.reserved)
                state.instruments[row.instrument].holdings[row.account_id] = holding
            case CashRow():
                cash = Balance(row.settled, row.due, row.reserved)
                state.accounts[row.account_id].cash[row.currency] = cash
            case AccountRow():
                state.accounts[row.account_id] = Account(row.account_id, row.may_sell_short)
            case InstructionRow():
                due = state.instruction(row.settlement_day, row.account_id, row.instrument)
                due.quantity, due.cash = row.quantity, row.cash
            case BooksRow():
                state.books[row.asset] = Books(
                    row.custodian, row.clearing_house, row.fees, row.issuer
                )
            case InstrumentRow():
                _add_instrument(state, row)
            case CalendarRow():
                state.calendar = Calendar(row.weekdays, row.holidays, row.settles_at_ms)
    return state


def _add_instrument(state: Clearing, row: InstrumentRow) -> None:
    name, currency = row.instrument, row.currency
    instrument = Instrument(name, currency, state.books[name], state.books[currency])
    instrument.multiplier = row.multiplier
    instrument.fee_ppm_max = row.fee_ppm_max
    instrument.penalty_ppm = row.penalty_ppm
    instrument.last_price = row.last_price
    state.instruments[name] = instrument


def _add_order(state: Clearing, row: OrderRow) -> None:
    instrument = state.instruments[row.instrument]
    account_id = row.order_id >> 32
    order = Order(
        row.order_id,
        row.is_buy,
        row.price,
        row.quantity,
        row.unit,
        state.accounts[account_id].cash[instrument.currency],
        instrument.holdings[account_id],
    )
    order.held = row.held
    order.replacing = row.replacing
    instrument.orders[row.order_id] = order
