"""What the room keeps while the server runs: the threads, and steppers on the histories that were
looked at last, so that the next look is near where one stands already.

Bounded: so many steppers, each with so many bytes of kept folds; beside these, a stepper holds a
state as large as the task's own.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

from litestar import Request

from gateway.http.catalogue import Served
from gateway.http.history.density import Density
from gateway.http.history.past_models import KeptModels
from gateway.http.history.places import placed
from gateway.http.history.working import Working
from gateway.http.problems import problem
from gateway.http.service import Service
from log.errors import OffsetOutOfRange
from projections.core.read_models import Query
from replay.query_at import AnswerAt
from replay.state import At, Progress
from replay.stepping import Keeping, Stepper

STEPPERS_MAX = 6
DENSITIES_MAX = 64
KEEPING = Keeping(folds_max=128, bytes_max=48 << 20, every_commands_min=1024)

Result = TypeVar("Result")
Look = Callable[[Stepper, Progress], Result]


class _Standing:
    """One history, and who looks at it now: one at a time."""

    def __init__(self, served: Served, number: int) -> None:
        self._served = served
        self._number = number
        self._stepper: Stepper | None = None
        self.turn = asyncio.Lock()

    def look(self, look: Look[Result], progress: Progress) -> Result:
        """Errors: ProblemFound (404) for a place outside of history; those of the log."""
        stepper = self._reached()
        try:
            return look(stepper, progress)
        except OffsetOutOfRange:
            # Perhaps retention has taken what it stood on.
            self._stepper = None
            with placed():
                return look(self._reached(), progress)

    def _reached(self) -> Stepper:
        served, number = self._served, self._number
        if self._stepper is None:
            commands = served.log.partition(served.system.commands_topic, number)
            if not commands.high_watermark:
                raise problem(404, f"{commands.topic}-{number} holds no command yet", "no-history")
            with placed():
                snapshots = served.snapshots and served.snapshots(served.system, number)
                self._stepper = Stepper(
                    served.log, served.system, number, snapshots or None, keeping=KEEPING
                )
        else:
            self._stepper.go_on()
        return self._stepper


class _Dense:
    """The density of one partition, and who looks at it now."""

    def __init__(self, served: Served, number: int, refusals: Collection[str]) -> None:
        self.density = Density(served.log, served.system, number, refusals)
        self.turn = asyncio.Lock()


class Past:
    """The part of the service that this room is."""

    def __init__(self, service: Service) -> None:
        self.working = Working()
        self.models = KeptModels()
        self._standing: OrderedDict[tuple[str, int], _Standing] = OrderedDict()
        self._densities: OrderedDict[tuple[str, int], _Dense] = OrderedDict()

    async def look(
        self, request: Request[Any, Any, Any], served: Served, number: int, look: Look[Result]
    ) -> Result:
        """Have a look at a partition's history, from a stepper on it. Errors: ProblemFound."""
        place = served.system.name, number
        standing = self._standing.setdefault(place, _Standing(served, number))
        self._standing.move_to_end(place)
        if len(self._standing) > STEPPERS_MAX:
            self._standing.popitem(last=False)
        async with standing.turn:
            return await self.working.do(lambda progress: standing.look(look, progress), request)

    def density(self, served: Served, number: int, refusals: Collection[str]) -> _Dense:
        """That of a partition; take its turn before it is asked."""
        place = served.system.name, number
        dense = self._densities.get(place)
        if dense is None:
            dense = self._densities[place] = _Dense(served, number, refusals)
        self._densities.move_to_end(place)
        if len(self._densities) > DENSITIES_MAX:
            self._densities.popitem(last=False)
        return dense

    @asynccontextmanager
    async def turns(self, densities: Sequence[_Dense]) -> AsyncIterator[None]:
        """Have the turns of some partitions of one system, in their order."""
        async with AsyncExitStack() as stack:
            for each in densities:
                await stack.enter_async_context(each.turn)
            yield

    def close(self) -> None:
        self.working.close()
        self.models.close()


async def answer_at(
    service: Service,
    served: Served,
    query: Query,
    arguments: Mapping[str, Any],
    at: At,
    *,
    partition: int | None = None,
    request: Request[Any, Any, Any] | None = None,
) -> AnswerAt:
    """What a query said at a place in history; `arguments` are as `Query.parse` gives them.

    Where the place is a command's offset and the system has several partitions, `partition` names
    one. With the `request`, it ends when the client is gone.
    Errors: ProblemFound (404, 503); those of the query.
    """
    past = service.part(Past)

    def work(progress: Progress) -> AnswerAt:
        return past.models.answer(served, query, arguments, at, partition, progress)

    return await past.working.do(work, request)
