"""The exchange's rules: `initial`, `decide`, `evolve`, and the state's form in snapshots.

A command goes through three rooms: `admission` (may it be?), this module (what does its kind of
order do?), `matching` (whom does it meet?). Its events are folded into `order_book` one by one.

An order that is accepted and reaches the other side is not in the book yet: it is the book's
`taker` while the trades and cancels after it are folded, and rests once it reaches nobody. So no
event need say what came to rest, and the book is never crossed between commands.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from processors.core.decider import Decider, StateFormat
from processors.markets.exchange.admission import (
    check_listing,
    check_order,
    check_replacement,
    reject_listed,
    reject_not_owner,
    reject_unknown,
    reject_unlisted,
    reject_would_take,
)
from processors.markets.exchange.commands import (
    CancelOrder,
    ListInstrument,
    MassCancel,
    OrderType,
    PlaceOrder,
    ReplaceOrder,
    TimeInForce,
)
from processors.markets.exchange.events import (
    CancelReason,
    ExchangeEvent,
    InstrumentListed,
    OrderAccepted,
    OrderCancelled,
    OrderDecremented,
    OrderRejected,
    OrderReplaced,
    OrderTraded,
)
from processors.markets.exchange.instrument import Instrument
from processors.markets.exchange.matching import match, quantity_within
from processors.markets.exchange.order_book import BUY, BookSide, OrderBook, new_order
from processors.markets.exchange.state_rows import InstrumentRow, OrderRow, StateRow

LIMIT: Final = OrderType.LIMIT
MARKET: Final = OrderType.MARKET
GOOD_TILL_CANCELLED: Final = TimeInForce.GOOD_TILL_CANCELLED
IMMEDIATE_OR_CANCEL: Final = TimeInForce.IMMEDIATE_OR_CANCEL
FILL_OR_KILL: Final = TimeInForce.FILL_OR_KILL
NEVER_RESTS: Final = CancelReason.IMMEDIATE_OR_CANCEL
NO_LIQUIDITY: Final = CancelReason.NO_LIQUIDITY
NOTHING: Final[Sequence[ExchangeEvent]] = ()


class Exchange:
    """The state of one partition: the book of every instrument whose key falls on it."""

    __slots__ = ("books",)

    books: dict[str, OrderBook]

    def __init__(self) -> None:
        self.books = {}


def initial() -> Exchange:
    return Exchange()


def decide(state: Exchange, command: Any, at: int) -> Sequence[ExchangeEvent]:
    """What the command leads to; nothing, where it is none of the exchange's (a tick)."""
    kind = type(command)
    if kind is PlaceOrder:
        return _decide_place(state, command)
    if kind is CancelOrder:
        return _decide_cancel(state, command)
    if kind is ReplaceOrder:
        return _decide_replace(state, command)
    if kind is MassCancel:
        return _decide_mass_cancel(state, command)
    if kind is ListInstrument:
        return _decide_listing(state, command)
    return NOTHING


def _decide_place(state: Exchange, command: PlaceOrder) -> Sequence[ExchangeEvent]:
    instrument = command.instrument
    order_id = command.order_id
    account_id = command.account_id
    book = state.books.get(instrument)
    if book is None:
        return (reject_unlisted(instrument, order_id, account_id),)
    quantity = command.quantity
    price = command.price
    order_type = command.order_type
    post_only = command.post_only
    rejected = check_order(book, command, order_id, quantity, price, order_type, post_only)
    if rejected is not None:
        return (rejected,)

    side = command.side
    time_in_force = command.time_in_force
    prevention = command.self_trade_prevention
    accepted = OrderAccepted(
        instrument=instrument,
        order_id=order_id,
        account_id=account_id,
        side=side,
        quantity=quantity,
        price=price,
        order_type=order_type,
        time_in_force=time_in_force,
        post_only=post_only,
        self_trade_prevention=prevention,
    )
    makers = book.asks if side is BUY else book.bids
    best = makers.best
    worst_rank = price ^ makers.flip if order_type is LIMIT else 0
    reaches = best is not None and best.rank >= worst_rank
    if time_in_force is GOOD_TILL_CANCELLED and order_type is LIMIT:
        if not reaches:
            return (accepted,)
        if best is not None and post_only:
            return (reject_would_take(instrument, price, best.price, order_id, account_id),)

    if time_in_force is FILL_OR_KILL:
        return _fill_or_kill(book, makers, worst_rank, accepted)
    events: list[ExchangeEvent] = [accepted]
    left = quantity
    if reaches:
        left = match(book, order_id, account_id, side, quantity, prevention, worst_rank, events)
    if left:
        if order_type is MARKET:
            reason = NO_LIQUIDITY
        elif time_in_force is IMMEDIATE_OR_CANCEL:
            reason = NEVER_RESTS
        else:
            return events
        events.append(
            OrderCancelled(instrument=instrument, order_id=order_id, quantity=left, reason=reason)
        )
    return events


def _fill_or_kill(
    book: OrderBook, makers: BookSide, worst_rank: int, order: OrderAccepted
) -> Sequence[ExchangeEvent]:
    """All of it in trades, or nothing but a cancel: also where there would be enough, but the
    prevention of self-trades comes between."""
    if quantity_within(makers, worst_rank, order.quantity) >= order.quantity:
        events: list[ExchangeEvent] = [order]
        match(
            book,
            order.order_id,
            order.account_id,
            order.side,
            order.quantity,
            order.self_trade_prevention,
            worst_rank,
            events,
        )
        if _traded_quantity(events) == order.quantity:
            return events
    killed = OrderCancelled(
        instrument=order.instrument,
        order_id=order.order_id,
        quantity=order.quantity,
        reason=CancelReason.FILL_OR_KILL,
    )
    return (order, killed)


def _traded_quantity(events: list[ExchangeEvent]) -> int:
    return sum([event.quantity for event in events if isinstance(event, OrderTraded)])


def _decide_cancel(state: Exchange, command: CancelOrder) -> Sequence[ExchangeEvent]:
    instrument = command.instrument
    order_id = command.order_id
    account_id = command.account_id
    book = state.books.get(instrument)
    if book is None:
        return (reject_unlisted(instrument, order_id, account_id),)
    order = book.orders.get(order_id)
    if order is None:
        return (reject_unknown(instrument, order_id, account_id),)
    if account_id and account_id != order.account_id:
        return (reject_not_owner(instrument, order_id, account_id),)
    return (OrderCancelled(instrument=instrument, order_id=order_id, quantity=order.quantity),)


def _decide_replace(state: Exchange, command: ReplaceOrder) -> Sequence[ExchangeEvent]:
    instrument = command.instrument
    order_id = command.order_id
    account_id = command.account_id
    book = state.books.get(instrument)
    if book is None:
        return (reject_unlisted(instrument, order_id, account_id),)
    order = book.orders.get(order_id)
    if order is None:
        return (reject_unknown(instrument, order_id, account_id),)
    price = command.price
    quantity = command.quantity
    rejected = check_replacement(book, order, price, quantity, account_id)
    if rejected is not None:
        return (rejected,)

    keeps_priority = price == order.price and quantity <= order.quantity
    replaced = OrderReplaced(
        instrument=instrument,
        order_id=order_id,
        price=price,
        quantity=quantity,
        kept_priority=keeps_priority,
    )
    makers = book.asks if order.side is BUY else book.bids
    worst_rank = price ^ makers.flip
    best = makers.best
    if keeps_priority or best is None or best.rank < worst_rank:
        return (replaced,)
    if order.post_only:
        return (reject_would_take(instrument, price, best.price, order_id, account_id),)
    events: list[ExchangeEvent] = [replaced]
    match(
        book,
        order_id,
        order.account_id,
        order.side,
        quantity,
        order.self_trade_prevention,
        worst_rank,
        events,
    )
    return events


def _decide_mass_cancel(state: Exchange, command: MassCancel) -> Sequence[ExchangeEvent]:
    instrument = command.instrument
    book = state.books.get(instrument)
    if book is None:
        return (reject_unlisted(instrument, 0, command.account_id),)
    side = command.side
    return [
        OrderCancelled(
            instrument=instrument,
            order_id=order.order_id,
            quantity=order.quantity,
            reason=CancelReason.MASS_CANCEL,
        )
        for order in book.orders_of(command.account_id)
        if side is None or order.side is side
    ]


def _decide_listing(state: Exchange, command: ListInstrument) -> Sequence[ExchangeEvent]:
    instrument = command.instrument
    if instrument in state.books:
        return (reject_listed(instrument),)
    rejected = check_listing(command)
    if rejected is not None:
        return (rejected,)
    return (
        InstrumentListed(
            instrument=instrument,
            price_decimals=command.price_decimals,
            tick_size=command.tick_size,
            lot_size=command.lot_size,
            price_min=command.price_min,
            price_max=command.price_max,
            quantity_max=command.quantity_max,
        ),
    )


def evolve(state: Exchange, event: Any) -> Exchange:
    """Apply one fact, in place. Facts that are none of the exchange's change nothing."""
    kind = type(event)
    if kind is OrderAccepted:
        _evolve_accepted(state.books[event.instrument], event)
    elif kind is OrderTraded:
        _evolve_traded(state.books[event.instrument], event)
    elif kind is OrderCancelled:
        _evolve_cancelled(state.books[event.instrument], event)
    elif kind is OrderRejected:
        pass
    elif kind is OrderReplaced:
        _evolve_replaced(state.books[event.instrument], event)
    elif kind is OrderDecremented:
        _evolve_decremented(state.books[event.instrument], event)
    elif kind is InstrumentListed:
        _evolve_listed(state, event)
    return state


def _evolve_accepted(book: OrderBook, event: OrderAccepted) -> None:
    # Other orders never rest, and are no part of the state: what they do to others is.
    if event.time_in_force is GOOD_TILL_CANCELLED and event.order_type is LIMIT:
        book.enter(
            new_order(
                event.order_id,
                event.account_id,
                event.side,
                event.price,
                event.quantity,
                event.post_only,
                event.self_trade_prevention,
            )
        )


def _evolve_traded(book: OrderBook, event: OrderTraded) -> None:
    quantity = event.quantity
    book.reduce(book.orders[event.maker_order_id], quantity)
    taker = book.taker
    if taker is not None:
        taker.quantity -= quantity
        book.settle_taker(taker)


def _evolve_cancelled(book: OrderBook, event: OrderCancelled) -> None:
    order = book.orders.get(event.order_id)
    taker = book.taker
    if order is not None:
        book.remove(order)
        if taker is not None:
            book.settle_taker(taker)
    elif taker is not None:
        book.taker = None


def _evolve_replaced(book: OrderBook, event: OrderReplaced) -> None:
    order = book.orders[event.order_id]
    if event.kept_priority:
        book.reduce(order, order.quantity - event.quantity)
    else:
        book.remove(order)
        order.price = event.price
        order.quantity = event.quantity
        book.enter(order)


def _evolve_decremented(book: OrderBook, event: OrderDecremented) -> None:
    order = book.orders.get(event.order_id)
    taker = book.taker
    if order is not None:
        book.reduce(order, event.quantity)
    elif taker is not None:
        taker.quantity -= event.quantity
        book.settle_taker(taker)


def _evolve_listed(state: Exchange, event: InstrumentListed) -> None:
    state.books[event.instrument] = _new_book(event)


def _new_book(terms: InstrumentListed | InstrumentRow) -> OrderBook:
    return OrderBook(
        Instrument(
            terms.instrument,
            terms.price_decimals,
            terms.tick_size,
            terms.lot_size,
            terms.price_min,
            terms.price_max,
            terms.quantity_max,
        )
    )


def to_rows(state: Exchange) -> Iterator[StateRow]:
    for name in sorted(state.books):
        book = state.books[name]
        instrument = book.instrument
        yield InstrumentRow(
            instrument=name,
            price_decimals=instrument.price_decimals,
            tick_size=instrument.tick_size,
            lot_size=instrument.lot_size,
            price_min=instrument.price_min,
            price_max=instrument.price_max,
            quantity_max=instrument.quantity_max,
        )
        for order in book.orders.values():
            yield OrderRow(
                order_id=order.order_id,
                account_id=order.account_id,
                side=order.side,
                price=order.price,
                quantity=order.quantity,
                post_only=order.post_only,
                self_trade_prevention=order.self_trade_prevention,
            )


def from_rows(rows: Iterable[StateRow]) -> Exchange:
    state = Exchange()
    book: OrderBook | None = None
    for row in rows:
        if isinstance(row, InstrumentRow):
            book = _new_book(row)
            state.books[row.instrument] = book
        else:
            if book is None:
                raise ValueError("an order row stands before any instrument row")
            book.rest(
                new_order(
                    row.order_id,
                    row.account_id,
                    row.side,
                    row.price,
                    row.quantity,
                    row.post_only,
                    row.self_trade_prevention,
                )
            )
    return state


DECIDER: Final = Decider(
    initial=initial,
    decide=decide,
    evolve=evolve,
    state_format=StateFormat(row_type=StateRow, to_rows=to_rows, from_rows=from_rows),
)
