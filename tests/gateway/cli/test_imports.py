"""A recording becomes commands; a bad line stops it, and what came before is durable."""

import pytest

from tests.gateway.cli.conftest import Cli

ARCA = "A,36000000,1,100.5,10,BID\nA,36000001,2,101.25,7,ASK\nA,36000002,3,100.25,5,BID\n"
OPTIONS = ("--instrument", "XYZ", "--day", "2024-05-01")


def test_formats_are_listed(cli: Cli) -> None:
    listed = cli("import", "--json").json
    assert {each["format"] for each in listed} >= {"lobster", "arca"}
    assert "NYSE Arca" in cli("import").stdout


def test_a_recording_becomes_a_book(cli: Cli) -> None:
    (cli.folder / "arca.txt").write_text(ARCA)
    ended = cli("import", "arca", "arca.txt", *OPTIONS, "--json")
    assert (ended.exit_code, ended.json["error"]) == (0, None), ended
    assert ended.json["commands"] == {"ListInstrument": 1, "PlaceOrder": 3}
    assert ended.json["appended"] == 4
    assert cli("run", "exchange", "--until-idle").exit_code == 0
    rows = cli("query", "exchange", "book_by_price", "XYZ", "--json").json
    assert [(row["bid_quantity"], row["offer_quantity"]) for row in rows] == [(10, 7), (5, None)]


def test_a_bad_line_is_named_and_what_came_before_is_durable(cli: Cli) -> None:
    (cli.folder / "arca.txt").write_text(f"{ARCA}A,36000003,4,cheap,5,BID\n")
    ended = cli("import", "arca", "arca.txt", *OPTIONS)
    assert ended.exit_code == 2
    assert "arca.txt, line 4: price" in ended.stderr
    durable = len(cli("read", "exchange.commands", "--json").json_lines)
    assert durable >= 3  # the last line before waits for what the next one says of it
    assert f"{durable} commands are durable" in ended.stdout
    assert f"The {durable} commands made so far are durable" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("acra", "arca.txt"), "did you mean arca?"),
        (("arca",), "name the file"),
        (("arca", "nosuch.txt", *OPTIONS), "nosuch.txt"),
        (("lobster", "nosuch.csv"), "nosuch.csv"),
    ],
)
def test_what_cannot_be_imported_is_said(cli: Cli, arguments: tuple[str, ...], says: str) -> None:
    ended = cli("import", *arguments)
    assert (ended.exit_code, says in ended.stderr) == (2, True), ended
    assert not cli.log.exists()
