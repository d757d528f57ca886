"""`refold replay verify`: in parallel, of every system, as a CI gate, and hostile."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from gateway.cli import replay_verify
from log.backends.file import FileLog
from log.record import Record
from replay.hostile import Finding, Report, WorldRun
from replay.hostile.lines import Place
from tests.gateway.cli.conftest import Cli
from tests.samples.parking import START_MS, SYSTEM, flow
from tests.samples.parking.events import CarRefused


@pytest.fixture
def history(cli: Cli) -> Iterator[Cli]:
    encode = msgspec.json.encode
    lines = [{**json.loads(encode(command)), "at": at} for at, command in islice(flow(1), 200)]
    stdin = "".join(json.dumps(line) + "\n" for line in lines)
    assert cli("append", "parking", stdin=stdin).exit_code == 0
    assert cli("run", "parking", "--until-idle").exit_code == 0
    yield cli


def meddle(history: Cli) -> None:
    """An event that nobody decided, on partition 0."""
    with FileLog(history.log) as log:
        events = log.partition(SYSTEM.events_topic, 0)
        codec = SYSTEM.event_codec(events.config)
        last = next(r for batch in events.read(events.log_end - 1) for r in batch)
        end = codec.decode(last.value or b"")
        stray = CarRefused(spot="a", reason="meddled")
        stray.sequence, stray.cause = end.sequence + 1, end.cause + 1
        events.append([Record(codec.encode(stray), b"a", START_MS)])


def test_processes(history: Cli) -> None:
    """As real processes: a child imports the user's package by itself."""
    one, two = (
        history.run("replay", "verify", "parking", "--json", "--processes", count)
        for count in ("1", "2")
    )
    assert (one.exit_code, two.exit_code, two.stderr) == (0, 0, "")
    assert one.json == two.json
    assert [each["partition"] for each in two.json["partitions"]] == [0, 1]


def test_all_systems_on_the_log(history: Cli) -> None:
    listing = '{"type":"list_instrument.v1","instrument":"ACME","tick_size":5}'
    assert history("append", "exchange", stdin=listing).exit_code == 0
    assert history("run", "exchange", "--until-idle").exit_code == 0
    told = history("replay", "verify", "--all", "--processes", "1", "--json").json
    assert told["same"]
    assert {each["system"] for each in told["partitions"]} == {
        "markets.exchange",
        "samples.parking",
    }
    shown = history("replay", "verify", "--all", "--processes", "1").stdout
    assert "markets.exchange" in shown and "the same: " in shown


def test_junit(history: Cli) -> None:
    arguments = ("replay", "verify", "parking", "--processes", "1", "--junit", "verify.xml")
    assert history(*arguments).exit_code == 0
    report = history.folder / "verify.xml"
    assert ElementTree.parse(report).getroot().get("failures") == "0"
    meddle(history)
    ended = history(*arguments)
    assert ended.exit_code == 1
    root = ElementTree.parse(report).getroot()
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    failure = next(root.iter("failure"))
    assert (failure.text or "") in ended.stdout
    assert "meddled" in (failure.text or "")
    assert sorted(path.name for path in history.folder.iterdir()) == [
        ".refold",
        "refold.toml",
        "verify.xml",
    ]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ((), "name a system, or give --all"),
        (("parking", "--all"), "name a system, or give --all"),
        (("parking", "--partition", "7"), "--partition 7: there are 0 to 1"),
        (("parking", "--junit", "none/verify.xml"), "--junit none/verify.xml: No such file"),
        (("parking", "--hostile", "--junit", "a.xml"), "give --hostile or --junit, not both"),
    ],
)
def test_bad_input(history: Cli, arguments: tuple[str, ...], what: str) -> None:
    ended = history("replay", "verify", "--processes", "1", *arguments)
    assert (ended.exit_code, what in ended.stderr) == (2, True), ended.stderr


def test_nothing_registered_is_on_the_log(cli: Cli, tmp_path: Path) -> None:
    with FileLog(tmp_path / "empty"):
        pass
    ended = cli("replay", "verify", "--all", "--log", str(tmp_path / "empty"))
    assert (ended.exit_code, "nothing of any registered system" in ended.stderr) == (2, True)


WORDING = """
import time


def shortage(there: int, at: int) -> str:
    return time.strftime("%d %H", time.localtime(at // 1000)) + f": {there}"
"""
COMMANDS = """
{"type":"add.v1","item":"tea","quantity":5,"at":1700000000000}
{"type":"take.v1","item":"tea","quantity":9,"at":1700005200000}
"""


def test_hostile(cli: Cli) -> None:
    """A user's system, in a folder of its own, whose library goes by the time zone."""
    (cli.folder / "refold.toml").unlink()
    assert cli.run("new", "shop/orders").exit_code == 0
    (cli.folder / "shop" / "wording.py").write_text(WORDING)
    decider = cli.folder / "shop" / "orders" / "decider.py"
    text = decider.read_text().replace(
        'f"there are {there}, not {quantity}"', "shortage(there, at)"
    )
    decider.write_text(
        text.replace("import msgspec", "import msgspec\nfrom shop.wording import *")
    )
    assert cli.run("append", "orders", stdin=COMMANDS.strip()).exit_code == 0
    assert cli.run("run", "orders", "--until-idle").exit_code == 0

    ended = cli.run("replay", "verify", "orders", "--hostile", "--json")
    assert ended.exit_code == 1, ended.stderr
    (found,) = [each for each in ended.json["partitions"] if each["findings"]]
    differing = {run["kind"] for run in found["runs"] if not run["same"]}
    (finding,) = found["findings"]
    assert differing == {"time zone"} == {finding["kind"]}
    assert (finding["source"], finding["function"], finding["line"]) == (
        "time.localtime",
        "shortage",
        len(WORDING.splitlines()),
    )
    assert finding["file"].endswith("shop/wording.py")
    assert (finding["by"][0]["function"], finding["command_offset"]) == ("decide", 1)


def test_hostile_for_people(history: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place("shortage", "shop/wording.py", 7)
    finding = Finding(
        kind="clock",
        world="another clock",
        source="time.time",
        function=place.function,
        file=place.file,
        line=place.line,
        text="now = time.time()",
        by=[Place("decide", "shop/orders/decider.py", 33)],
        command_offset=3,
        plain="1.0",
        other="2.0",
        differs_at=8,
    )
    runs = [
        WorldRun(world=world, kind=kind, same=same)
        for world, kind, same in (
            ("plain", "nothing", True),
            ("again", "nothing", True),
            ("another clock", "clock", False),
        )
    ]
    report = Report(
        system=SYSTEM.name,
        partition=1,
        commands=40,
        runs=runs,
        findings=[finding],
        left_out=["locale: none"],
    )
    monkeypatch.setattr(replay_verify, "examine", lambda *given, **named: report)
    ended = history("replay", "verify", "parking", "--hostile", "--partition", "1")
    assert (ended.exit_code, ended.stderr) == (1, "note: left out: locale: none\n")
    assert ended.stdout.splitlines() == [
        "samples.parking partition 1: otherwise in 1 of 2 worlds: another clock",
        "it goes by: clock, by time.time",
        "  shortage, shop/wording.py:7",
        "      now = time.time()",
        "    called by decide, shop/orders/decider.py:33",
        "  at the command at 3",
        "  plain  1.0",
        "  another clock  2.0",
        "  the first events that differ are of the command at 8",
    ]
