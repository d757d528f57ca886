"""Where a task's time goes, layer by layer: each layer is run alone over the whole history.

What the layers leave of the task's time is the runtime's own: the loop and its checks.
"""

from collections.abc import Callable
from itertools import chain

from rich.console import Console
from rich.table import Table

from bench.harness import best_of, timed
from log.interface import Log
from log.record import NO_HEADERS, Batch, new_batch
from processors.core.system import System
from processors.core.task import READ_BYTES


def read_all(log: Log, topic: str) -> list[list[Batch]]:
    partition = log.partition(topic, 0)
    offset, reads = partition.log_start, []
    while batches := partition.read(offset, READ_BYTES):
        reads.append(batches)
        offset = batches[-1].last_offset + 1
    return reads


def print_layers(log: Log, system: System, count: int, task: Callable[[], float]) -> None:
    """Run each layer of a task over partition 0's history, and print microseconds a command."""
    task_s = min(task() for _ in range(3))
    decider = system.decider
    commands_partition = log.partition(system.commands_topic, 0)
    decode = system.command_codec(commands_partition.config).decode
    event_codec = system.event_codec(log.partition(system.events_topic, 0).config)
    reads = read_all(log, system.commands_topic)
    records = [(r.offset, r.timestamp, r.key, r.value or b"") for b in chain(*reads) for r in b]
    commands = [(decode(value), at) for _, at, _, value in records]
    state = decider.initial()
    events_of = []
    for command, at in commands:
        events = decider.decide(state, command, at)
        for event in events:
            state = decider.evolve(state, event)
        events_of.append(events)
    events = list(chain.from_iterable(events_of))
    values = [event_codec.encode(event) for event in events]

    def read() -> None:
        for batches in read_all(log, system.commands_topic):
            for batch in batches:
                for r in batch:
                    r.offset, r.timestamp, r.key, r.value  # noqa: B018

    def decode_all() -> None:
        for record in records:
            decode(record[3])

    def decide_and_evolve() -> None:
        state = decider.initial()
        for command, at in commands:
            for event in decider.decide(state, command, at):
                state = decider.evolve(state, event)

    def evolve_all() -> None:
        state = decider.initial()
        for event in events:
            state = decider.evolve(state, event)

    def encode_all() -> None:
        encode = event_codec.encode
        for event in events:
            encode(event)

    def build() -> list[object]:
        built: list[object] = []
        per_read = len(values) // len(reads) + 1
        for first in range(0, len(values), per_read):
            builder = new_batch()
            append = builder.append
            for at, value in enumerate(values[first : first + per_read]):
                append(at, 1_700_000_000_000, b"PEER", value, NO_HEADERS)
            built.append(builder)
        return built

    def write() -> float:
        scratch = f"{system.events_topic}.layers"
        log.ensure_topic(scratch, log.topics()[system.events_topic])
        partition = log.partition(scratch, 0)
        builders = build()
        seconds = timed(lambda: [partition.append_batch(b) for b in builders])  # type: ignore[arg-type]
        log.delete_topic(scratch)
        return seconds

    best = best_of(
        {
            "read: batches to records": lambda: timed(read),
            "decode: bytes to commands": lambda: timed(decode_all),
            "decide and evolve": lambda: timed(decide_and_evolve),
            "  of which evolve": lambda: timed(evolve_all),
            "encode: events to bytes": lambda: timed(encode_all),
            "build: bytes to batches": lambda: timed(build),
            "write: checksum, write, flush": write,
        },
        3,
    )
    layers = sum(seconds for name, seconds in best.items() if not name.startswith(" "))
    table = Table(title=f"inner_loop: {count / task_s:,.0f} commands/s", title_justify="left")
    for name in ("layer", "us a command", "share"):
        table.add_column(name, justify="left" if name == "layer" else "right")
    for name, seconds in {**best, "runtime: the rest": task_s - layers, "task": task_s}.items():
        table.add_row(name, f"{seconds / count * 1e6:.2f}", f"{seconds / task_s:.0%}")
    Console().print(table)
