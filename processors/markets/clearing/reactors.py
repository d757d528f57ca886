"""Between clearing and the exchange: what is reserved goes there, what happens there comes back.

    order_reserved, cancel_requested, replacement_reserved ─► to_exchange ─► markets.exchange
    order_traded, order_cancelled, order_rejected, ... ─► from_exchange ─► markets.clearing

An order that is accepted, rests, is shown or moves in its queue changes nothing on an account, so
no word of it comes back. Orders that did not come through clearing, whose id does not name their
account, pass by where the exchange tells whose they are; of those events that tell an order alone,
only ids that can be clearing's count.
"""

from collections.abc import Iterator
from typing import Any, Final

from processors.core.reactor import Reactor
from processors.markets import exchange
from processors.markets.clearing.commands import (
    AdjustTrade,
    AmendOrder,
    CloseOrder,
    RecordFill,
    ReduceOrder,
    RefuseOrder,
    SplitInstrument,
)
from processors.markets.clearing.events import (
    CancelRequested,
    OrderReserved,
    ReplacementReserved,
)
from processors.markets.clearing.order_ids import ACCOUNT_SHIFT
from processors.markets.exchange.commands import (
    BustTrade,
    CancelOrder,
    ChangePhase,
    ListInstrument,
    OrderType,
    Phase,
    PlaceOrder,
    ReplaceOrder,
    SelfTradePrevention,
    SetFees,
    Side,
    TimeInForce,
)
from processors.markets.exchange.commands import SplitInstrument as SplitOnExchange
from processors.markets.exchange.events import (
    AuctionTraded,
    FeeTier,
    InstrumentSplit,
    OrderActivated,
    OrderAdjusted,
    OrderCancelled,
    OrderDecremented,
    OrderRejected,
    OrderReplaced,
    OrderTraded,
    TradeBusted,
    TradeCorrected,
)

Commands = tuple[Any, ...]
EXCHANGE: Final = exchange.SYSTEM
BUY: Final = Side.BUY
LIMIT: Final = OrderType.LIMIT
NO_PREVENTION: Final = SelfTradePrevention.NONE
GOOD_TILL_CANCELLED: Final = TimeInForce.GOOD_TILL_CANCELLED


def place(event: OrderReserved, at: int) -> Commands:
    """A market buy is a limit order at its cap, which never rests: no more can be spent."""
    order = PlaceOrder(
        instrument=event.instrument,
        order_id=event.order_id,
        account_id=event.order_id >> ACCOUNT_SHIFT,
        side=event.side,
        quantity=event.quantity,
        price=event.price,
    )
    if event.order_type is not LIMIT:
        order.order_type = event.order_type
        if event.side is BUY:
            order.order_type = LIMIT
            if event.time_in_force is GOOD_TILL_CANCELLED:
                order.time_in_force = TimeInForce.IMMEDIATE_OR_CANCEL
    if event.time_in_force is not GOOD_TILL_CANCELLED:
        order.time_in_force = event.time_in_force
    if event.post_only:
        order.post_only = True
    if event.self_trade_prevention is not NO_PREVENTION:
        order.self_trade_prevention = event.self_trade_prevention
    if event.terms is not None:
        order.terms = event.terms
    return (order,)


def cancel(event: CancelRequested, at: int) -> Commands:
    """In nobody's name, as clearing has seen whose it is: so a cancel that comes too late, whose
    rejection changes nothing, is told from a place or a replacement that is rejected."""
    return (CancelOrder(instrument=event.instrument, order_id=event.order_id),)


def replace(event: ReplacementReserved, at: int) -> Commands:
    return (
        ReplaceOrder(
            instrument=event.instrument,
            order_id=event.order_id,
            price=event.price,
            quantity=event.quantity,
            account_id=event.order_id >> ACCOUNT_SHIFT,
        ),
    )


def traded(event: OrderTraded, at: int) -> Iterator[Any]:
    """Both sides, each to its account."""
    order_id = event.taker_order_id
    if order_id >> ACCOUNT_SHIFT == event.taker_account_id:
        yield _fill(event, order_id, event.taker_fee)
    order_id = event.maker_order_id
    if order_id >> ACCOUNT_SHIFT == event.maker_account_id:
        yield _fill(event, order_id, event.maker_fee)


def auction_traded(event: AuctionTraded, at: int) -> Iterator[Any]:
    order_id = event.buy_order_id
    if order_id >> ACCOUNT_SHIFT == event.buy_account_id:
        yield _fill(event, order_id, event.buy_fee)
    order_id = event.sell_order_id
    if order_id >> ACCOUNT_SHIFT == event.sell_account_id:
        yield _fill(event, order_id, event.sell_fee)


def _fill(event: OrderTraded | AuctionTraded, order_id: int, fee: int) -> RecordFill:
    fill = RecordFill(
        instrument=event.instrument,
        order_id=order_id,
        price=event.price,
        quantity=event.quantity,
        trade_id=event.trade_id,
    )
    if fee:
        fill.fee = fee
    return fill


def cancelled(event: OrderCancelled, at: int) -> Commands:
    if not event.order_id >> ACCOUNT_SHIFT:
        return ()
    return (
        CloseOrder(
            instrument=event.instrument, order_id=event.order_id, reason=event.reason.value
        ),
    )


def rejected(event: OrderRejected, at: int) -> Commands:
    if not event.account_id or event.order_id >> ACCOUNT_SHIFT != event.account_id:
        return ()
    return (
        RefuseOrder(instrument=event.instrument, order_id=event.order_id, code=event.code.value),
    )


def decremented(event: OrderDecremented, at: int) -> Commands:
    if not event.order_id >> ACCOUNT_SHIFT:
        return ()
    return (
        ReduceOrder(instrument=event.instrument, order_id=event.order_id, quantity=event.quantity),
    )


def replaced(event: OrderReplaced, at: int) -> Commands:
    if not event.order_id >> ACCOUNT_SHIFT:
        return ()
    return (
        AmendOrder(
            instrument=event.instrument,
            order_id=event.order_id,
            quantity=event.quantity,
            price=event.price,
            replaces=True,
        ),
    )


def adjusted(event: OrderAdjusted, at: int) -> Commands:
    if not event.order_id >> ACCOUNT_SHIFT:
        return ()
    return (
        AmendOrder(
            instrument=event.instrument,
            order_id=event.order_id,
            quantity=event.quantity,
            price=event.price,
        ),
    )


def activated(event: OrderActivated, at: int) -> Commands:
    """Its parent has traded less than the order was for: it is as large as that."""
    if not event.order_id >> ACCOUNT_SHIFT:
        return ()
    return (
        AmendOrder(instrument=event.instrument, order_id=event.order_id, quantity=event.quantity),
    )


def split(event: InstrumentSplit, at: int) -> Commands:
    return (
        SplitInstrument(
            instrument=event.instrument,
            numerator=event.numerator,
            denominator=event.denominator,
        ),
    )


def busted(event: TradeBusted, at: int) -> Iterator[Any]:
    return _adjusted(
        event,
        -event.quantity,
        -event.price * event.quantity,
        -event.buy_fee,
        -event.sell_fee,
    )


def corrected(event: TradeCorrected, at: int) -> Iterator[Any]:
    return _adjusted(
        event,
        event.quantity - event.previous_quantity,
        event.price * event.quantity - event.previous_price * event.previous_quantity,
        event.buy_fee - event.previous_buy_fee,
        event.sell_fee - event.previous_sell_fee,
    )


def _adjusted(
    event: TradeBusted | TradeCorrected, quantity: int, notional: int, buy_fee: int, sell_fee: int
) -> Iterator[Any]:
    """So many more shares were traded, for so much more."""
    for order_id, account_id, sign, fee in (
        (event.buy_order_id, event.buy_account_id, 1, buy_fee),
        (event.sell_order_id, event.sell_account_id, -1, sell_fee),
    ):
        if order_id >> ACCOUNT_SHIFT == account_id:
            yield AdjustTrade(
                instrument=event.instrument,
                order_id=order_id,
                trade_id=event.trade_id,
                quantity=sign * quantity,
                notional=-sign * notional,
                fee=fee,
            )


def listing(instrument: str, tick_size: int, maker_ppm: int, taker_ppm: int) -> Commands:
    """What the exchange's operator says so that an instrument trades, for flows of both."""
    fees = FeeTier(maker_ppm=maker_ppm, taker_ppm=taker_ppm, auction_ppm=taker_ppm)
    return (
        ListInstrument(instrument=instrument, tick_size=tick_size),
        SetFees(instrument=instrument, tiers=(fees,)),
    )


def split_on_exchange(instrument: str, numerator: int, denominator: int) -> Commands:
    """A halt, the split, and on: likewise for flows."""
    return (
        ChangePhase(instrument=instrument, phase=Phase.HALT),
        SplitOnExchange(instrument=instrument, numerator=numerator, denominator=denominator),
        ChangePhase(instrument=instrument, phase=Phase.CONTINUOUS),
    )


def bust(instrument: str, trade_id: int) -> Commands:
    """The exchange's operator takes a trade back: likewise for flows."""
    return (BustTrade(instrument=instrument, trade_id=trade_id),)


REACTORS: Final = (
    Reactor(
        name="to_exchange",
        target=EXCHANGE,
        on={OrderReserved: place, CancelRequested: cancel, ReplacementReserved: replace},
    ),
    Reactor(
        name="from_exchange",
        source=EXCHANGE,
        on={
            OrderTraded: traded,
            AuctionTraded: auction_traded,
            OrderCancelled: cancelled,
            OrderRejected: rejected,
            OrderDecremented: decremented,
            OrderReplaced: replaced,
            OrderAdjusted: adjusted,
            OrderActivated: activated,
            InstrumentSplit: split,
            TradeBusted: busted,
            TradeCorrected: corrected,
        },
    ),
)
