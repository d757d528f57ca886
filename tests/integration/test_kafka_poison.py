"""Records that cannot be decided, on a real broker: the partition goes on, and what was refused
waits among the dead letters, whole, to be retried.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import KafkaError, Message, Producer

from log.backends.kafka import KafkaLog
from log.envelope import Event
from log.errors import InvalidRecord
from log.record import Record
from log.topic import TopicConfig
from processors.core.dead_letters import DeadLetters
from processors.core.messages import CommandDeadLettered, RulesAdopted
from processors.core.workers.group import GroupWorker
from tests.samples.parking import START_MS, SYSTEM
from tests.samples.parking.commands import LeaveSpot, ParkCar
from tests.samples.parking.events import CarLeft, CarParked

PARKING = replace(SYSTEM, partitions=1)
MEGABYTE = 1 << 20
DAY_MS = 24 * 3600 * 1000


def park(spot: str, car: str = "x", stay_ms: int = DAY_MS * 100_000) -> bytes:
    command = ParkCar(spot=spot, car=car, stay_ms=stay_ms)
    return PARKING.command_codec(TopicConfig()).encode(command)


def run(log: KafkaLog, **settings: Any) -> int:
    with GroupWorker(log, [PARKING], session_timeout_s=6.0, **settings) as worker:
        return worker.run(until_idle=True)


def events(log: KafkaLog) -> list[Event]:
    partition = log.partition(PARKING.events_topic, 0)
    decode = PARKING.event_codec(partition.config).decode
    offset, end, found = partition.log_start, partition.high_watermark, []
    while offset < end:
        for batch in partition.read(offset):
            offset = batch.last_offset + 1
            found += [decode(record.value or b"") for record in batch]
    return found


@pytest.fixture
def produce(kafka_log: KafkaLog, kafka_address: str) -> Callable[..., None]:
    """As a program that knows nothing of refold."""
    PARKING.ensure_topics(kafka_log)
    producer = Producer({"bootstrap.servers": kafka_address, "message.max.bytes": 500_000_000})
    refused: list[KafkaError] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            refused.append(error)

    def send(value: bytes | None, key: bytes = b"a") -> None:
        topic = kafka_log.prefix + PARKING.commands_topic
        producer.produce(topic, value, key, 0, on_delivery=delivered, timestamp=START_MS)
        assert producer.flush(30) == 0
        if refused:
            raise ValueError(refused.pop().name())

    return send


def test_a_partition_goes_on_behind_what_cannot_be_decided(
    kafka_log: KafkaLog, produce: Callable[..., None]
) -> None:
    for value in (
        b"\xff\xfe\x00",
        b'{"type":"no_such.v1"}',
        None,
        park("b", stay_ms=-1),  # the decider raises
        park("a"),
    ):
        produce(value)
    assert run(kafka_log) == 5
    told = events(kafka_log)
    assert [type(event) for event in told] == [RulesAdopted, *[CommandDeadLettered] * 4, CarParked]
    assert [event.cause for event in told[1:]] == [0, 1, 2, 3, 4]

    waiting = DeadLetters(kafka_log, PARKING, 0)
    letters = waiting.letters()
    assert [(letter.offset, letter.status) for letter in letters] == [
        (offset, "waiting") for offset in range(4)
    ]
    assert "no_such.v1" in letters[1].error
    assert letters[2].error == "a command cannot be a tombstone"
    assert "a stay cannot be negative" in letters[3].error
    retried = waiting.retry(3)
    assert [letter.retried_as for letter in retried] == [5, 6, 7, 8]
    assert run(kafka_log) == 4
    assert [letter.retry_of for letter in waiting.letters()[4:]] == [0, 1, 2, 3]


def test_a_megabyte_goes_through(kafka_log: KafkaLog, produce: Callable[..., None]) -> None:
    car = "x" * MEGABYTE
    produce(park("a", car))
    produce(b"{" + b" " * MEGABYTE)  # and one that is no command
    assert run(kafka_log) == 2
    _, parked, dead = events(kafka_log)
    assert isinstance(parked, CarParked)
    assert parked.car == car
    assert isinstance(dead, CommandDeadLettered)
    assert len(DeadLetters(kafka_log, PARKING, 0).find(1).value or "") == MEGABYTE + 1


def test_a_record_beyond_the_limit_is_refused_and_nothing_is_lost(
    kafka_log: KafkaLog, produce: Callable[..., None]
) -> None:
    commands = kafka_log.partition(PARKING.commands_topic, 0)
    limit = commands.config.max_message_bytes
    with pytest.raises(InvalidRecord, match=rf"commands-0: .* max_message_bytes {limit}"):
        commands.append([Record(b" " * limit)])
    with pytest.raises(ValueError, match="MSG_SIZE_TOO_LARGE"):
        produce(b" " * (limit + 1000))
    produce(b" " * (limit - 1000))  # as large as may be, and no command: a dead letter, whole
    produce(park("a"))
    assert run(kafka_log) == 2
    assert [type(event) for event in events(kafka_log)[1:]] == [CommandDeadLettered, CarParked]


def test_an_event_beyond_the_limit_makes_a_dead_letter_of_its_command(
    kafka_log: KafkaLog,
) -> None:
    small = TopicConfig(max_message_bytes=100_000)
    kafka_log.create_topic(PARKING.events_topic, small)
    PARKING.ensure_topics(kafka_log)
    commands = kafka_log.partition(PARKING.commands_topic, 0)
    leave = PARKING.command_codec(commands.config).encode(LeaveSpot(spot="a"))
    values = [park("a"), park("b", "x" * 200_000), leave]
    commands.append([Record(value, b"a", START_MS) for value in values])
    assert run(kafka_log) == 3
    _, parked, dead, left = events(kafka_log)
    assert isinstance(parked, CarParked)
    assert isinstance(left, CarLeft)
    assert isinstance(dead, CommandDeadLettered)
    assert "max_message_bytes 100000" in dead.reason
