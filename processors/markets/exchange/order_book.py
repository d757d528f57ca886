"""The open orders of one instrument, in price-time priority. Changed by `evolve` alone; `decide`
and `matching` only walk it.

    OrderBook ── bids, asks: BookSide ── levels by price, best first ── orders, oldest first
              ── orders by id, in order of time
              ── each account's orders, in order of time (what a mass cancel walks)

A level's queue and an account's orders are linked lists through the orders themselves, so that an
order leaves both in constant time from anywhere. Nothing here costs more with more orders resting;
a price that comes or goes costs what `PriceIndex` says.

*Time* is the moment at which an order took its place: a replace that loses its place moves it to
the end. The dict of orders is kept in that order too (taken out and put in again), which makes its
order, in which snapshots are written, enough to rebuild every queue.
"""

from collections.abc import Iterator
from typing import Final

from processors.markets.exchange.commands import SelfTradePrevention, Side
from processors.markets.exchange.instrument import Instrument
from processors.markets.exchange.price_index import PriceIndex

BUY: Final = Side.BUY


class Order:
    """An open order. `quantity` is what is still open of it, and is never 0 while it rests.

    Made by `new_order`; the links are set when it takes its place, by `OrderBook.rest`. (No
    `__init__`: CPython would take twice as long to make one.)
    """

    __slots__ = (
        "account_id",
        "ahead",
        "behind",
        "level",
        "newer",
        "older",
        "order_id",
        "post_only",
        "price",
        "quantity",
        "self_trade_prevention",
        "side",
    )

    order_id: int
    account_id: int
    side: Side
    price: int
    quantity: int
    post_only: bool
    self_trade_prevention: SelfTradePrevention
    level: "Level"
    ahead: "Order | None"
    """Its neighbours in the level's queue."""
    behind: "Order | None"
    older: "Order | None"
    """Its neighbours among the account's orders."""
    newer: "Order | None"


def new_order(
    order_id: int,
    account_id: int,
    side: Side,
    price: int,
    quantity: int,
    post_only: bool,
    self_trade_prevention: SelfTradePrevention,
) -> Order:
    order = Order()
    order.order_id = order_id
    order.account_id = account_id
    order.side = side
    order.price = price
    order.quantity = quantity
    order.post_only = post_only
    order.self_trade_prevention = self_trade_prevention
    return order


class Level:
    """The orders at one price: a queue from `first` to `last`, and the sum of their quantities.
    Made by `BookSide.open_level`, without `__init__` as an order is."""

    __slots__ = ("book_side", "first", "last", "price", "quantity", "rank")

    book_side: "BookSide"
    price: int
    rank: int
    quantity: int
    first: Order | None
    last: Order | None

    def queue(self) -> Iterator[Order]:
        """Its orders, first to trade first."""
        order = self.first
        while order is not None:
            yield order
            order = order.behind


class BookSide:
    """The bids or the asks.

    Prices are ranked, the higher the better: a bid's rank is its price, and an ask's is its price
    with every bit turned over (`flip`), so that both sides are walked by the same code. What a
    taker with a price limit may trade with are the levels of at least `limit ^ flip`.
    """

    __slots__ = ("_index", "best", "flip", "levels")

    best: Level | None
    flip: int
    levels: dict[int, Level]
    _index: PriceIndex

    def __init__(self, is_buy: bool, price_max: int) -> None:
        self._index = PriceIndex(price_max)
        self.flip = 0 if is_buy else self._index.last
        self.levels = {}
        self.best = None

    def next_worse(self, level: Level) -> Level | None:
        rank = self._index.below(level.rank)
        return None if rank < 0 else self.levels[rank ^ self.flip]

    def best_to_worst(self) -> Iterator[Level]:
        level = self.best
        while level is not None:
            yield level
            level = self.next_worse(level)

    def open_level(self, price: int) -> Level:
        rank = price ^ self.flip
        self._index.add(rank)
        level = Level()
        level.book_side = self
        level.price = price
        level.rank = rank
        level.quantity = 0
        level.first = None
        level.last = None
        self.levels[price] = level
        best = self.best
        if best is None or rank > best.rank:
            self.best = level
        return level

    def close_level(self, level: Level) -> None:
        del self.levels[level.price]
        self._index.remove(level.rank)
        if level is self.best:
            self.best = self.next_worse(level)


class OrderBook:
    """One instrument's book, and `taker`: the order that the command being folded brought in, for
    as long as it still reaches the other side. None between commands."""

    __slots__ = ("asks", "bids", "instrument", "newest_by_account", "orders", "taker")

    instrument: Instrument
    bids: BookSide
    asks: BookSide
    orders: dict[int, Order]
    newest_by_account: dict[int, Order]
    taker: Order | None

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.bids = BookSide(True, instrument.price_max)
        self.asks = BookSide(False, instrument.price_max)
        self.orders = {}
        self.newest_by_account = {}
        self.taker = None

    def enter(self, order: Order) -> None:
        """Let an order in: it rests at once, or as soon as it reaches the other side no more."""
        other = self.asks if order.side is BUY else self.bids
        best = other.best
        if best is not None and best.rank >= order.price ^ other.flip:
            self.taker = order
        else:
            self.rest(order)

    def settle_taker(self, taker: Order) -> None:
        """After each step of its matching: is it done, or does what is left of it rest?"""
        if not taker.quantity:
            self.taker = None
            return
        other = self.asks if taker.side is BUY else self.bids
        best = other.best
        if best is None or best.rank < taker.price ^ other.flip:
            self.taker = None
            self.rest(taker)

    def rest(self, order: Order) -> None:
        """The order takes its place, behind all at its price and after all of its account."""
        self.orders[order.order_id] = order
        own = self.bids if order.side is BUY else self.asks
        level = own.levels.get(order.price)
        if level is None:
            level = own.open_level(order.price)
        order.level = level
        level.quantity += order.quantity
        order.behind = None
        order.ahead = last = level.last
        level.last = order
        if last is None:
            level.first = order
        else:
            last.behind = order

        newest = self.newest_by_account.get(order.account_id)
        order.newer = None
        order.older = newest
        if newest is not None:
            newest.newer = order
        self.newest_by_account[order.account_id] = order

    def reduce(self, order: Order, quantity: int) -> None:
        """Take a part of a resting order away; it keeps its place. All of it: it leaves."""
        if quantity == order.quantity:
            self.remove(order)
        else:
            order.quantity -= quantity
            order.level.quantity -= quantity

    def remove(self, order: Order) -> None:
        """Take a resting order out."""
        del self.orders[order.order_id]
        level = order.level
        ahead = order.ahead
        behind = order.behind
        level.quantity -= order.quantity
        if behind is None:
            level.last = ahead
        else:
            behind.ahead = ahead
        if ahead is not None:
            ahead.behind = behind
        elif behind is not None:
            level.first = behind
        else:
            level.first = None  # or order and level would keep each other alive: the task runs
            level.book_side.close_level(level)  # with the garbage collector off

        older = order.older
        newer = order.newer
        if older is not None:
            older.newer = newer
        if newer is not None:
            newer.older = older
        elif older is not None:
            self.newest_by_account[order.account_id] = older
        else:
            del self.newest_by_account[order.account_id]

    def orders_of(self, account_id: int) -> list[Order]:
        """An account's orders on both sides, oldest first. Costs these orders, not the book."""
        found = []
        order = self.newest_by_account.get(account_id)
        while order is not None:
            found.append(order)
            order = order.older
        found.reverse()
        return found
