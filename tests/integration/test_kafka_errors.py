"""What goes wrong between refold and a cluster: each a clear error, within seconds, that says
what, where and what to do.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
)
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType

from log.backends.kafka import KafkaLog
from log.errors import (
    CorruptLog,
    InvalidConfig,
    LogError,
    LogRefused,
    LogUnavailable,
    PartitionFenced,
)
from log.record import Record
from log.topic import TopicConfig
from processors.core.task import Task
from processors.core.workers.group import GroupWorker
from tests.integration.brokers import SecuredBroker
from tests.samples.parking import START_MS, SYSTEM

PARKING = replace(SYSTEM, partitions=1)
LEAVE = b'{"type":"leave_spot.v1","spot":"a"}'
WITHIN_S = 15.0
PREFIX = "guests."
Right = tuple[ResourceType, str, AclOperation]


@pytest.fixture(autouse=True)
def within_seconds() -> Iterator[None]:
    began_s = time.monotonic()
    yield
    assert time.monotonic() - began_s < WITHIN_S


def test_an_unreachable_broker() -> None:
    with pytest.raises(LogUnavailable, match=r"127\.0\.0\.1:1\b.*Is the broker running"):
        KafkaLog({"bootstrap.servers": "127.0.0.1:1"})


def test_a_wrong_password(secured_broker: SecuredBroker) -> None:
    with pytest.raises(LogRefused, match="check the user name, the password") as raised:
        KafkaLog(secured_broker.settings("admin", "not the password"))
    assert "not the password" not in str(raised.value)


@pytest.mark.parametrize("topic", [PARKING.events_topic, PARKING.dead_letters_topic])
def test_a_topic_with_another_number_of_partitions(kafka_log: KafkaLog, topic: str) -> None:
    kafka_log.create_topic(topic, TopicConfig(partitions=3))
    with pytest.raises(InvalidConfig, match=rf"{topic} has 3 partitions.*commands has 1"):
        PARKING.ensure_topics(kafka_log)


def test_events_that_are_not_of_refold(kafka_log: KafkaLog) -> None:
    PARKING.ensure_topics(kafka_log)
    kafka_log.partition(PARKING.events_topic, 0).append([Record(b"click", timestamp=START_MS)])
    with pytest.raises(CorruptLog, match=rf"{PARKING.events_topic}-0: the event at offset 0"):
        Task(kafka_log, PARKING, 0)


def on(kind: ResourceType, name: str, *operations: AclOperation) -> list[Right]:
    return [(kind, PREFIX + name, operation) for operation in operations]


COMMANDS, EVENTS = PARKING.commands_topic, PARKING.events_topic
DESCRIBE = (AclOperation.DESCRIBE, AclOperation.DESCRIBE_CONFIGS)
RIGHTS = [
    *on(ResourceType.TOPIC, COMMANDS, AclOperation.READ, AclOperation.WRITE, *DESCRIBE),
    *on(ResourceType.TOPIC, EVENTS, AclOperation.READ, AclOperation.WRITE, *DESCRIBE),
    *on(ResourceType.TOPIC, PARKING.dead_letters_topic, AclOperation.WRITE, *DESCRIBE),
    *on(ResourceType.GROUP, "refold", AclOperation.READ),
    *on(ResourceType.GROUP, "refold.readers", AclOperation.READ),
    *on(ResourceType.TRANSACTIONAL_ID, f"refold.{EVENTS}-0", AclOperation.WRITE),
]
"""What a worker needs, and who appends commands; docs/operations.md lists the same."""


def binding(right: Right) -> AclBinding:
    kind, name, operation = right
    literal, allow = ResourcePatternType.LITERAL, AclPermissionType.ALLOW
    return AclBinding(kind, name, literal, "User:guest", "*", operation, allow)


def chosen(right: Right) -> AclBindingFilter:
    kind, name, operation = right
    literal, allow = ResourcePatternType.LITERAL, AclPermissionType.ALLOW
    return AclBindingFilter(kind, name, literal, "User:guest", "*", operation, allow)


@pytest.fixture
def let(secured_broker: SecuredBroker) -> Iterator[Callable[[list[Right]], None]]:
    """Gives the guest some rights; before, there is some history."""
    settings = secured_broker.settings("admin")
    with KafkaLog(settings, prefix=PREFIX) as log:
        PARKING.ensure_topics(log)
        log.partition(COMMANDS, 0).append([Record(LEAVE, b"a", START_MS)])
        with GroupWorker(log, [PARKING], session_timeout_s=6.0) as worker:
            assert worker.run(until_idle=True) == 1
    admin = AdminClient({**settings})

    def give(rights: list[Right]) -> None:
        for created in admin.create_acls(list(map(binding, rights))).values():
            created.result(10)

    yield give
    for deleted in admin.delete_acls(list(map(chosen, RIGHTS))).values():
        deleted.result(10)
    with KafkaLog(settings, prefix=PREFIX) as log:
        for topic in log.topics():
            log.delete_topic(topic)


def work(broker: SecuredBroker) -> int:
    """All that a worker and a client do, as the guest."""
    with KafkaLog(broker.settings("guest"), prefix=PREFIX) as log:
        log.partition(COMMANDS, 0).append([Record(LEAVE, b"a", START_MS)])
        with GroupWorker(log, [PARKING], session_timeout_s=6.0) as worker:
            return worker.run(until_idle=True)


def test_the_rights_that_are_listed_are_enough(
    secured_broker: SecuredBroker, let: Callable[[list[Right]], None]
) -> None:
    let(RIGHTS)
    assert work(secured_broker) == 1


@pytest.mark.parametrize(
    ("kind", "name", "operation"),
    [
        (ResourceType.TOPIC, COMMANDS, AclOperation.READ),
        (ResourceType.TOPIC, COMMANDS, AclOperation.WRITE),
        (ResourceType.TOPIC, EVENTS, AclOperation.READ),
        (ResourceType.TOPIC, EVENTS, AclOperation.WRITE),
        (ResourceType.GROUP, "refold", AclOperation.READ),
        (ResourceType.TRANSACTIONAL_ID, f"refold.{EVENTS}-0", AclOperation.WRITE),
    ],
)
def test_a_missing_right(
    secured_broker: SecuredBroker,
    let: Callable[[list[Right]], None],
    kind: ResourceType,
    name: str,
    operation: AclOperation,
) -> None:
    missing = (kind, PREFIX + name, operation)
    assert missing in RIGHTS
    let([right for right in RIGHTS if right != missing])
    with pytest.raises(LogError, match=r"lacks a right.*docs/operations\.md") as raised:
        work(secured_broker)
    assert isinstance(raised.value, LogRefused)
    assert not isinstance(raised.value, PartitionFenced)
