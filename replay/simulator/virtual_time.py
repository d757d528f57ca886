"""Time that passes only when the simulation says so.

Within `virtual_time`, the clocks of the whole process are a `VirtualClock`'s, a sleep only moves
it, and the global random generator is the seed's: what is simulated runs as it is, and the same
seed gives the same run. One simulation at a time, in one thread.
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


class VirtualClock:
    """Nanoseconds since the simulation began, and the wall clock of the history that it makes,
    which goes along, and is moved on to the time of whatever is appended."""

    def __init__(self, wall_ms: int) -> None:
        self.ns = 0
        self._wall_ms = wall_ms
        """At `ns` 0, were it never moved on."""

    @property
    def ms(self) -> int:
        return self.ns // NS_PER_MS

    def pass_ns(self, ns: int) -> None:
        self.ns += ns

    def pass_until_ms(self, ms: float) -> None:
        """Jump there, unless that is past."""
        self.ns = max(self.ns, int(ms * NS_PER_MS))

    def seconds(self) -> float:
        return self.ns / NS_PER_S

    def sleep(self, seconds: float) -> None:
        self.ns += int(seconds * NS_PER_S)

    def wall(self) -> int:
        """Milliseconds since 1970."""
        return self._wall_ms + self.ms

    def move_wall_to(self, wall_ms: int) -> None:
        self._wall_ms += max(wall_ms - self.wall(), 0)


@contextmanager
def virtual_time(clock: VirtualClock, seed: int) -> Iterator[None]:
    """Put the clock in the place of the process's own."""
    state = random.getstate()
    random.seed(f"{seed}/global")
    with (
        patch.object(time, "monotonic", clock.seconds),
        patch.object(time, "monotonic_ns", lambda: clock.ns),
        patch.object(time, "perf_counter", clock.seconds),
        patch.object(time, "perf_counter_ns", lambda: clock.ns),
        patch.object(time, "time", lambda: clock.wall() / 1000),
        patch.object(time, "time_ns", lambda: clock.wall() * NS_PER_MS),
        patch.object(time, "sleep", clock.sleep),
    ):
        try:
            yield
        finally:
            random.setstate(state)
