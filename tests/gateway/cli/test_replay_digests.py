"""`refold replay digests`: the file, by what stands in it."""

import json

import pytest

from tests.gateway.cli.conftest import Cli, Ended


def digests(cli: Cli, *arguments: str) -> Ended:
    return cli("replay", "digests", *arguments)


def test_a_file_of_both_partitions(history: Cli) -> None:
    ended = digests(history, "parking", "--every", "25", "--out", "digests.jsonl")
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout == ("digests.jsonl: 9 lines; the state's digest is made event by event\n")
    header, *lines = map(json.loads, (history.folder / "digests.jsonl").read_text().splitlines())
    assert header["system"] == "samples.parking"
    assert header["partitions"] == [0, 1]
    assert header["log"] == str(history.log)
    assert (header["decided"], header["every_commands"]) == (False, 25)
    assert [line["partition"] for line in lines] == sorted(line["partition"] for line in lines)
    assert [line["command_offset"] for line in lines[:3]] == [24, 49, 74]
    assert (
        digests(history, "parking", "--every", "25", "--decide", "--out", "again.jsonl").exit_code
        == 0
    )
    again = (history.folder / "again.jsonl").read_text().splitlines()
    assert json.loads(again[0])["decided"] is True
    assert [json.loads(line) for line in again[1:]] == lines


def test_a_part_of_it(history: Cli) -> None:
    told = history(
        *(
            "replay",
            "digests",
            "parking",
            "--every",
            "1",
            "--since",
            "30",
            "--until",
            "39",
            "--partition",
            "1",
        ),
        *("--out", "near.jsonl", "--json"),
    ).json
    assert told == {"file": "near.jsonl", "lines": 10, "incremental": True}
    _, *lines = map(json.loads, (history.folder / "near.jsonl").read_text().splitlines())
    assert [line["command_offset"] for line in lines] == list(range(30, 40))


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (("parkng", "--out", "x"), 2, "did you mean parking"),
        (("parking",), 2, "Missing option '--out'"),
        (("parking", "--out", "x", "--partition", "2"), 2, "there are 0 to 1"),
        (("parking", "--out", "x", "--since", "9", "--until", "5"), 2, "5 is before --since 9"),
        (("parking", "--out", "none/x"), 3, "No such file"),
    ],
)
def test_bad_input(history: Cli, arguments: tuple[str, ...], code: int, what: str) -> None:
    ended = digests(history, *arguments)
    assert ended.exit_code == code
    assert what in ended.stderr
    assert not (history.folder / "x").exists()
