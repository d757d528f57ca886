"""Seeded events of every kind that moves an order or a trade, as some exchange could have had
them: not by its rules of matching, but each possible after those before."""

import random
from collections.abc import Iterator
from typing import Any

from processors.markets.exchange import events as e
from tests.projections.markets.exchange.model import Model, Order
from tests.projections.markets.exchange.recorded import busted, corrected, listed

INSTRUMENTS = ("ACME", "BOLT")
SIDES = tuple(e.Side)
TERMS = (
    *(None, None, None, e.OrderTerms()),
    e.OrderTerms(display_quantity=10),
    e.OrderTerms(display_quantity=5, reserve=True),
    e.OrderTerms(hidden=True),
    e.OrderTerms(all_or_none=True),
    e.OrderTerms(peg=e.Peg.MIDPOINT),
    e.OrderTerms(stop_price=100),
    e.OrderTerms(stop_price=100, display_quantity=10),
)
UNNUMBERED = 20
"""So many trades come first that have no number yet."""


class AnyEvents:
    """Iterate for the events of one command after the other, each to be applied to `model` before
    the next one is asked for."""

    def __init__(self, seed: int, model: Model) -> None:
        self.draw = random.Random(seed)
        self.model = model
        self.order_id = 0
        self.traded = 0
        self.trade_ids = dict.fromkeys(INSTRUMENTS, 0)
        self.known: dict[tuple[str, int], Any] = {}
        """Trades that may be busted, as they are now."""

    def __iter__(self) -> Iterator[list[Any]]:
        yield [listed(instrument) for instrument in INSTRUMENTS]
        kinds = (
            *(self.accept,) * 8,
            *(self.take,) * 6,
            *(self.change_one,) * 8,
            *(self.auction, self.cancel) * 2,
            *(self.bust_or_correct, self.change_phase),
        )
        while True:
            kind = self.draw.choice(kinds) if self.draw.random() < 0.998 else self.act_on_all
            yield list(kind(self.draw.choice(INSTRUMENTS)))

    def open(self, instrument: str, **wanted: Any) -> list[tuple[int, Order]]:
        return [
            (order_id, order)
            for (name, order_id), order in self.model.orders.items()
            if name == instrument
            and all(getattr(order, name) == value for name, value in wanted.items())
        ]

    def new_order(self, instrument: str, side: e.Side, terms: e.OrderTerms | None) -> Any:
        self.order_id += 1
        quantity = self.draw.randint(1, 40)
        waits = terms is not None and (terms.stop_price > 0 or terms.peg is not None)
        part = terms.display_quantity if terms and not waits else 0
        return e.OrderAccepted(
            instrument=instrument,
            order_id=self.order_id,
            account_id=self.draw.randint(1, 4),
            side=side,
            quantity=quantity,
            price=self.draw.choice((0, *range(95, 106))),
            terms=terms,
            time_in_force=self.draw.choice(tuple(e.TimeInForce)),
            parked=waits,
            displayed=min(part, quantity),
        )

    def accept(self, instrument: str) -> Iterator[Any]:
        yield self.new_order(instrument, self.draw.choice(SIDES), self.draw.choice(TERMS))

    def trade_id(self, instrument: str) -> int:
        self.traded += 1
        if self.traded > UNNUMBERED:
            self.trade_ids[instrument] += 1
        return self.trade_ids[instrument]

    def keep(self, trade: Any) -> Any:
        if trade.trade_id:
            self.known[trade.instrument, trade.trade_id] = trade
        return trade

    def take(self, instrument: str) -> Iterator[Any]:
        """A new order takes from one that is open, all it shows or less; that may refill."""
        taker = self.new_order(instrument, self.draw.choice(SIDES), None)
        side = "sell" if taker.side is e.Side.BUY else "buy"
        yield taker
        makers = self.open(instrument, side=side, on_book=True)
        if not makers:
            return
        maker_id, maker = self.draw.choice(makers)
        quantity = min(taker.quantity, maker.shown or maker.quantity)
        yield self.keep(
            e.OrderTraded(
                instrument=instrument,
                taker_order_id=taker.order_id,
                maker_order_id=maker_id,
                taker_account_id=taker.account_id,
                maker_account_id=maker.account,
                taker_side=taker.side,
                price=maker.price or 100,
                quantity=quantity,
                trade_id=self.trade_id(instrument),
                taker_fee=self.draw.randint(-3, 3),
            )
        )
        if maker.is_part and quantity == maker.shown < maker.quantity:
            displayed = min(5, maker.quantity - quantity)
            yield e.OrderRefilled(instrument=instrument, order_id=maker_id, displayed=displayed)

    def auction(self, instrument: str) -> Iterator[Any]:
        buys, sells = (self.open(instrument, side=side.value, on_book=True) for side in SIDES)
        if buys and sells:
            (buy_id, buy), (sell_id, sell) = self.draw.choice(buys), self.draw.choice(sells)
            yield self.keep(
                e.AuctionTraded(
                    instrument=instrument,
                    buy_order_id=buy_id,
                    sell_order_id=sell_id,
                    buy_account_id=buy.account,
                    sell_account_id=sell.account,
                    price=self.draw.randint(95, 105),
                    quantity=self.draw.randint(1, min(buy.quantity, sell.quantity)),
                    trade_id=self.trade_id(instrument),
                    sell_fee=self.draw.randint(0, 3),
                )
            )

    def cancel(self, instrument: str) -> Iterator[Any]:
        found = self.open(instrument)
        for order_id, order in self.draw.sample(found, min(1, len(found))):
            yield e.OrderCancelled(
                instrument=instrument, order_id=order_id, quantity=order.quantity
            )

    def change_one(self, instrument: str) -> Iterator[Any]:
        """Whatever may happen to an order, other than to trade."""
        found = self.open(instrument)
        if not found:
            return
        order_id, order = self.draw.choice(found)
        named: dict[str, Any] = {"instrument": instrument, "order_id": order_id}
        price, fewer = self.draw.randint(95, 105), self.draw.randint(1, order.quantity)
        kinds: list[Any] = [e.OrderReplaced(**named, price=price, quantity=fewer + 3)]
        kinds += [
            e.OrderReplaced(**named, price=order.price, quantity=fewer, kept_priority=True),
            e.OrderReplaced(**named, price=price, quantity=50, terms=TERMS[4], displayed=9),
            e.OrderReplaced(**named, price=price, quantity=5, terms=TERMS[-2], parked=True),
        ]
        if order.is_part:
            kinds[0].displayed = 3
        if not order.on_book:
            part = 4 if order.is_part else 0
            entered = e.OrderEntered(**named, price=price, quantity=order.quantity, displayed=part)
            kinds = [entered, entered, e.OrderActivated(**named, quantity=fewer)]
        elif order.is_dark:
            kinds += [e.OrderParked(**named), e.OrderRepriced(**named, price=price)]
        else:
            kinds.append(e.OrderDecremented(**named, quantity=fewer))
        yield self.draw.choice(kinds)

    def change_phase(self, instrument: str) -> Iterator[Any]:
        yield e.PhaseChanged(
            instrument=instrument,
            phase=self.draw.choice(tuple(e.Phase)),
            previous=self.model.phases[instrument],
            reason=e.PhaseReason.OPERATOR,
        )

    def bust_or_correct(self, instrument: str) -> Iterator[Any]:
        known = [key for key in self.known if key[0] == instrument]
        if not known:
            return
        key = self.draw.choice((self.draw.choice(known), known[-1]))
        if self.draw.random() < 0.5:
            yield busted(self.known.pop(key))
        else:
            trade = self.known[key]
            new = corrected(trade, self.draw.randint(1, trade.quantity), price=trade.price + 1)
            trade.price, trade.quantity = new.price, new.quantity
            yield new

    def act_on_all(self, instrument: str) -> Iterator[Any]:
        """A split, or the end of an instrument, which is listed again."""
        found = self.open(instrument)
        self.known = {key: value for key, value in self.known.items() if key[0] != instrument}
        if self.draw.random() < 0.5:
            yield e.InstrumentSplit(instrument=instrument, numerator=2, denominator=1)
            for order_id, order in found:
                yield e.OrderAdjusted(
                    instrument=instrument,
                    order_id=order_id,
                    price=order.price // 2 + 50 if order.price else 0,
                    quantity=order.quantity * 2,
                    terms=order.terms,
                    displayed=min(order.terms.display_quantity, order.quantity * 2)
                    if order.terms
                    else 0,
                )
            return
        for order_id, order in found:
            yield e.OrderCancelled(
                instrument=instrument, order_id=order_id, quantity=order.quantity
            )
        yield e.InstrumentDelisted(instrument=instrument)
        yield listed(instrument)
        self.trade_ids[instrument] = 0
