"""The simulator: the same seed gives the same run, honest code passes, what fails is shrunk."""

import dataclasses
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from log.errors import InvalidConfig
from processors.core.registry import Registry
from processors.core.system import System
from replay.simulator import Fault, Profile, SimulationFailed, load_profile, simulate
from replay.simulator.profile import Abort, BlastRadius, Hypothesis
from replay.simulator.simulation import PLACES, ROUGH, Report, run_seed, subject_of
from replay.simulator.world import World
from tests.replay.simulator.samples import SUBJECTS, rough
from tests.samples.parking import SYSTEM
from tests.samples.parking.decider import Garage
from tests.samples.parking.projections import PROJECTIONS

SEEDS = {"parking": 60, "asking": 30, "relay": 12}
"""At two places each: 204 runs."""


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("sample", SEEDS)
def test_nothing_is_lost_or_doubled_whatever_goes_wrong(sample: str, place: str) -> None:
    subject, report = SUBJECTS[sample](), Report(systems=[sample])
    for seed in range(SEEDS[sample]):
        run_seed(subject, seed, place, rough(sample, place), report)
    assert report.failures == []
    assert report.runs == SEEDS[sample]
    assert report.faults > 5 * report.runs


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("system", [each.system.name for each in Registry()])
def test_every_registered_system(system: str, place: str) -> None:
    subject, report = subject_of(Registry().find(system).system), Report(systems=[system])
    run_seed(subject, 1, place, None, report)
    assert report.failures == []
    assert report.events >= report.commands > 0


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("sample", SUBJECTS)
def test_the_same_seed_gives_the_same_run(sample: str, place: str) -> None:
    outcomes = [World(SUBJECTS[sample](), ROUGH[place], 5, PLACES[place]).run() for _ in range(2)]
    assert outcomes[0] == outcomes[1]
    other = World(SUBJECTS[sample](), ROUGH[place], 6, PLACES[place]).run()
    assert other.trace != outcomes[0].trace


@pytest.mark.parametrize("place", PLACES)
def test_every_kind_of_fault_happens(place: str) -> None:
    kinds = Counter[str]()
    for seed in range(12):
        subject = SUBJECTS["asking" if seed % 2 else "parking"]()
        outcome = World(subject, ROUGH[place], seed, PLACES[place]).run()
        kinds.update(each.name.partition("#")[0] for each in outcome.injected)
    assert set(kinds) == {fault.kind for fault in ROUGH[place].faults}


def test_what_fails_is_shrunk_and_can_be_played_again() -> None:
    """Snapshots leave out who stands on spot 5."""

    def to_rows(garage: Garage) -> Iterator[Any]:
        stays = {spot: stay for spot, stay in garage.stays.items() if spot != "spot-5"}
        return iter(SYSTEM.decider.state_format.to_rows(structs.replace(garage, stays=stays)))

    forgetful = dataclasses.replace(SYSTEM.decider.state_format, to_rows=to_rows)
    system = dataclasses.replace(
        SYSTEM, decider=dataclasses.replace(SYSTEM.decider, state_format=forgetful)
    )
    profile = structs.replace(ROUGH["cluster"], hypothesis=Hypothesis(settles_ms=5_000))
    with pytest.raises(SimulationFailed) as failed:
        simulate(system, seeds=range(50), on=("cluster",), profile=profile, projections={})
    lines = str(failed.value).splitlines()
    assert lines[-1].startswith("  again: refold simulate parking --seed ")
    assert 0 < len(lines) - 3 <= 5, "shrunk to few faults"

    words = lines[-1].split()
    seed, only = int(words[words.index("--seed") + 1]), frozenset(words[-1].split(","))
    subject, report = subject_of(system, {}), Report(systems=[])
    outcome = run_seed(subject, seed, "cluster", profile, report, only=only, shrinking=False)
    assert outcome.violation == lines[0]
    assert {each.name for each in outcome.injected} == only


def test_a_system_of_ones_own_with_its_read_models() -> None:
    report = simulate(SYSTEM, seeds=range(3), projections={SYSTEM.name: PROJECTIONS})
    assert (report.runs, report.failures) == (6, [])
    assert report.commands >= 6 * ROUGH["disk"].commands


def test_a_system_that_never_settles_is_told() -> None:
    """Its timer is due all the time, whatever happens."""
    system: System = dataclasses.replace(
        SYSTEM, decider=dataclasses.replace(SYSTEM.decider, next_due=lambda garage: 1)
    )
    with pytest.raises(SimulationFailed, match=r"timer|failed"):
        impatient = Profile(name="calm", hypothesis=Hypothesis(settles_ms=3_000))
        simulate(system, seeds=range(1), on=("cluster",), profile=impatient, projections={})


def test_a_profile_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "kills.toml"
    path.write_text(
        'name = "kills"\ncommands = 50\nworkers = 3\n'
        '[[faults]]\nkind = "kill"\nevery_ms = [20, 60]\n'
    )
    profile = load_profile(path)
    assert profile.faults == (Fault(kind="kill", every_ms=(20, 60)),)
    report = simulate(SYSTEM, seeds=range(2), profile=profile, projections={})
    assert report.faults > 10


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("name = 1", r"Expected `str`, got `int` - at `\$.name`"),
        ('name = "x"\n[[faults]]\nkind = "kill"\n', "the fault 'kill' never happens"),
        ('name = "x"\nfoults = []\n', "unknown field `foults`"),
        (
            'name = "x"\n[[faults]]\nkind = "kill"\nevery_ms = [5, 2]\n',
            r"kill: every_ms = \[5, 2\]",
        ),
        ("name = ", "is no profile"),
    ],
)
def test_a_profile_that_means_nothing(text: str, error: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(text)
    with pytest.raises(InvalidConfig, match=error):
        load_profile(path)


def test_a_fault_that_a_place_cannot_make() -> None:
    profile = Profile(name="wrong", faults=(Fault(kind="power_cut", every_ms=(1, 2)),))
    with pytest.raises(InvalidConfig, match=r"the simulated cluster cannot make .*'power_cut'"):
        simulate(SYSTEM, seeds=range(1), on=("cluster",), profile=profile, projections={})


def test_the_blast_radius_is_kept() -> None:
    """With room for none, no process is killed; with room for one, not both at a time."""
    kills = (Fault(kind="kill", every_ms=(5, 20), lasts_ms=(200, 400)),)
    none = Profile(name="none", faults=kills, blast_radius=BlastRadius(workers_at_once=0))
    assert simulate(SYSTEM, seeds=[1], profile=none, projections={}).failures == []

    world = World(SUBJECTS["parking"](), Profile(name="one", faults=kills), 1, PLACES["cluster"])
    strike, most = world._strike, 0

    def struck() -> None:
        nonlocal most
        strike()
        hit = [each for each in world.workmen if each.process is not None and each.process.is_hit]
        most = max(most, len(hit))

    world._strike = struck  # type: ignore[method-assign]
    outcome = world.run()
    assert (outcome.violation, most) == (None, 1)


def test_it_stops_where_the_abort_condition_is_met() -> None:
    calm = Profile(name="calm", workers=1, abort=Abort(lag_above=1), commands=400)
    with pytest.raises(SimulationFailed, match=r"aborted: \d+ commands wait, and the limit is 1"):
        simulate(SYSTEM, seeds=range(5), profile=calm, projections={})


def test_latencies_are_for_real_workers() -> None:
    profile = Profile(name="slow", abort=Abort(latency_above_ms=5))
    with pytest.raises(InvalidConfig, match="virtual time tells none"):
        simulate(SYSTEM, seeds=range(1), profile=profile, projections={})
