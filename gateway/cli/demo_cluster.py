"""`refold demo` on a Kafka cluster: a day is appended, and whoever is deployed does the rest.

    flow ─► <system>.commands ─► workers of the group ─► <system>.events ─┬► folded here, for the
                                 (or one of the demo's)                   │  picture, and how far
                                                                          └► projectors (or here)

Deployed workers know what time it is: at every timer that is due they append a tick. In a day of
the past all timers would be due at once; so the day begins in a while, and its flow runs ahead of
their clock.
"""

import inspect
import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from gateway.cli.context import Context
from gateway.cli.demo import Day, Deciders, Projecting
from gateway.cli.demo_view import Step
from gateway.cli.interrupts import Interrupts
from gateway.cli.member import member
from gateway.cli.outcome import CommandFailed, ExitCode
from gateway.cli.output import note
from gateway.cli.projecting import bring_up_to_date, opened_store
from gateway.config import Config
from log.backends import wall_clock_ms
from log.backends.kafka import KafkaLog
from log.interface import Log
from processors.core.appender import Appended
from processors.core.fold import Fold
from processors.core.recovery import Recovery
from processors.core.system import System
from projections.core.rebuild import rebuild
from projections.core.store import Store

if TYPE_CHECKING:
    from processors.core.workers.group import GroupWorker

AHEAD_MS = 3_600_000
"""How long from now the day begins, at the earliest."""
STANDSTILLS = 3
"""Times a session timeout, without any progress, until workers are no longer waited for."""
LOOK_AGAIN_S = 0.02
LOOK_EVERY_S = 1.0
"""How often the demo's own read models follow: to hear that there is no more takes a while."""
PAUSE_S = 0.001


class ClusterDay(Day):
    """One demo on Kafka."""

    def check_new(self) -> None:
        """Workers make the topics; but nothing may be on them yet. CommandFailed."""
        system = self.registered.system
        if "start_ms" not in inspect.signature(self.flow).parameters:
            raise CommandFailed(
                f"the flow of {system.name} cannot begin now, and timers of the past would be "
                "due at once on Kafka: let it take the moment, `flow(seed, start_ms=...)`"
            )
        assert isinstance(self.log, KafkaLog)
        log, url = self.log, self.context.config.log
        if any(
            _holds_records(log, topic) for topic in (system.commands_topic, system.events_topic)
        ):
            raise CommandFailed(
                f"{url} holds a history of {system.name} already: give the demo a place of its "
                f"own there, with another prefix: --log {_free_place(log, url)}"
            )
        with opened_store(self.context.config, self.registered) as (_, store):
            _check_read_models(self.context.config, log, store)

    def _flow(self) -> Iterator[tuple[int, Any]]:
        return self.flow(self.seed, start_ms=wall_clock_ms() + AHEAD_MS)

    @contextmanager
    def _deciders(self) -> Iterator[Deciders]:
        assert isinstance(self.log, KafkaLog)
        with ExitStack() as stack:
            yield Group(self.context, self.log, self.systems, self.interrupts, stack)

    def _projecting(self, store: Store) -> Projecting:
        return SharedProjecting(self.context.config, self.log, store)


def _holds_records(log: Log, topic: str) -> bool:
    config = log.topics().get(topic)
    numbers = range(config.partitions if config else 0)
    return any(log.partition(topic, number).high_watermark for number in numbers)


def _free_place(log: KafkaLog, url: str) -> str:
    """The same cluster, with a prefix that nothing has."""
    place, question, query = url.partition("?")
    scheme, _, rest = place.partition("://")
    servers = rest.partition("/")[0]
    topics = log.cluster.partitions()
    prefix = next(
        name
        for name in map("demo{}".format, itertools.count(2))
        if not any(topic.startswith(f"{name}.") for topic in topics)
    )
    return f"{scheme}://{servers}/{prefix}{question}{query}"


def _check_read_models(config: Config, log: Log, store: Store) -> None:
    """The log is empty, so that what read models hold is of another one. In this machine's own
    folder it was there before, and they are made again; elsewhere they may serve: CommandFailed.
    """
    outdated = [
        projection
        for projection in store.catalog.projections.values()
        if (status := store.status(projection)) is not None
        and any(mark.next_offset for mark in status.watermarks.values())
    ]
    if not outdated:
        return
    if config.projections_url:
        raise CommandFailed(
            f"the database of the setting projections_url holds read models of "
            f"{store.catalog.system.name}, and they are of another log: name another database; "
            "or, where that log is no more, make them again (`refold replay rebuild`)"
        )
    note(f"read models of a log that was on {config.log} before are made again")
    for projection in outdated:
        rebuild(log, store, projection)


class Group:
    """The workers of the consumer group decide; as long as it has none, one of the demo's own."""

    def __init__(
        self,
        context: Context,
        log: KafkaLog,
        systems: Sequence[System],
        interrupts: Interrupts,
        stack: ExitStack,
    ) -> None:
        """What is opened is left to `stack` to close."""
        self._context = context
        self._log = log
        self._systems = systems
        self._interrupts = interrupts
        self._stack = stack
        self._own: GroupWorker | None = None
        self._recoveries = {
            (system.name, number): Recovery(log, system, number)
            for system in systems
            for number in range(system.ensure_topics(log))
        }
        self._who = ""
        self._join_if_alone()

    @property
    def folds(self) -> dict[str, list[Fold[Any]]]:
        found: dict[str, list[Fold[Any]]] = {}
        for (name, _), recovery in self._recoveries.items():
            found.setdefault(name, []).append(recovery.fold)
        return found

    def decide(self, appended: Mapping[str, Mapping[int, Appended]], step: Step) -> None:
        """Errors: CommandFailed where nobody does, for long."""
        wanted = {
            (name, number): each.last_offset
            for name, numbers in appended.items()
            for number, each in numbers.items()
        }
        with step.measured():
            self._wait_until(wanted)
        folds = [recovery.fold for recovery in self._recoveries.values()]
        step.count = sum(fold.last_cause + 1 for fold in folds)

    def finish(self, step: Step) -> None:
        while not all(self._followed(system) for system in self._systems):
            self._interrupts.check()
            with step.measured():
                self._wait_until(self._ends())
                time.sleep(LOOK_AGAIN_S)
        self.decide({}, step)

    def _ends(self) -> dict[tuple[str, int], int]:
        """The last command on each partition."""
        return {
            (system.name, number): end - 1
            for system in self._systems
            for name, number in self._recoveries
            if name == system.name
            and (end := self._log.partition(system.commands_topic, number).high_watermark)
        }

    def _followed(self, system: System) -> bool:
        """Whether its reactors and effects are done with all events that there are, and what they
        led to is decided."""
        sources = {(reactor.source or system).name for reactor in system.reactors}
        if system.effects:
            sources.add(system.name)
        committed = self._log.committed(f"{system.name}.reactors")
        return all(
            committed.get((recovery.events.topic, number), 0) >= recovery.events.high_watermark
            for (name, number), recovery in self._recoveries.items()
            if name in sources
        ) and all(
            self._recoveries[place].fold.last_cause >= end for place, end in self._ends().items()
        )

    def _wait_until(self, wanted: dict[tuple[str, int], int]) -> None:
        """Until the command at an offset is decided, of each partition."""
        timeout_s = self._context.config.session_timeout_s
        moved_s, standstills = time.monotonic(), 0
        while wanted:
            self._interrupts.check()
            if self._advance(wanted):
                moved_s, standstills = time.monotonic(), 0
            elif time.monotonic() - moved_s > timeout_s:
                moved_s, standstills = time.monotonic(), standstills + 1
                if standstills == STANDSTILLS:
                    raise CommandFailed(
                        f"nothing was decided for {STANDSTILLS * timeout_s:g} s by {self._who}: "
                        f"do workers run {', '.join(each.name for each in self._systems)}, and "
                        "what do they log?",
                        ExitCode.REFUSED,
                    )
                self._join_if_alone()

    def _advance(self, wanted: dict[tuple[str, int], int]) -> bool:
        """Go one round, and drop what is done; False where nothing moved, after a short wait."""
        moved = self._own is not None and self._own.turn()
        for place in list(wanted):
            recovery = self._recoveries[place]
            fold = recovery.fold
            if recovery.events.wait(fold.next_offset, 0.0):  # a read would wait for an answer
                moved |= recovery.advance()
            if fold.last_cause >= wanted[place] and fold.last_cause_complete:
                del wanted[place]
        if not moved and self._own is not None:
            time.sleep(PAUSE_S)
        elif not moved and wanted:
            first = self._recoveries[min(wanted)]
            first.events.wait(first.fold.next_offset, LOOK_AGAIN_S)
        return moved or not wanted

    def _join_if_alone(self) -> None:
        """Become a worker where there is none; say who decides."""
        if self._own is not None:
            return
        config, who = self._context.config, self._who
        members = self._log.cluster.members(self._log.prefix + config.group)
        if members:
            self._who = f"the group {config.group!r}, members: {members}"
        else:
            self._who = f"the demo itself, as the group {config.group!r} has no member"
            log = self._stack.enter_context(self._context.open_log())
            self._own = self._stack.enter_context(
                member(config, log, self._systems, health_port=0, simulated=True)
            )
        if who != self._who:
            note(f"commands are decided by {self._who}")


class SharedProjecting(Projecting):
    """Read models that projectors may move, which then are waited for at the end."""

    def __init__(self, config: Config, log: Log, store: Store) -> None:
        super().__init__(log, store)
        self._config = config
        self._began_s = time.monotonic()
        self._looked_s = 0.0

    def follow(self, step: Step, events: int) -> None:
        now_s = time.monotonic()
        if self.store.members():
            step.count, step.elapsed_s = _applied(self.store), now_s - self._began_s
        elif now_s - self._looked_s >= LOOK_EVERY_S:
            super().follow(step, events)
            self._looked_s = time.monotonic()

    def finish(self, step: Step, events: int) -> None:
        if self.store.members():
            bring_up_to_date(self._config, self.log, self.store)
        self._looked_s = 0.0
        self.follow(step, events)


def _applied(store: Store) -> int:
    """How many events the read model has applied that is furthest behind."""
    found = []
    for projection in store.catalog.projections.values():
        status = store.status(projection)
        marks = status.watermarks.values() if status is not None else ()
        found.append(sum(mark.next_sequence for mark in marks))
    return min(found, default=0)
