"""Simulated processes: each passes through `operation` whenever it touches the log, the disk or a
database, and may be killed or held up right there.

A killed process goes no further: `ProcessKilled` unwinds it, and every later operation of what it
leaves behind raises it again. A process that is held up (as by SIGSTOP, or a long garbage
collection) stands still in the middle of its operation while the others go on, and then goes on
itself, late: that is what fences are for.
"""

from collections.abc import Callable
from random import Random
from typing import Protocol

from replay.simulator.faults import Faults
from replay.simulator.virtual_time import VirtualClock

LATENCY_NS_MAX = 400_000
"""An operation takes up to so long: 0.4 ms."""
OPERATIONS_UNTIL = 40
"""What is to happen to a process, happens within so many operations."""


class ProcessKilled(BaseException):
    """kill -9: nothing of the process runs any more."""


class Scheduler(Protocol):
    """What lets the others go on while a process stands still."""

    def run_others(self, process: "Process", for_ms: int) -> None: ...


class Process:
    """One simulated process, from its start to its end."""

    def __init__(
        self, name: str, clock: VirtualClock, random: Random, faults: Faults, scheduler: Scheduler
    ) -> None:
        self.name = name
        self.is_alive = True
        self.faults = faults
        self.clock = clock
        self._random = random
        self._scheduler = scheduler
        self._killed_in: int | None = None
        self._end: Callable[[], None] = self.kill
        self._held_in: int | None = None
        self._held_ms = 0
        self._is_held = False
        self.cut_until_ms = 0
        """Until then it does not reach the cluster."""
        self.down_ms: int | None = None
        """For how long it is not started again once it was killed; None: left to chance."""
        self.at_death: list[Callable[[], None]] = []
        """What the operating system does when it ends: locks are freed."""

    def operation(self) -> None:
        """Something outside of the process is about to happen. Errors: ProcessKilled."""
        if not self.is_alive:
            raise ProcessKilled(self.name)
        self.clock.pass_ns(self._random.randrange(LATENCY_NS_MAX))
        if self._held_in is not None:
            self._held_in -= 1
            if self._held_in < 0:
                self._stand_still()
        if self._killed_in is not None:
            self._killed_in -= 1
            if self._killed_in < 0:
                self._end()
        if not self.is_alive:
            raise ProcessKilled(self.name)

    def end_soon(self, random_below: Callable[[int], int], end: Callable[[], None]) -> None:
        """At one of its next operations: `end` kills it, and maybe others."""
        self._killed_in, self._end = random_below(OPERATIONS_UNTIL), end

    def hold_soon(self, random_below: Callable[[int], int], for_ms: int) -> None:
        """At one of its next operations, for so long."""
        self._held_in, self._held_ms = random_below(OPERATIONS_UNTIL), for_ms

    def kill(self) -> None:
        if self.is_alive:
            self.is_alive = False
            for action in self.at_death:
                action()

    @property
    def is_hit(self) -> bool:
        """Whether a fault is on it, or about to be."""
        soon = self._killed_in is not None or self._held_in is not None
        return soon or self._is_held or not self.is_alive

    @property
    def is_held(self) -> bool:
        return self._is_held

    def _stand_still(self) -> None:
        self._held_in = None
        self._is_held = True
        try:
            self._scheduler.run_others(self, self._held_ms)
        finally:
            self._is_held = False
