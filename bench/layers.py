"""Where a task's time goes, layer by layer: each layer is run alone over the whole history.

What the layers leave of the task's time is the runtime's own, and what it costs that they take
turns: alone, each has the caches and the branch predictor to itself.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.harness import best_of, timed
from log.interface import Log
from log.record import NO_HEADERS, Batch, BatchBuilder, new_batch
from processors.core.system import System
from processors.core.task import READ_BYTES

ROUNDS = 3


class Layers:
    """One partition's history, as each layer finds it."""

    def __init__(self, log: Log, system: System) -> None:
        self.log = log
        self.system = system
        self.decider = system.decider
        self.config = log.partition(system.events_topic, 0).config
        commands = log.partition(system.commands_topic, 0)
        self.decode_one = system.command_codec(commands.config).decode
        self.encode_one = system.event_codec(self.config).encode
        self.reads = self.batches()
        records = [record for batch in chain(*self.reads) for record in batch]
        self.encoded_commands = [record.value or b"" for record in records]
        self.commands = [(self.decode_one(r.value or b""), r.timestamp) for r in records]
        self.events = list(chain.from_iterable(self.decided()))
        self.encoded_events = [self.encode_one(event) for event in self.events]

    def batches(self) -> list[list[Batch]]:
        partition = self.log.partition(self.system.commands_topic, 0)
        offset, reads = partition.log_start, []
        while batches := partition.read(offset, READ_BYTES):
            reads.append(batches)
            offset = batches[-1].last_offset + 1
        return reads

    def decided(self) -> list[Sequence[Any]]:
        decide, evolve = self.decider.decide, self.decider.evolve
        state, found = self.decider.initial(), []
        for command, at in self.commands:
            events = decide(state, command, at)
            for event in events:
                state = evolve(state, event)
            found.append(events)
        return found

    def read(self) -> None:
        for record in chain.from_iterable(chain.from_iterable(self.batches())):
            record.offset, record.timestamp, record.key, record.value  # noqa: B018

    def decode(self) -> None:
        decode = self.decode_one
        for value in self.encoded_commands:
            decode(value)

    def evolve(self) -> None:
        state, evolve = self.decider.initial(), self.decider.evolve
        for event in self.events:
            state = evolve(state, event)

    def encode(self) -> None:
        encode = self.encode_one
        for event in self.events:
            encode(event)

    def build(self) -> list[BatchBuilder]:
        builders = []
        per_read = len(self.encoded_events) // len(self.reads) + 1
        for first in range(0, len(self.encoded_events), per_read):
            builder = new_batch()
            append = builder.append
            for at, value in enumerate(self.encoded_events[first : first + per_read]):
                append(at, 1_700_000_000_000, b"PEER", value, NO_HEADERS)
            builders.append(builder)
        return builders

    def write(self) -> float:
        scratch = f"{self.system.events_topic}.layers"
        self.log.ensure_topic(scratch, self.config)
        partition = self.log.partition(scratch, 0)
        builders = self.build()
        seconds = timed(lambda: [partition.append_batch(builder) for builder in builders])
        self.log.delete_topic(scratch)
        return seconds


def print_layers(log: Log, system: System, count: int, task: Callable[[], float]) -> None:
    """Run each layer of a task over partition 0's history, and print microseconds a command."""
    task_s = min(task() for _ in range(ROUNDS))
    layers = Layers(log, system)
    sides: dict[str, Callable[[], float]] = {
        "read: batches to records": lambda: timed(layers.read),
        "decode: bytes to commands": lambda: timed(layers.decode),
        "decide and evolve": lambda: timed(layers.decided),
        "  of which evolve": lambda: timed(layers.evolve),
        "encode: events to bytes": lambda: timed(layers.encode),
        "build: bytes to batches": lambda: timed(layers.build),
        "write: checksum, write, flush": layers.write,
    }
    best = best_of(sides, ROUNDS)
    known_s = sum(seconds for name, seconds in best.items() if not name.startswith(" "))
    table = Table(title=f"inner_loop: {count / task_s:,.0f} commands/s", title_justify="left")
    for name in ("layer", "us a command", "share"):
        table.add_column(name, justify="left" if name == "layer" else "right")
    rest = {"the rest: the loop, and taking turns": task_s - known_s, "task": task_s}
    for name, seconds in {**best, **rest}.items():
        table.add_row(name, f"{seconds / count * 1e6:.2f}", f"{seconds / task_s:.0%}")
    Console().print(table)
