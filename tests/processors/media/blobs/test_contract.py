"""What every blob store does: the same tests for a folder, and for S3 over HTTP."""

import random
import threading
from collections.abc import Iterator
from hashlib import sha256

import pytest

from processors.media.blobs import (
    PIECE_BYTES,
    Blob,
    BlobMissing,
    BlobStore,
    InvalidDigest,
    pieces,
)
from processors.media.blobs.store import new_stamp, stamped_at_ms
from tests.processors.media.conftest import OpenAgain

ABSENT = "0" * 64


def read(blobs: BlobStore, digest: str) -> bytes:
    with blobs.open(digest) as file:
        return file.read()


@pytest.mark.parametrize("size", [0, 1, 1000, PIECE_BYTES, PIECE_BYTES * 9 + 5])
def test_bytes_come_back_by_their_digest(blobs: BlobStore, size: int) -> None:
    content = random.Random(size).randbytes(size)
    middle = size // 2
    blob = blobs.put([content[:middle], b"", content[middle:]])
    assert blob == Blob(sha256(content).hexdigest(), size)
    assert blobs.size(blob.digest) == size
    assert read(blobs, blob.digest) == content
    with blobs.file(blob.digest) as path:
        assert path.read_bytes() == content


def test_what_is_staged_is_not_there_until_it_is_kept(blobs: BlobStore) -> None:
    with blobs.stage([b"abc"]) as staged:
        assert staged.blob == Blob(sha256(b"abc").hexdigest(), 3)
        assert blobs.size(staged.blob.digest) is None
        assert staged.keep() == staged.keep() == staged.blob
        assert read(blobs, staged.blob.digest) == b"abc"
    assert len(blobs.stamps(staged.blob.digest)) == 1
    with blobs.stage([b"never kept"]) as staged:
        pass
    assert blobs.size(staged.blob.digest) is None


def test_a_source_that_breaks_off_leaves_nothing(blobs: BlobStore) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionResetError("the client is gone")

    with pytest.raises(ConnectionResetError):
        blobs.put(breaking())
    assert list(blobs.digests()) == []


def test_what_is_not_there(blobs: BlobStore) -> None:
    assert blobs.size(ABSENT) is None
    assert blobs.stamps(ABSENT) == []
    with pytest.raises(BlobMissing, match=ABSENT):
        blobs.open(ABSENT)
    with pytest.raises(BlobMissing, match=ABSENT), blobs.file(ABSENT):
        pass
    blobs.delete(ABSENT, [new_stamp()])


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_what_is_no_digest_is_refused(blobs: BlobStore, digest: str) -> None:
    with pytest.raises(InvalidDigest):
        blobs.size(digest)
    with pytest.raises(InvalidDigest):
        blobs.delete(digest, [new_stamp()])


def test_what_is_no_stamp_is_refused(blobs: BlobStore) -> None:
    digest = blobs.put([b"x"]).digest
    with pytest.raises(ValueError, match="no stamp"):
        blobs.delete(digest, ["../x"])


def test_each_put_has_a_stamp_of_its_own(blobs: BlobStore) -> None:
    digest = blobs.put([b"twice"]).digest
    first = blobs.stamps(digest)
    blobs.put([b"twice"])
    both = blobs.stamps(digest)
    assert len(both) == 2
    assert both == sorted(both)
    assert both[0] == first[0]
    assert stamped_at_ms(both[0]) <= stamped_at_ms(both[1])


def test_a_late_deletion_takes_only_what_it_saw(blobs: BlobStore) -> None:
    """The bytes are put again while somebody is about to delete them."""
    digest = blobs.put([b"shared"]).digest
    seen = blobs.stamps(digest)
    blobs.put([b"shared"])
    blobs.delete(digest, seen)
    assert read(blobs, digest) == b"shared"
    blobs.delete(digest, seen)
    assert read(blobs, digest) == b"shared"
    blobs.delete(digest, blobs.stamps(digest))
    assert blobs.size(digest) is None
    blobs.put([b"shared"])
    assert read(blobs, digest) == b"shared"


def test_bytes_that_are_there_are_renewed(blobs: BlobStore) -> None:
    """Who renewed them is not touched by a deletion of what was seen before."""
    assert blobs.renew(ABSENT) is None
    blob = blobs.put([b"renewed"])
    seen = blobs.stamps(blob.digest)
    assert blobs.renew(blob.digest) == blob
    assert len(blobs.stamps(blob.digest)) == 2
    blobs.delete(blob.digest, seen)
    assert read(blobs, blob.digest) == b"renewed"
    blobs.delete(blob.digest, blobs.stamps(blob.digest))
    assert blobs.renew(blob.digest) is None


def test_all_digests_in_order(blobs: BlobStore) -> None:
    put = sorted(blobs.put([str(number).encode()]).digest for number in range(40))
    blobs.put([b"1"])
    assert list(blobs.digests()) == put
    for position in (0, 11, 38, 39):
        assert list(blobs.digests(after=put[position])) == put[position + 1 :]
    blobs.delete(put[3], blobs.stamps(put[3]))
    assert list(blobs.digests()) == put[:3] + put[4:]


def test_another_process_sees_it(open_again: OpenAgain) -> None:
    digest = open_again().put([b"there"]).digest
    assert read(open_again(), digest) == b"there"


def test_many_at_once(open_again: OpenAgain) -> None:
    """Two threads put the same few blobs, a third deletes them: in the end all are whole."""
    contents = [bytes([number]) * 100 for number in range(4)]
    errors: list[BaseException] = []

    def put() -> None:
        store = open_again()
        for content in contents * 5:
            store.put([content])

    def delete() -> None:
        store = open_again()
        for content in contents * 5:
            digest = sha256(content).hexdigest()
            store.delete(digest, store.stamps(digest))

    def noted(work: object) -> None:
        try:
            work()  # type: ignore[operator]
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=noted, args=(work,)) for work in (put, put, delete)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    store = open_again()
    for content in contents:
        digest = store.put([content]).digest
        assert read(store, digest) == content


def test_pieces_of_a_file_up_to_a_limit(blobs: BlobStore) -> None:
    digest = blobs.put([b"0123456789"]).digest
    with blobs.open(digest) as file:
        assert b"".join(pieces(file, 4)) == b"0123"
        assert b"".join(pieces(file)) == b"456789"
