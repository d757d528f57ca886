"""`refold golden`: recorded from a log, checked, and updated."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from log.backends.file import FileLog
from log.envelope import Event
from processors.core.testing.subject import flow_records
from tests.gateway.cli.conftest import Cli
from tests.samples import parking
from tests.samples.parking.commands import ParkCar
from tests.samples.parking.decider import Garage, decide
from tests.samples.parking.events import CarRefused


@pytest.fixture
def history(cli: Cli) -> Cli:
    """Two hundred commands, waiting."""
    with FileLog(cli.log) as log:
        parking.SYSTEM.ensure_topics(log)
        placed = list(flow_records(parking.SYSTEM, seed=1, count=200))
        for number in range(parking.SYSTEM.partitions):
            commands = [record for partition, record in placed if partition == number]
            log.partition(parking.SYSTEM.commands_topic, number).append(commands)
    return cli


def banned(garage: Garage, command: object, at: int) -> Sequence[Event]:
    if isinstance(command, ParkCar) and command.car == "car-7":
        return [CarRefused(spot=command.spot, reason="car-7 is banned")]
    return decide(garage, command, at)  # type: ignore[arg-type]


def test_record_and_check(history: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = history("golden", "record", "parking", "--out", "golden/samples/parking")
    assert "recorded 200 commands and" in ended.stdout
    ended = history("golden", "record", "parking", "--out", "bug", "--key", "spot-1", "--json")
    assert (ended.json["system"], ended.json["path"]) == ("samples.parking", "bug")
    ended = history("golden", "check", "golden/samples/parking", "bug/events.jsonl")
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout.count(": the same") == 2

    decider = replace(parking.SYSTEM.decider, decide=banned)
    monkeypatch.setattr(parking, "SYSTEM", replace(parking.SYSTEM, decider=decider))
    ended = history("golden", "check", "golden/samples/parking", "bug")
    assert ended.exit_code == 1
    assert "+++ decided by rules 1" in ended.stdout
    assert '"reason":"car-7 is banned"' in ended.stdout
    assert "golden/samples/parking (samples.parking): 200 commands" in ended.stdout
    told = history("golden", "check", "golden/samples/parking", "--json")
    assert (told.exit_code, told.json["same"]) == (1, False)
    (one,) = told.json["histories"]
    assert one["diff"][0] == "--- golden/samples/parking/events.jsonl"

    ended = history("golden", "check", "golden/samples/parking", "--update")
    assert (ended.exit_code, ended.stdout.splitlines()[-1][-7:]) == (0, "updated")
    assert history("golden", "check", "golden/samples/parking").exit_code == 0


def test_the_system_may_be_named(history: Cli) -> None:
    history("golden", "record", "parking", "--out", "markets/exchange", "--until", "9")
    ended = history("golden", "check", "markets/exchange")
    assert ended.exit_code == 1
    assert "unknown" in ended.stdout or "Invalid value" in ended.stdout
    ended = history("golden", "check", "markets/exchange", "--system", "parking")
    assert ended.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("check", "nowhere"), "nowhere holds no golden history: it has no commands.jsonl"),
        (("check", "there", "--system", "parkng"), "did you mean parking"),
        (("record", "parking", "--out", "there"), "holds a golden history already"),
        (("record", "parking", "--out", "x", "--key", "none"), "no command there has the key"),
        (("record", "parking", "--out", "x", "--until", "1970-01-01"), "see --key, --since"),
        (("record", "parking", "--out", "x", "--since", "soon"), "--since 'soon' is neither"),
        (("record", "exchange", "--out", "x"), "holds nothing of markets.exchange"),
    ],
)
def test_bad_input(history: Cli, arguments: tuple[str, ...], what: str) -> None:
    assert history("golden", "record", "parking", "--out", "there").exit_code == 0
    ended = history("golden", *arguments)
    assert ended.exit_code == 2
    assert what in ended.stderr
    assert not (history.folder / "x").exists()
