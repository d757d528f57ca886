"""A disk in memory that fails on request: the other side of `log.backends.file.storage`.

It keeps what a machine keeps: the page cache, which every process sees, and the disk, which has
what was synced and any part of the rest. `power_cut` gives the disk after the power came back;
`restart` the machine after a `kill -9`, page cache and all. `stop_at` ends the process at the
n-th operation.
"""

import errno
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from log.backends.file.storage import WORDS_BYTES, File


class Stopped(BaseException):
    """The process is no more. Not an Exception: nothing may catch it and go on."""


class _Inode:
    def __init__(self) -> None:
        self.cached = bytearray()
        self.synced = b""
        self.unsynced: list[tuple[int, bytes | None]] = []
        """(position, bytes) of a write, or (size, None) of a truncation, since the last sync."""
        self.words: memoryview | None = None
        self.written_back: list[bytes] = []
        """Pages of shared words that the system happened to write to the disk."""
        self.is_locked = False

    def content(self) -> bytes:
        return bytes(self.words.cast("B")) if self.words is not None else bytes(self.cached)

    def after_sync(self) -> bytes:
        """What the disk has when all that counts as unsynced has reached it."""
        if self.words is not None:
            return self.content()
        data = bytearray(self.synced)
        for position, written in self.unsynced:
            if written is None:
                del data[position:]
            data.extend(bytes(max(0, position - len(data))))
            if written is not None:
                data[position : position + len(written)] = written
        return bytes(data)

    def after_power_cut(self, rng: random.Random) -> bytes:
        if self.words is not None:
            return rng.choice([self.synced, *self.written_back, self.content()])
        data = bytearray(self.synced)
        for position, written in self.unsynced:
            if rng.random() < 0.2:
                continue  # never reached the disk, though what followed may have
            if written is None:
                del data[position:]
                data.extend(bytes(max(0, position - len(data))))
                continue
            part = rng.randrange(len(written) + 1)
            written = rng.choice(
                [written, written, written[:part], written[:part] + bytes(len(written) - part)]
            )
            data.extend(bytes(max(0, position - len(data))))
            data[position : position + len(written)] = written
        return bytes(data)


@dataclass
class _Folder:
    names: dict[str, _Inode] = field(default_factory=dict)
    versions: list[dict[str, _Inode]] = field(default_factory=lambda: [{}])
    """The names as synced, and after each change since; a journal keeps them in order."""

    def changed(self) -> None:
        self.versions.append(dict(self.names))


class _SimulatedFile:
    def __init__(self, storage: "SimulatedStorage", inode: _Inode, writable: bool) -> None:
        self._storage = storage
        self._inode = inode
        self._writable = writable

    def pread(self, size: int, position: int) -> bytes:
        self._storage.reads += 1
        return self._inode.content()[position : position + size]

    def pwrite(self, data: bytes | bytearray | memoryview, position: int) -> None:
        storage, inode = self._storage, self._inode
        assert self._writable
        written = bytes(data)
        room = storage.room_bytes
        more = max(0, position + len(written) - len(inode.cached))
        is_full = room is not None and more > room
        if is_full and room is not None:
            written = written[: max(0, len(written) - (more - room))]
        stops = storage.step("write")
        if stops:
            written = written[: storage.rng.randrange(len(written) + 1)]
        inode.cached.extend(bytes(max(0, position - len(inode.cached))))
        before = len(inode.cached)
        inode.cached[position : position + len(written)] = written
        if room is not None:
            storage.room_bytes = room - (len(inode.cached) - before)
        inode.unsynced.append((position, written))
        if stops:
            raise Stopped
        if is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def sync(self) -> None:
        if self._storage.step("sync"):
            raise Stopped
        self._inode.synced = self._inode.after_sync()
        self._inode.unsynced = []
        self._inode.written_back = []

    def truncate(self, size: int) -> None:
        if self._storage.step("truncate"):
            raise Stopped
        cached = self._inode.cached
        if self._storage.room_bytes is not None:
            self._storage.room_bytes += max(0, len(cached) - size)
        del cached[size:]
        cached.extend(bytes(size - len(cached)))
        self._inode.unsynced.append((size, None))

    def size(self) -> int:
        return len(self._inode.content())

    def lock(self, wait: bool = True) -> bool:
        if self._inode.is_locked:
            assert not wait, "a deadlock: one process simulates all"
            return False
        self._inode.is_locked = True
        return True

    def unlock(self) -> None:
        self._inode.is_locked = False

    def words(self) -> memoryview:
        inode = self._inode
        if inode.words is None:
            inode.cached.extend(bytes(WORDS_BYTES - len(inode.cached)))
            inode.words = memoryview(inode.cached).cast("q")
        return inode.words if self._writable else inode.words.toreadonly()

    def close(self) -> None:
        """Locks of a closed file are let go by whoever holds them, as the callers do."""


class SimulatedStorage:
    """A `Storage`. Single-threaded: one process after another."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = random.Random(seed)
        self.steps = 0
        self.reads = 0
        self.stop_at: int | None = None
        self.fail_at: dict[int, int] = {}
        """An error number by the step that it fails."""
        self.fail_next: dict[str, int] = {}
        """An error number by the kind of operation of which the next one fails."""
        self.room_bytes: int | None = None
        self.is_read_only = False
        self._folders: dict[str, _Folder] = {}

    def step(self, what: str) -> bool:
        """Count an operation that changes the disk; True where the process ends with it."""
        step, self.steps = self.steps, self.steps + 1
        if self.rng.random() < 0.2:
            self._write_back()
        number = self.fail_at.get(step) or self.fail_next.pop(what, 0)
        if number:
            raise OSError(number, f"{os.strerror(number)} ({what})")
        if self.is_read_only:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return self.stop_at == step

    def _write_back(self) -> None:
        for folder in self._folders.values():
            for inode in folder.names.values():
                if inode.words is not None:
                    inode.written_back.append(inode.content())

    # -- Storage ----------------------------------------------------------------------------------

    def open(self, path: str, write: bool = False, create: bool = False) -> File:
        folder, name = self._split(path)
        if write and self.is_read_only:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        if name not in folder.names:
            if not create:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            if self.step("create"):
                raise Stopped
            folder.names[name] = _Inode()
            folder.changed()
        return _SimulatedFile(self, folder.names[name], write)

    def list(self, folder: str) -> list[str]:
        if folder not in self._folders:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), folder)
        below = {
            path[len(folder) + 1 :].split("/")[0]
            for path in self._folders
            if path.startswith(folder + "/")
        }
        return sorted({*self._folders[folder].names, *below})

    def exists(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        return path in self._folders or (
            folder in self._folders and name in self._folders[folder].names
        )

    def make_folder(self, folder: str) -> None:
        if folder not in self._folders:
            if self.step("folder"):
                raise Stopped
            self._folders[folder] = _Folder()

    def rename(self, old: str, new: str) -> None:
        if self.step("rename"):
            raise Stopped
        if old in self._folders:
            self._folders[new] = self._folders.pop(old)
            return
        (old_folder, old_name), (new_folder, new_name) = self._split(old), self._split(new)
        assert old_folder is new_folder
        new_folder.names[new_name] = old_folder.names.pop(old_name)
        new_folder.changed()

    def remove(self, path: str) -> None:
        folder, name = self._split(path)
        if name not in folder.names:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        if self.step("remove"):
            raise Stopped
        del folder.names[name]
        folder.changed()

    def remove_folder(self, folder: str) -> None:
        assert not self._folders[folder].names
        del self._folders[folder]

    def sync_folder(self, folder: str) -> None:
        if self.step("sync folder"):
            raise Stopped
        if folder in self._folders:
            self._folders[folder].versions = [dict(self._folders[folder].names)]

    def _split(self, path: str) -> tuple[_Folder, str]:
        folder, _, name = path.rpartition("/")
        if folder not in self._folders:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return self._folders[folder], name

    # -- what happens to it -----------------------------------------------------------------------

    def restart(self) -> "SimulatedStorage":
        """After a `kill -9`: nothing written is lost, every lock is free."""
        return self._again(lambda folder: folder.names, lambda inode: inode.content())

    def power_cut(self) -> "SimulatedStorage":
        """After the power came back: what was synced, and whatever part of the rest."""
        return self._again(
            lambda folder: self.rng.choice(folder.versions),
            lambda inode: inode.after_power_cut(self.rng),
        )

    def _again(
        self,
        names: Callable[[_Folder], dict[str, _Inode]],
        content: Callable[[_Inode], bytes],
    ) -> "SimulatedStorage":
        storage = SimulatedStorage(self.rng.randrange(2**32))
        for path, folder in self._folders.items():
            again = storage._folders[path] = _Folder()
            for name, inode in names(folder).items():
                survivor = again.names[name] = _Inode()
                survivor.synced = content(inode)
                survivor.cached = bytearray(survivor.synced)
            again.versions = [dict(again.names)]
        return storage

    def contents(self, path: str) -> bytes:
        folder, name = self._split(path)
        return folder.names[name].content()

    def overwrite(self, path: str, data: bytes) -> None:
        """Damage a file, durably, behind the log's back."""
        folder, name = self._split(path)
        inode = folder.names.setdefault(name, _Inode())
        inode.cached, inode.synced, inode.unsynced, inode.words = bytearray(data), data, [], None

    def forget_unsynced(self, path: str) -> None:
        """What a failed fsync may leave: the page cache calls clean what the disk never got."""
        folder, name = self._split(path)
        folder.names[name].unsynced = []
