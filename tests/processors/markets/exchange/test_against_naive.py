"""The exchange against a naive one: the same events, one by one, from a long mixed flow.

As many commands as an ordinary test run has time for; NAIVE_COMMANDS=1000000 in the environment
takes as many as that says, and NAIVE_SEED another flow. Now and then the exchange's state goes
through its snapshot form, and must hold its invariants.
"""

import os
from collections.abc import Iterable
from itertools import islice
from typing import Any

from processors.core.timers import decide_fully
from processors.markets.exchange import invariants
from processors.markets.exchange.commands import (
    COMMANDS,
    OrderType,
    Phase,
    PlaceOrder,
    SelfTradePrevention,
    TimeInForce,
)
from processors.markets.exchange.decider import DECIDER
from processors.markets.exchange.events import (
    EVENTS,
    AuctionExtended,
    CancelReason,
    ExtensionReason,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
    PhaseChanged,
    PhaseReason,
    RejectCode,
)
from processors.markets.exchange.state_rows import from_rows, to_rows
from tests.processors.markets.exchange.mixed_flow import mixed_flow
from tests.processors.markets.exchange.naive_exchange import NaiveExchange, Refused

COMMANDS_COMPARED = int(os.environ.get("NAIVE_COMMANDS", "60000"))
SEED = int(os.environ.get("NAIVE_SEED", "5"))

EVERYTHING = {
    *COMMANDS,
    *EVENTS,
    *RejectCode,
    *CancelReason,
    *PhaseReason,
    *ExtensionReason,
    *Phase,
    *OrderType,
    *TimeInForce,
    *SelfTradePrevention,
}


def as_naive(event: Any) -> Any:
    return Refused(event.code, event.field) if type(event) is OrderRejected else event


def kinds_in(command: Any, events: Iterable[Any]) -> Iterable[Any]:
    """What of `EVERYTHING` a command and its events show."""
    yield type(command)
    for event in events:
        yield type(event)
        if isinstance(event, OrderRejected):
            yield event.code
        elif isinstance(event, OrderCancelled):
            yield event.reason
            if event.reason is CancelReason.SELF_TRADE and isinstance(command, PlaceOrder):
                yield command.self_trade_prevention
        elif isinstance(event, PhaseChanged):
            yield from (event.reason, event.phase)
        elif isinstance(event, AuctionExtended):
            yield event.reason
        elif isinstance(event, OrderAccepted):
            yield from (event.order_type, event.time_in_force)


def test_a_long_mixed_flow_gives_the_events_of_the_naive_exchange() -> None:
    naive = NaiveExchange()
    exchange = DECIDER.initial()
    seen: set[Any] = {SelfTradePrevention.NONE}
    for number, (at, command) in enumerate(islice(mixed_flow(SEED), COMMANDS_COMPARED)):
        events, exchange = decide_fully(DECIDER, exchange, command, at)
        told = naive.do(command, at)
        assert [as_naive(event) for event in events] == told, (number, at, command)
        seen.update(kinds_in(command, events))
        if number % 1_000 == 0:
            invariants.check(exchange)
        if number % 2_000 == 0:
            exchange = from_rows(list(to_rows(exchange)))
    invariants.check(exchange)
    assert not EVERYTHING - seen, "the flow is to show everything that can happen"
