"""Key compaction, as Kafka's cleaner does it: keep each key's last record, and the order.

Rolled segments are rewritten aside, neighbours merged up to the segment size; the active segment
is never touched. Every step can be the last one before a power cut:

    <base>.log.cleaned    being written; removed on opening
    <base>.log.swap       whole and durable; put in place on opening (`recovery.swap_in`)
    <base>.log            in place; its indexes are made again where they are missing

A group's last batch stays, without records where all of them went, so that the offsets of one
segment reach to the next and a missing file can be told from a compacted one.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from log.backends.cleaning import (
    SEGMENT_BYTES_LIMIT,
    DeleteHorizons,
    compact_batch,
    latest_offsets,
    without_records,
)
from log.backends.file.recovery import CLEANED_SUFFIX, SWAP_SUFFIX, store_indexes, swap_in
from log.backends.file.segment import CHUNK_BYTES, LOG_SUFFIX, Segment, segment_bases
from log.backends.file.state import (
    DURABLE_END,
    GENERATION,
    LOG_START,
    Checkpoint,
    load_checkpoint,
    store_checkpoint,
)
from log.backends.file.storage import Storage
from log.record import Batch
from log.topic import TopicConfig

Guard = Callable[[], AbstractContextManager[None]]
"""Takes the partition's lock."""


def compact(
    storage: Storage,
    folder: str,
    config: TopicConfig,
    words: memoryview,
    guard: Guard,
    now_ms: int,
) -> Iterator[str]:
    """Compact the rolled segments once; a line for each group of segments rewritten.

    The caller holds the cleaner's lock; the partition's own is held only to look and to swap, so
    that appends and reads go on. Errors: CorruptLog (nothing is changed then), OSError.
    """
    with guard():
        bases = segment_bases(storage.list(folder))
        end = next((base for base in reversed(bases) if base <= words[DURABLE_END]), 0)
        segments = [Segment(storage, folder, base) for base in bases if base < end]
        checkpoint = load_checkpoint(storage, folder) or Checkpoint(words[LOG_START])
    horizons = DeleteHorizons(checkpoint.compacted)
    is_news = not horizons.met or horizons.met[-1][0] < end
    droppable_below = horizons.compacted(end, now_ms, config.delete_retention_ms)
    if not segments or not (is_news or droppable_below > checkpoint.dropped_below):
        return
    latest = latest_offsets(batch for segment in segments for batch in segment_batches(segment))
    for group in _groups(segments, config):
        yield from _rewrite(storage, folder, config, words, guard, group, latest, droppable_below)
    with guard():
        checkpoint = load_checkpoint(storage, folder) or checkpoint
        checkpoint.compacted = horizons.met
        checkpoint.dropped_below = droppable_below
        store_checkpoint(storage, folder, checkpoint)


def segment_batches(segment: Segment) -> Iterator[Batch]:
    """Every batch of a rolled segment, checked. Errors: CorruptLog."""
    size = segment.file.size()
    following, position = segment.base_offset, 0
    while position < size:
        header = segment.header(position, size)
        if header is None or header.base_offset < following:
            raise segment.corrupt(position, following, "a damaged batch")
        batch = Batch(segment.file.pread(header.size, position))
        if not batch.is_intact():  # of the very bytes that are used: a second read may differ
            raise segment.corrupt(position, following, "a damaged batch")
        yield batch
        following, position = header.last_offset + 1, position + header.size


def _groups(segments: list[Segment], config: TopicConfig) -> Iterator[list[Segment]]:
    """Neighbours whose bytes fit one segment together."""
    limit = min(config.segment_bytes, SEGMENT_BYTES_LIMIT)
    group: list[Segment] = []
    size = 0
    for segment in segments:
        more = segment.file.size()
        if group and (
            size + more > limit or segment.base_offset - group[0].base_offset > SEGMENT_BYTES_LIMIT
        ):
            yield group
            group, size = [], 0
        group.append(segment)
        size += more
    if group:
        yield group


def _rewrite(
    storage: Storage,
    folder: str,
    config: TopicConfig,
    words: memoryview,
    guard: Guard,
    group: list[Segment],
    latest: dict[bytes, int],
    droppable_below: int,
) -> Iterator[str]:
    base, last = group[0].base_offset, group[-1].base_offset
    path = group[0].path + LOG_SUFFIX
    size, dropped = _write_cleaned(storage, path + CLEANED_SUFFIX, group, latest, droppable_below)
    if not dropped and len(group) == 1:
        storage.remove(path + CLEANED_SUFFIX)
        return
    before = sum(segment.file.size() for segment in group)
    storage.rename(path + CLEANED_SUFFIX, path + SWAP_SUFFIX)
    storage.sync_folder(folder)
    with guard():
        swap_in(storage, folder, base)
        words[GENERATION] += 1
        cleaned = Segment(storage, folder, base)
        store_indexes(
            storage, cleaned.path, cleaned.rebuild_indexes(size, config.index_interval_bytes)
        )
    yield (
        f"{folder}: compacted {len(group)} segments from offset {base} to that of {last}: "
        f"{dropped} records dropped, {before} bytes became {size}"
    )


def _write_cleaned(
    storage: Storage,
    path: str,
    group: list[Segment],
    latest: dict[bytes, int],
    droppable_below: int,
) -> tuple[int, int]:
    """Write what stays of a group, durably; returns its bytes and the records dropped."""
    file = storage.open(path, write=True, create=True)
    file.truncate(0)
    size = dropped = 0
    emptied: Batch | None = None
    pending = bytearray()
    for segment in group:
        for batch in segment_batches(segment):
            cleaned = compact_batch(batch, latest, droppable_below)
            dropped += cleaned.dropped
            emptied = batch if cleaned.encoded is None else None
            if cleaned.encoded is not None:
                pending += cleaned.encoded
            if len(pending) >= CHUNK_BYTES:
                file.pwrite(pending, size)
                size += len(pending)
                pending.clear()
    if emptied is not None:
        pending += without_records(emptied)
    file.pwrite(pending, size)
    file.sync()
    return size + len(pending), dropped
