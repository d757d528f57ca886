"""What each event changes in the naive exchange, and what it leaves noted: orders to be cancelled,
orders to enter, quote trades to be counted.
"""

from fractions import Fraction
from typing import Any

from processors.markets.exchange import events as e
from processors.markets.exchange.commands import (
    ListInstrument,
    Phase,
    Side,
)
from processors.markets.exchange.draws import mix64
from tests.processors.markets.exchange import naive_market as nm
from tests.processors.markets.exchange.naive_market import (
    CALL_PHASES,
    Entry,
    NaiveMarket,
    NaiveOrder,
)
from tests.processors.markets.exchange.naive_state import Account, NaiveState


def happen(state: NaiveState, event: Any) -> None:
    EFFECTS[type(event)](state, event)


def happen_in(state: NaiveState, market: NaiveMarket, event: Any) -> None:
    market.is_quiet = False
    EFFECTS_IN[type(event)](state, market, event)


# Orders come and go.


def accepted(state: NaiveState, market: NaiveMarket, event: e.OrderAccepted) -> None:
    order = NaiveOrder(
        order_id=event.order_id,
        account_id=event.account_id,
        side=event.side,
        quantity=event.quantity,
        price=event.price,
        order_type=event.order_type,
        time_in_force=event.time_in_force,
        post_only=event.post_only,
        prevention=event.self_trade_prevention,
        session_id=event.session_id,
        given_terms=event.terms,
        group_id=event.group_id,
        is_quote=event.is_quote,
        expires_at_ms=event.expires_at_ms,
        entry=state.next_number(),
        child=event.terms is not None and event.terms.parent_order_id >= 0,
    )
    market.orders.append(order)
    if market.phase in CALL_PHASES:
        market.call_seed = mix64(market.call_seed ^ event.order_id ^ (event.quantity << 20))
    if event.at_ms:
        second = event.at_ms // 1000
        kept = [each for each in market.accepted_seconds if each[1] == second]
        market.accepted_seconds = [*kept, (event.account_id, second)]
    other = market.order(order.terms.linked_order_id)
    if other is not None and order.terms.linked_order_id >= 0:
        order.linked, other.linked = other, order
    parent = market.order(order.terms.parent_order_id)
    if order.child and parent is not None and not parent.has_children:
        parent.has_children, parent.traded = True, 0
    settle(state, market, order, event.parked, event.displayed)


def settle(
    state: NaiveState, market: NaiveMarket, order: NaiveOrder, parked: bool, displayed: int
) -> None:
    """A new order, or one that is treated so, goes on the book or begins to wait."""
    order.on_book, order.shown = False, displayed
    order.parked_at = state.next_number()
    if not parked:
        put_on_book(state, order, order.price, displayed)
    elif not order.child:
        begin_to_wait(market, order)


def put_on_book(state: NaiveState, order: NaiveOrder, price: int, displayed: int) -> None:
    order.on_book, order.stop = True, None
    order.book_price, order.part = price, 0
    order.placed = order.queued = state.next_number()
    if order.is_dark:
        order.shown = 0
    else:
        order.shown = displayed if order.terms.display_quantity else order.quantity


def begin_to_wait(market: NaiveMarket, order: NaiveOrder) -> None:
    terms = order.terms
    if not nm.is_stop(terms):
        return
    order.trail = terms.trail_amount or terms.trail_ticks * market.tick(
        market.last_price or terms.stop_price
    )
    distance = -order.trail if order.side is Side.SELL else order.trail
    order.stop = terms.stop_price or market.last_price + distance
    if nm.is_triggered(order, market.last_price):
        note_entry(market, Entry(order=order))


def note_entry(market: NaiveMarket, entry: Entry) -> None:
    if all(each.order is not entry.order for each in market.to_enter):
        market.to_enter.append(entry)


def forget_entry(market: NaiveMarket, order: NaiveOrder) -> None:
    market.to_enter = [entry for entry in market.to_enter if entry.order is not order]


def fire_link(market: NaiveMarket, order: NaiveOrder) -> None:
    """The order traded, ended or was triggered: the one that is linked to it is to go."""
    other = order.linked
    if other is not None:
        order.linked = other.linked = None
        if other in market.orders and other not in market.to_cancel:
            market.to_cancel.append(other)


def leave(market: NaiveMarket, order: NaiveOrder, filled: bool) -> None:
    market.orders.remove(order)
    market.to_cancel = [other for other in market.to_cancel if other is not order]
    forget_entry(market, order)
    children = [
        child
        for child in market.orders
        if child.child
        and child.terms.parent_order_id == order.order_id
        and all(entry.order is not child for entry in market.to_enter)
    ]
    for child in children:
        quantity = market.lots(child.quantity if filled else min(child.quantity, order.traded))
        if quantity:
            note_entry(market, Entry(order=child, child_quantity=quantity))
        elif child not in market.to_cancel:
            market.to_cancel.append(child)


def cancelled(state: NaiveState, market: NaiveMarket, event: e.OrderCancelled) -> None:
    order = found(market, event.order_id)
    fire_link(market, order)
    leave(market, order, filled=False)


def found(market: NaiveMarket, order_id: int) -> NaiveOrder:
    order = market.order(order_id)
    assert order is not None, f"{market.name}: order {order_id} is not open"
    return order


def entered(state: NaiveState, market: NaiveMarket, event: e.OrderEntered) -> None:
    order = found(market, event.order_id)
    forget_entry(market, order)
    if order.terms.peg is None:
        order.price = event.price
    put_on_book(state, order, event.price, event.displayed)
    if nm.is_stop(order.terms):
        fire_link(market, order)


def activated(state: NaiveState, market: NaiveMarket, event: e.OrderActivated) -> None:
    order = found(market, event.order_id)
    forget_entry(market, order)
    order.child, order.quantity = False, event.quantity
    order.entry = order.parked_at = state.next_number()
    begin_to_wait(market, order)


def replaced(state: NaiveState, market: NaiveMarket, event: e.OrderReplaced) -> None:
    order = found(market, event.order_id)
    order.price, order.quantity = event.price, event.quantity
    order.expires_at_ms = event.expires_at_ms
    if event.time_in_force is not None:
        order.time_in_force = event.time_in_force
    if event.terms is not None:
        order.given_terms = event.terms
    if event.kept_priority:
        order.shown = min(order.shown, order.quantity)
        return
    noted = [entry for entry in market.to_enter if entry.order is order and entry.child_quantity]
    forget_entry(market, order)
    order.entry = state.next_number()
    settle(state, market, order, event.parked, event.displayed)
    market.to_enter += noted


def decremented(state: NaiveState, market: NaiveMarket, event: e.OrderDecremented) -> None:
    order = found(market, event.order_id)
    order.quantity -= event.quantity
    order.shown = min(order.shown, order.quantity)


def refilled(state: NaiveState, market: NaiveMarket, event: e.OrderRefilled) -> None:
    order = found(market, event.order_id)
    order.shown = event.displayed
    order.part += 1
    order.queued = state.next_number()


def repriced(state: NaiveState, market: NaiveMarket, event: e.OrderRepriced) -> None:
    order = found(market, event.order_id)
    order.book_price = event.price
    order.placed = order.queued = state.next_number()
    if order.terms.peg is None:
        order.price = event.price


def parked(state: NaiveState, market: NaiveMarket, event: e.OrderParked) -> None:
    order = found(market, event.order_id)
    order.on_book = False
    order.parked_at = state.next_number()


# Trades.


def order_traded(state: NaiveState, market: NaiveMarket, event: e.OrderTraded) -> None:
    taker = found(market, event.taker_order_id)
    maker = found(market, event.maker_order_id)
    taker_fee, maker_fee = event.taker_fee, event.maker_fee
    taker_buys = event.taker_side is Side.BUY
    sides = (taker, maker) if taker_buys else (maker, taker)
    fees = (taker_fee, maker_fee) if taker_buys else (maker_fee, taker_fee)
    maker.shown = max(0, maker.shown - event.quantity)
    traded(state, market, (maker, taker), event.price, event.quantity)
    roles = ("taker", "maker") if taker_buys else ("maker", "taker")
    keep_trade(state, market, event, sides, fees, roles)


def auction_traded(state: NaiveState, market: NaiveMarket, event: e.AuctionTraded) -> None:
    sides = found(market, event.buy_order_id), found(market, event.sell_order_id)
    for order in sides:
        order.shown = max(0, order.shown - event.quantity)
    traded(state, market, sides, event.price, event.quantity)
    market.static_reference = event.price
    if market.phase is Phase.CLOSING_AUCTION:
        market.closing_auction_price = event.price
    fees = event.buy_fee, event.sell_fee
    keep_trade(state, market, event, sides, fees, ("auction", "auction"))


def traded(
    state: NaiveState,
    market: NaiveMarket,
    both: tuple[NaiveOrder, NaiveOrder],
    price: int,
    quantity: int,
) -> None:
    for order in both:
        order.quantity -= quantity
        order.traded += quantity
        order.shown = min(order.shown, order.quantity)
        if order.is_quote and order.account_id in market.protections:
            market.quote_trades.setdefault(order.account_id, []).append(quantity)
        notional = market.notionals.get(order.account_id, 0)
        market.notionals[order.account_id] = notional + price * quantity
        fire_link(market, order)
        if not order.quantity:
            leave(market, order, filled=True)
    market.last_price = price
    trigger_stops(market, price)


def trigger_stops(market: NaiveMarket, price: int) -> None:
    waiting = [order for order in market.orders if order.stop is not None]
    for order in waiting:
        assert order.stop is not None
        if order.trail and order.side is Side.SELL:
            order.stop = max(order.stop, price - order.trail)
        elif order.trail:
            order.stop = min(order.stop, price + order.trail)

    def place_in_line(order: NaiveOrder) -> tuple[bool, int, int]:
        assert order.stop is not None
        sells = order.side is Side.SELL
        return sells, -order.stop if sells else order.stop, order.entry

    for order in sorted(waiting, key=place_in_line):
        if nm.is_triggered(order, price):
            note_entry(market, Entry(order=order))


def keep_trade(
    state: NaiveState,
    market: NaiveMarket,
    event: Any,
    sides: tuple[NaiveOrder, NaiveOrder],
    fees: tuple[int, int],
    roles: tuple[str, str],
) -> None:
    market.trade_count += 1
    assert event.trade_id == market.trade_count
    buyer, seller = sides
    trade = nm.KeptTrade(
        trade_id=event.trade_id,
        price=event.price,
        quantity=event.quantity,
        order_ids=(buyer.order_id, seller.order_id),
        account_ids=(buyer.account_id, seller.account_id),
        fees=fees,
        roles=roles,
        counted=(buyer.account_id in state.accounts, seller.account_id in state.accounts),
    )
    market.trades = [*market.trades[-9_999:], trade]
    count_position(market, trade, event.quantity)


def count_position(market: NaiveMarket, trade: nm.KeptTrade, quantity: int) -> None:
    for account_id, is_counted, sign in zip(
        trade.account_ids, trade.counted, (1, -1), strict=True
    ):
        if is_counted:
            position = market.positions.get(account_id, 0)
            market.positions[account_id] = position + sign * quantity


def trade_busted(state: NaiveState, market: NaiveMarket, event: e.TradeBusted) -> None:
    trade = next(each for each in market.trades if each.trade_id == event.trade_id)
    market.trades = [each for each in market.trades if each is not trade]
    count_position(market, trade, -trade.quantity)


def trade_corrected(state: NaiveState, market: NaiveMarket, event: e.TradeCorrected) -> None:
    trade = next(each for each in market.trades if each.trade_id == event.trade_id)
    count_position(market, trade, event.quantity - trade.quantity)
    trade.price, trade.quantity = event.price, event.quantity
    trade.fees = event.buy_fee, event.sell_fee


# Quotes.


def quotes_replaced(state: NaiveState, market: NaiveMarket, event: e.QuotesReplaced) -> None:
    market.to_enter += [Entry(quote=quote, quotes=event) for quote in event.entering]


def quote_trades_counted(
    state: NaiveState, market: NaiveMarket, event: e.QuoteTradesCounted
) -> None:
    del market.quote_trades[event.account_id]
    market.quote_counts[event.account_id] = nm.QuoteCount(
        event.window_start_ms, event.quantity, event.trades, event.tripped
    )


def quote_protection_set(state: NaiveState, event: e.QuoteProtectionSet) -> None:
    protection = nm.Protection(event.window_ms, event.quantity_max, event.trades_max)
    for market in state.markets.values():
        if event.instrument in ("", market.name):
            market.protections[event.account_id] = protection
            market.quote_counts.pop(event.account_id, None)


# Phases and auctions.


def phase_changed(state: NaiveState, market: NaiveMarket, event: e.PhaseChanged) -> None:
    market.phase, market.until_ms = event.phase, event.until_ms
    market.next_phase, market.next_at_ms = event.next_phase, event.next_at_ms
    market.random_end_is_over = market.was_extended = market.is_extended = False
    market.indicated, market.call_seed = (0, 0, 0, None), 0
    waiting = [order for order in market.orders if not order.on_book and not order.child]
    if event.phase in CALL_PHASES:
        for order in sorted(waiting, key=lambda order: order.parked_at):
            if event.phase in nm.AUCTIONS_OF.get(order.time_in_force, ()):
                note_entry(market, Entry(order=order))
    elif event.phase is Phase.CONTINUOUS:
        for order in sorted(waiting, key=lambda order: order.parked_at):
            if order.terms.all_or_none:
                note_entry(market, Entry(order=order))
    if event.phase is not Phase.CONTINUOUS:
        market.to_enter = [
            entry
            for entry in market.to_enter
            if entry.order is None or not entry.order.terms.all_or_none
        ]
    if event.phase in (Phase.PRE_OPEN, Phase.OPENING_AUCTION):
        market.closing_auction_price = 0
    if event.phase in (Phase.TRADING_AT_LAST, Phase.CLOSED):
        market.closing_price = event.price
    if event.phase is Phase.CLOSED and event.price:
        market.reference_price = market.static_reference = event.price


def schedule_changed(state: NaiveState, market: NaiveMarket, event: e.ScheduleChanged) -> None:
    market.next_phase, market.next_at_ms = event.next_phase, event.next_at_ms


def auction_indicated(state: NaiveState, market: NaiveMarket, event: e.AuctionIndicated) -> None:
    market.indicated = event.price, event.quantity, event.surplus, event.surplus_side


def auction_extended(state: NaiveState, market: NaiveMarket, event: e.AuctionExtended) -> None:
    market.until_ms, market.is_extended = event.until_ms, True
    market.was_extended |= event.reason is not e.ExtensionReason.RANDOM_END


def auction_ended(state: NaiveState, market: NaiveMarket, event: e.AuctionEnded) -> None:
    """The trades that follow say what it did."""


# Instruments.


def instrument_listed(state: NaiveState, event: e.InstrumentListed) -> None:
    listing = ListInstrument(
        **{
            name: getattr(event, name)
            for name in ListInstrument.__struct_fields__
            if not name.startswith("origin")
        }
    )
    state.markets[event.instrument] = NaiveMarket(
        listing=listing,
        symbol=event.symbol,
        phase=Phase.CLOSED if event.calendar else Phase.CONTINUOUS,
        reference_price=event.reference_price,
        static_reference=event.reference_price,
        next_phase=event.next_phase,
        next_at_ms=event.next_at_ms,
    )


def instrument_delisted(state: NaiveState, event: e.InstrumentDelisted) -> None:
    del state.markets[event.instrument]
    for key in [key for key in state.limits if key[0] == event.instrument]:
        del state.limits[key]


def symbol_changed(state: NaiveState, market: NaiveMarket, event: e.SymbolChanged) -> None:
    market.symbol = event.symbol


def reference_price_set(
    state: NaiveState, market: NaiveMarket, event: e.ReferencePriceSet
) -> None:
    market.reference_price = market.static_reference = event.price


PRICES_SPLIT = (
    "last_price",
    "reference_price",
    "static_reference",
    "closing_price",
    "closing_auction_price",
)


def instrument_split(state: NaiveState, market: NaiveMarket, event: e.InstrumentSplit) -> None:
    shares = Fraction(event.numerator, event.denominator)
    for name in PRICES_SPLIT:
        setattr(market, name, int(getattr(market, name) / shares))
    market.trades = []
    market.positions = {
        account_id: nm.towards_zero(position * shares)
        for account_id, position in market.positions.items()
    }
    for order in market.orders:
        if order.stop is not None:
            order.stop = split_price(market, order.side, order.stop / shares)
        if order.trail:
            order.trail = max(1, int(order.trail / shares))
        order.traded = int(order.traded * shares)
    for entry in market.to_enter:
        if entry.child_quantity:
            scaled = market.lots(int(entry.child_quantity * shares))
            entry.child_quantity = max(scaled, market.listing.lot_size)


def split_price(market: NaiveMarket, side: Side, price: Fraction) -> int:
    """On tick: a buy's down, a sell's up."""
    if side is Side.BUY:
        return market.tick_down(price.numerator // price.denominator)
    return market.tick_up(-(-price.numerator // price.denominator))


def order_adjusted(state: NaiveState, market: NaiveMarket, event: e.OrderAdjusted) -> None:
    order = found(market, event.order_id)
    order.price, order.quantity = event.price, event.quantity
    order.given_terms = event.terms
    if order.on_book:
        order.book_price = event.price
    if order.terms.display_quantity:
        order.shown = event.displayed
    elif order.on_book and not order.is_dark:
        order.shown = order.quantity


# What all instruments share.


def calendar_set(state: NaiveState, event: e.CalendarSet) -> None:
    state.calendars[event.calendar] = event


def market_halts_set(state: NaiveState, event: e.MarketHaltsSet) -> None:
    state.halt_reference, state.halt_levels = event.reference, event.levels
    state.halts_reached = 0


def index_published(state: NaiveState, event: e.IndexPublished) -> None:
    state.halts_reached = event.levels_reached


def account_opened(state: NaiveState, event: e.AccountOpened) -> None:
    account = state.accounts.setdefault(event.account_id, Account(event.group_id))
    account.group_id, account.closed = event.group_id, False


def account_closed(state: NaiveState, event: e.AccountClosed) -> None:
    state.accounts[event.account_id].closed = True


def account_limits_set(state: NaiveState, event: e.AccountLimitsSet) -> None:
    state.limits[event.instrument, event.account_id] = event


def kill_switch_set(state: NaiveState, event: e.KillSwitchSet) -> None:
    state.accounts[event.account_id].killed = event.engaged


def session_opened(state: NaiveState, event: e.SessionOpened) -> None:
    state.sessions[event.session_id] = event.cancel_on_disconnect


def session_closed(state: NaiveState, event: e.SessionClosed) -> None:
    del state.sessions[event.session_id]


def fees_set(state: NaiveState, event: e.FeesSet) -> None:
    if event.instrument:
        market = state.markets[event.instrument]
        market.fees, market.notionals = event.tiers, {}
        return
    state.fees = event.tiers
    for market in state.markets.values():
        if market.fees is None:
            market.notionals = {}


EFFECTS: dict[type, Any] = {
    e.InstrumentListed: instrument_listed,
    e.InstrumentDelisted: instrument_delisted,
    e.CalendarSet: calendar_set,
    e.MarketHaltsSet: market_halts_set,
    e.IndexPublished: index_published,
    e.AccountOpened: account_opened,
    e.AccountClosed: account_closed,
    e.AccountLimitsSet: account_limits_set,
    e.KillSwitchSet: kill_switch_set,
    e.SessionOpened: session_opened,
    e.SessionClosed: session_closed,
    e.FeesSet: fees_set,
    e.QuoteProtectionSet: quote_protection_set,
}
EFFECTS_IN: dict[type, Any] = {
    e.OrderAccepted: accepted,
    e.OrderCancelled: cancelled,
    e.OrderEntered: entered,
    e.OrderActivated: activated,
    e.OrderReplaced: replaced,
    e.OrderDecremented: decremented,
    e.OrderRefilled: refilled,
    e.OrderRepriced: repriced,
    e.OrderParked: parked,
    e.OrderTraded: order_traded,
    e.AuctionTraded: auction_traded,
    e.TradeBusted: trade_busted,
    e.TradeCorrected: trade_corrected,
    e.QuotesReplaced: quotes_replaced,
    e.QuoteTradesCounted: quote_trades_counted,
    e.PhaseChanged: phase_changed,
    e.ScheduleChanged: schedule_changed,
    e.AuctionIndicated: auction_indicated,
    e.AuctionExtended: auction_extended,
    e.AuctionEnded: auction_ended,
    e.SymbolChanged: symbol_changed,
    e.ReferencePriceSet: reference_price_set,
    e.InstrumentSplit: instrument_split,
    e.OrderAdjusted: order_adjusted,
}
