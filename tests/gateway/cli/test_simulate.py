"""`refold simulate`: seeds of the simulator on the command line."""

from pathlib import Path

import pytest

from tests.gateway.cli.conftest import Cli
from tests.replay.simulator.mutants import no_fence

FEW = 'name = "few"\ncommands = 40\n[[faults]]\nkind = "kill"\nevery_ms = [100, 400]\n'


def test_seeds_of_some_systems(cli: Cli) -> None:
    cli.folder.joinpath("few.toml").write_text(FEW)
    ended = cli("simulate", "exchange", "stays", "--seeds", "2", "--profile", "few.toml")
    assert ended.exit_code == 0, ended
    lines = ended.stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        ["markets.exchange", "4"],
        ["booking.stays", "4"],
    ]
    assert all(line.rstrip().endswith("nothing") for line in lines[1:])


def test_as_json(cli: Cli) -> None:
    ended = cli("simulate", "exchange", "--seed", "3", "--on", "disk", "--json")
    assert ended.exit_code == 0, ended
    [report] = ended.json
    assert (report["systems"], report["runs"], report["failures"]) == (["markets.exchange"], 1, [])
    assert report["events"] >= report["commands"] > 0


def test_what_is_found_is_told_with_the_line_to_paste(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_fence(monkeypatch)
    ended = cli("simulate", "exchange", "--seeds", "20", "--on", "disk")
    assert ended.exit_code == 1
    assert "a violation" in ended.stdout
    line = ended.stdout.splitlines()[-1]
    assert line.startswith("  again: refold simulate exchange --seed ")

    again = cli(*line.split()[2:])
    assert again.exit_code == 1
    assert ended.stdout.splitlines()[3] == again.stdout.splitlines()[3], "the same violation"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("exchange", "--on", "moon"), "choose cluster, disk or both"),
        (("exchange", "--seed", "1", "--seeds", "2"), "give --seed for one run"),
        (("nothing",), "nothing"),
        (("exchange", "--profile", "gone.toml"), "gone.toml is no profile"),
        (("exchange", "stays", "--real"), "--real is for one system"),
        (("exchange", "--real", "--log", "folder"), "kafka://HOST:PORT/PREFIX"),
    ],
)
def test_what_cannot_be(cli: Cli, arguments: tuple[str, ...], error: str) -> None:
    ended = cli("simulate", *arguments)
    assert (ended.exit_code, error in ended.stderr) == (2, True), ended


def test_a_fault_that_the_place_cannot_make(cli: Cli, tmp_path: Path) -> None:
    profile = tmp_path / "cuts.toml"
    profile.write_text('name = "cuts"\n[[faults]]\nkind = "power_cut"\nevery_ms = [1, 2]\n')
    ended = cli("simulate", "exchange", "--profile", str(profile))
    assert ended.exit_code == 2
    assert "the simulated cluster cannot make the fault 'power_cut'" in ended.stderr
