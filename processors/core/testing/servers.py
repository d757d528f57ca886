"""Real servers for the tests of any system: a Kafka broker and a PostgreSQL, as pytest fixtures.

    pytest_plugins = ["processors.core.testing.servers"]  # in the topmost conftest.py

One server of each serves a whole run of pytest, the workers of pytest-xdist included; each test
gets topics and a database of its own. The servers are those that TEST_KAFKA (host:port) and
TEST_POSTGRESQL_URL (an SQLAlchemy URL) name, else containers of `images.py`; tests that need one
are skipped where there is neither. Containers need testcontainers, and are gone after the run.
"""

import os
import re
import uuid
from collections.abc import Iterator

import pytest
import sqlalchemy as sql

from log.interface import Log
from processors.core.testing.starting import (
    READY_S,
    docker_answers,
    kafka_container,
    postgresql_container,
    run_folder,
    shared_server,
)


@pytest.fixture(scope="session")
def kafka_address(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The bootstrap address of a broker."""
    if given := os.environ.get("TEST_KAFKA"):
        yield given
        return
    if not docker_answers():
        pytest.skip("no Docker, and TEST_KAFKA names no broker")
    with shared_server(
        run_folder(pytestconfig, tmp_path_factory), "kafka", kafka_container
    ) as address:
        yield address


@pytest.fixture
def kafka_prefix(request: pytest.FixtureRequest, kafka_address: str) -> Iterator[str]:
    """What the names of this test's topics begin with; such topics are deleted after it."""
    from confluent_kafka.admin import AdminClient

    name = re.sub(r"[^a-zA-Z0-9]+", "-", request.node.name)[:60]
    prefix = f"{name}-{uuid.uuid4().hex[:8]}."
    yield prefix
    admin = AdminClient({"bootstrap.servers": kafka_address})
    ours = [
        topic for topic in admin.list_topics(timeout=READY_S).topics if topic.startswith(prefix)
    ]
    if ours:
        for deleted in admin.delete_topics(ours).values():
            deleted.result(READY_S)


@pytest.fixture
def kafka_log(kafka_address: str, kafka_prefix: str) -> Iterator[Log]:
    """A log without a topic, on the broker; gone after the test."""
    from log.backends.kafka import KafkaLog

    with KafkaLog({"bootstrap.servers": kafka_address}, prefix=kafka_prefix) as log:
        yield log


@pytest.fixture(scope="session")
def postgresql_url(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The SQLAlchemy URL of a PostgreSQL, as a user who may create databases."""
    if given := os.environ.get("TEST_POSTGRESQL_URL"):
        yield given
        return
    if not docker_answers():
        pytest.skip("no Docker, and TEST_POSTGRESQL_URL names no PostgreSQL")
    folder = run_folder(pytestconfig, tmp_path_factory)
    with shared_server(folder, "postgresql", postgresql_container) as url:
        yield url


@pytest.fixture
def postgresql_database(postgresql_url: str) -> Iterator[str]:
    """The SQLAlchemy URL of an empty database; dropped after the test."""
    name = f"test_{uuid.uuid4().hex}"
    server = sql.create_engine(
        postgresql_url, isolation_level="AUTOCOMMIT", poolclass=sql.NullPool
    )
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield sql.make_url(postgresql_url).set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
