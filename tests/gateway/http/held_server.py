"""`refold serve`, where its first argument is other than `no`, with a part held still, as an
overloaded machine may hold it.

undecided   commands are appended, and no task decides them
untold      they are decided, and the answers do not come
slow        each step of a task waits half a second first
failing     each step of a task fails
"""

import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from gateway.cli.serve import app
from gateway.http.deciding import Decided
from log.record import Batch
from processors.core.task import Task, TaskFailed
from processors.core.workers.embedded import Worker


def run_nothing(worker: Worker, *, stop: threading.Event) -> None:
    stop.wait()


def tell_nothing(decided: Decided, offset: int, batches: Sequence[Batch]) -> None:
    return


def main(held: str) -> None:
    stepped = Task.step

    def step_slowly(task: Task, *limits: Any) -> int:
        if task.lag:
            time.sleep(0.5)
        return stepped(task, *limits)

    def fail_to_step(task: Task, *limits: Any) -> int:
        if task.lag:
            raise TaskFailed("the rules broke a law")
        return 0

    match held:
        case "undecided":
            Worker.run = run_nothing  # type: ignore[method-assign, assignment]
        case "untold":
            Decided._tell = tell_nothing  # type: ignore[method-assign, assignment]
        case "slow":
            Task.step = step_slowly  # type: ignore[method-assign, assignment]
        case "failing":
            Task.step = fail_to_step  # type: ignore[method-assign, assignment]
    app(prog_name="refold serve")


if __name__ == "__main__":
    main(sys.argv.pop(1))
