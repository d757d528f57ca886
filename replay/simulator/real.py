"""The same faults on real workers and a real broker: a steady state, chaos, and the state after.

    flow ─► producers ─► <system>.commands ─► refold run (several) ─► <system>.events ─┬► checks
                             (the broker) ◄── Proxy ──┘    ▲                           └► refold
                                                         Chaos                            project

The log is a place of its own on a cluster (a prefix that nothing has), which the run fills. First
the profile's hypothesis must hold: every process lives, lag falls, the 99th percentile is below
the limit. Then faults are injected while commands come, until they are all sent or the profile's
abort condition is met. When the faults are over, everything has to catch up; the hypothesis must
hold again; and what is on the log must be whole, which is checked all the while.
"""

import itertools
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import msgspec
from hdrh.histogram import HdrHistogram

from log.backends import wall_clock_ms
from log.backends.kafka import KafkaLog
from log.backends.kafka.location import KafkaLocation
from log.errors import InvalidConfig, LogUnavailable
from log.interface import Log, Partition
from log.record import StoredRecord
from processors.core.registry import Registered
from processors.core.system import System
from projections.core.read_models import ReadModels, read_models
from projections.core.worker import Worker as ProjectionWorker
from replay.simulator.actors import whose
from replay.simulator.chaos import Chaos, HeldBroker, Hit, check_profile
from replay.simulator.checks import (
    PartitionWatch,
    ReactorOracle,
    TopicWatch,
    Violation,
    check_acknowledged,
    check_projections,
)
from replay.simulator.deployed import LEAVES_S, Deployed
from replay.simulator.profile import BlastRadius, Fault, Hypothesis, Profile
from replay.simulator.proxy import Address, Proxy
from replay.simulator.sending import Sender, Sending
from replay.verify import verify

AHEAD_MS = 3_600_000
"""The flow is of an hour from now on, so that no timer of it is due while all this goes on."""
PROBE_PART = 10
"""Each look at the steady state takes so much of the commands: a tenth."""
PROBE_S = 1.0
LOOK_EVERY_S = 0.05
LOCATION = re.compile(r"(\w[\w+]*://(?:[^@/?]*@)?)([^/?]*)(/[^?]*)?(?:\?(.*))?")
"""Scheme and user, servers, prefix, query."""
HOUR_US = 3_600_000_000

CHAOS = Profile(
    name="chaos",
    workers=2,
    producers=2,
    commands=5_000,
    faults=(
        Fault(kind="kill", every_ms=(1_000, 5_000), lasts_ms=(0, 1_000)),
        Fault(kind="hold", every_ms=(3_000, 10_000), lasts_ms=(200, 15_000)),
        Fault(kind="restart", every_ms=(5_000, 15_000)),
    ),
    hypothesis=Hypothesis(p99_ms=5_000),
    blast_radius=BlastRadius(workers_at_once=1),
)
"""What is done where no profile is named."""


class Steady(msgspec.Struct, frozen=True, kw_only=True):
    """How commands went in one stretch: from the append to the events, as readers see them."""

    commands: int
    p50_ms: float
    p99_ms: float
    longest_ms: float


class RealOutcome(msgspec.Struct, kw_only=True):
    """What came of it. Good where there is neither `violation` nor `aborted`."""

    profile: str
    seed: int
    systems: list[str]
    hits: list[Hit] = []
    """The faults, in their order."""
    commands: int = 0
    """Acknowledged to producers."""
    events: int = 0
    before: Steady | None = None
    during: Steady | None = None
    after: Steady | None = None
    aborted: str | None = None
    """The abort condition that was met."""
    violation: str | None = None
    """What did not hold."""
    elapsed_s: float = 0.0

    @property
    def is_good(self) -> bool:
        return self.aborted is None and self.violation is None


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where it happens."""

    url: str
    """Of the log, as --log takes it: for the workers."""
    location: KafkaLocation
    """The same, for the producers and the checks."""
    folder: Path
    """For read models, snapshots, and what the processes say."""
    group: str = "refold"
    through: tuple[Address, Address] | None = None
    """The workers reach the broker by a proxy that listens on the one, and leads to the other."""
    broker: HeldBroker | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    """For the processes, on top of this one's."""


Tell = Callable[[str], None]
Progress = Callable[[int, int], None]


def run_real(
    registered: Sequence[Registered],
    place: Place,
    profile: Profile = CHAOS,
    *,
    seed: int = 1,
    duration_s: float = 60.0,
    tell: Tell = lambda text: None,
    progress: Progress = lambda done, total: None,
) -> RealOutcome:
    """Chaos on the first of `registered`; the others are those that reactors connect it with.

    `progress` hears the commands sent, of how many; `tell` what is done now. Nothing is left
    running. Errors: InvalidConfig for a place that is not empty, or a profile that cannot be;
    LogUnavailable where the cluster is away to begin with.
    """
    check_profile(
        profile, with_proxy=place.through is not None, with_broker=place.broker is not None
    )
    began_s = time.monotonic()
    with ExitStack() as stack:
        run = RealRun(registered, place, profile, seed, stack)
        run.tell, run.progress = tell, progress
        try:
            run.play(duration_s)
        except Violation as found:
            run.outcome.violation = str(found)
        finally:
            run.count()
    run.outcome.elapsed_s = round(time.monotonic() - began_s, 3)
    return run.outcome


class RealRun:
    """One run. What is opened is left to `stack` to close."""

    def __init__(
        self,
        registered: Sequence[Registered],
        place: Place,
        profile: Profile,
        seed: int,
        stack: ExitStack,
    ) -> None:
        self.tell: Tell
        self.progress: Progress
        self.place = place
        self.profile = profile
        self.systems = [each.system for each in registered]
        self.outcome = RealOutcome(
            profile=profile.name, seed=seed, systems=[each.name for each in self.systems]
        )
        self.models = [models for each in registered if (models := read_models(each)).projections]
        self._stack = stack
        self._log = stack.enter_context(_open_log(place))
        self._check_free()
        commands = self._flow(seed)
        self._watching = Watching(self._log, self.systems)
        self._proxy = stack.enter_context(Proxy(*place.through)) if place.through else None
        self._targets = self._deploy()
        self._chaos = Chaos(profile, seed, self._targets, self._proxy, place.broker)
        stack.callback(self._end_all)
        senders = [
            Sender(stack.enter_context(_open_log(place)), share)
            for share in _shares(commands, profile.producers)
        ]
        self._sending = Sending(senders, self.progress_of)
        stack.callback(self._sending.stop)

    def progress_of(self, done: int) -> None:
        self.progress(done, self._probe * 3 + self.profile.commands)

    @property
    def _probe(self) -> int:
        return max(self.profile.commands // PROBE_PART, 1)

    # -- what is there ----------------------------------------------------------------------------

    def _check_free(self) -> None:
        """InvalidConfig where something has the place."""
        for system in self.systems:
            for topic in (system.commands_topic, system.events_topic):
                config = self._log.topics().get(topic)
                numbers = range(config.partitions if config else 0)
                if any(self._log.partition(topic, number).high_watermark for number in numbers):
                    raise InvalidConfig(
                        f"{self.place.url} holds a history of {system.name} already: chaos fills "
                        "its log, so give it a prefix of its own: kafka://HOST:PORT/PREFIX"
                    )
        group = self.place.location.prefix + self.place.group
        if members := self._log.cluster.members(group):
            raise InvalidConfig(
                f"the group {group!r} has {members} members: chaos starts its own workers, so "
                "give it a prefix of its own: kafka://HOST:PORT/PREFIX"
            )

    def _flow(self, seed: int) -> list[tuple[System, int, Any]]:
        """What is sent, of an hour from now on."""
        system = self.systems[0]
        flow = system.demo_flow or system.flow
        try:
            endless = flow(seed, start_ms=wall_clock_ms() + AHEAD_MS)
        except TypeError as error:
            raise InvalidConfig(
                f"the flow of {system.name} cannot begin now, and timers of the past would be due "
                f"at once: let it take the moment, `flow(seed, start_ms=...)` ({error})"
            ) from error
        of_type = {kind: each for each in self.systems for kind in each.commands}
        total = self._probe * 3 + self.profile.commands
        return [
            (of_type[type(command)], at, command)
            for at, command in itertools.islice(endless, total)
        ]

    def _deploy(self) -> list[Deployed]:
        """The processes, not started yet."""
        names = [system.name for system in self.systems]
        simulated = ["--simulated"] if any(system.effects for system in self.systems) else []
        found = [
            self._deployed(f"worker-{number}", ["run", *names, "--no-projections", *simulated])
            for number in range(1, self.profile.workers + 1)
        ]
        if self.models:
            names = [models.system.name for models in self.models]
            found.append(self._deployed("projector", ["project", *names]))
        return found

    def _deployed(self, name: str, arguments: list[str]) -> Deployed:
        place = self.place
        listen = place.through[0] if place.through else None
        environment = {
            "REFOLD_PROJECTIONS_URL": self._store_url("{system}"),
            "REFOLD_SNAPSHOTS": str(place.folder / "snapshots"),
            "REFOLD_GROUP": place.group,
            **place.environment,
        }
        url = url_of_client(place.url, name, listen)
        return Deployed(name, [*arguments, "--log", url], place.folder, environment)

    def _store_url(self, system: str) -> str:
        return f"sqlite:///{self.place.folder.absolute()}/{system}.sqlite"

    def _end_all(self) -> None:
        """Whatever came: the broker goes on, and no process is left."""
        try:
            self._chaos.end()
        finally:
            for target in self._targets:
                target.kill()

    # -- the run ----------------------------------------------------------------------------------

    def play(self, duration_s: float) -> None:
        """Errors: Violation."""
        settles_s = self.profile.hypothesis.settles_ms / 1000
        self._begin(settles_s)
        outcome = self.outcome
        self.tell("the steady state before")
        outcome.before = self._measured(settles_s)
        self._check_steady("before the faults", outcome.before)
        self.tell(f"faults of {self.profile.name!r}")
        self._inject(duration_s)
        self.tell("everything catches up")
        self._settle(settles_s)
        outcome.during = self._watching.latency()
        self.tell("the steady state after")
        outcome.after = self._measured(settles_s)
        self._check_steady("after the faults", outcome.after)
        self._settle(settles_s)
        self.tell("history is decided again, and read models are made again")
        self._leave()
        self._check_all()

    def _begin(self, settles_s: float) -> None:
        self.place.folder.mkdir(parents=True, exist_ok=True)
        for target in self._targets:
            target.start()
        group = self.place.location.prefix + self.place.group
        deadline_s = time.monotonic() + settles_s
        while self._log.cluster.members(group) < self.profile.workers:
            self._check_alive()
            if time.monotonic() > deadline_s:
                raise Violation(f"the workers do not join within {settles_s:g} s")
            time.sleep(LOOK_EVERY_S)
        self._sending.begin(self._probe, PROBE_S)  # whatever is slow the first time
        self._settle(settles_s)
        self._watching.latency()

    def _measured(self, settles_s: float) -> Steady:
        """A stretch without faults."""
        self._sending.begin(self._probe, PROBE_S)
        self._settle(settles_s)
        return self._watching.latency()

    def _check_steady(self, when: str, found: Steady) -> None:
        """The hypothesis must hold. Errors: Violation."""
        limit_ms = self.profile.hypothesis.p99_ms
        if limit_ms and found.p99_ms > limit_ms:
            raise Violation(
                f"{when}, 99 in 100 commands took up to {found.p99_ms:g} ms: the hypothesis "
                f"allows {limit_ms} ms"
            )

    def _inject(self, duration_s: float) -> None:
        """Commands and faults, until all is sent, or the abort condition is met."""
        self._sending.begin(self.profile.commands, duration_s)
        self._chaos.begin()
        try:
            while self._sending.is_busy and self.outcome.aborted is None:
                self._look()
                self.outcome.aborted = self._abort_condition()
                time.sleep(LOOK_EVERY_S)
        finally:
            self._sending.stop()
            self._chaos.end()
            self.outcome.hits = self._chaos.hits

    def _abort_condition(self) -> str | None:
        abort, watching = self.profile.abort, self._watching
        if abort.lag_above and watching.lag > abort.lag_above:
            return f"{watching.lag} commands wait, and the limit is {abort.lag_above}"
        oldest_s = self._sending.oldest_s
        waits_ms = int((time.monotonic() - oldest_s) * 1000) if oldest_s is not None else 0
        if abort.latency_above_ms and waits_ms > abort.latency_above_ms:
            return f"a command waits for {waits_ms} ms, the limit is {abort.latency_above_ms} ms"
        return None

    def _settle(self, settles_s: float) -> None:
        """Until all is sent and everything has caught up. Errors: Violation."""
        lag_max = self.profile.hypothesis.lag_max
        deadline_s = time.monotonic() + settles_s
        missing: str | None = "nothing was looked at"
        while self._sending.is_busy or missing is not None:
            self._look()
            missing = self._watching.missing() or self._read_models_missing()
            if lag_max and self._watching.lag <= lag_max:
                missing = None
            if missing is not None and time.monotonic() > deadline_s:
                raise Violation(f"{missing}: {settles_s:g} s after the last fault")
            time.sleep(LOOK_EVERY_S)

    def _look(self) -> None:
        self._check_alive()
        try:
            self._watching.look(self._sending)
        except LogUnavailable:
            return  # a fault of ours; what never comes back is met by the deadline

    def _check_alive(self) -> None:
        dead = self._chaos.ended_by_itself()
        if dead is not None:
            raise Violation(
                f"{dead.name} ended by itself with exit code {dead.exit_code}: "
                f"{dead.said_last()} ({dead.said_in})"
            )

    def _read_models_missing(self) -> str | None:
        for models in self.models:
            store = models.open_store(
                self._store_url(models.system.name), self.place.location.prefix
            )
            try:
                if not ProjectionWorker(self._log, store).has_applied():
                    return f"the read models of {models.system.name} are behind"
            finally:
                store.close()
        return None

    def _leave(self) -> None:
        """As a deployment ends. Errors: Violation."""
        for target in self._targets:
            target.leave()
        deadline_s = time.monotonic() + LEAVES_S
        for target in self._targets:
            if not target.has_left_by(deadline_s) or target.exit_code:
                raise Violation(
                    f"{target.name} was told to leave, and its exit code is {target.exit_code}: "
                    f"{target.said_last()} ({target.said_in})"
                )

    def _check_all(self) -> None:
        """Errors: Violation."""
        self._watching.look(self._sending, whole=True)
        for watch in self._watching.watches:
            found = verify(self._log, watch.system, watch.number)
            if found.difference is not None:
                raise Violation(
                    f"{watch.where}: deciding again differs from what is recorded at the command "
                    f"at offset {found.difference.command_offset}"
                )
        for models in self.models:
            self._check_read_models(models)

    def count(self) -> None:
        """How much there was, as far as it was seen."""
        self.outcome.commands = len(self._sending.acknowledged())
        self.outcome.events = sum(watch.fold.next_sequence for watch in self._watching.watches)

    def _check_read_models(self, models: ReadModels) -> None:
        store = models.open_store(self._store_url(models.system.name), self.place.location.prefix)
        try:
            check_projections(self._log, store)
        finally:
            store.close()


class Watching:
    """Follows what is on the log with checks of its own, and measures how long commands take."""

    def __init__(self, log: Log, systems: Sequence[System]) -> None:
        self.watches = [
            PartitionWatch(system, number, log)
            for system in systems
            for number in range(system.ensure_topics(log))
        ]
        self._log = log
        self._oracle = ReactorOracle(systems, self.watches)
        self._topics: dict[tuple[str, int], TopicWatch] = {
            (watch.commands.topic, watch.number): watch.commands for watch in self.watches
        }
        self._followed = {
            (topic.topic, topic.number): Followed(log.partition(topic.topic, topic.number))
            for topic in (
                *(watch.events for watch in self.watches),
                *(watch.commands for watch in self.watches),
            )
        }
        self._ends: dict[tuple[str, int], int] = {}
        self._histogram = _new_histogram()

    @property
    def lag(self) -> int:
        """Commands that wait, in all, as of the last look."""
        return sum(
            watch.commands.next_offset - 1 - watch.fold.last_cause for watch in self.watches
        )

    def look(self, sending: Sending, *, whole: bool = False) -> None:
        """Read on, and check. Errors: Violation; LogUnavailable."""
        seen = AsOfNow(self._log, self._followed)
        for watch in self.watches:
            watch.look(cast(Log, seen), whole=whole)  # they ask it for partitions, and no more
        if seen.ends == self._ends:  # else a command may be here, and what led to it not yet
            self._oracle.look()
        self._ends = seen.ends
        now_s = time.monotonic()
        for watch in self.watches:
            place = watch.commands.topic, watch.number
            for sent in sending.decided(*place, watch.fold.last_cause):
                self._histogram.record_value(int((now_s - sent.sent_s) * 1e6), sent.commands)
        if whole:
            check_acknowledged(sending.acknowledged(), self._topics)

    def missing(self) -> str | None:
        """What has not caught up, as of the last look."""
        now_ms = wall_clock_ms()
        found = (watch.missing(now_ms) for watch in self.watches)
        return next((each for each in found if each is not None), None) or self._oracle.missing()

    def latency(self) -> Steady:
        """How it went since this was last asked."""
        histogram, self._histogram = self._histogram, _new_histogram()
        return Steady(
            commands=histogram.total_count,
            p50_ms=histogram.get_value_at_percentile(50) / 1000,
            p99_ms=histogram.get_value_at_percentile(99) / 1000,
            longest_ms=histogram.get_max_value() / 1000,
        )


class AsOfNow:
    """A log as it was at one moment, as far as checks need it: no event without its command."""

    def __init__(self, log: Log, followed: Mapping[tuple[str, int], "Followed"]) -> None:
        """`followed`: events first. Their ends are asked for first, so that commands are ahead."""
        self._followed = followed
        self.ends = {place: log.partition(*place).high_watermark for place in followed}

    def partition(self, topic: str, number: int) -> "Followed":
        followed = self._followed[topic, number]
        followed.end = self.ends[topic, number]
        return followed


class Followed:
    """One partition, read on from where the last read ended, up to an `end`.

    A cluster may give more than was asked for: that is kept for the next time.
    """

    def __init__(self, partition: Partition) -> None:
        self.end = 0
        self._partition = partition
        self._position = 0
        self._kept: list[StoredRecord] = []

    def read(self, offset: int, max_bytes: int) -> list[list[StoredRecord]]:
        """What is new below the end; from offset 0 on everything, once more."""
        if offset == 0:
            self._position, self._kept = 0, []
        while self._position < self.end:
            for batch in self._partition.read(self._position, max_bytes):
                self._kept += batch
                self._position = batch.last_offset + 1
        found = [record for record in self._kept if record.offset < self.end]
        self._kept = self._kept[len(found) :]
        return [found]


def url_of_client(url: str, client: str, servers: Address | None = None) -> str:
    """The same log for a client of that `client.id`; by other servers, where they are given."""
    match = LOCATION.fullmatch(url)
    if match is None:
        raise InvalidConfig(f"{url} is no place on Kafka: kafka://HOST:PORT/PREFIX")
    begin, given, path, query = match.groups()
    hosts = f"{servers[0]}:{servers[1]}" if servers else given
    more = f"{query}&" if query else ""
    return f"{begin}{hosts}{path or ''}?{more}client.id={client}"


def _open_log(place: Place) -> KafkaLog:
    return KafkaLog(place.location.settings, prefix=place.location.prefix)


def _shares(
    commands: Sequence[tuple[System, int, Any]], producers: int
) -> list[list[tuple[System, int, Any]]]:
    """The commands of each producer: all of one key are one's."""
    shares: list[list[tuple[System, int, Any]]] = [[] for _ in range(producers)]
    for system, at, command in commands:
        shares[whose(system, command, producers)].append((system, at, command))
    return [share for share in shares if share]


def _new_histogram() -> HdrHistogram:
    """Of microseconds."""
    return HdrHistogram(1, HOUR_US, 3)
