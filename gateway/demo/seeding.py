"""The past of a demo: what all systems were asked, in the order of time, decided as it came.

Commands of the flows go to the log with the timestamps of their moments, a slice of time after the
other; after each, the worker decides it, so that what reactors and timers make of it stands where
it belongs.
"""

import threading
from collections import Counter
from collections.abc import Sequence
from heapq import merge
from itertools import islice
from typing import Any

import msgspec

from gateway.demo.present import Timed
from gateway.demo.streams import Stream
from log.backends import wall_clock_ms
from log.envelope import Command
from log.interface import Log
from log.record import Record
from processors.core.appender import Appender
from processors.core.workers.embedded import Worker

SLICE_COMMANDS = 1_000
OPENING_COMMANDS = 8
LOOKED_AT = 10
"""One command in so many is looked at for arguments of queries."""
ENVELOPE = frozenset(Command.__struct_fields__)
SETTLE_S = 5.0


class Clock:
    """The wall clock, or a moment of the past while that is made."""

    def __init__(self) -> None:
        self.past_ms: int | None = None

    def __call__(self) -> int:
        return wall_clock_ms() if self.past_ms is None else self.past_ms


class Seeding:
    """Makes the past of some streams, with a worker of their systems that goes by `clock`.

    Systems that nothing connects have pasts of their own, one after the other. What asks the
    outside begins first and goes on last: the outside has the meantime.
    """

    def __init__(self, log: Log, worker: Worker, streams: Sequence[Stream], clock: Clock) -> None:
        self._worker = worker
        self._clock = clock
        systems = {each.system.name: each.system for each in streams}
        appenders = {name: Appender(log, system) for name, system in systems.items()}
        self._appenders = {
            kind: appenders[name] for name, system in systems.items() for kind in system.commands
        }
        self.commands = 0
        """That the flows gave."""
        self._values: dict[str, Counter[Any]] = {}
        self._pasts = [_Past(group) for group in _groups(streams)]

    def run(self, stop: threading.Event) -> None:
        """Returns once all that waits is decided, or where it is stopped between two slices."""
        asking = [past for past in self._pasts if past.asks]
        others = [past for past in self._pasts if not past.asks]
        for past in asking:
            self._take(past.slice(OPENING_COMMANDS))
        for past in (*others, *asking):
            if past.asks:
                self._settle()
            while not stop.is_set() and (some := past.slice(SLICE_COMMANDS)):
                self._take(some)
        self._clock.past_ms = None
        self._decide()

    def _take(self, some: Sequence[Timed]) -> None:
        """Append, and decide."""
        known = [timed for timed in some if type(timed[1]) in self._appenders]
        for at_ms, command in known:  # the rest is for systems that are not among these
            self._appenders[type(command)].add(command, at_ms)
        for appender in set(self._appenders.values()):
            appender.flush()
        self.commands += len(known)
        self._count_values(known[::LOOKED_AT])
        self._clock.past_ms = some[-1][0]
        self._decide()

    @property
    def values(self) -> dict[str, Any]:
        """What the fields of the commands hold most often, by name."""
        return {name: counter.most_common(1)[0][0] for name, counter in self._values.items()}

    def _count_values(self, some: Sequence[Timed]) -> None:
        for _, command in some:
            for name in command.__struct_fields__:
                value = getattr(command, name)
                if isinstance(value, int | str) and name not in ENVELOPE:
                    self._values.setdefault(name, Counter())[value] += 1

    def _decide(self) -> None:
        busy = True
        while busy:
            _, busy = self._worker.turn()

    def _settle(self) -> None:
        """Wait for the outside, but not for long: films are encoded before people watch them."""
        enough = threading.Event()
        timer = threading.Timer(SETTLE_S, enough.set)
        timer.start()
        self._worker.run(until_idle=True, stop=enough)
        timer.cancel()


class _Past:
    """Of systems that are connected, in the order of time."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self.asks = any(each.system.effects for each in streams)
        self._merged = merge(*(each.past() for each in streams), key=lambda timed: timed[0])

    def slice(self, count: int) -> list[Timed]:
        return list(islice(self._merged, count))


def _groups(streams: Sequence[Stream]) -> list[list[Stream]]:
    """Streams of systems that reactors connect."""
    groups: list[list[Stream]] = []
    for stream in streams:
        names = {each.name for each in stream.system.connected}
        joined = [stream]
        for group in list(groups):
            if any(
                each.system.name in names
                or stream.system.name in {other.name for other in each.system.connected}
                for each in group
            ):
                groups.remove(group)
                joined += group
        groups.append(joined)
    return groups


def append_unreadable(log: Log, stream: Stream) -> None:
    """A command of a version that the rules do not know, as of a client that is ahead of them:
    there is a dead letter to look at."""
    system = stream.system
    _, command = next(stream.live())
    told = msgspec.to_builtins(command)
    told["type"] = f"{told['type'].partition('.')[0]}.v99"
    key, numbers = system.placed(command, system.ensure_topics(log))
    partition = log.partition(system.commands_topic, numbers[0])
    library = msgspec.json if partition.config.value_format == "json" else msgspec.msgpack
    partition.append([Record(library.encode(told), key=key, timestamp=wall_clock_ms())])
