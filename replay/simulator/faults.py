"""Which faults happen when: drawn from the seed, counted, and told by name.

Each occasion has a name, `lost_ack#17`: the seventeenth operation that could lose its answer. A
run may be held to some of these alone, which is how a failing run is shrunk. Draws of one kind do
not move those of another.
"""

from collections import Counter
from random import Random

import msgspec

from replay.simulator.profile import Fault, Profile

MILLION = 1_000_000


class Injected(msgspec.Struct, frozen=True, kw_only=True):
    """A fault that happened."""

    name: str
    at_ms: int
    """Virtual milliseconds since the beginning."""
    target: str


class Faults:
    """The faults of one run. `only`: these names and no others."""

    def __init__(self, profile: Profile, seed: int, only: frozenset[str] | None = None) -> None:
        self.injected: list[Injected] = []
        self.is_active = True
        self.now_ms = 0
        self._only = only
        self._occasions = Counter[str]()
        self._random = {
            fault.kind: Random(f"{seed}/{profile.name}/{fault.kind}") for fault in profile.faults
        }
        self._rated = {each.kind: each for each in profile.faults if each.per_million}
        self._timed = {each.kind: each for each in profile.faults if each.every_ms is not None}
        self._next_ms = {kind: self._after(fault) for kind, fault in self._timed.items()}

    def strikes(self, kind: str, target: str) -> bool:
        """Whether the fault happens at this operation."""
        fault = self._rated.get(kind)
        if fault is None or not self.is_active:
            return False
        drawn = self._random[kind].randrange(MILLION) < fault.per_million
        return self._happens(kind, drawn, target)

    def due(self, target: str) -> list[Fault]:
        """Of the kinds that come now and then: those whose time has come."""
        if not self.is_active:
            return []
        found = []
        for kind, fault in self._timed.items():
            if self._next_ms[kind] <= self.now_ms:
                self._next_ms[kind] = self._after(fault)
                if self._happens(kind, True, target):
                    found.append(fault)
        return found

    def lasts_ms(self, fault: Fault) -> int:
        """For how long it lasts this time."""
        return self._random[fault.kind].randint(*fault.lasts_ms)

    def draw(self, kind: str, below: int) -> int:
        """A choice that belongs to a fault of this kind."""
        return self._random[kind].randrange(below)

    def _after(self, fault: Fault) -> int:
        least, most = fault.every_ms or (0, 0)
        return self.now_ms + self._random[fault.kind].randint(least, most)

    def _happens(self, kind: str, drawn: bool, target: str) -> bool:
        self._occasions[kind] += 1
        name = f"{kind}#{self._occasions[kind]}"
        happens = drawn if self._only is None else name in self._only
        if happens:
            self.injected.append(Injected(name=name, at_ms=self.now_ms, target=target))
        return happens
