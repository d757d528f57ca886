"""What of the exchange's orders an ITCH feed shows: from events to adds, executions and deletes.

Shown are priced orders on the book: of an iceberg or reserve order the displayed part, of a
hidden, pegged or all-or-none order nothing; parked and unpriced orders not at all. An order that
may take is shown once its matching is over, with what is left of it: until then it is `entering`.

A reference number stands for one place in a queue. Whatever sends an order to the back (a refill,
a replace that loses priority, a split's new price) is a Replace with a new reference, or an Add
where nothing was shown. So references ascend in each queue, as readers of ITCH expect.
"""

from typing import Final

from gateway.markets.exchange.itch_feed import Feed, Listed
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
    OrderTraded,
    Side,
)
from processors.markets.exchange.terms import OrderTerms, OrderType

_SIDES: Final = {Side.BUY: b"B", Side.SELL: b"S"}
NOTHING: Final = OrderTerms()


class _Order:
    __slots__ = (
        "displayed", "listed", "order_type", "parked", "price", "quantity", "reference", "shown",
        "side", "terms",
    )  # fmt: skip

    def __init__(self, listed: Listed, event: OrderAccepted) -> None:
        self.listed = listed
        self.side = _SIDES[event.side]
        self.order_type = event.order_type
        self.price = event.price
        self.quantity = event.quantity
        self.terms = event.terms or NOTHING
        self.displayed = event.displayed
        """Of an iceberg or reserve order: what it shows when it next comes to rest."""
        self.parked = event.parked
        self.reference = 0
        """0: it is not in the feed's book."""
        self.shown = 0

    def to_show(self) -> int:
        terms = self.terms
        if self.parked or (self.price == 0 and self.order_type is not OrderType.LIMIT):
            return 0
        if terms.hidden or terms.all_or_none or terms.peg is not None:
            return 0
        return min(self.quantity, self.displayed) if terms.display_quantity else self.quantity


class ShownBook:
    """The open orders of all instruments, and what the feed shows of each."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._orders: dict[tuple[str, int], _Order] = {}
        self._entering: _Order | None = None
        self._adjusted: list[_Order] = []

    def settle(self) -> None:
        """The matching, or the split, is over: what has yet to be shown, is."""
        if self._entering is not None:
            order, self._entering = self._entering, None
            self._rest(order)
        if self._adjusted:
            # in the order of their places: equal prices keep it
            adjusted, self._adjusted = self._adjusted, []
            for order in sorted(adjusted, key=lambda each: each.reference):
                self._rest(order)

    def show_all(self) -> None:
        """Add every order that is in the book, in the order of their places."""
        shown = [order for order in self._orders.values() if order.reference]
        for order in sorted(shown, key=lambda each: each.reference):
            self._feed.add(order.listed, order.reference, order.side, order.shown, order.price)

    def accept(self, listed: Listed, event: OrderAccepted) -> None:
        order = _Order(listed, event)
        self._orders[event.instrument, event.order_id] = order
        if not order.parked:
            self._enter(order)

    def enter(self, _: Listed, event: OrderEntered) -> None:
        order = self._of(event)
        order.parked = False
        order.price = event.price
        order.quantity = event.quantity
        order.displayed = event.displayed
        self._enter(order)

    def activate(self, _: Listed, event: OrderActivated) -> None:
        self._of(event).quantity = event.quantity

    def trade(self, listed: Listed, event: OrderTraded, match: int) -> None:
        self._take(event)
        key = event.instrument, event.maker_order_id
        maker = self._orders[key]
        if maker is self._entering:
            self.settle()
        shown = min(maker.shown, event.quantity)
        if shown and maker.price == event.price:
            self._feed.executed(listed, maker.reference, shown, match)
        elif shown:
            self._feed.executed_with_price(
                listed, maker.reference, shown, match, True, event.price
            )
        if shown < event.quantity:
            self._feed.trade(listed, event.quantity - shown, event.price, match)
        self._executed(key, maker, shown, event.quantity)

    def _take(self, event: OrderTraded) -> None:
        key = event.instrument, event.taker_order_id
        taker = self._orders[key]
        if taker.reference:  # it was replaced: its old place is gone once it trades
            if taker is not self._entering:
                self._enter(taker)
            self._withdraw(taker)
        taker.quantity -= event.quantity
        if not taker.quantity:
            self._leave(key, taker)

    def trade_in_auction(self, listed: Listed, event: AuctionTraded, match: int) -> None:
        """The shown part executes, unprinted: the cross trade prints all. Of an iceberg the part
        that is not shown trades first."""
        for order_id in (event.buy_order_id, event.sell_order_id):
            key = event.instrument, order_id
            order = self._orders[key]
            executed = order.shown - min(order.shown, order.quantity - event.quantity)
            if executed:
                self._feed.executed_with_price(
                    listed, order.reference, executed, match, False, event.price
                )
            self._executed(key, order, executed, event.quantity)

    def _executed(self, key: tuple[str, int], order: _Order, shown: int, quantity: int) -> None:
        order.shown -= shown
        if not order.shown:
            order.reference = 0  # readers take an order out that has executed in full
        order.quantity -= quantity
        if not order.quantity:
            self._leave(key, order)

    def refill(self, _: Listed, event: OrderRefilled) -> None:
        order = self._of(event)
        order.displayed = event.displayed
        self._rest(order)

    def replace(self, listed: Listed, event: OrderReplaced) -> None:
        order = self._of(event)
        order.price = event.price
        order.quantity = event.quantity
        if event.terms is not None:
            order.terms = event.terms
        if event.kept_priority:
            self._shrink(listed, order)
            return
        order.displayed = event.displayed
        order.parked = event.parked
        if order.parked:
            self._withdraw(order)
        else:
            self._enter(order)

    def reprice(self, _: Listed, event: OrderRepriced) -> None:
        order = self._of(event)
        order.price = event.price
        self._enter(order)

    def park(self, _: Listed, event: OrderParked) -> None:
        order = self._of(event)
        order.parked = True
        self._withdraw(order)

    def decrement(self, listed: Listed, event: OrderDecremented) -> None:
        order = self._of(event)
        order.quantity -= event.quantity
        self._shrink(listed, order)

    def cancel(self, _: Listed, event: OrderCancelled) -> None:
        self._leave((event.instrument, event.order_id), self._of(event))

    def adjust(self, _: Listed, event: OrderAdjusted) -> None:
        """A split: of an iceberg another part may be shown."""
        order = self._of(event)
        order.displayed = event.displayed
        order.price = event.price
        order.quantity = event.quantity
        order.terms = event.terms or NOTHING
        self._adjusted.append(order)

    def _of(
        self,
        event: OrderActivated
        | OrderAdjusted
        | OrderCancelled
        | OrderDecremented
        | OrderEntered
        | OrderParked
        | OrderRefilled
        | OrderReplaced
        | OrderRepriced,
    ) -> _Order:
        return self._orders[event.instrument, event.order_id]

    def _enter(self, order: _Order) -> None:
        """It is on the book, and may take first: it is shown when that is over."""
        self.settle()
        self._entering = order

    def _rest(self, order: _Order) -> None:
        """The order has a new place in its queue."""
        order.shown = order.to_show()
        if not order.shown:
            self._withdraw(order)
            return
        old, order.reference = order.reference, self._feed.new_reference()
        if old:
            self._feed.replace(order.listed, old, order.reference, order.shown, order.price)
        else:
            self._feed.add(order.listed, order.reference, order.side, order.shown, order.price)

    def _shrink(self, listed: Listed, order: _Order) -> None:
        """It has less, and keeps its place; what is shown goes last."""
        gone = order.shown - min(order.shown, order.quantity)
        if gone:
            order.shown -= gone
            self._feed.cancel(listed, order.reference, gone)

    def _withdraw(self, order: _Order) -> None:
        order.shown = 0
        if order.reference:
            self._feed.delete(order.listed, order.reference)
            order.reference = 0

    def _leave(self, key: tuple[str, int], order: _Order) -> None:
        self._withdraw(order)
        del self._orders[key]
        if order is self._entering:
            self._entering = None
