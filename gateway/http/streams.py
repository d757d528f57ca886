"""Events as they happen, as server-sent events: `GET .../partitions/<n>/events` of one partition,
`GET .../events` of all partitions of a system.

The id of each tells where to go on: of a partition, its offset; of a system, the next offset of
every partition. So a client that comes back with `Last-Event-ID` misses none and gets none twice.
Events are read from the log as the client takes them: a slow one costs no memory.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from litestar import Request, get
from litestar.response import Stream

from gateway.http.catalogue import Served
from gateway.http.growth import any_beyond
from gateway.http.guard.authorization import needs
from gateway.http.problems import problem
from gateway.http.service import Service, service_of
from log.codec import tag_of
from log.errors import LogError

READ_BYTES = 1 << 16
LOOK_S = 0.5
"""How often a stream that waits looks whether the server ends."""
HEARTBEAT = b": still here\n\n"
SEPARATOR = "."
"""Between the offsets of a system's id."""


class EventOfSystem(msgspec.Struct, frozen=True):
    """What a system's stream tells of one event."""

    partition: int
    offset: int
    event: Any


@get("/api/{family:str}/{system:str}/partitions/{partition:int}/events")
async def stream_events(
    request: Request[Any, Any, Any], family: str, system: str, partition: int
) -> Stream:
    """Events from `?from=` (an offset, `start` or `end`), or behind `Last-Event-ID`."""
    service = service_of(request)
    served = service.catalogue.find(family, system)
    served.check_partition(partition)
    last_id = request.headers.get("last-event-id")
    wanted = request.query_params.get("from", "start")
    begin = await service.blocking(_begin_of_partition, served, partition, last_id, wanted)
    return _stream(events_from(service, served, begin, of_system=False))


@get("/api/{family:str}/{system:str}/events", opt=needs("read"))
async def stream_system(request: Request[Any, Any, Any], family: str, system: str) -> Stream:
    """Events of all partitions from `?from=` (an id, `start` or `end`), or from `Last-Event-ID`.

    In order within a partition; between partitions as they come.
    """
    service = service_of(request)
    served = service.catalogue.find(family, system)
    last_id = request.headers.get("last-event-id")
    wanted = request.query_params.get("from", "start") if last_id is None else last_id
    begin = await service.blocking(_begin_of_system, served, wanted)
    return _stream(events_from(service, served, begin, of_system=True))


def _stream(texts: AsyncIterator[bytes]) -> Stream:
    return Stream(
        texts,
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _begin_of_partition(
    served: Served, number: int, last_id: str | None, wanted: str
) -> dict[int, int]:
    """The offset to begin at. Blocks. Errors: ProblemFound (400, 410)."""
    if last_id is None and wanted in ("start", "end"):
        return {number: _ends(served, number)[wanted == "end"]}
    offset = _offset(wanted if last_id is None else last_id)
    return {number: _checked(served, number, offset + (last_id is not None))}


def _begin_of_system(served: Served, wanted: str) -> dict[int, int]:
    """By partition. Blocks. Errors: as above."""
    numbers = range(served.partitions)
    if wanted in ("start", "end"):
        return {number: _ends(served, number)[wanted == "end"] for number in numbers}
    offsets = [_offset(text) for text in wanted.split(SEPARATOR)]
    if len(offsets) != len(numbers):
        raise problem(400, f"{wanted!r} is no place: there are {len(numbers)} partitions")
    return {number: _checked(served, number, offsets[number]) for number in numbers}


def _ends(served: Served, number: int) -> tuple[int, int]:
    events = served.log.partition(served.system.events_topic, number)
    return events.log_start, events.high_watermark


def _offset(text: str) -> int:
    """Errors: ProblemFound (400)."""
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise problem(400, f"{text!r} is no place: give an offset, `start` or `end`")
    return int(text)


def _checked(served: Served, number: int, offset: int) -> int:
    """An offset to begin at. Errors: ProblemFound (400, 410)."""
    start, end = _ends(served, number)
    if offset > end:
        raise problem(400, f"the partition ends at offset {end}: there is no {offset} yet")
    if offset < start:
        raise problem(410, f"events before offset {start} are no longer kept: begin there")
    return offset


class _Reading:
    """Where a stream is on one partition."""

    def __init__(self, served: Served, number: int, offset: int) -> None:
        self.number, self.offset = number, offset
        """The offset to read on at."""
        self._events = served.log.partition(served.system.events_topic, number)
        self._codec = served.system.event_codec(self._events.config)
        self._next_sequence = 0

    def read(self, max_bytes: int) -> list[tuple[int, Any]]:
        """Events that come next, with their offsets. Blocks. Errors: LogError."""
        found = []
        for batch in self._events.read(self.offset, max_bytes):
            self.offset = batch.last_offset + 1
            for record in batch:
                event = self._codec.decode(record.value or b"")
                if event.sequence >= self._next_sequence:  # else it is told again (law 5)
                    self._next_sequence = event.sequence + 1
                    found.append((record.offset, event))
        return found


async def events_from(
    service: Service, served: Served, begin: dict[int, int], of_system: bool
) -> AsyncIterator[bytes]:
    """From these offsets, by partition. Never ends by itself, but when the server does, or the
    log refuses."""
    readings = [_Reading(served, number, offset) for number, offset in begin.items()]
    places = list(begin.values())
    """Of the events told so far: where to go on, in the order of the partitions."""
    growths = [service.growth(served, number) for number in begin]
    heartbeat_s = service.limits.heartbeat_s

    def read() -> list[bytes]:
        texts = []
        for at, reading in enumerate(readings):
            for offset, event in reading.read(READ_BYTES // len(readings)):
                places[at] = offset + 1
                name = _vector(places) if of_system else b"%d" % offset
                data = EventOfSystem(reading.number, offset, event) if of_system else event
                texts.append(_as_text(name, event, data))
        return texts

    yield b"retry: 1000\n\n"
    silent_s = 0.0
    while not service.closing.is_set():
        try:
            texts = await service.blocking(read)
        except LogError:
            return  # the client comes back, and is told
        for text in texts:
            yield text
        ends = [(growth, each.offset) for growth, each in zip(growths, readings, strict=True)]
        if texts or await any_beyond(ends, min(LOOK_S, heartbeat_s)):
            silent_s = 0.0
            continue
        silent_s += min(LOOK_S, heartbeat_s)
        if silent_s >= heartbeat_s:
            silent_s = 0.0
            yield HEARTBEAT


def _vector(places: Sequence[int]) -> bytes:
    return SEPARATOR.join(map(str, places)).encode()


def _as_text(name: bytes, event: Any, data: Any) -> bytes:
    value = msgspec.json.encode(data)
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (name, tag_of(type(event)).encode(), value)
