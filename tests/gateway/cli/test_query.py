"""Queries are asked by name; what read models lack is applied first, or said."""

import subprocess

import pytest

from gateway.cli import query as query_command
from tests.gateway.cli.conftest import Cli, end, until

ORDER = (
    '{"type":"place_order.v1","instrument":"ACME","order_id":%d,"account_id":7,"side":"%s",'
    '"quantity":5,"price":%d}\n'
)
COMMANDS = (
    '{"type":"list_instrument.v1","instrument":"ACME"}\n'
    + ORDER % (1, "buy", 100)
    + ORDER % (2, "sell", 110)
)


@pytest.fixture
def traded(cli: Cli) -> Cli:
    """Two orders on the book, no read model yet."""
    assert cli("append", "exchange", stdin=COMMANDS).exit_code == 0
    assert cli("run", "exchange", "--until-idle", "--no-projections").exit_code == 0
    return cli


def test_without_a_name_queries_are_listed(cli: Cli) -> None:
    listed = {each["name"]: each for each in cli("query", "exchange", "--json").json}
    assert listed["best"]["query"] == "best(instrument: str)"
    assert "The best bid" in cli("query", "exchange").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("open_orders", "7"),
        ("open-orders", "--account-id", "7"),
        ("open_orders", "--account_id=7", "--instrument", "ACME"),
        ("open_orders", "account_id=7", "limit=10"),
    ],
)
def test_arguments_in_order_or_by_name(traded: Cli, arguments: tuple[str, ...]) -> None:
    ended = traded("query", "exchange", *arguments, "--json")
    assert [row["order_id"] for row in ended.json] == [1, 2], ended


def test_a_result_is_a_table_for_people(traded: Cli) -> None:
    header, row = traded("query", "exchange", "best", "ACME").stdout.splitlines()
    assert header.split("  ")[0] == "depth"
    assert row.split() == ["1", "1", "5", "100", "110", "5", "1"]


def test_on_a_terminal_a_book_is_a_ladder(traded: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("TERM", "dumb")
    drawn = traded("query", "exchange", "book_by_price", "ACME").stdout.splitlines()
    assert [line.replace("█", "").split() for line in drawn] == [
        ["orders", "bid", "price", "offer", "orders"],
        ["110", "5", "1"],
        ["1", "5", "100"],
    ]
    assert traded("query", "exchange", "best", "ACME", "--json").json["bid_price"] == 100


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("bets", "ACME"), "did you mean 'best'?"),
        (("best",), "argument 'instrument' is missing"),
        (("best", "ACME", "5"), "one argument too many"),
        (("best", "ACEM"), "did you mean 'ACME'?"),
        (("trades", "ACME", "--limit", "none"), "limit"),
        (("trades", "ACME", "--limit"), "--limit needs a value"),
        (("trades", "ACME", "--lmit", "5"), "did you mean 'limit'?"),
    ],
)
def test_a_wrong_question_says_what_is_wrong(
    traded: Cli, arguments: tuple[str, ...], says: str
) -> None:
    ended = traded("query", "exchange", *arguments)
    assert (ended.exit_code, says in ended.stderr, ended.stdout) == (2, True, ""), ended


def test_a_log_without_the_system_is_said(cli: Cli) -> None:
    assert cli("append", "parking", stdin="").exit_code == 0
    ended = cli("query", "exchange", "instruments")
    assert (ended.exit_code, "holds nothing of markets.exchange" in ended.stderr) == (2, True)


def test_as_is_says_how_far_behind(traded: Cli) -> None:
    assert traded("query", "exchange", "best", "ACME").stderr == ""
    assert traded("append", "exchange", stdin=ORDER % (3, "buy", 101)).exit_code == 0
    ended = traded("query", "exchange", "best", "ACME", "--json")
    assert (ended.json["bid_price"], "1 commands wait to be decided" in ended.stderr) == (
        100,
        True,
    )
    assert traded("run", "exchange", "--until-idle", "--no-projections").exit_code == 0
    ended = traded("query", "exchange", "best", "ACME", "--json", "--as-is")
    assert (ended.json["bid_price"], "1 events behind the log" in ended.stderr) == (100, True)
    assert traded("query", "exchange", "best", "ACME", "--json").json["bid_price"] == 101


def test_much_is_applied_only_when_asked(traded: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_command, "CHEAP_EVENTS", 2)
    ended = traded("query", "exchange", "best", "ACME")
    assert (ended.exit_code, "--fresh applies them first" in ended.stderr) == (3, True)
    assert traded("query", "exchange", "best", "ACME", "--fresh").exit_code == 0


def test_many_ask_at_once_while_none_has_made_the_read_models(traded: Cli) -> None:
    def ask() -> subprocess.Popen[str]:
        return traded.start("query", "exchange", "best", "ACME", "--json")

    ended = [end(each) for each in [ask() for _ in range(4)]]
    assert [(each.exit_code, each.json["bid_price"]) for each in ended] == [(0, 100)] * 4, ended


def test_a_query_is_fresh_beside_a_run(traded: Cli) -> None:
    process = traded.start("run", "exchange")
    for order, price in enumerate(range(101, 106), 3):
        assert traded("append", "exchange", stdin=ORDER % (order, "buy", price)).exit_code == 0
        until(
            lambda price=price: (  # type: ignore[misc]
                traded("query", "exchange", "best", "ACME", "--json").json["bid_price"] == price
            )
        )
    process.terminate()
    assert end(process).exit_code == 0


def test_the_database_is_chosen_by_url(traded: Cli) -> None:
    file = traded.folder / "models-{system}.sqlite"
    with (traded.folder / "refold.toml").open("a") as settings:
        settings.write(f'projections_url = "sqlite:///{file}"\n')
    assert traded("query", "exchange", "best", "ACME").exit_code == 0
    assert (traded.folder / "models-markets.exchange.sqlite").exists()
