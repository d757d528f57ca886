"""The demo appends, decides, projects and replays what the registry holds, the same every time."""

import dataclasses
from functools import partial
from itertools import islice
from typing import Any

import pytest

from gateway.cli import demo as demo_command
from log.interface import Log
from processors.core.registry import Registry
from processors.core.system import System
from processors.markets import exchange
from processors.markets.exchange.trading_day import DAY_COMMANDS, trading_days
from replay.verify import Verification, verify
from tests.gateway.cli.conftest import Cli
from tests.samples import parking

HOUR_MS = 3_600_000
WEEK_MS = 7 * 24 * HOUR_MS


def test_the_exchange_shows_its_day_and_replays_it(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the opening auction to the close, in as many commands as the demo takes."""
    short = partial(trading_days, day_commands=3_000)
    monkeypatch.setattr(exchange, "SYSTEM", dataclasses.replace(exchange.SYSTEM, flow=short))
    ended = cli("demo", "exchange", "--commands", "3000", "--log", "day")
    assert ended.exit_code == 0, ended
    drawing, _, answers = ended.stdout.partition("\nauctions ALDER\n")
    assert ", closed\n" in drawing and "bid |" in drawing
    auctions = answers.partition("\n\n")[0].splitlines()[1:]
    shown = [line.split()[2] for line in auctions]
    assert shown == ["closing_auction", "volatility_auction", "opening_auction"]
    assert all(" traded " in line for line in auctions)
    for asked in ("statistics ALDER", "best ALDER", "trades ALDER", "candles ALDER"):
        assert f"\n{asked}\n" in answers
    decided_again = [
        line for line in answers.splitlines() if "commands decided again gave" in line
    ]
    assert len(decided_again) == 1
    commands = ended.stdout.partition("To try next")[2].split("\n")
    tried = [line.split()[1:] for line in commands if len(line.split()) > 1]
    assert len(tried) == 8
    for arguments in tried:
        assert cli(*arguments).exit_code == 0, arguments


def test_by_default_the_demo_of_the_exchange_is_a_whole_day() -> None:
    assert Registry().find("exchange").system.demo_commands == DAY_COMMANDS


def test_what_nobody_says_is_what_the_system_says(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = dataclasses.replace(parking.SYSTEM, demo_commands=123)
    monkeypatch.setattr(parking, "SYSTEM", few)
    assert cli("demo", "parking", "--json", "--log", "few").json["commands"] == 123


def test_the_same_seed_gives_the_same_day(cli: Cli) -> None:
    def day(*arguments: str) -> list[str]:
        told = cli("demo", "exchange", "--commands", "1000", "--json", *arguments).json
        assert (told["same"], told["commands"]) == (True, 1000)
        read = cli("read", "exchange.events", "--log", told["log"]).stdout.splitlines()
        assert len(read) == told["events"]
        return read

    assert day() == day()
    assert day() != day("--seed", "2")


@pytest.mark.parametrize("system", [each.system for each in Registry()], ids=lambda s: s.name)
def test_the_flow_of_every_system_can_begin_at_any_time(system: System) -> None:
    """On Kafka the demo's day is one that is to come."""
    for hour in range(24):
        start_ms = 2_000_000_000_000 + hour * HOUR_MS
        moments = [at for at, _ in islice(system.flow(1, start_ms=start_ms), 100)]
        assert start_ms <= moments[0] < start_ms + WEEK_MS
        assert moments == sorted(moments)
    start_ms = moments[0] + 1  # what was to begin just before it is another day's
    assert start_ms <= next(system.flow(1, start_ms=start_ms))[0]


def test_a_system_without_a_drawing_and_with_timers(cli: Cli) -> None:
    told = cli("demo", "parking", "--commands", "2000", "--json").json
    assert told["same"]
    assert [step["count"] for name, step in told["steps"].items() if name != "project"] == [
        2000
    ] * 3


def test_a_log_that_holds_the_system_is_left_alone(cli: Cli) -> None:
    assert cli("demo", "parking", "--commands", "10", "--log", "day").exit_code == 0
    ended = cli("demo", "parking", "--commands", "10", "--log", "day")
    assert (ended.exit_code, "name a new folder" in ended.stderr) == (2, True)


def test_without_a_log_each_demo_takes_a_new_folder(cli: Cli) -> None:
    folders = [cli("demo", "parking", "--commands", "10", "--json").json["log"] for _ in "ab"]
    assert folders == [".demo/parking", ".demo/parking-2"]
    assert not cli.log.exists()


def test_a_difference_is_found(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the rules that replay are not those that decided, the demo says so, and where."""

    def do_nothing(state: Any, command: Any, at: int) -> list[Any]:
        return []

    def verify_by_other_rules(log: Log, system: System, number: int, **more: Any) -> Verification:
        decider = dataclasses.replace(system.decider, decide=do_nothing)
        return verify(log, dataclasses.replace(system, decider=decider), number, **more)

    monkeypatch.setattr(demo_command, "verify", verify_by_other_rules)
    ended = cli("demo", "parking", "--commands", "10")
    assert (ended.exit_code, "Replay differs" in ended.stdout) == (1, True), ended
    assert "byte for byte" not in ended.stdout


def test_what_other_rules_decided_is_not_claimed_to_be_compared(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Kafka the workers deployed may be of an earlier release."""

    def verify_by_later_rules(log: Log, system: System, number: int, **more: Any) -> Verification:
        later = dataclasses.replace(system, rules_version=system.rules_version + 1)
        return verify(log, later, number, **more)

    monkeypatch.setattr(demo_command, "verify", verify_by_later_rules)
    ended = cli("demo", "parking", "--commands", "10")
    assert ended.exit_code == 0
    assert "10 commands were decided by other rules: those are not compared" in ended.stdout
