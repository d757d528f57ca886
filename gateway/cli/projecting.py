"""Read models as commands use them: where they are kept, how far they are, and who moves them.

Any number of processes may move the read models of a system: they share its partitions by leases
in the database of the read models (`projections/core/leases.py`). A command that needs them up to
date waits for those that are at it, and does it itself where there are none.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from gateway.cli.output import note
from gateway.cli.progress import ProgressBar
from gateway.config import Config
from log.interface import Log
from processors.core.registry import Registered
from processors.core.system import System
from projections.core.event_reader import EventReader
from projections.core.read_models import ReadModels, default_url, read_models
from projections.core.store import Store, Watermark
from projections.core.worker import Progress, Worker
from replay.events import RecordedEvents
from replay.places import find_place
from replay.state import END

LOOK_AGAIN_S = 0.1
STANDSTILLS = 2
"""Times a session timeout, without any progress, until others are no longer waited for."""


class Moved(NamedTuple):
    """How far the read models of a system have come: events applied, of how many."""

    done: int
    total: int


def url_of(config: Config, system: System) -> str:
    """The database of a system's read models; `{system}` in the setting is its name."""
    if config.projections_url:
        return config.projections_url.replace("{system}", system.name)
    return default_url(config.local_folder, system)


@contextmanager
def opened_store(config: Config, registered: Registered) -> Iterator[tuple[ReadModels, Store]]:
    """The read models of a system, in their store."""
    models = read_models(registered)
    scope = "" if config.log_folder is not None else config.kafka_location.prefix
    store = models.open_store(url_of(config, registered.system), scope)
    try:
        yield models, store
    finally:
        store.close()


def progress_of(log: Log, store: Store) -> Moved:
    """How far the read model that is furthest behind has come, in the offsets of the topic."""
    return _moved(EventReader(log, store.catalog.system, ()), store)


def _moved(reader: EventReader, store: Store) -> Moved:
    extents = [reader.extent(partition.number) for partition in reader.partitions]
    total = sum(end - start for start, end in extents)
    done = total
    reached: dict[tuple[int, Watermark], int] = {}
    for projection in store.catalog.projections.values():
        status = store.status(projection)
        if status is None or not status.current:
            return Moved(0, total)
        marks = [
            (number, status.watermarks.get(number, Watermark())) for number in range(len(extents))
        ]
        for number, mark in marks:
            if (number, mark) not in reached:
                reached[number, mark] = _reached(reader, number, mark)
        done = min(done, sum(reached[place] for place in marks))
    return Moved(done, total)


def _reached(reader: EventReader, number: int, mark: Watermark) -> int:
    """How many offsets of a partition are done."""
    start, end = reader.extent(number)
    offset = mark.next_offset
    if offset < end and not reader.has_more(number, mark):
        offset = end  # what is left holds no records: the marks of a broker's transactions
    return max(offset - start, 0)


def bring_up_to_date(config: Config, log: Log, store: Store) -> int:
    """Apply all that is on the events topic now; returns how many of its offsets that were.

    Where other processes move the same read models, wait for them, as long as they get on.
    """
    system = store.catalog.system
    worker = Worker(log, store, lease_s=config.session_timeout_s)
    ends = {each.number: each.high_watermark for each in worker.reader.partitions}
    before, total = latest = _moved(worker.reader, store)
    moved_s = time.monotonic()
    with ProgressBar(f"read models of {system.name}", unit="events") as bar:
        while True:
            applied = 0 if store.members() else worker.catch_up(FurthestBehind(bar))
            if worker.has_applied(ends):
                break
            if applied:
                continue
            now_s, found = time.monotonic(), _moved(worker.reader, store)
            if found.done != latest.done:
                latest, moved_s = found, now_s
            elif now_s - moved_s > STANDSTILLS * config.session_timeout_s:
                others = ", ".join(store.members())
                note(f"read models of {system.name} stand still; they are moved by {others}")
                break
            bar.set(found.done, total)
            time.sleep(LOOK_AGAIN_S)
    return _moved(worker.reader, store).done - before


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
    commands = log.partition(system.commands_topic, number)
    return find_place(RecordedEvents(log, system, number), commands, END).command_offset
