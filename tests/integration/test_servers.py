"""The servers of the tests: each fixture by use, as users get them and as refold's tests do."""

import os
import re
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sql
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType
from confluent_kafka.cimpl import NewTopic

from log.backends.kafka import KafkaLog
from log.interface import Log
from log.record import Record
from log.topic import TopicConfig
from processors.core.testing.starting import docker_answers, shared_server
from tests.integration.brokers import Broker, SecuredBroker, TlsBroker

ROOT = Path(__file__).resolve().parents[2]
GIVEN = ("TEST_KAFKA", "TEST_POSTGRESQL_URL", "KAFKA_TOOLS")
"""What would keep a session of pytest from starting containers."""


def append(log: Log, *values: bytes) -> None:
    log.ensure_topic("orders", TopicConfig())
    log.partition("orders", 0).append([Record(value) for value in values])


def stored(log: Log) -> list[bytes | None]:
    batches = log.partition("orders", 0).read(0)
    return [record.value for batch in batches for record in batch]


def topics(address: str) -> set[str]:
    return set(AdminClient({"bootstrap.servers": address}).list_topics(timeout=30).topics)


def run_pytest(folder: Path, *options: str, **environment: str) -> str:
    """A session of its own in `folder`, without what is given to this one; what it printed."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in GIVEN and not name.startswith("PYTEST_")
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", *options],
        cwd=folder,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write_tests(folder: Path, source: str) -> None:
    (folder / "conftest.py").write_text('pytest_plugins = ["processors.core.testing.servers"]\n')
    (folder / "test_it.py").write_text(source)


USES_BOTH = """
import socket
from pathlib import Path
import pytest
import sqlalchemy as sql
from log.record import Record
from log.topic import TopicConfig

@pytest.mark.parametrize("number", range(4))
def test_each_has_its_own(kafka_log, kafka_address, kafka_prefix, postgresql_database, number):
    assert kafka_log.topics() == {}
    kafka_log.create_topic("orders", TopicConfig())
    assert list(kafka_log.partition("orders", 0).append([Record(b"x")])) == [0]
    engine = sql.create_engine(postgresql_database, poolclass=sql.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE orders (number integer)")
    server = sql.make_url(postgresql_database)
    told = f"{kafka_address} {server.host}:{server.port} {kafka_prefix} {server.database}"
    Path(f"told-{number}").write_text(told)
"""


def what_they_told(folder: Path) -> list[tuple[str, ...]]:
    """Each column of what the tests of USES_BOTH told: brokers, databases' servers, prefixes,
    databases."""
    told = [path.read_text().split() for path in sorted(folder.glob("told-*"))]
    assert len(told) == 4
    return list(zip(*told, strict=True))


def test_what_a_test_makes_is_its_own_and_gone_after_it(
    kafka_address: str, postgresql_url: str, tmp_path: Path
) -> None:
    """Also: the servers that the environment names are used as they are."""
    write_tests(tmp_path, USES_BOTH)
    given = {"TEST_KAFKA": kafka_address, "TEST_POSTGRESQL_URL": postgresql_url}
    run_pytest(tmp_path, **given)
    brokers, _, prefixes, databases = what_they_told(tmp_path)
    assert set(brokers) == {kafka_address}
    assert len(set(prefixes)) == len(set(databases)) == 4
    assert not [name for name in topics(kafka_address) if name.startswith(prefixes)]
    engine = sql.create_engine(postgresql_url, poolclass=sql.NullPool)
    with engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT datname FROM pg_database").scalars().all()
    assert not set(databases) & set(kept)


def test_the_documented_tests_run_on_containers(tmp_path: Path) -> None:
    """`docs/testing.md` as a user follows it, by two processes that share the servers."""
    if not docker_answers():
        pytest.skip("no Docker")
    new = [sys.executable, "-m", "gateway.cli.main", "new", "shop/orders"]
    subprocess.run(new, cwd=tmp_path, check=True, capture_output=True)
    page = (ROOT / "docs/testing.md").read_text()
    blocks = re.findall(r"```python\n# (\S+\.py)\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 5
    for name, source in blocks:
        with (tmp_path / name).open("a") as file:
            file.write(source)
    (tmp_path / "test_both.py").write_text(USES_BOTH)
    # What holds for every system is tested elsewhere, and takes long.
    run_pytest(tmp_path, "-n", "2", "-k", "not what_holds_for_every_system")
    brokers, databases, *_ = what_they_told(tmp_path)
    assert len(set(brokers)) == len(set(databases)) == 1, "the workers do not share them"
    for address in (brokers[0], databases[0]):
        host, port = address.split(":")
        with pytest.raises(OSError), socket.create_connection((host, int(port)), 5):
            pass


def test_without_docker_and_servers_tests_are_skipped_and_told_why(tmp_path: Path) -> None:
    write_tests(tmp_path, "def test_a(kafka_log): ...\ndef test_b(postgresql_database): ...\n")
    said = run_pytest(tmp_path, "-rs", DOCKER_HOST="unix:///nowhere/docker.sock")
    assert "2 skipped" in said
    assert "no Docker, and TEST_KAFKA names no broker" in said
    assert "no Docker, and TEST_POSTGRESQL_URL names no PostgreSQL" in said


@contextmanager
def counted(log: list[str]) -> Iterator[str]:
    log.append("started")
    yield "here:1"
    log.append("stopped")


def enter(
    folder: Path, log: list[str], leave: threading.Event
) -> tuple[threading.Thread, threading.Event]:
    """A user of the server in `folder`: a thread, and whether it has the address."""
    entered = threading.Event()

    def use() -> None:
        with shared_server(folder, "server", lambda: counted(log)) as address:
            assert address == "here:1"
            entered.set()
            leave.wait()

    user = threading.Thread(target=use)
    user.start()
    return user, entered


def test_the_first_starts_a_shared_server_and_stops_it_after_the_last(tmp_path: Path) -> None:
    log: list[str] = []
    first_leaves, second_leaves = threading.Event(), threading.Event()
    first, entered = enter(tmp_path, log, first_leaves)
    assert entered.wait(10)
    second, entered = enter(tmp_path, log, second_leaves)
    assert entered.wait(10)
    first_leaves.set()
    first.join(0.3)
    assert first.is_alive(), "it stopped a server that another uses"
    assert log == ["started"]
    second_leaves.set()
    first.join(10)
    second.join(10)
    assert log == ["started", "stopped"]


USER = """
import sys, time
from pathlib import Path
from processors.core.testing.starting import shared_server
with shared_server(Path(sys.argv[1]), "server", None) as address:
    print(address, flush=True)
    time.sleep(60)
"""


def test_nobody_waits_for_a_user_of_a_shared_server_that_died(tmp_path: Path) -> None:
    log: list[str] = []
    leave = threading.Event()
    first, entered = enter(tmp_path, log, leave)
    assert entered.wait(10)
    with subprocess.Popen(
        [sys.executable, "-c", USER, tmp_path], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "here:1\n"
        leave.set()
        first.join(0.3)
        assert first.is_alive()
        other.kill()
    first.join(10)
    assert log == ["started", "stopped"]


def test_a_log_of_its_own(kafka_log: Log, kafka_address: str, kafka_prefix: str) -> None:
    append(kafka_log, b"a", b"b")
    assert stored(kafka_log) == [b"a", b"b"]
    assert f"{kafka_prefix}orders" in topics(kafka_address)


def answers(address: str) -> bool:
    try:
        topics_within = AdminClient({"bootstrap.servers": address}).list_topics(timeout=1)
    except KafkaException:
        return False
    return bool(topics_within.brokers)


def test_a_broker_to_kill_pause_and_wipe(broker: Broker) -> None:
    address = broker.start()
    with KafkaLog({"bootstrap.servers": address}) as log:
        append(log, b"a")
    broker.kill()
    assert not answers(address)
    assert broker.start() == address
    with KafkaLog({"bootstrap.servers": address}) as log:
        append(log, b"b")
        assert stored(log) == [b"a", b"b"]
    broker.pause()
    assert not answers(address)
    broker.resume()
    assert answers(address)
    broker.pause()
    broker.wipe()
    assert not broker.data_folder().exists()
    assert not answers(address)


def refusals(settings: Mapping[str, str]) -> list[str]:
    """The names of the errors that a client of these settings is told within two seconds."""
    told: list[str] = []
    client = Producer(
        {**settings, "error_cb": lambda error: told.append(error.name()), "log_level": 0}
    )
    with pytest.raises(KafkaException):
        client.list_topics(timeout=2)
    client.poll(0)
    return told


def allow(broker: SecuredBroker, user: str, prefix: str) -> None:
    """All operations on topics and transactional ids that begin with `prefix`."""
    admin = AdminClient({**broker.settings("admin")})
    for kind in (ResourceType.TOPIC, ResourceType.TRANSACTIONAL_ID):
        acl = AclBinding(
            *(kind, prefix, ResourcePatternType.PREFIXED, f"User:{user}", "*"),
            *(AclOperation.ALL, AclPermissionType.ALLOW),
        )
        for made in admin.create_acls([acl]).values():
            made.result(30)


def create(settings: Mapping[str, str], topic: str) -> None:
    admin = AdminClient({**settings})
    for made in admin.create_topics([NewTopic(topic, 1)]).values():
        made.result(10)


def test_a_broker_that_asks_for_a_password_and_rights(secured_broker: SecuredBroker) -> None:
    prefix = f"test-{uuid.uuid4().hex[:8]}."
    admin, guest = secured_broker.settings("admin"), secured_broker.settings("guest")
    with KafkaLog(admin, prefix=prefix) as log:
        append(log, b"a")
        assert stored(log) == [b"a"]
    assert "_AUTHENTICATION" in refusals(secured_broker.settings("admin", "wrong"))
    assert refusals({"bootstrap.servers": secured_broker.address})
    with pytest.raises(KafkaException, match="TOPIC_AUTHORIZATION_FAILED"):
        create(guest, f"{prefix}more")
    allow(secured_broker, "guest", prefix)
    create(guest, f"{prefix}more")


def test_a_broker_that_speaks_tls(tls_broker: TlsBroker) -> None:
    with KafkaLog(tls_broker.settings(), prefix="test.") as log:
        append(log, b"a")
        assert stored(log) == [b"a"]
    unknown = {"bootstrap.servers": tls_broker.address, "security.protocol": "SSL"}
    assert "_SSL" in refusals(unknown)
