"""What the processes run that the tests of sharing start, stop and kill: projectors of one store.

Of both kinds of projections: the exchange's, whose rows are of one partition each, and totals over
all of them.
"""

import signal
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from log.backends.file import FileLog
from processors.core.registry import load_system
from processors.markets.exchange.events import OrderAccepted, OrderCancelled, OrderTraded
from projections.core.projection import Events, Projection, Table
from projections.core.read_models import ReadModels
from projections.core.rows import Tables
from projections.core.worker import Worker
from projections.markets.exchange.order_book import ORDER_BOOK
from projections.markets.exchange.trade_tape import TRADE_TAPE

BATCH_BYTES = 6_000
"""Small transactions, so that there are many to stop and to kill."""


class Total(msgspec.Struct):
    """A row that the events of every partition change."""

    kind: str
    events: int = 0


TOTALS = Table("totals", Total, key=("kind",))


def fold_totals(tables: Tables, events: Events) -> None:
    totals = tables[TOTALS]
    for event, _at_ms in events:
        kind = type(event).__name__
        total = totals.get(kind) or Total(kind)
        total.events += 1
        totals.put(total)


COUNTED: tuple[type[Any], ...] = (OrderAccepted, OrderTraded, OrderCancelled)
COUNTS = Projection(name="counts", events=COUNTED, tables=(TOTALS,), fold=fold_totals)
PROJECTIONS = (ORDER_BOOK, TRADE_TAPE, COUNTS)
MODELS = ReadModels(
    load_system("processors.markets.exchange").system,
    {projection.name: projection for projection in PROJECTIONS},
    {},
)


def project(log_folder: Path, url: str, lease_s: float, started: Connection) -> None:
    """Until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    with FileLog(log_folder) as log:
        store = MODELS.open_store(url)
        store.batch_bytes = BATCH_BYTES
        worker = Worker(log, store, lease_s=lease_s)
        started.send(True)
        worker.follow(stop)
        store.close()
