"""Stop orders by the price that triggers them: buys from below, sells from above.

    OrderBook ── stop_buys, stop_sells: TriggerIndex ── by stop price ── orders, oldest first

Finding whether a trade triggers anything is one comparison, whatever waits here.
"""

from typing import Final

from processors.markets.exchange.order import Order
from processors.markets.exchange.price_index import PriceIndex

NEVER_BUY: Final = 1 << 62
NEVER_SELL: Final = -1


class TriggerIndex:
    """The waiting stop orders of one side. `trigger` is the nearest stop price: a trade at it or
    beyond triggers."""

    __slots__ = ("_flip", "_index", "_levels", "is_buy", "trigger")

    is_buy: bool
    trigger: int
    _flip: int
    _index: PriceIndex
    _levels: dict[int, dict[int, Order]]

    def __init__(self, is_buy: bool, price_max: int) -> None:
        self.is_buy = is_buy
        self._index = PriceIndex(price_max + 1)
        self._flip = self._index.last if is_buy else 0  # buys: the lowest price is the nearest
        self._levels = {}
        self.trigger = NEVER_BUY if is_buy else NEVER_SELL

    def __len__(self) -> int:
        return len(self._levels)

    def add(self, order: Order, stop_price: int) -> None:
        level = self._levels.get(stop_price)
        if level is None:
            level = self._levels[stop_price] = {}
            self._index.add(stop_price ^ self._flip)
            if (stop_price < self.trigger) if self.is_buy else (stop_price > self.trigger):
                self.trigger = stop_price
        level[order.order_id] = order

    def remove(self, order: Order, stop_price: int) -> None:
        level = self._levels[stop_price]
        del level[order.order_id]
        if not level:
            self._close(stop_price)

    def pop_triggered(self, price: int) -> list[Order]:
        """Take out what a trade at this price triggers: nearest stop first, then oldest."""
        triggered: list[Order] = []
        while self._levels and ((price >= self.trigger) if self.is_buy else price <= self.trigger):
            stop_price = self.trigger
            triggered += self._levels[stop_price].values()
            self._close(stop_price)
        return triggered

    def _close(self, stop_price: int) -> None:
        del self._levels[stop_price]
        rank = stop_price ^ self._flip
        self._index.remove(rank)
        if stop_price == self.trigger:
            below = self._index.below(rank)
            if below >= 0:
                self.trigger = below ^ self._flip
            else:
                self.trigger = NEVER_BUY if self.is_buy else NEVER_SELL
