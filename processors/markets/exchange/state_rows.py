"""The exchange's state as rows, for snapshots and digests, and back.

    exchange, calendars, accounts, sessions, limits
    instrument, market, limits, standings, volumes, protections      } for each instrument,
        trades, orders on the book, parked orders, notes             } by name

However two exchanges came to the same state, their rows are the same: what is looked up stands by
name or number, and what the rules go through in an order of its own stands in that order. Orders
on the book stand in the order of time, which is that of every queue and every account's list;
parked ones in the order of entry. Only the dark part of a level is in an order of its own, that of
`Special.time`, which the rows carry; pegs are in that of `NotesRow`.

Whatever follows from that is not written but built again: levels and their sums, account and
session lists, the indexes of stops, the call book, timers. What is `restless` has no order: its
orders are looked at by their time. After reading, every book is looked at for a follow-up once.

Apart from the decider, which mypyc compiles: msgspec structs are to stay ordinary classes.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import heapify
from operator import attrgetter
from typing import Any, Final

from msgspec.structs import astuple

from processors.markets.exchange.accounts import (
    Account,
    Fees,
    Limits,
    Protection,
    Session,
    Standing,
)
from processors.markets.exchange.calendar import TradingCalendar
from processors.markets.exchange.call_auction import call_book_of
from processors.markets.exchange.instrument import Instrument
from processors.markets.exchange.market import Market, QuoteNote, Trade, trade_of
from processors.markets.exchange.order import FOR_STOP, Order, Special, new_order
from processors.markets.exchange.order_book import BUY, BookSide, OrderBook
from processors.markets.exchange.row_types import (
    AccountRow,
    CalendarRow,
    ExchangeRow,
    InstrumentRow,
    LimitsRow,
    MarketRow,
    NotesRow,
    OpenOrder,
    OrderRow,
    ProtectionRow,
    QuoteNoteRow,
    Row,
    SessionRow,
    SpecialRow,
    StandingRow,
    StateRow,
    TradeRow,
    VolumeRow,
)
from processors.markets.exchange.state import EXPIRY, PHASE, Exchange
from processors.markets.exchange.terms import FeeTier
from processors.markets.exchange.waiting import add_trailing, watch

__all__ = ["StateRow", "from_rows", "to_rows"]


def _fields(kind: type[Row], after: str = "", before: str = "") -> tuple[str, ...]:
    """Names of a row's fields, which the attributes that they stand for have too."""
    names = kind.__struct_fields__
    first = names.index(after) + 1 if after else 0
    return names[first : names.index(before) if before else None]


ACCOUNT: Final = attrgetter(*_fields(AccountRow))
SESSION: Final = attrgetter(*_fields(SessionRow, after="session_id"))
LIMITS: Final = attrgetter(*_fields(LimitsRow, after="account_id"))
STANDING: Final = attrgetter(*_fields(StandingRow, after="account_id"))
PROTECTION: Final = attrgetter(*_fields(ProtectionRow, after="account_id"))
CALENDAR: Final = attrgetter(*_fields(CalendarRow))
TERMS: Final = attrgetter(*_fields(InstrumentRow, after="instrument"))
MARKET_FIELDS: Final = _fields(MarketRow, before="own_tiers")
MARKET: Final = attrgetter(*MARKET_FIELDS)
BOOK_FIELDS: Final = _fields(MarketRow, after="own_tiers")
BOOK: Final = attrgetter(*BOOK_FIELDS)
TRADE: Final = attrgetter(*_fields(TradeRow))
OPEN_ORDER: Final = attrgetter(*_fields(OpenOrder, after="group_id"))
SPECIAL_FIELDS: Final = _fields(SpecialRow, after="self_trade_prevention")
SPECIAL: Final = attrgetter(*SPECIAL_FIELDS)


def to_rows(state: Exchange) -> Iterator[StateRow]:
    guard = state.guard
    yield ExchangeRow(
        _tiers(state.fees), state.halt_reference, state.halt_levels, state.halt_levels_reached
    )
    for name in sorted(state.calendars):
        yield CalendarRow(*CALENDAR(state.calendars[name]))
    for account_id in sorted(guard.accounts):
        yield AccountRow(*ACCOUNT(guard.accounts[account_id]))
    for session_id in sorted(guard.sessions):
        yield SessionRow(session_id, *SESSION(guard.sessions[session_id]))
    yield from _limits_to_rows(guard.limits)
    for name in sorted(state.books):
        yield from _book_to_rows(state.books[name])


def _tiers(fees: Fees | None) -> tuple[FeeTier, ...]:
    return () if fees is None else fees.tiers


def _limits_to_rows(limits: dict[int, Limits]) -> Iterator[StateRow]:
    for account_id in sorted(limits):
        yield LimitsRow(account_id, *LIMITS(limits[account_id]))


def _book_to_rows(book: OrderBook) -> Iterator[StateRow]:
    market = book.market
    yield InstrumentRow(book.instrument.name, *TERMS(book.instrument))
    own_tiers = _tiers(market.fees) if market.fees_are_own else ()
    yield MarketRow(*(*MARKET(market), own_tiers, *BOOK(book)))
    yield from _limits_to_rows(market.limits)
    for account_id in sorted(market.standings):
        yield StandingRow(account_id, *STANDING(market.standings[account_id]))
    for account_id in sorted(market.volumes):
        yield VolumeRow(account_id, market.volumes[account_id])
    for account_id in sorted(market.protections):
        yield ProtectionRow(account_id, *PROTECTION(market.protections[account_id]))
    trades = [kept for kept in market.trades if kept is not None]
    for kept in sorted(trades, key=attrgetter("trade_id")):
        yield TradeRow(*TRADE(kept if isinstance(kept, Trade) else trade_of(kept)))
    yield from _orders_to_rows(book.orders.values())
    yield from _orders_to_rows(book.parked.values())
    if market.pegs or market.to_cancel or market.to_enter or market.unseen_fills:
        yield _notes_to_row(market)


def _orders_to_rows(orders: Iterable[Order]) -> Iterator[StateRow]:
    for order in orders:
        owner = order.owner
        group_id = -owner if owner < 0 else 0
        special = order.special
        if special is None:
            yield OrderRow(
                order.order_id,
                order.account_id,
                group_id,
                order.side,
                order.price,
                order.quantity,
                order.post_only,
                order.self_trade_prevention,
            )
        else:
            yield SpecialRow(
                order.order_id, order.account_id, group_id, *OPEN_ORDER(order), *SPECIAL(special)
            )


def _notes_to_row(market: Market) -> NotesRow:
    return NotesRow(
        pegs=tuple(market.pegs),
        to_cancel=tuple(market.to_cancel),
        to_enter=tuple(
            order_id
            if quote is None
            else QuoteNoteRow(
                quote.entry, quote.account_id, quote.session_id, quote.self_trade_prevention
            )
            for order_id, quote in market.to_enter.items()
        ),
        unseen_fills=tuple(
            (account_id, quantity, trades)
            for account_id, (quantity, trades) in market.unseen_fills.items()
        ),
    )


def from_rows(rows: Iterable[StateRow]) -> Exchange:
    """The state that `to_rows` wrote. ValueError: a row of an instrument stands before any."""
    state = Exchange()
    book: OrderBook | None = None
    for row in rows:
        if isinstance(row, OrderRow) and book is not None:
            book.rest(_order_of(row))
        elif isinstance(row, InstrumentRow):
            if book is not None:
                _complete(state, book)
            book = _open_book(state, row)
        elif book is None:
            restore = OF_EXCHANGE.get(type(row))
            if restore is None:
                tag = row.__struct_config__.tag
                raise ValueError(f"a row of kind {tag!r} stands before any instrument row")
            restore(state, row)
        else:
            OF_INSTRUMENT[type(row)](state, book, row)
    if book is not None:
        _complete(state, book)
    heapify(state.timers)
    state.drop_overtaken_timers()
    return state


def _whole(state: Exchange, row: ExchangeRow) -> None:
    state.fees = Fees(row.tiers) if row.tiers else None
    state.halt_reference = row.halt_reference
    state.halt_levels = row.halt_levels
    state.halt_levels_reached = row.halt_levels_reached


def _calendar(state: Exchange, row: CalendarRow) -> None:
    state.calendars[row.calendar] = TradingCalendar(*astuple(row))


def _account(state: Exchange, row: AccountRow) -> None:
    account = Account(row.account_id, row.member_id, row.group_id)
    account.is_closed = row.is_closed
    account.is_killed = row.is_killed
    state.guard.accounts[row.account_id] = account


def _session(state: Exchange, row: SessionRow) -> None:
    state.guard.sessions[row.session_id] = Session(row.member_id, row.cancel_on_disconnect)


def _limits_for_all(state: Exchange, row: LimitsRow) -> None:
    state.guard.limits[row.account_id] = _limits_of(row)


def _limits_of(row: LimitsRow) -> Limits:
    return Limits(*astuple(row)[1:])


def _open_book(state: Exchange, row: InstrumentRow) -> OrderBook:
    instrument = Instrument(
        row.instrument,
        row.price_decimals,
        row.tick_size,
        row.lot_size,
        row.price_min,
        row.price_max,
        row.quantity_max,
    )
    for name in _fields(InstrumentRow, after="quantity_max"):
        setattr(instrument, name, getattr(row, name))
    instrument.set_tick_bands(row.tick_bands)
    book = state.books[row.instrument] = OrderBook(instrument)
    return book


def _market(state: Exchange, book: OrderBook, row: MarketRow) -> None:
    market = book.market
    for name in MARKET_FIELDS:
        setattr(market, name, getattr(row, name))
    for name in BOOK_FIELDS:
        setattr(book, name, getattr(row, name))
    market.fees = state.fees
    if row.fees_are_own:
        market.fees = Fees(row.own_tiers) if row.own_tiers else None


def _limits(_state: Exchange, book: OrderBook, row: LimitsRow) -> None:
    book.market.limits[row.account_id] = _limits_of(row)


def _standing(_state: Exchange, book: OrderBook, row: StandingRow) -> None:
    standing = Standing(row.since)
    for name in _fields(StandingRow, after="account_id"):
        setattr(standing, name, getattr(row, name))
    book.market.standings[row.account_id] = standing


def _volume(_state: Exchange, book: OrderBook, row: VolumeRow) -> None:
    book.market.volumes[row.account_id] = row.notional


def _protection(_state: Exchange, book: OrderBook, row: ProtectionRow) -> None:
    protection = Protection(row.window_ms, row.quantity_max, row.trades_max)
    protection.window_start_ms = row.window_start_ms
    protection.quantity = row.quantity
    protection.trades = row.trades
    protection.tripped = row.tripped
    book.market.protections[row.account_id] = protection


def _trade(_state: Exchange, book: OrderBook, row: TradeRow) -> None:
    book.market.keep_trade(row.trade_id, Trade(*astuple(row)))


def _order_of(row: OpenOrder) -> Order:
    return new_order(
        row.order_id,
        row.account_id,
        -row.group_id if row.group_id else row.account_id,
        row.side,
        row.price,
        row.quantity,
        row.post_only,
        row.self_trade_prevention,
    )


def _special(state: Exchange, book: OrderBook, row: SpecialRow) -> None:
    market = book.market
    order = _order_of(row)
    order.special = special = Special(row.order_type, row.time_in_force, row.terms)
    for name in SPECIAL_FIELDS:
        setattr(special, name, getattr(row, name))
    clock = book.clock
    if row.waits:
        book.park(order, row.waits)
    else:
        book.rest(order)
    book.clock, special.time = clock, row.time
    if row.waits == FOR_STOP:
        (market.stop_buys if row.side is BUY else market.stop_sells).add(order, row.stop_price)
        add_trailing(book, order, special)
    if row.is_quote:
        market.quotes.setdefault(row.account_id, {})[row.order_id] = order
    if row.expires_at_ms:
        state.timers.append((row.expires_at_ms, EXPIRY, book.instrument.name, row.order_id))
    if special.is_active_dark and not row.waits:
        market.restless[row.order_id] = order


def _notes(_state: Exchange, book: OrderBook, row: NotesRow) -> None:
    market = book.market
    for order_id in row.pegs:
        order = book.find(order_id)
        assert order is not None
        market.pegs[order_id] = order
    market.to_cancel = dict.fromkeys(row.to_cancel)
    for note in row.to_enter:
        if isinstance(note, int):
            market.to_enter[note] = None
        else:
            market.to_enter[note.entry.order_id] = QuoteNote(*astuple(note))
    for account_id, quantity, trades in row.unseen_fills:
        market.unseen_fills[account_id] = [quantity, trades]


def _complete(state: Exchange, book: OrderBook) -> None:
    """What follows from all that an instrument's rows said."""
    market = book.market
    _sort_dark(book.bids)
    _sort_dark(book.asks)
    if market.in_call:
        book.call = call_book_of(book)
    if market.due_ms:
        state.timers.append((market.due_ms, PHASE, book.instrument.name, 0))
    book.set_pace(bool(state.guard.accounts))
    book.set_triggers()
    watch(state, book)


def _sort_dark(book_side: BookSide) -> None:
    """Reserve orders stand among the others by when they last showed a part, but what they do not
    show has kept its place."""
    for level in book_side.levels.values():
        if level.dark is not None:
            level.dark = dict(sorted(level.dark.items(), key=_time))


def _time(dark: tuple[int, Order]) -> int:
    special = dark[1].special
    assert special is not None
    return special.time


OF_EXCHANGE: Final[dict[type[Any], Callable[[Exchange, Any], None]]] = {
    ExchangeRow: _whole,
    CalendarRow: _calendar,
    AccountRow: _account,
    SessionRow: _session,
    LimitsRow: _limits_for_all,
}
OF_INSTRUMENT: Final[dict[type[Any], Callable[[Exchange, OrderBook, Any], None]]] = {
    MarketRow: _market,
    LimitsRow: _limits,
    StandingRow: _standing,
    VolumeRow: _volume,
    ProtectionRow: _protection,
    TradeRow: _trade,
    SpecialRow: _special,
    NotesRow: _notes,
}
