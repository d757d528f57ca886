"""`refold dead-letters`: list, show, retry."""

import json

import pytest

from tests.gateway.cli.conftest import Cli

GOOD = '{"type":"leave_spot.v1","spot":"a"}'
BAD = '{"type":"park_car.v1","spot":"a","car":"%s","stay_ms":-1}'


@pytest.fixture
def letters(cli: Cli) -> Cli:
    """Two letters of one key."""
    stdin = "\n".join((BAD % "one", GOOD, BAD % "two"))
    assert cli("append", "parking", stdin=stdin).exit_code == 0
    assert cli("run", "parking", "--until-idle").exit_code == 0
    return cli


def names(cli: Cli, *options: str) -> list[str]:
    rows = cli("dead-letters", "list", "parking", "--json", *options).json
    return [row["letter"] for row in rows]


def test_list_and_show(letters: Cli) -> None:
    ended = letters("dead-letters", "list", "parking")
    assert "a stay cannot be negative" in ended.stdout
    first, second = names(letters)
    shown = letters("dead-letters", "show", "parking", second, "--json").json
    assert json.loads(shown["value"])["car"] == "two"
    assert (shown["key"], shown["status"]) == ("a", "waiting")
    assert '"car":"one"' in letters("dead-letters", "show", "parking", first).stdout


def test_retry(letters: Cli) -> None:
    first, second = names(letters)
    ended = letters("dead-letters", "retry", "parking", second)
    assert ended.exit_code == 0
    assert f"{first} retried as command 3 (of the same key)" in ended.stdout
    assert f"{second} retried as command 4\n" in ended.stdout
    again = letters("dead-letters", "retry", "parking", second)
    assert again.exit_code == 2
    assert "was retried already, as the command at offset 4" in again.stderr
    assert names(letters, "--waiting") == []
    assert names(letters) == [first, second]

    assert letters("run", "parking", "--until-idle").exit_code == 0
    assert len(names(letters, "--waiting")) == 2
    retried = letters("dead-letters", "retry", "parking", "--all", "--json").json
    assert [letter["retry_of"] for letter in retried] == [0, 2]
    assert "no dead letter waits" in letters("dead-letters", "retry", "parking", "--all").stdout


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("show", "parking", "0:99"), "no dead letter of the command at offset 99"),
        (("show", "parking", "7:0"), "there are 0 to 1"),
        (("show", "parking", "x"), "'x' is no PARTITION:OFFSET"),
        (("retry", "parking"), "or give --all"),
        (("retry", "parking", "0:0", "--all"), "or give --all"),
    ],
)
def test_bad_input(letters: Cli, arguments: tuple[str, ...], what: str) -> None:
    ended = letters("dead-letters", *arguments)
    assert ended.exit_code == 2
    assert what in ended.stderr
