"""Commands reach the partition of their key, in order, and are counted once they are durable."""

import dataclasses

import pytest

from gateway.appender import Appender
from log.backends.memory import MemoryLog
from log.errors import LogStorageError
from log.interface import Partition
from tests.samples.parking import SYSTEM
from tests.samples.parking.commands import LeaveSpot

SMALL = dataclasses.replace(SYSTEM, topic_settings={"max_message_bytes": 2000})


def offsets_and_spots(partition: Partition) -> list[tuple[int, bytes | None]]:
    return [(record.offset, record.key) for batch in partition.read(0) for record in batch]


def test_a_command_goes_where_its_key_belongs() -> None:
    log = MemoryLog()
    appender = Appender(log, SYSTEM)
    spots = [f"spot-{number}" for number in range(20)]
    for at, spot in enumerate(spots):
        appender.add(LeaveSpot(spot=spot), at)
    assert (appender.durable_count, appender.flush(), appender.durable_count) == (0, 20, 20)
    for number in range(SYSTEM.partitions):
        due = [s for s in spots if SYSTEM.placed(LeaveSpot(spot=s), 2)[1] == (number,)]
        found = offsets_and_spots(log.partition(SYSTEM.commands_topic, number))
        assert found == [(offset, spot.encode()) for offset, spot in enumerate(due)]
        durable = appender.durable[number]
        assert (durable.count, durable.first_offset, durable.last_offset) == (
            len(due),
            0,
            len(due) - 1,
        )


def test_a_command_without_a_key_goes_to_every_partition_once_and_in_its_turn() -> None:
    log = MemoryLog()
    system = dataclasses.replace(
        SYSTEM, partitions=3, key=lambda command: None if command.spot == "all" else command.spot
    )
    appender = Appender(log, system)
    for at, spot in enumerate(["a", "b", "c", "d", "all", "a", "b", "c", "d"]):
        appender.add(LeaveSpot(spot=spot), at)
    assert (appender.flush(), appender.durable_count) == (8 + 3, 8 + 3)
    for number in range(3):
        (batch,) = log.partition(system.commands_topic, number).read(0)
        found = [(record.key, record.timestamp) for record in batch]
        before = [key for key, at in found if at < 4]
        assert found == [
            *((key, b"abcd".index(key or b"")) for key in before),
            (None, 4),
            *((key, b"abcd".index(key or b"") + 5) for key in before),
        ]
        assert appender.durable[number].count == len(found)


def test_without_a_time_it_is_the_clocks() -> None:
    log = MemoryLog()
    appender = Appender(log, SYSTEM, clock=lambda: 42)
    appender.add(LeaveSpot(spot="a"))
    appender.add(LeaveSpot(spot="a"), 7)
    appender.flush()
    _, (number,) = SYSTEM.placed(LeaveSpot(spot="a"), 2)
    (batch,) = log.partition(SYSTEM.commands_topic, number).read(0)
    assert [record.timestamp for record in batch] == [42, 7]


def test_batches_stay_below_the_topics_limit() -> None:
    log = MemoryLog()
    appender = Appender(log, SMALL)
    for _ in range(200):
        appender.add(LeaveSpot(spot="a"), 1)
    appender.flush()
    _, (number,) = SMALL.placed(LeaveSpot(spot="a"), 2)
    batches = log.partition(SMALL.commands_topic, number).read(0)
    assert len(batches) > 1
    assert max(len(batch.buffer) for batch in batches) <= 2000
    assert sum(batch.count for batch in batches) == appender.durable_count == 200


def test_what_was_durable_before_a_refusal_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    log = MemoryLog()
    appender = Appender(log, SYSTEM)
    for number in range(20):
        appender.add(LeaveSpot(spot=f"spot-{number}"), 1)

    def refuse(batch: object) -> int:
        raise LogStorageError("the disk is full")

    monkeypatch.setattr(log.partition(SYSTEM.commands_topic, 1), "append_batch", refuse)
    with pytest.raises(LogStorageError):
        appender.flush()
    durable = log.partition(SYSTEM.commands_topic, 0).high_watermark
    assert appender.durable_count == durable > 0
