"""One partition of a topic on a cluster, as `log.interface.Partition`.

Reading goes through consumers of its own, opened with the first reads; appending through the log's
one idempotent producer, which every partition shares. Offsets are the broker's to tell: asking for
them takes a round trip.
"""

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, Message, TopicPartition

from log.backends.kafka.batches import Row, RowsBuilder, rows_of, size_of
from log.backends.kafka.failures import failure
from log.backends.kafka.reader import Reader
from log.errors import InvalidRecord, LogUnavailable, OffsetOutOfRange, UnknownTopic
from log.record import Batch, BatchBuilder, Record
from log.topic import TopicConfig

if TYPE_CHECKING:
    from log.backends.kafka.log import KafkaLog

VISIBLE_S = 10.0
LOOK_AGAIN_S = 0.002
READERS_MAX = 2
"""Who read on at two places, as a reactor and a projection may in one process, do not disturb each
other; each has fetched up to 64 MB ahead."""
PEEK_BYTES = 4096
"""A read of no more than this is a look at a few records: nothing is fetched ahead for it, and
whoever reads on is not disturbed."""
SCAN_BYTES = 1 << 20


class KafkaPartition:
    """See `log.interface.Partition`. The high watermark is Kafka's last stable offset: what
    readers of committed records see."""

    def __init__(self, log: "KafkaLog", topic: str, number: int, config: TopicConfig) -> None:
        self.topic = topic
        self.number = number
        self.config = config
        self.name = f"{topic}-{number}"
        self.is_deleted = False
        self._log = log
        self._cluster_topic = log.prefix + topic
        self._lock = threading.Lock()
        self._readers: list[Reader] = []
        """The one used last stands last."""
        self._known_end = 0
        """Records below are known to be on the log: a read waits for them."""

    # -- offsets ----------------------------------------------------------------------------------

    @property
    def log_start(self) -> int:
        return self._log.cluster.log_start(self._place())

    @property
    def log_end(self) -> int:
        return self._log.cluster.log_end(self._place(), committed=False)

    @property
    def high_watermark(self) -> int:
        deadline_s = time.monotonic() + VISIBLE_S
        while True:
            end = self._log.cluster.log_end(self._place(), committed=True)
            if end >= self._known_end or time.monotonic() > deadline_s:
                self._known_end = end
                return end
            time.sleep(LOOK_AGAIN_S)  # a commit is answered a little before it is seen

    def offset_for_time(self, timestamp: int) -> int | None:
        wanted_ms = max(timestamp, 0)
        offset = self._log.cluster.offset_for_time(self._place(), wanted_ms)
        if offset < 0:
            return None
        # To a broker, the marker that ends a transaction is a record, of the time when it ended:
        # after what it names there may be many records of an earlier time yet.
        max_bytes, end = PEEK_BYTES, self.high_watermark
        while offset < end:
            for batch in self.read(offset, max_bytes):
                for record in batch:
                    if record.timestamp >= wanted_ms:
                        return record.offset
                offset = batch.last_offset + 1
            max_bytes = SCAN_BYTES
        return None

    def _place(self) -> TopicPartition:
        self._check_usable()
        return TopicPartition(self._cluster_topic, self.number)

    def is_known_to_reach(self, end: int) -> None:
        """Someone was told so: reads below wait until the records are here."""
        self._known_end = max(self._known_end, end)

    def delete_before(self, offset: int) -> None:
        start, end = self.log_start, self.high_watermark
        if not start <= offset <= end:
            raise OffsetOutOfRange(
                f"{self.name}: cannot delete before {offset}: the log holds {start} to {end}"
            )
        place = TopicPartition(self._cluster_topic, self.number, offset)
        self._log.cluster.delete_records(place, self.name)

    # -- reading ----------------------------------------------------------------------------------

    def read(self, offset: int, max_bytes: int = 1 << 20) -> list[Batch]:
        self._check_usable()
        with self._lock:
            if max_bytes <= PEEK_BYTES and offset >= 0:
                return self._peek(offset, max_bytes)
            reader = self._reader_at(offset)
            try:
                batch = reader.read(max_bytes, self._known_end)
            except OffsetOutOfRange as error:
                raise self._out_of_range(offset) from error
            return [] if batch is None else [batch]

    def wait(self, offset: int, timeout_s: float) -> bool:
        with self._lock:
            return self._reader_at(offset).wait(timeout_s, self._known_end)

    def close(self) -> None:
        """Let the consumer go; the next read opens another."""
        with self._lock:
            while self._readers:
                self._readers.pop().close()

    def _reader_at(self, offset: int) -> Reader:
        """A reader that stands at the offset, which lies within the log."""
        for index, reader in enumerate(self._readers):
            if reader.position == offset:
                if index + 1 < len(self._readers):
                    self._readers.append(self._readers.pop(index))
                return reader
        if not 0 <= offset <= self._known_end and not 0 <= offset <= self.high_watermark:
            raise self._out_of_range(offset)
        if len(self._readers) < READERS_MAX:
            reader = Reader(self._log.new_reader, self._log.may_wait)
        else:
            reader = self._readers.pop(0)
        self._readers.append(reader)
        reader.seek(self._cluster_topic, self.number, offset)
        return reader

    def _peek(self, offset: int, max_bytes: int) -> list[Batch]:
        if offset > self._known_end and offset > self.high_watermark:
            raise self._out_of_range(offset)
        with self._log.peeking() as reader:
            reader.seek(self._cluster_topic, self.number, offset)
            try:
                batch = reader.read(max_bytes, self._known_end)
            except OffsetOutOfRange as error:
                raise self._out_of_range(offset) from error
            finally:
                reader.leave()
            return [] if batch is None else [batch]

    def _out_of_range(self, offset: int) -> OffsetOutOfRange:
        return OffsetOutOfRange(
            f"{self.name}: offset {offset} is not between the log start {self.log_start} and the "
            f"high watermark {self.high_watermark}"
        )

    # -- appending --------------------------------------------------------------------------------

    def new_batch(self) -> RowsBuilder:
        return RowsBuilder(self._log.clock())

    def append(self, records: Sequence[Record]) -> Sequence[int]:
        now_ms = self._log.clock()
        return self._append(
            [
                (
                    now_ms if record.timestamp is None else record.timestamp,
                    record.key,
                    record.value,
                    record.headers,
                )
                for record in records
            ]
        )

    def append_batch(self, batch: BatchBuilder) -> Sequence[int]:
        return self._append(self.rows_in(batch))

    def rows_in(self, batch: BatchBuilder) -> list[Row]:
        return (
            batch.rows if isinstance(batch, RowsBuilder) else rows_of(Batch(bytes(batch.build())))
        )

    def check(self, row: Row) -> None:
        """Refuse what the topic's configuration does not take. Errors: InvalidRecord."""
        timestamp, key, _, _ = row
        size = size_of(row)
        if size > self.config.max_message_bytes:
            raise InvalidRecord(
                f"{self.name}: a record of {size} bytes is over the topic's "
                f"max_message_bytes {self.config.max_message_bytes}: make it smaller, or raise "
                "the setting"
            )
        if timestamp <= 0:
            raise InvalidRecord(
                f"{self.name}: a record has timestamp {timestamp}; Kafka's client takes 1 "
                "(ms since 1970) or later, and the present for None"
            )
        if key is None and "compact" in self.config.cleanup_policy:
            raise InvalidRecord(
                f"{self.name}: a record has no key, and the topic is compacted "
                "(cleanup_policy): only records with a key can be kept by key"
            )

    def _append(self, rows: Sequence[Row]) -> Sequence[int]:
        self._check_usable()
        if not rows:
            end = self.log_end
            return range(end, end)
        for row in rows:
            self.check(row)
        receipt = Receipt(len(rows))
        self._log.produce(self._cluster_topic, self.number, rows, receipt)
        if receipt.errors:
            error = failure(receipt.errors[0], f"appending to {self.name}")
            if isinstance(error, LogUnavailable):
                raise LogUnavailable(
                    f"{error} {len(receipt.offsets)} of {len(rows)} records are durable, and "
                    "others may be: look before appending them again"
                )
            raise error
        offsets = receipt.offsets
        self.is_known_to_reach(offsets[-1] + 1)
        if offsets[-1] - offsets[0] + 1 == len(offsets):
            return range(offsets[0], offsets[-1] + 1)
        return offsets

    def _check_usable(self) -> None:
        self._log.check_open()
        if self.is_deleted:
            raise UnknownTopic(f"{self.name}: the topic was deleted")


class Receipt:
    """What the brokers have said of the records of one append."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.offsets: list[int] = []
        self.errors: list[KafkaError] = []

    def take(self, error: KafkaError | None, message: Message) -> None:
        """The producer's callback."""
        self.left -= 1
        if error is not None:
            self.errors.append(error)
        else:
            self.offsets.append(message.offset() or 0)
