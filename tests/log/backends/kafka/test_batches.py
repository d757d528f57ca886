"""Batches of what Kafka's client hands over: records as often as one likes, and their bytes."""

from collections.abc import Sequence
from typing import Any

from confluent_kafka import Message

from log.backends.kafka.batches import batch_of_messages
from log.record import Batch, Headers, StoredRecord

AT_MS = 1_700_000_000_000
Fields = tuple[int, int, bytes | None, bytes | None, Headers]


def message(offset: int, key: bytes | None, value: bytes | None, headers: Any = None) -> Message:
    # The latest stands in the middle.
    at_ms = AT_MS + (50 if offset == 11 else offset)
    return Message("t", 0, offset, key, value, headers, timestamp=(1, at_ms))


PLAIN = [message(10, b"k", b"one"), message(11, None, b"two"), message(14, b"k", None)]
TRACED = [*PLAIN, message(15, b"k", b"four", [("traceparent", b"00-1")])]


def fields_of(records: Sequence[StoredRecord]) -> list[Fields]:
    return [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in records]


def test_records_are_those_of_the_messages_as_often_as_one_likes() -> None:
    expected: list[Fields] = [
        (10, AT_MS + 10, b"k", b"one", []),
        (11, AT_MS + 50, None, b"two", []),
        (14, AT_MS + 14, b"k", None, []),
    ]
    plain, traced = batch_of_messages(8, PLAIN), batch_of_messages(8, TRACED)
    for _ in range(2):
        assert fields_of(list(plain)) == expected
        assert fields_of(list(traced)) == [
            *expected,
            (15, AT_MS + 15, b"k", b"four", [("traceparent", b"00-1")]),
        ]


def test_a_batch_knows_its_place_and_its_latest_timestamp() -> None:
    for messages, last_offset in ((PLAIN, 14), (TRACED, 15)):
        batch = batch_of_messages(8, messages)
        assert (batch.base_offset, batch.last_offset) == (8, last_offset)
        assert batch.count == len(messages)
        assert batch.max_timestamp == AT_MS + 50


def test_a_batch_is_encoded_where_its_bytes_are_asked_for() -> None:
    for messages in (PLAIN, TRACED):
        batch = batch_of_messages(8, messages)
        assert fields_of(list(Batch(batch.buffer))) == fields_of(list(batch))
