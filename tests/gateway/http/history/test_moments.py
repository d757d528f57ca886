"""Moments, states and comparisons over HTTP are what replay says of the same log."""

import random
from typing import Any

import msgspec
import pytest

from replay.differences import plain
from replay.state import At, parse_at, state_at
from replay.state_difference import diff_states
from replay.stepping import Stepper
from tests.gateway.http.history.conftest import COMMANDS, TIME_MACHINE, History

PARTITION = f"{TIME_MACHINE}/partitions/0"
SYSTEMS = ("samples.parking", "markets.exchange", "markets.clearing")


def path_of(past: History, system: str) -> str:
    return f"/api/{system.replace('.', '/')}/history/partitions/{past.busiest(system)}"


def json_of(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


@pytest.mark.parametrize("name", SYSTEMS)
def test_moments_are_the_stepper_s(past: History, name: str) -> None:
    """Dragged anywhere, to and fro, with and without what changed."""
    system, draw = past.find(name).system, random.Random(3)
    stepper = Stepper(past.log, system, past.busiest(name))
    for _ in range(30):
        offset = draw.randint(stepper.first, stepper.last)
        step = stepper.at(offset)
        at = step.command_offset
        whole = past.get(f"{path_of(past, name)}/moment", at=offset)
        assert (whole["command_offset"], whole["digest"]) == (at, step.digest)
        assert whole["command"] == json_of(step.command)
        assert whole["events"] == json_of(step.events)
        assert whole["rendering"] == step.rendering
        assert whole["changes"]["fields"] == json_of(step.differences)
        assert whole["previous"] == (None if at == stepper.first else at - 1)
        glance = past.get(f"{path_of(past, name)}/moment", at=offset, changes="false")
        rest = {"changes": None, "digest": None, "last": glance["last"], "next": glance["next"]}
        assert glance == {**whole, **rest}


def test_steps_by_commands_stop_at_the_ends(past: History) -> None:
    assert past.get(f"{PARTITION}/moment", at=10, by=1)["command_offset"] == 11
    assert past.get(f"{PARTITION}/moment", at=10, by=-3)["command_offset"] == 7
    assert past.get(f"{PARTITION}/moment", at=10, by=-99)["command_offset"] == 0
    last = past.get(f"{PARTITION}/moment", at=10, by=10**9)
    assert last["command_offset"] == last["last"] >= COMMANDS - 1
    assert last["next"] is None
    assert past.get(f"{PARTITION}/moment", at="end")["command_offset"] == last["last"]


def test_a_time_is_the_last_command_up_to_it(past: History) -> None:
    moment = past.get(f"{PARTITION}/moment", at="2023-11-14T22:13:30Z")
    at = parse_at("2023-11-14T22:13:30Z")
    assert moment["command_offset"] == Stepper(
        past.log, past.find("samples.parking").system, 0
    ).offset_at(at)
    assert moment["at_ms"] <= (at.time_ms or 0)


def test_refusals_are_told(past: History) -> None:
    kinds = {}
    for offset in range(COMMANDS):
        moment = past.get(f"{PARTITION}/moment", at=offset, changes="false")
        for event in moment["events"]:
            kinds[event["type"]] = moment["refused"]
    assert kinds["car_refused.v1"] and kinds["command_dead_lettered.v1"]
    assert not kinds["car_parked.v1"]


def test_a_text_is_found_forwards(past: History) -> None:
    stepper = Stepper(past.log, past.find("samples.parking").system, 0)
    after, found = -1, []
    while after is not None:
        after = past.get(f"{PARTITION}/find", text='car-7"', after=after)["command_offset"]
        if after is not None:
            found.append(after)
    has = [
        offset
        for offset in range(stepper.last + 1)
        for step in [stepper.at(offset)]
        if b'car-7"' in msgspec.json.encode((step.command, step.events))
    ]
    assert found == has
    assert past.get(f"{PARTITION}/find", text="no such text", after=-1)["command_offset"] is None


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_pages_of_a_state_are_the_state(past: History, name: str) -> None:
    system = past.find(name).system
    stepper = Stepper(past.log, system, past.busiest(name))
    offset = stepper.first + (stepper.last - stepper.first) // 2
    rows = [
        plain(row) for row in system.decider.state_format.to_rows(stepper.fold_at(offset).state)
    ]
    asked = {"at": offset, "limit": 7}
    gathered: list[Any] = []
    while True:
        page = past.get(f"{path_of(past, name)}/state", **asked, begin=len(gathered))
        if not page["parts"]:
            break
        gathered += [
            part["value"] if "value" in part else whole(past, name, offset, part["path"])
            for part in page["parts"]
        ]
    assert page["count"] == len(rows) == sum(page["kinds"].values())
    assert gathered == json_of(rows)
    for kind, count in page["kinds"].items():
        asked_kind = past.get(f"{path_of(past, name)}/state", at=offset, kind=kind)
        assert kind == "" or asked_kind["count"] == count


def whole(past: History, name: str, offset: int, path: str) -> Any:
    """What stands at a path, put together from its parts."""
    parts: dict[str, Any] = {}
    while True:
        page = past.get(
            f"{path_of(past, name)}/state", at=offset, path=path, begin=len(parts), limit=1000
        )
        for part in page["parts"]:
            inner = part["value"] if "value" in part else whole(past, name, offset, part["path"])
            if part["path"] == path:
                return inner
            parts[part["name"]] = inner
        if len(parts) >= page["count"]:
            is_list = all(name == str(at) for at, name in enumerate(parts))
            return list(parts.values()) if is_list and parts else parts


@pytest.mark.parametrize("name", SYSTEMS)
def test_two_states_are_compared(past: History, name: str) -> None:
    system, draw = past.find(name).system, random.Random(4)
    number = past.busiest(name)
    last = Stepper(past.log, system, number).last
    for _ in range(6):
        places = [draw.randint(0, last) for _ in range(2)]
        left, right = (
            state_at(past.log, system, past.busiest(name), At(command_offset=place))
            for place in places
        )
        told = past.get(f"{path_of(past, name)}/compare", left=places[0], right=places[1])
        wanted = diff_states(system, left, right)
        assert told["fields"] == json_of(wanted.fields)[:1000]
        assert told["count"] == len(wanted.fields)
        assert (told["left"]["digest"], told["right"]["digest"]) == (left.digest, right.digest)


NOT_THERE = [  # path, status, what the detail holds
    (f"{PARTITION}/moment?at=9999999", 404, "there is no command 9999999"),
    (f"{PARTITION}/moment?at=2001-01-01", 404, "there is no command -1"),
    (f"{PARTITION}/moment?at=soon", 400, "is no place"),
    (f"{PARTITION}/moment?at=-1", 400, "is no place"),
    (f"{PARTITION}/moment?at=1{'0' * 40}", 400, "is no place"),
    (f"{PARTITION}/moment?at=%D9%A1", 400, "is no place"),
    (f"{PARTITION}/moment?at=0001-01-01T00:00:00%2B23:59", 404, "there is no command -1"),
    (f"{PARTITION}/moment?at=9999-12-31T23:59:59-23:59", 200, ""),
    (f"{PARTITION}/moment?by=x", 400, "by='x' is no whole number"),
    (f"{PARTITION}/moment?changes=1", 400, "neither `true` nor `false`"),
    (f"{PARTITION}/moment?when=1", 400, "there is no argument 'when': at, by, changes"),
    (f"{PARTITION}/moment?at=1&at=2", 400, "at is given twice"),
    (f"{TIME_MACHINE}/partitions/7/moment", 404, "the partitions of samples.parking are 0 to 0"),
    ("/api/samples/parkin/history", 404, "did you mean"),
    (f"{PARTITION}/state?at=5&path=stays", 400, "no JSON pointer"),
    (f"{PARTITION}/state?at=5&path=/9", 404, "there is no '9'"),
    (f"{PARTITION}/state?at=5&path=/0/stays/~1", 404, "there is no '/'"),
    (f"{PARTITION}/state?at=5&limit=0", 400, "limit='0' is no whole number of 1 to 1000"),
    (f"{PARTITION}/compare?left=9999999", 404, "there is no command 9999999"),
    (f"{PARTITION}/compare?left=x", 400, "left='x' is no place"),
    (f"{PARTITION}/find", 400, "text is what to look for"),
    (f"{PARTITION}/find?text=a&after=-2", 400, "after='-2' is no whole number"),
]


@pytest.mark.parametrize(("path", "status", "detail"), NOT_THERE)
def test_what_is_not_there(past: History, path: str, status: int, detail: str) -> None:
    answer = past.server.client.get(path)
    assert answer.status_code == status, answer.text
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert detail in answer.json()["detail"]
