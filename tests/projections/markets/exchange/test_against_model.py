"""The exchange's read models against a plain model of them, and against the exchange's own state,
on a seeded flow of every kind of command."""

import random
from collections import defaultdict
from itertools import islice
from typing import Any

import pytest

from processors.core.testing.subject import decoded, records
from processors.markets.exchange import SYSTEM
from processors.markets.exchange.events import (
    OrderAccepted,
    OrderCancelled,
    OrderDecremented,
    OrderReplaced,
    OrderTraded,
)
from processors.markets.exchange.state_rows import InstrumentRow
from projections.markets.exchange.candles import CANDLES, INTERVALS_MS
from projections.markets.exchange.executions import EXECUTIONS
from projections.markets.exchange.order_book import OPEN_ORDERS, PRICE_LEVELS, QUEUE
from projections.markets.exchange.trade_tape import TRADES
from tests.processors.markets.exchange.mixed_flow import mixed_flow
from tests.projections.markets.exchange.trading import ONE_PARTITION, Trading

COMMANDS = 4_000
START_MS = 1_700_000_000_000


class Model:
    """Every event applied in the simplest way."""

    def __init__(self) -> None:
        self.orders: dict[tuple[str, int], dict[str, Any]] = {}
        self.trades: list[OrderTraded] = []
        self.trade_times_ms: list[int] = []

    def apply(self, event: Any, at_ms: int) -> None:
        match event:
            case OrderAccepted(instrument=instrument, order_id=order_id):
                self.orders[instrument, order_id] = {
                    "account": event.account_id,
                    "side": event.side.value,
                    "price": event.price,
                    "quantity": event.quantity,
                    "place": event.sequence,
                }
            case OrderTraded(instrument=instrument, quantity=quantity):
                self.trades.append(event)
                self.trade_times_ms.append(at_ms)
                self.take(instrument, event.taker_order_id, quantity)
                self.take(instrument, event.maker_order_id, quantity)
            case OrderDecremented(instrument=instrument, order_id=order_id, quantity=quantity):
                self.take(instrument, order_id, quantity)
            case OrderCancelled(instrument=instrument, order_id=order_id):
                del self.orders[instrument, order_id]
            case OrderReplaced(instrument=instrument, order_id=order_id):
                order = self.orders[instrument, order_id]
                order["price"], order["quantity"] = event.price, event.quantity
                if not event.kept_priority:
                    order["place"] = event.sequence

    def take(self, instrument: str, order_id: int, quantity: int) -> None:
        order = self.orders[instrument, order_id]
        order["quantity"] -= quantity
        if order["quantity"] == 0:
            del self.orders[instrument, order_id]

    def levels(self) -> list[tuple[object, ...]]:
        sums: dict[tuple[str, str, int], list[int]] = defaultdict(lambda: [0, 0])
        for (instrument, _order_id), order in self.orders.items():
            level = sums[instrument, order["side"], order["price"]]
            level[0] += order["quantity"]
            level[1] += 1
        return sorted((*level, *sums[level]) for level in sums)

    def candles(self) -> dict[tuple[str, int, int], tuple[int, ...]]:
        found: dict[tuple[str, int, int], list[OrderTraded]] = defaultdict(list)
        for trade, at_ms in zip(self.trades, self.trade_times_ms, strict=True):
            for interval_ms in INTERVALS_MS.values():
                found[trade.instrument, interval_ms, at_ms // interval_ms * interval_ms] += [trade]
        return {
            key: (
                trades[0].price,
                max(trade.price for trade in trades),
                min(trade.price for trade in trades),
                trades[-1].price,
                sum(trade.quantity for trade in trades),
                len(trades),
            )
            for key, trades in found.items()
        }


@pytest.mark.parametrize("seed", [1, 2])
def test_a_mixed_flow(trading: Trading, seed: int) -> None:
    draw = random.Random(seed)
    times = [START_MS]
    for _ in range(COMMANDS):
        times.append(times[-1] + draw.choice((0, 0, 1, 700, 20_000)))
    flow = zip(times, islice(mixed_flow(seed), COMMANDS), strict=False)
    trading.store.batch_bytes = 20_000
    state = trading.decide_timed(flow)

    model = Model()
    stored = records(trading.log, SYSTEM.events_topic, 0)
    events = decoded(trading.log, ONE_PARTITION, 0)
    for event, record in zip(events, stored, strict=True):
        model.apply(event, record.timestamp)
    assert len(model.trades) > COMMANDS / 20 and len(model.orders) > 10

    with trading.store.reading() as reader:
        orders = list(reader.rows(OPEN_ORDERS, by=QUEUE))
        levels = list(reader.rows(PRICE_LEVELS))
        trades = list(reader.rows(TRADES))
        candles = list(reader.rows(CANDLES))
        executions = list(reader.rows(EXECUTIONS))

    assert {
        (it.instrument, it.order_id): {
            "account": it.account_id,
            "side": it.side,
            "price": it.price,
            "quantity": it.quantity,
            "place": it.priority,
        }
        for it in orders
    } == model.orders
    assert [
        (it.instrument, it.side, it.price, it.quantity, it.orders) for it in levels
    ] == model.levels()
    assert [(it.instrument, it.sequence, it.price, it.quantity) for it in trades] == sorted(
        (it.instrument, it.sequence, it.price, it.quantity) for it in model.trades
    )
    assert {
        (it.instrument, it.interval_ms, it.start_ms): (
            it.open,
            it.high,
            it.low,
            it.close,
            it.volume,
            it.trades,
        )
        for it in candles
    } == model.candles()
    assert sorted(
        (it.account_id, it.sequence, it.role, it.order_id) for it in executions
    ) == sorted(
        row
        for it in model.trades
        for row in (
            (it.taker_account_id, it.sequence, "taker", it.taker_order_id),
            (it.maker_account_id, it.sequence, "maker", it.maker_order_id),
        )
    )
    assert queues_of(state) == queues_of_read_model(orders)


def queues_of(state: Any) -> list[tuple[Any, ...]]:
    """The exchange's own open orders, by instrument and time, from its state's rows."""
    found: list[tuple[Any, ...]] = []
    instrument = ""
    for row in SYSTEM.decider.state_format.to_rows(state):
        if isinstance(row, InstrumentRow):
            instrument = row.instrument
        else:
            order = (row.order_id, row.account_id, row.side.value, row.price, row.quantity)
            found.append((instrument, *order))
    return found


def queues_of_read_model(orders: list[Any]) -> list[tuple[Any, ...]]:
    return [
        (it.instrument, it.order_id, it.account_id, it.side, it.price, it.quantity)
        for it in sorted(orders, key=lambda it: (it.instrument, it.priority))
    ]
