"""Events come out the same, however a log cuts its batches and wherever its offsets have holes."""

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log.backends.kafka.batches import MessageBatch, MessageRecord
from log.backends.memory import MemoryPartition
from log.errors import OffsetOutOfRange
from log.interface import Log, Partition
from log.record import NO_HEADERS, Batch, Record
from projections.core.errors import InvalidEvent, ProjectionGap
from projections.core.event_reader import EventReader
from projections.core.store import Watermark
from tests.projections.core.garage import SYSTEM, Topic, left, parked
from tests.samples.parking.events import EVENTS, CarParked

TOPIC = SYSTEM.events_topic
SIZE = 100
"""What a record counts as."""


class Holed:
    """The first partition as a broker's client gives it out: a transaction marker after every
    append, a batch a read, cut by size alone, and an empty one that steps over what is left."""

    topic = TOPIC
    number = 0

    def __init__(self, whole: MemoryPartition) -> None:
        self.config = whole.config
        self.log_start = 0
        self.reads = 0
        self.ends_asked = 0
        self._records: list[MessageRecord] = []
        self._end = 0
        for batch in whole.read(0, 1 << 30):
            self.append(list(batch))

    def append(self, stored: list[Any]) -> None:
        for record in stored:
            value = record.value
            self._records.append(
                MessageRecord(self._end, record.timestamp, None, value, NO_HEADERS)
            )
            self._end += 1
        self._end += 1

    @property
    def high_watermark(self) -> int:
        self.ends_asked += 1
        return self._end

    def read(self, offset: int, max_bytes: int = 1 << 20) -> list[Batch]:
        self.reads += 1
        if not self.log_start <= offset <= self._end:
            raise OffsetOutOfRange(f"{offset}")
        found = [record for record in self._records if record.offset >= offset]
        found = found[: max(1, max_bytes // SIZE)]
        if found:
            return [MessageBatch(offset, found[-1].offset, found)]
        return [MessageBatch(offset, self._end - 1, [])] if offset < self._end else []


class HoledLog:
    """The topic's log, with its first partition holed."""

    def __init__(self, topic: Topic) -> None:
        self._log = topic.log
        self.holed = Holed(topic.log.partition(TOPIC, 0))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def partition(self, topic: str, number: int) -> Partition:
        if (topic, number) == (TOPIC, 0):
            return cast(Partition, self.holed)
        return self._log.partition(topic, number)


def reader_of(log: HoledLog) -> EventReader:
    return EventReader(cast(Log, log), SYSTEM, EVENTS)


def read_all(
    reader: EventReader, max_bytes: int, mark: Watermark | None = None
) -> tuple[list[int], Watermark]:
    """The sequences of all events, and the watermark behind them."""
    mark = mark or Watermark()
    sequences: list[int] = []
    while (chunk := reader.read(0, mark, max_bytes)).after != mark:
        events = chunk.events.events
        assert not events or events[-1].cause_index + 1 == events[-1].cause_count
        sequences += [event.sequence for event in events]
        mark = chunk.after
        assert mark.next_sequence == (sequences[-1] + 1 if sequences else 0)
    return sequences, mark


@given(st.lists(st.integers(1, 9), min_size=1, max_size=20), st.integers(1, 30))
def test_batches_may_be_cut_anywhere(commands: list[int], records_read: int) -> None:
    topic = Topic()
    for events in commands:
        topic.append(*(parked("a", "x") for _ in range(events)))
    log = HoledLog(topic)
    sequences, mark = read_all(reader_of(log), records_read * SIZE)
    assert sequences == list(range(sum(commands)))
    assert mark.next_offset == log.holed.high_watermark - 1  # behind it stands the last marker
    for number in range(len(commands)):
        reader_of(log).verify(0, read_all(reader_of(log), (number + 1) * SIZE)[1])


def test_what_stands_behind_the_last_event_is_read_over_once() -> None:
    topic = Topic()
    topic.append(parked("a", "x"))
    log = HoledLog(topic)
    reader = reader_of(log)
    _, mark = read_all(reader, 1000)
    assert reader.position(0, mark) == 2 and reader.is_at_end(0, mark)
    before = log.holed.reads
    for _ in range(10):
        reader.read(0, mark, 1000)
    assert log.holed.reads == before + 10  # each finds nothing, where it ended
    assert log.holed.ends_asked == 0
    log.holed.append(topic.records(left("a")))
    assert not reader.is_at_end(0, mark)
    assert read_all(reader, 1000, mark) == ([1], Watermark(2, 3, read_all(reader, 9)[1].checksum))


def test_a_command_of_which_a_part_is_there_is_not_read_again_and_again() -> None:
    topic = Topic()
    first, second, third = topic.records(*(parked("a", "x") for _ in range(3)))
    log = HoledLog(topic)
    reader, mark = reader_of(log), Watermark()
    for part in ([first], [second]):
        log.holed.append(part)
        for _ in range(3):
            assert reader.read(0, mark, SIZE).after == mark
        assert reader.position(0, mark) == log.holed.high_watermark
    log.holed.append([third])
    assert read_all(reader, SIZE) == ([0, 1, 2], Watermark(3, 5, read_all(reader, 9)[1].checksum))


@pytest.mark.parametrize(
    ("value", "error"),
    [(b"\xff", InvalidEvent), (b'{"type":"car_left.v1","sequence":9,"spot":"a"}', ProjectionGap)],
)
def test_whole_commands_before_a_fault_are_given_out(value: bytes, error: type[Exception]) -> None:
    topic = Topic()
    topic.append(parked("a", "x"))
    topic.append(parked("b", "x"), parked("c", "x"), left("c"))
    log = HoledLog(topic)
    torn = topic.records(parked("d", "x"), left("d"))
    log.holed.append([torn[0], Record(value)])
    reader, mark = reader_of(log), Watermark()
    while mark.next_sequence < 4:
        mark = reader.read(0, mark, 1 << 20).after
    with pytest.raises(error, match="at offset 7"):
        reader.read(0, mark, 1 << 20)


def test_a_writer_without_a_fence_repeats_itself_within_a_cut_batch() -> None:
    topic = Topic()
    whole = topic.records(parked("a", "x"))
    torn = topic.records(parked("b", "x"), parked("c", "x"), parked("d", "x"))
    log = HoledLog(topic)
    log.holed.append([*whole, *torn[:2]])
    log.holed.append([*torn, *topic.records(left("a"))])
    for records_read in range(1, 8):
        sequences, mark = read_all(reader_of(log), records_read * SIZE)
        assert (sequences, mark.next_sequence) == ([0, 1, 2, 3, 4], 5), records_read


def test_events_that_nobody_folds_are_not_kept_from_the_cut() -> None:
    topic = Topic()
    for _ in range(5):
        topic.append(parked("a", "x"), left("a"), parked("b", "y"))
    log = HoledLog(topic)
    reader = EventReader(cast(Log, log), SYSTEM, (CarParked,))
    mark, sequences = Watermark(), list[int]()
    while (chunk := reader.read(0, mark, 4 * SIZE)).after != mark:
        sequences += [event.sequence for event in chunk.events.events]
        mark = chunk.after
    assert sequences == [number for number in range(15) if number % 3 != 1]
