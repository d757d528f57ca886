"""Which followers stand beside a task: one for each events partition that its reactors react to,
and one for its effects at its own events."""

from log.interface import Log
from processors.core.reactor import Reactor
from processors.core.system import System
from processors.core.task import Task
from processors.core.workers.follower import Follower, Listener
from processors.core.workers.monitor import Clock, Monitor, Place
from processors.core.workers.outside import Outside
from processors.core.workers.performing import Performing
from processors.core.workers.reacting import Reacting


class Beside:
    """Makes them for the tasks of one worker. `close` leaves the outside."""

    def __init__(self, log: Log, outside: Outside, clock: Clock, monitor: Monitor) -> None:
        self._log = log
        self._outside = outside
        self._clock = clock
        self._monitor = monitor

    def followers_of(self, task: Task) -> list[Follower]:
        """Errors: InvalidConfig, TaskFailed, those of the log."""
        owner = task.system
        by_source: dict[str, tuple[System, list[Reactor]]] = {}
        for reactor in owner.reactors:
            source = reactor.source or owner
            by_source.setdefault(source.name, (source, []))[1].append(reactor)
        if owner.effects:
            by_source.setdefault(owner.name, (owner, []))
        tasks = self._log.topics()[owner.commands_topic].partitions
        followers = []
        for source, reactors in by_source.values():
            partitions = source.ensure_topics(self._log)
            for number in range(task.number, partitions, tasks):
                listeners = self._listeners(task, source, number, reactors)
                followers.append(Follower(self._log, owner, source, number, listeners))
        return followers

    def _listeners(
        self, task: Task, source: System, number: int, reactors: list[Reactor]
    ) -> list[Listener]:
        owner, monitor = task.system, self._monitor
        place = Place(owner.name, task.number)
        listeners: list[Listener] = []
        if reactors:
            listeners.append(
                Reacting(
                    self._log,
                    owner,
                    source,
                    number,
                    reactors,
                    lambda count: monitor.reacted(place, count),
                )
            )
        if owner.effects and source.name == owner.name:
            listeners.append(
                Performing(
                    self._log,
                    task,
                    self._outside,
                    self._clock,
                    lambda count: monitor.performed(place, count),
                )
            )
        return listeners

    def close(self) -> None:
        self._outside.close()
