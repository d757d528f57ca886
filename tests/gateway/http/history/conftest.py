"""A server on histories that were there before it: the garage's, with all that may happen in one,
and those of the exchange and of clearing, whose commands lead to one another's.

What the server answers is compared with what `replay` says of the same log, opened beside it.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from log.backends.file import FileLog
from log.interface import Log
from processors.core.registry import Registered, Registry
from tests.gateway.http.conftest import ROOT, Server, servers_in
from tests.replay.recording import UNREADABLE, append, run, with_rules
from tests.samples.parking import START_MS, flow
from tests.samples.parking.commands import ParkCar
from tests.samples.parking.decider import decide

COMMANDS = 300
DEMO = [sys.executable, "-m", "gateway.cli.main", "demo", "clearing", "--commands", "1500"]
SYSTEMS = ("parking", "clearing", "exchange")
TIME_MACHINE = "/api/samples/parking/history"


def record_parking(log: Log) -> None:
    """On one partition: a dead letter, stays that end, rules that change."""
    commands = list(islice(flow(5), COMMANDS - 2))
    append(log, *commands[:100], UNREADABLE, *commands[100:200])
    run(log)
    append(log, *commands[200:], (START_MS, ParkCar(spot="late", car="x", stay_ms=-1)))
    run(log, with_rules(2, decide))


@dataclass
class History:
    """The server, and the log that it serves."""

    server: Server
    log: Log
    registry: Registry

    def get(self, address: str, /, status: int = 200, **given: Any) -> Any:
        answer = self.server.client.get(address, params=given)
        assert answer.status_code == status, answer.text
        return answer.json()

    def find(self, name: str) -> Registered:
        return self.registry.find(name)

    def busiest(self, name: str) -> int:
        """The partition with the most commands."""
        topic = self.find(name).system.commands_topic
        numbers = range(self.log.topics()[topic].partitions)
        return max(numbers, key=lambda each: self.log.partition(topic, each).high_watermark)


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    folder = tmp_path_factory.mktemp("past")
    servers = servers_in(folder)
    with FileLog(folder / ".refold") as log:
        record_parking(log)
    subprocess.run(
        [*DEMO, "--log", str(folder / ".refold")],
        cwd=folder,
        env={**plain_environment(), "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        timeout=120,
    )
    try:
        server = servers.start(*SYSTEMS)
        with FileLog(folder / ".refold", read_only=True) as log:
            yield History(server, log, Registry(["tests.samples.parking"]))
    finally:
        servers.close()


def plain_environment() -> dict[str, str]:
    """Without the settings of whoever runs the tests."""
    return {name: each for name, each in os.environ.items() if not name.startswith("REFOLD_")}


def fresh(folder: Path) -> Path:
    """Where a server of one's own begins with the garage's history."""
    with FileLog(folder / ".refold") as log:
        record_parking(log)
    return folder
