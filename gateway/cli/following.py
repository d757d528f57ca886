"""Read models that follow the log: beside `refold run`, in a child process of its own, and as
`refold project`, a process for that alone.

What fails is named on stderr and left where it is; the rest goes on. A log or a database that goes
away is waited for.
"""

import multiprocessing
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gateway.cli.context import Context
from gateway.cli.interrupts import Interrupts
from gateway.cli.outcome import failed, print_error
from gateway.cli.output import note
from gateway.cli.projecting import bring_up_to_date, opened_store
from gateway.config import Config
from log.errors import LogUnavailable
from log.interface import Log
from processors.core.registry import Registered
from processors.core.workers.processes import stop_with_parent
from projections.core.errors import ProjectionError, StoreUnavailable
from projections.core.store import Store
from projections.core.worker import Report, Shared, Worker

TRY_AGAIN_S = 1.0


def bring_all_up_to_date(
    config: Config, log: Log, registered: Sequence[Registered], interrupts: Interrupts
) -> None:
    """Apply all events to the read models of these systems; Ctrl-C leaves it where it is."""
    try:
        for each in registered:
            with interrupts.allowed(), opened_store(config, each) as (models, store):
                if models.projections:
                    bring_up_to_date(config, log, store)
    except KeyboardInterrupt:
        note("read models are not up to date yet; the next run goes on where they are")


@contextmanager
def read_models_follow(
    config: Config, registered: Sequence[Registered], wanted: bool
) -> Iterator[None]:
    """Within, a child process keeps the read models of these systems up to date."""
    if not wanted:
        yield
        return
    context = multiprocessing.get_context("spawn")
    names = [each.system.name for each in registered]
    child = context.Process(target=follow_in_child, args=(config, names), name="refold-follow")
    child.start()
    try:
        yield
    finally:
        child.terminate()
        child.join()


def follow_in_child(config: Config, names: Sequence[str]) -> None:
    """The child process of `read_models_follow`: a thread a system."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when
    stop_with_parent(stop)
    context = Context(config)
    with context.open_log(create=True) as log:
        threads = [
            threading.Thread(target=follow, args=(config, log, context.find(name), stop))
            for name in names
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def follow(config: Config, log: Log, registered: Registered, stop: threading.Event) -> None:
    """Keep a system's read models up to date until `stop` is set; errors go to stderr."""
    try:
        with opened_store(config, registered) as (models, store):
            if models.projections:
                keep_up(config, log, store, stop)
    except Exception as error:
        failed(error)


def keep_up(
    config: Config,
    log: Log,
    store: Store,
    stop: threading.Event,
    *,
    report: Report | None = None,
    shared: Shared | None = None,
    until_idle: bool = False,
) -> dict[str, ProjectionError]:
    """Keep read models up to date until `stop` is set, or (`until_idle`) until all is applied.

    Returns those that failed, by name; errors are those that end all.
    """
    name = store.catalog.system.name
    left = dict(store.catalog.projections)
    failures: dict[str, ProjectionError] = {}
    has_begun = is_away = False
    while left and not stop.is_set():
        worker: Worker | None = None
        try:
            worker = Worker(log, store, left.values(), config.session_timeout_s)
            has_begun, is_away = True, False
            worker.follow(stop, report, shared, until_idle)
            break
        except (StoreUnavailable, LogUnavailable) as error:
            if not has_begun:
                raise
            if not is_away:
                note(f"read models of {name} wait for what is away: {error}")
            is_away = True
            stop.wait(TRY_AGAIN_S)
        except ProjectionError:
            if worker is None or not worker.failures:
                raise
            for stopped, failure in worker.failures.items():
                print_error(f"read model {stopped} of {name}: {failure}")
                del left[stopped]
            failures |= worker.failures
    return failures
