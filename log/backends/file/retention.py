"""Deleting the oldest segments: by request (`delete_before`), by age and by size.

Runs under the partition's lock. The new log start is durable before a file goes, and a file that
is in use by a reader stays readable for it.
"""

from collections.abc import Iterator
from itertools import pairwise

from log.backends.cleaning import SegmentSummary, expired
from log.backends.file.segment import (
    INDEX_SUFFIX,
    LOG_SUFFIX,
    TIME_INDEX_SUFFIX,
    Segment,
    segment_bases,
    segment_name,
)
from log.backends.file.state import (
    DURABLE_END,
    GENERATION,
    LOG_START,
    Checkpoint,
    load_checkpoint,
    store_checkpoint,
)
from log.backends.file.storage import Storage
from log.topic import TopicConfig


def raise_log_start(storage: Storage, folder: str, words: memoryview, offset: int) -> None:
    """Set the log start, durably, and remove the segments that are wholly below it."""
    if offset > words[LOG_START]:
        checkpoint = load_checkpoint(storage, folder) or Checkpoint(0)
        checkpoint.log_start = offset
        store_checkpoint(storage, folder, checkpoint)
        words[LOG_START] = offset
    bases = segment_bases(storage.list(folder))
    gone = [base for base, following in pairwise(bases) if following <= offset]
    for base in gone:
        remove_segment(storage, folder, base)
    if gone:
        storage.sync_folder(folder)
        words[GENERATION] += 1


def remove_segment(storage: Storage, folder: str, base: int) -> None:
    names = set(storage.list(folder))
    for suffix in (INDEX_SUFFIX, TIME_INDEX_SUFFIX, LOG_SUFFIX):
        name = segment_name(base) + suffix
        if name in names:
            storage.remove(f"{folder}/{name}")


def apply_retention(
    storage: Storage, folder: str, config: TopicConfig, words: memoryview, now_ms: int
) -> Iterator[str]:
    """Remove the rolled segments that the topic's retention lets go of; a line for each."""
    bases = segment_bases(storage.list(folder))
    rolled: list[SegmentSummary] = []
    for base, following in pairwise(bases):
        if following > words[DURABLE_END]:
            break
        segment = Segment(storage, folder, base)
        _, time_index = segment.indexes()
        newest = time_index.timestamps[-1] if time_index.timestamps else -1
        rolled.append(SegmentSummary(base, following, segment.file.size(), newest))
    active_bytes = Segment(storage, folder, bases[-1]).file.size()
    start = words[LOG_START]
    for segment_gone, why in expired(config, rolled, active_bytes, now_ms):
        start = max(start, segment_gone.next_base)
        yield f"{folder}: {segment_gone.describe()}: {why}"
    raise_log_start(storage, folder, words, start)
