"""Each check of the suite finds a system that breaks what it is about."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from log.envelope import Command, Event
from processors.core.decider import StateFormat
from processors.core.registry import Registered
from processors.core.system import System
from processors.core.testing import CHECKS, Check, Subject, checks
from processors.core.testing.golden import check_golden_history, record_golden_history
from processors.core.testing.random_commands import check_random_commands
from processors.core.testing.subject import flow_records
from tests.samples.parking import SYSTEM, flow
from tests.samples.parking.commands import LeaveSpot, ParkCar
from tests.samples.parking.decider import Garage, decide
from tests.samples.parking.events import CarRefused

Plant = Callable[[System], Subject]


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Plant:
    """Puts a broken garage in the place of the good one."""

    def put(system: System) -> Subject:
        monkeypatch.setattr(
            "processors.core.testing.subject.load_system",
            lambda package: Registered(system, package),
        )
        return Subject("tests.samples.parking", tmp_path, ("a stay cannot be negative",))

    return put


def deciding(rules: Callable[[Garage, Any, int], Sequence[Event]]) -> System:
    return replace(SYSTEM, decider=replace(SYSTEM.decider, decide=rules))


def assert_found(check: Check, subject: Subject, what: str) -> None:
    with pytest.raises(AssertionError, match=what):
        check(subject)


def test_rules_that_decide_differently(plant: Plant) -> None:
    def stricter(garage: Garage, command: Command, at: int) -> Sequence[Event]:
        if isinstance(command, ParkCar) and command.car == "car-7":
            return [CarRefused(spot=command.spot, reason="car-7 is banned")]
        return decide(garage, command, at)  # type: ignore[arg-type]

    subject = plant(SYSTEM)
    assert_found(check_golden_history, subject, "there is no golden history yet")
    record_golden_history(subject)
    check_golden_history(subject)
    assert_found(check_golden_history, plant(deciding(stricter)), "banned")


def test_a_decider_that_changes_the_state(plant: Plant) -> None:
    def hasty(garage: Garage, command: Command, at: int) -> Sequence[Event]:
        garage.stays.pop("spot-1", None)
        return decide(garage, command, at)  # type: ignore[arg-type]

    check = checks.check_decide_changes_nothing
    assert_found(check, plant(deciding(hasty)), "decide changed the state on")


def test_a_decider_that_remembers_beside_the_state(plant: Plant) -> None:
    asked = 0

    def counting(garage: Garage, command: Command, at: int) -> Sequence[Event]:
        nonlocal asked
        asked += 1
        events = decide(garage, command, at)  # type: ignore[arg-type]
        for event in events:
            if isinstance(event, CarRefused):
                event.reason = f"refusal number {asked}"
        return events

    subject = plant(deciding(counting))
    assert_found(checks.check_crash_at_every_record, subject, "after crashes at every record")
    assert_found(checks.check_decide_changes_nothing, subject, "other events when asked again")
    assert_found(checks.check_delivered_twice, subject, "other events")


def test_a_state_that_is_not_written_down_whole(plant: Plant) -> None:
    def without_stays(garage: Garage) -> list[Garage]:
        return [Garage({})]

    forgetful = StateFormat(row_type=Garage, to_rows=without_stays, from_rows=next)
    system = replace(SYSTEM, decider=replace(SYSTEM.decider, state_format=forgetful))
    assert_found(checks.check_snapshot_and_tail, plant(system), "from a snapshot at")


def test_an_invariant_that_does_not_hold(plant: Plant) -> None:
    def at_most_two(garage: Garage) -> None:
        assert len(garage.stays) <= 2, "three cars"

    subject = plant(replace(SYSTEM, invariant=at_most_two))
    assert_found(checks.check_decide_changes_nothing, subject, "the invariant does not hold")
    assert_found(check_random_commands, subject, "three cars")


IN_THIS_PROCESS = [check for check in CHECKS if check is not checks.check_hash_seed]


@pytest.mark.parametrize("check", IN_THIS_PROCESS, ids=lambda check: check.__name__)
def test_commands_to_every_partition_pass(check: Check, plant: Plant) -> None:
    def key(command: ParkCar | LeaveSpot) -> str | None:
        return None if isinstance(command, LeaveSpot) else command.spot

    subject = plant(replace(SYSTEM, key=key))
    record_golden_history(subject)
    check(subject)


def test_a_flow_has_a_command_without_a_key_on_every_partition() -> None:
    system = replace(SYSTEM, key=lambda command: None)
    flowing = list(flow_records(system, seed=1, count=10))
    for number in range(system.partitions):
        mine = [record for partition, record in flowing if partition == number]
        assert [record.timestamp for record in mine] == [at for at, _ in islice(flow(1), 10)]
        assert {record.key for record in mine} == {None}


def test_rules_that_raise(plant: Plant) -> None:
    subject = replace(plant(SYSTEM), expected_errors=())
    assert_found(check_random_commands, subject, "a stay cannot be negative")


SET_SYSTEM = '''
"""Parking, but a refusal names the cars that are there in the order of a set."""

import dataclasses

from tests.samples.parking import SYSTEM as PARKING
from tests.samples.parking.decider import decide as decide_parking
from tests.samples.parking.events import CarRefused


def decide(garage, command, at):
    events = decide_parking(garage, command, at)
    for event in events:
        if isinstance(event, CarRefused):
            event.reason = " ".join({stay.car for stay in garage.stays.values()})
    return events


SYSTEM = dataclasses.replace(
    PARKING,
    name="planted.cars",
    decider=dataclasses.replace(PARKING.decider, decide=decide),
)
'''


def test_the_order_of_a_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "planted" / "cars"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(SET_SYSTEM)
    monkeypatch.syspath_prepend(tmp_path)
    subject = Subject("planted.cars", tmp_path)
    assert_found(checks.check_hash_seed, subject, "PYTHONHASHSEED")
    assert_found(checks.check_purity, subject, "the order of a set")


def test_every_check_is_in_the_suite() -> None:
    defined = {
        value
        for module in (checks,)
        for name, value in vars(module).items()
        if name.startswith("check_")
    }
    assert defined | {check_golden_history, check_random_commands} == set(CHECKS)
