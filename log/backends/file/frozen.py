"""Partitions that can only be read: of a read-only folder, and of a Kafka broker's data folder.

Nothing is written, locked or mended. Where another process appends to the same folder, its shared
state is followed; where there is none, the end of the last whole and intact batch is the end.
"""

import os
import re
import struct
from array import array
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from log.backends.file.reading import PartitionReader
from log.backends.file.segment import (
    LOG_SUFFIX,
    TRANSACTION_INDEX_SUFFIX,
    Segment,
    segment_bases,
)
from log.backends.file.state import HIGH_WATERMARK, LOG_START, MAGIC, STATE_NAME, load_checkpoint
from log.backends.file.storage import WORDS_BYTES, OsStorage, Storage, read_file
from log.errors import LogStorageError, UnknownTopic
from log.record import Batch, BatchBuilder, Record
from log.topic import TopicConfig

ABORTED = struct.Struct(">hqqqq")
"""An entry of a `.txnindex`: version, producer id, first and last offset, last stable offset."""


class FrozenPartition(PartitionReader):
    """As `log.interface.Partition`; appending and deleting are errors."""

    recovered: Sequence[str] = ()

    def __init__(
        self, storage: Storage, folder: str, topic: str, number: int, config: TopicConfig
    ) -> None:
        super().__init__(storage, folder, topic, number, config)
        if not self._follow():
            self._find_end()

    @property
    def log_end(self) -> int:
        return self.high_watermark

    def new_batch(self) -> NoReturn:
        self._refuse()

    def append(self, records: Sequence[Record]) -> NoReturn:
        self._refuse()

    def append_batch(self, batch: BatchBuilder) -> NoReturn:
        self._refuse()

    def delete_before(self, offset: int) -> NoReturn:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise LogStorageError(f"{self.name}: {self.folder} is open for reading only")

    def close(self) -> None:
        """Nothing to give back but the files, which go with the object."""

    def _follow(self) -> bool:
        with suppress(OSError):
            state = self._storage.open(f"{self.folder}/{STATE_NAME}")
            if state.size() >= WORDS_BYTES:
                words = state.words()
                if words[0] == MAGIC:
                    self._words = words
                    return True
        return False

    def _find_end(self) -> None:
        self._words = memoryview(array("q", bytes(512)))
        bases = segment_bases(self._storage.list(self.folder))
        if not bases:
            return
        checkpoint = load_checkpoint(self._storage, self.folder)
        self._words[LOG_START] = checkpoint.log_start if checkpoint else bases[0]
        segment = Segment(self._storage, self.folder, bases[-1])
        end = bases[-1]
        for header in segment.headers(0, segment.file.size()):
            if segment.is_intact(header):
                end = header.last_offset + 1
        self._words[HIGH_WATERMARK] = end


class BrokerPartition(FrozenPartition):
    """A partition folder that a Kafka broker wrote, read as a `read_committed` consumer does."""

    def __init__(self, storage: Storage, folder: str, topic: str, number: int) -> None:
        super().__init__(storage, folder, topic, number, TopicConfig(partitions=number + 1))
        self._may_have_gaps = self._may_skip = (
            True  # the topic may be compacted: nothing in the folder says so
        )
        self._aborted: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for name in storage.list(folder):
            if name.endswith(TRANSACTION_INDEX_SUFFIX):
                stored = read_file(storage, f"{folder}/{name}")
                whole = len(stored) - len(stored) % ABORTED.size
                for _, producer, first, last, _ in ABORTED.iter_unpack(stored[:whole]):
                    self._aborted[producer].append((first, last))

    def _is_hidden(self, batch: Batch) -> bool:
        return batch.is_control or any(
            first <= batch.base_offset <= last
            for first, last in self._aborted.get(batch.producer_id, ())
        )


def open_broker_folder(path: str | os.PathLike[str]) -> BrokerPartition:
    """Open `<topic>-<partition>` of a Kafka broker's `log.dirs`, for reading, with no broker.

    The broker may be stopped or gone; where it runs, what it appends later is not followed.
    Records of aborted transactions and control records are left out. A transaction that was still
    open when the broker stopped is shown. Errors: UnknownTopic where it is no such folder;
    CorruptLog.
    """
    folder = os.fspath(os.path.abspath(path))
    match = re.fullmatch(r"(.+)-(\d+)", os.path.basename(folder))
    storage = OsStorage()
    if not match or not os.path.isdir(folder) or not segment_bases(storage.list(folder)):
        raise UnknownTopic(
            f"{folder} is no partition folder of a broker: it is named <topic>-<partition> and "
            f"holds segment files (20 digits and {LOG_SUFFIX})"
        )
    return BrokerPartition(storage, folder, match[1], int(match[2]))
