"""`refold replay checkpoint`, and the state that is found from it."""

from pathlib import Path

import pytest

from log.backends.file import FileLog
from log.backends.file.doctor import examine
from tests.gateway.cli.conftest import Cli, Ended


def checkpoint(cli: Cli, *arguments: str) -> Ended:
    return cli("replay", "checkpoint", *arguments)


def test_checkpoints_stand_beside_the_log(history: Cli) -> None:
    before = history("replay", "state", "parking", "--at", "55", "--partition", "0", "--json").json
    made = checkpoint(history, "parking", "--every", "20", "--json").json
    assert [one["partition"] for one in made] == [0, 1]
    assert all(one["made"] == one["checkpoints"] > 1 for one in made)
    files = list((history.log / "checkpoints").rglob("*.snapshot"))
    assert len(files) == sum(one["checkpoints"] for one in made)
    after = history("replay", "state", "parking", "--at", "55", "--partition", "0", "--json").json
    assert after == before
    again = checkpoint(history, "parking", "--every", "20")
    assert (again.exit_code, again.stderr) == (0, "")
    assert again.stdout.splitlines()[0].split() == [
        "partition", "every", "commands", "made", "checkpoints", "size", "bytes",
    ]  # fmt: skip
    assert again.stdout.splitlines()[1].split()[:3] == ["0", "20", "0"]
    with FileLog(history.log):
        assert list(examine(str(history.log))) == []


def test_elsewhere(history: Cli, tmp_path: Path) -> None:
    (one,) = history(
        "replay",
        "checkpoint",
        "parking",
        "--every",
        "20",
        "--into",
        str(tmp_path / "there"),
        "--partition",
        "1",
        "--json",
    ).json
    assert one["checkpoints"] == len(list((tmp_path / "there").rglob("*.snapshot"))) > 1
    assert not (history.log / "checkpoints").exists()
    arguments = ("replay", "state", "parking", "--partition", "1", "--at", "43", "--json")
    there = history(*arguments, "--checkpoints", str(tmp_path / "there"))
    assert there.json == history(*arguments).json


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (("parkng",), 2, "did you mean parking"),
        (("parking", "--partition", "2"), 2, "there are 0 to 1"),
        (("parking", "--every", "0"), 2, "greater than or equal to 1"),
        (("parking", "--every", "20", "--into", "refold.toml"), 3, "cannot be written"),
        (("exchange",), 2, "holds nothing of markets.exchange"),
    ],
)
def test_bad_input(history: Cli, arguments: tuple[str, ...], code: int, what: str) -> None:
    ended = checkpoint(history, *arguments)
    assert ended.exit_code == code
    assert what in ended.stderr
