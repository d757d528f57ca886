"""Histories to replay: the parking sample on one partition, appended to and decided."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from log.envelope import Command, Event
from log.interface import Log
from log.record import Record
from processors.core.system import System
from processors.core.task import Task
from tests.samples.parking import START_MS, SYSTEM
from tests.samples.parking.decider import Garage

PARKING = replace(SYSTEM, partitions=1)
UNREADABLE = b'{"type":"park_car.v1","spot":3}'

Rules = Callable[[Garage, Any, int], Sequence[Event]]


def append(log: Log, *commands: tuple[int, Command] | bytes, size: int = 7) -> None:
    """Commands (with their times) and plain values, in batches of `size`."""
    PARKING.ensure_topics(log)
    partition = log.partition(SYSTEM.commands_topic, 0)
    codec = SYSTEM.command_codec(partition.config)
    records = [
        Record(item, b"x", START_MS)
        if isinstance(item, bytes)
        else Record(codec.encode(item[1]), b"x", item[0])
        for item in commands
    ]
    for at in range(0, len(records), size):
        partition.append(records[at : at + size])


def run(log: Log, system: System = PARKING, steps: int = 1000, max_bytes: int = 1 << 20) -> Task:
    """Decide what waits; returns the task, closed."""
    task = Task(log, system, 0)
    for _ in range(steps):
        if not task.step(max_bytes):
            break
    task.close()
    return task


def with_rules(version: int, rules: Rules) -> System:
    """The garage under other rules."""
    return replace(PARKING, rules_version=version, decider=replace(PARKING.decider, decide=rules))
