"""A log on a Kafka cluster, as `log.interface.Log`.

    topics                <prefix><topic>, with Kafka's own settings
    <prefix>refold.topics what Kafka has no setting for, by topic, where it is not the default
    groups                <prefix><group>
    transactional ids     <prefix>refold.<topic>-<partition>, one for each partition's writer

Commands are appended by an idempotent producer (acks=all); events in transactions, by the one
writer of a partition. Clients are opened when they are needed first.
"""

import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

import msgspec
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from log.backends import wall_clock_ms
from log.backends.kafka.batches import Row
from log.backends.kafka.client_log import Quieter
from log.backends.kafka.cluster import Cluster, capped
from log.backends.kafka.failures import failure
from log.backends.kafka.membership import Membership
from log.backends.kafka.partition import KafkaPartition, Receipt
from log.backends.kafka.reader import ONE_BY_ONE, READ_AHEAD, Reader
from log.backends.kafka.writer import KafkaWriter
from log.backends.names import TOPIC_NAME, check_group_name, check_topic_name
from log.errors import LogStorageError, LogUnavailable, TopicExists, UnknownTopic
from log.interface import GroupListener
from log.record import Record
from log.topic import Durability, TopicConfig, ValueFormat

logger = logging.getLogger("refold.kafka")
client_logger = logging.getLogger("refold.kafka.client")
client_logger.addFilter(Quieter())

SETTINGS_TOPIC = "refold.topics"
READERS_GROUP = "refold.readers"
"""The client wants a group's name of every consumer; nobody joins it, nothing is committed."""
COMMON = {"socket.keepalive.enable": True, "reconnect.backoff.max.ms": 1000}
PRODUCER = {
    "acks": "all",
    "enable.idempotence": True,
    "message.max.bytes": 128 << 20,
    "batch.size": 1_000_000,
    "batch.num.messages": 20_000,
    "queue.buffering.max.messages": 1_000_000,
    "queue.buffering.max.kbytes": 1 << 20,
}
APPEND_LINGER_MS = 1
TRANSACTION_LINGER_MS = 5
"""A commit does not wait for it."""
APPEND_TIMEOUT_MS = 120_000
TRANSACTION_TIMEOUT_MS = 60_000
"""After so long the cluster ends the transaction of a writer that died and has no successor."""
POLL_S = 0.05
COMPLAIN_EVERY_S = 10.0
GRACE_S = 3.0
"""How long the cluster has for an answer that nobody has time to wait for."""
CONSUMER = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "isolation.level": "read_committed",
    "auto.offset.reset": "error",
    "enable.partition.eof": True,
    "receive.message.max.bytes": 256 << 20,
    "message.max.bytes": 128 << 20,
}


class Unsaid(msgspec.Struct, frozen=True, omit_defaults=True):
    """What Kafka has no setting for."""

    value_format: ValueFormat = "json"
    durability: Durability = "loses_nothing"


class KafkaLog:
    """Opens a log on the cluster that `settings` name (librdkafka's own settings).

    `prefix` stands before every topic, group and transactional id on the cluster, so that one
    cluster can hold many logs. `clock` stamps records without a timestamp. -1 as
    `replication_factor` leaves it to the brokers' default. Errors: LogUnavailable, LogRefused.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        *,
        prefix: str = "",
        clock: Callable[[], int] = wall_clock_ms,
        replication_factor: int = -1,
    ) -> None:
        self.prefix = prefix
        self.clock = clock
        self.keep_waiting: Callable[[], bool] = lambda: True
        """Asked again and again by what waits for the cluster; False to have it give up."""
        self._complained_s = 0.0
        self._settings = {**COMMON, **settings}
        self._replication_factor = replication_factor
        self._lock = threading.RLock()
        self._partitions: dict[tuple[str, int], KafkaPartition] = {}
        self._writers: weakref.WeakSet[KafkaWriter] = weakref.WeakSet()
        self._begun: dict[tuple[str, int], KafkaWriter] = {}
        self._producer: Producer | None = None
        self._peeker: Reader | None = None
        self._peeking = threading.Lock()
        self._closed = False
        self.cluster = Cluster(self._settings, self._new_admin, self.may_wait)
        self.cluster.reach()

    def may_wait(self, what: str, since_s: float) -> bool:
        """Whether what has waited since then (monotonic) goes on; what has hardly begun does.

        Where it takes long, that is told now and then.
        """
        now_s = time.monotonic()
        if now_s - max(since_s, self._complained_s) >= COMPLAIN_EVERY_S:
            self._complained_s = now_s
            logger.warning("%s: waiting for the cluster for %.0f s now", what, now_s - since_s)
        keep = self.keep_waiting() and not self._closed
        return keep or now_s - since_s < GRACE_S

    # -- clients ----------------------------------------------------------------------------------

    def _client(self, kind: Callable[..., Any], what: str, **settings: Any) -> Any:
        try:
            return kind({**settings, **self._settings}, logger=client_logger)
        except KafkaException as error:
            raise failure(error, what) from error

    def _new_admin(self, **settings: Any) -> AdminClient:
        admin: AdminClient = self._client(AdminClient, "opening the cluster", **settings)
        return admin

    def new_reader(self) -> Consumer:
        return self._new_reader(READ_AHEAD)

    def _new_reader(self, fetching: Mapping[str, int]) -> Consumer:
        settings = {**CONSUMER, **fetching, "group.id": self.prefix + READERS_GROUP}
        reader: Consumer = self._client(Consumer, "opening a reader", **settings)
        return reader

    def new_member(self, **settings: Any) -> Consumer:
        """A consumer that joins a group (`membership.py`)."""
        member: Consumer = self._client(Consumer, "joining a group", **settings)
        return member

    def new_transactional_producer(self, name: str) -> Producer:
        producer: Producer = self._client(
            Producer,
            f"opening the writer of {name}",
            **PRODUCER,
            **{
                "transactional.id": f"{self.prefix}refold.{name}",
                "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
                "linger.ms": TRANSACTION_LINGER_MS,
            },
        )
        return producer

    def _appender(self) -> Producer:
        with self._lock:
            if self._producer is None:
                self._producer = self._client(
                    Producer,
                    "opening a producer",
                    **PRODUCER,
                    **{"linger.ms": APPEND_LINGER_MS, "message.timeout.ms": APPEND_TIMEOUT_MS},
                )
            return self._producer

    def produce(self, topic: str, number: int, rows: Sequence[Row], receipt: Receipt) -> None:
        """Send rows, and wait until the brokers have answered for each; see the receipt."""
        producer, began_s = self._appender(), time.monotonic()
        what = f"appending to {topic}-{number}"
        for timestamp, key, value, headers in rows:
            options: dict[str, Any] = {"headers": headers} if headers else {}
            while True:
                try:
                    producer.produce(
                        topic, value, key, number,
                        on_delivery=receipt.take, timestamp=timestamp, **options,
                    )  # fmt: skip
                    break
                except BufferError:
                    producer.poll(POLL_S)
                except KafkaException as error:
                    raise failure(error, what) from error
        while receipt.left:
            producer.poll(POLL_S)
            if receipt.left and not self.may_wait(what, began_s):
                raise LogUnavailable(
                    f"{what}: {len(receipt.offsets)} of {len(rows)} records are durable, and "
                    "others may be: look before appending them again"
                )

    @property
    def scope(self) -> str:
        """Tells this log from others, where several share a place for snapshots."""
        return f"{self.cluster.id}.{self.prefix}"

    @contextmanager
    def peeking(self) -> Iterator[Reader]:
        """The reader for looks at a few records, of any partition."""
        with self._peeking:
            if self._peeker is None:
                self._peeker = Reader(lambda: self._new_reader(ONE_BY_ONE), self.may_wait)
            yield self._peeker

    # -- topics -----------------------------------------------------------------------------------

    def create_topic(self, name: str, config: TopicConfig) -> TopicConfig:
        existing = self.ensure_topic(name, config)
        if existing != capped(config):
            raise TopicExists(f"topic {name} exists with another configuration: {existing}")
        return existing

    def ensure_topic(self, name: str, config: TopicConfig) -> TopicConfig:
        check_topic_name(name)
        self.check_open()
        existing = self._config(name)
        if existing is not None:
            return existing
        config = capped(config)
        unsaid = Unsaid(config.value_format, config.durability)
        if unsaid != Unsaid():
            self._say(name, unsaid)
        if self.cluster.create_topic(self.prefix + name, config, self._replication_factor):
            return config
        return self._config(name) or config

    def delete_topic(self, name: str) -> None:
        config = self._config(name)
        if config is None:
            raise UnknownTopic(f"there is no topic {name}")
        with self._lock:
            for number in range(config.partitions):
                partition = self._partitions.pop((name, number), None)
                if partition is not None:
                    partition.is_deleted = True
                    partition.close()
        self.cluster.delete_topic(self.prefix + name)
        if name in self._unsaid():
            self._say(name, None)

    def topics(self) -> dict[str, TopicConfig]:
        self.check_open()
        found = {
            name: count
            for name, count in sorted(self.cluster.partitions().items())
            if name.startswith(self.prefix) and name != self.prefix + SETTINGS_TOPIC
        }
        configs = self.cluster.configs({n: c for n, c in found.items() if not _is_theirs(n)})
        unsaid = self._unsaid()
        return {
            name.removeprefix(self.prefix): _said(config, unsaid.get(name[len(self.prefix) :]))
            for name, config in sorted(configs.items())
        }

    def _config(self, name: str) -> TopicConfig | None:
        """A topic's settings; None where there is none."""
        if not TOPIC_NAME.fullmatch(name):
            return None
        count = self.cluster.partitions().get(self.prefix + name)
        if count is None:
            return None
        try:
            config = self.cluster.config(self.prefix + name, count)
        except UnknownTopic:
            return None  # it was just deleted
        return _said(config, self._unsaid().get(name))

    def _unsaid(self) -> dict[str, Unsaid]:
        """By topic, where it is not the default."""
        if self.prefix + SETTINGS_TOPIC not in self.cluster.partitions():
            return {}
        partition = self._settings_partition()
        found: dict[str, Unsaid] = {}
        offset, end = partition.log_start, partition.high_watermark
        while offset < end:
            for batch in partition.read(offset):
                offset = batch.last_offset + 1
                for record in batch:
                    name = (record.key or b"").decode()
                    found.pop(name, None)
                    if record.value is not None:
                        found[name] = msgspec.json.decode(record.value, type=Unsaid)
        return found

    def _say(self, name: str, unsaid: Unsaid | None) -> None:
        config = TopicConfig(cleanup_policy="compact")
        self.cluster.create_topic(self.prefix + SETTINGS_TOPIC, config, self._replication_factor)
        value = None if unsaid is None else msgspec.json.encode(unsaid)
        self._settings_partition().append([Record(value, key=name.encode())])

    def _settings_partition(self) -> KafkaPartition:
        with self._lock:
            place = SETTINGS_TOPIC, 0
            if place not in self._partitions:
                config = TopicConfig(cleanup_policy="compact")
                self._partitions[place] = KafkaPartition(self, *place, config)
            return self._partitions[place]

    # -- partitions -------------------------------------------------------------------------------

    def partition(self, topic: str, number: int) -> KafkaPartition:
        with self._lock:
            self.check_open()
            partition = self._partitions.get((topic, number))
            if partition is None:
                config = self._config(topic)
                if config is None or not 0 <= number < config.partitions:
                    raise UnknownTopic(f"there is no partition {number} of a topic {topic}")
                partition = KafkaPartition(self, topic, number, config)
                self._partitions[topic, number] = partition
            return partition

    def begin_writer(self, topic: str, number: int) -> None:
        """Begin what the next `open_writer` of the partition waits for: what a predecessor left is
        undone meanwhile, for many partitions at a time."""
        self._begun[topic, number] = KafkaWriter(self, self.partition(topic, number))

    def forget_begun_writer(self, topic: str, number: int) -> None:
        """It was not opened, and will not be soon."""
        self._begun.pop((topic, number), None)

    def open_writer(self, topic: str, number: int) -> KafkaWriter:
        partition = self.partition(topic, number)
        writer = self._begun.pop((topic, number), None) or KafkaWriter(self, partition)
        writer.fence()
        self._writers.add(writer)
        return writer

    def forget_writer(self, writer: KafkaWriter) -> None:
        self._writers.discard(writer)

    # -- consumer groups --------------------------------------------------------------------------

    def join(
        self, group: str, topics: Sequence[str], listener: GroupListener, session_timeout_s: float
    ) -> Membership:
        return Membership(self, group, topics, listener, session_timeout_s)

    def commit(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        check_group_name(group)
        places = {
            (self.prefix + topic, number): offset for (topic, number), offset in offsets.items()
        }
        self.cluster.commit(self.prefix + group, places)

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        return {
            (topic.removeprefix(self.prefix), number): offset
            for (topic, number), offset in self.cluster.committed(self.prefix + group).items()
        }

    def groups(self) -> list[str]:
        names = self.cluster.groups()
        return [name[len(self.prefix) :] for name in names if name.startswith(self.prefix)]

    # -- keeping ----------------------------------------------------------------------------------

    def clean(self, now_ms: int | None = None) -> Iterable[str]:
        """Nothing: the brokers clean in their own time."""
        return ()

    def check_open(self) -> None:
        if self._closed:
            raise LogStorageError("the log was closed")

    def close(self) -> None:
        """Give the fences back and end the clients. A second time does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for writer in list(self._writers):
                with suppress(Exception):  # what is not committed is undone by the cluster
                    writer.close()
            for partition in self._partitions.values():
                partition.close()
            if self._peeker is not None:
                self._peeker.close()
            if self._producer is not None:
                self._producer.flush(POLL_S)
            self._producer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _is_theirs(name: str) -> bool:
    """Kafka's own topics."""
    return name.startswith("__")


def _said(config: TopicConfig, unsaid: Unsaid | None) -> TopicConfig:
    return config if unsaid is None else msgspec.structs.replace(
        config, value_format=unsaid.value_format, durability=unsaid.durability
    )  # fmt: skip
