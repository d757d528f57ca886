"""What-ifs over HTTP: in the background, the same as `replay what-if`, and never of code that a
request names, unless the operator allowed it."""

from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from gateway.http.history.alternatives import RUNNING_MAX, shortened
from replay.state import At
from replay.what_if import Question, what_if
from tests.gateway.http.conftest import Server, servers_in, until
from tests.gateway.http.history.conftest import TIME_MACHINE, History, fresh

PATH = f"{TIME_MACHINE}/what-if"
REMOVE = {"op": "remove", "offset": 30}
CHANGE = {"op": "change", "where": {"car": "car-7"}, "set": {"stay_ms": 5}}
ADD = {
    "op": "add",
    "after": 40,
    "command": {"type": "park_car.v1", "spot": "spot-1", "car": "added", "stay_ms": 10**9},
}


def asked(server: Server, **given: Any) -> httpx.Response:
    return server.client.post(PATH, json=given)


def done(server: Server, answer: httpx.Response) -> Any:
    """What it came to."""
    assert answer.status_code == 202, answer.text
    location = answer.headers["location"]
    until(lambda: server.client.get(location).json()["state"] != "running")
    return server.client.get(location).json()


@pytest.mark.parametrize("edits", [[REMOVE], [CHANGE], [ADD], [REMOVE, CHANGE, ADD]])
def test_it_is_the_what_if_of_replay(past: History, tmp_path: Path, edits: list[Any]) -> None:
    queries = ["stays spot-1", "taken"]
    told = done(
        past.server, asked(past.server, since="20", until="150", edits=edits, queries=queries)
    )
    assert told["state"] == "done", told["problem"]
    question = Question(
        edits=[msgspec.json.encode(each) for each in edits],
        since=At(command_offset=20),
        until=At(command_offset=150),
        queries=queries,
    )
    registered = past.find("samples.parking")
    wanted = shortened(what_if(past.log, registered, question, tmp_path))
    wanted.elapsed_s = told["result"]["elapsed_s"]
    assert told["result"] == msgspec.json.decode(msgspec.json.encode(wanted))
    events = told["result"]["events"]
    assert events["removed"] + events["added"] + events["edited_changed"] > 0


REFUSED = [  # body, status, what the detail holds
    ({}, 400, "nothing to compare"),
    ({"edits": [{"op": "remove"}]}, 422, "line 1: a remove needs an `offset` or a `where`"),
    ({"edits": [REMOVE, {"op": "drop"}]}, 422, "line 2: Invalid value 'drop'"),
    ({"edits": [{**CHANGE, "set": {"stay": 1}}]}, 422, "did you mean stay_ms?"),
    ({"edits": [{**CHANGE, "set": {"stay_ms": "x"}}], "until": "x"}, 400, "until='x' is no place"),
    ({"edits": [REMOVE], "partition": 3}, 404, "partitions"),
    ({"edits": [REMOVE], "queries": ["stay"]}, 422, "did you mean 'stays'?"),
    ({"edits": [REMOVE], "since": "9999999999"}, 422, "no command between"),
    ({"edits": [REMOVE], "rules": "os"}, 403, "runs no code that a request names"),
    ({"edits": [REMOVE], "until_when": 1}, 400, "unknown field"),
    ({"edits": REMOVE}, 400, "Expected `array`"),
    ({"edits": [REMOVE] * 1001}, 422, "at most 1000 edits"),
]


@pytest.mark.parametrize(("body", "status", "detail"), REFUSED)
def test_what_cannot_be_asked(past: History, body: Any, status: int, detail: str) -> None:
    answer = asked(past.server, **body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert detail in answer.json()["detail"]


def test_only_json_is_taken(past: History) -> None:
    answer = past.server.client.post(PATH, content=b"{}", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415


def test_one_that_fails_says_why(past: History) -> None:
    """It is known only once commands are looked at that nothing matches."""
    edit = {"op": "remove", "where": {"car": "no such car"}}
    told = done(past.server, asked(past.server, edits=[edit], until="100"))
    assert (told["state"], told["problem"]["status"]) == ("failed", 422)
    assert "no command matches" in told["problem"]["detail"]


def test_there_is_none_of_that_name(past: History) -> None:
    for ask in (past.server.client.get, past.server.client.delete):
        assert ask(f"{PATH}/nothing").status_code == 404
    told = done(past.server, asked(past.server, edits=[REMOVE], until="40", queries=[]))
    elsewhere = f"/api/markets/exchange/history/what-if/{told['id']}"
    assert past.server.client.get(elsewhere).status_code == 404
    gone = past.server.client.delete(told["location"])
    assert (gone.status_code, gone.json()["state"]) == (200, "done")
    assert past.server.client.get(told["location"]).status_code == 404


def test_so_many_at_once_and_each_can_be_ended(past: History) -> None:
    """Those that are on are ended at once, and make room."""
    clearing = past.server.client
    path = "/api/markets/clearing/history/what-if"
    body = {"edits": [{"op": "remove", "where": {"type": "place_order.v1"}}]}
    answers = [clearing.post(path, json=body) for _ in range(RUNNING_MAX + 1)]
    assert [each.status_code for each in answers] == [202] * RUNNING_MAX + [503]
    assert answers[-1].headers["retry-after"]
    locations = [each.headers["location"] for each in answers[:-1]]
    for location in locations:
        assert clearing.delete(location).status_code == 200

    def states() -> set[str]:
        return {clearing.get(location).json()["state"] for location in locations}

    until(lambda: "running" not in states())
    assert states() == {"cancelled"}
    again = clearing.post(path, json=body)
    assert again.status_code == 202
    clearing.delete(again.headers["location"])


def test_other_rules_where_they_are_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh(tmp_path)
    servers = servers_in(tmp_path)
    with (tmp_path / "refold.toml").open("a") as file:
        file.write("[http]\nwhat_if_rules = true\n")
    (tmp_path / "kinder").mkdir()
    (tmp_path / "kinder" / "__init__.py").write_text(
        "from dataclasses import replace\n"
        "from tests.samples.parking import SYSTEM as RECORDED\n"
        "from tests.samples.parking.events import CarRefused\n"
        "def decide(garage, command, at):\n"
        "    events = RECORDED.decider.decide(garage, command, at)\n"
        "    return [each for each in events if not isinstance(each, CarRefused)]\n"
        "SYSTEM = replace(RECORDED, rules_version=9,\n"
        "    decider=replace(RECORDED.decider, decide=decide))\n"
    )
    try:
        server = servers.start("parking")
        told = done(server, asked(server, rules="kinder", until="150", queries=[]))
        assert told["state"] == "done", told["problem"]
        assert told["result"]["after"]["rules"] == "kinder"
        kinds = {each["kind"]: each for each in told["result"]["events"]["kinds"]}
        assert kinds["car_refused.v1"]["before"] > kinds["car_refused.v1"]["after"] == 0
        wrong = done(server, asked(server, rules="no.such.rules"))
        assert (wrong["state"], wrong["problem"]["status"]) == ("failed", 422)
        assert "neither" in wrong["problem"]["detail"]
    finally:
        servers.close()
