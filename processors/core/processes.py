"""Processes for parallel partitions: each runs a worker on its share of the partitions.

They share nothing but the log, whose fences keep them apart; any of them may die and be started
again without the others noticing.
"""

import multiprocessing
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

from log.backends.file import FileLog
from processors.core.registry import Registry
from processors.core.worker import SnapshotPolicy, Worker


def run_processes(
    folder: Path,
    packages: Sequence[str],
    systems: Sequence[str],
    processes: int,
    *,
    until_idle: bool,
    policy: SnapshotPolicy,
) -> int:
    """Run `systems` on the log in `folder` in so many processes, partitions dealt out in turn.

    Returns when all have ended: 0, or the exit code of the first that failed. SIGTERM and SIGINT
    are passed on, and let each finish its batch.
    """
    context = multiprocessing.get_context("spawn")
    started = [
        context.Process(
            target=_run_share,
            args=(folder, packages, systems, share, processes, until_idle, policy),
            name=f"refold-{share}",
        )
        for share in range(processes)
    ]
    for process in started:
        process.start()

    def pass_on(number: int, frame: object) -> None:
        for process in started:
            process.terminate()

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        for process in started:
            process.join()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return next((process.exitcode for process in started if process.exitcode), 0)


def _run_share(
    folder: Path,
    packages: Sequence[str],
    names: Sequence[str],
    share: int,
    shares: int,
    until_idle: bool,
    policy: SnapshotPolicy,
) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when
    registry = Registry(packages)
    systems = [registry.find(name).system for name in names]
    with FileLog(folder) as log:
        most = max(system.ensure_topics(log) for system in systems)
        mine = range(share, most, shares)
        with Worker(
            log, systems, partitions=mine, snapshots=folder / "snapshots", policy=policy
        ) as worker:
            worker.run(until_idle=until_idle, stop=stop)
