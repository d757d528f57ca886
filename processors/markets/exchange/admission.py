"""The checks that a command must pass before anything happens: each gives the rejection, or None.

What stands here looks at one command, its instrument and the order it names. (What will look
further, a member's risk limits or a trading phase, is asked after these.)
"""

from typing import Final

from processors.markets.exchange.commands import (
    ListInstrument,
    OrderType,
    PlaceOrder,
    TimeInForce,
)
from processors.markets.exchange.events import OrderRejected, RejectCode
from processors.markets.exchange.instrument import Instrument
from processors.markets.exchange.order_book import Order, OrderBook

MARKET: Final = OrderType.MARKET
GOOD_TILL_CANCELLED: Final = TimeInForce.GOOD_TILL_CANCELLED

PRICE_DECIMALS_MAX: Final = 18
INSTRUMENT_NAME_LENGTH_MAX: Final = 64


def check_order(book: OrderBook, order: PlaceOrder) -> OrderRejected | None:
    """A new order, against the terms of its instrument and against itself."""
    instrument = book.instrument
    rejected = check_quantity(instrument, order.quantity, order.order_id, order.account_id)
    if rejected is not None:
        return rejected
    if order.order_type is MARKET:
        rejected = _check_market_order(order)
    else:
        rejected = check_price(instrument, order.price, order.order_id, order.account_id)
    if rejected is not None:
        return rejected
    if order.post_only and order.time_in_force is not GOOD_TILL_CANCELLED:
        return reject_order(
            order,
            RejectCode.CONTRADICTORY,
            "post_only",
            f"a post-only order is to rest, and {order.time_in_force.value} never does",
        )
    if order.order_id in book.orders:
        return reject_order(
            order,
            RejectCode.DUPLICATE_ORDER,
            "order_id",
            f"order {order.order_id} is open already; choose a new id",
        )
    return None


def _check_market_order(order: PlaceOrder) -> OrderRejected | None:
    if order.price:
        return reject_order(
            order,
            RejectCode.CONTRADICTORY,
            "price",
            f"a market order has no price, and this one has {order.price}; "
            "leave it out, or send a limit order",
        )
    if order.post_only:
        return reject_order(
            order,
            RejectCode.CONTRADICTORY,
            "post_only",
            "a post-only order is to rest, and a market order never does",
        )
    return None


def check_quantity(
    instrument: Instrument, quantity: int, order_id: int, account_id: int
) -> OrderRejected | None:
    if not 0 < quantity <= instrument.quantity_max:
        code = RejectCode.QUANTITY_LIMIT
        reason = f"{quantity} is not from 1 to {instrument.quantity_max}"
    elif quantity % instrument.lot_size:
        code = RejectCode.OFF_LOT
        reason = f"{quantity} is not a multiple of the lot size {instrument.lot_size}"
    else:
        return None
    return _reject(instrument.name, code, "quantity", reason, order_id, account_id)


def check_price(
    instrument: Instrument, price: int, order_id: int, account_id: int
) -> OrderRejected | None:
    if not instrument.price_min <= price <= instrument.price_max:
        code = RejectCode.PRICE_LIMIT
        reason = f"{price} is not from {instrument.price_min} to {instrument.price_max}"
    elif price % instrument.tick_size:
        code = RejectCode.OFF_TICK
        reason = f"{price} is not a multiple of the tick size {instrument.tick_size}"
    else:
        return None
    return _reject(instrument.name, code, "price", reason, order_id, account_id)


def check_owner(book: OrderBook, order: Order, account_id: int) -> OrderRejected | None:
    """0 stands for the operator, who may touch any order."""
    if account_id in (0, order.account_id):
        return None
    return _reject(
        book.instrument.name,
        RejectCode.NOT_THE_OWNER,
        "account_id",
        f"order {order.order_id} is not of account {account_id}",
        order.order_id,
        account_id,
    )


def check_replacement(
    book: OrderBook, order: Order, price: int, quantity: int, account_id: int
) -> OrderRejected | None:
    """An open order's new price and quantity, asked for by `account_id`."""
    rejected = check_owner(book, order, account_id)
    if rejected is None:
        rejected = check_quantity(book.instrument, quantity, order.order_id, account_id)
    if rejected is None:
        rejected = check_price(book.instrument, price, order.order_id, account_id)
    return rejected


def check_listing(listing: ListInstrument) -> OrderRejected | None:
    """Terms under which at least one price and one quantity can be traded."""
    tick_size, lot_size, price_max = listing.tick_size, listing.lot_size, listing.price_max
    name = listing.instrument
    if not (0 < len(name) <= INSTRUMENT_NAME_LENGTH_MAX and name.isprintable()):
        fault = (
            "instrument",
            f"a name is 1 to {INSTRUMENT_NAME_LENGTH_MAX} printable characters",
        )
    elif not 0 <= listing.price_decimals <= PRICE_DECIMALS_MAX:
        fault = ("price_decimals", f"must be from 0 to {PRICE_DECIMALS_MAX}")
    elif tick_size < 1:
        fault = ("tick_size", "must be at least 1")
    elif lot_size < 1:
        fault = ("lot_size", "must be at least 1")
    elif listing.price_min < 1:
        fault = ("price_min", "must be at least 1")
    elif price_max - price_max % tick_size < listing.price_min:
        fault = ("price_max", f"no multiple of the tick size is from {listing.price_min} to it")
    elif listing.quantity_max < lot_size:
        fault = ("quantity_max", f"must be at least the lot size {lot_size}")
    else:
        return None
    return _reject(name, RejectCode.INVALID_INSTRUMENT, fault[0], fault[1])


def reject_listed(instrument: str) -> OrderRejected:
    return _reject(
        instrument,
        RejectCode.INSTRUMENT_EXISTS,
        "instrument",
        f"{instrument} is listed already, and the terms of a listed instrument do not change",
    )


def reject_unlisted(instrument: str, order_id: int, account_id: int) -> OrderRejected:
    return _reject(
        instrument,
        RejectCode.UNKNOWN_INSTRUMENT,
        "instrument",
        f"{instrument} is not listed here",
        order_id,
        account_id,
    )


def reject_unknown(instrument: str, order_id: int, account_id: int) -> OrderRejected:
    return _reject(
        instrument,
        RejectCode.UNKNOWN_ORDER,
        "order_id",
        f"order {order_id} is not open",
        order_id,
        account_id,
    )


def reject_would_take(
    instrument: str, price: int, best_price: int, order_id: int, account_id: int
) -> OrderRejected:
    return _reject(
        instrument,
        RejectCode.WOULD_TAKE,
        "price",
        f"post-only at {price} would trade with the best price opposite, {best_price}",
        order_id,
        account_id,
    )


def reject_order(order: PlaceOrder, code: RejectCode, field: str, reason: str) -> OrderRejected:
    return _reject(order.instrument, code, field, reason, order.order_id, order.account_id)


def _reject(
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
