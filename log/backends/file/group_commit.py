"""One write and one fsync for all who append at the same time.

Whoever comes while nobody commits leads: it takes what is waiting, has it written and made durable
in one go, and wakes the others. Those who come meanwhile wait for the next round, which one of
them leads. So a thread alone waits for nobody, and sixteen share their locks, their system calls
and their fsync.
"""

import threading
import time
from collections.abc import Callable

from log.errors import LogError, LogStorageError

GATHERED = 16
"""A round waits for at most so many to join."""


class Entry:
    """A built batch on its way into the log; then its base offset, or why it has none."""

    __slots__ = (
        "base_offset",
        "delta",
        "encoded",
        "error",
        "is_done",
        "max_timestamp",
        "wake",
        "writer_epoch",
    )

    def __init__(
        self, encoded: bytearray, delta: int, max_timestamp: int, writer_epoch: int
    ) -> None:
        self.encoded = encoded
        self.delta = delta
        self.max_timestamp = max_timestamp
        self.writer_epoch = writer_epoch
        """The fenced writer that appends it; 0 for a plain append."""
        self.base_offset = -1
        self.error: LogError | None = None
        self.is_done = False
        self.wake: threading.Lock | None = None


class GroupCommit:
    """Runs `commit` over entries, one round at a time, for any number of threads.

    `commit` gives every entry its base offset or its error, and has made the former durable when
    it returns; an exception of it is the error of them all.
    """

    def __init__(self, commit: Callable[[list[Entry]], None]) -> None:
        self._commit = commit
        self._lock = threading.Lock()
        self._waiting: list[Entry] = []
        self._is_led = False
        self._gathering: threading.Lock | None = None
        self._group_size = 1
        """How many there were when the last round ended: those it was for, and those who came."""
        self._round_s = 0.0

    def append(self, entry: Entry) -> None:
        """Return once the entry is done."""
        with self._lock:
            is_alone = not self._is_led and self._group_size == 1
            if self._is_led:
                self._waiting.append(entry)
                entry.wake = wake = threading.Lock()
                wake.acquire()
                if self._gathering is not None and len(self._waiting) >= self._group_size:
                    self._gathering.release()
                    self._gathering = None
            else:
                self._is_led = True
                if not is_alone:
                    self._waiting.append(entry)
        if is_alone:
            self._run_round([entry])
            return
        if entry.wake is not None:
            entry.wake.acquire()
            if entry.is_done:
                return
        self._lead()

    def _lead(self) -> None:
        """Run a round for all who wait, this thread's entry among them."""
        if len(self._waiting) < self._group_size:
            self._gather()
        with self._lock:
            self._gathering = None
            entries, self._waiting = self._waiting, []
        self._run_round(entries)

    def _run_round(self, entries: list[Entry]) -> None:
        began = time.perf_counter()
        try:
            self._commit(entries)
        except LogError as error:
            for entry in entries:
                entry.error = entry.error or type(error)(str(error))
        except BaseException as error:
            for entry in entries:
                entry.error = LogStorageError(f"the append was interrupted: {error!r}")
            raise
        finally:
            self._round_s = time.perf_counter() - began
            self._end_round(entries)

    def _gather(self) -> None:
        """Give those of the last round a moment to join: half as long as that took, at most."""
        with self._lock:
            if len(self._waiting) >= self._group_size:
                return
            gathering = self._gathering = threading.Lock()
            gathering.acquire()
        gathering.acquire(timeout=self._round_s / 2)

    def _end_round(self, entries: list[Entry]) -> None:
        with self._lock:
            self._group_size = min(len(entries) + len(self._waiting), GATHERED)
            leader = self._waiting[0] if self._waiting else None
            self._is_led = leader is not None
        if leader is not None and leader.wake is not None:
            leader.wake.release()
        for entry in entries:
            entry.is_done = True
            if entry.wake is not None:
                entry.wake.release()
