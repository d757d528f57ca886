"""An owner's uploads, rule by rule, as tus 1.0 asks for them."""

from typing import Any

import pytest

from processors.core.messages import Tick
from processors.media.uploads import tus
from processors.media.uploads.commands import (
    AppendChunk,
    CreateUpload,
    NoteHold,
    SetQuota,
    TerminateUpload,
)
from processors.media.uploads.events import (
    AssemblyRequested,
    ChunkAccepted,
    ExpiryPostponed,
    FileStored,
    HoldNoted,
    HoldReturned,
    LengthDeclared,
    QuotaSet,
    RejectCode,
    UploadCompleted,
    UploadCreated,
    UploadExpired,
    UploadForgotten,
    UploadRejected,
    UploadTerminated,
)
from processors.media.uploads.terms import PARTS_MAX, Part, Policy
from tests.processors.media.uploads.language import (
    HOUR_MS,
    OWNER,
    UPLOAD,
    Partition,
    digest_of,
)

NAMED: dict[str, Any] = {"owner": OWNER, "upload": UPLOAD, "number": 1}


@pytest.fixture
def partition() -> Partition:
    return Partition()


# creation


def test_an_upload_is_created(partition: Partition) -> None:
    assert partition.create(metadata={"filename": "cat.jpg", "empty": ""}) == [
        UploadCreated(
            **NAMED,
            length=10,
            metadata={"filename": "cat.jpg", "empty": ""},
            expires_at_ms=HOUR_MS,
        )
    ]


def test_a_name_is_taken_until_it_is_forgotten(partition: Partition) -> None:
    partition.create()
    again = CreateUpload(owner=OWNER, upload=UPLOAD, length=3)
    assert partition.rejected(again) is RejectCode.UPLOAD_EXISTS
    partition.when(TerminateUpload(owner=OWNER, upload=UPLOAD))
    assert partition.rejected(again) is RejectCode.UPLOAD_EXISTS
    forgotten, created = partition.when(again, at=10 * HOUR_MS)
    assert forgotten == UploadForgotten(**NAMED)
    assert created.number == 2


@pytest.mark.parametrize(
    "metadata",
    [
        {"": "x"},
        {"a b": "x"},
        {"a,b": "x"},
        {"é": "x"},
        {"a": "\x00"},
        {"a": "x" * 20_000},
        {str(number): "" for number in range(65)},
    ],
)
def test_metadata_that_tus_does_not_know(partition: Partition, metadata: dict[str, str]) -> None:
    command = CreateUpload(owner=OWNER, upload=UPLOAD, length=1, metadata=metadata)
    assert partition.rejected(command) is RejectCode.INVALID_METADATA


def test_an_upload_may_be_so_large(partition: Partition) -> None:
    large = CreateUpload(owner=OWNER, upload=UPLOAD, length=501)
    assert partition.rejected(large) is RejectCode.TOO_LARGE
    partition.create(length=500)


def test_an_empty_upload_is_complete_at_once(partition: Partition) -> None:
    _, completed, requested = partition.create(length=0)
    assert completed == UploadCompleted(**NAMED, size=0)
    assert requested == AssemblyRequested(**NAMED, attempt=1, parts=(), size=0)


# chunks and offsets


def test_chunks_make_a_file(partition: Partition) -> None:
    partition.create()
    assert partition.send(b"01234") == [
        ChunkAccepted(**NAMED, offset=0, size=5, digest=digest_of(b"01234"), expires_at_ms=HOUR_MS)
    ]
    accepted, completed, requested = partition.send(b"56789")
    assert (accepted.offset, accepted.size) == (5, 5)
    assert completed == UploadCompleted(**NAMED, size=10)
    parts = Part(digest_of(b"01234"), 5), Part(digest_of(b"56789"), 5)
    assert requested == AssemblyRequested(**NAMED, attempt=1, parts=parts, size=10)


def test_one_chunk_is_the_file(partition: Partition) -> None:
    """And bytes that it held and did not take, it needs no more."""
    partition.create()
    partition.hold(b"never sent")
    *_, stored = partition.send(b"0123456789")
    assert stored == FileStored(
        **NAMED,
        digest=digest_of(b"0123456789"),
        size=10,
        metadata={},
        released=(digest_of(b"never sent"),),
    )


@pytest.mark.parametrize("offset", [0, 1, 4, 6, 500])
def test_repeated_overlapping_and_early_chunks(partition: Partition, offset: int) -> None:
    partition.create()
    partition.send(b"01234")
    (rejection,) = partition.send(b"01234", offset=offset)
    assert isinstance(rejection, UploadRejected)
    assert rejection.code is RejectCode.OFFSET_CONFLICT
    assert rejection.offset == 5, "where to go on"


def test_a_chunk_of_two_that_come_at_once_is_taken(partition: Partition) -> None:
    partition.create()
    partition.hold(b"01234")
    chunk = partition.chunk(b"01234")
    assert isinstance(partition.when(chunk)[0], ChunkAccepted)
    assert partition.rejected(chunk) is RejectCode.OFFSET_CONFLICT


def test_a_chunk_beyond_the_length(partition: Partition) -> None:
    partition.create()
    partition.send(b"01234")
    partition.hold(b"567890")
    assert partition.rejected(partition.chunk(b"567890")) is RejectCode.BEYOND_LENGTH


def test_nothing_is_taken_after_the_end(partition: Partition) -> None:
    partition.create()
    partition.send(b"0123456789")
    assert partition.rejected(partition.chunk(b"x")) is RejectCode.BEYOND_LENGTH
    assert partition.when(partition.chunk(b"")) == []


def test_an_empty_chunk_changes_nothing(partition: Partition) -> None:
    partition.create()
    assert partition.when(partition.chunk(b"")) == []
    assert partition.rejected(partition.chunk(b"", offset=3)) is RejectCode.OFFSET_CONFLICT


def test_a_chunk_of_an_upload_that_never_was(partition: Partition) -> None:
    chunk = AppendChunk(owner=OWNER, upload="dog", number=1, offset=0, size=0)
    assert partition.rejected(chunk) is RejectCode.UNKNOWN_UPLOAD


def test_bytes_that_are_not_held_are_not_taken(partition: Partition) -> None:
    partition.create()
    assert partition.rejected(partition.chunk(b"01234")) is RejectCode.NOT_HELD


def test_an_upload_has_so_many_parts() -> None:
    size = PARTS_MAX + 1
    partition = Partition(Policy(quota_bytes=size, upload_bytes_max=size))
    partition.create(length=size)
    partition.hold(b"x")
    for _ in range(PARTS_MAX):
        partition.quickly(partition.chunk(b"x"))
    assert partition.rejected(partition.chunk(b"x")) is RejectCode.TOO_MANY_PARTS


# checksum


def test_a_checksum_that_fits(partition: Partition) -> None:
    partition.create()
    terms = {"checksum_algorithm": "sha1", "checksum_claimed": "ab", "checksum_measured": "ab"}
    assert isinstance(partition.send(b"01234", **terms)[0], ChunkAccepted)


def test_a_checksum_that_lies(partition: Partition) -> None:
    partition.create()
    terms = {"checksum_algorithm": "sha1", "checksum_claimed": "ab", "checksum_measured": "cd"}
    code = partition.rejected(partition.chunk(b"01234", **terms))
    assert code is RejectCode.CHECKSUM_MISMATCH
    assert tus.STATUS[code] == 460
    assert partition.upload().offset == 0


def test_an_algorithm_that_is_not_known(partition: Partition) -> None:
    partition.create()
    chunk = partition.chunk(b"01234", checksum_algorithm="md6")
    assert partition.rejected(chunk) is RejectCode.UNKNOWN_ALGORITHM


# deferred length


def test_a_length_may_come_later(partition: Partition) -> None:
    partition.create(length=None)
    partition.send(b"01234")
    declared, accepted = partition.send(b"56", length=9)
    assert declared == LengthDeclared(**NAMED, length=9)
    assert accepted.offset == 5
    (rejection,) = partition.send(b"7", length=8)
    assert rejection.code is RejectCode.LENGTH_CONFLICT
    *_, requested = partition.send(b"78", length=9)
    assert isinstance(requested, AssemblyRequested)


def test_a_length_alone_ends_an_upload(partition: Partition) -> None:
    partition.create(length=None)
    partition.send(b"01234")
    declared, completed, stored = partition.when(partition.chunk(b"", length=5))
    assert isinstance(declared, LengthDeclared)
    assert isinstance(completed, UploadCompleted)
    assert isinstance(stored, FileStored)


def test_a_length_below_what_is_there(partition: Partition) -> None:
    partition.create(length=None)
    partition.send(b"01234")
    assert partition.rejected(partition.chunk(b"", length=4)) is RejectCode.BEYOND_LENGTH


# quota


def test_a_length_counts_from_the_beginning(partition: Partition) -> None:
    partition.create("one", length=500)
    partition.create("two", length=400)
    three = CreateUpload(owner=OWNER, upload="three", length=101)
    assert partition.rejected(three) is RejectCode.QUOTA_EXCEEDED
    partition.when(TerminateUpload(owner=OWNER, upload="one"))
    assert isinstance(partition.when(three)[0], UploadCreated)


def test_without_a_length_the_bytes_count(partition: Partition) -> None:
    partition.when(SetQuota(owner=OWNER, quota_bytes=6))
    partition.create(length=None)
    partition.send(b"01234")
    partition.hold(b"56")
    assert partition.rejected(partition.chunk(b"56")) is RejectCode.QUOTA_EXCEEDED
    assert partition.rejected(partition.chunk(b"", length=7)) is RejectCode.QUOTA_EXCEEDED
    partition.send(b"5")


def test_a_quota_is_an_owners_own(partition: Partition) -> None:
    assert partition.when(SetQuota(owner=OWNER, quota_bytes=5)) == [
        QuotaSet(owner=OWNER, quota_bytes=5)
    ]
    mine = CreateUpload(owner=OWNER, upload=UPLOAD, length=6)
    assert partition.rejected(mine) is RejectCode.QUOTA_EXCEEDED
    assert isinstance(
        partition.when(CreateUpload(owner="bob", upload=UPLOAD, length=6))[0], UploadCreated
    )


# expiration and termination


def test_an_upload_that_gets_nothing_expires(partition: Partition) -> None:
    partition.create()
    partition.now = HOUR_MS - 1
    partition.send(b"01234")
    assert partition.when(Tick(), at=2 * HOUR_MS - 2) == []
    assert partition.when(Tick(), at=2 * HOUR_MS - 1) == [
        UploadExpired(**NAMED, released=(digest_of(b"01234"),), forget_at_ms=12 * HOUR_MS - 1)
    ]
    code = partition.rejected(partition.chunk(b"56789"))
    assert code is RejectCode.GONE
    assert tus.STATUS[code] == 410
    partition.when(Tick(), at=12 * HOUR_MS - 1)
    chunk = AppendChunk(owner=OWNER, upload=UPLOAD, number=1, offset=5, size=0)
    assert partition.rejected(chunk) is RejectCode.UNKNOWN_UPLOAD


def test_a_file_does_not_expire(partition: Partition) -> None:
    partition.create()
    partition.send(b"0123456789")
    assert partition.when(Tick(), at=1000 * HOUR_MS) == []


def test_an_upload_or_a_file_is_terminated(partition: Partition) -> None:
    partition.create()
    partition.send(b"0123456789")
    end = TerminateUpload(owner=OWNER, upload=UPLOAD)
    assert partition.when(end) == [
        UploadTerminated(**NAMED, released=(digest_of(b"0123456789"),), forget_at_ms=10 * HOUR_MS)
    ]
    assert partition.rejected(end) is RejectCode.GONE
    unknown = TerminateUpload(owner=OWNER, upload="dog")
    assert partition.rejected(unknown) is RejectCode.UNKNOWN_UPLOAD


def test_a_chunk_for_an_earlier_upload_of_the_name(partition: Partition) -> None:
    partition.create()
    partition.when(TerminateUpload(owner=OWNER, upload=UPLOAD))
    partition.now = 10 * HOUR_MS
    partition.create()
    partition.hold(b"01234")
    assert partition.rejected(partition.chunk(b"01234", number=1)) is RejectCode.GONE
    assert isinstance(partition.when(partition.chunk(b"01234", number=2))[0], ChunkAccepted)


# holds


def test_a_hold_is_noted_each_time(partition: Partition) -> None:
    partition.create()
    noted = HoldNoted(**NAMED, digest=digest_of(b"x"))
    assert partition.hold(b"x") == [noted]
    assert partition.hold(b"x") == [noted]


def test_a_hold_that_comes_too_late_is_returned(partition: Partition) -> None:
    digest = digest_of(b"x")
    hold = NoteHold(**NAMED, digest=digest)
    assert partition.when(hold) == [HoldReturned(**NAMED, digest=digest)]
    partition.create()
    partition.when(TerminateUpload(owner=OWNER, upload=UPLOAD))
    assert partition.when(hold) == [HoldReturned(**NAMED, digest=digest)]
    partition.create("file")
    partition.send(b"0123456789", "file")
    assert isinstance(partition.hold(b"x", "file")[0], HoldReturned)
    assert isinstance(partition.hold(b"0123456789", "file")[0], HoldNoted)


# concatenation


def partials(partition: Partition) -> None:
    for name, content in (("one", b"01234"), ("two", b"567")):
        partition.create(name, length=len(content), partial=True)
        _, completed = partition.send(content, name)
        assert isinstance(completed, UploadCompleted)


def test_partial_uploads_become_one(partition: Partition) -> None:
    partials(partition)
    final = CreateUpload(owner=OWNER, upload="all", partials=("one", "two", "one"))
    created, completed, requested = partition.when(final)
    assert created.length == completed.size == requested.size == 13
    assert [part.size for part in requested.parts] == [5, 3, 5]
    chunk = partition.chunk(b"x", "all")
    assert partition.rejected(chunk) is RejectCode.FINAL_UPLOAD


def test_a_partial_upload_stays_while_it_is_needed(partition: Partition) -> None:
    partials(partition)
    partition.when(CreateUpload(owner=OWNER, upload="all", partials=("one", "two")))
    end = TerminateUpload(owner=OWNER, upload="one")
    assert partition.rejected(end) is RejectCode.IN_USE
    postponed = partition.when(Tick(), at=HOUR_MS)
    assert [type(event) for event in postponed] == [ExpiryPostponed] * 2
    partition.when(TerminateUpload(owner=OWNER, upload="all"))
    assert isinstance(partition.when(end)[0], UploadTerminated)
    expired = [event.upload for event in partition.when(Tick(), at=2 * HOUR_MS)]
    assert expired == ["two"]


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"partials": ("none",)}, RejectCode.UNKNOWN_UPLOAD),
        ({"partials": ("plain",)}, RejectCode.NOT_PARTIAL),
        ({"partials": ("half",)}, RejectCode.PARTIAL_INCOMPLETE),
        ({"partials": ("one",), "length": 5}, RejectCode.CONTRADICTORY),
        ({"partials": ("one",), "partial": True}, RejectCode.CONTRADICTORY),
        ({"partials": ("one",) * 101}, RejectCode.TOO_LARGE),
        ({"partials": ("one",) * 100}, None),
    ],
)
def test_what_cannot_be_concatenated(
    partition: Partition, terms: dict[str, object], code: RejectCode | None
) -> None:
    partials(partition)
    partition.create("plain")
    partition.create("half", partial=True)
    final = CreateUpload(owner=OWNER, upload="all", **terms)  # type: ignore[arg-type]
    if code is None:
        partition.when(final)
    else:
        assert partition.rejected(final) is code


def test_every_rejection_has_a_status() -> None:
    assert set(tus.STATUS) == set(RejectCode)
