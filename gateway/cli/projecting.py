"""Read models as commands use them: where they are kept, how far they are, and who moves them.

One process at a time moves the read models of a system: it holds the lock
`<log>/projections/<system>.lock`. Others wait for what it does, or take over when it ends.
"""

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from gateway.cli.progress import ProgressBar
from gateway.config import Config
from log.interface import Log
from processors.core.registry import Registered
from processors.core.system import System
from projections.core.read_models import ReadModels, default_url, read_models
from projections.core.store import Store
from projections.core.worker import Progress, Worker

LOOK_AGAIN_S = 0.05


class Moved(NamedTuple):
    """How far the read models of a system have come: events applied, of how many."""

    done: int
    total: int


def url_of(config: Config, system: System) -> str:
    """The database of a system's read models; `{system}` in the setting is its name."""
    if config.projections_url:
        return config.projections_url.replace("{system}", system.name)
    return default_url(config.log, system)


@contextmanager
def opened_store(config: Config, registered: Registered) -> Iterator[tuple[ReadModels, Store]]:
    """The read models of a system, in their store."""
    models = read_models(registered)
    store = models.open_store(url_of(config, registered.system))
    try:
        yield models, store
    finally:
        store.close()


class MoverLock:
    """Held by the one process that moves a system's read models; given up when it ends."""

    def __init__(self, config: Config, system: System) -> None:
        folder = config.log / "projections"
        folder.mkdir(parents=True, exist_ok=True)
        self.path: Path = folder / f"{system.name}.lock"
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        self.held = False

    def take(self) -> bool:
        """Whether it is ours now."""
        if not self.held:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self.held = True
        return True

    def close(self) -> None:
        os.close(self._file)


def progress_of(log: Log, store: Store) -> Moved:
    """How far the read model that is furthest behind has come, in the records of the topic."""
    system = store.catalog.system
    partitions = log.topics()[system.events_topic].partitions
    ends = [log.partition(system.events_topic, number) for number in range(partitions)]
    starts = [partition.log_start for partition in ends]
    total = sum(partition.high_watermark for partition in ends) - sum(starts)
    done = total
    for projection in store.catalog.projections.values():
        status = store.status(projection)
        if status is None or not status.current:
            return Moved(0, total)
        marks = (status.watermarks.get(number) for number in range(partitions))
        reached = (
            max(mark.next_offset - start, 0) if mark else 0
            for mark, start in zip(marks, starts, strict=True)
        )
        done = min(done, sum(reached))
    return Moved(done, total)


def bring_up_to_date(config: Config, log: Log, store: Store) -> int:
    """Apply all that is on the events topic now; returns how many of its records that were.

    Where another process moves the same read models, wait for it.
    """
    system = store.catalog.system
    before, _ = progress_of(log, store)
    lock = MoverLock(config, system)
    try:
        with ProgressBar(f"read models of {system.name}", unit="events") as bar:
            _, target = progress_of(log, store)
            while not lock.take():
                done, _ = progress_of(log, store)
                bar.set(done, target)
                if done >= target:
                    return done - before
                time.sleep(LOOK_AGAIN_S)
            Worker(log, store).catch_up(FurthestBehind(bar))
    finally:
        lock.close()
    return progress_of(log, store).done - before


class FurthestBehind:
    """Several projections move side by side: the bar shows the one that is furthest behind."""

    def __init__(self, bar: ProgressBar) -> None:
        self._bar = bar
        self._done: dict[str, int] = {}

    def __call__(self, progress: Progress) -> None:
        self._done[progress.projection] = progress.done
        self._bar.set(min(self._done.values()), progress.total)


def commands_waiting(log: Log, system: System, numbers: Iterable[int] | None = None) -> int:
    """How many commands are on the log and not decided yet: from the causes of the last events.

    Of all partitions, or of those with these numbers.
    """
    topics = log.topics()
    if system.events_topic not in topics:
        return 0
    waiting = 0
    partitions = topics[system.events_topic].partitions
    for number in range(partitions) if numbers is None else numbers:
        if number >= partitions:
            continue
        commands = log.partition(system.commands_topic, number)
        waiting += commands.high_watermark - max(
            last_cause(log, system, number) + 1, commands.log_start
        )
    return waiting


def last_cause(log: Log, system: System, number: int) -> int:
    """The offset of the last command decided on a partition; -1 where there is none."""
    events = log.partition(system.events_topic, number)
    if events.high_watermark == events.log_start:
        return -1
    decode = system.event_codec(events.config).decode
    *_, batch = events.read(events.high_watermark - 1)
    *_, record = batch
    return decode(record.value or b"").cause
