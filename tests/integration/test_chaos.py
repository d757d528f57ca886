"""Chaos on real workers and a real broker: nothing is lost, nothing doubled, all is caught up; and
what goes wrong, or goes too far, is told.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from log.backends.kafka import KafkaLog
from log.backends.kafka.location import parse_location
from log.errors import InvalidConfig
from log.record import Record
from processors.core.registry import Registered, Registry
from replay.simulator.profile import Abort, BlastRadius, Fault, Hypothesis, Profile
from replay.simulator.proxy import Address
from replay.simulator.real import Place, RealOutcome, run_real
from tests.integration.brokers import Broker
from tests.integration.kafka_tools import KafkaTools, free_ports
from tests.integration.kafka_workers import ROOT, records

SESSION_S = 1.5
FAULTS = (
    Fault(kind="kill", every_ms=(400, 1_500), lasts_ms=(0, 300)),
    Fault(kind="hold", every_ms=(800, 2_000), lasts_ms=(200, 2_500)),
    Fault(kind="restart", every_ms=(1_000, 3_000)),
    Fault(kind="network_cut", every_ms=(500, 2_000), lasts_ms=(200, 2_500)),
    Fault(kind="network_delay", every_ms=(500, 2_000), lasts_ms=(300, 1_000)),
    Fault(kind="brokers_hold", every_ms=(2_000, 4_000), lasts_ms=(200, 1_000)),
)
"""Longer and shorter than the session."""
ROUGH = Profile(
    name="rough",
    commands=1_500,
    faults=FAULTS,
    hypothesis=Hypothesis(settles_ms=40_000, p99_ms=20_000),
    blast_radius=BlastRadius(workers_at_once=2),
)


class ProxiedBroker(Broker):
    """Has a listener more, whose advertised address is that of a proxy."""

    through: tuple[Address, Address]

    def __init__(self, tools: KafkaTools, folder: Path) -> None:
        super().__init__(tools, folder)
        listen, target = free_ports(2)
        self.through = ("127.0.0.1", listen), ("127.0.0.1", target)
        for name, more in (
            ("listeners", f"PROXIED://127.0.0.1:{target}"),
            ("advertised.listeners", f"PROXIED://127.0.0.1:{listen}"),
            ("listener.security.protocol.map", "PROXIED:PLAINTEXT"),
        ):
            self._properties[name] += f",{more}"


@pytest.fixture(scope="module")
def proxied(
    kafka_tools: KafkaTools, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ProxiedBroker]:
    broker = ProxiedBroker(kafka_tools, tmp_path_factory.mktemp("kafka"))
    broker.start()
    yield broker
    broker.wipe()


@pytest.fixture
def exchange() -> list[Registered]:
    return [Registry().find("exchange")]


def place(broker: ProxiedBroker, folder: Path, prefix: str) -> Place:
    url = f"kafka://{broker.address}/{prefix}"
    return Place(
        url=url,
        location=parse_location(url),
        folder=folder / "chaos",
        through=broker.through,
        broker=broker,
        environment={"REFOLD_SESSION_TIMEOUT_S": str(SESSION_S), "PYTHONPATH": str(ROOT)},
    )


def said(outcome: RealOutcome, folder: Path) -> str:
    """For a failure: what was done, and what the processes said."""
    texts = [f"{path.name}: {path.read_text()[-2000:]}" for path in folder.rglob("*.txt")]
    return "\n".join([str(outcome), *texts])


def test_chaos_loses_nothing_and_doubles_nothing(
    proxied: ProxiedBroker,
    exchange: list[Registered],
    tmp_path: Path,
    record_property: Any,
) -> None:
    there = place(proxied, tmp_path, "rough")
    outcome = run_real(exchange, there, ROUGH, seed=3, duration_s=8.0)
    assert outcome.is_good, said(outcome, tmp_path)
    hits = {hit.kind for hit in outcome.hits}
    assert len(outcome.hits) > 5, outcome.hits
    assert len(hits) > 3, outcome.hits
    assert {hit.target for hit in outcome.hits} >= {"worker-1", "worker-2", "projector"}
    assert outcome.commands >= ROUGH.commands * 1.3
    assert outcome.events >= outcome.commands
    assert outcome.before is not None
    assert outcome.after is not None
    record_property("p99_ms", [outcome.before.p99_ms, outcome.after.p99_ms])
    with pytest.raises(InvalidConfig, match=r"holds a history of markets\.exchange already"):
        run_real(exchange, there, ROUGH)


def test_an_event_that_nobody_decided_is_found_and_chaos_that_goes_too_far_ends(
    proxied: ProxiedBroker, exchange: list[Registered], tmp_path: Path
) -> None:
    """The abort condition is met at the first look; what is planted after it, is found."""
    system = exchange[0].system
    there = place(proxied, tmp_path, "planted")
    profile = Profile(
        name="planted",
        workers=1,
        commands=200,
        faults=(Fault(kind="hold", every_ms=(1, 1), lasts_ms=(60_000, 60_000)),),
        hypothesis=Hypothesis(settles_ms=40_000),
        abort=Abort(latency_above_ms=500),
        blast_radius=BlastRadius(workers_at_once=2),
    )

    def plant(stage: str) -> None:
        if stage != "the steady state after":
            return
        with KafkaLog(there.location.settings, prefix=there.location.prefix) as log:
            last = list(records(log, system.events_topic, 0))[-1]
            again = Record(last.value, last.key, last.timestamp)
            log.partition(system.events_topic, 0).append([again])

    outcome = run_real(exchange, there, profile, duration_s=60.0, tell=plant)
    assert outcome.aborted is not None, said(outcome, tmp_path)
    assert "the limit is 500 ms" in outcome.aborted
    assert outcome.elapsed_s < 50, "not all of the minute"
    assert outcome.violation is not None, said(outcome, tmp_path)
    assert "markets.exchange-0: at events offset" in outcome.violation
    assert "stands sequence" in outcome.violation
