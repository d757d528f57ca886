"""The events that a command led to, found by its offset: causes grow along an events partition.

But where a writer without a fence tells again what was told before (law 5), causes go back for a
stretch. Looking from the middle may then end behind such a stretch: a break in the sequences tells
that it did.
"""

from collections.abc import Iterator

from log.codec import Codec
from log.envelope import Event
from log.interface import Partition
from processors.core.messages import RulesAdopted

READ_BYTES = 1 << 20


def events_of(partition: Partition, codec: Codec[Event], command_offset: int) -> list[Event]:
    """All events of one command; none where it is not decided yet, or they were deleted.

    Bisects over the batches, so it costs some twenty reads however long the history is. All of it
    is read where the command seems not to be decided, or was told of once more further on.
    """
    begin = _bisect(partition, codec, command_offset)
    found = _told(_read(partition, codec, begin, max_bytes=1), command_offset)
    if found is None:
        whole = _read(partition, codec, partition.log_start, READ_BYTES)
        found = _told(whole, command_offset, to_the_end=True)
    return found or []


def _bisect(partition: Partition, codec: Codec[Event], command_offset: int) -> int:
    """Where a batch begins, or the partition, from which the command's events are to be had."""
    begin = low = partition.log_start
    high = partition.high_watermark
    while low < high:
        middle = (low + high) // 2
        batch = partition.read(middle, 1)[0].whole()
        first = next(iter(batch), None)
        if first is not None and codec.decode(first.value or b"").cause < command_offset:
            begin, low = max(batch.base_offset, begin), batch.last_offset + 1
        else:
            high = min(middle, batch.base_offset)
    return begin


def _told(
    events: Iterator[Event], command_offset: int, to_the_end: bool = False
) -> list[Event] | None:
    """The events of the command among these, each once; None where others may stand before."""
    found: dict[int, Event] = {}
    before: Event | None = None
    for event in events:
        if event.cause == command_offset and type(event) is not RulesAdopted:
            found.setdefault(event.cause_index, event)
            if len(found) == event.cause_count:
                return [found[index] for index in sorted(found)]
        elif event.cause <= command_offset:
            before = event
        elif not found and (before is None or before.sequence + 1 == event.sequence):
            return []  # nothing stands between the two
        elif not to_the_end:
            return None
    return [found[index] for index in sorted(found)] if to_the_end else None


def _read(
    partition: Partition, codec: Codec[Event], begin: int, max_bytes: int
) -> Iterator[Event]:
    end = partition.high_watermark
    while begin < end and (batches := partition.read(begin, max_bytes)):
        begin = batches[-1].last_offset + 1
        for batch in batches:
            for record in batch:
                yield codec.decode(record.value or b"")
