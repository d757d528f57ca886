"""Open tasks in one thread: how much a step reads; a look for commands waits for nobody."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from log.backends import wall_clock_ms
from log.backends.kafka import KafkaLog
from log.backends.memory import MemoryLog
from log.envelope import Event
from log.record import Record
from processors.core.system import System
from processors.core.task import Task
from processors.core.workers.beside import Beside
from processors.core.workers.monitor import Monitor, Place
from processors.core.workers.outside import Outside
from processors.core.workers.running import (
    STEP_BYTES_FIRST,
    STEP_BYTES_MAX,
    STEP_S,
    Running,
    SnapshotPolicy,
)
from tests.samples.parking import START_MS, SYSTEM
from tests.samples.parking.commands import LeaveSpot

ONE_PARTITION = replace(SYSTEM, partitions=1)
VALUE_BYTES = STEP_BYTES_FIRST // 4


class Steps(Monitor):
    """How many commands each step decided."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def stepped(self, place: Place, commands: int, elapsed_s: float) -> None:
        self.counts.append(commands)


def counts_of_steps(system: System, commands: int) -> list[int]:
    """Of commands of a quarter of the first step's size."""
    log = MemoryLog(clock=lambda: START_MS)
    system.ensure_topics(log)
    partition = log.partition(system.commands_topic, 0)
    encode = system.command_codec(partition.config).encode
    value = encode(LeaveSpot(spot="a")).ljust(VALUE_BYTES)
    for _ in range(commands):
        partition.append([Record(value, b"g", START_MS)])
    steps = Steps()
    running = Running(
        SnapshotPolicy(), wall_clock_ms, steps, Beside(log, Outside(), wall_clock_ms, steps)
    )
    task = Task(log, system, 0)
    running.add(task)
    while running.step(task):
        pass
    task.close()
    return steps.counts


def test_a_quick_step_is_followed_by_a_larger_one() -> None:
    first, second, third, *others = counts_of_steps(ONE_PARTITION, 2_000)
    assert first < second < third
    assert STEP_BYTES_MAX / 2 < max(others) * VALUE_BYTES <= STEP_BYTES_MAX


def test_slow_rules_get_small_steps() -> None:
    def decide(state: Any, command: Any, at: int) -> Sequence[Event]:
        time.sleep(STEP_S / 2)
        return SYSTEM.decider.decide(state, command, at)

    slow = replace(ONE_PARTITION, decider=replace(SYSTEM.decider, decide=decide))
    counts = counts_of_steps(slow, 10)
    assert sum(counts) == 10
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1] == 1


def test_a_look_for_commands_does_not_wait_for_the_broker(kafka_log: KafkaLog) -> None:
    ONE_PARTITION.ensure_topics(kafka_log)
    task = Task(kafka_log, ONE_PARTITION, 0)
    assert not task.has_commands()
    encode = task.command_codec.encode
    task.commands.append([Record(encode(LeaveSpot(spot="a")), b"g", START_MS)])
    assert task.has_commands()
    assert task.step() == 1
    began_s = time.monotonic()
    for _ in range(20):
        assert not task.has_commands()
    assert time.monotonic() - began_s < 1
    task.close()
