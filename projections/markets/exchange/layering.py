"""Layering: orders on one side that are to move others, a trade on the other, and the orders gone.

"Submitting multiple or large orders to trade often away from the touch on one side of the order
book in order to execute a trade on the other side of the order book. Once the trade has taken
place, the orders with no intention to be executed shall be removed" (Commission Delegated
Regulation (EU) 2016/522, Annex II, section 1, point 5(e), on Regulation (EU) 596/2014, MAR). US
law calls it spoofing (Commodity Exchange Act, section 4c(a)(5)(C)).

The rule, for an account in an instrument. A trade of the account, on any side and in whichever
role, *opens a look* at its seen orders on the other side, as they are after it, if these are at
least ORDERS_MIN, at PRICES_MIN distinct prices or more. (A trade that finds fewer leaves the look
that is open as it is; one that finds enough takes its place.) Of these orders, those count as
withdrawn that the account (or the operator for it) cancels, one by one or by mass cancel, at most
WINDOW_MS after the trade. An order that was placed anew meanwhile, by a replace that lost its
place, does not count. With the cancel that makes the withdrawn ones more than half of all there is
an alert, and the look is over. `watched_orders` says which orders are seen.
"""

from typing import Final

import msgspec

from processors.markets.exchange.events import (
    AuctionTraded,
    CancelReason,
    OrderCancelled,
    OrderTraded,
)
from projections.core.projection import Table
from projections.core.rows import Tables
from projections.markets.exchange.alerts import ALERTS, LAYERING, Alert
from projections.markets.exchange.watched_orders import WatchedOrder

ORDERS_MIN: Final = 5
PRICES_MIN: Final = 3
WINDOW_MS: Final = 1_000
EVIDENCE_ORDERS_MAX: Final = 20
"""So many of the withdrawn orders' ids an alert names."""

OWN_CANCELS: Final = (CancelReason.REQUESTED, CancelReason.MASS_CANCEL)
OTHER_SIDE: Final = {"buy": "sell", "sell": "buy"}


class SeenPrice(msgspec.Struct, gc=False):
    """How many seen orders an account has at a price; no row where it has none."""

    instrument: str
    account_id: int
    side: str
    price: int
    orders: int = 0


class SeenSide(msgspec.Struct, gc=False):
    """An account's seen orders on one side, and the look at them that is open. `looked_at` is how
    many there were at the trade; 0: no look is open."""

    instrument: str
    account_id: int
    side: str
    orders: int = 0
    prices: int = 0
    looked_at: int = 0
    looked_at_prices: int = 0
    trade_sequence: int = 0
    trade_at_ms: int = 0
    trade_order_id: int = 0
    trade_price: int = 0
    trade_quantity: int = 0
    withdrawn: int = 0
    withdrawn_order_ids: str = ""


SEEN_PRICES = Table("seen_prices", SeenPrice, key=("instrument", "account_id", "side", "price"))
SEEN_SIDES = Table("seen_sides", SeenSide, key=("instrument", "account_id", "side"))


class Layering:
    __slots__ = ("_alert", "_prices", "_sides")

    def __init__(self, tables: Tables) -> None:
        self._prices = tables[SEEN_PRICES]
        self._sides = tables[SEEN_SIDES]
        self._alert = tables[ALERTS].append

    def show(self, order: WatchedOrder) -> None:
        """Count an order, where it is seen."""
        if not order.is_seen:
            return
        key = order.instrument, order.account_id, order.side
        side = self._sides.get(key) or SeenSide(*key)
        price = self._prices.get((*key, order.price)) or SeenPrice(*key, order.price)
        price.orders += 1
        side.orders += 1
        side.prices += price.orders == 1
        self._prices.put(price)
        self._sides.put(side)

    def hide(self, order: WatchedOrder) -> None:
        """Take an order, as it was counted, out of the counts."""
        if not order.is_seen:
            return
        key = order.instrument, order.account_id, order.side
        side, price = self._sides[key], self._prices[*key, order.price]
        price.orders -= 1
        side.orders -= 1
        if price.orders:
            self._prices.put(price)
        else:
            side.prices -= 1
            self._prices.delete((*key, order.price))
        self._sides.put(side)

    def trade(
        self,
        event: OrderTraded | AuctionTraded,
        at_ms: int,
        account_id: int,
        order_id: int,
        side: str,
    ) -> None:
        """Of one of its two parties."""
        layers = self._sides.get((event.instrument, account_id, OTHER_SIDE[side]))
        if layers is None or layers.orders < ORDERS_MIN or layers.prices < PRICES_MIN:
            return
        layers.looked_at, layers.looked_at_prices = layers.orders, layers.prices
        layers.trade_sequence, layers.trade_at_ms = event.sequence, at_ms
        layers.trade_order_id = order_id
        layers.trade_price, layers.trade_quantity = event.price, event.quantity
        layers.withdrawn, layers.withdrawn_order_ids = 0, ""
        self._sides.put(layers)

    def cancel(self, order: WatchedOrder, event: OrderCancelled, at_ms: int) -> None:
        """Before the order is hidden."""
        if not order.is_seen or event.reason not in OWN_CANCELS:
            return
        side = self._sides[order.instrument, order.account_id, order.side]
        if (
            not side.looked_at
            or at_ms - side.trade_at_ms > WINDOW_MS
            or order.placed_sequence > side.trade_sequence
        ):
            return
        side.withdrawn += 1
        if side.withdrawn <= EVIDENCE_ORDERS_MAX:
            side.withdrawn_order_ids += f" {order.order_id}"
        if 2 * side.withdrawn > side.looked_at:
            sequence = event.sequence
            self._alert(
                Alert(
                    at_ms,
                    order.instrument,
                    sequence,
                    LAYERING,
                    order.account_id,
                    _evidence(side, at_ms),
                )
            )
            side.looked_at = 0
        self._sides.put(side)


def _evidence(side: SeenSide, at_ms: int) -> str:
    bought = "sold" if side.side == "buy" else "bought"
    more = ", ..." if side.withdrawn > EVIDENCE_ORDERS_MAX else ""
    return (
        f"order {side.trade_order_id} {bought} {side.trade_quantity} @ {side.trade_price} "
        f"(sequence {side.trade_sequence}) with {side.looked_at} {side.side} orders at "
        f"{side.looked_at_prices} prices shown; {side.withdrawn} of them were cancelled within "
        f"{at_ms - side.trade_at_ms} ms: orders "
        f"{', '.join(side.withdrawn_order_ids.split())}{more}"
    )
