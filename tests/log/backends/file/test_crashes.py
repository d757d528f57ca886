"""Stop the process, cut the power or fail the disk at every single operation: nothing is lost.

A fixed course of appends, rolls, deletions and compactions runs on a simulated disk and ends at
its n-th operation, for every n. What was acknowledged is there afterwards, in order; what is there
was appended; and the log goes on.
"""

import errno
from dataclasses import dataclass, field

import pytest

from log.backends.file import FileLog
from log.errors import LogError, LogStorageError
from log.record import Record
from log.topic import TopicConfig
from tests.log.backends.file.simulated_storage import SimulatedStorage, Stopped

LOG = "/simulated/log"
NOW_MS = 1_700_000_000_000
CONFIGS = {
    "kept": TopicConfig(segment_bytes=1024, index_interval_bytes=200),
    "compacted": TopicConfig(
        segment_bytes=1024, index_interval_bytes=200, cleanup_policy="compact"
    ),
    "unflushed": TopicConfig(
        segment_bytes=1024,
        index_interval_bytes=200,
        durability="loses_unflushed_on_power_failure",
    ),
}
DURABLE = ["kept", "compacted"]


@dataclass
class Course:
    """What the course did, as its caller knows it."""

    appended: list[bytes] = field(default_factory=list)
    acknowledged: dict[int, bytes] = field(default_factory=dict)
    start: int = 0
    """The log start that was asked for, whether or not the answer came."""
    committed: int = 0
    asked_to_commit: int = 0


def open_log(storage: SimulatedStorage) -> FileLog:
    return FileLog(LOG, clock=lambda: NOW_MS, storage=storage)


def key_of(value: bytes) -> bytes:
    """Two in three values have a key that comes again, one has a key of its own."""
    number = value.split()[0]
    return number if int(number) % 3 == 0 else b"%d again" % (int(number) % 2)


def append(log: FileLog, course: Course, count: int, topic: str) -> None:
    partition = log.partition(topic, 0)
    for _ in range(count):
        number = len(course.appended)
        value = b"%d " % number + bytes(number * 7 % 90)
        course.appended.append(value)
        offset = partition.append([Record(value, key=key_of(value))])[0]
        assert offset not in course.acknowledged, "an offset was given twice"
        course.acknowledged[offset] = value


def run_course(storage: SimulatedStorage, course: Course, topic: str) -> None:
    log = open_log(storage)
    log.ensure_topic(topic, CONFIGS[topic])
    append(log, course, 26, topic)
    if topic == "kept":
        course.start = 9
        log.partition(topic, 0).delete_before(9)
    list(log.clean(NOW_MS))
    append(log, course, 18, topic)
    course.asked_to_commit = 20
    log.commit("group", {(topic, 0): 20})
    course.committed = 20
    list(log.clean(NOW_MS))
    append(log, course, 3, topic)
    log.close()


def read_all(log: FileLog, topic: str) -> dict[int, bytes]:
    """Every record by offset; reading meets each once and ends at the high watermark."""
    partition = log.partition(topic, 0)
    found: dict[int, bytes] = {}
    offset = partition.log_start
    while offset < partition.high_watermark:
        batches = partition.read(offset)
        for batch in batches:
            for record in batch:
                assert record.offset >= offset
                assert record.offset not in found
                found[record.offset] = record.value or b""
        offset = batches[-1].last_offset + 1
    assert list(found) == sorted(found)
    return found


def check(storage: SimulatedStorage, course: Course, topic: str) -> None:
    """Open what is left, compare it with what is known, and go on appending."""
    with open_log(storage) as log:
        assert course.committed <= log.committed("group").get((topic, 0), 0)
        assert log.committed("group").get((topic, 0), 0) <= course.asked_to_commit
        if topic not in log.topics():
            assert not course.acknowledged
            return
        partition = log.partition(topic, 0)
        assert partition.log_start <= course.start
        found = read_all(log, topic)
        assert set(found.values()) <= set(course.appended), "a record that nobody appended"
        for place, value in course.acknowledged.items():
            assert found.get(place, value) == value
            if topic == "kept":
                assert place in found or place < partition.log_start
            elif topic == "compacted" and place not in found:
                later = [other for offset, other in found.items() if offset > place]
                assert key_of(value) in map(key_of, later)
        end = partition.log_end
        assert topic == "compacted" or len(found) == end - partition.log_start
        assert partition.append([Record(b"more", key=b"k")]) == range(end, end + 1)
        assert [r.value for batch in partition.read(end) for r in batch] == [b"more"]


def count_steps(topic: str) -> int:
    storage = SimulatedStorage()
    run_course(storage, Course(), topic)
    assert storage.steps > 100
    return storage.steps


def stopped_at(step: int, topic: str, seed: int) -> tuple[SimulatedStorage, Course]:
    storage = SimulatedStorage(seed)
    storage.stop_at = step
    course = Course()
    with pytest.raises(Stopped):
        run_course(storage, course, topic)
    return storage, course


@pytest.mark.parametrize("topic", list(CONFIGS))
def test_what_was_acknowledged_survives_a_kill_at_any_operation(topic: str) -> None:
    for step in range(count_steps(topic)):
        storage, course = stopped_at(step, topic, seed=step)
        check(storage.restart(), course, topic)


@pytest.mark.parametrize("topic", DURABLE)
def test_what_was_acknowledged_survives_a_power_cut_at_any_operation(topic: str) -> None:
    for seed, step in enumerate(list(range(count_steps(topic))) * 5):
        storage, course = stopped_at(step, topic, seed)
        check(storage.power_cut(), course, topic)


def test_a_weaker_durability_loses_the_end_and_nothing_else() -> None:
    losses = 0
    for seed, step in enumerate(list(range(count_steps("unflushed"))) * 5):
        storage, course = stopped_at(step, "unflushed", seed)
        storage = storage.power_cut()
        check(storage, course, "unflushed")
        with open_log(storage) as log:
            if log.topics():
                losses += log.partition("unflushed", 0).log_end < len(course.acknowledged)
    assert losses, "the simulated power cut takes nothing"


@pytest.mark.parametrize("topic", DURABLE)
def test_what_readers_saw_after_a_kill_survives_a_power_cut(topic: str) -> None:
    """Records of a dead process that were never acknowledged are made durable before they show."""
    for step in range(count_steps(topic)):
        storage, _ = stopped_at(step, topic, seed=step)
        storage = storage.restart()
        log = open_log(storage)
        if topic in log.topics():
            seen = read_all(log, topic)
            assert read_all(open_log(storage.power_cut()), topic) == seen


@pytest.mark.parametrize("topic", DURABLE)
def test_what_is_appended_after_a_kill_survives_a_power_cut(topic: str) -> None:
    for step in range(count_steps(topic)):
        storage, course = stopped_at(step, topic, seed=step)
        storage = storage.restart()
        log = open_log(storage)
        log.ensure_topic(topic, CONFIGS[topic])
        append(log, course, 3, topic)
        check(storage.power_cut(), course, topic)


@pytest.mark.parametrize("topic", DURABLE)
def test_an_end_while_recovering_from_an_end_loses_nothing_either(topic: str) -> None:
    for step in range(0, count_steps(topic), 4):
        storage, course = stopped_at(step, topic, seed=step)
        storage = storage.power_cut()
        course.appended.append(b"more")
        for again in range(1000):
            storage.stop_at = again
            try:
                check(storage, course, topic)
            except Stopped:
                storage = storage.power_cut()
            else:
                break
        assert storage.steps <= again


def test_another_process_goes_on_where_one_was_killed_within_an_append() -> None:
    for step in range(40):
        storage = SimulatedStorage(seed=step)
        survivor = open_log(storage)
        survivor.create_topic("kept", CONFIGS["kept"])
        course = Course()
        append(survivor, course, 3, "kept")
        victim = open_log(storage)
        victim.partition("kept", 0)
        storage.stop_at = storage.steps + step
        with pytest.raises(Stopped):
            append(victim, course, 100, "kept")
        append(survivor, course, 20, "kept")
        found = read_all(survivor, "kept")
        paths = [f"{LOG}/kept-0/{name}" for name in storage.list(f"{LOG}/kept-0")]
        stored = sum(len(storage.contents(path)) for path in paths if path.endswith(".log"))
        read = sum(len(b.buffer) for o in found for b in survivor.partition("kept", 0).read(o, 1))
        assert stored == read, "something is left of the torn append"
        assert found == read_all(open_log(storage), "kept")
        assert course.acknowledged.items() <= found.items()
        assert set(found.values()) <= set(course.appended)


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("topic", DURABLE)
def test_a_disk_error_at_any_operation_is_an_error_and_loses_nothing(
    topic: str, number: int
) -> None:
    for fail_at in range(count_steps(topic)):
        storage = SimulatedStorage(seed=fail_at)
        storage.fail_at = {fail_at: number}
        course = Course()
        with pytest.raises(LogError) as raised:
            run_course(storage, course, topic)
        assert isinstance(raised.value, LogStorageError), raised.value
        check(storage.restart(), course, topic)


@pytest.mark.parametrize("power", [False, True])
def test_a_topic_whose_deletion_was_cut_short_is_there_or_can_be_created_anew(power: bool) -> None:
    config = TopicConfig(partitions=3)
    outcomes = set()
    for step in range(40):
        storage = SimulatedStorage(seed=step)
        log = open_log(storage)
        log.create_topic("a", config)
        for number in range(3):
            log.partition("a", number).append([Record(b"old")])
        storage.stop_at = storage.steps + step
        try:
            log.delete_topic("a")
        except Stopped:
            storage = storage.power_cut() if power else storage.restart()
        storage.stop_at = None
        with open_log(storage) as again:
            outcomes.add("a" in again.topics())
            if "a" in again.topics():
                again.delete_topic("a")
            again.create_topic("a", config)
            for number in range(3):
                partition = again.partition("a", number)
                assert (partition.log_end, partition.read(0)) == (0, [])
                assert partition.append([Record(b"new")]) == range(1)
            list(again.clean())
            assert not [name for name in storage.list(LOG) if name.startswith(".deleted")]
    assert outcomes == {True, False}
