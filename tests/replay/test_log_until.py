"""A log seen as it was ends where it is told, and takes nothing."""

from collections.abc import Callable
from itertools import islice

import pytest

from log.errors import LogRefused, OffsetOutOfRange
from log.interface import Log
from log.record import Record
from log.topic import TopicConfig
from processors.core.task import Task
from replay.log_until import LogUntil
from replay.state import state_at
from replay.verify import verify
from tests.replay.recording import PARKING, append, run
from tests.samples.parking import START_MS, SYSTEM, flow

EVENTS = SYSTEM.events_topic


@pytest.fixture
def recorded(log: Log) -> Log:
    append(log, *islice(flow(1), 40))
    run(log)
    return log


def until(log: Log, end: int) -> LogUntil:
    return LogUntil(log, {(EVENTS, 0): end})


def offsets(log: LogUntil, start: int, max_bytes: int = 1 << 20) -> list[int]:
    partition, found = log.partition(EVENTS, 0), []
    while batches := partition.read(start, max_bytes):
        found += [record.offset for batch in batches for record in batch]
        start = batches[-1].last_offset + 1
    return found


def test_reads_end_at_every_offset(recorded: Log) -> None:
    last = recorded.partition(EVENTS, 0).high_watermark
    for end in range(last + 1):
        past = until(recorded, end)
        partition = past.partition(EVENTS, 0)
        assert (partition.high_watermark, partition.log_end) == (end, end)
        assert offsets(past, 0) == offsets(past, 0, 1) == list(range(end))
        assert offsets(past, end // 2) == list(range(end // 2, end))
        assert (partition.wait(end - 1, 9), partition.wait(end, 9)) == (True, False)


def test_times_end_there_too(recorded: Log) -> None:
    first, *_, last = (
        record.timestamp for batch in recorded.partition(EVENTS, 0).read(0) for record in batch
    )
    partition = until(recorded, 5).partition(EVENTS, 0)
    assert partition.offset_for_time(first) == 0
    assert partition.offset_for_time(last) is None


def test_it_does_not_grow(recorded: Log) -> None:
    past = LogUntil(recorded, {})
    before = state_at(past, PARKING, 0)
    append(recorded, (START_MS * 2, next(flow(9))[1]))
    run(recorded)
    assert state_at(past, PARKING, 0) == before
    assert state_at(recorded, PARKING, 0).command_offset == before.command_offset + 1


def test_what_reads_a_log_reads_this_one(recorded: Log) -> None:
    whole = verify(recorded, PARKING, 0)
    with LogUntil(recorded, {}) as past:
        assert verify(past, PARKING, 0) == whole
        assert past.topics() == recorded.topics()
        assert past.ensure_topic(EVENTS, TopicConfig()) == recorded.topics()[EVENTS]


def test_ends_that_are_not_there(recorded: Log) -> None:
    end = recorded.partition(EVENTS, 0).high_watermark
    with pytest.raises(OffsetOutOfRange, match="cannot end at offset"):
        until(recorded, end + 1)
    with pytest.raises(OffsetOutOfRange, match="is taken to end"):
        until(recorded, 3).partition(EVENTS, 0).read(4)


@pytest.mark.parametrize(
    "write",
    [
        lambda log: log.partition(EVENTS, 0).append([Record(b"x")]),
        lambda log: log.partition(EVENTS, 0).append_batch(None),
        lambda log: log.partition(EVENTS, 0).new_batch(),
        lambda log: log.partition(EVENTS, 0).delete_before(1),
        lambda log: log.open_writer(EVENTS, 0),
        lambda log: log.create_topic("new", TopicConfig()),
        lambda log: log.ensure_topic("new", TopicConfig()),
        lambda log: log.delete_topic(EVENTS),
        lambda log: log.commit("group", {(EVENTS, 0): 1}),
        lambda log: log.clean(),
        lambda log: Task(log, PARKING, 0),
    ],
)
def test_nothing_is_written(recorded: Log, write: Callable[[LogUntil], object]) -> None:
    before = state_at(recorded, PARKING, 0)
    with pytest.raises(LogRefused, match="can only be read"):
        write(until(recorded, 3))
    assert (state_at(recorded, PARKING, 0), recorded.groups()) == (before, [])
