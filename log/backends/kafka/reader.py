"""Reads one partition of a cluster, on from where it stands: a consumer of no group.

The client fetches ahead in threads of its own, so that reading on costs little more than making
Python objects. Settings that matter (measured: 3 x between the worst and the best): how much is
fetched ahead, and how soon after a full queue. Only committed records are seen.
"""

import time
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from log.backends.kafka.batches import RECORD_OVERHEAD_BYTES, MessageBatch, batch_of_messages
from log.backends.kafka.failures import failure
from log.errors import OffsetOutOfRange

ANSWER_S = 30.0
"""How long a broker may take for what it is known to have."""
LOOK_S = 0.1
"""How long one call of the client waits: then those who wait are asked whether they go on."""
CONSUME_MAX = 100_000
"""Messages a call of the client, at most."""
READ_AHEAD = {
    "queued.min.messages": 200_000,
    "queued.max.messages.kbytes": 65_536,
    "fetch.message.max.bytes": 4_000_000,
    "fetch.queue.backoff.ms": 5,
    "fetch.wait.max.ms": 100,
}
ONE_BY_ONE = {
    "queued.min.messages": 1,
    "queued.max.messages.kbytes": 256,
    "fetch.message.max.bytes": 65_536,
    "fetch.queue.backoff.ms": 1,
    "fetch.wait.max.ms": 5,
}
OUT_OF_RANGE = (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE)

NewConsumer = Callable[[], Consumer]
MayWait = Callable[[str, float], bool]
"""Whether to go on waiting for that, which was asked at that time (monotonic, seconds)."""


class Reader:
    """A place in a partition, and what was fetched from there on. Not safe for two threads."""

    def __init__(self, new_consumer: NewConsumer, may_wait: MayWait) -> None:
        self._consumer = new_consumer()
        self._may_wait = may_wait
        self._topic = TopicPartition("")
        self.position = -1
        """The offset of the next record to give out; -1: nowhere yet."""
        self._fetched: list[Message] = []
        self._end = -1
        """The position at which the broker last said that there is nothing further; -1: it has
        not said since."""
        self._settled = False
        """Whether the broker has answered since the last seek."""
        self._record_bytes = 128

    def seek(self, topic: str, number: int, offset: int) -> None:
        """Go to an offset of a partition."""
        self._topic = TopicPartition(topic, number, offset)
        self._consumer.assign([self._topic])
        self.position = offset
        self._fetched = []
        self._end = -1
        self._settled = False

    def read(self, max_bytes: int, until: int) -> MessageBatch | None:
        """What comes next, up to `max_bytes`, at least one record; None where there is nothing.

        Waits for the broker only where it has not answered since the last seek, or the log is
        known to reach `until`. Errors: OffsetOutOfRange, and those of `failure`.
        """
        wanted = min(max(1, max_bytes // self._record_bytes), CONSUME_MAX)
        if len(self._fetched) < wanted:
            self._fetch(wanted - len(self._fetched), 0.0)
        began_s, what = time.monotonic(), f"reading {self._name} at offset {self.position}"
        while not self._fetched:
            if self._settled and max(self.position, self._end) >= until:
                return self._step_over()
            self._fetch(1, LOOK_S)
            if not self._fetched and (
                time.monotonic() - began_s > ANSWER_S or not self._may_wait(what, began_s)
            ):
                raise failure(None, what)
            if self._fetched:
                self._fetch(wanted - 1, 0.0)
        return self._take(wanted, max_bytes)

    def wait(self, timeout_s: float, until: int) -> bool:
        """Whether there is a record at or after the position, within that time; what the log is
        known to reach is waited for."""
        began_s, is_behind = time.monotonic(), self.position < until
        deadline_s = began_s + (ANSWER_S if is_behind else timeout_s)
        while not self._fetched and not self.position < self._end:
            left_s = deadline_s - time.monotonic()
            self._fetch(1, min(max(left_s, 0.0), LOOK_S))
            if left_s <= 0 or (is_behind and not self._may_wait(self._name, began_s)):
                break
        return bool(self._fetched) or self.position < self._end

    def leave(self) -> None:
        """Stand nowhere, and fetch nothing."""
        self._consumer.unassign()
        self.position = -1
        self._fetched = []

    def close(self) -> None:
        self._consumer.close()

    @property
    def _name(self) -> str:
        return f"{self._topic.topic}-{self._topic.partition}"

    def _step_over(self) -> MessageBatch | None:
        """At the end: a batch without records over the offsets that hold nothing, if any."""
        begin, self.position = self.position, max(self.position, self._end)
        return MessageBatch(begin, self.position - 1, []) if begin < self.position else None

    def _take(self, wanted: int, max_bytes: int) -> MessageBatch:
        values = list(accumulate(map(len, self._fetched[:wanted])))
        each = RECORD_OVERHEAD_BYTES + len(self._fetched[0].key() or b"")
        self._record_bytes = values[-1] // len(values) + each
        fitting = len(values)
        while fitting > 1 and values[fitting - 1] + fitting * each > max_bytes:
            fitting = bisect_right(values, max(max_bytes - fitting * each, 0), 0, fitting - 1)
        fitting = max(fitting, 1)
        batch = batch_of_messages(self.position, self._fetched[:fitting])
        del self._fetched[:fitting]
        self.position = batch.last_offset + 1
        return batch

    def _fetch(self, count: int, timeout_s: float) -> None:
        for message in self._consumer.consume(count, timeout_s):
            error = message.error()
            if error is None:
                self._fetched.append(message)
                self._end = -1
            elif error.code() == KafkaError._PARTITION_EOF:
                self._end = message.offset() or 0
            elif error.code() in OUT_OF_RANGE:
                position, self.position = self.position, -1
                raise OffsetOutOfRange(f"{self._name}: offset {position}: {error.str()}")
            elif not error.retriable() and error.code() != KafkaError._TRANSPORT:
                raise failure(error, f"reading {self._name}")
        self._settled = self._settled or bool(self._fetched) or self._end >= 0
