"""`GET .../partitions/<n>/events`: a partition's events as they happen, as server-sent events.

The id of each is its offset, so that a client that comes back with `Last-Event-ID` misses none and
gets none twice. Events are read from the log as the client takes them: a slow one costs no memory.
"""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar import Request, get
from litestar.response import Stream

from gateway.http.catalogue import Served
from gateway.http.problems import problem
from gateway.http.service import Service, service_of
from log.codec import tag_of
from log.errors import LogError

READ_BYTES = 1 << 16
LOOK_S = 0.5
"""How often a stream that waits looks whether the server ends."""
HEARTBEAT = b": still here\n\n"


@get("/api/{family:str}/{system:str}/partitions/{partition:int}/events")
async def stream_events(
    request: Request[Any, Any, Any], family: str, system: str, partition: int
) -> Stream:
    """Events from `?from=` (an offset, `start` or `end`), or behind `Last-Event-ID`."""
    service = service_of(request)
    served = service.catalogue.find(family, system)
    served.check_partition(partition)
    begin = _begin(
        served,
        partition,
        request.headers.get("last-event-id"),
        request.query_params.get("from", "start"),
    )
    return Stream(
        events_from(service, served, partition, begin),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _begin(served: Served, number: int, last_id: str | None, wanted: str) -> int:
    """The offset to begin at. Errors: ProblemFound (400, 410)."""
    events = served.log.partition(served.system.events_topic, number)
    start, end = events.log_start, events.high_watermark
    if last_id is None and wanted in ("start", "end"):
        return start if wanted == "start" else end
    text = wanted if last_id is None else last_id
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise problem(400, f"{text!r} is no place: give an offset, `start` or `end`")
    offset = int(text) + (last_id is not None)
    if offset > end:
        raise problem(400, f"the partition ends at offset {end}: there is no {offset} yet")
    if offset < start:
        raise problem(410, f"events before offset {start} are no longer kept: begin there")
    return offset


async def events_from(
    service: Service, served: Served, number: int, offset: int
) -> AsyncIterator[bytes]:
    """Never ends by itself, but when the server does, or the log refuses."""
    events = served.log.partition(served.system.events_topic, number)
    codec = served.system.event_codec(events.config)
    growth = service.growth(served, number)
    heartbeat_s = service.limits.heartbeat_s
    next_sequence = 0

    def read() -> tuple[list[bytes], int, int]:
        """What comes next: as text, where to read on, and the next sequence."""
        texts, after, sequence = [], offset, next_sequence
        for batch in events.read(offset, READ_BYTES):
            after = batch.last_offset + 1
            for record in batch:
                event = codec.decode(record.value or b"")
                if event.sequence >= sequence:  # else it is told again (law 5)
                    sequence = event.sequence + 1
                    texts.append(_as_text(record.offset, event))
        return texts, after, sequence

    yield b"retry: 1000\n\n"
    silent_s = 0.0
    while not service.closing.is_set():
        try:
            texts, offset, next_sequence = await service.blocking(read)
        except LogError:
            return  # the client comes back, and is told
        for text in texts:
            yield text
        if texts or await growth.beyond(offset, min(LOOK_S, heartbeat_s)):
            silent_s = 0.0
            continue
        silent_s += min(LOOK_S, heartbeat_s)
        if silent_s >= heartbeat_s:
            silent_s = 0.0
            yield HEARTBEAT


def _as_text(offset: int, event: Any) -> bytes:
    value = msgspec.json.encode(event)
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (offset, tag_of(type(event)).encode(), value)
