"""`GET .../history`, where the histories of a system begin and end; and `.../history/timeline`,
how many commands and events came in each of so many stretches, by time or by command.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec
from litestar import Response, get

from gateway.http.catalogue import Served
from gateway.http.guard.authorization import needs
from gateway.http.history.answered import HISTORY, Http, arguments, found, json
from gateway.http.history.density import Adoption, Density, differences
from gateway.http.history.moments import refusal_tags
from gateway.http.history.past import Past
from gateway.http.history.places import place_in, whole_number
from gateway.http.problems import problem
from gateway.http.service import service_of
from replay.events import RecordedEvents
from replay.places import find_place
from replay.state import END, Progress

BUCKETS = 200
BUCKETS_MAX = 1000
MARK_S = 0.3
"""So long an answer waits for events to be looked through; the next one goes on there."""
SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1000, 60_000, 3_600_000, 86_400_000
STEPS_MS = (
    *(step * scale for scale in (1, 10, 100) for step in (1, 2, 5)),
    *(step * SECOND_MS for step in (1, 2, 5, 10, 15, 30)),
    *(step * MINUTE_MS for step in (1, 2, 5, 10, 15, 30)),
    *(step * HOUR_MS for step in (1, 2, 3, 6, 12)),
    *(step * DAY_MS for step in (1, 2, 7, 14, 28, 56)),
)
"""Widths of a bucket of time; then twice that, and so on."""
TIME_LIMIT_MS = 1 << 53

Axis = Literal["time", "command"]


class PartitionHistory(msgspec.Struct, frozen=True, kw_only=True):
    """What there is of one partition."""

    partition: int
    commands: int
    """Kept, also those that are not decided yet."""
    events: int
    first: int
    """The offset of the first command that is kept."""
    last: int
    """That of the last one that is decided; -1 for none."""
    first_ms: int | None
    last_ms: int | None


class Histories(msgspec.Struct, frozen=True, kw_only=True):
    """The histories of a system, one a partition."""

    system: str
    rules_version: int
    draws: bool
    """Whether the system draws its states itself."""
    partitions: list[PartitionHistory]


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """So many buckets, each from `begin + n * width`: milliseconds since 1970, or offsets."""

    system: str
    partition: int | None
    """None: all of them."""
    axis: Axis
    begin: int
    width: int
    commands: list[int]
    events: list[int]
    refused: list[int]
    """Events that say that a command was rejected."""
    dead_letters: list[int]
    adoptions: list[Adoption]
    """Where other rules began to decide."""
    marked: float
    """How much of history was looked through for the last four, from 0 to 1: ask again."""
    exact: bool
    """False where rejections or dead letters are so many that their counts are rounded."""


@get(HISTORY, opt=needs("read"))
async def histories(request: Http, family: str, system: str) -> Response[bytes]:
    """Where the histories of a system begin and end."""
    served = found(request, family, system)
    arguments(request, ())
    past = service_of(request).part(Past)

    def look(progress: Progress) -> Histories:
        return Histories(
            system=served.system.name,
            rules_version=served.system.rules_version,
            draws=served.system.render is not None,
            partitions=[_history(served, number) for number in range(served.partitions)],
        )

    return json(await past.working.do(look, request))


def _history(served: Served, number: int) -> PartitionHistory:
    density = Density(served.log, served.system, number, ())
    events = RecordedEvents(served.log, served.system, number)
    ends = density.times() or (None, None)
    return PartitionHistory(
        partition=number,
        commands=density.commands.high_watermark - density.commands.log_start,
        events=density.events.high_watermark - density.events.log_start,
        first=density.commands.log_start,
        last=find_place(events, density.commands, END).command_offset,
        first_ms=ends[0],
        last_ms=ends[1],
    )


@get(HISTORY + "/timeline", opt=needs("read"))
async def timeline(request: Http, family: str, system: str) -> Response[bytes]:
    """Counts of commands and events, of a partition or of all, in buckets `by` time or command,
    `from` a place `until` another (which is in it)."""
    served = found(request, family, system)
    given = arguments(request, ("by", "partition", "from", "until", "buckets"))
    axis = given.get("by", "time")
    if axis not in ("time", "command"):
        raise problem(400, f"by={axis[:80]!r} is neither `time` nor `command`")
    numbers: list[int] = list(range(served.partitions))
    if "partition" in given or axis == "command":
        numbers = [whole_number(given, "partition", 0)]
        served.check_partition(numbers[0])
    buckets = whole_number(given, "buckets", BUCKETS, 1, BUCKETS_MAX)
    begin, until = (_end_of(given, name, axis) for name in ("from", "until"))
    past = service_of(request).part(Past)
    densities = [past.density(served, number, refusal_tags(served)) for number in numbers]
    draw = _by_time if axis == "time" else _by_command

    def look(progress: Progress) -> dict[str, Any]:
        until_s = time.monotonic() + MARK_S
        for each in densities:
            each.density.mark(progress, until_s)
        return draw([each.density for each in densities], begin, until, buckets)

    async with past.turns(densities):
        drawn = await past.working.do(look, request)
    told = Timeline(
        system=served.system.name,
        partition=numbers[0] if "partition" in given or axis == "command" else None,
        axis="time" if axis == "time" else "command",
        **drawn,
        **_marks([each.density for each in densities]),
    )
    return json(told)


def _end_of(given: dict[str, str], name: str, axis: str) -> int | None:
    """One end of the span. Errors: ProblemFound (400)."""
    at = place_in(given.get(name, ""), name)
    if at == END:
        return None
    value = at.time_ms if axis == "time" else at.command_offset
    if value is None or abs(value) >= TIME_LIMIT_MS:
        kind = "a time" if axis == "time" else "a command offset"
        raise problem(400, f"{name}={given[name][:80]!r}: by {axis}, an end is {kind}")
    return value


def _marks(densities: Sequence[Density]) -> dict[str, Any]:
    total = sum(each.events.high_watermark - each.events.log_start for each in densities)
    left = sum(max(each.events.high_watermark - each.marked_to, 0) for each in densities)
    return {
        "adoptions": [adoption for each in densities for adoption in each.adoptions],
        "marked": 1.0 if not left else min(1 - left / max(total, 1), 0.999),
        "exact": all(each.refused.each == each.dead.each == 1 for each in densities),
    }


def _by_time(
    densities: Sequence[Density], begin: int | None, until: int | None, buckets: int
) -> dict[str, Any]:
    ends = [times for each in densities if (times := each.times())]
    first = begin if begin is not None else min((times[0] for times in ends), default=0)
    last = until if until is not None else max((times[1] for times in ends), default=first)
    last = max(last, first)
    width = _width_ms(last - first + 1, buckets)
    start = first // width * width
    edges = list(range(start, last + 1 + width, width))
    return {
        "begin": start,
        "width": width,
        "commands": _summed(densities, edges, lambda each, at: each.commands_before(at)),
        "events": _summed(densities, edges, lambda each, at: each.events_before(at)),
        "refused": _summed(
            densities, edges, lambda each, at: each.refused.below(each.events_before(at))
        ),
        "dead_letters": _summed(
            densities, edges, lambda each, at: each.dead.below(each.events_before(at))
        ),
    }


def _width_ms(span_ms: int, buckets: int) -> int:
    width = next((step for step in STEPS_MS if -(-span_ms // step) < buckets), STEPS_MS[-1])
    while -(-span_ms // width) >= buckets and span_ms > width:
        width *= 2
    return width


def _summed(
    densities: Sequence[Density], edges: Sequence[int], below: Callable[[Density, int], int]
) -> list[int]:
    """Of each bucket, what all partitions have there."""
    each = [differences([below(density, edge) for edge in edges]) for density in densities]
    return [sum(counts) for counts in zip(*each, strict=True)]


def _by_command(
    densities: Sequence[Density], begin: int | None, until: int | None, buckets: int
) -> dict[str, Any]:
    (density,) = densities
    first = max(begin or 0, density.commands.log_start, 0)
    decided = max(density.last_cause, first)
    last = max(decided if until is None else min(until, decided), first)
    width = 1
    while -(-(last - first + 1) // width) > buckets:
        width *= 2
    width = max(width, density.every)
    start = first // width * width
    edges = list(range(start, last + 1 + width, width))
    ends = [density.event_of(edge) for edge in edges]
    high = min(edges[-1], density.last_cause + 1)
    return {
        "begin": start,
        "width": width,
        "commands": differences([min(max(edge, first), high) for edge in edges]),
        "events": differences(ends),
        "refused": differences([density.refused.below(end) for end in ends]),
        "dead_letters": differences([density.dead.below(end) for end in ends]),
    }
