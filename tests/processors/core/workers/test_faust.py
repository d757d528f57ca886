"""Real Faust workers on a real broker: what they decide, what they tell, and how they end."""

import json
import time
import urllib.request
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from log.backends.kafka import KafkaLog
from log.interface import Log
from log.record import Record
from processors.core.appender import Appender
from replay.verify import verify
from tests.integration.brokers import Broker, SecuredBroker
from tests.integration.faust_process import FaustProcess
from tests.integration.kafka_tools import free_ports
from tests.samples.parking import SYSTEM, flow

SAMPLE = {"REFOLD_SYSTEMS": "tests.samples.parking", "REFOLD_SESSION_TIMEOUT_S": "6"}
COMMANDS = 300
WITHIN_S = 90.0


@pytest.fixture
def url(kafka_address: str, kafka_prefix: str) -> str:
    return f"kafka://{kafka_address}/{kafka_prefix}"


def append(log: Log, count: int = COMMANDS, seed: int = 1) -> None:
    appender = Appender(log, SYSTEM)
    for at, command in islice(flow(seed), count):
        appender.add(command, at)
    appender.flush()


def commands_pending(log: Log) -> int:
    """How many are not decided; fails where what is decided is not as it should be."""
    found = [verify(log, SYSTEM, number) for number in range(SYSTEM.partitions)]
    assert [each.difference for each in found] == [None] * SYSTEM.partitions
    return sum(each.commands_pending for each in found)


def wait_until_decided(log: Log) -> None:
    deadline_s = time.monotonic() + WITHIN_S
    while commands_pending(log):
        assert time.monotonic() < deadline_s, "it stands still"
        time.sleep(0.1)


def fetch(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        body: bytes = answer.read()
        return body.decode()


def test_it_decides_what_faust_delivers_and_says_so(
    kafka_log: KafkaLog, url: str, tmp_path: Path
) -> None:
    append(kafka_log)
    kafka_log.partition(SYSTEM.commands_topic, 0).append([Record(b"no json", b"spot-1")])
    web_port, health_port = free_ports(2)
    worker = FaustProcess(
        "parking",
        url,
        tmp_path / "worker",
        *("--web-port", str(web_port)),
        **SAMPLE,
        REFOLD_HEALTH_PORT=str(health_port),
        REFOLD_SNAPSHOTS=str(tmp_path / "snapshots"),
    )
    try:
        worker.wait_until("recovered in")
        wait_until_decided(kafka_log)
        assert fetch(web_port, "/") == '{"status":"OK"}'
        assert json.loads(fetch(health_port, "/ready"))["ready"]
        assert "refold_dead_letters_total{" in fetch(health_port, "/metrics")
        append(kafka_log, seed=2)
        wait_until_decided(kafka_log)
        worker.stop()
        # Faust has committed what was acknowledged, and acknowledged what is durable.
        ends = [kafka_log.partition(SYSTEM.commands_topic, n).high_watermark for n in range(2)]
        committed = sum(kafka_log.committed("refold").values())
        assert committed == sum(ends) - commands_pending(kafka_log)
        assert len(list((tmp_path / "snapshots").rglob("*.snapshot"))) == SYSTEM.partitions

        append(kafka_log, seed=3)
        worker.start()
        wait_until_decided(kafka_log)
        worker.stop()
    finally:
        worker.kill()
    letters = [kafka_log.partition(SYSTEM.dead_letters_topic, n).high_watermark for n in range(2)]
    assert letters == [1, 0]


BROKEN = """
from dataclasses import replace

from tests.samples.parking import SYSTEM


def evolve(state, event):
    raise ValueError("no such spot")


SYSTEM = replace(SYSTEM, name="broken.parking", decider=replace(SYSTEM.decider, evolve=evolve))
"""


def test_rules_that_break_a_law_end_it_loudly(
    kafka_log: KafkaLog, url: str, tmp_path: Path
) -> None:
    package = tmp_path / "worker" / "broken" / "parking"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(BROKEN)
    system = replace(SYSTEM, name="broken.parking")
    system.ensure_topics(kafka_log)
    encode = system.command_codec(kafka_log.topics()[system.commands_topic]).encode
    kafka_log.partition(system.commands_topic, 0).append(
        [Record(encode(command), timestamp=at) for at, command in islice(flow(1), 3)]
    )
    worker = FaustProcess(
        "parking", url, tmp_path / "worker", **SAMPLE | {"REFOLD_SYSTEMS": "broken.parking"}
    )
    try:
        assert worker.ended() == 1
        assert "TaskFailed: broken.parking-0: evolve raised ValueError('no such spot')" in (
            worker.output
        )
    finally:
        worker.kill()
    assert kafka_log.partition(system.events_topic, 0).high_watermark == 0


def test_it_logs_in_and_waits_for_a_cluster_that_is_away(
    broker: Broker, secured_broker: SecuredBroker, tmp_path: Path
) -> None:
    """One after the other, on two clusters."""
    settings = secured_broker.settings("admin")
    with KafkaLog(settings, prefix="parking.") as log:
        append(log)
        worker = FaustProcess(
            "parking",
            f"kafka+sasl://admin@{secured_broker.address}/parking",
            tmp_path / "secured",
            **SAMPLE,
            REFOLD_KAFKA_SASL_PASSWORD=settings["sasl.password"],
        )
        try:
            wait_until_decided(log)
            worker.stop()
        finally:
            worker.kill()
        assert settings["sasl.password"] not in worker.output

    url = f"kafka://{broker.start()}/parking"
    with KafkaLog({"bootstrap.servers": broker.address}, prefix="parking.") as log:
        append(log)
        worker = FaustProcess("parking", url, tmp_path / "worker", **SAMPLE)
        try:
            wait_until_decided(log)
            broker.kill()
            broker.start()
            append(log, seed=2)
            wait_until_decided(log)
            worker.stop()
        finally:
            worker.kill()
