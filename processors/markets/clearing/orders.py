"""What clients ask for their orders: each is reserved for before it goes to the exchange.

place ─► order_reserved ─► (exchange)           replace ─► replacement_reserved ─► (exchange)
cancel ─► cancel_requested ─► (exchange)
"""

from collections.abc import Sequence
from typing import Final

from log.envelope import Event
from processors.markets.clearing.checks import (
    AMOUNT_MAX,
    find_order,
    reject_order,
    reject_parties,
    reject_unknown,
    unit_of,
)
from processors.markets.clearing.commands import (
    CancelOrder,
    OrderType,
    PlaceOrder,
    ReplaceOrder,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from processors.markets.clearing.events import (
    CancelRequested,
    OrderReserved,
    RejectCode,
    ReplacementReserved,
    RequestRejected,
)
from processors.markets.clearing.state import Account, Clearing, Instrument

BUY: Final = Side.BUY
LIMIT: Final = OrderType.LIMIT
MARKET_TO_LIMIT: Final = OrderType.MARKET_TO_LIMIT
GOOD_TILL_CANCELLED: Final = TimeInForce.GOOD_TILL_CANCELLED
NO_PREVENTION: Final = SelfTradePrevention.NONE


def place(state: Clearing, command: PlaceOrder) -> Sequence[Event]:
    """Reserve for a new order."""
    name, order_id = command.instrument, command.order_id
    instrument, account = state.instruments.get(name), state.accounts.get(order_id >> 32)
    if instrument is None or account is None:
        return (reject_parties(state, name, order_id),)
    if order_id in instrument.orders:
        reason = f"order {order_id} is open already; choose a new number"
        code = RejectCode.DUPLICATE_ORDER
        return (reject_order(code, "order_id", reason, name, order_id),)
    side, quantity, price = command.side, command.quantity, command.price
    is_buy, order_type = side is BUY, command.order_type
    if order_type is MARKET_TO_LIMIT and is_buy:
        reason = "what a market-to-limit buy costs has no limit: send a market order with a cap"
        code = RejectCode.UNBOUNDED_PRICE
        return (reject_order(code, "order_type", reason, name, order_id),)
    if is_buy:
        reserved, asset = quantity * unit_of(instrument, price), instrument.currency
        balance = account.cash.get(asset)
    else:
        reserved, asset = quantity, name
        balance = instrument.holdings.get(account.account_id)
    # As `_fault` says: written out for what as a rule is right.
    available = 0 if balance is None else balance.settled + balance.due - balance.reserved
    if not (0 < reserved <= available and price > 0 and price * quantity <= AMOUNT_MAX):
        rejected = _fault(instrument, account, order_id, is_buy, quantity, price, reserved)
        if rejected is not None:
            return (rejected,)
    event = OrderReserved(
        instrument=name,
        order_id=order_id,
        side=side,
        quantity=quantity,
        price=price,
        reserved=reserved,
        asset=asset,
    )
    # What is as a rule at its default is set beside, so that it costs nothing.
    if order_type is not LIMIT:
        event.order_type = order_type
    if command.time_in_force is not GOOD_TILL_CANCELLED:
        event.time_in_force = command.time_in_force
    if command.post_only:
        event.post_only = True
    if command.self_trade_prevention is not NO_PREVENTION:
        event.self_trade_prevention = command.self_trade_prevention
    if command.terms is not None:
        event.terms = command.terms
    return (event,)


def _fault(
    instrument: Instrument,
    account: Account,
    order_id: int,
    is_buy: bool,
    quantity: int,
    price: int,
    reserved: int,
) -> RequestRejected | None:
    """Why an account may not have so much reserved, for so many shares at that price."""
    name = instrument.name
    if quantity <= 0:
        reason = f"{quantity} is not 1 or more"
        return reject_order(RejectCode.INVALID_VALUE, "quantity", reason, name, order_id)
    if is_buy and price <= 0:
        reason = f"{price} is not 1 or more: a buy needs the most that a share may cost"
        return reject_order(RejectCode.UNBOUNDED_PRICE, "price", reason, name, order_id)
    if price < 0:
        reason = f"{price} is not 0 or more"
        return reject_order(RejectCode.INVALID_VALUE, "price", reason, name, order_id)
    if reserved > AMOUNT_MAX or price * quantity > AMOUNT_MAX:
        reason = f"{quantity} at {price} comes to more than {AMOUNT_MAX}"
        return reject_order(RejectCode.AMOUNT_LIMIT, "quantity", reason, name, order_id)
    if is_buy:
        code, field, asset = RejectCode.INSUFFICIENT_CASH, "price", instrument.currency
        balance = account.cash.get(asset)
    else:
        code, field, asset = RejectCode.INSUFFICIENT_STOCK, "quantity", name
        balance = instrument.holdings.get(account.account_id)
    available = 0 if balance is None else balance.available
    if reserved <= available or (account.may_sell_short and not is_buy):
        return None
    reason = f"it takes {reserved} of {asset}, and {available} is available"
    return reject_order(code, field, reason, name, order_id)


def cancel(state: Clearing, command: CancelOrder) -> Sequence[Event]:
    name, order_id = command.instrument, command.order_id
    instrument = state.instruments.get(name)
    if instrument is None or order_id not in instrument.orders:
        return (reject_unknown(name, order_id),)
    return (CancelRequested(instrument=name, order_id=order_id),)


def replace(state: Clearing, command: ReplaceOrder) -> Sequence[Event]:
    """Reserve for what an order is to become, beside what is for the order as it is."""
    name, order_id = command.instrument, command.order_id
    found = find_order(state, name, order_id)
    if isinstance(found, RequestRejected):
        return (found,)
    instrument, order = found
    if order.replacing:
        reason = "the exchange has not answered the replacement before this one"
        code = RejectCode.REPLACEMENT_PENDING
        return (reject_order(code, "order_id", reason, name, order_id),)
    quantity, price = command.quantity, command.price
    held = quantity * unit_of(instrument, price) if order.is_buy else quantity
    account = state.accounts[order_id >> 32]
    rejected = _fault(instrument, account, order_id, order.is_buy, quantity, price, held)
    if rejected is not None:
        return (rejected,)
    return (
        ReplacementReserved(
            instrument=name,
            order_id=order_id,
            price=price,
            quantity=quantity,
            held=held,
        ),
    )
