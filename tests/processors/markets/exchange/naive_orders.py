"""The naive exchange's commands of members: orders placed, cancelled and replaced, mass quotes."""

from collections.abc import Iterator
from typing import Any

from processors.markets.exchange.commands import (
    CancelOrder,
    MassCancel,
    MassQuote,
    OrderType,
    Phase,
    PlaceOrder,
    ReplaceOrder,
)
from processors.markets.exchange.events import (
    CancelReason,
    OrderAccepted,
    OrderReplaced,
    QuoteEntry,
    QuotesReplaced,
    RejectCode,
)
from tests.processors.markets.exchange import naive_checks as checks
from tests.processors.markets.exchange import naive_market as nm
from tests.processors.markets.exchange.naive_market import NaiveMarket, NaiveOrder, Refused
from tests.processors.markets.exchange.naive_phases import Telling
from tests.processors.markets.exchange.naive_state import NaiveState
from tests.processors.markets.exchange.naive_steps import markets_by_name, quotes_of, take

UNKNOWN_INSTRUMENT = Refused(RejectCode.UNKNOWN_INSTRUMENT, "instrument")


def place(telling: Telling, command: PlaceOrder) -> Refused | None:
    state, at = telling.state, telling.at
    market = state.markets.get(command.instrument)
    if market is None:
        return UNKNOWN_INSTRUMENT
    fault = next(checks.placing_faults(state, market, command, at), None)
    if fault is not None:
        return fault
    wish = checks.wish_of(command)
    parked = checks.is_parked(market, wish)
    price = wish.price
    if market.phase is Phase.CONTINUOUS and not parked:
        if wish.order_type is OrderType.MARKET_TO_LIMIT:
            price = market.reach_price(wish.side)
        elif wish.post_only:
            price = checks.resting_price(market, wish)
    account = state.accounts.get(command.account_id)
    limits = state.limits_of(market, command.account_id)
    telling.tell_of(
        market,
        OrderAccepted(
            instrument=market.name,
            order_id=command.order_id,
            account_id=command.account_id,
            side=command.side,
            quantity=command.quantity,
            price=price,
            order_type=command.order_type,
            time_in_force=command.time_in_force,
            post_only=command.post_only,
            self_trade_prevention=command.self_trade_prevention,
            session_id=command.session_id,
            terms=command.terms,
            group_id=account.group_id if account else 0,
            parked=parked,
            displayed=displayed(market, command.order_id, wish),
            expires_at_ms=checks.expiry(state, market, wish, telling.at),
            at_ms=at if limits and limits.orders_per_second_max else 0,
        ),
    )
    if not parked:
        order = market.order(command.order_id)
        assert order is not None
        take(telling, market, order)
    return None


def displayed(market: NaiveMarket, order_id: int, wish: checks.Wish) -> int:
    return nm.first_shown(order_id, wish.quantity, wish.terms, market.listing.lot_size)


def named(
    telling: Telling, command: CancelOrder | ReplaceOrder
) -> tuple[NaiveMarket, NaiveOrder] | Refused:
    """The order that a command names, if its sender may."""
    market = telling.state.markets.get(command.instrument)
    if market is None:
        return UNKNOWN_INSTRUMENT
    order = market.order(command.order_id)
    if order is None:
        return Refused(RejectCode.UNKNOWN_ORDER, "order_id")
    if command.account_id not in (0, order.account_id):
        return Refused(RejectCode.NOT_THE_OWNER, "account_id")
    return market, order


def cancel(telling: Telling, command: CancelOrder) -> Refused | None:
    found = named(telling, command)
    if isinstance(found, Refused):
        return found
    market, order = found
    telling.cancel(market, [order], CancelReason.REQUESTED)
    return None


def replace(telling: Telling, command: ReplaceOrder) -> Refused | None:
    found = named(telling, command)
    if isinstance(found, Refused):
        return found
    state, (market, order) = telling.state, found
    fault = next(checks.replacing_faults(state, market, command, order, telling.at), None)
    if fault is not None:
        return fault
    wish = checks.replacing_wish(command, order)
    kept = checks.keeps_priority(wish, order)
    parked = checks.is_parked(market, wish)
    price = wish.price
    if kept:
        parked = not order.on_book
        shown = min(order.shown, wish.quantity) if wish.terms.display_quantity else 0
    else:
        if checks.goes_straight_to_market(market, wish):
            if wish.order_type is OrderType.MARKET_TO_LIMIT and not price:
                price = market.reach_price(wish.side)
            elif wish.post_only:
                price = checks.resting_price(market, wish)
        shown = displayed(market, order.order_id, wish)
    changed_force = wish.time_in_force is not order.time_in_force
    telling.tell_of(
        market,
        OrderReplaced(
            instrument=market.name,
            order_id=order.order_id,
            price=price,
            quantity=wish.quantity,
            kept_priority=kept,
            time_in_force=wish.time_in_force if changed_force else None,
            terms=wish.terms if wish.terms != order.terms else None,
            parked=parked,
            displayed=shown,
            expires_at_ms=checks.expiry(state, market, wish, telling.at),
        ),
    )
    if not kept and not parked:
        take(telling, market, order)
    return None


def mass_cancel(telling: Telling, command: MassCancel) -> Refused | None:
    if command.instrument and command.instrument not in telling.state.markets:
        return UNKNOWN_INSTRUMENT
    for market in markets_by_name(telling):
        if command.instrument in ("", market.name):
            gone = [
                order
                for order in market.oldest_first()
                if command.account_id in (0, order.account_id)
                and command.session_id in (0, order.session_id)
                and command.side in (None, order.side)
            ]
            telling.cancel(market, gone, CancelReason.MASS_CANCEL)
    return None


def mass_quote(telling: Telling, command: MassQuote) -> Refused | None:
    state = telling.state
    market = state.markets.get(command.instrument)
    if market is None:
        return UNKNOWN_INSTRUMENT
    fault = next(mass_quote_faults(state, market, command, telling.at), None)
    if fault is not None:
        return fault
    old = {order.order_id: order for order in quotes_of(market, command.account_id)}
    new = [side for quote in command.quotes for side in checks.quote_sides(quote)]
    kept = [
        order_id
        for order_id, quantity, price, _side in new
        if order_id in old and price == old[order_id].price and quantity <= old[order_id].quantity
    ]
    gone = [order for order_id, order in old.items() if order_id not in kept]
    telling.cancel(market, gone, CancelReason.QUOTE_REPLACED)
    changes: list[Any] = [
        OrderReplaced(
            instrument=market.name,
            order_id=order_id,
            price=price,
            quantity=quantity,
            kept_priority=True,
        )
        for order_id, quantity, price, _side in new
        if order_id in kept and quantity < old[order_id].quantity
    ]
    entering = tuple(
        QuoteEntry(order_id=order_id, side=side, price=price, quantity=quantity)
        for order_id, quantity, price, side in new
        if order_id not in kept
    )
    replaced = QuotesReplaced(
        instrument=market.name,
        account_id=command.account_id,
        entering=entering,
        session_id=command.session_id,
        self_trade_prevention=command.self_trade_prevention,
    )
    telling.tell_of(market, *changes, replaced)
    return None


def mass_quote_faults(
    state: NaiveState, market: NaiveMarket, command: MassQuote, at: int
) -> Iterator[Refused]:
    if market.phase in (Phase.HALT, Phase.CLOSED, Phase.TRADING_AT_LAST):
        yield Refused(RejectCode.WRONG_PHASE, "instrument")
    yield from checks.account_faults(state, market, command.account_id, command.session_id)
    count = market.quote_counts.get(command.account_id)
    if count is not None and count.tripped:
        yield Refused(RejectCode.QUOTES_STOPPED, "account_id")
    yield from checks.quote_faults(state, market, command.quotes, command.account_id, at)
