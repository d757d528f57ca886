"""What the suite is run on: a system, and histories of it in memory.

Commands come from the system's `flow`; events come out of tasks over a memory log. Values are JSON
here whatever the system's topics say, so that golden files can be read.
"""

import contextlib
import dataclasses
import hashlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from log.backends.memory import MemoryLog
from log.envelope import Event
from log.interface import TaskLog
from log.record import Record, StoredRecord
from processors.core.dead_letters import OFFSET_HEADER
from processors.core.decider import digest
from processors.core.fold import Fold
from processors.core.registry import load_system
from processors.core.system import System
from processors.core.task import Task

ONE_COMMAND = 1
"""As `max_bytes` of a step: where each command is a batch of its own, one at a time."""
EVERYTHING = 1 << 30

Told = list[tuple[int, bytes | None, bytes | None]]
"""A partition's records, as (timestamp, key, value)."""


@dataclass(frozen=True)
class Subject:
    """A system under test: the package that declares it, and the folder of its golden history.

    `expected_errors`: what its decider may raise all the same, as parts of the exceptions' texts.
    """

    package: str
    golden: Path
    expected_errors: tuple[str, ...] = ()

    @cached_property
    def system(self) -> System:
        return dataclasses.replace(load_system(self.package).system, value_format="json")

    def __str__(self) -> str:
        return self.package


def flow_records(system: System, seed: int, count: int) -> Iterator[tuple[int, Record]]:
    """The first commands of the system's flow, as (partition, record): one that has no key stands
    on every partition."""
    encode = system.command_codec(json_config(system)).encode
    for timestamp, command in islice(system.flow(seed), count):
        key, partitions = system.placed(command, system.partitions)
        record = Record(encode(command), key, timestamp)
        for partition in partitions:
            yield partition, record


def json_config(system: System) -> Any:
    """The configuration of the system's topics in this suite."""
    log = MemoryLog()
    system.ensure_topics(log)
    return log.topics()[system.commands_topic]


def memory_log(system: System, commands: Iterable[tuple[int, Record]] = ()) -> MemoryLog:
    """A log with these commands, each a batch of its own."""
    log = MemoryLog(clock=lambda: 0)
    system.ensure_topics(log)
    for partition, record in commands:
        log.partition(system.commands_topic, partition).append([record])
    return log


def decide_all(log: TaskLog, system: System, max_bytes: int = EVERYTHING) -> list[Fold[Any]]:
    """Run a task on each partition until no command waits; returns the states they end in."""
    folds = []
    for number in range(system.partitions):
        task = Task(log, system, number)
        try:
            while task.step(max_bytes):
                pass
            folds.append(task.fold)
        finally:
            task.close()
    return folds


def records(log: TaskLog, topic: str, number: int) -> list[StoredRecord]:
    batches = log.partition(topic, number).read(0, EVERYTHING)
    return [record for batch in batches for record in batch]


def told(log: TaskLog, system: System) -> list[Told]:
    """All events of each partition, as they are on the log."""
    return [
        [(r.timestamp, r.key, r.value) for r in records(log, system.events_topic, number)]
        for number in range(system.partitions)
    ]


def decoded(log: TaskLog, system: System, number: int) -> list[Event]:
    decode = system.event_codec(json_config(system)).decode
    return [decode(r.value or b"") for r in records(log, system.events_topic, number)]


def dead_letters(log: TaskLog, system: System, number: int) -> list[StoredRecord]:
    """Those of a partition; one for each command, as a crash may leave it there twice."""
    kept = records(log, system.dead_letters_topic, number)
    return list({dict(r.headers)[OFFSET_HEADER]: r for r in kept}.values())


def digests(system: System, folds: Iterable[Fold[Any]]) -> list[str]:
    return [digest(system.decider.state_format, fold.state) for fold in folds]


def assert_same(found: list[Told], expected: list[Told], what: str) -> None:
    """AssertionError with the first event that differs."""
    for number, (one, other) in enumerate(zip(found, expected, strict=True)):
        for at, (event, due) in enumerate(zip(one, other, strict=False)):
            assert event == due, (
                f"{what}: event {at} of partition {number} is\n  {event}\nnot\n  {due}"
            )
        assert len(one) == len(other), (
            f"{what}: partition {number} has {len(one)} events, not {len(other)}"
        )


@contextlib.contextmanager
def no_failed_timers() -> Iterator[None]:
    """AssertionError at the end where a timer failed to fire: the core only logs that."""
    messages: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(f"{record.getMessage()} {record.exc_info and record.exc_info[1]!r}")

    logger = logging.getLogger("refold.timers")
    handler = Keep(logging.ERROR)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
    assert not messages, messages


def fingerprint(package: str, seed: int, count: int) -> str:
    """A hash over all events and states that a flow leads to."""
    system = Subject(package, Path()).system
    log = memory_log(system, flow_records(system, seed, count))
    states = digests(system, decide_all(log, system))
    return hashlib.blake2b(repr((told(log, system), states)).encode(), digest_size=16).hexdigest()
