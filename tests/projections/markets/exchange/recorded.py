"""Hand-made events of the exchange, and read models made of them: for these tests.

    recorded = recorded_in(DAY_STATISTICS)  # a fixture
    recorded.happen(traded(1, 5, 100), at_ms=7)
    recorded.table(statistics, "ACME")

The read models are made twice: in memory, command by command, with no row kept in between; and in
a database, all at once when something is asked. A `table` is what both answer.
"""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from log.backends.memory import MemoryLog
from log.envelope import Event
from log.record import Record
from processors.markets.exchange import SYSTEM
from processors.markets.exchange.events import (
    AuctionTraded,
    CancelReason,
    InstrumentListed,
    OrderAccepted,
    OrderCancelled,
    OrderTraded,
    Side,
    TradeBusted,
    TradeCorrected,
)
from projections.core.memory_store import MemoryStore
from projections.core.projection import Projection
from projections.core.read_models import as_table
from projections.core.sql_store import SqlStore
from projections.core.store import Catalog
from projections.core.worker import Worker
from projections.markets.exchange.instruments import LISTED_INSTRUMENTS

TWO_PARTITIONS = dataclasses.replace(SYSTEM, partitions=2)
DAY_MS = 86_400_000


class Recorded:
    def __init__(self, folder: Path, projections: tuple[Projection, ...]) -> None:
        self.log = MemoryLog(clock=lambda: 0)
        TWO_PARTITIONS.ensure_topics(self.log)
        topic = self.log.topics()[SYSTEM.events_topic]
        self.encode = TWO_PARTITIONS.event_codec(topic).encode
        self.sequences, self.commands = [0, 0], [0, 0]
        catalog = Catalog(TWO_PARTITIONS, (LISTED_INSTRUMENTS, *projections))
        self.memory = MemoryStore(catalog)
        self.database = SqlStore(catalog, f"sqlite:///{folder}/exchange.sqlite")
        self.workers = Worker(self.log, self.memory), Worker(self.log, self.database)

    def happen(self, *events: Event, at_ms: int = 0, partition: int = 0) -> None:
        """These are the events of one command."""
        records = []
        for index, event in enumerate(events):
            event.sequence = self.sequences[partition]
            event.cause = self.commands[partition]
            event.cause_index, event.cause_count = index, len(events)
            self.sequences[partition] += 1
            records.append(Record(self.encode(event), timestamp=at_ms))
        self.commands[partition] += 1
        self.log.partition(SYSTEM.events_topic, partition).append(records)
        self.workers[0].catch_up()

    def ask(self, query: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        self.workers[1].catch_up()
        with self.memory.reading() as memory, self.database.reading() as database:
            answer = query(memory, *arguments, **named)
            assert answer == query(database, *arguments, **named)
        return answer

    def table(
        self, query: Callable[..., Any], *arguments: Any, hide: tuple[str, ...] = (), **named: Any
    ) -> str:
        """The answer as a person sees it: a line a row, values by ` | `, `-` for none."""
        columns, rows = as_table(self.ask(query, *arguments, **named))
        shown = [number for number, column in enumerate(columns) if column not in hide]
        return "\n".join(
            " | ".join("-" if row[number] is None else str(row[number]) for number in shown)
            for row in rows
        )


def recorded_in(*projections: Projection) -> Any:
    """A fixture: an exchange that has listed ACME, and these read models of it."""

    @pytest.fixture
    def recorded(tmp_path: Path) -> Iterator[Recorded]:
        opened = Recorded(tmp_path, projections)
        opened.happen(listed())
        yield opened
        opened.database.close()

    return recorded


def lines(text: str) -> str:
    return dedent(text).strip()


def listed(instrument: str = "ACME") -> InstrumentListed:
    return InstrumentListed(
        instrument=instrument,
        price_decimals=2,
        tick_size=1,
        lot_size=1,
        price_min=1,
        price_max=1_000_000,
        quantity_max=1_000_000,
    )


def accepted(
    order_id: int, side: str, quantity: int, price: int, account: int = 1, **more: Any
) -> OrderAccepted:
    return OrderAccepted(
        instrument=more.pop("instrument", "ACME"),
        order_id=order_id,
        account_id=account,
        side=Side(side),
        quantity=quantity,
        price=price,
        **more,
    )


def cancelled(
    order_id: int, quantity: int = 1, reason: CancelReason = CancelReason.REQUESTED
) -> OrderCancelled:
    return OrderCancelled(instrument="ACME", order_id=order_id, quantity=quantity, reason=reason)


Party = tuple[int, int]
"""An account and its order."""


def traded(
    trade_id: int,
    quantity: int,
    price: int,
    taker: Party = (1, 1),
    maker: Party = (2, 2),
    side: str = "buy",
    fees: tuple[int, int] = (0, 0),
    instrument: str = "ACME",
) -> OrderTraded:
    """The taker's side, and the taker's fee first."""
    return OrderTraded(
        instrument=instrument,
        trade_id=trade_id,
        taker_account_id=taker[0],
        taker_order_id=taker[1],
        maker_account_id=maker[0],
        maker_order_id=maker[1],
        taker_side=Side(side),
        price=price,
        quantity=quantity,
        taker_fee=fees[0],
        maker_fee=fees[1],
    )


def auctioned(
    trade_id: int,
    quantity: int,
    price: int,
    buyer: Party = (1, 1),
    seller: Party = (2, 2),
    fees: tuple[int, int] = (0, 0),
) -> AuctionTraded:
    return AuctionTraded(
        instrument="ACME",
        trade_id=trade_id,
        buy_account_id=buyer[0],
        buy_order_id=buyer[1],
        sell_account_id=seller[0],
        sell_order_id=seller[1],
        price=price,
        quantity=quantity,
        buy_fee=fees[0],
        sell_fee=fees[1],
    )


def busted(trade: OrderTraded | AuctionTraded) -> TradeBusted:
    return TradeBusted(
        instrument=trade.instrument,
        trade_id=trade.trade_id,
        price=trade.price,
        quantity=trade.quantity,
        **_parties(trade),
    )


def corrected(
    trade: OrderTraded | AuctionTraded,
    quantity: int,
    price: int,
    fees: tuple[int, int] = (0, 0),
) -> TradeCorrected:
    """The buyer's new fee first."""
    before = _parties(trade)
    return TradeCorrected(
        instrument=trade.instrument,
        trade_id=trade.trade_id,
        price=price,
        quantity=quantity,
        previous_price=trade.price,
        previous_quantity=trade.quantity,
        previous_buy_fee=before.pop("buy_fee"),
        previous_sell_fee=before.pop("sell_fee"),
        buy_fee=fees[0],
        sell_fee=fees[1],
        **before,
    )


def _parties(trade: OrderTraded | AuctionTraded) -> dict[str, Any]:
    if isinstance(trade, AuctionTraded):
        buy = trade.buy_account_id, trade.buy_order_id, trade.buy_fee
        sell = trade.sell_account_id, trade.sell_order_id, trade.sell_fee
    else:
        buy = trade.taker_account_id, trade.taker_order_id, trade.taker_fee
        sell = trade.maker_account_id, trade.maker_order_id, trade.maker_fee
        if trade.taker_side is Side.SELL:
            buy, sell = sell, buy
    names = "account_id", "order_id", "fee"
    return {
        f"{side}_{name}": value
        for side, party in (("buy", buy), ("sell", sell))
        for name, value in zip(names, party, strict=True)
    }
