"""Facts applied, in place: what each event does to the state. The read models tell the same
movements as the legs of a ledger, and a test holds the two together."""

from collections.abc import Callable
from typing import Any, Final

from processors.markets.clearing.calendar import Calendar
from processors.markets.clearing.events import (
    AccountOpened,
    CalendarSet,
    CancelRequested,
    Deposited,
    HoldingSplit,
    InstructionFailed,
    InstructionSettled,
    InstrumentRegistered,
    InstrumentSplit,
    OrderAmended,
    OrderFilled,
    OrderReleased,
    OrderReserved,
    ReplacementRefused,
    ReplacementReserved,
    RequestRejected,
    Side,
    TradeAdjusted,
    Withdrawn,
)
from processors.markets.clearing.state import Account, Clearing, Instrument, Order

BUY: Final = Side.BUY


def calendar_set(state: Clearing, event: CalendarSet) -> None:
    state.calendar = Calendar(event.weekdays, event.holidays, event.settles_at_ms)
    state.find_next_settlement()


def instrument_registered(state: Clearing, event: InstrumentRegistered) -> None:
    name, currency = event.instrument, event.currency
    instrument = state.instruments.get(name)
    if instrument is None:
        instrument = Instrument(name, currency, state.books_of(name), state.books_of(currency))
        state.instruments[name] = instrument
    instrument.multiplier = event.multiplier
    instrument.fee_ppm_max = event.fee_ppm_max
    instrument.penalty_ppm = event.penalty_ppm


def account_opened(state: Clearing, event: AccountOpened) -> None:
    account = state.accounts.get(event.account_id)
    if account is None:
        state.accounts[event.account_id] = Account(event.account_id, event.may_sell_short)
    else:
        account.may_sell_short = event.may_sell_short


def deposited(state: Clearing, event: Deposited) -> None:
    balance = state.balance_of(state.accounts[event.account_id], event.asset)
    balance.settled += event.amount
    state.books[event.asset].custodian -= event.amount


def withdrawn(state: Clearing, event: Withdrawn) -> None:
    balance = state.balance_of(state.accounts[event.account_id], event.asset)
    balance.settled -= event.amount
    state.books[event.asset].custodian += event.amount


def order_reserved(state: Clearing, event: OrderReserved) -> None:
    instrument = state.instruments[event.instrument]
    order_id, quantity, reserved = event.order_id, event.quantity, event.reserved
    account_id = order_id >> 32
    is_buy = event.side is BUY
    account = state.accounts[account_id]
    cash = account.cash.get(instrument.currency)
    if cash is None:
        cash = account.cash_in(instrument.currency)
    holding = instrument.holdings.get(account_id)
    if holding is None:
        holding = instrument.holding_of(account_id)
    if is_buy:
        cash.reserved += reserved
    else:
        holding.reserved += reserved
    instrument.orders[order_id] = Order(
        order_id, is_buy, event.price, quantity, reserved // quantity, cash, holding
    )


def order_filled(state: Clearing, event: OrderFilled) -> None:
    instrument = state.instruments[event.instrument]
    order_id, quantity, amount = event.order_id, event.quantity, event.cash
    order = instrument.orders[order_id]
    cash, holding = order.cash, order.holding
    if order.is_buy:
        cash.reserved -= event.released
    else:
        holding.reserved -= event.released
    if event.left:
        order.quantity = event.left
    else:
        del instrument.orders[order_id]
    holding.due += quantity
    cash.due += amount
    instrument.last_price = event.price
    instrument.books.clearing_house -= quantity
    fee, cash_books = event.fee, instrument.cash_books
    cash_books.clearing_house -= amount + fee
    if fee:
        cash_books.fees += fee
    day, account_id, name = event.settlement_day, order_id >> 32, event.instrument
    try:
        instruction = state.days[day][account_id][name]
    except KeyError:
        instruction = state.instruction(day, account_id, name)
    instruction.quantity += quantity
    instruction.cash += amount


def order_released(state: Clearing, event: OrderReleased) -> None:
    orders = state.instruments[event.instrument].orders
    order = orders[event.order_id]
    if order.is_buy:
        order.cash.reserved -= event.released
    else:
        order.holding.reserved -= event.released
    if event.left:
        order.quantity = event.left
    else:
        del orders[event.order_id]


def order_amended(state: Clearing, event: OrderAmended) -> None:
    order = state.instruments[event.instrument].orders[event.order_id]
    before = order.quantity * order.unit + order.held
    order.reserved_in.reserved += event.reserved + event.held - before
    order.price = event.price
    order.quantity = event.quantity
    if event.quantity:
        order.unit = event.reserved // event.quantity
    order.held = event.held
    if event.replaced:
        order.replacing = False


def replacement_reserved(state: Clearing, event: ReplacementReserved) -> None:
    order = state.instruments[event.instrument].orders[event.order_id]
    order.reserved_in.reserved += event.held
    order.held = event.held
    order.replacing = True


def replacement_refused(state: Clearing, event: ReplacementRefused) -> None:
    order = state.instruments[event.instrument].orders[event.order_id]
    order.reserved_in.reserved -= event.released
    order.held = 0
    order.replacing = False


def trade_adjusted(state: Clearing, event: TradeAdjusted) -> None:
    account_id = event.order_id >> 32
    instrument = state.instruments[event.instrument]
    instrument.holding_of(account_id).due += event.quantity
    state.accounts[account_id].cash_in(event.currency).due += event.cash
    instrument.books.clearing_house -= event.quantity
    instrument.cash_books.clearing_house -= event.cash + event.fee
    instrument.cash_books.fees += event.fee
    instruction = state.instruction(event.settlement_day, account_id, event.instrument)
    instruction.quantity += event.quantity
    instruction.cash += event.cash


def instrument_split(state: Clearing, event: InstrumentSplit) -> None:
    instrument = state.instruments[event.instrument]
    instrument.last_price = instrument.last_price * event.denominator // event.numerator


def holding_split(state: Clearing, event: HoldingSplit) -> None:
    instrument = state.instruments[event.instrument]
    holding = instrument.holdings[event.account_id]
    cash = state.accounts[event.account_id].cash_in(event.currency)
    holding.settled += event.quantity
    cash.settled += event.cash
    instrument.books.issuer -= event.quantity
    instrument.cash_books.issuer -= event.cash
    for change in event.instructions:
        instruction = state.days[change.settlement_day][event.account_id][event.instrument]
        instruction.quantity += change.quantity
        instruction.cash += change.cash
        holding.due += change.quantity
        cash.due += change.cash
        instrument.books.issuer -= change.quantity
        instrument.cash_books.issuer -= change.cash


def instruction_settled(state: Clearing, event: InstructionSettled) -> None:
    holding = state.instruments[event.instrument].holdings[event.account_id]
    cash = state.accounts[event.account_id].cash[event.currency]
    holding.due -= event.quantity
    holding.settled += event.quantity
    cash.due -= event.cash
    cash.settled += event.cash
    state.drop_instruction(event.settlement_day, event.account_id, event.instrument)


def instruction_failed(state: Clearing, event: InstructionFailed) -> None:
    instrument = state.instruments[event.instrument]
    state.accounts[event.account_id].cash[event.currency].due -= event.penalty
    instrument.cash_books.fees += event.penalty
    state.drop_instruction(event.settlement_day, event.account_id, event.instrument)
    instruction = state.instruction(event.retry_day, event.account_id, event.instrument)
    instruction.quantity += event.quantity
    instruction.cash += event.cash - event.penalty


def changes_nothing(state: Clearing, event: Any) -> None:
    """What is only told, or goes to the exchange."""


FACTS: Final[dict[type[Any], Callable[[Clearing, Any], None]]] = {
    CalendarSet: calendar_set,
    InstrumentRegistered: instrument_registered,
    AccountOpened: account_opened,
    Deposited: deposited,
    Withdrawn: withdrawn,
    OrderReserved: order_reserved,
    CancelRequested: changes_nothing,
    ReplacementReserved: replacement_reserved,
    ReplacementRefused: replacement_refused,
    OrderFilled: order_filled,
    OrderReleased: order_released,
    OrderAmended: order_amended,
    TradeAdjusted: trade_adjusted,
    InstrumentSplit: instrument_split,
    HoldingSplit: holding_split,
    InstructionSettled: instruction_settled,
    InstructionFailed: instruction_failed,
    RequestRejected: changes_nothing,
}
