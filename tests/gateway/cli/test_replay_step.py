"""`refold replay step`: what it begins with; and what it says where it cannot."""

import os
import pty
import select
import subprocess
import sys
import termios
import time

import pytest

from gateway.cli import replay_step
from replay.stepping import Step, Stepper
from tests.gateway.cli.conftest import DEADLINE_S, ROOT, Cli


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (("--partition", "0", "--at", "10"), (0, 10)),
        (("--key", "spot-1", "--at", "7"), (None, 7)),
        (("--partition", "1"), (1, None)),
    ],
)
def test_where_it_begins(
    history: Cli,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    place: tuple[int | None, int | None],
) -> None:
    begun: list[tuple[Stepper, Step]] = []
    monkeypatch.setattr(replay_step, "is_terminal", lambda: True)
    monkeypatch.setattr(replay_step, "run", lambda stepper, step: begun.append((stepper, step)))
    assert history("replay", "step", "parking", *arguments).exit_code == 0
    ((stepper, step),) = begun
    partition, offset = place
    assert partition is None or step.partition == stepper.partition == partition
    assert step.command_offset == (stepper.last if offset is None else offset)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("parking",), "has 2 partitions: name the one to walk"),
        (("parking", "--at", "3"), "name one by --partition or --key"),
        (("parking", "--at", "soon"), "--at 'soon' is neither a command offset"),
        (("parking", "--partition", "0", "--at", "9999"), "there is no command 9999 to step to"),
        (("exchange", "--partition", "0"), "holds nothing of markets.exchange"),
    ],
)
def test_bad_input(
    history: Cli, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], what: str
) -> None:
    monkeypatch.setattr(replay_step, "is_terminal", lambda: True)
    ended = history("replay", "step", *arguments)
    assert (ended.exit_code, what in ended.stderr) == (2, True), ended


def test_without_a_terminal(history: Cli) -> None:
    ended = history("replay", "step", "parking", "--at", "3", "--partition", "0")
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "needs a terminal: `refold replay state parking --at 3` prints a state" in ended.stderr


def test_without_textual(history: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_step, "is_terminal", lambda: True)
    monkeypatch.delitem(sys.modules, "gateway.cli.stepper_app", raising=False)
    monkeypatch.setitem(sys.modules, "textual.app", None)
    monkeypatch.setitem(sys.modules, "textual", None)
    ended = history("replay", "step", "parking", "--partition", "0")
    assert (ended.exit_code, "pip install 'refold[replay]'" in ended.stderr) == (2, True), ended


def test_in_a_terminal(history: Cli) -> None:
    """The whole of it as a process, on a terminal of its own: it draws, and q ends it."""
    arguments = ("replay", "step", "parking", "--partition", "0", "--at", "10")
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 80))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway.cli.main", *arguments],
        cwd=history.folder,
        env=environment,
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    history.started.append(process)  # type: ignore[arg-type]
    os.close(follower)
    drawn = read_until(leader, b"Changes")
    os.write(leader, b"q")
    read_until(leader, b"\x1b[?1049l")
    assert process.wait(DEADLINE_S) == 0
    os.close(leader)
    assert b"samples.parking-0  10 of " in drawn


def read_until(descriptor: int, wanted: bytes) -> bytes:
    """What a terminal is sent, up to some bytes; a terminal's program waits for its reader."""
    found, deadline_s = b"", time.monotonic() + DEADLINE_S
    while wanted not in found:
        assert time.monotonic() < deadline_s, found
        if select.select([descriptor], [], [], 0.1)[0]:
            found += os.read(descriptor, 1 << 16)
    return found
