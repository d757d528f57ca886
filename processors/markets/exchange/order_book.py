"""The open orders of one instrument, in price-time priority. Changed by `evolve` alone; `decide`
and `matching` only walk it.

    OrderBook ── bids, asks: BookSide ── levels by price, best first ── displayed orders, oldest
              │                                                        first; then dark ones
              ── orders by id, in order of time; parked ones, in order of entry
              ── each account's orders, in order of time (what a mass cancel walks)
              ── market: what the instrument's market knows beside (`Market`)

A level's queue and an account's orders are linked lists through the orders themselves, so that an
order leaves both in constant time from anywhere. Nothing here costs more with more orders resting;
a price that comes or goes costs what `PriceIndex` says.

*Time* is the moment at which an order took its place: a replace that loses its place, and what an
iceberg shows next, move it to the end. The dict of orders is kept in that order too (taken out
and put in again), which makes its order, in which snapshots are written, enough to rebuild every
queue.

An order is on the book from the event that brings it on, also where trades of the same command
follow: those take it off again. Between commands no two displayed orders could trade in continuous
trading; in an auction the book may be crossed.
"""

from collections.abc import Iterator
from typing import Final

from processors.markets.exchange.auction import CallBook
from processors.markets.exchange.instrument import Instrument
from processors.markets.exchange.market import Market
from processors.markets.exchange.order import ON_BOOK, Level, Order, Special
from processors.markets.exchange.price_index import PriceIndex
from processors.markets.exchange.terms import Phase, Side

BUY: Final = Side.BUY


class BookSide:
    """The bids or the asks.

    Prices are ranked, the higher the better: a bid's rank is its price, and an ask's is its price
    with every bit turned over (`flip`), so that both sides are walked by the same code. What a
    taker with a price limit may trade with are the levels of at least `limit ^ flip`. Market
    orders, which rest in auctions alone, stand at `market_price`, the best rank there is.
    """

    __slots__ = ("_index", "best", "flip", "levels", "market_price")

    best: Level | None
    flip: int
    market_price: int
    levels: dict[int, Level]
    _index: PriceIndex

    def __init__(self, is_buy: bool, price_max: int) -> None:
        self._index = PriceIndex(price_max + 1)
        self.flip = 0 if is_buy else self._index.last
        self.market_price = self._index.last ^ self.flip
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

    def best_displayed(self) -> int:
        """The best price at which an order is shown; 0 where none is."""
        level = self.best
        while level is not None and level.first is None:
            level = self.next_worse(level)
        return 0 if level is None else level.price

    def open_level(self, price: int) -> Level:
        rank = price ^ self.flip
        self._index.add(rank)
        level = Level()
        level.book_side = self
        level.price = price
        level.rank = rank
        level.quantity = 0
        level.parts = 0
        level.first = None
        level.last = None
        level.dark = None
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
    """One instrument's orders. `fast` says whether a plain order needs no more than
    matching, `watched` whether any change may call for a follow-up."""

    __slots__ = (
        "asks",
        "bids",
        "by_session",
        "call",
        "clock",
        "continuous",
        "fast",
        "guarded",
        "hooked",
        "instrument",
        "last_price",
        "looked_after",
        "market",
        "newest_by_account",
        "orders",
        "parked",
        "shaped",
        "trade_count",
        "trigger_above",
        "trigger_below",
        "watched",
    )

    instrument: Instrument
    market: Market
    bids: BookSide
    asks: BookSide
    orders: dict[int, Order]
    parked: dict[int, Order]
    newest_by_account: dict[int, Order]
    by_session: dict[int, dict[int, Order]]
    call: CallBook | None
    """In a call phase: what its indication is read off."""
    clock: int
    """How many dark orders were ever placed: their time."""
    last_price: int
    """Of the last trade; 0 before the first."""
    trade_count: int
    shaped: int
    """How many orders on the book show but a part of themselves, or nothing."""
    trigger_above: int
    trigger_below: int
    """A trade at one of these prices, or beyond, triggers a stop order or moves a trailing one."""
    guarded: bool
    """Whether accounts are open, with standings and limits."""
    looked_after: bool
    continuous: bool
    fast: bool
    watched: bool
    hooked: bool
    """Guarded or watched: whether events of plain orders do more than what they say."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.market = Market(instrument)
        self.bids = BookSide(True, instrument.price_max)
        self.asks = BookSide(False, instrument.price_max)
        self.orders = {}
        self.parked = {}
        self.newest_by_account = {}
        self.by_session = {}
        self.call = None
        self.clock = 0
        self.last_price = 0
        self.trade_count = 0
        self.shaped = 0
        self.set_triggers()
        self.guarded = False
        self.watched = False
        self.set_pace()

    def find(self, order_id: int) -> Order | None:
        """An open order, on the book or parked."""
        return self.orders.get(order_id) or self.parked.get(order_id)

    def rest(self, order: Order) -> None:
        """The order takes its place, behind all at its price and after all of its account."""
        self.orders[order.order_id] = order
        own = self.bids if order.side is BUY else self.asks
        price = order.price or own.market_price
        level = own.levels.get(price)
        if level is None:
            level = own.open_level(price)
        order.level = level
        level.quantity += order.quantity
        if order.special is None or self._is_displayed(order, level):
            # As `Level.append` and `_join_account`, written out: most events come by here, and a
            # call costs CPython as much as the work.
            order.behind = None
            order.ahead = last = level.last
            level.last = order
            if last is None:
                level.first = order
            else:
                last.behind = order
        if self.call is not None:
            self.call.add(order.side is BUY, order.price, order.quantity)
        newest = self.newest_by_account.get(order.account_id)
        order.newer = None
        order.older = newest
        if newest is not None:
            newest.newer = order
        self.newest_by_account[order.account_id] = order

    def _is_displayed(self, order: Order, level: Level) -> bool:
        """Of a special order that takes its place: the dark part of it does so here."""
        special = order.special
        assert special is not None
        self._join_session(order, special)
        terms = special.terms
        if terms.display_quantity:
            self._shape(1)
            if terms.reserve:
                self._rest_dark(order, level)
            level.parts += 1
            return True
        if special.is_dark:
            self._shape(1)
            self._rest_dark(order, level)
            return False
        return True

    def _shape(self, more: int) -> None:
        self.shaped += more
        self.set_pace()

    def set_pace(self, is_guarded: bool | None = None) -> None:
        """What a plain order needs: `fast`, where it meets plain orders alone and matching is all
        there is to it (`match`); `looked_after`, where its sender is checked."""
        if is_guarded is not None:
            self.guarded = is_guarded
        terms, market = self.instrument, self.market
        self.hooked = self.guarded or self.watched
        self.looked_after = self.guarded or terms.members_only
        self.continuous = market.phase is Phase.CONTINUOUS
        self.fast = (
            self.continuous
            and not self.shaped
            and market.fees is None
            and not terms.static_band_ppm
            and not terms.dynamic_band_ppm
        )

    def set_triggers(self) -> None:
        """From which price on a trade moves or triggers a stop order."""
        market = self.market
        self.trigger_above = min(market.stop_buys.trigger, market.trail_sells.trigger)
        self.trigger_below = max(market.stop_sells.trigger, market.trail_buys.trigger)

    def _rest_dark(self, order: Order, level: Level) -> None:
        special = order.special
        assert special is not None
        self.clock += 1
        special.time = self.clock
        if level.dark is None:
            level.dark = {}
        level.dark[order.order_id] = order

    def keep_dark_time(self, order: Order, special: Special, time: int) -> None:
        """What an order does not show stands where it stood before it was put in anew."""
        special.time = time
        dark = order.level.dark
        if dark is not None:
            order.level.dark = dict(sorted(dark.items(), key=_dark_time))

    def reduce(self, order: Order, quantity: int) -> None:
        """Take a part of a resting order away; it keeps its place. All of it: it leaves."""
        if quantity == order.quantity:
            self.remove(order)
        else:
            order.quantity -= quantity
            order.level.quantity -= quantity
            if self.call is not None:
                self.call.remove(order.side is BUY, order.price, quantity)

    def remove(self, order: Order) -> None:
        """Take a resting order out."""
        del self.orders[order.order_id]
        level = order.level
        level.quantity -= order.quantity
        if order.special is None or self._was_displayed(order, level):
            # As `Level.take_out` and `_leave_account`, written out as in `rest`.
            ahead = order.ahead
            behind = order.behind
            if behind is None:
                level.last = ahead
            else:
                behind.ahead = ahead
            if ahead is not None:
                ahead.behind = behind
            else:
                level.first = behind
                if behind is None and level.dark is None:
                    level.book_side.close_level(level)
        elif level.first is None and level.dark is None:
            level.book_side.close_level(level)
        if self.call is not None:
            self.call.remove(order.side is BUY, order.price, order.quantity)
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

    def _was_displayed(self, order: Order, level: Level) -> bool:
        special = order.special
        assert special is not None
        self._leave_session(order, special)
        dark = level.dark
        if dark is not None and order.order_id in dark:
            del dark[order.order_id]
            if not dark:
                level.dark = None
        if special.terms.display_quantity:
            self._shape(-1)
            level.parts -= 1
            return True
        if special.is_dark:
            self._shape(-1)
            return False
        return True

    def refill(self, order: Order, displayed: int) -> None:
        """The next part of an iceberg or reserve order is shown, at the back of the queue. What a
        reserve does not show keeps its place."""
        special = order.special
        assert special is not None
        special.displayed = displayed
        special.parts += 1
        level = order.level
        level.take_out(order)
        level.append(order)
        del self.orders[order.order_id]
        self.orders[order.order_id] = order
        self._leave_account(order)
        self._join_account(order)
        self._leave_session(order, special)
        self._join_session(order, special)

    def park(self, order: Order, waits: int) -> None:
        """Let an order wait, unseen, after all of its account."""
        special = order.special
        assert special is not None
        special.waits = waits
        self.parked[order.order_id] = order
        self._join_account(order)
        self._join_session(order, special)

    def unpark(self, order: Order) -> None:
        special = order.special
        assert special is not None
        special.waits = ON_BOOK
        del self.parked[order.order_id]
        self._leave_account(order)
        self._leave_session(order, special)

    def _join_account(self, order: Order) -> None:
        newest = self.newest_by_account.get(order.account_id)
        order.newer = None
        order.older = newest
        if newest is not None:
            newest.newer = order
        self.newest_by_account[order.account_id] = order

    def _leave_account(self, order: Order) -> None:
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

    def _join_session(self, order: Order, special: Special) -> None:
        if special.session_id:
            self.by_session.setdefault(special.session_id, {})[order.order_id] = order

    def _leave_session(self, order: Order, special: Special) -> None:
        if special.session_id:
            of_session = self.by_session[special.session_id]
            del of_session[order.order_id]
            if not of_session:
                del self.by_session[special.session_id]

    def orders_of(self, account_id: int) -> list[Order]:
        """An account's orders on both sides: on the book by time, then parked by entry. Costs
        these orders, not the book."""
        found = []
        order = self.newest_by_account.get(account_id)
        while order is not None:
            found.append(order)
            order = order.older
        found.reverse()
        return parked_last(found)

    def orders_of_session(self, session_id: int) -> list[Order]:
        return parked_last(list(self.by_session.get(session_id, {}).values()))

    def all_orders(self) -> list[Order]:
        """On the book by time, then parked by entry."""
        return [*self.orders.values(), *self.parked.values()]


def _dark_time(entry: tuple[int, Order]) -> int:
    special = entry[1].special
    return 0 if special is None else special.time


def parked_last(orders: list[Order]) -> list[Order]:
    parked = [order for order in orders if order.special is not None and order.special.waits]
    if not parked:
        return orders
    return [o for o in orders if o.special is None or not o.special.waits] + parked
