"""A log leaves as one compressed file, with what an importer should know of its systems."""

import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from log.backends.memory import MemoryLog
from log.errors import InvalidConfig
from log.interface import Log
from processors.core.decider import StateFormat
from processors.core.registry import Registered, Registry
from processors.core.snapshots import fingerprint
from processors.core.system import System
from replay import portable_folder
from replay.portable import Counts, InvalidExport
from replay.portable_folder import export_folder, export_zip, import_folder, import_zip
from replay.verify import verify
from tests.replay.recording import PARKING, UNREADABLE, append, run, with_rules
from tests.replay.test_portable import content, flip, odd_log
from tests.samples.parking import flow
from tests.samples.parking.decider import decide

REGISTRY = Registry(["tests.samples.parking"])


class Others(Registry):
    """A registry in which the parking system is another."""

    def __init__(self, system: System) -> None:
        super().__init__(["tests.samples.parking"])
        self._loaded[system.name] = Registered(system, "tests.samples.parking")


def history() -> MemoryLog:
    """Thirty commands of rules 1, ten of rules 2, and one that cannot be decided."""
    log = MemoryLog()
    append(log, *islice(flow(1), 30), UNREADABLE)
    run(log)
    append(log, *islice(flow(2), 10))
    run(log, with_rules(2, decide))
    return log


def test_a_round_trip_is_exact(log: Log, tmp_path: Path) -> None:
    source = odd_log()
    exported = export_zip(source, tmp_path / "log.zip")
    imported = import_zip(log, tmp_path / "log.zip")
    assert content(log) == content(source)
    assert exported == imported == Counts(topics=3, partitions=6, records=15 + 3 + 4)
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ""] == ["log.zip"]


def test_it_holds_what_a_folder_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portable_folder, "SEGMENT_BYTES", 1000)
    log = history()
    export_zip(log, tmp_path / "log.zip", registry=REGISTRY)
    export_folder(log, tmp_path / "folder", registry=REGISTRY)
    with zipfile.ZipFile(tmp_path / "log.zip") as archive:
        names = archive.namelist()
        assert all(info.compress_type == zipfile.ZIP_DEFLATED for info in archive.infolist())
        for name in names:
            assert archive.read(name) == (tmp_path / "folder" / name).read_bytes()
    files = [path for path in (tmp_path / "folder").rglob("*") if path.is_file()]
    assert len(names) == len(files) > 5
    assert names[-1] == "manifest.json"
    export_zip(log, tmp_path / "again.zip", registry=REGISTRY)
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "log.zip").read_bytes()
    # An unpacked one is a folder, and a packed folder is a zip file.
    with zipfile.ZipFile(tmp_path / "log.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    copy = MemoryLog()
    import_folder(copy, tmp_path / "unpacked")
    assert content(copy) == content(log)


def test_the_manifest_tells_of_systems(tmp_path: Path) -> None:
    log = history()
    append(log, b"{}")  # not decided
    export_folder(log, tmp_path / "out", registry=REGISTRY)
    told = json.loads((tmp_path / "out" / "manifest.json").read_text())["systems"]
    assert told == {
        "samples.parking": {
            "rules_version": 1,
            "fingerprint": fingerprint(PARKING),
            "rules_adopted": [1, 2],
            "commands": 42,
            "events": log.partition(PARKING.events_topic, 0).log_end,
            "dead_letters": 1,
        }
    }


def test_history_verifies_after_it(log: Log, tmp_path: Path) -> None:
    source = history()
    export_zip(source, tmp_path / "bug.zip", registry=REGISTRY)
    counts = import_zip(log, tmp_path / "bug.zip", registry=REGISTRY)
    assert counts.notes == []
    assert verify(log, PARKING, 0) == verify(source, PARKING, 0)


def other_schema() -> System:
    kept = PARKING.decider.state_format
    other = StateFormat(row_type=dict[str, int], to_rows=kept.to_rows, from_rows=kept.from_rows)
    return replace(PARKING, decider=replace(PARKING.decider, state_format=other))


@pytest.mark.parametrize(
    ("registry", "note"),
    [
        (Others(with_rules(3, decide)), "exported by rules 1, and this program has rules 3"),
        (Others(other_schema()), "the schema of its state is not the one"),
        (Registry(), "this program has no such system"),
    ],
)
@pytest.mark.parametrize("form", ["out", "out.zip"])
def test_other_rules_are_a_note(tmp_path: Path, registry: Registry, note: str, form: str) -> None:
    log = MemoryLog()
    if form == "out":
        export_folder(history(), tmp_path / form, registry=REGISTRY)
        counts = import_folder(log, tmp_path / form, registry=registry)
    else:
        export_zip(history(), tmp_path / form, registry=REGISTRY)
        counts = import_zip(log, tmp_path / form, registry=registry)
    assert [each.startswith("samples.parking: ") for each in counts.notes] == [True]
    assert note in counts.notes[0]
    assert content(log) == content(history())


def test_an_export_of_version_1_still_comes_in(log: Log, tmp_path: Path) -> None:
    source = odd_log()
    export_folder(source, tmp_path / "old", registry=REGISTRY)
    path = tmp_path / "old" / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["systems"], manifest["redacted"]
    path.write_text(json.dumps({**manifest, "refold_export": 1}))
    counts = import_folder(log, tmp_path / "old", registry=REGISTRY)
    assert (content(log), counts.notes) == (content(source), [])
    path.write_text(json.dumps({**manifest, "refold_export": 3}))
    with pytest.raises(InvalidExport, match="version 3; this program reads versions 1 and 2"):
        import_folder(MemoryLog(), tmp_path / "old")


def test_a_damaged_file_imports_nothing(tmp_path: Path) -> None:
    good = tmp_path / "good.zip"
    export_zip(history(), good)
    size = good.stat().st_size
    with zipfile.ZipFile(good) as archive:
        segment = archive.infolist()[0]
        after_name = segment.header_offset + 30 + len(segment.filename) + 20

    def without(name: str) -> Callable[[Path], object]:
        def leave_out(path: Path) -> None:
            with zipfile.ZipFile(good) as archive, zipfile.ZipFile(path, "w") as out:
                for info in archive.infolist():
                    if info.filename != name:
                        out.writestr(info.filename, archive.read(info))

        return leave_out

    cases: list[tuple[Callable[[Path], object], str]] = [
        (lambda p: p.write_bytes(good.read_bytes()[: size // 2]), "is no whole zip file"),
        (lambda p: p.write_bytes(b""), "is no whole zip file"),
        (lambda p: p.write_text("text"), "is no whole zip file"),
        (lambda p: flip(p, after_name + 30), "is no whole zip file"),
        (without("manifest.json"), "has no manifest.json"),
        (without(segment.filename), "is missing, and the manifest names it"),
    ]
    for damage, what in cases:
        path = tmp_path / "bad.zip"
        shutil.copy(good, path)
        damage(path)
        log = MemoryLog()
        with pytest.raises((InvalidExport, InvalidConfig), match=what):
            import_zip(log, path)
        assert log.topics() == {}


def test_every_flipped_byte_is_found_or_changes_nothing(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.zip", tmp_path / "bad.zip"
    source = MemoryLog()
    append(source, *islice(flow(1), 20))
    export_zip(source, good)
    found = 0
    for at in range(0, good.stat().st_size, 23):
        shutil.copy(good, bad)
        flip(bad, at)
        log = MemoryLog()
        try:
            import_zip(log, bad)
        except InvalidExport:
            found += 1
            assert log.topics() == {}
        else:
            assert content(log) == content(source)
    assert found > 20


def test_an_error_leaves_no_file(tmp_path: Path) -> None:
    def fails(done: int, total: int) -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        export_zip(history(), tmp_path / "log.zip", progress=fails)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "log.zip").write_text("mine")
    with pytest.raises(FileExistsError, match="is there already"):
        export_zip(history(), tmp_path / "log.zip")
    assert (tmp_path / "log.zip").read_text() == "mine"


def test_counts_are_json() -> None:
    told = msgspec.json.decode(msgspec.json.encode(Counts(topics=1, partitions=2, records=3)))
    assert told == {"topics": 1, "partitions": 2, "records": 3, "notes": []}
