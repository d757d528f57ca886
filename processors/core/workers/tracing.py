"""Where a task and an appender are asked to trace: hooks, and how tracing is switched on.

A command whose record holds a W3C `traceparent` header gets a span, and its events a header of
that span, so that what reads the events goes on with the trace. Without tracing a hook is None and
nothing is imported; with it, `open_tracing` gives those of `spans.py`.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from log.envelope import Event
from log.record import Headers, StoredRecord
from processors.core.system import System
from processors.core.workers.monitor import MonitoringRefused


class TaskTracing(Protocol):
    """What a task tells while it decides a batch, in this order; from one thread."""

    def began(self) -> None:
        """A batch was read: its spans begin here."""

    def headers(self, record: StoredRecord, events: Sequence[Event], count: int) -> Headers:
        """The headers for the events of the command, which is decided; begins its span.

        `count` is how many events there are in all, with those of timers that the command made
        due.
        """

    def decided(self, durable: bool) -> None:
        """The batch is durable, or will not be: its spans end here."""


OpenTracing = Callable[[System, int], TaskTracing]
"""Gives the hooks of the task of a partition."""


class AppendTracing(Protocol):
    """What an appender tells: the commands taken in from one end to the next are one span."""

    def headers(self) -> Headers:
        """The headers for the next command; begins the span where there is none."""

    def appended(self, durable: bool) -> None:
        """What was taken in is durable, or the log refused it: the span ends here."""


class Tracing(Protocol):
    """Tracing of a process: every task and every appender has hooks of its own."""

    def of_task(self, system: System, number: int) -> TaskTracing: ...

    def of_appender(self, system: System) -> AppendTracing: ...

    def close(self) -> None:
        """Export what is left, for as long as the collector takes, but not for long."""


def open_tracing(endpoint: str, messaging_system: str) -> Tracing:
    """Trace to an OTLP/HTTP collector, such as http://localhost:4318; `close` it at the end.

    `messaging_system` says on what log records stand: "kafka", or "refold" for ours. Everything
    else is OpenTelemetry's own environment (`OTEL_...`): sampler, names, headers for the
    collector. MonitoringRefused where the endpoint is no URL, or the library is missing.
    """
    try:
        from processors.core.workers.spans import SpanTracing, exporter_to
    except ImportError as error:
        raise MonitoringRefused(
            "tracing (the setting tracing_endpoint) needs OpenTelemetry: "
            "pip install 'refold[tracing]'"
        ) from error
    return SpanTracing(exporter_to(endpoint), messaging_system)
