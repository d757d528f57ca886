"""Servers for all tests: the fixtures that users of refold get, and brokers to do harm to.

Where there is a script of Kafka's tools (see `integration/kafka_tools.py`), the broker that all
share is a process of its, which starts sooner than a container.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest

from processors.core.testing.starting import run_folder, shared_server
from tests.integration.brokers import Broker, SecuredBroker, TlsBroker
from tests.integration.kafka_tools import KafkaTools

# How long an example takes is the machine's affair, and no failure.
hypothesis.settings.register_profile("refold", deadline=None)
hypothesis.settings.load_profile("refold")

pytest_plugins = ["processors.core.testing.servers"]


@pytest.fixture(scope="session")
def kafka_tools() -> KafkaTools:
    tools = KafkaTools.installed()
    if tools is None:
        pytest.skip("no Kafka tools: KAFKA_TOOLS names no script, or there is no java")
    return tools


@pytest.fixture(scope="session")
def kafka_address(
    request: pytest.FixtureRequest,
    pytestconfig: pytest.Config,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The bootstrap address of the broker that all tests share."""
    tools = KafkaTools.installed()
    if os.environ.get("TEST_KAFKA") or tools is None:
        yield request.getfixturevalue("kafka_address")  # as users of refold get it
        return
    folder = run_folder(pytestconfig, tmp_path_factory)
    broker = Broker(tools, folder / "kafka")
    with shared_server(folder, "kafka", lambda: _running(broker)) as address:
        yield address


@pytest.fixture
def broker(kafka_tools: KafkaTools, tmp_path: Path) -> Iterator[Broker]:
    """A broker of this test's own, to stop, kill or pause; not started yet."""
    broker = Broker(kafka_tools, tmp_path / "kafka")
    yield broker
    broker.wipe()


@pytest.fixture(scope="session")
def secured_broker(
    kafka_tools: KafkaTools, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecuredBroker]:
    """Asks for a password, and lets `guest` do nothing; running."""
    broker = SecuredBroker(kafka_tools, tmp_path_factory.mktemp("secured"))
    with _running(broker):
        yield broker


@pytest.fixture(scope="session")
def tls_broker(
    kafka_tools: KafkaTools, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TlsBroker]:
    """Speaks TLS only; running."""
    broker = TlsBroker(kafka_tools, tmp_path_factory.mktemp("tls"))
    with _running(broker):
        yield broker


@contextmanager
def _running(broker: Broker) -> Iterator[str]:
    try:
        yield broker.start()
    finally:
        broker.wipe()
