"""What happens by itself after a command's own events: linked orders go, triggered stops and
children enter, pegs follow their price, quotes are protected, an auction's indication is told.

One step at a time: each is decided on the state that the one before led to, and all belong to the
command. `has_followup` and `followup` look at the same things in the same order, instruments by
name. A cascade of stops ends, since each step takes a note away, and orders only get fewer.

Stops fire by stop price, the nearest first, then by time (Xetra market model, "stop orders";
Euronext trading manual, "stop orders"). A one-cancels-other pair goes by Xetra's rule: whichever
trades, or is triggered, ends the other.
"""

from collections.abc import Iterator, Sequence

from log.envelope import Event
from processors.markets.exchange.call_auction import indication_of
from processors.markets.exchange.changing import by_time, cancellations
from processors.markets.exchange.conditions import Asked
from processors.markets.exchange.events import (
    AuctionIndicated,
    CancelReason,
    OrderAccepted,
    OrderActivated,
    OrderCancelled,
    OrderEntered,
    OrderParked,
    OrderRejected,
    OrderRepriced,
    QuoteTradesCounted,
)
from processors.markets.exchange.market import QuoteNote
from processors.markets.exchange.order import FOR_PARENT, Order
from processors.markets.exchange.order_book import BUY, OrderBook
from processors.markets.exchange.placing import entry_price, first_part, is_parked
from processors.markets.exchange.state import Exchange
from processors.markets.exchange.terms import OrderType, Peg, Phase
from processors.markets.exchange.trading import (
    NOTHING,
    meet_as_accepted,
    meet_book,
    taker_of,
)


def has_followup(state: Exchange) -> bool:
    """Whether something is to happen by itself. Books that were touched and call for nothing are
    forgotten: that is no more than a note of what was looked at."""
    for name in sorted(state.touched):
        book = state.books.get(name)
        if book is not None and _has_step(state, book):
            return True
        del state.touched[name]
    return False


def followup(state: Exchange, at: int) -> Sequence[Event]:
    """The next step."""
    for name in sorted(state.touched):
        book = state.books.get(name)
        if book is not None:
            events = _step(state, book, at)
            if events:
                return events
    return NOTHING


def _has_step(state: Exchange, book: OrderBook) -> bool:
    market = book.market
    if market.restless and market.phase is not Phase.CONTINUOUS:
        return True
    if market.to_cancel or (market.to_enter and market.lets_orders_in):
        return True
    if market.phase is Phase.CONTINUOUS:
        if market.pegs and _some_peg_moves(book):
            return True
        if market.restless and any(True for _ in _crossing_trades(book, 0)):
            return True
    if market.unseen_fills:
        return True
    return market.in_call and _indication(book) is not None


def _step(state: Exchange, book: OrderBook, at: int) -> Sequence[Event]:
    market = book.market
    if market.restless and market.phase is not Phase.CONTINUOUS:
        return _park_restless(book)
    if market.to_cancel:
        order = book.find(next(iter(market.to_cancel)))
        return () if order is None else cancellations(book, (order,), CancelReason.LINKED)
    if market.to_enter and market.lets_orders_in:
        return _enter_next(state, book, at)
    if market.phase is Phase.CONTINUOUS:
        moves = list(_moves(book)) if market.pegs else []
        if moves:
            return moves
        if market.restless:
            for events in _crossing_trades(book, at):
                return events
    if market.unseen_fills:
        return _count_fills(book, at)
    indicated = _indication(book) if market.in_call else None
    return NOTHING if indicated is None else (indicated,)


def _park_restless(book: OrderBook) -> list[Event]:
    """Pegs and all-or-none orders are for continuous trading."""
    restless = book.market.restless
    return [
        OrderParked(instrument=book.instrument.name, order_id=order.order_id)
        for order in book.orders.values()
        if order.order_id in restless
    ]


def _enter_next(state: Exchange, book: OrderBook, at: int) -> Sequence[Event]:
    order_id, quote = next(iter(book.market.to_enter.items()))
    if quote is not None:
        return _enter_quote(state, book, quote, at)
    order = book.parked[order_id]
    special = order.special
    assert special is not None
    quantity = order.quantity
    events: list[Event] = []
    if special.waits == FOR_PARENT:
        quantity = min(quantity, special.activated_quantity)
        events.append(
            OrderActivated(instrument=book.instrument.name, order_id=order_id, quantity=quantity)
        )
    asked = Asked(
        order_id,
        order.account_id,
        special.order_type,
        special.time_in_force,
        order.post_only,
        order.price,
        quantity,
        special.terms,
        order,
    )
    if special.waits == FOR_PARENT:
        asked.has_parent = False
        if is_parked(book.market.phase, asked):
            return events  # a stop, a peg, an order for an auction: it waits on
    return [*events, *_enter(book, order, asked, at)]


def _enter(book: OrderBook, order: Order, asked: Asked, at: int) -> Sequence[Event]:
    """A parked order comes on the book, as if it were placed now."""
    price = order.price
    phase = book.market.phase
    if phase is Phase.CONTINUOUS:
        entered = entry_price(book, asked, order.side)
        if isinstance(entered, OrderRejected):
            reason = CancelReason.WOULD_TAKE
            if asked.order_type is OrderType.MARKET_TO_LIMIT:
                reason = CancelReason.NO_LIQUIDITY
            return (
                OrderCancelled(
                    instrument=book.instrument.name,
                    order_id=order.order_id,
                    quantity=asked.quantity,
                    reason=reason,
                ),
            )
        price = entered
    entry = OrderEntered(
        instrument=book.instrument.name,
        order_id=order.order_id,
        price=price,
        quantity=asked.quantity,
        displayed=first_part(book, asked),
    )
    if phase is not Phase.CONTINUOUS:
        return (entry,)
    taker = taker_of(order)
    taker.price, taker.quantity = price, asked.quantity
    all_or_none = asked.terms.all_or_none
    return [entry, *meet_book(book, taker, at, asked.time_in_force, 0, all_or_none)]


def _enter_quote(state: Exchange, book: OrderBook, quote: QuoteNote, at: int) -> Sequence[Event]:
    entry = quote.entry
    accepted = OrderAccepted(
        instrument=book.instrument.name,
        order_id=entry.order_id,
        account_id=quote.account_id,
        side=entry.side,
        quantity=entry.quantity,
        price=entry.price,
        self_trade_prevention=quote.self_trade_prevention,
        session_id=quote.session_id,
        group_id=state.guard.group_of(quote.account_id),
        is_quote=True,
        at_ms=state.guard.counts_rate_at(book, quote.account_id, at),
    )
    if book.market.phase is not Phase.CONTINUOUS:
        return (accepted,)
    return [accepted, *meet_as_accepted(book, accepted, at)]


def _some_peg_moves(book: OrderBook) -> bool:
    """Looked up among all pegs only where the best prices are not those of the last look."""
    market = book.market
    best_prices = book.bids.best_displayed(), book.asks.best_displayed()
    if best_prices == market.pegs_stand_by:
        return False
    if any(True for _ in _moves(book)):
        return True
    market.pegs_stand_by = best_prices
    return False


def _moves(book: OrderBook) -> Iterator[Event]:
    """Pegged orders that are not where their price is: they all go there before any trades."""
    name = book.instrument.name
    bid, offer = book.bids.best_displayed(), book.asks.best_displayed()
    for order in book.market.pegs.values():
        special = order.special
        assert special is not None
        if special.waits == FOR_PARENT:
            continue
        price = _peg_price(book, order, bid, offer)
        if special.waits:
            if price:
                yield OrderEntered(
                    instrument=name,
                    order_id=order.order_id,
                    price=price,
                    quantity=order.quantity,
                )
        elif not price:
            yield OrderParked(instrument=name, order_id=order.order_id)
        elif price != order.price:
            yield OrderRepriced(instrument=name, order_id=order.order_id, price=price)


def _peg_price(book: OrderBook, order: Order, bid: int, offer: int) -> int:
    """Where a pegged order belongs; 0: nowhere. A midpoint between two price units is rounded away
    from trading: down for a buy, up for a sell."""
    special = order.special
    assert special is not None
    terms, is_buy = special.terms, order.side is BUY
    if terms.peg is Peg.BEST_BID:
        reference = bid
    elif terms.peg is Peg.BEST_OFFER:
        reference = offer
    else:
        reference = (bid + offer + (not is_buy)) // 2 if bid and offer else 0
    if not reference:
        return 0
    price = reference + terms.peg_offset
    if special.limit:
        price = min(price, special.limit) if is_buy else max(price, special.limit)
    return price if book.instrument.price_min <= price <= book.instrument.price_max else 0


def _crossing_trades(book: OrderBook, at: int) -> Iterator[Sequence[Event]]:
    """Where bid and offer have come to meet, through orders that are matched again as the book
    moves: what each of those that reach the other side can do, the longest there first."""
    bid, offer = book.bids.best, book.asks.best
    if bid is None or offer is None or bid.price < offer.price:
        return
    reaching = [
        order
        for order in book.market.restless.values()
        if (order.price >= offer.price if order.side is BUY else order.price <= bid.price)
    ]
    for order in sorted(reaching, key=_time):
        special = order.special
        assert special is not None
        all_or_none = special.terms.all_or_none
        events = meet_book(
            book,
            taker_of(order),
            at,
            special.time_in_force,
            all_or_none=all_or_none,
            interrupts=all_or_none,
        )
        if events:
            yield events


def _time(order: Order) -> int:
    assert order.special is not None
    return order.special.time


def _count_fills(book: OrderBook, at: int) -> Sequence[Event]:
    """The first protected account whose quotes have traded, and what that leads to."""
    account_id, (quantity, trades) = next(iter(book.market.unseen_fills.items()))
    protection = book.market.protections[account_id]
    start_ms = protection.window_start_ms
    if at - start_ms > protection.window_ms:
        start_ms = at
    else:
        quantity += protection.quantity
        trades += protection.trades
    tripped = bool(protection.quantity_max and quantity > protection.quantity_max) or bool(
        protection.trades_max and trades > protection.trades_max
    )
    counted = QuoteTradesCounted(
        instrument=book.instrument.name,
        account_id=account_id,
        quantity=quantity,
        trades=trades,
        window_start_ms=start_ms,
        tripped=tripped,
    )
    if not tripped:
        return (counted,)
    quotes = by_time(book, book.market.quotes.get(account_id, {}))
    return [counted, *cancellations(book, quotes, CancelReason.QUOTE_PROTECTION)]


def _indication(book: OrderBook) -> AuctionIndicated | None:
    """What to publish of the auction, where that has changed."""
    now = indication_of(book)
    told = now.price, now.quantity, now.surplus, now.surplus_side
    if told == book.market.indicated:
        return None
    return AuctionIndicated(
        instrument=book.instrument.name,
        price=now.price,
        quantity=now.quantity,
        surplus=now.surplus,
        surplus_side=now.surplus_side,
    )
