"""Snapshots: a start from one equals a start from history, and a bad one is never believed.

The same tests on every kind of place that they are kept in.
"""

import hashlib
import json
import logging
import multiprocessing
import os
import struct
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from log.errors import InvalidConfig
from log.interface import Log, Partition
from log.record import Record
from processors.core.decider import digest, whole_state
from processors.core.fold import Fold
from processors.core.snapshots import (
    ABANDONED_S,
    PIECE_BYTES,
    SnapshotGone,
    SnapshotsUnavailable,
    open_snapshots,
)
from processors.core.task import Task
from processors.core.testing.subject import decide_all, flow_records, memory_log
from processors.markets.exchange import SYSTEM as EXCHANGE
from processors.markets.exchange.row_types import StateRow
from tests.processors.core.snapshot_places import (
    LARGE,
    ONE,
    ROW,
    Place,
    a_history,
    append,
    decided,
    folded,
    large,
    of_rows,
    place_of,
    save_and_hang,
)
from tests.processors.markets.exchange.mixed_flow import mixed_flow
from tests.samples.parking.decider import Garage, Stay

CLOSED_PORT = "postgresql+psycopg://refold:hunter2@127.0.0.1:1/refold"


@pytest.fixture(params=["folder", "sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        return Place(tmp_path / "snapshots")
    if request.param == "sqlite":
        return Place(f"sqlite:///{tmp_path}/made/snapshots.db")
    return Place(request.getfixturevalue("postgresql_database"))


def test_snapshot_and_tail_equal_the_full_fold(place: Place) -> None:
    log = a_history(200)
    decided(log, place.open()).save_snapshot()
    append(log, 200, 400)
    decided(log)

    from_snapshot = Task(log, ONE, 0, place.open())
    from_snapshot.close()
    from_history = Task(log, ONE, 0)
    assert from_snapshot.snapshot_sequence > 200
    assert place_of(from_snapshot.fold) == place_of(from_history.fold)


def test_a_task_stands_where_the_fold_of_its_events_stands() -> None:
    log = a_history(200)
    assert place_of(decided(log).fold) == place_of(folded(log))


def test_a_state_with_every_kind_of_row(place: Place) -> None:
    system = replace(EXCHANGE, partitions=1, flow=mixed_flow)
    log, state_format = (
        memory_log(system, flow_records(system, 1, 600)),
        system.decider.state_format,
    )
    (fold,) = decide_all(log, system)
    rows = list(state_format.to_rows(fold.state))
    assert {type(row) for row in rows} == set(get_args(StateRow))

    place.open(system).save(fold)
    loaded = place.open(system).load(log.partition(system.events_topic, 0))
    assert loaded is not None
    assert place_of(loaded)[1:] == place_of(fold)[1:]
    assert list(state_format.to_rows(loaded.state)) == rows
    assert digest(state_format, loaded.state) == digest(state_format, fold.state)


def test_a_state_of_one_large_row(place: Place) -> None:
    log = a_history(50)
    fold = folded(log)
    fold.state = Garage({"spot": Stay("x" * (3 * PIECE_BYTES), 1)})
    place.open().save(fold)
    loaded = place.open().load(events(log))
    assert loaded is not None
    assert loaded.state == fold.state


def test_the_two_newest_are_kept(place: Place) -> None:
    snapshots = place.open()
    assert snapshots.sequences() == []
    log = a_history()
    sequences: list[int] = []
    for first in range(0, 50, 10):
        append(log, first, first + 10)
        task = decided(log, snapshots)
        task.save_snapshot()
        task.save_snapshot()  # nothing has changed: nothing is written
        sequences.insert(0, task.fold.next_sequence)
    assert snapshots.sequences() == sequences[:2]
    assert len({snapshots.name(sequence) for sequence in sequences}) == 5
    for sequence in sequences[:2]:
        stored = snapshots.read(sequence)
        assert stored is not None
        assert stored.next_sequence == sequence
    with pytest.raises(SnapshotGone):
        snapshots.read(sequences[2])


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda content: content[:-7],
    "flipped in its header": lambda content: flipped(content, 4),
    "flipped in its rows": lambda content: flipped(content, len(content) // 2),
    "flipped in its digest": lambda content: flipped(content, len(content) - 1),
    "a length flipped": lambda content: flipped(content, 0, 0x40),
    "empty": lambda content: b"",
    "longer": lambda content: content + b"x",
    "torn": lambda content: content[:400] + content[500:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_snapshot_is_left_for_the_one_before(
    place: Place, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    snapshots = place.open()
    log = a_history(100)
    older, newest = folded(log, batches=4), folded(log)
    assert (snapshots.save(older), snapshots.save(newest)) != ("", "")
    place.put(newest.next_sequence, DAMAGES[damage](place.content(newest.next_sequence)))
    loaded = snapshots.load(events(log))
    assert loaded is not None
    assert place_of(loaded) == place_of(older)
    assert f"{newest.next_sequence}" in caplog.text
    assert "was left aside: it" in caplog.text
    assert place_of(decided(log, snapshots).fold) == place_of(newest)


def test_rows_that_the_rules_cannot_take_are_damage(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    log = a_history(50)
    place.open(LARGE).save(large(folded(log), 5))
    sequence = folded(log).next_sequence
    place.put(sequence, place.content(sequence).replace(b"snowman", b"snowmen"))
    assert place.open(LARGE).load(events(log)) is None
    assert "its rows cannot be read: AssertionError" in caplog.text


def test_a_snapshot_of_another_schema_or_other_rules_is_ignored(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    class Floors(msgspec.Struct):
        stays: dict[str, Stay]
        floors: int = 3

    log = a_history(100)
    fold = folded(log)
    place.open().save(fold)
    other_decider = replace(ONE.decider, state_format=whole_state(Floors))
    assert place.open(replace(ONE)).load(events(log)) is not None
    for other in (replace(ONE, rules_version=2), replace(ONE, decider=other_decider)):
        assert place.open(other).load(events(log)) is None
        assert place.open(other).read(fold.next_sequence) is None
    assert not any(record.levelno > logging.INFO for record in caplog.records)


def test_a_snapshot_of_an_older_format_is_ignored(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    log = a_history(100)
    fold = folded(log)
    place.open().save(fold)
    place.put(fold.next_sequence, as_version_1(place.content(fold.next_sequence)))
    assert place.open().load(events(log)) is None
    assert place.open().read(fold.next_sequence) is None
    assert not any(record.levelno > logging.INFO for record in caplog.records)


def test_a_snapshot_ahead_of_the_log_is_left_aside(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    log = a_history(100)
    place.open().save(folded(log))
    shorter = a_history(99)
    decided(shorter)
    assert place.open().load(events(shorter)) is None
    assert "it is of another log, or events are lost" in caplog.text


def test_a_topic_made_anew_does_not_get_the_state_of_the_old(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    log = a_history(400)
    for batches in (8, 9):
        place.open().save(folded(log, batches=batches))
    log.delete_topic(ONE.commands_topic)
    log.delete_topic(ONE.events_topic)
    ONE.ensure_topics(log)
    append(log, 0, 1000, seed=10)
    end = folded(log)
    old = place.open().sequences()
    assert max(old) < end.next_sequence  # so that nothing but what is there tells
    assert place.open().load(events(log)) is None
    assert caplog.text.count("it is of another log, or events are lost") == 2

    # The old ones are ahead for a while, and the new ones are not dropped for them.
    for batches in (1, 2, 3):
        newest = folded(log, batches=batches)
        place.open().save(newest)
    assert len(place.open().sequences()) == 4
    loaded = place.open().load(events(log))
    assert loaded is not None
    assert place_of(loaded) == place_of(newest)
    for batches in (20, 21):
        place.open().save(folded(log, batches=batches))
    assert set(place.open().sequences()).isdisjoint(old)


def test_the_same_topic_on_another_log(place: Place) -> None:
    here, there = a_history(100, seed=1), a_history(100, seed=2)
    place.open().save(folded(here))
    decided(there)
    assert place.open().load(events(here)) is not None
    assert place.open().load(events(there)) is None


def test_what_retention_has_deleted_is_not_asked_for(place: Place) -> None:
    log = a_history(100)
    fold = folded(log)
    place.open().save(fold)
    events(log).delete_before(fold.next_offset)
    loaded = place.open().load(events(log))
    assert loaded is not None
    assert place_of(loaded) == place_of(fold)


def test_state_can_be_had_as_it_was_before_a_command(place: Place) -> None:
    log = a_history(100)
    older, newest = folded(log, batches=4), folded(log)
    for fold in (older, newest):
        place.open().save(fold)
    causes = {older.last_cause - 1: None, older.last_cause: older, 98: older, 99: newest}
    for cause, fold_due in causes.items():
        loaded = place.open().load(events(log), until_cause=cause)
        assert (loaded and place_of(loaded)) == (fold_due and place_of(fold_due))


def test_a_fold_that_ends_within_a_command_is_not_saved(place: Place) -> None:
    fold = folded(a_history(100))
    fold.last_cause_complete = False
    assert place.open().save(fold) == ""
    assert place.open().sequences() == []


def test_logs_that_share_a_place_have_a_scope_each(place: Place) -> None:
    logs = {scope: a_history(100, seed) for seed, scope in enumerate(("", "a/../b:1", "demo."))}
    for batches in (2, 3, 4):
        for scope, log in logs.items():
            place.open(scope=scope).save(folded(log, batches=batches))
    for scope, log in logs.items():
        snapshots = place.open(scope=scope)
        assert len(snapshots.sequences()) == 2
        loaded = snapshots.load(events(log))
        assert loaded is not None
        assert place_of(loaded) == place_of(folded(log, batches=4))
    names = {place.open(scope=scope).name(1) for scope in logs}
    assert len(names) == len(logs)


def test_several_writers_at_once(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """The first of all make the place; some write the same sequence."""
    log = a_history(400)
    for first in (1, 3):
        folds = [folded(log, batches=batches) for batches in (first, first + 1) for _ in range(3)]
        begin = threading.Barrier(len(folds))

        def save(fold: Fold[Any], begin: threading.Barrier = begin) -> str:
            snapshots = place.open()
            begin.wait()
            return snapshots.save(fold)

        with ThreadPoolExecutor(len(folds)) as threads:
            names = list(threads.map(save, folds))
        assert names == [place.open().name(fold.next_sequence) for fold in folds]
        for sequence in place.open().sequences():
            assert place.open().read(sequence) is not None
        loaded = place.open().load(events(log))
        assert loaded is not None
        assert place_of(loaded) == place_of(folds[-1])
    assert caplog.text == ""


def test_a_large_state_goes_in_and_out_in_pieces(place: Place) -> None:
    log = a_history(50)
    fold = large(folded(log), 60_000)
    place.open(LARGE).load(events(log))  # what is loaded and made once
    tracemalloc.start()
    try:
        place.open(LARGE).save(fold)
        loaded = place.open(LARGE).load(events(log))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert loaded is not None
    assert loaded.state == 60_000
    assert peak < 60_000 * len(ROW) / 5


def test_an_error_in_the_middle_of_saving_leaves_the_one_before(place: Place) -> None:
    log = a_history(100)
    older = large(folded(log, batches=4), 3_000)
    place.open(LARGE).save(older)

    def rows(count: int) -> Iterator[str]:
        yield from [ROW] * 5_000
        raise RuntimeError("the rules of writing rows are wrong")

    with pytest.raises(RuntimeError, match="the rules of writing rows"):
        place.open(of_rows(rows)).save(large(folded(log), 10_000))
    assert place.open(LARGE).sequences() == [older.next_sequence]
    loaded = place.open(LARGE).load(events(log))
    assert loaded is not None
    assert place_of(loaded) == place_of(older)


def test_kill_in_the_middle_of_saving_leaves_the_one_before(place: Place) -> None:
    log = a_history(100)
    older = large(folded(log, batches=4), 3_000)
    place.open(LARGE).save(older)
    context = multiprocessing.get_context("spawn")
    halfway, there = context.Pipe()
    process = context.Process(target=save_and_hang, args=(place.where, there))
    process.start()
    assert halfway.recv()
    process.kill()
    process.join()
    halfway.close()
    there.close()
    loaded = place.open(LARGE).load(events(log))
    assert loaded is not None
    assert place_of(loaded) == place_of(older)

    newest = large(folded(log), 4_000)
    assert place.open(LARGE).save(newest)
    loaded = place.open(LARGE).load(events(log))
    assert loaded is not None
    assert place_of(loaded) == place_of(newest)


def test_what_a_killed_process_left_in_a_folder_is_tidied_away(tmp_path: Path) -> None:
    place = Place(tmp_path)
    log = a_history(100)
    place.open().save(folded(log, batches=4))
    left, being_written = (
        tmp_path / f"{ONE.name}-0" / f"{name}.writing" for name in ("left", "being_written")
    )
    for path in (left, being_written):
        path.write_bytes(b"half")
    long_ago_s = time.time() - ABANDONED_S - 1
    os.utime(left, (long_ago_s, long_ago_s))
    place.open().save(folded(log))
    assert not left.exists()
    assert being_written.exists()


@pytest.mark.parametrize("kind", ["folder", "sqlite", "postgresql"])
def test_a_place_that_cannot_be_had_stops_nobody(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_bytes(b"no folder, and no database" * 100)
    where: dict[str, Path | str] = {
        "folder": in_the_way,
        "sqlite": f"sqlite:///{in_the_way}",
        "postgresql": CLOSED_PORT,
    }
    snapshots = Place(where[kind]).open()
    log = a_history(100)
    assert place_of(decided(log, snapshots).fold) == place_of(folded(log))
    assert snapshots.save(folded(log)) == ""
    assert "snapshots cannot be read, all of history is folded" in caplog.text
    assert "no snapshot was taken, the next start takes longer" in caplog.text
    assert "hunter2" not in caplog.text
    with pytest.raises(SnapshotsUnavailable) as raised:
        snapshots.sequences()
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql+psycopg://refold:hunter2@host:port/x", "means nothing"),
        ("://hunter2", "means nothing"),
        ("mysql://refold:hunter2@host/x", "cannot be kept in mysql"),
        ("postgresql+nodriver://refold:hunter2@host/x", "cannot be kept in postgresql"),
        ("sqlite://", "snapshots in memory reach no successor"),
        ("sqlite:///:memory:", "snapshots in memory reach no successor"),
    ],
)
def test_a_url_that_cannot_be_used(url: str, message: str) -> None:
    with pytest.raises(InvalidConfig, match=message) as raised:
        open_snapshots(url, ONE, 0)
    assert "hunter2" not in str(raised.value)


def test_a_plain_text_is_a_folder(tmp_path: Path) -> None:
    fold = folded(a_history(50))
    name = open_snapshots(str(tmp_path), ONE, 0).save(fold)
    assert Path(name).parent == tmp_path / "samples.parking-0"


def test_on_a_cluster(tmp_path: Path, kafka_log: Log) -> None:
    """Transactions leave holes between offsets; a topic made anew has others at the same."""
    place = Place(tmp_path)
    ONE.ensure_topics(kafka_log)
    append(kafka_log, 0, 200)
    fold = folded(kafka_log, batches=2)
    place.open().save(fold)
    loaded = place.open().load(events(kafka_log))
    assert loaded is not None
    assert place_of(loaded) == place_of(fold)
    assert place_of(decided(kafka_log, place.open()).fold) == place_of(folded(kafka_log))

    other = "another.events"
    kafka_log.create_topic(other, kafka_log.topics()[ONE.events_topic])
    partition = kafka_log.partition(other, 0)
    partition.append([Record(b"{}")] * fold.next_offset)
    assert place.open().load(partition) is None


def events(log: Log) -> Partition:
    return log.partition(ONE.events_topic, 0)


def flipped(content: bytes, at: int, bits: int = 1) -> bytes:
    changed = bytearray(content)
    changed[at] ^= bits
    return bytes(changed)


def as_version_1(content: bytes) -> bytes:
    """A snapshot as it was written before it told of the last event."""
    size = struct.Struct(">I")
    end = size.size + size.unpack_from(content)[0]
    header = json.loads(content[size.size : end])
    del header["last_offset"], header["last_checksum"]
    encoded = json.dumps({**header, "fingerprint": "of another version"}).encode()
    framed = size.pack(len(encoded)) + encoded + content[end : -16 - size.size]
    return framed + bytes(4) + hashlib.blake2b(framed, digest_size=16).digest()
