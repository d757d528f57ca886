"""The reactors of a system at one events partition: events in, commands of other systems out."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from log.errors import LogError
from log.interface import Log
from log.record import StoredRecord
from processors.core.appender import Appender
from processors.core.reactor import React, Reactor
from processors.core.system import System
from processors.core.task import TaskFailed

Told = Callable[[int], None]
"""Called with how many commands are durable, once a batch."""


class Reacting:
    """A listener of `follower.py`. `source` is the system whose events these are."""

    is_full = False
    unfinished = None
    """A batch is durable when it is settled, and there is nothing to wait for."""

    def __init__(
        self,
        log: Log,
        owner: System,
        source: System,
        number: int,
        reactors: Sequence[Reactor],
        told: Told,
    ) -> None:
        self._name = f"{owner.name}, reacting to {source.events_topic}-{number}"
        self._topic, self._number = source.events_topic, number
        self._told = told
        targets = [reactor.target or owner for reactor in reactors]
        self._appenders = {target.name: Appender(log, target) for target in targets}
        self._on: dict[type[Any], list[tuple[str, React, Appender]]] = {}
        for reactor, target in zip(reactors, targets, strict=True):
            appender = self._appenders[target.name]
            for kind, react in reactor.on.items():
                self._on.setdefault(kind, []).append((reactor.name, react, appender))

    @property
    def kinds(self) -> Iterable[type[Any]]:
        return self._on

    def take(self, event: Any, record: StoredRecord, at: int) -> None:
        reacts = self._on.get(type(event))
        if reacts is None:
            return
        topic, number, sequence = self._topic, self._number, event.sequence
        headers, index = record.headers, 0
        for name, react, appender in reacts:
            add = appender.add
            try:
                for command in react(event, at):
                    command.origin_topic = topic
                    command.origin_partition = number
                    command.origin_sequence = sequence
                    command.origin_index = index
                    add(command, at, headers)
                    index += 1
            except LogError:
                raise
            except Exception as error:
                raise TaskFailed(
                    f"{self._name}: the reactor {name} raised {error!r} at sequence {sequence}. "
                    "No event may be passed over: mend it and start again; nothing is lost"
                ) from error

    def settle(self) -> int:
        count = sum(appender.flush() for appender in self._appenders.values())
        if count:
            self._told(count)
        return count

    def close(self) -> None:
        """What is not settled yet is reacted to again."""
