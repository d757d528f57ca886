"""What the processes on one partition share: a page of 64-bit words, mapped by each.

The page is the file `partition.state` in the partition's folder, and that file's lock is the short
lock of an append. Words are written by whoever holds the lock and may be read by anyone at any
time: each is one aligned store, so that a reader asks for the high watermark without a system
call.

Power can be cut at any moment, and then the page may be older than the data. So it holds nothing
that is not checked on opening; the two durable words only ever promise what a finished fsync gave.
Delete the file, while no process uses the partition, and opening works from the segments alone.
"""

import struct

import msgspec

from log.backends.file.storage import WORDS_BYTES, Storage, read_file, replace_file
from log.errors import CorruptLog

MAGIC = int.from_bytes(b"refold\x00\x01", "little")

HIGH_WATERMARK = 1
"""Readers see the records below."""
DURABLE_END = 2
"""The records below have been fsynced."""
DURABLE_POSITION = 3
"""Where the durable end is in the active segment's file."""
LOG_START = 4
GENERATION = 5
"""Counts up whenever the set of segment files changes."""
WRITER_EPOCH = 6
"""Counts up with each fenced writer."""
FLAGS = 7
FIRST_APPEND_WORD = 8

WRITING = 1
"""An append began; where it is still set under the lock, its process died with it."""
SYNC_FAILED = 2
"""An fsync failed: what the page cache shows may never have reached the disk."""
DELETED = 4
"""The topic was deleted under the processes that have it open."""

APPEND = struct.Struct("10q")
"""What an appender needs, in one go; the words from FIRST_APPEND_WORD on, in this order:

active segment's base offset, log end, position of the end in the active segment's file, bytes
since the last index entry, size of `.index`, size of `.timeindex`, timestamp of the last time
entry, largest timestamp in the segment, its offset, first timestamp in the segment (-1: none
yet).
"""
APPEND_AT = FIRST_APPEND_WORD * 8
ACTIVE_BASE = FIRST_APPEND_WORD
LOG_END = FIRST_APPEND_WORD + 1
POSITION = FIRST_APPEND_WORD + 2

STATE_NAME = "partition.state"


def is_marked_deleted(storage: Storage, folder: str) -> bool:
    """Whether the topic of a partition's folder was deleted."""
    try:
        state = storage.open(f"{folder}/{STATE_NAME}")
    except FileNotFoundError:
        return False
    if state.size() < WORDS_BYTES:
        return False
    words = state.words()
    return words[0] == MAGIC and bool(words[FLAGS] & DELETED)


CHECKPOINT_NAME = "partition.json"


class Checkpoint(msgspec.Struct):
    """What of a partition must survive a power cut and is not in its segments."""

    log_start: int
    compacted: list[tuple[int, int]] = []
    """See `log.backends.cleaning.DeleteHorizons`."""
    dropped_below: int = 0
    """Compaction has dropped the tombstones below."""


def load_checkpoint(storage: Storage, folder: str) -> Checkpoint | None:
    path = f"{folder}/{CHECKPOINT_NAME}"
    try:
        return msgspec.json.decode(read_file(storage, path), type=Checkpoint)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise CorruptLog(
            f"{path}: {error}. It holds the log start offset: restore it from a copy, or delete "
            "it to begin at the oldest segment there is"
        ) from error


def store_checkpoint(storage: Storage, folder: str, checkpoint: Checkpoint) -> None:
    replace_file(storage, f"{folder}/{CHECKPOINT_NAME}", msgspec.json.encode(checkpoint))
