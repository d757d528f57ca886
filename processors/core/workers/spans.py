"""Spans of commands, by OpenTelemetry: what `tracing.py`'s hooks do where tracing is on.

Contexts come in from the headers of commands (W3C `traceparent`, `tracestate`) and leave in the
headers of events; spans go to the exporter, from a thread of its own. A trace that is not sampled
ends here and leaves no header: on Kafka a header on every record halves the rate of reading it.
"""

import os
import threading
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import OTEL_BSP_MAX_QUEUE_SIZE, OTEL_SERVICE_NAME
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import (
    Span,
    SpanKind,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from log.envelope import Event
from log.record import NO_HEADERS, Headers, StoredRecord
from processors.core.messages import CommandDeadLettered, NothingChanged
from processors.core.system import System
from processors.core.workers.monitor import MonitoringRefused

TRACES_PATH = "/v1/traces"
QUEUE_SPANS = 1 << 14
"""More than a task decides at once: its spans all end in one moment."""
CLOSE_WITHIN_S = 3.0
"""What a collector that does not answer may take of a worker's end."""

_W3C = TraceContextTextMapPropagator()
_FIELDS = _W3C.fields


def trace_headers(context: Context | None = None) -> Headers:
    """The trace in a context (by default the current one) as headers of a command, for those who
    append with tracing of their own. None where it is not sampled, or there is none."""
    if not get_current_span(context).get_span_context().trace_flags.sampled:
        return NO_HEADERS
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, context)
    return [(name, value.encode()) for name, value in carrier.items()]


def context_of(headers: Headers) -> Context | None:
    """The trace that a record belongs to; None where there is none, or it is not sampled."""
    carrier = {
        name: (value or b"").decode("latin-1") for name, value in headers if name in _FIELDS
    }
    if carrier.get("traceparent", "")[54:55] in "02468ace":
        return None  # its flags are even, so it is not sampled, as most are; or it has none
    context = _W3C.extract(carrier)
    sampled = get_current_span(context).get_span_context().trace_flags.sampled
    return context if sampled else None


def exporter_to(endpoint: str) -> SpanExporter:
    """To an OTLP/HTTP collector; MonitoringRefused where the endpoint is no URL of one."""
    try:
        parts = urlsplit(endpoint)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise MonitoringRefused(
            "tracing_endpoint is no URL of an OTLP/HTTP collector, such as http://localhost:4318"
        )
    if "@" in parts.netloc:
        raise MonitoringRefused(
            "tracing_endpoint holds a user name: leave it out, and give the collector's "
            "credentials in the environment, as OTEL_EXPORTER_OTLP_HEADERS"
        )
    return OTLPSpanExporter(endpoint=endpoint.rstrip("/").removesuffix(TRACES_PATH) + TRACES_PATH)


class SpanTracing:
    """`Tracing` whose spans go to an exporter."""

    def __init__(self, exporter: SpanExporter, messaging_system: str) -> None:
        name = os.environ.get(OTEL_SERVICE_NAME, "refold")
        self._provider = TracerProvider(
            resource=Resource.create({SERVICE_NAME: name}), shutdown_on_exit=False
        )
        queue = None if OTEL_BSP_MAX_QUEUE_SIZE in os.environ else QUEUE_SPANS
        self._provider.add_span_processor(BatchSpanProcessor(exporter, queue))
        self._tracer = self._provider.get_tracer("refold")
        self._messaging_system = messaging_system

    def of_task(self, system: System, number: int) -> "TaskSpans":
        attributes = self._attributes(system, "decide", "process")
        attributes["messaging.destination.partition.id"] = str(number)
        return TaskSpans(self._tracer, f"decide {system.name}", attributes)

    def of_appender(self, system: System) -> "AppendSpans":
        attributes = self._attributes(system, "append", "send")
        return AppendSpans(self._tracer, f"append {system.name}", attributes)

    def close(self) -> None:
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_WITHIN_S)

    def _attributes(self, system: System, name: str, kind: str) -> dict[str, AttributeValue]:
        """Of every span of a system: OpenTelemetry's names for messaging."""
        return {
            "messaging.system": self._messaging_system,
            "messaging.destination.name": system.commands_topic,
            "messaging.operation.name": name,
            "messaging.operation.type": kind,
        }


class TaskSpans:
    """`TaskTracing`: a span a traced command, from the read of its batch to its durable events."""

    def __init__(self, tracer: Tracer, name: str, attributes: dict[str, AttributeValue]) -> None:
        self._tracer = tracer
        self._name = name
        self._attributes = attributes
        self._began_ns = 0
        self._open: list[Span] = []

    def began(self) -> None:
        self._began_ns = time.time_ns()

    def headers(self, record: StoredRecord, events: Sequence[Event], count: int) -> Headers:
        context = context_of(record.headers) if record.headers else None
        if context is None:
            return NO_HEADERS
        span = self._tracer.start_span(
            self._name,
            context,
            SpanKind.CONSUMER,
            {
                **self._attributes,
                "messaging.kafka.offset": record.offset,
                "refold.events": count,
                "refold.outcome": _outcome(events[-1]),
            },
            start_time=self._began_ns,
        )
        if isinstance(events[-1], CommandDeadLettered):
            span.set_status(StatusCode.ERROR, events[-1].reason)
        self._open.append(span)
        return trace_headers(set_span_in_context(span, context))

    def decided(self, durable: bool) -> None:
        now_ns = time.time_ns()
        for span in self._open:
            if not durable:
                span.set_attribute("refold.outcome", "not_durable")
                span.set_status(StatusCode.ERROR, "its batch was not written: decided again later")
            span.end(now_ns)
        self._open.clear()


class AppendSpans:
    """`AppendTracing`: a span for what is taken in from one end to the next."""

    def __init__(self, tracer: Tracer, name: str, attributes: dict[str, AttributeValue]) -> None:
        self._tracer = tracer
        self._name = name
        self._attributes = attributes
        self._span: Span | None = None
        self._headers = NO_HEADERS
        self._commands = 0

    def headers(self) -> Headers:
        if self._span is None:
            self._span = self._tracer.start_span(
                self._name, kind=SpanKind.PRODUCER, attributes=self._attributes
            )
            self._headers = trace_headers(set_span_in_context(self._span))
        self._commands += 1
        return self._headers

    def appended(self, durable: bool) -> None:
        if self._span is None:
            return
        self._span.set_attribute("messaging.batch.message_count", self._commands)
        if not durable:
            self._span.set_status(StatusCode.ERROR, "the log refused it, in part or whole")
        self._span.end()
        self._span, self._commands = None, 0


def _outcome(last: Event) -> str:
    """What became of a command, by the last of its own events."""
    if isinstance(last, CommandDeadLettered):
        return "dead_lettered"
    return "nothing_changed" if isinstance(last, NothingChanged) else "decided"
