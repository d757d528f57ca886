"""What goes to the exchange, and what comes back from it: one event at a time, and for real."""

import dataclasses
from itertools import islice
from typing import Any

import pytest

from log.backends.memory import MemoryLog
from processors.core.appender import Appender
from processors.core.workers.embedded import Worker
from processors.markets import exchange
from processors.markets.clearing import SYSTEM
from processors.markets.clearing.commands import (
    AdjustTrade,
    AmendOrder,
    CloseOrder,
    ReduceOrder,
    RefuseOrder,
    SplitInstrument,
)
from processors.markets.clearing.events import (
    CancelRequested,
    OrderReserved,
    ReplacementReserved,
    Side,
)
from processors.markets.clearing.flow import demo_flow
from processors.markets.clearing.invariants import check
from processors.markets.clearing.reactors import REACTORS
from processors.markets.exchange.commands import (
    CancelOrder,
    OrderType,
    PlaceOrder,
    ReplaceOrder,
    TimeInForce,
)
from processors.markets.exchange.events import (
    AuctionTraded,
    CancelReason,
    InstrumentSplit,
    OrderActivated,
    OrderAdjusted,
    OrderCancelled,
    OrderDecremented,
    OrderRejected,
    OrderReplaced,
    OrderTraded,
    RejectCode,
    TradeBusted,
    TradeCorrected,
)
from tests.processors.markets.clearing.vocabulary import ANN, BOB, fill, of

TO_EXCHANGE, FROM_EXCHANGE = (reactor.on for reactor in REACTORS)
ANNS, BOBS = of(ANN)["order_id"], of(BOB)["order_id"]
DIRECT = 8
"""An order that did not come through clearing."""


def sent(event: Any) -> Any:
    (command,) = TO_EXCHANGE[type(event)](event, 0)
    return command


def back(event: Any) -> list[Any]:
    return list(FROM_EXCHANGE[type(event)](event, 0))


def reserved(**fields: Any) -> OrderReserved:
    known = {"side": Side.BUY, "quantity": 5, "price": 100, "reserved": 500, "asset": "EUR"}
    return OrderReserved(**{**of(), **known, **fields})


def placed(**fields: Any) -> PlaceOrder:
    known = {"account_id": ANN, "side": Side.BUY, "quantity": 5, "price": 100}
    return PlaceOrder(**{**of(), **known, **fields})


def test_an_order_is_placed_in_the_name_of_its_account() -> None:
    assert sent(reserved()) == placed()
    for_a_day = {"time_in_force": TimeInForce.DAY, "post_only": True}
    assert sent(reserved(**for_a_day)) == placed(**for_a_day)


def test_a_market_buy_is_a_limit_order_at_its_cap_that_never_rests() -> None:
    market: dict[str, Any] = {"order_type": OrderType.MARKET}
    at_once: dict[str, Any] = {"time_in_force": TimeInForce.IMMEDIATE_OR_CANCEL}
    in_auction: dict[str, Any] = {"time_in_force": TimeInForce.GOOD_FOR_AUCTION}
    assert sent(reserved(**market)) == placed(**at_once)
    assert sent(reserved(**market, **in_auction)) == placed(**in_auction)
    sell: dict[str, Any] = {"side": Side.SELL, "price": 0}
    assert sent(reserved(**market, **sell)) == placed(**market, **sell)


def test_cancels_and_replacements_are_passed_on() -> None:
    assert sent(CancelRequested(**of())) == CancelOrder(**of())
    assert sent(ReplacementReserved(**of(), price=9, quantity=8, held=72)) == ReplaceOrder(
        **of(), price=9, quantity=8, account_id=ANN
    )


def traded(taker: tuple[int, int], maker: tuple[int, int]) -> OrderTraded:
    return OrderTraded(
        instrument="ACME",
        taker_order_id=taker[0],
        taker_account_id=taker[1],
        maker_order_id=maker[0],
        maker_account_id=maker[1],
        taker_side=Side.BUY,
        price=100,
        quantity=3,
        taker_fee=2,
        maker_fee=-1,
    )


def test_a_trade_comes_back_to_both_sides() -> None:
    assert back(traded((ANNS, ANN), (BOBS, BOB))) == [
        fill(3, 100, ANN, fee=2),
        fill(3, 100, BOB, fee=-1),
    ]


def test_sides_that_are_not_cleared_pass_by() -> None:
    assert back(traded((DIRECT, ANN), (BOBS, BOB))) == [fill(3, 100, BOB, fee=-1)]
    assert back(traded((DIRECT, ANN), (BOBS, ANN))) == []


def sides(**more: Any) -> dict[str, Any]:
    return {
        "instrument": "ACME",
        "trade_id": 7,
        "price": 100,
        "quantity": 3,
        "buy_order_id": ANNS,
        "buy_account_id": ANN,
        "sell_order_id": BOBS,
        "sell_account_id": BOB,
        "buy_fee": 2,
        "sell_fee": 1,
        **more,
    }


def test_a_trade_in_an_auction_comes_back_to_both_sides() -> None:
    bought, sold = back(AuctionTraded(**sides()))
    assert (bought.order_id, bought.fee, bought.trade_id) == (ANNS, 2, 7)
    assert (sold.order_id, sold.fee, sold.quantity) == (BOBS, 1, 3)


def test_a_bust_is_the_trade_the_other_way_round() -> None:
    assert back(TradeBusted(**sides())) == [
        AdjustTrade(**of(ANN), trade_id=7, quantity=-3, notional=300, fee=-2),
        AdjustTrade(**of(BOB), trade_id=7, quantity=3, notional=-300, fee=-1),
    ]


def test_a_correction_is_the_difference() -> None:
    corrected = TradeCorrected(
        **sides(),
        previous_price=90,
        previous_quantity=5,
        previous_buy_fee=3,
        previous_sell_fee=3,
    )
    assert back(corrected) == [
        AdjustTrade(**of(ANN), trade_id=7, quantity=-2, notional=150, fee=-1),
        AdjustTrade(**of(BOB), trade_id=7, quantity=2, notional=-150, fee=-2),
    ]


CANCELLED: dict[str, Any] = {"quantity": 3, "reason": CancelReason.EXPIRED}
REJECTED: dict[str, Any] = {"code": RejectCode.OFF_TICK, "field": "price", "reason": "off"}


@pytest.mark.parametrize(
    ("event", "command"),
    [
        (OrderCancelled(**of(), **CANCELLED), CloseOrder(**of(), reason="expired")),
        (
            OrderRejected(**of(), **REJECTED, account_id=ANN),
            RefuseOrder(**of(), code="off_tick"),
        ),
        (OrderDecremented(**of(), quantity=3), ReduceOrder(**of(), quantity=3)),
        (
            OrderReplaced(**of(), price=9, quantity=3),
            AmendOrder(**of(), price=9, quantity=3, replaces=True),
        ),
        (
            OrderAdjusted(**of(), price=9, quantity=3),
            AmendOrder(**of(), price=9, quantity=3),
        ),
        (OrderActivated(**of(), quantity=3), AmendOrder(**of(), quantity=3)),
    ],
)
def test_what_becomes_of_an_order_comes_back(event: Any, command: Any) -> None:
    assert back(event) == [command]
    event.order_id = DIRECT
    assert back(event) == []


def test_a_rejected_cancel_says_nothing_new() -> None:
    assert back(OrderRejected(**of(), **REJECTED)) == []


def test_a_split_goes_to_every_partition() -> None:
    (command,) = back(InstrumentSplit(instrument="ACME", numerator=2, denominator=1))
    assert command == SplitInstrument(instrument="ACME", numerator=2, denominator=1)
    assert SYSTEM.key(command) is None


def test_both_systems_at_work() -> None:
    """On four partitions each, by a worker: accounts of different partitions trade with each
    other, and the clearing houses of all come to zero."""
    log = MemoryLog(clock=lambda: 0)
    systems = (SYSTEM, dataclasses.replace(exchange.SYSTEM))
    appenders = {
        kind: appender
        for system in systems
        for appender in [Appender(log, system)]
        for kind in system.commands
    }
    for at, command in islice(demo_flow(1), 1_500):
        appenders[type(command)].add(command, at)
    with Worker(log, systems, clock=lambda: 0) as worker:
        for appender in set(appenders.values()):
            appender.flush()
        worker.run(until_idle=True)
        states = [task.fold.state for task in worker.tasks if task.system is SYSTEM]
        assert not any(task.dead_lettered for task in worker.tasks)
    for state in states:
        check(state)
    houses = [state.books["ASPEN"].clearing_house for state in states]
    assert len(states) == 4
    assert any(houses)
    for asset in states[0].books:
        assert sum(state.books[asset].clearing_house for state in states) == 0
