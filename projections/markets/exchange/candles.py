"""Candles of 1 second, 1 minute, 1 hour and 1 day, from `OrderTraded`.

A trade belongs to the interval that its record's timestamp falls in (UTC); intervals without a
trade have no candle.
"""

import msgspec

from processors.markets.exchange.events import OrderTraded
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Rows, Tables

INTERVALS_MS = {"1s": 1_000, "1min": 60_000, "1h": 3_600_000, "1d": 86_400_000}


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


CANDLES = Table("candles", Candle, key=("instrument", "interval_ms", "start_ms"))


def fold(tables: Tables, events: Events) -> None:
    candles = tables[CANDLES]
    second_ms = INTERVALS_MS["1s"]
    latest: dict[str, tuple[int, list[Candle]]] = {}
    """By instrument: the second of its last trade, and the candles which that falls in."""
    for event, at_ms in events:
        instrument, price = event.instrument, event.price
        second = at_ms // second_ms
        found = latest.get(instrument)
        if found is None or found[0] != second:
            found = latest[instrument] = second, _candles_at(candles, instrument, at_ms, price)
        for candle in found[1]:
            if price > candle.high:
                candle.high = price
            if price < candle.low:
                candle.low = price
            candle.close = price
            candle.volume += event.quantity
            candle.trades += 1


def _candles_at(candles: Rows[Candle], instrument: str, at_ms: int, price: int) -> list[Candle]:
    """The candles that a time falls in, about to change; new ones open at the price."""
    found = []
    for interval_ms in INTERVALS_MS.values():
        start_ms = at_ms - at_ms % interval_ms
        candle = candles.get((instrument, interval_ms, start_ms))
        if candle is None:
            candle = Candle(instrument, interval_ms, start_ms, price, price, price, price, 0, 0)
        candles.put(candle)
        found.append(candle)
    return found


TRADE_CANDLES = Projection(
    name="trade_candles", events=(OrderTraded,), tables=(CANDLES,), fold=fold
)
