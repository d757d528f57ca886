"""How a complete upload becomes a file, whatever the blob store answers, and how often."""

from typing import Any

import pytest

from processors.media.uploads.commands import (
    HoldBlob,
    NoteHold,
    RecordAssembled,
    RecordAssemblyFailed,
    RetryAssembly,
    TerminateUpload,
)
from processors.media.uploads.effects import wanted
from processors.media.uploads.events import (
    AssemblyFailed,
    AssemblyRequested,
    BlobAssembled,
    FileStored,
    HoldNoted,
    HoldReturned,
    RejectCode,
)
from tests.processors.media.uploads.language import (
    HOUR_MS,
    OWNER,
    UPLOAD,
    Partition,
    digest_of,
    holder,
)

NAMED: dict[str, Any] = {"owner": OWNER, "upload": UPLOAD, "number": 1}
WHOLE = digest_of(b"0123456789")
RETRY = RetryAssembly(owner=OWNER, upload=UPLOAD)


@pytest.fixture
def partition() -> Partition:
    """An upload in two chunks, whose assembly is asked for."""
    partition = Partition()
    partition.create(metadata={"filename": "cat"})
    partition.send(b"01234")
    partition.send(b"56789")
    return partition


def assembled(attempt: int, digest: str = WHOLE, size: int = 10) -> RecordAssembled:
    return RecordAssembled(**NAMED, attempt=attempt, digest=digest, size=size)


def held(partition: Partition, digest: str = WHOLE) -> list[Any]:
    """As the reactors do it, after the last attempt."""
    ticket = partition.upload().attempt
    partition.when(HoldBlob(digest=digest, holder=holder(), ticket=ticket))
    return partition.when(NoteHold(**NAMED, digest=digest, ticket=ticket))


def test_put_held_and_looked_for_once_more(partition: Partition) -> None:
    assert partition.when(assembled(1)) == [BlobAssembled(**NAMED, attempt=1, digest=WHOLE)]
    noted, requested = held(partition)
    assert isinstance(noted, HoldNoted)
    assert (requested.attempt, requested.digest, requested.size) == (2, WHOLE, 10)
    assert partition.when(assembled(2)) == [
        FileStored(
            **NAMED,
            digest=WHOLE,
            size=10,
            metadata={"filename": "cat"},
            released=(digest_of(b"01234"), digest_of(b"56789")),
        )
    ]


def test_answers_that_nobody_waits_for_change_nothing(partition: Partition) -> None:
    failed = RecordAssemblyFailed(**NAMED, attempt=1, reason="too late")
    assert partition.when(assembled(2)) == []
    partition.when(assembled(1))
    assert partition.when(assembled(1)) == partition.when(failed) == []
    held(partition)
    assert partition.when(assembled(1)) == partition.when(failed) == []
    partition.when(assembled(2))
    assert partition.when(assembled(2)) == partition.when(assembled(3)) == []


def test_a_hold_that_is_told_twice_asks_once(partition: Partition) -> None:
    partition.when(assembled(1))
    held(partition)
    assert held(partition) == [HoldNoted(**NAMED, digest=WHOLE)]


def test_a_hold_that_was_given_back_does_not_count(partition: Partition) -> None:
    """A front held these very bytes, too late, twice; the first was given back. The second is told
    only after the whole was put: by then the ledger may have let it go."""
    assert isinstance(partition.when(NoteHold(**NAMED, digest=WHOLE))[0], HoldReturned)
    partition.when(assembled(1))
    assert partition.when(NoteHold(**NAMED, digest=WHOLE)) == []
    assert [type(event) for event in held(partition)] == [HoldNoted, AssemblyRequested]


def test_a_failure_may_be_tried_again(partition: Partition) -> None:
    assert partition.rejected(RETRY) is RejectCode.NOT_FAILED
    failed = RecordAssemblyFailed(**NAMED, attempt=1, reason="OSError: the disk is full")
    assert partition.when(failed) == [
        AssemblyFailed(**NAMED, reason="OSError: the disk is full", expires_at_ms=HOUR_MS)
    ]
    (requested,) = partition.when(RETRY)
    assert isinstance(requested, AssemblyRequested)
    assert (requested.attempt, requested.digest, len(requested.parts)) == (2, "", 2)
    assert partition.when(assembled(2)) == [BlobAssembled(**NAMED, attempt=2, digest=WHOLE)]


def test_other_bytes_than_were_accepted(partition: Partition) -> None:
    (failed,) = partition.when(assembled(1, size=9))
    assert isinstance(failed, AssemblyFailed)
    partition.when(RETRY)
    partition.when(assembled(2))
    held(partition)
    (failed,) = partition.when(assembled(3, digest=digest_of(b"else")))
    assert isinstance(failed, AssemblyFailed)


def test_ended_in_the_middle(partition: Partition) -> None:
    """What was put and is held by then is given back."""
    partition.when(assembled(1))
    partition.when(TerminateUpload(owner=OWNER, upload=UPLOAD))
    assert held(partition) == [HoldReturned(**NAMED, digest=WHOLE)]
    assert partition.rejected(RETRY) is RejectCode.GONE


def test_what_is_wanted_of_the_blob_store(partition: Partition) -> None:
    first = AssemblyRequested(**NAMED, attempt=1, parts=(), size=10)
    second = AssemblyRequested(**NAMED, attempt=2, parts=(), size=10, digest=WHOLE)
    assert (wanted(partition.state, first), wanted(partition.state, second)) == (True, False)
    partition.when(assembled(1))
    assert (wanted(partition.state, first), wanted(partition.state, second)) == (False, False)
    held(partition)
    assert (wanted(partition.state, first), wanted(partition.state, second)) == (False, True)
    partition.when(assembled(2))
    assert (wanted(partition.state, first), wanted(partition.state, second)) == (False, False)
