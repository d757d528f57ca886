"""What is asked of a cluster as such: its topics and their settings, offsets, groups.

One admin client does it, with a time limit for each question; answers come as values of the log's
own, faults as the log's own errors.
"""

import contextlib
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

import msgspec
from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._listoffsets import OffsetSpec
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from log.backends.kafka.failures import ADVICE, failure, reason_of
from log.errors import (
    InvalidConfig,
    LogError,
    LogRefused,
    LogUnavailable,
    TopicExists,
    UnknownTopic,
)
from log.topic import TopicConfig

ANSWER_S = 30.0
REACHED_S = 8.0
"""How long a cluster may take to answer for the first time."""
LISTED_S = 1.0
"""How long the client is asked for topics at a stretch."""
PAUSE_S = 0.1
NO_COORDINATOR_YET = (
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
)
"""A cluster that is new says so of the first group that anyone asks for."""
MAX_MESSAGE_BYTES = 96 << 20
"""A broker takes no request over socket.request.max.bytes, 100 MiB by default. Here a transaction
is many requests, so that only a single record is bound by it."""
OURS = {
    "retention_ms": "retention.ms",
    "retention_bytes": "retention.bytes",
    "segment_bytes": "segment.bytes",
    "segment_ms": "segment.ms",
    "index_interval_bytes": "index.interval.bytes",
    "delete_retention_ms": "delete.retention.ms",
    "max_message_bytes": "max.message.bytes",
    "cleanup_policy": "cleanup.policy",
    "compression_type": "compression.type",
}
"""Settings of a topic that Kafka has, too."""
ALWAYS = {
    "message.timestamp.type": "CreateTime",
    "message.timestamp.after.max.ms": str(2**63 - 1),
}
"""A record's time is its writer's, and may lie in the future: by default a broker refuses one that
is more than an hour ahead (KIP-937), and with it the event of a command that was taken."""
SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX = 1 << 20, 2**31 - 1
"""What brokers take since Kafka 4.0 (KIP-1030)."""

Answer = TypeVar("Answer")


class Cluster:
    """Questions to a cluster; `reach` tells first whether it answers at all."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        new_admin: Callable[..., AdminClient],
        may_wait: Callable[[str, float], bool],
    ) -> None:
        self._servers = settings["bootstrap.servers"]
        self._may_wait = may_wait
        self.id = ""
        """The cluster's own name, once it is reached."""
        self._last_error: KafkaError | None = None
        self._admin = new_admin(error_cb=self._note)

    def _note(self, error: KafkaError) -> None:
        if self._last_error is None or self._last_error.code() not in ADVICE:
            self._last_error = error

    def reach(self) -> None:
        """Errors: LogUnavailable, LogRefused (password, TLS), within some seconds."""
        deadline_s = time.monotonic() + REACHED_S
        while True:
            try:
                self.id = self._admin.list_topics(timeout=LISTED_S).cluster_id or ""
                return
            except KafkaException as error:
                self._admin.poll(0)
                known = self._last_error
                if known is not None and known.code() in ADVICE:
                    raise failure(known, f"connecting to {self._servers}") from error
                if time.monotonic() > deadline_s:
                    raise failure(known or error, f"connecting to {self._servers}") from error

    # -- topics -----------------------------------------------------------------------------------

    def partitions(self) -> dict[str, int]:
        """Every topic, by name, and how many partitions it has."""
        began_s = time.monotonic()
        while True:
            try:
                found = self._admin.list_topics(timeout=LISTED_S).topics
                break
            except KafkaException as error:
                late = time.monotonic() - began_s > ANSWER_S
                if late or not self._may_wait("listing topics", began_s):
                    raise failure(error, "listing topics") from error
        return {name: len(topic.partitions) for name, topic in found.items() if not topic.error}

    def configs(self, partitions: Mapping[str, int]) -> dict[str, TopicConfig]:
        """The settings of topics, which `partitions` names and counts."""
        if not partitions:
            return {}
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in partitions]
        answers = self._admin.describe_configs(resources, request_timeout=ANSWER_S)
        configs = {}
        for resource, answer in answers.items():
            with contextlib.suppress(UnknownTopic, LogRefused):  # deleted, or another's
                configs[resource.name] = self._config(resource.name, answer, partitions)
        return configs

    def config(self, name: str, partitions: int) -> TopicConfig:
        """The settings of one topic. Errors: UnknownTopic, LogRefused."""
        resource = ConfigResource(ResourceType.TOPIC, name)
        (answer,) = self._admin.describe_configs([resource], request_timeout=ANSWER_S).values()
        return self._config(name, answer, {name: partitions})

    def _config(
        self, name: str, answer: "Future[Any]", partitions: Mapping[str, int]
    ) -> TopicConfig:
        entries = self._result(answer, f"asking for the settings of topic {name}")
        told = {setting: entry.value for setting, entry in entries.items()}
        return _config_of(told, partitions[name])

    def create_topic(self, name: str, config: TopicConfig, replication_factor: int) -> bool:
        """False where it exists. A topic of that name that is being deleted is waited for."""
        topic = NewTopic(
            name,
            config.partitions,
            replication_factor,
            config=ALWAYS | {theirs: _theirs(config, ours) for ours, theirs in OURS.items()},
        )
        what = f"creating topic {name}"
        deadline_s = time.monotonic() + ANSWER_S
        while True:
            answer = self._admin.create_topics([topic], request_timeout=ANSWER_S)[name]
            try:
                self._result(answer, what)
                break
            except TopicExists:
                if name in self.partitions():
                    return False
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(PAUSE_S)
        self._await(lambda: self.partitions().get(name) == config.partitions, what)
        return True

    def delete_topic(self, name: str) -> None:
        what = f"deleting topic {name}"
        answer = self._admin.delete_topics([name], request_timeout=ANSWER_S)[name]
        self._result(answer, what)
        self._await(lambda: name not in self.partitions(), what)

    def _await(self, done: Callable[[], bool], what: str) -> None:
        deadline_s = time.monotonic() + ANSWER_S
        while not done():
            if time.monotonic() > deadline_s:
                raise LogUnavailable(f"{what}: the brokers do not know of it yet")
            time.sleep(PAUSE_S / 10)

    # -- offsets and groups -----------------------------------------------------------------------

    def log_start(self, place: TopicPartition) -> int:
        return self._offset(place, OffsetSpec.earliest())  # type: ignore[no-untyped-call]

    def log_end(self, place: TopicPartition, committed: bool) -> int:
        """Of what readers of committed records see, or of all."""
        return self._offset(place, OffsetSpec.latest(), committed)  # type: ignore[no-untyped-call]

    def offset_for_time(self, place: TopicPartition, timestamp: int) -> int:
        """-1 where there is none."""
        return self._offset(place, OffsetSpec.for_timestamp(timestamp))

    def _offset(self, place: TopicPartition, spec: OffsetSpec, committed: bool = True) -> int:
        level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        what = f"asking for offsets of {place.topic}-{place.partition}"
        began_s = time.monotonic()
        while True:
            answers = self._admin.list_offsets(
                {place: spec}, isolation_level=level, request_timeout=ANSWER_S
            )
            try:
                offset: int = self._result(answers[place], what).offset
                return offset
            except LogUnavailable:
                if time.monotonic() - began_s > ANSWER_S or not self._may_wait(what, began_s):
                    raise
            # The client asks the leader that it knows for ever: have it learn who leads today.
            self.partitions()
            time.sleep(PAUSE_S)

    def delete_records(self, place: TopicPartition, name: str) -> None:
        answers = self._admin.delete_records([place], request_timeout=ANSWER_S)
        self._result(answers[place], f"deleting records of {name}")

    def commit(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        """Of a group without members."""
        places = [TopicPartition(*place, offset) for place, offset in offsets.items()]
        asked = [ConsumerGroupTopicPartitions(group, places)]
        answers = self._admin.alter_consumer_group_offsets(asked, request_timeout=ANSWER_S)
        what = f"committing offsets of group {group}"
        for place in self._result(answers[group], what).topic_partitions:
            if place.error is not None:
                raise failure(place.error, what)

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        asked = [ConsumerGroupTopicPartitions(group)]
        answers = self._admin.list_consumer_group_offsets(asked, request_timeout=ANSWER_S)
        found = self._result(answers[group], f"reading the offsets of group {group}")
        return {
            (place.topic, place.partition): place.offset
            for place in found.topic_partitions
            if place.offset >= 0
        }

    def groups(self) -> list[str]:
        answer = self._admin.list_consumer_groups(request_timeout=ANSWER_S)
        found = self._result(answer, "listing consumer groups")
        return sorted(each.group_id for each in found.valid)

    def members(self, group: str) -> int:
        """How many members a group has at the moment."""
        what, began_s = f"describing group {group}", time.monotonic()
        while True:
            answers = self._admin.describe_consumer_groups([group], request_timeout=ANSWER_S)
            try:
                return len(self._result(answers[group], what).members)
            except LogError as error:
                cause = error.__cause__
                reason = reason_of(cause) if isinstance(cause, Exception) else None
                code = reason.code() if reason is not None else None
                if code == KafkaError.GROUP_ID_NOT_FOUND:
                    return 0
                late = time.monotonic() - began_s > ANSWER_S
                if code not in NO_COORDINATOR_YET or late or not self._may_wait(what, began_s):
                    raise
            time.sleep(PAUSE_S)

    def _result(self, answer: "Future[Any]", what: str) -> Any:
        began_s = time.monotonic()
        while True:
            try:
                return answer.result(PAUSE_S)
            except KafkaException as error:
                raise failure(error, what) from error
            except TimeoutError as error:
                late = time.monotonic() - began_s > ANSWER_S + 1
                if late or not self._may_wait(what, began_s):
                    raise failure(None, what) from error


def capped(config: TopicConfig) -> TopicConfig:
    """The configuration as a cluster can have it."""
    return msgspec.structs.replace(
        config,
        max_message_bytes=min(config.max_message_bytes, MAX_MESSAGE_BYTES),
        segment_bytes=min(max(config.segment_bytes, SEGMENT_BYTES_MIN), SEGMENT_BYTES_MAX),
    )


def _theirs(config: TopicConfig, ours: str) -> str:
    value = getattr(config, ours)
    if ours == "compression_type" and value == "none":
        return "producer"  # as it comes: ours come uncompressed
    return str(value)


def _config_of(told: Mapping[str, str], partitions: int) -> TopicConfig:
    """What a broker told of a topic. Settings that refold has no name for are left out."""
    found: dict[str, Any] = {ours: told[theirs] for ours, theirs in OURS.items() if theirs in told}
    if found.get("compression_type") in ("producer", "uncompressed"):
        found["compression_type"] = "none"
    if found.get("cleanup_policy") == "delete,compact":
        found["cleanup_policy"] = "compact,delete"
    try:
        return msgspec.convert({**found, "partitions": partitions}, TopicConfig, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidConfig(f"a topic's settings cannot be read: {error}") from error
