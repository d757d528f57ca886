"""`refold replay history`: the life of an order, as text, JSON and Mermaid."""

import shutil
from pathlib import Path

import pytest

from log.backends.file import FileLog
from tests.gateway.cli.conftest import Cli
from tests.replay.played import BID, play_market


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("market") / "log"
    with FileLog(folder) as log:
        play_market(log)
    return folder


@pytest.fixture
def market(cli: Cli, recorded: Path) -> Cli:
    """One order meets another, through clearing and the exchange."""
    shutil.copytree(recorded, cli.log)
    return cli


ORDER = str(BID)


def test_as_text(market: Cli) -> None:
    ended = market("replay", "history", f"order_id={ORDER}")
    assert (ended.exit_code, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert [line.split("  ")[0][-1] for line in lines] == ["Z"] * len(lines)
    assert [line.partition("*")[2].partition("  ")[0] for line in lines[:4]] == [
        "place_order.v1",
        "order_reserved.v1",
        "place_order.v1",
        "order_accepted.v1",
    ]
    assert "markets.exchange.commands/" in lines[2]
    assert lines[2].index("└─") > lines[1].index("└─")
    assert all(f"order_id={ORDER}" in line for line in lines[:4])


def test_the_same_as_json_and_as_mermaid(market: Cli) -> None:
    lines = market("replay", "history", ORDER).stdout.splitlines()
    told = market("replay", "history", ORDER, "--json").json
    assert told == market("replay", "history", ORDER, "--format", "json").json
    assert (told["messages"], told["is_cut"]) == (len(lines), False)
    root = told["roots"][0]
    assert (root["kind"], root["type"]) == ("command", "place_order.v1")
    assert root["fields"]["order_id"] == BID
    assert root["children"][0]["children"][0]["system"] == "markets.exchange"
    chart = market("replay", "history", ORDER, "--format", "mermaid").stdout.splitlines()
    assert chart[0] == "flowchart TD"
    assert sum("classDef" in line for line in chart) == 1
    assert sum("place_order.v1" in line for line in chart) >= 2


def test_by_the_place_of_a_command(market: Cli) -> None:
    root = market("replay", "history", ORDER, "--json").json["roots"][0]
    topic, place = root["topic"], root["place"]
    by_place = market("replay", "history", place, "--json").json
    assert by_place["roots"][0]["place"] == place
    short = place.removeprefix("markets.")
    assert market("replay", "history", short, "--json").json == by_place
    by_option = market(
        *("replay", "history", "--system", "clearing", "--partition", str(root["partition"])),
        *("--command", str(root["offset"]), "--json"),
    )
    assert by_option.json == by_place
    event = root["children"][0]["place"]
    assert topic.replace("commands", "events") in event
    assert market("replay", "history", event, "--json").json["roots"][0]["place"] == place


def test_too_much_is_cut_and_said(market: Cli) -> None:
    ended = market("replay", "history", "ACME", "--limit", "5")
    assert ended.exit_code == 0
    assert len(ended.stdout.splitlines()) == 5
    assert "note: the tree stops at 5 messages (" in ended.stderr
    assert "narrow it by FIELD=VALUE" in ended.stderr
    assert market("replay", "history", "ACME", "--limit", "5", "--json").json["is_cut"]


def test_in_one_system(market: Cli) -> None:
    for arguments in ((ORDER, "--system", "exchange"), (f"exchange:{ORDER}",)):
        told = market("replay", "history", *arguments, "--json").json
        assert told["roots"][0]["system"] == "markets.clearing"
        assert not told["roots"][0]["matches"]
        assert told["roots"][0]["children"][0]["children"][0]["matches"]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ((), "give a KEY, or --command OFFSET"),
        (("x", "--command", "1"), "give a KEY, or --command OFFSET"),
        (("--command", "1"), "of which system? Name it by --system"),
        (("--command", "1", "--system", "clearing"), "name one by --partition"),
        (
            ("--command", "99999", "--system", "clearing", "--partition", "0"),
            "markets.clearing.commands/0 holds no offset 99999",
        ),
        (("clearing.commands/9@1",), "there is no partition 9 of markets.clearing.commands"),
        (("parking.commands/0@1",), "parking.commands is no topic of a system here"),
        (("1", "--system", "parking"), "the log holds nothing of samples.parking"),
        (("1", "--system", "parkng"), "did you mean parking"),
        (("exchange:1", "--system", "clearing"), "names markets.exchange, and --system"),
        (("nowhere",), "no command or event of markets.clearing, markets.exchange holds nowhere"),
        (("price=nowhere",), "holds price=nowhere"),
    ],
)
def test_bad_input(market: Cli, arguments: tuple[str, ...], what: str) -> None:
    ended = market("replay", "history", *arguments)
    assert ended.exit_code == 2
    assert what in ended.stderr
    assert ended.stdout == ""


def test_a_log_of_no_system(cli: Cli) -> None:
    FileLog(cli.log).close()
    ended = cli("replay", "history", "1")
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "the log holds nothing of any system" in ended.stderr
