"""What a worker tells about itself: rates, lag, recovery, fences. Metrics and probes listen.

The base class takes everything in and does nothing, so that a worker needs no monitor. Calls come
once a batch, never once a command.
"""

from collections.abc import Callable
from typing import NamedTuple

Clock = Callable[[], int]
"""Milliseconds since 1970."""


class Place(NamedTuple):
    """A task's place: one partition of one system."""

    system: str
    partition: int


class MonitoringRefused(Exception):
    """Metrics, probes or traces cannot be had as they are set; the message says what to do."""


class Monitor:
    """Override what you want to hear. Called from the worker's own thread; must not block."""

    def turned(self) -> None:
        """The worker's loop came round: it is alive."""

    def joined(self, group: str, member: bool) -> None:
        """The worker is (`member`) or is no longer a member of its consumer group."""

    def assigned(self, place: Place) -> None:
        """The partition is this worker's; its task recovers first."""

    def recovering(self, place: Place, done: int, total: int, seconds_left: float) -> None:
        """So many of `total` events of history are folded."""

    def running(self, place: Place, recovery_s: float) -> None:
        """The task is recovered, and decides."""

    def stepped(self, place: Place, commands: int, elapsed_s: float) -> None:
        """A batch of so many commands was decided and is durable, so long after it was read."""

    def lagging(self, place: Place, commands: int, seconds: float) -> None:
        """So many commands wait, the oldest of them since so long. Told about once a second."""

    def dead_lettered(self, place: Place, commands: int) -> None:
        """So many commands went to the dead letters."""

    def reacted(self, place: Place, commands: int) -> None:
        """The reactors beside a task have appended so many commands."""

    def performed(self, place: Place, answers: int) -> None:
        """So many answers of the outside were appended, failures among them."""

    def projected(self, system: str, done: int, total: int) -> None:
        """A projector's read model that is furthest behind has applied so many of the events."""

    def fenced(self, place: Place) -> None:
        """A successor has the partition; the task was stopped."""

    def released(self, place: Place) -> None:
        """The partition is no longer this worker's, be it as a task or as a standby."""

    def standing_by(self, place: Place, behind: int) -> None:
        """A warm standby of a partition of another worker is so many offsets behind."""
