"""The exchange against a naive one: the same events from a long mixed flow."""

from itertools import islice
from typing import Any

from processors.core.decider import fold
from processors.markets.exchange import invariants
from processors.markets.exchange.commands import SelfTradePrevention
from processors.markets.exchange.decider import DECIDER
from processors.markets.exchange.events import (
    EVENTS,
    CancelReason,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
    RejectCode,
)
from tests.processors.markets.exchange.mixed_flow import mixed_flow
from tests.processors.markets.exchange.naive_exchange import NaiveExchange, Refused

COMMANDS = 100_000


def as_naive(event: Any) -> Any:
    return Refused(event.code, event.field) if type(event) is OrderRejected else event


def test_a_hundred_thousand_mixed_commands_give_the_events_of_the_naive_exchange() -> None:
    naive = NaiveExchange()
    exchange = DECIDER.initial()
    seen: set[Any] = set()
    prevented: set[SelfTradePrevention] = set()
    for number, command in enumerate(islice(mixed_flow(seed=5), COMMANDS)):
        events = DECIDER.decide(exchange, command, 0)
        assert [as_naive(event) for event in events] == naive.do(command), (number, command)
        exchange = fold(DECIDER, events, exchange)
        for event in events:
            seen.add(type(event))
            if isinstance(event, OrderRejected):
                seen.add(event.code)
            elif isinstance(event, OrderCancelled):
                seen.add(event.reason)
                if event.reason is CancelReason.SELF_TRADE and type(events[0]) is OrderAccepted:
                    prevented.add(events[0].self_trade_prevention)
        if number % 10_000 == 0:
            invariants.check(exchange)
    invariants.check(exchange)

    expected = {*EVENTS, *CancelReason, *RejectCode} - {RejectCode.INVALID_INSTRUMENT}
    assert seen == expected, "the flow is to show everything that can happen"
    assert prevented == set(SelfTradePrevention) - {SelfTradePrevention.NONE}
