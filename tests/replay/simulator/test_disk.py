"""The simulated disk: what was acknowledged survives it, and what it can do to what was not.

That the file log keeps the whole contract on it is shown in `tests/contract`.
"""

import errno
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from log.backends.file import FileLog, FilePartition
from log.backends.file.storage import File
from log.errors import CorruptLog, LogError, LogStorageError, PartitionFenced
from log.record import Record
from log.topic import TopicConfig
from replay.simulator.disk import (
    MILLION,
    NONE,
    DeadlockInSimulation,
    DiskFaults,
    SimulatedDisk,
    SimulatedFile,
    Stopped,
)
from tests.contract.logs import NOW_MS, values_of

CONFIG = TopicConfig(segment_bytes=1024, index_interval_bytes=200)
SEEDS = st.integers(0, 2**32)
FOLDER = "/disk"


def a_disk(seed: int = 1, faults: DiskFaults = NONE) -> SimulatedDisk:
    disk = SimulatedDisk(Random(seed), faults)
    disk.process("mkdir").make_folder(FOLDER)
    disk.process("mkdir").sync_folder("/")
    return disk


def open_log(disk: SimulatedDisk, process: str = "worker") -> FileLog:
    return FileLog("/log", clock=lambda: NOW_MS, storage=disk.process(process))


def a_file(disk: SimulatedDisk, name: str = "a", process: str = "worker") -> File:
    """A file whose name is durable; what is in it is not."""
    storage = disk.process(process)
    file = storage.open(f"{FOLDER}/{name}", write=True, create=True)
    storage.sync_folder(FOLDER)
    return file


def after_crashes(prepare: Callable[[SimulatedDisk], object], path: str) -> set[bytes | None]:
    """Everything that a file may hold after a power cut, over seeds; None where there is none."""
    found: set[bytes | None] = set()
    for seed in range(200):
        disk = a_disk(seed)
        prepare(disk)
        disk.crash()
        found.add(disk.contents(path) if disk.process("after").exists(path) else None)
    return found


# -- the log on it -----------------------------------------------------------------------------


@dataclass
class Course:
    """Appends of two processes, and what they know of them."""

    disk: SimulatedDisk
    logs: dict[str, FileLog] = field(default_factory=dict)
    appended: int = 0
    acknowledged: dict[int, bytes] = field(default_factory=dict)

    def log(self, process: str) -> FileLog:
        if process not in self.logs:
            log = self.logs[process] = open_log(self.disk, process)
            log.ensure_topic("a", CONFIG)
        return self.logs[process]

    def append(self, process: str) -> None:
        value = b"%d " % self.appended + bytes(self.appended * 37 % 300)
        self.appended += 1
        offset = self.log(process).partition("a", 0).append([Record(value)])[0]
        assert offset not in self.acknowledged, "an offset was given twice"
        self.acknowledged[offset] = value

    def lost(self) -> list[int]:
        """Open the log, and compare: offsets of acknowledged records that are not there."""
        partition = self.log("after").partition("a", 0)
        found = dict(enumerate(values_of(partition)))
        assert len(found) == partition.log_end
        numbers = [int((value or b"").split()[0]) for value in found.values()]
        assert len(set(numbers)) == len(numbers), "a record is there twice"
        return [
            offset for offset, value in self.acknowledged.items() if found.get(offset) != value
        ]


def run_until_it_dies(course: Course, changes: int, power: bool) -> None:
    """Two processes append in turn; one dies within its n-th change, alone or with the power."""
    course.log("survivor")
    course.disk.stop("victim", changes)
    try:
        for _ in range(60):
            course.append("victim")
            course.append("survivor")
    except Stopped:
        pass
    if power:
        course.disk.crash()
        course.logs.clear()
    else:
        course.disk.kill("victim")
        course.logs.pop("victim", None)
        course.append("survivor")


@settings(max_examples=150, deadline=None, derandomize=True)
@given(seed=SEEDS, changes=st.integers(0, 200), power=st.booleans())
def test_what_was_acknowledged_survives_any_end(seed: int, changes: int, power: bool) -> None:
    course = Course(SimulatedDisk(Random(seed)))
    for _ in range(3):
        run_until_it_dies(course, changes, power)
        assert course.lost() == []
        course.logs["after"].close()
        del course.logs["after"]


def outcomes(power: bool) -> Counter[str]:
    """How each of some seeds ended."""
    found: Counter[str] = Counter()
    for seed in range(60):
        course = Course(SimulatedDisk(Random(seed)))
        run_until_it_dies(course, 20 + seed, power)
        try:
            found["lost" if course.lost() else "kept"] += 1
        except LogError:  # not even the log's own small files are whole
            found["lost"] += 1
            continue
        partition = course.logs["after"].partition("a", 0)
        assert isinstance(partition, FilePartition)
        found["torn tail cut"] += any("torn" in line for line in partition.recovered)
        found["unacknowledged kept"] += partition.log_end > len(course.acknowledged)
    return found


def test_torn_tails_are_met_and_cut() -> None:
    found = outcomes(power=True)
    assert found["kept"] == 60
    assert found["torn tail cut"] > 3
    assert found["unacknowledged kept"] > 3


def test_a_sync_that_does_nothing_loses_what_was_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SimulatedFile, "sync", lambda file: None)
    assert outcomes(power=True)["lost"] > 20
    assert outcomes(power=False)["lost"] == 0, "a killed process loses nothing that it wrote"


def test_one_seed_is_one_course() -> None:
    def course(seed: int) -> tuple[bytes, list[str]]:
        told: list[str] = []
        faults = DiskFaults(full_disk=50_000, failed_read=20_000, flipped_read=20_000)
        disk = SimulatedDisk(Random(seed), faults, lambda kind, path: told.append(kind + path))
        for _ in range(3):
            try:
                run_until_it_dies(Course(disk), 50, power=True)
            except LogError as error:
                told.append(str(error))
        state = disk.process("after").list("/log/a-0")
        return b"".join(disk.contents(f"/log/a-0/{name}") for name in state), told

    assert course(5) == course(5)
    assert course(5) != course(6)


def test_a_partition_has_one_writer_until_its_process_ends() -> None:
    disk = a_disk()
    first, second = open_log(disk, "first"), open_log(disk, "second")
    first.create_topic("a", CONFIG)
    writer = first.open_writer("a", 0)
    with pytest.raises(PartitionFenced, match="writes to this partition"):
        second.open_writer("a", 0)
    disk.kill("first")
    batch = writer.new_batch()
    batch.append(0, NOW_MS, None, b"late", [])
    with pytest.raises(Stopped):
        writer.append_batch(batch)
    successor = second.open_writer("a", 0)
    batch = successor.new_batch()
    batch.append(0, NOW_MS, None, b"in time", [])
    successor.append_batch(batch)
    assert values_of(second.partition("a", 0)) == [b"in time"]


# -- a power cut -------------------------------------------------------------------------------


def test_names_come_back_as_a_journal_keeps_them() -> None:
    def prepare(disk: SimulatedDisk) -> None:
        storage = disk.process("worker")
        for name, data in (("old", b"1"), ("aside", b"2")):
            file = storage.open(f"{FOLDER}/{name}", write=True, create=True)
            file.pwrite(data, 0)
            file.sync()
            if name == "old":
                storage.sync_folder(FOLDER)
        storage.rename(f"{FOLDER}/aside", f"{FOLDER}/old")
        storage.remove(f"{FOLDER}/old")

    assert after_crashes(prepare, f"{FOLDER}/old") == {b"1", b"2", None}
    assert after_crashes(prepare, f"{FOLDER}/aside") == {b"2", None}


def test_sectors_land_in_any_order_and_whole() -> None:
    def prepare(disk: SimulatedDisk) -> None:
        a_file(disk).pwrite(b"a" * 512 + b"b" * 512 + b"c" * 100, 0)

    found = after_crashes(prepare, f"{FOLDER}/a")
    assert {b"", b"a" * 512 + b"b" * 512 + b"c" * 100} <= found
    assert bytes(512) + b"b" * 512 + b"c" * 100 in found, "a later sector without an earlier one"
    for data in found:
        assert data is not None
        for sector, letter in zip((data[:512], data[512:1024], data[1024:]), b"abc", strict=True):
            assert set(sector) in ({letter}, {0}, set())


def test_what_was_synced_stays_under_what_was_not() -> None:
    def prepare(disk: SimulatedDisk) -> None:
        file = a_file(disk)
        file.pwrite(b"kept" * 256, 0)
        file.sync()
        file.pwrite(b"more" * 256, 1024)
        file.truncate(1024)
        file.pwrite(b"last", 1024)

    found = after_crashes(prepare, f"{FOLDER}/a")
    assert len(found) > 5
    assert all(data is not None and data[:1024] == b"kept" * 256 for data in found)


def test_shared_words_may_be_older_than_the_data() -> None:
    def prepare(disk: SimulatedDisk) -> None:
        file = a_file(disk)
        words = file.words()
        for number in range(1, 40):
            words[3] = number
            a_file(disk, "other").pwrite(b"x", number)

    found = {(data or bytes(32))[24] for data in after_crashes(prepare, f"{FOLDER}/a")}
    assert 39 in found
    assert min(found) < 20
    assert len(found) > 4


def test_a_killed_process_loses_nothing_and_holds_nothing() -> None:
    disk = a_disk()
    dead, file = disk.process("worker"), a_file(disk)
    file.pwrite(b"not synced", 0)
    assert file.lock()
    disk.kill("worker")
    assert disk.contents(f"{FOLDER}/a") == b"not synced"
    assert a_file(disk, process="other").lock(wait=False)
    for use in (lambda: file.pread(1, 0), file.lock, file.sync, file.size):
        with pytest.raises(Stopped):
            use()
    file.unlock()
    file.close()
    with pytest.raises(Stopped):
        dead.list(FOLDER)


def test_locks_are_between_handles_and_a_wait_for_one_is_a_deadlock() -> None:
    disk = a_disk()
    mine, other = a_file(disk), a_file(disk)
    assert mine.lock()
    assert mine.lock(wait=False)
    assert not other.lock(wait=False)
    with pytest.raises(DeadlockInSimulation, match="worker waits for the lock of /disk/a"):
        other.lock()
    other.unlock()
    assert not other.lock(wait=False), "only the holder gives it back"
    mine.close()
    assert other.lock()


# -- faults ------------------------------------------------------------------------------------


def told_by(faults: DiskFaults) -> tuple[SimulatedDisk, File, list[tuple[str, str]]]:
    told: list[tuple[str, str]] = []
    disk = a_disk()
    file = a_file(disk, "a.log")
    file.pwrite(b"0123456789" * 100, 0)
    file.sync()
    disk.faults, disk.told = faults, lambda kind, path: told.append((kind, path))
    return disk, file, told


def test_a_full_disk_takes_a_part_and_stays_full_for_a_while() -> None:
    disk, file, told = told_by(DiskFaults(full_disk=MILLION, full_for_writes=2))
    sizes = []
    for _ in range(3):
        with pytest.raises(OSError, match=r"No space left.*a\.log") as raised:
            file.pwrite(b"x" * 1000, 1000)
        assert raised.value.errno == errno.ENOSPC
        sizes.append(file.size())
    assert told == [("full_disk", "/disk/a.log")], "the two after it belong to it"
    assert 1000 <= min(sizes) <= max(sizes) < 3000
    disk.faults = NONE
    file.pwrite(b"x" * 1000, 1000)


@pytest.mark.parametrize(
    ("faults", "wrong_bits", "stays"),
    [
        (DiskFaults(flipped_read=MILLION), 1, False),
        (DiskFaults(flipped_platter=MILLION), 1, True),
    ],
)
def test_a_flipped_bit(faults: DiskFaults, wrong_bits: int, stays: bool) -> None:
    disk, file, told = told_by(faults)
    was = file_bits(b"0123456789" * 100)
    found = file_bits(file.pread(1000, 0))
    assert (found ^ was).bit_count() == wrong_bits
    assert [path for _, path in told] == ["/disk/a.log"]
    disk.faults = NONE
    assert (file_bits(file.pread(1000, 0)) != was) == stays
    disk.crash()
    assert (file_bits(disk.contents("/disk/a.log")) != was) == stays


def file_bits(data: bytes) -> int:
    return int.from_bytes(data, "big")


def test_a_misdirected_read_gives_other_bytes_of_the_file() -> None:
    _, file, told = told_by(DiskFaults(misdirected_read=MILLION))
    found = {file.pread(10, 0) for _ in range(50)}
    assert len(found) > 5
    assert all(len(data) == 10 and data in b"0123456789" * 3 for data in found)
    assert set(told) == {("misdirected_read", "/disk/a.log")}


def test_reads_of_what_has_no_checksum_are_left_alone() -> None:
    faults = DiskFaults(flipped_read=MILLION, flipped_platter=MILLION, misdirected_read=MILLION)
    disk, _, told = told_by(faults)
    config = a_file(disk, "a.json")
    config.pwrite(b"{}", 0)
    assert config.pread(2, 0) == b"{}"
    assert told == []


def test_a_failed_read_is_an_error_of_that_read() -> None:
    disk, file, _ = told_by(DiskFaults(failed_read=MILLION))
    with pytest.raises(OSError, match="Input/output error"):
        file.pread(1, 0)
    disk.faults = NONE
    assert file.pread(1, 0) == b"0"


def test_after_a_failed_sync_the_next_succeeds_and_the_data_may_be_lost() -> None:
    def prepare(disk: SimulatedDisk) -> None:
        file = a_file(disk)
        file.pwrite(b"data", 0)
        disk.faults = DiskFaults(failed_sync=MILLION)
        with pytest.raises(OSError, match="Input/output error"):
            file.sync()
        disk.faults = NONE
        file.sync()
        assert file.pread(4, 0) == b"data"

    assert after_crashes(prepare, f"{FOLDER}/a") == {bytes(4), b"data"}


def test_a_slow_sync_takes_virtual_time() -> None:
    disk, file, told = told_by(DiskFaults(slow_sync=MILLION, slow_sync_ms=300))
    waited: list[int] = []
    disk.advance = waited.append
    for _ in range(20):
        file.sync()
    assert len(told) == 20
    assert 1 <= min(waited) < max(waited) <= 300


def test_a_log_goes_on_after_faults_and_has_lost_nothing() -> None:
    """Full disks and failing syncs: each is an error to the caller, and no more than that."""
    failed = 0
    for seed in range(20):
        disk = SimulatedDisk(Random(seed))
        course = Course(disk)
        course.log("worker")
        for _ in range(4):
            disk.faults = DiskFaults(full_disk=60_000, failed_sync=30_000)
            for _ in range(15):
                try:
                    course.append("worker")
                except LogStorageError:
                    failed += 1
            disk.faults = NONE
            disk.kill("worker")
            if seed % 2:
                disk.crash()
            course.logs.clear()
            assert course.lost() == []
            disk.kill("after")
            course.logs.clear()
    assert failed > 50


def test_a_new_log_is_found_again_however_many_folders_were_made_for_it() -> None:
    for seed in range(40):
        disk = SimulatedDisk(Random(seed))
        with FileLog("/some/where/log", storage=disk.process("worker")) as log:
            log.create_topic("a", CONFIG)
            log.partition("a", 0).append([Record(b"kept")])
        disk.crash()
        with FileLog("/some/where/log", storage=disk.process("after")) as log:
            assert values_of(log.partition("a", 0)) == [b"kept"]


def test_compaction_writes_nothing_that_it_read_wrong() -> None:
    config = TopicConfig(segment_bytes=1024, cleanup_policy="compact")
    refused = 0
    for seed in range(100):
        disk = SimulatedDisk(Random(seed))
        log = open_log(disk)
        log.create_topic("a", config)
        values = [b"%d " % number + b"x" * 200 for number in range(12)]
        for number, value in enumerate(values):
            log.partition("a", 0).append([Record(value, key=b"%d" % (number // 2))])
        disk.faults = DiskFaults(flipped_read=30_000)
        try:
            list(log.clean(NOW_MS))
        except CorruptLog:
            refused += 1
        disk.faults = NONE
        assert set(values_of(log.partition("a", 0))) <= set(values)
    assert refused > 20
