"""The simulator finds mistakes that were put into the core on purpose, each within 60 s: a check
of the checks. With none of them it finds nothing, see test_simulation.py."""

import time

import pytest

from replay.simulator.simulation import Report, run_seed
from tests.replay.simulator.mutants import MUTANTS
from tests.replay.simulator.samples import SUBJECTS, rough

WITHIN_S = 60.0


@pytest.mark.parametrize("name", MUTANTS)
def test_it_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sample, place, mutate = MUTANTS[name]
    mutate(monkeypatch)
    subject, report = SUBJECTS[sample](), Report(systems=[sample])
    began_s = time.process_time()
    seed = 0
    while not report.failures:
        spent_s = time.process_time() - began_s
        assert spent_s < WITHIN_S, f"{seed} seeds in {spent_s:.0f} s, and nothing was found"
        run_seed(subject, seed, place, rough(sample, place), report, shrinking=False)
        seed += 1
