"""What if commands had been others: each kind of edit decided, and what is compared then."""

from pathlib import Path

from log.backends.memory import MemoryLog
from processors.core.messages import Tick
from tests.replay.recording import append, run
from tests.replay.what_if.sides_at_hand import ask, happen, kinds
from tests.samples.parking.commands import LeaveSpot, ParkCar


def park(spot: str, car: str, stay_ms: int = 1000) -> ParkCar:
    return ParkCar(spot=spot, car=car, stay_ms=stay_ms)


def test_a_removed_command(recorded: MemoryLog, tmp_path: Path) -> None:
    happen(recorded, (1, park("a", "x")), (2, park("a", "y")), (3, LeaveSpot(spot="a")))
    happen(recorded, (4, park("b", "z")))
    found = ask(recorded, tmp_path, edits=[{"op": "remove", "offset": 0}], max_changed=0)
    assert (found.events.removed, found.events.changed, found.events.commands) == (1, 1, 3)
    removed, changed = found.events.examples
    assert (removed.offset, removed.edit, removed.kinds_after) == (0, "removed", [])
    assert (changed.offset, changed.edit) == (1, "")
    assert (changed.kinds_before, changed.kinds_after) == (["car_refused.v1"], ["car_parked.v1"])
    assert kinds(found) == {
        "car_parked": (2, 2, 1, 1, 0),
        "car_refused": (1, 0, 1, 0, 0),
        "car_left": (1, 1, 0, 0, 0),
    }


def test_added_commands_keep_the_others_apart(recorded: MemoryLog, tmp_path: Path) -> None:
    happen(recorded, (10, park("a", "x")), (20, park("b", "y")), (30, LeaveSpot(spot="b")))
    command = {"type": "park_car.v1", "spot": "b", "car": "new", "stay_ms": 5}
    edits = [
        {"op": "add", "before": 1, "command": command},
        {"op": "add", "after": 2, "command": {**command, "spot": "c"}},
        {"op": "add", "timestamp": 25, "command": {**command, "spot": "d"}},
        {"op": "add", "timestamp": 99, "command": {**command, "spot": "e"}},
    ]
    found = ask(recorded, tmp_path, edits=edits)
    assert (found.events.added, found.events.removed, found.events.commands) == (4, 0, 3)
    told = [
        (each.offset, each.edit, each.at_ms, each.command["spot"], each.kinds_after)
        for each in found.events.examples
    ]
    assert told == [
        (1, "added #1", 20, "b", ["car_parked.v1"]),
        (1, "", 20, "b", ["car_refused.v1"]),
        (3, "added #3", 25, "d", ["car_left.v1", "car_parked.v1"]),
        (2, "", 30, "b", ["car_left.v1"]),
        (5, "added #2", 30, "c", ["car_parked.v1"]),
        (6, "added #4", 99, "e", ["car_left.v1", "car_parked.v1"]),
    ]


def test_a_changed_command_is_outside_of_the_budget(recorded: MemoryLog, tmp_path: Path) -> None:
    happen(recorded, (1, park("a", "x")), (2, park("b", "y")))
    edits = [{"op": "change", "where": {"car": "x"}, "set": {"car": "w"}}]
    found = ask(recorded, tmp_path, edits=edits, max_changed=0)
    assert found.is_within_budget
    assert (found.events.changed, found.events.edited_changed) == (0, 1)
    (example,) = found.events.examples
    assert (example.edit, example.fields, example.command["car"]) == ("changed", ["car"], "w")
    (state,) = found.states
    assert [(each.path, each.left, each.right) for each in state.differences] == [
        ("stays.a.car", "x", "w")
    ]
    (kind,) = found.events.kinds
    assert kind.fields == {"car": 1}


def test_timers_fire_before_the_next_command_and_no_ticks_are_added(
    recorded: MemoryLog, tmp_path: Path
) -> None:
    append(recorded, (1, park("a", "x", 1000)), (2000, Tick()), (5000, park("a", "y")))
    run(recorded)
    found = ask(recorded, tmp_path, edits=[{"op": "remove", "where": {"type": "tick.v1"}}])
    assert kinds(found)["car_left"] == (1, 1, 1, 1, 0)
    assert found.events.events_after == 3
    assert found.events.commands == 2
