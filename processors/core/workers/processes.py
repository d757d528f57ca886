"""Processes for parallel partitions: each runs a worker on its share of the partitions.

They share nothing but the log, whose fences keep them apart; any of them may die and be started
again without the others noticing.
"""

import multiprocessing
import multiprocessing.connection
import signal
import sys
import threading
from collections.abc import Callable, Sequence

Work = Callable[[Sequence[int], threading.Event], None]
"""Runs a share of the partitions until the event is set. Travels to another process: a function of
a module, or a `partial` of one."""
Failed = Callable[[Exception], int]
"""Called in the process that failed: says so, and gives its exit code. A function of a module."""


def run_processes(work: Work, partitions: Sequence[int], processes: int, *, failed: Failed) -> int:
    """Do `work` in so many processes, partitions dealt out in turn.

    Returns when all have ended: 0, or the exit code of the first that failed; where one fails, the
    others are stopped. SIGTERM and SIGINT let each finish its batch.
    """
    context = multiprocessing.get_context("spawn")
    shares = [partitions[share::processes] for share in range(min(processes, len(partitions)))]
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited: this process alone sees Ctrl-C
    started = [
        context.Process(
            target=_run_share,
            args=(work, share, failed),
            name=f"refold-{number}",
        )
        for number, share in enumerate(shares)
    ]
    stopping = threading.Event()

    def stop(*signalled: object) -> None:
        stopping.set()
        for process in started:
            if process.pid is not None:
                process.terminate()

    exit_codes = []
    try:
        for process in started:
            process.start()
        for number in before:
            signal.signal(number, stop)
        waiting = {process.sentinel: process for process in started}
        while waiting:
            for sentinel in multiprocessing.connection.wait(list(waiting)):
                process = waiting.pop(sentinel)  # type: ignore[arg-type]
                process.join()
                if process.exitcode == -signal.SIGTERM and stopping.is_set():
                    continue  # told to stop before it had begun
                exit_codes.append(process.exitcode)
                if process.exitcode:
                    stop()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return next(filter(None, exit_codes), 0)


def stop_with_parent(stop: threading.Event) -> None:
    """In a child process: set `stop` when its parent is gone, however that ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        sentinel = parent.sentinel

        def watch() -> None:
            multiprocessing.connection.wait([sentinel])
            stop.set()

        threading.Thread(target=watch, name="refold-parent", daemon=True).start()


def _run_share(work: Work, partitions: Sequence[int], failed: Failed) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    stop_with_parent(stop)
    try:
        work(partitions, stop)
    except Exception as error:
        sys.exit(failed(error))
