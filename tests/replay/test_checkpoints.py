"""Checkpoints: kept for good along a history, made on later, found without reading them all."""

from collections.abc import Generator
from itertools import islice
from pathlib import Path

import pytest

from log.backends.memory import MemoryLog
from log.errors import OffsetOutOfRange
from log.interface import Log
from processors.core.snapshots import SnapshotFolder, SnapshotsUnavailable
from replay.checkpoints import Checkpoints, Made, interval_for, make_checkpoints
from replay.state import At, state_at
from tests.replay.recording import PARKING, append, run, with_rules
from tests.samples.parking import flow
from tests.samples.parking.decider import decide


def causes(checkpoints: Checkpoints) -> list[int]:
    return [checkpoints.header(each).last_cause for each in checkpoints.sequences()][::-1]


def make(log: Log, checkpoints: Checkpoints, every: int = 10) -> Made:
    return make_checkpoints(log, PARKING, 0, checkpoints, every_commands=every)


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints", PARKING, 0)


def test_all_are_kept_and_more_are_made_as_history_grows(
    log: Log, checkpoints: Checkpoints
) -> None:
    append(log, *islice(flow(1), 57))
    run(log)
    made = make(log, checkpoints)
    assert (made.made, made.checkpoints, made.command_offset) == (5, 5, 56)
    assert causes(checkpoints) == [9, 19, 29, 39, 49]
    assert make(log, checkpoints).made == 0

    append(log, *islice(flow(2), 30))
    run(log)
    made = make(log, checkpoints)
    assert (made.made, made.checkpoints, made.command_offset) == (3, 8, 86)
    assert causes(checkpoints) == [9, 19, 29, 39, 49, 59, 69, 79]
    assert made.size_bytes == sum(path.stat().st_size for path in checkpoint_files(checkpoints))


def checkpoint_files(checkpoints: Checkpoints) -> list[Path]:
    return [Path(checkpoints.name(sequence)) for sequence in checkpoints.sequences()]


def test_any_place_is_the_state_folded_from_the_nearest(
    log: Log, checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(log, *islice(flow(1), 200))
    run(log)
    make(log, checkpoints)
    loaded: list[int] = []
    load = Checkpoints._load

    def spy(self: Checkpoints, sequence: int, events: object, until: int | None) -> object:
        loaded.append(self.header(sequence).last_cause)
        return load(self, sequence, events, until)  # type: ignore[arg-type]

    monkeypatch.setattr(Checkpoints, "_load", spy)
    for offset in (0, 8, 9, 10, 73, 189, 198, 199):
        at = At(command_offset=offset)
        loaded.clear()
        assert state_at(log, PARKING, 0, at, snapshots=checkpoints) == state_at(
            log, PARKING, 0, at
        )
        nearest = (offset + 1) // 10 * 10 - 1
        assert loaded == ([nearest] if nearest >= 0 else []), offset


def test_few_are_looked_at(checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    log = MemoryLog()
    append(log, *islice(flow(1), 100))
    run(log)
    make(log, checkpoints, every=1)
    assert len(checkpoints.sequences()) == 100
    read: list[int] = []
    read_one = Checkpoints._read

    def spy(self: Checkpoints, sequence: int) -> Generator[bytes, None, None]:
        read.append(sequence)
        return read_one(self, sequence)

    monkeypatch.setattr(Checkpoints, "_read", spy)
    state_at(log, PARKING, 0, At(command_offset=67), snapshots=checkpoints)
    assert len(read) <= 9


def test_snapshots_of_the_task_serve_beside(tmp_path: Path) -> None:
    log = MemoryLog()
    append(log, *islice(flow(1), 25))
    snapshots = SnapshotFolder(tmp_path / "snapshots", PARKING, 0)
    snapshots.save(run(log).fold)
    append(log, *islice(flow(2), 15))
    run(log)
    both = Checkpoints(tmp_path / "checkpoints", PARKING, 0, beside=snapshots)
    assert causes(both) == [24]
    made = make(log, both)
    assert (made.made, made.checkpoints) == (4, 4), "not from the snapshot on, but from the start"
    assert causes(both) == [9, 19, 24, 29, 39]
    assert len(snapshots.sequences()) == 1
    for offset in (20, 24, 27, 33):
        at = At(command_offset=offset)
        assert state_at(log, PARKING, 0, at, snapshots=both) == state_at(log, PARKING, 0, at)


def test_where_events_are_deleted_it_begins_with_what_there_is(tmp_path: Path) -> None:
    log = MemoryLog()
    append(log, *islice(flow(1), 25))
    task = run(log)
    snapshots = SnapshotFolder(tmp_path / "snapshots", PARKING, 0)
    append(log, *islice(flow(2), 15))
    run(log)
    log.partition(PARKING.events_topic, 0).delete_before(task.fold.next_offset)
    both = Checkpoints(tmp_path / "checkpoints", PARKING, 0, beside=snapshots)
    with pytest.raises(OffsetOutOfRange, match="were deleted"):
        make(log, both)
    snapshots.save(task.fold)
    assert make(log, both).made == 2
    assert causes(both) == [24, 29, 39]


def test_of_other_rules_or_damaged_they_are_left_aside(
    log: Log, checkpoints: Checkpoints, tmp_path: Path
) -> None:
    append(log, *islice(flow(1), 60))
    run(log)
    make(log, checkpoints)
    at = At(command_offset=35)
    whole = state_at(log, PARKING, 0, at)
    for path in checkpoint_files(checkpoints)[::2]:
        path.write_bytes(path.read_bytes()[:40])
    assert state_at(log, PARKING, 0, at, snapshots=checkpoints) == whole
    others = with_rules(2, decide)
    theirs = Checkpoints(tmp_path / "checkpoints", others, 0)
    assert state_at(log, others, 0, at, snapshots=theirs) == whole
    assert make_checkpoints(log, others, 0, theirs, every_commands=10).made == 6, "made anew"


def test_what_cannot_be_written_is_told(log: Log, tmp_path: Path) -> None:
    append(log, *islice(flow(1), 20))
    run(log)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SnapshotsUnavailable, match="cannot be written"):
        make(log, Checkpoints(tmp_path / "file", PARKING, 0))


@pytest.mark.parametrize(
    ("commands", "every"),
    [
        (0, 10_000),
        (1_999_999, 10_000),
        (2_000_001, 20_000),
        (5_000_000, 40_000),
        (100_000_000, 640_000),
    ],
)
def test_intervals(commands: int, every: int) -> None:
    assert interval_for(commands) == every
    assert commands <= 2_000_000 or 100 <= commands // every <= 200
