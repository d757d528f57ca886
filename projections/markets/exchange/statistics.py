"""The statistics of each instrument and UTC day, from its trades and its phases.

trades, busts, corrections ─┬─► statistics_trades   every trade that stands: the first, the last
                            ├─► statistics_prices   what traded at each price: the high, the low
                            └─► statistics_days     sums
phases ───────────────────────► statistics_days     closing price, halts, volatility auctions

The high and the low, the first and the last price are the ends of tables that are kept in order,
so that a bust costs no more than a trade. A busted trade is as if it had not been, a corrected one
as if it had been so from the start, on the day on which it was made. The closing price stays what
was published. A split changes nothing in the past: prices and quantities are those that traded.
"""

from typing import Final

import msgspec

from processors.markets.exchange.events import (
    AuctionTraded,
    InstrumentListed,
    OrderTraded,
    Phase,
    PhaseChanged,
    TradeBusted,
    TradeCorrected,
)
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables

DAY_MS: Final = 86_400_000
UNNUMBERED: Final = -(2**62)
"""Trades from before trades were numbered are numbered by their sequence, from here."""


class DaySums(msgspec.Struct, gc=False):
    instrument: str
    day_start_ms: int
    volume: int = 0
    notional: str = "0"
    """Price times quantity, summed: decimal digits, as it may exceed 64 bits."""
    trades: int = 0
    auction_volume: int = 0
    volatility_auctions: int = 0
    halts: int = 0
    close: int | None = None


class DayPrice(msgspec.Struct, gc=False):
    """What traded at a price on a day; there is no row where nothing did."""

    instrument: str
    day_start_ms: int
    price: int
    trades: int = 0


class DayTrade(msgspec.Struct, gc=False):
    """A trade that stands. Numbers begin again with each listing of the instrument."""

    instrument: str
    listing: int
    number: int
    day_start_ms: int
    sequence: int
    price: int
    quantity: int
    is_auction: bool


class Listing(msgspec.Struct, gc=False):
    """How often the instrument has been listed."""

    instrument: str
    listing: int = 0


IN_TIME = ("instrument", "day_start_ms", "sequence")
STATISTICS_DAYS = Table("statistics_days", DaySums, key=("instrument", "day_start_ms"))
STATISTICS_PRICES = Table(
    "statistics_prices", DayPrice, key=("instrument", "day_start_ms", "price")
)
STATISTICS_TRADES = Table(
    "statistics_trades", DayTrade, key=("instrument", "listing", "number"), indexes=(IN_TIME,)
)
STATISTICS_LISTINGS = Table("statistics_listings", Listing, key=("instrument",))


class _Statistics:
    __slots__ = ("days", "listings", "prices", "trades")

    def __init__(self, tables: Tables) -> None:
        self.days = tables[STATISTICS_DAYS]
        self.prices = tables[STATISTICS_PRICES]
        self.trades = tables[STATISTICS_TRADES]
        self.listings = tables[STATISTICS_LISTINGS]

    def day(self, instrument: str, day_start_ms: int) -> DaySums:
        """The sums of a day, about to change."""
        day = self.days.get((instrument, day_start_ms)) or DaySums(instrument, day_start_ms)
        self.days.put(day)
        return day

    def listing(self, instrument: str) -> int:
        found = self.listings.get(instrument)
        return found.listing if found else 0

    def relist(self, instrument: str) -> None:
        self.listings.put(Listing(instrument, self.listing(instrument) + 1))

    def trade(self, event: OrderTraded | AuctionTraded, at_ms: int) -> None:
        trade = DayTrade(
            event.instrument,
            self.listing(event.instrument),
            event.trade_id or UNNUMBERED + event.sequence,
            at_ms - at_ms % DAY_MS,
            event.sequence,
            event.price,
            event.quantity,
            type(event) is AuctionTraded,
        )
        self.trades.append(trade)
        self.count(trade, 1)

    def bust(self, event: TradeBusted) -> None:
        key = event.instrument, self.listing(event.instrument), event.trade_id
        self.count(self.trades[key], -1)
        self.trades.delete(key)

    def correct(self, event: TradeCorrected) -> None:
        trade = self.trades[event.instrument, self.listing(event.instrument), event.trade_id]
        self.count(trade, -1)
        trade.price, trade.quantity = event.price, event.quantity
        self.trades.put(trade)
        self.count(trade, 1)

    def count(self, trade: DayTrade, sign: int) -> None:
        """Add a trade to its day, or (-1) take it out."""
        instrument, day_start_ms, price = trade.instrument, trade.day_start_ms, trade.price
        quantity = sign * trade.quantity
        day = self.day(instrument, day_start_ms)
        day.volume += quantity
        day.notional = str(int(day.notional) + price * quantity)
        day.trades += sign
        if trade.is_auction:
            day.auction_volume += quantity
        key = instrument, day_start_ms, price
        at_price = self.prices.get(key) or DayPrice(*key)
        at_price.trades += sign
        if at_price.trades:
            self.prices.put(at_price)
        else:
            self.prices.delete(key)

    def change_phase(self, event: PhaseChanged, at_ms: int) -> None:
        day = self.day(event.instrument, at_ms - at_ms % DAY_MS)
        if event.phase is Phase.VOLATILITY_AUCTION:
            day.volatility_auctions += 1
        elif event.phase is Phase.HALT:
            day.halts += 1
        elif event.phase is Phase.CLOSED and event.price:
            day.close = event.price


def fold(tables: Tables, events: Events) -> None:
    statistics = _Statistics(tables)
    for event, at_ms in events:
        kind = type(event)
        if kind is OrderTraded or kind is AuctionTraded:
            statistics.trade(event, at_ms)
        elif kind is TradeBusted:
            statistics.bust(event)
        elif kind is TradeCorrected:
            statistics.correct(event)
        elif kind is PhaseChanged:
            statistics.change_phase(event, at_ms)
        else:
            statistics.relist(event.instrument)


DAY_STATISTICS = Projection(
    name="day_statistics",
    events=(
        InstrumentListed,
        OrderTraded,
        AuctionTraded,
        TradeBusted,
        TradeCorrected,
        PhaseChanged,
    ),
    tables=(STATISTICS_DAYS, STATISTICS_PRICES, STATISTICS_TRADES, STATISTICS_LISTINGS),
    fold=fold,
    rows_of="partition",
)
