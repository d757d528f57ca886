"""A split: every open order in new shares, and what else is in prices or in shares.

Nobody gains by the rounding: bids go down to the tick, offers up, quantities down to the lot.
"""

from collections.abc import Sequence
from typing import Final

from log.envelope import Event
from processors.markets.exchange.admission import reject
from processors.markets.exchange.commands import SplitInstrument
from processors.markets.exchange.events import (
    CancelReason,
    InstrumentSplit,
    OrderAdjusted,
    OrderCancelled,
    RejectCode,
)
from processors.markets.exchange.instrument import Instrument
from processors.markets.exchange.order import FOR_STOP, NO_TERMS, Order, Special, part_to_show
from processors.markets.exchange.order_book import BUY, OrderBook
from processors.markets.exchange.terms import OrderTerms, Phase
from processors.markets.exchange.waiting import add_trailing, remove_trailing, set_anchor

SPLIT_TERM_MAX: Final = 1_000_000


def split(book: OrderBook, command: SplitInstrument) -> Sequence[Event]:
    """New shares for old ones: every open order in new terms, to the disadvantage of nobody but by
    rounding: bids down, offers up, quantities down."""
    name, phase = command.instrument, book.market.phase
    if phase not in (Phase.PRE_OPEN, Phase.HALT, Phase.CLOSED):
        reason = f"not in phase {phase.value}: halt or close the instrument first"
        return (reject(name, RejectCode.WRONG_PHASE, "instrument", reason),)
    for field in ("numerator", "denominator"):
        if not 0 < getattr(command, field) <= SPLIT_TERM_MAX:
            reason = f"must be from 1 to {SPLIT_TERM_MAX}"
            return (reject(name, RejectCode.INVALID_VALUE, field, reason),)
    parts, of = command.numerator, command.denominator
    split_ = InstrumentSplit(instrument=name, numerator=parts, denominator=of)
    adjusted = [_adjusted(book.instrument, order, parts, of) for order in book.all_orders()]
    return [split_, *adjusted]


def _adjusted(terms: Instrument, order: Order, parts: int, of: int) -> Event:
    special = order.special
    quantity = _lots(terms, order.quantity * parts // of)
    limit = order.price if special is None or special.terms.peg is None else special.limit
    prices = [(limit, split_price(terms, limit, order.side is BUY, parts, of))]
    new_terms = None
    if special is not None:
        stop_price = special.terms.stop_price
        prices.append((stop_price, split_price(terms, stop_price, order.side is BUY, parts, of)))
        new_terms = _new_terms(terms, special.terms, prices[1][1], parts, of)
    fits = all(terms.price_min <= new <= terms.price_max for old, new in prices if old)
    if not quantity or not fits or quantity > terms.quantity_max:
        return OrderCancelled(
            instrument=terms.name,
            order_id=order.order_id,
            quantity=order.quantity,
            reason=CancelReason.SPLIT,
        )
    return OrderAdjusted(
        instrument=terms.name,
        order_id=order.order_id,
        price=prices[0][1],
        quantity=quantity,
        terms=None if new_terms == NO_TERMS else new_terms,
        displayed=0
        if special is None or new_terms is None
        else part_to_show(order.order_id, new_terms, special.parts, quantity, terms.lot_size),
    )


def _lots(terms: Instrument, quantity: int) -> int:
    return quantity - quantity % terms.lot_size


def _new_terms(
    terms: Instrument, old: OrderTerms, stop_price: int, parts: int, of: int
) -> OrderTerms:
    def quantity(before: int) -> int:
        return max(_lots(terms, before * parts // of), terms.lot_size) if before else 0

    trail_amount = max(old.trail_amount * of // parts, 1) if old.trail_amount else 0
    offset = abs(old.peg_offset) * of // parts
    display_quantity = quantity(old.display_quantity)
    return OrderTerms(
        stop_price=stop_price,
        trail_amount=trail_amount,
        trail_ticks=old.trail_ticks,
        display_quantity=display_quantity,
        display_range=min(
            _lots(terms, old.display_range * parts // of), display_quantity - terms.lot_size
        )
        if display_quantity
        else 0,
        reserve=old.reserve,
        hidden=old.hidden,
        peg=old.peg,
        peg_offset=offset if old.peg_offset > 0 else -offset,
        minimum_quantity=quantity(old.minimum_quantity),
        all_or_none=old.all_or_none,
        reprice=old.reprice,
        expires_on=old.expires_on,
        expires_at_ms=old.expires_at_ms,
        linked_order_id=old.linked_order_id,
        parent_order_id=old.parent_order_id,
    )


def split_special(book: OrderBook, order: Order, special: Special, parts: int, of: int) -> None:
    """What `order_adjusted` does not tell: how far a trailing stop has come, what has traded."""
    special.traded = special.traded * parts // of
    if special.activated_quantity:
        lot_size = book.instrument.lot_size
        scaled = special.activated_quantity * parts // of
        special.activated_quantity = max(scaled - scaled % lot_size, lot_size)
    if not special.stop_price and not special.trail:
        return
    is_buy = order.side is BUY
    waits = special.waits == FOR_STOP
    stops = book.market.stop_buys if is_buy else book.market.stop_sells
    if waits:
        stops.remove(order, special.stop_price)
        remove_trailing(book, order, special)
    if special.trail:
        distance = special.trail if is_buy else -special.trail
        stop_price = split_price(book.instrument, special.anchor + distance, is_buy, parts, of)
        special.trail = max(special.trail * of // parts, 1)
        set_anchor(
            book,
            order,
            special,
            stop_price - special.trail if is_buy else stop_price + special.trail,
        )
    else:
        special.stop_price = split_price(book.instrument, special.stop_price, is_buy, parts, of)
    if waits:
        stops.add(order, special.stop_price)
        add_trailing(book, order, special)


def split_price(terms: Instrument, price: int, is_buy: bool, parts: int, of: int) -> int:
    """A price of new shares: a bid's rounded down to the tick, an offer's up; 0 stays 0."""
    if not price:
        return 0
    if is_buy:
        return terms.round_down(price * of // parts)
    return terms.round_up(-(-price * of // parts))
