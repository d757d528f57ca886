"""Ctrl-C and SIGTERM: a command ends where it is safe to, and never in the middle of a batch."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self


class Interrupts:
    """Within a `with`, signals only set `stop`; inside `allowed()` they raise KeyboardInterrupt.

    A third signal raises in any case, for a command that does not come to its end.
    """

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._allowed = False
        self._count = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._see)
        return self

    def __exit__(self, *failure: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _see(self, number: int, frame: FrameType | None) -> None:
        self.stop.set()
        self._count += 1
        if self._allowed or self._count > 2:
            raise KeyboardInterrupt

    def check(self) -> None:
        """Raise KeyboardInterrupt here, if there was a signal: a place that is safe to end at."""
        if self.stop.is_set():
            raise KeyboardInterrupt

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """For waits and work that may be left at any point; a signal from before counts here."""
        self._allowed = True
        try:
            self.check()
            yield
        finally:
            self._allowed = False
