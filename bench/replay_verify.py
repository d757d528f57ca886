"""Deciding history again and comparing it, against deciding it again with no comparison.

Both sides run the same task over the same recorded commands, from a file log. The bare side's
events go nowhere; ours are compared, byte by byte, with the recorded ones, which are read for it.
Then two processes on two partitions against one on both: these also pay for their start, so the
history is to be long (`--size` commands on each partition).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter

from bench.harness import Options, Row, at_least, best_of, main, scratch_folder, timed
from bench.order_flow import preload
from log.backends.file import FileLog
from log.interface import Log
from log.record import Batch
from processors.core.system import System
from processors.core.task import Task
from processors.markets.exchange import SYSTEM
from replay.recorded import ReplayLog
from replay.verify import verify
from replay.verify_parallel import Recorded, verify_all

PARTITIONS = 2
TWO_PARTITIONS = replace(SYSTEM, partitions=PARTITIONS)


def record(log: Log, commands: int) -> None:
    """The order flow on each partition, decided."""
    TWO_PARTITIONS.ensure_topics(log)
    for number in range(PARTITIONS):
        preload(log, TWO_PARTITIONS, commands, number)
        task = Task(log, TWO_PARTITIONS, number)
        while task.step():
            pass
        task.close()


def decide_again(log: Log) -> None:
    """With no comparison."""

    def drop(decided: Batch) -> None:
        return None

    commands = log.partition(SYSTEM.commands_topic, 0)
    events = log.partition(SYSTEM.events_topic, 0)
    replay = ReplayLog(TWO_PARTITIONS, commands, events.config, drop)
    replay.commands.log_end = commands.high_watermark
    task = Task(replay, TWO_PARTITIONS, 0)
    while task.step():
        pass


def verify_one(log: Log, commands: int) -> None:
    found = verify(log, TWO_PARTITIONS, 0)
    assert (found.difference, found.commands_compared) == (None, commands), found


@contextmanager
def recorded(folder: Path) -> Iterator[Recorded]:
    """As each process opens it."""
    with FileLog(folder) as log:
        yield Recorded(log, find)


def find(name: str) -> System:
    assert name == SYSTEM.name
    return TWO_PARTITIONS


def verify_both(folder: Path, commands: int, processes: int) -> float:
    parts = [(SYSTEM.name, number) for number in range(PARTITIONS)]
    started = perf_counter()
    found = verify_all(partial(recorded, folder), parts, processes=processes)
    seconds = perf_counter() - started
    assert [each.commands_compared for each in found] == [commands] * PARTITIONS, found
    assert not any(each.difference for each in found), found
    return seconds


def run(options: Options) -> list[Row]:
    with scratch_folder() as folder:
        with FileLog(folder) as log:
            record(log, options.size)
            best = best_of(
                {
                    "verify": lambda: timed(lambda: verify_one(log, options.size)),
                    "decide": lambda: timed(lambda: decide_again(log)),
                },
                options.rounds,
            )
        both = best_of(
            {
                "two": lambda: verify_both(folder, options.size, 2),
                "one": lambda: verify_both(folder, options.size, 1),
            },
            options.rounds,
        )
    rate = {name: options.size / seconds for name, seconds in best.items()}
    rates = {name: PARTITIONS * options.size / seconds for name, seconds in both.items()}
    return [
        at_least("verify", rate["verify"], "commands/s", rate["decide"], 0.8),
        Row(name="decide again, no comparison", value=rate["decide"], unit="commands/s"),
        at_least("verify, 2 processes", rates["two"], "commands/s", rates["one"], 1.7),
        Row(name="verify, 1 process", value=rates["one"], unit="commands/s"),
    ]


if __name__ == "__main__":
    main("replay_verify", run, size=1_500_000)
