"""The embedded worker: tasks of any number of systems in one thread, a task a partition.

It steps each task in turn, waits where there is nothing to do, appends the ticks of due timers,
takes snapshots by count and by time, and keeps the garbage collector to quiet moments.
"""

import contextlib
import gc
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from log.backends import wall_clock_ms
from log.interface import Log
from log.record import Record
from processors.core.messages import Tick
from processors.core.snapshots import SnapshotFolder
from processors.core.system import System
from processors.core.task import Progress, Task

logger = logging.getLogger("refold.worker")

WAIT_S = 0.05
"""How long one wait for commands takes at most, so that timers and a stop are seen in time."""
PAUSE_S_MIN, PAUSE_S_MAX = 0.00005, 0.005
"""Between looks at several partitions: short after work, longer the longer there is none."""
COLLECT_EVERY_S = 60.0
"""A worker that is never idle collects this often nevertheless."""

Clock = Callable[[], int]
"""Milliseconds since 1970."""


class SnapshotPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot is due after so many commands, or so many seconds with any, whichever first."""

    every_commands: int = 1_000_000
    every_s: float = 300.0


class Worker:
    """Opens the tasks of `systems` (PartitionFenced where another worker has one) and runs them.

    `partitions` limits it to some partition numbers; `snapshots` is the folder for them, None
    for none. Use as a context manager, or `close` it: that takes a last snapshot of each task.
    """

    def __init__(
        self,
        log: Log,
        systems: Sequence[System],
        *,
        partitions: Collection[int] | None = None,
        snapshots: Path | None = None,
        policy: SnapshotPolicy | None = None,
        clock: Clock = wall_clock_ms,
        progress: Progress | None = None,
    ) -> None:
        self.tasks: list[Task] = []
        self._clock = clock
        self._policy = policy or SnapshotPolicy()
        self._pause_s = PAUSE_S_MIN
        try:
            for system in systems:
                for number in range(system.ensure_topics(log)):
                    if partitions is None or number in partitions:
                        folder = SnapshotFolder(snapshots, system, number) if snapshots else None
                        self.tasks.append(Task(log, system, number, folder, progress))
        except BaseException:
            for task in self.tasks:
                task.close()
            raise
        self._ticked: dict[Task, int] = {}
        """For each task, the due time that its last tick was for."""
        self._decided_since_snapshot = dict.fromkeys(self.tasks, 0)
        self._snapshot_s = dict.fromkeys(self.tasks, time.monotonic())
        self._collected_s = time.monotonic()
        self._garbage = False

    def run(
        self,
        *,
        until_idle: bool = False,
        stop: threading.Event | None = None,
        decided: Callable[[int], None] = lambda count: None,
    ) -> int:
        """Run until stopped, or (`until_idle`) until no command waits and no timer is due.

        Calls `decided` with the number of commands after each round; returns how many in all.
        """
        total = 0
        with quiet_collector():
            while stop is None or not stop.is_set():
                ticked = self._tick()
                count = sum(map(self._step, self.tasks))
                total += count
                decided(count)
                if count or ticked:
                    self._pause_s = PAUSE_S_MIN
                    continue
                if until_idle:
                    break
                self._rest()
        return total

    def close(self) -> None:
        """Snapshot each task and give its partition up; closing again does nothing."""
        while self.tasks:
            task = self.tasks.pop()
            try:
                task.save_snapshot()
            finally:
                task.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _step(self, task: Task) -> int:
        count = task.step()
        if count:
            self._garbage = True
            self._decided_since_snapshot[task] += count
            now_s = time.monotonic()
            if (
                self._decided_since_snapshot[task] >= self._policy.every_commands
                or now_s - self._snapshot_s[task] >= self._policy.every_s
            ):
                task.save_snapshot()
                self._decided_since_snapshot[task] = 0
                self._snapshot_s[task] = time.monotonic()
            if now_s - self._collected_s >= COLLECT_EVERY_S:
                self._collect()
        return count

    def _tick(self) -> bool:
        """Append a tick for each task with a timer due, once for each due time."""
        ticked = False
        for task in self.tasks:
            due = task.next_due
            if due is None or due == self._ticked.get(task):
                continue
            now = self._clock()
            if due <= now and task.lag == 0:
                tick = task.command_codec.encode(Tick())
                task.commands.append([Record(tick, timestamp=now)])
                self._ticked[task] = due
                ticked = True
        return ticked

    def _rest(self) -> None:
        if self._garbage:
            self._collect()
        if len(self.tasks) == 1:
            task = self.tasks[0]
            task.commands.wait(task.next_command, WAIT_S)
        else:
            time.sleep(self._pause_s)
            self._pause_s = min(self._pause_s * 1.1, PAUSE_S_MAX)

    def _collect(self) -> None:
        """Collect what has come since the last time, and never look at it again."""
        gc.collect()
        gc.freeze()
        self._collected_s = time.monotonic()
        self._garbage = False


@contextlib.contextmanager
def quiet_collector() -> Iterator[None]:
    """Within, the garbage collector runs only where asked: what was recovered is frozen, and no
    pause falls into the middle of a batch."""
    enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()
