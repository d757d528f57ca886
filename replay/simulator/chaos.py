"""Faults aimed at real processes on a real broker: which, when, at whom, and their end.

The profile's kinds that this mode knows, each for `lasts_ms`:

    kill            kill -9; started again when it is over
    restart         SIGTERM, as a deployment does; started again when it has left and it is over
    hold            SIGSTOP, then SIGCONT: longer than the session, its partitions go to others
    network_cut     nothing passes between the process and the broker
    network_delay   all that passes comes `delay_ms` later
    brokers_hold    the broker stands still, as far as it may be touched

At most `workers_at_once` of the processes are hit at a time; a fault that is due and finds no room
is left out.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

import msgspec

from log.errors import InvalidConfig
from replay.simulator.deployed import LEAVES_S, Deployed
from replay.simulator.faults import Faults
from replay.simulator.profile import Fault, Profile
from replay.simulator.proxy import Proxy

AT_PROCESSES = frozenset({"kill", "restart", "hold"})
ON_THE_NETWORK = frozenset({"network_cut", "network_delay"})
AT_THE_BROKER = frozenset({"brokers_hold"})
KINDS = AT_PROCESSES | ON_THE_NETWORK | AT_THE_BROKER
MODE = "chaos on real processes"
LOOK_EVERY_S = 0.01
BROKER = "the broker"


class HeldBroker(Protocol):
    """A broker that may be made to stand still."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A fault that was injected."""

    kind: str
    target: str
    at_ms: int
    """Since faults began."""
    lasts_ms: int


@dataclass
class _Active:
    until_ms: int
    end: Callable[[], bool]
    """Ends the fault; False where it is to be tried again in a moment."""


def check_profile(profile: Profile, *, with_proxy: bool, with_broker: bool) -> None:
    """InvalidConfig for a profile that cannot be injected, with what is missing."""
    profile.check_kinds(KINDS, MODE)
    for fault in profile.faults:
        if fault.every_ms is None:
            raise InvalidConfig(
                f"profile {profile.name!r}: {fault.kind}: {MODE} goes by time: give every_ms = "
                "[least, most]"
            )
        if fault.kind in ON_THE_NETWORK and not with_proxy:
            raise InvalidConfig(
                f"profile {profile.name!r}: {fault.kind} needs a proxy between the workers and "
                "the broker: name it with --through, as docs/replay/chaos.md shows"
            )
        if fault.kind in AT_THE_BROKER and not with_broker:
            raise InvalidConfig(
                f"profile {profile.name!r}: {fault.kind}: this broker is not ours to hold: leave "
                "it out, or call replay.simulator.real.run_real with a broker"
            )
    if profile.blast_radius.workers_at_once < 1:
        raise InvalidConfig(f"profile {profile.name!r}: workers_at_once is 0: nothing may be hit")


class Chaos:
    """Injects a profile's faults, from a thread of its own, between `begin` and `end`."""

    def __init__(
        self,
        profile: Profile,
        seed: int,
        targets: Sequence[Deployed],
        proxy: Proxy | None = None,
        broker: HeldBroker | None = None,
    ) -> None:
        check_profile(profile, with_proxy=proxy is not None, with_broker=broker is not None)
        self.hits: list[Hit] = []
        self._faults = Faults(profile, seed)
        self._at_once = profile.blast_radius.workers_at_once
        self._targets = {target.name: target for target in targets}
        self._proxy = proxy
        self._broker = broker
        self._random = Random(f"{seed}/targets")
        self._active: dict[str, _Active] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="refold-chaos")

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """No more faults; those there are end now, and everyone is started again. A second time
        does nothing. Errors: what went wrong in injecting; RuntimeError for one who stays."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        deadline_s = time.monotonic() + LEAVES_S
        with self._lock:
            while self._active:
                self._end_due(None)
                if self._active and time.monotonic() > deadline_s:
                    raise RuntimeError(f"{', '.join(self._active)}: told to leave, and stays")
                time.sleep(LOOK_EVERY_S)
        if self._failed is not None:
            raise self._failed

    def ended_by_itself(self) -> Deployed | None:
        """A process that is no more, and none of these faults was it."""
        with self._lock:
            gone = (
                target
                for name, target in self._targets.items()
                if name not in self._active and not target.is_alive
            )
            return next(gone, None)

    # -- in the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        began_s = time.monotonic()
        try:
            while not self._stop.wait(LOOK_EVERY_S):
                now_ms = self._faults.now_ms = int((time.monotonic() - began_s) * 1000)
                with self._lock:
                    self._end_due(now_ms)
                    for fault in self._faults.due(MODE):
                        self._strike(fault, now_ms)
        except BaseException as error:
            self._failed = error

    def _end_due(self, now_ms: int | None) -> None:
        """End the faults whose time is over; all of them, where no time is given."""
        for name, active in list(self._active.items()):
            if (now_ms is None or active.until_ms <= now_ms) and active.end():
                del self._active[name]

    def _strike(self, fault: Fault, now_ms: int) -> None:
        if fault.kind in AT_THE_BROKER:
            free = [BROKER] if BROKER not in self._active else []
        else:
            free = [
                name
                for name, target in self._targets.items()
                if name not in self._active and target.is_alive
            ]
            if len(self._active.keys() - {BROKER}) >= self._at_once:
                return
        if not free:
            return
        name, lasts_ms = self._random.choice(free), self._faults.lasts_ms(fault)
        self._active[name] = _Active(now_ms + lasts_ms, self._inject(fault, name))
        self.hits.append(Hit(kind=fault.kind, target=name, at_ms=now_ms, lasts_ms=lasts_ms))

    def _inject(self, fault: Fault, name: str) -> Callable[[], bool]:
        """Begin a fault; returns what ends it."""
        if fault.kind in AT_THE_BROKER:
            assert self._broker is not None
            self._broker.pause()
            return _done(self._broker.resume)
        if fault.kind in ON_THE_NETWORK:
            proxy = self._proxy
            assert proxy is not None
            if fault.kind == "network_cut":
                proxy.cut(name)
                return _done(lambda: proxy.mend(name))
            proxy.delay(name, self._random.randint(*fault.delay_ms))
            return _done(lambda: proxy.delay(name, 0))
        target = self._targets[name]
        if fault.kind == "hold":
            target.hold()
            return _done(target.go_on)
        if fault.kind == "kill":
            target.kill()
            return _done(target.start)
        target.leave()
        return lambda: _start_again(target)


def _done(action: Callable[[], object]) -> Callable[[], bool]:
    def end() -> bool:
        action()
        return True

    return end


def _start_again(target: Deployed) -> bool:
    """Once it has left."""
    if target.is_alive:
        return False
    target.start()
    return True
