"""What the exchange's read models should hold, in the simplest way: every event is applied or
kept, and the tables are computed from all of it."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from processors.markets.exchange import events as e
from projections.markets.exchange.candles import INTERVALS_MS

Level = tuple[str, str, int]
CALLS = (e.Phase.OPENING_AUCTION, e.Phase.VOLATILITY_AUCTION, e.Phase.CLOSING_AUCTION)


@dataclass
class Order:
    instrument: str
    account: int
    side: str
    price: int
    quantity: int
    place: int
    terms: e.OrderTerms
    on_book: bool
    limit: int
    shown: int = 0
    time_in_force: str = "good_till_cancelled"

    @property
    def is_dark(self) -> bool:
        return self.terms.hidden or self.terms.all_or_none or self.terms.peg is not None

    @property
    def is_part(self) -> bool:
        return self.terms.display_quantity > 0

    def stand(self, on_book: bool, part: int) -> None:
        self.on_book = on_book
        self.shown = part if self.is_part else self.quantity
        if self.is_dark or not on_book:
            self.shown = 0
        self.shown = min(self.shown, self.quantity)


@dataclass
class Trade:
    instrument: str
    at_ms: int
    trade_id: int
    price: int
    quantity: int
    taker_side: str | None
    condition: str
    busted: bool = False
    corrected: bool = False


@dataclass
class Model:
    orders: dict[tuple[str, int], Order] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    executions: list[tuple[Any, ...]] = field(default_factory=list)
    phases: dict[str, e.Phase] = field(default_factory=dict)

    def apply(self, event: Any, at_ms: int) -> None:
        match event:
            case e.InstrumentListed():
                with_calendar = bool(event.calendar)
                self.phases[event.instrument] = (
                    e.Phase.CLOSED if with_calendar else e.Phase.CONTINUOUS
                )
            case e.PhaseChanged():
                self.phases[event.instrument] = event.phase
            case e.OrderTraded() | e.AuctionTraded():
                self.trade(event, at_ms)
            case e.TradeBusted() | e.TradeCorrected():
                self.change_trade(event, at_ms)
            case e.OrderAccepted():
                self.accept(event)
            case e.OrderCancelled():
                del self.orders[event.instrument, event.order_id]
            case _ if hasattr(event, "order_id") and not isinstance(event, e.OrderRejected):
                self.change_order(self.orders[event.instrument, event.order_id], event)

    def accept(self, event: e.OrderAccepted) -> None:
        order = Order(
            event.instrument,
            event.account_id,
            event.side.value,
            event.price,
            event.quantity,
            event.sequence,
            event.terms or e.OrderTerms(),
            not event.parked,
            event.price,
            time_in_force=event.time_in_force.value,
        )
        order.stand(not event.parked, event.displayed)
        assert (event.instrument, event.order_id) not in self.orders
        self.orders[event.instrument, event.order_id] = order

    def change_order(self, order: Order, event: Any) -> None:
        match event:
            case e.OrderDecremented():
                self.take(event.instrument, event.order_id, event.quantity)
            case e.OrderActivated():
                order.quantity = event.quantity
            case e.OrderEntered():
                order.price, order.quantity = event.price, event.quantity
                order.place = event.sequence
                order.limit = order.limit if order.is_dark else event.price
                order.stand(True, event.displayed)
            case e.OrderParked():
                order.price = order.limit
                order.stand(False, 0)
            case e.OrderRepriced():
                order.price, order.place = event.price, event.sequence
                order.limit = order.limit if order.is_dark else event.price
            case e.OrderRefilled():
                order.shown, order.place = event.displayed, event.sequence
            case e.OrderAdjusted():
                order.price, order.quantity = event.price, event.quantity
                order.limit = event.price
                order.place, order.terms = event.sequence, event.terms or e.OrderTerms()
                order.stand(order.on_book, event.displayed)
            case e.OrderReplaced():
                self.replace(order, event)

    def replace(self, order: Order, event: e.OrderReplaced) -> None:
        order.quantity, order.limit = event.quantity, event.price
        order.terms = event.terms or order.terms
        if event.time_in_force:
            order.time_in_force = event.time_in_force.value
        if event.kept_priority:
            order.shown = min(order.shown, order.quantity)
        else:
            order.price, order.place = event.price, event.sequence
            order.stand(not event.parked, event.displayed)

    def take(self, instrument: str, order_id: int, quantity: int) -> None:
        order = self.orders[instrument, order_id]
        order.quantity -= quantity
        order.shown = min(order.shown, order.quantity)
        if order.quantity == 0:
            del self.orders[instrument, order_id]

    def trade(self, event: Any, at_ms: int) -> None:
        phase = self.phases[event.instrument]
        taker_side: str | None = None
        if isinstance(event, e.OrderTraded):
            taker_side, condition = event.taker_side.value, phase.value
            ids = event.maker_order_id, event.taker_order_id
            maker = self.orders[event.instrument, event.maker_order_id]
            maker.shown = max(0, maker.shown - event.quantity)
            parties = taker_and_maker(event)
        else:
            condition = phase.value if phase in CALLS else "auction"
            ids = event.buy_order_id, event.sell_order_id
            parties = both_sides(event, "auction")
        for order_id in ids:
            self.take(event.instrument, order_id, event.quantity)
        self.trades.append(
            Trade(
                event.instrument,
                at_ms,
                event.trade_id,
                event.price,
                event.quantity,
                taker_side,
                condition,
            )
        )
        self.execute(event, at_ms, parties)

    def change_trade(self, event: Any, at_ms: int) -> None:
        sought = event.instrument, event.trade_id
        trade = [it for it in self.trades if (it.instrument, it.trade_id) == sought][-1]
        if isinstance(event, e.TradeBusted):
            trade.busted = True
            self.execute(event, at_ms, both_sides(event, "busted"))
        else:
            trade.price, trade.quantity, trade.corrected = event.price, event.quantity, True
            self.execute(event, at_ms, both_sides(event, "corrected"))

    def execute(self, event: Any, at_ms: int, parties: Any) -> None:
        what = event.price, event.quantity, event.trade_id
        for account, side, kind, order_id, fee in parties:
            key = account, at_ms, event.instrument, event.sequence, side
            self.executions.append((*key, kind, order_id, *what, fee))

    def levels(self, dark: bool) -> list[tuple[Any, ...]]:
        sums: dict[Level, list[int]] = defaultdict(lambda: [0, 0])
        for order in self.orders.values():
            quantity = order.quantity - order.shown if dark else order.shown
            if quantity and order.on_book:
                level = sums[order.instrument, order.side, order.price]
                level[0] += quantity
                level[1] += 1
        return sorted((*level, *sums[level]) for level in sums)

    def candles(self) -> dict[tuple[str, int, int], tuple[Any, ...]]:
        found: dict[tuple[str, int, int], list[Trade]] = defaultdict(list)
        for trade in self.trades:
            for interval_ms in INTERVALS_MS.values():
                start_ms = trade.at_ms // interval_ms * interval_ms
                found[trade.instrument, interval_ms, start_ms] += [] if trade.busted else [trade]
        return {key: candle(trades) for key, trades in found.items() if trades}


def candle(trades: list[Trade]) -> tuple[Any, ...]:
    prices = [trade.price for trade in trades]
    volume = sum(trade.quantity for trade in trades)
    notional = sum(trade.price * trade.quantity for trade in trades)
    average = (2 * notional + volume) // (2 * volume)
    ends = prices[0], max(prices), min(prices), prices[-1]
    return (*ends, volume, len(trades), average, str(notional))


def both_sides(event: Any, kind: str) -> list[tuple[Any, ...]]:
    return [
        (event.buy_account_id, "buy", kind, event.buy_order_id, event.buy_fee),
        (event.sell_account_id, "sell", kind, event.sell_order_id, event.sell_fee),
    ]


def taker_and_maker(event: e.OrderTraded) -> list[tuple[Any, ...]]:
    side, other_side = ("buy", "sell") if event.taker_side is e.Side.BUY else ("sell", "buy")
    return [
        (event.taker_account_id, side, "taker", event.taker_order_id, event.taker_fee),
        (event.maker_account_id, other_side, "maker", event.maker_order_id, event.maker_fee),
    ]
