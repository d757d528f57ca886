"""The exchange's rules: `initial`, `decide`, `evolve`, `next_due`, and the state's form.

                        ┌─► short way: a plain order in continuous trading ─► matching
    decide ── command ──┼─► placing, changing ──► trading ─► matching
       │                └─► listing, supervision ─► phases ─► call_auction ─► auction
       └──── tick ────────► followups; expiries; phases that are due
    evolve ── event ──────► order_facts, market_facts ─► order_book, market

A command goes through three rooms: may it be (`admission`, `conditions`, `guard`)? What does its
kind do? Whom does it meet? What its events set off is noted in the state, and decided next, as a
timer that is due at once: see `followups`.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from log.envelope import Event
from processors.core.decider import Decider, StateFormat
from processors.core.messages import Tick
from processors.markets.exchange import changing, listing, splits, supervision
from processors.markets.exchange.admission import (
    check_order,
    check_replacement,
    reject,
    reject_listed,
    reject_not_owner,
    reject_unknown,
    reject_unlisted,
    reject_would_take,
)
from processors.markets.exchange.commands import (
    BustTrade,
    CancelOrder,
    ChangePhase,
    ChangeSymbol,
    CorrectTrade,
    DelistInstrument,
    ListInstrument,
    MassCancel,
    MassQuote,
    PlaceOrder,
    ReplaceOrder,
    SetReferencePrice,
    SplitInstrument,
)
from processors.markets.exchange.conditions import NEVER_RESTS
from processors.markets.exchange.events import (
    AuctionTraded,
    CancelReason,
    OrderAccepted,
    OrderActivated,
    OrderAdjusted,
    OrderCancelled,
    OrderDecremented,
    OrderEntered,
    OrderParked,
    OrderRefilled,
    OrderRejected,
    OrderReplaced,
    OrderRepriced,
    OrderTraded,
    RejectCode,
)
from processors.markets.exchange.followups import followup, has_followup
from processors.markets.exchange.market_facts import MARKET_FACTS
from processors.markets.exchange.matching import match
from processors.markets.exchange.order_book import BUY, OrderBook
from processors.markets.exchange.order_facts import (
    accepted,
    activated,
    adjusted,
    auction_traded,
    cancelled,
    decremented,
    entered,
    parked,
    refilled,
    replaced,
    repriced,
    traded,
)
from processors.markets.exchange.phases import phase_due
from processors.markets.exchange.placing import place
from processors.markets.exchange.state import EXPIRY, Exchange
from processors.markets.exchange.state_rows import StateRow, from_rows, to_rows
from processors.markets.exchange.supervision import SUPERVISION
from processors.markets.exchange.terms import OrderType, SelfTradePrevention, TimeInForce
from processors.markets.exchange.trading import meet_as_accepted

LIMIT: Final = OrderType.LIMIT
GOOD_TILL_CANCELLED: Final = TimeInForce.GOOD_TILL_CANCELLED
FILL_OR_KILL: Final = TimeInForce.FILL_OR_KILL
NO_PREVENTION: Final = SelfTradePrevention.NONE
NOTHING: Final[Sequence[Event]] = ()
MARKET_TO_LIMIT: Final = OrderType.MARKET_TO_LIMIT
UNFILLED: Final = CancelReason.IMMEDIATE_OR_CANCEL
NO_LIQUIDITY: Final = CancelReason.NO_LIQUIDITY
AT_ONCE: Final = 0
FOR_ALL: Final = (MassCancel, ChangePhase)
"""What may name no instrument, and is for all of them then."""
EXPIRED: Final = CancelReason.EXPIRED


def initial() -> Exchange:
    return Exchange()


def next_due(state: Exchange) -> int | None:
    """When the earliest timer fires: at once, where something is to follow what happened."""
    if state.touched and has_followup(state):
        return AT_ONCE
    return state.timer_due


def decide(state: Exchange, command: Any, at: int) -> Sequence[Event]:
    """What the command leads to."""
    kind = type(command)
    if kind is PlaceOrder:
        return _place(state, command, at)
    if kind is CancelOrder:
        return _cancel(state, command)
    if kind is ReplaceOrder:
        return _replace(state, command, at)
    if kind is Tick:
        return _tick(state, at)
    supervise = SUPERVISION.get(kind)
    if supervise is not None:
        name = getattr(command, "instrument", "")
        if name and name not in state.books:
            return (reject_unlisted(name, 0, getattr(command, "account_id", 0)),)
        return supervise(state, command, at)
    return _decide_for_instruments(state, command, at)


def _place(state: Exchange, command: PlaceOrder, at: int) -> Sequence[Event]:
    instrument = command.instrument
    order_id = command.order_id
    account_id = command.account_id
    book = state.books.get(instrument)
    if book is None:
        return (reject_unlisted(instrument, order_id, account_id),)
    time_in_force = command.time_in_force
    order_type = command.order_type
    if (
        not book.continuous
        or command.terms is not None
        or order_type is MARKET_TO_LIMIT
        or (time_in_force is not GOOD_TILL_CANCELLED and time_in_force not in NEVER_RESTS)
    ):
        return place(state, book, command, at)

    # The short way: what `place` does for a plain order in continuous trading.
    quantity = command.quantity
    price = command.price
    post_only = command.post_only
    rejected = check_order(book, command, order_id, quantity, price, order_type, post_only)
    if rejected is not None:
        return (rejected,)
    side = command.side
    # What is as a rule at its default is set beside: a keyword costs as much as the field's check.
    order = OrderAccepted(
        instrument=instrument,
        order_id=order_id,
        account_id=account_id,
        side=side,
        quantity=quantity,
        price=price,
    )
    if order_type is not LIMIT:
        order.order_type = order_type
    if time_in_force is not GOOD_TILL_CANCELLED:
        order.time_in_force = time_in_force
    if post_only:
        order.post_only = True
    prevention = command.self_trade_prevention
    if prevention is not NO_PREVENTION:
        order.self_trade_prevention = prevention
    if book.looked_after or command.session_id:
        rejected = _look_after(state, book, command, order, at)
        if rejected is not None:
            return (rejected,)
    makers = book.asks if side is BUY else book.bids
    best = makers.best
    worst_rank = price ^ makers.flip if order_type is LIMIT else 0
    if best is not None and best.rank >= worst_rank:
        if post_only:
            return (reject_would_take(instrument, price, best.price, order_id, account_id),)
    elif time_in_force is GOOD_TILL_CANCELLED and order_type is LIMIT:
        return (order,)
    return _take(book, order, worst_rank, at)


def _look_after(
    state: Exchange, book: OrderBook, command: PlaceOrder, order: OrderAccepted, at: int
) -> OrderRejected | None:
    """The checks of who sends a plain order, and what its account adds to it."""
    guard, account_id = state.guard, command.account_id
    fault = guard.check_new_order(book, command, at)
    if fault is not None:
        return reject(command.instrument, *fault, command.order_id, account_id)
    order.session_id = command.session_id
    order.group_id = guard.group_of(account_id)
    order.at_ms = guard.counts_rate_at(book, account_id, at)
    return None


def _take(book: OrderBook, order: OrderAccepted, worst_rank: int, at: int) -> Sequence[Event]:
    """A plain order that trades, or must not rest."""
    time_in_force = order.time_in_force
    if not book.fast or time_in_force is FILL_OR_KILL:
        return [order, *meet_as_accepted(book, order, at)]
    order_id, account_id = order.order_id, order.account_id
    owner = -order.group_id if order.group_id else account_id
    side, quantity, prevention = order.side, order.quantity, order.self_trade_prevention
    events: list[Event] = [order]
    left = match(book, order_id, account_id, owner, side, quantity, prevention, worst_rank, events)
    if left and (order.order_type is not LIMIT or time_in_force is not GOOD_TILL_CANCELLED):
        reason = UNFILLED if order.order_type is LIMIT else NO_LIQUIDITY
        events.append(
            OrderCancelled(
                instrument=order.instrument, order_id=order_id, quantity=left, reason=reason
            )
        )
    return events


def _cancel(state: Exchange, command: CancelOrder) -> Sequence[Event]:
    instrument = command.instrument
    order_id = command.order_id
    account_id = command.account_id
    book = state.books.get(instrument)
    if book is None:
        return (reject_unlisted(instrument, order_id, account_id),)
    order = book.orders.get(order_id) or book.parked.get(order_id)
    if order is None:
        return (reject_unknown(instrument, order_id, account_id),)
    if account_id and account_id != order.account_id:
        return (reject_not_owner(instrument, order_id, account_id),)
    return (OrderCancelled(instrument=instrument, order_id=order_id, quantity=order.quantity),)


def _replace(state: Exchange, command: ReplaceOrder, at: int) -> Sequence[Event]:
    instrument = command.instrument
    order_id = command.order_id
    account_id = command.account_id
    book = state.books.get(instrument)
    if book is None:
        return (reject_unlisted(instrument, order_id, account_id),)
    order = book.orders.get(order_id) or book.parked.get(order_id)
    if order is None:
        return (reject_unknown(instrument, order_id, account_id),)
    if (
        not book.fast
        or book.looked_after
        or order.special is not None
        or command.terms is not None
        or command.time_in_force is not None
    ):
        return changing.replace(state, book, order, command, at)

    # The short way, as in `_place`.
    price = command.price
    quantity = command.quantity
    rejected = check_replacement(book.instrument, order, price, quantity, account_id)
    if rejected is not None:
        return (rejected,)
    keeps_place = price == order.price and quantity <= order.quantity
    replaced_ = OrderReplaced(
        instrument=instrument,
        order_id=order_id,
        price=price,
        quantity=quantity,
        kept_priority=keeps_place,
    )
    side = order.side
    makers = book.asks if side is BUY else book.bids
    worst_rank = price ^ makers.flip
    best = makers.best
    if keeps_place or best is None or best.rank < worst_rank:
        return (replaced_,)
    if order.post_only:
        return (reject_would_take(instrument, price, best.price, order_id, account_id),)
    events: list[Event] = [replaced_]
    owner, prevention = order.owner, order.self_trade_prevention
    match(book, order_id, order.account_id, owner, side, quantity, prevention, worst_rank, events)
    return events


def _tick(state: Exchange, at: int) -> Sequence[Event]:
    """What time alone leads to: first what is to follow the last event, then the first timer."""
    events = followup(state, at)
    if events or state.timer_due is None or state.timer_due > at:
        return events
    _due, kind, instrument, order_id = state.timers[0]
    book = state.books[instrument]
    if kind != EXPIRY:
        return phase_due(state, book, at)
    order = book.find(order_id)
    return () if order is None else changing.cancellations(book, (order,), EXPIRED)


def _decide_for_instruments(state: Exchange, command: Any, at: int) -> Sequence[Event]:
    """A command for one instrument or, where it names none, for all."""
    kind, name = type(command), command.instrument
    if kind is ListInstrument:
        listed = name in state.books
        return (reject_listed(name) if listed else listing.list_instrument(state, command, at),)
    if kind is ChangePhase:
        fault = listing.fault_of_phase_change(command)
        if fault is not None:
            return (reject(name, *fault),)
    if name or kind not in FOR_ALL:
        book = state.books.get(name)
        if book is None:
            return (reject_unlisted(name, 0, getattr(command, "account_id", 0)),)
        if kind is ChangePhase and command.phase is book.market.phase:
            reason = f"{name} is in phase {command.phase.value} already"
            return (reject(name, RejectCode.WRONG_PHASE, "phase", reason),)
        return _decide_for(state, book, command, at)
    events: list[Event] = []
    for book in supervision.by_name(state):
        events += _decide_for(state, book, command, at)
    return events


def _decide_for(state: Exchange, book: OrderBook, command: Any, at: int) -> Sequence[Event]:
    kind = type(command)
    if kind is MassCancel:
        return changing.mass_cancel(book, command)
    if kind is MassQuote:
        return changing.mass_quote(state, book, command, at)
    if kind is ChangePhase:
        return listing.change_phase_by_hand(state, book, command, at)
    if kind is SplitInstrument:
        return splits.split(book, command)
    if kind is DelistInstrument:
        return listing.delist(book, command)
    if kind is ChangeSymbol:
        return (listing.change_symbol(command),)
    if kind is SetReferencePrice:
        return (listing.set_reference_price(book, command),)
    if kind is BustTrade:
        return (listing.bust(book, command),)
    if kind is CorrectTrade:
        return (listing.correct(book, command),)
    return NOTHING


def evolve(state: Exchange, event: Any) -> Exchange:
    """Apply one fact, in place. Facts that are none of the exchange's change nothing."""
    kind = type(event)
    if kind is OrderAccepted:
        accepted(state, event)
    elif kind is OrderTraded:
        traded(state, event)
    elif kind is OrderCancelled:
        cancelled(state, event)
    elif kind is OrderRejected:
        pass
    elif kind is OrderReplaced:
        replaced(state, event)
    else:
        apply = FACTS.get(kind)
        if apply is not None:
            apply(state, event)
    return state


FACTS: Final[dict[type[Any], Callable[[Exchange, Any], None]]] = {
    **MARKET_FACTS,
    OrderDecremented: decremented,
    OrderEntered: entered,
    OrderActivated: activated,
    OrderRefilled: refilled,
    OrderRepriced: repriced,
    OrderParked: parked,
    OrderAdjusted: adjusted,
    AuctionTraded: auction_traded,
}

DECIDER: Final = Decider(
    initial=initial,
    decide=decide,
    evolve=evolve,
    state_format=StateFormat(row_type=StateRow, to_rows=to_rows, from_rows=from_rows),
    next_due=next_due,
)
