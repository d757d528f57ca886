"""Reactors: events of one system become commands of another, each exactly once."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from log.backends.file import FileLog
from log.backends.memory import MemoryLog, MemoryPartition
from log.errors import LogStorageError
from log.interface import Log
from log.record import BatchBuilder, Record
from processors.core.appender import Appender
from processors.core.fold import SequenceGap
from processors.core.reactor import Reactor
from processors.core.system import System
from processors.core.task import TaskFailed
from processors.core.workers.embedded import Worker
from tests.samples.relay import (
    FAN,
    FINISH,
    MIDDLE,
    START,
    SYSTEMS,
    Pass,
    Passed,
    expected,
    flow,
    told,
)

STARTED = 40


@pytest.fixture(params=["memory", "file"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Log]:
    if request.param == "memory":
        yield MemoryLog()
        return
    with FileLog(tmp_path / "log") as opened:
        yield opened


def start(log: Log, count: int = STARTED) -> dict[str, int]:
    """Append the first commands of the flow; returns how many for each runner."""
    appender, runners = Appender(log, START), dict[str, int]()
    for at, command in islice(flow(0), count):
        appender.add(command, at)
        runners[command.runner] = runners.get(command.runner, 0) + 1
    appender.flush()
    return runners


def run(log: Log, systems: tuple[System, ...] = SYSTEMS) -> dict[str, dict[str, int]]:
    with Worker(log, systems) as worker:
        worker.run(until_idle=True)
        return told(worker.tasks)


def commands_of(log: Log, system: System) -> list[tuple[int, Any]]:
    """Every command on the log, with its timestamp."""
    found = []
    for number in range(system.partitions):
        partition = log.partition(system.commands_topic, number)
        decode = system.command_codec(partition.config).decode
        for batch in partition.read(0, 1 << 30):
            found += [(record.timestamp, decode(record.value or b"")) for record in batch]
    return found


def test_three_systems_in_a_row_and_round_again(log: Log) -> None:
    runners = start(log)
    assert run(log) == expected(runners)


def test_a_command_carries_its_origin_and_the_time_of_its_event(log: Log) -> None:
    start(log, 1)
    run(log)
    first = [(at, c) for at, c in commands_of(log, MIDDLE) if c.laps == 2]
    assert sorted((c.origin_index, c.runner) for _, c in first) == [
        (index, f"runner 0/{index}") for index in range(FAN)
    ]
    assert {(at, c.origin_topic, c.origin_sequence) for at, c in first} == {
        (1, "relay.start.events", 1)  # 0 says which rules decide
    }


def test_what_is_reacted_to_again_changes_nothing(log: Log) -> None:
    """The committed offsets are lost: all events are followed once more, and dropped."""
    runners = start(log)
    run(log)
    for system in SYSTEMS:
        group = f"{system.name}.reactors"
        log.commit(group, dict.fromkeys(log.committed(group), 0))
    assert run(log) == expected(runners)
    assert len(commands_of(log, MIDDLE)) == 2 * FAN * STARTED * (1 + FAN)


def test_work_goes_on_where_the_last_worker_stopped(log: Log) -> None:
    runners = start(log)
    run(log)
    before = len(commands_of(log, MIDDLE))
    for runner, count in start(log).items():
        runners[runner] += count
    assert run(log) == expected(runners)
    assert len(commands_of(log, MIDDLE)) == 2 * before


def test_a_system_that_is_not_run_here_finds_its_commands_later(log: Log) -> None:
    runners = start(log)
    assert run(log, (START,)).keys() == {"start"}
    assert log.topics().keys() == {f"relay.start.{kind}" for kind in KINDS}
    run(log, (MIDDLE,))
    run(log, (FINISH,))
    run(log, (START, MIDDLE))
    assert run(log) == expected(runners)


KINDS = ("commands", "events", "dead-letters")


def test_partitions_of_the_source_are_shared_like_the_tasks(log: Log) -> None:
    """Two workers have MIDDLE's two partitions: together they follow START's three."""
    runners = start(log)
    run(log, (START,))
    for number in (0, 1):
        with Worker(log, [MIDDLE], partitions=[number]) as worker:
            worker.run(until_idle=True)
    run(log, (FINISH,))
    assert run(log) == expected(runners)


def test_a_reactor_that_raises_stops_the_worker_and_loses_nothing(log: Log) -> None:
    def broken(event: Passed, at: int) -> Iterator[Pass]:
        yield Pass(runner="begun", laps=1)
        raise ValueError("no such runner")

    runners = start(log)
    wrong = replace(MIDDLE, reactors=(Reactor(name="wrong", source=START, on={Passed: broken}),))
    with pytest.raises(TaskFailed, match=r"wrong raised ValueError.* at sequence 1\b.*mend it"):
        run(log, (START, wrong))
    assert run(log) == expected(runners)


def test_events_that_were_deleted_unread_are_told(log: Log) -> None:
    start(log)
    run(log)
    start(log)
    run(log, (START,))
    for number in range(START.partitions):
        events = log.partition(START.events_topic, number)
        events.delete_before(events.high_watermark)
    with pytest.raises(TaskFailed, match="were deleted before they were followed"):
        run(log)


MANY = 20_000


def many(event: Passed, at: int) -> Iterator[Pass]:
    for number in range(MANY):
        yield Pass(runner=f"{event.runner}/{number}", laps=1)


def test_a_large_fan_out_that_breaks_off_goes_on_where_it_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One event leads to many commands, batch by batch; the log fails within them."""
    log = MemoryLog()
    fan = Reactor(name="many", source=START, on={Passed: many})
    middle = replace(MIDDLE, reactors=(fan,), topic_settings={"max_message_bytes": 64_000})
    start(log, 1)
    append, appended = MemoryPartition.append_batch, 0

    def failing(partition: MemoryPartition, batch: BatchBuilder) -> Sequence[int]:
        nonlocal appended
        if partition.topic == middle.commands_topic:
            appended += 1
            if appended % 20 == 0:
                raise LogStorageError("the disk is full")
        return append(partition, batch)

    monkeypatch.setattr(MemoryPartition, "append_batch", failing)
    with pytest.raises(LogStorageError):
        run(log, (START, middle))
    assert 0 < len(commands_of(log, middle)) < MANY, "what was appended by then is there"
    monkeypatch.undo()
    counts = run(log, (START, middle))["middle"]
    assert counts == {f"runner 0/{number}": 1 for number in range(MANY)}
    assert len(commands_of(log, middle)) > MANY, "some came twice, and counted once"


def tell(log: Log, *sequences: int) -> None:
    """Write events of START, as a writer without a fence may."""
    events = log.partition(START.events_topic, 0)
    encode = START.event_codec(events.config).encode
    for number in sequences:
        event = Passed(runner=f"runner {number}", laps=1, count=1, sequence=number, cause=number)
        events.append([Record(encode(event), timestamp=1)])


def test_it_may_begin_among_events_that_were_told_once_more() -> None:
    """Two writers told 3 and 4; the second did not get as far as the first, which told 5 then."""
    log = MemoryLog()
    START.ensure_topics(log)
    tell(log, 0, 1, 2, 3, 4)
    run(log, (MIDDLE,))
    tell(log, 3, 5, 6)
    assert log.committed("relay.middle.reactors")[START.events_topic, 0] == 5, "at the second 3"
    counts = run(log, (MIDDLE,))["middle"]
    assert counts == {f"runner {number}/{index}": 1 for number in range(7) for index in range(FAN)}


def test_an_event_that_is_missing_is_told() -> None:
    log = MemoryLog()
    START.ensure_topics(log)
    tell(log, 0, 1, 2, 4)
    log.commit("relay.middle.reactors", {(START.events_topic, 0): 1})
    with pytest.raises(SequenceGap, match="sequence 3 is missing at offset 3"):
        run(log, (MIDDLE,))
