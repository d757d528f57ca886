"""What if, on real logs and in real processes: other rules, and what is compared."""

from itertools import islice
from pathlib import Path

import pytest

from log.backends.file import FileLog
from log.backends.memory import MemoryLog
from log.interface import Log
from processors.core.snapshots import SnapshotFolder
from processors.core.task import Task
from replay.state import At
from replay.what_if import Question, WhatIfFailed, what_if
from tests.replay.recording import PARKING, append, run, with_rules
from tests.replay.what_if.sides_at_hand import (
    REGISTERED,
    STRICTER,
    ask,
    events_of,
    happen,
    history,
    kinds,
    module_rules,
)
from tests.samples.parking import START_MS, SYSTEM, flow
from tests.samples.parking.commands import LeaveSpot


def test_the_installed_rules_change_nothing(log: Log, tmp_path: Path) -> None:
    history(log)
    before = events_of(log)
    found = ask(log, tmp_path, max_changed=0, queries=None)
    assert (found.events.commands, found.events.changed, found.events.examples) == (200, 0, [])
    assert found.before.origin == "recorded"
    assert found.is_within_budget
    assert all(each.before == each.after for each in found.events.kinds)
    assert [state.differences_count for state in found.states] == [0]
    assert [(query.query, query.differences_count) for query in found.queries] == [
        ("taken", 0),
        (f"who {found.queries[1].query.split()[1]}", 0),
        (f"stays {found.queries[1].query.split()[1]}", 0),
    ]
    assert events_of(log) == before
    assert log.groups() == []
    with FileLog(found.after.log) as after:
        assert events_of(after) == before


def test_other_rules(recorded: MemoryLog, tmp_path: Path) -> None:
    history(recorded)
    rules = module_rules(tmp_path, "stricter_rules")
    found = ask(recorded, tmp_path, after=rules, max_changed=0, queries=["taken", "stays spot-0"])
    assert (found.before.rules, found.before.rules_version) == ("installed", 1)
    assert (found.after.rules, found.after.rules_version) == ("stricter_rules", 2)
    assert not found.is_within_budget
    assert found.events.commands == 200
    parked, refused = kinds(found)["car_parked"], kinds(found)["car_refused"]
    assert parked[2] > 0 and refused[3] > 0
    first = found.events.examples[0]
    assert first.command["car"] == "car-7"
    told = {"type": "car_refused.v1", "spot": first.key, "reason": "not this one"}
    assert first.after[-1] == told
    assert sum(each.changed for each in found.events.times) == found.events.changed
    assert sum(each.changed_commands for each in found.events.keys) == found.events.changed
    assert found.queries[1].differences_count > 0


def test_both_sides_by_other_rules(recorded: MemoryLog, tmp_path: Path) -> None:
    history(recorded)
    one = module_rules(tmp_path, "one_side")
    other = module_rules(tmp_path, "other_side", STRICTER.replace("car-7", "car-8"))
    found = ask(recorded, tmp_path, before=one, after=other)
    assert (found.before.rules, found.before.origin) == ("one_side", "decided")
    cars = {each.command.get("car") for each in found.events.examples[:2]}
    assert cars & {"car-7", "car-8"}


def test_history_of_other_rules_is_decided_again(recorded: MemoryLog, tmp_path: Path) -> None:
    def lenient(garage: object, command: object, at: int) -> list[object]:
        return []

    append(recorded, *islice(flow(1), 20))
    run(recorded, with_rules(7, lenient))  # type: ignore[arg-type]
    found = ask(recorded, tmp_path)
    assert found.before.origin.startswith("decided again: other rules decided 20 of")
    assert found.events.changed == 0


def test_a_history_that_does_not_verify_is_decided_again(
    recorded: MemoryLog, tmp_path: Path
) -> None:
    def refuses(garage: object, command: object, at: int) -> list[object]:
        return []

    append(recorded, *islice(flow(1), 20))
    run(recorded, with_rules(1, refuses))  # type: ignore[arg-type]
    found = ask(recorded, tmp_path)
    assert "differ from what the installed rules give (first at partition 0, command 0)" in (
        found.before.origin
    )
    assert found.events.changed == 0


def test_a_stretch(recorded: MemoryLog, tmp_path: Path) -> None:
    history(recorded)
    rules = module_rules(tmp_path, "stricter_since")
    since, until = At(command_offset=50), At(command_offset=149)
    found = ask(recorded, tmp_path, after=rules, since=since, until=until)
    (stretch,) = found.stretches
    assert (stretch.start, stretch.end, stretch.pending) == (50, 150, 50)
    assert found.events.commands == 100
    assert all(50 <= each.offset < 150 for each in found.events.examples)
    middle = START_MS + 20_000
    by_time = what_if(
        recorded,
        REGISTERED,
        Question(after=rules, until=At(time_ms=middle), queries=()),
        tmp_path / "by_time",
    )
    assert 50 < by_time.events.commands < 150
    assert by_time.stretches[0].last_ms <= middle


def test_waiting_commands_are_left_out(recorded: MemoryLog, tmp_path: Path) -> None:
    history(recorded, 30)
    append(recorded, *islice(flow(2), 5))
    found = ask(recorded, tmp_path)
    assert (found.events.commands, found.stretches[0].pending) == (30, 5)


def test_nothing_decided(recorded: MemoryLog, tmp_path: Path) -> None:
    append(recorded, *islice(flow(1), 5))
    with pytest.raises(WhatIfFailed, match="no command of this stretch is decided yet"):
        ask(recorded, tmp_path)


def test_deleted_commands_and_events(recorded: MemoryLog, tmp_path: Path) -> None:
    history(recorded, 60)
    kept = tmp_path / "snapshots"
    task = Task(recorded, PARKING, 0)
    task.close()
    SnapshotFolder(kept, PARKING, 0).save(task.fold)
    happen(recorded, *islice(flow(2), 40))
    recorded.partition(SYSTEM.commands_topic, 0).delete_before(20)
    question = Question(after=module_rules(tmp_path, "stricter_rest"), queries=())
    found = what_if(recorded, REGISTERED, question, tmp_path / "one")
    assert (found.stretches[0].start, found.events.commands) == (20, 80)
    recorded.partition(SYSTEM.events_topic, 0).delete_before(10)
    edited = Question(edits=['{"op": "remove", "offset": 70}'], queries=())
    found = what_if(recorded, REGISTERED, edited, tmp_path / "two", snapshots=kept)
    assert (found.stretches[0].start, found.events.commands) == (60, 39)
    assert found.before.origin == "recorded"
    with pytest.raises(WhatIfFailed, match="their snapshots are of other rules"):
        what_if(recorded, REGISTERED, question, tmp_path / "three", snapshots=kept)


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("x = 1", "declares no SYSTEM, and not 'samples.parking'"),
        ("import no_such_thing", "No module named 'no_such_thing'"),
        (STRICTER.replace("return decide(", "return undecided("), None),
        (STRICTER.replace("GARAGE,\n", "GARAGE, name='a.b',\n"), "declares the system 'a.b'"),
        ("import os; os._exit(3)", "ended with code 3 and said nothing"),
    ],
)
def test_rules_that_fail(
    recorded: MemoryLog, tmp_path: Path, source: str, what: str | None
) -> None:
    history(recorded, 30)
    rules = module_rules(tmp_path, "failing_rules", source)
    if what is None:  # what raises at a command is a dead letter, as ever
        found = ask(recorded, tmp_path, after=rules)
        assert kinds(found)["command_dead_lettered"][1] > 0
        return
    with pytest.raises(WhatIfFailed, match="'failing_rules' cannot decide") as failed:
        ask(recorded, tmp_path, after=rules)
    assert what in str(failed.value)


def test_a_query_without_a_reply(recorded: MemoryLog, tmp_path: Path) -> None:
    history(recorded, 20)
    with pytest.raises(WhatIfFailed, match=r"--query 'tken': .*did you mean 'taken'"):
        ask(recorded, tmp_path, queries=["tken"])


def test_events_that_the_read_models_do_not_know(recorded: MemoryLog, tmp_path: Path) -> None:
    source = STRICTER + (
        "\nfrom log.envelope import Event\n"
        "class CarTowed(Event, tag='car_towed.v1', kw_only=True):\n    spot: str\n"
        "def tow(garage, command, at):\n    return [CarTowed(spot=command.spot)]\n"
        "SYSTEM = dataclasses.replace(SYSTEM, events=(*SYSTEM.events, CarTowed),\n"
        "    decider=dataclasses.replace(SYSTEM.decider, decide=tow))\n"
    )
    happen(recorded, (1, LeaveSpot(spot="a")))
    found = ask(
        recorded, tmp_path, after=module_rules(tmp_path, "towing", source), queries=["taken"]
    )
    assert kinds(found)["car_towed"] == (0, 1, 0, 1, 0)
    (query,) = found.queries
    assert query.before.error == ""
    assert "the installed read models cannot follow" in query.after.error
