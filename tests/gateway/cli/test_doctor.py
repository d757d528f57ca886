"""`refold doctor`: healthy, damaged, and not a log at all."""

from pathlib import Path

import pytest

from tests.gateway.cli.conftest import Cli

COMMAND = '{"type":"park_car.v1","spot":"a","car":"x","stay_ms":5}\n'


@pytest.fixture
def history(cli: Cli) -> Cli:
    assert cli("append", "parking", stdin=COMMAND * 30).exit_code == 0
    assert cli("run", "parking", "--until-idle").exit_code == 0
    return cli


def segment_of(cli: Cli, topic: str) -> Path:
    (path,) = [
        path for path in cli.log.glob(f"samples.parking.{topic}-*/*.log") if path.stat().st_size
    ]
    return path


def test_healthy(history: Cli) -> None:
    ended = history("doctor")
    assert (ended.exit_code, ended.stdout.splitlines()[-1]) == (0, "healthy")
    assert history("doctor", "--json").json == {"healthy": True, "findings": []}


def test_a_flipped_bit(history: Cli) -> None:
    path = segment_of(history, "commands")
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    ended = history("doctor")
    assert ended.exit_code == 1
    assert f"{path.name}, position 0, offset 0: the checksum of the batch" in ended.stdout
    told = history("doctor", "--json")
    assert (told.exit_code, told.json["healthy"]) == (1, False)
    assert told.json["findings"][0]["position"] == 0


def test_a_history_that_lost_its_commands(history: Cli) -> None:
    """Whole files, but the commands are those of another day."""
    partition = segment_of(history, "commands").parent
    for path in partition.iterdir():
        path.unlink()
    ended = history("doctor")
    assert ended.exit_code == 1
    assert "is of a command at offset 0, and the commands end before offset 0" in ended.stdout


def test_a_torn_tail_is_a_note(history: Cli) -> None:
    path = segment_of(history, "commands")
    path.write_bytes(path.read_bytes() + b"torn")
    ended = history("doctor")
    assert ended.exit_code == 0
    assert ended.stdout.startswith("note: ")


def test_no_log(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "odd").mkdir()
    ended = cli("doctor", "--log", str(tmp_path / "odd"))
    assert ended.exit_code == 1
    assert "it cannot be read" in ended.stdout
    assert cli("doctor", "--log", str(tmp_path / "none")).exit_code == 2
