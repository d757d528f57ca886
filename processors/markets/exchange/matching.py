"""Continuous matching: an order meets the other side of the book, best price and oldest first.

Walks the book, changes nothing in it, and appends what happens to a list of events.

Self-trade prevention goes by the mode of the taker, at every maker of its own account that it
comes to (as at Coinbase, whose four modes these are:
https://docs.cdp.coinbase.com/exchange/concepts/matching-engine):

    cancel newest          the rest of the taker is cancelled; the maker stays
    cancel oldest          the maker is cancelled; the taker goes on
    cancel both            both are cancelled
    decrement and cancel   the smaller is cancelled and its quantity taken off the larger, with no
                           trade; equal ones are both cancelled; a taker that is left goes on
"""

from typing import Final

from processors.markets.exchange.commands import SelfTradePrevention, Side
from processors.markets.exchange.events import (
    CancelReason,
    ExchangeEvent,
    OrderCancelled,
    OrderDecremented,
    OrderTraded,
)
from processors.markets.exchange.order_book import BUY, BookSide, Order, OrderBook

NO_PREVENTION: Final = SelfTradePrevention.NONE
SELF_TRADE: Final = CancelReason.SELF_TRADE


def match(
    book: OrderBook,
    order_id: int,
    account_id: int,
    side: Side,
    quantity: int,
    self_trade_prevention: SelfTradePrevention,
    worst_rank: int,
    events: list[ExchangeEvent],
) -> int:
    """Let a taker, which is not in the book, trade with levels of `worst_rank` and better.

    Returns the quantity that is left of it: 0 too where self-trade prevention cancelled it.
    """
    instrument = book.instrument.name
    left = quantity
    prevents = self_trade_prevention is not NO_PREVENTION
    makers = book.asks if side is BUY else book.bids
    level = makers.best
    while level is not None and level.rank >= worst_rank:
        price = level.price
        maker = level.first
        while maker is not None:
            if prevents and maker.account_id == account_id:
                left = _prevent_self_trade(
                    instrument, self_trade_prevention, order_id, left, maker, events
                )
            else:
                quantity = maker.quantity
                if quantity > left:
                    quantity = left
                left -= quantity
                events.append(
                    OrderTraded(
                        instrument=instrument,
                        taker_order_id=order_id,
                        maker_order_id=maker.order_id,
                        taker_account_id=account_id,
                        maker_account_id=maker.account_id,
                        taker_side=side,
                        price=price,
                        quantity=quantity,
                    )
                )
            if not left:
                return 0
            maker = maker.behind
        level = makers.next_worse(level)
    return left


def _prevent_self_trade(
    instrument: str,
    mode: SelfTradePrevention,
    taker_id: int,
    left: int,
    maker: Order,
    events: list[ExchangeEvent],
) -> int:
    """The taker has come to a maker of its own account; returns what is left of the taker."""
    if mode is SelfTradePrevention.CANCEL_NEWEST:
        events.append(_cancelled(instrument, taker_id, left))
        return 0
    if mode is SelfTradePrevention.CANCEL_OLDEST:
        events.append(_cancelled(instrument, maker.order_id, maker.quantity))
        return left
    if mode is SelfTradePrevention.CANCEL_BOTH:
        events.append(_cancelled(instrument, maker.order_id, maker.quantity))
        events.append(_cancelled(instrument, taker_id, left))
        return 0
    smaller = min(left, maker.quantity)
    for order_id, quantity in ((maker.order_id, maker.quantity), (taker_id, left)):
        if quantity == smaller:
            events.append(_cancelled(instrument, order_id, quantity))
        else:
            events.append(
                OrderDecremented(instrument=instrument, order_id=order_id, quantity=smaller)
            )
    return left - smaller


def _cancelled(instrument: str, order_id: int, quantity: int) -> OrderCancelled:
    return OrderCancelled(
        instrument=instrument, order_id=order_id, quantity=quantity, reason=SELF_TRADE
    )


def quantity_within(makers: BookSide, worst_rank: int, enough: int) -> int:
    """The quantity at the levels of `worst_rank` and better, counted until there is `enough`."""
    quantity = 0
    level = makers.best
    while level is not None and level.rank >= worst_rank and quantity < enough:
        quantity += level.quantity
        level = makers.next_worse(level)
    return quantity
