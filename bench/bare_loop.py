"""The loop that one would write by hand: consume, decide, produce, exactly once, no runtime.

A consumer that joins a group, a producer with transactions, offsets committed within them, and
the client's settings as they are best for it. It drives the exchange's own decider, and stamps
sequence, cause, timestamp and key on the events as a task does, so that it writes the same bytes.
It has no recovery (where it starts again, its book is empty), no fence for each partition, no
dead letters, no timers, no origins.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from log.backends.kafka import KafkaLog
from processors.core.system import System

TRANSACTION_COMMANDS = 10_000
JOIN_S = 30.0
ANSWER_S = 10.0
CONSUMER = {
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
    "isolation.level": "read_committed",
    "fetch.message.max.bytes": 4_000_000,
    "queued.min.messages": 200_000,
}
PRODUCER = {
    "enable.idempotence": True,
    "linger.ms": 5,
    "retry.backoff.ms": 10,  # a transaction that follows at once on another is asked for again
    "batch.size": 1_000_000,
    "batch.num.messages": 20_000,
    "queue.buffering.max.messages": 1_000_000,
}

_PARTITION: Callable[[Message], int] = Message.partition  # type: ignore[assignment]


class BareLoop:
    """Joined and ready once made, with the first command at hand."""

    def __init__(self, address: str, log: KafkaLog, system: System, group: str) -> None:
        servers = {"bootstrap.servers": address}
        name = log.prefix + group
        self._topic = log.prefix + system.commands_topic
        self._events_topic = log.prefix + system.events_topic
        commands = log.partition(system.commands_topic, 0)
        events = log.partition(system.events_topic, 0)
        self._decode = system.command_codec(commands.config).decode
        self._encode = system.event_codec(events.config).encode
        self._decider = system.decider
        partitions = commands.config.partitions
        self._states = [system.decider.initial() for _ in range(partitions)]
        self._sequences = [1] * partitions
        """A task's first event, of sequence 0, says which rules it runs."""
        self._producer = Producer({**PRODUCER, **servers, "transactional.id": name})
        self._producer.init_transactions(JOIN_S)
        self._consumer = Consumer({**CONSUMER, **servers, "group.id": name})
        self._consumer.subscribe([self._topic])
        self._first = self._consumer.consume(1, JOIN_S)

    def consume(self, most: int, timeout_s: float) -> list[Any]:
        """Commands that wait: `most` of them, or those that come within the time."""
        first, self._first = self._first, []
        return first + self._consumer.consume(max(most - len(first), 1), timeout_s)

    def decide(self, messages: Sequence[Any]) -> None:
        """One transaction."""
        decode, encode, produce = self._decode, self._encode, self._producer.produce
        decide, evolve = self._decider.decide, self._decider.evolve
        topic, states, sequences = self._events_topic, self._states, self._sequences
        positions: dict[int, int] = {}
        self._producer.begin_transaction()
        for number, run in groupby(messages, _PARTITION):
            state, sequence = states[number], sequences[number]
            for message in run:
                error = message.error()
                if error is not None:
                    raise KafkaException(error)
                cause, at, key = message.offset(), message.timestamp()[1], message.key()
                events = decide(state, decode(message.value()), at)
                count = len(events)
                for index, event in enumerate(events):
                    event.sequence = sequence
                    event.cause = cause
                    if count > 1:
                        event.cause_index = index
                        event.cause_count = count
                    state = evolve(state, event)
                    produce(topic, encode(event), key, number, None, None, at)
                    sequence += 1
            states[number], sequences[number], positions[number] = state, sequence, cause + 1
        self._producer.send_offsets_to_transaction(
            [TopicPartition(self._topic, number, at) for number, at in positions.items()],
            self._consumer.consumer_group_metadata(),
        )
        self._producer.commit_transaction(ANSWER_S)

    def run(self, count: int) -> None:
        """Decide so many commands of a backlog."""
        while count:
            messages = self.consume(min(TRANSACTION_COMMANDS, count), 1.0)
            if messages:
                self.decide(messages)
                count -= len(messages)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()
