"""Fixtures: an exchange without a past, its read models in each kind of store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.projections.markets.exchange.trading import Trading


@pytest.fixture(params=["sqlite", "memory"])
def trading(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Trading]:
    opened = Trading(request.param, tmp_path)
    yield opened
    opened.store.close()
