"""What is told of uploads, of storage by owner, and of blobs."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from processors.media.uploads.commands import (
    AppendChunk,
    CreateUpload,
    HoldBlob,
    NoteHold,
    RecordAssemblyFailed,
    RecordStamps,
    ReleaseBlob,
    SetPolicy,
    SetQuota,
    TerminateUpload,
)
from processors.media.uploads.terms import Holder, Policy
from tests.projections.media.reading import Reading

OWNER = "ann"
HOUR_MS = 3_600_000
POLICY = Policy(
    quota_bytes=1000, expire_after_ms=HOUR_MS, forget_after_ms=HOUR_MS, sweep_after_ms=10
)


def digest_of(content: bytes) -> str:
    return sha256(content).hexdigest()


@pytest.fixture
def reading(kind: str, tmp_path: Path) -> Iterator[Reading]:
    opened = Reading("processors.media.uploads", kind, tmp_path)
    opened.when(SetPolicy(policy=POLICY))
    yield opened
    opened.store.close()


def create(reading: Reading, name: str, length: int | None, at: int = 0) -> None:
    metadata = {"filename": f"{name}.jpg", "filetype": "image/jpeg"}
    reading.when(CreateUpload(owner=OWNER, upload=name, length=length, metadata=metadata), at=at)


def send(reading: Reading, name: str, number: int, offset: int, content: bytes, at: int) -> None:
    named: dict[str, Any] = {"owner": OWNER, "upload": name, "number": number}
    digest = digest_of(content)
    reading.when(
        NoteHold(**named, digest=digest),
        AppendChunk(**named, offset=offset, size=len(content), digest=digest),
        at=at,
    )


def test_progress(reading: Reading) -> None:
    create(reading, "cat", 10)
    status = reading.ask("upload", OWNER, "cat")
    assert (status.state, status.offset, status.progress_ppm) == ("receiving", 0, 0)
    send(reading, "cat", 1, 0, b"012", at=5)
    status = reading.ask("upload", OWNER, "cat")
    assert (status.offset, status.length, status.progress_ppm) == (3, 10, 300_000)
    assert (status.updated_at_ms, status.expires_at_ms) == (5, HOUR_MS + 5)
    send(reading, "cat", 1, 3, b"3456789", at=7)
    status = reading.ask("upload", OWNER, "cat")
    assert (status.state, status.progress_ppm, status.expires_at_ms) == (
        "assembling",
        1_000_000,
        None,
    )
    failed = RecordAssemblyFailed(
        owner=OWNER, upload="cat", number=1, attempt=1, reason="the disk is full"
    )
    reading.when(failed, at=8)
    status = reading.ask("upload", OWNER, "cat")
    assert (status.state, status.reason) == ("failed", "the disk is full")
    assert reading.ask("upload", OWNER, "dog") is None


def test_a_length_that_is_not_known_yet(reading: Reading) -> None:
    create(reading, "cat", None)
    send(reading, "cat", 1, 0, b"012", at=0)
    status = reading.ask("upload", OWNER, "cat")
    assert (status.offset, status.length, status.progress_ppm) == (3, None, None)


def test_an_upload_that_ends_and_is_forgotten(reading: Reading) -> None:
    create(reading, "cat", 10)
    create(reading, "dog", 10, at=1)
    reading.when(TerminateUpload(owner=OWNER, upload="dog"), at=2)
    assert reading.ask("upload", OWNER, "dog").state == "terminated"
    create(reading, "eel", 10, at=HOUR_MS)
    assert reading.ask("upload", OWNER, "cat").state == "expired"
    create(reading, "fox", 10, at=HOUR_MS + 2)
    assert [row.upload for row in reading.ask("uploads", OWNER)] == ["cat", "eel", "fox"]


def test_files_of_an_owner_latest_first(reading: Reading) -> None:
    for number, name in enumerate(("cat", "ant", "bee"), 1):
        create(reading, name, 3, at=number)
        send(reading, name, number, 0, name.encode(), at=number)
    create(reading, "dog", 9, at=9)
    files = reading.ask("files", OWNER)
    assert [(file.upload, file.stored_at_ms) for file in files] == [
        ("bee", 3),
        ("ant", 2),
        ("cat", 1),
    ]
    assert files[0].digest == digest_of(b"bee")
    assert (files[0].filename, files[0].filetype, files[0].size) == ("bee.jpg", "image/jpeg", 3)
    assert reading.ask("files", "ben") == []


def test_storage_by_owner(reading: Reading) -> None:
    assert reading.ask("storage", OWNER) is None
    create(reading, "cat", 3)
    send(reading, "cat", 1, 0, b"cat", at=0)
    create(reading, "dog", 100)
    create(reading, "eel", None)
    send(reading, "eel", 3, 0, b"eeel", at=0)
    storage = reading.ask("storage", OWNER)
    assert (storage.used_bytes, storage.quota_bytes, storage.left_bytes) == (107, 1000, 893)
    assert (storage.uploads, storage.files, storage.file_bytes) == (2, 1, 3)
    reading.when(SetQuota(owner=OWNER, quota_bytes=50))
    storage = reading.ask("storage", OWNER)
    assert (storage.quota_bytes, storage.left_bytes) == (50, 0)
    for name in ("cat", "dog", "eel"):
        reading.when(TerminateUpload(owner=OWNER, upload=name))
    storage = reading.ask("storage", OWNER)
    assert (storage.used_bytes, storage.uploads, storage.files, storage.file_bytes) == (0,) * 4


def test_who_has_most(reading: Reading) -> None:
    for owner, length in (("ann", 10), ("ben", 30), ("cleo", 20)):
        reading.when(CreateUpload(owner=owner, upload="cat", length=length))
    assert [row.owner for row in reading.ask("largest")] == ["ben", "cleo", "ann"]
    assert [row.owner for row in reading.ask("largest", 1)] == ["ben"]


def test_blobs(reading: Reading) -> None:
    digest = digest_of(b"x")
    one, two = (Holder(system="media.uploads", owner="ann", name=name) for name in "ab")
    hold = HoldBlob(digest=digest, holder=one)
    reading.when(hold, hold, HoldBlob(digest=digest, holder=two))
    assert (reading.ask("blob", digest).state, reading.ask("blob", digest).holders) == ("held", 2)
    assert [row.name for row in reading.ask("holders", digest)] == ["a", "b"]
    reading.when(ReleaseBlob(digest=digest, holder=one), at=1)
    reading.when(ReleaseBlob(digest=digest, holder=two), at=2)
    blob = reading.ask("blob", digest)
    assert (blob.state, blob.holders, blob.sweep_at_ms) == ("free", 0, 12)
    assert [row.digest for row in reading.ask("blobs", "free")] == [digest]
    assert reading.ask("blobs", "held") == []
    reading.when(SetPolicy(policy=POLICY), at=20)  # which goes to every partition
    assert reading.ask("blob", digest).state == "sweeping"
    reading.when(RecordStamps(digest=digest, attempt=1, stamps=()), at=21)
    assert reading.ask("blob", digest) is None
