"""Fixtures: a feed without a past, and three friends on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.projections.social.feed.society import Society


@pytest.fixture
def society(tmp_path: Path) -> Iterator[Society]:
    opened = Society(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def friends(society: Society) -> Society:
    """Ann and Bob follow each other; Cay follows both, and nobody follows her."""
    society.register("ann", "bob", "cay")
    society.follow("ann", "bob", "cay")
    society.follow("bob", "ann", "cay")
    return society
