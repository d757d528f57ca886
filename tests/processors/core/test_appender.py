"""Commands reach the partition of their key, in order, and are counted once they are durable."""

import dataclasses

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    StatusCode,
    TraceFlags,
    TraceState,
    use_span,
)

from log.backends.memory import MemoryLog
from log.errors import LogStorageError
from log.interface import Partition
from processors.core.appender import Appender
from processors.core.workers.spans import SpanTracing
from tests.samples.parking import SYSTEM
from tests.samples.parking.commands import LeaveSpot

SMALL = dataclasses.replace(SYSTEM, topic_settings={"max_message_bytes": 2000})


def offsets_and_spots(partition: Partition) -> list[tuple[int, bytes | None]]:
    return [(record.offset, record.key) for batch in partition.read(0) for record in batch]


def test_a_command_goes_where_its_key_belongs() -> None:
    log = MemoryLog()
    appender = Appender(log, SYSTEM)
    spots = [f"spot-{number}" for number in range(20)]
    for at, spot in enumerate(spots):
        appender.add(LeaveSpot(spot=spot), at)
    assert (appender.durable_count, appender.flush(), appender.durable_count) == (0, 20, 20)
    for number in range(SYSTEM.partitions):
        due = [s for s in spots if SYSTEM.placed(LeaveSpot(spot=s), 2)[1] == (number,)]
        found = offsets_and_spots(log.partition(SYSTEM.commands_topic, number))
        assert found == [(offset, spot.encode()) for offset, spot in enumerate(due)]
        durable = appender.durable[number]
        assert (durable.count, durable.first_offset, durable.last_offset) == (
            len(due),
            0,
            len(due) - 1,
        )


def test_a_command_without_a_key_goes_to_every_partition_once_and_in_its_turn() -> None:
    log = MemoryLog()
    system = dataclasses.replace(
        SYSTEM, partitions=3, key=lambda command: None if command.spot == "all" else command.spot
    )
    appender = Appender(log, system)
    for at, spot in enumerate(["a", "b", "c", "d", "all", "a", "b", "c", "d"]):
        appender.add(LeaveSpot(spot=spot), at)
    assert (appender.flush(), appender.durable_count) == (8 + 3, 8 + 3)
    for number in range(3):
        (batch,) = log.partition(system.commands_topic, number).read(0)
        found = [(record.key, record.timestamp) for record in batch]
        before = [key for key, at in found if at < 4]
        assert found == [
            *((key, b"abcd".index(key or b"")) for key in before),
            (None, 4),
            *((key, b"abcd".index(key or b"") + 5) for key in before),
        ]
        assert appender.durable[number].count == len(found)


def test_without_a_time_it_is_the_clocks() -> None:
    log = MemoryLog()
    appender = Appender(log, SYSTEM, clock=lambda: 42)
    appender.add(LeaveSpot(spot="a"))
    appender.add(LeaveSpot(spot="a"), 7)
    appender.flush()
    _, (number,) = SYSTEM.placed(LeaveSpot(spot="a"), 2)
    (batch,) = log.partition(SYSTEM.commands_topic, number).read(0)
    assert [record.timestamp for record in batch] == [42, 7]


def test_batches_stay_below_the_topics_limit() -> None:
    log = MemoryLog()
    appender = Appender(log, SMALL)
    for _ in range(200):
        appender.add(LeaveSpot(spot="a"), 1)
    appender.flush()
    _, (number,) = SMALL.placed(LeaveSpot(spot="a"), 2)
    batches = log.partition(SMALL.commands_topic, number).read(0)
    assert len(batches) > 1
    assert max(len(batch.buffer) for batch in batches) <= 2000
    assert sum(batch.count for batch in batches) == appender.durable_count == 200


def test_what_was_durable_before_a_refusal_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    log = MemoryLog()
    appender = Appender(log, SYSTEM)
    for number in range(20):
        appender.add(LeaveSpot(spot=f"spot-{number}"), 1)

    def refuse(batch: object) -> int:
        raise LogStorageError("the disk is full")

    monkeypatch.setattr(log.partition(SYSTEM.commands_topic, 1), "append_batch", refuse)
    with pytest.raises(LogStorageError):
        appender.flush()
    durable = log.partition(SYSTEM.commands_topic, 0).high_watermark
    assert appender.durable_count == durable > 0


def traced(log: MemoryLog) -> tuple[Appender, SpanTracing, InMemorySpanExporter]:
    """An appender that traces, and where its spans are once its tracing is closed."""
    exporter = InMemorySpanExporter()
    tracing = SpanTracing(exporter, "refold")
    return Appender(log, SMALL, tracing=tracing.of_appender(SMALL)), tracing, exporter


def headers_on(log: MemoryLog) -> list[list[tuple[str, bytes | None]]]:
    """Of all commands, partition by partition."""
    return [
        list(record.headers)
        for number in range(SMALL.partitions)
        for batch in log.partition(SMALL.commands_topic, number).read(0)
        for record in batch
    ]


def test_the_commands_of_a_flush_are_a_span_and_carry_it() -> None:
    log = MemoryLog()
    appender, tracing, exporter = traced(log)
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("an application")
    with tracer.start_as_current_span("request") as request:
        for spot in ("a", "b", "c"):
            appender.add(LeaveSpot(spot=spot), 1)
        appender.flush()
    appender.flush()
    appender.add(LeaveSpot(spot="a"), 1)
    appender.flush()
    tracing.close()
    first, second = exporter.get_finished_spans()
    assert first.name == second.name == "append samples.parking"
    assert (first.attributes or {})["messaging.batch.message_count"] == 3
    assert (second.attributes or {})["messaging.batch.message_count"] == 1
    assert first.parent == request.get_span_context()
    assert second.parent is None
    on_log = [headers[0][1] for headers in headers_on(log)]
    assert sorted(on_log, key=on_log.count) == [traceparent(second), *3 * [traceparent(first)]]


def traceparent(span: ReadableSpan) -> bytes:
    context = span.get_span_context()
    assert context is not None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}".encode()


def test_a_refused_append_is_an_error_of_its_span(monkeypatch: pytest.MonkeyPatch) -> None:
    log = MemoryLog()
    appender, tracing, exporter = traced(log)
    appender.add(LeaveSpot(spot="a"), 1)

    def refuse(batch: object) -> int:
        raise LogStorageError("the disk is full")

    for number in range(SMALL.partitions):
        partition = log.partition(SMALL.commands_topic, number)
        monkeypatch.setattr(partition, "append_batch", refuse)
    with pytest.raises(LogStorageError):
        appender.flush()
    tracing.close()
    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR


def test_a_trace_that_is_not_sampled_leaves_no_header() -> None:
    log = MemoryLog()
    appender, tracing, exporter = traced(log)
    unsampled = NonRecordingSpan(SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(0)))
    with use_span(unsampled):
        appender.add(LeaveSpot(spot="a"), 1)
        appender.flush()
    tracing.close()
    assert headers_on(log) == [[]]
    assert exporter.get_finished_spans() == ()


@pytest.mark.parametrize("length", range(90, 116, 3))
def test_headers_of_any_size_keep_batches_below_the_topics_limit(length: int) -> None:
    log = MemoryLog()
    appender, tracing, _ = traced(log)
    state = TraceState([(f"vendor{number}", "x" * length) for number in range(4)])
    context = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1), trace_state=state)
    with use_span(NonRecordingSpan(context)):
        for _ in range(20):
            appender.add(LeaveSpot(spot="a"), 1)
        appender.flush()
    tracing.close()
    _, (number,) = SMALL.placed(LeaveSpot(spot="a"), 2)
    batches = log.partition(SMALL.commands_topic, number).read(0)
    assert max(len(batch.buffer) for batch in batches) <= 2000
    assert [len(headers) for headers in headers_on(log)] == 20 * [2]
