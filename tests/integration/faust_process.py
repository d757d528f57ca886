"""A Faust worker as a user starts it: `faust -A gateway.faust_app:SYSTEM worker`, in a process."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

WITHIN_S = 90.0


class FaustProcess:
    """Runs in a folder of its own, with these settings in its environment, until it is ended."""

    def __init__(
        self, system: str, url: str, folder: Path, *options: str, **settings: str
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._output = folder / "output.txt"
        self._command = ["faust", "-A", f"gateway.faust_app:{system}", "worker", "-l", "info"]
        self._command += options or ("--without-web",)
        self._folder = folder
        self._environment = {**os.environ, "PYTHONPATH": os.getcwd(), "REFOLD_LOG": url}
        self._environment |= settings
        self.start()

    def start(self) -> None:
        """For the first time, or again."""
        self._began = self._output.stat().st_size if self._output.exists() else 0
        with self._output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self._command],
                cwd=self._folder,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        """What it has said since it was started."""
        return self._output.read_bytes()[self._began :].decode()

    def wait_until(self, said: str) -> None:
        deadline_s = time.monotonic() + WITHIN_S
        while said not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline_s, self.output
            time.sleep(0.01)

    def send(self, what: signal.Signals) -> None:
        self.process.send_signal(what)

    def ended(self) -> int:
        """The exit code, once it has ended by itself."""
        return self.process.wait(WITHIN_S)

    def stop(self) -> None:
        """As an orchestrator does."""
        self.send(signal.SIGTERM)
        assert self.ended() == 0, self.output

    def kill(self) -> None:
        """kill -9, if it still runs."""
        self.process.kill()
        self.process.wait()
