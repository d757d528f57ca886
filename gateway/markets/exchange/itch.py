"""The exchange's events as a file of Nasdaq TotalView-ITCH 5.0 (sections of its specification).

    start of file       S O, S S; then R, Y, H of each instrument, and A of each order shown
    instrument_listed   R, Y (no price test), H            4.2.1 to 4.2.3
    symbol_changed      R, Y, H with the same locate code
    phase_changed       H: T trading, Q quotation only (calls, pre-open), H halted or closed
    instrument_delisted H, halted, reason D
    orders              A, X, D, U                         4.3, 4.4.3 to 4.4.5; `itch_book.py`
    order_traded        E, or C where it was shown at another price; P of what was not shown
    auction_traded      C, not printed, of what was shown  4.4.2
    auction_ended       Q: opening, closing, or (after a volatility auction or a halt) H   4.5.2
    auction_indicated   I                                  4.6
    trade_busted        B                                  4.5.3
    trade_corrected     B, and P of the trade as it is now
    market_halts_set    V, the first three levels, index values as whole points            4.2.5.1
    index_published     W where it reached a level         4.2.5.2
    end of file         S M, S E, S C

S Q is written when the first instrument trades continuously. Locate codes number the listings.
Match numbers are the locate code and the trade id of the instrument; of what has no trade id, the
event's sequence with the highest bit of its part set. F (attribution), L (market makers), J, K, h
and N are not written: the exchange has nothing that they would say. Timestamps count from the
midnight of the day that the file begins on, in a zone (UTC by default); a file holds one day.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.markets.exchange.exporting import (
    CannotExport,
    ExportOptions,
    Published,
    is_last_of_command,
    place_of,
)
from gateway.markets.exchange.itch_book import ShownBook
from gateway.markets.exchange.itch_feed import NO_REASON, Feed, Listed
from gateway.markets.exchange.itch_messages import LOCATE_MAX, Unrepresentable
from processors.markets.exchange.events import (
    AuctionEnded,
    AuctionIndicated,
    AuctionTraded,
    IndexPublished,
    InstrumentDelisted,
    InstrumentListed,
    MarketHaltsSet,
    OrderAccepted,
    OrderActivated,
    OrderAdjusted,
    OrderCancelled,
    OrderDecremented,
    OrderEntered,
    OrderParked,
    OrderRefilled,
    OrderReplaced,
    OrderRepriced,
    OrderTraded,
    Phase,
    PhaseChanged,
    PhaseReason,
    Side,
    SymbolChanged,
    TradeBusted,
    TradeCorrected,
)

_TRADING: Final = b"T"
_QUOTATION_ONLY: Final = b"Q"
_HALTED: Final = b"H"
_STATES: Final = {
    Phase.PRE_OPEN: _QUOTATION_ONLY,
    Phase.OPENING_AUCTION: _QUOTATION_ONLY,
    Phase.CONTINUOUS: _TRADING,
    Phase.VOLATILITY_AUCTION: _QUOTATION_ONLY,
    Phase.HALT: _HALTED,
    Phase.CLOSING_AUCTION: _QUOTATION_ONLY,
    Phase.TRADING_AT_LAST: _TRADING,
    Phase.CLOSED: _HALTED,
}
_CROSSES: Final = {
    Phase.PRE_OPEN: b"O",
    Phase.OPENING_AUCTION: b"O",
    Phase.CLOSED: b"O",
    Phase.VOLATILITY_AUCTION: b"H",
    Phase.HALT: b"H",
    Phase.CLOSING_AUCTION: b"C",
    Phase.CONTINUOUS: b"H",
    Phase.TRADING_AT_LAST: b"C",
}
_SURPLUS_SIDES: Final = {Side.BUY: b"B", Side.SELL: b"S", None: b"N"}
_VOLATILITY_PAUSE: Final = b"LUDP"
_DELETED: Final = b"D   "
_WITHOUT_TRADE_ID: Final = 1 << 47
DECLINE_LEVELS_MAX: Final = 3

_DURING_MATCHING: Final = (
    OrderTraded,
    OrderDecremented,
    OrderCancelled,
    OrderRefilled,
    OrderAdjusted,
)
"""What may come between a taker and its rest, or within a split."""


def write_itch(events: Iterable[Published], out: BinaryIO, options: ExportOptions) -> Counter[str]:
    """Write the file; returns how many messages of each type. Raises CannotExport."""
    return _Itch(out, options).write(events)


class _Itch:
    def __init__(self, out: BinaryIO, options: ExportOptions) -> None:
        self._zone = _zone(options.zone)
        self._start_ms = options.start_ms
        self._day_end_ms = 0
        self._feed = Feed(out)
        self._book = ShownBook(self._feed)
        self._listed: dict[str, Listed] = {}
        self._listings = 0
        self._market_hours = False
        self._levels: tuple[int, int, int] | None = None
        self._level_reached = 0
        self._revised: dict[int, int] = {}
        """By the match number of a corrected trade: the one it has now."""
        book = self._book
        self._handlers: dict[type[Any], Callable[[Listed, Any], None]] = {
            OrderAccepted: book.accept,
            OrderEntered: book.enter,
            OrderActivated: book.activate,
            OrderRefilled: book.refill,
            OrderReplaced: book.replace,
            OrderRepriced: book.reprice,
            OrderParked: book.park,
            OrderDecremented: book.decrement,
            OrderCancelled: book.cancel,
            OrderAdjusted: book.adjust,
            OrderTraded: self._trade,
            AuctionTraded: self._trade_in_auction,
            AuctionEnded: self._end_auction,
            AuctionIndicated: self._indicate,
            PhaseChanged: self._change_phase,
            TradeBusted: self._bust,
            TradeCorrected: self._correct,
            SymbolChanged: self._change_symbol,
            InstrumentDelisted: self._delist,
        }
        self._market_handlers: dict[type[Any], Callable[[Any], None]] = {
            InstrumentListed: self._list,
            MarketHaltsSet: self._set_levels,
            IndexPublished: self._publish_index,
        }

    def write(self, events: Iterable[Published]) -> Counter[str]:
        feed = self._feed
        for published in events:
            feed.at_ms = published.at_ms
            try:
                if not feed.began and published.at_ms >= self._start_ms:
                    self._begin()
                if feed.began and published.at_ms >= self._day_end_ms:
                    raise Unrepresentable("it is of a later day than the file's first")
                self._apply(published.event)
            except Unrepresentable as error:
                raise CannotExport(
                    f"{place_of(published)}: {error}; leave it out with --from, --to or "
                    "--instrument"
                ) from error
        feed.at_ms = max(feed.at_ms, self._start_ms)
        if not feed.began:
            self._begin()
        for event in (b"M", b"E", b"C") if self._market_hours else (b"E", b"C"):
            feed.system_event(event)
        return feed.counts

    def _begin(self) -> None:
        """The start of the file, with the market as it stands."""
        feed = self._feed
        day = datetime.fromtimestamp(feed.at_ms // 1000, self._zone).date()
        midnight = datetime(day.year, day.month, day.day, tzinfo=self._zone)
        following = day + timedelta(days=1)
        next_midnight = datetime(following.year, following.month, following.day, tzinfo=self._zone)
        self._day_end_ms = int(next_midnight.timestamp()) * 1000
        feed.begin(int(midnight.timestamp()) * 1000)
        feed.system_event(b"O")
        feed.system_event(b"S")
        if self._levels is not None:
            feed.decline_levels(self._levels)
        for listed in self._listed.values():
            self._announce(listed)
        self._book.show_all()

    def _apply(self, event: Any) -> None:
        kind = type(event)
        if kind not in _DURING_MATCHING:
            self._book.settle()
        handler = self._handlers.get(kind)
        if handler is not None:
            handler(self._listed[event.instrument], event)
        elif (market_handler := self._market_handlers.get(kind)) is not None:
            market_handler(event)
        if is_last_of_command(event):
            self._book.settle()

    def _announce(self, listed: Listed) -> None:
        self._feed.directory(listed)
        self._show_phase(listed)

    def _show_phase(self, listed: Listed, reason: bytes = NO_REASON) -> None:
        if listed.phase is Phase.CONTINUOUS and not self._market_hours and self._feed.began:
            self._market_hours = True
            self._feed.system_event(b"Q")
        self._feed.trading_action(listed, _STATES[listed.phase], reason)

    def _list(self, event: InstrumentListed) -> None:
        self._listings += 1
        if self._listings > LOCATE_MAX:
            raise Unrepresentable(f"it is listing {self._listings}, and ITCH has {LOCATE_MAX}")
        phase = Phase.CLOSED if event.calendar else Phase.CONTINUOUS
        symbol = event.symbol or event.instrument
        listed = Listed(
            *(event.instrument, self._listings, symbol, event.price_decimals, event.lot_size),
            phase,
        )
        self._listed[event.instrument] = listed
        self._announce(listed)

    def _change_symbol(self, listed: Listed, event: SymbolChanged) -> None:
        listed.rename(event.symbol)
        self._announce(listed)

    def _delist(self, listed: Listed, event: InstrumentDelisted) -> None:
        self._feed.trading_action(listed, _HALTED, _DELETED)
        del self._listed[event.instrument]

    def _change_phase(self, listed: Listed, event: PhaseChanged) -> None:
        listed.phase = event.phase
        reason = NO_REASON
        if event.reason in (PhaseReason.STATIC_BAND, PhaseReason.DYNAMIC_BAND):
            reason = _VOLATILITY_PAUSE
        elif event.reason is PhaseReason.MARKET_HALT:
            reason = b"MWC%d" % min(self._level_reached, DECLINE_LEVELS_MAX)
        self._show_phase(listed, reason)

    def _trade(self, listed: Listed, event: OrderTraded) -> None:
        self._book.trade(listed, event, _match(listed, event.trade_id, event.sequence))

    def _trade_in_auction(self, listed: Listed, event: AuctionTraded) -> None:
        match = _match(listed, event.trade_id, event.sequence)
        self._book.trade_in_auction(listed, event, match)

    def _end_auction(self, listed: Listed, event: AuctionEnded) -> None:
        match = _match(listed, 0, event.sequence)
        self._feed.cross(listed, event.quantity, event.price, match, _CROSSES[event.phase])

    def _indicate(self, listed: Listed, event: AuctionIndicated) -> None:
        side = _SURPLUS_SIDES[event.surplus_side] if event.price else b"O"
        cross = _CROSSES[listed.phase]
        self._feed.imbalance(listed, event.quantity, event.surplus, side, event.price, cross)

    def _bust(self, listed: Listed, event: TradeBusted) -> None:
        match = _match(listed, event.trade_id, event.sequence)
        self._feed.broken(listed, self._revised.pop(match, match))

    def _correct(self, listed: Listed, event: TradeCorrected) -> None:
        match = _match(listed, event.trade_id, event.sequence)
        self._feed.broken(listed, self._revised.get(match, match))
        self._revised[match] = _match(listed, 0, event.sequence)
        self._feed.trade(listed, event.quantity, event.price, self._revised[match])

    def _set_levels(self, event: MarketHaltsSet) -> None:
        """Of each partition, and the same in all: written once. Eight decimals, and parts per
        million: exact."""
        falls = [level.fall_ppm for level in event.levels[:DECLINE_LEVELS_MAX]]
        points = [event.reference * (1_000_000 - fall) * 100 for fall in falls]
        first, second, third = (*points, 0, 0, 0)[:DECLINE_LEVELS_MAX]
        if self._levels != (first, second, third):
            self._levels = first, second, third
            self._level_reached = 0
            self._feed.decline_levels(self._levels)

    def _publish_index(self, event: IndexPublished) -> None:
        if event.levels_reached > self._level_reached:
            self._level_reached = event.levels_reached
            self._feed.decline_status(b"%d" % min(self._level_reached, DECLINE_LEVELS_MAX))


def _match(listed: Listed, trade_id: int, sequence: int) -> int:
    return listed.locate << 48 | (trade_id or _WITHOUT_TRADE_ID | sequence)


def _zone(name: str) -> ZoneInfo | Any:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise CannotExport(
            f"--zone: {name!r} is no time zone; name one like America/New_York, or UTC"
        ) from error
