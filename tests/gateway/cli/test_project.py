"""Projectors as processes: alone, several at once, stopped, killed."""

import dataclasses
import os
import signal
import subprocess
import time
import urllib.request

import pytest

from gateway.cli import projecting
from projections.core.projection import Events
from projections.core.read_models import ReadModels, read_models
from projections.core.rows import Tables
from tests.gateway.cli.conftest import Cli, end, until
from tests.integration.kafka_tools import free_ports

SESSION_S = 0.6
FLOW = "".join(
    f'{{"type":"park_car.v1","spot":"spot-{number}","car":"x","stay_ms":1000000,"at":1}}\n'
    for number in range(40)
)


@pytest.fixture
def decided(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Events on the log, and no read model yet."""
    monkeypatch.setenv("REFOLD_SESSION_TIMEOUT_S", str(SESSION_S))
    decide(cli)
    return cli


def decide(cli: Cli) -> None:
    assert cli("append", "parking", stdin=FLOW).exit_code == 0
    assert cli("run", "parking", "--until-idle", "--no-projections").exit_code == 0


def is_fresh(cli: Cli) -> bool:
    ended = cli("query", "parking", "taken", "--as-is")
    return ended.exit_code == 0 and "behind the log" not in ended.stderr


def told(process: subprocess.Popen[str]) -> str:
    """What it has said on stderr so far."""
    assert process.stderr is not None
    os.set_blocking(process.stderr.fileno(), False)
    try:
        return os.read(process.stderr.fileno(), 1 << 16).decode()
    except BlockingIOError:
        return ""


def test_until_idle_applies_all_and_ends(decided: Cli) -> None:
    ended = decided.run("project", "parking", "--until-idle", "--json")
    (row,) = ended.json["systems"]
    assert ended.exit_code == 0, ended
    assert row == {
        "system": "samples.parking", "done": row["total"], "total": row["total"], "failed": []
    }  # fmt: skip
    assert row["total"] > 40 and is_fresh(decided)
    assert "note: samples.parking: holds partitions 0, 1\n" in ended.stderr
    again = decided.run("project", "parking", "--until-idle")
    assert (again.exit_code, again.stdout.split()[0]) == (0, "system"), again


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_gives_the_partitions_back(decided: Cli, number: signal.Signals) -> None:
    process = decided.start("project", "parking")
    until(lambda: is_fresh(decided))
    process.send_signal(number)
    ended = end(process)
    assert (ended.exit_code, "Traceback" in ended.stderr) == (0, False), ended
    begun_s = time.monotonic()
    decide(decided)
    assert decided("query", "parking", "taken").exit_code == 0  # applies them itself
    assert time.monotonic() - begun_s < 30
    assert is_fresh(decided)


def test_projectors_share_the_partitions_and_take_over(decided: Cli) -> None:
    first = decided.start("project", "parking")
    until(lambda: is_fresh(decided))
    second = decided.start("project", "parking")
    said = ""

    def holds(text: str) -> bool:
        nonlocal said
        said += told(second)
        return f"holds partitions {text}\n" in said

    until(lambda: holds("0") or holds("1"))
    decide(decided)
    until(lambda: is_fresh(decided))
    first.kill()
    until(lambda: holds("0, 1"))
    decide(decided)
    until(lambda: is_fresh(decided))
    second.terminate()
    assert end(second).exit_code == 0


def test_a_query_beside_a_projector_waits_for_it(decided: Cli) -> None:
    process = decided.start("project", "parking")
    until(lambda: is_fresh(decided))
    for _ in range(3):
        decide(decided)
        ended = decided("query", "parking", "taken")
        assert ended.exit_code == 0 and is_fresh(decided)
    process.terminate()
    assert end(process).exit_code == 0


def test_a_read_model_that_fails_is_told_and_the_others_go_on(
    decided: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_models(registered: object) -> ReadModels:
        models = read_models(registered)  # type: ignore[arg-type]

        def fail(tables: Tables, events: Events) -> None:
            raise ZeroDivisionError("one over nothing")

        broken = dataclasses.replace(models.projections["cars"], fold=fail)
        return ReadModels(models.system, {**models.projections, "cars": broken}, models.queries)

    monkeypatch.setattr(projecting, "read_models", broken_models)
    ended = decided("project", "parking", "--until-idle", "--json")
    assert (ended.exit_code, ended.json["systems"][0]["failed"]) == (3, ["cars"]), ended
    assert "error: read model cars of samples.parking: " in ended.stderr
    stays = decided("query", "parking", "stays", "spot-7", "--as-is", "--json").json
    assert len(stays) == 1


def test_a_database_that_is_not_there_is_one_clear_line(
    decided: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql+psycopg://nobody@127.0.0.1:9/nowhere"
    monkeypatch.setenv("REFOLD_PROJECTIONS_URL", url)
    ended = decided("project", "parking")
    assert (ended.exit_code, ended.stderr.count("error: ")) == (3, 1), ended
    assert "127.0.0.1" in ended.stderr and "Traceback" not in ended.stderr


def test_a_system_without_read_models_is_refused(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("new", "shop/orders").exit_code == 0
    monkeypatch.setenv("REFOLD_SYSTEMS", "shop.orders")
    (cli.folder / "shop" / "orders" / "projections.py").unlink()
    ended = cli.run("project", "shop.orders")
    assert (ended.exit_code, "no read models in shop.orders" in ended.stderr) == (2, True), ended


def test_probes_and_metrics_of_a_projector(decided: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports(1)
    monkeypatch.setenv("REFOLD_HEALTH_PORT", str(port))
    process = decided.start("project", "parking")
    until(lambda: is_fresh(decided))
    for page in ("live", "ready"):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}") as answer:
            assert answer.status == 200
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        assert b'refold_projection_lag_events{system="samples.parking"} 0.0' in answer.read()
    process.send_signal(signal.SIGTERM)
    assert end(process).exit_code == 0
