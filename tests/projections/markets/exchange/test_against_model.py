"""The exchange's read models against a plain model of them: on seeded events of every kind, and on
a seeded flow of every kind of command."""

import random
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from processors.core.testing.subject import decoded, records
from processors.markets.exchange import SYSTEM
from projections.core.store import Store
from projections.markets.exchange.candles import CANDLES
from projections.markets.exchange.executions import ACCOUNT_EXECUTIONS, EXECUTIONS
from projections.markets.exchange.order_book import (
    DARK_LEVELS,
    OPEN_ORDERS,
    ORDER_BOOK,
    PRICE_LEVELS,
)
from projections.markets.exchange.trade_tape import TRADE_TAPE, TRADES
from tests.processors.markets.exchange.mixed_flow import mixed_flow
from tests.projections.markets.exchange.any_events import AnyEvents
from tests.projections.markets.exchange.model import Model, Order
from tests.projections.markets.exchange.recorded import Recorded
from tests.projections.markets.exchange.trading import ONE_PARTITION, Trading

COMMANDS = 4_000
START_MS = 1_700_000_000_000
PAUSES_MS = (0, 0, 1, 700, 20_000)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_events(tmp_path: Path, seed: int) -> None:
    model = Model()
    draw, at_ms = random.Random(seed), START_MS
    recorded = Recorded(tmp_path, (ORDER_BOOK, TRADE_TAPE, ACCOUNT_EXECUTIONS))
    recorded.database.batch_bytes, recorded.database.cached_rows_limit = 20_000, 50
    for events in islice(AnyEvents(seed, model), COMMANDS):
        at_ms += draw.choice(PAUSES_MS)
        if events:
            recorded.happen(*events, at_ms=at_ms)
        for event in events:
            model.apply(event, at_ms)
    assert sum(trade.busted for trade in model.trades) > 10 and len(model.orders) > 10
    recorded.workers[1].catch_up()
    check(recorded.memory, model)
    check(recorded.database, model)
    recorded.database.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_mixed_flow(trading: Trading, seed: int) -> None:
    trading.store.batch_bytes = 20_000
    trading.decide_timed(islice(mixed_flow(seed), COMMANDS))

    model = Model()
    stored = records(trading.log, SYSTEM.events_topic, 0)
    events = decoded(trading.log, ONE_PARTITION, 0)
    for event, record in zip(events, stored, strict=True):
        model.apply(event, record.timestamp)
    assert len(model.trades) > COMMANDS / 20 and len(model.orders) > 10
    check(trading.store, model)


def check(store: Store, model: Model) -> None:
    """The tables hold what the model does."""
    with store.reading() as reader:
        orders = {(it.instrument, it.order_id): it for it in reader.rows(OPEN_ORDERS)}
        shown, dark = (
            [(it.instrument, it.side, it.price, it.quantity, it.orders) for it in found]
            for found in (reader.rows(PRICE_LEVELS), reader.rows(DARK_LEVELS))
        )
        trades = list(reader.rows(TRADES))
        candles = list(reader.rows(CANDLES))
        executions = list(reader.rows(EXECUTIONS))
    assert {key: as_expected(row) for key, row in orders.items()} == {
        key: expected(order) for key, order in model.orders.items()
    }
    assert (shown, dark) == (model.levels(dark=False), model.levels(dark=True))
    assert [values(row)[2:] for row in trades] == [
        (*values(it)[1:],) for it in sorted(model.trades, key=lambda trade: trade.instrument)
    ]
    assert {values(row)[:3]: values(row)[3:] for row in candles} == model.candles()
    assert [values(row) for row in executions] == sorted(model.executions)


def values(row: Any) -> tuple[Any, ...]:
    names = getattr(row, "__struct_fields__", None) or row.__dataclass_fields__
    return tuple(getattr(row, name) for name in names)


def as_expected(row: Any) -> tuple[Any, ...]:
    place = row.side, row.price, row.quantity, row.priority, row.displayed, row.state
    return row.account_id, *place, row.limit_price, row.time_in_force


def expected(order: Order) -> tuple[Any, ...]:
    state = "on_book" if order.on_book else "parked"
    place = order.side, order.price, order.quantity, order.place, order.shown, state
    return order.account, *place, order.limit, order.time_in_force
