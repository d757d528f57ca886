"""From append to committed event on Kafka, at a steady rate, against a bare transactional loop.

The worker and the bare loop (`bare_loop.py`, here with what waits in each transaction) run in a
process of their own each, on topics of their own, and take turns. This process appends commands
as they are due, by a producer that sends at once, and a thread of it reads the events as any
reader of committed records does. What counts is the time from when a command was *due* until its
event is here: where one is late, so are those behind it, and their wait counts. Of each side the
best round is taken, for each percentile.
"""

import multiprocessing
import multiprocessing.synchronize
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition
from hdrh.histogram import HdrHistogram

from bench.bare_loop import TRANSACTION_COMMANDS, BareLoop
from bench.harness import Options, Row, at_most, main
from bench.kafka_log import arguments, new_log, running_broker
from log.backends.kafka import KafkaLog
from processors.core.system import System
from processors.core.task import LATENCY_US_MAX
from processors.core.workers.group import GroupWorker
from processors.core.workers.processes import stop_with_parent
from processors.markets.exchange import SYSTEM
from processors.markets.exchange.commands import CancelOrder

PARTITIONS = (1, 4)
RATE_PER_S = 1_000
PERIOD_NS = 1_000_000_000 // RATE_PER_S
PERCENTILES = (50, 99)
REACH = 1.5
ANSWER_S = 20.0

Serve = Callable[[str, str, System, multiprocessing.synchronize.Event], None]
"""Decides commands until the event is set. Arguments: the broker, the log's prefix, the system."""


class Caused(msgspec.Struct):
    """What is read of an event."""

    cause: int = -1


def stopped_by(stop: multiprocessing.synchronize.Event) -> threading.Event:
    """Is set when that is, or when the parent is gone."""
    stopped = threading.Event()

    def watch() -> None:
        stop.wait()
        stopped.set()

    threading.Thread(target=watch, daemon=True).start()
    stop_with_parent(stopped)
    return stopped


def serve_worker(
    address: str, prefix: str, system: System, stop: multiprocessing.synchronize.Event
) -> None:
    settings = {"bootstrap.servers": address}
    with KafkaLog(settings, prefix=prefix) as log, GroupWorker(log, [system]) as worker:
        worker.run(stop=stopped_by(stop))


def serve_bare(
    address: str, prefix: str, system: System, stop: multiprocessing.synchronize.Event
) -> None:
    with KafkaLog({"bootstrap.servers": address}, prefix=prefix) as log:
        loop = BareLoop(address, log, system, "bare")
        stopped = stopped_by(stop)
        while not stopped.is_set():
            if messages := loop.consume(1, 0.05):
                loop.decide(messages + loop.consume(TRANSACTION_COMMANDS, 0.0))
        loop.close()


class Client:
    """Appends commands when they are due, and reads their events."""

    def __init__(self, address: str, log: KafkaLog, system: System) -> None:
        self._topic = log.prefix + system.commands_topic
        self._partitions = system.partitions
        commands = log.partition(system.commands_topic, 0)
        encode = system.command_codec(commands.config).encode
        self._command = encode(CancelOrder(instrument="X", order_id=1))
        servers = {"bootstrap.servers": address}
        self._producer = Producer({**servers, "enable.idempotence": True, "linger.ms": 0})
        self._consumer = Consumer(
            {
                **servers,
                "group.id": log.prefix + "client",
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
            }
        )
        topic = log.prefix + system.events_topic
        self._consumer.assign([TopicPartition(topic, n, 0) for n in range(system.partitions)])
        self._sent = 0
        self._decode = msgspec.json.Decoder(Caused).decode

    def measure(self, count: int) -> HdrHistogram:
        """Microseconds of `count` commands."""
        into = HdrHistogram(1, LATENCY_US_MAX, 3)
        first, begin_ns = self._sent, time.perf_counter_ns() + PERIOD_NS
        reading = threading.Thread(target=self._read, args=(first, count, begin_ns, into))
        reading.start()
        for number in range(count):
            left_s = (begin_ns + number * PERIOD_NS - time.perf_counter_ns()) / 1e9
            if left_s > 0:
                time.sleep(left_s)
            to = (first + number) % self._partitions
            self._producer.produce(self._topic, self._command, b"X", to)
            self._producer.poll(0)
        self._sent += count
        reading.join()
        if into.total_count != count:
            raise RuntimeError(f"{into.total_count} of {count} commands were answered in time")
        return into

    def _read(self, first: int, count: int, begin_ns: int, into: HdrHistogram) -> None:
        deadline_s = time.monotonic() + count / RATE_PER_S + ANSWER_S
        while into.total_count < count and time.monotonic() < deadline_s:
            for message in self._consumer.consume(1, 0.1) + self._consumer.consume(1000, 0.0):
                now_ns = time.perf_counter_ns()
                assert message.error() is None, message.error()
                cause = self._decode(message.value() or b"").cause
                number = cause * self._partitions + (message.partition() or 0) - first
                if number >= 0:  # not a partition's first, which says which rules it runs
                    due_ns = begin_ns + number * PERIOD_NS
                    into.record_value(max((now_ns - due_ns) // 1000, 1))

    def close(self) -> None:
        self._consumer.close()


@contextmanager
def serving(address: str, partitions: int, serve: Serve) -> Iterator[Client]:
    """A side that runs, on a log of its own, warm."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    system = replace(SYSTEM, partitions=partitions)
    with new_log(address) as log:
        system.ensure_topics(log)
        process = context.Process(target=serve, args=(address, log.prefix, system, stop))
        process.start()
        client = Client(address, log, system)
        try:
            client.measure(RATE_PER_S)
            yield client
        finally:
            stop.set()
            process.join()
            client.close()


def compare(address: str, partitions: int, options: Options) -> list[Row]:
    sides: dict[str, Serve] = {"worker": serve_worker, "bare": serve_bare}
    best_us = {(name, p): float("inf") for name in sides for p in PERCENTILES}
    with ExitStack() as stack:
        clients = {
            name: stack.enter_context(serving(address, partitions, serve))
            for name, serve in sides.items()
        }
        for _ in range(options.rounds):
            for name, client in clients.items():
                histogram = client.measure(options.size // options.rounds)
                for p in PERCENTILES:
                    us = histogram.get_value_at_percentile(p)
                    best_us[name, p] = min(best_us[name, p], us)
    of = f"{partitions} partition{'s' if partitions > 1 else ''}"
    rows = []
    for p in PERCENTILES:
        worker_us, bare_us = best_us["worker", p], best_us["bare", p]
        name = f"append to committed event, {of}, p{p}"
        rows.append(at_most(name, worker_us, "us", bare_us, REACH))
        rows.append(Row(name=f"bare transactional loop, {of}, p{p}", value=bare_us, unit="us"))
    return rows


def run(options: Options) -> list[Row]:
    with running_broker(options) as address:
        return [row for number in PARTITIONS for row in compare(address, number, options)]


if __name__ == "__main__":
    main("kafka_latency", run, size=10_000, arguments=arguments)
