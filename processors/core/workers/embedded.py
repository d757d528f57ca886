"""The embedded worker: tasks of any number of systems in one thread, a task a partition.

It takes the partitions that it is told to, at once and for its life: the fence of each tells other
processes that they are taken.
"""

import threading
from collections.abc import Callable, Collection, Sequence
from types import TracebackType
from typing import Self

from log.backends import wall_clock_ms
from log.interface import Log
from processors.core.snapshots import SnapshotsPlace, opened_snapshots
from processors.core.system import System
from processors.core.task import Progress, Task
from processors.core.workers.beside import Beside
from processors.core.workers.monitor import Clock, Monitor
from processors.core.workers.outside import Outside, Settings
from processors.core.workers.running import Running, SnapshotPolicy, place_of, quiet_collector
from processors.core.workers.tracing import OpenTracing


class Worker:
    """Opens the tasks of `systems` (PartitionFenced where another worker has one) and runs them.

    `partitions` limits it to some partition numbers; `snapshots` is the folder (or the database's
    URL) for them, or what opens them; None for none. Beside the tasks run the reactors and effects
    of their systems; `settings` are those of effects, by `<system>.<effect>`, `simulated` leads
    effects to their simulators, and `outside` puts another outside in their place. Use as a
    context manager, or `close` it: that takes a last snapshot of each task.
    """

    def __init__(
        self,
        log: Log,
        systems: Sequence[System],
        *,
        partitions: Collection[int] | None = None,
        snapshots: SnapshotsPlace | None = None,
        policy: SnapshotPolicy | None = None,
        clock: Clock = wall_clock_ms,
        progress: Progress | None = None,
        monitor: Monitor | None = None,
        tracing: OpenTracing | None = None,
        settings: Settings | None = None,
        simulated: bool = False,
        outside: Outside | None = None,
    ) -> None:
        self._monitor = monitor or Monitor()
        outside = outside or Outside(settings, simulated=simulated)
        beside = Beside(log, outside, clock, self._monitor)
        self._running = Running(policy or SnapshotPolicy(), clock, self._monitor, beside)
        try:
            for system in systems:
                for number in range(system.ensure_topics(log)):
                    if partitions is None or number in partitions:
                        kept = opened_snapshots(snapshots, system, number, log.scope)
                        hooks = tracing(system, number) if tracing else None
                        self._add(Task(log, system, number, kept, progress, tracing=hooks))
        except BaseException:
            for task in self.tasks:
                task.close()
            raise

    def _add(self, task: Task) -> None:
        place = place_of(task)
        self._running.add(task)
        self._monitor.assigned(place)
        self._monitor.running(place, 0.0)

    @property
    def tasks(self) -> list[Task]:
        return self._running.tasks

    def run(
        self,
        *,
        until_idle: bool = False,
        stop: threading.Event | None = None,
        decided: Callable[[int], None] = lambda count: None,
    ) -> int:
        """Run until stopped, or (`until_idle`) until no command waits, no timer is due, and the
        outside has answered.

        Calls `decided` with the number of commands after each round; returns how many in all.
        """
        total = 0
        running = self._running
        self._monitor.joined("", True)
        with quiet_collector():
            while stop is None or not stop.is_set():
                running.tell()
                count, busy = self.turn()
                total += count
                decided(count)
                if until_idle and not busy and running.is_idle_beside:
                    break
                running.rest(busy)
        return total

    def wake(self) -> None:
        """This process has appended commands: look now. From any thread."""
        self._running.wake()

    def turn(self) -> tuple[int, bool]:
        """One round: how many commands were decided, and whether there was anything to do."""
        running, tasks = self._running, self.tasks
        ticked = [running.tick(task) for task in tasks]
        count = sum(map(running.step, tasks))
        beside = sum(map(running.step_beside, tasks))
        return count, count > 0 or beside > 0 or any(ticked)

    def close(self) -> None:
        """Snapshot each task and give its partition up; closing again does nothing."""
        for task in self.tasks:
            self._running.drop(task)
            self._monitor.released(place_of(task))
            try:
                task.save_snapshot()
            finally:
                task.close()
        self._running.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
