"""Three systems in a row, and round again: what reactors are tested with.

    start.events ─► middle, FAN commands for each event ─► finish ─► start, while laps are left

Each counts what it is told, so that a command that is lost or doubled shows in the counts.
"""

from collections.abc import Iterator
from typing import Any

from log.envelope import Command, Event
from processors.core.decider import Decider, whole_state
from processors.core.reactor import Reactor
from processors.core.system import System

FAN = 3


class Pass(Command, tag="pass.v1", kw_only=True):
    runner: str
    laps: int


class Passed(Event, tag="passed.v1", kw_only=True):
    runner: str
    laps: int
    count: int
    """How many passes of this runner there were, this one included."""


class Counts(Command, tag="counts.v1"):
    """The state: passes by runner."""

    by_runner: dict[str, int]


def initial() -> Counts:
    return Counts({})


def decide(state: Counts, command: Pass, at: int) -> list[Event]:
    count = state.by_runner.get(command.runner, 0) + 1
    return [Passed(runner=command.runner, laps=command.laps, count=count)]


def evolve(state: Counts, event: Passed) -> Counts:
    state.by_runner[event.runner] = event.count
    return state


def flow(seed: int, start_ms: int = 1) -> Iterator[tuple[int, Pass]]:
    number = 0
    while True:
        yield start_ms + number, Pass(runner=f"runner {(number + seed) % 7}", laps=2)
        number += 1


def system(name: str, partitions: int, *reactors: Reactor) -> System:
    return System(
        name=f"relay.{name}",
        decider=Decider(
            initial=initial, decide=decide, evolve=evolve, state_format=whole_state(Counts)
        ),
        commands=(Pass,),
        events=(Passed,),
        key=lambda command: str(command.runner),
        partitions=partitions,
        flow=flow,
        reactors=reactors,
    )


def fan_out(event: Passed, at: int) -> Iterator[Pass]:
    for number in range(FAN):
        yield Pass(runner=f"{event.runner}/{number}", laps=event.laps)


def on(event: Passed, at: int) -> Iterator[Pass]:
    yield Pass(runner=event.runner.replace("/", "-"), laps=event.laps)


def round_again(event: Passed, at: int) -> Iterator[Pass]:
    if event.laps > 1:
        yield Pass(runner=event.runner, laps=event.laps - 1)


# What leads from one to the next is declared by the last, as clearing does for the exchange.
START = system("start", 3)
MIDDLE = system("middle", 2, Reactor(name="fan-out", source=START, on={Passed: fan_out}))
FINISH = system(
    "finish",
    5,
    Reactor(name="on", source=MIDDLE, on={Passed: on}),
    Reactor(name="round-again", target=START, on={Passed: round_again}),
)
SYSTEMS = (START, MIDDLE, FINISH)


def expected(started: dict[str, int]) -> dict[str, dict[str, int]]:
    """The counts by system, of so many passes of two laps a runner."""
    counts: dict[str, dict[str, int]] = {"start": dict(started), "middle": {}, "finish": {}}
    for runner, count in started.items():
        for number in range(FAN):
            once = f"{runner}-{number}"
            counts["start"][once] = counts["finish"][once] = count
            counts["middle"][f"{runner}/{number}"] = count
            for again in range(FAN):
                counts["middle"][f"{once}/{again}"] = count
                counts["finish"][f"{once}-{again}"] = count
    return counts


def told(tasks: Any) -> dict[str, dict[str, int]]:
    """The counts of all tasks, by system."""
    counts: dict[str, dict[str, int]] = {}
    for task in tasks:
        counts.setdefault(task.system.name.partition(".")[2], {}).update(task.fold.state.by_runner)
    return counts
