"""The suite of every declared projection, over the registry and the sample systems."""

import pytest

from processors.core.registry import Registry, load_system
from projections.core.projection import Events, Projection
from projections.core.read_models import read_models
from projections.core.rows import Tables
from projections.core.testing import check_read_models
from tests.samples.parking import projections as parking
from tests.samples.parking.events import EVENTS

PACKAGES = [
    registered.package
    for registered in (*Registry(), load_system("tests.samples.parking"))
    if read_models(registered).projections
]


@pytest.mark.parametrize("package", PACKAGES)
def test_read_models(package: str) -> None:
    check_read_models(package)


def test_the_exchange_is_among_them() -> None:
    assert "processors.markets.exchange" in PACKAGES


def test_the_suite_catches_a_fold_that_depends_on_its_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fold(tables: Tables, events: Events) -> None:
        parking.fold_visits(tables, events)
        for row in {event.car for event, _at_ms in events if hasattr(event, "car")}:
            visits = tables[parking.VISITS][events.partition, row]
            visits.refusals += 1000
            tables[parking.VISITS].put(visits)

    wrong = Projection(name="cars", events=EVENTS, tables=(parking.VISITS,), fold=fold)
    monkeypatch.setattr(parking, "PROJECTIONS", (wrong,))
    with pytest.raises(AssertionError, match="car_visits, rebuilt in one go"):
        check_read_models("tests.samples.parking")
