"""Flows whose commands hold a calendar or a policy that does not fit people who look in now.

Everything else begins as its own `start_ms` says.
"""

from collections.abc import Callable, Iterator, Mapping
from heapq import merge
from itertools import count as counted
from itertools import islice
from typing import Any

import msgspec

from processors.core.system import System
from processors.markets.exchange.commands import (
    ChangePhase,
    Phase,
    SetCalendar,
    TimetableStep,
    UtcOffset,
)
from processors.markets.exchange.flow import MARKETS
from processors.markets.exchange.trading_day import trading_days
from processors.media.uploads.commands import CreateUpload, SetPolicy
from processors.media.uploads.terms import Policy

Timed = tuple[int, Any]
Begin = Callable[[System, int, int, int], Iterator[Timed]]
"""(system, seed, now, how many commands until now) -> its flow."""

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

SET_UP_MS = MINUTE_MS
"""The first commands of a trading day come so long before its first phase."""
OPEN_FOR_MS = 59 * MINUTE_MS + 30_000
"""So long before now the first phase was. In half a minute the price of one instrument leaves its
band: there is an auction to look at."""
TIMETABLE = (
    TimetableStep(at_ms=0, phase=Phase.PRE_OPEN),
    TimetableStep(at_ms=20 * MINUTE_MS, phase=Phase.OPENING_AUCTION),
    TimetableStep(at_ms=30 * MINUTE_MS, phase=Phase.CONTINUOUS),
    TimetableStep(at_ms=DAY_MS - 15 * MINUTE_MS, phase=Phase.CLOSING_AUCTION),
    TimetableStep(at_ms=DAY_MS - 5 * MINUTE_MS, phase=Phase.CLOSED),
)
"""The flow's own morning, and then continuous trading nearly round the clock."""
DAY_COMMANDS = 60_000
"""Some ten thousand until now, and five a second then."""
CALLS = tuple(terms[0] for terms in MARKETS[4:7])
"""Instruments whose trading the operator stops for an auction now and then, in turn,"""
CALL_EVERY_MS = 3 * MINUTE_MS
CALL_MS = 2 * MINUTE_MS


def begun_before(system: System, seed: int, now_ms: int, count: int) -> Iterator[Timed]:
    """A system's flow, begun so long ago that about so many commands have come until now."""
    flow: Callable[..., Iterator[Timed]] = system.demo_flow or system.flow
    first, *_, last = [at_ms for at_ms, _ in islice(flow(seed), max(count, 2))]
    return flow(seed, start_ms=now_ms - (last - first))


def exchange_of_now(_system: System, seed: int, now_ms: int, _count: int) -> Iterator[Timed]:
    """Trading days; the first is an hour old, whatever the time and the day of the week."""
    day = trading_days(seed, DAY_COMMANDS, now_ms)
    first_ms, first = next(day)
    shift_ms = now_ms - OPEN_FOR_MS - SET_UP_MS - first_ms
    yield now_ms - OPEN_FOR_MS - SET_UP_MS, _opened(first, now_ms - OPEN_FOR_MS)
    shifted = ((at_ms + shift_ms, command) for at_ms, command in day)
    yield from merge(shifted, _calls(now_ms), key=lambda timed: timed[0])


def _opened(command: Any, pre_open_ms: int) -> Any:
    """The calendar, by a clock whose midnight that moment is, for every day."""
    assert isinstance(command, SetCalendar), "a first day begins with its calendar"
    offset_ms = -pre_open_ms % DAY_MS
    if offset_ms > DAY_MS // 2:
        offset_ms -= DAY_MS
    return msgspec.structs.replace(
        command,
        weekdays=tuple(range(7)),
        holidays=(),
        steps=TIMETABLE,
        utc_offsets=(UtcOffset(offset_ms=offset_ms),),
    )


def _calls(now_ms: int) -> Iterator[Timed]:
    for number in counted():
        yield (
            now_ms - MINUTE_MS + number * CALL_EVERY_MS,
            ChangePhase(
                instrument=CALLS[number % len(CALLS)],
                phase=Phase.VOLATILITY_AUCTION,
                duration_ms=CALL_MS,
            ),
        )


def roomy_uploads(system: System, seed: int, now_ms: int, count: int) -> Iterator[Timed]:
    """People may bring files larger than the flow's; whose own are made up, and neither pictures
    nor films."""
    policy = Policy(
        expire_after_ms=10 * MINUTE_MS, forget_after_ms=20 * MINUTE_MS, sweep_after_ms=MINUTE_MS
    )
    for at_ms, command in begun_before(system, seed, now_ms, count):
        match command:
            case SetPolicy():
                yield at_ms, SetPolicy(policy=policy)
            case CreateUpload() if "filetype" in command.metadata:
                metadata = {**command.metadata, "filetype": "application/zip"}
                yield at_ms, msgspec.structs.replace(command, metadata=metadata)
            case _:
                yield at_ms, command


PRESENT: Mapping[str, Begin] = {
    "markets.exchange": exchange_of_now,
    "media.uploads": roomy_uploads,
}


def begun_of_now(system: System, seed: int, now_ms: int, count: int) -> Iterator[Timed]:
    """A system's flow, of which about so many commands have come until now."""
    return PRESENT.get(system.name, begun_before)(system, seed, now_ms, count)
