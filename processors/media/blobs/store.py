"""What every blob store does: the interface, its errors, and how digests and stamps are made."""

import hashlib
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

PIECE_BYTES = 1 << 20
"""Bytes are read and written in pieces of at most so many."""
DIGEST = re.compile(r"[0-9a-f]{64}")


class BlobMissing(Exception):
    """The store has no bytes of this digest."""


class InvalidDigest(ValueError):
    """Not the SHA-256 of anything: 64 lower-case hexadecimal digits are due."""


class Blob(NamedTuple):
    """Bytes, by their SHA-256 in lower-case hex and their number."""

    digest: str
    size: int


class Staged:
    """Bytes that are written down, and not in the store yet: `keep` puts them there."""

    def __init__(self, blob: Blob, keep: Callable[[Blob], None]) -> None:
        self.blob = blob
        self._keep = keep
        self._is_kept = False

    def keep(self) -> Blob:
        """Into the store, under a new stamp; durable when this returns. Again: nothing."""
        if not self._is_kept:
            self._keep(self.blob)
            self._is_kept = True
        return self.blob


class BlobStore(Protocol):
    """Bytes by digest. Safe to use from many threads and processes at once; calls block.

    Errors of all: InvalidDigest, and those of the medium (OSError, botocore's).
    """

    def stage(self, source: Iterable[bytes]) -> AbstractContextManager[Staged]:
        """Write bytes down, and learn their digest. What is not kept is gone at the end."""

    def put(self, source: Iterable[bytes]) -> Blob:
        """Stage and keep, in one."""

    def renew(self, digest: str) -> Blob | None:
        """Keep bytes that are there under one more stamp, a new one; None where they are not.
        Who has looked for bytes has not kept them: a sweep may be about to take them."""

    def size(self, digest: str) -> int | None:
        """The number of bytes; None where the store does not have them."""

    def open(self, digest: str) -> BinaryIO:
        """The bytes from the first on; close it. Errors: BlobMissing."""

    def file(self, digest: str) -> AbstractContextManager[Path]:
        """The bytes as a local file, to read while in the block only. Errors: BlobMissing."""

    def stamps(self, digest: str) -> list[str]:
        """The stamps that the bytes are kept under, oldest first; none where they are not."""

    def delete(self, digest: str, stamps: Sequence[str]) -> None:
        """Forget the bytes under these stamps. What is not there is no error."""

    def digests(self, after: str = "") -> Iterator[str]:
        """Every digest of the store that is greater, in ascending order. What is put or deleted
        meanwhile may or may not be among them."""


def check_digest(digest: str) -> str:
    """InvalidDigest where it is none (it becomes a part of paths)."""
    if not DIGEST.fullmatch(digest):
        raise InvalidDigest(
            f"{digest[:80]!r} is no digest: a SHA-256 of 64 lower-case hexadecimal digits is due"
        )
    return digest


def check_stamp(stamp: str) -> str:
    """ValueError where it is none (it becomes a part of paths)."""
    if not re.fullmatch(r"\d{20}-[0-9a-f]{8}", stamp):
        raise ValueError(f"{stamp[:80]!r} is no stamp of this store")
    return stamp


def new_stamp() -> str:
    """Unlike every other, and in the order of time as far as clocks go."""
    return f"{time.time_ns():020d}-{secrets.token_hex(4)}"


def stamped_at_ms(stamp: str) -> int:
    """When the bytes were kept, in ms since 1970, by the clock of who kept them."""
    return int(check_stamp(stamp).partition("-")[0]) // 1_000_000


def missing(digest: str, where: str) -> BlobMissing:
    return BlobMissing(f"{where} has no blob {digest}")


def write_hashed(source: Iterable[bytes], target: BinaryIO) -> Blob:
    """Write all pieces of `source`; returns what they are."""
    hashed = hashlib.sha256()
    size = 0
    for piece in source:
        hashed.update(piece)
        target.write(piece)
        size += len(piece)
    return Blob(hashed.hexdigest(), size)


def pieces(file: BinaryIO, limit: int | None = None) -> Iterator[bytes]:
    """The rest of an open file, PIECE_BYTES at a time; at most `limit` bytes of it."""
    left = limit
    while left is None or left > 0:
        piece = file.read(PIECE_BYTES if left is None else min(left, PIECE_BYTES))
        if not piece:
            return
        yield piece
        if left is not None:
            left -= len(piece)
