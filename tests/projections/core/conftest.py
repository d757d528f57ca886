"""Fixtures: the same tests on every kind of store.

`TEST_POSTGRESQL_URL` (a database that may be emptied) adds PostgreSQL.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sql

from tests.projections.core.garage import Stores, Topic, sqlite_url

POSTGRESQL_URL = os.environ.get("TEST_POSTGRESQL_URL", "")
KINDS = ("sqlite", "memory", *(("postgresql",) if POSTGRESQL_URL else ()))


@pytest.fixture(params=KINDS)
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    if request.param == "postgresql":
        _empty(POSTGRESQL_URL)
        opened = Stores(POSTGRESQL_URL)
    else:
        opened = Stores("memory:" if request.param == "memory" else sqlite_url(tmp_path))
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


def _empty(url: str) -> None:
    engine = sql.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()
