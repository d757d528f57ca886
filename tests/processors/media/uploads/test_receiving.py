"""The front's side, with a real worker: reactors and effects run, on a log and a blob store."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from hashlib import md5, sha1
from pathlib import Path
from random import Random
from zlib import crc32

import pytest

from log.backends.file import FileLog
from log.backends.memory import MemoryLog
from log.interface import Log
from processors.core.appender import Appender
from processors.core.workers.embedded import Worker
from processors.media.blobs import BlobStore, open_blobs
from processors.media.uploads import SYSTEM
from processors.media.uploads.commands import (
    CreateUpload,
    SetPolicy,
    SurveyStore,
    TerminateUpload,
)
from processors.media.uploads.events import FileStored, RejectCode, UploadCreated, UploadRejected
from processors.media.uploads.receiving import Checksum, NotAnswered, Receiver
from processors.media.uploads.terms import Policy
from tests.processors.media.uploads.front import OWNER, UPLOAD, working
from tests.processors.media.uploads.language import digest_of

SOURCE = Random(3).randbytes(100_000)


@pytest.fixture
def log() -> Iterator[Log]:
    with MemoryLog() as opened:
        yield opened


@pytest.fixture
def receiver(log: Log, blobs: BlobStore, location: str) -> Iterator[Receiver]:
    with working(log, location):
        yield Receiver(log, blobs, chunk_bytes=40_000)


def events_of(log: Log, kind: type[FileStored], count: int = 1) -> list[FileStored]:
    """So many events of a kind, once they are there."""
    decode = SYSTEM.event_codec(log.topics()[SYSTEM.events_topic]).decode
    end_s = time.monotonic() + 20
    while time.monotonic() < end_s:
        found = []
        for number in range(SYSTEM.partitions):
            for batch in log.partition(SYSTEM.events_topic, number).read(0, 1 << 30):
                found += [decode(record.value or b"") for record in batch]
        found = [event for event in found if isinstance(event, kind)]
        if len(found) >= count:
            return found  # type: ignore[return-value]
        time.sleep(0.01)
    raise AssertionError(f"no {count} {kind.__name__}")


def create(receiver: Receiver, length: int | None = len(SOURCE), name: str = UPLOAD) -> int:
    created = receiver.create(CreateUpload(owner=OWNER, upload=name, length=length))
    assert isinstance(created, UploadCreated)
    return created.number


def bytes_of(blobs: BlobStore, stored: FileStored) -> bytes:
    with blobs.open(stored.digest) as file:
        return file.read()


def test_a_body_becomes_a_file(receiver: Receiver, log: Log, blobs: BlobStore) -> None:
    number = create(receiver)
    body = (SOURCE[at : at + 7001] for at in range(0, len(SOURCE), 7001))
    received = receiver.receive(OWNER, UPLOAD, number, 0, body)
    assert (received.offset, received.is_complete) == (len(SOURCE), True)
    (stored,) = events_of(log, FileStored)
    assert (stored.digest, stored.size) == (digest_of(SOURCE), len(SOURCE))
    assert len(stored.released) == 3, "its chunks of 40,000 bytes at most"
    assert bytes_of(blobs, stored) == SOURCE


def test_a_body_that_breaks_off_is_gone_on_with(
    receiver: Receiver, log: Log, blobs: BlobStore
) -> None:
    number = create(receiver)

    def breaking() -> Iterator[bytes]:
        yield SOURCE[:50_000]
        raise ConnectionResetError("the client is gone")

    with pytest.raises(ConnectionResetError):
        receiver.receive(OWNER, UPLOAD, number, 0, breaking())
    conflict = receiver.receive(OWNER, UPLOAD, number, 0, [SOURCE])
    assert conflict.rejection is not None
    assert conflict.rejection.code is RejectCode.OFFSET_CONFLICT
    assert conflict.offset == 50_000
    received = receiver.receive(OWNER, UPLOAD, number, 50_000, [SOURCE[50_000:]])
    assert received.is_complete
    assert bytes_of(blobs, *events_of(log, FileStored)) == SOURCE


@pytest.mark.parametrize(
    ("algorithm", "claimed"),
    [
        ("sha1", sha1(SOURCE).hexdigest()),
        ("md5", md5(SOURCE).hexdigest()),
        ("sha256", digest_of(SOURCE)),
        ("crc32", f"{crc32(SOURCE):08x}"),
    ],
)
def test_a_checksum_is_of_the_whole_body(
    receiver: Receiver, log: Log, algorithm: str, claimed: str
) -> None:
    number = create(receiver)
    lie = Checksum(algorithm, claimed)
    received = receiver.receive(OWNER, UPLOAD, number, 0, [SOURCE[1:]], checksum=lie)
    assert received.rejection is not None
    assert received.rejection.code is RejectCode.CHECKSUM_MISMATCH
    assert received.offset == 0
    received = receiver.receive(OWNER, UPLOAD, number, 0, [SOURCE], checksum=lie)
    assert received.is_complete


def test_a_body_with_a_checksum_that_breaks_off_is_nothing(receiver: Receiver) -> None:
    number = create(receiver)

    def breaking() -> Iterator[bytes]:
        yield SOURCE[:50_000]
        raise ConnectionResetError("the client is gone")

    checksum = Checksum("sha1", sha1(SOURCE).hexdigest())
    with pytest.raises(ConnectionResetError):
        receiver.receive(OWNER, UPLOAD, number, 0, breaking(), checksum=checksum)
    assert receiver.receive(OWNER, UPLOAD, number, 0, []).offset == 0


def test_an_unknown_algorithm_and_a_body_too_long(receiver: Receiver, blobs: BlobStore) -> None:
    number = create(receiver, length=10)
    body = receiver.receive(OWNER, UPLOAD, number, 0, [b"x"], checksum=Checksum("md6", "00"))
    assert body.rejection is not None
    assert body.rejection.code is RejectCode.UNKNOWN_ALGORITHM
    body = receiver.receive(OWNER, UPLOAD, number, 0, [b"x" * 11])
    assert body.rejection is not None
    assert body.rejection.code is RejectCode.BEYOND_LENGTH
    assert receiver.receive(OWNER, UPLOAD, number, 0, [b"x" * 10]).is_complete


def test_a_length_comes_with_the_last_body(receiver: Receiver) -> None:
    number = create(receiver, length=None)
    received = receiver.receive(OWNER, UPLOAD, number, 0, [SOURCE[:60_000]])
    assert (received.offset, received.is_complete) == (60_000, False)
    received = receiver.receive(
        OWNER, UPLOAD, number, 60_000, [SOURCE[60_000:]], length=len(SOURCE)
    )
    assert received.is_complete


def test_an_upload_that_never_was(receiver: Receiver, blobs: BlobStore) -> None:
    received = receiver.receive(OWNER, "none", 1, 0, [b"x"])
    assert received.rejection is not None
    assert received.rejection.code is RejectCode.UNKNOWN_UPLOAD
    assert list(blobs.digests()) == [], "nobody holds it, so nobody put it"


def test_a_termination(receiver: Receiver) -> None:
    number = create(receiver)
    assert receiver.terminate(TerminateUpload(owner=OWNER, upload=UPLOAD)) is None
    received = receiver.receive(OWNER, UPLOAD, number, 0, [SOURCE])
    assert received.rejection is not None
    assert received.rejection.code is RejectCode.GONE
    rejected = receiver.terminate(TerminateUpload(owner=OWNER, upload=UPLOAD))
    assert isinstance(rejected, UploadRejected)


def test_a_concatenation(receiver: Receiver, log: Log, blobs: BlobStore) -> None:
    for name, content in (("one", SOURCE[:60_000]), ("two", SOURCE[60_000:])):
        created = receiver.create(
            CreateUpload(owner=OWNER, upload=name, length=len(content), partial=True)
        )
        assert isinstance(created, UploadCreated)
        assert receiver.receive(OWNER, name, created.number, 0, [content]).is_complete
    receiver.create(CreateUpload(owner=OWNER, upload="all", partials=("one", "two")))
    assert bytes_of(blobs, *events_of(log, FileStored)) == SOURCE


def test_two_clients_at_one_upload(receiver: Receiver, log: Log, blobs: BlobStore) -> None:
    """Both send all of it, from the offset that stands, until it is there."""
    number = create(receiver)

    def send() -> None:
        offset = 0
        while offset < len(SOURCE):
            offset = receiver.receive(OWNER, UPLOAD, number, offset, [SOURCE[offset:]]).offset

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bytes_of(blobs, *events_of(log, FileStored)) == SOURCE


def test_without_a_worker_there_is_no_answer(log: Log, blobs: BlobStore) -> None:
    receiver = Receiver(log, blobs, answer_s=0.05)
    with pytest.raises(NotAnswered, match="CreateUpload"):
        create(receiver)


def told(log: Log, *commands: object) -> None:
    """The operator's commands, decided with all that they lead to."""
    appender = Appender(log, SYSTEM)
    for command in commands:
        appender.add(command)
    appender.flush()


def wait_until(is_so: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end_s, "it does not come about"
        time.sleep(0.01)


def test_what_nobody_needs_is_swept_and_what_is_shared_stays(
    receiver: Receiver, log: Log, blobs: BlobStore
) -> None:
    """Two owners, on different partitions, have the same file; one ends its own."""
    told(log, SetPolicy(policy=Policy(sweep_after_ms=0)))
    orphan = blobs.put([b"put by a front that died"]).digest
    content, other = SOURCE[:1000], SOURCE[1000:2000]
    for owner, name, sent in (("ann", "a", content), ("ben", "b", content), ("ben", "c", other)):
        created = receiver.create(CreateUpload(owner=owner, upload=name, length=1000))
        assert isinstance(created, UploadCreated)
        assert receiver.receive(owner, name, created.number, 0, [sent]).is_complete
    kept, gone = digest_of(content), digest_of(other)
    receiver.terminate(TerminateUpload(owner="ann", upload="a"))
    receiver.terminate(TerminateUpload(owner="ben", upload="c"))
    wait_until(lambda: blobs.size(gone) is None)
    told(log, SurveyStore(survey="may"))
    wait_until(lambda: blobs.size(orphan) is None)
    assert list(blobs.digests()) == [kept]
    receiver.terminate(TerminateUpload(owner="ben", upload="b"))
    wait_until(lambda: list(blobs.digests()) == [])


def front(folder: Path) -> list[str]:
    module = "tests.processors.media.uploads.front"
    arguments = [str(folder / name) for name in ("log", "blobs", "source")]
    return [sys.executable, "-m", module, *arguments]


def test_killed_in_the_middle_and_resumed(tmp_path: Path) -> None:
    """The front and its worker are killed with -9, again and again, and go on where they stood."""
    draw = Random(1)
    source = draw.randbytes(1_500_000)
    (tmp_path / "source").write_bytes(source)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    offsets: list[int] = []
    for _ in range(200):
        with subprocess.Popen(front(tmp_path), stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdout is not None
            begun = process.stdout.readline().split()
            assert begun[:1] == [b"begin"], "it did not begin"
            offsets.append(int(begun[1]))
            in_vain = offsets.count(offsets[-1])  # a slow machine gets nothing done in so little
            try:
                process.wait(draw.uniform(0.02, 0.3) * in_vain)
            except subprocess.TimeoutExpired:
                process.kill()
        if process.returncode == 0:
            break
    assert offsets == sorted(offsets)
    assert len(set(offsets)) > 3, "it was killed too late"
    with FileLog(tmp_path / "log") as log:
        settings = {"media.uploads.store": {"blobs": str(tmp_path / "blobs")}}
        with Worker(log, [SYSTEM], settings=settings) as worker:
            worker.run(until_idle=True)
        blobs = open_blobs(str(tmp_path / "blobs"))
        assert bytes_of(blobs, *events_of(log, FileStored)) == source
