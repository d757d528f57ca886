"""`refold replay rates` and `slowest`: tables and JSON, and how they end."""

import shutil
from itertools import islice
from pathlib import Path

import pytest

from gateway.cli import replay_statistics
from log.backends.file import FileLog
from tests.gateway.cli.conftest import Cli
from tests.replay.played import play
from tests.samples.parking import START_MS, SYSTEM, flow
from tests.samples.parking.commands import ParkCar


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parking") / "log"
    refused = (START_MS + 100_000, ParkCar(spot="a", car="x", stay_ms=-1))
    with FileLog(folder) as log:
        play(log, (SYSTEM,), [*islice(flow(1), 200), refused])
    return folder


@pytest.fixture
def history(cli: Cli, recorded: Path) -> Cli:
    """Two hundred commands decided, and one that became a dead letter."""
    shutil.copytree(recorded, cli.log)
    return cli


UNTIL = ("--until", "2023-11-14T22:14:30Z")


def test_rates(history: Cli) -> None:
    ended = history("replay", "rates", "parking", *UNTIL, "--every", "10s", "--top", "3")
    assert (ended.exit_code, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("samples.parking: 200 commands (")
    assert lines[0].endswith(", in buckets of 10s")
    titles = [line.strip() for line in lines if line.startswith("samples.parking.")]
    assert titles == [
        f"samples.parking.{kind}, {how}"
        for kind in ("commands", "events")
        for how in ("over time", "by type")
    ]
    (first,) = [line.split() for line in lines if line.startswith("2023-11-14T22:13:20")][:1]
    assert int(first[1]) == int(first[2]) + int(first[3])
    assert len(lines[-4:]) == 4
    assert lines[-4].startswith("key")
    told = history("replay", "rates", "parking", *UNTIL, "--every", "10s", "--json").json
    assert told["every_ms"] == 10_000
    assert told["commands"]["buckets"][0]["at_ms"] == START_MS
    assert sum(each["count"] for each in told["commands"]["buckets"]) == 200
    assert told["gaps_ms"]["count"] == 200 - 2
    assert len(told["keys"]) == 8
    late = history(
        "replay", "rates", "parking", *UNTIL, "--from", "2023-11-14T22:13:50Z", "--json"
    )
    assert 0 < late.json["commands"]["count"] < 200


def test_many_types_leave_room_for_others(history: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_statistics, "TYPES_SHOWN", 2)
    lines = history("replay", "rates", "parking", *UNTIL).stdout.splitlines()
    header = next(at for at, line in enumerate(lines) if line.endswith("others"))
    row = [int(value) for value in lines[header + 1].split()[1:]]
    assert row[0] == sum(row[1:])


def test_slowest(history: Cli) -> None:
    ended = history("replay", "slowest", "parking", "--top", "4", "--repeat", "2")
    assert (ended.exit_code, ended.stderr) == (0, "")
    first, *lines = ended.stdout.splitlines()
    assert first.startswith("samples.parking, rules 1: 20")
    assert " commands decided 2 times, the shortest time of each" in first
    assert [line.strip() for line in lines if line.startswith(("the ", "by "))] == [
        "the slowest commands",
        "by type",
    ]
    table = lines[lines.index(next(line for line in lines if "partition" in line)) + 1 :][:4]
    told = history("replay", "slowest", "parking", "--json").json
    assert all(line.split()[0] in "01" for line in table)
    assert (told["repeats"], len(told["slowest"])) == (3, 20)
    counts = {each["type"]: each["count"] for each in told["types"]}
    assert sum(counts.values()) == 201
    arguments = ("--partition", "1", "--since", "20", "--repeat", "1", "--json")
    one = history("replay", "slowest", "parking", *arguments)
    assert {each["partition"] for each in one.json["slowest"]} == {1}
    assert min(each["offset"] for each in one.json["slowest"]) >= 20


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("rates", "parking", "--every", "soon"), "--every 'soon' is no time: write 500ms"),
        (("rates", "parking", "--every", "0s"), "--every '0s' is no time"),
        (("rates", "parking", "--every", "1ms"), "--every 1ms: more than 10,000 buckets of 1 ms"),
        (("rates", "parking", "--from", "soon"), "--from 'soon' is no time"),
        (("rates", "parking", "--until", "soon"), "--until 'soon' is no time"),
        (("rates", "exchange"), "holds nothing of markets.exchange"),
        (("slowest", "exchange"), "holds nothing of markets.exchange"),
        (("slowest", "parking", "--partition", "7"), "there are 0 to 1"),
        (("slowest", "parkng"), "did you mean parking"),
    ],
)
def test_bad_input(history: Cli, arguments: tuple[str, ...], what: str) -> None:
    ended = history("replay", *arguments)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert what in ended.stderr
