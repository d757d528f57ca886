"""The naive exchange's phases: from one to the next, with the auction that is held on the way, by
the timetable, by the operator or because the time is over.
"""

from dataclasses import dataclass, field
from typing import Any

from processors.markets.exchange.commands import OrderType, Phase, TimeInForce
from processors.markets.exchange.draws import mix64
from processors.markets.exchange.events import (
    AuctionEnded,
    AuctionExtended,
    CancelReason,
    ExtensionReason,
    OrderCancelled,
    OrderRefilled,
    OrderRepriced,
    PhaseChanged,
    PhaseReason,
    ScheduleChanged,
)
from tests.processors.markets.exchange import naive_calendar
from tests.processors.markets.exchange import naive_market as nm
from tests.processors.markets.exchange.naive_auction import (
    auction_trades,
    market_orders_remain,
    outcome,
)
from tests.processors.markets.exchange.naive_effects import happen, happen_in
from tests.processors.markets.exchange.naive_market import (
    CALL_PHASES,
    TRADING_PHASES,
    NaiveMarket,
    NaiveOrder,
)
from tests.processors.markets.exchange.naive_matching import bands
from tests.processors.markets.exchange.naive_state import NaiveState


@dataclass
class Telling:
    """One decision at work: each event is told, and has its effect at once."""

    state: NaiveState
    at: int
    events: list[Any] = field(default_factory=list)

    def tell(self, event: Any) -> None:
        self.events.append(event)
        happen(self.state, event)

    def tell_of(self, market: NaiveMarket, *events: Any) -> None:
        for event in events:
            self.events.append(event)
            happen_in(self.state, market, event)

    def cancel(self, market: NaiveMarket, orders: list[NaiveOrder], reason: CancelReason) -> None:
        for order in orders:
            self.tell_of(
                market,
                OrderCancelled(
                    instrument=market.name,
                    order_id=order.order_id,
                    quantity=order.quantity,
                    reason=reason,
                ),
            )


def change_phase(
    telling: Telling,
    market: NaiveMarket,
    phase: Phase,
    reason: PhaseReason,
    until_ms: int = 0,
    price: int = 0,
    later: tuple[Phase | None, int] | None = None,
) -> None:
    """`price` is that of a breach; `later` the timetable's next step, where one was just taken."""
    previous = market.phase
    price_of_auction = 0
    opens = phase in TRADING_PHASES and previous is not Phase.CONTINUOUS
    if opens or (phase is Phase.CLOSED and previous in CALL_PHASES):
        price_of_auction = uncross(telling, market)
    if opens or phase is Phase.CLOSED:
        clear_after_auction(telling, market, price_of_auction)
    if phase in (Phase.TRADING_AT_LAST, Phase.CLOSED):
        price = price_of_auction or market.closing_auction_price or market.last_price
    next_phase, next_at_ms = later or (market.next_phase, market.next_at_ms)
    telling.tell_of(
        market,
        PhaseChanged(
            instrument=market.name,
            phase=phase,
            previous=previous,
            reason=reason,
            until_ms=until_ms,
            next_phase=next_phase,
            next_at_ms=next_at_ms,
            price=price,
        ),
    )
    if phase is Phase.CLOSED:
        expire_at_close(telling, market)


def uncross(telling: Telling, market: NaiveMarket) -> int:
    """Hold the auction; returns its price, 0 where nothing traded."""
    result = outcome(market)
    trades = auction_trades(telling.state, market, result)
    if result.quantity or market.phase in CALL_PHASES:
        telling.tell_of(
            market,
            AuctionEnded(
                instrument=market.name,
                phase=market.phase,
                price=result.price,
                quantity=result.quantity,
                surplus=result.surplus,
                surplus_side=result.surplus_side,
            ),
        )
    telling.tell_of(market, *trades)
    refill_after_auction(telling, market, trades)
    return result.price


def refill_after_auction(telling: Telling, market: NaiveMarket, trades: list[Any]) -> None:
    """Icebergs and reserve orders that show nothing any more show their next part: the buyers'
    first, as they traded."""
    met = [trade.buy_order_id for trade in trades] + [trade.sell_order_id for trade in trades]
    for order_id in dict.fromkeys(met):
        order = market.order(order_id)
        if order is not None and order.terms.display_quantity and not order.shown:
            lot, terms = market.listing.lot_size, order.terms
            size = nm.part_shown(order_id, order.part + 1, terms, lot)
            shown = min(order.quantity, size)
            telling.tell_of(
                market,
                OrderRefilled(instrument=market.name, order_id=order_id, displayed=shown),
            )


def clear_after_auction(telling: Telling, market: NaiveMarket, price: int) -> None:
    """Orders for this auction alone, and those without a price, do not stay."""
    held = market.phase if market.phase in CALL_PHASES else None
    for order in market.on_book():
        if held in nm.AUCTIONS_OF.get(order.time_in_force, ()):
            telling.cancel(market, [order], CancelReason.AUCTION_OVER)
        elif order.book_price:
            continue
        elif order.order_type is OrderType.MARKET_TO_LIMIT and price:
            telling.tell_of(
                market,
                OrderRepriced(instrument=market.name, order_id=order.order_id, price=price),
            )
        else:
            telling.cancel(market, [order], CancelReason.NO_LIQUIDITY)


def expire_at_close(telling: Telling, market: NaiveMarket) -> None:
    calendar = telling.state.calendars.get(market.listing.calendar)
    today = naive_calendar.number_of(naive_calendar.local_date(calendar, telling.at))
    for order in market.oldest_first():
        ends_today = 0 < order.terms.expires_on <= today
        if order.is_quote or order.time_in_force is TimeInForce.DAY or ends_today:
            telling.cancel(market, [order], CancelReason.EXPIRED)
        elif order.time_in_force is TimeInForce.AT_THE_CLOSE:
            telling.cancel(market, [order], CancelReason.AUCTION_OVER)


# By itself, when it is due.


def due_times(market: NaiveMarket) -> list[int]:
    """When the timetable's step is due, and when the phase ends by itself; 0: never."""
    timetable = market.next_at_ms if market.next_phase else 0
    if timetable and market.is_extended:
        timetable = max(timetable, market.until_ms)
    return [timetable, market.until_ms]


def take_timetable_step(telling: Telling, market: NaiveMarket) -> None:
    phase = market.next_phase
    assert phase is not None
    calendar = telling.state.calendars[market.listing.calendar]
    later = naive_calendar.next_step(calendar, market.next_at_ms)
    stays_halted = market.phase is Phase.HALT and phase not in (Phase.PRE_OPEN, Phase.CLOSED)
    if stays_halted or market.phase is phase:
        telling.tell_of(
            market,
            ScheduleChanged(instrument=market.name, next_phase=later[0], next_at_ms=later[1]),
        )
        return
    if market.phase in CALL_PHASES and phase not in CALL_PHASES and extend(telling, market):
        return
    change_phase(telling, market, phase, PhaseReason.TIMETABLE, later=later)


def end_phase(telling: Telling, market: NaiveMarket) -> None:
    """`until_ms` has come."""
    if market.phase is Phase.HALT:
        length_ms = market.listing.volatility_call_ms
        phase = Phase.VOLATILITY_AUCTION if length_ms else Phase.CONTINUOUS
        until_ms = telling.at + length_ms if length_ms else 0
        change_phase(telling, market, phase, PhaseReason.RESUMED, until_ms)
    elif not extend(telling, market):
        closes = market.phase is Phase.CLOSING_AUCTION
        phase = Phase.CLOSED if closes else Phase.CONTINUOUS
        change_phase(telling, market, phase, PhaseReason.RESUMED)


def extend(telling: Telling, market: NaiveMarket) -> bool:
    """Whether the call that is due to end goes on for a while."""
    listing, now = market.listing, telling.at
    if not market.random_end_is_over:
        market.random_end_is_over = True
        delay_ms = mix64(market.call_seed) % (listing.random_end_ms + 1)
        if delay_ms:
            tell_extended(telling, market, now + delay_ms, ExtensionReason.RANDOM_END)
            return True
    if market.was_extended or not listing.extension_ms:
        return False
    until_ms, result = now + listing.extension_ms, outcome(market)
    static, _dynamic = bands(market)
    if result.price and nm.is_outside(result.price, static):
        tell_extended(telling, market, until_ms, ExtensionReason.PRICE_BAND)
        return True
    if market_orders_remain(market, result):
        tell_extended(telling, market, until_ms, ExtensionReason.MARKET_ORDERS)
        return True
    return False


def tell_extended(
    telling: Telling, market: NaiveMarket, until_ms: int, reason: ExtensionReason
) -> None:
    telling.tell_of(
        market, AuctionExtended(instrument=market.name, until_ms=until_ms, reason=reason)
    )
