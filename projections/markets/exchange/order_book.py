"""The order book, by order and by price: what is open now, from every event that moves an order.

Every accepted order is open until it has traded in full or is cancelled; one that never rests ends
within its own command, and so never reaches the tables. `open_orders` holds all of them, on the
book or parked; `price_levels` what the book displays, which is what the public sees; `dark_levels`
what it does not.
"""

from collections.abc import Callable
from typing import Any, Final

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
    OrderReplaced,
    OrderRepriced,
    OrderTerms,
    OrderTraded,
    OrderType,
    Side,
    TimeInForce,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Rows, Tables
from projections.markets.exchange.order_terms import display_of, text_of

BUY: Final = Side.BUY
LIMIT: Final = OrderType.LIMIT
GOOD_TILL_CANCELLED: Final = TimeInForce.GOOD_TILL_CANCELLED
ON_BOOK: Final = "on_book"
PARKED: Final = "parked"
FULL: Final = "full"
PART: Final = "part"
NONE: Final = "none"


class OpenOrder(msgspec.Struct, gc=False):
    """Of equal prices, those that display something trade before those that do not, and of these
    the lower `priority` first."""

    instrument: str
    order_id: int
    account_id: int
    side: str
    price: int
    """Where it stands on the book, 0 before all prices (a market order); parked, its limit."""
    quantity: int
    """What is still open."""
    priority: int
    """The sequence at which it took its place in the queue."""
    accepted_at_ms: int
    displayed: int
    """What the public sees of `quantity`."""
    state: str
    """`on_book`, or `parked`: it waits for its stop price, parent, auction, or peg's price."""
    order_type: str
    time_in_force: str
    post_only: bool
    display: str
    """`full`; `part`: iceberg and reserve orders; `none`: hidden, pegged, all-or-none ones."""
    limit_price: int
    """Its own, which of a pegged order is not its price; 0: none."""
    stop_price: int
    """As it was entered; 0: none."""
    expires_at_ms: int | None
    session_id: int
    is_quote: bool
    terms: str
    """What else it asks for, in short words."""


class PriceLevel(msgspec.Struct, gc=False):
    """The open orders of one price, 0 for market orders that wait for an auction: how many there
    are, and how much they display (`price_levels`) or keep back (`dark_levels`)."""

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
LEVEL = ("instrument", "side", "price")
PRICE_LEVELS = Table("price_levels", PriceLevel, key=LEVEL)
DARK_LEVELS = Table("dark_levels", PriceLevel, key=LEVEL)

Moves = dict[tuple[str, str, int], list[int]]
"""By level: the change of quantity, and of the number of orders."""


def _move(moves: Moves, order: OpenOrder, quantity: int, orders: int) -> None:
    level = (order.instrument, order.side, order.price)
    move = moves.get(level)
    if move is None:
        moves[level] = [quantity, orders]
    else:
        move[0] += quantity
        move[1] += orders


class _Book:
    """The open orders, and what the run of events changes in the levels, net."""

    __slots__ = ("dark", "orders", "shown")

    def __init__(self, orders: Rows[OpenOrder]) -> None:
        self.orders = orders
        self.shown: Moves = {}
        self.dark: Moves = {}

    def count(self, order: OpenOrder, sign: int = 1) -> None:
        """Add an order to the levels, or (-1) take it away."""
        displayed = order.displayed
        kept_back = order.quantity - displayed
        if displayed:
            _move(self.shown, order, sign * displayed, sign)
        if kept_back and order.state == ON_BOOK:
            _move(self.dark, order, sign * kept_back, sign)

    def lift(self, event: Any) -> OpenOrder:
        """The order, no longer counted: change it and `lay` it down again."""
        order = self.orders[event.instrument, event.order_id]
        self.count(order, -1)
        return order

    def lay(self, order: OpenOrder) -> None:
        self.count(order)
        self.orders.put(order)

    def accept(self, event: OrderAccepted, at_ms: int) -> None:
        quantity, terms = event.quantity, event.terms
        order_type, time_in_force = event.order_type, event.time_in_force
        parked = event.parked
        display, displayed, stop_price, text = FULL, quantity, 0, ""
        if terms is not None:
            display, stop_price = display_of(terms), terms.stop_price
            displayed = _displayed(display, quantity, event.displayed)
            text = text_of(terms)
        order = OpenOrder(
            event.instrument,
            event.order_id,
            event.account_id,
            "buy" if event.side is BUY else "sell",
            event.price,
            quantity,
            event.sequence,
            at_ms,
            0 if parked else displayed,
            PARKED if parked else ON_BOOK,
            "limit" if order_type is LIMIT else order_type.value,
            "good_till_cancelled" if time_in_force is GOOD_TILL_CANCELLED else time_in_force.value,
            event.post_only,
            display,
            event.price,
            stop_price,
            event.expires_at_ms or None,
            event.session_id,
            event.is_quote,
            text,
        )
        self.orders.insert(order)
        if displayed == quantity and not parked:
            _move(self.shown, order, quantity, 1)
        else:
            self.count(order)

    def take(self, instrument: str, order_id: int, quantity: int, as_maker: bool = False) -> None:
        """So much of an order traded, or was taken off: a maker's shows so much less; otherwise
        what is not shown goes first."""
        key = instrument, order_id
        order = self.orders[key]
        left = order.quantity - quantity
        if order.displayed == order.quantity:
            if left:
                order.quantity = order.displayed = left
                _move(self.shown, order, -quantity, 0)
                self.orders.put(order)
            else:
                _move(self.shown, order, -quantity, -1)
                self.orders.delete(key)
            return
        self.count(order, -1)
        if left:
            shown = order.displayed - quantity if as_maker else left
            order.quantity = left
            order.displayed = max(min(order.displayed, shown), 0)
            self.lay(order)
        else:
            self.orders.delete(key)

    def cancel(self, event: OrderCancelled) -> None:
        self.lift(event)
        self.orders.delete((event.instrument, event.order_id))

    def replace(self, event: OrderReplaced) -> None:
        order = self.lift(event)
        order.quantity = event.quantity
        order.limit_price = event.price
        order.expires_at_ms = event.expires_at_ms or None
        if event.time_in_force is not None:
            order.time_in_force = event.time_in_force.value
        if event.terms is not None:
            _give_terms(order, event.terms)
        if event.kept_priority:
            order.displayed = min(order.displayed, event.quantity)
        else:
            order.price, order.priority = event.price, event.sequence
            _stand(order, event.displayed, event.parked)
        self.lay(order)

    def activate(self, event: OrderActivated) -> None:
        order = self.lift(event)
        order.quantity = event.quantity
        self.lay(order)

    def enter(self, event: OrderEntered) -> None:
        order = self.lift(event)
        _place(order, event)
        order.quantity = event.quantity
        _stand(order, event.displayed)
        self.lay(order)

    def park(self, event: OrderParked) -> None:
        order = self.lift(event)
        order.price = order.limit_price
        _stand(order, 0, parked=True)
        self.lay(order)

    def reprice(self, event: OrderRepriced) -> None:
        order = self.lift(event)
        _place(order, event)
        self.lay(order)

    def refill(self, event: OrderRefilled) -> None:
        order = self.lift(event)
        order.displayed, order.priority = event.displayed, event.sequence
        self.lay(order)

    def adjust(self, event: OrderAdjusted) -> None:
        order = self.lift(event)
        part = event.displayed
        order.price = order.limit_price = event.price
        order.quantity, order.priority = event.quantity, event.sequence
        if event.terms is not None:
            _give_terms(order, event.terms)
        _stand(order, part, order.state == PARKED)
        self.lay(order)

    def auction(self, event: AuctionTraded) -> None:
        self.take(event.instrument, event.buy_order_id, event.quantity)
        self.take(event.instrument, event.sell_order_id, event.quantity)

    def decrement(self, event: OrderDecremented) -> None:
        self.take(event.instrument, event.order_id, event.quantity)


def _place(order: OpenOrder, event: OrderEntered | OrderRepriced) -> None:
    """At the back of the queue of a price, which becomes its limit, unless it only follows it."""
    order.price, order.priority = event.price, event.sequence
    if order.display != NONE:
        order.limit_price = event.price


def _stand(order: OpenOrder, part: int, parked: bool = False) -> None:
    """On the book, or parked, with so much of an iceberg to be shown."""
    order.state = PARKED if parked else ON_BOOK
    order.displayed = 0 if parked else _displayed(order.display, order.quantity, part)


def _displayed(display: str, quantity: int, part: int) -> int:
    return quantity if display == FULL else min(quantity, part) if display == PART else 0


def _give_terms(order: OpenOrder, terms: OrderTerms) -> None:
    order.display = display_of(terms)
    order.stop_price = terms.stop_price
    order.terms = text_of(terms)


CHANGES: dict[type[Any], Callable[[_Book, Any], None]] = {
    OrderReplaced: _Book.replace,
    OrderRefilled: _Book.refill,
    OrderRepriced: _Book.reprice,
    OrderEntered: _Book.enter,
    OrderParked: _Book.park,
    OrderActivated: _Book.activate,
    AuctionTraded: _Book.auction,
    OrderDecremented: _Book.decrement,
    OrderAdjusted: _Book.adjust,
}
MOVES: tuple[type[Any], ...] = (OrderAccepted, OrderTraded, OrderCancelled, *CHANGES)


def fold(tables: Tables, events: Events) -> None:
    book = _Book(tables[OPEN_ORDERS])
    for event, at_ms in events:
        kind = type(event)
        if kind is OrderAccepted:
            book.accept(event, at_ms)
        elif kind is OrderTraded:
            book.take(event.instrument, event.maker_order_id, event.quantity, True)
            book.take(event.instrument, event.taker_order_id, event.quantity)
        elif kind is OrderCancelled:
            book.cancel(event)
        else:
            CHANGES[kind](book, event)
    _apply_moves(tables[PRICE_LEVELS], book.shown)
    _apply_moves(tables[DARK_LEVELS], book.dark)


def _apply_moves(levels: Rows[PriceLevel], moves: Moves) -> None:
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


ORDER_BOOK = Projection(
    name="order_book",
    events=MOVES,
    tables=(OPEN_ORDERS, PRICE_LEVELS, DARK_LEVELS),
    fold=fold,
    version=2,
    rows_of="partition",
)
