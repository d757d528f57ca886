"""Any record can be shown, wherever one begins, and no bytes harm a terminal or a parser."""

import base64
from pathlib import Path

import msgspec
import pytest

from log.backends.file import FileLog
from log.record import Record
from log.topic import TopicConfig
from tests.gateway.cli.conftest import Cli, end, until

SECOND = "1970-01-01T00:00:0%dZ"


def write(folder: Path, topic: str, *records: Record, config: TopicConfig | None = None) -> None:
    with FileLog(folder) as log:
        log.ensure_topic(topic, config or TopicConfig())
        log.partition(topic, 0).append(records)


def ten(cli: Cli, topic: str = "shop.orders.events") -> None:
    write(cli.log, topic, *(Record(b"%d" % n, timestamp=n * 1000) for n in range(10)))


def values(cli: Cli, *arguments: str) -> list[object]:
    ended = cli("read", *arguments, "--json")
    assert ended.exit_code == 0, ended
    return [each["value"] for each in ended.json_lines]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), range(10)),
        (("--from", "7"), range(7, 10)),
        (("--from", "-2"), range(8, 10)),
        (("--from", "-99"), range(10)),
        (("--from", "start", "--to", "3"), range(3)),
        (("--from", SECOND % 4, "--to", SECOND % 6), range(4, 6)),
        (("--from", "1971-01-01"), ()),
        (("--from", "end"), ()),
        (("--to", "99"), range(10)),
        (("--limit", "2"), range(2)),
        (("--from", "5", "--to", "4"), ()),
    ],
)
def test_places(cli: Cli, arguments: tuple[str, ...], expected: range) -> None:
    ten(cli)
    assert values(cli, "orders.events", *arguments) == list(expected)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("orders.evnets",), "did you mean shop.orders.events?"),
        (("orders.events", "--from", "soon"), "no place in a topic"),
        (("orders.events", "--from", "11"), "there is no offset 11 in"),
        (("orders.events", "--partition", "4"), "no partition 4"),
        (("orders.events", "--follow", "--to", "4"), "leave --to out"),
        (("events",), "could be bank.orders.events or shop.orders.events"),
    ],
)
def test_what_is_not_there_is_said(cli: Cli, arguments: tuple[str, ...], says: str) -> None:
    ten(cli)
    ten(cli, "bank.orders.events")
    arguments = tuple(each.replace("orders.ev", "shop.orders.ev") for each in arguments)
    ended = cli("read", *arguments)
    assert (ended.exit_code, says in ended.stderr) == (2, True), ended


def test_without_a_log_it_says_what_to_do(cli: Cli) -> None:
    ended = cli("read", "orders.events")
    assert (ended.exit_code, "there is no log in" in ended.stderr) == (2, True)
    assert not cli.log.exists()


def test_partitions_are_merged_by_time(cli: Cli) -> None:
    with FileLog(cli.log) as log:
        log.ensure_topic("t", TopicConfig(partitions=2))
        log.partition("t", 0).append([Record(b"0", timestamp=1), Record(b"2", timestamp=5)])
        log.partition("t", 1).append([Record(b"1", timestamp=3), Record(b"3", timestamp=7)])
    assert values(cli, "t") == [0, 1, 2, 3]
    assert values(cli, "t", "--partition", "1") == [1, 3]


def test_json_keeps_values_as_they_are(cli: Cli) -> None:
    record = Record(b'{"price": 1.10,\n "n": 12345678901234567890}', b"k", 5, [("h", b"v")])
    write(cli.log, "t", record)
    ended = cli("read", "t", "--json")
    assert ended.stdout == (
        '{"topic":"t","partition":0,"offset":0,"timestamp":5,"key":"k",'
        '"value":{"price":1.10,"n":12345678901234567890},'
        '"headers":[{"name":"h","value":"v"}]}\n'
    )


def test_bytes_of_any_kind_are_shown_safely(cli: Cli) -> None:
    write(
        cli.log,
        "t",
        Record(None, b"gone", 1),
        Record(b"\xff\x00", b"\xfe", 2, [("h", b"\xfd")]),
        Record(b"plain", None, 3, [("h", None)]),
        Record(b'{"a":"\xff"}', b"k", 4),
    )
    shown = cli("read", "t", "--json").json_lines
    assert shown[0]["value"] is None
    assert base64.b64decode(shown[1]["value_base64"]) == b"\xff\x00"
    assert base64.b64decode(shown[1]["key_base64"]) == b"\xfe"
    assert base64.b64decode(shown[1]["headers"][0]["value_base64"]) == b"\xfd"
    assert (shown[2]["value_text"], shown[2]["key"]) == ("plain", None)
    assert base64.b64decode(shown[3]["value_base64"]) == b'{"a":"\xff"}'
    assert cli("read", "t", "--keys", "--headers").stdout.splitlines() == [
        "0:0  1970-01-01T00:00:00.001Z  gone  []  (tombstone)",
        r"0:1  1970-01-01T00:00:00.002Z  \xfe  [h=\xfd]  \xff\x00",
        "0:2  1970-01-01T00:00:00.003Z  -  [h=]  plain",
        r'0:3  1970-01-01T00:00:00.004Z  k  []  {"a":"\xff"}',
    ]


def test_a_record_cannot_redraw_the_terminal(cli: Cli) -> None:
    write(cli.log, "t", Record(b"\x1b[2J\nx\x07", timestamp=1))
    assert cli("read", "t").stdout == "0:0  1970-01-01T00:00:00.001Z  \\x1b[2J\\nx\\x07\n"


def test_msgpack_is_shown_as_json(cli: Cli) -> None:
    config = TopicConfig(value_format="msgpack")
    value = msgspec.msgpack.encode({"a": [1, "x"]})
    write(cli.log, "t", Record(value, timestamp=1), Record(b"\xc1", timestamp=2), config=config)
    good, bad = cli("read", "t", "--json").json_lines
    assert good["value"] == {"a": [1, "x"]}
    assert base64.b64decode(bad["value_base64"]) == b"\xc1"
    assert '{"a":[1,"x"]}' in cli("read", "t", "--to", "1").stdout


def test_follow_shows_what_comes_and_ctrl_c_ends_it(cli: Cli) -> None:
    ten(cli)
    process = cli.start("read", "orders.events", "--from", "8", "--follow", "--json")
    assert process.stdout is not None
    assert [process.stdout.readline()[-15:-1] for _ in "ab"] == [',"headers":[]}'] * 2
    write(cli.log, "shop.orders.events", Record(b'"new"', timestamp=9))
    assert '"value":"new"' in process.stdout.readline()
    process.send_signal(2)
    ended = end(process)
    assert (ended.exit_code, ended.stderr) == (130, "")


def test_a_reader_that_goes_away_ends_it_quietly(cli: Cli) -> None:
    records = (Record(b'"%s"' % (b"x" * 1000), timestamp=1) for _ in range(2000))
    write(cli.log, "t", *records)
    process = cli.start("read", "t")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    until(lambda: process.poll() is not None)
    assert process.stderr is not None
    assert (process.returncode, process.stderr.read()) == (141, "")
