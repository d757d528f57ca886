"""The orders of a trading day that the plain flow has not: for auctions, at the closing price,
icebergs, stops, pegs, hidden and linked orders, orders for a day or to a date, mass quotes.

What they say comes from random bits (`r`) and from where the plain flow's light book has the best
prices; they go to `trading_day`. The light book does not hold them: all end with the day at the
latest, but for those good till a date.
"""

from collections.abc import Sequence
from typing import Any, Final

from processors.markets.exchange.calendar import DAY_MS, TradingCalendar
from processors.markets.exchange.commands import (
    OrderTerms,
    OrderType,
    Phase,
    PlaceOrder,
    Quote,
    Side,
    TimeInForce,
)
from processors.markets.exchange.flow import BUY, SELL, Market
from processors.markets.exchange.terms import Peg

_AUCTION_FORCES: Final = {
    Phase.PRE_OPEN: TimeInForce.AT_THE_OPENING,
    Phase.OPENING_AUCTION: TimeInForce.AT_THE_OPENING,
    Phase.VOLATILITY_AUCTION: TimeInForce.GOOD_FOR_AUCTION,
    Phase.CLOSING_AUCTION: TimeInForce.AT_THE_CLOSE,
}
_LOTS_MAX: Final = 5_000
"""The plain flow's tail is longer; but an order that follows the best price, and does not end,
clears every level that there is."""
_PEGS: Final = (Peg.BEST_BID, Peg.BEST_OFFER, Peg.MIDPOINT, Peg.MIDPOINT)


def auction_order(market: Market, r: int, buys: bool, phase: Phase) -> PlaceOrder:
    """An order that should trade in the auction whose call is on: its limit is some ticks beyond
    the fair price, or it has none. Auctions are where the large ones go."""
    beyond = r >> 4 & 3
    kind = r & 7
    force = _AUCTION_FORCES[phase]
    if kind == 0:
        return _order(market, r, buys, 0, force, order_type=OrderType.MARKET)
    if kind < 3:
        force = TimeInForce.GOOD_FOR_AUCTION
    elif kind == 3:
        force = TimeInForce.DAY
    price = market.fair + 1 + beyond if buys else max(market.fair - beyond, 1)
    order = _order(market, r, buys, price, force)
    order.quantity *= 8
    return order


def last_price_order(market: Market, r: int) -> PlaceOrder:
    """A market order for what the closing price still gives."""
    buys = bool(r >> 3 & 1)
    return _order(market, r, buys, 0, TimeInForce.IMMEDIATE_OR_CANCEL, order_type=OrderType.MARKET)


def other_orders(
    market: Market, r: int, at: int, calendar: TradingCalendar
) -> Sequence[PlaceOrder]:
    """One order, or a pair or a bracket, of the kinds that continuous trading knows."""
    buys = bool(r >> 11 & 1)
    kind = r >> 12 & 15
    behind = market.resting_price(r, buys)
    if kind < 3:
        return [_iceberg(market, r, buys, behind)]
    if kind < 6:
        return [_stop(market, r, buys)]
    if kind == 6:
        peg = OrderTerms(peg=_PEGS[r >> 16 & 3])
        return [_order(market, r, buys, 0, TimeInForce.DAY, terms=peg)]
    if kind == 7:
        hidden = OrderTerms(hidden=True)
        return [_order(market, r, buys, behind, TimeInForce.DAY, terms=hidden)]
    if kind == 8:
        return _one_cancels_other(market, r, buys)
    if kind == 9:
        return _bracket(market, r, buys, behind)
    if kind < 13:
        return [_dated(market, r, buys, behind, at, calendar)]
    if kind == 13:
        force = TimeInForce.AT_THE_CLOSE if r >> 16 & 1 else TimeInForce.GOOD_FOR_AUCTION
        return [_order(market, r, buys, market.fair, force)]
    return [_conditional(market, r, buys, behind)]


def _iceberg(market: Market, r: int, buys: bool, price: int) -> PlaceOrder:
    shown = (1 + (r >> 16 & 3)) * 100 * market.lot_size
    drawn = r >> 18 & 3
    terms = OrderTerms(
        display_quantity=shown,
        display_range=50 * market.lot_size if drawn == 0 else 0,
        reserve=drawn == 1,
    )
    order = _order(market, r, buys, price, TimeInForce.DAY, terms=terms)
    order.quantity = shown * (2 + (r >> 50 & 15))
    return order


def _stop(market: Market, r: int, buys: bool) -> PlaceOrder:
    """Some ticks away from the market; half of them trail it, half have a limit."""
    away = 2 + (r >> 16 & 31)
    trails = r >> 21 & 3
    terms = OrderTerms(
        stop_price=0 if trails < 2 else _ticks(market, _stop_price(market, buys, away)),
        trail_amount=away * market.tick_size if trails == 0 else 0,
        trail_ticks=away if trails == 1 else 0,
    )
    if r >> 23 & 1:
        return _order(
            market, r, buys, 0, TimeInForce.DAY, order_type=OrderType.MARKET, terms=terms
        )
    limit = _stop_price(market, buys, away + 3)
    return _order(market, r, buys, limit, TimeInForce.DAY, terms=terms)


def _one_cancels_other(market: Market, r: int, buys: bool) -> Sequence[PlaceOrder]:
    """To sell: a limit above the market, and a stop below it."""
    away = 4 + (r >> 16 & 15)
    profit = _order(market, r, buys, _stop_price(market, not buys, away), TimeInForce.DAY)
    terms = OrderTerms(
        stop_price=_ticks(market, _stop_price(market, buys, away)),
        linked_order_id=profit.order_id,
    )
    return [profit, _loss(market, r, profit, terms)]


def _bracket(market: Market, r: int, buys: bool, price: int) -> Sequence[PlaceOrder]:
    """An order, and what takes its profit or its loss once it has traded."""
    away = 4 + (r >> 16 & 15)
    parent = _order(market, r, buys, price, TimeInForce.DAY)
    profit = _order(market, r, not buys, _stop_price(market, buys, away), TimeInForce.DAY)
    profit.terms = OrderTerms(parent_order_id=parent.order_id)
    terms = OrderTerms(
        stop_price=_ticks(market, _stop_price(market, not buys, away)),
        parent_order_id=parent.order_id,
        linked_order_id=profit.order_id,
    )
    return [parent, profit, _loss(market, r, profit, terms)]


def _loss(market: Market, r: int, profit: PlaceOrder, terms: OrderTerms) -> PlaceOrder:
    return _order(
        market,
        r,
        profit.side is BUY,
        0,
        TimeInForce.DAY,
        order_type=OrderType.MARKET,
        terms=terms,
    )


def _dated(
    market: Market, r: int, buys: bool, price: int, at: int, calendar: TradingCalendar
) -> PlaceOrder:
    """For the day, to a date, to a time."""
    kind = r >> 16 & 3
    if kind == 0:
        date = calendar.local_date(at + (r >> 18 & 3) * DAY_MS)
        terms = OrderTerms(expires_on=date)
        return _order(market, r, buys, price, TimeInForce.GOOD_TILL_DATE, terms=terms)
    if kind == 1:
        terms = OrderTerms(expires_at_ms=at + 1_000 + (r >> 18 & 0xFFFFF))
        return _order(market, r, buys, price, TimeInForce.GOOD_TILL_TIME, terms=terms)
    return _order(market, r, buys, price, TimeInForce.DAY)


def _conditional(market: Market, r: int, buys: bool, price: int) -> PlaceOrder:
    """Market-to-limit, minimum quantity, all-or-none, post-only at another price."""
    kind = r >> 16 & 3
    takes = market.best_ask if buys else market.best_bid
    if kind == 0:
        return _order(market, r, buys, 0, TimeInForce.DAY, order_type=OrderType.MARKET_TO_LIMIT)
    if kind == 1:
        order = _order(market, r, buys, takes, TimeInForce.DAY)
        lots = order.quantity // market.lot_size
        order.terms = OrderTerms(minimum_quantity=(lots + 1) // 2 * market.lot_size)
        return order
    if kind == 2:
        terms = OrderTerms(all_or_none=True)
        return _order(market, r, buys, price, TimeInForce.DAY, terms=terms)
    order = _order(market, r, buys, takes, TimeInForce.DAY, terms=OrderTerms(reprice=True))
    order.post_only = True
    return order


def quotes(market: Market, r: int, order_ids: Sequence[int]) -> tuple[Quote, ...]:
    """Two levels a side, a few ticks behind the best prices."""
    quantity = (1 + (r >> 9 & 3)) * 100 * market.lot_size
    made = []
    for level in range(2):
        away = 1 + level * 2 + (r >> 11 & 1)
        made.append(
            Quote(
                bid_order_id=order_ids[2 * level],
                offer_order_id=order_ids[2 * level + 1],
                bid_price=_ticks(market, _bid(market) - away),
                bid_quantity=quantity,
                offer_price=_ticks(market, _offer(market) + away),
                offer_quantity=quantity,
            )
        )
    return tuple(made)


def _bid(market: Market) -> int:
    return min(market.best_bid, market.fair) if market.bids else market.fair


def _offer(market: Market) -> int:
    return max(market.best_ask, market.fair + 1) if market.asks else market.fair + 1


def _stop_price(market: Market, buys: bool, away: int) -> int:
    """So many ticks above the market for buys, below it for sells."""
    return _offer(market) + away if buys else max(_bid(market) - away, 1)


def _ticks(market: Market, price: int) -> int:
    return max(price, 1) * market.tick_size


def _order(
    market: Market, r: int, buys: bool, price: int, force: TimeInForce, **more: Any
) -> PlaceOrder:
    """`price` is in ticks, 0 none."""
    side: Side = BUY if buys else SELL
    return PlaceOrder(
        instrument=market.name,
        order_id=next(market.order_ids),
        account_id=1 + (r >> 44 & 63),
        side=side,
        quantity=min(market.draw_quantity(r), _LOTS_MAX * market.lot_size),
        price=price * market.tick_size,
        time_in_force=force,
        **more,
    )
