"""The named queries of the exchange: `refold query exchange NAME ...`.

Prices and quantities are integers, as on the log; an instrument's `price_decimals` says where the
decimal point of its prices stands.
"""

from collections.abc import Iterator
from itertools import chain, islice, zip_longest
from typing import Annotated, Literal

import msgspec

from projections.core.errors import QueryError, nearest
from projections.core.projection import Table
from projections.core.read_models import Latest
from projections.core.store import Reader
from projections.markets.exchange.candles import CANDLES, INTERVALS_MS, Candle
from projections.markets.exchange.executions import EXECUTIONS, Execution
from projections.markets.exchange.instruments import (
    INSTRUMENTS,
    PHASES,
    TICK_BANDS,
    InstrumentPhase,
    ListedInstrument,
    TickBandRow,
)
from projections.markets.exchange.order_book import (
    BY_ACCOUNT,
    DARK_LEVELS,
    ON_BOOK,
    OPEN_ORDERS,
    PRICE_LEVELS,
    QUEUE,
    OpenOrder,
    PriceLevel,
)
from projections.markets.exchange.trade_tape import TRADES, Trade

Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
SideName = Literal["buy", "sell"]
SIDES: tuple[SideName, SideName] = ("buy", "sell")
Interval = Literal["1s", "1min", "1h", "1d"]


class DepthRow(msgspec.Struct):
    """One row of the book by price: the bid and the offer that stand at this depth, 1 the best.

    Depth 0, with a price of 0, are market orders, which wait for an auction before all others.
    """

    depth: int
    bid_orders: int | None
    bid_quantity: int | None
    bid_price: int | None
    offer_price: int | None
    offer_quantity: int | None
    offer_orders: int | None


def instruments(reader: Reader) -> list[ListedInstrument]:
    """Every instrument that is or was listed."""
    return list(reader.rows(INSTRUMENTS))


def tick_bands(reader: Reader, instrument: str) -> list[TickBandRow]:
    """The tick sizes of an instrument, by the price that each begins at."""
    listed = _listed(reader, instrument)
    return [
        TickBandRow(instrument, -1, 0, listed.tick_size),
        *reader.rows(TICK_BANDS, instrument),
    ]


def phases(reader: Reader) -> list[InstrumentPhase]:
    """The phase that each instrument is in."""
    return list(reader.rows(PHASES))


def phase(reader: Reader, instrument: str) -> InstrumentPhase | None:
    """The phase that an instrument is in, since when, until when, and what comes next."""
    _listed(reader, instrument)
    return reader.get(PHASES, instrument)


def best(reader: Reader, instrument: str) -> DepthRow:
    """The best bid and the best offer that are displayed; none on a side without orders."""
    _listed(reader, instrument)
    bid, offer = (next(_priced(reader, instrument, side, 1), None) for side in SIDES)
    return DepthRow(1, *_bid(bid), *_offer(offer))


def book_by_price(reader: Reader, instrument: str, depth: Count = 10) -> list[DepthRow]:
    """The displayed order book by price, best first: quantity and number of orders at each."""
    _listed(reader, instrument)
    rows = []
    market = [reader.get(PRICE_LEVELS, instrument, side, 0) for side in SIDES]
    if any(market):
        rows.append(DepthRow(0, *_bid(market[0]), *_offer(market[1])))
    bids, offers = (_priced(reader, instrument, side, depth) for side in SIDES)
    for number, (bid, offer) in enumerate(zip_longest(bids, offers), 1):
        rows.append(DepthRow(number, *_bid(bid), *_offer(offer)))
    return rows


def book_by_order(
    reader: Reader, instrument: str, side: SideName, limit: Count = 100
) -> list[OpenOrder]:
    """One side of the order book by order, in the order in which they would trade: all that is on
    it, displayed or not (for the operator)."""
    _listed(reader, instrument)
    priced = {
        level.price
        for table in (PRICE_LEVELS, DARK_LEVELS)
        for level in _priced(reader, instrument, side, limit, table)
    }
    prices = chain([0], sorted(priced, reverse=side == "buy"))
    orders = (order for price in prices for order in _queue(reader, instrument, side, price))
    return list(islice(orders, limit))


def _queue(reader: Reader, instrument: str, side: str, price: int) -> Iterator[OpenOrder]:
    """The orders on the book at a price: what is displayed trades first."""
    for is_displayed in (True, False):
        for order in reader.rows(OPEN_ORDERS, instrument, side, price, by=QUEUE):
            if order.state == ON_BOOK and (order.displayed > 0) is is_displayed:
                yield order


def trades(reader: Reader, instrument: str, limit: Count = 20) -> list[Trade]:
    """The trade tape, latest first: with its conditions, and what was busted or corrected."""
    _listed(reader, instrument)
    return list(reader.rows(TRADES, instrument, descending=True, limit=limit))


def candles(
    reader: Reader,
    instrument: str,
    interval: Interval = "1min",
    limit: Latest = 60,
    since_ms: int = 0,
) -> list[Candle]:
    """The latest candles that start at or after `since_ms`, earliest first."""
    _listed(reader, instrument)
    interval_ms = INTERVALS_MS[interval]
    latest = reader.rows(
        CANDLES, instrument, interval_ms, at_least=since_ms, descending=True, limit=limit
    )
    return list(latest)[::-1]


def open_orders(
    reader: Reader, account_id: int, instrument: str | None = None, limit: Count = 1_000
) -> list[OpenOrder]:
    """An account's open orders, on the book or parked, in one instrument or in all."""
    fixed = (account_id,) if instrument is None else (account_id, instrument)
    return list(reader.rows(OPEN_ORDERS, *fixed, by=BY_ACCOUNT, limit=limit))


def executions(
    reader: Reader, account_id: int, limit: Count = 100, since_ms: int = 0
) -> list[Execution]:
    """An account's executions with their fees, and what became of them, latest first."""
    found = reader.rows(EXECUTIONS, account_id, at_least=since_ms, descending=True, limit=limit)
    return list(found)


def _priced(
    reader: Reader,
    instrument: str,
    side: str,
    depth: int,
    table: Table[PriceLevel] = PRICE_LEVELS,
) -> Iterator[PriceLevel]:
    """The levels of a side that have a price, best first."""
    is_bid = side == "buy"
    return reader.rows(table, instrument, side, at_least=1, descending=is_bid, limit=depth)


def _bid(level: PriceLevel | None) -> tuple[int | None, int | None, int | None]:
    return (None, None, None) if level is None else (level.orders, level.quantity, level.price)


def _offer(level: PriceLevel | None) -> tuple[int | None, int | None, int | None]:
    return _bid(level)[::-1]


def _listed(reader: Reader, instrument: str) -> ListedInstrument:
    found = reader.get(INSTRUMENTS, instrument)
    if found is None:
        known = [row.instrument for row in reader.rows(INSTRUMENTS, limit=10_000)]
        raise QueryError(f"there is no instrument {instrument!r}: {nearest(instrument, known)}")
    return found


QUERIES = (
    instruments,
    best,
    book_by_price,
    trades,
    candles,
    book_by_order,
    open_orders,
    executions,
    phase,
    phases,
    tick_bands,
)
