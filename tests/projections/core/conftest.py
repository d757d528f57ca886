"""Fixtures: the same tests on every kind of store; on PostgreSQL, a database for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.projections.core.garage import Stores, Topic, sqlite_url


@pytest.fixture(params=("sqlite", "memory", "postgresql"))
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    match request.param:
        case "postgresql":
            url = request.getfixturevalue("postgresql_database")
        case "memory":
            url = "memory:"
        case _:
            url = sqlite_url(tmp_path)
    opened = Stores(url)
    yield opened
    opened.close()


@pytest.fixture(params=("sqlite", "postgresql"))
def database_stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    """Those that several processes can share."""
    is_file = request.param == "sqlite"
    url = sqlite_url(tmp_path) if is_file else request.getfixturevalue("postgresql_database")
    opened = Stores(url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_stores(tmp_path: Path) -> Iterator[Stores]:
    opened = Stores(sqlite_url(tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def topic() -> Topic:
    return Topic()
