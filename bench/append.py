"""Durable appends from several threads against bare write and fsync of the same bytes.

Each thread appends and waits until its record is durable. The bare side does what one would write
by hand for it: each thread writes its bytes to one file and flushes it, one after the other.
"""

import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter

from bench.harness import Options, Row, at_least, best_of, main, scratch_folder
from log.backends.file import FileLog
from log.interface import Partition
from log.record import Record, encode_batch
from log.topic import TopicConfig

VALUE = b"x" * 1000
THREADS = (1, 4, 16)


def in_threads(count: int, appends: int, append: Callable[[], object]) -> float:
    """Seconds for `appends` calls dealt out to `count` threads that start together."""
    ready = threading.Barrier(count + 1)

    def work() -> None:
        ready.wait()
        for _ in range(appends // count):
            append()

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    ready.wait()
    started = perf_counter()
    for thread in threads:
        thread.join()
    return perf_counter() - started


def bare(folder: Path, count: int, appends: int) -> float:
    encoded = bytes(encode_batch([Record(VALUE)], 1_700_000_000_000))
    file = os.open(folder / f"bare-{count}", os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def append() -> None:
        os.write(file, encoded)
        os.fdatasync(file)

    try:
        return in_threads(count, appends, append)
    finally:
        os.close(file)


def through_the_log(partition: Partition, count: int, appends: int) -> float:
    return in_threads(count, appends, lambda: partition.append([Record(VALUE)]))


def run(options: Options) -> list[Row]:
    rows = []
    with scratch_folder() as folder, FileLog(folder / "log") as log:
        log.create_topic("appends", TopicConfig())
        partition = log.partition("appends", 0)
        for count in THREADS:
            best = best_of(
                {
                    "log": partial(through_the_log, partition, count, options.size),
                    "bare": partial(bare, folder, count, options.size),
                },
                options.rounds,
            )
            rate = {name: options.size / seconds for name, seconds in best.items()}
            name = f"{count} thread{'s' if count > 1 else ''}"
            rows += [
                at_least(f"log, {name}", rate["log"], "durable appends/s", rate["bare"], 0.9),
                Row(name=f"bare, {name}", value=rate["bare"], unit="durable appends/s"),
            ]
    return rows


if __name__ == "__main__":
    main("append", run, size=1600)
