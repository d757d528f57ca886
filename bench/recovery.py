"""What a start costs: folding history against bare decode and evolve, and a snapshot.

With a snapshot the start must not grow with history: the same book stands after 0.1, 1 and 5
million events (`--size` times 1, 10 and 50), and what is measured is opening the log and the task.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.harness import Options, Row, at_least, at_most, best_of, main, scratch_folder, timed
from bench.order_flow import INSTRUMENT, START_MS, preload
from log.backends.file import FileLog
from log.interface import Log
from log.record import NO_HEADERS
from processors.core.fold import Fold
from processors.core.snapshots import SnapshotFolder
from processors.core.system import System
from processors.core.task import READ_BYTES, Task
from processors.markets.exchange import SYSTEM

ONE_PARTITION = replace(
    SYSTEM, partitions=1, topic_settings={"durability": "loses_unflushed_on_power_failure"}
)
PAIR_BATCH = 5_000
ORDER_ID = 1 << 40
ACCEPTED = (
    b'{"type":"order_accepted.v1","sequence":%d,"cause":%d,"instrument":"PEER","order_id":%d,'
    b'"account_id":7,"side":"buy","quantity":5,"price":10}'
)
CANCELLED = (
    b'{"type":"order_cancelled.v1","sequence":%d,"cause":%d,"instrument":"PEER","order_id":%d,'
    b'"quantity":5}'
)


def write_history(log: Log, system: System, snapshots: SnapshotFolder, events: int) -> None:
    """A book of some 1,000 orders, then accepted and cancelled orders up to `events` in all, and
    a snapshot of the end."""
    system.ensure_topics(log)
    preload(log, system, 20_000)
    task = Task(log, system, 0)
    while task.step():
        pass
    task.close()
    fold: Fold[object] = task.fold
    sequence, cause = fold.next_sequence, fold.last_cause
    writer = log.open_writer(system.events_topic, 0)
    key = INSTRUMENT.encode()
    while sequence < events:
        builder = writer.new_batch()
        for at in range(0, 2 * PAIR_BATCH, 2):
            order = ORDER_ID + sequence
            accepted = ACCEPTED % (sequence, cause + 1, order)
            builder.append(at, START_MS, key, accepted, NO_HEADERS)
            cancelled = CANCELLED % (sequence + 1, cause + 2, order)
            builder.append(at + 1, START_MS, key, cancelled, NO_HEADERS)
            sequence, cause = sequence + 2, cause + 2
        offsets = writer.append_batch(builder)
        fold.reached(cancelled, offsets[-1])
    writer.close()
    # The pairs leave the state as it was, so the snapshot need not wait for a fold of them all.
    fold.next_sequence, fold.last_cause = sequence, cause
    snapshots.save(fold)


def fold_all(log: Log) -> None:
    Task(log, ONE_PARTITION, 0).close()


def decode_and_evolve(log: Log) -> None:
    partition = log.partition(ONE_PARTITION.events_topic, 0)
    decode = ONE_PARTITION.event_codec(partition.config).decode
    evolve = ONE_PARTITION.decider.evolve
    state, offset = ONE_PARTITION.decider.initial(), 0
    while batches := partition.read(offset, READ_BYTES):
        for batch in batches:
            for record in batch:
                state = evolve(state, decode(record.value))  # type: ignore[arg-type]
        offset = batch.last_offset + 1


def fold_rows(options: Options) -> list[Row]:
    with scratch_folder() as folder, FileLog(folder) as log:
        ONE_PARTITION.ensure_topics(log)
        preload(log, ONE_PARTITION, 2 * options.size)
        task = Task(log, ONE_PARTITION, 0)
        while task.step():
            pass
        task.close()
        best = best_of(
            {
                "task": lambda: timed(lambda: fold_all(log)),
                "bare": lambda: timed(lambda: decode_and_evolve(log)),
            },
            options.rounds,
        )
        rate = {name: task.fold.next_sequence / seconds for name, seconds in best.items()}
    return [
        at_least("fold history", rate["task"], "events/s", rate["bare"], 0.85),
        Row(name="bare decode and evolve", value=rate["bare"], unit="events/s"),
    ]


def start(folder: Path) -> float:
    """Seconds to open the log and the task, with its snapshot."""
    started = time.perf_counter()
    with FileLog(folder) as log:
        task = Task(log, ONE_PARTITION, 0, SnapshotFolder(folder / "snapshots", ONE_PARTITION, 0))
        seconds = time.perf_counter() - started
        assert task.snapshot_sequence == task.fold.next_sequence
        task.close()
    return seconds


def snapshot_rows(options: Options) -> list[Row]:
    sizes = [options.size * times for times in (1, 10, 50)]
    with scratch_folder() as folder:
        for size in sizes:
            with FileLog(folder / str(size)) as log:
                snapshots = SnapshotFolder(folder / str(size) / "snapshots", ONE_PARTITION, 0)
                write_history(log, ONE_PARTITION, snapshots, size)
        sides: dict[str, Callable[[], float]] = {
            f"start with a snapshot, {size:,} events": partial(start, folder / str(size))
            for size in sizes
        }
        best = best_of(sides, 4 * options.rounds)
    least = min(best.values())
    return [at_most(name, s * 1000, "ms", least * 1000, 1.2) for name, s in best.items()]


if __name__ == "__main__":
    main("recovery", lambda options: fold_rows(options) + snapshot_rows(options), size=100_000)
