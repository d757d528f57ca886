"""What the exchange says of orders, settled against the account or released.

    record_fill ─► order_filled            close_order, reduce_order ─► order_released
    amend_order ─► order_amended           refuse_order ─► replacement_refused, order_released
    adjust_trade ─► trade_adjusted

Nobody but the exchange sends these. What does not fit an open order is rejected, so that it is
seen; but for the refusal of what is gone, which says nothing new.
"""

from collections.abc import Sequence

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
    AdjustTrade,
    AmendOrder,
    CloseOrder,
    RecordFill,
    ReduceOrder,
    RefuseOrder,
)
from processors.markets.clearing.events import (
    OrderAmended,
    OrderFilled,
    OrderReleased,
    RejectCode,
    ReplacementRefused,
    RequestRejected,
    TradeAdjusted,
)
from processors.markets.clearing.state import Clearing, Order


def record_fill(state: Clearing, command: RecordFill, at: int) -> Sequence[Event]:
    # Of all that comes back most are fills: `find_order` is written out here.
    name, order_id = command.instrument, command.order_id
    instrument = state.instruments.get(name)
    order = None if instrument is None else instrument.orders.get(order_id)
    if instrument is None or order is None:
        return (reject_unknown(name, order_id),)
    quantity, price, fee = command.quantity, command.price, command.fee
    multiplier, open_quantity = instrument.multiplier, order.quantity
    notional = price * quantity * multiplier
    if not 0 < quantity <= open_quantity:
        reason = f"{quantity} is not from 1 to the {open_quantity} that are open"
        return (reject_order(RejectCode.INVALID_VALUE, "quantity", reason, name, order_id),)
    if not 0 <= notional <= AMOUNT_MAX or not -AMOUNT_MAX <= fee <= AMOUNT_MAX:
        reason = f"{quantity} at {price}, fee {fee}, is not from 0 to {AMOUNT_MAX}"
        return (reject_order(RejectCode.AMOUNT_LIMIT, "price", reason, name, order_id),)
    released = quantity * order.unit
    event = OrderFilled(
        instrument=name,
        order_id=order_id,
        quantity=quantity,
        price=price,
        cash=-notional,
        currency=instrument.currency,
        released=released,
        settlement_day=state.calendar.settlement_day(at),
    )
    if not order.is_buy:
        event.quantity = -quantity
        event.cash = notional
    if fee:
        event.fee = fee = fee * multiplier
        event.cash -= fee
    if quantity < open_quantity:
        event.left = open_quantity - quantity
    elif order.held:
        event.released = released + order.held
    if command.trade_id:
        event.trade_id = command.trade_id
    return (event,)


def close(state: Clearing, command: CloseOrder) -> Sequence[Event]:
    name, order_id = command.instrument, command.order_id
    instrument = state.instruments.get(name)
    order = None if instrument is None else instrument.orders.get(order_id)
    if order is None:
        return (reject_unknown(name, order_id),)
    return (_closed(name, order, command.reason),)


def _closed(instrument: str, order: Order, reason: str) -> OrderReleased:
    return OrderReleased(
        instrument=instrument,
        order_id=order.order_id,
        quantity=order.quantity,
        released=order.quantity * order.unit + order.held,
        reason=reason,
    )


def reduce(state: Clearing, command: ReduceOrder) -> Sequence[Event]:
    name, order_id, quantity = command.instrument, command.order_id, command.quantity
    found = find_order(state, name, order_id)
    if isinstance(found, RequestRejected):
        return (found,)
    order = found[1]
    if not 0 < quantity < order.quantity:
        reason = f"{quantity} is not from 1 to less than the {order.quantity} that are open"
        return (reject_order(RejectCode.INVALID_VALUE, "quantity", reason, name, order_id),)
    return (
        OrderReleased(
            instrument=name,
            order_id=order_id,
            quantity=quantity,
            released=quantity * order.unit,
            left=order.quantity - quantity,
            reason="self_trade",
        ),
    )


def amend(state: Clearing, command: AmendOrder) -> Sequence[Event]:
    """The order is on the exchange as the command says, whatever is available."""
    name, order_id, quantity = command.instrument, command.order_id, command.quantity
    found = find_order(state, name, order_id)
    if isinstance(found, RequestRejected):
        return (found,)
    instrument, order = found
    price = command.price or order.price
    reserved = quantity * unit_of(instrument, price) if order.is_buy else quantity
    if quantity <= 0 or price < 0 or reserved > AMOUNT_MAX:
        reason = f"{quantity} at {price} is nothing that an order can be"
        return (reject_order(RejectCode.INVALID_VALUE, "quantity", reason, name, order_id),)
    same = quantity == order.quantity and price == order.price
    if same and not command.replaces and not order.held:
        return ()
    return (
        OrderAmended(
            instrument=name,
            order_id=order_id,
            price=price,
            quantity=quantity,
            reserved=reserved,
            held=order.held if order.replacing and not command.replaces else 0,
            replaced=command.replaces,
        ),
    )


def refuse(state: Clearing, command: RefuseOrder) -> Sequence[Event]:
    """Answers come in the order of what was asked, so this is for the order itself only where no
    replacement is waited for. Where both were refused, the replacement's refusal is the second
    one, and closes the order."""
    instrument = state.instruments.get(command.instrument)
    order = None if instrument is None else instrument.orders.get(command.order_id)
    if order is None:
        return ()
    if not order.replacing:
        return (_closed(command.instrument, order, command.code),)
    return (
        ReplacementRefused(
            instrument=command.instrument,
            order_id=order.order_id,
            released=order.held,
            code=command.code,
        ),
    )


def adjust(state: Clearing, command: AdjustTrade, at: int) -> Sequence[Event]:
    """A busted trade is another one the other way round, due a business day from now: what is not
    settled yet is netted where the days are the same, and comes and goes where they are not."""
    name, order_id = command.instrument, command.order_id
    instrument = state.instruments.get(name)
    if instrument is None or order_id >> 32 not in state.accounts:
        return (reject_parties(state, name, order_id),)
    multiplier = instrument.multiplier
    fee = command.fee * multiplier
    notional = command.notional * multiplier
    if max(abs(command.quantity), abs(notional), abs(fee)) > AMOUNT_MAX:
        reason = f"the change is more than {AMOUNT_MAX}"
        return (reject_order(RejectCode.AMOUNT_LIMIT, "quantity", reason, name, order_id),)
    return (
        TradeAdjusted(
            instrument=name,
            order_id=order_id,
            trade_id=command.trade_id,
            quantity=command.quantity,
            cash=notional - fee,
            currency=instrument.currency,
            fee=fee,
            settlement_day=state.calendar.settlement_day(at),
        ),
    )
