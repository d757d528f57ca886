"""A history that is cut still replays: whatever the system, from wherever, by key or by place."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from log.backends.file import FileLog
from log.backends.memory import MemoryLog
from log.errors import LogStorageError, OffsetOutOfRange
from log.interface import Log
from log.record import Headers, Record
from processors.core.registry import Registry
from processors.core.snapshots import SnapshotFolder, Snapshots, open_snapshots
from processors.core.system import System
from processors.core.task import Task
from processors.core.testing.subject import decide_all, decoded, flow_records, memory_log
from replay import cut as cutting
from replay.cut import Cut, cut_history
from replay.doctor import examine_system
from replay.state import At, state_at
from replay.stretch import Chosen, NothingChosen
from replay.verify import Verification, verify
from tests.replay.recording import PARKING, UNREADABLE, append, run, with_rules
from tests.samples.parking import START_MS, flow
from tests.samples.parking.decider import decide

SYSTEMS = ("markets.exchange", "booking.stays", "media.uploads", "samples.parking")
COMMANDS = 400
REGISTRY = Registry(["tests.samples.parking"])


def decided(name: str) -> tuple[System, MemoryLog]:
    """A system's flow, decided in memory."""
    system = replace(REGISTRY.find(name).system, reactors=(), effects=())
    log = memory_log(system, flow_records(system, seed=3, count=COMMANDS))
    decide_all(log, system)
    return system, log


@pytest.fixture(params=SYSTEMS)
def history(request: pytest.FixtureRequest) -> tuple[System, MemoryLog]:
    return decided(request.param)


def snapshots_in(folder: Path, system: System, number: int) -> Snapshots:
    return open_snapshots(folder / "snapshots", system, number)


def verified(folder: Path, system: System) -> list[Verification]:
    """Decide the cut again, and have the doctor look at it."""
    with FileLog(folder) as log:
        found = examine_system(log, system, partial(open_snapshots, folder / "snapshots"))
        assert [finding for finding in found if not finding.is_note] == []
        return [
            verify(log, system, number, snapshots=snapshots_in(folder, system, number))
            for number in range(system.partitions)
        ]


Row = tuple[int, int, bytes | None, bytes | None, Headers]


def told(log: Log, topic: str, number: int) -> Iterator[Row]:
    """The records of a partition: offset, timestamp, key, value, headers."""
    partition = log.partition(topic, number)
    for batch in partition.read(partition.log_start, 1 << 30):
        for r in batch:
            yield r.offset, r.timestamp, r.key, r.value, list(r.headers)


def middle(system: System, log: Log) -> int:
    return min(
        log.partition(system.commands_topic, number).log_end // 2
        for number in range(system.partitions)
    )


def test_from_the_start_it_is_a_prefix(history: tuple[System, MemoryLog], tmp_path: Path) -> None:
    system, log = history
    until = middle(system, log)
    done = cut_history(log, system, tmp_path / "cut", Chosen(until=At(command_offset=until)))
    assert not done.decided_again
    results = verified(tmp_path / "cut", system)
    assert [one.difference for one in results] == [None] * len(results)
    assert [one.commands_compared for one in results] == [until + 1] * len(results)
    assert [one.commands for one in done.partitions] == [until + 1] * len(results)
    with FileLog(tmp_path / "cut") as cut:
        for number in range(system.partitions):
            for topic in (system.commands_topic, system.events_topic):
                short, whole = list(told(cut, topic, number)), list(told(log, topic, number))
                assert short == whole[: len(short)]
            at = At(command_offset=until)
            assert state_at(cut, system, number) == state_at(log, system, number, at)


def test_from_later_on_a_snapshot_is_what_was_before(
    history: tuple[System, MemoryLog], tmp_path: Path
) -> None:
    system, log = history
    since = middle(system, log)
    done = cut_history(log, system, tmp_path / "cut", Chosen(since=At(command_offset=since)))
    assert all(one.snapshot and one.first_command == since for one in done.partitions)
    results = verified(tmp_path / "cut", system)
    assert [one.difference for one in results] == [None] * len(results)
    assert [one.commands_before for one in results] == [since] * len(results)
    with FileLog(tmp_path / "cut") as cut:
        for number in range(system.partitions):
            whole = list(told(log, system.events_topic, number))
            short = list(told(cut, system.events_topic, number))
            assert short == whole[-len(short) :]
            assert len(short) < len(whole)
            kept = snapshots_in(tmp_path / "cut", system, number)
            state = state_at(cut, system, number, snapshots=kept)
            assert state == state_at(log, system, number)


def test_a_middle_goes_on_as_it_did(history: tuple[System, MemoryLog], tmp_path: Path) -> None:
    """A task on the cut decides what comes next as it was decided."""
    system, log = history
    begin, end = middle(system, log) // 2, middle(system, log)
    chosen = Chosen(since=At(command_offset=begin), until=At(command_offset=end))
    cut_history(log, system, tmp_path / "cut", chosen)
    with FileLog(tmp_path / "cut") as cut:
        for number in range(system.partitions):
            source = list(told(log, system.commands_topic, number))
            commands = cut.partition(system.commands_topic, number)
            rest = source[commands.log_end :]
            commands.append([Record(value, key, at) for _, at, key, value, _ in rest])
            snapshots = snapshots_in(tmp_path / "cut", system, number)
            task = Task(cut, system, number, snapshots)
            while task.step():
                pass
            task.close()
            whole = list(told(log, system.events_topic, number))
            short = list(told(cut, system.events_topic, number))
            assert short == whole[-len(short) :]


def busiest_keys(system: System, log: Log, offsets: range) -> tuple[str, ...]:
    """The two keys with the most commands at these offsets."""
    counted = Counter(
        key.decode()
        for number in range(system.partitions)
        for offset, _, key, _, _ in told(log, system.commands_topic, number)
        if key is not None and offset in offsets
    )
    return tuple(key for key, _ in counted.most_common(2))


def test_by_key_it_is_decided_again(history: tuple[System, MemoryLog], tmp_path: Path) -> None:
    system, log = history
    keys = busiest_keys(system, log, range(COMMANDS))
    done = cut_history(log, system, tmp_path / "cut", Chosen(keys=keys))
    assert done.decided_again
    assert "offsets and sequences are new" in done.notes[0]
    results = verified(tmp_path / "cut", system)
    assert [one.difference for one in results] == [None] * len(results)
    with FileLog(tmp_path / "cut") as cut:
        commands = [
            one[1:] for number in range(system.partitions)
            for one in told(cut, system.commands_topic, number)
        ]  # fmt: skip
        assert {one[1] for one in commands} - {None} == {key.encode() for key in keys}
        assert commands == [
            one[1:] for number in range(system.partitions)
            for one in told(log, system.commands_topic, number)
            if one[2] is None or one[2] in {key.encode() for key in keys}
        ]  # fmt: skip
        assert sum(one.commands for one in done.partitions) == len(commands)
        assert sum(one.commands_compared for one in results) == len(commands)


def test_by_key_and_place(history: tuple[System, MemoryLog], tmp_path: Path) -> None:
    system, log = history
    since, until = 40, 80
    keys = busiest_keys(system, log, range(since, until))
    assert len(keys) == 2
    chosen = Chosen(keys=keys, until=At(command_offset=until))
    whole = cut_history(log, system, tmp_path / "whole", chosen)
    later = Chosen(keys=keys, until=chosen.until, since=At(command_offset=since))
    done = cut_history(log, system, tmp_path / "cut", later)
    results = verified(tmp_path / "cut", system)
    assert [one.difference for one in results] == [None] * len(results)
    assert [one.commands_before for one in results] == [
        one.first_command for one in done.partitions
    ]
    for one in done.partitions:
        commands = told(log, system.commands_topic, one.partition)
        before = [key for offset, _, key, _, _ in commands if offset < since]
        chosen_keys = {None, *(key.encode() for key in keys)}
        assert one.first_command == sum(key in chosen_keys for key in before)
    assert sum(one.first_command for one in done.partitions) > 0
    assert [one.first_command + one.commands for one in done.partitions] == [
        one.commands for one in whole.partitions
    ]
    with FileLog(tmp_path / "cut") as cut, FileLog(tmp_path / "whole") as all_of_it:
        for number in range(system.partitions):
            short = list(told(cut, system.events_topic, number))
            events = list(told(all_of_it, system.events_topic, number))
            assert short == events[len(events) - len(short) :]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut", "whole"]
    assert [path for path in (tmp_path / "cut").iterdir() if path.name.startswith(".")] == []


def parked(tmp_path: Path, count: int = 200) -> MemoryLog:
    log = MemoryLog()
    commands = [command for command, _ in zip(flow(5), range(count), strict=False)]
    append(log, *commands[:50], UNREADABLE, *commands[50:])
    run(log)
    return log


def cut_parking(log: Log, out: Path, chosen: Chosen) -> tuple[Cut, Verification]:
    done = cut_history(log, PARKING, out, chosen)
    (result,) = verified(out, PARKING)
    return done, result


def test_by_time(tmp_path: Path) -> None:
    log = parked(tmp_path)
    moments = [one[1] for one in told(log, PARKING.commands_topic, 0)]
    begin_ms, end_ms = moments[70], moments[120]
    chosen = Chosen(since=At(time_ms=begin_ms), until=At(time_ms=end_ms))
    _, result = cut_parking(log, tmp_path / "cut", chosen)
    with FileLog(tmp_path / "cut") as cut:
        times = [one[1] for one in told(cut, PARKING.commands_topic, 0)]
    due = [
        one[1] for one in told(log, PARKING.commands_topic, 0) if begin_ms <= one[1] <= end_ms
    ]  # fmt: skip
    assert times == due != []
    assert (result.difference, result.commands_compared) == (None, len(due))


@pytest.mark.parametrize(("since", "until", "letters"), [(0, 49, 0), (0, 50, 1), (51, 99, 0)])
def test_dead_letters_go_with_their_commands(
    tmp_path: Path, since: int, until: int, letters: int
) -> None:
    chosen = Chosen(since=At(command_offset=since), until=At(command_offset=until))
    done, result = cut_parking(parked(tmp_path), tmp_path / "cut", chosen)
    assert [one.dead_letters for one in done.partitions] == [letters]
    assert (result.difference, result.dead_letters) == (None, letters)
    with FileLog(tmp_path / "cut") as cut:
        assert len(list(told(cut, PARKING.dead_letters_topic, 0))) == letters


def test_what_is_not_decided_yet_waits_in_the_cut(tmp_path: Path) -> None:
    log = MemoryLog()
    append(log, *[command for command, _ in zip(flow(5), range(40), strict=False)], size=5)
    run(log, steps=1, max_bytes=1)
    decided_now = len(list(told(log, PARKING.events_topic, 0)))
    assert decided_now < 40
    _, result = cut_parking(log, tmp_path / "cut", Chosen(until=At(command_offset=29)))
    assert (result.commands_compared, result.commands_pending) == (5, 25)
    _, late = cut_parking(log, tmp_path / "late", Chosen(since=At(command_offset=20)))
    assert late.difference is None


def test_deleted_events_need_a_snapshot(tmp_path: Path) -> None:
    log = parked(tmp_path)
    folder = tmp_path / "kept"
    (fold,) = decide_all(log, PARKING)
    snapshots = open_snapshots(folder, PARKING, 0)
    early = MemoryLog()
    append(early, *[command for command, _ in zip(flow(5), range(30), strict=False)])
    task = run(early)
    assert snapshots.save(task.fold)
    log.partition(PARKING.events_topic, 0).delete_before(task.fold.next_offset + 5)
    with pytest.raises(OffsetOutOfRange, match="were deleted, and no usable snapshot"):
        cut_history(log, PARKING, tmp_path / "none", Chosen())
    assert not (tmp_path / "none").exists()
    log = parked(tmp_path)
    log.partition(PARKING.events_topic, 0).delete_before(task.fold.next_offset)
    place = partial(open_snapshots, folder)
    done = cut_history(log, PARKING, tmp_path / "cut", Chosen(), snapshots=place)
    assert [(one.first_command, one.snapshot) for one in done.partitions] == [(30, True)]
    (result,) = verified(tmp_path / "cut", PARKING)
    assert (result.difference, result.commands_compared) == (None, fold.last_cause - 29)


@pytest.mark.parametrize(
    ("chosen", "what"),
    [
        (Chosen(since=At(command_offset=9999)), "no command between these places"),
        (Chosen(since=At(time_ms=1 << 60)), "no command between these places"),
        (Chosen(until=At(time_ms=5)), "no command between these places"),
        (Chosen(since=At(command_offset=9), until=At(command_offset=8)), "no command between"),
        (Chosen(keys=("spot-1", "y", "z")), "no command there has the key y, z"),
        (Chosen(keys=("x",), since=At(command_offset=60)), "no command of these keys is between"),
    ],
)
def test_nothing_chosen_leaves_nothing_behind(tmp_path: Path, chosen: Chosen, what: str) -> None:
    log = MemoryLog()
    append(log, UNREADABLE)
    run(log)
    commands = [command for command, _ in zip(flow(5), range(100), strict=False)]
    codec = PARKING.command_codec(log.topics()[PARKING.commands_topic])
    partition = log.partition(PARKING.commands_topic, 0)
    for at, command in commands:
        partition.append([Record(codec.encode(command), command.spot.encode(), at)])
    run(log)
    with pytest.raises(NothingChosen, match=what):
        cut_history(log, PARKING, tmp_path / "cut", chosen)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_let_be(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(FileExistsError, match="is there already"):
        cut_history(parked(tmp_path), PARKING, tmp_path, Chosen())
    with pytest.raises(FileExistsError, match="is there already"):
        cut_history(parked(tmp_path), PARKING, tmp_path / "mine", Chosen())
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_what_fails_midway_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(SnapshotFolder):
        def save(self, fold: object) -> str:
            return ""

    monkeypatch.setattr(cutting, "SnapshotFolder", Full)
    with pytest.raises(LogStorageError, match="the state before command 20 could not be"):
        cut_history(parked(tmp_path), PARKING, tmp_path / "c", Chosen(since=At(command_offset=20)))
    assert list(tmp_path.iterdir()) == []


def test_origins_are_kept(tmp_path: Path) -> None:
    """A command that another system's event led to is still seen before, in the cut."""
    log = MemoryLog()
    commands = [command for command, _ in zip(flow(5), range(40), strict=False)]
    for sequence, (_, command) in enumerate(commands):
        command.origin_topic, command.origin_sequence = "elsewhere.events", sequence
    append(log, *commands)
    run(log)
    cut_history(log, PARKING, tmp_path / "cut", Chosen(since=At(command_offset=20)))
    with FileLog(tmp_path / "cut") as cut:
        task = Task(cut, PARKING, 0, snapshots_in(tmp_path / "cut", PARKING, 0))
        assert task.fold.origins == {("elsewhere.events", 0): (39, 0)}
        again = PARKING.command_codec(task.commands.config).encode(commands[3][1])
        task.commands.append([Record(again, b"x", START_MS)])
        task.step()
        task.close()
        last = PARKING.event_codec(task.events.config).decode(
            list(told(cut, PARKING.events_topic, 0))[-1][3] or b""
        )
    assert getattr(last, "reason", "") == "its origin was seen before"
    whole = decoded(log, PARKING, 0)
    assert whole[-1].origin_sequence == 39


def holed(log: Log) -> MemoryLog:
    """The same history as a broker has it: its transactions' marks take offsets of the events."""
    copy = MemoryLog()
    append(copy)
    for topic in (PARKING.commands_topic, PARKING.events_topic):
        target = copy.partition(topic, 0)
        step = 1 if topic == PARKING.commands_topic else 3
        for batch in log.partition(topic, 0).read(0, 1 << 30):
            builder = target.new_batch()
            for at, r in enumerate(batch):
                builder.append(at * step + step - 1, r.timestamp, r.key, r.value, [])
            target.append_batch(builder)
    return copy


@pytest.mark.parametrize("since", [0, 1, 7, 100, 150])
def test_offsets_with_holes(tmp_path: Path, since: int) -> None:
    log = holed(parked(tmp_path))
    place = At(command_offset=since)
    done, result = cut_parking(log, tmp_path / "cut", Chosen(since=place))
    assert (result.difference, result.commands_before) == (None, since)
    assert [one.snapshot for one in done.partitions] == [since > 0]
    with FileLog(tmp_path / "cut") as cut:
        whole = list(told(log, PARKING.events_topic, 0))
        short = list(told(cut, PARKING.events_topic, 0))
        assert short == whole[-len(short) :]
    until, late = cut_parking(log, tmp_path / "until", Chosen(until=place))
    assert (late.difference, late.commands_compared) == (None, since + 1)
    assert [one.commands for one in until.partitions] == [since + 1]


@pytest.mark.parametrize(("since", "of_other_rules"), [(29, 1), (30, 0), (31, 0)])
def test_where_the_rules_change(tmp_path: Path, since: int, of_other_rules: int) -> None:
    second = with_rules(2, decide)
    log = MemoryLog()
    commands = [command for command, _ in zip(flow(5), range(40), strict=False)]
    append(log, *commands[:30])
    run(log)
    append(log, *commands[30:])
    run(log, second)
    cut_history(log, second, tmp_path / "cut", Chosen(since=At(command_offset=since)))
    (result,) = verified(tmp_path / "cut", second)
    assert (result.difference, result.commands_before) == (None, since)
    assert result.commands_of_other_rules == of_other_rules
    assert result.commands_compared == 40 - since - of_other_rules
