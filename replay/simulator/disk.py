"""A machine's disk in memory: what its processes see, what is on the platter, and what goes wrong.

The file log runs on it unchanged (`FileLog(path, storage=disk.process("worker-1"))`), one process
after another in a single thread. Nothing of the real disk is touched; all chance comes from the
`Random` that the disk is given, so that a seed repeats a run to the byte.

    a write                  is in the page cache: every process sees it, a power cut may lose it
    `sync`                   puts a file's content and size on the platter, not its name
    `sync_folder`            puts the names of a folder on the platter
    `kill`                   ends a process: its files close, its locks are free, the cache stays
    `crash`                  cuts the power: of what was not synced, any sectors and any first part
                             of a folder's changes are there; every process is dead
    `stop`                   a process dies within its n-th change from now, half done
"""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import msgspec

from log.backends.file.storage import WORDS_BYTES, File, Storage

SECTOR_BYTES = 512
"""Written whole or not at all."""
MILLION = 1_000_000
WRITE_BACK = 1 / 16
"""How often a change is followed by the system writing a shared page to the platter by itself."""


class DeadlockInSimulation(BaseException):
    """A lock was waited for that no other can give back: all run in one thread."""


class Stopped(BaseException):
    """The process is no more. Not an Exception: nothing may catch it and go on."""


class DiskFaults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often an operation goes wrong, of a million; `lasts` in writes, slowness in ms.

    Corrupted reads hit files of `corrupted_suffixes` only: what carries no checksum (a topic's
    configuration, an index, committed offsets) cannot tell one flipped digit from another.
    """

    full_disk: int = 0
    """Of writes: ENOSPC, with a part written; and so the next `full_for_writes`."""
    full_for_writes: int = 10
    failed_read: int = 0
    """Of reads: EIO."""
    misdirected_read: int = 0
    """Of reads: the bytes of another place in the file."""
    flipped_read: int = 0
    """Of reads: one bit wrong, this time."""
    flipped_platter: int = 0
    """Of reads: one bit of what is read is wrong on the platter, from now on."""
    failed_sync: int = 0
    """Of syncs: EIO; and as Linux does, what was dirty counts as clean, on the platter or not."""
    slow_sync: int = 0
    """Of syncs: takes up to `slow_sync_ms` of virtual time."""
    slow_sync_ms: int = 2_000
    corrupted_suffixes: tuple[str, ...] = (".log",)


NONE = DiskFaults()

Told = Callable[[str, str], None]
"""Hears of each fault as it is injected: its name in `DiskFaults`, and the path."""


def unheard(kind: str, path: str) -> None: ...


def no_time(ms: int) -> None: ...


@dataclass(eq=False, slots=True)
class _Content:
    """A file: in the cache, on the platter, and where the two may differ."""

    cached: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    dirty: list[tuple[int, int]] = field(default_factory=list)
    """Places (from, to) written since the last sync."""
    sizes: list[int] = field(default_factory=list)
    """Each size that it had since the last sync."""
    is_mapped: bool = False
    """Its first page is shared memory, and always counts as dirty."""
    holder: "SimulatedFile | None" = None
    """Who has its lock."""

    def write(self, data: bytes, position: int) -> None:
        if not data:
            return
        end, before = position + len(data), len(self.cached)
        if position > before:
            self.resize(position)
        self.cached[position:end] = data
        if end > before:
            self.sizes.append(end)
        self.dirty.append((position, end))

    def resize(self, size: int) -> None:
        before = len(self.cached)
        if size == before:
            return
        self.dirty.append((min(size, before), max(size, before)))
        self.sizes.append(size)
        if size < before:
            del self.cached[size:]
        else:
            self.cached.extend(bytes(size - before))

    def dirty_ranges(self) -> list[tuple[int, int]]:
        return [*self.dirty, (0, WORDS_BYTES)] if self.is_mapped else self.dirty

    def write_back(self) -> None:
        """Bring the platter level with the cache."""
        _resize(self.durable, len(self.cached))
        for start, end in self.dirty_ranges():
            self.durable[start:end] = self.cached[start:end]
        self.call_clean()

    def call_clean(self) -> None:
        self.dirty, self.sizes = [], []

    def lose_power(self, random: Random) -> None:
        """Of what was not synced: nothing, everything, or some sectors and some size."""
        fate = random.randrange(4)
        if fate == 0:
            self.write_back()
        elif fate > 1:
            self._tear(random)
        self.call_clean()
        self.cached, self.is_mapped, self.holder = bytearray(self.durable), False, None

    def _tear(self, random: Random) -> None:
        sizes = [len(self.durable), *self.sizes]
        between = random.randint(min(sizes), max(sizes)) // SECTOR_BYTES * SECTOR_BYTES
        _resize(self.durable, random.choice([*sizes, max(between, min(sizes))]))
        share = random.choice((0.1, 0.5, 0.9))
        for sector in sorted(
            {
                sector
                for start, end in self.dirty_ranges()
                for sector in range(start // SECTOR_BYTES, -(-end // SECTOR_BYTES))
            }
        ):
            start = sector * SECTOR_BYTES
            end = min(start + SECTOR_BYTES, len(self.durable), len(self.cached))
            if end > start and random.random() < share:
                self.durable[start:end] = self.cached[start:end]


def _resize(data: bytearray, size: int) -> None:
    del data[size:]
    data.extend(bytes(size - len(data)))


@dataclass(eq=False, slots=True)
class _Folder:
    """Names, as processes see them and on the platter; the changes between, in their order."""

    names: "dict[str, _Content | _Folder]" = field(default_factory=dict)
    durable: "dict[str, _Content | _Folder]" = field(default_factory=dict)
    pending: "list[tuple[tuple[str, _Content | _Folder | None], ...]]" = field(
        default_factory=list
    )
    """What one change, which is atomic, makes of its names; None: the name goes."""

    def change(self, *change: "tuple[str, _Content | _Folder | None]") -> None:
        self.pending.append(change)
        _apply(self.names, change)

    def sync(self) -> None:
        self.durable, self.pending = dict(self.names), []

    def lose_power(self, random: Random) -> None:
        """A journal keeps the changes in order: the first so many are there."""
        for change in self.pending[: random.randrange(len(self.pending) + 1)]:
            _apply(self.durable, change)
        self.names, self.pending = dict(self.durable), []
        for entry in self.names.values():
            entry.lose_power(random)


def _apply(
    names: "dict[str, _Content | _Folder]",
    change: "tuple[tuple[str, _Content | _Folder | None], ...]",
) -> None:
    for name, entry in change:
        if entry is None:
            names.pop(name, None)
        else:
            names[name] = entry


class SimulatedDisk:
    """One machine's disk, and the processes that use it.

    `random` decides every chance. `advance(ms)` moves virtual time on, for a slow sync.
    `faults` may be changed at any time; `NONE` ends them.
    """

    def __init__(
        self,
        random: Random,
        faults: DiskFaults = NONE,
        told: Told = unheard,
        advance: Callable[[int], None] = no_time,
    ) -> None:
        self.random = random
        self.faults = faults
        self.told = told
        self.advance = advance
        self._full_writes = 0
        self.root = _Folder()
        self.mapped: list[_Content] = []
        self._processes: dict[str, _Process] = {}

    # -- processes --------------------------------------------------------------------------------

    def process(self, name: str) -> Storage:
        """The disk as the living process of that name sees it; a new one where there is none."""
        process = self._processes.get(name)
        if process is None or not process.is_alive:
            process = self._processes[name] = _Process(self, name)
        return process

    def kill(self, name: str) -> None:
        """`kill -9`: what it wrote stays in the cache; what it goes on to do raises `Stopped`."""
        process = self._processes.pop(name, None)
        if process is not None:
            process.is_alive = False

    def stop(self, name: str, changes: int) -> None:
        """Kill a process within its n-th change from now (0: the next), with a write half done.

        It raises `Stopped` then; `crash` after that for a power cut at the same moment.
        """
        process = self.process(name)
        assert isinstance(process, _Process)
        process.changes_left = changes

    def crash(self) -> None:
        """Cut the power, and give it back: every process is dead, and what was synced is there."""
        for name in list(self._processes):
            self.kill(name)
        self.mapped = []
        self.root.lose_power(self.random)

    # -- looking and damaging, from outside of the machine ----------------------------------------

    def contents(self, path: str) -> bytes:
        """A file as processes see it."""
        return bytes(self.content(path).cached)

    def overwrite(self, path: str, data: bytes) -> None:
        """Damage a file, in the cache and on the platter. Not for one that is mapped."""
        content = self.content(path)
        content.cached, content.durable = bytearray(data), bytearray(data)
        content.call_clean()

    # -- for the processes' views -----------------------------------------------------------------

    def find(self, path: str) -> "_Content | _Folder | None":
        entry: _Content | _Folder | None = self.root
        for name in path.split("/"):
            if name:
                if not isinstance(entry, _Folder):
                    return None
                entry = entry.names.get(name)
        return entry

    def folder(self, path: str) -> _Folder:
        entry = self.find(path)
        if not isinstance(entry, _Folder):
            raise _failure(errno.ENOENT if entry is None else errno.ENOTDIR, path)
        return entry

    def content(self, path: str) -> _Content:
        entry = self.find(path)
        if not isinstance(entry, _Content):
            raise _failure(errno.ENOENT if entry is None else errno.EISDIR, path)
        return entry

    def happens(self, rate: int, kind: str, path: str) -> bool:
        """Whether a fault of that rate is due now; then it has been told."""
        if not rate or self.random.randrange(MILLION) >= rate:
            return False
        self.told(kind, path)
        return True

    def is_full(self, path: str) -> bool:
        """Whether a write finds no room."""
        if self.faults is NONE:
            self._full_writes = 0
        elif self._full_writes:
            self._full_writes -= 1
            return True
        elif self.happens(self.faults.full_disk, "full_disk", path):
            self._full_writes = self.faults.full_for_writes
            return True
        return False

    def write_back_some(self) -> None:
        """The system writes a shared page to the platter when it likes."""
        if self.mapped and self.random.random() < WRITE_BACK:
            content = self.random.choice(self.mapped)
            _resize(content.durable, max(WORDS_BYTES, len(content.durable)))
            content.durable[:WORDS_BYTES] = content.cached[:WORDS_BYTES]


class SimulatedFile:
    """An open file, as `log.backends.file.storage.File`. Its lock goes with it, or its process."""

    __slots__ = ("__weakref__", "_content", "_disk", "_is_open", "_process", "_writable", "path")

    def __init__(self, process: "_Process", content: _Content, path: str, writable: bool) -> None:
        self._process = process
        self._disk = process.disk
        self._content = content
        self._writable = writable
        self._is_open = True
        self.path = path

    @property
    def is_usable(self) -> bool:
        return self._is_open and self._process.is_alive

    def _check(self) -> None:
        self._process.check()
        if not self._is_open:
            raise _failure(errno.EBADF, self.path)

    def pread(self, size: int, position: int) -> bytes:
        self._check()
        faults = self._disk.faults
        if faults is NONE:
            return bytes(self._content.cached[position : position + size])
        if self._disk.happens(faults.failed_read, "failed_read", self.path):
            raise _failure(errno.EIO, self.path)
        if size and self.path.endswith(faults.corrupted_suffixes):
            return self._pread_corrupted(size, position)
        return bytes(self._content.cached[position : position + size])

    def _pread_corrupted(self, size: int, position: int) -> bytes:
        disk, content, random = self._disk, self._content, self._disk.random
        length = len(content.cached[position : position + size])
        elsewhere = len(content.cached) - length
        if length and disk.happens(disk.faults.flipped_platter, "flipped_platter", self.path):
            at, bit = position + random.randrange(length), 1 << random.randrange(8)
            content.cached[at] ^= bit
            if at < len(content.durable):
                content.durable[at] ^= bit
        if elsewhere and disk.happens(disk.faults.misdirected_read, "misdirected_read", self.path):
            position = random.randrange(elsewhere + 1)
        data = content.cached[position : position + size]
        if data and disk.happens(disk.faults.flipped_read, "flipped_read", self.path):
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
        return bytes(data)

    def pwrite(self, data: bytes | bytearray | memoryview, position: int) -> None:
        self._check()
        if not self._writable:
            raise _failure(errno.EBADF, self.path)
        disk, written = self._disk, bytes(data)
        if self._process.is_last_change():
            self._content.write(written[: disk.random.randrange(len(written) + 1)], position)
            self._process.die()
        if disk.is_full(self.path):
            self._content.write(written[: disk.random.randrange(len(written) + 1)], position)
            raise _failure(errno.ENOSPC, self.path)
        self._content.write(written, position)

    def sync(self) -> None:
        self._check()
        self._process.change()
        disk, content, faults = self._disk, self._content, self._disk.faults
        if disk.happens(faults.slow_sync, "slow_sync", self.path):
            disk.advance(1 + disk.random.randrange(faults.slow_sync_ms))
        if disk.happens(faults.failed_sync, "failed_sync", self.path):
            if disk.random.randrange(2):
                content.write_back()
            content.call_clean()
            raise _failure(errno.EIO, self.path)
        content.write_back()

    def truncate(self, size: int) -> None:
        self._check()
        self._process.change()
        self._content.resize(size)

    def size(self) -> int:
        self._check()
        return len(self._content.cached)

    def lock(self, wait: bool = True) -> bool:
        self._check()
        holder = self._content.holder
        if holder is not None and holder is not self and holder.is_usable:
            if not wait:
                return False
            raise DeadlockInSimulation(
                f"{self._process.name} waits for the lock of {self.path}, which "
                f"{holder._process.name} holds: nothing else runs that could give it back"
            )
        self._content.holder = self
        return True

    def unlock(self) -> None:
        if self._content.holder is self:
            self._content.holder = None

    def words(self) -> memoryview:
        self._check()
        content = self._content
        if not content.is_mapped:
            content.resize(max(WORDS_BYTES, len(content.cached)))
            content.is_mapped = True
            self._disk.mapped.append(content)
        words = memoryview(content.cached)[:WORDS_BYTES].cast("q")
        return words if self._writable else words.toreadonly()

    def close(self) -> None:
        self._is_open = False
        self.unlock()

    def __del__(self) -> None:
        self.close()


class _Process:
    """A `Storage`: the disk as one process sees it, while it lives."""

    def __init__(self, disk: SimulatedDisk, name: str) -> None:
        self.disk = disk
        self.name = name
        self.is_alive = True
        self.changes_left = -1

    def check(self) -> None:
        if not self.is_alive:
            raise Stopped(self.name)

    def is_last_change(self) -> bool:
        """Count a change of the disk; True where the process dies within it."""
        self.check()
        self.disk.write_back_some()
        self.changes_left -= 1
        return self.changes_left == -1

    def change(self) -> None:
        """Count a change of the disk. Errors: Stopped, with nothing done."""
        if self.is_last_change():
            self.die()

    def die(self) -> None:
        self.disk.kill(self.name)
        raise Stopped(self.name)

    def open(self, path: str, write: bool = False, create: bool = False) -> File:
        self.check()
        if create and self.disk.find(path) is None:
            folder, name = self._place(path)
            self.change()
            folder.change((name, _Content()))
        return SimulatedFile(self, self.disk.content(path), path, write)

    def list(self, folder: str) -> list[str]:
        self.check()
        return sorted(self.disk.folder(folder).names)

    def exists(self, path: str) -> bool:
        self.check()
        return self.disk.find(path) is not None

    def make_folder(self, folder: str) -> None:
        self.check()
        path = ""
        for name in folder.split("/"):
            path = f"{path}/{name}" if name else path
            if name and self.disk.find(path) is None:
                parent, _ = self._place(path)
                self.change()
                parent.change((name, _Folder()))
        self.disk.folder(folder)

    def rename(self, old: str, new: str) -> None:
        self.check()
        entry = self.disk.find(old)
        folder, name = self._place(old)
        target, new_name = self._place(new)
        if entry is None:
            raise _failure(errno.ENOENT, old)
        if folder is not target:
            raise _failure(errno.EXDEV, new)  # as the file log never does
        there = target.names.get(new_name)
        if isinstance(there, _Folder) and there.names:
            raise _failure(errno.ENOTEMPTY, new)
        self.change()
        folder.change((name, None), (new_name, entry))

    def remove(self, path: str) -> None:
        self.check()
        self.disk.content(path)
        folder, name = self._place(path)
        self.change()
        folder.change((name, None))

    def remove_folder(self, folder: str) -> None:
        self.check()
        if self.disk.folder(folder).names:
            raise _failure(errno.ENOTEMPTY, folder)
        parent, name = self._place(folder)
        self.change()
        parent.change((name, None))

    def sync_folder(self, folder: str) -> None:
        self.check()
        self.change()
        self.disk.folder(folder).sync()

    def _place(self, path: str) -> tuple[_Folder, str]:
        parent, _, name = path.rstrip("/").rpartition("/")
        return self.disk.folder(parent), name


def _failure(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)
