"""Two moments compared: `GET .../history/partitions/<n>/compare`, the fields in which the states
differ; and `.../history/queries/<name>/compare`, the rows in which what a query said does.
"""

from typing import Any

import msgspec
from litestar import Response, get

from gateway.http.guard.authorization import needs
from gateway.http.history.answered import HISTORY, PARTITION, Http, arguments, found, json
from gateway.http.history.past import Past
from gateway.http.history.places import place_in, whole_number
from gateway.http.problems import problem
from gateway.http.service import service_of
from processors.core.decider import digest
from processors.core.system import System
from replay.differences import FieldDifference, compare_rows, compare_values
from replay.places import Place
from replay.row_names import WrittenRows, written_rows
from replay.state import At, Progress
from replay.stepping import Stepper

DIFFERENCES_SHOWN = 1000
ROWS_SHOWN = 200
OWN = ("left", "right", "partition")


class StatePlace(msgspec.Struct, frozen=True, kw_only=True):
    """Which state was compared."""

    command_offset: int
    at_ms: int
    next_sequence: int
    rules_version: int
    digest: str


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Two states of a partition, and the first fields that differ."""

    system: str
    partition: int
    left: StatePlace
    right: StatePlace
    count: int
    fields: list[FieldDifference]


class ToldThen(msgspec.Struct, frozen=True, kw_only=True):
    """What a query said at a place: the first rows (one, none)."""

    places: list[Place]
    """Of each partition."""
    count: int
    rows: list[Any]


class QueryCompared(msgspec.Struct, frozen=True, kw_only=True):
    """What a query said at two places, and the first fields that differ."""

    system: str
    query: str
    left: ToldThen
    right: ToldThen
    count: int
    fields: list[FieldDifference]


@get(PARTITION + "/compare", opt=needs("read"))
async def compare(request: Http, family: str, system: str, partition: int) -> Response[bytes]:
    """The states at two places, `left` and `right`: the fields that differ."""
    served = found(request, family, system, partition)
    given = arguments(request, ("left", "right"))
    sides = [place_in(given.get(name, ""), name) for name in ("left", "right")]

    def look(stepper: Stepper, progress: Progress) -> Compared:
        left, right = (_written(served.system, stepper, at, progress) for at in sides)
        differences = compare_rows(left[1], right[1]) if left[0].digest != right[0].digest else []
        return Compared(
            system=served.system.name,
            partition=partition,
            left=left[0],
            right=right[0],
            count=len(differences),
            fields=differences[:DIFFERENCES_SHOWN],
        )

    past = service_of(request).part(Past)
    return json(await past.look(request, served, partition, look))


def _written(
    system: System, stepper: Stepper, at: At, progress: Progress
) -> tuple[StatePlace, WrittenRows]:
    """A state's rows; the stepper moves on."""
    fold = stepper.fold_at(at, progress)
    state_format = system.decider.state_format
    place = StatePlace(
        command_offset=fold.last_cause,
        at_ms=fold.at,
        next_sequence=fold.next_sequence,
        rules_version=fold.rules_version,
        digest=digest(state_format, fold.state),
    )
    return place, written_rows(state_format.row_type, state_format.to_rows(fold.state))


@get(HISTORY + "/queries/{name:str}/compare", opt=needs("read"))
async def compare_query(request: Http, family: str, system: str, name: str) -> Response[bytes]:
    """What a query said at two places, `left` and `right` (offsets are of a `partition`); its own
    arguments stand beside these."""
    served = found(request, family, system)
    if name.replace("-", "_") not in served.models.queries:
        raise problem(404, f"{served.system.name} has no query {name!r}")
    query = served.models.query(name)
    given = list(request.query_params.multi_items())
    own = dict[str, str]((key, value) for key, value in given if key in OWN)
    if len(own) < sum(key in OWN for key, _ in given):
        raise problem(400, f"each of {', '.join(OWN)} stands at most once")
    number = whole_number(own, "partition", 0) if "partition" in own else None
    if number is not None:
        served.check_partition(number)
    sides = [place_in(own.get(side, ""), side) for side in ("left", "right")]
    asked = query.parse(
        [f"{key.replace('-', '_')}={value}" for key, value in given if key not in OWN]
    )
    past = service_of(request).part(Past)

    def look(progress: Progress) -> QueryCompared:
        left, right = (
            past.models.answer(served, query, asked, at, number, progress) for at in sides
        )
        rows = [_rows_of(each.result) for each in (left, right)]
        differences = list(compare_values(rows[0], rows[1]))
        return QueryCompared(
            system=served.system.name,
            query=query.name,
            left=ToldThen(places=left.places, count=len(rows[0]), rows=rows[0][:ROWS_SHOWN]),
            right=ToldThen(places=right.places, count=len(rows[1]), rows=rows[1][:ROWS_SHOWN]),
            count=len(differences),
            fields=differences[:DIFFERENCES_SHOWN],
        )

    return json(await past.working.do(look, request))


def _rows_of(result: Any) -> list[Any]:
    told = msgspec.to_builtins(result, str_keys=True)
    return told if isinstance(told, list) else [] if told is None else [told]
