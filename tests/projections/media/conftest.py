"""Fixtures: read models without a past, in each kind of store."""

import pytest


@pytest.fixture(params=["sqlite", "memory"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)
