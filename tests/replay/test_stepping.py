"""A history walked to and fro: every step is the same from wherever one comes, and its state is
what `state_at` gives."""

import random
from dataclasses import replace
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from log.backends.memory import MemoryLog
from log.errors import OffsetOutOfRange
from log.interface import Log
from log.record import Record
from processors.core.decider import digest
from processors.core.messages import Tick
from processors.core.registry import Registry
from processors.core.snapshots import SnapshotFolder
from processors.core.system import System
from processors.core.task import Task
from processors.core.testing.subject import decide_all, flow_records, memory_log
from replay import stepping
from replay.differences import ABSENT
from replay.state import END, At, fold_until, state_at
from replay.stepping import Glance, Keeping, Step, Stepper
from tests.processors.core.without_fence import copy_of, records_of, stretches
from tests.replay.recording import PARKING, UNREADABLE, append, run, with_rules
from tests.samples.parking import START_MS, SYSTEM, flow
from tests.samples.parking.commands import LeaveSpot, ParkCar
from tests.samples.parking.decider import decide

COMMANDS = 160


def recorded(log: Log) -> Log:
    """With a dead letter, ticks that end stays, commands of a reactor (one of them twice), and
    rules that change."""
    commands: list[Any] = list(islice(flow(5), COMMANDS - 6))
    for at, sequence in ((20, 0), (50, 1), (51, 1)):
        command = LeaveSpot(spot=f"spot-{at % 8}")
        command.origin_topic, command.origin_sequence = "samples.other.events", sequence
        commands.insert(at, (commands[at - 1][0], command))
    commands[100:100] = [(commands[99][0] + 5000, Tick())]
    append(log, *commands[:40], UNREADABLE, *commands[40:90])
    run(log)
    append(log, *commands[90:])
    run(log, with_rules(2, decide))
    append(log, (START_MS, ParkCar(spot="late", car="x", stay_ms=-1)))
    run(log, with_rules(2, decide))
    return log


@pytest.fixture
def history(log: Log) -> Log:
    return recorded(log)


def assert_as_state(log: Log, system: System, step: Step) -> None:
    state = state_at(log, system, step.partition, At(command_offset=step.command_offset))
    for name in ("command_offset", "next_sequence", "at", "rules_version", "digest"):
        assert getattr(step, name) == getattr(state, name)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few folds are kept, close together, and no step: going back is work."""
    monkeypatch.setattr(stepping, "NEAR_COMMANDS", (4, 16))
    monkeypatch.setattr(stepping, "Keeping", partial(Keeping, folds_max=6, every_commands_min=4))
    monkeypatch.setattr(stepping, "STEPS_KEPT", 0)
    monkeypatch.setattr(stepping, "SNAPSHOT_WORTH_COMMANDS", 10)


def test_every_step_s_state_is_that_of_state_at(history: Log) -> None:
    stepper = Stepper(history, PARKING, 0)
    assert (stepper.first, stepper.last) == (0, COMMANDS - 1)
    steps = [stepper.at(offset) for offset in range(COMMANDS)]
    for step in steps:
        assert_as_state(history, PARKING, step)
    sequences = [event.value["sequence"] for step in steps for event in step.events]
    assert sequences == list(range(steps[-1].next_sequence))
    backwards = [stepper.at(offset) for offset in reversed(range(COMMANDS))]
    assert backwards[::-1] == steps


def test_walking_anywhere_gives_equal_steps(history: Log) -> None:
    steps = [Stepper(history, PARKING, 0).at(offset) for offset in range(COMMANDS)]
    stepper, draw, offset = Stepper(history, PARKING, 0), random.Random(1), 0
    for _ in range(150):
        count = draw.choice((1, 1, -1, -1, 100, -100, draw.randrange(-40, 40)))
        step = stepper.by(count, offset)
        offset = min(max(offset + count, 0), COMMANDS - 1)
        assert step == steps[offset]


@given(st.lists(st.integers(0, COMMANDS - 1), max_size=12))
@settings(deadline=None, max_examples=25)
def test_any_way(offsets: list[int]) -> None:
    log = recorded(MemoryLog())
    stepper = Stepper(log, PARKING, 0)
    for offset in offsets:
        assert stepper.at(offset) == Stepper(log, PARKING, 0).at(offset)


def test_a_glance_is_a_step_without_what_it_changed(history: Log) -> None:
    steps = [Stepper(history, PARKING, 0).at(offset) for offset in range(COMMANDS)]
    stepper, draw = Stepper(history, PARKING, 0), random.Random(2)
    for _ in range(100):
        offset = draw.randrange(COMMANDS)
        told = {name: getattr(steps[offset], name) for name in Glance.__struct_fields__}
        assert stepper.glance(offset) == Glance(**told)
        state = stepper.fold_at(offset).state
        assert digest(PARKING.decider.state_format, state) == steps[offset].digest


def test_history_goes_on(log: Log) -> None:
    """What is appended while a stepper stands on a history is seen once it is told."""
    append(log, *islice(flow(5), 60))
    run(log)
    stepper = Stepper(log, PARKING, 0)
    before = [stepper.at(offset) for offset in range(60)]
    append(log, *islice(flow(6), 40))
    run(log)
    assert stepper.at(END) == before[59]
    with pytest.raises(OffsetOutOfRange, match="no command 60 to step to: they are 0 to 59"):
        stepper.glance(60)
    stepper.go_on()
    assert (stepper.first, stepper.last) == (0, 99)
    for offset in (*range(100), *reversed(range(100))):
        assert stepper.at(offset) == Stepper(log, PARKING, 0).at(offset)


def test_the_places_of_kept_folds_stay_as_history_grows() -> None:
    keeping = Keeping(folds_max=8, every_commands_min=10)
    assert [keeping.every_commands(count) for count in (0, 40, 41, 80, 1000)] == [
        10,
        10,
        20,
        20,
        320,
    ]


def kinds(step: Step) -> list[str]:
    return [event.type for event in step.events]


def test_what_a_step_tells(log: Log) -> None:
    append(log, (START_MS, ParkCar(spot="a", car="x", stay_ms=1000)), UNREADABLE)
    run(log)
    append(log, (START_MS + 2000, Tick()), (START_MS + 2001, LeaveSpot(spot="a")))
    run(log, with_rules(2, decide))
    stepper = Stepper(log, PARKING, 0)
    parked, unreadable, tick, nothing = (stepper.at(offset) for offset in range(4))

    assert parked.command is not None
    assert (parked.command.type, parked.command.key, parked.command.timestamp) == (
        "park_car.v1",
        "x",
        START_MS,
    )
    assert parked.command.value == {
        "type": "park_car.v1",
        "spot": "a",
        "car": "x",
        "stay_ms": 1000,
    }
    assert kinds(parked) == ["rules_adopted.v1", "car_parked.v1"]
    stay = {"car": "x", "until_ms": START_MS + 1000}
    assert [(each.path, each.left, each.right) for each in parked.differences] == [
        ("stays.a", ABSENT, stay)
    ]
    assert parked.rendering == '{"stays":{"a":{"car":"x","until_ms":1700000001000}}}'

    assert kinds(unreadable) == ["command_dead_lettered.v1"]
    assert unreadable.differences == []
    assert unreadable.command is not None
    assert unreadable.command.value == {"type": "park_car.v1", "spot": 3}

    assert kinds(tick) == ["rules_adopted.v1", "car_left.v1"]
    assert [(each.path, each.left, each.right) for each in tick.differences] == [
        ("stays.a", stay, ABSENT)
    ]
    assert (tick.rules_version, unreadable.rules_version) == (2, 1)
    assert kinds(nothing) == ["nothing_changed.v1"]


def test_a_value_that_is_no_json(log: Log) -> None:
    append(log, b"\xffhello")
    run(log)
    command = Stepper(log, PARKING, 0).at(0).command
    assert command is not None
    assert (command.type, command.value) == ("", "\\xffhello")


def test_a_log_that_lost_its_beginning(log: Log, tmp_path: Path) -> None:
    system = with_rules(2, decide)
    with_snapshots = SnapshotFolder(tmp_path, system, 0)
    append(log, *islice(flow(5), 60))
    middle = run(log, system).fold
    with_snapshots.save(middle)
    append(log, *islice(flow(6), 40))
    with_snapshots.save(run(log, system).fold)
    whole = [Stepper(log, system, 0).at(offset) for offset in range(100)]
    log.partition(SYSTEM.commands_topic, 0).delete_before(70)
    log.partition(SYSTEM.events_topic, 0).delete_before(middle.next_offset)

    stepper = Stepper(log, system, 0, with_snapshots)
    assert (stepper.first, stepper.last) == (60, 99)
    for offset in (*range(60, 100), *reversed(range(60, 100))):
        step = stepper.at(offset)
        if offset < 70:
            assert step.command is None
            step = structs.replace(step, command=whole[offset].command)
        assert step == whole[offset]
    with pytest.raises(OffsetOutOfRange, match="no command 59 to step to: they are 60 to 99"):
        stepper.at(59)
    with pytest.raises(OffsetOutOfRange, match="were deleted, and no usable snapshot"):
        Stepper(log, system, 0)


def test_snapshots_shorten_the_way(history: Log, tmp_path: Path) -> None:
    folder = SnapshotFolder(tmp_path, PARKING, 0)
    task = Task(history, PARKING, 0)
    folder.save(task.fold)
    task.close()
    steps = [Stepper(history, PARKING, 0).at(offset) for offset in range(COMMANDS)]
    stepper = Stepper(history, PARKING, 0, folder)
    for offset in (COMMANDS - 1, 3, COMMANDS - 2, 90, 0):
        assert stepper.at(offset) == steps[offset]


@pytest.mark.parametrize("seed", range(3))
def test_where_events_are_told_again(history: Log, seed: int) -> None:
    draw = random.Random(seed)
    records = records_of(history, PARKING.events_topic)
    repeated = copy_of(history, PARKING, stretches(records, draw, late=draw.randint(1, 8)))
    once, again = Stepper(history, PARKING, 0), Stepper(repeated, PARKING, 0)
    assert (again.first, again.last) == (once.first, once.last)
    for offset in range(COMMANDS):
        one, other = once.at(offset), again.at(offset)
        assert other.digest == one.digest
        assert [event.value for event in other.events] == [event.value for event in one.events]


def test_where_offsets_have_holes(log: Log) -> None:
    """As on a broker, where a command's offset may be a marker's."""
    append(log, *islice(flow(5), 30))
    run(log)
    copy = MemoryLog()
    PARKING.ensure_topics(copy)
    decode, encode = codec(log).decode, codec(log).encode
    records = []
    for record in records_of(log, PARKING.events_topic):
        event = decode(record.value or b"")
        event.cause += sum(event.cause >= hole for hole in (10, 11, 20))
        records.append(Record(encode(event), record.key, record.timestamp))
    copy.partition(PARKING.events_topic, 0).append(records)
    stepper = Stepper(copy, PARKING, 0)
    seen: list[int] = []
    step = stepper.at(stepper.first)
    while not seen or step.command_offset > seen[-1]:
        seen.append(step.command_offset)
        step = stepper.by(1, step.command_offset)
    assert seen == [offset for offset in range(33) if offset not in (10, 12, 22)]
    back = [stepper.at(stepper.last).command_offset]
    while back[-1] > stepper.first:
        back.append(stepper.by(-1, back[-1]).command_offset)
    assert back[::-1] == seen


def codec(log: Log) -> Any:
    return PARKING.event_codec(log.topics()[PARKING.events_topic])


def test_places(history: Log) -> None:
    stepper = Stepper(history, PARKING, 0)
    assert stepper.at(END) == stepper.at(COMMANDS - 1) == stepper.by(10**9, 5)
    assert stepper.at(0) == stepper.by(-(10**9), 5)
    time_ms = stepper.at(30).at
    assert stepper.at(At(time_ms=time_ms)).command_offset >= 30
    assert stepper.at(At(time_ms=time_ms - 1)).at < time_ms
    for place in (At(command_offset=COMMANDS), At(time_ms=START_MS - 1)):
        with pytest.raises(OffsetOutOfRange, match="they are 0 to 159"):
            stepper.at(place)


def test_nothing_to_step_through(log: Log) -> None:
    append(log, *islice(flow(1), 3))
    with pytest.raises(OffsetOutOfRange, match="no command was decided yet"):
        Stepper(log, PARKING, 0)


def test_find(log: Log) -> None:
    park = [ParkCar(spot=f"s{at}", car=f"car-{at}", stay_ms=10**6) for at in range(50)]
    append(log, *((START_MS + at, command) for at, command in enumerate(park)))
    append(log, (START_MS + 60, LeaveSpot(spot="s7")))
    run(log)
    append(log, (START_MS + 61, ParkCar(spot="s8", car="Other", stay_ms=5)))
    run(log, with_rules(3, decide))
    stepper = Stepper(log, PARKING, 0)
    found = {
        (text, offset): stepper.find(text, offset)
        for text, offset in (
            ("car-33", 0),
            ("CAR-33", 0),
            ("car-33", 33),
            ("car=car-33", 5),
            ("taken by car-8", 0),
            ("car_left", 0),
            ('"until_ms"', 11),
            ("stay_ms=5", 0),
            ("rules_adopted", 0),
            ("nobody", 0),
        )
    }
    assert list(found.values()) == [33, 33, None, 33, 51, 50, 12, 51, 51, None]


def test_far_apart_in_a_long_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept is bounded, and the way back is short."""
    log = MemoryLog()
    append(log, *islice(flow(3), 1500), size=500)
    run(log, max_bytes=1)
    stepper = Stepper(log, PARKING, 0)
    folded = count_folded(monkeypatch, stepper)
    stepper.at(END)
    assert folded() >= 1400
    for offset in (1498, 1497, 1496):
        stepper.at(offset)
        assert folded() <= 8
    for offset in range(1495, 1395, -1):
        stepper.at(offset)
    assert folded() <= 100 * 60  # and from the first command, it would be 140,000
    assert len(stepper._kept) <= 6


def count_folded(monkeypatch: pytest.MonkeyPatch, stepper: Stepper) -> Any:
    counted = 0

    def counting(events: Any, fold: Any, until: Any = None, progress: Any = None) -> None:
        nonlocal counted
        before = fold.last_cause
        fold_until(events, fold, until, progress)
        counted += fold.last_cause - before

    def since() -> int:
        nonlocal counted
        found, counted = counted, 0
        return found

    monkeypatch.setattr(stepping, "fold_until", counting)
    return since


@pytest.mark.parametrize("name", [each.system.name for each in Registry()])
def test_every_system(name: str) -> None:
    system = replace(Registry().find(name).system, partitions=1)
    log = memory_log(system, flow_records(system, 3, 60))
    decide_all(log, system)
    stepper = Stepper(log, system, 0)
    steps = [stepper.at(offset) for offset in range(stepper.last + 1)]
    assert [stepper.at(offset) for offset in reversed(range(stepper.last + 1))] == steps[::-1]
    for step in steps[::7]:
        assert_as_state(log, system, step)
        assert step.rendering
    assert any(step.differences for step in steps)
    for before, after in pairwise(steps):
        assert (before.digest == after.digest) == (after.differences == [])
