"""The open orders as the surveillance needs them: whose they are, and whether others see them.

An order is *seen* while it is on the book at a price and displayed, in full or (icebergs) in part.
Hidden, pegged and all-or-none orders are not, nor are orders without a price. Quotes are left out
too: a market maker's duty is to show both sides, and each mass quote withdraws the one before.
"""

import msgspec

from processors.markets.exchange.events import (
    OrderAccepted,
    OrderActivated,
    OrderAdjusted,
    OrderEntered,
    OrderParked,
    OrderReplaced,
    OrderRepriced,
    OrderTerms,
)
from projections.core.projection import Table

Moved = OrderReplaced | OrderRepriced | OrderEntered | OrderActivated | OrderParked | OrderAdjusted


class WatchedOrder(msgspec.Struct, gc=False):
    instrument: str
    order_id: int
    account_id: int
    side: str
    price: int
    quantity: int
    is_on_book: bool
    may_be_seen: bool
    placed_sequence: int
    """The event with which it took its place, as it now is: entry, or a replace that lost it."""

    @property
    def is_seen(self) -> bool:
        return self.is_on_book and self.may_be_seen and self.price != 0


WATCHED_ORDERS = Table("watched_orders", WatchedOrder, key=("instrument", "order_id"))


def accepted(event: OrderAccepted) -> WatchedOrder:
    return WatchedOrder(
        event.instrument,
        event.order_id,
        event.account_id,
        event.side.value,
        event.price,
        event.quantity,
        is_on_book=not event.parked,
        may_be_seen=not event.is_quote and _is_displayed(event.terms),
        placed_sequence=event.sequence,
    )


def change(order: WatchedOrder, event: Moved) -> None:
    """Apply an event that changes an order, and does not take from it."""
    if isinstance(event, OrderParked):
        order.is_on_book = False
        return
    if not isinstance(event, OrderRepriced):
        order.quantity = event.quantity
    if isinstance(event, OrderActivated):
        return
    order.price = event.price
    if isinstance(event, OrderReplaced):
        order.is_on_book = not event.parked
        if event.terms is not None:
            order.may_be_seen = _is_displayed(event.terms)
        if event.kept_priority:
            return
    elif isinstance(event, OrderEntered):
        order.is_on_book = True
    if not isinstance(event, OrderAdjusted):
        order.placed_sequence = event.sequence


def _is_displayed(terms: OrderTerms | None) -> bool:
    return terms is None or not (terms.hidden or terms.all_or_none or terms.peg is not None)
