"""Opening a log whose files were cut, damaged, lost or mixed up."""

import errno
import logging
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from log.backends.file import FileLog, FilePartition
from log.backends.file.frozen import FrozenPartition
from log.backends.file.state import STATE_NAME
from log.errors import CorruptLog, LogStorageError, OffsetOutOfRange
from log.record import Record
from log.topic import TopicConfig
from tests.log.backends.file.simulated_storage import SimulatedStorage

LOG = "/simulated/log"
FOLDER = f"{LOG}/a-0"
SEGMENT = f"{FOLDER}/00000000000000000000.log"
STATE = f"{FOLDER}/{STATE_NAME}"
ONE_SEGMENT = TopicConfig(index_interval_bytes=200)
SMALL_SEGMENTS = TopicConfig(index_interval_bytes=200, segment_bytes=1024)


def open_log(storage: SimulatedStorage, read_only: bool = False) -> FileLog:
    return FileLog(LOG, clock=lambda: 1_700_000_000_000, storage=storage, read_only=read_only)


def file_partition(log: FileLog) -> FilePartition:
    partition = log.partition("a", 0)
    assert isinstance(partition, FilePartition)
    return partition


def value(number: int) -> bytes:
    return b"%d " % number + b"x" * (number % 20)


def a_log(batches: int, config: TopicConfig = ONE_SEGMENT) -> SimulatedStorage:
    """A closed log of one topic, one record a batch."""
    storage = SimulatedStorage()
    with open_log(storage) as log:
        log.create_topic("a", config)
        for number in range(batches):
            log.partition("a", 0).append([Record(value(number))])
    return storage.restart()


def batch_ends(storage: SimulatedStorage, path: str = SEGMENT) -> list[int]:
    """Where each batch of a segment ends."""
    data = storage.contents(path)
    ends = [0]
    while ends[-1] < len(data):
        ends.append(ends[-1] + 12 + int.from_bytes(data[ends[-1] + 8 : ends[-1] + 12], "big"))
    return ends[1:]


def values(log: FileLog, offset: int | None = None) -> list[bytes | None]:
    partition = log.partition("a", 0)
    found: list[bytes | None] = []
    offset = partition.log_start if offset is None else offset
    while offset < partition.high_watermark:
        batches = partition.read(offset)
        found += [record.value for batch in batches for record in batch]
        offset = batches[-1].last_offset + 1
    return found


def values_below(log: FileLog, end: int) -> list[bytes | None]:
    batches = log.partition("a", 0).read(0)
    return [record.value for batch in batches for record in batch if record.offset < end]


def names(storage: SimulatedStorage, suffix: str) -> list[str]:
    return [f"{FOLDER}/{name}" for name in storage.list(FOLDER) if name.endswith(suffix)]


# -- a torn tail -------------------------------------------------------------------------------


def test_a_tail_torn_at_any_byte_is_cut_to_the_last_whole_batch_and_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    storage = a_log(17)
    promised = storage.contents(STATE)
    with open_log(storage) as log:
        for number in range(17, 20):
            log.partition("a", 0).append([Record(value(number))])
    whole = storage.contents(SEGMENT)
    ends = batch_ends(storage)
    for cut in range(ends[16], len(whole) + 1):
        torn = storage.restart()
        torn.overwrite(SEGMENT, whole[:cut])
        torn.overwrite(STATE, promised)
        kept = sum(end <= cut for end in ends)
        caplog.clear()
        with open_log(torn) as log, caplog.at_level(logging.WARNING, "refold.log"):
            assert values(log) == [value(number) for number in range(kept)]
            assert torn.contents(SEGMENT) == whole[: ends[kept - 1]]
            reports = file_partition(log).recovered
            assert reports == [record.message for record in caplog.records]
            assert len(reports) == (cut not in ends)
            for report in reports:
                assert SEGMENT in report
                assert f"from {cut} to {ends[kept - 1]} bytes" in report
            assert log.partition("a", 0).append([Record(b"more")]) == range(kept, kept + 1)
        with open_log(torn) as log:
            assert file_partition(log).recovered == []
            assert values(log)[-1] == b"more"


@pytest.mark.parametrize("garbage", [b"\0" * 5000, b"garbage " * 9, b"\xff" * 200])
def test_garbage_after_the_end_is_cut(garbage: bytes) -> None:
    storage = a_log(5)
    whole = storage.contents(SEGMENT)
    storage.overwrite(SEGMENT, whole + garbage)
    with open_log(storage) as log:
        assert len(values(log)) == 5
        assert "torn batch" in file_partition(log).recovered[0]
    assert storage.contents(SEGMENT) == whole


def test_without_the_shared_state_a_torn_tail_is_cut_all_the_same() -> None:
    storage = a_log(20)
    whole, ends = storage.contents(SEGMENT), batch_ends(storage)
    for cut in range(ends[16] + 1, len(whole)):
        torn = storage.restart()
        torn.overwrite(SEGMENT, whole[:cut])
        torn.remove(STATE)
        with open_log(torn) as log:
            assert values(log) == [value(n) for n in range(sum(end <= cut for end in ends))]


# -- damage below the promise ------------------------------------------------------------------


def test_a_file_cut_below_the_promise_is_an_error_and_nothing_is_changed() -> None:
    storage = a_log(20)
    whole, ends = storage.contents(SEGMENT), batch_ends(storage)
    for cut in range(ends[16], len(whole)):
        torn = storage.restart()
        torn.overwrite(SEGMENT, whole[:cut])
        kept = sum(end <= cut for end in ends)
        with open_log(torn) as log:
            partition = file_partition(log)
            assert partition.log_end == 20
            assert [r.value for batch in partition.read(0) for r in batch] == [
                value(number) for number in range(kept)
            ]
            with pytest.raises(CorruptLog, match=r"a-0.*" + str(kept)):
                partition.read(kept)
            with pytest.raises(CorruptLog, match=r"up to offset 19.*partition\.state"):
                partition.append([Record(b"x")])
            assert "up to offset 19" in partition.recovered[-1]
        assert torn.contents(SEGMENT) == whole[:cut]


def test_deleting_the_state_accepts_the_loss() -> None:
    storage = a_log(20)
    storage.overwrite(SEGMENT, storage.contents(SEGMENT)[:-1])
    storage.remove(STATE)
    with open_log(storage) as log:
        assert len(values(log)) == 19
        assert log.partition("a", 0).append([Record(b"x")]) == range(19, 20)


@pytest.mark.parametrize("with_state", [True, False])
def test_a_bit_flipped_anywhere_in_a_batch_is_named_and_the_rest_can_be_read(
    with_state: bool,
) -> None:
    storage = a_log(30)
    whole, ends = storage.contents(SEGMENT), batch_ends(storage)
    first, last = ends[9], ends[10]  # the batch of offset 10
    for at in range(first, last):
        if 12 <= at - first < 16:
            continue  # the leader's epoch: brokers set it, nobody here reads it
        for bit in (0, 6):
            flipped = bytearray(whole)
            flipped[at] ^= 1 << bit
            damaged = storage.restart()
            damaged.overwrite(SEGMENT, bytes(flipped))
            if not with_state and 0 <= at - first < 17:
                continue  # with neither state nor header nobody can say what follows
            if not with_state:
                damaged.remove(STATE)
            with open_log(damaged) as log:
                partition = log.partition("a", 0)
                with pytest.raises(CorruptLog, match=rf"0\.log, position {first}, offset 10: "):
                    partition.read(10)
                with pytest.raises(CorruptLog):
                    values(log)
                assert values(log, 20) == [value(number) for number in range(20, 30)]
                assert [batch.base_offset for batch in partition.read(0)] == list(range(10))
                assert partition.append([Record(b"on")]) == range(30, 31)
                assert values(log, 29) == [value(29), b"on"]
            assert damaged.contents(SEGMENT)[: len(whole)] == flipped


def test_a_bit_flipped_in_the_last_batches_is_not_taken_for_a_torn_tail() -> None:
    storage = a_log(30)
    whole, ends = storage.contents(SEGMENT), batch_ends(storage)
    for at in range(ends[26], len(whole)):
        flipped = bytearray(whole)
        flipped[at] ^= 4
        damaged = storage.restart()
        damaged.overwrite(SEGMENT, bytes(flipped))
        in_epoch = any(12 <= at - start < 16 for start in ends)
        with open_log(damaged) as log:
            reports = file_partition(log).recovered
            assert bool(reports) != in_epoch
            assert all("damaged batch" in report for report in reports)
            assert log.partition("a", 0).log_end == 30
            assert log.partition("a", 0).append([Record(b"on")]) == range(30, 31)
        assert damaged.contents(SEGMENT)[: len(whole)] == flipped


def test_a_segment_missing_in_the_middle_is_named_and_the_rest_can_be_read() -> None:
    for config in (SMALL_SEGMENTS, TopicConfig(segment_bytes=1024, cleanup_policy="compact")):
        storage = SimulatedStorage()
        with open_log(storage) as log:
            log.create_topic("a", config)
            for number in range(60):
                log.partition("a", 0).append([Record(value(number), key=b"%d" % number)])
        storage = storage.restart()
        logs = names(storage, ".log")
        storage.remove(logs[1])
        first, following = (int(logs[at].split("/")[-1][:20]) for at in (1, 2))
        with open_log(storage) as log:
            for offset in (first, following - 1):
                with pytest.raises(CorruptLog, match=rf"{FOLDER}.*{offset}.*missing"):
                    log.partition("a", 0).read(offset)
            assert values(log, following) == [value(n) for n in range(following, 60)]
            with pytest.raises(CorruptLog, match="missing"):
                values(log)


def test_the_first_or_last_segment_missing_is_an_error() -> None:
    storage = a_log(60, SMALL_SEGMENTS)
    first, *_, last = names(storage, ".log")
    without_first = storage.restart()
    without_first.remove(first)
    with open_log(without_first) as log, pytest.raises(CorruptLog, match=r"offset 0.*missing"):
        log.partition("a", 0).read(0)
    storage.remove(last)
    with open_log(storage) as log:
        assert values_below(log, 3) == [value(0), value(1), value(2)]
        with pytest.raises(CorruptLog, match=r"up to offset 59"):
            log.partition("a", 0).append([Record(b"x")])
        with pytest.raises(CorruptLog, match="missing"):
            log.partition("a", 0).read(59)


# -- foreign and lost small files --------------------------------------------------------------


@pytest.mark.parametrize("name", ["notes.txt", "abc.log", "1.log", "000000000000000000000.index"])
def test_a_foreign_file_is_named(name: str) -> None:
    storage = a_log(3)
    storage.overwrite(f"{FOLDER}/{name}", b"hello")
    with open_log(storage) as log, pytest.raises(CorruptLog, match=rf"{FOLDER}/{name}.*move it"):
        log.partition("a", 0)


def test_hidden_files_are_nobodys_business() -> None:
    storage = a_log(3)
    storage.overwrite(f"{FOLDER}/.DS_Store", b"hello")
    with open_log(storage) as log:
        assert len(values(log)) == 3


def test_a_file_that_is_no_segment_is_not_cut() -> None:
    storage = SimulatedStorage()
    with open_log(storage) as log:
        log.create_topic("a", ONE_SEGMENT)
    picture = b"\x89PNG\r\n" + bytes(range(256)) * 20
    storage.overwrite(SEGMENT, picture)
    with open_log(storage) as log, pytest.raises(CorruptLog, match=r"not one whole.*Move it"):
        log.partition("a", 0).append([Record(b"x")])
    assert storage.contents(SEGMENT) == picture


def test_a_brokers_segments_can_be_taken_over() -> None:
    """Segment files dropped into a new topic's folder, from an offset that is not 0."""
    source = a_log(60, SMALL_SEGMENTS)
    later = names(source, ".log")[2:]
    storage = SimulatedStorage()
    with open_log(storage) as log:
        log.create_topic("a", SMALL_SEGMENTS)
    for path in later:
        storage.overwrite(path, source.contents(path))
    start = int(later[0].split("/")[-1][:20])
    with open_log(storage) as log:
        assert (log.partition("a", 0).log_start, log.partition("a", 0).log_end) == (start, 60)
        assert values(log) == [value(number) for number in range(start, 60)]


@pytest.mark.parametrize("state", [b"", b"\0" * 4096, b"garbage!" * 512, b"short"])
def test_a_lost_or_damaged_state_is_made_again(state: bytes) -> None:
    storage = a_log(30, SMALL_SEGMENTS)
    storage.overwrite(STATE, state)
    with open_log(storage) as log:
        assert values(log) == [value(number) for number in range(30)]
        assert log.partition("a", 0).append([Record(b"x")]) == range(30, 31)


@pytest.mark.parametrize("damage", ["removed", "emptied", "halved", "garbage", "of another"])
def test_indexes_are_made_again_from_the_log(damage: str) -> None:
    storage = a_log(60, SMALL_SEGMENTS)
    indexes = names(storage, "index")
    before = {path: storage.contents(path) for path in indexes}
    assert sum(map(len, before.values())) > 150
    for path in indexes:
        match damage:
            case "removed":
                storage.remove(path)
            case "emptied":
                storage.overwrite(path, b"")
            case "halved":
                storage.overwrite(path, before[path][: len(before[path]) // 2 + 1])
            case "garbage":
                storage.overwrite(path, b"\x80garbage" * 7)
            case _:
                storage.overwrite(path, before[indexes[0 if "time" not in path else 1]])
    with open_log(storage) as log:
        for offset in range(60):
            assert values(log, offset)[0] == value(offset)
        assert log.partition("a", 0).offset_for_time(0) == 0
        assert log.partition("a", 0).append([Record(value(60))]) == range(60, 61)
    if damage == "removed":
        after = {path: storage.contents(path) for path in indexes}
        assert list(after.items())[:-2] == list(before.items())[:-2]


def test_opening_reads_little_however_long_the_segment() -> None:
    reads = []
    for batches in (200, 2000):
        storage = a_log(batches)
        log = open_log(storage)
        before = storage.reads
        assert log.partition("a", 0).log_end == batches
        reads.append(storage.reads - before)
    assert reads[1] <= reads[0] + 4
    assert reads[1] < 40


# -- a full, failing or read-only disk ---------------------------------------------------------


def test_a_full_disk_is_an_error_and_appends_work_once_there_is_room() -> None:
    for room_bytes in range(0, 700, 7):
        storage = a_log(3, SMALL_SEGMENTS)
        with open_log(storage) as log:
            partition = log.partition("a", 0)
            storage.room_bytes = room_bytes
            appended = 3
            with pytest.raises(LogStorageError, match=r"a-0.*No space left.*try again"):
                for number in range(3, 100):
                    partition.append([Record(value(number))])
                    appended += 1
            assert values(log) == [value(number) for number in range(appended)]
            active = names(storage, ".log")[-1]
            assert sum(batch_ends(storage, active)[-1:]) == len(storage.contents(active))
            storage.room_bytes = None
            partition.append([Record(value(appended))])
            assert values(log) == [value(number) for number in range(appended + 1)]
        with open_log(storage) as log:
            assert values(log) == [value(number) for number in range(appended + 1)]


def test_after_a_failed_fsync_nothing_is_appended_until_the_log_is_opened_again() -> None:
    storage = a_log(3)
    with open_log(storage) as log, open_log(storage) as other:
        partition, neighbour = log.partition("a", 0), other.partition("a", 0)
        assert neighbour.log_end == 3
        storage.fail_next = {"sync": errno.EIO}
        with pytest.raises(LogStorageError, match=r"fsync.*failed.*open the log again"):
            partition.append([Record(b"unsure")])
        assert partition.high_watermark == 3
        for refused in (partition, neighbour):
            with pytest.raises(LogStorageError, match=r"fsync.*failed"):
                refused.append([Record(b"x")])
        assert len(values(log)) == 3
    # The kernel says that the data is clean now, and it never reached the disk.
    storage.forget_unsynced(SEGMENT)
    with open_log(storage) as log:
        assert log.partition("a", 0).append([Record(b"again")]) == range(4, 5)
    with open_log(storage.power_cut()) as log:
        assert values(log)[3:] == [b"unsure", b"again"]


def test_a_read_only_folder_can_be_read() -> None:
    storage = a_log(60, SMALL_SEGMENTS)
    storage.is_read_only = True
    with open_log(storage) as log:
        partition = log.partition("a", 0)
        assert values(log) == [value(number) for number in range(60)]
        assert partition.offset_for_time(0) == 0
        assert (partition.log_start, partition.log_end) == (0, 60)
        assert list(log.clean()) == []
        with pytest.raises(LogStorageError, match="reading only"):
            partition.append([Record(b"x")])
        with pytest.raises(LogStorageError, match="reading only"):
            partition.delete_before(3)
        with pytest.raises(LogStorageError, match="reading only"):
            log.open_writer("a", 0)
        with pytest.raises(LogStorageError, match=r"create topic b.*Read-only"):
            log.create_topic("b", TopicConfig())
        with pytest.raises(LogStorageError, match=r"commit.*Read-only"):
            log.commit("g", {("a", 0): 1})


@pytest.mark.parametrize("with_state", [True, False])
def test_a_log_opened_for_reading_changes_nothing_and_stops_at_a_torn_tail(
    with_state: bool,
) -> None:
    storage = a_log(10)
    storage.overwrite(SEGMENT, storage.contents(SEGMENT) + b"torn")
    if not with_state:
        storage.remove(STATE)
    storage.is_read_only = True
    with open_log(storage, read_only=True) as log:
        assert isinstance(log.partition("a", 0), FrozenPartition)
        assert len(values(log)) == 10
        with pytest.raises(LogStorageError, match="reading only"):
            log.create_topic("b", TopicConfig())


def test_a_reader_that_may_not_write_follows_one_that_does() -> None:
    storage = a_log(10, SMALL_SEGMENTS)
    with open_log(storage) as writing, open_log(storage, read_only=True) as reading:
        assert len(values(reading)) == 10
        for number in range(10, 40):
            writing.partition("a", 0).append([Record(value(number))])
            assert reading.partition("a", 0).wait(number, 0)
            assert values(reading, number) == [value(number)]
        writing.partition("a", 0).delete_before(35)
        with pytest.raises(OffsetOutOfRange):
            reading.partition("a", 0).read(34)
        assert values(reading) == [value(number) for number in range(35, 40)]


# -- the log's own folder ----------------------------------------------------------------------


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "meta.properties").write_text("broker.id=1")
    with pytest.raises(LogStorageError, match=r"no refold log.*meta\.properties.*broker"):
        FileLog(tmp_path)
    assert os.listdir(tmp_path) == ["meta.properties"]


def test_a_newer_layout_is_refused(tmp_path: Path) -> None:
    FileLog(tmp_path / "log").close()
    marker = tmp_path / "log" / "refold.json"
    marker.write_text('{"format":"refold log","version":99}')
    with pytest.raises(LogStorageError, match=r"version 99.*newer"):
        FileLog(tmp_path / "log")
    marker.write_text("not json")
    with pytest.raises(LogStorageError, match=r"refold\.json"):
        FileLog(tmp_path / "log")


def test_reading_a_log_that_is_not_there_makes_none(tmp_path: Path) -> None:
    with pytest.raises(LogStorageError, match="no refold log"):
        FileLog(tmp_path / "log", read_only=True)
    assert not (tmp_path / "log").exists()


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("x")
    with pytest.raises(LogStorageError, match="cannot open the log"):
        FileLog(tmp_path / "log")


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Files of this process may not grow beyond 20,000 bytes: a disk that is full, for real."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_the_real_disk_cuts_short_leaves_nothing(
    tmp_path: Path, full_disk: None
) -> None:
    with FileLog(tmp_path / "log") as log:
        log.create_topic("a", TopicConfig())
        partition = log.partition("a", 0)
        partition.append([Record(bytes(15_000))])
        with pytest.raises(LogStorageError, match=r"a-0.*File too large"):
            partition.append([Record(bytes(9_000))])
        segment = tmp_path / "log/a-0/00000000000000000000.log"
        assert segment.stat().st_size < 15_200
        assert partition.append([Record(b"small")]) == range(1, 2)
        assert len(values(log)) == 2
