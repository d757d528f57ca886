"""A price-time book in plain Python, for peers that bring none: no recovery, no events, no rules
but those of the benchmarks' order flow. Takes rows of `bench.order_flow.rows`."""

from heapq import heappop, heappush


class PlainBook:
    """Sides are 0 (buy) and 1 (sell)."""

    def __init__(self) -> None:
        self._levels: tuple[dict[int, dict[int, int]], ...] = ({}, {})
        """Of a side, by price: the open quantities by order, in order of time."""
        self._best: tuple[list[int], ...] = ([], [])
        """Of a side: its prices as a heap, negative for buys. A level may have run empty."""
        self._places: dict[int, tuple[int, int]] = {}
        """The side and price of each order."""
        self.trades = 0
        self.traded_quantity = 0

    @property
    def resting(self) -> int:
        return len(self._places)

    def apply(self, kind: str, order: int, side: int, price: int, quantity: int) -> None:
        if kind in "CM":
            place = self._places.get(order)
            if place is None:
                return
            side, old_price = place
            level = self._levels[side][old_price]
            if kind == "M" and price == old_price and quantity <= level[order]:
                level[order] = quantity  # less of it: it keeps its place
                return
            del level[order], self._places[order]
            if kind == "C":
                return
        quantity = self._match(side, price, quantity)
        if quantity and kind != "I":
            self._places[order] = side, price
            levels = self._levels[side]
            if price not in levels:
                levels[price] = {}
                heappush(self._best[side], price if side else -price)
            levels[price][order] = quantity

    def _match(self, side: int, price: int, quantity: int) -> int:
        """Trade with the other side; returns what is left."""
        levels, best = self._levels[1 - side], self._best[1 - side]
        while quantity and best:
            reached = abs(best[0])
            if (reached < price) if side else (reached > price):
                break
            level = levels[reached]
            while level and quantity:
                maker = next(iter(level))
                filled = min(level[maker], quantity)
                quantity -= filled
                level[maker] -= filled
                if not level[maker]:
                    del level[maker], self._places[maker]
                self.trades += 1
                self.traded_quantity += filled
            if not level:
                del levels[heappop(best) if side == 0 else -heappop(best)]
        return quantity
