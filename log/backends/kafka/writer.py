"""The one writer of a partition: a transactional producer under an id of the partition's own.

Opening one raises the id's epoch on the cluster: a predecessor's open transaction is aborted at
once, and whatever it sends from then on is refused (KIP-98). Records go to the broker while the
batch is still being made; they are seen, all or none, when it is committed.
"""

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from log.backends.kafka.batches import Row, RowsBuilder, size_of
from log.backends.kafka.failures import ADVICE, AWAY, FENCED, failure, reason_of
from log.backends.kafka.partition import KafkaPartition
from log.errors import LogUnavailable, PartitionFenced
from log.interface import nothing
from log.record import BatchBuilder, Headers

if TYPE_CHECKING:
    from log.backends.kafka.log import KafkaLog

logger = logging.getLogger("refold.kafka")

ANSWER_S = 10.0
"""How long one call to the transaction coordinator may take before it is asked again."""
COMPLAIN_EVERY_S = 10.0
PAUSE_S = 0.1


class TransactionBuilder(RowsBuilder):
    """Sends each record as it is added, within the writer's transaction.

    The rows are kept until it is committed: where the cluster aborts it, it is sent again.
    """

    def __init__(self, writer: "KafkaWriter", now_ms: int) -> None:
        super().__init__(now_ms)
        self._writer = writer
        self._produce, self._topic, self._number = writer.target

    def append(
        self,
        offset: int,
        timestamp: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
    ) -> None:
        # Once for every event: where all is well, this costs little more than the client does.
        if timestamp is None:
            timestamp = self._now_ms
        rows = self.rows
        if rows and not headers:
            rows.append((timestamp, key, value, headers))
            try:
                self._produce(self._topic, value, key, self._number, None, None, timestamp)
                return
            except (BufferError, KafkaException):
                pass
        else:
            if not rows:
                self._writer.begin()
            rows.append((timestamp, key, value, headers))
        self._writer.send(rows[-1])

    def size(self) -> int:
        return sum(map(size_of, self.rows))


class KafkaWriter:
    """As `log.interface.Writer`."""

    def __init__(self, log: "KafkaLog", partition: KafkaPartition) -> None:
        self._log = log
        self._partition = partition
        self._what = f"writing to {partition.name}"
        self._in_transaction = False
        self._broken = False
        """Whether the transaction can only be aborted: it is sent again then."""
        self._sent = False
        """Whether the transaction's first record was sent: it tells where the others are."""
        self._first_offset = -1
        self._closed = False
        self._producer: Producer = log.new_transactional_producer(partition.name)
        self.target: tuple[Callable[..., None], str, int] = (
            self._producer.produce,
            log.prefix + partition.topic,
            partition.number,
        )
        """What a row is handed to, and where it goes."""
        self._insist(lambda: self._producer.init_transactions(ANSWER_S))

    def new_batch(self) -> TransactionBuilder:
        self._abort()
        return TransactionBuilder(self, self._log.clock())

    def append_batch(self, batch: BatchBuilder, meanwhile: Callable[[], None] = nothing) -> range:
        self._check_open()
        rows = self._partition.rows_in(batch)
        if not rows:
            end = self._partition.log_end
            return range(end, end)
        if not isinstance(batch, TransactionBuilder):
            for row in rows:
                self._partition.check(row)
            self._begin_with(rows)
        meanwhile()
        while not self._commit():
            self._begin_with(rows)
        base = self._first_offset
        self._partition.is_known_to_reach(base + len(rows))
        return range(base, base + len(rows))

    def close(self) -> None:
        """Give the partition up; what is not committed is undone. A second time does nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            self._abort()
        except (PartitionFenced, LogUnavailable) as error:
            logger.info("%s: closed without an answer: %s", self._what, error)
        self._log.forget_writer(self)

    # -- the transaction --------------------------------------------------------------------------

    def begin(self) -> None:
        self._check_open()
        self._first_offset = -1
        self._broken = self._sent = False
        self._producer.begin_transaction()
        self._in_transaction = True

    def send(self, row: Row) -> None:
        """Hand a row to the client, which sends it in its own time."""
        if self._broken:
            return
        timestamp, key, value, headers = row
        produce, topic, number = self.target
        delivered = None if self._sent else self._delivered
        while True:
            try:
                produce(topic, value, key, number, delivered, None, timestamp, headers)
                self._sent = True
                return
            except BufferError:
                self._producer.poll(PAUSE_S)  # the queue is full: let it drain
            except KafkaException as error:
                reason = reason_of(error)
                if reason is None or reason.code() != KafkaError._STATE:
                    self._sort(error)
                self._broken = True  # aborting it tells why
                return

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        """Of the first record: the others follow it, as there is no other writer."""
        if error is None:
            self._first_offset = message.offset() or 0

    def _begin_with(self, rows: list[Row]) -> None:
        self._abort()
        self.begin()
        for row in rows:
            self.send(row)

    def _commit(self) -> bool:
        """False where the transaction was aborted, so that it must be sent again."""
        if not self._broken:
            if self._insist(lambda: self._producer.commit_transaction(ANSWER_S)):
                self._in_transaction = False
                self._learn_offset()
                return True
            self._broken = True
        self._abort()
        return False

    def _learn_offset(self) -> None:
        """The broker has told where the first row stands; the client tells when it is asked."""
        deadline_s = time.monotonic() + ANSWER_S
        while self._first_offset < 0:
            self._producer.poll(PAUSE_S)
            if time.monotonic() > deadline_s:
                raise LogUnavailable(f"{self._what}: it is durable, but its offset is not known")

    def _abort(self) -> None:
        if self._in_transaction:
            self._insist(lambda: self._producer.abort_transaction(ANSWER_S))
            self._in_transaction = False

    def _insist(self, call: Callable[[], object]) -> bool:
        """Call until it is done. A cluster that is away is waited for.

        False where the transaction has to be aborted. Errors: PartitionFenced, LogRefused;
        LogUnavailable where the log is being closed.
        """
        complained_s = time.monotonic()
        while True:
            try:
                call()
                return True
            except KafkaException as error:
                if not self._sort(error):
                    return False
                now_s = time.monotonic()
                if now_s - complained_s >= COMPLAIN_EVERY_S:
                    complained_s = now_s
                    logger.warning("%s: waiting for the cluster: %s", self._what, error)
                self._log.while_waiting()
                if self._log.stopping.wait(PAUSE_S):
                    raise failure(error, self._what) from error

    def _sort(self, error: KafkaException) -> bool:
        """True: ask again. False: abort, and send again. Everything else is raised."""
        reason = reason_of(error)
        if reason is None:
            raise failure(error, self._what) from error
        if reason.code() in FENCED or (reason.fatal() and reason.code() not in ADVICE):
            raise PartitionFenced(
                f"{self._what}: a successor has taken over, or the cluster took the "
                f"transactional id away ({reason.str()})"
            ) from error
        if reason.txn_requires_abort():
            logger.warning("%s: the transaction is sent again: %s", self._what, reason.str())
            return False
        if reason.retriable() or reason.code() in AWAY:
            return True
        raise failure(error, self._what) from error

    def _check_open(self) -> None:
        if self._closed:
            raise PartitionFenced(f"{self._partition.name}: this writer was closed")
