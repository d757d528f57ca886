"""The naive exchange's checks of orders: the faults of a command one after another, of which the
first wins.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from processors.markets.exchange.commands import (
    OrderTerms,
    OrderType,
    Phase,
    PlaceOrder,
    Quote,
    ReplaceOrder,
    Side,
    TimeInForce,
)
from processors.markets.exchange.events import AccountLimitsSet, RejectCode
from tests.processors.markets.exchange import naive_calendar
from tests.processors.markets.exchange import naive_market as nm
from tests.processors.markets.exchange.naive_market import NaiveMarket, NaiveOrder, Refused
from tests.processors.markets.exchange.naive_state import NaiveState

AT_ONCE = (TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL)
RESTING_FORCES = (
    TimeInForce.GOOD_TILL_CANCELLED,
    TimeInForce.DAY,
    TimeInForce.GOOD_TILL_DATE,
    TimeInForce.GOOD_TILL_TIME,
)
CONTRADICTORY = RejectCode.CONTRADICTORY
INVALID = RejectCode.INVALID_VALUE
WRONG_PHASE = RejectCode.WRONG_PHASE


@dataclass(kw_only=True)
class Wish:
    """An order as it would be: a new one, or an open one as it is to become."""

    account_id: int
    side: Side
    quantity: int
    price: int
    order_type: OrderType
    time_in_force: TimeInForce
    post_only: bool
    terms: OrderTerms
    is_child: bool
    """It waits, or would wait, for its parent."""
    is_stop: bool
    """It is to wait for its stop price: a stop that was triggered is none any more."""

    @property
    def is_market(self) -> bool:
        return self.order_type is not OrderType.LIMIT

    @property
    def is_for_auction(self) -> bool:
        return self.time_in_force in nm.AUCTION_FORCES


def wish_of(command: PlaceOrder) -> Wish:
    terms = command.terms or nm.NO_TERMS
    return Wish(
        account_id=command.account_id,
        side=command.side,
        quantity=command.quantity,
        price=command.price,
        order_type=command.order_type,
        time_in_force=command.time_in_force,
        post_only=command.post_only,
        terms=terms,
        is_child=terms.parent_order_id >= 0,
        is_stop=nm.is_stop(terms),
    )


def replacing_wish(command: ReplaceOrder, order: NaiveOrder) -> Wish:
    terms = order.terms if command.terms is None else command.terms
    return Wish(
        account_id=order.account_id,
        side=order.side,
        quantity=command.quantity,
        price=command.price,
        order_type=order.order_type,
        time_in_force=command.time_in_force or order.time_in_force,
        post_only=order.post_only,
        terms=terms,
        is_child=order.child,
        is_stop=nm.is_stop(terms) and not (order.on_book and terms == order.terms),
    )


def placing_faults(
    state: NaiveState, market: NaiveMarket, command: PlaceOrder, at: int
) -> Iterator[Refused]:
    wish = wish_of(command)
    yield from quantity_faults(market, wish.quantity, "quantity")
    if wish.is_market:
        if wish.price:
            yield Refused(CONTRADICTORY, "price")
    elif wish.terms.peg is None or wish.price:
        yield from price_faults(market, wish.price, "price")
    yield from post_only_faults(wish)
    if market.order(command.order_id):
        yield Refused(RejectCode.DUPLICATE_ORDER, "order_id")
    yield from term_faults(state, market, wish, at)
    yield from link_faults(market, wish)
    yield from phase_faults(market, wish)
    yield from account_faults(state, market, wish.account_id, command.session_id)
    yield from limit_faults(state, market, wish, at)
    if is_parked(market, wish):
        return
    if market.phase is Phase.CONTINUOUS:
        best = market.reach_price(wish.side)
        if wish.order_type is OrderType.MARKET_TO_LIMIT and not best:
            yield Refused(RejectCode.NO_LIQUIDITY, "order_type")
        yield from taking_faults(market, wish)


def replacing_faults(
    state: NaiveState, market: NaiveMarket, command: ReplaceOrder, order: NaiveOrder, at: int
) -> Iterator[Refused]:
    wish = replacing_wish(command, order)
    if order.is_quote:
        yield Refused(CONTRADICTORY, "order_id")
    yield from quantity_faults(market, wish.quantity, "quantity")
    if wish.is_market and not order.price:
        if wish.price:
            yield Refused(CONTRADICTORY, "price")
    elif wish.terms.peg is None or wish.price:
        yield from price_faults(market, wish.price, "price")
    if wish.time_in_force in AT_ONCE:
        yield Refused(CONTRADICTORY, "time_in_force")
    yield from post_only_faults(wish)
    yield from term_faults(state, market, wish, at)
    if wish.terms.linked_order_id != order.terms.linked_order_id:
        yield Refused(CONTRADICTORY, "terms.linked_order_id")
    if wish.terms.parent_order_id != order.terms.parent_order_id:
        yield Refused(CONTRADICTORY, "terms.parent_order_id")
    if wish.terms.parent_order_id >= 0:
        yield from child_faults(wish)
    yield from phase_faults(market, wish)
    yield from limit_faults(state, market, wish, at, order)
    if not keeps_priority(wish, order) and goes_straight_to_market(market, wish):
        unpriced = wish.order_type is OrderType.MARKET_TO_LIMIT and not wish.price
        if unpriced and not market.reach_price(wish.side):
            yield Refused(RejectCode.NO_LIQUIDITY, "order_type")
        yield from taking_faults(market, wish)


def goes_straight_to_market(market: NaiveMarket, wish: Wish) -> bool:
    return market.phase is Phase.CONTINUOUS and not is_parked(market, wish)


def is_parked(market: NaiveMarket, wish: Wish) -> bool:
    if wish.is_child or wish.is_stop or wish.terms.peg is not None:
        return True
    return nm.waits_for_auction(wish.time_in_force, market.phase)


def keeps_priority(wish: Wish, order: NaiveOrder) -> bool:
    """Whether a replaced order keeps its place."""
    if wish.price != order.price or wish.quantity > order.quantity:
        return False
    forces = wish.time_in_force, order.time_in_force
    if forces[0] is not forces[1] and any(force in nm.AUCTION_FORCES for force in forces):
        return False
    return all(
        getattr(wish.terms, name) == getattr(order.terms, name)
        for name in OrderTerms.__struct_fields__
        if name not in ("expires_on", "expires_at_ms")
    )


def quantity_faults(market: NaiveMarket, quantity: int, field: str) -> Iterator[Refused]:
    if not 1 <= quantity <= market.listing.quantity_max:
        yield Refused(RejectCode.QUANTITY_LIMIT, field)
    if quantity % market.listing.lot_size:
        yield Refused(RejectCode.OFF_LOT, field)


def price_faults(market: NaiveMarket, price: int, field: str) -> Iterator[Refused]:
    if not market.listing.price_min <= price <= market.listing.price_max:
        yield Refused(RejectCode.PRICE_LIMIT, field)
    if price % market.tick(price):
        yield Refused(RejectCode.OFF_TICK, field)


def post_only_faults(wish: Wish) -> Iterator[Refused]:
    if wish.post_only and (wish.is_market or wish.time_in_force not in RESTING_FORCES):
        yield Refused(CONTRADICTORY, "post_only")


def term_faults(state: NaiveState, market: NaiveMarket, wish: Wish, at: int) -> Iterator[Refused]:
    terms, lot = wish.terms, market.listing.lot_size
    if terms.reprice and not wish.post_only:
        yield Refused(CONTRADICTORY, "terms.reprice")
    yield from expiry_faults(state, market, wish, at)
    yield from stop_faults(market, wish)
    if wish.is_market:
        yield from contradictions(terms, "display_quantity", "hidden", "peg", "all_or_none")
    if wish.time_in_force in AT_ONCE:
        yield from contradictions(terms, "display_quantity", "hidden", "peg", "all_or_none")
        yield from contradictions(terms, "linked_order_id", "parent_order_id")
    if wish.time_in_force is TimeInForce.FILL_OR_KILL:
        yield from contradictions(terms, "minimum_quantity")
    yield from display_faults(terms, lot)
    if terms.peg is not None and (
        terms.display_quantity
        or terms.hidden
        or wish.post_only
        or terms.minimum_quantity
        or terms.all_or_none
        or wish.is_for_auction
    ):
        yield Refused(CONTRADICTORY, "terms.peg")
    if terms.peg is None:
        yield from contradictions(terms, "peg_offset")
    if terms.minimum_quantity > wish.quantity or terms.minimum_quantity % lot:
        yield Refused(INVALID, "terms.minimum_quantity")
    if wish.post_only or terms.all_or_none:
        yield from contradictions(terms, "minimum_quantity")
    if terms.display_quantity or terms.hidden or wish.post_only or wish.is_for_auction:
        yield from contradictions(terms, "all_or_none")


def contradictions(terms: OrderTerms, *names: str) -> Iterator[Refused]:
    """One for each of these terms that was given."""
    for name in names:
        if getattr(terms, name) != getattr(nm.NO_TERMS, name):
            yield Refused(CONTRADICTORY, f"terms.{name}")


def expiry_faults(
    state: NaiveState, market: NaiveMarket, wish: Wish, at: int
) -> Iterator[Refused]:
    terms, force = wish.terms, wish.time_in_force
    if (force is TimeInForce.GOOD_TILL_DATE) != bool(terms.expires_on):
        yield Refused(CONTRADICTORY, "terms.expires_on")
    if (force is TimeInForce.GOOD_TILL_TIME) != bool(terms.expires_at_ms):
        yield Refused(CONTRADICTORY, "terms.expires_at_ms")
    if terms.expires_on and naive_calendar.date_of(terms.expires_on) is None:
        yield Refused(INVALID, "terms.expires_on")
    if 0 < expiry(state, market, wish, at) <= at:
        name = "expires_on" if terms.expires_on else "expires_at_ms"
        yield Refused(RejectCode.ALREADY_EXPIRED, f"terms.{name}")


def expiry(state: NaiveState, market: NaiveMarket, wish: Wish, at: int) -> int:
    """When it expires by itself; 0: never."""
    calendar = state.calendars.get(market.listing.calendar)
    if wish.time_in_force is TimeInForce.DAY:
        return naive_calendar.end_of_day(calendar, naive_calendar.local_date(calendar, at))
    if wish.terms.expires_on:
        date = naive_calendar.date_of(wish.terms.expires_on)
        assert date is not None
        return naive_calendar.end_of_day(calendar, date)
    return wish.terms.expires_at_ms


def stop_faults(market: NaiveMarket, wish: Wish) -> Iterator[Refused]:
    terms = wish.terms
    if not nm.is_stop(terms):
        return
    if terms.trail_amount and terms.trail_ticks:
        yield Refused(CONTRADICTORY, "terms.trail_ticks")
    if terms.stop_price:
        yield from price_faults(market, terms.stop_price, "terms.stop_price")
    elif not market.last_price:
        yield Refused(INVALID, "terms.stop_price")
    if (
        wish.time_in_force in AT_ONCE
        or wish.is_for_auction
        or wish.post_only
        or terms.peg is not None
        or terms.minimum_quantity
        or terms.all_or_none
        or wish.order_type is OrderType.MARKET_TO_LIMIT
    ):
        yield Refused(CONTRADICTORY, "terms.stop_price")


def display_faults(terms: OrderTerms, lot: int) -> Iterator[Refused]:
    if terms.display_quantity % lot:
        yield Refused(RejectCode.OFF_LOT, "terms.display_quantity")
    if not terms.display_quantity:
        yield from contradictions(terms, "display_range", "reserve")
    elif terms.display_range >= terms.display_quantity or terms.display_range % lot:
        yield Refused(INVALID, "terms.display_range")
    if terms.reserve:
        yield from contradictions(terms, "display_range")
    if terms.display_quantity:
        yield from contradictions(terms, "hidden")


def link_faults(market: NaiveMarket, wish: Wish) -> Iterator[Refused]:
    terms = wish.terms
    if terms.linked_order_id >= 0:
        other = market.order(terms.linked_order_id)
        if other is None or other.account_id != wish.account_id or other.linked is not None:
            yield Refused(RejectCode.UNKNOWN_LINK, "terms.linked_order_id")
    if terms.parent_order_id >= 0:
        yield from child_faults(wish)
        parent = market.order(terms.parent_order_id)
        if (
            parent is None
            or parent.account_id != wish.account_id
            or parent.terms.parent_order_id >= 0
        ):
            yield Refused(RejectCode.UNKNOWN_LINK, "terms.parent_order_id")


def child_faults(wish: Wish) -> Iterator[Refused]:
    if wish.terms.minimum_quantity or wish.terms.all_or_none or wish.time_in_force in AT_ONCE:
        yield Refused(CONTRADICTORY, "terms.parent_order_id")


def phase_faults(market: NaiveMarket, wish: Wish) -> Iterator[Refused]:
    phase, terms = market.phase, wish.terms
    if phase in (Phase.HALT, Phase.CLOSED):
        yield Refused(WRONG_PHASE, "instrument")
    if phase not in nm.TRADING_PHASES and wish.time_in_force in AT_ONCE:
        yield Refused(WRONG_PHASE, "time_in_force")
    if phase is not Phase.CONTINUOUS:
        if wish.post_only:
            yield Refused(WRONG_PHASE, "post_only")
        if terms.minimum_quantity:
            yield Refused(WRONG_PHASE, "terms.minimum_quantity")
        if terms.all_or_none:
            yield Refused(WRONG_PHASE, "terms.all_or_none")
    if phase is not Phase.TRADING_AT_LAST:
        return
    waits = wish.is_stop or terms.peg is not None or wish.is_child or wish.is_for_auction
    if wish.order_type is OrderType.LIMIT and not waits and wish.price != market.closing_price:
        yield Refused(WRONG_PHASE, "price")
    if wish.order_type is OrderType.MARKET_TO_LIMIT:
        yield Refused(WRONG_PHASE, "order_type")


def account_faults(
    state: NaiveState, market: NaiveMarket, account_id: int, session_id: int
) -> Iterator[Refused]:
    account = state.accounts.get(account_id)
    if account is None:
        if market.listing.members_only:
            yield Refused(RejectCode.UNKNOWN_ACCOUNT, "account_id")
    elif account.closed or account.killed:
        yield Refused(RejectCode.ACCOUNT_STOPPED, "account_id")
    if session_id and session_id not in state.sessions:
        yield Refused(RejectCode.UNKNOWN_SESSION, "session_id")


def limit_faults(
    state: NaiveState,
    market: NaiveMarket,
    wish: Wish,
    at: int,
    replaced: NaiveOrder | None = None,
) -> Iterator[Refused]:
    """Of a new order, or a quote. `replaced`: the open one that it stands for."""
    limits = state.limits_of(market, wish.account_id)
    if limits is None:
        return
    yield from quantity_limit_faults(market, limits, wish)
    if replaced is None:
        yield from number_faults(market, limits, wish, at)
    yield from collar_faults(market, limits, wish)
    yield from position_faults(market, limits, wish, replaced)


def number_faults(
    market: NaiveMarket, limits: AccountLimitsSet, wish: Wish, at: int
) -> Iterator[Refused]:
    open_orders = sum(order.account_id == wish.account_id for order in market.orders)
    if limits.open_orders_max and open_orders + 1 > limits.open_orders_max:
        yield Refused(RejectCode.OPEN_ORDERS_LIMIT, "account_id")
    rate = market.accepted_seconds.count((wish.account_id, at // 1000))
    if limits.orders_per_second_max and rate >= limits.orders_per_second_max:
        yield Refused(RejectCode.ORDER_RATE_LIMIT, "account_id")


def quantity_limit_faults(
    market: NaiveMarket, limits: AccountLimitsSet, wish: Wish
) -> Iterator[Refused]:
    most = limits.order_quantity_max
    if most and wish.quantity > most:
        yield Refused(RejectCode.ORDER_QUANTITY_LIMIT, "quantity")
    price = wish.price or market.last_price or market.reference_price
    most = limits.order_notional_max
    if most and price * wish.quantity > most:
        yield Refused(RejectCode.NOTIONAL_LIMIT, "quantity")


def collar_faults(market: NaiveMarket, limits: AccountLimitsSet, wish: Wish) -> Iterator[Refused]:
    ppm, last = limits.collar_ppm, market.last_price
    if not ppm or not last or not wish.price or wish.terms.peg is not None:
        return
    distance = last * ppm // nm.MILLION
    if wish.price > last + distance if wish.side is Side.BUY else wish.price < last - distance:
        yield Refused(RejectCode.PRICE_COLLAR, "price")


def position_faults(
    market: NaiveMarket, limits: AccountLimitsSet, wish: Wish, replaced: NaiveOrder | None
) -> Iterator[Refused]:
    most = limits.position_max
    position = market.positions.get(wish.account_id, 0)
    open_quantity = sum(
        order.quantity
        for order in market.orders
        if order.account_id == wish.account_id
        and order.side is wish.side
        and order is not replaced
    )
    signed = position if wish.side is Side.BUY else -position
    if most and signed + open_quantity + wish.quantity > most:
        yield Refused(RejectCode.POSITION_LIMIT, "quantity")


def taking_faults(market: NaiveMarket, wish: Wish) -> Iterator[Refused]:
    """Of a post-only order that would trade, and may not be put behind the best price."""
    if not wish.post_only or resting_price(market, wish) == wish.price:
        return
    price = resting_price(market, wish)
    in_limits = market.listing.price_min <= price <= market.listing.price_max
    if not wish.terms.reprice or not in_limits:
        yield Refused(RejectCode.WOULD_TAKE, "price")


def resting_price(market: NaiveMarket, wish: Wish) -> int:
    """The price, or the nearest that does not reach the best price opposite."""
    best = market.reach_price(wish.side)
    if not best or not nm.reaches(wish.side, wish.price, best):
        return wish.price
    return market.behind(wish.side, best)


def quote_faults(
    state: NaiveState,
    market: NaiveMarket,
    quotes: tuple[Quote, ...],
    account_id: int,
    at: int,
) -> Iterator[Refused]:
    seen: list[int] = []
    for quote in quotes:
        sides = quote_sides(quote)
        for _, quantity, price, _ in sides:
            yield from quantity_faults(market, quantity, "quotes")
            yield from price_faults(market, price, "quotes")
        if len(sides) == 2 and quote.bid_price >= quote.offer_price:
            yield Refused(CONTRADICTORY, "quotes")
        for order_id, _, _, side in sides:
            order = market.order(order_id)
            is_old = order is not None and order.is_quote and order.account_id == account_id
            if order_id in seen or (order and not (is_old and order.side is side)):
                yield Refused(RejectCode.DUPLICATE_ORDER, "quotes")
            seen.append(order_id)
        for order_id, quantity, price, side in sides:
            wish = Wish(
                account_id=account_id,
                side=side,
                quantity=quantity,
                price=price,
                order_type=OrderType.LIMIT,
                time_in_force=TimeInForce.GOOD_TILL_CANCELLED,
                post_only=False,
                terms=nm.NO_TERMS,
                is_child=False,
                is_stop=False,
            )
            for fault in limit_faults(state, market, wish, at, market.order(order_id)):
                yield Refused(fault.code, "quotes")


def quote_sides(quote: Quote) -> list[tuple[int, int, int, Side]]:
    """(order id, quantity, price, side) of each side that is there."""
    sides = [
        (quote.bid_order_id, quote.bid_quantity, quote.bid_price, Side.BUY),
        (quote.offer_order_id, quote.offer_quantity, quote.offer_price, Side.SELL),
    ]
    return [side for side in sides if side[1]]
