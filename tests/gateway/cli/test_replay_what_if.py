"""`refold replay what-if` on a log in a folder: what it prints, its budget, its errors."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.cli.conftest import Cli, Ended
from tests.replay.what_if.sides_at_hand import STRICTER


def what_if(cli: Cli, *arguments: str) -> Ended:
    return cli("replay", "what-if", "parking", *arguments)


@pytest.fixture
def history(history: Cli) -> Cli:
    """With other rules beside it."""
    (history.folder / "stricter.py").write_text(STRICTER)
    return history


def edits(cli: Cli, *lines: dict[str, Any]) -> str:
    path = cli.folder / "edits.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def test_other_rules_as_a_gate(history: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(history.folder))
    monkeypatch.delitem(sys.modules, "stricter", raising=False)
    told = what_if(
        history, "--rules", "stricter", "--max-changed", "0", "--query", "stays spot-1 --limit 3"
    )
    assert told.exit_code == 1
    assert "before installed, rules version 1: recorded" in told.stdout
    assert "after  stricter, rules version 2: decided" in told.stdout
    assert "(BEYOND the budget of 0)" in told.stdout
    assert "car_refused.v1" in told.stdout
    assert "query stays spot-1 limit=3" in told.stdout
    page = history.folder / "report.html"
    told = what_if(
        history, "--rules", "stricter", "--max-changed", "9999", "--json", "--html", str(page)
    )
    assert told.exit_code == 0
    found = told.json
    assert found["within_budget"]
    assert 0 < found["events"]["changed"] <= 200
    assert {query["query"].split()[0] for query in found["queries"]} == {"taken", "who", "stays"}
    assert page.read_text().startswith("<!DOCTYPE html>")


def test_logs_that_are_gone_are_not_named(history: Cli, tmp_path: Path) -> None:
    edits = tmp_path / "edits.jsonl"
    edits.write_text('{"op": "remove", "partition": 0, "offset": 3}')
    ended = what_if(history, "--edit", str(edits), "--json")
    told = json.loads(ended.stdout)
    assert (told["before"]["log"], told["after"]["log"]) == ("", "")


def test_edited_commands_and_logs_to_keep(history: Cli, tmp_path: Path) -> None:
    file = edits(history, {"op": "remove", "where": {"type": "leave_spot.v1"}})
    keep = tmp_path / "kept"
    told = what_if(history, "--edit", file, "--keep", str(keep), "--partition", "0")
    assert told.exit_code == 0, told.stderr
    assert "by edits" in told.stdout
    assert sorted(path.name for path in keep.iterdir()) == ["after", "recorded"]
    after = str(keep / "after" / "log")
    assert history("replay", "verify", "parking", "--log", after).exit_code == 0
    kinds = history("read", "parking.commands", "--log", after, "--json").stdout
    assert "park_car.v1" in kinds and "leave_spot.v1" not in kinds


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ((), "there is nothing to compare"),
        (("--rules", "no.rules"), "is neither a git revision"),
        (("--edit", "none.jsonl"), "No such file"),
        (("--edit", "{empty}"), "there is no edit in it"),
        (("--edit", "{bad}"), "bad.jsonl: line 2: Invalid value 'drop'"),
        (("--edit", "{good}", "--partition", "2"), "--partition 2: there are 0 to 1"),
        (("--edit", "{good}", "--until", "5"), "each of the 2 partitions has a command"),
        (("--edit", "{good}", "--since", "soon"), "--since 'soon' is neither"),
        (("--edit", "{good}", "--query", "takn"), "--query 'takn'"),
        (("--edit", "{good}", "--keep", "{folder}"), "name a new folder"),
    ],
)
def test_bad_input(history: Cli, arguments: tuple[str, ...], what: str) -> None:
    places = {name: str(history.folder / f"{name}.jsonl") for name in ("empty", "bad", "good")}
    Path(places["empty"]).write_text("\n")
    Path(places["good"]).write_text('{"op":"remove","where":{"car":"car-7"}}\n')
    Path(places["bad"]).write_text('{"op":"remove","where":{"car":"car-7"}}\n{"op":"drop"}\n')
    filled = [each.format(folder=history.folder, **places) for each in arguments]
    ended = what_if(history, *filled)
    assert ended.exit_code == 2
    assert what in ended.stderr


def test_a_failure_leaves_no_folder(history: Cli, tmp_path: Path) -> None:
    file = edits(history, {"op": "remove", "where": {"car": "nobody"}})
    arguments = ("--edit", file, "--keep", str(tmp_path / "kept"))
    ended = what_if(history, *arguments)
    assert (ended.exit_code, "no command matches" in ended.stderr) == (2, True)
    assert not (tmp_path / "kept").exists()
