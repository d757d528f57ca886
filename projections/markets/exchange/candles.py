"""Candles of 1 second, 1 minute, 1 hour and 1 day, with volume-weighted average prices.

A trade belongs to the interval that its record's timestamp falls in (UTC); intervals without a
trade have no candle. The trade tape's fold hands a second's trades to `add`; after a bust or a
correction it gives that second anew to `replace`, and the longer candles around it are made again
from the shorter ones.
"""

from collections.abc import Iterable
from itertools import pairwise

import msgspec

from projections.core.projection import Table
from projections.core.rows import Rows

INTERVALS_MS = {"1s": 1_000, "1min": 60_000, "1h": 3_600_000, "1d": 86_400_000}
SECOND_MS = INTERVALS_MS["1s"]
LENGTHS_MS = tuple(INTERVALS_MS.values())


class Candle(msgspec.Struct, gc=False):
    instrument: str
    interval_ms: int
    start_ms: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    trades: int
    vwap: int
    """The volume-weighted average price, rounded half up."""
    notional: str
    """Price times quantity of all its trades, in price units: digits, as it may pass 64 bits."""


CANDLES = Table("candles", Candle, key=("instrument", "interval_ms", "start_ms"))


class Span:
    """Trades in their order, as one: those of a second, or of the candles within a longer one."""

    __slots__ = ("close", "high", "low", "notional", "open", "start_ms", "trades", "volume")

    def __init__(self, start_ms: int, price: int) -> None:
        self.start_ms = start_ms
        self.open = self.high = self.low = self.close = price
        self.volume = self.notional = self.trades = 0

    def add(self, price: int, quantity: int) -> None:
        if price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        self.close = price
        self.volume += quantity
        self.notional += price * quantity
        self.trades += 1

    def add_candle(self, candle: Candle) -> None:
        self.high = max(self.high, candle.high)
        self.low = min(self.low, candle.low)
        self.close = candle.close
        self.volume += candle.volume
        self.notional += int(candle.notional)
        self.trades += candle.trades

    def candle(self, instrument: str, interval_ms: int) -> Candle:
        return Candle(
            instrument,
            interval_ms,
            self.start_ms - self.start_ms % interval_ms,
            self.open,
            self.high,
            self.low,
            self.close,
            self.volume,
            self.trades,
            (2 * self.notional + self.volume) // (2 * self.volume),
            str(self.notional),
        )


def add(candles: Rows[Candle], instrument: str, new: Span) -> None:
    """The newest trades, all of one second, come to the candles that they fall in."""
    for interval_ms in LENGTHS_MS:
        candle = new.candle(instrument, interval_ms)
        before = candles.get((instrument, interval_ms, candle.start_ms))
        if before is not None:
            whole = Span(candle.start_ms, before.open)
            whole.add_candle(before)
            whole.add_candle(candle)
            candle = whole.candle(instrument, interval_ms)
        candles.put(candle)


def replace(
    candles: Rows[Candle], instrument: str, second_ms: int, trades: Iterable[tuple[int, int]]
) -> None:
    """These (price, quantity) are now all the trades of the second."""
    span: Span | None = None
    for price, quantity in trades:
        span = span or Span(second_ms, price)
        span.add(price, quantity)
    _put(candles, instrument, SECOND_MS, second_ms, span)
    for shorter_ms, interval_ms in pairwise(LENGTHS_MS):
        start_ms = second_ms - second_ms % interval_ms
        span = None
        for part_ms in range(start_ms, start_ms + interval_ms, shorter_ms):
            candle = candles.get((instrument, shorter_ms, part_ms))
            if candle is not None:
                span = span or Span(start_ms, candle.open)
                span.add_candle(candle)
        _put(candles, instrument, interval_ms, start_ms, span)


def _put(
    candles: Rows[Candle], instrument: str, interval_ms: int, start_ms: int, span: Span | None
) -> None:
    if span is None:
        candles.delete((instrument, interval_ms, start_ms))
    else:
        candles.put(span.candle(instrument, interval_ms))
