"""The exchange again, as simply as can be: each book one sorted list, each command decided and
done in one go. Shares nothing with the real one but the vocabulary; slow, and easy to believe.
"""

import copy
from bisect import insort
from dataclasses import dataclass, field
from typing import Any

from processors.markets.exchange.commands import (
    CancelOrder,
    ListInstrument,
    MassCancel,
    OrderType,
    PlaceOrder,
    ReplaceOrder,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from processors.markets.exchange.events import (
    CancelReason,
    InstrumentListed,
    OrderAccepted,
    OrderCancelled,
    OrderDecremented,
    OrderReplaced,
    OrderTraded,
    RejectCode,
)


@dataclass(order=True)
class Resting:
    """Sorts by price, best first, and by time."""

    badness: int
    time: int
    order_id: int = field(compare=False)
    account_id: int = field(compare=False)
    side: Side = field(compare=False)
    price: int = field(compare=False)
    quantity: int = field(compare=False)
    prevention: SelfTradePrevention = field(compare=False)
    post_only: bool = field(compare=False)


@dataclass(frozen=True)
class Refused:
    """Stands for `OrderRejected`: the code, and the field at fault."""

    code: RejectCode
    field: str


class NaiveExchange:
    def __init__(self) -> None:
        self.listings: dict[str, ListInstrument] = {}
        self.books: dict[str, list[Resting]] = {}
        self.time = 0

    def do(self, command: Any) -> list[Any]:
        self.time += 1
        if isinstance(command, ListInstrument):
            return self.list_instrument(command)
        if command.instrument not in self.listings:
            return [Refused(RejectCode.UNKNOWN_INSTRUMENT, "instrument")]
        if isinstance(command, PlaceOrder):
            return self.place(command)
        if isinstance(command, MassCancel):
            return self.mass_cancel(command)
        book = self.books[command.instrument]
        order = next((each for each in book if each.order_id == command.order_id), None)
        if order is None:
            return [Refused(RejectCode.UNKNOWN_ORDER, "order_id")]
        if command.account_id and command.account_id != order.account_id:
            return [Refused(RejectCode.NOT_THE_OWNER, "account_id")]
        if isinstance(command, ReplaceOrder):
            return self.replace(command, order)
        assert isinstance(command, CancelOrder)
        book.remove(order)
        return [cancelled(command.instrument, order, CancelReason.REQUESTED)]

    def list_instrument(self, command: ListInstrument) -> list[Any]:
        if command.instrument in self.listings:
            return [Refused(RejectCode.INSTRUMENT_EXISTS, "instrument")]
        self.listings[command.instrument] = command
        self.books[command.instrument] = []
        return [
            InstrumentListed(
                **{name: getattr(command, name) for name in InstrumentListed.__struct_fields__[8:]}
            )
        ]

    def place(self, command: PlaceOrder) -> list[Any]:
        refused = self.faults_of_quantity(command.instrument, command.quantity)
        market = command.order_type is OrderType.MARKET
        if not market:
            refused += self.faults_of_price(command.instrument, command.price)
        elif command.price:
            refused.append(Refused(RejectCode.CONTRADICTORY, "price"))
        until_cancelled = command.time_in_force is TimeInForce.GOOD_TILL_CANCELLED
        if command.post_only and (market or not until_cancelled):
            refused.append(Refused(RejectCode.CONTRADICTORY, "post_only"))
        book = self.books[command.instrument]
        if any(each.order_id == command.order_id for each in book):
            refused.append(Refused(RejectCode.DUPLICATE_ORDER, "order_id"))
        order = Resting(
            command.price * (-1 if command.side is Side.BUY else 1),
            self.time,
            command.order_id,
            command.account_id,
            command.side,
            command.price,
            command.quantity,
            command.self_trade_prevention,
            command.post_only,
        )
        if command.post_only and self.makers(command.instrument, order, market):
            refused.append(Refused(RejectCode.WOULD_TAKE, "price"))
        if refused:
            return refused[:1]

        accepted = OrderAccepted(
            **{name: getattr(command, name) for name in OrderAccepted.__struct_fields__[8:]}
        )
        fill_or_kill = command.time_in_force is TimeInForce.FILL_OR_KILL
        before = copy.deepcopy(book) if fill_or_kill else []
        events = self.trade(command.instrument, order, market)
        if fill_or_kill:
            traded = sum(event.quantity for event in events if isinstance(event, OrderTraded))
            if traded < command.quantity:
                self.books[command.instrument] = before
                order.quantity = command.quantity
                events = [cancelled(command.instrument, order, CancelReason.FILL_OR_KILL)]
        elif order.quantity and market:
            events.append(cancelled(command.instrument, order, CancelReason.NO_LIQUIDITY))
        elif order.quantity and not until_cancelled:
            events.append(cancelled(command.instrument, order, CancelReason.IMMEDIATE_OR_CANCEL))
        elif order.quantity:
            insort(book, order)
        return [accepted, *events]

    def replace(self, command: ReplaceOrder, order: Resting) -> list[Any]:
        refused = self.faults_of_quantity(command.instrument, command.quantity)
        refused += self.faults_of_price(command.instrument, command.price)
        keeps = command.price == order.price and command.quantity <= order.quantity
        moved = copy.copy(order)
        moved.badness = command.price * (-1 if order.side is Side.BUY else 1)
        moved.time, moved.price, moved.quantity = self.time, command.price, command.quantity
        if order.post_only and self.makers(command.instrument, moved, False):
            refused.append(Refused(RejectCode.WOULD_TAKE, "price"))
        if refused:
            return refused[:1]
        replaced = OrderReplaced(
            instrument=command.instrument,
            order_id=command.order_id,
            price=command.price,
            quantity=command.quantity,
            kept_priority=keeps,
        )
        if keeps:
            order.quantity = command.quantity
            return [replaced]
        self.books[command.instrument].remove(order)
        events = self.trade(command.instrument, moved, False)
        if moved.quantity:
            insort(self.books[command.instrument], moved)
        return [replaced, *events]

    def mass_cancel(self, command: MassCancel) -> list[Any]:
        book = self.books[command.instrument]
        gone = [
            order
            for order in book
            if order.account_id == command.account_id and command.side in (None, order.side)
        ]
        self.books[command.instrument] = [order for order in book if order not in gone]
        return [
            cancelled(command.instrument, order, CancelReason.MASS_CANCEL)
            for order in sorted(gone, key=lambda order: order.time)
        ]

    def makers(self, instrument: str, taker: Resting, market: bool) -> list[Resting]:
        """The orders that the taker's price reaches, in the order in which it meets them."""
        others = [order for order in self.books[instrument] if order.side is not taker.side]
        # Two badnesses, of opposite sign: a bid of 10 reaches an ask of 10 (-10 + 10 <= 0).
        return [order for order in others if market or order.badness + taker.badness <= 0]

    def trade(self, instrument: str, taker: Resting, market: bool) -> list[Any]:
        events: list[Any] = []
        book = self.books[instrument]
        for maker in self.makers(instrument, taker, market):
            if not taker.quantity:
                break
            if taker.prevention is SelfTradePrevention.NONE or (
                maker.account_id != taker.account_id
            ):
                quantity = min(maker.quantity, taker.quantity)
                events.append(
                    OrderTraded(
                        instrument=instrument,
                        taker_order_id=taker.order_id,
                        maker_order_id=maker.order_id,
                        taker_account_id=taker.account_id,
                        maker_account_id=maker.account_id,
                        taker_side=taker.side,
                        price=maker.price,
                        quantity=quantity,
                    )
                )
                maker.quantity -= quantity
                taker.quantity -= quantity
            else:
                events += prevent(instrument, taker, maker)
            if not maker.quantity:
                book.remove(maker)
        return events

    def faults_of_quantity(self, instrument: str, quantity: int) -> list[Refused]:
        terms = self.listings[instrument]
        if quantity < 1 or quantity > terms.quantity_max:
            return [Refused(RejectCode.QUANTITY_LIMIT, "quantity")]
        if quantity % terms.lot_size != 0:
            return [Refused(RejectCode.OFF_LOT, "quantity")]
        return []

    def faults_of_price(self, instrument: str, price: int) -> list[Refused]:
        terms = self.listings[instrument]
        if price < terms.price_min or price > terms.price_max:
            return [Refused(RejectCode.PRICE_LIMIT, "price")]
        if price % terms.tick_size != 0:
            return [Refused(RejectCode.OFF_TICK, "price")]
        return []


def prevent(instrument: str, taker: Resting, maker: Resting) -> list[Any]:
    """Instead of a trade between two orders of one account."""
    mode = taker.prevention
    gone: tuple[Resting, ...]
    if mode is SelfTradePrevention.DECREMENT_AND_CANCEL and maker.quantity != taker.quantity:
        small, large = sorted((maker, taker), key=lambda order: order.quantity)
        events: list[Any] = [cancelled(instrument, small, CancelReason.SELF_TRADE)]
        large.quantity -= small.quantity
        decrement = OrderDecremented(
            instrument=instrument, order_id=large.order_id, quantity=small.quantity
        )
        events.insert(1 if large is taker else 0, decrement)
        small.quantity = 0
        return events
    if mode is SelfTradePrevention.CANCEL_NEWEST:
        gone = (taker,)
    elif mode is SelfTradePrevention.CANCEL_OLDEST:
        gone = (maker,)
    else:
        gone = (maker, taker)
    events = [cancelled(instrument, order, CancelReason.SELF_TRADE) for order in gone]
    for order in gone:
        order.quantity = 0
    return events


def cancelled(instrument: str, order: Resting, reason: CancelReason) -> OrderCancelled:
    return OrderCancelled(
        instrument=instrument, order_id=order.order_id, quantity=order.quantity, reason=reason
    )
