"""The order book, by order and by price: what is open now, from every event that moves an order.

Every accepted order is open until it has traded in full or is cancelled. One that cannot rest
(market, immediate or cancel) ends within its own command, and so never reaches the tables.
"""

from typing import Final

import msgspec

from processors.markets.exchange.events import (
    OrderAccepted,
    OrderCancelled,
    OrderDecremented,
    OrderReplaced,
    OrderTraded,
    Side,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Rows, Tables

BUY: Final = Side.BUY


class OpenOrder(msgspec.Struct, gc=False):
    """`quantity` is what is still open. Of equal prices, the lower `priority` trades first."""

    instrument: str
    order_id: int
    account_id: int
    side: str
    price: int
    quantity: int
    priority: int
    """The sequence at which it took its place in the queue."""
    accepted_at_ms: int


class PriceLevel(msgspec.Struct, gc=False):
    """All open orders of one price: their quantity, and how many there are."""

    instrument: str
    side: str
    price: int
    quantity: int
    orders: int


QUEUE = ("instrument", "side", "price", "priority")
BY_ACCOUNT = ("account_id", "instrument", "order_id")
OPEN_ORDERS = Table(
    "open_orders", OpenOrder, key=("instrument", "order_id"), indexes=(QUEUE, BY_ACCOUNT)
)
PRICE_LEVELS = Table("price_levels", PriceLevel, key=("instrument", "side", "price"))


class _Book:
    """The open orders, and what the run of events changes in the price levels, net."""

    __slots__ = ("moves", "orders")

    def __init__(self, orders: Rows[OpenOrder]) -> None:
        self.orders = orders
        self.moves: dict[tuple[str, str, int], list[int]] = {}
        """By level: the change of quantity, and of the number of orders."""

    def move(self, order: OpenOrder, quantity: int, orders: int) -> None:
        level = (order.instrument, order.side, order.price)
        move = self.moves.get(level)
        if move is None:
            self.moves[level] = [quantity, orders]
        else:
            move[0] += quantity
            move[1] += orders

    def enter(self, order: OpenOrder) -> None:
        self.orders.insert(order)
        self.move(order, order.quantity, 1)

    def reduce(self, instrument: str, order_id: int, quantity: int) -> None:
        key = instrument, order_id
        order = self.orders[key]
        if quantity == order.quantity:
            self.orders.delete(key)
            self.move(order, -quantity, -1)
        else:
            order.quantity -= quantity
            self.move(order, -quantity, 0)
            self.orders.put(order)

    def cancel(self, instrument: str, order_id: int) -> None:
        key = instrument, order_id
        order = self.orders[key]
        self.orders.delete(key)
        self.move(order, -order.quantity, -1)

    def replace(self, event: OrderReplaced) -> None:
        order = self.orders[event.instrument, event.order_id]
        self.move(order, -order.quantity, -1)
        order.price = event.price
        order.quantity = event.quantity
        if not event.kept_priority:
            order.priority = event.sequence
        self.move(order, order.quantity, 1)
        self.orders.put(order)


def fold(tables: Tables, events: Events) -> None:
    book = _Book(tables[OPEN_ORDERS])
    for event, at_ms in events:
        kind = type(event)
        if kind is OrderAccepted:
            book.enter(
                OpenOrder(
                    event.instrument,
                    event.order_id,
                    event.account_id,
                    "buy" if event.side is BUY else "sell",
                    event.price,
                    event.quantity,
                    event.sequence,
                    at_ms,
                )
            )
        elif kind is OrderTraded:
            book.reduce(event.instrument, event.maker_order_id, event.quantity)
            book.reduce(event.instrument, event.taker_order_id, event.quantity)
        elif kind is OrderCancelled:
            book.cancel(event.instrument, event.order_id)
        elif kind is OrderReplaced:
            book.replace(event)
        elif kind is OrderDecremented:
            book.reduce(event.instrument, event.order_id, event.quantity)
    _apply_moves(tables[PRICE_LEVELS], book.moves)


def _apply_moves(levels: Rows[PriceLevel], moves: dict[tuple[str, str, int], list[int]]) -> None:
    for key, (quantity, orders) in moves.items():
        if quantity == orders == 0:
            continue
        level = levels.get(key)
        if level is None:
            levels.insert(PriceLevel(*key, quantity, orders))
        elif level.orders + orders == 0:
            levels.delete(key)
        else:
            level.quantity += quantity
            level.orders += orders
            levels.put(level)


MOVES = (OrderAccepted, OrderTraded, OrderCancelled, OrderReplaced, OrderDecremented)
ORDER_BOOK = Projection(
    name="order_book", events=MOVES, tables=(OPEN_ORDERS, PRICE_LEVELS), fold=fold
)
