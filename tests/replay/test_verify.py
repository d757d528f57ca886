"""Deciding recorded history again: what is compared, what is not, and what a difference says."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest

from log.backends.memory import MemoryLog
from log.envelope import Event
from log.errors import OffsetOutOfRange
from log.interface import Log
from log.record import Record, new_batch
from processors.core.fold import IncompleteCommand
from processors.core.messages import Tick
from processors.core.snapshots import SnapshotFolder
from processors.core.task import Task
from replay import verify as verify_module
from replay.verify import Verification, verify
from tests.replay.recording import PARKING, UNREADABLE, append, run, with_rules
from tests.samples.parking import START_MS, SYSTEM, flow
from tests.samples.parking.commands import LeaveSpot, ParkCar
from tests.samples.parking.decider import Garage, decide
from tests.samples.parking.events import CarRefused


def lenient(garage: Garage, command: Any, at: int) -> Sequence[Event]:
    """Other rules: nobody learns why they were refused."""
    events = decide(garage, command, at)
    for event in events:
        if isinstance(event, CarRefused):
            event.reason = "no"
    return events


def test_history_is_decided_to_the_same_bytes(log: Log) -> None:
    append(log, *islice(flow(1), 200))
    append(log, UNREADABLE, (START_MS + 10**9, Tick()), *islice(flow(2), 50))
    task = run(log)
    assert verify(log, PARKING, 0) == Verification(
        system="samples.parking",
        partition=0,
        rules_version=1,
        commands_compared=252,
        events_compared=task.fold.next_sequence - 1,
        dead_letters=1,
    )


def test_with_small_reads(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    append(log, *islice(flow(1), 100))
    run(log, max_bytes=300)
    monkeypatch.setattr("replay.events.READ_BYTES", 500)
    progress: list[tuple[int, int]] = []
    result = verify(log, PARKING, 0, progress=lambda done, total: progress.append((done, total)))
    assert (result.commands_compared, result.difference) == (100, None)
    assert len(progress) > 5
    assert progress == sorted(progress)
    assert progress[-1][0] == progress[-1][1] == log.partition(SYSTEM.events_topic, 0).log_end


def test_nothing_is_written_and_a_task_may_run(log: Log) -> None:
    append(log, *islice(flow(1), 20))
    append(log, UNREADABLE)
    task = Task(log, PARKING, 0)
    task.step()
    topics = (SYSTEM.commands_topic, SYSTEM.events_topic, SYSTEM.dead_letters_topic)
    before = [log.partition(topic, 0).log_end for topic in topics]
    assert verify(log, PARKING, 0).commands_compared == 21
    assert [log.partition(topic, 0).log_end for topic in topics] == before
    task.close()


def test_commands_not_decided_yet_are_pending(log: Log) -> None:
    append(log, *islice(flow(1), 70))
    run(log, steps=2, max_bytes=1)
    result = verify(log, PARKING, 0)
    assert (result.commands_compared, result.commands_pending) == (14, 56)


def test_an_empty_history(log: Log) -> None:
    PARKING.ensure_topics(log)
    result = verify(log, PARKING, 0)
    assert (result.commands_compared, result.commands_pending, result.difference) == (0, 0, None)


def test_commands_with_an_origin(log: Log) -> None:
    for sequence in (0, 1, 1, 2, 0):
        command = ParkCar(spot=f"s{sequence}", car="a", stay_ms=1000)
        command.origin_topic, command.origin_sequence = "elsewhere.events", sequence
        append(log, (START_MS + sequence * 400, command))
    run(log)
    result = verify(log, PARKING, 0)
    assert (result.commands_compared, result.difference) == (5, None)


def test_a_difference_names_both_sides(log: Log) -> None:
    append(log, (1, ParkCar(spot="a", car="x", stay_ms=1000)))
    append(log, (2, ParkCar(spot="a", car="y", stay_ms=1000)), (3, LeaveSpot(spot="a")))
    run(log)
    result = verify(log, with_rules(1, lenient), 0)
    difference = result.difference
    assert difference is not None
    assert (difference.command_offset, difference.sequence, difference.event_offset) == (1, 2, 2)
    assert difference.fields == ["reason"]
    assert difference.recorded is not None and '"taken by x"' in difference.recorded.value
    assert difference.decided is not None and '"no"' in difference.decided.value
    assert (difference.recorded.timestamp, difference.recorded.key) == (2, "x")
    assert result.events_compared == 1
    assert msgspec.json.decode(msgspec.json.encode(result), type=Verification) == result


def test_an_event_more_and_an_event_less(log: Log) -> None:
    def refuses_twice(garage: Garage, command: Any, at: int) -> Sequence[Event]:
        events = decide(garage, command, at)
        return [*events, *(replace_event(event) for event in events)]

    def replace_event(event: Event) -> Event:
        return CarRefused(spot="a", reason=f"after {type(event).__name__}")

    append(log, (1, LeaveSpot(spot="a")), (2, ParkCar(spot="a", car="x", stay_ms=1000)))
    append(log, (3, ParkCar(spot="a", car="y", stay_ms=1000)))
    run(log)
    more = verify(log, with_rules(1, refuses_twice), 0).difference
    assert more is not None
    assert (more.command_offset, more.fields) == (1, ["cause_count"])

    append(log, (4, ParkCar(spot="a", car="z", stay_ms=1000)))
    run(log, with_rules(1, refuses_twice))
    less = verify(log, PARKING, 0).difference
    assert less is not None
    assert (less.command_offset, less.fields) == (3, ["cause_count"])


def test_events_of_a_command_that_is_gone(log: Log) -> None:
    append(log, (1, ParkCar(spot="a", car="x", stay_ms=1000)))
    run(log)
    events = log.partition(SYSTEM.events_topic, 0)
    codec = SYSTEM.event_codec(events.config)
    stray = CarRefused(spot="a", reason="", sequence=2, cause=1)
    events.append([Record(codec.encode(stray), b"x", 2)])
    difference = verify(log, PARKING, 0).difference
    assert difference is not None
    assert (difference.command_offset, difference.event_offset) == (1, 2)
    assert (difference.recorded is not None, difference.decided) == (True, None)


def test_the_record_is_compared_too(log: Log) -> None:
    append(log, (5, LeaveSpot(spot="a")))
    run(log)
    copy = MemoryLog()
    append(copy, (5, LeaveSpot(spot="a")))
    for batch in log.partition(SYSTEM.events_topic, 0).read(0):
        copies = [Record(r.value, b"other", r.timestamp + r.offset) for r in batch]
        copy.partition(SYSTEM.events_topic, 0).append(copies)
    difference = verify(copy, PARKING, 0).difference
    assert difference is not None
    assert difference.fields == ["key", "timestamp"]


def test_what_other_rules_decided_is_folded(log: Log) -> None:
    """Law 10: versions 1, 2, 1 and 2 again, the second with other refusals."""
    second = with_rules(2, lenient)
    moments = islice(flow(1), 100)
    for system in (PARKING, second, PARKING, second):
        append(log, *islice(moments, 25))
        run(log, system)
    for system in (PARKING, second):
        result = verify(log, system, 0)
        assert result.difference is None
        assert (result.commands_compared, result.commands_of_other_rules) == (50, 50)
    assert verify(log, with_rules(1, lenient), 0).difference is not None
    assert verify(log, with_rules(3, lenient), 0).commands_of_other_rules == 100


def test_commands_deleted_by_retention(log: Log) -> None:
    append(log, *islice(flow(1), 100))
    run(log)
    log.partition(SYSTEM.commands_topic, 0).delete_before(33)
    result = verify(log, PARKING, 0)
    assert (result.commands_before, result.commands_compared) == (33, 67)
    assert result.difference is None


def test_since(log: Log) -> None:
    append(log, *islice(flow(1), 100))
    run(log)
    result = verify(log, PARKING, 0, since=90)
    assert (result.commands_before, result.commands_compared) == (90, 10)


def test_events_deleted_too_need_a_snapshot(log: Log, tmp_path: Path) -> None:
    append(log, *islice(flow(1), 60))
    folder = SnapshotFolder(tmp_path, PARKING, 0)
    folder.save(run(log).fold)
    append(log, *islice(flow(2), 40))
    run(log)
    log.partition(SYSTEM.events_topic, 0).delete_before(20)
    with pytest.raises(OffsetOutOfRange, match="events before offset 20 were deleted"):
        verify(log, PARKING, 0)
    result = verify(log, PARKING, 0, snapshots=folder)
    assert (result.commands_before, result.commands_compared) == (60, 40)
    assert result.difference is None


def test_events_told_again_are_left_out() -> None:
    log = MemoryLog()
    append(log, *islice(flow(1), 40))
    run(log, max_bytes=1)
    doubled = MemoryLog()
    append(doubled, *islice(flow(1), 40))
    batches = log.partition(SYSTEM.events_topic, 0).read(0)
    for batch in (batches[0], *batches, *batches[-2:], batches[0]):
        again = [Record(r.value, r.key, r.timestamp) for r in batch]
        doubled.partition(SYSTEM.events_topic, 0).append(again)
    result = verify(doubled, PARKING, 0)
    assert (result.commands_compared, result.difference) == (40, None)


def test_batches_that_end_within_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replay.events.READ_BYTES", 1)
    log = MemoryLog()
    append(log, *((1, ParkCar(spot=f"s{i}", car="x", stay_ms=1000)) for i in range(5)))
    append(log, (2000, Tick()))
    run(log)
    split = MemoryLog()
    append(split, *((1, ParkCar(spot=f"s{i}", car="x", stay_ms=1000)) for i in range(5)))
    append(split, (2000, Tick()))
    events = split.partition(SYSTEM.events_topic, 0)
    records = [r for batch in log.partition(SYSTEM.events_topic, 0).read(0) for r in batch]
    for record in records[:-1]:
        builder = new_batch()
        builder.append(0, record.timestamp, record.key, record.value, [])
        events.append_batch(builder)
    with pytest.raises(IncompleteCommand, match="the command at offset 5"):
        verify(split, PARKING, 0)
    events.append([Record(records[-1].value, records[-1].key, records[-1].timestamp)])
    result = verify(split, PARKING, 0)
    assert (result.commands_compared, result.difference) == (6, None)


def test_the_module_takes_no_fence() -> None:
    assert "open_writer" not in Path(verify_module.__file__ or "").read_text()
