"""A read model made again from the first event, against the live one on its way through the same
events.

Both fold the same topic into the same database, transaction by transaction; the rebuild does so
beside the live tables, which are complete, and its time includes the swap, and dropping the old
tables. The flow is that of `projection`, in which most events become rows; on disk, in SQLite.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.harness import Options, Row, at_least, best_of, main, scratch_folder, timed
from bench.projection import COMMANDS, ONE_PARTITION, decided, pairs
from log.interface import Log
from projections.core.projection import Projection
from projections.core.rebuild import rebuild
from projections.core.sql_store import SqlStore
from projections.core.store import Catalog
from projections.core.worker import Worker
from projections.markets.exchange.executions import ACCOUNT_EXECUTIONS
from projections.markets.exchange.trade_tape import TRADE_TAPE

REBUILT = (ACCOUNT_EXECUTIONS, TRADE_TAPE)


def store_of(folder: Path, projection: Projection, name: str) -> SqlStore:
    return SqlStore(Catalog(ONE_PARTITION, (projection,)), f"sqlite:///{folder}/{name}.sqlite")


def live(log: Log, projection: Projection) -> float:
    with scratch_folder() as folder:
        store = store_of(folder, projection, "live")
        seconds = timed(Worker(log, store).catch_up)
        store.close()
    return seconds


def rebuilt(log: Log, store: SqlStore, projection: Projection) -> float:
    return timed(lambda: rebuild(log, store, projection))


def compare(log: Log, projection: Projection, rounds: int) -> list[Row]:
    events = log.partition(ONE_PARTITION.events_topic, 0).high_watermark
    with scratch_folder() as folder:
        store = store_of(folder, projection, "rebuilt")
        Worker(log, store).catch_up()
        sides: dict[str, Callable[[], float]] = {
            "rebuild": partial(rebuilt, log, store, projection),
            "live": partial(live, log, projection),
        }
        best = best_of(sides, rounds)
        store.close()
    rate = {name: events / seconds for name, seconds in best.items()}
    return [
        at_least(f"rebuild {projection.name}", rate["rebuild"], "events/s", rate["live"], 1.0),
        Row(name=f"live {projection.name}", value=rate["live"], unit="events/s"),
    ]


def run(options: Options) -> list[Row]:
    log = decided(pairs(options.size))
    return [row for each in REBUILT for row in compare(log, each, options.rounds)]


if __name__ == "__main__":
    main("rebuild", run, size=COMMANDS)
