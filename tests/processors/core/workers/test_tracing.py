"""A traced command's events go on with its trace; what is not traced costs and leaves nothing."""

import re
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, SpanKind, StatusCode, format_span_id, format_trace_id
from opentelemetry.util.types import AttributeValue

from log.backends.memory import MemoryLog
from log.envelope import Event
from log.errors import LogStorageError
from log.record import NO_HEADERS, Headers, Record, StoredRecord
from processors.core.messages import CommandDeadLettered, NothingChanged, Tick
from processors.core.task import Task
from processors.core.workers import spans
from processors.core.workers.monitor import MonitoringRefused
from processors.core.workers.spans import SpanTracing, trace_headers
from processors.core.workers.tracing import TaskTracing, open_tracing
from tests.samples.parking import START_MS, SYSTEM
from tests.samples.parking.commands import LeaveSpot, ParkCar
from tests.samples.parking.events import CarParked

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACED: Headers = [("traceparent", f"00-{TRACE}-{PARENT}-01".encode())]
UNSAMPLED: Headers = [("traceparent", f"00-{TRACE}-{PARENT}-00".encode())]
PARKED = CarParked(spot="a", car="red", until_ms=1)


class Traced:
    """A tracing whose spans stay here."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracing = SpanTracing(self.exporter, "kafka")
        self.task: TaskTracing = self.tracing.of_task(SYSTEM, 1)

    def spans(self) -> Sequence[ReadableSpan]:
        self.tracing.close()
        return self.exporter.get_finished_spans()

    def decide(
        self, headers: Headers, *events: Event, count: int = 1, durable: bool = True
    ) -> Headers:
        """As a task does, with one command; returns the headers of its events."""
        (record,) = stored(Record(b"{}", b"a", headers=headers))
        self.task.began()
        given = self.task.headers(record, events or (PARKED,), count)
        self.task.decided(durable)
        return given


def stored(*records: Record) -> list[StoredRecord]:
    log = MemoryLog()
    SYSTEM.ensure_topics(log)
    partition = log.partition(SYSTEM.commands_topic, 1)
    partition.append([Record(b"{}")] * 7)
    partition.append(records)
    return [record for batch in partition.read(7) for record in batch]


def ids_of(context: SpanContext | None) -> tuple[str, str]:
    """The ids of the trace and of the span, as in a header."""
    assert context is not None
    return format_trace_id(context.trace_id), format_span_id(context.span_id)


def own_header(span: ReadableSpan) -> Headers:
    """What a record carries that continues a span."""
    context = span.get_span_context()
    trace_id, span_id = ids_of(context)
    assert context is not None and context.trace_flags.sampled
    return [("traceparent", f"00-{trace_id}-{span_id}-{context.trace_flags:02x}".encode())]


def told(span: ReadableSpan) -> dict[str, AttributeValue]:
    return dict(span.attributes or {})


def test_a_traced_command_is_a_span_and_its_events_carry_it() -> None:
    traced = Traced()
    headers = traced.decide([("source", b"app"), *TRACED], count=3)
    (span,) = traced.spans()
    assert headers == own_header(span)
    assert ids_of(span.parent) == (TRACE, PARENT)
    assert (span.name, span.kind) == ("decide samples.parking", SpanKind.CONSUMER)
    assert told(span) == {
        "messaging.system": "kafka",
        "messaging.destination.name": "samples.parking.commands",
        "messaging.destination.partition.id": "1",
        "messaging.operation.name": "decide",
        "messaging.operation.type": "process",
        "messaging.kafka.offset": 7,
        "refold.events": 3,
        "refold.outcome": "decided",
    }
    assert span.status.is_unset


def test_it_goes_on_across_systems(caplog: pytest.LogCaptureFixture) -> None:
    traced = Traced()
    second = traced.decide(traced.decide(TRACED))
    assert caplog.records == [], "each span ends once"
    upstream, downstream = traced.spans()
    assert second == own_header(downstream)
    assert ids_of(downstream.parent) == ids_of(upstream.get_span_context())


def test_the_state_of_a_vendor_is_passed_on() -> None:
    traced = Traced()
    assert traced.decide([*TRACED, ("tracestate", b"vendor=1")])[1] == ("tracestate", b"vendor=1")


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("source", b"app")],
        [("traceparent", b"\xff no trace")],
        [("traceparent", None)],
        [("tracestate", b"vendor=1")],
        UNSAMPLED,
    ],
)
def test_what_is_not_traced_leaves_no_span_and_no_header(headers: Headers) -> None:
    traced = Traced()
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("another")
    with tracer.start_as_current_span("of the process itself, not of the command"):
        assert traced.decide(headers) is NO_HEADERS
    assert traced.spans() == ()


def test_what_the_sampler_leaves_out_leaves_no_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    traced = Traced()
    assert traced.decide(TRACED) is NO_HEADERS
    assert traced.spans() == ()


def test_a_span_begins_with_the_read_and_ends_when_it_is_durable() -> None:
    traced = Traced()
    one, other = stored(Record(b"{}", headers=TRACED), Record(b"{}", headers=TRACED))
    times = [time.time_ns()]
    traced.task.began()
    times.append(time.time_ns())
    traced.task.headers(one, (PARKED,), 1)
    traced.task.headers(other, (PARKED,), 1)
    assert traced.exporter.get_finished_spans() == ()
    times.append(time.time_ns())
    traced.task.decided(True)
    times.append(time.time_ns())
    first, second = traced.spans()
    assert first.start_time is not None and first.end_time is not None
    assert times[0] <= first.start_time <= times[1]
    assert times[2] <= first.end_time <= times[3]
    assert (second.start_time, second.end_time) == (first.start_time, first.end_time)


def test_outcomes() -> None:
    traced = Traced()
    traced.decide(TRACED, NothingChanged())
    traced.decide(TRACED, PARKED, CommandDeadLettered(reason="KeyError('a')"), count=2)
    traced.decide(TRACED, PARKED, durable=False)
    assert [
        (
            told(span)["refold.outcome"],
            span.status.status_code,
            span.status.description,
        )
        for span in traced.spans()
    ] == [
        ("nothing_changed", StatusCode.UNSET, None),
        ("dead_lettered", StatusCode.ERROR, "KeyError('a')"),
        ("not_durable", StatusCode.ERROR, "its batch was not written: decided again later"),
    ]


def test_a_task_asks_for_each_command_and_writes_what_it_is_told() -> None:
    log, traced = MemoryLog(), Traced()
    SYSTEM.ensure_topics(log)
    encode = SYSTEM.command_codec(log.topics()[SYSTEM.commands_topic]).encode
    park = ParkCar(spot="a", car="red", stay_ms=1000)
    log.partition(SYSTEM.commands_topic, 1).append(
        [
            Record(encode(park), b"a", START_MS, TRACED),
            Record(encode(LeaveSpot(spot="b")), b"b", START_MS),
            Record(b"no command", b"c", START_MS, TRACED),
            Record(encode(Tick()), None, START_MS + 1000, TRACED),
        ]
    )
    task = Task(log, SYSTEM, 1, tracing=traced.task)
    assert task.step() == 4
    parked, dead, left = traced.spans()
    assert [
        (told(span)["messaging.kafka.offset"], told(span)["refold.outcome"])
        for span in (parked, dead, left)
    ] == [(0, "decided"), (2, "dead_lettered"), (3, "decided")]
    (batch,) = log.partition(SYSTEM.events_topic, 1).read(0)
    adopted = NO_HEADERS
    assert [list(record.headers) for record in batch] == [
        adopted,
        own_header(parked),
        NO_HEADERS,
        own_header(dead),
        own_header(left),
    ]


def test_a_batch_that_is_not_written_is_told_as_such_and_traced_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log, traced = MemoryLog(), Traced()
    SYSTEM.ensure_topics(log)
    encode = SYSTEM.command_codec(log.topics()[SYSTEM.commands_topic]).encode
    leave = Record(encode(LeaveSpot(spot="b")), b"b", START_MS, TRACED)
    log.partition(SYSTEM.commands_topic, 1).append([leave])
    task = Task(log, SYSTEM, 1, tracing=traced.task)

    def refuse(*arguments: object) -> None:
        raise LogStorageError("the disk is full")

    with monkeypatch.context() as full, pytest.raises(LogStorageError):
        full.setattr(type(task._writer), "append_batch", refuse)
        task.step()
    task.step()
    outcomes = [told(span)["refold.outcome"] for span in traced.spans()]
    assert outcomes == ["not_durable", "nothing_changed"]


def test_the_current_trace_as_headers_of_a_command() -> None:
    assert trace_headers() is NO_HEADERS
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("an application")
    with tracer.start_as_current_span("request") as span:
        assert isinstance(span, ReadableSpan)
        assert trace_headers() == own_header(span)


# -- a collector ----------------------------------------------------------------------------------


class Collector(HTTPServer):
    """An OTLP/HTTP receiver: keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Receive)
        self.received: list[tuple[str, ExportTraceServiceRequest]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Receive(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, ExportTraceServiceRequest.FromString(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def running_collector() -> Iterator[Collector]:
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield collector
        finally:
            collector.shutdown()
            thread.join()


@pytest.mark.parametrize("path", ["", "/", "/v1/traces"])
def test_spans_reach_a_collector(path: str) -> None:
    with running_collector() as collector:
        tracing = open_tracing(collector.url + path, "refold")
        task = tracing.of_task(SYSTEM, 0)
        (record,) = stored(Record(b"{}", headers=TRACED))
        task.began()
        headers = task.headers(record, (PARKED,), 1)
        task.decided(True)
        tracing.close()
        ((asked, request),) = collector.received
    assert asked == "/v1/traces"
    (resource,) = request.resource_spans
    named = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
    assert named["service.name"] == "refold"
    (span,) = resource.scope_spans[0].spans
    assert (span.name, span.trace_id.hex(), span.parent_span_id.hex()) == (
        "decide samples.parking",
        TRACE,
        PARENT,
    )
    assert headers == [("traceparent", f"00-{TRACE}-{span.span_id.hex()}-01".encode())]


def test_the_service_has_the_name_that_the_environment_gives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "exchange-workers")
    traced = Traced()
    traced.decide(TRACED)
    (span,) = traced.spans()
    assert span.resource.attributes["service.name"] == "exchange-workers"


def test_a_collector_that_is_not_there_does_not_keep_a_worker_from_ending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spans, "CLOSE_WITHIN_S", 0.1)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2")  # it tries again after 1 s, once
    with Collector() as gone:
        url = gone.url
    before = set(threading.enumerate())
    tracing = open_tracing(url, "refold")
    task = tracing.of_task(SYSTEM, 0)
    (record,) = stored(Record(b"{}", headers=TRACED))
    task.began()
    task.headers(record, (PARKED,), 1)
    task.decided(True)
    tracing.close()
    trying = set(threading.enumerate()) - before
    assert trying, "closed without waiting for it"
    for thread in trying:
        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        ("localhost:4318", "tracing_endpoint is no URL of an OTLP/HTTP collector"),
        ("grpc://localhost:4317", "tracing_endpoint is no URL"),
        ("http://", "tracing_endpoint is no URL"),
        ("http://[::1", "tracing_endpoint is no URL"),
        ("http://localhost:99999", "tracing_endpoint is no URL"),
        ("https://me:secret@collector", "OTEL_EXPORTER_OTLP_HEADERS"),
    ],
)
def test_a_wrong_endpoint_is_refused_and_not_repeated(endpoint: str, says: str) -> None:
    with pytest.raises(MonitoringRefused, match=says) as caught:
        open_tracing(endpoint, "kafka")
    assert "secret" not in str(caught.value)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] == "opentelemetry":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.delitem(sys.modules, "processors.core.workers.spans")
    with pytest.raises(MonitoringRefused, match=re.escape("pip install 'refold[tracing]'")):
        open_tracing("http://localhost:4318", "kafka")
