"""The slowest commands of a system, by deciding its history again and measuring each command.

    recorded commands ─► a task, with rules that are timed ─► events, counted and forgotten
                         K times over; of each command the shortest time

Measured is what the rules take for a command: `decide` and `evolve` (and `next_due`), of the
command itself and of all timers that fire with it, in the state that history led to. Not measured:
reading, decoding, encoding, appending, and the check of origins. One measurement is noise (another
process, a cache, a page fault), so everything is decided K times, and the shortest time of a
command counts: it can only be too long.
"""

import heapq
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from log.interface import Log, Partition
from log.record import Batch
from processors.core.decider import Decider
from processors.core.fold import Fold
from processors.core.snapshots import Snapshots
from processors.core.system import System
from processors.core.task import Task
from processors.core.workers.running import quiet_collector
from replay.events import RecordedEvents
from replay.recorded import ReplayLog
from replay.spread import Spread, SpreadCount
from replay.state import begin_fold, fold_until

UNREADABLE = "(unreadable)"
_ADOPTED = "rules_adopted.v1"

Result = TypeVar("Result")
Progress = Callable[[int, int], None]
"""Called with how many commands are decided, and how many there will be."""


class SlowCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A command, and the shortest time that the rules took for it."""

    partition: int
    offset: int
    type: str
    key: str | None
    microseconds: float
    events: int


class TypeTimes(msgspec.Struct, frozen=True, kw_only=True):
    """What the commands of a type took, each by its shortest time."""

    type: str
    count: int
    nanoseconds: Spread


class Slowest(msgspec.Struct, frozen=True, kw_only=True):
    """The slowest commands, the slowest first; and all, by type, in order of their total time."""

    system: str
    rules_version: int
    commands: int
    repeats: int
    clock_ns: int
    """What measuring adds to each call of `decide`, `evolve` or `next_due`; it is in the times."""
    slowest: list[SlowCommand]
    types: list[TypeTimes]


def slowest(
    log: Log,
    system: System,
    *,
    partitions: Sequence[int] | None = None,
    since: int = 0,
    top: int = 20,
    repeats: int = 3,
    snapshots: Callable[[int], Snapshots | None] = lambda number: None,
    progress: Progress | None = None,
) -> Slowest:
    """Decide the commands of `partitions` (all) again, from the offset `since` on, `repeats`
    times, by today's rules; find those that took longest.

    It begins with the state that history had there: the nearest of `snapshots` (of a partition),
    and the events after it. Reads only, and takes no fence. Memory: eight bytes a command.
    Errors: as `verify`, but for differences: what other rules decided is decided by today's.
    """
    numbers = range(log.topics()[system.commands_topic].partitions)
    chosen = numbers if partitions is None else partitions
    measured = [_Partition(log, system, number, since, snapshots(number)) for number in chosen]
    ranking = _Ranking(system, top)
    total, done = repeats * sum(each.commands for each in measured), 0
    for each in measured:
        for repeat in range(repeats):
            ranks = ranking if repeat == repeats - 1 else None
            with quiet_collector():
                for decided in each.decide_again(ranks):
                    done += decided
                    if progress:
                        progress(done, total)
    return ranking.told(repeats)


class _Stopwatch:
    """Times of the rules, summed by command: a command begins where it is decoded."""

    def __init__(self) -> None:
        self.types: list[str] = []
        """Of the commands that were begun, and not taken yet."""
        self._times_ns: list[int] = []
        self._spent_ns = 0

    def timed(self, function: Callable[..., Result]) -> Callable[..., Result]:
        """The function; the time that it takes counts for the command at hand."""
        clock_ns = time.perf_counter_ns

        def measured(*arguments: Any) -> Result:
            began_ns = clock_ns()
            try:
                return function(*arguments)
            finally:
                self._spent_ns += clock_ns() - began_ns

        return measured

    def timed_system(self, system: System) -> System:
        rules: Decider[Any] = system.decider
        rules = replace(
            rules,
            decide=self.timed(rules.decide),
            evolve=self.timed(rules.evolve),
            next_due=rules.next_due and self.timed(rules.next_due),
        )
        return replace(system, decider=rules)

    def beginning(self, decode: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        """The decoder of commands: a task calls it once for each, in order."""

        def begun(value: bytes) -> Any:
            if self.types:
                self._times_ns.append(self._spent_ns)
            self.types.append(UNREADABLE)
            self._spent_ns = 0
            command = decode(value)
            self.types[-1] = type(command).__struct_config__.tag
            return command

        return begun

    def take(self) -> tuple[list[str], list[int]]:
        """Types and times (ns) of the commands since the last time."""
        taken = self.types, [*self._times_ns, self._spent_ns]
        self.types, self._times_ns = [], []
        return taken


def clock_ns(calls: int = 2000, rounds: int = 5) -> int:
    """What measuring a call that does nothing gives."""
    found: list[int] = []
    for _ in range(rounds):
        watch = _Stopwatch()
        nothing = watch.timed(int)
        for _ in range(calls):
            nothing()
        found.append(watch.take()[1][0] // calls)
    return min(found)


class _Head(msgspec.Struct, gc=False):
    """What is read of an event to tell which command it is of."""

    type: str
    cause: int = -1
    cause_index: int = 0
    cause_count: int = 1


_First = tuple[_Head, bytes | None]
"""The first event of a command, and its record's key."""


class _Partition:
    """Decides the commands of one partition, again and again."""

    def __init__(
        self, log: Log, system: System, number: int, since: int, snapshots: Snapshots | None
    ) -> None:
        self.number = number
        self._system = system
        self._events = RecordedEvents(log, system, number)
        self._commands: Partition = log.partition(system.commands_topic, number)
        self._snapshots = snapshots
        self._start = max(since, self._commands.log_start)
        self._end = self._commands.high_watermark
        is_json = self._events.partition.config.value_format == "json"
        self._decode = (msgspec.json if is_json else msgspec.msgpack).Decoder(_Head).decode
        self._shortest_ns = array("q")
        """Of each command so far, in order."""

    @property
    def commands(self) -> int:
        """How many there are to decide; offsets may have holes."""
        return max(self._end - self._start, 0)

    def decide_again(self, ranking: "_Ranking | None") -> Iterator[int]:
        """Yields how many commands each step decided; `ranking` gets the shortest times."""
        watch = _Stopwatch()
        system = watch.timed_system(self._system)
        decided = 0

        def sink(events: Batch) -> None:
            nonlocal decided
            types, times_ns = watch.take()
            times_ns = self._shortest(decided, times_ns)
            if ranking is not None:
                ranking.add(self.number, types, times_ns, self._firsts(events))
            decided += len(times_ns)

        replay = ReplayLog(system, self._commands, self._events.partition.config, sink)
        task = Task(replay, system, self.number)
        task.fold = self._fold()
        task.fold.decider = system.decider
        task.command_codec.decode = watch.beginning(task.command_codec.decode)
        replay.commands.log_end = self._end
        while task.next_command < self._end and (count := task.step()):
            yield count

    def _firsts(self, events: Batch) -> Iterator[_First]:
        """The first event of each command."""
        for record in events:
            head = self._decode(record.value or b"")
            if head.cause_index == 0 and head.type != _ADOPTED:
                yield head, record.key

    def _fold(self) -> Fold[Any]:
        """The state before the first command."""
        # Where the first events are gone, only the newest snapshot is sure to be old enough.
        newest = self._events.partition.log_start > 0
        before = self._start - 1
        fold = begin_fold(self._events, self._system, None if newest else before, self._snapshots)
        if fold.last_cause < before:
            fold_until(self._events, fold, before)
        return fold

    def _shortest(self, first: int, times_ns: list[int]) -> list[int]:
        """The shortest times of the commands from the `first` on, with these new ones."""
        kept = self._shortest_ns[first : first + len(times_ns)]
        shortest = list(map(min, kept, times_ns)) if kept else times_ns
        self._shortest_ns[first : first + len(times_ns)] = array("q", shortest)
        return shortest


class _Ranking:
    """Keeps the slowest commands, and the spread of each type."""

    def __init__(self, system: System, top: int) -> None:
        self._system = system
        self._top = top
        self._slowest: list[tuple[int, int, int, SlowCommand]] = []
        """A heap, the least slow first."""
        self._times: defaultdict[str, SpreadCount] = defaultdict(SpreadCount)
        self._commands = 0

    def add(
        self, partition: int, types: list[str], times_ns: list[int], firsts: Iterable[_First]
    ) -> None:
        """The commands of one step, each with the first event that it led to."""
        for kind, took_ns, (head, key) in zip(types, times_ns, firsts, strict=True):
            if len(self._slowest) == self._top and took_ns <= self._slowest[0][0]:
                continue
            command = SlowCommand(
                partition=partition,
                offset=head.cause,
                type=kind,
                key=None if key is None else key.decode(errors="backslashreplace"),
                microseconds=took_ns / 1000,
                events=head.cause_count,
            )
            heapq.heappush(self._slowest, (took_ns, -partition, -head.cause, command))
            if len(self._slowest) > self._top:
                heapq.heappop(self._slowest)
        for (kind, took_ns), count in Counter(zip(types, times_ns, strict=True)).items():
            self._times[kind].add(took_ns, count)
        self._commands += len(times_ns)

    def told(self, repeats: int) -> Slowest:
        types = [
            TypeTimes(type=kind, count=spread.count, nanoseconds=spread)
            for kind, times in self._times.items()
            for spread in [times.spread()]
        ]
        return Slowest(
            system=self._system.name,
            rules_version=self._system.rules_version,
            commands=self._commands,
            repeats=repeats,
            clock_ns=clock_ns(),
            slowest=[command for *_, command in sorted(self._slowest, reverse=True)],
            types=sorted(types, key=lambda each: (-each.nanoseconds.total, each.type)),
        )
