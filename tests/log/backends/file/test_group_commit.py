"""Threads that append at the same time share rounds; each gets its own answer."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from log.backends.file import FileLog
from log.backends.file.group_commit import Entry, GroupCommit
from log.errors import LogError, LogStorageError, PartitionFenced
from log.record import Record, new_batch
from log.topic import TopicConfig


def an_entry() -> Entry:
    return Entry(bytearray(b"x"), 0, 0, 0)


def in_threads(count: int, work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive(), "a thread was never woken"


def test_a_thread_alone_has_a_round_for_each_entry() -> None:
    rounds: list[int] = []
    commits = GroupCommit(lambda entries: rounds.append(len(entries)))
    for _ in range(5):
        commits.append(an_entry())
    assert rounds == [1] * 5


@pytest.mark.parametrize("threads", [2, 4, 16, 40])
def test_threads_share_rounds_and_every_entry_is_in_one(threads: int) -> None:
    rounds: list[list[Entry]] = []

    def commit(entries: list[Entry]) -> None:
        rounds.append(entries)
        time.sleep(0.002)

    commits = GroupCommit(commit)
    entries = [[an_entry() for _ in range(20)] for _ in range(threads)]

    def work(number: int) -> None:
        for entry in entries[number]:
            commits.append(entry)
            assert any(entry in group for group in rounds)

    in_threads(threads, work)
    committed = [entry for group in rounds for entry in group]
    assert len(committed) == len(set(map(id, committed))) == threads * 20
    assert len(rounds) < threads * 20 / 1.5
    for mine in entries:
        places = [committed.index(entry) for entry in mine]
        assert places == sorted(places)


def test_an_error_is_everyones_in_the_round_and_nobodys_after() -> None:
    fails = True

    def commit(entries: list[Entry]) -> None:
        time.sleep(0.002)
        if fails:
            raise LogStorageError("the disk is full")

    commits = GroupCommit(commit)
    errors: list[LogError | None] = []

    def work(number: int) -> None:
        entry = an_entry()
        commits.append(entry)
        errors.append(entry.error)

    in_threads(8, work)
    assert len(errors) == 8
    assert all(isinstance(error, LogStorageError) for error in errors)
    assert len(set(map(id, errors))) == 8, "each raises its own"
    fails = False
    errors.clear()
    in_threads(8, work)
    assert errors == [None] * 8


def test_an_interrupted_leader_leaves_nobody_waiting() -> None:
    interrupt = threading.Event()
    interrupt.set()

    def commit(entries: list[Entry]) -> None:
        time.sleep(0.002)
        if interrupt.is_set():
            interrupt.clear()
            raise KeyboardInterrupt

    commits = GroupCommit(commit)
    outcomes: list[str] = []

    def work(number: int) -> None:
        entry = an_entry()
        try:
            commits.append(entry)
        except KeyboardInterrupt:
            outcomes.append("interrupted")
        else:
            outcomes.append(type(entry.error).__name__)

    in_threads(8, work)
    assert outcomes.count("interrupted") == 1
    assert set(outcomes) <= {"interrupted", "NoneType", "LogStorageError"}


def test_a_fenced_writer_fails_alone_in_a_round(tmp_path: Path) -> None:
    with FileLog(tmp_path / "log") as log, FileLog(tmp_path / "log") as other:
        log.create_topic("a", TopicConfig())
        partition = log.partition("a", 0)
        fenced = log.open_writer("a", 0)
        (tmp_path / "log/a-0/writer.lock").unlink()
        other.open_writer("a", 0)
        refused: list[bool] = []

        def work(number: int) -> None:
            for _ in range(20):
                if number == 0:
                    batch = new_batch()
                    batch.append(0, 1, None, b"fenced", [])
                    with pytest.raises(PartitionFenced):
                        fenced.append_batch(batch)
                    refused.append(True)
                else:
                    partition.append([Record(b"plain")])

        in_threads(4, work)
        assert len(refused) == 20
        assert partition.log_end == 3 * 20
        values = {r.value for batch in partition.read(0, 1 << 30) for r in batch}
        assert values == {b"plain"}
