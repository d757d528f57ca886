"""Named queries of what all trading came to: prices and volume by instrument, and the profit and
loss of each account. Prices and amounts are in price units, as on the log."""

from typing import Annotated

import msgspec

from projections.core.store import Reader
from projections.markets.exchange.executions import EXECUTIONS, Execution
from projections.markets.exchange.instruments import INSTRUMENTS
from projections.markets.exchange.positions import POSITIONS
from projections.markets.exchange.queries_oversight import holding
from projections.markets.exchange.queries_trading import rounded, statistics_of
from projections.markets.exchange.statistics import STATISTICS_DAYS
from projections.markets.exchange.trade_tape import TRADES

Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]


class InstrumentTotal(msgspec.Struct):
    """Over all days. `vwap` is rounded half up; prices are none where nothing traded."""

    instrument: str
    last: int | None
    high: int | None
    low: int | None
    vwap: int | None
    volume: int
    notional: int
    trades: int


class Result(msgspec.Struct):
    """An account in an instrument: `cash` is what it sold for less what it bought for, `value` its
    position at the last price, `profit` both less the fees."""

    account_id: int
    instrument: str
    position: int
    last: int | None
    cash: int
    fees: int
    value: int
    profit: int


def totals(reader: Reader) -> list[InstrumentTotal]:
    """Prices, volume and trades of each instrument, over all days. Busted trades are left out."""
    return [_total(reader, row.instrument) for row in reader.rows(INSTRUMENTS)]


def _total(reader: Reader, instrument: str) -> InstrumentTotal:
    days = [statistics_of(reader, day) for day in reader.rows(STATISTICS_DAYS, instrument)]
    volume, notional = sum(day.volume for day in days), sum(day.notional for day in days)
    return InstrumentTotal(
        instrument,
        last=next((day.last for day in reversed(days) if day.last is not None), None),
        high=max((day.high for day in days if day.high is not None), default=None),
        low=min((day.low for day in days if day.low is not None), default=None),
        vwap=rounded(notional, volume) if volume else None,
        volume=volume,
        notional=notional,
        trades=sum(day.trades for day in days),
    )


def profits(reader: Reader, account_id: int | None = None, limit: Count = 10_000) -> list[Result]:
    """Profit and loss by account and instrument, of one account or of all, since the beginning:
    what its trades brought in, less fees, and its position at the last traded price. Reads every
    execution of these accounts. A split after the last trade is not in that price."""
    fixed = () if account_id is None else (account_id,)
    last: dict[str, int | None] = {}
    results = []
    for row in reader.rows(POSITIONS, *fixed, limit=limit):
        account, instrument = row.account_id, row.instrument
        if instrument not in last:
            last[instrument] = _last_price(reader, instrument)
        price = last[instrument]
        position = holding(reader, row).position
        results.append(
            Result(account, instrument, position, price, 0, 0, position * (price or 0), 0)
        )
    by_key = {(each.account_id, each.instrument): each for each in results}
    for account in dict.fromkeys(each.account_id for each in results):
        _add_cash(by_key, account, reader)
    for each in results:
        each.profit = each.cash + each.value - each.fees
    return results


def _last_price(reader: Reader, instrument: str) -> int | None:
    trades = reader.rows(TRADES, instrument, descending=True)
    return next((trade.price for trade in trades if not trade.busted), None)


def _add_cash(results: dict[tuple[int, str], Result], account_id: int, reader: Reader) -> None:
    """What the trades of an account brought in and cost, as busts and corrections left them."""
    standing: dict[tuple[str, int, str], tuple[int, int]] = {}
    for row in reader.rows(EXECUTIONS, account_id):
        result = results.get((account_id, row.instrument))
        if result is None:
            continue  # beyond the limit
        trade = row.instrument, row.trade_id, row.side
        cash, fee = (0, 0) if row.kind == "busted" else (_cash(row), row.fee)
        if row.kind in ("busted", "corrected"):
            before = standing.get(trade, (0, 0))
            result.cash -= before[0]
            result.fees -= before[1]
        standing[trade] = cash, fee
        result.cash += cash
        result.fees += fee


def _cash(row: Execution) -> int:
    amount = row.price * row.quantity
    return amount if row.side == "sell" else -amount


QUERIES = (totals, profits)
