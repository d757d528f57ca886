"""The one writer of a partition: a transactional producer under an id of the partition's own.

Opening one raises the id's epoch on the cluster: a predecessor's open transaction is aborted at
once, and whatever it sends from then on is refused (KIP-98). Records go to the broker while the
batch is still being made; they are seen, all or none, when it is committed.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from log.backends.kafka.batches import Row, build, size_of
from log.backends.kafka.failures import AWAY, FENCED, LASTING, failure, reason_of
from log.backends.kafka.partition import KafkaPartition
from log.errors import LogError, LogUnavailable, PartitionFenced
from log.interface import nothing
from log.record import BatchBuilder, Headers

if TYPE_CHECKING:
    from log.backends.kafka.log import KafkaLog

logger = logging.getLogger("refold.kafka")

ANSWER_S = 2.0
"""How long one call to the transaction coordinator may take before it is gone on with."""
AT_ONCE_S = 0.001
PAUSE_S = 0.1
TRIES_MAX = 5
"""How often a transaction is sent that the cluster aborts, without a reason that is known to last.
"""


class TransactionBuilder:
    """As `log.record.BatchBuilder`: sends each record as it is added, within the writer's
    transaction.

    The rows are kept until it is committed: where the cluster aborts it, it is sent again. They
    are kept field by field in one list, which costs half of what a tuple for each costs.
    """

    def __init__(self, writer: "KafkaWriter", now_ms: int) -> None:
        self._fields: list[Any] = []
        fields, keep = self._fields, self._fields.extend
        produce, topic, number = writer.target

        def append(
            offset: int,
            timestamp: int | None,
            key: bytes | None,
            value: bytes | None,
            headers: Headers,
        ) -> None:
            # Once for every event: where all is well, this costs little more than the client does.
            if timestamp is None:
                timestamp = now_ms
            if fields and not headers:
                keep((timestamp, key, value, headers))
                try:
                    produce(topic, value, key, number, None, None, timestamp)
                    return
                except (BufferError, KafkaException):
                    pass
            else:
                if not fields:
                    writer.begin()
                keep((timestamp, key, value, headers))
            writer.send((timestamp, key, value, headers))

        self.append = append

    def __len__(self) -> int:
        return len(self._fields) // 4

    @property
    def rows(self) -> list[Row]:
        fields = iter(self._fields)
        return list(zip(fields, fields, fields, fields, strict=True))

    def size(self) -> int:
        return sum(map(size_of, self.rows))

    def build(self) -> bytearray:
        return build(self.rows)


class FirstRecord:
    """Of a transaction: where it stands tells where the others do, as there is no other writer.

    One for each transaction: what was sent for one that was aborted may be answered later.
    """

    def __init__(self) -> None:
        self.offset = -1

    def delivered(self, error: KafkaError | None, message: Message) -> None:
        """The client's callback."""
        if error is None:
            self.offset = message.offset() or 0


class KafkaWriter:
    """As `log.interface.Writer`."""

    def __init__(self, log: "KafkaLog", partition: KafkaPartition) -> None:
        self._log = log
        self._partition = partition
        self._what = f"writing to {partition.name}"
        self._in_transaction = False
        self._broken = False
        """Whether the client takes nothing more into the transaction: committing it tells why."""
        self._sent = False
        """Whether the transaction's first record was sent."""
        self._first = FirstRecord()
        self._closed = False
        self._dead = False
        """Whether nothing can be done with the client any more: it is fenced, or is in the middle
        of a call that nobody has time to wait for."""
        self._producer: Producer = log.new_transactional_producer(partition.name)
        self.target: tuple[Callable[..., None], str, int] = (
            self._producer.produce,
            log.prefix + partition.topic,
            partition.number,
        )
        """What a row is handed to, and where it goes."""
        with suppress(KafkaException):  # met again where it is waited for
            self._producer.init_transactions(AT_ONCE_S)

    def fence(self) -> None:
        """Wait until the partition is this writer's; that began as it was made."""
        self._insist(lambda: self._producer.init_transactions(ANSWER_S))

    def new_batch(self) -> TransactionBuilder:
        self._abort()
        return TransactionBuilder(self, self._log.clock())

    def append_batch(self, batch: BatchBuilder, meanwhile: Callable[[], None] = nothing) -> range:
        self._check_open()
        if not isinstance(batch, TransactionBuilder):
            batch = self._taken_over(batch)
        if not len(batch):
            end = self._partition.log_end
            return range(end, end)
        meanwhile()
        tries = 1
        while (reason := self._commit()) is not None:
            if tries == TRIES_MAX:
                raise failure(reason, self._what)
            tries += 1
            self._begin_with(batch.rows)
        base, end = self._first.offset, self._first.offset + len(batch)
        self._partition.is_known_to_reach(end)
        return range(base, end)

    def _taken_over(self, batch: BatchBuilder) -> TransactionBuilder:
        """What another builder holds."""
        rows = self._partition.rows_in(batch)
        for row in rows:
            self._partition.check(row)
        ours = self.new_batch()
        for delta, row in enumerate(rows):
            ours.append(delta, *row)
        return ours

    def close(self) -> None:
        """Give the partition up; what is not committed is undone. A second time does nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            self._abort()
        except LogError as error:
            logger.info("%s: closed without an answer: %s", self._what, error)
        self._log.forget_writer(self)

    # -- the transaction --------------------------------------------------------------------------

    def begin(self) -> None:
        self._check_open()
        self._first = FirstRecord()
        self._broken = self._sent = False
        self._insist(self._producer.begin_transaction)
        self._in_transaction = True

    def send(self, row: Row) -> None:
        """Hand a row to the client, which sends it in its own time."""
        if self._broken:
            return
        timestamp, key, value, headers = row
        produce, topic, number = self.target
        delivered = None if self._sent else self._first.delivered
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
                    raise failure(error, self._what) from error
                self._broken = True
                return

    def _begin_with(self, rows: list[Row]) -> None:
        self._abort()
        self.begin()
        for row in rows:
            self.send(row)

    def _commit(self) -> KafkaError | None:
        """The reason where the transaction was aborted instead, so that it must be sent again."""
        reason = self._insist(lambda: self._producer.commit_transaction(ANSWER_S))
        if reason is not None:
            logger.warning("%s: the transaction is sent again: %s", self._what, reason.str())
            self._abort()
            return reason
        self._in_transaction = False
        self._learn_offset()
        return None

    def _learn_offset(self) -> None:
        """The broker has told where the first row stands; the client tells when it is asked."""
        deadline_s = time.monotonic() + ANSWER_S
        while self._first.offset < 0:
            self._producer.poll(PAUSE_S)
            if time.monotonic() > deadline_s:
                raise LogUnavailable(f"{self._what}: it is durable, but its offset is not known")

    def _abort(self) -> None:
        if self._in_transaction and not self._dead:
            self._insist(lambda: self._producer.abort_transaction(ANSWER_S))
            self._in_transaction = False

    def _insist(self, call: Callable[[], object]) -> KafkaError | None:
        """Call until it is done. A cluster that is away is waited for.

        Returns the reason where the transaction has to be aborted. Errors: PartitionFenced, and
        those of `failure`; LogUnavailable where nobody has time to wait.
        """
        began_s = time.monotonic()
        while True:
            try:
                call()
                return None
            except KafkaException as error:
                reason = self._sort(error)
                if reason is not None:
                    return reason
                if not self._log.may_wait(self._what, began_s):
                    self._dead = True
                    raise failure(error, self._what) from error
                time.sleep(PAUSE_S)

    def _sort(self, error: KafkaException) -> KafkaError | None:
        """None: ask again. A reason: abort, and send again. Everything else is raised."""
        reason = reason_of(error)
        if reason is None or reason.code() in LASTING:
            raise failure(error, self._what) from error
        if reason.code() in (*FENCED, KafkaError._CONFLICT) or reason.fatal():
            self._dead = True
            raise PartitionFenced(
                f"{self._what}: a successor has taken over, or the cluster took the "
                f"transactional id away ({reason.str()})"
            ) from error
        if reason.txn_requires_abort():
            return reason
        if reason.retriable() or reason.code() in AWAY:
            return None
        raise failure(error, self._what) from error

    def _check_open(self) -> None:
        if self._closed or self._dead:
            raise PartitionFenced(f"{self._partition.name}: this writer was closed")
