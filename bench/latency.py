"""From append to durable event, at a steady rate, beside a bare fsync.

A worker runs in a process of its own, as in use. This process appends a command when it is due,
waits until its event is durable, and takes the time since it was *due*: where one is late, so are
those behind it, and their wait counts (Gil Tene's coordinated omission). The path holds two
flushes, of the command and of the event, one after the other.
"""

import multiprocessing
import multiprocessing.synchronize
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

from hdrh.histogram import HdrHistogram

from bench.harness import Options, Row, at_most, main, scratch_folder
from log.backends.file import FileLog
from log.interface import Partition
from log.record import Record, encode_batch
from processors.core.task import LATENCY_US_MAX
from processors.core.workers.embedded import Worker
from processors.markets.exchange import SYSTEM
from processors.markets.exchange.commands import CancelOrder

ONE_PARTITION = replace(SYSTEM, partitions=1)
RATE_PER_S = 500
PERIOD_NS = 1_000_000_000 // RATE_PER_S
PERCENTILES = (50, 99, 99.9)


def serve(folder: Path, stop: multiprocessing.synchronize.Event) -> None:
    """The worker's process."""
    stopped = threading.Event()

    def watch() -> None:
        stop.wait()
        stopped.set()

    threading.Thread(target=watch, daemon=True).start()
    with FileLog(folder) as log, Worker(log, [ONE_PARTITION]) as worker:
        worker.run(stop=stopped)


def sleep_until(due_ns: int) -> None:
    """Sleep, and spin for the last 100 us: a sleep alone is late by as much as that."""
    while (left_ns := due_ns - time.perf_counter_ns()) > 0:
        if left_ns > 200_000:
            time.sleep((left_ns - 100_000) / 1e9)


def measure_log(commands: Partition, events: Partition, count: int, into: HdrHistogram) -> None:
    codec = ONE_PARTITION.command_codec(commands.config)
    command = Record(codec.encode(CancelOrder(instrument="X", order_id=1)), b"X")
    due_ns = time.perf_counter_ns()
    for _ in range(count):
        due_ns += PERIOD_NS
        sleep_until(due_ns)
        (offset,) = commands.append([command])
        # Each command leads to one event; the first on the partition is the rules' adoption.
        assert events.wait(offset + 1, 10), "the worker did not answer within 10 s"
        into.record_value((time.perf_counter_ns() - due_ns) // 1000)


def measure_bare(folder: Path, count: int, into: HdrHistogram) -> None:
    encoded = bytes(encode_batch([Record(b"x" * 100)], 1_700_000_000_000))
    file = os.open(folder / "bare", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    due_ns = time.perf_counter_ns()
    for _ in range(count):
        due_ns += PERIOD_NS
        sleep_until(due_ns)
        os.write(file, encoded)
        os.fdatasync(file)
        into.record_value((time.perf_counter_ns() - due_ns) // 1000)
    os.close(file)


def run(options: Options) -> list[Row]:
    histogram = {name: HdrHistogram(1, LATENCY_US_MAX, 3) for name in ("log", "bare")}
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    with scratch_folder() as folder, FileLog(folder / "log") as log:
        ONE_PARTITION.ensure_topics(log)
        commands = log.partition(ONE_PARTITION.commands_topic, 0)
        events = log.partition(ONE_PARTITION.events_topic, 0)
        worker = context.Process(target=serve, args=(folder / "log", stop))
        worker.start()
        try:
            warm_up = HdrHistogram(1, LATENCY_US_MAX, 3)
            measure_log(commands, events, RATE_PER_S // 2, warm_up)
            for _ in range(options.rounds):
                measure_log(commands, events, options.size // options.rounds, histogram["log"])
                measure_bare(folder, options.size // options.rounds, histogram["bare"])
        finally:
            stop.set()
            worker.join()
    rows = []
    for percentile in PERCENTILES:
        log_us, bare_us = (
            histogram[name].get_value_at_percentile(percentile) for name in ("log", "bare")
        )
        if percentile == 99:
            rows.append(at_most("append to durable event, p99", log_us, "us", bare_us, 4))
        else:
            name = f"append to durable event, p{percentile}"
            rows.append(Row(name=name, value=log_us, unit="us", ratio=log_us / bare_us))
        rows.append(Row(name=f"bare write and fsync, p{percentile}", value=bare_us, unit="us"))
    return rows


if __name__ == "__main__":
    main("latency", run, size=5_000)
