"""Open tasks in one thread: steps them, appends the ticks of due timers, takes snapshots by count
and by time, rests where there is nothing to do, and keeps the garbage collector to quiet moments.

What decides which tasks are open is a worker: `embedded.py`, `group.py`.
"""

import contextlib
import gc
import threading
import time
from collections.abc import Iterator

import msgspec

from log.errors import LogUnavailable
from log.record import Record
from processors.core.messages import Tick
from processors.core.task import Task
from processors.core.workers.beside import Beside
from processors.core.workers.follower import Follower
from processors.core.workers.monitor import Clock, Monitor, Place

WAIT_S = 0.05
"""How long one wait for commands takes at most, so that timers and a stop are seen in time."""
PAUSE_S_MIN, PAUSE_S_MAX = 0.00005, 0.02
"""Between looks at several partitions: short after work, longer the longer there is none. Who
appends in the same process ends a pause by `wake`."""
TELL_EVERY_S = 1.0
STEP_S = 0.25
"""A step, and so a transaction on a cluster, takes no longer, however slow the rules are: the next
one reads half as much where it did, and four times as much where it took less than a quarter."""
STEP_BYTES_MIN, STEP_BYTES_FIRST, STEP_BYTES_MAX = 1 << 12, 1 << 14, 1 << 21
"""At most some 10,000 of the exchange's commands, which take 0.1 s: a commit on Kafka (5 ms) is
then 5 % of a step. Twice as many gain little, and no longer fit the processor's cache. A task
begins with little: where rules are slow, its first step, too, has to end before a cluster takes
the transaction away."""
COLLECT_PAUSE_S = 1.0
"""Between collections in quiet moments: commands that come one by one each make one."""
COLLECT_EVERY_S = 60.0
"""A worker that is never idle collects this often nevertheless."""


class SnapshotPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot is due after so many commands, or so many seconds with any, whichever first."""

    every_commands: int = 1_000_000
    every_s: float = 300.0


class _Since(msgspec.Struct):
    """What a task has done since its last snapshot, its last tick, and how much it reads."""

    snapshot_s: float
    commands: int = 0
    ticked_due: int | None = None
    """The due time that its last tick was for."""
    step_bytes: int = STEP_BYTES_FIRST
    followers: list[Follower] | None = None
    """None: they are not opened yet."""

    def adapt(self, elapsed_s: float) -> None:
        """To a step that took so long."""
        if elapsed_s > STEP_S:
            self.step_bytes = max(self.step_bytes // 2, STEP_BYTES_MIN)
        elif elapsed_s < STEP_S / 4:
            self.step_bytes = min(self.step_bytes * 4, STEP_BYTES_MAX)


class Running:
    """The open tasks, and how long each has been so."""

    def __init__(
        self, policy: SnapshotPolicy, clock: Clock, monitor: Monitor, beside: Beside
    ) -> None:
        self._policy = policy
        self._beside = beside
        self.clock = clock
        self._monitor = monitor
        self._since: dict[Task, _Since] = {}
        self._pause_s = PAUSE_S_MIN
        self._woken = threading.Event()
        self._collected_s = time.monotonic()
        self._told_s = 0.0
        self._garbage = False

    @property
    def tasks(self) -> list[Task]:
        return list(self._since)

    def add(self, task: Task) -> None:
        self._since[task] = _Since(time.monotonic())

    def drop(self, task: Task) -> None:
        """It is closed, or about to be."""
        since = self._since.pop(task, None)
        for follower in (since and since.followers) or ():
            follower.close()

    def step(self, task: Task) -> int:
        """Decide one read's worth of commands; how many that was."""
        began_s, dead_lettered = time.monotonic(), task.dead_lettered
        since = self._since[task]
        count = task.step(since.step_bytes)
        if not count:
            return 0
        now_s = time.monotonic()
        self._monitor.stepped(place_of(task), count, now_s - began_s)
        since.adapt(now_s - began_s)
        if task.dead_lettered > dead_lettered:
            self._monitor.dead_lettered(place_of(task), task.dead_lettered - dead_lettered)
        self._garbage = True
        since.commands += count
        if (
            since.commands >= self._policy.every_commands
            or now_s - since.snapshot_s >= self._policy.every_s
        ):
            task.save_snapshot()
            since.commands, since.snapshot_s = 0, time.monotonic()
        if now_s - self._collected_s >= COLLECT_EVERY_S:
            self._collect()
        return count

    def step_beside(self, task: Task) -> int:
        """Let its reactors and effects go on; how many events and answers they took."""
        since = self._since[task]
        if since.followers is None:
            since.followers = self._beside.followers_of(task)
        return sum(follower.step() for follower in since.followers)

    @property
    def is_idle_beside(self) -> bool:
        """Whether no effect waits for the outside."""
        return all(
            follower.is_idle
            for since in self._since.values()
            for follower in since.followers or ()
        )

    def tick(self, task: Task) -> bool:
        """Append a tick where a timer of the task is due, once for each due time."""
        due = task.next_due
        since = self._since[task]
        if due is None or due == since.ticked_due:
            return False
        now = self.clock()
        if due > now or task.lag:
            return False
        tick = task.command_codec.encode(Tick())
        task.commands.append([Record(tick, timestamp=now)])
        since.ticked_due = due
        return True

    def tell(self) -> None:
        """The worker's loop came round; once in TELL_EVERY_S, what waits on each task."""
        self._monitor.turned()
        now_s = time.monotonic()
        if now_s - self._told_s < TELL_EVERY_S:
            return
        self._told_s = now_s
        for task in self._since:
            with contextlib.suppress(LogUnavailable):
                waiting_s = task.waiting_ms(self.clock()) / 1000
                self._monitor.lagging(place_of(task), task.lag, waiting_s)

    def rest(self, busy: bool) -> None:
        """Between rounds: at once after a busy one, else until there may be something to do."""
        if busy:
            self._pause_s = PAUSE_S_MIN
            return
        if self._garbage and time.monotonic() - self._collected_s >= COLLECT_PAUSE_S:
            self._collect()
        if len(self._since) == 1 and not any(since.followers for since in self._since.values()):
            (task,) = self._since
            task.commands.wait(task.next_command, WAIT_S)
        else:
            self._woken.wait(self._pause_s)
            self._woken.clear()
            self._pause_s = min(self._pause_s * 1.1, PAUSE_S_MAX)

    def wake(self) -> None:
        """There are new commands: from any thread."""
        self._woken.set()

    def close(self) -> None:
        """After the last task was dropped."""
        self._beside.close()

    def _collect(self) -> None:
        """Collect what has come since the last time, and never look at it again."""
        gc.collect()
        gc.freeze()
        self._collected_s = time.monotonic()
        self._garbage = False


def place_of(task: Task) -> Place:
    return Place(task.system.name, task.number)


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
