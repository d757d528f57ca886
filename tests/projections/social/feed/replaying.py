"""Many commands through the feed's tasks, with the reactor's news: for the tests on real data."""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from log.backends.memory import MemoryLog
from log.envelope import Command
from log.interface import Log
from log.record import Record
from processors.core.registry import Registered
from processors.core.system import System, place_of
from processors.core.workers.embedded import Worker as TaskWorker
from processors.social.feed import SYSTEM
from projections.core.memory_store import MemoryStore
from projections.core.projection import Projection
from projections.core.read_models import read_models
from projections.core.store import Catalog
from projections.core.worker import Worker

REAL_DATA = Path(__file__).parents[4].parent / "shared" / "data" / "social"
"""Files that are not part of the project; the tests on them are skipped without it."""
BATCH = 5_000


def replay(commands: Iterable[tuple[int, Command]], system: System = SYSTEM) -> Log:
    """The log of a feed that has decided them all, and what its reactor made of that."""
    log = MemoryLog(clock=lambda: 0)
    partitions = system.ensure_topics(log)
    encode = system.command_codec(log.topics()[system.commands_topic]).encode
    place = lru_cache(1_000_000)(place_of)
    waiting: list[list[Record]] = [[] for _ in range(partitions)]

    def append(number: int) -> None:
        if waiting[number]:
            log.partition(system.commands_topic, number).append(waiting[number])
            waiting[number] = []

    for at_ms, command in commands:
        key, numbers = place(system.key(command), partitions)
        record = Record(encode(command), key, at_ms)
        for number in numbers:
            waiting[number].append(record)
            if len(waiting[number]) == BATCH:
                append(number)
    for number in range(partitions):
        append(number)
    with TaskWorker(log, [system], clock=lambda: 0) as worker:
        worker.run(until_idle=True)
    return log


def in_memory(log: Log, *projections: Projection) -> MemoryStore:
    """These read models of a log, or all."""
    models = read_models(Registered(SYSTEM, "processors.social.feed"))
    chosen = projections or tuple(models.projections.values())
    store = MemoryStore(Catalog(SYSTEM, chosen))
    Worker(log, store).catch_up()
    return store
