"""An inbox: what is delivered is read from it, and what is not, from the log."""

import pytest

from log.backends.kafka import KafkaLog
from log.backends.kafka.batches import MessageRecord
from log.record import NO_HEADERS, Record
from log.topic import TopicConfig
from processors.core.workers.inbox import FULL_BYTES, Inbox

COMMANDS = 20


@pytest.fixture
def inbox(kafka_log: KafkaLog) -> Inbox[str]:
    """Of a partition that holds the values 0, 1, 2 ..."""
    kafka_log.create_topic("commands", TopicConfig())
    partition = kafka_log.partition("commands", 0)
    partition.append([Record(b"%d" % number, timestamp=5) for number in range(COMMANDS)])
    return Inbox(kafka_log, 0, partition)


def deliver(inbox: Inbox[str], *offsets: int, value: bytes = b"") -> list[bool]:
    return [
        inbox.deliver(
            MessageRecord(offset, 5, None, value or b"%d" % offset, NO_HEADERS), f"#{offset}"
        )
        for offset in offsets
    ]


def read(inbox: Inbox[str], offset: int, max_bytes: int = 1 << 20) -> list[int]:
    """The offsets of what one read brings; each record is what stands at its offset."""
    found = [record for batch in inbox.read(offset, max_bytes) for record in batch]
    for record in found:
        assert record.value == b"%d" % record.offset
    return [record.offset for record in found]


def test_what_is_delivered_is_read_until_it_is_decided(inbox: Inbox[str]) -> None:
    assert read(inbox, 0) == []
    assert deliver(inbox, 0, 1, 2) == [True] * 3
    assert read(inbox, 0) == read(inbox, 0) == [0, 1, 2]
    assert read(inbox, 1) == [1, 2]
    assert read(inbox, 0, max_bytes=1) == [0]
    assert inbox.decided(2) == ["#0", "#1"]
    assert read(inbox, 2) == [2]
    assert inbox.decided(3) == ["#2"]
    assert read(inbox, 3) == []


def test_what_is_delivered_again_counts_once(inbox: Inbox[str]) -> None:
    assert deliver(inbox, 0, 1, 1, 0, 2) == [True] * 5
    assert read(inbox, 0) == [0, 1, 2]
    assert inbox.decided(2) == ["#0", "#1"]
    assert deliver(inbox, 1) == [False]
    assert read(inbox, 2) == [2]


def test_a_gap_is_read_from_the_log(inbox: Inbox[str]) -> None:
    deliver(inbox, 5, 6, 9)
    found = read(inbox, 0)
    assert found[:5] == [0, 1, 2, 3, 4]
    assert read(inbox, 5) == [5, 6]
    assert read(inbox, 7)[:2] == [7, 8]
    assert read(inbox, 9) == [9]


def test_what_is_not_delivered_is_read_from_the_log_when_told_so(inbox: Inbox[str]) -> None:
    assert read(inbox, 0) == []
    inbox.look_itself()
    assert read(inbox, 0) == list(range(COMMANDS))
    assert read(inbox, COMMANDS) == []
    deliver(inbox, 0, 1)  # late
    inbox.decided(COMMANDS)
    assert read(inbox, COMMANDS) == []


def test_it_says_when_it_is_full_and_has_room_again(inbox: Inbox[str]) -> None:
    value = b"x" * (FULL_BYTES // 5)
    deliver(inbox, 0, 1, 2, 3, value=value)
    assert (inbox.is_full, inbox.has_room) == (False, False)
    deliver(inbox, 4, value=value)
    assert inbox.is_full
    inbox.decided(2)
    assert (inbox.is_full, inbox.has_room) == (False, False)
    inbox.decided(3)
    assert inbox.has_room
