"""The named queries: found, parsed from what a person types, and answered."""

from pathlib import Path

import pytest

from processors.core.registry import Registered, load_system
from projections.core.errors import QueryError
from projections.core.read_models import ReadModels, as_table, default_url, read_models
from projections.core.worker import Worker
from tests.projections.core.garage import SYSTEM, Topic, left, parked
from tests.samples.parking import projections
from tests.samples.parking.projections import Spot


@pytest.fixture
def garage() -> ReadModels:
    return read_models(load_system("tests.samples.parking"))


def test_the_package_declares_projections_and_queries(garage: ReadModels) -> None:
    assert list(garage.projections) == ["occupancy", "history", "cars"]
    assert [query.usage for query in garage.queries.values()] == [
        "taken()",
        "who(spot: str)",
        "stays(spot: str, since_ms: int = 0, limit: int = 10)",
    ]
    assert garage.query("who").description == "Who stands on a spot."
    assert garage.query("who").returns == Spot | None


def test_a_system_without_read_models_has_none() -> None:
    none = read_models(Registered(SYSTEM, "tests.projections.core"))
    assert not none.projections and not none.queries
    with pytest.raises(QueryError, match="has no query 'best': there are none"):
        none.query("best")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["a"], {"spot": "a"}),
        (["a", "5"], {"spot": "a", "since_ms": 5}),
        (["limit=3", "a"], {"spot": "a", "limit": 3}),
        (["spot=a=b", "limit=3"], {"spot": "a=b", "limit": 3}),
        (["=x"], {"spot": "=x"}),
    ],
)
def test_arguments_are_parsed_by_their_types(
    garage: ReadModels, given: list[str], expected: dict[str, object]
) -> None:
    assert garage.query("stays").parse(given) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "argument 'spot' is missing: stays"),
        (["a", "b"], "argument since_ms='b': Expected `int`, got `str`"),
        (["a", "limt=3"], "no argument 'limt': did you mean 'limit'"),
        (["a", "spot=b"], "argument 'spot' is given twice"),
        (["a", "1", "2", "3"], "'3' is one argument too many"),
    ],
)
def test_what_does_not_parse_is_named(garage: ReadModels, given: list[str], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        garage.query("stays").parse(given)


def test_an_unknown_name_gets_the_nearest(garage: ReadModels) -> None:
    with pytest.raises(QueryError, match=r"samples.parking has no query 'stay': did you mean 'st"):
        garage.query("stay")
    with pytest.raises(QueryError, match="no projection 'ocupancy': did you mean 'occupancy'"):
        garage.projection("ocupancy")
    assert garage.projection("cars").name == "cars"


@pytest.mark.parametrize("kind", ["sqlite", "memory"])
def test_a_query_answers_from_the_store(
    garage: ReadModels, topic: Topic, tmp_path: Path, kind: str
) -> None:
    topic.append(parked("a", "x"))
    topic.append(left("a"))
    topic.append(parked("b", "y"))
    url = default_url(tmp_path, SYSTEM) if kind == "sqlite" else "memory:"
    store = garage.open_store(url)
    Worker(topic.log, store).catch_up()
    query = garage.query("who")
    assert query.run(store, query.parse(["b"])) == Spot("b", "y", 1_000, 2)
    assert query.run(store, {"spot": "a"}) is None
    store.close()
    file = tmp_path / "projections" / "samples.parking.sqlite"
    assert file.exists() == (kind == "sqlite")


def test_a_rendering_belongs_to_its_query(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projections, "RENDERINGS", {"who": str}, raising=False)
    drawn = read_models(load_system("tests.samples.parking"))
    assert [drawn.query(name).rendering for name in ("taken", "who")] == [None, str]
    monkeypatch.setattr(projections, "RENDERINGS", {"whom": str})
    with pytest.raises(TypeError, match="RENDERINGS names 'whom', no query"):
        read_models(load_system("tests.samples.parking"))


def test_a_system_names_the_queries_for_its_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_models(load_system("tests.samples.parking")).demo_queries == []
    who = read_models(load_system("tests.samples.parking")).query("who").function
    monkeypatch.setattr(projections, "DEMO_QUERIES", (who,), raising=False)
    shown = read_models(load_system("tests.samples.parking")).demo_queries
    assert [query.name for query in shown] == ["who"]
    monkeypatch.setattr(projections, "DEMO_QUERIES", (str,))
    with pytest.raises(TypeError, match="DEMO_QUERIES holds 'str', no query"):
        read_models(load_system("tests.samples.parking"))


def test_results_are_shown_as_a_table() -> None:
    spot = Spot("b", "y", 1_000, 2)
    columns = ["spot", "car", "until_ms", "sequence"]
    assert as_table(spot) == (columns, [["b", "y", 1_000, 2]])
    assert as_table([spot, spot]) == (columns, [["b", "y", 1_000, 2]] * 2)
    assert as_table([]) == as_table(None) == ([], [])
