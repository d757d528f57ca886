"""Runs seeds, shrinks what fails, and says how to see it again.

simulate(SYSTEM, seeds=range(50))          in a test: SimulationFailed, with the line to paste
refold simulate parking --seeds 50         the same from the command line
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

import msgspec

from log.errors import InvalidConfig
from processors.core.registry import Registry, UnknownSystem
from processors.core.system import System
from projections.core.projection import Projection
from projections.core.read_models import read_models
from replay.simulator.faults import Injected
from replay.simulator.places import ClusterPlace, DiskPlace, Place
from replay.simulator.profile import BlastRadius, Fault, Profile
from replay.simulator.world import Outcome, Subject, World

PLACES: dict[str, type[Place]] = {
    "cluster": ClusterPlace,
    "disk": DiskPlace,
}
SHRINKING_RUNS_MAX = 80
TOLD_MAX = 40
"""Of faults: with more, the seed alone says enough."""

_ANYWHERE = (
    Fault(kind="kill", every_ms=(150, 900)),
    Fault(kind="hold", every_ms=(400, 2_500), lasts_ms=(50, 4_000)),
    Fault(kind="restart", every_ms=(800, 4_000)),
    Fault(kind="snapshot_refused", per_million=30_000),
    Fault(kind="snapshot_damaged", per_million=60_000),
    Fault(kind="outside_fails", per_million=150_000),
    Fault(kind="answer_lost", per_million=100_000),
)
ROUGH = {
    "cluster": Profile(
        name="rough",
        blast_radius=BlastRadius(workers_at_once=2),
        faults=(
            *_ANYWHERE,
            Fault(kind="brokers_restart", every_ms=(2_000, 9_000), lasts_ms=(50, 1_500)),
            Fault(kind="network_cut", every_ms=(800, 4_000), lasts_ms=(50, 3_000)),
            Fault(kind="rebalance", every_ms=(1_000, 5_000)),
            Fault(kind="lost_ack", per_million=30_000),
            Fault(kind="failed_append", per_million=20_000),
            Fault(kind="aborted", per_million=80_000),
            Fault(kind="late", per_million=150_000),
        ),
    ),
    "disk": Profile(
        name="rough",
        blast_radius=BlastRadius(workers_at_once=2),
        faults=(
            *_ANYWHERE,
            Fault(kind="power_cut", every_ms=(600, 3_000)),
            Fault(kind="power_cut_at_sync", per_million=20_000),
            Fault(kind="full_disk", per_million=4_000),
            Fault(kind="failed_read", per_million=1_000),
            Fault(kind="misdirected_read", per_million=500),
            Fault(kind="flipped_read", per_million=500),
            Fault(kind="failed_sync", per_million=4_000),
            Fault(kind="slow_sync", per_million=20_000),
            Fault(kind="double_start", per_million=200_000),
        ),
    ),
}
"""What is simulated where no profile is named, by place."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A seed that found something, shrunk."""

    seed: int
    place: str
    violation: str
    faults: tuple[Injected, ...]
    """Those that it takes."""
    reproduce: str
    """The command that shows it again."""


class Report(msgspec.Struct, kw_only=True):
    """What came of many seeds."""

    systems: list[str]
    runs: int = 0
    commands: int = 0
    events: int = 0
    faults: int = 0
    virtual_ms: int = 0
    elapsed_s: float = 0.0
    failures: list[Failure] = msgspec.field(default_factory=list)


class SimulationFailed(AssertionError):
    """At least one seed found a violation; the message has the line that shows it again."""


def simulate(
    system: System,
    *,
    seeds: Iterable[int] = range(20),
    on: Sequence[str] = ("cluster", "disk"),
    profile: Profile | None = None,
    projections: Mapping[str, Sequence[Projection]] | None = None,
) -> Report:
    """Simulate a system, with all that reactors connect it to, in a test.

    `on`: the simulated cluster, the simulated disk, or both. `projections` by system name, where
    the read models are not found by the registry. Errors: SimulationFailed, at the first seed that
    finds something; InvalidConfig for a profile with faults that the place cannot make.
    """
    subject = subject_of(system, projections)
    report = Report(systems=[each.name for each in subject.systems])
    for seed in seeds:
        for name in on:
            run_seed(subject, seed, name, profile, report)
            if report.failures:
                raise SimulationFailed(told(report.failures[0]))
    return report


def subject_of(
    system: System,
    projections: Mapping[str, Sequence[Projection]] | None = None,
    registry: Registry | None = None,
) -> Subject:
    """A system, those connected with it, and their read models: those given, by system name, or
    else those that the registry knows."""
    if projections is not None:
        given = {name: tuple(each) for name, each in projections.items()}
        return Subject(system.connected, system, given)
    known = registry or Registry()
    found = {}
    for each in system.connected:
        with suppress(UnknownSystem):
            models = read_models(known.find(each.name))
            found[each.name] = tuple(models.projections.values())
    return Subject(system.connected, system, found)


def run_seed(
    subject: Subject,
    seed: int,
    place: str,
    profile: Profile | None,
    report: Report,
    *,
    only: frozenset[str] | None = None,
    shrinking: bool = True,
) -> Outcome:
    """One seed at one place, counted in `report`; a failure is shrunk. `only`: these faults."""
    chosen = profile or ROUGH[place]
    chosen.check_kinds(PLACES[place].kinds, PLACES[place].mode)
    if chosen.abort.latency_above_ms or chosen.hypothesis.p99_ms:
        raise InvalidConfig(
            f"profile {chosen.name!r}: latencies (p99_ms, latency_above_ms) are measured on real "
            "workers, with --real: virtual time tells none"
        )
    began_s = time.perf_counter()
    outcome = World(subject, chosen, seed, PLACES[place], only).run()
    report.runs += 1
    report.commands += outcome.commands
    report.events += outcome.events
    report.faults += len(outcome.injected)
    report.virtual_ms += outcome.virtual_ms
    if outcome.violation is not None:
        report.failures.append(
            _failure(subject, seed, place, chosen, outcome, shrinking=shrinking)
        )
    report.elapsed_s += time.perf_counter() - began_s
    return outcome


def _failure(
    subject: Subject, seed: int, place: str, profile: Profile, outcome: Outcome, *, shrinking: bool
) -> Failure:
    def violation_of(only: frozenset[str]) -> Outcome | None:
        again = World(subject, profile, seed, PLACES[place], only).run()
        return again if again.violation is not None else None

    shrunk = shrink(outcome, violation_of) if shrinking else outcome
    names = [each.name for each in shrunk.injected]
    short = subject.flow_of.name.rpartition(".")[2]
    is_shrunk = len(names) < len(outcome.injected) and len(names) <= TOLD_MAX
    only = f" --only {','.join(names) or 'none'}" if is_shrunk else ""
    named = "" if profile is ROUGH[place] else f" --profile {profile.name}.toml"
    assert shrunk.violation is not None
    return Failure(
        seed=seed,
        place=place,
        violation=shrunk.violation,
        faults=shrunk.injected,
        reproduce=f"refold simulate {short} --seed {seed} --on {place}{named}{only}",
    )


def shrink(outcome: Outcome, run: Callable[[frozenset[str]], Outcome | None]) -> Outcome:
    """Fewer faults that still find something: without whole kinds, then without some (Zeller's
    ddmin), as long as SHRINKING_RUNS_MAX allows.

    `run` plays the seed again with some of the faults alone; None where nothing was found.
    """
    best, runs = outcome, 0

    def without(gone: Iterable[str]) -> bool:
        """Whether it is still found; then that is the best."""
        nonlocal best, runs
        runs += 1
        kept = {each.name for each in best.injected}.difference(gone)
        found = run(frozenset(kept)) if runs <= SHRINKING_RUNS_MAX else None
        best = found or best
        return found is not None

    for kind in sorted({kind_of(each.name) for each in outcome.injected}):
        without([each.name for each in best.injected if kind_of(each.name) == kind])
    parts = 2
    while best.injected and runs < SHRINKING_RUNS_MAX:
        names = [each.name for each in best.injected]
        size = max(len(names) // parts, 1)
        chunks = [names[at : at + size] for at in range(0, len(names), size)]
        if any(without(chunk) for chunk in chunks):
            parts = max(parts - 1, 2)
        elif size == 1:
            break
        else:
            parts = min(parts * 2, len(names))
    return best


def kind_of(name: str) -> str:
    """Of an occasion: `lost_ack#17` is a `lost_ack`."""
    return name.partition("#")[0]


def told(failure: Failure) -> str:
    """For people: what was found, after which faults, and how to see it again."""
    faults = "".join(
        f"\n  at {fault.at_ms / 1000:8.3f} s  {fault.name:22} {fault.target}"
        for fault in failure.faults[:TOLD_MAX]
    )
    if len(failure.faults) > TOLD_MAX:
        faults += f"\n  and {len(failure.faults) - TOLD_MAX} more"
    return (
        f"{failure.violation}\n  seed {failure.seed} on the simulated {failure.place}, after "
        f"{len(failure.faults)} faults:{faults}\n  again: {failure.reproduce}"
    )
