"""The call auction: its price at any moment of the call, and who trades with whom at the end.

Orders are told to the `CallBook` as they come and go; the decider asks it for the indication after
each, publishes that, and uncrosses by the last one; `allocate` pairs the orders of the order book.

Of the prices that the auction may have (a term of the instrument: `AuctionPrices`) it takes:

    1  those at which the most is executed        (Euronext: maximum volume)
    2  of these, those with the least surplus     (minimum imbalance)
    3  surpluses of buys alone: the highest; of sells alone: the lowest      (market pressure)
    4  else the one nearest to the reference price; if there is none, the lowest
    -  nothing but market orders on both sides: the reference price, down to the tick
    -  nothing executable: no price

LIMITS: the limits on the book, as Deutsche Börse, "Xetra Release 14.0, Market Model Equities",
13.1. In 4, where surpluses are on both sides, the highest limit with one of buys and the lowest
with one of sells are left; of two limits as near as each other the higher is taken. (So the figure
in 13.1.1 and the examples 4 and 5. The text beside them has the reference price itself where it
lies between two limits, which neither the figure nor an example does.)

ALL: every price on tick from `price_min` to `price_max`, as in Euronext's trading manual. So in 4
it is the reference price itself, down to the tick, if that is among what is left; else the nearer
end of that. Where market orders alone are left over, no limit stops their pressure (3), but
`price_min` or `price_max` does.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple, TypeVar

from processors.markets.exchange.instrument import Instrument
from processors.markets.exchange.price_index import PriceIndex
from processors.markets.exchange.terms import AuctionPrices, Side

PART_BITS: Final = 3
"""A sum has 2 ** 3 parts. Measured: with 4 parts an order costs half as much again, with 16 a
search does; in a binary Fenwick tree an order costs four times as much, and a search the same."""
LAST_PART: Final = (1 << PART_BITS) - 1

Order = TypeVar("Order")


class Indication(NamedTuple):
    """What the auction would give if it ended now: `quantity` trades at `price`, and `surplus` is
    what `surplus_side` could trade there beyond that (None where it is 0)."""

    price: int = 0
    """0: no trade, and all else is 0 too."""
    quantity: int = 0
    surplus: int = 0
    surplus_side: Side | None = None


NO_TRADE: Final = Indication()


class CallSide:
    """All buys or all sells: their quantities by limit, and sums of those over 8 neighbouring
    limits, 64, 512 and so on: `sums[height][limit >> 3 * height]`. What is 0 is not kept.

    The sums of buys stand one limit higher: see `CallBook.crossing`.
    """

    __slots__ = ("by_limit", "market", "shift", "sums", "total")

    total: int
    """Of the market orders and of all limits."""
    market: int
    by_limit: dict[int, int]
    sums: list[dict[int, int]]
    shift: int

    def __init__(self, shift: int, height: int) -> None:
        self.total = 0
        self.market = 0
        self.by_limit = {}
        self.sums = [{} for _ in range(height)]
        self.shift = shift

    def change(self, price: int, quantity: int) -> None:
        self.total += quantity
        if not price:
            self.market += quantity
            return
        left = self.by_limit.get(price, 0) + quantity
        if left:
            self.by_limit[price] = left
        else:
            del self.by_limit[price]
        slot = price + self.shift
        for sums in self.sums:
            left = sums.get(slot, 0) + quantity
            if left:
                sums[slot] = left
            else:
                del sums[slot]
            slot >>= PART_BITS


class CallBook:
    """The quantities that meet in a call auction, by side and limit.

    An order that comes or goes, and an indication, cost at worst some dictionary look-ups for each
    bit of `price_max`, however many orders and limits there are.
    """

    __slots__ = ("_buys", "_instrument", "_limits", "_sells")

    _instrument: Instrument
    _buys: CallSide
    _sells: CallSide
    _limits: PriceIndex

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        height = -(-(instrument.price_max + 2).bit_length() // PART_BITS)
        self._buys = CallSide(1, height)
        self._sells = CallSide(0, height)
        self._limits = PriceIndex((1 << PART_BITS * height) - 1)

    def add(self, is_buy: bool, price: int, quantity: int) -> None:
        """An order comes, or all orders of a price at once. `price` is its limit, within those of
        the instrument; 0: a market or market-to-limit order. `quantity` above 0."""
        price = self._counts_at(is_buy, price)
        if price < 0:
            return
        if price and price not in self._buys.by_limit and price not in self._sells.by_limit:
            self._limits.add(price)
        (self._buys if is_buy else self._sells).change(price, quantity)

    def remove(self, is_buy: bool, price: int, quantity: int) -> None:
        """An order goes, or so much of it. It must be what was added."""
        price = self._counts_at(is_buy, price)
        if price < 0:
            return
        (self._buys if is_buy else self._sells).change(price, -quantity)
        if price and price not in self._buys.by_limit and price not in self._sells.by_limit:
            self._limits.remove(price)

    def _counts_at(self, is_buy: bool, price: int) -> int:
        """With ALL, the worst price on tick that a limit allows; -1: none is within the price
        limits. (Off tick is the limit that a market-to-limit order has from a midpoint peg.)"""
        terms = self._instrument
        if not price or terms.auction_prices is AuctionPrices.LIMITS:
            return price
        if is_buy:
            price = terms.round_down(price)
            return price if price >= terms.price_min else -1
        price = terms.round_up(price)
        return price if price <= terms.price_max else -1

    def indication(self, reference: int) -> Indication:
        """By the rules above. `reference` is the reference price, 0 none."""
        buys, sells = self._buys, self._sells
        if not buys.by_limit and not sells.by_limit:
            price = self._instrument.round_down(reference)
            return _indicate(price, buys.total, sells.total)

        # As the price rises demand falls and supply rises. Up to the crossing supply is executed,
        # above it demand: the most at `lower` or `upper`, the prices on its two sides. A price
        # farther off has more surplus or executes less, unless no order makes a difference between
        # it and the nearer one. Of such the nearer one counts where surpluses are on one side (3).
        crossing, bought_below, supply = self.crossing()
        lower, upper = self._around(crossing)
        demand_at_upper = buys.total - bought_below - buys.by_limit.get(crossing, 0)
        demand = demand_at_upper + buys.by_limit.get(lower, 0)
        supply_at_upper = supply + sells.by_limit.get(upper, 0)
        surplus = demand - supply
        if upper < 0:
            preferred = 1
        elif lower < 0:
            preferred = -1
        else:
            preferred = supply - demand_at_upper or supply_at_upper - demand_at_upper - surplus

        if preferred > 0:
            price = lower if surplus else self._nearest(reference, lower, lower)
        elif preferred < 0:
            price = upper
        else:
            price = self._nearest(reference, lower, upper)
        if price > lower:
            return _indicate(price, demand_at_upper, supply_at_upper)
        return _indicate(price, demand, supply)

    def _around(self, crossing: int) -> tuple[int, int]:
        """The highest price that the auction may have up to the crossing, and the lowest above it;
        -1: there is none."""
        terms = self._instrument
        if terms.auction_prices is AuctionPrices.LIMITS:
            return self._limits.below(crossing + 1), self._limits.above(crossing)
        lower = terms.round_down(min(crossing, terms.price_max))
        upper = terms.round_up(max(crossing + 1, terms.price_min))
        return lower if lower >= terms.price_min else -1, upper if upper <= terms.price_max else -1

    def _nearest(self, reference: int, lower: int, upper: int) -> int:
        """What is nearest to the reference price (4): of what is like `lower`, if that is `upper`
        too and has no surplus; else of these two, which have as much, on different sides, and with
        ALL of what is like either."""
        terms = self._instrument
        lowest = self._lowest_like(lower)
        if terms.auction_prices is AuctionPrices.ALL:
            highest = upper if lower == upper else terms.round_down(self._highest_like(upper))
            return min(max(terms.round_up(lowest), terms.round_down(reference)), highest)
        if lower == upper:
            lower = self._limits.above(lowest - 1)
        return upper if 2 * reference >= lower + upper else lower

    def _lowest_like(self, price: int) -> int:
        """From where on, up to this price, demand and supply stay as they are."""
        if price in self._sells.by_limit:
            return price
        below = self._limits.below(price)
        if below < 0:
            return self._instrument.price_min
        return below + 1 if below in self._buys.by_limit else below

    def _highest_like(self, price: int) -> int:
        """Up to where, from this price on, demand and supply stay as they are."""
        if price in self._buys.by_limit:
            return price
        above = self._limits.above(price)
        if above < 0:
            return self._instrument.price_max
        return above - 1 if above in self._sells.by_limit else above

    def crossing(self) -> tuple[int, int, int]:
        """The highest price at which demand is no less than supply (0: there is none above 0),
        what is bought with limits below it, and the supply at it.

        That is, where what is sold with limits up to a price and bought with limits below it is no
        more than all buys less the market sells. Both are sums over slots up to the price.
        """
        room = self._buys.total - self._sells.market
        bought = 0
        sold = self._sells.market
        slot = 0
        for height in range(len(self._buys.sums) - 1, -1, -1):
            buys = self._buys.sums[height]
            sells = self._sells.sums[height]
            slot <<= PART_BITS
            last = slot + LAST_PART
            while slot < last:
                buy = buys.get(slot, 0)
                sell = sells.get(slot, 0)
                if buy + sell > room:
                    break
                room -= buy + sell
                bought += buy
                sold += sell
                slot += 1
        return max(slot - 1, 0), bought, sold

    def market_orders_remain(self, indication: Indication) -> bool:
        """Whether market orders of either side would be left, in full or in part, if the auction
        ended so: they are the first to trade. (Xetra, 11: market order interruption.)"""
        return max(self._buys.market, self._sells.market) > indication.quantity


def _indicate(price: int, demand: int, supply: int) -> Indication:
    quantity = min(demand, supply)
    if not quantity or not price:
        return NO_TRADE
    if demand == supply:
        return Indication(price, quantity)
    return Indication(
        price, quantity, abs(demand - supply), Side.BUY if demand > supply else Side.SELL
    )


def allocate(
    buys: Iterable[tuple[Order, int]], sells: Iterable[tuple[Order, int]], quantity: int
) -> list[tuple[Order, Order, int]]:
    """Who trades with whom, and how much: (buy, sell, quantity), until `quantity` has traded.

    Takes the orders of each side, with what is open of them, first to trade first, and no more of
    them than trade; the last is filled in part. (Xetra, 13.1.1 and the example of a partial
    execution: market orders, then by price, then by time.) ValueError: a side ends too early.
    """
    pairs: list[tuple[Order, Order, int]] = []
    next_buy = iter(buys)
    next_sell = iter(sells)
    buy_left = 0
    sell_left = 0
    try:
        while quantity:
            if not buy_left:
                buy, buy_left = next(next_buy)
            if not sell_left:
                sell, sell_left = next(next_sell)
            traded = min(buy_left, sell_left, quantity)
            pairs.append((buy, sell, traded))
            buy_left -= traded
            sell_left -= traded
            quantity -= traded
    except StopIteration:
        raise ValueError(
            f"{quantity} more should trade, but one side has no more orders:"
            " allocate what the call book indicates for these orders"
        ) from None
    return pairs
