"""Named queries of what happened in an instrument, to an order, and what it costs: the day's
statistics, auctions, the life of an order, fees. Times are milliseconds since 1970, UTC."""

from collections import deque
from typing import Annotated

import msgspec

from projections.core.errors import QueryError, nearest
from projections.core.projection import Row
from projections.core.read_models import Latest
from projections.core.store import Reader
from projections.markets.exchange.auctions import (
    AUCTION_CALLS,
    AUCTION_HISTORY,
    CALL_AUCTIONS,
    Auction,
    Call,
)
from projections.markets.exchange.fees import ACCOUNT_FEES, FEE_DAYS
from projections.markets.exchange.instruments import INSTRUMENTS
from projections.markets.exchange.order_life import ORDER_LIFE, ORDER_MOMENTS
from projections.markets.exchange.statistics import (
    DAY_STATISTICS,
    IN_TIME,
    STATISTICS_DAYS,
    STATISTICS_PRICES,
    STATISTICS_TRADES,
    DaySums,
)

Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]


class DayStatistics(msgspec.Struct):
    """`close` is the closing price as published; `vwap` is rounded half up to a price unit."""

    instrument: str
    day_start_ms: int
    open: int | None
    high: int | None
    low: int | None
    last: int | None
    close: int | None
    vwap: int | None
    volume: int
    notional: int
    trades: int
    auction_volume: int
    volatility_auctions: int
    halts: int


class OrderStep(msgspec.Struct):
    """One event of an order. `open_quantity` is what is open after it of the order that has the id
    then; price and quantity are those of the event, where it has them."""

    sequence: int
    at_ms: int
    happened: str
    price: int | None
    quantity: int | None
    open_quantity: int


class Fees(msgspec.Struct):
    """Of a day (UTC) and an instrument, in price units: what the account pays as maker, as taker
    and in auctions, what it is paid, and the difference, which may be below zero."""

    day_start_ms: int
    instrument: str
    maker: int
    taker: int
    auction: int
    rebates: int
    total: int


def statistics(reader: Reader, instrument: str, limit: Count = 10) -> list[DayStatistics]:
    """The statistics of an instrument's days (UTC), latest first: prices, volume, notional, VWAP
    (notional by volume, rounded half up), auctions, halts. Busted trades are left out, corrected
    ones are as they are now."""
    days = reader.rows(STATISTICS_DAYS, instrument, descending=True, limit=limit)
    return _of(reader, instrument, [statistics_of(reader, day) for day in days])


def statistics_of(reader: Reader, day: DaySums) -> DayStatistics:
    """One day's."""
    key = day.instrument, day.day_start_ms
    low, high = (
        next((row.price for row in found), None)
        for found in (
            reader.rows(STATISTICS_PRICES, *key, descending=descending, limit=1)
            for descending in (False, True)
        )
    )
    first, last = (
        next((row.price for row in found), None)
        for found in (
            reader.rows(STATISTICS_TRADES, *key, by=IN_TIME, descending=descending, limit=1)
            for descending in (False, True)
        )
    )
    notional = int(day.notional)
    return DayStatistics(
        *key,
        open=first,
        high=high,
        low=low,
        last=last,
        close=day.close,
        vwap=rounded(notional, day.volume) if day.volume else None,
        volume=day.volume,
        notional=notional,
        trades=day.trades,
        auction_volume=day.auction_volume,
        volatility_auctions=day.volatility_auctions,
        halts=day.halts,
    )


def rounded(numerator: int, denominator: int) -> int:
    """Half up."""
    return (2 * numerator + denominator) // (2 * denominator)


def indications(reader: Reader, instrument: str | None = None, limit: Count = 100) -> list[Call]:
    """The call auctions that are on, of one instrument or of all: the price and the quantity that
    each would give now (0: no trade), what would be left over, and on which side."""
    if instrument is None:
        return list(reader.rows(AUCTION_CALLS, limit=limit))
    call = reader.get(AUCTION_CALLS, instrument)
    return _of(reader, instrument, [call] if call else [])


def auctions(reader: Reader, instrument: str, limit: Count = 20) -> list[Auction]:
    """The call auctions that are over, latest first: the call, its last indication, what it was
    extended for, and the result."""
    found = list(reader.rows(AUCTION_HISTORY, instrument, descending=True, limit=limit))
    return _of(reader, instrument, found)


def order_life(
    reader: Reader, instrument: str, order_id: int, limit: Latest = 1_000
) -> list[OrderStep]:
    """Every event of an order, or the latest `limit` of them, earliest first: what happened, and
    what was open of it afterwards. Busts and corrections of its trades too."""
    steps: deque[OrderStep] = deque(maxlen=limit)
    is_open = 0
    for row in reader.rows(ORDER_MOMENTS, instrument, order_id):
        is_open = is_open - row.taken if row.open_quantity is None else row.open_quantity
        steps.append(
            OrderStep(row.sequence, row.at_ms, row.happened, row.price, row.quantity, is_open)
        )
    return _of(reader, instrument, list(steps))


def fees(reader: Reader, account_id: int, limit: Count = 100, since_ms: int = 0) -> list[Fees]:
    """An account's fees by day (UTC) and instrument, latest first, of days that begin at or after
    `since_ms`. Those of busted trades are taken back on the day of the trade."""
    days = reader.rows(FEE_DAYS, account_id, at_least=since_ms, descending=True, limit=limit)
    return [
        Fees(
            day.day_start_ms,
            day.instrument,
            day.maker,
            day.taker,
            day.auction,
            day.rebates,
            day.maker + day.taker + day.auction - day.rebates,
        )
        for day in days
    ]


def _of(reader: Reader, instrument: str, found: list[Row]) -> list[Row]:
    """What was found; QueryError where that is nothing, and there is no such instrument."""
    if not found and reader.get(INSTRUMENTS, instrument) is None:
        known = [row.instrument for row in reader.rows(INSTRUMENTS, limit=10_000)]
        raise QueryError(f"there is no instrument {instrument!r}: {nearest(instrument, known)}")
    return found


PROJECTIONS = (DAY_STATISTICS, CALL_AUCTIONS, ORDER_LIFE, ACCOUNT_FEES)
QUERIES = (statistics, indications, auctions, order_life, fees)
