"""The one small interface through which the file log touches the disk, and the real one over `os`.

Everything below `log/backends/file` goes through a `Storage`, so that tests and the simulator can
put another in its place: torn writes, lost unsynced data, bit flips, a full or read-only disk.
Failures are plain `OSError`s, as the operating system gives them; callers say what they mean.
"""

import errno
import fcntl
import mmap
import os
import sys
from contextlib import suppress
from functools import cache
from typing import Protocol

WORDS_BYTES = 4096
"""The size of a shared file of 64-bit words: one page."""

KEPT_BYTES = 24 << 20


@cache
def keep_freed_memory() -> None:
    """Have glibc keep the memory of freed read buffers, rather than map and fault it in each time.

    Freeing one large block raises the size from which malloc gives memory back to the system, up
    to 32 MB; once is enough. Reading batches of half a megabyte takes a fifth of the time then;
    elsewhere than on glibc it does nothing.
    """
    bytes(KEPT_BYTES)


class File(Protocol):
    """An open file. Closed when the last reference to it goes, or by `close`."""

    def pread(self, size: int, position: int) -> bytes:
        """Up to `size` bytes; fewer only at the end of the file."""

    def pwrite(self, data: bytes | bytearray | memoryview, position: int) -> None:
        """All of `data`, or an OSError with some part of it written."""

    def sync(self) -> None:
        """The data, and what is needed to find it again, is on the disk when this returns."""

    def truncate(self, size: int) -> None: ...
    def size(self) -> int: ...

    def lock(self, wait: bool = True) -> bool:
        """The exclusive lock of this file; False where another has it and `wait` is False."""

    def unlock(self) -> None: ...

    def words(self) -> memoryview:
        """Its first page as 64-bit words that all processes share (`WORDS_BYTES`)."""

    def close(self) -> None: ...


class Storage(Protocol):
    """Files and folders by path."""

    def open(self, path: str, write: bool = False, create: bool = False) -> File: ...
    def list(self, folder: str) -> list[str]:
        """Names in a folder, sorted."""

    def exists(self, path: str) -> bool: ...
    def make_folder(self, folder: str) -> None:
        """With its parents; no error where it exists."""

    def rename(self, old: str, new: str) -> None: ...
    def remove(self, path: str) -> None: ...
    def remove_folder(self, folder: str) -> None: ...
    def sync_folder(self, folder: str) -> None:
        """Names made, changed and removed in `folder` are on the disk when this returns."""


class OsFile:
    """A file of the operating system."""

    __slots__ = ("_descriptor", "_writable", "path")

    def __init__(self, path: str, descriptor: int, writable: bool) -> None:
        self.path = path
        self._descriptor = descriptor
        self._writable = writable

    def pread(self, size: int, position: int) -> bytes:
        data = os.pread(self._descriptor, size, position)
        if len(data) == size or not data:
            return data
        parts = [
            data
        ]  # a signal or the end of the file cut it short: only the file's end is empty
        have = len(data)
        while have < size and (data := os.pread(self._descriptor, size - have, position + have)):
            parts.append(data)
            have += len(data)
        return b"".join(parts)

    def pwrite(self, data: bytes | bytearray | memoryview, position: int) -> None:
        written = os.pwrite(self._descriptor, data, position)
        while written < len(data):  # the disk is about to say that it is full
            more = os.pwrite(self._descriptor, memoryview(data)[written:], position + written)
            if not more:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)
            written += more

    def sync(self) -> None:
        if sys.platform == "darwin":  # its fsync leaves the data in the drive's cache
            fcntl.fcntl(self._descriptor, fcntl.F_FULLFSYNC)
        else:
            os.fdatasync(self._descriptor)

    def truncate(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)

    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def lock(self, wait: bool = True) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def words(self) -> memoryview:
        access = mmap.ACCESS_WRITE if self._writable else mmap.ACCESS_READ
        return memoryview(mmap.mmap(self._descriptor, WORDS_BYTES, access=access)).cast("q")

    def close(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def __del__(self) -> None:
        with suppress(OSError):
            self.close()


class OsStorage:
    """The real disk."""

    def open(self, path: str, write: bool = False, create: bool = False) -> File:
        flags = (os.O_RDWR if write else os.O_RDONLY) | (os.O_CREAT if create else 0)
        return OsFile(path, os.open(path, flags, 0o644), write)

    def list(self, folder: str) -> list[str]:
        return sorted(os.listdir(folder))

    def exists(self, path: str) -> bool:
        return os.path.lexists(path)

    def make_folder(self, folder: str) -> None:
        os.makedirs(folder, exist_ok=True)

    def rename(self, old: str, new: str) -> None:
        os.rename(old, new)

    def remove(self, path: str) -> None:
        os.unlink(path)

    def remove_folder(self, folder: str) -> None:
        os.rmdir(folder)

    def sync_folder(self, folder: str) -> None:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_file(storage: Storage, path: str) -> bytes:
    file = storage.open(path)
    try:
        return file.pread(file.size(), 0)
    finally:
        file.close()


def replace_file(storage: Storage, path: str, data: bytes) -> None:
    """Write a small file aside and rename it: after a crash there is the old one or the new."""
    folder, _, name = path.rpartition("/")
    aside = f"{folder}/.{name}.{os.getpid()}"
    file = storage.open(aside, write=True, create=True)
    try:
        file.truncate(0)
        file.pwrite(data, 0)
        file.sync()
        file.close()
        storage.rename(aside, path)
    except OSError:
        file.close()
        with suppress(OSError):
            storage.remove(aside)
        raise
    storage.sync_folder(folder)
