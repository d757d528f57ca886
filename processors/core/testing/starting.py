"""How servers for tests are started as containers, and shared by the processes of a run of pytest.

The fixtures that hand them out are in `servers.py`.
"""

# Clients and testcontainers are imported where they are used: who tests with one server needs
# neither the client of the other nor the time that it takes to load.

import fcntl
import gc
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from processors.core.testing.images import KAFKA_IMAGE, POSTGRES_IMAGE

READY_S = 60
"""How long a server may take to answer once its container runs."""
CLIENT_PORT = 9094
KAFKA_SETTINGS = {
    "KAFKA_NODE_ID": "1",
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_INTER_BROKER_LISTENER_NAME": "BROKER",
    "KAFKA_LISTENERS": f"CLIENT://:{CLIENT_PORT},BROKER://:9092,CONTROLLER://:9093",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": (
        "CLIENT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT"
    ),
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS": "4",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
}
"""One node, nothing to wait for, and sessions as short as a test likes."""


def run_folder(config: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that this run of pytest has to itself, the same in all workers of pytest-xdist."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if hasattr(config, "workerinput") else own


@contextmanager
def shared_server(
    folder: Path, name: str, start: Callable[[], AbstractContextManager[str]]
) -> Iterator[str]:
    """The address of a server that several processes share, which know the same `folder`.

    The first starts it, and at its end waits for the others before it stops it. Both are held by
    locks, which the system frees when a process dies. So nobody waits for the dead.
    """
    address = folder / f"{name}.address"
    with (
        (folder / f"{name}.starter").open("w") as starter,
        (folder / f"{name}.users").open("w") as users,
    ):
        while not _locked(starter.fileno()):
            fcntl.flock(users, fcntl.LOCK_SH)
            if address.exists():
                yield address.read_text()
                return
            fcntl.flock(users, fcntl.LOCK_UN)
            time.sleep(0.05)
        address.unlink(missing_ok=True)
        with start() as started:
            complete = address.with_suffix(".new")
            complete.write_text(started)
            complete.rename(address)
            try:
                yield started
            finally:
                address.unlink()
                fcntl.flock(users, fcntl.LOCK_EX)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_for_broker(address: str) -> None:
    """Until a broker answers there and has joined its cluster. Errors: KafkaException."""
    from confluent_kafka.admin import AdminClient

    settings: dict[str, str | int | float | bool] = {
        "bootstrap.servers": address,
        "reconnect.backoff.max.ms": 500,
        "log_level": 0,
    }
    admin = AdminClient(settings)
    while not admin.list_topics(timeout=READY_S).brokers:
        time.sleep(0.05)


def docker_answers() -> bool:
    """Whether containers can be started here."""
    import docker  # type: ignore[import-untyped]

    with warnings.catch_warnings():
        # The client leaves the sockets of a failed attempt to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            docker.from_env().close()
            answers = True
        except docker.errors.DockerException:
            answers = False
        gc.collect()
    return answers


@contextmanager
def kafka_container() -> Iterator[str]:
    from confluent_kafka import KafkaException
    from testcontainers.core.container import DockerContainer

    # A broker must be told the address that clients see, which is known once its container runs.
    wait = "until [ -f /tmp/address ]; do sleep 0.1; done"
    run = "exec env KAFKA_ADVERTISED_LISTENERS=$(cat /tmp/address) /etc/kafka/docker/run"
    container = (
        DockerContainer(KAFKA_IMAGE, env=dict(KAFKA_SETTINGS))
        .with_exposed_ports(CLIENT_PORT)
        .with_command(["sh", "-c", f"{wait}; {run}"])
    )
    with container:
        address = f"{container.get_container_host_ip()}:{container.get_exposed_port(CLIENT_PORT)}"
        advertised = f"CLIENT://{address},BROKER://localhost:9092"
        container.exec(["sh", "-c", f"echo {advertised} > /tmp/new && mv /tmp/new /tmp/address"])
        try:
            wait_for_broker(address)
        except KafkaException as error:
            output, errors = container.get_logs()
            error.add_note((output + errors).decode(errors="replace")[-2000:])
            raise
        yield address


@contextmanager
def postgresql_container() -> Iterator[str]:
    from testcontainers.community.postgres import PostgresContainer

    container = PostgresContainer(
        POSTGRES_IMAGE, username="test", password="test", dbname="test", driver="psycopg"
    )
    with container:
        yield container.get_connection_url()
