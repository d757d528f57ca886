"""All live queries and connections of the server: who asks the same shares one live query.

Made when the first WebSocket comes; `Connection` calls in, live queries and pulses run here.
"""

import asyncio
import logging
from typing import Any, Protocol

import msgspec

from gateway.http.catalogue import BODY_ERRORS, Served
from gateway.http.live.live_query import Asked, LiveQuery, Subscriber
from gateway.http.live.pulse import Pulse
from gateway.http.problems import body_problem, problem
from gateway.http.service import Service
from projections.core.errors import nearest
from projections.core.read_models import CLOCK, REQUIRED, Query

logger = logging.getLogger("refold.http")


class Ends(Protocol):
    """What is told that the server ends: a connection."""

    def end(self) -> None: ...


class LiveQueries:
    """See `Service.part`."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.limits = service.settings.live
        self.connections: set[Ends] = set()
        self._queries: dict[Asked, LiveQuery] = {}
        self._pulses: dict[str, Pulse] = {}
        self._kinds: dict[tuple[str, str], type[Any]] = {}
        self._turns = asyncio.Semaphore(self.limits.queries_at_once)
        self._ending = asyncio.create_task(self._end_with_server())

    @property
    def subscriptions(self) -> int:
        return sum(len(each.subscribers) for each in self._queries.values())

    def subscribe(
        self, served: Served, name: str, arguments: bytes, subscriber: Subscriber
    ) -> tuple[Asked, LiveQuery]:
        """Errors: ProblemFound (400, 404, 503)."""
        name = name.replace("-", "_")
        queries = served.models.queries
        if name not in queries:
            hint = nearest(name, queries)
            raise problem(404, f"{served.system.name} has no query {name!r}: {hint}")
        query = queries[name]
        given = self._convert(served, query, arguments)
        asked = Asked(served.system.name, name, msgspec.json.encode(given))
        live = self._queries.get(asked)
        if live is None:
            if len(self._queries) >= self.limits.queries_max:
                raise problem(503, f"{len(self._queries)} live queries run: come back later")
            live = self._queries[asked] = self._start(served, query, given)
        live.subscribers[subscriber] = None
        return asked, live

    def unsubscribe(self, asked: Asked, subscriber: Subscriber) -> None:
        """The last one ends the live query."""
        live = self._queries.get(asked)
        if live is None or subscriber not in live.subscribers:
            return
        del live.subscribers[subscriber]
        if live.subscribers:
            return
        del self._queries[asked]
        live.task.cancel()
        live.pulse.listeners -= 1
        if not live.pulse.listeners:
            del self._pulses[asked.system]
            live.pulse.task.cancel()

    def _start(self, served: Served, query: Query, given: dict[str, Any]) -> LiveQuery:
        pulse = self._pulses.get(served.system.name)
        if pulse is None:
            pulse = Pulse(self.service, served, self.limits.frame_ms / 1000)
            pulse.task.add_done_callback(_log_failure)
            self._pulses[served.system.name] = pulse
        pulse.listeners += 1
        reads_clock = query.reads_clock(given)
        live = LiveQuery(
            self.service, pulse, self._turns, self.limits, served, query, given, reads_clock
        )
        live.task.add_done_callback(_log_failure)
        return live

    def _convert(self, served: Served, query: Query, arguments: bytes) -> dict[str, Any]:
        """Typed, and with those left out at their defaults, but for the clock. Errors:
        ProblemFound (400)."""
        place = served.system.name, query.name
        if place not in self._kinds:
            self._kinds[place] = _struct_of(query)
        kind = self._kinds[place]
        try:
            values = msgspec.json.decode(arguments, type=kind, strict=False)
        except (*BODY_ERRORS, ValueError, TypeError) as error:
            found = body_problem(error)
            found.problem.type = "urn:refold:problem:invalid-query"
            found.problem.path = "$.arguments" + found.problem.path.removeprefix("$")
            raise found from error
        given = {name: getattr(values, name) for name in kind.__struct_fields__}
        defaults = {each.name: each.default for each in query.arguments}
        if CLOCK in given and given[CLOCK] == defaults[CLOCK]:
            del given[CLOCK]
        return given

    async def _end_with_server(self) -> None:
        await self.service.closing.wait()
        for connection in list(self.connections):
            connection.end()

    def close(self) -> None:
        queries = [each.task for each in self._queries.values()]
        pulses = [each.task for each in self._pulses.values()]
        for task in (*queries, *pulses, self._ending):
            task.cancel()


def _struct_of(query: Query) -> type[Any]:
    fields: list[Any] = [
        (each.name, each.type)
        if each.default is REQUIRED
        else (each.name, each.type, each.default)
        for each in query.arguments
    ]
    return msgspec.defstruct(query.name, fields, kw_only=True, forbid_unknown_fields=True)


def _log_failure(task: asyncio.Task[None]) -> None:
    """A mistake of ours: nobody waits for these tasks."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("live queries", exc_info=error)
