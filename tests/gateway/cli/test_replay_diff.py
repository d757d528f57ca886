"""`refold replay diff`: two places, two logs, by what is printed and how it ends."""

from pathlib import Path

import pytest

from tests.gateway.cli.conftest import Cli


def test_two_commands(history: Cli) -> None:
    ended = history("replay", "diff", "parking", "--at", "10", "--and", "20", "--partition", "0")
    assert ended.exit_code == 1
    first, left, right, header, *rows = ended.stdout.splitlines()
    assert first.startswith("samples.parking partition 0: ")
    assert first.endswith(f"{len(rows)} fields differ")
    assert left.startswith("  left   after command 10, ")
    assert right.startswith("  right  after command 20, ")
    assert header.split() == ["field", "left", "right"]
    assert all(row.startswith("stays.") for row in rows)
    told = history(
        "replay", "diff", "parking", "--at", "10", "--and", "20", "--partition", "0", "--json"
    )
    (one,) = told.json["partitions"]
    assert (told.exit_code, told.json["same"], len(one["fields"])) == (1, False, len(rows))
    assert (one["left"]["command_offset"], one["right"]["command_offset"]) == (10, 20)


def test_the_same(history: Cli) -> None:
    ended = history("replay", "diff", "parking", "--at", "10", "--and", "10", "--key", "spot-1")
    assert (ended.exit_code, "the same state" in ended.stdout) == (0, True)
    assert history(
        "replay", "diff", "parking", "--at", "10", "--and", "10", "--key", "spot-1", "--json"
    ).json["same"]


def test_a_time_is_one_of_every_partition(history: Cli) -> None:
    told = history("replay", "diff", "parking", "--at", "2023-11-14T22:13:30", "--json").json
    assert [each["left"]["partition"] for each in told["partitions"]] == [0, 1]


def test_more_than_is_shown(history: Cli) -> None:
    arguments = ("parking", "--at", "10", "--and", "20", "--partition", "0")
    ended = history("replay", "diff", *arguments, "--limit", "1")
    assert len(ended.stdout.splitlines()) == 5
    assert "fields more: --limit 0 shows them" in ended.stderr
    assert (
        history("replay", "diff", *arguments, "--limit", "0").stdout
        == history("replay", "diff", *arguments).stdout
    )


def test_two_logs(history: Cli, tmp_path: Path) -> None:
    other = str(tmp_path / "other")
    assert history("log", "export", "--out", str(tmp_path / "out")).exit_code == 0
    assert history("log", "import", str(tmp_path / "out"), "--log", other).exit_code == 0
    assert history("replay", "diff", "parking", "--other-log", other).exit_code == 0
    command = '{"type":"park_car.v1","spot":"new","car":"x","stay_ms":1000}\n'
    assert history("append", "parking", "--log", other, stdin=command).exit_code == 0
    assert history("run", "parking", "--log", other, "--until-idle").exit_code == 0
    ended = history("replay", "diff", "parking", "--other-log", other)
    assert (ended.exit_code, "stays.new" in ended.stdout) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("parking",), "name the states to compare"),
        (("parking", "--at", "soon"), "--at 'soon' is neither a command offset"),
        (("parking", "--and", "soon"), "--and 'soon' is neither a command offset"),
        (("parking", "--at", "3"), "name one by --partition or --key"),
        (("parking", "--at", "9999", "--partition", "0"), "9999 is not decided"),
        (("parking", "--at", "3", "--partition", "2"), "there are 0 to 1"),
        (("parking", "--at", "3", "--partition", "0", "--key", "a"), "not both"),
        (("parking", "--other-log", "nowhere"), "there is no log in nowhere"),
        (("exchange", "--at", "3"), "holds nothing of markets.exchange"),
    ],
)
def test_bad_input(history: Cli, arguments: tuple[str, ...], what: str) -> None:
    ended = history("replay", "diff", *arguments)
    assert ended.exit_code == 2
    assert what in ended.stderr
