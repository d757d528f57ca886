"""A log of each kind that replay is to work on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from log.backends.file import FileLog
from log.backends.memory import MemoryLog
from log.interface import Log


@pytest.fixture(params=["memory", "file"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Log]:
    opened: Log = MemoryLog() if request.param == "memory" else FileLog(tmp_path / "log")
    with opened:
        yield opened
