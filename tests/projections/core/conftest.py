"""Fixtures: the same tests on every kind of store.

PostgreSQL is the database of `TEST_POSTGRESQL_URL`, in a schema for each process of the tests.
`docker compose up -d postgres` starts one, `.ci/run` another.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sql

from tests.projections.core.garage import Stores, Topic, sqlite_url

POSTGRESQL_URL = os.environ.get("TEST_POSTGRESQL_URL", "")
SCHEMA = f"refold_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"


@pytest.fixture(params=("sqlite", "memory", "postgresql"))
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    if request.param == "postgresql":
        if not POSTGRESQL_URL:
            pytest.skip("no PostgreSQL: set TEST_POSTGRESQL_URL, see docker-compose.yml")
        opened = Stores(_empty_schema())
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


def _empty_schema() -> str:
    """The URL of a schema of our own, with nothing in it."""
    engine = sql.create_engine(POSTGRESQL_URL)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
    engine.dispose()
    url = sql.make_url(POSTGRESQL_URL).update_query_dict({"options": f"-csearch_path={SCHEMA}"})
    return url.render_as_string(hide_password=False)
