"""The native worker on Kafka against a bare loop by hand: what exactly once with a runtime costs.

Both take the same backlog of commands from the broker, decide it, and write the events in
transactions. The worker is a member of a consumer group as `refold run` starts it: a task a
partition, each with a fence, recovery, timers and dead letters. The bare loop is `bare_loop.py`.
First both decide all of it once, and must write the same bytes. Joining the group, opening the
transactional ids and the first fetch are not timed on either side.
"""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import replace

from bench.bare_loop import BareLoop
from bench.harness import Options, Row, at_least, best_of, main, timed
from bench.kafka_log import arguments, new_log, running_broker
from bench.order_flow import preload
from log.backends.kafka import KafkaLog
from processors.core.system import System
from processors.core.workers.group import GroupWorker
from processors.markets.exchange import SYSTEM

PARTITIONS = (1, 4)
FETCHED_S = 10.0


def fill(log: KafkaLog, partitions: int, count: int) -> System:
    """A backlog of `count` commands in all, each partition with the same flow."""
    system = replace(SYSTEM, partitions=partitions)
    system.ensure_topics(log)
    for number in range(partitions):
        preload(log, system, count // partitions, number)
    return system


def fresh_events(log: KafkaLog, system: System) -> None:
    log.delete_topic(system.events_topic)
    system.ensure_topics(log)


def run_worker(log: KafkaLog, system: System, count: int) -> float:
    """Seconds to decide `count` commands by a worker."""
    fresh_events(log, system)
    with GroupWorker(log, [system], group=f"worker-{uuid.uuid4().hex[:8]}") as worker:
        while not worker.is_settled:
            worker.turn()
        assert worker.decided == 0
        for task in worker.tasks:
            assert task.commands.wait(task.next_command, FETCHED_S), "the backlog is not there"

        def run() -> None:
            while worker.decided < count:
                worker.turn()

        return timed(run)


def run_bare(address: str, log: KafkaLog, system: System, count: int) -> float:
    """Seconds to decide `count` commands by the bare loop."""
    fresh_events(log, system)
    loop = BareLoop(address, log, system, f"bare-{uuid.uuid4().hex[:8]}")
    seconds = timed(lambda: loop.run(count))
    loop.close()
    return seconds


def digest(log: KafkaLog, system: System) -> list[str]:
    """Of the events of each partition: their keys, timestamps and values; but not of what only a
    runtime says, which rules it runs."""
    digests = []
    for number in range(system.partitions):
        partition, hashed, offset = log.partition(system.events_topic, number), hashlib.sha256(), 0
        end = partition.high_watermark
        while offset < end:
            for batch in partition.read(offset):
                offset = batch.last_offset + 1
                for record in batch:
                    key, value = record.key or b"", record.value or b""
                    if not value.startswith(b'{"type":"rules_adopted.'):
                        hashed.update(b"%b %d %b\n" % (key, record.timestamp, value))
        digests.append(hashed.hexdigest())
    return digests


def compare(address: str, partitions: int, options: Options) -> list[Row]:
    with new_log(address) as log:
        count = options.size // partitions * partitions
        system = fill(log, partitions, count)
        sides: dict[str, Callable[[], float]] = {
            "worker": lambda: run_worker(log, system, count),
            "bare": lambda: run_bare(address, log, system, count),
        }
        digests = {}
        for name, side in sides.items():
            side()
            digests[name] = digest(log, system)
        if digests["worker"] != digests["bare"]:
            raise RuntimeError(f"the sides wrote different events: {digests}")
        best = best_of(sides, options.rounds)
    rate = {name: count / seconds for name, seconds in best.items()}
    of = f"{partitions} partition{'s' if partitions > 1 else ''}"
    return [
        at_least(f"native worker, {of}", rate["worker"], "commands/s", rate["bare"], 0.85),
        Row(name=f"bare loop, {of}", value=rate["bare"], unit="commands/s"),
    ]


def run(options: Options) -> list[Row]:
    with running_broker(options) as address:
        return [row for number in PARTITIONS for row in compare(address, number, options)]


if __name__ == "__main__":
    main("kafka_loop", run, size=400_000, arguments=arguments)
