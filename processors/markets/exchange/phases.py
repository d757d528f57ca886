"""The phases of the market: what ends one, what happens on the way into the next.

    closed ─► pre_open ─► opening_auction ─► continuous ⇄ volatility_auction
      ▲                                        │    ▲          ▲
      │                                        ▼    └── halt ──┘
      └── trading_at_last ◄── closing_auction ◄┘

By the calendar's timetable, by the operator's hand, by a price band, by the index. Phases and
their order: Xetra market model, "trading phases"; Euronext trading manual, "trading cycle". Into
continuous trading, trading at last, and from an auction into the close, what can trade does so at
one price first (`call_auction`); from one call into another, or into a halt, nothing trades.
"""

from collections.abc import Iterable
from typing import Final

from log.envelope import Event
from processors.markets.exchange.calendar import TradingCalendar
from processors.markets.exchange.call_auction import (
    Uncross,
    indication_of,
    market_orders_would_remain,
)
from processors.markets.exchange.draws import random_delay_ms
from processors.markets.exchange.events import (
    AuctionExtended,
    CancelReason,
    ExtensionReason,
    OrderCancelled,
    OrderRepriced,
    PhaseChanged,
    PhaseReason,
    ScheduleChanged,
)
from processors.markets.exchange.market import CALL_PHASES, band
from processors.markets.exchange.order import Order
from processors.markets.exchange.order_book import OrderBook
from processors.markets.exchange.state import Exchange
from processors.markets.exchange.terms import OrderType, Phase, TimeInForce

TRADES: Final = (Phase.CONTINUOUS, Phase.TRADING_AT_LAST)
AFTER: Final = {
    Phase.VOLATILITY_AUCTION: Phase.CONTINUOUS,
    Phase.OPENING_AUCTION: Phase.CONTINUOUS,
    Phase.CLOSING_AUCTION: Phase.CLOSED,
}
AUCTION_OF: Final = {
    TimeInForce.AT_THE_OPENING: (Phase.OPENING_AUCTION,),
    TimeInForce.AT_THE_CLOSE: (Phase.CLOSING_AUCTION,),
    TimeInForce.GOOD_FOR_AUCTION: CALL_PHASES,
}


def phase_due(state: Exchange, book: OrderBook, at: int) -> list[Event]:
    """What the timer of an instrument's phase leads to."""
    market = book.market
    by_timetable = bool(market.next_at_ms) and market.next_at_ms <= at
    if by_timetable and market.next_phase is not None:
        to, reason = market.next_phase, PhaseReason.TIMETABLE
        halted = market.phase is Phase.HALT and to not in (Phase.PRE_OPEN, Phase.CLOSED)
        if halted or to is market.phase:
            return [schedule_after(state.calendar_of(book), book, market.next_at_ms)]
    else:
        to, reason = _after_end(book), PhaseReason.RESUMED
    if market.in_call and to not in CALL_PHASES:
        extended = _extension(book, at)
        if extended is not None:
            return [extended]
    until_ms = 0
    if reason is PhaseReason.RESUMED and to is Phase.VOLATILITY_AUCTION:
        until_ms = at + book.instrument.volatility_call_ms
    schedule = None
    if by_timetable:
        schedule = schedule_after(state.calendar_of(book), book, market.next_at_ms)
    return change_phase(state, book, to, reason, at, until_ms, schedule)


def _after_end(book: OrderBook) -> Phase:
    """What follows a phase that ends by itself."""
    if book.market.phase is Phase.HALT and book.instrument.volatility_call_ms:
        return Phase.VOLATILITY_AUCTION
    return AFTER.get(book.market.phase, Phase.CONTINUOUS)


def schedule_after(calendar: TradingCalendar, book: OrderBook, after_ms: int) -> ScheduleChanged:
    """The calendar's next step for an instrument."""
    step = calendar.next_step(after_ms)
    phase, at_ms = (None, 0) if step is None else step
    return ScheduleChanged(instrument=book.instrument.name, next_phase=phase, next_at_ms=at_ms)


def _extension(book: OrderBook, at: int) -> AuctionExtended | None:
    """Whether a call that is due to end goes on: up to the end that is drawn, and once more where
    its price would leave the static band, or market orders would remain (Xetra market model,
    "market order interruption", "volatility interruption" in auctions)."""
    market, terms = book.market, book.instrument
    name = terms.name
    if terms.random_end_ms and not market.end_drawn and not market.extended:
        delay_ms = random_delay_ms(market.call_seed, terms.random_end_ms)
        if delay_ms:
            return AuctionExtended(
                instrument=name, until_ms=at + delay_ms, reason=ExtensionReason.RANDOM_END
            )
    if not terms.extension_ms or market.extended:
        return None
    price = indication_of(book).price
    reason = None
    if price and terms.static_band_ppm and market.static_reference:
        low, high = band(market.static_reference, terms.static_band_ppm)
        if not low <= price <= high:
            reason = ExtensionReason.PRICE_BAND
    if reason is None and market_orders_would_remain(book):
        reason = ExtensionReason.MARKET_ORDERS
    if reason is None:
        return None
    return AuctionExtended(instrument=name, until_ms=at + terms.extension_ms, reason=reason)


def change_phase(
    state: Exchange,
    book: OrderBook,
    to: Phase,
    reason: PhaseReason,
    at: int,
    until_ms: int = 0,
    schedule: ScheduleChanged | None = None,
) -> list[Event]:
    """From the phase that is into another: the auction that this ends, what it leaves, the change,
    and what expires with the day. `schedule`: what the calendar has next, where its step is taken
    with this."""
    market = book.market
    phase = market.phase
    events: list[Event] = []
    result: Uncross | None = None
    if (to in TRADES and phase is not Phase.CONTINUOUS) or (to is Phase.CLOSED and market.in_call):
        result = Uncross(book)
        if market.in_call or result.quantity:
            events += result.told(phase)
    orders = dict(book.orders) if result is None else result.by_time()
    if to is Phase.CLOSED or result is not None:
        events += _leftovers(book, result, orders)
    price = 0
    if to is Phase.CLOSED or to is Phase.TRADING_AT_LAST:
        price = market.closing_auction_price or book.last_price
        if result is not None and result.quantity:
            price = result.price
    events.append(
        PhaseChanged(
            instrument=book.instrument.name,
            phase=to,
            previous=phase,
            reason=reason,
            until_ms=until_ms,
            next_phase=market.next_phase if schedule is None else schedule.next_phase,
            next_at_ms=market.next_at_ms if schedule is None else schedule.next_at_ms,
            price=price,
        )
    )
    if to is Phase.CLOSED:
        date = state.calendar_of(book).local_date(at)
        events += _expired(book, result, orders, date)
    return events


def _leftovers(
    book: OrderBook, result: Uncross | None, orders: dict[int, Order]
) -> Iterable[Event]:
    """What the end of a call does to orders that were for it alone, or that have no price. Takes
    those that leave out of `orders`, which are by time; one that gets a price goes to the end."""
    name, phase = book.instrument.name, book.market.phase
    for order in list(orders.values()):
        left = order.quantity if result is None else result.left_of(order)
        special = order.special
        if not left or (order.price and special is None):
            continue
        if special is not None and phase in AUCTION_OF.get(special.time_in_force, ()):
            reason = CancelReason.AUCTION_OVER
        elif order.price:
            continue
        elif (
            special is not None
            and special.order_type is OrderType.MARKET_TO_LIMIT
            and result is not None
            and result.quantity
        ):
            orders[order.order_id] = orders.pop(order.order_id)
            yield OrderRepriced(instrument=name, order_id=order.order_id, price=result.price)
            continue
        else:
            reason = CancelReason.NO_LIQUIDITY
        del orders[order.order_id]
        yield OrderCancelled(
            instrument=name, order_id=order.order_id, quantity=left, reason=reason
        )


def _expired(
    book: OrderBook, result: Uncross | None, orders: dict[int, Order], date: int
) -> Iterable[Event]:
    """What ends with the trading day: `orders` are those on the book."""
    for order in (*orders.values(), *book.parked.values()):
        reason = _ends_with_day(order, date)
        left = order.quantity if result is None else result.left_of(order)
        if reason is not None and left:
            yield OrderCancelled(
                instrument=book.instrument.name,
                order_id=order.order_id,
                quantity=left,
                reason=reason,
            )


def _ends_with_day(order: Order, date: int) -> CancelReason | None:
    special = order.special
    if special is None:
        return None
    if special.time_in_force is TimeInForce.AT_THE_CLOSE:
        return CancelReason.AUCTION_OVER
    if special.is_quote or special.time_in_force is TimeInForce.DAY:
        return CancelReason.EXPIRED
    if special.time_in_force is TimeInForce.GOOD_TILL_DATE and special.terms.expires_on <= date:
        return CancelReason.EXPIRED
    return None
