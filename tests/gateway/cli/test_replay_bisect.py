"""`refold replay bisect`: of two logs, two files of digests, two modules of rules."""

import sys
from itertools import islice
from pathlib import Path

import pytest

from log.envelope import Command
from tests.gateway.cli.conftest import Cli, Ended, record
from tests.samples.parking import flow
from tests.samples.parking.commands import ParkCar

RULES = """
from dataclasses import replace
from processors.core.decider import Decider
from tests.samples.parking import SYSTEM as INSTALLED
from tests.samples.parking.events import CarRefused

def decide(garage, command, at):
    events = INSTALLED.decider.decide(garage, command, at)
    for event in events:
        if isinstance(event, CarRefused) and at > 1700000020000:
            event.reason = "full"
    return events

SYSTEM = replace(INSTALLED, rules_version=2, decider=replace(INSTALLED.decider, decide=decide))
"""


def bisect(cli: Cli, *arguments: str) -> Ended:
    return cli("replay", "bisect", *arguments)


def digests(cli: Cli, *arguments: str) -> Ended:
    return cli("replay", "digests", *arguments)


def record_flow(cli: Cli, log: str, changed: int | None = None, count: int = 200) -> None:
    """A log; in the command at `changed`, another car parks for longer."""
    commands: list[tuple[int, Command]] = list(islice(flow(1), count))
    if changed is not None:
        at, command = commands[changed]
        assert isinstance(command, ParkCar)
        commands[changed] = at, ParkCar(spot=command.spot, car="another", stay_ms=10**9)
    record(cli.folder / log, commands)


@pytest.fixture
def logs(cli: Cli) -> Cli:
    record_flow(cli, "one")
    record_flow(cli, "same")
    record_flow(cli, "other", changed=150)
    return cli


@pytest.fixture
def candidate(logs: Cli) -> str:
    """A module of other rules."""
    package = logs.folder / "candidate" / "samples" / "parking"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(RULES)
    sys.path.insert(0, str(logs.folder))
    return "candidate.samples.parking"


def test_the_same(logs: Cli) -> None:
    ended = bisect(logs, "one", "same")
    assert (ended.exit_code, ended.stderr) == (0, "")
    first, second = ended.stdout.splitlines()
    assert first.startswith("partition 0: the same events and states, up to offset ")
    assert second.startswith("partition 1: the same events and states, up to offset ")
    assert bisect(logs, "one", "same", "--json").json["same"] is True


def test_two_logs(logs: Cli) -> None:
    ended = bisect(logs, "one", "other")
    assert ended.exit_code == 1
    told = bisect(logs, "one", "other", "--json").json
    assert told["same"] is False
    (parted,) = [one for one in told["partitions"] if one["parting"] is not None]
    parting, number = parted["parting"], parted["partition"]
    assert (parting["exact"], parting["differing"]) == (True, "commands")
    assert parting["b"]["command"]["fields"]["car"] == "another"
    assert parted["comparisons"] <= 8
    offset = parting["command_offset"]
    assert f"partition {number}: the histories part at the command at offset {offset} " in (
        ended.stdout
    )
    assert "the commands themselves differ" in ended.stdout
    assert '"car":"another"' in ended.stdout
    assert "field of the state" in ended.stdout
    only = bisect(logs, "one", "other", "--partition", str(1 - number), "--system", "parking")
    assert (only.exit_code, len(only.stdout.splitlines())) == (0, 1)


def test_files_of_digests(logs: Cli) -> None:
    for log in ("one", "other"):
        arguments = ("parking", "--every", "10", "--log", log, "--out", f"{log}.jsonl")
        assert digests(logs, *arguments).exit_code == 0
    told = bisect(logs, "one.jsonl", "other.jsonl", "--json").json
    assert told == bisect(logs, "one", "other", "--json").json | {"partitions": told["partitions"]}
    exact = [one["parting"] for one in told["partitions"]]
    assert exact == [
        one["parting"] for one in bisect(logs, "one", "other", "--json").json["partitions"]
    ]
    assert bisect(logs, "one.jsonl", "same").exit_code == 0

    (logs.folder / "other").rename(logs.folder / "gone")
    ended = bisect(logs, "one.jsonl", "other.jsonl")
    assert ended.exit_code == 1
    assert "refold replay digests samples.parking --partition" in ended.stdout


def test_digests_decided_on_two_machines(logs: Cli) -> None:
    """Their logs are not asked: only there can be said what was decided."""
    whole = ("parking", "--decide", "--every", "10")
    for log in ("one", "other"):
        assert digests(logs, *whole, "--log", log, "--out", f"{log}.jsonl").exit_code == 0
    ended = bisect(logs, "one.jsonl", "other.jsonl")
    assert ended.exit_code == 1
    (line,) = [line for line in ended.stdout.splitlines() if "the same" not in line]
    hint = line.partition("refold replay digests ")[2].removesuffix(" --out FILE").split()
    for log in ("one", "other"):
        assert digests(logs, *hint, "--log", log, "--out", f"{log}.jsonl").exit_code == 0
    found = bisect(logs, "one.jsonl", "other.jsonl", "--json").json["partitions"][0]
    expected = [
        one["parting"]["command_offset"]
        for one in bisect(logs, "one", "other", "--json").json["partitions"]
        if one["parting"] is not None
    ]
    assert found["parting"]["exact"] is True
    assert [found["parting"]["command_offset"]] == expected
    assert (
        "what differs, the digests alone do not tell"
        in bisect(logs, "one.jsonl", "other.jsonl").stdout
    )


def test_rules(logs: Cli, candidate: str) -> None:
    ended = bisect(logs, "one", "--rules-b", candidate)
    assert (ended.exit_code, ended.stderr) == (1, "")
    assert "the same command led to other events" in ended.stdout
    assert '"reason":"full"' in ended.stdout
    assert "the states are the same after it" in ended.stdout
    assert bisect(logs, "--log", "one", "--rules-a", candidate).stdout.count('"reason":"full"') > 0
    both = bisect(logs, "one", "same", "--rules-a", candidate, "--rules-b", candidate)
    assert both.exit_code == 0
    assert bisect(logs, "one", "--rules-b", "tests.samples.parking").exit_code == 0


def test_one_is_longer(logs: Cli) -> None:
    record_flow(logs, "short", count=120)
    ended = bisect(logs, "one", "short")
    assert ended.exit_code == 1
    assert "one of the two has no events of it" in ended.stdout
    assert "b  no events" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ((), "name two logs or files of digests"),
        (("one",), "name two logs or files of digests"),
        (("one", "nowhere"), "there is no log in nowhere"),
        (("one", "same", "--system", "parkng"), "did you mean parking"),
        (("one", "same", "--system", "exchange"), "holds nothing of markets.exchange"),
        (("one", "same", "--partition", "7"), "name one that both have"),
        (("one", "refold.toml"), "line 1: "),
        (("one", "--rules-b", "no.such.module"), "cannot import"),
        (
            ("one", "--system", "parking", "--rules-b", "processors.markets.exchange"),
            "one side is of samples.parking, the other of markets.exchange",
        ),
        (("one", "--rules-b", "processors.markets.exchange"), "holds nothing of markets.exchange"),
    ],
)
def test_bad_input(logs: Cli, arguments: tuple[str, ...], what: str) -> None:
    ended = bisect(logs, *arguments)
    assert ended.exit_code == 2
    assert what in ended.stderr


def test_digests_are_not_decided(logs: Cli) -> None:
    assert digests(logs, "parking", "--log", "one", "--out", "one.jsonl").exit_code == 0
    ended = bisect(logs, "one.jsonl", "one", "--rules-a", "tests.samples.parking")
    assert ended.exit_code == 2
    assert "rules decide a log" in ended.stderr
    assert Path("one.jsonl").exists()
