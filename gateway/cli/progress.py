"""Progress on stderr: how much is done, how fast, and how long it will still take.

Shown only where stderr is a terminal, and only for what takes over a second.
"""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

SHOW_AFTER_S = 1.0


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.speed or 0.0
        return Text(f"{speed:,.0f} {task.fields['unit']}/s")


class ProgressBar:
    """One bar, within a `with`. `total` None: unknown, so a rate and no time left.

    `set(done)` or `add(count)` as often as you like: they cost next to nothing.
    """

    def __init__(self, what: str, total: int | None = None, unit: str = "commands") -> None:
        self.what = what
        self.total = total
        self.unit = unit
        self.done = 0
        self._started_s = time.monotonic()
        self._drawn_s = 0.0
        self._terminal = sys.stderr.isatty()
        self._progress: Progress | None = None

    def add(self, count: int = 1) -> None:
        self.set(self.done + count)

    def set(self, done: int, total: int | None = None) -> None:
        """`total` changes it: what is followed may grow."""
        self.done = done
        if total is not None:
            self.total = total
        if not self._terminal:
            return
        now_s = time.monotonic()
        if now_s - self._started_s >= SHOW_AFTER_S and now_s - self._drawn_s >= 0.05:
            self._drawn_s = now_s
            self._draw()

    def __call__(self, done: int, total: int) -> None:
        """As the core's own callbacks call it."""
        self.set(done, total)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._progress is not None:
            if kind is None:
                self._draw()
            self._progress.stop()

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._started_s

    @property
    def rate(self) -> float:
        """Per second, since the start."""
        return self.done / max(self.elapsed_s, 1e-9)

    def _draw(self) -> None:
        if self._progress is None:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=30),
                TextColumn("{task.completed:,.0f}"),
                _RateColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(elapsed_when_finished=False),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._progress.add_task(self.what, total=self.total, unit=self.unit)
            self._progress.start()
        self._progress.update(
            self._task, description=self.what, completed=self.done, total=self.total
        )
