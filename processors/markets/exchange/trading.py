"""What an order does that meets the book: it trades, within the price bands, and what is left of
it rests, is cancelled, or turns the market into a volatility auction.

Price bands: Xetra market model, "volatility interruption": a trade that would be outside the
dynamic band (around the last trade) or the static one (around the last auction) does not happen;
an auction does. The references stay where they are while one order is matched. Orders that never
rest start no auction: what is left of them is cancelled.
"""

from collections.abc import Sequence
from typing import Final

from log.envelope import Event
from processors.markets.exchange.events import (
    CancelReason,
    OrderAccepted,
    OrderCancelled,
    PhaseChanged,
    PhaseReason,
)
from processors.markets.exchange.market import band
from processors.markets.exchange.matching import Sweep, Taker
from processors.markets.exchange.order import NO_TERMS, Order
from processors.markets.exchange.order_book import BUY, OrderBook
from processors.markets.exchange.terms import Phase, TimeInForce

IMMEDIATE_OR_CANCEL: Final = TimeInForce.IMMEDIATE_OR_CANCEL
FILL_OR_KILL: Final = TimeInForce.FILL_OR_KILL
GOOD_TILL_CANCELLED: Final = TimeInForce.GOOD_TILL_CANCELLED
NOTHING: Final[Sequence[Event]] = ()
HIGHEST: Final = 1 << 62


class Bands:
    """What prices may trade now: from `low` to `high`."""

    __slots__ = ("_dynamic_high", "_dynamic_low", "high", "low")

    low: int
    high: int
    _dynamic_low: int
    _dynamic_high: int

    def __init__(self, book: OrderBook) -> None:
        terms, market = book.instrument, book.market
        self.low, self.high = 0, HIGHEST
        self._dynamic_low, self._dynamic_high = 0, HIGHEST
        reference = book.last_price or market.reference_price
        if terms.dynamic_band_ppm and reference:
            self._dynamic_low, self._dynamic_high = band(reference, terms.dynamic_band_ppm)
            self.low, self.high = self._dynamic_low, self._dynamic_high
        if terms.static_band_ppm and market.static_reference:
            low, high = band(market.static_reference, terms.static_band_ppm)
            self.low, self.high = max(self.low, low), min(self.high, high)

    def reason(self, price: int) -> PhaseReason:
        """Which band a price is outside of."""
        if self._dynamic_low <= price <= self._dynamic_high:
            return PhaseReason.STATIC_BAND
        return PhaseReason.DYNAMIC_BAND


def taker_of(order: Order) -> Taker:
    return Taker(
        order.order_id,
        order.account_id,
        order.owner,
        order.side,
        order.quantity,
        order.price,
        order.self_trade_prevention,
    )


def meet_as_accepted(book: OrderBook, accepted: OrderAccepted, at: int) -> Sequence[Event]:
    """What follows where an order meets the book as it is accepted."""
    account_id, group_id = accepted.account_id, accepted.group_id
    taker = Taker(
        accepted.order_id,
        account_id,
        -group_id if group_id else account_id,
        accepted.side,
        accepted.quantity,
        accepted.price,
        accepted.self_trade_prevention,
    )
    terms = accepted.terms or NO_TERMS
    return meet_book(
        book, taker, at, accepted.time_in_force, terms.minimum_quantity, terms.all_or_none
    )


def reached_price(book: OrderBook, is_buy: bool, price: int) -> int:
    """The best price opposite, where an order at `price` (0: none) reaches it; else 0."""
    makers = book.asks if is_buy else book.bids
    best = makers.best
    if best is None or (price and best.rank < price ^ makers.flip):
        return 0
    return best.price


def meet_book(
    book: OrderBook,
    taker: Taker,
    at: int,
    time_in_force: TimeInForce = GOOD_TILL_CANCELLED,
    minimum_quantity: int = 0,
    all_or_none: bool = False,
    interrupts: bool = True,
) -> Sequence[Event]:
    """Everything that follows where an order comes on the book in continuous trading, or in
    trading at last. `interrupts`: whether a price band that stops it means an auction (Xetra:
    midpoint orders do not trigger one)."""
    sweep = Sweep(book, taker)
    breach = 0
    bands: Bands | None = None
    least = minimum_quantity
    if all_or_none or time_in_force is FILL_OR_KILL:
        least = taker.quantity
    if least > 1 and quantity_reached(book, taker, least) < least:
        pass  # the walk over what would not do is saved
    elif book.market.phase is Phase.CONTINUOUS:
        bands = Bands(book)
        breach = _walk_within(book, taker, sweep, bands)
    else:
        _walk_closing_price(book, taker, sweep)

    if time_in_force is FILL_OR_KILL and sweep.traded < taker.quantity:
        return (_cancelled(book, taker, taker.quantity, CancelReason.FILL_OR_KILL),)
    if sweep.traded < minimum_quantity:
        return (_cancelled(book, taker, taker.quantity, CancelReason.MINIMUM_QUANTITY),)
    if all_or_none and sweep.traded < taker.quantity:
        return NOTHING
    events = sweep.events
    if sweep.left:
        never_rests = time_in_force is IMMEDIATE_OR_CANCEL
        if breach and not interrupts:
            return events
        if breach and bands is not None and not never_rests:
            events.append(_volatility_auction(book, bands.reason(breach), breach, at))
        elif breach:
            events.append(_cancelled(book, taker, sweep.left, CancelReason.PRICE_BAND))
        elif not taker.price:
            events.append(_cancelled(book, taker, sweep.left, CancelReason.NO_LIQUIDITY))
        elif never_rests:
            reason = CancelReason.IMMEDIATE_OR_CANCEL
            events.append(_cancelled(book, taker, sweep.left, reason))
    return events


def quantity_reached(book: OrderBook, taker: Taker, enough: int) -> int:
    """The quantity opposite within the taker's limit, counted until there is `enough`."""
    makers = book.asks if taker.side is BUY else book.bids
    worst_rank = taker.price ^ makers.flip if taker.price else 0
    quantity = 0
    level = makers.best
    while level is not None and level.rank >= worst_rank and quantity < enough:
        quantity += level.quantity
        level = makers.next_worse(level)
    return quantity


def _walk_within(book: OrderBook, taker: Taker, sweep: Sweep, bands: Bands) -> int:
    """Trade at the prices that the limit and the bands let it; returns the price at which a band
    stopped it, or 0."""
    makers = book.asks if taker.side is BUY else book.bids
    worst_rank = taker.price ^ makers.flip if taker.price else 0
    level = makers.best
    while level is not None and level.rank >= worst_rank and sweep.left:
        if not bands.low <= level.price <= bands.high:
            return level.price
        sweep.meet(level)
        level = makers.next_worse(level)
    return 0


def _walk_closing_price(book: OrderBook, taker: Taker, sweep: Sweep) -> None:
    makers = book.asks if taker.side is BUY else book.bids
    level = makers.levels.get(book.market.closing_price)
    if level is not None and (not taker.price or level.rank >= taker.price ^ makers.flip):
        sweep.meet(level)


def _volatility_auction(book: OrderBook, reason: PhaseReason, price: int, at: int) -> PhaseChanged:
    market = book.market
    return PhaseChanged(
        instrument=book.instrument.name,
        phase=Phase.VOLATILITY_AUCTION,
        previous=market.phase,
        reason=reason,
        until_ms=at + book.instrument.volatility_call_ms,
        next_phase=market.next_phase,
        next_at_ms=market.next_at_ms,
        price=price,
    )


def _cancelled(
    book: OrderBook, taker: Taker, quantity: int, reason: CancelReason
) -> OrderCancelled:
    return OrderCancelled(
        instrument=book.instrument.name,
        order_id=taker.order_id,
        quantity=quantity,
        reason=reason,
    )
