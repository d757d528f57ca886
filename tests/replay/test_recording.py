"""A recording holds what its source held, at the same offsets, however often it is interrupted."""

import shutil
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import crc32c
import msgspec
import pytest

from log.backends.file import FileLog, FilePartition
from log.backends.file.doctor import examine
from log.backends.memory import MemoryLog
from log.errors import InvalidConfig, LogError, OffsetOutOfRange, PartitionFenced, UnknownTopic
from log.interface import Log
from log.record import Batch, Record, new_batch, place_batch
from log.topic import TopicConfig
from processors.core.registry import Registry
from processors.core.testing.subject import decide_all, flow_records
from replay import recording
from replay.recording import MANIFEST_NAME, Recording, RecordingRefused, record
from replay.recording_source import (
    BrokerSource,
    FolderSource,
    LogSource,
    SourcePartition,
    open_folder,
)
from replay.verify import verify
from tests.replay.recording import PARKING, append, run
from tests.replay.test_portable import content, odd_log
from tests.samples.parking import flow

CONFIG = TopicConfig(
    partitions=2, segment_bytes=9000, durability="loses_unflushed_on_power_failure"
)


class Interrupted(Exception):
    """The test stops the recording."""


def interrupted_after(calls: int) -> Callable[[int, int], None]:
    """A progress that stops the recording at its `calls`-th call."""
    left = iter(range(calls))

    def progress(done: int, total: int) -> None:
        if next(left, None) is None:
            raise Interrupted

    return progress


def recorded_content(out: Path) -> dict[str, object]:
    with FileLog(out) as log:
        return content(log)


def without_groups(log: Log) -> dict[str, object]:
    return {**content(log), "groups": {}}


def is_sound(out: Path) -> bool:
    return list(examine(str(out))) == []


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads and spans of next to nothing, so that there are many."""
    monkeypatch.setattr(recording, "READ_BYTES", 300)
    monkeypatch.setattr(recording, "SPAN_BYTES", 1000)


@pytest.fixture
def memory() -> MemoryLog:
    return MemoryLog()


def filled(log: Log, batches: int = 40, per_batch: int = 10) -> LogSource:
    """A topic of two partitions whose times are 1000 ms apart."""
    log.create_topic("t", CONFIG)
    for number in range(2):
        for at in range(batches):
            stamps = range(at * per_batch, (at + 1) * per_batch)
            log.partition("t", number).append(
                [Record(b"v%d" % each, b"k%d" % (each % 7), each * 1000) for each in stamps]
            )
    return LogSource(log, "a test")


# -- what is recorded -------------------------------------------------------------------------


def test_all_is_as_it_was(tmp_path: Path) -> None:
    source = odd_log()
    done = record(LogSource(source, "odd"), tmp_path / "out", ["odd", "kept", "empty"])
    assert done.verified
    assert (done.records, len(done.partitions)) == (22, 6)
    assert recorded_content(tmp_path / "out") == without_groups(source)
    assert is_sound(tmp_path / "out")


def test_in_many_small_pieces(log: Log, tmp_path: Path, small: None) -> None:
    source = filled(log)
    done = record(source, tmp_path / "out", ["t"])
    assert [len(each.spans) > 5 for each in done.partitions] == [True, True]
    assert recorded_content(tmp_path / "out") == content(log)
    assert is_sound(tmp_path / "out")


def test_batches_of_a_file_log_are_copied_to_the_byte(tmp_path: Path) -> None:
    with FileLog(tmp_path / "log") as log:
        filled(log)
    with FolderSource(tmp_path / "log") as source:
        record(source, tmp_path / "out", ["t"])
    for number in range(2):
        ours, theirs = (
            b"".join(path.read_bytes() for path in sorted(folder.glob("*.log")))
            for folder in (tmp_path / f"out/t-{number}", tmp_path / f"log/t-{number}")
        )
        assert ours == theirs != b""


def test_some_topics_alone(tmp_path: Path) -> None:
    record(LogSource(odd_log(), "odd"), tmp_path / "out", ["odd"])
    with FileLog(tmp_path / "out") as log:
        assert list(log.topics()) == ["odd"]


def test_a_recorded_history_is_verified_and_goes_on(log: Log, tmp_path: Path) -> None:
    append(log, *islice(flow(1), 300))
    run(log)
    log.partition(PARKING.commands_topic, 0).delete_before(40)
    topics = [PARKING.commands_topic, PARKING.events_topic, PARKING.dead_letters_topic]
    record(LogSource(log, "parking"), tmp_path / "out", topics)
    with FileLog(tmp_path / "out") as recorded:
        assert verify(recorded, PARKING, 0) == verify(log, PARKING, 0)
        assert verify(recorded, PARKING, 0).commands_compared == 260
        append(recorded, *islice(flow(2), 10))
        run(recorded)
        assert verify(recorded, PARKING, 0).commands_compared == 270


def test_a_registered_system(tmp_path: Path) -> None:
    system = Registry().find("exchange").system
    topics = [system.commands_topic, system.events_topic, system.dead_letters_topic]
    with FileLog(tmp_path / "log") as log:
        partitions = system.ensure_topics(log)
        placed = list(flow_records(system, seed=3, count=400))
        for number in range(partitions):
            commands = [record for partition, record in placed if partition == number]
            log.partition(system.commands_topic, number).append(commands)
        decide_all(log, system)
    with FolderSource(tmp_path / "log") as source:
        record(source, tmp_path / "out", topics)
    with FileLog(tmp_path / "out") as recorded:
        verified = [verify(recorded, system, number) for number in range(partitions)]
    assert sum(each.commands_compared for each in verified) >= 400
    assert all(each.difference is None for each in verified)
    assert is_sound(tmp_path / "out")


# -- holes ------------------------------------------------------------------------------------


class Gappy:
    """A source partition of batches with holes before, between and after them."""

    log_start, high_watermark = 3, 40

    def __init__(self, bases: list[int]) -> None:
        self._batches = []
        for base in bases:
            builder = new_batch()
            for delta in range(3):
                builder.append(delta, base + delta, b"k", b"%d" % (base + delta), [])
            encoded = bytearray(builder.build())
            place_batch(encoded, base)
            encoded[22] |= 0x10  # part of a transaction
            crc = crc32c.crc32c(memoryview(encoded)[21:])
            encoded[17:21] = crc.to_bytes(4, "big")
            self._batches.append(Batch(bytes(encoded)))

    def read(self, offset: int, max_bytes: int = 0) -> list[Batch]:
        left = [batch for batch in self._batches if batch.last_offset >= offset]
        if left:
            return [Batch(left[0].buffer, offset)]
        builder = new_batch()
        builder.append(self.high_watermark - 1 - offset, 0, b"", None, [])
        over = Batch(bytes(recording._encoded(Batch(bytes(builder.build())), offset, 39)))
        over.count = 0  # a marker, which is hidden
        return [over]

    def offset_for_time(self, timestamp: int) -> int | None:
        return None


class GappySource(LogSource):
    def __init__(self, bases: list[int]) -> None:
        super().__init__(MemoryLog(), "gappy")
        self._gappy = Gappy(bases)

    def topics(self) -> dict[str, TopicConfig]:
        return {"t": TopicConfig()}

    def partition(self, topic: str, number: int) -> SourcePartition:
        return self._gappy


@pytest.mark.parametrize(
    ("bases", "log_start", "offsets"),
    [
        ([3, 10, 37], 3, [3, 4, 5, 10, 11, 12, 37, 38, 39]),
        ([3, 6, 9], 3, [3, 4, 5, 6, 7, 8, 9, 10, 11]),
        ([7, 20], 3, [7, 8, 9, 20, 21, 22]),
        ([2, 8], 3, [3, 4, 8, 9, 10]),
        ([38], 3, [38, 39]),
        ([], 40, []),
    ],
)
def test_offsets_that_hold_nothing_stay_empty(
    tmp_path: Path, bases: list[int], log_start: int, offsets: list[int]
) -> None:
    done = record(GappySource(bases), tmp_path / "out", ["t"])
    assert (done.verified, done.records) == (True, len(offsets))
    with FileLog(tmp_path / "out") as log:
        partition = log.partition("t", 0)
        assert (partition.log_start, partition.log_end) == (log_start, 40)
        batches = partition.read(log_start, 1 << 20)
        stored = [(r.offset, r.timestamp, r.value) for batch in batches for r in batch]
        assert stored == [(each, each, b"%d" % each) for each in offsets]
        assert not any(batch.attributes & 0x10 for batch in batches)
        assert partition.append([Record(b"more")]) == range(40, 41)
    assert is_sound(tmp_path / "out")


# -- from and until ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("since_ms", "until_ms", "begin", "end"),
    [
        (None, None, 0, 400),
        (7_000, None, 7, 400),
        (7_001, None, 8, 400),
        (None, 12_000, 0, 13),
        (None, 12_999, 0, 13),
        (15_000, 304_000, 15, 305),
        (900_000, None, 400, 400),
        (None, 900_000, 0, 400),
        (900_000, 900_001, 400, 400),
    ],
)
def test_a_stretch_of_time(
    memory: MemoryLog,
    tmp_path: Path,
    since_ms: int | None,
    until_ms: int | None,
    begin: int,
    end: int,
) -> None:
    source = filled(memory)
    done = record(source, tmp_path / "out", ["t"], since_ms=since_ms, until_ms=until_ms)
    assert done.records == 2 * (end - begin)
    with FileLog(tmp_path / "out") as recorded:
        for number in range(2):
            partition = recorded.partition("t", number)
            assert (partition.log_start, partition.log_end) == (begin, end)
            stored = [r.offset for b in partition.read(begin, 1 << 20) for r in b]
            assert stored == list(range(begin, end))
    assert is_sound(tmp_path / "out")


def test_the_end_is_taken_when_it_begins(memory: MemoryLog, tmp_path: Path) -> None:
    source = filled(memory)

    def grow(done: int, total: int) -> None:
        if memory.partition("t", 1).log_end < 500:
            memory.partition("t", 1).append([Record(b"later")])

    assert record(source, tmp_path / "out", ["t"], progress=grow).records == 800


def test_no_event_without_its_command(tmp_path: Path) -> None:
    asked: list[str] = []

    class Noting(LogSource):
        def partition(self, topic: str, number: int) -> SourcePartition:
            asked.append(topic)
            return super().partition(topic, number)

    log = MemoryLog()
    for name in ("a.commands", "a.dead-letters", "a.events", "z.events"):
        log.create_topic(name, TopicConfig())
    record(Noting(log, "noting"), tmp_path / "out", list(log.topics()))
    assert asked[:4] == ["a.events", "z.events", "a.dead-letters", "a.commands"]


# -- interrupted ------------------------------------------------------------------------------


@pytest.mark.parametrize("calls", [1, 2, 7, 41, 60, 81])
def test_what_was_interrupted_goes_on(
    memory: MemoryLog, tmp_path: Path, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "SPAN_BYTES", 2000)
    source, out = filled(memory), tmp_path / "out"
    whole = record(source, tmp_path / "whole", ["t"])
    with pytest.raises(Interrupted):
        record(source, out, ["t"], progress=interrupted_after(calls))
    assert not msgspec.json.decode((out / MANIFEST_NAME).read_bytes(), type=Recording).verified
    memory.partition("t", 0).append([Record(b"after the ends were taken")])
    done = record(source, out, ["t"])
    assert done.verified
    assert (done.records, done.bytes) == (whole.records, whole.bytes)
    assert recorded_content(out) == recorded_content(tmp_path / "whole")
    assert record(source, out, ["t"]) == done


def test_what_stands_at_the_end_is_still_verified(memory: MemoryLog, tmp_path: Path) -> None:
    """Interrupted after the last append, before it was read back."""
    source, out = filled(memory), tmp_path / "out"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(recording._Copy, "_close_span", lambda copy: interrupted_after(0)(0, 0))
        record(source, out, ["t"])
    done = record(source, out, ["t"])
    assert [len(each.spans) for each in done.partitions] == [1, 1]
    assert recorded_content(out) == content(memory)


def test_another_history_under_the_same_name_is_found(memory: MemoryLog, tmp_path: Path) -> None:
    source, out = filled(memory), tmp_path / "out"
    with pytest.raises(Interrupted):
        record(source, out, ["t"], progress=interrupted_after(5))
    other = MemoryLog()
    other.create_topic("t", CONFIG)
    for number in range(2):
        stamps = range(400)
        other.partition("t", number).append(
            [Record(b"v%d" % (each + (each > 8)), b"k%d" % (each % 7), each * 1000)
             for each in stamps]
        )  # fmt: skip
    with pytest.raises(LogError, match="not what the source holds, first at offset 9"):
        record(LogSource(other, source.name), out, ["t"])


def test_retention_was_faster(memory: MemoryLog, tmp_path: Path) -> None:
    source, out = filled(memory), tmp_path / "out"
    with pytest.raises(Interrupted):
        record(source, out, ["t"], progress=interrupted_after(5))
    memory.partition("t", 0).delete_before(20)
    assert memory.partition("t", 0).log_start == 20
    memory.partition("t", 1).delete_before(300)
    with pytest.raises(OffsetOutOfRange, match="t-1: the source deleted offsets 0 to 299"):
        record(source, out, ["t"])


# -- refused ----------------------------------------------------------------------------------


def test_what_cannot_be_asked_leaves_nothing(memory: MemoryLog, tmp_path: Path) -> None:
    source, out = filled(memory), tmp_path / "out"
    with pytest.raises(UnknownTopic, match="there is no topic u on a test"):
        record(source, out, ["t", "u"])
    with pytest.raises(InvalidConfig, match=r"the end 1 .* lies before the beginning 2"):
        record(source, out, ["t"], since_ms=2, until_ms=1)
    assert not out.exists()


def test_a_folder_of_something_else_is_let_be(memory: MemoryLog, tmp_path: Path) -> None:
    source = filled(memory)
    with FileLog(tmp_path / "log") as mine:
        mine.create_topic("mine", TopicConfig())
    with pytest.raises(RecordingRefused, match="holds a log that is no recording"):
        record(source, tmp_path / "log", ["t"])
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/mine.txt").write_text("mine")
    with pytest.raises(LogError, match=r"holds mine\.txt"):
        record(source, tmp_path / "notes", ["t"])
    record(source, tmp_path / "out", ["t"])
    with pytest.raises(RecordingRefused, match="another recording: since_ms None, not 5"):
        record(source, tmp_path / "out", ["t"], since_ms=5)
    with pytest.raises(RecordingRefused, match="another recording: until_ms None, not 5"):
        record(source, tmp_path / "out", ["t"], until_ms=5)
    with pytest.raises(RecordingRefused, match="source 'a test', not 'another'"):
        record(LogSource(memory, "another"), tmp_path / "out", ["t"])
    (tmp_path / "out" / MANIFEST_NAME).write_text("{}")
    with pytest.raises(RecordingRefused, match=r"recording\.json: "):
        record(source, tmp_path / "out", ["t"])


def test_two_do_not_record_into_one_folder(memory: MemoryLog, tmp_path: Path) -> None:
    source, out = filled(memory), tmp_path / "out"

    def again(done: int, total: int) -> None:
        with pytest.raises(PartitionFenced, match="writes to this partition"):
            record(source, out, ["t"])
        raise Interrupted

    with pytest.raises(Interrupted):
        record(source, out, ["t"], progress=again)


def test_something_appended_meanwhile_is_found(memory: MemoryLog, tmp_path: Path) -> None:
    source, out = filled(memory), tmp_path / "out"
    with pytest.raises(Interrupted):
        record(source, out, ["t"], progress=interrupted_after(50))
    with FileLog(out) as mine:
        mine.partition("t", 0).append([Record(b"mine")])
    with pytest.raises(RecordingRefused, match=r"t-0 in .* goes to offset 401"):
        record(source, out, ["t"])


def test_records_that_were_lost_are_found(memory: MemoryLog, tmp_path: Path, small: None) -> None:
    source, out = filled(memory), tmp_path / "out"
    with pytest.raises(Interrupted):
        record(source, out, ["t"], progress=interrupted_after(60))
    shutil.rmtree(out / "t-0")
    (out / "t-0").mkdir()
    with pytest.raises(RecordingRefused, match=r"to offset 0; it was verified up to 400"):
        record(source, out, ["t"])


def test_a_disk_that_changes_bytes_is_found(
    memory: MemoryLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = filled(memory), tmp_path / "out"
    flush = FilePartition.flush

    def flush_and_flip(partition: FilePartition) -> None:
        flush(partition)
        path = max((out / "t-0").glob("*.log"))
        stored = bytearray(path.read_bytes())
        stored[-1] ^= 1
        path.write_bytes(stored)

    monkeypatch.setattr(FilePartition, "flush", flush_and_flip)
    with pytest.raises(LogError, match="checksum"):
        record(source, out, ["t"])
    noted = msgspec.json.decode((out / MANIFEST_NAME).read_bytes(), type=Recording)
    assert (noted.verified, noted.records) == (False, 0)


# -- a broker's folder ------------------------------------------------------------------------


@pytest.fixture
def broker_folder(tmp_path: Path) -> Iterator[Path]:
    """As a broker leaves it: partitions under a prefix, and its own small files."""
    folder = tmp_path / "broker"
    with FileLog(tmp_path / "log") as log:
        filled(log)
        log.create_topic("refold.topics", TopicConfig(cleanup_policy="compact"))
        said = [Record(b'{"value_format":"msgpack"}', b"t"), Record(b"{}", b"u")]
        log.partition("refold.topics", 0).append(said)
        log.create_topic("__consumer_offsets", TopicConfig())
        log.partition("__consumer_offsets", 0).append([Record(b"theirs")])
    for path in (tmp_path / "log").glob("*-[0-9]"):
        theirs = path.name.startswith("__")
        target = folder / (path.name if theirs else f"prod.{path.name}")
        target.mkdir(parents=True)
        for file in path.glob("*.log"):
            shutil.copy(file, target)
    (folder / "log-start-offset-checkpoint").write_text("0\n1\nprod.t 1 25\n")
    yield folder


def test_a_brokers_folder_is_recorded(broker_folder: Path, tmp_path: Path) -> None:
    with open_folder(broker_folder, "prod") as source:
        assert source.topics() == {"t": TopicConfig(partitions=2, value_format="msgpack")}
        done = record(source, tmp_path / "out", ["t"])
    assert [(each.begin, each.end) for each in done.partitions] == [(0, 400), (25, 400)]
    with FileLog(tmp_path / "out") as log, FileLog(tmp_path / "log") as was:
        was.partition("t", 1).delete_before(25)
        ours, theirs = content(log), content(was)
        assert [ours[f"t-{n}"] for n in range(2)] == [theirs[f"t-{n}"] for n in range(2)]


def test_a_brokers_folder_that_lacks_a_partition(broker_folder: Path, tmp_path: Path) -> None:
    shutil.rmtree(broker_folder / "prod.t-0")
    with pytest.raises(UnknownTopic, match=r"partition 0 of prod\.t is not in"):
        record(BrokerSource(broker_folder, "prod"), tmp_path / "out", ["t"])
    (tmp_path / "none").mkdir()
    with pytest.raises(UnknownTopic, match="is neither a log"):
        open_folder(tmp_path / "none")
    (broker_folder / "log-start-offset-checkpoint").write_text("0\n1\nprod.t 1\n")
    with pytest.raises(LogError, match="restore it from a copy"):
        BrokerSource(broker_folder, "prod")
