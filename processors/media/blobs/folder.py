"""Blobs in a folder: `blobs/ab/ab12.../<stamp>`, each a file that never changes.

    staging/<random> ─ fsync ─► rename, or a hard link to what is there ─► blobs/ab/ab12.../<stamp>

A file appears whole or not at all, and is durable once `keep` returns. Nothing is locked: names
are new each time, and are deleted one by one. What a killed process had staged goes when a store
is opened, a day later.
"""

import contextlib
import errno
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from processors.media.blobs.store import (
    Blob,
    Staged,
    check_digest,
    check_stamp,
    missing,
    new_stamp,
    pieces,
    write_hashed,
)

ATTEMPTS = 100
"""How often a folder is made again where a sweep removes it, empty, at the same moment."""

ABANDONED_S = 86_400
"""A staged file that was not written to for so long is nobody's any more."""

NO_MORE_LINKS = (errno.EMLINK, errno.EPERM, errno.ENOTSUP)
"""One file has all the names that it can have, or can only have one."""


class FolderBlobs:
    """A `BlobStore` in a folder of a local disk, made with the first blob."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self._blobs = self.root / "blobs"
        self._staging = self.root / "staging"
        self._forget_abandoned()

    @contextmanager
    def stage(self, source: Iterable[bytes]) -> Iterator[Staged]:
        self._staging.mkdir(parents=True, exist_ok=True)
        path = self._staging / secrets.token_hex(16)
        try:
            with path.open("xb") as file:
                blob = write_hashed(source, file)
                file.flush()
                os.fsync(file.fileno())
            yield Staged(blob, lambda kept: self._keep(path, kept.digest))
        finally:
            path.unlink(missing_ok=True)

    def put(self, source: Iterable[bytes]) -> Blob:
        with self.stage(source) as staged:
            return staged.keep()

    def renew(self, digest: str) -> Blob | None:
        folder = self._folder(digest)
        while (there := self._path(digest)) is not None:
            new = folder / new_stamp()
            try:
                os.link(there, new)
            except FileNotFoundError:
                continue  # it was swept in this moment: is there another?
            except OSError as error:
                if error.errno not in NO_MORE_LINKS:
                    raise
                with there.open("rb") as file:
                    return self.put(pieces(file))
            _sync(folder)
            return Blob(digest, new.stat().st_size)
        return None

    def size(self, digest: str) -> int | None:
        path = self._path(digest)
        return None if path is None else path.stat().st_size

    def open(self, digest: str) -> BinaryIO:
        path = self._path(digest)
        if path is None:
            raise missing(digest, str(self.root))
        return path.open("rb")

    @contextmanager
    def file(self, digest: str) -> Iterator[Path]:
        path = self._path(digest)
        if path is None:
            raise missing(digest, str(self.root))
        yield path

    def stamps(self, digest: str) -> list[str]:
        return _names(self._folder(digest))

    def delete(self, digest: str, stamps: Sequence[str]) -> None:
        folder = self._folder(digest)
        for stamp in stamps:
            (folder / check_stamp(stamp)).unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            _sync(folder)
        with contextlib.suppress(OSError):  # somebody has put it again, or removed it as well
            folder.rmdir()

    def digests(self, after: str = "") -> Iterator[str]:
        for first in _names(self._blobs):
            if first >= after[:2]:
                for digest in _names(self._blobs / first):
                    if digest > after and self.stamps(digest):
                        yield digest

    def _forget_abandoned(self) -> None:
        """What processes that died had staged: nobody writes at a file for so long."""
        for name in _names(self._staging):
            path = self._staging / name
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < time.time() - ABANDONED_S:
                    path.unlink()

    def _folder(self, digest: str) -> Path:
        return self._blobs / check_digest(digest)[:2] / digest

    def _path(self, digest: str) -> Path | None:
        """The youngest: what an older sweep takes away are older ones."""
        stamps = self.stamps(digest)
        return self._folder(digest) / stamps[-1] if stamps else None

    def _keep(self, staged: Path, digest: str) -> None:
        folder = self._folder(digest)
        for attempt in range(ATTEMPTS):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                self._name(staged, digest)
                _sync(folder)
            except (FileNotFoundError, FileExistsError):  # it was there, and then it was not
                if attempt + 1 == ATTEMPTS or not staged.exists():
                    raise
            else:
                break
        _sync(folder.parent)
        _sync(self._blobs)

    def _name(self, staged: Path, digest: str) -> None:
        """Under a new stamp: as a link where the bytes are there, so that they take room once."""
        new = self._folder(digest) / new_stamp()
        there = self._path(digest)
        if there is not None:
            try:
                os.link(there, new)
                return
            except FileNotFoundError:
                pass  # it was swept in this moment
            except OSError as error:
                if error.errno not in NO_MORE_LINKS:
                    raise
        os.rename(staged, new)


def _names(folder: Path) -> list[str]:
    """What is in it, in order; nothing where it is not there (any more)."""
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


def _sync(folder: Path) -> None:
    """Make the folder's names durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
