"""The examination of a file log's folder: everything that can be wrong with its files, and where.

Reads only, takes no lock, and may run while the log is in use: of each partition it looks at what
was durable when it came by. What it finds it yields; it never stops at the first.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

import msgspec

from log.backends.file.log import FORMAT, MARKER_NAME, VERSION, Marker
from log.backends.file.recovery import CLEANED_SUFFIX, OUR_NAMES, SWAP_SUFFIX
from log.backends.file.segment import LOG_SUFFIX, segment_bases
from log.backends.file.segment_check import RESTORE, SegmentCheck
from log.backends.file.state import (
    ACTIVE_BASE,
    CHECKPOINT_NAME,
    DURABLE_END,
    FLAGS,
    HIGH_WATERMARK,
    LOG_START,
    MAGIC,
    STATE_NAME,
    SYNC_FAILED,
    load_checkpoint,
)
from log.backends.file.storage import WORDS_BYTES, OsStorage, Storage, read_file
from log.errors import CorruptLog, InvalidConfig
from log.finding import Finding
from log.topic import TopicConfig

FOLDERS = ("topics", "groups", "snapshots", "checkpoints", "projections", "recording.json")
"""Of the log's folder; all but the first two are kept beside them, and not looked into."""
PARTITION_FOLDER = re.compile(r"(.+)-(\d+)")
MOVE_OUT = "move it out of the folder"
LOOKS, LOOK_AGAIN_S = 5, 0.05
"""Retention and compaction replace files; damage is what two looks in turn agree on."""

Progress = Callable[[int, int], None]
"""Called with how many bytes are done, and how many there are."""


class State(NamedTuple):
    """What the shared words of a partition promised when they were read."""

    log_start: int
    high_watermark: int
    durable_end: int
    active_base: int
    sync_failed: bool


def examine(
    folder: str, storage: Storage | None = None, progress: Progress | None = None
) -> Iterator[Finding]:
    """Everything in a log's folder that is not as it should be."""
    yield from _Examination(folder, storage or OsStorage(), progress).findings()


class _Examination:
    def __init__(self, folder: str, storage: Storage, progress: Progress | None) -> None:
        self.folder = folder.rstrip("/")
        self.storage = storage
        self.progress = progress
        self.done_bytes = 0
        self.total_bytes = 0

    def findings(self) -> Iterator[Finding]:
        yield from self._marker()
        topics: dict[str, TopicConfig] = {}
        for found in self._topics():
            if isinstance(found, Finding):
                yield found
            else:
                topics[found[0]] = found[1]
        yield from self._strangers(topics)
        yield from self._groups(topics)
        partitions = [
            (f"{self.folder}/{name}-{number}", config)
            for name, config in topics.items()
            for number in range(config.partitions)
        ]
        self.total_bytes = sum(self._size(path) for path, _ in partitions)
        for path, config in partitions:
            yield from self._partition(path, config)

    # -- the small files --------------------------------------------------------------------------

    def _marker(self) -> Iterator[Finding]:
        path = f"{self.folder}/{MARKER_NAME}"
        advice = "name the folder of a log"
        try:
            marker = msgspec.json.decode(read_file(self.storage, path), type=Marker)
        except OSError as error:
            yield Finding(path=path, what=f"it cannot be read: {error.strerror}", advice=advice)
        except msgspec.DecodeError as error:
            what = f"it does not mark a log: {error}"
            yield Finding(path=path, what=what, advice=RESTORE)
        else:
            if marker.format != FORMAT or marker.version > VERSION:
                what = f"{marker.format} version {marker.version} is not known to this program"
                yield Finding(path=path, what=what, advice="use a newer refold")

    def _topics(self) -> Iterator[Finding | tuple[str, TopicConfig]]:
        for name in self._list("topics"):
            path = f"{self.folder}/topics/{name}"
            if not name.endswith(".json"):
                yield Finding(path=path, what="no configuration of a topic", advice=MOVE_OUT)
                continue
            try:
                config = msgspec.json.decode(read_file(self.storage, path), type=TopicConfig)
            except (msgspec.DecodeError, InvalidConfig) as error:
                what = f"the topic's configuration cannot be read: {error}"
                yield Finding(path=path, what=what, advice=RESTORE)
            except FileNotFoundError:
                continue  # the topic was deleted meanwhile
            else:
                yield name.removesuffix(".json"), config

    def _groups(self, topics: dict[str, TopicConfig]) -> Iterator[Finding]:
        for name in self._list("groups"):
            path = f"{self.folder}/groups/{name}"
            try:
                stored = read_file(self.storage, path)
                offsets = msgspec.json.decode(stored, type=dict[str, dict[int, int]])
            except msgspec.DecodeError as error:
                what = f"the group's committed offsets cannot be read: {error}"
                advice = "delete it and commit the offsets anew"
                yield Finding(path=path, what=what, advice=advice)
                continue
            for topic, numbers in offsets.items():
                partitions = topics[topic].partitions if topic in topics else 0
                for number in numbers:
                    if number >= partitions:
                        what = f"an offset for {topic}-{number}, which does not exist"
                        advice = "nothing: it is used by nobody"
                        yield Finding(path=path, what=what, advice=advice, is_note=True)

    def _strangers(self, topics: dict[str, TopicConfig]) -> Iterator[Finding]:
        for name in self._list(""):
            path = f"{self.folder}/{name}"
            match = PARTITION_FOLDER.fullmatch(name)
            if match and match[1] in topics and int(match[2]) < topics[match[1]].partitions:
                continue
            if match and any(each.endswith(LOG_SUFFIX) for each in self._list(name)):
                yield Finding(
                    path=path,
                    what="the folder of a partition that no topic's configuration knows",
                    advice=f"restore topics/{match[1]}.json from a copy, or move the folder out",
                )
            elif name not in (MARKER_NAME, *FOLDERS):
                what, advice = "no part of a log", "nothing, or move it out"
                yield Finding(path=path, what=what, advice=advice, is_note=True)

    # -- partitions -------------------------------------------------------------------------------

    def _partition(self, folder: str, config: TopicConfig) -> Iterator[Finding]:
        if not self.storage.exists(folder):
            what = "the partition's folder is missing"
            yield Finding(path=folder, what=what, advice="restore it from a copy")
            return
        before: list[Finding] | None = None
        for _ in range(LOOKS):
            findings = list(self._look(folder, config, self._state(folder)))
            damage = [finding for finding in findings if not finding.is_note]
            if not damage or damage == before:
                break  # else a file may have been replaced under our eyes
            before = damage
            time.sleep(LOOK_AGAIN_S)
        yield from findings

    def _look(self, folder: str, config: TopicConfig, state: State | None) -> Iterator[Finding]:
        names = self._list(folder.removeprefix(f"{self.folder}/"))
        yield from self._names(folder, names, state)
        yield from self._checkpoint(folder)
        bases = segment_bases(names)
        until: int | None = None
        active = bases[-1] if bases else 0
        if state is not None:
            # What came after the words were read is not looked at: it may be under way.
            until, active = state.high_watermark, state.active_base
            bases = [base for base in bases if base < until] or bases[:1]
            if bases and bases[0] > state.log_start:
                yield self._missing(folder, state.log_start, bases[0])
        end, is_cut = bases[0] if bases else 0, False
        for base in bases:
            if base != end and not is_cut:
                yield self._missing(folder, end, base)
            try:
                check = SegmentCheck(
                    self.storage,
                    folder,
                    base,
                    until=until,
                    is_active=base >= active,
                    may_have_gaps="compact" in config.cleanup_policy,
                )
            except OSError as error:
                yield self._missing(folder, base, base + 1, str(error))
                is_cut = True
                continue
            yield from check.findings()
            end, is_cut = check.end_offset, check.is_cut
            self._report(check.size)
        if state is not None and end < state.durable_end and not is_cut:
            yield self._missing(folder, end, state.durable_end)

    def _names(self, folder: str, names: list[str], state: State | None) -> Iterator[Finding]:
        for name in names:
            path = f"{folder}/{name}"
            if not OUR_NAMES.fullmatch(name):
                yield Finding(path=path, what="no file of a log", advice=MOVE_OUT)
            elif name.endswith((CLEANED_SUFFIX, SWAP_SUFFIX)):
                what = "a compaction that is under way, or was cut short"
                advice = "nothing: the next opening takes it up"
                yield Finding(path=path, what=what, advice=advice, is_note=True)
        if state is None and segment_bases(names):
            yield Finding(
                path=f"{folder}/{STATE_NAME}",
                what="what the processes share is missing: how much was acknowledged is not known",
                advice="nothing: the next opening makes it from the segments",
                is_note=True,
            )
        elif state is not None and state.sync_failed:
            yield Finding(
                path=f"{folder}/{STATE_NAME}",
                what="an fsync failed, and nothing more is appended",
                advice="see to the disk, then open the log again with no other process on it",
            )

    def _checkpoint(self, folder: str) -> Iterator[Finding]:
        try:
            load_checkpoint(self.storage, folder)
        except CorruptLog as error:
            yield Finding(
                path=f"{folder}/{CHECKPOINT_NAME}",
                what=f"the checkpoint cannot be read: {error}",
                advice="restore it from a copy, or delete it to begin at the oldest segment",
            )

    def _state(self, folder: str) -> State | None:
        try:
            file = self.storage.open(f"{folder}/{STATE_NAME}")
            if file.size() < WORDS_BYTES:
                return None
            words = memoryview(file.pread(WORDS_BYTES, 0)).cast("q")
        except OSError:
            return None
        if words[0] != MAGIC:
            return None
        return State(
            words[LOG_START],
            words[HIGH_WATERMARK],
            words[DURABLE_END],
            words[ACTIVE_BASE],
            bool(words[FLAGS] & SYNC_FAILED),
        )

    def _missing(self, folder: str, begin: int, end: int, why: str = "") -> Finding:
        return Finding(
            path=folder,
            offset=begin,
            what=f"offsets {begin} to {end - 1} were durable, and are not there: "
            + (why or "a segment file is missing, or cut"),
            advice=RESTORE,
        )

    def _list(self, folder: str) -> list[str]:
        """Names in a folder below the log's, those that begin with a dot left out."""
        path = f"{self.folder}/{folder}" if folder else self.folder
        names: list[str] = []
        with suppress(FileNotFoundError, NotADirectoryError):
            names = self.storage.list(path)
        return [name for name in names if not name.startswith(".")]

    def _size(self, folder: str) -> int:
        size = 0
        for name in self._list(folder.removeprefix(f"{self.folder}/")):
            if name.endswith(LOG_SUFFIX):
                with suppress(OSError):
                    size += self.storage.open(f"{folder}/{name}").size()
        return size

    def _report(self, size: int) -> None:
        self.done_bytes += size
        if self.progress:
            self.progress(self.done_bytes, max(self.total_bytes, self.done_bytes))
