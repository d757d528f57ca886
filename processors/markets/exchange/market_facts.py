"""`evolve` for what happens to instruments and to the whole market: listings, phases, auctions,
quotes, trades taken back, calendars, accounts and their limits, fees."""

from collections.abc import Callable
from typing import Any, Final

from processors.markets.exchange.accounts import Account, Fees, Limits, Protection, Session
from processors.markets.exchange.call_auction import call_book_of
from processors.markets.exchange.events import (
    AccountClosed,
    AccountLimitsSet,
    AccountOpened,
    AuctionEnded,
    AuctionExtended,
    AuctionIndicated,
    CalendarSet,
    ExtensionReason,
    FeesSet,
    IndexPublished,
    InstrumentDelisted,
    InstrumentListed,
    InstrumentSplit,
    KillSwitchSet,
    MarketHaltsSet,
    PhaseChanged,
    QuoteProtectionSet,
    QuotesReplaced,
    QuoteTradesCounted,
    ReferencePriceSet,
    ScheduleChanged,
    SessionClosed,
    SessionOpened,
    SymbolChanged,
    TradeBusted,
    TradeCorrected,
)
from processors.markets.exchange.instrument import Instrument
from processors.markets.exchange.market import CALL_PHASES, QuoteNote, Trade
from processors.markets.exchange.order import FOR_AUCTION, FOR_CONTINUOUS, TO_ENTER
from processors.markets.exchange.order_book import OrderBook
from processors.markets.exchange.phases import AUCTION_OF
from processors.markets.exchange.splits import split_special
from processors.markets.exchange.standings import standing_of
from processors.markets.exchange.state import Exchange, calendar_of
from processors.markets.exchange.terms import Phase
from processors.markets.exchange.waiting import note_entry, watch


def listed(state: Exchange, event: InstrumentListed) -> None:
    terms = Instrument(
        event.instrument,
        event.price_decimals,
        event.tick_size,
        event.lot_size,
        event.price_min,
        event.price_max,
        event.quantity_max,
    )
    terms.symbol = event.symbol or event.instrument
    terms.set_tick_bands([(band.price_from, band.tick_size) for band in event.tick_bands])
    terms.calendar = event.calendar
    terms.static_band_ppm = event.static_band_ppm
    terms.dynamic_band_ppm = event.dynamic_band_ppm
    terms.volatility_call_ms = event.volatility_call_ms
    terms.random_end_ms = event.random_end_ms
    terms.extension_ms = event.extension_ms
    terms.auction_prices = event.auction_prices
    terms.members_only = event.members_only
    book = OrderBook(terms)
    market = book.market
    market.reference_price = event.reference_price
    market.static_reference = event.reference_price
    market.fees = state.fees
    if event.calendar:
        market.phase = Phase.CLOSED
    market.next_phase, market.next_at_ms = event.next_phase, event.next_at_ms
    state.books[event.instrument] = book
    state.set_phase_timer(book)
    book.set_pace(bool(state.guard.accounts))


def delisted(state: Exchange, event: InstrumentDelisted) -> None:
    del state.books[event.instrument]
    state.drop_overtaken_timers()


def symbol_changed(state: Exchange, event: SymbolChanged) -> None:
    state.books[event.instrument].instrument.symbol = event.symbol


def reference_price_set(state: Exchange, event: ReferencePriceSet) -> None:
    book = state.books[event.instrument]
    book.market.reference_price = event.price
    book.market.static_reference = event.price
    state.touched[event.instrument] = None


def instrument_split(state: Exchange, event: InstrumentSplit) -> None:
    """Orders follow, one by one; here is what else is in prices or in shares."""
    book = state.books[event.instrument]
    market, parts, of = book.market, event.numerator, event.denominator
    book.last_price = book.last_price * of // parts
    market.reference_price = market.reference_price * of // parts
    market.static_reference = market.static_reference * of // parts
    market.closing_price = market.closing_price * of // parts
    market.closing_auction_price = market.closing_auction_price * of // parts
    market.trades = []
    for standing in market.standings.values():
        position = abs(standing.position) * parts // of
        standing.position = position if standing.position > 0 else -position
    for order in book.all_orders():
        if order.special is not None:
            split_special(book, order, order.special, parts, of)
    book.set_triggers()
    watch(state, book)


def phase_changed(state: Exchange, event: PhaseChanged) -> None:
    book = state.books[event.instrument]
    market, before = book.market, book.market.phase
    market.phase = event.phase
    market.until_ms = event.until_ms
    market.next_phase, market.next_at_ms = event.next_phase, event.next_at_ms
    market.begin_call()
    if event.phase in (Phase.PRE_OPEN, Phase.OPENING_AUCTION):
        market.closing_auction_price = 0
    if event.phase in (Phase.CLOSED, Phase.TRADING_AT_LAST):
        market.closing_price = event.price
    if event.phase is Phase.CLOSED and event.price:
        market.reference_price = market.static_reference = event.price
    if not market.in_call:
        book.call = None
    elif before not in CALL_PHASES or book.call is None:
        book.call = call_book_of(book)
    for order in list(book.parked.values()):
        special = order.special
        if special is None:
            continue
        if special.waits == FOR_AUCTION:
            if event.phase in AUCTION_OF.get(special.time_in_force, ()):
                note_entry(state, book, order)
        elif special.terms.all_or_none and special.waits in (FOR_CONTINUOUS, TO_ENTER):
            if event.phase is Phase.CONTINUOUS:
                note_entry(state, book, order)
            else:
                special.waits = FOR_CONTINUOUS
                market.to_enter.pop(order.order_id, None)
    book.set_pace()
    state.set_phase_timer(book)
    watch(state, book)


def schedule_changed(state: Exchange, event: ScheduleChanged) -> None:
    book = state.books[event.instrument]
    book.market.next_phase, book.market.next_at_ms = event.next_phase, event.next_at_ms
    state.set_phase_timer(book)


def auction_indicated(state: Exchange, event: AuctionIndicated) -> None:
    market = state.books[event.instrument].market
    market.indicated = event.price, event.quantity, event.surplus, event.surplus_side


def auction_extended(state: Exchange, event: AuctionExtended) -> None:
    book = state.books[event.instrument]
    market = book.market
    market.until_ms = event.until_ms
    market.prolonged = True
    market.end_drawn = True
    if event.reason is not ExtensionReason.RANDOM_END:
        market.extended = True
    state.set_phase_timer(book)


def auction_ended(state: Exchange, event: AuctionEnded) -> None:
    """The trades that follow say what it did."""


def quotes_replaced(state: Exchange, event: QuotesReplaced) -> None:
    book = state.books[event.instrument]
    for entry in event.entering:
        book.market.to_enter[entry.order_id] = QuoteNote(
            entry, event.account_id, event.session_id, event.self_trade_prevention
        )
    state.touched[event.instrument] = None


def quote_trades_counted(state: Exchange, event: QuoteTradesCounted) -> None:
    market = state.books[event.instrument].market
    del market.unseen_fills[event.account_id]
    protection = market.protections[event.account_id]
    protection.quantity, protection.trades = event.quantity, event.trades
    protection.window_start_ms = event.window_start_ms
    protection.tripped = event.tripped


def quote_protection_set(state: Exchange, event: QuoteProtectionSet) -> None:
    names = [event.instrument] if event.instrument else sorted(state.books)
    for name in names:
        market = state.books[name].market
        market.protections[event.account_id] = Protection(
            event.window_ms, event.quantity_max, event.trades_max
        )
        market.unseen_fills.pop(event.account_id, None)


def trade_busted(state: Exchange, event: TradeBusted) -> None:
    book = state.books[event.instrument]
    book.market.drop_trade(event.trade_id)
    _count_again(state, book, event.buy_account_id, event.trade_id, -event.quantity)
    _count_again(state, book, event.sell_account_id, event.trade_id, event.quantity)


def _count_again(
    state: Exchange, book: OrderBook, account_id: int, trade_id: int, bought: int
) -> None:
    """What a trade that was taken back, in full or in part, does to a position that has it."""
    standing = standing_of(state, book, account_id)
    if standing is not None and trade_id > standing.since:
        standing.position += bought


def trade_corrected(state: Exchange, event: TradeCorrected) -> None:
    book = state.books[event.instrument]
    trade = book.market.find_trade(event.trade_id)
    assert trade is not None
    book.market.keep_trade(
        event.trade_id,
        Trade(
            event.trade_id,
            trade.kind,
            trade.buy_order_id,
            trade.sell_order_id,
            trade.buy_account_id,
            trade.sell_account_id,
            event.price,
            event.quantity,
            event.buy_fee,
            event.sell_fee,
        ),
    )
    less = event.previous_quantity - event.quantity
    _count_again(state, book, event.buy_account_id, event.trade_id, -less)
    _count_again(state, book, event.sell_account_id, event.trade_id, less)


def calendar_set(state: Exchange, event: CalendarSet) -> None:
    state.calendars[event.calendar] = calendar_of(event)


def market_halts_set(state: Exchange, event: MarketHaltsSet) -> None:
    state.halt_reference, state.halt_levels = event.reference, event.levels
    state.halt_levels_reached = 0


def index_published(state: Exchange, event: IndexPublished) -> None:
    state.halt_levels_reached = event.levels_reached


def account_opened(state: Exchange, event: AccountOpened) -> None:
    accounts = state.guard.accounts
    before = accounts.get(event.account_id)
    account = Account(event.account_id, event.member_id, event.group_id)
    account.is_killed = before is not None and before.is_killed
    if not accounts:
        for name in sorted(state.books):
            state.books[name].set_pace(True)
    accounts[event.account_id] = account


def account_closed(state: Exchange, event: AccountClosed) -> None:
    state.guard.accounts[event.account_id].is_closed = True


def account_limits_set(state: Exchange, event: AccountLimitsSet) -> None:
    limits = Limits(
        event.order_quantity_max,
        event.order_notional_max,
        event.open_orders_max,
        event.orders_per_second_max,
        event.collar_ppm,
        event.position_max,
    )
    if event.instrument:
        state.books[event.instrument].market.limits[event.account_id] = limits
    else:
        state.guard.limits[event.account_id] = limits


def kill_switch_set(state: Exchange, event: KillSwitchSet) -> None:
    state.guard.accounts[event.account_id].is_killed = event.engaged


def session_opened(state: Exchange, event: SessionOpened) -> None:
    session = Session(event.member_id, event.cancel_on_disconnect)
    state.guard.sessions[event.session_id] = session


def session_closed(state: Exchange, event: SessionClosed) -> None:
    del state.guard.sessions[event.session_id]


def fees_set(state: Exchange, event: FeesSet) -> None:
    fees = Fees(event.tiers) if event.tiers else None
    if event.instrument:
        state.books[event.instrument].market.fees_are_own = True
        names = [event.instrument]
    else:
        state.fees = fees
        names = [name for name in sorted(state.books) if not state.books[name].market.fees_are_own]
    for name in names:
        book = state.books[name]
        book.market.fees = fees
        book.market.volumes = {}
        book.set_pace()


MARKET_FACTS: Final[dict[type[Any], Callable[[Exchange, Any], None]]] = {
    InstrumentListed: listed,
    InstrumentDelisted: delisted,
    SymbolChanged: symbol_changed,
    ReferencePriceSet: reference_price_set,
    InstrumentSplit: instrument_split,
    PhaseChanged: phase_changed,
    ScheduleChanged: schedule_changed,
    AuctionIndicated: auction_indicated,
    AuctionExtended: auction_extended,
    AuctionEnded: auction_ended,
    QuotesReplaced: quotes_replaced,
    QuoteTradesCounted: quote_trades_counted,
    QuoteProtectionSet: quote_protection_set,
    TradeBusted: trade_busted,
    TradeCorrected: trade_corrected,
    CalendarSet: calendar_set,
    MarketHaltsSet: market_halts_set,
    IndexPublished: index_published,
    AccountOpened: account_opened,
    AccountClosed: account_closed,
    AccountLimitsSet: account_limits_set,
    KillSwitchSet: kill_switch_set,
    SessionOpened: session_opened,
    SessionClosed: session_closed,
    FeesSet: fees_set,
}
"""By kind of event, what it changes."""
