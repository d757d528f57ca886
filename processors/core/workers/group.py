"""The worker of a cluster: a member of a consumer group, with a task a partition dealt to it.

    joined -> assigned -> the fence, then history read by read -> running -> revoked -> snapshot

The group says whose turn it is; the fence of a partition (its transactional id) keeps out whoever
has not heard. So nothing here has to be in time to be right: a partition may be lost at any
moment, in the middle of its recovery too, and what was folded by then is kept: in snapshots, and
with `standby` in memory, where this worker follows the partitions of others, so that taking one
over costs the tail only.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from log.backends import wall_clock_ms
from log.errors import LogUnavailable, PartitionFenced
from log.interface import ClusterLog
from processors.core.recovery import Recovery
from processors.core.snapshots import Snapshots, SnapshotsPlace, opened_snapshots
from processors.core.system import System
from processors.core.task import Task
from processors.core.workers.beside import Beside
from processors.core.workers.monitor import Clock, Monitor, Place
from processors.core.workers.outside import Outside, Settings
from processors.core.workers.running import Running, SnapshotPolicy, place_of, quiet_collector
from processors.core.workers.tracing import TaskTracing

logger = logging.getLogger("refold.worker")

SESSION_TIMEOUT_S = 10.0
TELL_EVERY_S = 1.0
"""How often lag is asked for and told, offsets are committed, and progress of recovery told."""
LOG_EVERY_S = 5.0
RETRY_S_MIN, RETRY_S_MAX = 0.5, 30.0
"""Before a partition that was fenced, or could not be opened, is tried again: longer each time."""
DOUBLED_MAX = 10
"""Beyond, the time would only grow past RETRY_S_MAX, and in the end past any float."""
SETTLED_S = 60.0
"""A task that ran so long counts as opened well."""
SAVE_EVERY_S = 10.0
SAVE_SHARE = 0.05
"""While history is folded, and where partitions go from hand to hand, snapshots are saved this
often at most, and take no more than this share of the time."""


class Assignment:
    """A partition that the group has dealt to this worker."""

    def __init__(self, place: Place, system: System) -> None:
        self.place = place
        self.system = system
        self.task: Task | None = None
        self.is_begun = False
        """Whether it is being fenced: for all of them at a time, as a predecessor's transaction
        takes the cluster half a second to undo."""
        self.retry_s = 0.0
        """When (monotonic) it has its next turn."""
        self.failures = 0
        self.opened_s = 0.0
        self.began_at = 0
        """The offset in the events at which recovery began."""
        self.told_s = self.logged_s = 0.0

    def put_off(self) -> None:
        """Its next turn comes later, and later each time that this happens."""
        if time.monotonic() - self.opened_s > SETTLED_S:
            self.failures = 0
        doubled = min(self.failures, DOUBLED_MAX)
        self.retry_s = time.monotonic() + min(RETRY_S_MIN * 2**doubled, RETRY_S_MAX)
        self.failures += 1


class GroupWorker:
    """Runs `systems` on a cluster, together with whoever else is in `group`.

    `snapshots` is a folder or a database's URL that a successor can reach; None for none. With
    `standby` the worker follows the partitions of others, too: their states take memory here.
    Use as a context manager, or `close` it: that snapshots, gives up all partitions and leaves.
    """

    def __init__(
        self,
        log: ClusterLog,
        systems: Sequence[System],
        *,
        group: str = "refold",
        snapshots: SnapshotsPlace | None = None,
        policy: SnapshotPolicy | None = None,
        standby: bool = False,
        session_timeout_s: float = SESSION_TIMEOUT_S,
        monitor: Monitor | None = None,
        tracing: Callable[[System, int], TaskTracing] | None = None,
        clock: Clock = wall_clock_ms,
        settings: Settings | None = None,
        simulated: bool = False,
        outside: Outside | None = None,
    ) -> None:
        self._log = log
        self._group = group
        self._snapshots = snapshots
        self._standby = standby
        self._monitor = monitor or Monitor()
        self._tracing = tracing
        outside = outside or Outside(settings, simulated=simulated)
        beside = Beside(log, outside, clock, self._monitor)
        self._running = Running(policy or SnapshotPolicy(), clock, self._monitor, beside)
        self._systems = {system.commands_topic: system for system in systems}
        self._partitions = {system.name: system.ensure_topics(log) for system in systems}
        self._assignments: dict[Place, Assignment] = {}
        self._standbys: dict[Place, Recovery] = {}
        self._saved_s: dict[Place, tuple[float, float]] = {}
        """When each partition's snapshot was saved, and how long that took."""
        self._told_s = 0.0
        self._closed = False
        self.decided = 0
        """How many commands, of all systems, since the beginning."""
        self.decided_at: Counter[Place] = Counter()
        """How many of them at each place."""
        self._stop = threading.Event()
        log.keep_waiting = self._keep_waiting
        self._member = False
        self._membership = log.join(group, list(self._systems), self, session_timeout_s)

    @property
    def tasks(self) -> list[Task]:
        """Those that are open; some may be recovering."""
        return [each.task for each in self._assignments.values() if each.task is not None]

    @property
    def is_settled(self) -> bool:
        """Whether the group has dealt, and every task of ours is recovered."""
        return self._membership.is_member and all(
            each.task is not None and not each.task.is_recovering
            for each in self._assignments.values()
        )

    # -- the loop ---------------------------------------------------------------------------------

    def run(
        self,
        *,
        until_idle: bool = False,
        stop: threading.Event | None = None,
        decided: Callable[[int], None] = lambda count: None,
    ) -> int:
        """Run until stopped, or (`until_idle`) until nothing waits on our partitions.

        Calls `decided` with the number of commands after each round; returns how many in all.
        Errors: TaskFailed, LogRefused: what only a person can mend. A cluster that is away is
        waited for, a successor that has a partition is given way to.
        """
        before = self.decided
        self._stop = stop or self._stop
        with quiet_collector():
            while not self._stop.is_set():
                count = self.decided
                busy = self.turn()
                decided(self.decided - count)
                with suppress(LogUnavailable):  # the next turn meets it
                    if until_idle and not busy and self._is_idle():
                        break
                    self._running.rest(busy)
        return self.decided - before

    def _keep_waiting(self) -> bool:
        """Something waits for the cluster: the worker is alive, and may be told to stop."""
        self._monitor.turned()
        return not (self._stop.is_set() or self._closed)

    def turn(self) -> bool:
        """One round over everything that is ours; whether there was anything to do."""
        self._monitor.turned()
        self._membership.poll()
        if self._membership.is_member != self._member:
            self._member = self._membership.is_member
            self._monitor.joined(self._group, self._member)
        busy = False
        for assignment in list(self._assignments.values()):
            busy |= self._guarded(assignment)
        if self._standby and self._member:
            busy |= self._follow()
        if time.monotonic() - self._told_s >= TELL_EVERY_S:
            self._told_s = time.monotonic()
            self._tell()
        return busy

    def _guarded(self, assignment: Assignment) -> bool:
        """One task's turn; a fence and a cluster that is away are this task's own affair."""
        if time.monotonic() < assignment.retry_s:
            return False
        try:
            if not assignment.is_begun:
                return self._begin(assignment)
            if assignment.task is None:
                return self._open(assignment)
            if assignment.task.is_recovering:
                return self._recover(assignment, assignment.task)
            ticked = self._running.tick(assignment.task)
            count = self._running.step(assignment.task) if assignment.task.has_commands() else 0
            self.decided += count
            self.decided_at[assignment.place] += count
            beside = self._running.step_beside(assignment.task)
            return count > 0 or beside > 0 or ticked
        except PartitionFenced as error:
            logger.info("%s-%d: %s", *assignment.place, error)
            self._monitor.fenced(assignment.place)
            self._shut(assignment)
            assignment.task, assignment.is_begun = None, False
        except LogUnavailable as error:
            logger.warning("%s-%d: %s", *assignment.place, error)
        assignment.put_off()
        return False

    # -- opening and recovering -------------------------------------------------------------------

    def _begin(self, assignment: Assignment) -> bool:
        self._log.begin_writer(assignment.system.events_topic, assignment.place.partition)
        assignment.is_begun = True
        return True

    def _open(self, assignment: Assignment) -> bool:
        place, system = assignment.place, assignment.system
        task = Task(
            self._log,
            system,
            place.partition,
            self._store(system, place.partition),
            recovery=self._standbys.get(place),
            at_once=False,
            tracing=self._tracing(system, place.partition) if self._tracing else None,
        )
        self._standbys.pop(place, None)
        assignment.task = task
        assignment.opened_s = time.monotonic()
        assignment.began_at = task.fold.next_offset
        self._saved_s.setdefault(place, (assignment.opened_s, 0.0))
        return True

    def _store(self, system: System, number: int) -> Snapshots | None:
        return opened_snapshots(self._snapshots, system, number, self._log.scope)

    def _recover(self, assignment: Assignment, task: Task) -> bool:
        """Fold one read's worth of history, so that the group and other tasks get their turn."""
        place, now_s = assignment.place, time.monotonic()
        if task.recover_some():
            if now_s - assignment.told_s >= TELL_EVERY_S:
                self._tell_recovery(assignment, task, now_s)
            if now_s - self._saved_s[place][0] >= SAVE_EVERY_S:
                self._save(place, task)
            return True
        took_s = now_s - assignment.opened_s
        logger.info("%s-%d: recovered in %.1f s", *place, took_s)
        self._monitor.running(place, took_s)
        self._running.add(task)
        return True

    def _tell_recovery(self, assignment: Assignment, task: Task, now_s: float) -> None:
        done, total = task.fold.next_offset, task.recovery_end
        elapsed_s = max(now_s - assignment.opened_s, 0.001)
        rate = max(done - assignment.began_at, 1) / elapsed_s
        left_s = (total - done) / rate
        self._monitor.recovering(assignment.place, done, total, left_s)
        assignment.told_s = now_s
        if now_s - assignment.logged_s >= LOG_EVERY_S:
            assignment.logged_s = now_s
            logger.info(
                "%s-%d: recovering: at offset %d of %d, some %.0f s left",
                *assignment.place,
                done,
                total,
                left_s,
            )

    def _save(self, place: Place, task: Task, insist: bool = False) -> None:
        """Save a snapshot, unless saving would then take too much of the time."""
        saved_s, took_s = self._saved_s[place]
        began_s = time.monotonic()
        if insist or began_s - saved_s >= took_s / SAVE_SHARE:
            task.save_snapshot()
            self._saved_s[place] = time.monotonic(), time.monotonic() - began_s

    # -- standing by ------------------------------------------------------------------------------

    def _follow(self) -> bool:
        """Fold one read of each partition that is another's; begin with one more, if any."""
        busy = False
        for recovery in self._standbys.values():
            try:
                busy |= recovery.has_events() and recovery.advance()
            except LogUnavailable as error:
                logger.info("standing by: %s", error)
        for system in self._systems.values():
            for number in range(self._partitions[system.name]):
                place = Place(system.name, number)
                if place not in self._assignments and place not in self._standbys:
                    store = self._store(system, number)
                    self._standbys[place] = Recovery(self._log, system, number, store)
                    return True
        return busy

    # -- what the group says ----------------------------------------------------------------------

    def assigned(self, places: Sequence[tuple[str, int]]) -> None:
        for topic, number in places:
            system = self._systems[topic]
            place = Place(system.name, number)
            self._assignments.setdefault(place, Assignment(place, system))
            logger.info("%s-%d: assigned", *place)
            self._monitor.assigned(place)

    def revoked(self, places: Sequence[tuple[str, int]]) -> None:
        for topic, number in places:
            self._release(Place(self._systems[topic].name, number), keep=True)

    def lost(self, places: Sequence[tuple[str, int]]) -> None:
        for topic, number in places:
            self._release(Place(self._systems[topic].name, number), keep=False)

    def _release(self, place: Place, keep: bool, insist: bool = False) -> None:
        """Give a partition up; with `keep`, what it has come to is left for the successor."""
        assignment = self._assignments.pop(place, None)
        if assignment is None:
            return
        logger.info("%s-%d: released", *place)
        task = assignment.task
        if task is None:
            self._log.forget_begun_writer(assignment.system.events_topic, place.partition)
        if task is not None and keep:
            self._commit([task])
            self._save(place, task, insist)
        self._shut(assignment)
        self._monitor.released(place)

    def _shut(self, assignment: Assignment) -> None:
        """Close the task; what it has folded goes on as a standby, where there are such."""
        task = assignment.task
        if task is None:
            return
        self._running.drop(task)
        recovery = task.close()
        if self._standby and recovery is not None:
            self._standbys[assignment.place] = recovery

    # -- telling ----------------------------------------------------------------------------------

    def _tell(self) -> None:
        running, clock = self._running.tasks, self._running.clock
        self._commit(running)
        with suppress(LogUnavailable):  # the others' would not be answered either
            for task in running:
                lag = task.lag
                waiting_ms = task.waiting_ms(clock()) if lag else 0
                self._monitor.lagging(place_of(task), lag, waiting_ms / 1000)
            for place, recovery in self._standbys.items():
                self._monitor.standing_by(place, recovery.behind)

    def _commit(self, tasks: Sequence[Task]) -> None:
        self._membership.commit(
            {
                (task.system.commands_topic, task.number): task.next_command
                for task in tasks
                if not task.is_recovering
            }
        )

    def _is_idle(self) -> bool:
        return (
            self.is_settled
            and self._running.is_idle_beside
            and not any(task.lag for task in self.tasks)
        )

    def close(self) -> None:
        """Snapshot, give every partition up, and leave the group. A second time does nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            for place in list(self._assignments):
                self._release(place, keep=True, insist=True)
        finally:
            self._running.close()
            self._membership.close()
            self._monitor.joined(self._group, False)
            self._log.keep_waiting = lambda: not self._stop.is_set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
