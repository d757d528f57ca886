"""The events that a command led to, found by its offset: causes grow along an events partition."""

from log.codec import Codec
from log.envelope import Event
from log.interface import Partition


def events_of(partition: Partition, codec: Codec[Event], command_offset: int) -> list[Event]:
    """All events of one command; none where it is not decided yet, or they were deleted.

    Bisects over the batches, so it costs some twenty reads however long the history is.
    """
    begin = low = partition.log_start
    end = high = partition.high_watermark
    while low < high:
        middle = (low + high) // 2
        batch = partition.read(middle, 1)[0].whole()
        first = next(iter(batch), None)
        if first is not None and codec.decode(first.value or b"").cause < command_offset:
            begin, low = max(batch.base_offset, begin), batch.last_offset + 1
        else:
            high = min(middle, batch.base_offset)
    found: list[Event] = []
    while begin < end:
        for batch in partition.read(begin, 1):
            begin = batch.last_offset + 1
            for record in batch:
                event = codec.decode(record.value or b"")
                if event.cause > command_offset:
                    return found
                if event.cause == command_offset:
                    found.append(event)
    return found
