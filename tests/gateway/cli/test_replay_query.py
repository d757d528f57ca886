"""`refold replay query`: what a read model said then, as `refold query` prints it."""

import pytest

from gateway.cli import replay_query
from processors.core.registry import load_system
from projections.core.read_models import read_models
from tests.gateway.cli.conftest import Cli
from tests.samples.parking import START_MS

THEN = "2023-11-14T22:13:30Z"
ORDER = (
    '{"type":"place_order.v1","instrument":"ACME","order_id":%d,"account_id":7,"side":"buy",'
    '"quantity":5,"price":%d,"at":%d}\n'
)
COMMANDS = (
    f'{{"type":"list_instrument.v1","instrument":"ACME","at":{START_MS}}}\n'
    + ORDER % (1, 100, START_MS + 1000)
    + ORDER % (2, 101, START_MS + 2000)
)


@pytest.fixture
def traded(cli: Cli) -> Cli:
    """Two orders, one better than the other."""
    assert cli("append", "exchange", stdin=COMMANDS).exit_code == 0
    assert cli("run", "exchange", "--until-idle").exit_code == 0
    return cli


def test_at_the_end_it_says_what_query_says(history: Cli) -> None:
    for arguments in (("taken",), ("stays", "spot-1", "--limit", "3")):
        live = history("query", "parking", *arguments)
        ended = history("replay", "query", "parking", *arguments)
        assert (ended.exit_code, ended.stdout) == (0, live.stdout)
        again = history("replay", "query", "parking", *arguments, "--json", "--on-disk")
        assert again.json == history("query", "parking", *arguments, "--json").json
    assert "note: as of partition 0 after command " in ended.stderr


def test_at_a_time(history: Cli) -> None:
    spots = history("replay", "query", "parking", "taken", "--at", THEN, "--json").json
    assert spots
    assert all(spot["until_ms"] <= START_MS + 11_000 for spot in spots)
    assert history("query", "parking", "taken", "--json").json != spots


@pytest.mark.parametrize(
    ("place", "best"),
    [
        (("--at", "1"), 100),
        (("--at", "2"), 101),
        (("--at", "2023-11-14T22:13:21.5"), 100),
        ((), 101),
    ],
)
def test_at_an_offset(traded: Cli, place: tuple[str, ...], best: int) -> None:
    of = ("--key", "ACME") if place and place[1].isdecimal() else ()
    for name in ("exchange", "markets.exchange", "order_book", "exchange.trade_tape"):
        ended = traded("replay", "query", name, "best", "ACME", *place, *of, "--json")
        assert ended.json["bid_price"] == best, ended


def test_without_a_query_they_are_listed(history: Cli) -> None:
    listed = history("replay", "query", "parking", "--json")
    assert listed.stdout == history("query", "parking", "--json").stdout


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("parking", "taken", "--at", "soon"), "--at 'soon' is neither a command offset"),
        (("parking", "taken", "--at", "3"), "name one by --partition or --key"),
        (("parking", "taken", "--at", "9999", "--partition", "0"), "9999 is not decided"),
        (("parking", "taken", "--at", "3", "--partition", "0", "--key", "a"), "not both"),
        (("parking", "tken"), "did you mean 'taken'"),
        (("parking", "stays"), "argument 'spot' is missing"),
        (("occupncy", "taken"), "did you mean occupancy"),
        (("exchange", "instruments"), "holds nothing of markets.exchange"),
    ],
)
def test_bad_input(history: Cli, arguments: tuple[str, ...], what: str) -> None:
    ended = history("replay", "query", *arguments)
    assert (ended.exit_code, what in ended.stderr, ended.stdout) == (2, True, ""), ended


def test_a_projection_that_two_systems_have(history: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    models = read_models(load_system("tests.samples.parking"))
    monkeypatch.setattr(replay_query, "read_models", lambda registered: models)
    ended = history("replay", "query", "occupancy", "taken")
    assert (ended.exit_code, "hotels.occupancy or booking.stays" in ended.stderr) == (2, True)
