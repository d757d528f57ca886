"""A task against one flat function: what the runtime costs.

Both read the same commands from a file log, decode, decide, evolve, encode and append the events
to a file log, durable, a flush for each read. The flat function has no recovery, no fence, no dead
letters, no timers, no origins: it is the loop that one would write by hand.
"""

from collections.abc import Callable
from dataclasses import replace

from bench.harness import Options, Row, at_least, best_of, main, scratch_folder, timed
from bench.layers import print_layers
from bench.order_flow import preload
from log.backends.file import FileLog
from log.interface import Log
from log.record import new_batch
from processors.core.task import READ_BYTES, Task
from processors.markets.exchange import SYSTEM

ONE_PARTITION = replace(SYSTEM, partitions=1)


def fresh_events(log: Log) -> None:
    """An empty events topic, as before the first command."""
    if ONE_PARTITION.events_topic in log.topics():
        log.delete_topic(ONE_PARTITION.events_topic)
    ONE_PARTITION.ensure_topics(log)


def run_task(log: Log) -> float:
    """Seconds to decide every command by a task."""
    fresh_events(log)
    task = Task(log, ONE_PARTITION, 0)

    def run() -> None:
        while task.step():
            pass

    seconds = timed(run)
    task.close()
    return seconds


def run_flat(log: Log) -> float:
    """Seconds to decide every command by the flat function."""
    fresh_events(log)
    return timed(lambda: flat(log))


def flat(log: Log) -> None:
    commands = log.partition(ONE_PARTITION.commands_topic, 0)
    events_out = log.partition(ONE_PARTITION.events_topic, 0)
    decode = ONE_PARTITION.command_codec(commands.config).decode
    encode = ONE_PARTITION.event_codec(events_out.config).encode
    decide, evolve = ONE_PARTITION.decider.decide, ONE_PARTITION.decider.evolve
    state = ONE_PARTITION.decider.initial()
    sequence = offset = 0
    while batches := commands.read(offset, READ_BYTES):
        builder = new_batch()
        append = builder.append
        size = 0
        for batch in batches:
            for record in batch:
                at, cause, key = record.timestamp, record.offset, record.key
                events = decide(state, decode(record.value), at)  # type: ignore[arg-type]
                count = len(events)
                for index, event in enumerate(events):
                    event.sequence = sequence
                    event.cause = cause
                    if count > 1:
                        event.cause_index = index
                        event.cause_count = count
                    state = evolve(state, event)
                    append(size, at, key, encode(event), [])
                    size += 1
                    sequence += 1
            offset = batch.last_offset + 1
        events_out.append_batch(builder)


def with_history(count: int, use: Callable[[Log], list[Row]]) -> list[Row]:
    with scratch_folder() as folder, FileLog(folder) as log:
        ONE_PARTITION.ensure_topics(log)
        preload(log, ONE_PARTITION, count)
        return use(log)


def run(options: Options) -> list[Row]:
    def compare(log: Log) -> list[Row]:
        best = best_of(
            {"task": lambda: run_task(log), "flat": lambda: run_flat(log)}, options.rounds
        )
        rate = {name: options.size / seconds for name, seconds in best.items()}
        return [
            at_least("task", rate["task"], "commands/s", rate["flat"], 0.85),
            Row(name="flat function", value=rate["flat"], unit="commands/s"),
        ]

    return with_history(options.size, compare)


def profile(options: Options) -> None:
    def show(log: Log) -> list[Row]:
        fresh_events(log)
        print_layers(log, ONE_PARTITION, options.size, lambda: run_task(log))
        return []

    with_history(options.size, show)


if __name__ == "__main__":
    main("inner_loop", run, size=200_000, profile=profile)
