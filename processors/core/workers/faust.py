"""The worker under Faust: a task for every partition that Faust assigns, around Faust's own app.

    Faust's consumer -> agent -> inbox -> task, in a thread -> events, one batch a step -> acks

Faust joins the group, deals partitions out, delivers commands, commits what is acknowledged, and
serves its web pages and its monitor. The task is the one that every worker runs: it takes what was
delivered, in steps, in a thread of its own, so that Faust's event loop and heartbeats go on.

There is no fence: Faust's transactions do not hold what they promise (what is sent to a topic that
the app only writes to bypasses them, faust-streaming 0.15). So a partition may have two tasks for
a while, and `fenceless.py` says why readers see none of it. Acknowledged means durable here, too;
but the events are the checkpoint, and Faust's offsets only say where it begins to deliver.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

import faust
from faust.streams import Stream
from faust.types import TP, EventT
from yarl import URL

from log.backends import wall_clock_ms
from log.backends.kafka import KafkaLog
from log.backends.kafka.batches import MessageRecord
from log.backends.kafka.location import KafkaLocation
from log.backends.kafka.partition import KafkaPartition
from log.errors import LogRefused, LogUnavailable, PartitionFenced
from log.record import NO_HEADERS
from processors.core.recovery import Recovery
from processors.core.snapshots import Snapshots, open_snapshots
from processors.core.system import System
from processors.core.task import Task
from processors.core.workers.beside import Beside
from processors.core.workers.faust_settings import client_settings, credentials_of
from processors.core.workers.fenceless import FencelessWriter, KafkaSender, Loop
from processors.core.workers.group import (
    LOG_EVERY_S,
    SAVE_EVERY_S,
    SAVE_SHARE,
    SESSION_TIMEOUT_S,
    TELL_EVERY_S,
    Assignment,
)
from processors.core.workers.inbox import Inbox
from processors.core.workers.monitor import Clock, Monitor, Place
from processors.core.workers.outside import Outside, Settings
from processors.core.workers.running import Running, SnapshotPolicy
from processors.core.workers.tracing import Tracing

logger = logging.getLogger("refold.worker")

HEARTBEATS_A_SESSION = 6
REQUEST_TIMEOUT_S = 90.0
LOOK_BESIDE_S = 0.05
"""Where a system has reactors or effects: how soon they are looked after when nothing else is."""
RELEASE_WITHIN_S = 5.0
"""How long Faust waits, where it gives partitions up, for the steps that their tasks are in."""
COMPLAIN_EVERY_S = 10.0
GIVE_UP_S = 120.0
"""A cluster that answers, and does not let the worker into its group for so long, never will:
Faust's client says so once, and then waits for ever."""
PATIENCE_S = 5.0
"""Commands that are on the log for so long, and are not delivered, are read from there."""
GATHER, GATHER_S_MAX = 4.0, 0.05
"""After a step, commands are gathered for so many times as long as it took, at most so long: a
step of few costs as much as one of many, and Faust's loop wants the time."""
YIELD_EVERY = 500
"""Acknowledgements, between looks at what else Faust's loop has to do."""

FaustEvent = EventT[Any]


class FaustLog:
    """`TaskLog` of one partition's task: commands as Faust delivers them, and a writer without a
    fence; all else is the log's."""

    def __init__(self, log: KafkaLog, inbox: Inbox[FaustEvent], sender: "OpenSender") -> None:
        self._log = log
        self._inbox = inbox
        self._open_sender = sender

    def partition(self, topic: str, number: int) -> KafkaPartition:
        if (topic, number) == (self._inbox.topic, self._inbox.number):
            return self._inbox
        return self._log.partition(topic, number)

    def open_writer(self, topic: str, number: int) -> FencelessWriter:
        partition = self._log.partition(topic, number)
        return FencelessWriter(partition, self._open_sender(partition))


OpenSender = Callable[[KafkaPartition], KafkaSender]
Monitoring = Callable[[], AbstractContextManager[tuple[Monitor, Tracing | None]]]
"""Entered when the worker starts, and left when it has stopped."""


class Held(Assignment):
    """A partition that Faust has assigned to this worker, its task and the thread of that."""

    def __init__(self, place: Place, system: System, log: FaustLog, inbox: Inbox[FaustEvent]):
        super().__init__(place, system)
        self.log = log
        self.inbox = inbox
        self.running: Running | None = None
        self.thread = ThreadPoolExecutor(1, f"refold-{place.system}-{place.partition}")
        self.wake = asyncio.Event()
        """There may be something to do."""
        self.released = asyncio.Event()
        """It is no longer ours."""
        self.ended = asyncio.Event()
        """Its task is closed."""
        self.is_paused = False
        self.saved_s, self.save_took_s = time.monotonic(), 0.0


class FaustWorker:
    """Runs `systems` on a cluster as a Faust app, `app`; for what `faust -A MODULE worker` names.

    Nothing is connected to before the app is started. `folder` is for what Faust keeps,
    `logging_config` is its own setting, and the other arguments are as `GroupWorker`'s. The group
    is the one that native workers would join, with another protocol: the cluster does not let
    both kinds be members at once.
    """

    def __init__(
        self,
        location: KafkaLocation,
        systems: Sequence[System],
        *,
        folder: Path,
        group: str = "refold",
        snapshots: Path | str | None = None,
        policy: SnapshotPolicy | None = None,
        session_timeout_s: float = SESSION_TIMEOUT_S,
        monitoring: Monitoring | None = None,
        logging_config: Mapping[str, Any] | None = None,
        clock: Clock = wall_clock_ms,
        settings: Settings | None = None,
    ) -> None:
        self._settings = settings
        self._location = location
        self._group = group
        self._snapshots = snapshots
        self._policy = policy or SnapshotPolicy()
        self._monitoring = monitoring or (lambda: nullcontext((Monitor(), None)))
        self._monitor = Monitor()
        self._tracing: Tracing | None = None
        self._opened = ExitStack()
        self._clock = clock
        self._systems = {location.prefix + system.commands_topic: system for system in systems}
        self._held: dict[TP, Held] = {}
        self._leaving: set[Held] = set()
        self._standbys: dict[Place, Recovery] = {}
        self._streams: dict[str, Stream[Any]] = {}
        self._log: KafkaLog | None = None
        self._beside: Beside | None = None
        self._sending: Loop | None = None
        self._is_closing = False
        self._asked_s: float | None = time.monotonic()
        """Since when Faust waits for the group to deal partitions out; None: it has."""
        self._client_settings = client_settings(location.settings)
        self.app = _App(
            self,
            id=location.prefix + group,
            broker=[URL(f"kafka://{server}") for server in location.servers],
            broker_credentials=credentials_of(location.settings),
            broker_session_timeout=session_timeout_s,
            broker_heartbeat_interval=session_timeout_s / HEARTBEATS_A_SESSION,
            broker_request_timeout=max(REQUEST_TIMEOUT_S, session_timeout_s),
            datadir=folder,
            logging_config=logging_config,
            store="memory://",
            autodiscover=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            # What was delivered and is not decided waits for its successor: it is not lost here.
            stream_wait_empty=False,
        )
        self.app.on_partitions_assigned.connect(self._assigned)
        self.app.on_partitions_revoked.connect(self._revoked)
        for topic, system in self._systems.items():
            self._add_agent(topic, system)

    # -- what Faust delivers ----------------------------------------------------------------------

    def _add_agent(self, topic: str, system: System) -> None:
        channel = self.app.topic(
            topic,
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
        )

        async def decide(stream: Any) -> None:
            commands: Stream[Any] = stream.noack()
            self._streams[topic] = commands
            async for event in commands.events():
                await self._deliver(commands, event)

        self.app.agent(channel, name=system.name)(decide)

    async def _deliver(self, stream: Stream[Any], event: FaustEvent) -> None:
        message = event.message
        held = self._held.get(message.tp)
        if held is None:
            return  # it went to another meanwhile
        record = MessageRecord(
            message.offset,
            round(message.timestamp * 1000),
            message.key,
            message.value,
            [(name, value) for name, value in _pairs(message.headers)] or NO_HEADERS,
        )
        if not held.inbox.deliver(record, event):
            await stream.ack(event)
            return
        held.wake.set()
        if held.inbox.is_full:
            held.is_paused = True
            self.app.consumer.pause_partitions({message.tp})

    async def _acknowledge(self, tp: TP, held: Held) -> None:
        """Tell Faust what is decided, and durable."""
        if held.task is None or held.task.is_recovering:
            return
        stream = self._streams.get(tp.topic)
        for count, event in enumerate(held.inbox.decided(held.task.next_command)):
            if stream is not None:
                await stream.ack(event)
            if count % YIELD_EVERY == YIELD_EVERY - 1:
                await asyncio.sleep(0)
        if held.is_paused and held.inbox.has_room and not held.released.is_set():
            held.is_paused = False
            self.app.consumer.resume_partitions({tp})

    # -- what Faust assigns -----------------------------------------------------------------------

    async def _assigned(self, app: Any, /, *told: Any, **_: Any) -> None:
        assigned: Iterable[TP] = told[0]
        for tp in assigned:
            system = self._systems.get(tp.topic)
            if system is not None and tp not in self._held:
                # At once, before Faust delivers: what nobody takes is never acknowledged.
                self._held[tp] = held = self._hold(tp, system)
                logger.info("%s-%d: assigned", *held.place)
                self._monitor.assigned(held.place)
                self.app.add_future(self._drive(tp, held))
        ours = {held.place for held in self._held.values()}
        for place in self._standbys.keys() - ours:
            del self._standbys[place]
        self._asked_s = None
        self._monitor.joined(self._group, True)

    def _hold(self, tp: TP, system: System) -> Held:
        """Asks the cluster nothing: `_connect` has."""
        assert self._log is not None and self._sending is not None
        log = self._log
        commands = log.partition(system.commands_topic, tp.partition)
        inbox: Inbox[FaustEvent] = Inbox(log, tp.partition, commands)
        sender = partial(
            KafkaSender, log, loop=self._sending, client_settings=self._client_settings
        )
        return Held(Place(system.name, tp.partition), system, FaustLog(log, inbox, sender), inbox)

    async def _revoked(self, app: Any, /, *told: Any, **_: Any) -> None:
        revoked: Iterable[TP] = told[0]
        self._asked_s = time.monotonic()
        await self._release([tp for tp in revoked if tp in self._held])

    async def _release(self, places: Sequence[TP]) -> None:
        """Give partitions up. What takes too long is left to end in its own time: readers skip
        what it may still tell."""
        leaving = [self._held.pop(tp) for tp in places]
        for held in leaving:
            held.released.set()
            held.wake.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(RELEASE_WITHIN_S):
                for held in leaving:
                    await held.ended.wait()

    # -- deciding ---------------------------------------------------------------------------------

    async def _drive(self, tp: TP, held: Held) -> None:
        """Turn after turn of one task, in its thread, until the partition is given up."""
        loop = asyncio.get_running_loop()
        try:
            while not held.released.is_set():
                held.wake.clear()
                rest_s = await loop.run_in_executor(held.thread, self._turn, held)
                await self._acknowledge(tp, held)
                waited_for = held.released if held.retry_s > time.monotonic() else held.wake
                with suppress(TimeoutError):
                    async with asyncio.timeout(rest_s):
                        await waited_for.wait()
        finally:
            try:
                await loop.run_in_executor(held.thread, self._shut, held)
            finally:
                held.ended.set()
                held.thread.shutdown(wait=False)

    def _turn(self, held: Held) -> float:
        """Open, recover a little, or decide; how many seconds it may rest then."""
        if time.monotonic() < held.retry_s:
            return held.retry_s - time.monotonic()
        try:
            if held.task is None:
                return self._open(held)
            if held.task.is_recovering:
                return self._recover(held, held.task)
            return self._decide(held, held.task)
        except PartitionFenced as error:
            logger.info("%s-%d: %s", *held.place, error)
            self._monitor.fenced(held.place)
            self._close_task(held)
        except LogUnavailable as error:
            logger.warning("%s-%d: %s", *held.place, error)
        held.put_off()
        return max(held.retry_s - time.monotonic(), 0.0)

    def _open(self, held: Held) -> float:
        place, system = held.place, held.system
        held.task = Task(
            held.log,
            system,
            place.partition,
            self._store(system, place.partition),
            recovery=self._standbys.pop(place, None),
            at_once=False,
            tracing=self._tracing.of_task(system, place.partition) if self._tracing else None,
        )
        held.opened_s = time.monotonic()
        held.began_at = held.task.fold.next_offset
        return 0.0

    def _store(self, system: System, number: int) -> Snapshots | None:
        if self._snapshots is None or self._log is None:
            return None
        return open_snapshots(self._snapshots, system, number, scope=self._log.scope)

    def _recover(self, held: Held, task: Task) -> float:
        """Fold one read's worth of history."""
        place, now_s = held.place, time.monotonic()
        if task.recover_some():
            done, total = task.fold.next_offset, task.recovery_end
            rate = max(done - held.began_at, 1) / max(now_s - held.opened_s, 0.001)
            left_s = (total - done) / rate
            if now_s - held.told_s >= TELL_EVERY_S:
                held.told_s = now_s
                self._monitor.recovering(place, done, total, left_s)
            if now_s - held.logged_s >= LOG_EVERY_S:
                held.logged_s = now_s
                logger.info("%s-%d: recovering: at offset %d of %d, some %.0f s left",
                            *place, done, total, left_s)  # fmt: skip
            if now_s - held.saved_s >= SAVE_EVERY_S:
                self._save(held, task)
            return 0.0
        took_s = now_s - held.opened_s
        logger.info("%s-%d: recovered in %.1f s", *place, took_s)
        self._monitor.running(place, took_s)
        assert self._beside is not None
        held.running = Running(self._policy, self._clock, self._monitor, self._beside)
        held.running.add(task)
        return 0.0

    def _decide(self, held: Held, task: Task) -> float:
        assert held.running is not None
        began_s = time.monotonic()
        ticked = held.running.tick(task)
        count = held.running.step(task) + held.running.step_beside(task)
        if time.monotonic() - held.told_s >= TELL_EVERY_S:
            held.told_s = time.monotonic()
            self._tell(held, task)
        if ticked or count:
            rest_s = min((time.monotonic() - began_s) * GATHER, GATHER_S_MAX)
            held.retry_s = time.monotonic() + rest_s
            return rest_s
        due, rest_s = task.next_due, TELL_EVERY_S
        if task.system.reactors or task.system.effects:
            rest_s = LOOK_BESIDE_S
        return rest_s if due is None else min(max(due - self._clock(), 1) / 1000, rest_s)

    def _tell(self, held: Held, task: Task) -> None:
        lag = task.lag
        self._monitor.lagging(held.place, lag, task.waiting_ms(self._clock()) / 1000)
        if lag and held.inbox.silent_s() > PATIENCE_S:
            logger.info("%s-%d: Faust delivers nothing: reading the log", *held.place)
            held.inbox.look_itself()

    # -- giving up --------------------------------------------------------------------------------

    def _save(self, held: Held, task: Task) -> None:
        """Save a snapshot, unless saving would then take too much of the time."""
        began_s = time.monotonic()
        if self._is_closing or began_s - held.saved_s >= held.save_took_s / SAVE_SHARE:
            task.save_snapshot()
            held.saved_s, held.save_took_s = time.monotonic(), time.monotonic() - began_s

    def _shut(self, held: Held) -> None:
        """What it has come to is left for the successor, and stays here for as long as it may be
        this worker once more."""
        if held.task is not None:
            self._save(held, held.task)
        recovery = self._close_task(held)
        if recovery is not None and not self._is_closing:
            self._standbys[held.place] = recovery
        held.inbox.close()
        logger.info("%s-%d: released", *held.place)
        self._monitor.released(held.place)

    def _close_task(self, held: Held) -> Recovery | None:
        task, running = held.task, held.running
        held.task, held.running = None, None
        if task is None:
            return None
        if running is not None:
            running.drop(task)
        return task.close()

    # -- starting and stopping --------------------------------------------------------------------

    async def open(self) -> None:
        """Reach the cluster, and make topics that are missing. Errors: LogUnavailable, LogRefused,
        what a topic that is not as it should be raises."""
        await asyncio.to_thread(self._connect)
        self.app.add_future(self._beat())

    def _connect(self) -> None:
        self._monitor, self._tracing = self._opened.enter_context(self._monitoring())
        log = KafkaLog(self._location.settings, prefix=self._location.prefix)
        self._opened.callback(log.close)
        log.keep_waiting = lambda: not self._is_closing
        for system in self._systems.values():
            for number in range(system.ensure_topics(log)):
                log.partition(system.commands_topic, number)
        self._log, self._sending = log, Loop()
        self._opened.callback(self._sending.close)
        self._beside = Beside(log, Outside(self._settings), self._clock, self._monitor)
        self._opened.callback(self._beside.close)

    async def _beat(self) -> None:
        """Be seen to live, and see to it that Faust does not wait for what never comes."""
        self._asked_s = complained_s = time.monotonic()
        while not self._is_closing:
            self._monitor.turned()
            await asyncio.sleep(TELL_EVERY_S)
            asked_s, now_s = self._asked_s, time.monotonic()
            if asked_s is None or now_s - max(asked_s, complained_s) < COMPLAIN_EVERY_S:
                continue
            complained_s = now_s
            logger.warning("the group %s has not dealt partitions out", self.app.conf.id)
            if now_s - asked_s > GIVE_UP_S and await asyncio.to_thread(self._is_reached):
                raise LogRefused(
                    f"the cluster does not let this worker into the group {self.app.conf.id}: its "
                    "client's errors above say why. Where `refold run` is in the group, stop that "
                    "first: a group has workers of one kind"
                )

    def _is_reached(self) -> bool:
        assert self._log is not None
        try:
            self._log.cluster.reach()
        except LogUnavailable:
            return False
        return True

    async def close(self) -> None:
        """Finish the steps at hand, snapshot, and give every partition up."""
        self._is_closing = True
        await self._release(list(self._held))
        self._monitor.joined(self._group, False)
        await asyncio.to_thread(self._opened.close)


class _App(faust.App):
    """Faust's app, with the worker's start before its own and the worker's end before its own."""

    def __init__(self, worker: FaustWorker, **settings: Any) -> None:
        self._worker = worker
        super().__init__(**settings)

    async def on_first_start(self) -> None:
        self.conf.datadir.mkdir(parents=True, exist_ok=True)
        await super().on_first_start()

    async def on_start(self) -> None:
        await self._worker.open()
        await super().on_start()

    async def on_stop(self) -> None:
        await self._worker.close()
        await super().on_stop()


def _pairs(headers: Any) -> Iterable[tuple[str, bytes | None]]:
    """Faust has headers as a list, a mapping, or not at all."""
    return (headers.items() if hasattr(headers, "items") else headers) or ()
