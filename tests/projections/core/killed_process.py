"""What the processes run that the kill test kills: a worker, or rebuilds, over a file log."""

import threading
from multiprocessing.connection import Connection
from pathlib import Path

from log.backends.file import FileLog
from processors.core.registry import load_system
from projections.core.read_models import read_models
from projections.core.rebuild import rebuild
from projections.core.worker import Worker

MODELS = read_models(load_system("processors.markets.exchange"))


def follow(log_folder: Path, url: str, started: Connection) -> None:
    """A transaction for each command, so that a kill is nearly always within one."""
    with FileLog(log_folder) as log:
        store = MODELS.open_store(url)
        store.batch_bytes = 1
        worker = Worker(log, store)
        started.send(True)
        worker.follow(threading.Event())


def rebuild_forever(log_folder: Path, url: str, started: Connection) -> None:
    with FileLog(log_folder) as log:
        store = MODELS.open_store(url)
        store.batch_bytes = 20_000
        started.send(True)
        while True:
            for projection in store.catalog.projections.values():
                rebuild(log, store, projection)
