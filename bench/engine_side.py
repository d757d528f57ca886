"""One side of `plain_engine`: run in a process of its own, by its path, on the tree of a commit
that PYTHONPATH names. So it uses only what the rules had from the start.

Prints its figures as JSON: microseconds of processor time a command (what neighbours take of the
machine is not in it, nor what the disk does), and what the flow came to, by which `plain_engine`
knows that both sides did the same.
"""

import gc
import json
import sys
from collections import Counter
from collections.abc import Callable
from itertools import islice
from time import process_time
from typing import Any

from bench.harness import Row
from bench.inner_loop import ONE_PARTITION, fresh_events, with_history
from log.interface import Log
from processors.core.task import Task
from processors.markets.exchange import SYSTEM, decider
from processors.markets.exchange.events import OrderTraded
from processors.markets.exchange.flow import flow

SEED = 7
PASSES = 3
"""Of which the best counts: a neighbour that comes by makes a pass slower, never faster."""


def processor_seconds(side: Callable[[], object]) -> float:
    gc.collect()
    gc.disable()
    started = process_time()
    side()
    spent = process_time() - started
    gc.enable()
    return spent


def decide_all(timed_flow: list[tuple[int, Any]], told: list[Any] | None = None) -> None:
    """Decide and apply each command, and look for a timer as the task does after each, where the
    rules have any; a plain flow sets none off."""
    decide, evolve = SYSTEM.decider.decide, SYSTEM.decider.evolve
    next_due = SYSTEM.decider.next_due
    state = SYSTEM.decider.initial()
    for at, command in timed_flow:
        events = decide(state, command, at)
        for event in events:
            state = evolve(state, event)
        if told is not None:
            told.extend(events)
        if next_due is not None:
            due = next_due(state)
            if due is not None and due <= at:
                raise RuntimeError(f"a plain flow made a timer due: {command}")


def outcome(timed_flow: list[tuple[int, Any]]) -> dict[str, int]:
    """How many events of each type, and what was traded."""
    told: list[Any] = []
    decide_all(timed_flow, told)
    trades = [event for event in told if type(event) is OrderTraded]
    return {
        **Counter(type(event).__name__ for event in told),
        "quantity": sum(trade.quantity for trade in trades),
        "notional": sum(trade.price * trade.quantity for trade in trades),
    }


def task_seconds(count: int) -> float:
    seconds: list[float] = []

    def measure(log: Log) -> list[Row]:
        seconds.extend(run_task(log) for _ in range(PASSES))
        return []

    with_history(count, measure)
    return min(seconds)


def run_task(log: Log) -> float:
    """As that of `inner_loop`, in processor time."""
    fresh_events(log)
    task = Task(log, ONE_PARTITION, 0)

    def run() -> None:
        while task.step():
            pass

    seconds = processor_seconds(run)
    task.close()
    return seconds


def main(count: int) -> None:
    timed_flow = list(islice(flow(SEED), count))
    came_to = outcome(timed_flow)
    decided = min(processor_seconds(lambda: decide_all(timed_flow)) for _ in range(PASSES))
    figures = {
        "rules": decider.__file__,
        "outcome": came_to,
        "decide_us": decided / count * 1e6,
        "task_us": task_seconds(count) / count * 1e6,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(int(sys.argv[1]))
