"""The file log: a folder of topics, partitions and consumer groups.

    refold.json              marks the folder, with the version of its layout
    topics/<topic>.json      a topic's configuration
    groups/<group>.json      a consumer group's committed offsets
    <topic>-<partition>/     segments and indexes, as a Kafka broker has them, and what the
                             processes share (`state.py`)

Any number of processes may open one folder at once. Small files are written aside and renamed,
under the lock of `refold.json`.
"""

import errno
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self
from urllib.parse import quote, unquote

import msgspec

from log.backends import wall_clock_ms
from log.backends.file.frozen import FrozenPartition
from log.backends.file.partition import FilePartition
from log.backends.file.state import is_marked_deleted
from log.backends.file.storage import (
    File,
    OsStorage,
    Storage,
    keep_freed_memory,
    read_file,
    replace_file,
)
from log.backends.file.writer import FileWriter
from log.backends.names import TOPIC_NAME, check_group_name, check_topic_name
from log.errors import CorruptLog, LogStorageError, TopicExists, UnknownTopic
from log.topic import TopicConfig

MARKER_NAME = "refold.json"
FORMAT, VERSION = "refold log", 1
FLUSH_EACH_S = 0.5
READ_ONLY_ERRORS = (errno.EROFS, errno.EACCES, errno.EPERM)

_open_logs: "weakref.WeakSet[FileLog]" = weakref.WeakSet()


class Marker(msgspec.Struct):
    """What `refold.json` says."""

    format: str
    version: int


class FileLog:
    """A log in a folder, as `log.interface.Log`. Made where it does not exist.

    `clock` stamps records without a timestamp (milliseconds since 1970). With `read_only`, and in
    a folder that cannot be written, topics can be read and nothing is changed.
    """

    scope = ""

    def __init__(
        self,
        path: str | os.PathLike[str],
        clock: Callable[[], int] = wall_clock_ms,
        storage: Storage | None = None,
        read_only: bool = False,
    ) -> None:
        self.path = os.path.abspath(path)
        self.read_only = read_only
        self._clock = clock
        self._storage = storage or OsStorage()
        self._lock = threading.RLock()
        self._partitions: dict[tuple[str, int], FilePartition | FrozenPartition] = {}
        self._writers: weakref.WeakSet[FileWriter] = weakref.WeakSet()
        self._flusher: threading.Thread | None = None
        self._closed = threading.Event()
        self._marker = self._open_marker()
        _open_logs.add(self)
        keep_freed_memory()

    # -- the folder -------------------------------------------------------------------------------

    def _open_marker(self) -> File:
        path = f"{self.path}/{MARKER_NAME}"
        try:
            if not self._storage.exists(path):
                self._make_folder()
            marker = msgspec.json.decode(read_file(self._storage, path), type=Marker)
            if marker.format != FORMAT or marker.version > VERSION:
                raise LogStorageError(
                    f"{path}: {marker.format} version {marker.version}; this program reads "
                    f"{FORMAT} up to version {VERSION}: use a newer one"
                )
            return self._storage.open(path)
        except msgspec.DecodeError as error:
            raise LogStorageError(f"{path} does not mark a refold log: {error}") from error
        except OSError as error:
            raise LogStorageError(f"cannot open the log {self.path}: {error}") from error

    def _make_folder(self) -> None:
        if self.read_only:
            raise LogStorageError(f"{self.path} is no refold log: it has no {MARKER_NAME}")
        parents = [os.path.dirname(self.path)]
        while parents[-1] != "/" and not self._storage.exists(parents[-1]):
            parents.append(os.path.dirname(parents[-1]))
        self._storage.make_folder(self.path)
        names = [name for name in self._storage.list(self.path) if not name.startswith(".")]
        if names and MARKER_NAME not in names:
            raise LogStorageError(
                f"{self.path} is no refold log: it has no {MARKER_NAME}, and holds {names[0]}. "
                "Name a new or empty folder; for a Kafka broker's data use open_broker_folder"
            )
        marker = msgspec.json.encode(Marker(FORMAT, VERSION))
        replace_file(self._storage, f"{self.path}/{MARKER_NAME}", marker)
        for parent in parents:
            self._storage.sync_folder(parent)

    @contextmanager
    def _changing(self, what: str) -> Iterator[None]:
        """Hold the log's own lock while small files are read and replaced."""
        if self.read_only:
            raise LogStorageError(f"cannot {what}: the log {self.path} is open for reading only")
        with self._lock:
            self._marker.lock()
            try:
                yield
            except OSError as error:
                raise LogStorageError(f"cannot {what} in {self.path}: {error}") from error
            finally:
                self._marker.unlock()

    # -- topics -----------------------------------------------------------------------------------

    def create_topic(self, name: str, config: TopicConfig) -> TopicConfig:
        existing = self.ensure_topic(name, config)
        if existing != config:
            raise TopicExists(f"topic {name} exists with another configuration: {existing}")
        return existing

    def ensure_topic(self, name: str, config: TopicConfig) -> TopicConfig:
        check_topic_name(name)
        existing = self._load_topic(name)
        if existing is not None:
            return existing
        with self._changing(f"create topic {name}"):
            existing = self._load_topic(name)
            if existing is not None:
                return existing
            for number in range(config.partitions):
                folder = f"{self.path}/{name}-{number}"
                if is_marked_deleted(self._storage, folder):
                    self._discard(folder)  # whoever deleted the topic did not get this far
                self._storage.make_folder(folder)
            self._storage.make_folder(f"{self.path}/topics")
            self._storage.sync_folder(self.path)
            replace_file(self._storage, self._topic_path(name), msgspec.json.encode(config))
        return config

    def delete_topic(self, name: str) -> None:
        config = self._load_topic(name)
        if config is None:
            raise UnknownTopic(f"there is no topic {name}")
        with self._changing(f"delete topic {name}"):
            for number in range(config.partitions):
                partition = self._partitions.pop((name, number), None) or self._open(
                    name, number, config
                )
                if isinstance(partition, FilePartition):
                    partition.mark_deleted()
            with suppress(FileNotFoundError):
                self._storage.remove(self._topic_path(name))
                self._storage.sync_folder(f"{self.path}/topics")
            for number in range(config.partitions):
                self._discard(f"{self.path}/{name}-{number}")

    def _discard(self, folder: str) -> None:
        """Delete a partition's folder; out of the way at once, however long its files take."""
        moved = f"{self.path}/.deleted-{os.path.basename(folder)}-{time.time_ns()}"
        self._storage.rename(folder, moved)
        self._storage.sync_folder(self.path)
        self._remove_tree(moved)

    def _remove_tree(self, folder: str) -> None:
        for file in self._storage.list(folder):
            self._storage.remove(f"{folder}/{file}")
        self._storage.remove_folder(folder)

    def topics(self) -> dict[str, TopicConfig]:
        configs = {name: self._load_topic(name) for name in self._names("topics")}
        return {name: config for name, config in configs.items() if config is not None}

    def _names(self, folder: str) -> list[str]:
        """The names of the small files in a folder, sorted."""
        try:
            names = self._storage.list(f"{self.path}/{folder}")
        except FileNotFoundError:
            return []
        return sorted(
            name.removesuffix(".json")
            for name in names
            if name.endswith(".json") and not name.startswith(".")
        )

    def _topic_path(self, name: str) -> str:
        return f"{self.path}/topics/{name}.json"

    def _load_topic(self, name: str) -> TopicConfig | None:
        path = self._topic_path(name)
        try:
            return msgspec.json.decode(read_file(self._storage, path), type=TopicConfig)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LogStorageError(f"{path}: {error}") from error
        except msgspec.DecodeError as error:
            raise CorruptLog(f"{path}: {error}. Restore the topic's configuration") from error

    # -- partitions -------------------------------------------------------------------------------

    def partition(self, topic: str, number: int) -> FilePartition | FrozenPartition:
        partition = self._partitions.get((topic, number))
        if partition is not None and not partition.is_deleted:
            return partition
        with self._lock:
            if self._closed.is_set():
                raise LogStorageError(f"the log {self.path} was closed")
            config = self._load_topic(topic) if TOPIC_NAME.fullmatch(topic) else None
            if config is None or not 0 <= number < config.partitions:
                raise UnknownTopic(f"there is no partition {number} of a topic {topic}")
            partition = self._partitions.get((topic, number))
            if partition is None or partition.is_deleted:
                partition = self._open(topic, number, config)
                self._partitions[topic, number] = partition
            return partition

    def _open(
        self, topic: str, number: int, config: TopicConfig
    ) -> FilePartition | FrozenPartition:
        folder = f"{self.path}/{topic}-{number}"
        if not self.read_only:
            try:
                partition = FilePartition(
                    self._storage, folder, topic, number, config, self._clock
                )
            except OSError as error:
                if error.errno not in READ_ONLY_ERRORS:
                    raise LogStorageError(f"cannot open {folder}: {error}") from error
            else:
                if config.durability == "loses_last_second_on_power_failure":
                    self._start_flusher()
                return partition
        try:
            return FrozenPartition(self._storage, folder, topic, number, config)
        except OSError as error:
            raise LogStorageError(f"cannot open {folder}: {error}") from error

    def open_writer(self, topic: str, number: int) -> FileWriter:
        partition = self.partition(topic, number)
        if isinstance(partition, FrozenPartition):
            raise LogStorageError(f"{partition.name}: {partition.folder} is open for reading only")
        try:
            writer = FileWriter(self._storage, partition)
        except OSError as error:
            raise LogStorageError(f"{partition.name}: cannot fence: {error}") from error
        self._writers.add(writer)
        return writer

    # -- consumer groups --------------------------------------------------------------------------

    def commit(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        check_group_name(group)
        path = self._group_path(group)
        with self._changing(f"commit offsets of {group}"):
            if not self._storage.exists(f"{self.path}/groups"):
                self._storage.make_folder(f"{self.path}/groups")
                self._storage.sync_folder(self.path)
            stored = self._load_group(group)
            for (topic, number), offset in offsets.items():
                stored.setdefault(topic, {})[number] = offset
            replace_file(self._storage, path, msgspec.json.encode(stored))

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        return {
            (topic, number): offset
            for topic, numbers in self._load_group(group).items()
            for number, offset in numbers.items()
        }

    def groups(self) -> list[str]:
        return sorted(unquote(name) for name in self._names("groups"))

    def _group_path(self, group: str) -> str:
        return f"{self.path}/groups/{quote(group, safe='').replace('.', '%2E')}.json"

    def _load_group(self, group: str) -> dict[str, dict[int, int]]:
        path = self._group_path(group)
        try:
            return msgspec.json.decode(
                read_file(self._storage, path), type=dict[str, dict[int, int]]
            )
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise LogStorageError(f"{path}: {error}") from error
        except msgspec.DecodeError as error:
            raise CorruptLog(f"{path}: {error}. Delete it and commit the offsets anew") from error

    # -- keeping ----------------------------------------------------------------------------------

    def clean(self, now_ms: int | None = None) -> Iterable[str]:
        now_ms = self._clock() if now_ms is None else now_ms
        if not self.read_only:
            with self._changing("clean"):
                for name in self._storage.list(self.path):
                    if name.startswith(".deleted-"):
                        self._remove_tree(f"{self.path}/{name}")
                        yield f"{self.path}/{name}: removed what was left of a deleted partition"
        for topic, config in self.topics().items():
            for number in range(config.partitions):
                partition = self.partition(topic, number)
                if isinstance(partition, FilePartition):
                    yield from partition.clean(now_ms)

    def _start_flusher(self) -> None:
        if self._flusher is None:
            self._flusher = threading.Thread(
                target=_flush_until_closed,
                args=(weakref.ref(self), self._closed),
                name="refold-log-flusher",
                daemon=True,
            )
            self._flusher.start()

    def flush_each_second(self) -> None:
        """Make durable what topics that may lose the last second have written."""
        for partition in list(self._partitions.values()):
            if isinstance(partition, FilePartition) and (
                partition.config.durability == "loses_last_second_on_power_failure"
            ):
                with suppress(LogStorageError):  # it refuses appends from now on, and says why
                    partition.flush()

    def close(self) -> None:
        """Give the fences back and make everything durable. A second time does nothing."""
        with self._lock:
            self._closed.set()
            for writer in list(self._writers):
                writer.close()
            partitions, self._partitions = self._partitions, {}
        for partition in partitions.values():
            partition.close()

    def reopen_after_fork(self) -> None:
        """In a forked child: its own locks; the fences and the flushing stay with the parent."""
        self._lock = threading.RLock()
        self._flusher = None
        for writer in list(self._writers):
            writer.abandon()
        for partition in self._partitions.values():
            if isinstance(partition, FilePartition):
                partition.reopen_after_fork()
                if partition.config.durability == "loses_last_second_on_power_failure":
                    self._start_flusher()
        with suppress(OSError):
            self._marker = self._storage.open(f"{self.path}/{MARKER_NAME}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _flush_until_closed(log: "weakref.ref[FileLog]", closed: threading.Event) -> None:
    while not closed.wait(FLUSH_EACH_S):
        alive = log()
        if alive is None:
            return
        alive.flush_each_second()
        del alive


def _reopen_logs_after_fork() -> None:
    for log in list(_open_logs):
        log.reopen_after_fork()


os.register_at_fork(after_in_child=_reopen_logs_after_fork)
