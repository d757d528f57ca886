"""What a start costs on Kafka: folding history against a bare consumer, and a snapshot.

The bare consumer has the client's best settings and decodes each event, no more; beside it stands
one that applies the event as well, as a fold must: applying costs about what decoding does, so
that a fold cannot come near the first. Connecting and the first
fetch are not timed. The start with a snapshot is all of it: the cluster, the fence, the snapshot,
the tail; it must not grow with history, of 0.1, 1 and 5 million events (`--size` times 1, 10, 50).
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from bench.bare_loop import CONSUMER, JOIN_S, TRANSACTION_COMMANDS
from bench.harness import Options, Row, at_least, at_most, best_of, main, scratch_folder, timed
from bench.kafka_log import arguments, new_log, running_broker
from bench.order_flow import preload
from bench.recovery import write_history
from log.backends.kafka import KafkaLog
from processors.core.recovery import Recovery
from processors.core.snapshots import SnapshotFolder
from processors.core.task import Task
from processors.markets.exchange import SYSTEM

ONE_PARTITION = replace(SYSTEM, partitions=1)


def fold_all(log: KafkaLog) -> float:
    """Seconds to fold all events."""
    recovery = Recovery(log, ONE_PARTITION, 0)
    end = recovery.events.high_watermark
    assert recovery.events.wait(0, JOIN_S), "history is not there"

    def run() -> None:
        while recovery.fold.next_offset < end:
            recovery.advance()

    seconds = timed(run)
    log.partition(ONE_PARTITION.events_topic, 0).close()  # the next one connects as well
    return seconds


def consume_all(address: str, log: KafkaLog, count: int, evolves: bool) -> float:
    """Seconds to consume and decode `count` events, and to apply them where it `evolves`."""
    topic = log.prefix + ONE_PARTITION.events_topic
    group = log.prefix + uuid.uuid4().hex
    consumer = Consumer({**CONSUMER, "bootstrap.servers": address, "group.id": group})
    consumer.assign([TopicPartition(topic, 0, 0)])
    config = log.partition(ONE_PARTITION.events_topic, 0).config
    decode = ONE_PARTITION.event_codec(config).decode
    evolve = ONE_PARTITION.decider.evolve
    first: list[Any] = consumer.consume(1, JOIN_S)

    def run() -> None:
        state, done, messages = ONE_PARTITION.decider.initial(), 0, first
        while True:
            for message in messages:
                if message.error() is not None:
                    raise KafkaException(message.error())
                event = decode(message.value())
                if evolves and done:  # the first says which rules run: only a runtime knows it
                    state = evolve(state, event)
                done += 1
            if done == count:
                return
            messages = consumer.consume(min(TRANSACTION_COMMANDS, count - done), 1.0)

    seconds = timed(run)
    consumer.close()
    return seconds


def fold_rows(address: str, options: Options) -> list[Row]:
    with new_log(address) as log:
        ONE_PARTITION.ensure_topics(log)
        preload(log, ONE_PARTITION, 2 * options.size)
        task = Task(log, ONE_PARTITION, 0)
        while task.step():
            pass
        task.close()
        count = task.fold.next_sequence
        best = best_of(
            {
                "fold": lambda: fold_all(log),
                "decode": lambda: consume_all(address, log, count, False),
                "evolve": lambda: consume_all(address, log, count, True),
            },
            options.rounds,
        )
    rate = {name: count / seconds for name, seconds in best.items()}
    return [
        at_least("fold history, to decoding", rate["fold"], "events/s", rate["decode"], 0.8),
        Row(name="bare consumer that decodes", value=rate["decode"], unit="events/s"),
        at_least(
            "fold history, to decoding and applying", rate["fold"], "events/s", rate["evolve"], 0.8
        ),
        Row(name="bare consumer that decodes and applies", value=rate["evolve"], unit="events/s"),
    ]


def start(address: str, prefix: str, folder: Path) -> float:
    """Seconds to open the cluster and the task, with its snapshot."""
    started = time.perf_counter()
    with KafkaLog({"bootstrap.servers": address}, prefix=prefix) as log:
        task = Task(log, ONE_PARTITION, 0, SnapshotFolder(folder, ONE_PARTITION, 0))
        seconds = time.perf_counter() - started
        assert task.snapshot_sequence == task.fold.next_sequence
        task.close()
    return seconds


def snapshot_rows(address: str, options: Options) -> list[Row]:
    sides: dict[str, Callable[[], float]] = {}
    with scratch_folder() as folder, new_log(address) as log:
        for times in (1, 10, 50):
            size = options.size * times
            prefix = f"{log.prefix}{size}."
            snapshots = SnapshotFolder(folder / str(size), ONE_PARTITION, 0)
            with KafkaLog({"bootstrap.servers": address}, prefix=prefix) as history:
                write_history(history, ONE_PARTITION, snapshots, size)
            name = f"start with a snapshot, {size:,} events"
            sides[name] = partial(start, address, prefix, folder / str(size))
        best = best_of(sides, 4 * options.rounds)
    least = min(best.values())
    return [at_most(name, s * 1000, "ms", least * 1000, 1.2) for name, s in best.items()]


def run(options: Options) -> list[Row]:
    with running_broker(options) as address:
        return fold_rows(address, options) + snapshot_rows(address, options)


if __name__ == "__main__":
    main("kafka_recovery", run, size=100_000, arguments=arguments)
