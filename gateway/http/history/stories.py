"""`GET .../history/story`: what led to a command or an event, and what it led to across systems,
as a tree; or the life of all that has a key. `.../history/questions`: queries with arguments that
have an answer, for a page to begin with.

Stories come from `replay/history.py`, over all systems that are served, which share a log.
"""

import asyncio
from typing import Any

import msgspec
from litestar import Response, get

from gateway.http.guard.authorization import HOUSE, needs
from gateway.http.history.answered import HISTORY, Http, arguments, encode, found, json
from gateway.http.history.past import Past
from gateway.http.history.places import whole_number
from gateway.http.problems import problem
from gateway.http.service import Service, service_of
from replay.causal_tree import Message
from replay.history import History, HistoryIndex, InvalidKey, Key, history, parse_key
from replay.state import Progress
from replay.what_if.answers import default_queries

LIMIT = 200
LIMIT_MAX = 1000
FIELD_BYTES_MAX = 1000
KEY_LENGTH_MAX = 500


class Stories:
    """What searches have learned of the log; one search at a time."""

    def __init__(self, service: Service) -> None:
        self.systems = [served.system for served in service.systems]
        self.index = HistoryIndex(service.systems[0].log, self.systems)
        self.turn = asyncio.Lock()

    def close(self) -> None:
        return None


class SuggestedArgument(msgspec.Struct, frozen=True, kw_only=True):
    """One argument of a query."""

    name: str
    kind: str
    required: bool
    value: Any
    """One that has an answer, or its default; null where none is known."""


class SuggestedQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A query, and arguments to ask it with."""

    query: str
    description: str
    answerable: bool
    """Whether all that is required has a value."""
    arguments: list[SuggestedArgument]


@get(HISTORY + "/story", opt=needs("read", HOUSE))
async def story(request: Http, family: str, system: str) -> Response[bytes]:
    """The story `of` a place (`stays.commands/0@12`, `stays.events/0#7`), a key (`order-17`) or a
    field's value (`order_id=17`): at most `limit` messages."""
    served = found(request, family, system)
    given = arguments(request, ("of", "limit"))
    limit = whole_number(given, "limit", LIMIT, 1, LIMIT_MAX)
    service = service_of(request)
    past, stories = service.part(Past), service.part(Stories)
    text = given.get("of", "")
    if len(text) > KEY_LENGTH_MAX:
        raise problem(400, f"of is longer than {KEY_LENGTH_MAX} characters", "no-such-place")
    try:
        named, sought = parse_key(text, stories.systems)
    except InvalidKey as error:
        raise problem(400, str(error), "no-such-place") from error
    within = (named or served.system.name) if isinstance(sought, Key) else None

    def look(progress: Progress) -> History:
        return history(
            served.log,
            stories.systems,
            sought,
            system=within,
            limit=limit,
            progress=progress,
            index=stories.index,
        )

    try:
        async with stories.turn:
            told = await past.working.do(look, request)
    except InvalidKey as error:
        raise problem(404, str(error), "no-such-place") from error
    for root in told.roots:
        _shorten(root)
    return json(told)


def _shorten(root: Message) -> None:
    """Leave out of a tree's fields what nobody reads in one."""
    waiting = [root]
    while waiting:
        message = waiting.pop()
        waiting += message.children
        for name, value in message.fields.items():
            if len(written := encode(value)) > FIELD_BYTES_MAX:
                message.fields[name] = f"{written[:FIELD_BYTES_MAX].decode(errors='ignore')}…"


@get(HISTORY + "/questions", opt=needs("read"))
async def questions(request: Http, family: str, system: str) -> Response[bytes]:
    """The system's queries, with values for their arguments from its commands; those that tell
    what happened best come first."""
    served = found(request, family, system)
    arguments(request, ())
    models = served.models

    def look(progress: Progress) -> list[SuggestedQuery]:
        every = models.queries.values()
        asked = default_queries(models, served.log, queries=every)
        known = {each.name: each.arguments for each in asked}
        best = [each.name for each in models.demo_queries]
        listed = sorted(
            every,
            key=lambda each: best.index(each.name) if each.name in best else len(best),
        )
        return [
            SuggestedQuery(
                query=each.name,
                description=each.description,
                answerable=all(
                    not argument.is_required or argument.name in known.get(each.name, {})
                    for argument in each.arguments
                ),
                arguments=[
                    SuggestedArgument(
                        name=argument.name,
                        kind=argument.shown.partition(": ")[2].partition(" = ")[0],
                        required=argument.is_required,
                        value=known.get(each.name, {}).get(
                            argument.name, None if argument.is_required else argument.default
                        ),
                    )
                    for argument in each.arguments
                ],
            )
            for each in listed
        ]

    return json(await service_of(request).part(Past).working.do(look, request))
