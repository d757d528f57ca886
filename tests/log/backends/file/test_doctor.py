"""The doctor: a healthy log, in use or not, gets no finding; each kind of damage is found."""

import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from log.backends.file import FileLog
from log.backends.file.doctor import examine
from log.backends.file.indexes import OFFSET_ENTRY, TIME_ENTRY
from log.finding import Finding
from log.record import HEADER, LENGTH_END, Record
from log.topic import TopicConfig


def found(folder: Path) -> list[Finding]:
    return list(examine(str(folder)))


def damage(folder: Path) -> list[Finding]:
    return [finding for finding in found(folder) if not finding.is_note]


def fill(folder: Path, records: int = 300) -> None:
    """A log of several segments, with index entries in each, timestamps out of order."""
    config = TopicConfig(
        partitions=2,
        segment_bytes=9000,
        index_interval_bytes=500,
        durability="loses_unflushed_on_power_failure",
    )
    with FileLog(folder) as log:
        log.create_topic("t", config)
        partition = log.partition("t", 0)
        for at in range(records):
            value = b"%06d" % at + b"x" * (at % 90)
            partition.append([Record(value, b"k%d" % (at % 5), 1000 + at * 7919 % 5000)] * 2)
        log.commit("readers", {("t", 0): 5})


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("healthy") / "log"
    fill(folder)
    return folder


@pytest.fixture
def folder(healthy: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(healthy, tmp_path / "log"))


def segments(folder: Path) -> list[Path]:
    return sorted((folder / "t-0").glob("*.log"))


def change(path: Path, edit: Callable[[bytearray], None]) -> None:
    data = bytearray(path.read_bytes())
    edit(data)
    path.write_bytes(data)


def batches(path: Path) -> Iterator[tuple[int, int]]:
    """Positions and base offsets."""
    data, position = path.read_bytes(), 0
    while position < len(data):
        fields = HEADER.unpack_from(data, position)
        yield position, fields[0]
        position += fields[1] + LENGTH_END


def test_a_healthy_log(healthy: Path) -> None:
    assert found(healthy) == []
    assert len(segments(healthy)) > 4
    assert all(path.stat().st_size > 0 for path in (healthy / "t-0").glob("*index"))


def test_a_log_in_use(tmp_path: Path) -> None:
    """Appends, rolls, retention and compaction go on meanwhile."""
    stop = threading.Event()
    settings = {"segment_bytes": 2000, "index_interval_bytes": 100, "retention_bytes": 20_000}
    with FileLog(tmp_path) as log:
        log.create_topic("t", TopicConfig(**settings))  # type: ignore[arg-type]
        kept = TopicConfig(cleanup_policy="compact", segment_bytes=2000)
        log.create_topic("kept", kept)

        def use() -> None:
            at = 0
            while not stop.is_set() and at < 600:
                at += 1
                for name in ("t", "kept"):
                    log.partition(name, 0).append([Record(b"x" * (at % 300), b"%d" % (at % 9))])
                if at % 50 == 0:
                    list(log.clean())

        user = threading.Thread(target=use)
        user.start()
        try:
            findings = []
            while log.partition("t", 0).log_end < 600:
                findings += damage(tmp_path)
        finally:
            stop.set()
            user.join()
        assert findings == []


def test_after_compaction_and_deletion(tmp_path: Path) -> None:
    with FileLog(tmp_path) as log:
        log.create_topic("kept", TopicConfig(cleanup_policy="compact", segment_bytes=1024))
        partition = log.partition("kept", 0)
        for at in range(60):
            partition.append([Record(b"x" * 50, b"%d" % (at % 9))])
        assert list(log.clean())
        partition.delete_before(50)
    assert found(tmp_path) == []


def test_progress_counts_bytes(healthy: Path) -> None:
    told: list[tuple[int, int]] = []
    list(examine(str(healthy), progress=lambda done, total: told.append((done, total))))
    size = sum(path.stat().st_size for path in segments(healthy))
    assert told[-1] == (size, size)


def test_every_flipped_bit_in_a_batch_is_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it is, but in the leader epoch, which stands for nothing here."""
    monkeypatch.setattr("log.backends.file.doctor.LOOK_AGAIN_S", 0)
    path = segments(folder)[1]
    whole = path.read_bytes()
    (position, base), (end, _) = list(batches(path))[3:5]
    for at in range(position, end):
        if position + 12 <= at < position + 16:
            continue
        data = bytearray(whole)
        data[at] ^= 4
        path.write_bytes(data)
        first = damage(folder)[0]
        assert (first.path, first.position) == (str(path), position), at
        assert first.offset == base or at < position + 8


def test_what_is_said_of_a_flipped_bit(folder: Path) -> None:
    path = segments(folder)[1]
    position, base = list(batches(path))[3]
    change(path, lambda data: data.__setitem__(position + 80, data[position + 80] ^ 1))
    assert found(folder) == [
        Finding(
            path=str(path),
            position=position,
            offset=base,
            what=f"the checksum of the batch with offsets {base} to {base + 1} does not hold: "
            "bytes were changed",
            advice="restore the file from a copy",
        )
    ]


def test_zeros_in_the_middle_are_stepped_over_by_the_index(folder: Path) -> None:
    path = segments(folder)[1]
    positions = list(batches(path))
    (position, base), (end, _) = positions[2], positions[4]
    change(path, lambda data: data.__setitem__(slice(position, end), bytes(end - position)))
    findings = damage(folder)
    assert len(findings) == 1, findings
    assert (findings[0].position, findings[0].offset) == (position, base)
    assert re.search(rf"with offsets {base} to \d+, cannot be read", findings[0].what)


def test_a_cut_segment(folder: Path) -> None:
    path = segments(folder)[1]
    position, base = list(batches(path))[-1]
    change(path, lambda data: data.__delitem__(slice(position + 70, None)))
    first, *others = damage(folder)
    assert (first.path, first.position, first.offset) == (str(path), position, base)
    assert "the file ends within a batch" in first.what
    assert {Path(other.path).suffix for other in others} <= {".index", ".timeindex"}


def test_acknowledged_records_cut_from_the_end(folder: Path) -> None:
    path = segments(folder)[-1]
    position, base = list(batches(path))[-1]
    change(path, lambda data: data.__delitem__(slice(position, None)))
    whats = [finding.what for finding in damage(folder)]
    assert any(f"offsets {base} to {base + 1} were durable" in what for what in whats)


def test_a_torn_tail_is_a_note(folder: Path) -> None:
    path = segments(folder)[-1]
    size = path.stat().st_size
    change(path, lambda data: data.extend(b"\x01" * 33))
    assert [(note.position, note.is_note) for note in found(folder)] == [(size, True)]
    (folder / "t-0" / "partition.state").unlink()
    assert [note.is_note for note in found(folder)] == [True, True]
    with FileLog(folder) as log:
        assert log.partition("t", 0).log_end == 600
    assert found(folder) == []


def test_a_missing_segment(folder: Path) -> None:
    paths = segments(folder)
    begin, end = int(paths[1].stem), int(paths[2].stem)
    paths[1].unlink()
    whats = [finding.what for finding in damage(folder)]
    assert any(f"offsets {begin} to {end - 1} were durable, and are not" in what for what in whats)
    first = segments(folder)[0]
    first.unlink()
    assert f"offsets 0 to {end - 1} were durable" in damage(folder)[0].what


INDEXES: list[tuple[str, Callable[[bytearray], None], str]] = [
    (".index", lambda data: OFFSET_ENTRY.pack_into(data, 8, 3, 77), "points to position 77"),
    (".index", lambda data: data.extend(OFFSET_ENTRY.pack(9000, 8000)), "8000, where no batch"),
    (".index", lambda data: data.extend(OFFSET_ENTRY.pack(99, 90000)), "1 entries point to no"),
    (".index", lambda data: data.extend(b"abc"), "3 bytes at the end are no entry"),
    (".timeindex", lambda data: TIME_ENTRY.pack_into(data, 0, 7, 3), "says that 7 is the largest"),
    (".timeindex", lambda data: data.extend(data[-12:]), "does not grow"),
    (".timeindex", lambda data: data.__delitem__(slice(-12, None)), "would pass it over"),
    (".timeindex", lambda data: data.extend(bytes(5)), "5 bytes at the end are no entry"),
]


@pytest.mark.parametrize(("suffix", "edit", "what"), INDEXES)
def test_an_index_that_is_wrong(
    folder: Path, suffix: str, edit: Callable[[bytearray], None], what: str
) -> None:
    path = segments(folder)[1].with_suffix(suffix)
    change(path, edit)
    findings = damage(folder)
    assert findings
    assert {finding.path for finding in findings} == {str(path)}
    assert any(what in finding.what for finding in findings), findings
    assert "delete the file" in findings[0].advice
    path.unlink()
    assert [(note.path, note.is_note) for note in found(folder)] == [(str(path), True)]
    with FileLog(folder) as log:
        log.partition("t", 0).read(0)
    assert found(folder) == []


SMALL_FILES: list[tuple[str, str | None, str]] = [
    ("refold.json", "{}", "it does not mark a log"),
    ("refold.json", '{"format":"refold log","version":99}', "version 99 is not known"),
    ("refold.json", None, "it cannot be read: No such file"),
    ("topics/t.json", '{"partitions":0}', "the topic's configuration cannot be read"),
    ("topics/t.json", "{", "the topic's configuration cannot be read"),
    ("topics/t.json", None, "the folder of a partition that no topic's configuration knows"),
    ("topics/x.txt", "", "no configuration of a topic"),
    ("topics/u.json", "{}", "the partition's folder is missing"),
    ("groups/readers.json", "[]", "the group's committed offsets cannot be read"),
    ("t-0/partition.json", "{", "the checkpoint cannot be read"),
    ("t-0/notes.txt", "mine", "no file of a log"),
]


@pytest.mark.parametrize(("name", "content", "what"), SMALL_FILES)
def test_a_small_file_that_is_wrong(
    folder: Path, name: str, content: str | None, what: str
) -> None:
    path = folder / name
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    findings = damage(folder)
    assert any(what in finding.what for finding in findings), findings
    assert all(str(folder) in finding.path and finding.advice for finding in findings)


def test_what_is_left_over_is_a_note(folder: Path) -> None:
    (folder / "README").write_text("mine")
    (folder / "t-0" / f"{0:020d}.log.cleaned").write_bytes(b"half")
    (folder / "groups" / "old.json").write_text(json.dumps({"gone": {"0": 5}}))
    findings = found(folder)
    assert len(findings) == 3
    assert all(finding.is_note for finding in findings)


def test_nothing_is_written(folder: Path) -> None:
    change(segments(folder)[-1], lambda data: data.extend(b"\x01" * 33))
    segments(folder)[1].with_suffix(".index").unlink()

    def look() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    before = look()
    if os.geteuid():
        for path in folder.rglob("*"):
            path.chmod(0o555)
    assert found(folder)
    assert look() == before
