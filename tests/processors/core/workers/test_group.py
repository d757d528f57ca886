"""The worker of a cluster, on a real broker: what it does when a partition is taken from it.

Killed, stopped and rebalanced workers are in `tests/integration/test_kafka_*.py`.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from log.backends.kafka import KafkaLog
from log.record import Record
from processors.core.workers.group import RETRY_S_MAX, Assignment, GroupWorker
from processors.core.workers.monitor import Monitor, Place
from tests.contract.logs import records_of
from tests.samples.parking import START_MS, SYSTEM

PARTITIONS = 6
PARKING = replace(SYSTEM, partitions=PARTITIONS)
LEAVE = b'{"type":"leave_spot.v1","spot":"a"}'
DEADLINE_S = 60.0


class Seen(Monitor):
    def __init__(self) -> None:
        self.fences = Counter[Place]()

    def fenced(self, place: Place) -> None:
        self.fences[place] += 1


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def worker(kafka_log: KafkaLog, seen: Seen) -> Iterator[GroupWorker]:
    with GroupWorker(kafka_log, [PARKING], session_timeout_s=6.0, monitor=seen) as opened:
        yield opened


def turn_until(worker: GroupWorker, holds: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline_s
        worker.turn()
        time.sleep(0.001)


def decided(log: KafkaLog, number: int) -> int:
    """How many commands of the partition, after the rules were adopted."""
    return max(len(records_of(log.partition(PARKING.events_topic, number))) - 1, 0)


def test_a_partition_that_fails_for_hours_is_tried_again_at_the_longest_interval() -> None:
    assignment = Assignment(Place(PARKING.name, 0), PARKING)
    for _ in range(2000):
        assignment.put_off()
    assert 0 < assignment.retry_s - time.monotonic() <= RETRY_S_MAX


def append(log: KafkaLog, *numbers: int) -> None:
    for number in numbers:
        log.partition(PARKING.commands_topic, number).append([Record(LEAVE, b"a", START_MS)])


def test_a_fenced_task_is_dropped_and_opened_again(
    kafka_log: KafkaLog, worker: GroupWorker, seen: Seen
) -> None:
    append(kafka_log, *range(PARTITIONS))
    turn_until(worker, lambda: worker.decided == PARTITIONS)
    assert all(decided(kafka_log, number) == 1 for number in range(PARTITIONS))
    tasks = {task.number: task for task in worker.tasks}
    kafka_log.open_writer(PARKING.events_topic, 2).close()
    append(kafka_log, *range(PARTITIONS))
    turn_until(worker, lambda: worker.decided == 2 * PARTITIONS)
    assert all(decided(kafka_log, number) == 2 for number in range(PARTITIONS))
    assert seen.fences == {Place(PARKING.name, 2): 1}
    again = {task.number: task for task in worker.tasks}
    assert [again[number] is tasks[number] for number in range(PARTITIONS)] == [
        number != 2 for number in range(PARTITIONS)
    ]


def test_what_is_released_before_it_is_opened_can_be_had_again(
    kafka_log: KafkaLog, worker: GroupWorker, seen: Seen
) -> None:
    """It was being fenced: that is forgotten, as another may have had it since."""
    place = (PARKING.commands_topic, 2)
    turn_until(worker, lambda: worker.is_settled and len(worker.tasks) == PARTITIONS)
    worker.lost([place])
    worker.assigned([place])
    worker.turn()
    assert len(worker.tasks) == PARTITIONS - 1
    worker.revoked([place])
    kafka_log.open_writer(PARKING.events_topic, 2).close()
    worker.assigned([place])
    append(kafka_log, 2)
    turn_until(worker, lambda: worker.decided == 1)
    assert decided(kafka_log, 2) == 1
    assert not seen.fences
