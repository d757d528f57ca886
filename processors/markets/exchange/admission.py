"""The checks that a command must pass before anything happens: each gives the rejection, or None.

What stands here looks at one command, its instrument and the order it names. (What will look
further, a member's risk limits or a trading phase, is asked after these.)
"""

from typing import Final

from processors.markets.exchange.commands import (
    OrderType,
    PlaceOrder,
    TimeInForce,
)
from processors.markets.exchange.events import OrderRejected, RejectCode
from processors.markets.exchange.instrument import Instrument
from processors.markets.exchange.order import Order
from processors.markets.exchange.order_book import OrderBook

MARKET: Final = OrderType.MARKET
UNKNOWN_ORDER: Final = RejectCode.UNKNOWN_ORDER
LIMIT: Final = OrderType.LIMIT
MAY_REST: Final = (
    TimeInForce.GOOD_TILL_CANCELLED,
    TimeInForce.DAY,
    TimeInForce.GOOD_TILL_DATE,
    TimeInForce.GOOD_TILL_TIME,
)

PRICE_DECIMALS_MAX: Final = 18
INSTRUMENT_NAME_LENGTH_MAX: Final = 64


def check_order(
    book: OrderBook,
    order: PlaceOrder,
    order_id: int,
    quantity: int,
    price: int,
    order_type: OrderType,
    post_only: bool,
) -> OrderRejected | None:
    """A new order (and those of its fields that are looked at every time), against the terms of
    its instrument and against itself."""
    instrument = book.instrument
    if not 0 < quantity <= instrument.quantity_max or quantity % instrument.lot_size:
        return reject_quantity(instrument, quantity, order_id, order.account_id)
    if order_type is not LIMIT:
        if price:
            return _reject_contradictory(
                order,
                "price",
                f"a {order_type.value} order has no price, and this one has {price}; "
                "leave it out, or send a limit order",
            )
    elif (
        not instrument.price_min <= price <= instrument.price_max
        or price % (instrument.uniform_tick or instrument.tick_at(price))
    ) and (price or order.terms is None or order.terms.peg is None):  # a peg needs no limit
        return reject_price(instrument, price, order_id, order.account_id)
    if post_only:
        if order_type is not LIMIT:
            return _reject_contradictory(
                order, "post_only", "a post-only order is to rest, and a market order never does"
            )
        if order.time_in_force not in MAY_REST:
            return _reject_contradictory(
                order,
                "post_only",
                f"a post-only order is to rest, and {order.time_in_force.value} never does",
            )
    if order_id in book.orders or order_id in book.parked:
        return reject(
            order.instrument,
            RejectCode.DUPLICATE_ORDER,
            "order_id",
            f"order {order_id} is open already; choose a new id",
            order_id,
            order.account_id,
        )
    return None


def check_replacement(
    instrument: Instrument, order: Order, price: int, quantity: int, account_id: int
) -> OrderRejected | None:
    """A plain order's new price and quantity, asked for by `account_id`."""
    if account_id and account_id != order.account_id:
        return reject_not_owner(instrument.name, order.order_id, account_id)
    return check_quantity(instrument, quantity, order.order_id, account_id) or check_price(
        instrument, price, order.order_id, account_id
    )


def check_quantity(
    instrument: Instrument, quantity: int, order_id: int, account_id: int
) -> OrderRejected | None:
    if not 0 < quantity <= instrument.quantity_max or quantity % instrument.lot_size:
        return reject_quantity(instrument, quantity, order_id, account_id)
    return None


def check_price(
    instrument: Instrument, price: int, order_id: int, account_id: int
) -> OrderRejected | None:
    if fault_of_price(instrument, price) is None:
        return None
    return reject_price(instrument, price, order_id, account_id)


def fault_of_price(instrument: Instrument, price: int) -> tuple[RejectCode, str] | None:
    """What is wrong with a price: beyond the limits, or off tick."""
    if not instrument.price_min <= price <= instrument.price_max:
        reason = f"{price} is not from {instrument.price_min} to {instrument.price_max}"
        return RejectCode.PRICE_LIMIT, reason
    tick_size = instrument.tick_at(price)
    if price % tick_size:
        return RejectCode.OFF_TICK, f"{price} is not a multiple of the tick size {tick_size}"
    return None


def reject_quantity(
    instrument: Instrument, quantity: int, order_id: int, account_id: int
) -> OrderRejected:
    if 0 < quantity <= instrument.quantity_max:
        code = RejectCode.OFF_LOT
        reason = f"{quantity} is not a multiple of the lot size {instrument.lot_size}"
    else:
        code = RejectCode.QUANTITY_LIMIT
        reason = f"{quantity} is not from 1 to {instrument.quantity_max}"
    return reject(instrument.name, code, "quantity", reason, order_id, account_id)


def reject_price(
    instrument: Instrument, price: int, order_id: int, account_id: int
) -> OrderRejected:
    """A price that `fault_of_price` finds fault with."""
    fault = fault_of_price(instrument, price)
    assert fault is not None
    code, reason = fault
    return reject(instrument.name, code, "price", reason, order_id, account_id)


def reject_not_owner(instrument: str, order_id: int, account_id: int) -> OrderRejected:
    return reject(
        instrument,
        RejectCode.NOT_THE_OWNER,
        "account_id",
        f"order {order_id} is not of account {account_id}",
        order_id,
        account_id,
    )


def reject_listed(instrument: str) -> OrderRejected:
    return reject(
        instrument,
        RejectCode.INSTRUMENT_EXISTS,
        "instrument",
        f"{instrument} is listed already, and the terms of a listed instrument do not change",
    )


def reject_unlisted(instrument: str, order_id: int, account_id: int) -> OrderRejected:
    return reject(
        instrument,
        RejectCode.UNKNOWN_INSTRUMENT,
        "instrument",
        f"{instrument} is not listed here",
        order_id,
        account_id,
    )


def reject_unknown(instrument: str, order_id: int, account_id: int) -> OrderRejected:
    # Made here and in fixed words, since cancels that come too late are a quarter of a busy flow.
    return OrderRejected(
        instrument=instrument,
        code=UNKNOWN_ORDER,
        field="order_id",
        reason="no such order is open: it never was, or is filled or cancelled by now",
        order_id=order_id,
        account_id=account_id,
    )


def reject_would_take(
    instrument: str, price: int, best_price: int, order_id: int, account_id: int
) -> OrderRejected:
    return reject(
        instrument,
        RejectCode.WOULD_TAKE,
        "price",
        f"post-only at {price} would trade with the best price opposite, {best_price}",
        order_id,
        account_id,
    )


def _reject_contradictory(order: PlaceOrder, field: str, reason: str) -> OrderRejected:
    return reject(
        order.instrument,
        RejectCode.CONTRADICTORY,
        field,
        reason,
        order.order_id,
        order.account_id,
    )


def reject(
    instrument: str,
    code: RejectCode,
    field: str,
    reason: str,
    order_id: int = 0,
    account_id: int = 0,
) -> OrderRejected:
    return OrderRejected(
        instrument=instrument,
        code=code,
        field=field,
        reason=reason,
        order_id=order_id,
        account_id=account_id,
    )
