"""`POST .../history/what-if`: recorded commands played again with some edited, in the background;
`GET .../history/what-if/<id>` tells how far it is, and what would be other; `DELETE` ends it.

A body that names `rules` (a module, a git revision) has this machine run that code: only where the
server was told to allow it.
"""

from typing import Any

import msgspec
from litestar import Response, delete, get, post

from gateway.http.catalogue import Served
from gateway.http.guard.authorization import needs
from gateway.http.history.alternatives import Alternative, Alternatives
from gateway.http.history.answered import HISTORY, Http, arguments, found, json
from gateway.http.history.past import Past
from gateway.http.history.places import place_in
from gateway.http.problems import body_problem, problem
from gateway.http.service import service_of
from log.errors import LogError
from replay.state import END, At, Progress
from replay.stretch import Chosen, stretches_of
from replay.what_if import Question, WhatIfFailed
from replay.what_if.answers import parse_queries
from replay.what_if.edits import Edits

COMMANDS_MAX = 200_000
EDITS_MAX = 1000
QUERIES_MAX = 10


class WhatIfAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What would be, if."""

    partition: int | None = None
    """None: all of them."""
    since: str = ""
    """A place; what is before is as it was recorded."""
    until: str = ""
    """A place; what is after is left out."""
    edits: list[dict[str, Any]] = []
    """As `refold replay what-if --edit` takes them: `{"op": "remove", "offset": 12}`,
    `{"op": "change", "offset": 12, "set": {...}}`, `{"op": "add", "after": 12, "command": {...}}`,
    each with its `partition` where there are several."""
    queries: list[str] | None = None
    """Such as `candles ACME interval=1h`; None: those that tell what happened best."""
    rules: str = ""
    """A module or a git revision to decide by, where the server allows it."""


@post(HISTORY + "/what-if", status_code=202)
async def ask_what_if(request: Http, family: str, system: str) -> Response[bytes]:
    """Begin a what-if: 202, with where to ask for it."""
    served = found(request, family, system)
    service = service_of(request)
    asked = await _asked(request)
    if asked.rules and not service.settings.what_if_rules:
        raise problem(
            403,
            "this server runs no code that a request names: whoever runs it can allow it",
            "rules-not-allowed",
        )
    if not asked.rules and not asked.edits:
        raise problem(400, "there is nothing to compare: give edits or rules", "invalid-body")

    def check(progress: Progress) -> Question:
        return question_of(served, asked)

    question = await service.part(Past).working.do(check, request)
    told = service.part(Alternatives).begin(served, question, asked.rules)
    return json(told, 202, {"Location": told.location})


@get(HISTORY + "/what-if/{name:str}", opt=needs("read"))
async def find_what_if(request: Http, family: str, system: str, name: str) -> Response[bytes]:
    """How far a what-if is, and what would be other."""
    served = found(request, family, system)
    arguments(request, ())
    return json(service_of(request).part(Alternatives).find(served, name))


@delete(HISTORY + "/what-if/{name:str}", status_code=200)
async def end_what_if(request: Http, family: str, system: str, name: str) -> Response[bytes]:
    """End a what-if, or forget one that is done."""
    served = found(request, family, system)
    told: Alternative = service_of(request).part(Alternatives).cancel(served, name)
    return json(told)


async def _asked(request: Http) -> WhatIfAsked:
    """Errors: ProblemFound (400, 415)."""
    if request.content_type[0] != "application/json":
        raise problem(415, "a what-if is JSON: send it with Content-Type: application/json")
    try:
        return msgspec.json.decode(await request.body(), type=WhatIfAsked)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise body_problem(error) from error


def question_of(served: Served, asked: WhatIfAsked) -> Question:
    """What is asked, checked as far as it can be before anything is decided. Blocks.

    Errors: ProblemFound (400, 404, 422).
    """
    system, log = served.system, served.log
    since, until = place_in(asked.since, "since"), place_in(asked.until, "until")
    if asked.partition is not None:
        served.check_partition(asked.partition)
    if len(asked.edits) > EDITS_MAX or len(asked.queries or ()) > QUERIES_MAX:
        raise problem(422, f"at most {EDITS_MAX} edits and {QUERIES_MAX} queries")
    edits = [msgspec.json.encode(edit) for edit in asked.edits]
    config = log.topics()[system.commands_topic]
    try:
        Edits(edits, system, config, served.partitions)
        if asked.queries is not None:
            parse_queries(served.models, asked.queries)
    except WhatIfFailed as error:
        raise problem(422, str(error), "invalid-edit") from error
    _check_stretch(served, asked.partition, since, until)
    return Question(
        edits=edits,
        numbers=None if asked.partition is None else [asked.partition],
        since=None if since == END else since,
        until=until,
        queries=asked.queries,
    )


def _check_stretch(served: Served, partition: int | None, since: At, until: At) -> None:
    try:
        stretches = stretches_of(served.log, served.system, Chosen(since=since, until=until))
    except LogError as error:
        raise problem(422, str(error), "no-such-place") from error
    commands = sum(
        each.end - each.begin for each in stretches if partition in (None, each.partition)
    )
    if commands > COMMANDS_MAX:
        raise problem(
            422,
            f"the stretch holds {commands:,} commands, and a what-if here takes {COMMANDS_MAX:,}: "
            "name a later `since` or an earlier `until`",
            "stretch-too-long",
        )
