"""`refold replay`: verify, state, rebuild, by what they print and how they end."""

import json
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from log.backends.file import FileLog
from log.record import Record
from tests.gateway.cli.conftest import Cli
from tests.samples.parking import START_MS, SYSTEM, flow
from tests.samples.parking.events import CarRefused

UNREADABLE = '{"type":"park_car.v1","spot":"a","car":"x","stay_ms":-1}'


@pytest.fixture
def history(cli: Cli) -> Cli:
    """Two hundred commands decided, one of them a dead letter."""
    encode = msgspec.json.encode
    lines = [{**json.loads(encode(command)), "at": at} for at, command in islice(flow(1), 200)]
    stdin = "".join(json.dumps(line) + "\n" for line in lines) + UNREADABLE + "\n"
    assert cli("append", "parking", stdin=stdin).exit_code == 0
    assert cli("run", "parking", "--until-idle").exit_code == 0
    return cli


def test_verify(history: Cli) -> None:
    ended = history("replay", "verify", "parking")
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert "the same: " in ended.stdout
    told = history("replay", "verify", "parking", "--json").json
    assert told["same"]
    assert sum(each["commands_compared"] for each in told["partitions"]) >= 201
    assert sum(each["dead_letters"] for each in told["partitions"]) == 1
    (one,) = history("replay", "verify", "parking", "--partition", "1", "--json").json[
        "partitions"
    ]
    assert one["partition"] == 1


def test_verify_tells_a_difference(history: Cli) -> None:
    with FileLog(history.log) as log:
        events = log.partition(SYSTEM.events_topic, 0)
        last = next(r for batch in events.read(events.log_end - 1) for r in batch)
        end = SYSTEM.event_codec(events.config).decode(last.value or b"")
        stray = CarRefused(
            spot="a", reason="meddled", sequence=end.sequence + 1, cause=end.cause + 1
        )
        codec = SYSTEM.event_codec(events.config)
        events.append([Record(codec.encode(stray), b"a", START_MS)])
    ended = history("replay", "verify", "parking")
    assert ended.exit_code == 1
    assert f"partition 0 differs first at the command at offset {end.cause + 1}" in ended.stdout
    assert "meddled" in ended.stdout
    assert "decided  no such event" in ended.stdout
    told = history("replay", "verify", "parking", "--json")
    assert (told.exit_code, told.json["same"]) == (1, False)


def test_state(history: Cli) -> None:
    (whole,) = history("replay", "state", "parking", "--partition", "0", "--json").json
    assert len(whole["digest"]) == 32
    last = whole["command_offset"]
    (again,) = history(
        "replay", "state", "parking", "--at", str(last), "--partition", "0", "--json"
    ).json
    assert again == whole
    states = history("replay", "state", "parking", "--at", "2023-11-14T22:13:30", "--json").json
    assert [state["partition"] for state in states] == [0, 1]
    assert all(state["at"] <= START_MS + 10_000 for state in states)
    (keyed,) = history("replay", "state", "parking", "--key", "spot-1", "--json").json
    assert keyed["partition"] in (0, 1)
    assert "digest" in history("replay", "state", "parking").stdout


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("state", "parking", "--at", "soon"), "--at 'soon' is neither a command offset"),
        (("state", "parking", "--at", "3"), "name one by --partition or --key"),
        (("state", "parking", "--at", "9999", "--partition", "0"), "9999 is not decided"),
        (("state", "parking", "--partition", "2"), "there are 0 to 1"),
        (("state", "parking", "--partition", "0", "--key", "a"), "not both"),
        (("verify", "parkng"), "did you mean parking"),
        (("rebuild", "spts"), "there is no projection 'spts'"),
        (("verify", "exchange"), "holds nothing of markets.exchange"),
    ],
)
def test_bad_input(history: Cli, arguments: tuple[str, ...], what: str) -> None:
    ended = history("replay", *arguments)
    assert ended.exit_code == 2
    assert what in ended.stderr


def test_rebuild(history: Cli) -> None:
    before = history("query", "parking", "--json")
    ended = history("replay", "rebuild", "parking.occupancy")
    assert ended.exit_code == 0, ended.stderr
    assert "occupancy was made again from" in ended.stdout
    assert history("query", "parking", "--json").stdout == before.stdout
    told = history("replay", "rebuild", "samples.parking.occupancy", "--json").json
    assert (told["projection"], told["system"]) == ("occupancy", "samples.parking")
    assert told["events"] > 200


def test_no_log(cli: Cli, tmp_path: Path) -> None:
    ended = cli("replay", "verify", "parking", "--log", str(tmp_path / "none"))
    assert ended.exit_code == 2
    assert "there is no log in" in ended.stderr
