"""The demo on a real broker: it drives deployed workers and projectors, or does without."""

import dataclasses
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.cli.demo_cluster import AHEAD_MS
from log.backends.kafka import KafkaLog
from processors.core.registry import Registry
from tests.gateway.cli import conftest
from tests.gateway.cli.conftest import Cli, end, until
from tests.samples import parking

COMMANDS = "2000"
ENDLESS = "50000000"

cli = conftest.cli


@pytest.fixture
def url(kafka_address: str, kafka_prefix: str) -> str:
    return f"kafka://{kafka_address}/{kafka_prefix}"


def members(log: KafkaLog) -> int:
    return log.cluster.members(f"{log.prefix}refold")


def committed(log: KafkaLog, topic: str) -> int:
    """How many offsets of a topic readers see; 0 while it is not there."""
    config = log.topics().get(topic)
    numbers = range(config.partitions if config else 0)
    return sum(log.partition(topic, number).high_watermark for number in numbers)


@pytest.fixture
def deployed(
    cli: Cli, url: str, kafka_log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Two workers and a projector, which have a database of their own."""
    monkeypatch.setenv("REFOLD_PROJECTIONS_URL", f"sqlite:///{cli.folder}/read-models.db")
    processes = [
        *(cli.start("run", "exchange", "--no-projections", "--log", url) for _ in range(2)),
        cli.start("project", "exchange", "--log", url),
    ]
    until(lambda: members(kafka_log) == 2)
    assert processes[2].stderr is not None
    assert "holds partitions" in processes[2].stderr.readline()
    yield
    for process in processes:
        process.send_signal(signal.SIGTERM)
    ended = [end(process) for process in processes]
    assert [each.exit_code for each in ended] == [0, 0, 0], ended


@pytest.mark.usefixtures("deployed")
def test_deployed_workers_and_projectors_are_driven(
    cli: Cli, url: str, kafka_log: KafkaLog
) -> None:
    before_ms = time.time_ns() // 1_000_000
    ended = cli("demo", "exchange", "--commands", COMMANDS, "--json", "--log", url)
    assert ended.exit_code == 0, ended
    assert "decided by the group 'refold', members: 2" in ended.stderr
    told = ended.json
    assert (told["same"], told["commands"]) == (True, int(COMMANDS))
    compared = sum(each["commands_compared"] for each in told["verifications"])
    steps = {name: step["count"] for name, step in told["steps"].items()}
    assert steps["append"] == steps["decide"] == compared
    assert steps["project"] == told["events"]
    # The day is to come, and so no clock has appended ticks to it.
    assert committed(kafka_log, "markets.exchange.commands") == steps["append"]
    commands = cli("read", "exchange.commands", "--limit", "1", "--json", "--log", url).json
    assert commands["timestamp"] >= before_ms + AHEAD_MS // 2
    auctions = cli("query", "exchange", "auctions", "ALDER", "--as-is", "--json", "--log", url)
    assert [each["phase"] for each in auctions.json] == ["opening_auction"], auctions


def test_without_workers_the_demo_decides_and_leaves(
    cli: Cli, url: str, kafka_log: KafkaLog
) -> None:
    ended = cli("demo", "exchange", "--commands", COMMANDS, "--log", url)
    assert ended.exit_code == 0, ended
    assert "the demo itself, as the group 'refold' has no member" in ended.stderr
    assert "gave the same" in ended.stdout
    assert members(kafka_log) == 0
    commands = ended.stdout.partition("To try next")[2].split("\n")
    tried = [line.split()[1:] for line in commands if len(line.split()) > 1]
    assert len(tried) == 8
    for arguments in tried:
        assert cli(*arguments).exit_code == 0, arguments


def test_a_place_with_a_history_is_left_alone(cli: Cli, url: str, kafka_log: KafkaLog) -> None:
    assert cli("demo", "parking", "--commands", "10", "--log", url).exit_code == 0
    events = committed(kafka_log, "samples.parking.events")
    ended = cli("demo", "parking", "--commands", "10", "--log", url)
    assert ended.exit_code == 2
    assert f"--log {url.rpartition('/')[0]}/demo" in ended.stderr
    assert committed(kafka_log, "samples.parking.events") == events


def test_read_models_of_a_log_that_is_gone_are_made_again(
    cli: Cli, url: str, kafka_log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where they are this machine's own."""

    def forget() -> None:
        for topic in kafka_log.topics():
            kafka_log.delete_topic(topic)

    def demo() -> conftest.Ended:
        return cli("demo", "parking", "--commands", "300", "--json", "--log", url)

    assert demo().exit_code == 0
    forget()
    ended = demo()
    assert ended.exit_code == 0
    assert "are made again" in ended.stderr
    assert ended.json["steps"]["project"]["count"] == ended.json["events"]

    monkeypatch.setenv("REFOLD_PROJECTIONS_URL", f"sqlite:///{cli.folder}/others.db")
    forget()
    assert demo().exit_code == 0
    forget()
    ended = demo()
    assert (ended.exit_code, "they are of another log" in ended.stderr) == (2, True), ended
    assert committed(kafka_log, "samples.parking.commands") == 0


def test_workers_of_other_systems_are_not_waited_for_without_end(
    cli: Cli, url: str, kafka_log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli.start("run", "exchange", "--no-projections", "--log", url)
    until(lambda: members(kafka_log) == 1)
    monkeypatch.setenv("REFOLD_SESSION_TIMEOUT_S", "0.3")
    ended = cli("demo", "parking", "--commands", "10", "--log", url)
    assert ended.exit_code == 3
    assert "do workers run samples.parking" in ended.stderr


def test_a_worker_that_dies_is_stood_in_for(
    cli: Cli, url: str, kafka_log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFOLD_SESSION_TIMEOUT_S", "6")
    worker = cli.start("run", "parking", "--no-projections", "--log", url)
    until(lambda: members(kafka_log) == 1)
    worker.kill()
    ended = cli("demo", "parking", "--commands", "300", "--json", "--log", url)
    assert (ended.exit_code, ended.json["same"]) == (0, True)
    assert "the demo itself" in ended.stderr


def test_control_c_leaves_cleanly(cli: Cli, url: str, kafka_log: KafkaLog) -> None:
    process = cli.start("demo", "parking", "--commands", ENDLESS, "--log", url)
    until(lambda: committed(kafka_log, "samples.parking.events") > 0)
    process.send_signal(signal.SIGINT)
    ended = end(process)
    assert (ended.exit_code, "Traceback" in ended.stderr) == (130, False), ended
    assert members(kafka_log) == 0
    assert cli("replay", "verify", "parking", "--log", url).exit_code == 0


def test_a_flow_that_cannot_begin_now_is_told(
    cli: Cli, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flow(seed: int) -> Iterator[tuple[int, Any]]:
        return parking.flow(seed)

    cli("systems", "parking")
    monkeypatch.setattr(parking, "SYSTEM", dataclasses.replace(parking.SYSTEM, flow=flow))
    ended = cli("demo", "parking", "--commands", "10", "--log", url)
    assert (ended.exit_code, "flow(seed, start_ms=...)" in ended.stderr) == (2, True), ended


@pytest.mark.parametrize(
    "name", [each.system.name for each in Registry() if each.system.name != "markets.exchange"]
)
def test_every_system_runs_with_all_that_it_is_connected_with(
    cli: Cli, url: str, name: str
) -> None:
    """Reactors and effects run; what came of it is decided again, and gives the same bytes."""
    ended = cli("demo", name, "--commands", "120", "--json", "--log", url)
    assert ended.exit_code == 0, ended
    assert ended.json["same"] is True
    assert ended.json["steps"]["decide"]["count"] >= 120
