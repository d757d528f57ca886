"""Membership of a consumer group: which partitions of some topics are this process's to work on.

The group only deals out partitions (cooperative-sticky, KIP-429): what is read is read elsewhere,
so every partition assigned is paused at once. Offsets committed here are for people and lag
monitors. The calls of the listener come from within `poll`, in its thread.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from log.backends.kafka.failures import ADVICE, failure
from log.interface import GroupListener

if TYPE_CHECKING:
    from log.backends.kafka.log import KafkaLog

logger = logging.getLogger("refold.kafka")

Place = tuple[str, int]
"""(topic, partition)"""
HEARTBEATS_A_SESSION = 6
LEAVE_S = 5.0
"""How long the group has to answer that it has seen us leave."""


class Membership:
    """As `log.interface.Membership`: joins a group for some topics."""

    def __init__(
        self,
        log: "KafkaLog",
        group: str,
        topics: Sequence[str],
        listener: GroupListener,
        session_timeout_s: float,
    ) -> None:
        self._prefix = log.prefix
        self._group = log.prefix + group
        self._listener = listener
        self._failed: BaseException | None = None
        self.is_member = False
        """Whether the group has dealt partitions out (maybe none) to this member."""
        session_ms = int(session_timeout_s * 1000)
        self._consumer = log.new_member(
            **{
                "group.id": self._group,
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": session_ms,
                "heartbeat.interval.ms": max(session_ms // HEARTBEATS_A_SESSION, 1),
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
            }
        )
        self._consumer.subscribe(
            [log.prefix + topic for topic in topics],
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )

    def poll(self, timeout_s: float = 0.0) -> None:
        """Take part in the group; calls the listener. Errors: LogRefused."""
        message = self._consumer.poll(timeout_s)
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed
        error = None if message is None else message.error()
        if error is None:
            return
        if error.code() in ADVICE:
            raise failure(error, f"consumer group {self._group}")
        if error.code() != KafkaError._MAX_POLL_EXCEEDED:
            logger.info("consumer group %s: %s", self._group, error.str())

    def commit(self, offsets: Mapping[Place, int]) -> None:
        """Tell the group how far the partitions are; not waited for, and not worth a failure."""
        if not offsets:
            return
        places = [
            TopicPartition(self._prefix + topic, number, offset)
            for (topic, number), offset in offsets.items()
        ]
        try:
            self._consumer.commit(offsets=places, asynchronous=True)
        except KafkaException as error:
            logger.info("consumer group %s: offsets not committed: %s", self._group, error)

    def close(self) -> None:
        """Leave the group: others need not wait for the session to run out."""
        leaving = threading.Thread(target=self._consumer.close, daemon=True)
        leaving.start()
        leaving.join(LEAVE_S)
        if leaving.is_alive():  # the client asks until the cluster is back
            logger.info("consumer group %s: left without an answer", self._group)

    def _on_assign(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        for place in places:
            place.offset = OFFSET_END
        consumer.incremental_assign(places)
        consumer.pause(places)
        self.is_member = True
        self._tell(self._listener.assigned, places)

    def _on_revoke(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        self._tell(self._listener.revoked, places)
        consumer.incremental_unassign(places)

    def _on_lost(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        self.is_member = False
        self._tell(self._listener.lost, places)
        consumer.incremental_unassign(places)

    def _tell(
        self, told: Callable[[Sequence[Place]], None], places: Sequence[TopicPartition]
    ) -> None:
        """The client would print what a callback raises, and go on: `poll` raises it instead."""
        try:
            told([(place.topic.removeprefix(self._prefix), place.partition) for place in places])
        except BaseException as error:
            self._failed = error
