"""What a new order does: any order, in any phase. (`decider` has the short way for plain orders in
continuous trading, which does the same.)

checks ─► order_accepted ─┬─► parked: it waits for its stop price, parent, auction, or peg
                          ├─► rests, in a call
                          └─► meets the book (`trading`)
"""

from collections.abc import Sequence
from typing import Final

from log.envelope import Event
from processors.markets.exchange.admission import check_order, reject, reject_would_take
from processors.markets.exchange.commands import PlaceOrder
from processors.markets.exchange.conditions import (
    Asked,
    Fault,
    check_conditions,
    check_phase,
)
from processors.markets.exchange.events import OrderAccepted, OrderRejected, RejectCode
from processors.markets.exchange.order import part_to_show
from processors.markets.exchange.order_book import BUY, OrderBook
from processors.markets.exchange.phases import AUCTION_OF
from processors.markets.exchange.state import Exchange
from processors.markets.exchange.terms import OrderType, Phase, Side, TimeInForce
from processors.markets.exchange.trading import meet_as_accepted, reached_price

MARKET_TO_LIMIT: Final = OrderType.MARKET_TO_LIMIT


def place(state: Exchange, book: OrderBook, command: PlaceOrder, at: int) -> Sequence[Event]:
    """A new order, with all checks."""
    rejected = check_order(
        book,
        command,
        command.order_id,
        command.quantity,
        command.price,
        command.order_type,
        command.post_only,
    )
    if rejected is not None:
        return (rejected,)
    asked = Asked(
        command.order_id,
        command.account_id,
        command.order_type,
        command.time_in_force,
        command.post_only,
        command.price,
        command.quantity,
        command.terms,
        None,
    )
    fault = (
        check_conditions(book, state.calendar_of(book), asked, at)
        or check_phase(book, asked)
        or state.guard.check_new_order(book, command, at)
    )
    if fault is not None:
        return (_rejected(book, asked, fault),)
    parked = is_parked(book.market.phase, asked)
    price = command.price
    if not parked and book.market.phase is Phase.CONTINUOUS:
        entry = entry_price(book, asked, command.side)
        if isinstance(entry, OrderRejected):
            return (entry,)
        price = entry
    accepted = _accepted(state, book, command, asked, price, parked, at)
    if parked or not book.market.trades_at_once:
        return (accepted,)
    return [accepted, *meet_as_accepted(book, accepted, at)]


def _rejected(book: OrderBook, asked: Asked, fault: Fault) -> OrderRejected:
    code, field, reason = fault
    return reject(book.instrument.name, code, field, reason, asked.order_id, asked.account_id)


def is_parked(phase: Phase, asked: Asked) -> bool:
    """Whether an order waits, unseen, before it comes on the book."""
    if asked.has_parent or asked.is_stop or asked.terms.peg is not None:
        return True
    auctions = AUCTION_OF.get(asked.time_in_force)
    return auctions is not None and phase not in auctions


def entry_price(book: OrderBook, asked: Asked, side: Side) -> int | OrderRejected:
    """The price at which an order meets the book in continuous trading: a market-to-limit order
    gets the best one opposite, a post-only order that would take is put behind that (or not let
    in)."""
    name = book.instrument.name
    is_buy = side is BUY
    if asked.order_type is MARKET_TO_LIMIT and not asked.price:
        best_price = reached_price(book, is_buy, 0)
        if best_price:
            return best_price
        reason = "there is no order opposite whose price it could take"
        fault = RejectCode.NO_LIQUIDITY, "order_type", reason
        return _rejected(book, asked, fault)
    if not asked.post_only:
        return asked.price
    best_price = reached_price(book, is_buy, asked.price)
    if not best_price:
        return asked.price
    terms = book.instrument
    if asked.terms.reprice:
        price = terms.round_down(best_price - 1) if is_buy else terms.round_up(best_price + 1)
        if terms.price_min <= price <= terms.price_max:
            return price
    return reject_would_take(name, asked.price, best_price, asked.order_id, asked.account_id)


def _accepted(
    state: Exchange,
    book: OrderBook,
    command: PlaceOrder,
    asked: Asked,
    price: int,
    parked: bool,
    at: int,
) -> OrderAccepted:
    return OrderAccepted(
        instrument=command.instrument,
        order_id=command.order_id,
        account_id=command.account_id,
        side=command.side,
        quantity=command.quantity,
        price=price,
        order_type=command.order_type,
        time_in_force=command.time_in_force,
        post_only=command.post_only,
        self_trade_prevention=command.self_trade_prevention,
        session_id=command.session_id,
        terms=command.terms,
        group_id=state.guard.group_of(command.account_id),
        parked=parked,
        displayed=first_part(book, asked),
        expires_at_ms=expiry(state, book, asked, at),
        at_ms=state.guard.counts_rate_at(book, command.account_id, at),
    )


def first_part(book: OrderBook, asked: Asked) -> int:
    return part_to_show(asked.order_id, asked.terms, 0, asked.quantity, book.instrument.lot_size)


def expiry(state: Exchange, book: OrderBook, asked: Asked, at: int) -> int:
    """When an order expires by itself. One for a day does at the close; by midnight at the latest,
    where the market does not close."""
    calendar = state.calendar_of(book)
    if asked.time_in_force is TimeInForce.DAY:
        return calendar.end_of_date(calendar.local_date(at))
    if asked.time_in_force is TimeInForce.GOOD_TILL_DATE:
        return calendar.end_of_date(asked.terms.expires_on)
    return asked.terms.expires_at_ms
