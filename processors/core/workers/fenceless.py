"""The writer of a partition where no fence is to be had, and how it sends to Kafka.

Two such writers may be at work on one partition: one that was given the partition, and one that
has not heard yet. Both decide the same commands from the same state, so they write the same
bytes, and readers take the first of each sequence (law 5). Three things make that hold:

- What is appended begins at most one sequence after what stands on the log. So records go out as
  one record batch, which a broker takes whole or not at all; where they do not fit, the next batch
  is sent once the one before is durable. Nothing is ever left out, whoever dies when.
- An append whose outcome is not known is an error, and the task folds what is there.
- A fold ends where nothing before it is news. So where others have written in between, the writer
  looks: repeated events are fine; where another has come further, the append raises
  PartitionFenced, and the task begins anew behind it.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, wait
from contextlib import suppress
from typing import Any, Protocol, TypeVar

import aiokafka.errors as client
import msgspec
from aiokafka import AIOKafkaProducer
from confluent_kafka import KafkaError

from log.backends.kafka import KafkaLog
from log.backends.kafka.batches import Row
from log.backends.kafka.failures import failure
from log.backends.kafka.partition import KafkaPartition
from log.codec import DECODE_ERRORS
from log.errors import CorruptLog, LogError, LogUnavailable, PartitionFenced
from log.interface import Partition, nothing
from log.record import BatchBuilder

BATCH_BYTES = 32 << 20
"""More than the events of one read of commands take; a single record may be larger."""
PAUSE_S = 0.1
CLOSE_WITHIN_S = 5.0
NO_SEQUENCE_OF_THE_PRODUCER = frozenset(
    {
        KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
        KafkaError.DUPLICATE_SEQUENCE_NUMBER,
        KafkaError.UNKNOWN_PRODUCER_ID,
    }
)
"""The broker has lost count of a producer's batches: another producer begins anew."""

Answer = TypeVar("Answer")


class Sender(Protocol):
    """Appends to one partition, beside whoever else does."""

    def append(self, batch: BatchBuilder) -> Sequence[int]:
        """The offsets, once durable. What an error leaves on the log is the records up to some
        one of them."""

    def close(self) -> None: ...


class _Numbered(msgspec.Struct):
    """What is read of an event."""

    sequence: int


class FencelessWriter:
    """As `log.interface.Writer`, but it keeps nobody out; PartitionFenced: see above."""

    def __init__(self, partition: Partition, sender: Sender) -> None:
        self._partition = partition
        self._sender = sender
        self._known_end = partition.high_watermark
        """What stands before it is no news to the task."""
        self._closed = False

    def new_batch(self) -> BatchBuilder:
        return self._partition.new_batch()

    def append_batch(
        self, batch: BatchBuilder, meanwhile: Callable[[], None] = nothing
    ) -> Sequence[int]:
        """`meanwhile` is not called: commands that are read ahead would make small steps of what
        is still being delivered."""
        if self._closed:
            raise PartitionFenced(f"{self._name}: this writer was closed")
        offsets = self._sender.append(batch)
        if offsets:
            last = offsets[-1]
            if last + 1 - self._known_end != len(offsets):
                self._look_between(self._known_end, last)
            self._known_end = last + 1
        return offsets

    def close(self) -> None:
        """A second time does nothing."""
        if not self._closed:
            self._closed = True
            self._sender.close()

    @property
    def _name(self) -> str:
        return f"{self._partition.topic}-{self._partition.number}"

    def _look_between(self, begin: int, last: int) -> None:
        """PartitionFenced where an event before `last`, our own last one, is further than it."""
        furthest = -1
        while begin <= last:
            for batch in self._partition.read(begin):
                for record in batch:
                    if record.offset > last:
                        break
                    sequence = self._sequence(record.offset, record.value)
                    if record.offset == last and furthest > sequence:
                        raise PartitionFenced(
                            f"{self._name}: another worker has decided this partition up to "
                            f"sequence {furthest}, and this one up to {sequence}"
                        )
                    furthest = max(furthest, sequence)
                begin = batch.last_offset + 1

    def _sequence(self, offset: int, value: bytes | None) -> int:
        is_json = self._partition.config.value_format == "json"
        decode = msgspec.json.decode if is_json else msgspec.msgpack.decode
        try:
            return decode(value or b"", type=_Numbered).sequence
        except DECODE_ERRORS as error:
            raise CorruptLog(f"{self._name}: no event at offset {offset}: {error}") from error


class Loop:
    """An event loop in a thread of its own, so that sending does not wait for its caller's."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="refold-sender", daemon=True
        )
        self._thread.start()

    @property
    def is_open(self) -> bool:
        return not self._loop.is_closed()

    def submit(self, work: Coroutine[Any, Any, Answer]) -> Future[Answer]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """End it, and what still runs in it."""
        with suppress(TimeoutError):
            self.submit(_cancel_others()).result(CLOSE_WITHIN_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_WITHIN_S)
        self._loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class KafkaSender:
    """`Sender` to a partition on a cluster: idempotent, acknowledged by all replicas in sync.

    aiokafka's producer takes a batch as it is. Faust's own (`app.producer`) and confluent-kafka's
    take records, cut batches where they like, and have several on their way at once: where one
    fails and the next does not, a hole is left, and no reader gets past it. `client_settings` are
    aiokafka's: where the cluster is, and how to log in.
    """

    def __init__(
        self,
        log: KafkaLog,
        partition: KafkaPartition,
        loop: Loop,
        client_settings: Mapping[str, Any],
    ) -> None:
        self._log = log
        self._partition = partition
        self._loop = loop
        self._client_settings = client_settings
        self._what = f"writing to {partition.name}"
        self._producer: AIOKafkaProducer | None = None

    def append(self, batch: BatchBuilder) -> Sequence[int]:
        rows = self._partition.rows_in(batch)
        for row in rows:
            self._partition.check(row)
        offsets: list[int] = []
        try:
            for built in self._built(rows):
                base = self._answer(self._loop.submit(self._send(self._open(), built)))
                offsets.extend(range(base, base + built.record_count()))
        except BaseException as error:
            self.close()  # a producer that has failed once does not know what it has sent
            if isinstance(error, client.KafkaError):
                raise _sorted(error, self._what) from error
            if isinstance(error, CancelledError):
                raise LogUnavailable(f"{self._what}: the worker is being closed") from error
            raise
        if offsets:
            self._partition.is_known_to_reach(offsets[-1] + 1)
        return offsets

    def close(self) -> None:
        """Let the producer go; the next append opens another."""
        producer, self._producer = self._producer, None
        if producer is not None and self._loop.is_open:
            wait([self._loop.submit(_stop(producer))])

    def _built(self, rows: Sequence[Row]) -> Iterator[Any]:
        """aiokafka's batches, as full as the topic takes them."""
        if not rows:
            return
        producer = self._open()
        built = producer.create_batch()
        for timestamp, key, value, headers in rows:
            if not built.append(timestamp=timestamp, key=key, value=value, headers=headers):
                yield built
                built = producer.create_batch()
                built.append(timestamp=timestamp, key=key, value=value, headers=headers)
        yield built

    def _open(self) -> AIOKafkaProducer:
        if self._producer is None:
            self._producer = self._answer(self._loop.submit(self._new_producer()))
        return self._producer

    async def _new_producer(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **self._client_settings,
            acks="all",
            enable_idempotence=True,
            max_batch_size=min(self._partition.config.max_message_bytes, BATCH_BYTES),
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    async def _send(self, producer: AIOKafkaProducer, built: Any) -> int:
        """The offset of the first record, once all are durable."""
        topic = self._log.prefix + self._partition.topic
        sent = await producer.send_batch(built, topic, partition=self._partition.number)
        offset: int = (await sent).offset
        if offset < 0:
            raise LogUnavailable(f"{self._what}: it is durable, but its offset is not known")
        return offset

    def _answer(self, asked: Future[Answer]) -> Answer:
        """Wait for it. A cluster that is away is waited for, as long as the log may wait."""
        began_s = time.monotonic()
        while not wait([asked], PAUSE_S).done:
            if not self._log.may_wait(self._what, began_s):
                asked.cancel()
                raise LogUnavailable(f"{self._what}: no answer, and no time to wait for it")
        return asked.result()


async def _stop(producer: AIOKafkaProducer) -> None:
    try:
        async with asyncio.timeout(CLOSE_WITHIN_S):
            await producer.stop()
    except TimeoutError:  # what it still has to send is not answered for
        await producer.client.close()


def _sorted(error: client.KafkaError, what: str) -> LogError:
    """The log's error for aiokafka's: trying again may help, or it does not."""
    code = getattr(error, "errno", -1)
    if code > 0 and code not in NO_SEQUENCE_OF_THE_PRODUCER:
        known = failure(KafkaError(code), what)
        if not isinstance(known, PartitionFenced):
            return known
    return LogUnavailable(f"{what}: {error!r}. What was sent may be durable")
