"""Idempotency keys: a command that is sent again is decided once, and answered as before."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from log.backends.memory import MemoryLog
from log.envelope import Command, Event
from log.record import Record
from processors.core import fold
from processors.core.dead_letters import DeadLetters
from processors.core.fold import IDEMPOTENCY_WINDOW_MS
from processors.core.messages import CommandDeadLettered, CommandRepeated, NothingChanged
from processors.core.snapshots import SnapshotFolder
from processors.core.system import System
from processors.core.task import Task
from replay.verify import verify
from tests.samples.parking import START_MS, SYSTEM
from tests.samples.parking.commands import LeaveSpot, ParkCar
from tests.samples.parking.events import CarLeft, CarParked, CarRefused

GARAGE: System = replace(SYSTEM, partitions=1)


def a_log() -> MemoryLog:
    log = MemoryLog(clock=lambda: START_MS)
    GARAGE.ensure_topics(log)
    return log


def send(log: MemoryLog, *commands: Command, at: int = START_MS) -> None:
    encode = GARAGE.command_codec(log.topics()[GARAGE.commands_topic]).encode
    values = [Record(encode(command), b"key", at) for command in commands]
    log.partition(GARAGE.commands_topic, 0).append(values)


def events(log: MemoryLog) -> list[Event]:
    partition = log.partition(GARAGE.events_topic, 0)
    decode = GARAGE.event_codec(partition.config).decode
    batches = partition.read(0, 1 << 30)
    return [decode(record.value or b"") for batch in batches for record in batch][1:]


def run(log: MemoryLog, **options: Any) -> Task:
    task = Task(log, GARAGE, 0, **options)
    while task.step():
        pass
    return task


def told(log: MemoryLog) -> list[tuple[int, str, str]]:
    """(cause, event, idempotency key), in order."""
    return [(each.cause, type(each).__name__, each.idempotency_key) for each in events(log)]


def park(key: str, spot: str = "a", car: str = "red", stay_ms: int = 10**12) -> ParkCar:
    return ParkCar(spot=spot, car=car, stay_ms=stay_ms, idempotency_key=key)


def test_a_key_is_decided_once_and_answered_with_the_first() -> None:
    log = a_log()
    send(log, park("k1"), park("k1"), park("k2", car="blue"), park("k1"), park("k2", car="blue"))
    task = run(log)
    assert told(log) == [
        (0, "CarParked", "k1"),
        (1, "CommandRepeated", ""),
        (2, "CarRefused", "k2"),
        (3, "CommandRepeated", ""),
        (4, "CommandRepeated", ""),
    ]
    assert [e.first_cause for e in events(log) if isinstance(e, CommandRepeated)] == [0, 0, 2]
    assert task.fold.state.stays["a"].car == "red"


def test_without_a_key_a_command_is_decided_each_time() -> None:
    log = a_log()
    send(log, park(""), park(""))
    run(log)
    assert told(log) == [(0, "CarParked", ""), (1, "CarRefused", "")]


def test_whatever_the_answer_was() -> None:
    """Nothing at all, and a dead letter, are answers."""
    log = a_log()
    leave = LeaveSpot(spot="empty", idempotency_key="leave")
    impossible = park("impossible", spot="b", stay_ms=-1)
    send(log, leave, impossible, leave, impossible)
    run(log)
    assert told(log) == [
        (0, "NothingChanged", "leave"),
        (1, "CommandDeadLettered", "impossible"),
        (2, "CommandRepeated", ""),
        (3, "CommandRepeated", ""),
    ]


def test_it_is_remembered_after_a_restart() -> None:
    log = a_log()
    send(log, park("k1"))
    run(log).close()
    send(log, park("k1"), park("k2", "b"))
    task = run(log)
    assert [type(each) for each in events(log)] == [CarParked, CommandRepeated, CarParked]
    assert task.fold.keys == {"k1": (0, START_MS), "k2": (2, START_MS)}


def test_it_is_remembered_by_a_snapshot(tmp_path: Path) -> None:
    log = a_log()
    send(log, park("k1"), park("k2", "b"))
    task = run(log, snapshots=SnapshotFolder(tmp_path, GARAGE, 0))
    task.save_snapshot()
    task.close()
    log.partition(GARAGE.events_topic, 0).delete_before(3)
    send(log, park("k2", "b"))
    again = run(log, snapshots=SnapshotFolder(tmp_path, GARAGE, 0))
    assert again.fold.keys == task.fold.keys
    partition = log.partition(GARAGE.events_topic, 0)
    [record] = [record for batch in partition.read(3) for record in batch]
    decoded = GARAGE.event_codec(partition.config).decode(record.value or b"")
    assert (type(decoded), decoded.cause) == (CommandRepeated, 2)


def test_it_is_forgotten_after_the_window() -> None:
    log = a_log()
    send(log, park("k1"))
    send(log, park("k1"), at=START_MS + IDEMPOTENCY_WINDOW_MS)
    send(log, park("k1"), at=START_MS + IDEMPOTENCY_WINDOW_MS + 1)
    send(log, park("k1"), at=START_MS + IDEMPOTENCY_WINDOW_MS + 2)
    task = run(log)
    assert told(log) == [
        (0, "CarParked", "k1"),
        (1, "CommandRepeated", ""),
        (2, "CarRefused", "k1"),
        (3, "CommandRepeated", ""),
    ]
    assert events(log)[-1].first_cause == 2  # type: ignore[attr-defined]
    assert task.fold.keys == {"k1": (2, START_MS + IDEMPOTENCY_WINDOW_MS + 1)}


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "IDEMPOTENCY_KEYS_MAX", 3)
    log = a_log()
    send(log, *[park(f"k{number}", f"spot {number}") for number in range(5)])
    assert list(run(log).fold.keys) == ["k2", "k3", "k4"]


def test_timers_that_are_due_before_it_fire_with_the_first() -> None:
    log = a_log()
    send(log, park("k1", stay_ms=1_000))
    send(log, park("k2", car="blue"), park("k2", car="blue"), at=START_MS + 5_000)
    task = run(log)
    assert told(log) == [
        (0, "CarParked", "k1"),
        (1, "CarLeft", "k2"),
        (1, "CarParked", ""),
        (2, "CommandRepeated", ""),
    ]
    assert task.fold.state.stays["a"].car == "blue"


def test_deciding_again_gives_the_same() -> None:
    log = a_log()
    send(log, park("k1", stay_ms=1_000), park("k2", "b"), park("k1", stay_ms=1_000))
    send(log, park("k1"), park("k3", car="blue"), park("k2", "b"), at=START_MS + 5_000)
    run(log)
    found = verify(log, GARAGE, 0)
    assert (found.difference, found.commands_compared) == (None, 6)
    kinds = {type(each) for each in events(log)}
    assert kinds == {CarParked, CarLeft, CommandRepeated}


def test_a_dead_letter_that_is_retried_is_decided() -> None:
    log = a_log()
    send(log, park("k1", stay_ms=-1))
    run(log).close()
    healed = replace(
        GARAGE,
        rules_version=2,
        decider=replace(GARAGE.decider, decide=lambda *_: [CarRefused(spot="a", reason="no")]),
    )
    DeadLetters(log, healed, 0).retry()
    task = Task(log, healed, 0)
    while task.step():
        pass
    kinds = [type(each) for each in events(log)]
    assert kinds.count(CommandDeadLettered) == 1
    assert kinds[-1] is CarRefused
    assert NothingChanged not in kinds
