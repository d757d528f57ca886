"""`GET .../queries/<name>`: the named queries of a system's read models.

Beside a query's own arguments there are those of `Asking`. Read models follow the events:
`min_sequence` and `partition` wait until they have applied one, and the entity tag says what they
had applied. `at` asks them as they were; `page_size` and `cursor` give rows by the page, with the
address of the next in the `Link` header (RFC 8288). A query that reads the clock (its argument
`now_ms` is left out) has no tag.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, get
from litestar.types import ASGIApp

from gateway.http.catalogue import INTEGERS, Served
from gateway.http.history.past import Past
from gateway.http.history.past_models import KeptModels
from gateway.http.history.places import place_in
from gateway.http.kept_answers import Answered
from gateway.http.paging import PageSize, Run, page_of
from gateway.http.problems import ProblemFound, problem
from gateway.http.ready import header_of
from gateway.http.service import Service, service_of
from projections.core.read_models import Query
from replay.state import Progress

LOOK_AGAIN_S = 0.01

encode = msgspec.json.Encoder(decimal_format="string").encode


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """How a query is asked, whatever it asks."""

    min_sequence: int | None = None
    partition: int | None = None
    page_size: PageSize | None = None
    cursor: str = ""
    at: str = ""


@get("/api/{family:str}/{system:str}/queries/{name:str}")
async def ask(request: Request[Any, Any, Any], family: str, system: str, name: str) -> ASGIApp:
    """Ask a system's read models."""
    service = service_of(request)
    served = service.catalogue.find(family, system)
    if name.replace("-", "_") not in served.models.queries:
        raise _no_query(served, name)
    asked = served.models.query(name)
    question = asked.name, request.scope["query_string"]
    tag = await served.answers.tag(partial(service.blocking, served.applied.tag))
    answered = served.answers.find(question)
    if answered is None:
        arguments, asking = parse(asked, request.query_params.multi_items())
        if asking.min_sequence is not None:
            await _wait_for(service, served, asking)
            tag = await service.blocking(served.applied.tag)
        if asking.at:
            past = service.part(Past)
            work = partial(answer_then, past.models, served, asked, arguments, asking)
            then = await past.working.do(work, request)
            answered = Answered("", *then)
        else:
            clocked = asked.reads_clock(arguments)
            run = partial(asked.run, served.store)

            async def make() -> Answered:
                made = await service.blocking(answer, asked, run, arguments, asking)
                return Answered("" if clocked else tag, *made)

            if clocked or asking.min_sequence is not None:
                answered = await make()
            else:
                answered = await served.answers.ask(question, make)
    return _respond(request, answered)


def parse(asked: Query, given: Iterable[tuple[str, str]]) -> tuple[dict[str, Any], Asking]:
    """A query's own arguments, and the others. Errors: ProblemFound (400), QueryError."""
    own = {argument.name for argument in asked.arguments}
    texts, others = [], dict[str, str]()
    for name, value in given:
        plain = name.replace("-", "_")
        if plain in Asking.__struct_fields__ and plain not in own:
            if plain in others:
                raise problem(400, f"{name} is given twice", "invalid-query")
            others[plain] = value
        elif plain.isidentifier():
            texts.append(f"{plain}={value}")
        else:
            raise problem(400, f"there is no argument {name!r}: {asked.usage}", "invalid-query")
    try:
        asking = msgspec.convert(others, Asking, strict=False)
    except msgspec.ValidationError as error:
        text, _, name = str(error).partition(" - at `$.")
        raise problem(400, f"{name.rstrip('`')}: {text}", "invalid-query") from error
    _check(asked, asking)
    arguments = asked.parse(texts)
    for name, value in arguments.items():
        if type(value) is int and not -INTEGERS <= value < INTEGERS:
            raise problem(400, f"{name}: the integer has more than 64 bits", "invalid-query")
    return arguments, asking


def _check(asked: Query, asking: Asking) -> None:
    if asking.min_sequence is not None and (asking.partition is None or asking.at):
        raise problem(
            400,
            "min_sequence waits for an event of now: it goes with partition, and without at",
            "invalid-query",
        )
    if asking.partition is not None and asking.min_sequence is None and not asking.at:
        raise problem(400, "partition goes with min_sequence or at", "invalid-query")
    if asking.page_size is not None and not asked.lists:
        raise problem(400, f"{asked.name} gives no rows, so it has no pages", "invalid-query")
    if asking.cursor and asking.page_size is None:
        raise problem(400, "cursor goes with page_size", "invalid-query")


def answer(
    asked: Query, run: Run, arguments: Mapping[str, Any], asking: Asking
) -> tuple[bytes, str]:
    """The body, and the cursor of the next page. Blocks. Errors: ProblemFound (400, 410)."""
    try:
        if asking.page_size is None:
            return encode(run(arguments)), ""
        page = page_of(asked, run, arguments, asking.page_size, asking.cursor)
    except OverflowError as error:
        raise problem(400, f"a number is too large: {asked.usage}", "invalid-query") from error
    return encode(page.rows), page.next


def answer_then(
    kept: KeptModels,
    served: Served,
    asked: Query,
    arguments: Mapping[str, Any],
    asking: Asking,
    progress: Progress,
) -> tuple[bytes, str]:
    """As `answer`, of read models as they were. Errors: also ProblemFound (404)."""
    at = place_in(asking.at)
    if at.command_offset is not None and asking.partition is None and served.partitions > 1:
        raise problem(400, "at is a command's offset: name its partition too", "invalid-query")

    def run(given: Mapping[str, Any]) -> Any:
        return kept.answer(served, asked, given, at, asking.partition, progress).result

    return answer(asked, run, arguments, asking)


async def _wait_for(service: Service, served: Served, asking: Asking) -> None:
    """Until the read models have applied the event that the caller wants to see."""
    sequence, number = asking.min_sequence or 0, asking.partition or 0
    served.check_partition(number)
    deadline_s = time.monotonic() + service.limits.wait_s
    while not await service.blocking(served.applied.has_applied, number, sequence):
        if time.monotonic() >= deadline_s:
            raise problem(
                504,
                f"the read models have not applied sequence {sequence} of partition {number} yet: "
                "they follow where `refold serve`, `run` or `project` runs",
                "not-applied-yet",
            )
        await asyncio.sleep(LOOK_AGAIN_S)


def _respond(request: Request[Any, Any, Any], answered: Answered) -> ASGIApp:
    known = header_of(request.scope, b"if-none-match") or ""
    if answered.tag and answered.tag in (each.strip() for each in known.split(",")):
        return answered.not_modified
    if not answered.following:
        return answered.whole
    kept = [each for each in request.query_params.multi_items() if each[0] != "cursor"]
    address = f"{request.url.path}?{urlencode([*kept, ('cursor', answered.following)])}"
    return answered.whole.with_header(b"link", f'<{address}>; rel="next"'.encode())


def _no_query(served: Served, name: str) -> ProblemFound:
    names = ", ".join(served.models.queries) or "none"
    return problem(404, f"{served.system.name} has no query {name!r}; there are {names}")
