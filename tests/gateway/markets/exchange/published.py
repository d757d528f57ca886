"""Events as the log holds them, for the tests of what is written from them: by hand, in short
words on the instrument ACME, or by the rules from whole flows of commands.
"""

import dataclasses
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from gateway.markets.exchange.exporting import Published
from log.backends.memory import MemoryLog
from processors.core.testing.subject import decide_all, flow_records, memory_log
from processors.markets.exchange import SYSTEM
from processors.markets.exchange.events import (
    AuctionTraded,
    CancelReason,
    InstrumentListed,
    OrderAccepted,
    OrderCancelled,
    OrderDecremented,
    OrderEntered,
    OrderRefilled,
    OrderReplaced,
    OrderTraded,
    Phase,
    PhaseChanged,
    PhaseReason,
    Side,
    TradeBusted,
    TradeCorrected,
)
from projections.core.memory_store import MemoryStore
from projections.core.store import Catalog, Store
from projections.core.worker import Worker
from projections.markets.exchange.instruments import LISTED_INSTRUMENTS
from projections.markets.exchange.order_book import ORDER_BOOK

ACME = "ACME"
COMMANDS = 5_000
Flow = Callable[[int], Iterator[tuple[int, Any]]]
NINE_ON_FRIDAY_MS = 1_714_726_800_000
"""2024-05-03T09:00:00Z."""
LISTED = InstrumentListed(
    instrument=ACME,
    price_decimals=2,
    tick_size=1,
    lot_size=1,
    price_min=1,
    price_max=100_000,
    quantity_max=1_000_000,
)


def published(*commands: Any, start_ms: int = NINE_ON_FRIDAY_MS) -> list[Published]:
    """Each argument is the event of a command, or a list of a command's events; one a ms."""
    found: list[Published] = []
    sequences = count()
    for number, events in enumerate(commands):
        listed = events if isinstance(events, list) else [events]
        for index, event in enumerate(listed):
            event.sequence = next(sequences)
            event.cause, event.cause_index, event.cause_count = number, index, len(listed)
            found.append(Published(start_ms + number, 0, event))
    return found


def decided(flow: Flow, seed: int) -> MemoryLog:
    """A log of four partitions, with what the flow leads to by the rules."""
    system = dataclasses.replace(SYSTEM, flow=flow)
    log = memory_log(system, flow_records(system, seed, COMMANDS))
    decide_all(log, system)
    return log


def read_model(log: MemoryLog) -> Store:
    """What the read models of instruments and of open orders make of the log."""
    store = MemoryStore(Catalog(SYSTEM, (LISTED_INSTRUMENTS, ORDER_BOOK)))
    Worker(log, store).catch_up()
    return store


def listed(**more: Any) -> InstrumentListed:
    values = {field: getattr(LISTED, field) for field in LISTED.__struct_fields__}
    return InstrumentListed(**values | more)


def bid(order_id: int, quantity: int, price: int = 0, **more: Any) -> OrderAccepted:
    return _accepted(Side.BUY, order_id, quantity, price, more)


def offer(order_id: int, quantity: int, price: int = 0, **more: Any) -> OrderAccepted:
    return _accepted(Side.SELL, order_id, quantity, price, more)


def _accepted(
    side: Side, order_id: int, quantity: int, price: int, more: dict[str, Any]
) -> OrderAccepted:
    return OrderAccepted(
        instrument=ACME,
        account_id=more.pop("account_id", 1),
        side=side,
        order_id=order_id,
        quantity=quantity,
        price=price,
        **more,
    )


def traded(
    taker: int, maker: int, quantity: int, price: int, side: Side = Side.BUY, **more: Any
) -> OrderTraded:
    """`side` is the taker's; account 1 takes from account 2."""
    return OrderTraded(
        instrument=ACME,
        taker_order_id=taker,
        maker_order_id=maker,
        taker_account_id=1,
        maker_account_id=2,
        taker_side=side,
        quantity=quantity,
        price=price,
        **more,
    )


def crossed(
    buy: int, sell: int, quantity: int, price: int, trade_id: int, **more: Any
) -> AuctionTraded:
    return AuctionTraded(
        instrument=ACME,
        buy_order_id=buy,
        sell_order_id=sell,
        buy_account_id=1,
        sell_account_id=2,
        price=price,
        quantity=quantity,
        trade_id=trade_id,
        **more,
    )


def busted(trade_id: int, quantity: int, price: int, **more: Any) -> TradeBusted:
    return TradeBusted(
        instrument=ACME,
        trade_id=trade_id,
        quantity=quantity,
        price=price,
        buy_order_id=1,
        sell_order_id=2,
        buy_account_id=1,
        sell_account_id=2,
        **more,
    )


def corrected(
    trade_id: int, quantity: int, price: int, before: tuple[int, int], **more: Any
) -> TradeCorrected:
    """`before`: its quantity and price as they were."""
    return TradeCorrected(
        instrument=ACME,
        trade_id=trade_id,
        quantity=quantity,
        price=price,
        buy_order_id=1,
        sell_order_id=2,
        buy_account_id=1,
        sell_account_id=2,
        previous_quantity=before[0],
        previous_price=before[1],
        **more,
    )


def cancelled(
    order_id: int, quantity: int, reason: CancelReason = CancelReason.REQUESTED
) -> OrderCancelled:
    return OrderCancelled(instrument=ACME, order_id=order_id, quantity=quantity, reason=reason)


def replaced(order_id: int, quantity: int, price: int, **more: Any) -> OrderReplaced:
    return OrderReplaced(
        instrument=ACME, order_id=order_id, quantity=quantity, price=price, **more
    )


def refilled(order_id: int, displayed: int) -> OrderRefilled:
    return OrderRefilled(instrument=ACME, order_id=order_id, displayed=displayed)


def decremented(order_id: int, quantity: int) -> OrderDecremented:
    return OrderDecremented(instrument=ACME, order_id=order_id, quantity=quantity)


def entered(order_id: int, quantity: int, price: int, displayed: int = 0) -> OrderEntered:
    return OrderEntered(
        instrument=ACME, order_id=order_id, quantity=quantity, price=price, displayed=displayed
    )


def phase(
    new: Phase, reason: PhaseReason = PhaseReason.OPERATOR, before: Phase = Phase.CONTINUOUS
) -> PhaseChanged:
    return PhaseChanged(instrument=ACME, phase=new, previous=before, reason=reason)
