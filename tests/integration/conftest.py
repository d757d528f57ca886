"""A real broker and Kafka's own tools, where there are any (see `kafka_tools.py`)."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.kafka_tools import Broker, KafkaTools

BROKER_PORT = 29392
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def kafka_tools() -> KafkaTools:
    script = Path(os.environ.get("KAFKA_TOOLS", ROOT.parent / "shared/kafka/broker"))
    if not script.exists():
        pytest.skip(f"no Kafka tools: {script} does not exist (KAFKA_TOOLS)")
    if shutil.which("java") is None:
        pytest.skip("no Kafka tools: there is no java")
    return KafkaTools(script)


@pytest.fixture
def broker(kafka_tools: KafkaTools) -> Iterator[Broker]:
    """A broker of this test's own, without data, not started yet."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    broker = Broker(kafka_tools, BROKER_PORT + int(worker))
    broker.wipe()
    yield broker
    broker.wipe()
