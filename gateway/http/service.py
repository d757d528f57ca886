"""What the handlers share: the systems served, the threads between them and the log, the limits.

Made within the event loop, once the log is open and the tasks run.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from litestar.connection import ASGIConnection

from gateway.actors import actor_headers
from gateway.http.answers import RecordedAnswers
from gateway.http.appending import Appending, Sent, Target, bytes_of
from gateway.http.catalogue import Catalogue, Served
from gateway.http.deciding import Decided, Events, settle
from gateway.http.growth import Growth
from gateway.http.problems import problem
from gateway.http_settings import HttpSettings
from log.backends import wall_clock_ms
from log.envelope import Event
from log.record import NO_HEADERS, Headers
from processors.core.system import place_of
from processors.core.task import Task
from processors.core.workers.embedded import Worker
from processors.core.workers.outside import Settings

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

THREADS = 8
"""For what blocks: queries, and looks into the log."""


class Part(Protocol):
    """What one room keeps while the server runs. Made with the service as its only argument."""

    def __init__(self, service: "Service") -> None: ...

    def close(self) -> None: ...


KindOfPart = TypeVar("KindOfPart", bound=Part)


class Service:
    """Use `close` once the server takes no more requests."""

    def __init__(
        self,
        catalogue: Catalogue,
        settings: HttpSettings,
        effects: Settings | None = None,
        simulated: bool = False,
    ) -> None:
        self.catalogue = catalogue
        self.settings = settings
        self.limits = settings.limits
        self.effects = effects or {}
        """Their settings, as the worker has them: they tell where files lie."""
        self.simulated = simulated
        self.closing = asyncio.Event()
        """Streams end, so that the server can."""
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="refold-http")
        self._appending = Appending(self._loop)
        self._targets = {each.system.name: self._targets_of(each) for each in self.systems}
        self._recorded = {each.system.name: RecordedAnswers(each) for each in self.systems}
        self._growth: dict[tuple[str, int], Growth] = {}
        self._parts: dict[type[Part], Part] = {}
        self.tasks: Sequence[Task] = ()
        """Those of this process; none where others decide."""

    def decided_by(self, worker: Worker) -> None:
        """A worker of this process: it looks at once for what was appended here."""
        self.tasks = worker.tasks
        self._appending.appended = worker.wake

    def part(self, kind: type[KindOfPart]) -> KindOfPart:
        """The one of its kind, made when it is first asked for, in the event loop; closed with
        the service."""
        if kind not in self._parts:
            self._parts[kind] = kind(self)
        return cast(KindOfPart, self._parts[kind])

    @property
    def systems(self) -> Sequence[Served]:
        return list(self.catalogue.systems.values())

    def _targets_of(self, served: Served) -> list[Target]:
        system, log = served.system, served.log
        targets = []
        for number in range(served.partitions):
            events = log.partition(system.events_topic, number)
            decided = Decided(events, system.event_codec(events.config), self._loop)
            commands = log.partition(system.commands_topic, number)
            targets.append(Target(commands, decided, served.bytes_max))
        return targets

    def targets(self, served: Served) -> Sequence[Target]:
        """Its partitions, in their order."""
        return self._targets[served.system.name]

    def send(self, served: Served, command: Any, wait: bool, actor: str = "") -> Sent:
        """Have a command appended to the partitions that it is for, with who sent it in its
        header. Errors: ProblemFound."""
        try:
            value = served.encode(command)
            key, numbers = place_of(served.system.key(command), served.partitions)
        except (ValueError, OverflowError) as error:
            raise problem(400, f"a value cannot be written: {error}", "invalid-body") from error
        headers: Headers = actor_headers(actor) if actor else NO_HEADERS
        if len(value) + len(key or b"") + bytes_of(headers) > served.bytes_max:
            raise problem(413, f"the command is larger than {served.bytes_max} bytes")
        targets = self.targets(served)
        new: Callable[[], Events] = self._loop.create_future
        sent = Sent(
            targets=[targets[number] for number in numbers],
            key=key,
            value=value,
            timestamp=wall_clock_ms(),
            waits=wait,
            awaited=[new() for _ in numbers] if wait else [new()],
            headers=headers,
        )
        self._appending.send(sent)
        return sent

    async def in_time(self, sent: Sent) -> list[list[Event]]:
        """The events of a command, by target, or none where nobody waits for them. Errors:
        ProblemFound, TimeoutError."""
        timer = self._loop.call_later(self.limits.wait_s, _time_out, sent.awaited)
        try:
            return [await each for each in sent.awaited]
        except BaseException:
            sent.give_up()
            raise
        finally:
            timer.cancel()

    @property
    def log_is_away(self) -> bool:
        """Whether commands wait for a log that does not answer."""
        return self._appending.is_away

    def recorded(self, served: Served) -> RecordedAnswers:
        return self._recorded[served.system.name]

    def growth(self, served: Served, number: int) -> Growth:
        """Of the events of a partition."""
        place = served.system.name, number
        if place not in self._growth:
            events = served.log.partition(served.system.events_topic, number)
            self._growth[place] = Growth(events, self._loop)
        return self._growth[place]

    async def blocking(
        self,
        work: Callable[Parameters, Result],
        *arguments: Parameters.args,
        **named: Parameters.kwargs,
    ) -> Result:
        """Do in a thread what may block."""
        return await self._loop.run_in_executor(self._threads, partial(work, *arguments, **named))

    def fail(self, error: Exception) -> None:
        """Commands are decided no more: whoever waits is told."""
        for targets in self._targets.values():
            for target in targets:
                target.decided.fail(error)

    def close(self) -> None:
        for part in self._parts.values():
            part.close()
        self._appending.close()
        for targets in self._targets.values():
            for target in targets:
                target.decided.close()
        for growth in self._growth.values():
            growth.close()
        self._threads.shutdown()


def _time_out(awaited: Sequence[Events]) -> None:
    settle([(each, TimeoutError()) for each in awaited])


def service_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Service:
    return cast(Service, connection.app.state.service)
