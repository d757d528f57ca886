"""`GET .../history/partitions/<n>/moment`: a command, its events, and the state as they left it;
and `.../find`, the next command that has a text.

A moment comes from a stepper (`replay/stepping.py`), which keeps folds in memory on its way, so
that the next one is near. `changes=false` leaves out what the command changed, which takes most of
the time: for the drag of a hand.
"""

from typing import Any

import msgspec
from litestar import Response, get

from gateway.http.answers import is_refusal
from gateway.http.catalogue import Served
from gateway.http.guard.authorization import needs
from gateway.http.history.answered import PARTITION, Http, arguments, flag, found, json
from gateway.http.history.past import Past
from gateway.http.history.places import OFFSET_MAX, place_in, whole_number
from gateway.http.problems import problem
from gateway.http.service import service_of
from log.codec import tag_of
from processors.core.messages import CORE_EVENTS, CommandDeadLettered
from replay.differences import FieldDifference
from replay.state import Progress
from replay.stepping import Glance, Step, Stepper
from replay.text_search import Told

EVENTS_SHOWN = 200
CHANGES_SHOWN = 500
RENDERING_LENGTH_MAX = 100_000
TEXT_LENGTH_MAX = 200


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What a command changed in the state."""

    count: int
    """Of fields; the first ones are here."""
    fields: list[FieldDifference]


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """A command of a partition, its events, and the state after them."""

    system: str
    partition: int
    first: int
    """The offset of the first command that there is a state after."""
    last: int
    """That of the last one that is decided by now."""
    command_offset: int
    previous: int | None
    """Offsets to step to; None: there is nothing on that side."""
    next: int | None
    at_ms: int
    """The latest timestamp so far, in milliseconds since 1970."""
    next_sequence: int
    """How many events led to the state."""
    rules_version: int
    command: Told | None
    """None where it is no longer kept."""
    events: list[Told]
    """The first ones; with the adoption of rules that the command began with, if any."""
    events_count: int
    refused: bool
    """Whether the command was rejected, or is a dead letter."""
    rendering: str
    """The state as its system draws it, or else its first rows."""
    digest: str | None
    """Of the state. Like `changes`, left out where it was not asked for."""
    changes: Changes | None


class FoundText(msgspec.Struct, frozen=True, kw_only=True):
    """Where a text stands next."""

    command_offset: int | None


@get(PARTITION + "/moment", opt=needs("read"))
async def moment(request: Http, family: str, system: str, partition: int) -> Response[bytes]:
    """The moment `at` a place, or `by` so many commands from there."""
    served = found(request, family, system, partition)
    given = arguments(request, ("at", "by", "changes"))
    at = place_in(given.get("at", ""))
    by = whole_number(given, "by", 0, -OFFSET_MAX)
    with_changes = flag(given, "changes", default=True)

    def look(stepper: Stepper, progress: Progress) -> Moment:
        offset = stepper.offset_at(at)
        if by:
            offset = stepper.offset_by(by, offset)
        seen = stepper.at(offset, progress) if with_changes else stepper.glance(offset, progress)
        return moment_of(served, stepper, seen)

    past = service_of(request).part(Past)
    return json(await past.look(request, served, partition, look))


@get(PARTITION + "/find", opt=needs("read"))
async def find(request: Http, family: str, system: str, partition: int) -> Response[bytes]:
    """The next command `after` an offset that has the `text`, or an event of which has it."""
    served = found(request, family, system, partition)
    given = arguments(request, ("text", "after"))
    text = given.get("text", "")
    if not 0 < len(text) <= TEXT_LENGTH_MAX:
        raise problem(400, f"text is what to look for: 1 to {TEXT_LENGTH_MAX} characters")
    after = whole_number(given, "after", -1, -1)

    def look(stepper: Stepper, progress: Progress) -> FoundText:
        if after >= stepper.last:
            return FoundText(command_offset=None)
        return FoundText(
            command_offset=stepper.find(text, max(after, stepper.first - 1), progress)
        )

    past = service_of(request).part(Past)
    return json(await past.look(request, served, partition, look))


def moment_of(served: Served, stepper: Stepper, seen: Glance) -> Moment:
    """What is told of a step, cut to what people read."""
    offset = seen.command_offset
    rendering = seen.rendering
    if len(rendering) > RENDERING_LENGTH_MAX:
        rendering = f"{rendering[:RENDERING_LENGTH_MAX]}\n... and more"
    changes = None
    if isinstance(seen, Step):
        shown = seen.differences[:CHANGES_SHOWN]
        changes = Changes(count=len(seen.differences), fields=shown)
    refusals = refusal_tags(served)
    return Moment(
        system=seen.system,
        partition=seen.partition,
        first=stepper.first,
        last=stepper.last,
        command_offset=offset,
        previous=offset - 1 if offset > stepper.first else None,
        next=offset + 1 if offset < stepper.last else None,
        at_ms=seen.at,
        next_sequence=seen.next_sequence,
        rules_version=seen.rules_version,
        command=seen.command,
        events=seen.events[:EVENTS_SHOWN],
        events_count=len(seen.events),
        refused=any(event.type in refusals for event in seen.events),
        rendering=rendering,
        digest=seen.digest if isinstance(seen, Step) else None,
        changes=changes,
    )


def refusal_tags(served: Served) -> frozenset[str]:
    """The types of events that say that a command was rejected, or is a dead letter."""
    kinds: tuple[type[Any], ...] = (*served.system.events, *CORE_EVENTS)
    dead = {tag_of(CommandDeadLettered)}
    return frozenset({tag_of(kind) for kind in kinds if is_refusal(kind)} | dead)
