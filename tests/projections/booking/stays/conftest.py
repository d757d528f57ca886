"""A town on every kind of store: what it answers is the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.projections.booking.stays.town import Town


@pytest.fixture(params=("memory", "sqlite", "postgresql"))
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Town]:
    match request.param:
        case "postgresql":
            url = request.getfixturevalue("postgresql_database")
        case "memory":
            url = "memory:"
        case _:
            url = f"sqlite:///{tmp_path}/stays.sqlite"
    opened = Town(url)
    yield opened
    opened.close()
