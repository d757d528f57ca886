"""Traffic of a system, from its own flow of commands: a past that reaches up to now, and what goes
on from there at the pace of the clock.

A flow has a time of its own, in which a small hotel gets a booking in half an hour. What it gives
is of the moment that it is given at, so that it may run ahead of the clock somewhat, and as fast
as people like to look at.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from gateway.demo.present import Timed, begun_of_now
from processors.core.system import System

PAST_SHARE = 20
"""The past is so small a part of what a demo of the system alone shows in half a minute."""
PAST_COMMANDS_MAX = 25_000
WANTED_PER_S = 2.0
"""A flow that gives less runs faster than the clock,"""
FASTEST = 60.0
"""but not faster than an hour in a minute: then what it books would soon be too far ahead."""
PAUSE_S_MAX = 4.0
"""A flow's nights are shorter than that."""


@dataclass
class Stream:
    """One flow. Take its `past` first."""

    system: System
    now_ms: int
    seed: int = 1
    speed: float = 1.0
    """How much faster than the clock its time passes from now on."""
    _flow: Iterator[Timed] = field(init=False)
    _first: list[Timed] = field(default_factory=list)
    """What was taken from the flow, and lies after the past."""

    def __post_init__(self) -> None:
        count = self.system.demo_commands // PAST_SHARE
        self._flow = begun_of_now(self.system, self.seed, self.now_ms, count)

    def past(self) -> Iterator[Timed]:
        """(timestamp in ms since 1970, command), up to now."""
        gaps: list[int] = []
        last_ms: int | None = None
        for timed in islice(self._flow, PAST_COMMANDS_MAX):
            at_ms = timed[0]
            if at_ms > self.now_ms:
                self._first.append(timed)
                break
            gaps.append(0 if last_ms is None else at_ms - last_ms)
            last_ms = at_ms
            yield timed
        self.speed = speed_of(gaps)

    def live(self) -> Iterator[Timed]:
        """What comes after the past, without end."""
        yield from self._first
        yield from self._flow


def speed_of(gaps_ms: list[int]) -> float:
    """For a flow with such pauses between its commands; the longest of them do not count."""
    usual = sorted(gaps_ms)[: max(len(gaps_ms) * 99 // 100, 1)]
    if not sum(usual):
        return 1.0
    per_s = 1000 * len(usual) / sum(usual)
    return min(max(WANTED_PER_S / per_s, 1.0), FASTEST)


class Pace:
    """When the commands of a stream are due by the clock."""

    def __init__(self, speed: float, now_s: float) -> None:
        self._speed = speed
        self._last_ms: int | None = None
        self._due_s = now_s

    def due_s(self, at_ms: int, now_s: float) -> float:
        """Of the next command. What is late is not made up for: it would come in a burst."""
        if self._last_ms is not None:
            pause_s = (at_ms - self._last_ms) / 1000 / self._speed
            self._due_s = max(self._due_s + min(pause_s, PAUSE_S_MAX), now_s - 1.0)
        self._last_ms = at_ms
        return self._due_s
