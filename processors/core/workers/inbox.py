"""A commands partition whose records come from elsewhere than a read of it: Faust delivers them.

What is delivered is kept until it is decided, and read from here. What is not here, because Faust
began further on, left something out or brings nothing, is read from the log itself: which commands
there are, and in what order, is never for Faust to say.
"""

import threading
import time
from bisect import bisect_left
from typing import Generic, TypeVar

from log.backends.kafka import KafkaLog
from log.backends.kafka.batches import MessageBatch, MessageRecord
from log.backends.kafka.partition import KafkaPartition
from log.record import Batch

FULL_BYTES = 8 << 20
RECORD_BYTES = 512
"""What a record takes here beside its value, about."""

Receipt = TypeVar("Receipt")
"""What the one who delivers wants back once the record is decided."""


class Inbox(KafkaPartition, Generic[Receipt]):
    """As `log.interface.Partition`. One thread delivers, another reads."""

    def __init__(self, log: KafkaLog, number: int, commands: KafkaPartition) -> None:
        super().__init__(log, commands.topic, number, commands.config)
        self._guard = threading.Lock()
        self._records: list[MessageRecord] = []
        self._receipts: list[Receipt] = []
        self._size = 0
        self._decided_below = 0
        self._delivered_s = time.monotonic()
        self._looks_itself = False

    def deliver(self, record: MessageRecord, receipt: Receipt) -> bool:
        """Take a record in, unless it is here; False where it is decided already."""
        with self._guard:
            self._delivered_s = time.monotonic()
            if record.offset < self._decided_below:
                return False
            if not self._records or record.offset > self._records[-1].offset:
                self._records.append(record)
                self._receipts.append(receipt)
                self._size += _size_of(record)
            return True

    def decided(self, below: int) -> list[Receipt]:
        """The commands before that offset are decided; the receipts of those that were here."""
        with self._guard:
            self._decided_below = below
            count = self._place_of(below)
            self._size -= sum(map(_size_of, self._records[:count]))
            receipts = self._receipts[:count]
            del self._records[:count], self._receipts[:count]
            return receipts

    @property
    def is_full(self) -> bool:
        """Nothing more should be delivered until there is room again."""
        return self._size > FULL_BYTES

    @property
    def has_room(self) -> bool:
        """Half of it is decided."""
        return self._size <= FULL_BYTES // 2

    def silent_s(self) -> float:
        """For how long nothing was delivered."""
        return time.monotonic() - self._delivered_s

    def look_itself(self) -> None:
        """There are commands on the log that are not delivered: read them from there."""
        self._looks_itself = True

    def read(self, offset: int, max_bytes: int = 1 << 20) -> list[Batch]:
        with self._guard:
            at = self._place_of(offset)
            found = self._following(at, offset, max_bytes)
            is_gap = not found and at < len(self._records)
        if found:
            self._looks_itself = False
            self.close()
            return [MessageBatch(offset, found[-1].offset, found)]
        if not is_gap and not self._looks_itself:
            return []
        batches = super().read(offset, max_bytes)
        self._looks_itself = bool(batches)
        return batches

    def wait(self, offset: int, timeout_s: float) -> bool:
        """Whether something is here now; who delivers knows when to look again."""
        with self._guard:
            return self._place_of(offset) < len(self._records)

    def _place_of(self, offset: int) -> int:
        return bisect_left(self._records, offset, key=_offset_of)

    def _following(self, at: int, offset: int, max_bytes: int) -> list[MessageRecord]:
        """The records from there on, up to a gap or the limit, at least one."""
        end = at
        while end < len(self._records) and self._records[end].offset == offset + end - at:
            max_bytes -= len(self._records[end].value or b"")
            end += 1
            if max_bytes <= 0:
                break
        return self._records[at:end]


def _offset_of(record: MessageRecord) -> int:
    return record.offset


def _size_of(record: MessageRecord) -> int:
    return RECORD_BYTES + len(record.value or b"")
