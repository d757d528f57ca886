"""Opening a partition's folder: find the true end, make it durable, cut off what is torn.

Runs under the partition's lock, on opening and wherever a process died within an append. Its
source is the segment files; the shared words (`state.py`) say how much of them was promised.
Beyond the promise a broken batch is a torn tail: it is cut off, and reported. Below it nothing is
ever cut: damage is reported, and reading it is a `CorruptLog`.
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from log.backends.file.indexes import IndexBuilder
from log.backends.file.segment import (
    INDEX_SUFFIX,
    LOG_SUFFIX,
    TIME_INDEX_SUFFIX,
    Segment,
    segment_bases,
    segment_name,
)
from log.backends.file.state import (
    ACTIVE_BASE,
    APPEND,
    APPEND_AT,
    DELETED,
    DURABLE_END,
    DURABLE_POSITION,
    FLAGS,
    GENERATION,
    HIGH_WATERMARK,
    LOG_START,
    MAGIC,
    SYNC_FAILED,
    load_checkpoint,
)
from log.backends.file.storage import Storage
from log.errors import CorruptLog
from log.topic import TopicConfig

CLEANED_SUFFIX, SWAP_SUFFIX = ".cleaned", ".swap"
OUR_NAMES = re.compile(
    r"\d{20}\.(log|index|timeindex|txnindex|snapshot|log\.cleaned|log\.swap)"
    r"|partition\.(state|json|metadata)|(writer|cleaner)\.lock|leader-epoch-checkpoint|\..*"
)
COPY_BYTES = 1 << 20


@dataclass
class Recovery:
    """What opening found. With `damage` the partition can be read, but takes no appends."""

    reports: list[str] = field(default_factory=list)
    damage: str = ""


@dataclass
class _Tail:
    """The end of the active segment as its batches give it."""

    end_offset: int
    end_position: int
    builder: IndexBuilder


class _Promise(NamedTuple):
    """What was made durable of the active segment, and so may have been acknowledged."""

    is_known: bool
    end_offset: int
    end_position: int

    @classmethod
    def of(cls, words: memoryview, base_offset: int) -> Self:
        if words[0] != MAGIC:
            return cls(False, base_offset, 0)
        position = words[DURABLE_POSITION] if words[ACTIVE_BASE] == base_offset else 0
        return cls(True, max(words[DURABLE_END], base_offset), position)


def create_segment(storage: Storage, folder: str, base_offset: int) -> None:
    """The three empty files of a new segment, durably there."""
    for suffix in (INDEX_SUFFIX, TIME_INDEX_SUFFIX, LOG_SUFFIX):
        path = f"{folder}/{segment_name(base_offset)}{suffix}"
        storage.open(path, write=True, create=True).truncate(0)
    storage.sync_folder(folder)


def recover(storage: Storage, folder: str, config: TopicConfig, words: memoryview) -> Recovery:
    """Bring the folder and the shared words in order. Errors: CorruptLog, OSError."""
    recovery = Recovery()
    names = storage.list(folder)
    for name in names:
        if not OUR_NAMES.fullmatch(name):
            raise CorruptLog(f"{folder}/{name} is no file of a log: move it out of the folder")
    finish_compaction(storage, folder, names, recovery)
    checkpoint = load_checkpoint(storage, folder)
    known = words[0] == MAGIC
    if not known:
        words.cast("B")[:] = bytes(words.nbytes)
    bases = segment_bases(storage.list(folder))
    if not bases:
        first = checkpoint.log_start if checkpoint else 0
        if known and words[DURABLE_END] > max(first, words[LOG_START]):
            recovery.damage = _lost(folder, words, "every segment file is missing")
            return recovery
        create_segment(storage, folder, first)
        bases = [first]
    _restore_indexes(storage, folder, config, bases[:-1], recovery)
    path = f"{folder}/{segment_name(bases[-1])}{LOG_SUFFIX}"
    segment = Segment(storage, folder, bases[-1], storage.open(path, write=True))
    tail = _find_tail(segment, config, words, recovery)
    if recovery.damage:
        return recovery
    _settle(storage, folder, segment, tail, words, recovery)
    if checkpoint:
        words[LOG_START] = checkpoint.log_start
    elif not known:
        words[LOG_START] = bases[0]
    words[0] = MAGIC
    return recovery


def finish_compaction(storage: Storage, folder: str, names: list[str], recovery: Recovery) -> None:
    """Take up a compaction where its process ended.

    A `.cleaned` file was being written: it goes. A `.swap` file is whole and durable: it takes the
    place of the segments whose offsets it covers.
    """
    for name in names:
        path = f"{folder}/{name}"
        if name.endswith(CLEANED_SUFFIX):
            storage.remove(path)
            recovery.reports.append(f"{path}: removed, a compaction that never finished")
        elif name.endswith(SWAP_SUFFIX):
            swap_in(storage, folder, int(name[:20]))
            recovery.reports.append(f"{path}: finished putting a compacted segment in place")


def swap_in(storage: Storage, folder: str, base: int) -> None:
    """Put the durable `.swap` segment in the place of those it covers. Can be done again."""
    swap = f"{folder}/{segment_name(base)}{LOG_SUFFIX}{SWAP_SUFFIX}"
    last_offset = -1
    file = storage.open(swap)
    segment = Segment(storage, folder, base, file)
    for header in segment.headers(0, file.size()):
        last_offset = header.last_offset
    names = set(storage.list(folder))
    for covered in segment_bases(sorted(names)):
        if base <= covered <= last_offset:
            # The log file last: it is what tells, after a crash, that there is more to remove.
            for suffix in (INDEX_SUFFIX, TIME_INDEX_SUFFIX, LOG_SUFFIX):
                name = segment_name(covered) + suffix
                if name in names and (covered != base or suffix != LOG_SUFFIX):
                    storage.remove(f"{folder}/{name}")
    storage.sync_folder(folder)
    storage.rename(swap, swap.removesuffix(SWAP_SUFFIX))
    storage.sync_folder(folder)


def _restore_indexes(
    storage: Storage, folder: str, config: TopicConfig, bases: list[int], recovery: Recovery
) -> None:
    """Index files of rolled segments that are not there are made again from the `.log`."""
    names = set(storage.list(folder))
    for base in bases:
        name = segment_name(base)
        if {name + INDEX_SUFFIX, name + TIME_INDEX_SUFFIX} <= names:
            continue
        segment = Segment(storage, folder, base)
        builder = segment.rebuild_indexes(segment.file.size(), config.index_interval_bytes)
        store_indexes(storage, segment.path, builder)
        recovery.reports.append(f"{segment.path}{INDEX_SUFFIX}: rebuilt from the log file")


def store_indexes(storage: Storage, path: str, builder: IndexBuilder) -> None:
    """Make both index files hold the builder's entries, durably."""
    for suffix, entries in (
        (INDEX_SUFFIX, builder.offset_entries),
        (TIME_INDEX_SUFFIX, builder.time_entries),
    ):
        file = storage.open(path + suffix, write=True, create=True)
        if file.pread(file.size(), 0) != entries:
            file.truncate(0)
            file.pwrite(entries, 0)
            file.sync()


def _lost(path: str, words: memoryview, what: str) -> str:
    return (
        f"{path}: {what}: acknowledged records up to offset {words[DURABLE_END] - 1} were there. "
        "Restore it from a copy. Nothing was changed. To go on without them, delete "
        "partition.state in the folder while no process uses it"
    )


def _find_tail(
    segment: Segment, config: TopicConfig, words: memoryview, recovery: Recovery
) -> _Tail:
    promise = _Promise.of(words, segment.base_offset)
    tail = _Tail(
        segment.base_offset, 0, IndexBuilder(segment.base_offset, config.index_interval_bytes)
    )
    size = segment.file.size()
    entry_offset, position = _last_entry(segment, promise.end_offset, size)
    if entry_offset >= 0:
        tail.builder.resume(*segment.indexes(), entry_offset)
        tail.builder.first_timestamp = segment.first_timestamp()
    _take(segment, tail, position, size, promise, recovery, entry_offset)
    if tail.end_offset < promise.end_offset:
        _step_over_damage(segment, tail, words, size, promise, recovery)
    elif not promise.is_known and size and not tail.end_position:
        recovery.damage = (
            f"{segment.path}{LOG_SUFFIX}: holds {size} bytes and not one whole record batch of "
            "format 2: it is no segment of a log. Move it out of the folder"
        )
    return tail


def _last_entry(segment: Segment, promised: int, size: int) -> tuple[int, int]:
    """The last index entry below what was promised, where it is true; else (-1, 0)."""
    entry_offset, position = segment.indexes()[0].last_before(promised)
    if entry_offset >= 0:
        header = segment.header(position, size)
        if header is None or header.last_offset != entry_offset:
            return -1, 0
    return entry_offset, position


def _take(
    segment: Segment,
    tail: _Tail,
    position: int,
    size: int,
    promise: _Promise,
    recovery: Recovery,
    entry_offset: int = -1,
) -> None:
    """Move the tail on over the batches from `position` on that belong to the log.

    A broken batch beyond the promise ends the log. Below it, it is damage: reported and passed
    over. Where nobody knows what was promised, one with an intact batch after it is damage.
    """
    for header in segment.headers(position, size):
        is_promised = header.position < promise.end_position
        if is_promised:
            fits = tail.end_offset <= header.base_offset <= header.last_offset < promise.end_offset
        elif promise.is_known:
            fits = header.base_offset == tail.end_offset
        else:
            fits = header.base_offset >= tail.end_offset
        if fits and segment.is_intact(header):
            if header.last_offset == entry_offset:
                tail.builder.skip(header.size)
            else:
                tail.builder.add(
                    header.last_offset, header.max_timestamp, header.position, header.size
                )
            tail.end_offset = header.last_offset + 1
            tail.end_position = header.position + header.size
        elif is_promised:
            _report_damage(segment, header.position, tail.end_offset, recovery)
        elif promise.is_known:
            return


def _report_damage(segment: Segment, position: int, offset: int, recovery: Recovery) -> None:
    report = str(segment.corrupt(position, offset, "a damaged batch"))
    if report not in recovery.reports:
        recovery.reports.append(report)


def _step_over_damage(
    segment: Segment,
    tail: _Tail,
    words: memoryview,
    size: int,
    promise: _Promise,
    recovery: Recovery,
) -> None:
    """The batches that were promised cannot be followed to their end: go on where it must be."""
    if not 0 < promise.end_position <= size:
        recovery.damage = _lost(
            segment.path + LOG_SUFFIX,
            words,
            f"it ends, or is damaged, at position {tail.end_position}",
        )
        return
    _report_damage(segment, tail.end_position, tail.end_offset, recovery)
    tail.end_offset, tail.end_position = promise.end_offset, promise.end_position
    _take(segment, tail, promise.end_position, size, promise, recovery)


def _settle(
    storage: Storage,
    folder: str,
    segment: Segment,
    tail: _Tail,
    words: memoryview,
    recovery: Recovery,
) -> None:
    """Cut the torn tail, make the rest durable, and tell the other processes."""
    size, end, position = segment.file.size(), tail.end_offset, tail.end_position
    path = segment.path + LOG_SUFFIX
    if size > position:
        segment.file.truncate(position)
        recovery.reports.append(
            f"{path}: cut from {size} to {position} bytes: what followed offset {end - 1} was a "
            "torn batch, of an append that was never acknowledged"
        )
    if words[FLAGS] & SYNC_FAILED:
        _write_again(segment, words, position)
    if words[0] != MAGIC or words[FLAGS] or words[ACTIVE_BASE] != segment.base_offset:
        storage.sync_folder(folder)  # whoever made the files may have died before this
    if size > position or words[0] != MAGIC or words[DURABLE_END] != end or words[FLAGS]:
        segment.file.sync()
    store_indexes(storage, segment.path, tail.builder)
    builder = tail.builder
    APPEND.pack_into(
        words,
        APPEND_AT,
        segment.base_offset,
        end,
        position,
        builder.bytes_since_entry,
        len(builder.offset_entries),
        len(builder.time_entries),
        builder.last_time_entry,
        builder.max_timestamp,
        builder.max_timestamp_offset,
        builder.first_timestamp,
    )
    words[DURABLE_POSITION] = position
    words[DURABLE_END] = end
    words[HIGH_WATERMARK] = end
    words[FLAGS] &= DELETED
    words[GENERATION] += 1


def _write_again(segment: Segment, words: memoryview, end_position: int) -> None:
    """After a failed fsync the kernel may think that bytes are on the disk which are not."""
    position = words[DURABLE_POSITION] if words[ACTIVE_BASE] == segment.base_offset else 0
    while position < end_position:
        data = segment.file.pread(min(COPY_BYTES, end_position - position), position)
        segment.file.pwrite(data, position)
        position += len(data)
