"""The named queries of the exchange: `refold query exchange NAME ...`.

Prices and quantities are integers, as on the log; an instrument's `price_decimals` says where the
decimal point of its prices stands.
"""

from itertools import islice, zip_longest
from typing import Annotated, Literal

import msgspec

from projections.core.errors import QueryError, nearest
from projections.core.store import Reader
from projections.markets.exchange.candles import CANDLES, INTERVALS_MS, Candle
from projections.markets.exchange.executions import EXECUTIONS, Execution
from projections.markets.exchange.instruments import INSTRUMENTS, ListedInstrument
from projections.markets.exchange.order_book import (
    BY_ACCOUNT,
    OPEN_ORDERS,
    PRICE_LEVELS,
    QUEUE,
    OpenOrder,
    PriceLevel,
)
from projections.markets.exchange.trade_tape import TRADES, Trade

Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
SideName = Literal["buy", "sell"]
Interval = Literal["1s", "1min", "1h", "1d"]


class DepthRow(msgspec.Struct):
    """One row of the book by price: the bid and the offer that stand at this depth, 1 the best."""

    depth: int
    bid_orders: int | None
    bid_quantity: int | None
    bid_price: int | None
    offer_price: int | None
    offer_quantity: int | None
    offer_orders: int | None


def instruments(reader: Reader) -> list[ListedInstrument]:
    """Every listed instrument."""
    return list(reader.rows(INSTRUMENTS))


def best(reader: Reader, instrument: str) -> DepthRow:
    """The best bid and the best offer; none on a side without orders."""
    rows = book_by_price(reader, instrument, 1)
    return rows[0] if rows else DepthRow(1, None, None, None, None, None, None)


def book_by_price(reader: Reader, instrument: str, depth: Count = 10) -> list[DepthRow]:
    """The order book by price, best first: quantity and number of orders of each level."""
    _check_listed(reader, instrument)
    bids = _levels(reader, instrument, "buy", depth)
    offers = _levels(reader, instrument, "sell", depth)
    rows = enumerate(zip_longest(bids, offers), 1)
    return [DepthRow(number, *_bid(bid), *_offer(offer)) for number, (bid, offer) in rows]


def book_by_order(
    reader: Reader, instrument: str, side: SideName, limit: Count = 100
) -> list[OpenOrder]:
    """One side of the order book by order, in the order in which they would trade."""
    _check_listed(reader, instrument)
    orders = (
        order
        for level in _levels(reader, instrument, side, limit)
        for order in reader.rows(OPEN_ORDERS, instrument, side, level.price, by=QUEUE)
    )
    return list(islice(orders, limit))


def trades(reader: Reader, instrument: str, limit: Count = 20) -> list[Trade]:
    """The trade tape, latest first."""
    _check_listed(reader, instrument)
    return list(reader.rows(TRADES, instrument, descending=True, limit=limit))


def candles(
    reader: Reader,
    instrument: str,
    interval: Interval = "1min",
    limit: Count = 60,
    since_ms: int = 0,
) -> list[Candle]:
    """The latest candles that start at or after `since_ms`, earliest first."""
    _check_listed(reader, instrument)
    interval_ms = INTERVALS_MS[interval]
    latest = reader.rows(
        CANDLES, instrument, interval_ms, at_least=since_ms, descending=True, limit=limit
    )
    return list(latest)[::-1]


def open_orders(
    reader: Reader, account_id: int, instrument: str | None = None, limit: Count = 1_000
) -> list[OpenOrder]:
    """An account's open orders, in one instrument or in all."""
    fixed = (account_id,) if instrument is None else (account_id, instrument)
    return list(reader.rows(OPEN_ORDERS, *fixed, by=BY_ACCOUNT, limit=limit))


def executions(
    reader: Reader, account_id: int, limit: Count = 100, since_ms: int = 0
) -> list[Execution]:
    """An account's executions, latest first."""
    found = reader.rows(EXECUTIONS, account_id, at_least=since_ms, descending=True, limit=limit)
    return list(found)


def _levels(reader: Reader, instrument: str, side: str, depth: int) -> list[PriceLevel]:
    is_bid = side == "buy"
    return list(reader.rows(PRICE_LEVELS, instrument, side, descending=is_bid, limit=depth))


def _bid(level: PriceLevel | None) -> tuple[int | None, int | None, int | None]:
    return (None, None, None) if level is None else (level.orders, level.quantity, level.price)


def _offer(level: PriceLevel | None) -> tuple[int | None, int | None, int | None]:
    return _bid(level)[::-1]


def _check_listed(reader: Reader, instrument: str) -> None:
    if reader.get(INSTRUMENTS, instrument) is None:
        known = [row.instrument for row in reader.rows(INSTRUMENTS, limit=10_000)]
        raise QueryError(f"there is no instrument {instrument!r}: {nearest(instrument, known)}")
