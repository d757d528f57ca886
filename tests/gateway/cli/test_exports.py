"""What happened becomes a file; what cannot be written is said, and leaves none."""

from pathlib import Path

import msgspec
import pytest

from log.backends.file import FileLog
from tests.gateway.cli.conftest import Cli
from tests.gateway.markets.exchange.itch_reader import Book, line, messages

Fields = dict[str, object]
LISTING: Fields = {"type": "list_instrument.v1", "instrument": "XYZ", "at": "2024-05-03T09:00:00Z"}
PLACED: Fields = {"type": "place_order.v1", "instrument": "XYZ", "side": "buy", "price": 5000}


def append(cli: Cli, *commands: Fields) -> None:
    text = b"\n".join(map(msgspec.json.encode, commands))
    assert cli("append", "exchange", stdin=text).exit_code == 0
    assert cli("run", "exchange", "--until-idle").exit_code == 0


def order(
    order_id: int, account_id: int, quantity: int, at: str, **more: object
) -> dict[str, object]:
    ids = {"order_id": order_id, "account_id": account_id, "quantity": quantity}
    return PLACED | ids | {"at": f"2024-05-03T{at}Z"} | more


def a_trade(cli: Cli) -> None:
    bid, offer = order(1, 7, 10, "10:00:00"), order(2, 8, 4, "11:00:00", side="sell")
    append(cli, LISTING, bid, offer)


def test_formats_are_listed(cli: Cli) -> None:
    assert {each["format"] for each in cli("export", "--json").json} == {"itch", "drop-copy"}
    assert "TotalView-ITCH" in cli("export").stdout


def test_an_itch_file_holds_the_day(cli: Cli) -> None:
    a_trade(cli)
    ended = cli("export", "itch", "day.itch", "--json")
    assert (ended.exit_code, ended.json["written"]) == (0, 11), ended
    assert ended.json["messages"]["E executed"] == 1
    read = messages((cli.folder / "day.itch").read_bytes())
    assert Book(read).queues() == {("XYZ", "B", 5000): [6]}
    assert [line(each)[:6] for each in read[6:8]] == ["A 1 B ", "E 1 4 "]
    late = cli("export", "itch", "late.itch", "--from", "2024-05-03T10:30", "--zone", "Asia/Tokyo")
    assert "are in late.itch" in late.stdout
    read = messages((cli.folder / "late.itch").read_bytes())
    assert (len(read), read[0].timestamp) == (11, 20 * 3600 * 10**9)


def test_instruments_of_all_partitions_are_in_one_file(cli: Cli) -> None:
    names = [f"N{number}" for number in range(8)]
    listings = [LISTING | {"instrument": name} for name in names]
    orders = [order(1, 7, 10, "10:00:00", instrument=name) for name in names]
    append(cli, *listings, *orders)
    cli("export", "itch", "all.itch")
    read = messages((cli.folder / "all.itch").read_bytes())
    assert {symbol for symbol, _, _ in Book(read).queues()} == set(names)
    locates = [each.stock_locate for each in read if each.message_type == b"R"]
    assert locates == list(range(1, 9))
    cli("export", "itch", "one.itch", "--instrument", "N5")
    read = messages((cli.folder / "one.itch").read_bytes())
    assert list(Book(read).queues()) == [("N5", "B", 5000)]


def test_a_drop_copy_is_a_file_or_goes_to_stdout(cli: Cli) -> None:
    a_trade(cli)
    ended = cli("export", "drop-copy", "copy.fix", "--account", "7")
    assert "2 messages of markets.exchange are in copy.fix" in ended.stdout
    assert (cli.folder / "copy.fix").read_bytes().count(b"\x0110=") == 2
    shown = cli("export", "drop-copy", "-", "--readable", "--to", "2024-05-03T11:00:00Z")
    assert [text.split("|")[6] for text in shown.stdout.splitlines()] == [
        "52=20240503-10:00:00.000"
    ]
    assert "note: 1 messages" in shown.stderr


def test_what_a_format_cannot_say_leaves_no_file(cli: Cli) -> None:
    append(cli, LISTING | {"price_decimals": 6}, order(1, 7, 10, "10:00:00", price=5001))
    ended = cli("export", "itch", "day.itch")
    assert (ended.exit_code, "the price 5001 at 6 decimals" in ended.stderr) == (2, True), ended
    assert "order_accepted.v1 at partition" in ended.stderr
    assert {path.name for path in cli.folder.iterdir()} == {"refold.toml", ".refold"}


def test_a_log_that_lost_its_beginning_cannot_be_exported(cli: Cli) -> None:
    a_trade(cli)
    with FileLog(cli.log) as log:
        for number in range(log.topics()["markets.exchange.events"].partitions):
            partition = log.partition("markets.exchange.events", number)
            partition.delete_before(min(2, partition.high_watermark))
    ended = cli("export", "itch", "day.itch")
    assert (ended.exit_code, "what came before was deleted" in ended.stderr) == (2, True), ended


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("itsch", "f"), "did you mean itch?"),
        (("itch",), "name the new file"),
        (("itch", "there"), "there is there already"),
        (("itch", "f", "--from", "soon"), "--from: 'soon' is no time"),
        (("itch", "f", "--zone", "Mars"), "'Mars' is no time zone"),
        (("drop-copy", "f", "--account", "1", "--member", "2"), "not both"),
        (("itch", "f", "--log", "nowhere"), "there is no log in nowhere"),
    ],
)
def test_what_cannot_be_exported_is_said(cli: Cli, arguments: tuple[str, ...], says: str) -> None:
    a_trade(cli)
    Path("there").touch()
    ended = cli("export", *arguments)
    assert (ended.exit_code, says in ended.stderr) == (2, True), ended
    assert not Path("f").exists()
