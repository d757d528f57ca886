"""A system's recorded events partition, read for replay: decoded where asked, cut at commands.

Events come from the log as batches; they leave as batches and records that begin and end between
two commands, wherever the batches do (a broker's, or an import's, may not).
"""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import overload

from log.codec import DECODE_ERRORS
from log.envelope import Event
from log.errors import CorruptLog
from log.interface import Log
from log.record import Batch, StoredRecord, batch_of
from processors.core.fold import IncompleteCommand, SequenceGap
from processors.core.messages import RulesAdopted
from processors.core.system import System

READ_BYTES = 1 << 20
_ADOPTED_TAG = b"rules_adopted.v1"


class WholeCommands(Sequence[StoredRecord]):
    """Events that begin and end between two commands. Where they are all of one `batch`, they are
    read from it when they are asked for; the last one is at hand."""

    def __init__(self, records: list[StoredRecord], batch: Batch | None = None) -> None:
        self.batch = batch
        self._records = records
        """All of them; of a batch, at first the last one alone."""

    def __len__(self) -> int:
        return len(self._records) if self.batch is None else self.batch.count

    @overload
    def __getitem__(self, at: int) -> StoredRecord: ...
    @overload
    def __getitem__(self, at: slice) -> list[StoredRecord]: ...
    def __getitem__(self, at: int | slice) -> StoredRecord | list[StoredRecord]:
        if at == -1:
            return self._records[-1]
        if len(self._records) < len(self) and self.batch is not None:
            self._records = list(self.batch)
        return self._records[at]


class RecordedEvents:
    """One events partition. Its `end` is the high watermark of when this was made: a log that
    grows meanwhile does not move it."""

    def __init__(self, log: Log, system: System, number: int) -> None:
        self.partition = log.partition(system.events_topic, number)
        self.codec = system.event_codec(self.partition.config)
        self.end = self.partition.high_watermark

    def __repr__(self) -> str:
        return f"{self.partition.topic}-{self.partition.number}"

    def batches(self, offset: int) -> Iterator[Batch]:
        """Those with records, from `offset` to the end."""
        while offset < self.end:
            batches = self.partition.read(offset, READ_BYTES)
            if not batches:
                return
            for batch in batches:
                if batch.base_offset >= self.end:
                    return
                yield batch
            offset = batches[-1].last_offset + 1

    def decode(self, record: StoredRecord) -> Event:
        """CorruptLog, with the place, where it does not decode."""
        try:
            return self.codec.decode(record.value)  # type: ignore[arg-type]
        except (*DECODE_ERRORS, TypeError) as error:
            raise CorruptLog(
                f"{self!r}: the event at offset {record.offset} cannot be read: {error}"
            ) from error

    def adoptions(self, records: Sequence[StoredRecord]) -> list[int]:
        """Which of the records say that other rules decide from there on."""
        batch = records.batch if isinstance(records, WholeCommands) else None
        if batch is not None and not batch.is_compressed and _ADOPTED_TAG not in batch.buffer:
            return []
        return [
            at
            for at, record in enumerate(records)
            if _ADOPTED_TAG in (record.value or b"") and type(self.decode(record)) is RulesAdopted
        ]

    def up_to_command(self, batch: Batch, command_offset: int) -> Batch | None:
        """What of the batch belongs to commands up to that one: itself where all of it does.

        Adopting rules belongs to the command after it, though its cause is the one before it.
        """
        ends = [*islice(batch, 1), *deque(batch, maxlen=1)]  # a list of all takes half of a fold
        if not ends:
            return batch
        first, last = map(self.decode, ends)
        is_in_order = last.sequence - first.sequence + 1 == batch.count
        if is_in_order and last.cause < command_offset:
            return batch
        records = list(batch)
        head: list[StoredRecord] = []
        for record in records:
            event = self.decode(record)
            if event.cause + (type(event) is RulesAdopted) > command_offset:
                break
            head.append(record)
        if len(head) == len(records):
            return batch
        return batch_of(head) if head else None

    def whole_commands(self, offset: int, sequence: int) -> Iterator[WholeCommands]:
        """Lists of events (128 KiB or more), each ending with the last event of a command.

        `sequence` is that of the first. An event told again is left out, as the fold does.
        Errors: SequenceGap; IncompleteCommand where the partition ends within a command.
        """
        pending: list[StoredRecord] = []
        size = 0
        for batch in self.batches(offset):
            if not pending and (whole := self._whole(batch, sequence)) is not None:
                yield whole
                sequence += len(whole)
                continue
            pending.extend(batch)
            size += batch.size
            if size < READ_BYTES // 8 and batch.last_offset + 1 < self.end:
                continue
            pending = self.in_sequence(pending, sequence)
            if not pending:
                continue
            last = self.decode(pending[-1])
            if last.cause_index + 1 == last.cause_count:
                yield WholeCommands(pending)
                sequence = last.sequence + 1
                pending, size = [], 0
        if pending:
            raise IncompleteCommand(
                f"{self!r}: the events of the command at offset {self.decode(pending[-1]).cause} "
                "are not all there; `refold doctor` tells more"
            )

    def _whole(self, batch: Batch, sequence: int) -> WholeCommands | None:
        """A large batch by itself, where its ends tell that it is what is due, and whole."""
        if batch.size < READ_BYTES // 8 or (record := batch.last_record()) is None:
            return None
        first, last = self.decode(next(iter(batch))), self.decode(record)
        is_due = first.sequence == sequence and last.sequence - sequence + 1 == batch.count
        if not is_due or last.cause_index + 1 != last.cause_count:
            return None
        return WholeCommands([record], batch)

    def in_sequence(self, records: Sequence[StoredRecord], due: int) -> list[StoredRecord]:
        """Those from the sequence `due` on, each once: what was told before is left out.

        Errors: SequenceGap.
        """
        if not records:
            return []
        first, last = self.decode(records[0]).sequence, self.decode(records[-1]).sequence
        if first == due and last - first + 1 == len(records):
            return list(records)
        kept: list[StoredRecord] = []
        for record in records:
            sequence = self.decode(record).sequence
            if sequence > due:
                raise SequenceGap(
                    f"{self!r}: at offset {record.offset} stands sequence {sequence} where {due} "
                    "is due"
                )
            if sequence == due:
                kept.append(record)
                due += 1
        return kept
