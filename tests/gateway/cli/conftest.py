"""The command line in a folder of its own: within this process, or as a process where it matters.

The folder's `refold.toml` names the sample system `samples.parking`.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from gateway.cli.main import app
from log.backends.file import FileLog
from log.envelope import Command
from log.record import Record
from processors.core.testing.subject import decide_all
from tests.samples.parking import SYSTEM, flow

ROOT = Path(__file__).parents[3]
DEADLINE_S = 60.0


@dataclass
class Ended:
    """How a command ended."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.stdout)

    @property
    def json_lines(self) -> list[Any]:
        return [msgspec.json.decode(line) for line in self.stdout.splitlines()]


@dataclass
class Cli:
    """Calls `refold` in `folder`."""

    folder: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def log(self) -> Path:
        return self.folder / ".refold"

    def __call__(self, *arguments: str, stdin: str | bytes = b"") -> Ended:
        """Within this process."""
        result = CliRunner().invoke(app, list(arguments), input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """As a process of its own; killed at the end of the test where it still runs."""
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli.main", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str, stdin: str | None = None) -> Ended:
        """As a process, until it ends."""
        process = self.start(*arguments)
        stdout, stderr = process.communicate(stdin, timeout=DEADLINE_S)
        return Ended(process.returncode, stdout, stderr)


def end(process: subprocess.Popen[str]) -> Ended:
    """Wait for a started process."""
    stdout, stderr = process.communicate(timeout=DEADLINE_S)
    return Ended(process.returncode, stdout, stderr)


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, for as long as a slow machine may take."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline_s, "it did not come about in time"
        time.sleep(0.01)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    for name in os.environ:
        if name.startswith("REFOLD_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "400")  # so that no message is broken in lines
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "refold.toml").write_text('systems = ["tests.samples.parking"]\n')
    cli = Cli(tmp_path)
    yield cli
    for process in cli.started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def record(folder: Path, commands: Iterable[tuple[int, Command]]) -> None:
    """A log of the parking sample, with these commands (and their times) decided, and no clock's
    ticks among them."""
    with FileLog(folder) as log:
        partitions = SYSTEM.ensure_topics(log)
        records: dict[int, list[Record]] = {number: [] for number in range(partitions)}
        codec = SYSTEM.command_codec(log.topics()[SYSTEM.commands_topic])
        for at, command in commands:
            key, (number,) = SYSTEM.placed(command, partitions)
            records[number].append(Record(codec.encode(command), key, at))
        for number, some in records.items():
            log.partition(SYSTEM.commands_topic, number).append(some)
        decide_all(log, SYSTEM)


@pytest.fixture
def history(cli: Cli) -> Cli:
    """Two hundred commands of the parking sample, decided."""
    record(cli.log, islice(flow(1), 200))
    return cli
