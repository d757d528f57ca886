"""`--real` is refused clearly where it cannot be; what it prints of an outcome.

That it does what it says is shown in `tests/integration/test_chaos.py`.
"""

from typing import Any

import msgspec
import pytest
import typer

from gateway.cli import simulate_real as command
from gateway.cli.context import Context, load_context
from gateway.cli.outcome import CommandFailed
from gateway.cli.simulate_real import parse_through, simulate_real
from gateway.config import load_config
from replay.simulator.chaos import Hit
from replay.simulator.real import RealOutcome, Steady
from tests.gateway.cli.conftest import Cli

STEADY = Steady(commands=500, p50_ms=20.5, p99_ms=81.25, longest_ms=90.0)
GOOD = RealOutcome(
    profile="chaos",
    seed=1,
    systems=["samples.parking"],
    hits=[Hit(kind="kill", target="worker-1", at_ms=1234, lasts_ms=500)],
    commands=6500,
    events=7000,
    before=STEADY,
    during=STEADY,
    after=STEADY,
    elapsed_s=91.25,
)


def test_a_log_in_a_folder_has_no_processes_to_aim_at(cli: Cli) -> None:
    with pytest.raises(CommandFailed, match="--real is for a log on Kafka"):
        simulate_real(load_context(str(cli.log)), "parking")


@pytest.mark.parametrize("text", ["", "a:1", "a:1=", "a:1=b", "=a:1", "a:1=b:x"])
def test_a_proxy_has_two_addresses(text: str) -> None:
    with pytest.raises(CommandFailed, match="LISTEN=TARGET"):
        parse_through(text)


def test_a_proxy_of_two_addresses() -> None:
    assert parse_through("127.0.0.1:1=h:2") == (("127.0.0.1", 1), ("h", 2))
    assert parse_through(None) is None


@pytest.fixture
def on_kafka(cli: Cli) -> Context:
    return Context(load_config({"log": "kafka://localhost:9/chaos"}))


def outcome_is(monkeypatch: pytest.MonkeyPatch, outcome: RealOutcome) -> list[Any]:
    asked: list[Any] = []

    def play(registered: Any, place: Any, profile: Any, **settings: Any) -> RealOutcome:
        asked.append((registered, place, profile, settings))
        return outcome

    monkeypatch.setattr(command, "run_real", play)
    return asked


def test_what_came_of_it_is_told(
    on_kafka: Context, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = outcome_is(monkeypatch, GOOD)
    simulate_real(on_kafka, "parking", minutes=0.5, seed=4, through="a:1=b:2")
    ((registered, place, profile, settings),) = asked
    assert [each.system.name for each in registered] == ["samples.parking"]
    assert (place.through, place.location.prefix) == ((("a", 1), ("b", 2)), "chaos.")
    assert (profile.name, settings["duration_s"], settings["seed"]) == ("chaos", 30.0, 4)
    told = capsys.readouterr().out
    for line in ("before", "kill", "worker-1", "81.2 ms", "6,500 commands", "once and in order"):
        assert line in told


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ({"violation": "it is doubled", "after": None}, "VIOLATION: it is doubled"),
        ({"aborted": "900 commands wait"}, "aborted: 900 commands wait"),
    ],
)
def test_what_does_not_hold_is_exit_code_1(
    on_kafka: Context,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    found: dict[str, Any],
    says: str,
) -> None:
    outcome_is(monkeypatch, msgspec.structs.replace(GOOD, **found))
    with pytest.raises(typer.Exit) as ended:
        simulate_real(on_kafka, "parking")
    assert ended.value.exit_code == 1
    told, noted = capsys.readouterr()
    assert says in told
    assert "what the processes said" in noted
    assert "once and in order" not in told


def test_as_json(on_kafka: Context, monkeypatch: pytest.MonkeyPatch, capsysbinary: Any) -> None:
    outcome_is(monkeypatch, GOOD)
    simulate_real(on_kafka, "parking", as_json=True)
    told = msgspec.json.decode(capsysbinary.readouterr().out)
    assert told["hits"] == [{"kind": "kill", "target": "worker-1", "at_ms": 1234, "lasts_ms": 500}]
    assert told["after"]["p99_ms"] == 81.25
