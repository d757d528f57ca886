"""One simulated deployment: who there is, whose turn it is, what goes wrong, and what must hold.

    producers ─► commands ─► workers (tasks, reactors, effects) ─► events ─► projectors
                     └────────────── all through one place ──────────────┘
                                             │
                          checks follow what is durable, all the while

A turn is taken by one of those that are ready, drawn from the seed; time passes with what they do,
and jumps where all rest. When all commands are sent, the faults end, and everything has to catch
up within the profile's `settles_ms`.
"""

import hashlib
import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from log.errors import CorruptLog
from processors.core.system import System
from projections.core.memory_store import MemoryStore
from projections.core.projection import Projection
from projections.core.store import Catalog
from replay.recorded import told_from
from replay.simulator.actors import Actor, Producer, Projector, Workman, whose
from replay.simulator.checks import (
    PartitionWatch,
    ReactorOracle,
    TopicWatch,
    Violation,
    check_acknowledged,
    check_projections,
)
from replay.simulator.disk import DeadlockInSimulation, Stopped
from replay.simulator.faults import Faults, Injected
from replay.simulator.places import DiskPlace, Place
from replay.simulator.processes import Process, ProcessKilled
from replay.simulator.profile import Profile
from replay.simulator.scripted_outside import ScriptedOutside
from replay.simulator.virtual_time import VirtualClock, virtual_time
from replay.verify import verify

LOOK_EVERY_TURNS = 25
COMPARE_EVERY_TURNS = 200
RESTART_MS = 300
TIMERS_GO_ON_MS = 3_600_000
"""When all is sent, the wall clock moves on by this, so that timers fire."""
HELD_DEPTH_MAX = 1
TURNS_MAX = 200_000
ENDS = (ProcessKilled, Stopped, DeadlockInSimulation)
"""Of a process: it is killed, its machine is, or it would wait for one that stands still."""


@dataclass(frozen=True)
class Subject:
    """What is simulated: systems that reactors connect, and the projections of each by name."""

    systems: Sequence[System]
    flow_of: System
    """Whose flow is sent."""
    projections: dict[str, tuple[Projection, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one run."""

    seed: int
    violation: str | None
    commands: int
    events: int
    turns: int
    virtual_ms: int
    injected: tuple[Injected, ...]
    trace: str
    """A digest of everything that happened, in order: the same seed gives the same."""


class World:
    """Runs one seed. See `run`."""

    def __init__(
        self,
        subject: Subject,
        profile: Profile,
        seed: int,
        place: type[Place],
        only: frozenset[str] | None = None,
    ) -> None:
        self.subject = subject
        self.systems = subject.systems
        self.profile = profile
        self.seed = seed
        self.random = Random(f"{seed}/world")
        self.faults = Faults(profile, seed, only)
        commands = self._commands()
        self.clock = VirtualClock(commands[0][1] if commands else 0)
        self.turns = 0
        self._depth = 0
        self._spawned = itertools.count()
        self._trace = hashlib.blake2b(digest_size=8)
        self.place = place(self, profile)
        self.stores = {
            system.name: MemoryStore(Catalog(system, subject.projections[system.name]))
            for system in subject.systems
            if subject.projections.get(system.name)
        }
        self.producers = self._open_producers(commands)
        self.workmen = [self._workman(number) for number in range(profile.workers)]
        self.projectors = [
            Projector(f"projector {name}", self.spawn, self.place.open_log, store)
            for name, store in self.stores.items()
        ]
        self.actors: list[Actor] = [*self.producers, *self.workmen, *self.projectors]
        self.watches: list[PartitionWatch] = []
        self._oracle: ReactorOracle
        self._look_again = False
        """Whether what was seen before must be looked at again: the power was cut."""

    def _commands(self) -> list[tuple[System, int, Any]]:
        system = self.subject.flow_of
        flow = (system.demo_flow or system.flow)(self.seed)
        of_type = {kind: each for each in self.systems for kind in each.commands}
        return [
            (of_type[type(command)], at, command)
            for at, command in itertools.islice(flow, self.profile.commands)
        ]

    def _open_producers(self, commands: list[tuple[System, int, Any]]) -> list[Producer]:
        count = self.profile.producers
        shares: list[list[tuple[System, int, Any]]] = [[] for _ in range(count)]
        for system, at, command in commands:
            shares[whose(system, command, count)].append((system, at, command))
        return [
            Producer(
                f"producer {at}",
                self.spawn,
                self.place.open_log,
                share,
                self.clock.move_wall_to,
                self.random.randrange,
            )
            for at, share in enumerate(shares)
        ]

    def _workman(self, number: int) -> Workman:
        return Workman(
            f"worker {number}",
            self.spawn,
            lambda process, outside: self.place.open_worker(process, outside, number),
            lambda process: ScriptedOutside(process, self.random),
        )

    def spawn(self, name: str) -> Process:
        """A process for an actor."""
        return Process(
            f"{name} ({next(self._spawned)})", self.clock, self.random, self.faults, self
        )

    # -- the run ----------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Play it through. What does not hold is the outcome's `violation`."""
        violation = None
        # What goes wrong is told by the outcome, and not by the loggers of what is simulated.
        with virtual_time(self.clock, self.seed), told_from("refold", logging.CRITICAL):
            try:
                self._begin()
                self._play()
                self._settle()
                self._check_in_the_end()
            except Violation as found:
                violation = str(found)
            finally:
                for actor in self.actors:
                    if actor.process is not None:
                        actor.process.kill()
        return Outcome(
            seed=self.seed,
            violation=violation,
            commands=sum(len(watch.command_offsets) for watch in self.watches),
            events=sum(watch.fold.next_sequence for watch in self.watches),
            turns=self.turns,
            virtual_ms=self.clock.ms,
            injected=tuple(self.faults.injected),
            trace=self._trace.hexdigest(),
        )

    def _begin(self) -> None:
        """The topics are there before anything goes wrong."""
        truth = self.place.truth()
        for system in self.systems:
            for number in range(self.place.create_topics(system)):
                self.watches.append(PartitionWatch(system, number, truth))
        self._oracle = ReactorOracle(self.systems, self.watches)
        self.place.watched()

    def _play(self) -> None:
        while not all(producer.is_done for producer in self.producers):
            self._strike()
            self._turn()
            if self.turns % LOOK_EVERY_TURNS == 0:
                self._look()
                self._check_abort()
            if self.turns % COMPARE_EVERY_TURNS == 0:
                self._compare_read_models()

    def _check_abort(self) -> None:
        """The profile may say when it is enough. Errors: Violation."""
        limit, lag = self.profile.abort.lag_above, sum(watch.lag for watch in self.watches)
        if limit and lag > limit:
            raise Violation(f"aborted: {lag} commands wait, and the limit is {limit}")

    def _settle(self) -> None:
        self.faults.is_active = False
        self.place.calm()
        for workman in self.workmen:
            workman.ready_ms = 0
            self._leave(workman)  # who took too much by mistake, takes its share now
        self.clock.move_wall_to(self.clock.wall() + TIMERS_GO_ON_MS)
        until_ms = self.clock.ms + self.profile.hypothesis.settles_ms
        missing: str | None = "nothing was looked at"
        while missing is not None:
            if self.clock.ms > until_ms:
                raise Violation(
                    f"{missing}: {self.profile.hypothesis.settles_ms / 1000:g} s after the "
                    "faults ended (virtual time)"
                )
            for _ in range(LOOK_EVERY_TURNS):
                self._turn()
            self._look()
            missing = self._missing()

    # -- turns ------------------------------------------------------------------------------------

    def _turn(self) -> None:
        ready = [actor for actor in self.actors if not actor.is_held]
        actor = self._next(ready)
        self.clock.pass_until_ms(actor.ready_ms)
        self._take_turn(actor)

    def _next(self, actors: list[Actor]) -> Actor:
        ready = [actor for actor in actors if actor.ready_ms <= self.clock.ms]
        return self.random.choice(ready) if ready else min(actors, key=lambda each: each.ready_ms)

    def _take_turn(self, actor: Actor) -> None:
        self.turns += 1
        if self.turns > TURNS_MAX:
            raise Violation(f"it does not come to an end within {TURNS_MAX} turns")
        self.faults.now_ms = self.clock.ms
        outcome = "rested"
        try:
            busy = actor.take_turn()
            outcome = "worked" if busy else "rested"
            rest_ms = 0 if busy else self.random.randint(1, actor.rest_ms_max)
            actor.ready_ms = self.clock.ms + rest_ms
        except ENDS as end:
            outcome = f"ended: {type(end).__name__}"
            self._ended(actor, end)
        except self.place.refusals as refusal:
            outcome = f"ended: {type(refusal).__name__}"
            if isinstance(refusal, CorruptLog) and not self._may_lie():
                raise Violation(f"{actor.name}: {refusal}") from refusal
            if actor.process is not None:
                actor.process.kill()
            actor.ready_ms = self.clock.ms + self.random.randint(1, RESTART_MS)
        except Violation:
            raise
        except Exception as error:
            raise Violation(f"{actor.name} failed: {type(error).__name__}: {error}") from error
        self._trace.update(f"{self.clock.ns} {actor.name} {outcome}\n".encode())

    def _ended(self, actor: Actor, end: BaseException) -> None:
        """The actor's process, or an earlier one of it, is no more."""
        process = actor.process
        if not isinstance(end, ProcessKilled) and process is not None and not process.is_held:
            process.kill()
        down_ms = self.random.randint(1, RESTART_MS)
        if process is not None and process.down_ms is not None:
            down_ms = process.down_ms
        actor.ready_ms = self.clock.ms + down_ms

    def _may_lie(self) -> bool:
        return any(
            self.profile.of(kind) is not None for kind in ("misdirected_read", "flipped_read")
        )

    def run_others(self, process: Process, for_ms: int) -> None:
        """While a process stands still. Not within another one's standing still."""
        if self._depth >= HELD_DEPTH_MAX:
            return
        self._depth += 1
        until_ms = self.clock.ms + for_ms
        try:
            while self.clock.ms < until_ms and process.is_alive:
                actors = [actor for actor in self.actors if actor.process is not process]
                actor = self._next(actors)
                if actor.ready_ms > until_ms:
                    break
                self.clock.pass_until_ms(actor.ready_ms)
                self._take_turn(actor)
            self.clock.pass_until_ms(until_ms)
        finally:
            self._depth -= 1

    # -- faults -----------------------------------------------------------------------------------

    def _strike(self) -> None:
        self.faults.now_ms = self.clock.ms
        for fault in self.faults.due("the deployment"):
            living = self.living
            match fault.kind:
                case "kill" | "hold" | "power_cut" if not living:
                    pass
                case "kill" | "hold" | "restart" if not self._has_room():
                    pass
                case "kill":
                    victim = living[self.faults.draw("kill", len(living))]
                    victim.down_ms = self.faults.lasts_ms(fault) or None
                    victim.end_soon(partial(self.faults.draw, "kill"), victim.kill)
                case "hold":
                    victim = living[self.faults.draw("hold", len(living))]
                    lasts_ms = self.faults.lasts_ms(fault)
                    victim.hold_soon(partial(self.faults.draw, "hold"), lasts_ms)
                case "restart":
                    workman = self.workmen[self.faults.draw("restart", len(self.workmen))]
                    self._leave(workman)
                case "power_cut":
                    victim = living[self.faults.draw("power_cut", len(living))]
                    victim.end_soon(partial(self.faults.draw, "power_cut"), self.cut_power)
                case _:
                    self.place.strike(fault, living)

    def _has_room(self) -> bool:
        """Whether the blast radius allows another fault at a process."""
        hit = [each for each in self.workmen if each.process is None or each.process.is_hit]
        return len(hit) < self.profile.blast_radius.workers_at_once

    @property
    def living(self) -> list[Process]:
        """The processes that run."""
        return [
            actor.process
            for actor in self.actors
            if actor.process is not None and actor.process.is_alive
        ]

    def cut_power(self) -> None:
        """The machine is off, and on again: every process is killed."""
        for process in self.living:
            process.kill()
        assert isinstance(self.place, DiskPlace)
        self.place.lose_power()
        self._look_again = True

    def _leave(self, workman: Workman) -> None:
        """End a worker as one is asked to."""
        try:
            workman.leave()
        except ENDS:
            workman.process = None
        except self.place.refusals:
            workman.process = None

    # -- what must hold ---------------------------------------------------------------------------

    def _look(self, *, whole: bool = False) -> None:
        whole, self._look_again = whole or self._look_again, False
        truth = self.place.truth()
        for watch in self.watches:
            watch.look(truth, whole=whole)
        self._oracle.look()
        topics: dict[tuple[str, int], TopicWatch] = {
            (watch.commands.topic, watch.number): watch.commands for watch in self.watches
        }
        for producer in self.producers:
            check_acknowledged(producer.acknowledged, topics)
        self.place.watched()

    def _missing(self) -> str | None:
        """What has not caught up."""
        for watch in self.watches:
            missing = watch.missing(self.clock.wall())
            if missing is not None:
                return missing
        return self._oracle.missing() or self._projections_missing()

    def _projections_missing(self) -> str | None:
        for name, store in self.stores.items():
            for projection in store.catalog.projections.values():
                status = store.status(projection)
                for watch in self.watches:
                    if watch.system.name != name:
                        continue
                    mark = status.watermarks.get(watch.number) if status else None
                    reached = mark.next_sequence if mark else 0
                    if reached < watch.fold.next_sequence:
                        return (
                            f"the read model {name}.{projection.name} is at sequence {reached} of "
                            f"{watch.fold.next_sequence} on partition {watch.number}"
                        )
        return None

    def _check_in_the_end(self) -> None:
        self._look(whole=True)
        truth = self.place.truth()
        for watch in self.watches:
            found = verify(truth, watch.system, watch.number)
            if found.difference is not None:
                raise Violation(
                    f"{watch.where}: deciding again differs from what is recorded at the command "
                    f"at offset {found.difference.command_offset}"
                )
        self._compare_read_models()

    def _compare_read_models(self) -> None:
        truth = self.place.truth()
        for store in self.stores.values():
            check_projections(truth, store)
        self.place.watched()
