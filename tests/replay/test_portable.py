"""A log leaves and comes back: every record as it was, at its own offset, or nothing at all."""

import io
import json
import shutil
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from log.backends.memory import MemoryLog
from log.errors import InvalidConfig
from log.interface import Log
from log.record import Record, new_batch
from log.topic import TopicConfig
from replay import portable, portable_folder
from replay.portable import Counts, ImportRefused, InvalidExport
from replay.portable_folder import export_folder, import_folder
from replay.portable_lines import export_lines, import_lines
from replay.verify import verify
from tests.replay.recording import PARKING, append, run
from tests.samples.parking import flow

Copy = Callable[[Log, Log, Path], tuple[Counts, Counts]]


def by_folder(source: Log, target: Log, tmp_path: Path) -> tuple[Counts, Counts]:
    out = tmp_path / "export"
    shutil.rmtree(out, ignore_errors=True)
    return export_folder(source, out), import_folder(target, out)


def by_lines(source: Log, target: Log, tmp_path: Path) -> tuple[Counts, Counts]:
    path = tmp_path / "export.jsonl"
    with path.open("wb") as out:
        exported = export_lines(source, out)
    return exported, import_lines(target, path)


both_ways = pytest.mark.parametrize("copy", [by_folder, by_lines])


def content(log: Log) -> dict[str, object]:
    """All that an export is to keep, comparable."""
    partitions = {
        f"{name}-{number}": (
            partition.log_start,
            partition.log_end,
            [
                (r.offset, r.timestamp, r.key, r.value, list(r.headers))
                for batch in partition.read(partition.log_start, 1 << 30)
                for r in batch
            ],
        )
        for name, config in log.topics().items()
        for number in range(config.partitions)
        for partition in [log.partition(name, number)]
    }
    groups = {group: log.committed(group) for group in log.groups()}
    return {"topics": log.topics(), "groups": groups, **partitions}


def odd_log() -> MemoryLog:
    log = MemoryLog()
    log.create_topic("empty", TopicConfig(partitions=2))
    log.create_topic("odd", TopicConfig(partitions=3, compression_type="zstd"))
    log.create_topic("kept", TopicConfig(cleanup_policy="compact"))
    values = [
        b'{"a": 1.0,  "a":2, "b":[1,\t2]}', b'"text"', b"12345678901234567890123", b"true",
        None, b"null", b"", b" {} ", b"{}\n", b'{"a":\n1}', b"{", b'"\xff"', b"\x00\xff", b"nul",
    ]  # fmt: skip
    keys = [b"key", None, b"", b"\xff\x00", "käse".encode()]
    headers = [[], [("a", b"x"), ("a", b"\xff"), ("none", None), ("", b"")]]
    records = [
        Record(value, keys[at % 5], 1000 - at * 7, headers[at % 2])
        for at, value in enumerate(values)
    ]
    log.partition("odd", 1).append(records)
    log.partition("odd", 1).append([Record(b"{}", timestamp=0)])
    log.partition("odd", 2).append([Record(b"{}", timestamp=at) for at in range(10)])
    log.partition("odd", 2).delete_before(7)
    compacted = new_batch()
    for delta in (2, 3, 9):
        compacted.append(delta, delta, b"k%d" % delta, b"{}", [])
    log.partition("kept", 0).append_batch(compacted)
    log.partition("kept", 0).append([Record(None, b"k3", 12)])
    log.commit("readers", {("odd", 1): 5, ("kept", 0): 9})
    return log


@both_ways
def test_a_round_trip_is_exact(log: Log, copy: Copy, tmp_path: Path) -> None:
    source = odd_log()
    exported, imported = copy(source, log, tmp_path)
    assert content(log) == content(source)
    assert exported == imported == Counts(topics=3, partitions=6, records=15 + 3 + 4)
    again = MemoryLog()
    copy(log, again, tmp_path)
    assert content(again) == content(source)


@both_ways
def test_history_verifies_after_it(log: Log, copy: Copy, tmp_path: Path) -> None:
    source = MemoryLog()
    append(source, *islice(flow(1), 300))
    run(source)
    source.partition(PARKING.commands_topic, 0).delete_before(40)
    copy(source, log, tmp_path)
    before, after = verify(source, PARKING, 0), verify(log, PARKING, 0)
    assert before == after
    assert (after.commands_compared, after.difference) == (260, None)
    append(log, *islice(flow(2), 10))
    run(log)
    assert verify(log, PARKING, 0).commands_compared == 270


@both_ways
def test_small_appends(
    log: Log, copy: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portable, "BATCH_BYTES", 300)
    monkeypatch.setattr(portable, "READ_BYTES", 300)
    monkeypatch.setattr(portable_folder, "SEGMENT_BYTES", 1000)
    source = odd_log()
    append(source, *islice(flow(1), 100))
    copy(source, log, tmp_path)
    assert content(log) == content(source)


def test_a_gap_that_is_wider_than_a_batch(log: Log, tmp_path: Path) -> None:
    lines: list[dict[str, object]] = [
        {
            "refold_lines": 1,
            "topics": {"t": {}},
            "partitions": [
                {"topic": "t", "partition": 0, "log_start": 2**32, "log_end": 2**32 + 1}
            ],
            "groups": {},
        },
        line(2**32),
        {"records": 1},
    ]
    import_lines(log, write(tmp_path, lines))
    partition = log.partition("t", 0)
    assert (partition.log_start, partition.log_end) == (2**32, 2**32 + 1)
    assert [r.offset for batch in partition.read(2**32) for r in batch] == [2**32]


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)
@given(
    st.lists(
        st.tuples(
            st.none() | st.binary(max_size=9) | st.text(max_size=9).map(str.encode)
            | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(
                lambda value: json.dumps(value).encode()
            ),
            st.none() | st.binary(max_size=4),
            st.integers(-1, 2**62),
            st.lists(st.tuples(st.text(max_size=3), st.none() | st.binary(max_size=4))),
        )
    )
)  # fmt: skip
def test_any_record_survives_as_a_line(
    tmp_path: Path,
    drawn: list[tuple[bytes | None, bytes | None, int, list[tuple[str, bytes | None]]]],
) -> None:
    source, target = MemoryLog(), MemoryLog()
    source.create_topic("t", TopicConfig())
    source.partition("t", 0).append([Record(*fields) for fields in drawn])
    by_lines(source, target, tmp_path)
    assert content(target) == content(source)


def test_lines_can_be_read() -> None:
    log = MemoryLog()
    log.create_topic("t", TopicConfig())
    log.partition("t", 0).append([Record(b'{"a": 1}', b"k", 5), Record(b"\xff", b"k", 6)])
    out = io.BytesIO()
    export_lines(log, out)
    assert out.getvalue().splitlines()[1:] == [
        b'{"topic":"t","partition":0,"offset":0,"timestamp":5,"key":"k","value":{"a": 1}}',
        b'{"topic":"t","partition":0,"offset":1,"timestamp":6,"key":"k","value":null,'
        b'"value_base64":"/w=="}',
        b'{"records":2}',
    ]


def test_some_topics(tmp_path: Path) -> None:
    out = tmp_path / "some"
    assert export_folder(odd_log(), out, ["odd"]).topics == 1
    target = MemoryLog()
    import_folder(target, out)
    assert list(target.topics()) == ["odd"]
    assert target.committed("readers") == {("odd", 1): 5}


@both_ways
def test_progress_reaches_its_end(copy: Copy, tmp_path: Path) -> None:
    source = MemoryLog()
    source.create_topic("t", TopicConfig())
    source.partition("t", 0).append([Record(b"{}")] * 2000)
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        told.append((done, total))

    path = tmp_path / "t.jsonl"
    if copy is by_lines:
        with path.open("wb") as out:
            export_lines(source, out, progress=progress)
        import_lines(MemoryLog(), path, progress)
    else:
        export_folder(source, path, progress=progress)
        import_folder(MemoryLog(), path, progress)
    assert told.count((2000, 2000)) == 2


@both_ways
def test_a_topic_that_holds_something_is_let_be(log: Log, copy: Copy, tmp_path: Path) -> None:
    log.create_topic("odd", TopicConfig(partitions=3, compression_type="zstd"))
    log.partition("odd", 0).append([Record(b"mine")])
    before = content(log)
    with pytest.raises(ImportRefused, match="topic odd is not empty"):
        copy(odd_log(), log, tmp_path)
    assert content(log) == before


@both_ways
def test_an_empty_topic_of_another_configuration(log: Log, copy: Copy, tmp_path: Path) -> None:
    log.create_topic("odd", TopicConfig(partitions=2))
    with pytest.raises(ImportRefused, match="topic odd exists with another configuration"):
        copy(odd_log(), log, tmp_path)


def line(offset: int, **other: object) -> dict[str, object]:
    fields = {"topic": "t", "partition": 0, "offset": offset, "timestamp": 0, "key": None}
    return {**fields, "value": {}, **other}


def write(tmp_path: Path, lines: list[dict[str, object]]) -> Path:
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in lines))
    return path


HEADER: dict[str, object] = {
    "refold_lines": 1,
    "topics": {"t": {}},
    "partitions": [{"topic": "t", "partition": 0, "log_start": 0, "log_end": 3}],
    "groups": {},
}


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([], ":1: this is not the first line of an exported log"),
        ([line(0)], ":1: this is not the first line of an exported log"),
        ([{**HEADER, "refold_lines": 2}], ":1: version 2"),
        ([HEADER], "the file was cut"),
        ([HEADER, line(0)], "the file was cut"),
        ([HEADER, line(0), {"records": 2}], "has 1 records, and its last line says 2"),
        ([HEADER, line(1), line(0), {"records": 2}], ":3: offset 0 is not between 2 and 3"),
        ([HEADER, line(3), {"records": 1}], ":2: offset 3 is not between 0 and 3"),
        ([HEADER, line(0, topic="u"), {"records": 1}], ":2: u-0 is not announced"),
        ([HEADER, line(0, odd=1), {"records": 1}], ":2: Object contains unknown field `odd`"),
        ([HEADER, line(0, timestamp="x"), {"records": 1}], r":2: Expected `int`.*timestamp"),
        ([HEADER, line(0, value_base64="?"), {"records": 1}], ":2: "),
        ([{**HEADER, "partitions": []}, {"records": 0}], "partitions are not those.*t-0"),
        ([{**HEADER, "topics": {"t": {"partitions": 0}}}], ":1: .*partitions 0"),
    ],
)  # fmt: skip
def test_bad_lines_import_nothing(
    tmp_path: Path, lines: list[dict[str, object]], what: str
) -> None:
    log = MemoryLog()
    with pytest.raises((InvalidExport, InvalidConfig), match=what):
        import_lines(log, write(tmp_path, lines))
    assert log.topics() == {}


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_a_damaged_folder_imports_nothing(tmp_path: Path) -> None:
    good = tmp_path / "good"
    export_folder(odd_log(), good)
    segment = "odd-1/00000000000000000000.log"

    def damaged(damage: Callable[[Path], object]) -> Path:
        folder = tmp_path / "bad"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(good, folder)
        damage(folder)
        return folder

    manifest = (good / "manifest.json").read_text()
    cases: list[tuple[Callable[[Path], object], str]] = [
        (lambda f: (f / "manifest.json").unlink(), "one that did not finish"),
        (lambda f: (f / "manifest.json").write_text(manifest[:99]), "manifest.json: "),
        (lambda f: (f / segment).unlink(), "is missing, and the manifest names it"),
        (lambda f: flip(f / segment, 100), "position 0: the batch at offset 0 is damaged"),
        (lambda f: flip(f / segment, 15), "its digest is not the one in the manifest"),
        (lambda f: (f / segment).write_bytes((f / segment).read_bytes()[:-5]), "ends within"),
        (lambda f: (f / segment).write_bytes(b"foreign"), "position 0: the file ends within"),
        (lambda f: (f / segment).write_bytes(b""), "holds 0 records in 0 bytes"),
        (
            lambda f: (f / "manifest.json").write_text(manifest.replace("0.log", "0/../x.log")),
            "is no name of a segment",
        ),
        (
            lambda f: (f / "manifest.json").write_text(manifest.replace('"odd"', '"../odd"')),
            "topic name '../odd'",
        ),
    ]
    for damage, what in cases:
        log = MemoryLog()
        with pytest.raises((InvalidExport, InvalidConfig), match=what):
            import_folder(log, damaged(damage))
        assert log.topics() == {}


def test_an_export_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(FileExistsError, match="is not empty"):
        export_folder(odd_log(), tmp_path)
