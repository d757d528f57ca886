"""Real worker processes, `refold run` and `refold project`, that chaos is aimed at.

Each is started in a process group of its own, is killed, held or told to leave by signals, and is
started again. What it says goes to a file that is named after it.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

LEAVES_S = 30.0
"""A process that was told to leave must have ended by then."""
PROGRAM = ("-m", "gateway.cli.main")
"""`refold`, by the Python that runs this."""
SAID_CHARACTERS = 400


class Deployed:
    """One process of the deployment, through all its lives."""

    def __init__(
        self, name: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> None:
        """`arguments` are those of `refold`; `environment` comes on top of this process's."""
        self.name = name
        self.said_in = folder / f"{name}.txt"
        self._command = [sys.executable, *PROGRAM, *arguments]
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.said_in.open("ab") as said:
            self._process = subprocess.Popen(
                self._command,
                env={**os.environ, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Of its last life; None while it lives."""
        return self._process.poll() if self._process is not None else None

    def said_last(self) -> str:
        """The end of what it said, on one line."""
        text = self.said_in.read_text(errors="replace") if self.said_in.exists() else ""
        return " ".join(text[-SAID_CHARACTERS:].split())

    def kill(self) -> None:
        """kill -9, of its children too. Nothing where it has ended."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def hold(self) -> None:
        """SIGSTOP: it is there, and does nothing."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def leave(self) -> None:
        """SIGTERM, as an operator ends it: it finishes its batch, and leaves its group."""
        if self._process is not None and self.is_alive:
            self._process.terminate()

    def has_left_by(self, deadline_s: float) -> bool:
        """Wait for its end, until a moment of the monotonic clock."""
        while self.is_alive and time.monotonic() < deadline_s:
            time.sleep(0.01)
        return not self.is_alive

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self.is_alive:
            os.killpg(self._process.pid, number)
