"""The naive exchange's continuous matching: what a taker would meet, told as events; changes
nothing.
"""

from dataclasses import dataclass, field
from typing import Any

from processors.markets.exchange.commands import Phase, SelfTradePrevention, Side
from processors.markets.exchange.events import (
    CancelReason,
    OrderCancelled,
    OrderDecremented,
    OrderRefilled,
    OrderTraded,
    PhaseReason,
)
from tests.processors.markets.exchange import naive_market as nm
from tests.processors.markets.exchange.naive_market import NaiveMarket, NaiveOrder
from tests.processors.markets.exchange.naive_state import NaiveState


@dataclass
class Meeting:
    """A taker on its way through the book, with copies of all that changes on the way."""

    state: NaiveState
    market: NaiveMarket
    taker: NaiveOrder
    left: int
    open: dict[NaiveOrder, int] = field(default_factory=dict)
    shown: dict[NaiveOrder, int] = field(default_factory=dict)
    part: dict[NaiveOrder, int] = field(default_factory=dict)
    events: list[Any] = field(default_factory=list)
    traded: int = 0
    breach: int = 0
    """The best price opposite that it reaches and may not trade at."""
    breach_reason: PhaseReason = PhaseReason.STATIC_BAND


def meet(state: NaiveState, market: NaiveMarket, taker: NaiveOrder) -> Meeting:
    meeting = Meeting(state, market, taker, taker.quantity)
    levels: dict[int, list[NaiveOrder]] = {}
    for maker in market.on_book(nm.opposite(taker.side)):
        if maker.book_price and nm.reaches(taker.side, taker.book_price, maker.book_price):
            levels.setdefault(maker.book_price, []).append(maker)
            meeting.open[maker], meeting.shown[maker] = maker.quantity, maker.shown
            meeting.part[maker] = maker.part
    static, dynamic = bands(market)
    for price in sorted(levels, reverse=taker.side is Side.SELL):
        if not meeting.left:
            break
        if market.phase is Phase.TRADING_AT_LAST:
            if price == market.closing_price:
                meet_level(meeting, levels[price])
        elif nm.is_outside(price, static) or nm.is_outside(price, dynamic):
            meeting.breach = price
            if nm.is_outside(price, dynamic):
                meeting.breach_reason = PhaseReason.DYNAMIC_BAND
            break
        else:
            meet_level(meeting, levels[price])
    return meeting


def bands(market: NaiveMarket) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """The static and the dynamic one, where they hold."""
    listing = market.listing
    last = market.last_price or market.reference_price
    return (
        nm.band(market.static_reference, listing.static_band_ppm),
        nm.band(last, listing.dynamic_band_ppm),
    )


def meet_level(meeting: Meeting, makers: list[NaiveOrder]) -> None:
    """All at one price: what is displayed, what is dark; then reserve orders show again."""
    displayed = [maker for maker in makers if maker.shown]
    displayed.sort(key=lambda maker: maker.queued)
    ran_out: list[NaiveOrder] = []
    while displayed and meeting.left:
        maker = displayed.pop(0)
        if prevent(meeting, maker):
            continue
        trade(meeting, maker, min(meeting.left, meeting.shown[maker]))
        if meeting.open[maker] and not meeting.shown[maker]:
            if maker.terms.reserve:
                ran_out.append(maker)
            else:
                refill(meeting, maker)
                displayed.append(maker)
    dark = [maker for maker in makers if maker.is_dark or maker.terms.reserve]
    for maker in sorted(dark, key=lambda maker: maker.placed):
        too_much = maker.terms.all_or_none and meeting.left < meeting.open[maker]
        if meeting.left and meeting.open[maker] and not too_much and not prevent(meeting, maker):
            trade(meeting, maker, min(meeting.left, meeting.open[maker]))
    for maker in ran_out:
        if meeting.open[maker]:
            refill(meeting, maker)


def refill(meeting: Meeting, maker: NaiveOrder) -> None:
    size = maker.terms.display_quantity
    meeting.part[maker] += 1
    if not maker.terms.reserve:
        lot = meeting.market.listing.lot_size
        size = nm.part_shown(maker.order_id, meeting.part[maker], maker.terms, lot)
    meeting.shown[maker] = min(meeting.open[maker], size)
    meeting.events.append(
        OrderRefilled(
            instrument=meeting.market.name,
            order_id=maker.order_id,
            displayed=meeting.shown[maker],
        )
    )


def trade(meeting: Meeting, maker: NaiveOrder, quantity: int) -> None:
    market, taker = meeting.market, meeting.taker
    meeting.left -= quantity
    meeting.traded += quantity
    meeting.open[maker] -= quantity
    meeting.shown[maker] = max(0, meeting.shown[maker] - quantity)
    tiers = meeting.state.fees_of(market)
    taker_ppm = nm.fee_rates(tiers, market.notionals.get(taker.account_id, 0)).taker_ppm
    maker_ppm = nm.fee_rates(tiers, market.notionals.get(maker.account_id, 0)).maker_ppm
    number = sum(isinstance(event, OrderTraded) for event in meeting.events) + 1
    trade_id = market.trade_count + number
    meeting.events.append(
        OrderTraded(
            instrument=market.name,
            taker_order_id=taker.order_id,
            maker_order_id=maker.order_id,
            taker_account_id=taker.account_id,
            maker_account_id=maker.account_id,
            taker_side=taker.side,
            price=maker.book_price,
            quantity=quantity,
            trade_id=trade_id,
            taker_fee=nm.fee(maker.book_price, quantity, taker_ppm),
            maker_fee=nm.fee(maker.book_price, quantity, maker_ppm),
        )
    )


def prevent(meeting: Meeting, maker: NaiveOrder) -> bool:
    """Whether the two may not trade; if so, by the taker's mode, one or both are cancelled or
    made smaller."""
    taker, mode, left = meeting.taker, meeting.taker.prevention, meeting.left
    same_group = taker.group_id and taker.group_id == maker.group_id
    if mode is SelfTradePrevention.NONE or not (
        same_group or taker.account_id == maker.account_id
    ):
        return False
    quantity = meeting.open[maker]
    if mode is SelfTradePrevention.CANCEL_NEWEST:
        taken = 0, left
    elif mode is SelfTradePrevention.CANCEL_OLDEST:
        taken = quantity, 0
    elif mode is SelfTradePrevention.CANCEL_BOTH:
        taken = quantity, left
    else:
        taken = min(quantity, left), min(quantity, left)
    for order, before, gone in ((maker, quantity, taken[0]), (taker, left, taken[1])):
        if gone == before:
            meeting.events.append(
                OrderCancelled(
                    instrument=meeting.market.name,
                    order_id=order.order_id,
                    quantity=gone,
                    reason=CancelReason.SELF_TRADE,
                )
            )
        elif gone:
            meeting.events.append(
                OrderDecremented(
                    instrument=meeting.market.name, order_id=order.order_id, quantity=gone
                )
            )
    meeting.left -= taken[1]
    meeting.open[maker] -= taken[0]
    meeting.shown[maker] = min(meeting.shown[maker], meeting.open[maker])
    return True
