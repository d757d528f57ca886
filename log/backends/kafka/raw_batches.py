"""Record batches of a cluster's partitions, to the byte as its brokers hold them.

confluent-kafka hands over records one by one; who copies a history wants its batches. So they are
fetched by aiokafka's client, at offsets that the caller names: no group is joined and nothing is
committed. What leaves is what a reader of committed records sees, as `Partition.read` gives it.
"""

import asyncio
import ssl
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError as ClientError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.structs import TopicPartition
from confluent_kafka import KafkaError

from log.backends.cleaning import without_records
from log.backends.kafka.failures import failure
from log.backends.kafka.partition import KafkaPartition
from log.errors import CorruptLog, LogUnavailable, OffsetOutOfRange, UnknownTopic
from log.record import HEADER_SIZE, LENGTH_END, TRANSACTIONAL_BIT, Batch

FETCH_BYTES = 4 << 20
WAIT_MS = 500
ANSWER_S = 30.0
"""How long a cluster may be away before it is an error."""
PAUSE_S = 0.1
READ_COMMITTED = 1
REPLICA_VERSION = 11
"""From this version of the answer on, one more field stands before the batches."""
PLACE = struct.Struct(">qi")
LOGINS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
SECURITY = {
    "security.protocol",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "sasl.password",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.endpoint.identification.algorithm",
    "enable.ssl.certificate.verification",
}
"""librdkafka's settings of who is there and by which way, as far as aiokafka has them too."""


def client_options(settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """What aiokafka's client is opened with, from librdkafka's settings; None where these ask for
    what it does not have (Kerberos, OAuth, keys within the settings)."""
    asked = {name for name in settings if name.startswith(("ssl.", "sasl.", "enable.s"))}
    protocol = str(settings.get("security.protocol", "plaintext")).upper()
    mechanism = settings.get("sasl.mechanism", settings.get("sasl.mechanisms"))
    if asked - SECURITY or (protocol.startswith("SASL") and mechanism not in LOGINS):
        return None
    options: dict[str, Any] = {
        "bootstrap_servers": settings["bootstrap.servers"].split(","),
        "security_protocol": protocol,
        "request_timeout_ms": int(ANSWER_S * 1000),
    }
    if protocol.startswith("SASL"):
        options["sasl_mechanism"] = mechanism
        options["sasl_plain_username"] = str(settings.get("sasl.username", ""))
        options["sasl_plain_password"] = str(settings.get("sasl.password", ""))
    if protocol.endswith("SSL"):
        options["ssl_context"] = _ssl_context(settings)
    return options


def _ssl_context(settings: Mapping[str, Any]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.get("ssl.ca.location"))
    if settings.get("ssl.endpoint.identification.algorithm") == "none":
        context.check_hostname = False
    if str(settings.get("enable.ssl.certificate.verification", "true")).lower() == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate = settings.get("ssl.certificate.location")
    if certificate:
        key, password = settings.get("ssl.key.location"), settings.get("ssl.key.password")
        context.load_cert_chain(certificate, key, str(password) if password else None)
    return context


class Fetched(NamedTuple):
    """What a broker answered for one partition."""

    stable_end: int
    """Readers of committed records see what is below."""
    aborted: list[tuple[int, int]]
    """(producer id, first offset) of the aborted transactions in it."""
    data: bytes
    """Record batches; the last may be cut."""


class Connection:
    """aiokafka's client, in a thread of its own: it takes in what was asked for while the caller
    is busy with what it has."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        self._loop = asyncio.new_event_loop()
        self._client: AIOKafkaClient | None = None
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="refold-raw-batches", daemon=True
        )
        self._thread.start()

    def begin_fetch(self, topic: str, number: int, offset: int) -> "Future[Fetched]":
        """Its result, or as errors: OffsetOutOfRange, UnknownTopic, LogUnavailable, LogRefused."""
        return asyncio.run_coroutine_threadsafe(self._fetch(topic, number, offset), self._loop)

    def close(self) -> None:
        """What was asked and not taken is dropped. A second time does nothing."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if self._client is not None:
            await self._client.close()
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _fetch(self, topic: str, number: int, offset: int) -> Fetched:
        what = f"reading {topic}-{number} at offset {offset}"
        began_s = time.monotonic()
        place = [(number, offset, FETCH_BYTES)]
        request = FetchRequest(WAIT_MS, 1, FETCH_BYTES, READ_COMMITTED, [(topic, place)])
        while True:
            try:
                return await self._ask(topic, number, request, what)
            except (LogUnavailable, UnknownTopic) as error:
                reason: LogUnavailable | UnknownTopic = error
            except (ClientError, OSError, TimeoutError) as error:
                reason = LogUnavailable(
                    f"{what}: {error}. Is the broker running, and reachable from here?"
                )
            if time.monotonic() - began_s > ANSWER_S:
                raise reason
            await asyncio.sleep(PAUSE_S)
            if self._client is not None:
                await self._client.force_metadata_update()

    async def _ask(self, topic: str, number: int, request: FetchRequest, what: str) -> Fetched:
        client = await self._opened(topic)
        leader = client.cluster.leader_for_partition(TopicPartition(topic, number))
        if leader is None or leader < 0:
            raise LogUnavailable(f"{what}: the partition has no leader")
        answer = await client.send(leader, request)
        ((_, (told,)),) = answer.topics
        code = told[1]
        if code == KafkaError.OFFSET_OUT_OF_RANGE:
            raise OffsetOutOfRange(f"{what}: the log holds no such offset")
        if code:
            raise failure(KafkaError(code), what)
        aborted = told[-3 if answer.API_VERSION >= REPLICA_VERSION else -2]
        return Fetched(told[3], aborted or [], told[-1] or b"")

    async def _opened(self, topic: str) -> AIOKafkaClient:
        """The client, knowing the topic."""
        if self._client is None:
            client = AIOKafkaClient(**self._options)
            try:
                await client.bootstrap()
            except BaseException:
                await client.close()
                raise
            self._client = client
        if self._client.cluster.partitions_for_topic(topic) is None:
            await self._client.add_topic(topic)
        return self._client


class RawPartition:
    """One partition, read by its batches, on from where the last read ended.

    Offsets and times are asked of the `partition`.
    """

    def __init__(self, partition: KafkaPartition, cluster_topic: str, connection: Connection):
        self._partition = partition
        self._topic = cluster_topic
        self._connection = connection
        self._ahead: tuple[int, Future[Fetched]] | None = None
        """The offset that was asked for, and the question."""

    @property
    def log_start(self) -> int:
        return self._partition.log_start

    @property
    def high_watermark(self) -> int:
        return self._partition.high_watermark

    def offset_for_time(self, timestamp: int) -> int | None:
        return self._partition.offset_for_time(timestamp)

    def read(self, offset: int, max_bytes: int = FETCH_BYTES) -> list[Batch]:
        """As `log.interface.Partition.read`; brokers give about `FETCH_BYTES`, whatever
        `max_bytes`."""
        fetched = self._fetched(offset)
        batches: list[Batch] = []
        hidden: Batch | None = None
        following = offset
        ended = _Aborted(fetched.aborted)
        for batch in _batches(fetched.data, offset):
            if batch.last_offset < offset:
                continue
            if not batch.is_intact():
                raise CorruptLog(
                    f"{self._partition.name}: the batch at offset {batch.base_offset} came from "
                    "the broker damaged: its checksum does not hold"
                )
            following = batch.last_offset + 1
            hidden = batch if ended.hides(batch) else None
            if hidden is None:
                batches.append(batch)
        if hidden is not None:
            batches.append(Batch(without_records(hidden)))
        if offset < following < fetched.stable_end:
            self._ahead = following, self._begin(following)
        return batches

    def _fetched(self, offset: int) -> Fetched:
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] != offset:
            ahead[1].cancel()
            ahead = None
        return (self._begin(offset) if ahead is None else ahead[1]).result()

    def _begin(self, offset: int) -> "Future[Fetched]":
        return self._connection.begin_fetch(self._topic, self._partition.number, offset)


class _Aborted:
    """Follows which producers are within an aborted transaction, batch by batch."""

    def __init__(self, aborted: list[tuple[int, int]]) -> None:
        self._coming = sorted(((first, producer) for producer, first in aborted), reverse=True)
        self._producers: set[int] = set()

    def hides(self, batch: Batch) -> bool:
        while self._coming and self._coming[-1][0] <= batch.base_offset:
            self._producers.add(self._coming.pop()[1])
        if batch.is_control:
            self._producers.discard(batch.producer_id)
            return True
        return batch.producer_id in self._producers and bool(batch.attributes & TRANSACTIONAL_BIT)


def _batches(data: bytes, offset: int) -> Iterator[Batch]:
    """The whole batches of an answer. The first may hide records before `offset`."""
    at, end = 0, len(data)
    while at + HEADER_SIZE <= end:
        _, length = PLACE.unpack_from(data, at)
        size = length + LENGTH_END
        if at + size > end:
            return
        yield Batch(data[at : at + size], offset)
        at += size
