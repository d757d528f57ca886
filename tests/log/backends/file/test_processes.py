"""Real processes on one folder: appending at once, dying, fencing, following."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import IO

import pytest

from log.backends.file import FileLog
from log.errors import PartitionFenced, UnknownTopic
from log.record import Record, StoredRecord, new_batch
from log.topic import TopicConfig

ROOT = Path(__file__).resolve().parents[4]

APPENDER = """
import sys
from log.backends.file import FileLog
from log.record import Record
path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with FileLog(path) as log:
    partition = log.partition("a", 0)
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(count):
        values = [f"{name} {number} {index}".encode() for index in range(3)]
        offsets = partition.append([Record(value, key=name.encode()) for value in values])
        print(offsets[0], number, flush=True)
"""

FENCER = """
import sys, time
from log.backends.file import FileLog
from log.record import new_batch
log = FileLog(sys.argv[1])
writer = log.open_writer("a", 0)
batch = new_batch()
batch.append(0, 1, None, b"from the holder", [])
print(writer.append_batch(batch)[0], flush=True)
time.sleep(60)
"""

FOLLOWER = """
import sys, time
from log.backends.file import FileLog
path, until = sys.argv[1], int(sys.argv[2])
with FileLog(path) as log:
    partition = log.partition("a", 0)
    offset = 0
    print("ready", flush=True)
    while offset < until and partition.wait(offset, 30):
        for batch in partition.read(max(offset, partition.log_start)):
            for record in batch:
                print(record.offset, record.value.decode(), time.time_ns(), flush=True)
            offset = batch.last_offset + 1
"""


@contextmanager
def python(code: str, *arguments: object) -> Iterator["subprocess.Popen[str]"]:
    """Another process that runs `code`; killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        output(process).close()
        assert process.stdin is not None
        process.stdin.close()


def begin(*appenders: "subprocess.Popen[str]") -> None:
    """Have all that are ready append from now on."""
    for process in appenders:
        assert output(process).readline() == "ready\n"
    for process in appenders:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


def output(process: "subprocess.Popen[str]") -> IO[str]:
    assert process.stdout is not None
    return process.stdout


def a_log(path: Path, config: TopicConfig | None = None) -> FileLog:
    log = FileLog(path)
    log.ensure_topic("a", config or TopicConfig(segment_bytes=8000, index_interval_bytes=500))
    return log


def records_of(log: FileLog) -> list[StoredRecord]:
    partition = log.partition("a", 0)
    found: list[StoredRecord] = []
    offset = partition.log_start
    while offset < partition.high_watermark:
        batches = partition.read(offset)
        found += [record for batch in batches for record in batch]
        offset = batches[-1].last_offset + 1
    return found


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_append_at_once_and_lose_double_or_mix_nothing(
    tmp_path: Path, processes: int
) -> None:
    count = 150
    acknowledged: dict[int, tuple[str, int]] = {}
    with a_log(tmp_path / "log") as log:
        with ExitStack() as stack:
            running = {
                name: stack.enter_context(python(APPENDER, tmp_path / "log", name, count))
                for name in "abcd"[:processes]
            }
            begin(*running.values())
            for name, process in running.items():
                for line in output(process):
                    offset, number = map(int, line.split())
                    acknowledged[offset] = (name, number)
                assert process.wait(30) == 0
        stored = records_of(log)
    assert [record.offset for record in stored] == list(range(processes * count * 3))
    expected = {
        offset + index: f"{name} {number} {index}".encode()
        for offset, (name, number) in acknowledged.items()
        for index in range(3)
    }
    assert {record.offset: record.value for record in stored} == expected
    owners = [record.key for record in stored]
    switches = sum(a != b for a, b in pairwise(owners))
    assert switches > processes, "they did not run at once"


def test_killing_an_appender_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    """`kill -9` at random moments while another process appends and goes on."""
    rng = random.Random(7)
    acknowledged: dict[int, bytes] = {}
    with a_log(tmp_path / "log") as log:
        partition = log.partition("a", 0)
        for kill in range(12):
            with python(APPENDER, tmp_path / "log", f"victim{kill}", 100_000) as victim:
                begin(victim)
                first = output(victim).readline()
                time.sleep(rng.random() * 0.05)
                offset = partition.append([Record(b"survivor %d" % kill)])[0]
                acknowledged[offset] = b"survivor %d" % kill
                os.kill(victim.pid, signal.SIGKILL)
                victim.wait()
                for line in [first, *output(victim)]:
                    if line.endswith("\n"):
                        offset, number = map(int, line.split())
                        for index in range(3):
                            value = f"victim{kill} {number} {index}".encode()
                            acknowledged[offset + index] = value
            offset = partition.append([Record(b"after %d" % kill)])[0]
            acknowledged[offset] = b"after %d" % kill
        live = {record.offset: record.value for record in records_of(log)}
    assert len(acknowledged) > 100
    assert acknowledged.items() <= live.items()
    assert list(live) == list(range(len(live)))
    assert max(Counter(live.values()).values()) == 1, "a record is there twice"
    with FileLog(tmp_path / "log") as again:
        assert {record.offset: record.value for record in records_of(again)} == live


def test_a_partition_has_one_writer_among_processes_until_it_dies(tmp_path: Path) -> None:
    with a_log(tmp_path / "log") as log:
        with python(FENCER, tmp_path / "log") as holder:
            assert output(holder).readline() == "0\n"
            with pytest.raises(PartitionFenced, match=rf"a-0.*process {holder.pid} .*Stop it"):
                log.open_writer("a", 0)
            assert log.partition("a", 0).append([Record(b"not fenced")]) == range(1, 2)
        writer = log.open_writer("a", 0)
        batch = new_batch()
        batch.append(0, 1, None, b"from the successor", [])
        assert writer.append_batch(batch) == range(2, 3)


def test_a_writer_whose_lock_was_taken_away_cannot_write(tmp_path: Path) -> None:
    with a_log(tmp_path / "log") as log, FileLog(tmp_path / "log") as other:
        old = log.open_writer("a", 0)
        (tmp_path / "log/a-0/writer.lock").unlink()
        new = other.open_writer("a", 0)
        for writer, is_fenced in ((old, True), (new, False), (old, True)):
            batch = new_batch()
            batch.append(0, 1, None, b"x", [])
            if is_fenced:
                with pytest.raises(PartitionFenced, match=r"a-0.*successor"):
                    writer.append_batch(batch)
            else:
                writer.append_batch(batch)
        assert log.partition("a", 0).log_end == 1


def test_a_follower_in_another_process_meets_every_record_soon(tmp_path: Path) -> None:
    count = 150
    with a_log(tmp_path / "log", TopicConfig(segment_bytes=1024)) as log:
        partition = log.partition("a", 0)
        with python(FOLLOWER, tmp_path / "log", count) as follower:
            assert output(follower).readline() == "ready\n"
            sent: list[int] = []
            for number in range(count):
                sent.append(time.time_ns())
                partition.append([Record(b"%d" % number, timestamp=0)])
                time.sleep(0.001)
            lines = [output(follower).readline().split() for _ in range(count)]
            assert follower.wait(30) == 0
    assert [(int(offset), int(value)) for offset, value, _ in lines] == [
        (number, number) for number in range(count)
    ]
    delays_ms = sorted(
        (int(seen) - at) / 1e6 for (_, _, seen), at in zip(lines, sent, strict=True)
    )
    assert delays_ms[len(delays_ms) // 2] < 20, "half of them within a few polls and an fsync"


def test_a_follower_goes_on_through_retention_and_compaction_by_another_process(
    tmp_path: Path,
) -> None:
    """A reader holds files that a cleaner deletes and replaces: it sees no error and no gap
    among the records that are kept."""
    config = TopicConfig(segment_bytes=2000, index_interval_bytes=200, cleanup_policy="compact")
    last_of: dict[bytes, int] = {}
    with a_log(tmp_path / "log", config) as log, FileLog(tmp_path / "log") as cleaner:
        partition = log.partition("a", 0)
        seen: list[dict[bytes, int]] = []
        stop = threading.Event()

        def read_over_and_over() -> None:
            while not stop.is_set():
                latest: dict[bytes, int] = {}
                for record in records_of(log):
                    latest[record.key or b""] = record.offset
                seen.append(latest)

        reader = threading.Thread(target=read_over_and_over)
        reader.start()
        try:
            for number in range(300):
                key = b"%d" % (number * number % 23)
                last_of[key] = partition.append([Record(bytes(50), key=key)])[0]
                if number % 30 == 29:
                    assert list(cleaner.clean())
        finally:
            stop.set()
            reader.join()
        assert len(seen) > 3
        latest = {record.key or b"": record.offset for record in records_of(log)}
        assert latest == last_of
        assert len(records_of(log)) < 150


def test_deleting_a_topic_ends_it_for_every_process(tmp_path: Path) -> None:
    with a_log(tmp_path / "log") as log, FileLog(tmp_path / "log") as other:
        theirs = other.partition("a", 0)
        theirs.append([Record(b"old")])
        log.delete_topic("a")
        with pytest.raises(UnknownTopic):
            theirs.append([Record(b"late")])
        with pytest.raises(UnknownTopic):
            other.partition("a", 0)
        log.create_topic("a", TopicConfig())
        assert other.partition("a", 0).append([Record(b"new")]) == range(1)
        assert [record.value for record in records_of(log)] == [b"new"]


def test_a_forked_child_appends_beside_its_parent_and_leaves_it_the_fence(tmp_path: Path) -> None:
    with a_log(tmp_path / "log") as log:
        partition = log.partition("a", 0)
        partition.append([Record(b"before")])
        writer = log.open_writer("a", 0)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                for number in range(50):
                    partition.append([Record(b"child %d" % number)])
                batch = new_batch()
                batch.append(0, 1, None, b"x", [])
                try:
                    writer.append_batch(batch)
                except PartitionFenced:
                    status = 0
                writer.close()
                log.close()
            finally:
                os._exit(status)
        for number in range(50):
            partition.append([Record(b"parent %d" % number)])
        assert os.waitpid(child, 0)[1] == 0
        with FileLog(tmp_path / "log") as other, pytest.raises(PartitionFenced):
            other.open_writer("a", 0)
        values = [record.value for record in records_of(log)]
    assert values[0] == b"before"
    assert [v for v in values if v and v.startswith(b"child")] == [
        b"child %d" % n for n in range(50)
    ]
    assert [v for v in values if v and v.startswith(b"parent")] == [
        b"parent %d" % n for n in range(50)
    ]


def test_a_topic_that_may_lose_the_last_second_is_flushed_within_it(tmp_path: Path) -> None:
    config = TopicConfig(durability="loses_last_second_on_power_failure")
    with a_log(tmp_path / "log", config) as log:
        partition = log.partition("a", 0)
        partition.append([Record(b"x")])
        deadline = time.monotonic() + 5
        while partition.durable_end < 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert partition.durable_end == 1


def test_closing_flushes(tmp_path: Path) -> None:
    config = TopicConfig(durability="loses_unflushed_on_power_failure")
    with a_log(tmp_path / "log", config) as log:
        partition = log.partition("a", 0)
        partition.append([Record(b"x")])
        assert partition.durable_end == 0
    assert partition.durable_end == 1
