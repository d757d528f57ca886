"""A log to ask what if of."""

from collections.abc import Iterator

import pytest

from log.backends.memory import MemoryLog


@pytest.fixture
def recorded() -> Iterator[MemoryLog]:
    with MemoryLog() as opened:
        yield opened
