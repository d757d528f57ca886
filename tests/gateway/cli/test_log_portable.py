"""`refold log export` and `import`."""

from pathlib import Path

import pytest

from tests.gateway.cli.conftest import Cli

COMMAND = '{"type":"park_car.v1","spot":"a","car":"x","stay_ms":5}\n'


@pytest.fixture
def history(cli: Cli) -> Cli:
    assert cli("append", "parking", stdin=COMMAND * 30).exit_code == 0
    assert cli("run", "parking", "--until-idle").exit_code == 0
    return cli


@pytest.mark.parametrize("out", ["folder", "lines.jsonl"])
def test_there_and_back(history: Cli, out: str) -> None:
    counts = history("log", "export", "--out", out, "--json").json
    assert counts["records"] > 60
    ended = history("log", "import", out, "--log", "copy")
    assert ended.exit_code == 0, ended.stderr
    assert f"imported {counts['records']} records of 3 topics (6 partitions)" in ended.stdout
    assert history("replay", "verify", "parking", "--log", "copy").exit_code == 0
    assert history("doctor", "--log", "copy").exit_code == 0
    again = history("log", "import", out, "--log", "copy")
    assert again.exit_code == 3
    assert "is not empty" in again.stderr
    assert history("log", "export", "--out", out).exit_code == 2


def test_stdout_and_some_topics(history: Cli, tmp_path: Path) -> None:
    ended = history("log", "export", "--out", "-", "--topic", "parking.commands")
    lines = ended.stdout.splitlines()
    assert lines[-1] == f'{{"records":{len(lines) - 2}}}'
    assert all('"topic":"samples.parking.commands"' in line for line in lines[1:-1])


def test_a_file_that_was_cut(history: Cli, tmp_path: Path) -> None:
    history("log", "export", "--out", "lines.jsonl")
    whole = (tmp_path / "lines.jsonl").read_bytes()
    (tmp_path / "cut.jsonl").write_bytes(whole[:-20])
    ended = history("log", "import", "cut.jsonl", "--log", "copy")
    assert ended.exit_code == 2
    assert "the file was cut. Nothing was imported" in ended.stderr
    assert history("log", "import", "none", "--log", "copy").exit_code == 2
