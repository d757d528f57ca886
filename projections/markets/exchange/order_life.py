"""The life of each order: every event that concerns it, in words, as rows that are only added.

An order id may be used again once its order has ended: its life then goes on with another
`accepted`. Rejections tell of order ids other than 0, which stands for none there.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from processors.markets.exchange.events import (
    AuctionTraded,
    OrderAccepted,
    OrderActivated,
    OrderAdjusted,
    OrderCancelled,
    OrderDecremented,
    OrderEntered,
    OrderParked,
    OrderRefilled,
    OrderRejected,
    OrderReplaced,
    OrderRepriced,
    OrderTraded,
    TradeBusted,
    TradeCorrected,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables


class OrderMoment(msgspec.Struct, gc=False):
    instrument: str
    order_id: int
    sequence: int
    at_ms: int
    happened: str
    price: int | None = None
    quantity: int | None = None
    open_quantity: int | None = None
    """After it, where the event says so; else what it was before, less `taken`."""
    taken: int = 0


ORDER_MOMENTS = Table("order_moments", OrderMoment, key=("instrument", "order_id", "sequence"))

Add = Callable[[OrderMoment], None]


def _accepted(event: OrderAccepted, at_ms: int, add: Add) -> None:
    words = [event.side.value, event.order_type.value, event.time_in_force.value]
    words += ["post_only"] * event.post_only + ["quote"] * event.is_quote
    words += _terms(event) + [f"session {event.session_id}"] * (event.session_id != 0)
    beginning = "accepted, parked" if event.parked else "accepted"
    happened = f"{beginning}: account {event.account_id}, {', '.join(words)}"
    quantity = event.quantity
    add(_moment(event, at_ms, happened, event.price, quantity, open_quantity=quantity))


def _terms(event: OrderAccepted | OrderReplaced | OrderAdjusted) -> list[str]:
    """`stop_price 105`, ...: the terms that are not as most orders have them."""
    if event.terms is None:
        return []
    given = msgspec.to_builtins(event.terms).items()
    return [name if value is True else f"{name} {value}" for name, value in given]


def _traded(event: OrderTraded, at_ms: int, add: Add) -> None:
    _trade(event, at_ms, add, "taker", event.taker_order_id, event.maker_order_id)
    _trade(event, at_ms, add, "maker", event.maker_order_id, event.taker_order_id)


def _auction_traded(event: AuctionTraded, at_ms: int, add: Add) -> None:
    _trade(event, at_ms, add, "buyer in an auction", event.buy_order_id, event.sell_order_id)
    _trade(event, at_ms, add, "seller in an auction", event.sell_order_id, event.buy_order_id)


def _trade(
    event: OrderTraded | AuctionTraded, at_ms: int, add: Add, role: str, own: int, other: int
) -> None:
    happened = f"traded as {role} with order {other}"
    if event.trade_id:
        happened += f": trade {event.trade_id}"
    moment = _moment(event, at_ms, happened, event.price, event.quantity, order_id=own)
    moment.taken = event.quantity
    add(moment)


def _busted(event: TradeBusted, at_ms: int, add: Add) -> None:
    for order_id in (event.buy_order_id, event.sell_order_id):
        happened = f"trade {event.trade_id} was busted"
        add(_moment(event, at_ms, happened, event.price, event.quantity, order_id=order_id))


def _corrected(event: TradeCorrected, at_ms: int, add: Add) -> None:
    before = f"{event.previous_quantity} @ {event.previous_price}"
    for order_id in (event.buy_order_id, event.sell_order_id):
        happened = f"trade {event.trade_id} was corrected: it was {before}"
        add(_moment(event, at_ms, happened, event.price, event.quantity, order_id=order_id))


def _replaced(event: OrderReplaced, at_ms: int, add: Add) -> None:
    words = ["its place kept" if event.kept_priority else "at the back of its queue"]
    words += ["parked"] * event.parked
    words += [] if event.time_in_force is None else [event.time_in_force.value]
    happened = f"replaced: {', '.join(words + _terms(event))}"
    quantity = event.quantity
    add(_moment(event, at_ms, happened, event.price, quantity, open_quantity=quantity))


def _adjusted(event: OrderAdjusted, at_ms: int, add: Add) -> None:
    happened = ": ".join(["adjusted by a split", *[", ".join(_terms(event))] * bool(event.terms)])
    quantity = event.quantity
    add(_moment(event, at_ms, happened, event.price, quantity, open_quantity=quantity))


def _entered(event: OrderEntered, at_ms: int, add: Add) -> None:
    quantity = event.quantity
    happened = "entered the book"
    add(_moment(event, at_ms, happened, event.price, quantity, open_quantity=quantity))


def _activated(event: OrderActivated, at_ms: int, add: Add) -> None:
    quantity = event.quantity
    happened = "activated: its parent has traded"
    add(_moment(event, at_ms, happened, None, quantity, open_quantity=quantity))


def _refilled(event: OrderRefilled, at_ms: int, add: Add) -> None:
    happened = "refilled: so much is shown, at the back of its queue"
    add(_moment(event, at_ms, happened, None, event.displayed))


def _repriced(event: OrderRepriced, at_ms: int, add: Add) -> None:
    add(_moment(event, at_ms, "repriced", event.price))


def _parked(event: OrderParked, at_ms: int, add: Add) -> None:
    add(_moment(event, at_ms, "parked: off the book"))


def _decremented(event: OrderDecremented, at_ms: int, add: Add) -> None:
    moment = _moment(event, at_ms, "decremented by self-trade prevention", None, event.quantity)
    moment.taken = event.quantity
    add(moment)


def _cancelled(event: OrderCancelled, at_ms: int, add: Add) -> None:
    happened = f"cancelled: {event.reason.value}"
    add(_moment(event, at_ms, happened, None, event.quantity, open_quantity=0))


def _rejected(event: OrderRejected, at_ms: int, add: Add) -> None:
    if event.order_id:
        happened = f"a command was rejected: {event.code.value}, {event.field}: {event.reason}"
        add(_moment(event, at_ms, happened))


def _moment(
    event: Any,
    at_ms: int,
    happened: str,
    price: int | None = None,
    quantity: int | None = None,
    *,
    order_id: int | None = None,
    open_quantity: int | None = None,
) -> OrderMoment:
    order_id = event.order_id if order_id is None else order_id
    return OrderMoment(
        event.instrument,
        order_id,
        event.sequence,
        at_ms,
        happened,
        price,
        quantity,
        open_quantity,
    )


TELL: dict[type[Any], Callable[[Any, int, Add], None]] = {
    OrderAccepted: _accepted,
    OrderTraded: _traded,
    AuctionTraded: _auction_traded,
    OrderReplaced: _replaced,
    OrderCancelled: _cancelled,
    OrderDecremented: _decremented,
    OrderRejected: _rejected,
    OrderActivated: _activated,
    OrderEntered: _entered,
    OrderRefilled: _refilled,
    OrderRepriced: _repriced,
    OrderParked: _parked,
    OrderAdjusted: _adjusted,
    TradeBusted: _busted,
    TradeCorrected: _corrected,
}


def fold(tables: Tables, events: Events) -> None:
    add = tables[ORDER_MOMENTS].append
    for event, at_ms in events:
        TELL[type(event)](event, at_ms, add)


ORDER_LIFE = Projection(
    name="order_life",
    events=tuple(TELL),
    tables=(ORDER_MOMENTS,),
    fold=fold,
    rows_of="partition",
)
