"""`refold log export` and `import`."""

import zipfile
from pathlib import Path

import pytest

from tests.gateway.cli.conftest import Cli

COMMAND = '{"type":"park_car.v1","spot":"a","car":"car-7","stay_ms":5}\n'


@pytest.fixture
def history(cli: Cli) -> Cli:
    assert cli("append", "parking", stdin=COMMAND * 30).exit_code == 0
    assert cli("run", "parking", "--until-idle").exit_code == 0
    return cli


@pytest.mark.parametrize("out", ["folder", "lines.jsonl", "bug.zip"])
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


def test_a_bug_report_is_one_command_out_and_one_in(history: Cli) -> None:
    ended = history("log", "export", "--out", "bug.zip", "--redact", "car")
    assert ended.exit_code == 0, ended.stderr
    assert "note: samples.parking: redacted, it still verifies: " in ended.stderr
    ended = history("log", "import", "bug.zip", "--log", "copy")
    assert ended.exit_code == 0
    assert ended.stderr == "note: redacted when it was exported: car\n"
    assert history("replay", "verify", "parking", "--log", "copy").exit_code == 0
    lines = history("read", "parking.commands", "--json", "--log", "copy").json_lines
    (car,) = {line["value"]["car"] for line in lines if "car" in line["value"]}
    assert car.startswith("r")


@pytest.mark.parametrize("out", ["folder", "lines.jsonl", "bug.zip"])
def test_a_key_makes_the_same_replacements(history: Cli, out: str, tmp_path: Path) -> None:
    history("log", "export", "--out", f"1{out}", "--redact", "car", "--redact-key", "k")
    history("log", "export", "--out", f"2{out}", "--redact", "car", "--redact-key", "k")
    history("log", "export", "--out", f"3{out}", "--redact", "car", "--redact-key", "l")
    one, two, three = (told(tmp_path / f"{number}{out}") for number in (1, 2, 3))
    assert one == two != three


def told(path: Path) -> bytes:
    if path.is_dir():
        return b"".join(each.read_bytes() for each in sorted(path.rglob("*.log")))
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return b"".join(map(archive.read, sorted(archive.namelist())))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (("--redact", "cra"), "no record has a field cra; there are: car, expired, reason, spot"),
        (("--redact-key", "k"), "--redact-key is for --redact"),
        (("--topic", "parkng.commands"), "parkng.commands"),
    ],
)
@pytest.mark.parametrize("out", ["bug.zip", "lines.jsonl"])
def test_bad_input_leaves_no_file(
    history: Cli, options: tuple[str, str], what: str, out: str
) -> None:
    ended = history("log", "export", "--out", out, *options)
    assert ended.exit_code == 2
    assert what in ended.stderr
    assert not (history.folder / out).exists()


def test_a_broken_package_does_not_keep_a_log_from_leaving(history: Cli, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "__init__.py").write_text("1 / 0\n")
    (tmp_path / "refold.toml").write_text('systems = ["broken"]\n')
    ended = history("log", "export", "--out", "bug.zip")
    assert ended.exit_code == 0
    assert "note: nothing is said of systems: a package of `systems` fails" in ended.stderr
    ended = history("log", "import", "bug.zip", "--log", "copy")
    assert "imported 6" in ended.stdout


def test_other_rules_are_told_at_the_import(history: Cli, tmp_path: Path) -> None:
    history("log", "export", "--out", "bug.zip")
    (tmp_path / "refold.toml").write_text("")
    ended = history("log", "import", "bug.zip", "--log", "copy")
    assert ended.exit_code == 0
    assert "note: samples.parking: this program has no such system" in ended.stderr
    again = history("log", "import", "bug.zip", "--log", "other", "--json")
    assert "no such system" in again.json["notes"][0]
    assert again.stderr == ""


def test_a_file_that_is_no_zip(history: Cli, tmp_path: Path) -> None:
    (tmp_path / "bug.zip").write_bytes(b"PK nothing")
    ended = history("log", "import", "bug.zip", "--log", "copy")
    assert ended.exit_code == 2
    assert "bug.zip is no whole zip file" in ended.stderr
    assert "Nothing was imported" in ended.stderr
