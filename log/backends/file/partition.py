"""The write side of a partition's folder: appends by any number of threads and processes.

A batch is built outside of every lock. Under the partition's lock (a mutex of this process, then
the lock of the state file) it gets its base offset and is written, together with those of all who
append at the same time; one fsync serves them all, and only then does the high watermark move.
See `state.py` for what the processes share and `recovery.py` for what happens after one died.

A forked child may go on with the partitions it inherited (they get locks of its own); a fenced
writer stays with the parent.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from log.backends.cleaning import check_batch
from log.backends.file.active_segment import ActiveSegment, SyncFailed
from log.backends.file.compaction import compact
from log.backends.file.group_commit import Entry, GroupCommit
from log.backends.file.reading import PartitionReader
from log.backends.file.recovery import recover
from log.backends.file.retention import apply_retention, raise_log_start
from log.backends.file.state import (
    APPEND,
    APPEND_AT,
    DELETED,
    DURABLE_END,
    FLAGS,
    HIGH_WATERMARK,
    LOG_END,
    STATE_NAME,
    SYNC_FAILED,
    WRITER_EPOCH,
    WRITING,
)
from log.backends.file.storage import WORDS_BYTES, File, Storage
from log.errors import (
    CorruptLog,
    LogError,
    LogStorageError,
    OffsetOutOfRange,
    PartitionFenced,
    UnknownTopic,
)
from log.record import HEADER, BatchBuilder, Record, encode_batch, new_batch
from log.topic import TopicConfig

logger = logging.getLogger("refold.log")

CLEANER_NAME = "cleaner.lock"


class FilePartition(PartitionReader):
    """One partition of a file log. Safe to use from several threads and processes."""

    def __init__(
        self,
        storage: Storage,
        folder: str,
        topic: str,
        number: int,
        config: TopicConfig,
        clock: Callable[[], int],
    ) -> None:
        super().__init__(storage, folder, topic, number, config)
        self._clock = clock
        self._is_durable = config.durability == "loses_nothing"
        self._refusal: LogError | None = None
        self._sync_lock = threading.Lock()
        self._commits = GroupCommit(self._commit)
        compacts = "compact" in config.cleanup_policy
        self._unchecked_bytes = -1 if compacts else config.max_message_bytes
        self.recovered: list[str] = []
        """What opening found and mended, or found and left alone: a line for each."""
        self._open()

    # -- opening and closing ----------------------------------------------------------------------

    def _open(self) -> None:
        path = f"{self.folder}/{STATE_NAME}"
        self._state: File = self._storage.open(path, write=True, create=True)
        self._state.lock()
        try:
            is_new = self._state.size() < WORDS_BYTES
            if is_new:
                self._state.truncate(WORDS_BYTES)
            self._words = self._state.words()
            self._recover()
            if is_new:
                self._state.sync()
                self._storage.sync_folder(self.folder)
        finally:
            self._state.unlock()

    def _recover(self) -> None:
        found = recover(self._storage, self.folder, self.config, self._words)
        for report in found.reports:
            logger.warning("%s", report)
        self.recovered += found.reports
        if found.damage:
            self.recovered.append(found.damage)
            logger.error("%s", found.damage)
            self._refusal = CorruptLog(found.damage)
            return
        self._active = ActiveSegment(self._storage, self.folder, self.config, self._words)

    def close(self) -> None:
        """Make the rest durable and let the files go. Reading and appending end."""
        if self._refusal is None:
            self.flush()
            self._refusal = LogStorageError(f"{self.name}: the log was closed")

    def reopen_after_fork(self) -> None:
        """In a forked child: locks of its own, for the inherited ones are the parent's too."""
        self._lock, self._sync_lock = threading.Lock(), threading.Lock()
        self._changed, self._waiting = threading.Condition(), 0
        self._commits = GroupCommit(self._commit)
        try:
            self._state = self._storage.open(f"{self.folder}/{STATE_NAME}", write=True)
        except OSError as error:
            self._refusal = LogStorageError(f"{self.name}: cannot open again after fork: {error}")

    @property
    def is_deleted(self) -> bool:
        """Whether the topic was deleted, by this process or another."""
        return bool(self._words[FLAGS] & DELETED)

    def mark_deleted(self) -> None:
        """Refuse the appends of every process from now on."""
        with self._guard():
            self._words[FLAGS] |= DELETED
            self._state.sync()
        self._refusal = UnknownTopic(f"{self.name}: the topic was deleted")

    @property
    def log_end(self) -> int:
        return self._words[LOG_END]

    # -- appending --------------------------------------------------------------------------------

    def new_batch(self) -> BatchBuilder:
        return new_batch(self.config.compression_type)

    def append(self, records: Sequence[Record]) -> range:
        if not records:
            return range(self.log_end, self.log_end)
        encoded = encode_batch(records, self._clock(), self.config.compression_type)
        return self.append_encoded(encoded)

    def append_batch(self, batch: BatchBuilder) -> range:
        return self.append_encoded(batch.build())

    def append_encoded(self, encoded: bytearray, writer_epoch: int = 0) -> range:
        """Append a built batch, as the writer of that epoch where one is given."""
        _, _, _, _, _, _, delta, _, max_timestamp, _, _, _, count = HEADER.unpack_from(encoded)
        if not count:
            return range(self.log_end, self.log_end)
        if len(encoded) > self._unchecked_bytes:
            check_batch(self.config, encoded, self.name)
        if self._refusal is not None:
            self._check_usable()
        entry = Entry(encoded, delta, max_timestamp, writer_epoch)
        if self._is_durable:
            self._commits.append(entry)
        else:
            self._write([entry])
        if entry.error is not None:
            raise entry.error
        if self._waiting:
            self._wake()
        return range(entry.base_offset, entry.base_offset + delta + 1)

    def _commit(self, entries: list[Entry]) -> None:
        self._write(entries)
        self._sync()

    def _write(self, entries: list[Entry]) -> None:
        """Write the entries, under the partition's lock; a fenced writer's get their error."""
        words = self._words
        with self._lock:
            self._state.lock()
            try:
                if self._refusal is not None or words[FLAGS]:
                    self._mind_flags()
                for entry in entries:
                    if entry.writer_epoch and entry.writer_epoch != words[WRITER_EPOCH]:
                        entries = self._without_fenced(entries)
                        break
                self._active.write(entries)
                if not self._is_durable:
                    words[HIGH_WATERMARK] = words[LOG_END]
            except OSError as error:
                raise self._cannot("append", error) from error
            except SyncFailed as error:
                raise self._fail_sync(error) from error
            finally:
                self._state.unlock()

    def _without_fenced(self, entries: list[Entry]) -> list[Entry]:
        epoch = self._words[WRITER_EPOCH]
        for entry in entries:
            if entry.writer_epoch not in (0, epoch):
                entry.error = PartitionFenced(
                    f"{self.name}: this writer was fenced: a successor has the partition now"
                )
        return [entry for entry in entries if entry.error is None]

    def _mind_flags(self) -> None:
        """Under the lock: why an append must not go on as usual, or mend what a dead one left."""
        self._check_usable()
        flags = self._words[FLAGS]
        if flags & DELETED:
            raise UnknownTopic(f"{self.name}: the topic was deleted")
        if flags & SYNC_FAILED:
            raise LogStorageError(self._sync_failed("in another process"))
        if flags & WRITING:
            self._recover()
            self._check_usable()

    def _check_usable(self) -> None:
        if self._refusal is not None:
            raise type(self._refusal)(str(self._refusal))

    def _cannot(self, what: str, error: OSError) -> LogStorageError:
        """Give back the room of a write that failed; the flag has the next append look again."""
        self._active.give_back()
        return LogStorageError(
            f"{self.name}: cannot {what} in {self.folder}: {error.strerror or error}. Nothing "
            "acknowledged was lost; try again once the cause is gone"
        )

    # -- durability -------------------------------------------------------------------------------

    def _sync(self) -> None:
        """Make durable what this process has written, and show it to readers."""
        with self._sync_lock:
            segment, position, file, end = self._active.written
            try:
                file.sync()
            except OSError as error:
                with self._guard():
                    self._words[FLAGS] |= SYNC_FAILED
                raise self._fail_sync(error) from error
            with self._lock:
                self._state.lock()
                self._active.publish(segment, position, end)
                self._state.unlock()

    def flush(self) -> None:
        """Make everything written so far durable, whatever the topic's durability says."""
        if self._words[DURABLE_END] < self._words[LOG_END] and self._refusal is None:
            self._sync()

    def _fail_sync(self, error: OSError | SyncFailed) -> LogStorageError:
        """A failed fsync is never tried again: the kernel may have dropped what it could not
        write.

        The records were not acknowledged. The next opening writes them once more, or fails.
        """
        message = self._sync_failed(str(error.__cause__ or error))
        self._refusal = LogStorageError(message)
        return LogStorageError(message)

    def _sync_failed(self, why: str) -> str:
        return (
            f"{self.name}: an fsync in {self.folder} failed ({why}): nothing acknowledged was "
            "lost, and nothing more is appended. See to the disk, then open the log again"
        )

    # -- the start of the log ---------------------------------------------------------------------

    def delete_before(self, offset: int) -> None:
        with self._guard():
            self._check_usable()
            if not self.log_start <= offset <= self.high_watermark:
                raise OffsetOutOfRange(
                    f"{self.name}: cannot delete before {offset}: the log holds "
                    f"{self.log_start} to {self.high_watermark}"
                )
            try:
                raise_log_start(self._storage, self.folder, self._words, offset)
            except OSError as error:
                raise self._cannot("delete records", error) from error

    # -- keeping ----------------------------------------------------------------------------------

    def clean(self, now_ms: int) -> Iterator[str]:
        """Apply the topic's retention and compaction once, unless another process is at it."""
        try:
            cleaner = self._storage.open(f"{self.folder}/{CLEANER_NAME}", write=True, create=True)
            if not cleaner.lock(wait=False):
                return
            try:
                yield from self._clean(now_ms)
            finally:
                cleaner.unlock()
        except OSError as error:
            raise self._cannot("clean", error) from error
        except SyncFailed as error:
            raise self._fail_sync(error) from error

    def _clean(self, now_ms: int) -> Iterator[str]:
        storage, folder, config, words = self._storage, self.folder, self.config, self._words
        with self._guard():
            self._roll_expired(now_ms)
            done = list(apply_retention(storage, folder, config, words, now_ms))
        yield from done
        if "compact" in config.cleanup_policy:
            yield from compact(storage, folder, config, words, self._guard, now_ms)

    def _roll_expired(self, now_ms: int) -> None:
        """Roll an active segment whose records are all too old: retention never deletes it."""
        self._mind_flags()
        values = APPEND.unpack_from(self._words, APPEND_AT)
        position, newest = values[2], values[7]
        retention_ms = self.config.retention_ms
        if (
            position
            and "delete" in self.config.cleanup_policy
            and 0 <= retention_ms < now_ms - newest
        ):
            self._active.roll()

    def begin_writer(self) -> int:
        """A new writer's epoch: from now on the earlier ones are fenced."""
        with self._guard():
            self._check_usable()
            self._words[WRITER_EPOCH] += 1
            return int(self._words[WRITER_EPOCH])

    @contextmanager
    def _guard(self) -> Iterator[None]:
        with self._lock:
            self._state.lock()
            try:
                yield
            finally:
                self._state.unlock()
