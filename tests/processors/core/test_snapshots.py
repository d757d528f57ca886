"""Snapshots: a start from one equals a start from history, and a bad one is never believed."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from log.backends.memory import MemoryLog
from log.record import Record
from processors.core.decider import digest, whole_state
from processors.core.snapshots import SnapshotFolder
from processors.core.system import System
from processors.core.task import Task
from tests.samples.parking import SYSTEM, flow
from tests.samples.parking.decider import Stay

ONE = replace(SYSTEM, partitions=1)


def a_history(commands: int) -> MemoryLog:
    log = MemoryLog()
    ONE.ensure_topics(log)
    append(log, 0, commands)
    return log


def append(log: MemoryLog, first: int, last: int) -> None:
    codec = ONE.command_codec(log.topics()[ONE.commands_topic])
    log.partition(ONE.commands_topic, 0).append(
        [Record(codec.encode(c), c.spot.encode(), at) for at, c in islice(flow(9), first, last)]
    )


def decided(log: MemoryLog, snapshots: SnapshotFolder | None = None, system: System = ONE) -> Task:
    task = Task(log, system, 0, snapshots)
    while task.step(4096):
        pass
    task.close()
    return task


def place(task: Task) -> tuple[object, ...]:
    """All that a fold is, but its decider."""
    fold = task.fold
    return (
        fold.state,
        fold.next_sequence,
        fold.next_offset,
        fold.last_cause,
        fold.last_cause_complete,
        fold.at,
        fold.rules_version,
        fold.origins,
    )


def test_snapshot_and_tail_equal_the_full_fold(tmp_path: Path) -> None:
    folder = SnapshotFolder(tmp_path, ONE, 0)
    log = a_history(200)
    decided(log, folder).save_snapshot()
    append(log, 200, 400)
    decided(log)

    from_snapshot = Task(log, ONE, 0, folder)
    from_snapshot.close()
    from_history = Task(log, ONE, 0)
    assert from_snapshot.snapshot_sequence > 200
    assert place(from_snapshot) == place(from_history)
    state_format = ONE.decider.state_format
    assert digest(state_format, from_snapshot.fold.state) == digest(
        state_format, from_history.fold.state
    )


def test_the_two_newest_are_kept(tmp_path: Path) -> None:
    folder = SnapshotFolder(tmp_path, ONE, 0)
    log = a_history(0)
    sequences = []
    for first in range(0, 50, 10):
        append(log, first, first + 10)
        task = decided(log, folder)
        task.save_snapshot()
        task.save_snapshot()  # nothing has changed: nothing is written
        sequences.append(task.fold.next_sequence)
    names = sorted(path.name for path in tmp_path.glob("samples.parking-0/*"))
    assert names == [f"{sequence:020d}.snapshot" for sequence in sequences[-2:]]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "longer"])
def test_a_damaged_snapshot_is_left_for_the_one_before(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = SnapshotFolder(tmp_path, ONE, 0)
    log = a_history(100)
    older = decided(log, folder)
    older.save_snapshot()
    append(log, 100, 200)
    decided(log, folder).save_snapshot()
    newest = max(tmp_path.rglob("*.snapshot"))
    content = newest.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    newest.write_bytes(
        {
            "cut": content[:-7],
            "flipped": bytes(flipped),
            "empty": b"",
            "longer": content + b"x",
        }[damage]
    )
    loaded = folder.load(log_end=1 << 40)
    assert loaded is not None
    assert loaded.next_sequence == older.fold.next_sequence
    assert "is damaged and was left aside" in caplog.text
    assert place(decided(log, folder)) == place(decided(log))


def test_a_snapshot_of_another_schema_or_other_rules_is_ignored(tmp_path: Path) -> None:
    class Garage(msgspec.Struct):
        stays: dict[str, Stay]
        floors: int = 3

    log = a_history(100)
    decided(log, SnapshotFolder(tmp_path, ONE, 0)).save_snapshot()
    same = SnapshotFolder(tmp_path, replace(ONE), 0)
    other_rules = SnapshotFolder(tmp_path, replace(ONE, rules_version=2), 0)
    other_decider = replace(ONE.decider, state_format=whole_state(Garage))
    other_schema = SnapshotFolder(tmp_path, replace(ONE, decider=other_decider), 0)
    assert same.load(1 << 40) is not None
    assert other_rules.load(1 << 40) is None
    assert other_schema.load(1 << 40) is None


def test_a_snapshot_ahead_of_the_log_is_ignored(tmp_path: Path) -> None:
    log = a_history(100)
    folder = SnapshotFolder(tmp_path, ONE, 0)
    task = decided(log, folder)
    task.save_snapshot()
    assert folder.load(task.fold.next_offset) is not None
    assert folder.load(task.fold.next_offset - 1) is None


def test_state_can_be_had_as_it_was_before_a_command(tmp_path: Path) -> None:
    log = a_history(100)
    folder = SnapshotFolder(tmp_path, ONE, 0)
    decided(log, folder).save_snapshot()
    assert folder.load(1 << 40, until_cause=98) is None
    assert folder.load(1 << 40, until_cause=99) is not None
