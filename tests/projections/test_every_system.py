"""The suite of every declared projection, over the registry and the sample systems."""

import dataclasses

import msgspec
import pytest

from processors.core.registry import Registry, load_system
from projections.core.projection import Events, Projection, Table
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


def test_every_projection_of_the_exchange_goes_by_partition() -> None:
    projections = read_models(load_system("processors.markets.exchange")).projections
    assert {each.rows_of for each in projections.values()} == {"partition"}


def test_the_suite_catches_a_row_of_two_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    class Count(msgspec.Struct):
        kind: str
        count: int = 0

    counts = Table("counts", Count, key=("kind",))

    def fold(tables: Tables, events: Events) -> None:
        for event, _at_ms in events:
            row = tables[counts].get(type(event).__name__) or Count(type(event).__name__)
            row.count += 1
            tables[counts].put(row)

    taking_turns = Projection(name="counts", events=EVENTS, tables=(counts,), fold=fold)
    monkeypatch.setattr(parking, "PROJECTIONS", (taking_turns,))
    check_read_models("tests.samples.parking")
    side_by_side = dataclasses.replace(taking_turns, rows_of="partition")
    monkeypatch.setattr(parking, "PROJECTIONS", (side_by_side,))
    with pytest.raises(AssertionError, match=r"partitions 0 and 1 both touch the row 'Car"):
        check_read_models("tests.samples.parking")
