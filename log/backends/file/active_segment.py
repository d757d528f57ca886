"""The segment that is appended to: writing batches and index entries, rolling, flushing.

All of it runs under the partition's lock, except `sync`. Where the log ends is in the words that
the partition's processes share (`state.py`), so that each goes on where another left off.
"""

from contextlib import suppress

from log.backends.cleaning import is_roll_due
from log.backends.file.group_commit import Entry
from log.backends.file.indexes import OFFSET_ENTRY, TIME_ENTRY
from log.backends.file.recovery import create_segment
from log.backends.file.segment import (
    INDEX_SUFFIX,
    LOG_SUFFIX,
    TIME_INDEX_SUFFIX,
    segment_name,
)
from log.backends.file.state import (
    ACTIVE_BASE,
    APPEND,
    APPEND_AT,
    DURABLE_END,
    DURABLE_POSITION,
    FLAGS,
    GENERATION,
    HIGH_WATERMARK,
    POSITION,
    SYNC_FAILED,
    WRITING,
)
from log.backends.file.storage import File, Storage
from log.record import BASE_OFFSET
from log.topic import TopicConfig


class SyncFailed(Exception):
    """An fsync failed, for the reason that the OSError it comes from gives."""


class ActiveSegment:
    """The files of the active segment, open for writing."""

    def __init__(
        self, storage: Storage, folder: str, config: TopicConfig, words: memoryview
    ) -> None:
        self._storage = storage
        self._folder = folder
        self._config = config
        self._words = words
        self._open(words[ACTIVE_BASE])
        self.written: tuple[int, int, File, int] = (
            words[ACTIVE_BASE], words[POSITION], self._log, words[DURABLE_END],
        )  # fmt: skip
        """How far this process wrote: segment, position, its file, and the end offset."""

    def _open(self, base_offset: int) -> None:
        path = f"{self._folder}/{segment_name(base_offset)}"
        self._base_offset = base_offset
        self._log = self._storage.open(path + LOG_SUFFIX, write=True)
        self._index = self._storage.open(path + INDEX_SUFFIX, write=True)
        self._time_index = self._storage.open(path + TIME_INDEX_SUFFIX, write=True)

    def write(self, entries: list[Entry]) -> None:
        """Give each entry its base offset, and write them all, rolling where it is due.

        Errors: OSError, with the WRITING flag left set: the next one to append looks again.
        """
        self._words[FLAGS] = WRITING
        while entries:
            entries = self._write_run(entries)
        self._words[FLAGS] = 0

    def _write_run(self, entries: list[Entry]) -> list[Entry]:
        """Write the entries that the segment has room for; roll for the rest, and return them."""
        values = APPEND.unpack_from(self._words, APPEND_AT)
        segment, end, start, since, index_size, time_size, last_time, top, top_offset, first = (
            values
        )
        if self._base_offset != segment:
            self._open(segment)
        interval_bytes = self._config.index_interval_bytes
        position = start
        batches: list[bytearray] = []
        index_entries, time_entries = b"", b""
        for entry in entries:
            encoded, last, timestamp = entry.encoded, end + entry.delta, entry.max_timestamp
            size = len(encoded)
            if position and is_roll_due(
                self._config, position, size, timestamp - first, last - segment
            ):
                break
            entry.base_offset = end
            BASE_OFFSET.pack_into(encoded, 0, end)
            batches.append(encoded)
            if timestamp > top:
                top, top_offset = timestamp, last
            if since > interval_bytes:
                index_entries += OFFSET_ENTRY.pack(last - segment, position)
                if top > last_time:
                    time_entries += TIME_ENTRY.pack(top, top_offset - segment)
                    last_time = top
                since = 0
            if first < 0:
                first = timestamp
            end, position, since = last + 1, position + size, since + size
        if batches:
            self._log.pwrite(batches[0] if len(batches) == 1 else b"".join(batches), start)
            if index_entries:
                self._index.pwrite(index_entries, index_size)
                index_size += len(index_entries)
            if time_entries:
                self._time_index.pwrite(time_entries, time_size)
                time_size += len(time_entries)
            APPEND.pack_into(
                self._words, APPEND_AT, segment, end, position, since, index_size, time_size,
                last_time, top, top_offset, first,
            )  # fmt: skip
            self.written = (segment, position, self._log, end)
        if len(batches) == len(entries):
            return []
        self._roll()
        return entries[len(batches) :]

    def roll(self) -> None:
        """Finish the segment and begin the next at the log end. Errors: OSError, SyncFailed."""
        self._words[FLAGS] = WRITING
        self._roll()
        self._words[FLAGS] = 0

    def _roll(self) -> None:
        words = self._words
        values = APPEND.unpack_from(words, APPEND_AT)
        segment, end, _, _, _, time_size, last_time, top, top_offset, _ = values
        if self._base_offset != segment:
            self._open(segment)
        if top > last_time:
            self._time_index.pwrite(TIME_ENTRY.pack(top, top_offset - segment), time_size)
        try:
            self._log.sync()
        except OSError as error:
            words[FLAGS] |= SYNC_FAILED
            raise SyncFailed from error
        self._index.sync()
        self._time_index.sync()
        create_segment(self._storage, self._folder, end)
        self._open(end)
        words[DURABLE_POSITION] = 0
        words[DURABLE_END] = end
        words[HIGH_WATERMARK] = end
        APPEND.pack_into(words, APPEND_AT, end, end, 0, 0, 0, 0, -1, -1, -1, -1)
        words[GENERATION] += 1
        self.written = (end, 0, self._log, end)

    def publish(self, segment: int, position: int, end: int) -> None:
        """What was fsynced is durable: tell the readers of every process."""
        words = self._words
        if end > words[DURABLE_END]:
            if words[ACTIVE_BASE] == segment:
                words[DURABLE_POSITION] = position
            words[DURABLE_END] = end
            if end > words[HIGH_WATERMARK]:
                words[HIGH_WATERMARK] = end

    def give_back(self) -> None:
        """Give back the room of a write that failed."""
        words = self._words
        if words[FLAGS] & WRITING and self._base_offset == words[ACTIVE_BASE]:
            with suppress(OSError):
                self._log.truncate(words[POSITION])
