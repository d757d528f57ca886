"""A parking history to ask what if of, in memory or in a file, and its other rules."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from log.envelope import Command
from log.interface import Log
from processors.core.appender import Appender
from processors.core.registry import Registered
from processors.core.task import Task
from replay.what_if import Question, WhatIf, what_if
from replay.what_if.rules import Rules, installed_rules
from tests.replay.recording import PARKING
from tests.samples.parking import SYSTEM, flow

PACKAGE = "tests.samples.parking"
REGISTERED = Registered(PARKING, PACKAGE)
ROOT = Path(__file__).parents[3]

STRICTER = """
import dataclasses
from tests.samples.parking import SYSTEM as GARAGE
from tests.samples.parking.commands import ParkCar
from tests.samples.parking.decider import decide
from tests.samples.parking.events import CarRefused

def decide_strictly(garage, command, at):
    if isinstance(command, ParkCar) and command.car == "car-7":
        return [CarRefused(spot=command.spot, reason="not this one")]
    return decide(garage, command, at)

SYSTEM = dataclasses.replace(
    GARAGE,
    rules_version=2,
    decider=dataclasses.replace(GARAGE.decider, decide=decide_strictly),
)
"""
"""A module of other rules: one car may not park."""


def history(log: Log, count: int = 200, system: Any = PARKING) -> None:
    """So many commands of the flow, decided."""
    happen(log, *islice(flow(1), count), system=system)


def happen(log: Log, *commands: tuple[int, Command], system: Any = PARKING) -> None:
    """These commands, decided."""
    appender = Appender(log, system)
    for at, command in commands:
        appender.add(command, at)
    appender.flush()
    for number in range(system.partitions):
        task = Task(log, system, number)
        while task.step():
            pass
        task.close()


def module_rules(folder: Path, name: str, source: str = STRICTER) -> Rules:
    """A module of rules in a folder of its own."""
    (folder / f"{name}.py").write_text(source)
    installed = installed_rules(PACKAGE)
    path = (str(folder), *installed.import_path)
    return Rules(label=name, package=name, import_path=path)


def ask(log: Log, folder: Path, *, edits: Sequence[Any] = (), **named: Any) -> WhatIf:
    """What if, of the one-partition garage."""
    lines = [msgspec.json.encode(edit) for edit in edits]
    named.setdefault("queries", [])
    question = Question(edits=lines, **named)
    return what_if(log, REGISTERED, question, folder / "sides")


def kinds(found: WhatIf) -> dict[str, tuple[int, int, int, int, int]]:
    """before, after, removed, added, changed of each kind."""
    return {
        each.kind.removesuffix(".v1"): (
            each.before,
            each.after,
            each.removed,
            each.added,
            each.changed,
        )
        for each in found.events.kinds
    }


def events_of(log: Log) -> list[tuple[int, int, bytes | None, bytes | None]]:
    """All records of the events partition."""
    partition = log.partition(SYSTEM.events_topic, 0)
    return [
        (record.offset, record.timestamp, record.key, record.value)
        for batch in partition.read(0, 1 << 30)
        for record in batch
    ]
