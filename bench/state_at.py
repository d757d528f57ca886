"""The state at any point of a history, from checkpoints, against folding it all.

`--size` commands of the order flow, with checkpoints at their default distance. What is measured
of a point is all of `replay.state.state_at`: find the nearest checkpoint, load it, fold the events
after it, and write the state down with its digest. The other side is the fold alone.
"""

import random
from dataclasses import replace
from statistics import median

from bench.harness import Options, Row, at_most, main, scratch_folder, timed
from bench.order_flow import preload
from log.backends.file import FileLog
from log.interface import Log
from processors.core.fold import new_fold
from processors.core.task import Task
from processors.markets.exchange import SYSTEM
from replay.checkpoints import Checkpoints, make_checkpoints
from replay.events import RecordedEvents
from replay.state import At, fold_until, state_at

ONE_PARTITION = replace(
    SYSTEM, partitions=1, topic_settings={"durability": "loses_unflushed_on_power_failure"}
)
POINTS = 51
SEED = 7


def write_history(log: Log, commands: int) -> None:
    ONE_PARTITION.ensure_topics(log)
    preload(log, ONE_PARTITION, commands)
    task = Task(log, ONE_PARTITION, 0)
    while task.step():
        pass
    task.close()


def fold_all(log: Log) -> None:
    fold_until(RecordedEvents(log, ONE_PARTITION, 0), new_fold(ONE_PARTITION.decider))


def check(log: Log, checkpoints: Checkpoints, commands: int) -> None:
    """A point near the beginning, and the end, are as they are without checkpoints."""
    for at in (At(command_offset=commands // 50), At()):
        whole = state_at(log, ONE_PARTITION, 0, at)
        assert state_at(log, ONE_PARTITION, 0, at, snapshots=checkpoints) == whole


def run(options: Options) -> list[Row]:
    draw = random.Random(SEED)
    places = [At(command_offset=draw.randrange(options.size)) for _ in range(POINTS)]
    with scratch_folder() as folder, FileLog(folder / "log") as log:
        write_history(log, options.size)
        checkpoints = Checkpoints(folder / "checkpoints", ONE_PARTITION, 0)
        making_s = timed(lambda: make_checkpoints(log, ONE_PARTITION, 0, checkpoints))
        check(log, checkpoints, options.size)
        all_s, points_s = float("inf"), [float("inf")] * POINTS
        for _ in range(options.rounds):
            all_s = min(all_s, timed(lambda: fold_all(log)))
            for number, at in enumerate(places):
                points_s[number] = min(points_s[number], point(log, checkpoints, at))
        loads_s = min(load(log, checkpoints) for _ in range(options.rounds))
        count, size_bytes = len(checkpoints.sequences()), checkpoints.size_bytes()
    return [
        at_most("a point, median", median(points_s) * 1000, "ms", all_s * 1000, 0.02),
        Row(
            name="a point, worst",
            value=max(points_s) * 1000,
            unit="ms",
            ratio=max(points_s) / all_s,
        ),
        Row(name="loading a checkpoint", value=loads_s * 1000, unit="ms", ratio=loads_s / all_s),
        Row(name="folding it all", value=all_s * 1000, unit="ms"),
        Row(
            name=f"making {count} checkpoints",
            value=making_s * 1000,
            unit="ms",
            ratio=making_s / all_s,
        ),
        Row(name="their size", value=size_bytes / 1e6, unit="MB"),
    ]


def point(log: Log, checkpoints: Checkpoints, at: At) -> float:
    return timed(lambda: state_at(log, ONE_PARTITION, 0, at, snapshots=checkpoints))


def load(log: Log, checkpoints: Checkpoints) -> float:
    events = log.partition(ONE_PARTITION.events_topic, 0)
    return timed(lambda: checkpoints.load(events))


if __name__ == "__main__":
    main("state_at", run, size=5_000_000)
