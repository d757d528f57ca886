"""A past state: at a command, at a time, from a snapshot; and what cannot be had any more."""

from itertools import islice
from pathlib import Path

import pytest

from log.errors import OffsetOutOfRange
from log.interface import Log
from processors.core.decider import digest
from processors.core.snapshots import SnapshotFolder
from processors.core.task import Task
from replay.state import END, At, StateAt, parse_at, state_at
from tests.replay.recording import PARKING, append, run, with_rules
from tests.samples.parking import START_MS, SYSTEM, flow
from tests.samples.parking.commands import LeaveSpot, ParkCar
from tests.samples.parking.decider import decide

MINUTE_MS = 60_000


def place(state: StateAt) -> tuple[int, int, int, str]:
    return state.command_offset, state.next_sequence, state.at, state.digest


def test_every_command_offset_gives_the_state_that_the_task_had(log: Log) -> None:
    append(log, *islice(flow(1), 30), size=1)
    task = Task(log, PARKING, 0)
    state_format = PARKING.decider.state_format
    states = []
    while task.step(1):
        fold = task.fold
        states.append((fold.last_cause, fold.next_sequence, fold.at))
        offset = fold.last_cause
        assert state_at(log, PARKING, 0, At(command_offset=offset)).digest == digest(
            state_format, fold.state
        )
    found = [state_at(log, PARKING, 0, At(command_offset=offset)) for offset in range(30)]
    assert [place(state)[:3] for state in found] == states
    assert state_at(log, PARKING, 0, END) == found[-1]


def test_within_one_batch_of_events(log: Log) -> None:
    append(log, *islice(flow(1), 50))
    run(log)
    log_by_one, whole = [], state_at(log, PARKING, 0)
    for offset in range(50):
        log_by_one.append(state_at(log, PARKING, 0, At(command_offset=offset)).next_sequence)
    assert log_by_one == sorted(log_by_one)
    assert log_by_one[-1] == whole.next_sequence


def test_rows_are_json(log: Log) -> None:
    append(log, (START_MS, ParkCar(spot="a", car="x", stay_ms=MINUTE_MS)))
    run(log)
    state = state_at(log, PARKING, 0, At(command_offset=0))
    assert state.rows == [{"stays": {"a": {"car": "x", "until_ms": START_MS + MINUTE_MS}}}]
    assert (state.rules_version, state.at) == (1, START_MS)


def test_at_a_time(log: Log) -> None:
    spots = "abcd"
    append(
        log,
        *(
            (START_MS + i, ParkCar(spot=s, car="x", stay_ms=MINUTE_MS))
            for i, s in enumerate(spots)
        ),
    )
    run(log)

    def offset_at(time_ms: int) -> int:
        return state_at(log, PARKING, 0, At(time_ms=time_ms)).command_offset

    times = (START_MS - 1, START_MS, START_MS + 2, START_MS + 3, START_MS + 9)
    assert [offset_at(time_ms) for time_ms in times] == [-1, 0, 2, 3, 3]


def test_rules_adopted_after_the_time_belong_to_what_follows(log: Log) -> None:
    append(log, (START_MS, ParkCar(spot="a", car="x", stay_ms=MINUTE_MS)))
    run(log)
    append(log, (START_MS + 100, LeaveSpot(spot="a")))
    run(log, with_rules(2, decide))
    for at in (At(time_ms=START_MS + 50), At(command_offset=0)):
        state = state_at(log, PARKING, 0, at)
        assert (state.command_offset, state.rules_version, state.at) == (0, 1, START_MS)
    assert state_at(log, PARKING, 0).rules_version == 2


def test_from_the_nearest_snapshot(log: Log, tmp_path: Path) -> None:
    append(log, *islice(flow(1), 60))
    first = run(log).fold
    folder = SnapshotFolder(tmp_path, PARKING, 0)
    folder.save(first)
    append(log, *islice(flow(2), 40))
    run(log)
    whole = [state_at(log, PARKING, 0, At(command_offset=offset)) for offset in (10, 59, 80)]
    for snapshots in (None, folder):
        again = [
            state_at(log, PARKING, 0, At(command_offset=offset), snapshots=snapshots)
            for offset in (10, 59, 80)
        ]
        assert again == whole

    log.partition(SYSTEM.events_topic, 0).delete_before(first.next_offset)
    assert state_at(log, PARKING, 0, At(command_offset=80), snapshots=folder) == whole[2]
    for at, snapshots in ((80, None), (10, folder)):
        with pytest.raises(OffsetOutOfRange, match="were deleted, and no usable snapshot"):
            state_at(log, PARKING, 0, At(command_offset=at), snapshots=snapshots)


def test_a_command_that_is_not_decided(log: Log) -> None:
    append(log, *islice(flow(1), 10))
    with pytest.raises(OffsetOutOfRange, match="offset 3 is not decided: none is"):
        state_at(log, PARKING, 0, At(command_offset=3))
    run(log)
    with pytest.raises(OffsetOutOfRange, match="offset 10 is not decided: the last is 9"):
        state_at(log, PARKING, 0, At(command_offset=10))
    assert state_at(log, PARKING, 0, At(command_offset=9)) == state_at(log, PARKING, 0)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("0", At(command_offset=0)),
        ("1042", At(command_offset=1042)),
        ("2023-11-14T22:13:20Z", At(time_ms=START_MS)),
        ("2023-11-14T22:13:20.5", At(time_ms=START_MS + 500)),
        ("2023-11-14 23:13:20+01:00", At(time_ms=START_MS)),
        ("2023-11-14", At(time_ms=START_MS - (22 * 3600 + 13 * 60 + 20) * 1000)),
    ],
)
def test_places(text: str, at: At) -> None:
    assert parse_at(text) == at


@pytest.mark.parametrize("text", ["", "yesterday", "-1", "12.5", "2023-13-01"])
def test_no_places(text: str) -> None:
    with pytest.raises(ValueError, match="neither a command offset"):
        parse_at(text)
