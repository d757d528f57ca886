"""Continuous matching: an order meets the other side of the book, best price and oldest first.

Walks the book, changes nothing in it, and appends what happens to a list of events.

`match` is the walk past plain orders, which most books hold alone. `Sweep` is the walk with all
that may come between: orders that show a part of themselves or nothing, all-or-none orders, price
bands, fees. Within a price all that is displayed trades before all that is not (Euronext trading
manual 3.1, "price, then displayed, then time"; Xetra market model, "iceberg orders": each new part
gets a new time stamp).

Self-trade prevention goes by the mode of the taker, at every maker of its own account or group
that it comes to (as at Coinbase, whose four modes these are:
https://docs.cdp.coinbase.com/exchange/concepts/matching-engine):

    cancel newest          the rest of the taker is cancelled; the maker stays
    cancel oldest          the maker is cancelled; the taker goes on
    cancel both            both are cancelled
    decrement and cancel   the smaller is cancelled and its quantity taken off the larger, with no
                           trade; equal ones are both cancelled; a taker that is left goes on
"""

from typing import Final

from log.envelope import Event
from processors.markets.exchange.accounts import fee
from processors.markets.exchange.events import (
    CancelReason,
    OrderCancelled,
    OrderDecremented,
    OrderRefilled,
    OrderTraded,
)
from processors.markets.exchange.order import Level, Order, part_to_show
from processors.markets.exchange.order_book import BUY, OrderBook
from processors.markets.exchange.terms import SelfTradePrevention, Side

NO_PREVENTION: Final = SelfTradePrevention.NONE
SELF_TRADE: Final = CancelReason.SELF_TRADE


def match(
    book: OrderBook,
    order_id: int,
    account_id: int,
    owner: int,
    side: Side,
    quantity: int,
    self_trade_prevention: SelfTradePrevention,
    worst_rank: int,
    events: list[Event],
) -> int:
    """Let a taker trade with levels of `worst_rank` and better, on a book of plain orders.

    Returns the quantity that is left of it: 0 too where self-trade prevention cancelled it.
    """
    instrument = book.instrument.name
    left = quantity
    trade_id = book.trade_count
    prevents = self_trade_prevention is not NO_PREVENTION
    makers = book.asks if side is BUY else book.bids
    level = makers.best
    while level is not None and level.rank >= worst_rank:
        price = level.price
        maker = level.first
        while maker is not None:
            if prevents and maker.owner == owner:
                left = _prevent_self_trade(
                    instrument,
                    self_trade_prevention,
                    order_id,
                    left,
                    maker,
                    maker.quantity,
                    events,
                )
            else:
                quantity = maker.quantity
                if quantity > left:
                    quantity = left
                left -= quantity
                trade_id += 1
                events.append(
                    OrderTraded(
                        instrument=instrument,
                        taker_order_id=order_id,
                        maker_order_id=maker.order_id,
                        taker_account_id=account_id,
                        maker_account_id=maker.account_id,
                        taker_side=side,
                        price=price,
                        quantity=quantity,
                        trade_id=trade_id,
                    )
                )
            if not left:
                return 0
            maker = maker.behind
        level = makers.next_worse(level)
    return left


class Taker:
    """An order that meets the book."""

    __slots__ = (
        "account_id",
        "order_id",
        "owner",
        "price",
        "quantity",
        "self_trade_prevention",
        "side",
    )

    order_id: int
    account_id: int
    owner: int
    side: Side
    quantity: int
    price: int
    """0: a market order."""
    self_trade_prevention: SelfTradePrevention

    def __init__(
        self,
        order_id: int,
        account_id: int,
        owner: int,
        side: Side,
        quantity: int,
        price: int,
        self_trade_prevention: SelfTradePrevention,
    ) -> None:
        self.order_id = order_id
        self.account_id = account_id
        self.owner = owner
        self.side = side
        self.quantity = quantity
        self.price = price
        self.self_trade_prevention = self_trade_prevention


class Sweep:
    """One taker's walk: `left` of it, what `traded`, and the `events`."""

    __slots__ = (
        "_book",
        "_dry",
        "_fees",
        "_instrument",
        "_prevents",
        "_taker",
        "_trade_id",
        "events",
        "left",
        "traded",
    )

    left: int
    traded: int
    events: list[Event]
    _book: OrderBook
    _taker: Taker
    _instrument: str
    _prevents: bool
    _trade_id: int
    _dry: dict[int, Order]
    """Reserve orders of the level that show nothing any more, by id."""

    def __init__(self, book: OrderBook, taker: Taker) -> None:
        self._book = book
        self._taker = taker
        self._instrument = book.instrument.name
        self._prevents = taker.self_trade_prevention is not NO_PREVENTION
        self._trade_id = book.trade_count
        self._dry = {}
        self.left = taker.quantity
        self.traded = 0
        self.events = []

    def walk(self, worst_rank: int) -> None:
        """Trade with the levels of `worst_rank` and better."""
        makers = self._book.asks if self._taker.side is BUY else self._book.bids
        level = makers.best
        while level is not None and level.rank >= worst_rank and self.left:
            self.meet(level)
            level = makers.next_worse(level)

    def meet(self, level: Level) -> None:
        """Trade at one price."""
        if not level.parts and level.dark is None:
            maker = level.first
            while maker is not None and self.left:
                self._meet_order(maker, level.price, maker.quantity, maker.quantity)
                maker = maker.behind
            return
        open_quantity: dict[int, int] = {}
        """What is left of the orders that were met, by id."""
        self._meet_displayed(level, open_quantity)
        if level.dark is not None:
            for maker in level.dark.values():
                if self.left:
                    self._meet_dark(maker, level.price, open_quantity)
        self._refill_dry(open_quantity)

    def _meet_displayed(self, level: Level, open_quantity: dict[int, int]) -> None:
        again: list[tuple[Order, int, int]] = []
        """Icebergs at the back of the queue with a new part: how much it shows, and its number."""
        maker = level.first
        while maker is not None and self.left:
            shown, part = maker.quantity, 0
            special = maker.special
            if special is not None and special.terms.display_quantity:
                shown, part = special.displayed, special.parts
            self._meet_part(maker, level.price, shown, part, again, open_quantity)
            maker = maker.behind
        number = 0
        while number < len(again) and self.left:
            maker, shown, part = again[number]
            self._meet_part(maker, level.price, shown, part, again, open_quantity)
            number += 1

    def _meet_part(
        self,
        maker: Order,
        price: int,
        shown: int,
        part: int,
        again: list[tuple[Order, int, int]],
        open_quantity: dict[int, int],
    ) -> None:
        """Meet what an order shows; an iceberg's next part goes to the back of the queue."""
        total = open_quantity.get(maker.order_id, maker.quantity)
        if not shown:
            return
        quantity = self._meet_order(maker, price, shown, total)
        open_quantity[maker.order_id] = total = total - quantity
        if not total or quantity < shown or maker.special is None:
            return
        if self._prevents and maker.owner == self._taker.owner:
            return  # prevention took from what is not shown
        terms = maker.special.terms
        if terms.reserve:
            self._dry[maker.order_id] = maker
            return
        lot_size = self._book.instrument.lot_size
        shown = part_to_show(maker.order_id, terms, part + 1, total, lot_size)
        self._tell_refill(maker, shown)
        again.append((maker, shown, part + 1))

    def _meet_dark(self, maker: Order, price: int, open_quantity: dict[int, int]) -> None:
        special = maker.special
        assert special is not None
        total = open_quantity.get(maker.order_id, maker.quantity)
        if not total or (special.terms.all_or_none and self.left < total):
            return  # a reserve order that traded in full; or not enough for an all-or-none order
        quantity = self._meet_order(maker, price, total, total)
        open_quantity[maker.order_id] = total - quantity

    def _refill_dry(self, open_quantity: dict[int, int]) -> None:
        for maker in self._dry.values():
            total = open_quantity[maker.order_id]
            special = maker.special
            if total and special is not None:
                shown = special.terms.display_quantity
                self._tell_refill(maker, shown if shown < total else total)
        self._dry = {}

    def _tell_refill(self, maker: Order, displayed: int) -> None:
        self.events.append(
            OrderRefilled(
                instrument=self._instrument, order_id=maker.order_id, displayed=displayed
            )
        )

    def _meet_order(self, maker: Order, price: int, shown: int, total: int) -> int:
        """Trade, or prevent it; returns what that took off the maker."""
        taker = self._taker
        if self._prevents and maker.owner == taker.owner:
            left = _prevent_self_trade(
                self._instrument,
                taker.self_trade_prevention,
                taker.order_id,
                self.left,
                maker,
                total,
                self.events,
            )
            mode = taker.self_trade_prevention
            gone = total
            if mode is SelfTradePrevention.CANCEL_NEWEST:
                gone = 0
            elif mode is SelfTradePrevention.DECREMENT_AND_CANCEL:
                gone = self.left if self.left < total else total
            self.left = left
            return gone
        quantity = shown if shown < self.left else self.left
        self.left -= quantity
        self.traded += quantity
        self._trade_id += 1
        traded = OrderTraded(
            instrument=self._instrument,
            taker_order_id=taker.order_id,
            maker_order_id=maker.order_id,
            taker_account_id=taker.account_id,
            maker_account_id=maker.account_id,
            taker_side=taker.side,
            price=price,
            quantity=quantity,
            trade_id=self._trade_id,
        )
        market = self._book.market
        if market.fees is not None:
            volumes = market.volumes
            tier = market.fees.tier_of(volumes.get(taker.account_id, 0))
            traded.taker_fee = fee(price, quantity, tier.taker_ppm)
            tier = market.fees.tier_of(volumes.get(maker.account_id, 0))
            traded.maker_fee = fee(price, quantity, tier.maker_ppm)
        self.events.append(traded)
        return quantity


def _prevent_self_trade(
    instrument: str,
    mode: SelfTradePrevention,
    taker_id: int,
    left: int,
    maker: Order,
    maker_quantity: int,
    events: list[Event],
) -> int:
    """The taker has come to a maker of its own; returns what is left of the taker."""
    if mode is SelfTradePrevention.CANCEL_NEWEST:
        events.append(_cancelled(instrument, taker_id, left))
        return 0
    if mode is SelfTradePrevention.CANCEL_OLDEST:
        events.append(_cancelled(instrument, maker.order_id, maker_quantity))
        return left
    if mode is SelfTradePrevention.CANCEL_BOTH:
        events.append(_cancelled(instrument, maker.order_id, maker_quantity))
        events.append(_cancelled(instrument, taker_id, left))
        return 0
    smaller = min(left, maker_quantity)
    for order_id, quantity in ((maker.order_id, maker_quantity), (taker_id, left)):
        if quantity == smaller:
            events.append(_cancelled(instrument, order_id, quantity))
        else:
            events.append(
                OrderDecremented(instrument=instrument, order_id=order_id, quantity=smaller)
            )
    return left - smaller


def _cancelled(instrument: str, order_id: int, quantity: int) -> OrderCancelled:
    return OrderCancelled(
        instrument=instrument, order_id=order_id, quantity=quantity, reason=SELF_TRADE
    )
