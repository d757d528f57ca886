"""Parked orders: what each waits for, and what finds it when that comes.

A stop order stands in an index by its stop price, and, where it trails, in one by the trade that
moves it; a pegged order among the pegs; the others are found when their phase begins or their
parent leaves. What may enter is noted (`Market.to_enter`): `followups` lets it.
"""

from processors.markets.exchange.conditions import is_stop
from processors.markets.exchange.order import (
    FOR_AUCTION,
    FOR_CONTINUOUS,
    FOR_PARENT,
    FOR_PEG,
    FOR_STOP,
    TO_ENTER,
    Order,
    Special,
)
from processors.markets.exchange.order_book import BUY, OrderBook
from processors.markets.exchange.state import Exchange


def waiting_for(special: Special) -> int:
    """What an order that is not on the book waits for, its parent apart."""
    terms = special.terms
    if terms.peg is not None:
        return FOR_PEG
    if is_stop(terms):
        return FOR_STOP
    return FOR_CONTINUOUS if terms.all_or_none else FOR_AUCTION


def wait(state: Exchange, book: OrderBook, order: Order, waits: int) -> None:
    """Park an order, and have what it waits for find it."""
    book.park(order, waits)
    special = order.special
    assert special is not None
    market = book.market
    if waits == FOR_STOP:
        _set_stop(state, book, order, special)
    elif waits == FOR_PEG:
        market.pegs[order.order_id] = order
        watch(state, book)


def _set_stop(state: Exchange, book: OrderBook, order: Order, special: Special) -> None:
    terms, last = special.terms, book.last_price
    is_buy = order.side is BUY
    amount = terms.trail_amount
    if terms.trail_ticks:
        amount = terms.trail_ticks * book.instrument.tick_at(last or terms.stop_price)
    book.clock += 1
    special.time = book.clock
    special.trail = amount
    special.stop_price = terms.stop_price
    if amount:
        stop = terms.stop_price
        special.anchor = last
        if stop:
            special.anchor = stop - amount if is_buy else stop + amount
        set_anchor(book, order, special, special.anchor)
    highest = book.instrument.price_max  # the last price may be above, since a split
    if last and (
        min(last, highest) >= special.stop_price if is_buy else last <= special.stop_price
    ):
        note_entry(state, book, order)
    else:
        (book.market.stop_buys if is_buy else book.market.stop_sells).add(
            order, special.stop_price
        )
        add_trailing(book, order, special)
        book.set_triggers()


def set_anchor(book: OrderBook, order: Order, special: Special, anchor: int) -> None:
    """The stop price at its distance from the best trade; beyond all prices it is never met."""
    special.anchor = anchor
    stop_price = anchor + special.trail if order.side is BUY else anchor - special.trail
    special.stop_price = min(max(stop_price, 0), book.instrument.price_max + 1)


def add_trailing(book: OrderBook, order: Order, special: Special) -> None:
    if not special.trail:
        return
    highest = book.instrument.price_max
    if order.side is BUY:
        if special.anchor >= 1:
            book.market.trail_buys.add(order, min(special.anchor - 1, highest))
    elif special.anchor < highest:
        book.market.trail_sells.add(order, special.anchor + 1)


def remove_trailing(book: OrderBook, order: Order, special: Special) -> None:
    if not special.trail:
        return
    highest = book.instrument.price_max
    if order.side is BUY:
        if special.anchor >= 1:
            book.market.trail_buys.remove(order, min(special.anchor - 1, highest))
    elif special.anchor < highest:
        book.market.trail_sells.remove(order, special.anchor + 1)


def note_entry(state: Exchange, book: OrderBook, order: Order) -> None:
    """A parked order may come on the book: the next follow-up lets it."""
    special = order.special
    assert special is not None
    if special.waits != FOR_PARENT:
        special.waits = TO_ENTER
    book.market.to_enter[order.order_id] = None
    state.touched[book.instrument.name] = None


def watch(state: Exchange, book: OrderBook) -> None:
    """Whether each change of the book may call for a follow-up; and look now."""
    market = book.market
    market.pegs_stand_by = None
    book.watched = market.in_call or bool(market.pegs) or bool(market.restless)
    book.hooked = book.watched or book.guarded
    state.touched[book.instrument.name] = None


def unwait(book: OrderBook, order: Order) -> None:
    """A parked order waits no longer."""
    special = order.special
    assert special is not None
    if special.waits == FOR_STOP:
        stops = book.market.stop_buys if order.side is BUY else book.market.stop_sells
        stops.remove(order, special.stop_price)
        remove_trailing(book, order, special)
        book.set_triggers()
    book.market.to_enter.pop(order.order_id, None)
    book.unpark(order)


def price_moved(state: Exchange, book: OrderBook, price: int) -> None:
    """Trailing stops follow a trade, and those that it triggers are noted to enter."""
    market = book.market
    if price >= market.trail_sells.trigger:
        for order in market.trail_sells.pop_triggered(price):
            _move_stop(book, order, price)
    if price <= market.trail_buys.trigger:
        for order in market.trail_buys.pop_triggered(price):
            _move_stop(book, order, price)
    if price >= market.stop_buys.trigger:
        for order in sorted(market.stop_buys.pop_triggered(price), key=_turn):
            _trigger(state, book, order)
    if price <= market.stop_sells.trigger:
        for order in sorted(market.stop_sells.pop_triggered(price), key=_turn):
            _trigger(state, book, order)
    book.set_triggers()


def _turn(order: Order) -> tuple[int, int]:
    """Of triggered stops: the nearest first, then by entry, also those that have trailed, and
    those whose stop price is beyond all prices (`set_anchor`), after a split."""
    special = order.special
    assert special is not None
    if order.side is BUY:
        stop_price = special.anchor + special.trail if special.trail else special.stop_price
        return stop_price, special.time
    stop_price = special.anchor - special.trail if special.trail else special.stop_price
    return -stop_price, special.time


def _move_stop(book: OrderBook, order: Order, price: int) -> None:
    special = order.special
    assert special is not None
    stops = book.market.stop_buys if order.side is BUY else book.market.stop_sells
    stops.remove(order, special.stop_price)
    set_anchor(book, order, special, price)
    stops.add(order, special.stop_price)
    add_trailing(book, order, special)


def _trigger(state: Exchange, book: OrderBook, order: Order) -> None:
    special = order.special
    assert special is not None
    remove_trailing(book, order, special)
    note_entry(state, book, order)
