"""Whole trading days from a seed: every phase and auction, every kind of order, few mistakes."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice, pairwise
from typing import Any

import pytest

from log.envelope import Event
from processors.core.timers import decide_fully
from processors.markets.exchange import invariants
from processors.markets.exchange.commands import (
    MassQuote,
    OrderTerms,
    OrderType,
    PlaceOrder,
    TimeInForce,
)
from processors.markets.exchange.decider import DECIDER
from processors.markets.exchange.events import (
    AuctionEnded,
    OrderAccepted,
    OrderRejected,
    PhaseChanged,
)
from processors.markets.exchange.terms import Peg, Phase
from processors.markets.exchange.trading_day import DAY_COMMANDS, trading_days

SEEDS = (1, 2, 3, 4)
SHORT_DAY = 3_000
INSTRUMENTS = ("ALDER", "BIRCH", "CEDAR", "ELM", "FIR", "HAZEL", "LARCH", "ROWAN")
PHASES = (
    Phase.PRE_OPEN,
    Phase.OPENING_AUCTION,
    Phase.CONTINUOUS,
    Phase.CLOSING_AUCTION,
    Phase.TRADING_AT_LAST,
    Phase.CLOSED,
)
FRIDAY_MS = 1_705_017_600_000
"""2024-01-12: on the Monday after it New York does not trade."""


def events_of(seed: int, commands: int, day_commands: int = DAY_COMMANDS) -> Iterator[Event]:
    """What the exchange makes of the flow; at its end the state must be possible."""
    state = DECIDER.initial()
    for at, command in islice(trading_days(seed, day_commands), commands):
        events, state = decide_fully(DECIDER, state, command, at)
        yield from events
    invariants.check(state)


def auctions_of(events: Iterator[Event]) -> list[tuple[str, str, bool]]:
    """(instrument, phase, whether anything traded) of each auction."""
    return [
        (event.instrument, event.phase.value, event.quantity > 0)
        for event in events
        if isinstance(event, AuctionEnded)
    ]


def test_a_seed_gives_the_same_commands_and_another_seed_others() -> None:
    first, again, other = (list(islice(trading_days(seed), 2_000)) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_days_follow_the_calendar_and_end_after_the_close() -> None:
    commands = islice(trading_days(1, 1_000, FRIDAY_MS), 2_000)
    times = [at for at, _ in commands]
    assert all(earlier <= later for earlier, later in pairwise(times))
    shown = [f"{datetime.fromtimestamp(at / 1000, UTC):%a %d %H:%M}" for at in times]
    assert [shown[number] for number in (0, 999, 1000, 1999)] == [
        "Fri 12 13:59",
        "Fri 12 21:16",
        "Tue 16 14:00",
        "Tue 16 21:16",
    ]


def test_in_summer_the_day_begins_an_hour_earlier_by_utc() -> None:
    at, _ = next(trading_days(1, start_ms=1_718_582_400_000))
    assert datetime.fromtimestamp(at / 1000, UTC).isoformat() == "2024-06-17T12:59:00+00:00"


def test_a_day_too_short_for_its_phases_is_refused() -> None:
    with pytest.raises(ValueError, match="day_commands is 999: a day with all its phases"):
        trading_days(1, 999)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_instrument_passes_through_all_phases(seed: int) -> None:
    passed: dict[str, list[Phase]] = {name: [] for name in INSTRUMENTS}
    auctions = []
    for event in events_of(seed, 2 * SHORT_DAY, SHORT_DAY):
        if isinstance(event, PhaseChanged):
            phases = passed[event.instrument]
            volatile = Phase.VOLATILITY_AUCTION in (event.phase, event.previous)
            phases += [] if volatile else [event.phase]
        if isinstance(event, AuctionEnded):
            auctions.append(event)
    assert passed == {name: [*PHASES, *PHASES] for name in INSTRUMENTS}
    traded = Counter((each.instrument, each.phase.value) for each in auctions if each.quantity)
    for name in INSTRUMENTS:
        assert traded[name, "opening_auction"] == traded[name, "closing_auction"] == 2, name
    for name in ("ALDER", "ROWAN"):
        assert traded[name, "volatility_auction"] >= 2, name


def test_a_short_run_sees_the_opening_and_a_volatility_auction() -> None:
    opened = auctions_of(events_of(1, 200))
    assert sorted(opened) == [(name, "opening_auction", True) for name in INSTRUMENTS]
    later = auctions_of(events_of(1, 1_000))[len(opened) :]
    assert later == [("ROWAN", "volatility_auction", True)]


def test_the_demos_day_has_few_rejections_and_a_volatility_auction() -> None:
    counted: Counter[type[Any]] = Counter()
    auctions = []
    for event in events_of(1, DAY_COMMANDS):
        counted[type(event)] += 1
        if isinstance(event, AuctionEnded) and event.instrument == "ALDER":
            auctions.append(event.phase.value)
    assert auctions == ["opening_auction", "volatility_auction", "closing_auction"]
    assert 0.01 < counted[OrderRejected] / DAY_COMMANDS < 0.1
    assert counted[OrderAccepted] > DAY_COMMANDS // 2


def test_every_kind_of_order_comes() -> None:
    orders: list[PlaceOrder] = []
    makers = set()
    for _, command in islice(trading_days(1), 20_000):
        if isinstance(command, PlaceOrder):
            orders.append(command)
        if isinstance(command, MassQuote):
            makers.add(command.account_id)
    closing = (order for _, order in islice(trading_days(1, 1_000), 1_000))
    orders += [order for order in closing if isinstance(order, PlaceOrder)]
    assert {order.order_type for order in orders} == set(OrderType)
    assert {order.time_in_force for order in orders} == set(TimeInForce)
    terms = [order.terms for order in orders if order.terms is not None]
    for name in OrderTerms.__struct_fields__:
        default = getattr(OrderTerms(), name)
        assert any(getattr(each, name) != default for each in terms) == (name != "peg_offset"), (
            name
        )
    assert {each.peg for each in terms} == {None, *Peg}
    assert len(makers) == 2
