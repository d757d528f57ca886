"""The slowest commands: planted ones are found, whatever else a task does with commands."""

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from log.backends.memory import MemoryLog
from log.interface import Log
from processors.core.messages import Tick
from processors.core.snapshots import SnapshotFolder
from processors.core.system import System
from replay import slowest as slowest_module
from replay.slowest import Slowest, clock_ns, slowest
from replay.verify import verify
from tests.replay.played import play
from tests.replay.recording import PARKING, UNREADABLE, append, run
from tests.samples.parking import START_MS, flow
from tests.samples.parking.commands import ParkCar
from tests.samples.parking.decider import Garage
from tests.samples.relay import FINISH, MIDDLE, SYSTEMS, Pass

WAIT_MS = 3


def waiting(milliseconds: float) -> None:
    end_s = time.perf_counter() + milliseconds / 1000
    while time.perf_counter() < end_s:
        pass


def slow_where(system: System, part: str, is_slow: Callable[..., bool]) -> System:
    """The system, with rules that take their time now and then."""
    rules = getattr(system.decider, part)

    def slowly(*arguments: Any) -> Any:
        if is_slow(*arguments):
            waiting(WAIT_MS)
        return rules(*arguments)

    changed: dict[str, Any] = {part: slowly}
    return replace(system, decider=replace(system.decider, **changed))


def history(log: Log, count: int = 200) -> None:
    append(log, *islice(flow(1), count // 2), UNREADABLE, *islice(flow(2), count // 2 - 1))
    run(log)


def car_of(command: Any) -> str:
    return getattr(command, "car", "")


SLOW: list[tuple[str, Callable[..., bool]]] = [
    ("decide", lambda state, command, at: car_of(command) == "slow"),
    ("evolve", lambda state, event: car_of(event) == "slow"),
]


@pytest.mark.parametrize(("part", "is_slow"), SLOW)
def test_planted_commands_are_found(log: Log, part: str, is_slow: Callable[..., bool]) -> None:
    """Among timers, a dead letter, and batches of seven."""
    flowing = list(islice(flow(1), 120))
    end = flowing[-1][0]
    append(log, *flowing[:50], UNREADABLE, *flowing[50:])
    append(log, (end + 5000, ParkCar(spot="new", car="slow", stay_ms=9)))
    append(log, (end + 5001, Tick()), (end + 5100, ParkCar(spot="z", car="slow", stay_ms=9)))
    run(log)
    found = slowest(log, slow_where(PARKING, part, is_slow), top=2, repeats=2)
    assert [(each.offset, each.type, each.key) for each in sorted(found.slowest, key=offset)] == [
        (121, "park_car.v1", "x"),
        (123, "park_car.v1", "x"),
    ]
    assert all(WAIT_MS * 1000 <= each.microseconds < 10 * WAIT_MS * 1000 for each in found.slowest)
    assert (found.commands, found.repeats) == (124, 2)
    counts = {each.type: each.count for each in found.types}
    assert counts["(unreadable)"] == counts["tick.v1"] == 1
    assert sum(counts.values()) == 124
    assert found.types[0].type == "park_car.v1"
    assert found.types[0].nanoseconds.most >= WAIT_MS * 1_000_000


def offset(command: Any) -> int:
    return command.offset  # type: ignore[no-any-return]


def test_a_timer_counts_for_the_command_that_it_fires_with() -> None:
    log = MemoryLog()
    append(log, (START_MS, ParkCar(spot="a", car="x", stay_ms=5)))
    append(log, *((START_MS + 9 + at, ParkCar(spot="b", car="y", stay_ms=99)) for at in range(3)))
    run(log)
    ticking = slow_where(PARKING, "decide", lambda state, command, at: type(command) is Tick)
    (first,) = slowest(log, ticking, top=1).slowest
    assert (first.offset, first.type, first.events) == (1, "park_car.v1", 2)


def test_the_shortest_of_all_times_counts() -> None:
    """What is slow once, as by another process, is not slow."""
    log = MemoryLog()
    history(log)
    calls = 0

    def now_and_then(state: Any, command: Any, at: int) -> bool:
        nonlocal calls
        calls += 1
        return calls == 57

    once = slowest(log, slow_where(PARKING, "decide", now_and_then), top=1, repeats=1)
    assert once.slowest[0].microseconds >= WAIT_MS * 1000
    calls = 0
    again = slowest(log, slow_where(PARKING, "decide", now_and_then), top=1, repeats=2)
    assert calls > 300
    assert again.slowest[0].microseconds < WAIT_MS * 1000


def test_in_order_and_no_more_than_asked_for() -> None:
    log = MemoryLog()
    history(log)
    found = slowest(log, PARKING, top=5, repeats=1)
    times = [each.microseconds for each in found.slowest]
    assert times == sorted(times, reverse=True)
    assert len(times) == 5
    whole = slowest(log, PARKING, top=1000, repeats=1)
    assert [each.offset for each in sorted(whole.slowest, key=offset)] == list(range(200))
    totals = [each.nanoseconds.total for each in whole.types]
    assert totals == sorted(totals, reverse=True)
    assert 0 < found.clock_ns < 100_000


def test_every_partition_and_a_command_with_an_origin() -> None:
    """Three systems in a row: a command that came twice is decided once, and counted twice."""
    log = MemoryLog()
    play(log, SYSTEMS, [(1, Pass(runner="ann", laps=1)), (2, Pass(runner="bob", laps=1))])
    group = f"{FINISH.name}.reactors"
    log.commit(group, dict.fromkeys(log.committed(group), 0))
    play(log, SYSTEMS, [])
    ends = [log.partition(MIDDLE.commands_topic, number).log_end for number in range(2)]
    found = slowest(log, MIDDLE, top=100, repeats=1)
    places = {(each.partition, each.offset) for each in found.slowest}
    assert places == {(number, at) for number in range(2) for at in range(ends[number])}
    (one,) = {each.partition for each in slowest(log, MIDDLE, partitions=[1], repeats=1).slowest}
    assert one == 1


def test_it_begins_with_the_state_of_then(tmp_path: Path) -> None:
    log = MemoryLog()
    history(log)
    seen: list[int] = []

    def spy(state: Garage, command: Any, at: int) -> bool:
        seen.append(len(state.stays))
        return False

    spying = slow_where(PARKING, "decide", spy)
    slowest(log, spying, repeats=1)
    whole, seen = seen, []
    late = slowest(log, spying, since=150, repeats=1, top=100)
    assert (late.commands, {each.offset for each in late.slowest}) == (50, set(range(150, 200)))
    assert whole[-len(seen) :] == seen
    folder = SnapshotFolder(tmp_path, PARKING, 0)
    folder.save(run(log).fold)
    append(log, *islice(flow(3), 30))
    run(log)
    log.partition(PARKING.events_topic, 0).delete_before(60)
    log.partition(PARKING.commands_topic, 0).delete_before(200)
    kept: Slowest = slowest(log, PARKING, repeats=1, snapshots=lambda number: folder)
    assert kept.commands == 30


def test_what_is_not_decided_yet_is_decided_here() -> None:
    log = MemoryLog()
    append(log, *islice(flow(1), 40))
    assert slowest(log, PARKING, repeats=1).commands == 40
    assert log.partition(PARKING.events_topic, 0).log_end == 0


def test_what_is_timed_decides_the_same() -> None:
    log = MemoryLog()
    history(log)
    timed = slowest_module._Stopwatch().timed_system(PARKING)
    result = verify(log, timed, 0)
    assert (result.commands_compared, result.difference) == (200, None)


def test_progress_is_told() -> None:
    log = MemoryLog()
    history(log)
    told: list[tuple[int, int]] = []
    slowest(log, PARKING, repeats=2, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (400, 400)


def test_no_commands_at_all() -> None:
    log = MemoryLog()
    PARKING.ensure_topics(log)
    found = slowest(log, PARKING)
    assert (found.commands, found.slowest, found.types) == (0, [], [])


def test_what_measuring_costs_is_itself_measured() -> None:
    assert 0 < clock_ns(calls=100, rounds=2) < 100_000
