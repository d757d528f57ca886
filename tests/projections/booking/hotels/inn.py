"""Commands decided by the rules, and the hotels' read models in a store: for these tests."""

import dataclasses
from pathlib import Path
from typing import Any

from log.envelope import Command, Event
from log.record import Record
from processors.booking.hotels import SYSTEM
from processors.core.registry import Registered
from processors.core.testing.subject import decide_all, memory_log
from projections.core.read_models import as_table, default_url, read_models
from projections.core.worker import Worker

ONE_PARTITION = dataclasses.replace(SYSTEM, partitions=1)
MODELS = read_models(Registered(ONE_PARTITION, "processors.booking.hotels"))


class Inn:
    """`decide` commands, or let events `happen` whatever the rules say; then `ask`."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.log = memory_log(ONE_PARTITION)
        self.store = MODELS.open_store(
            "memory:" if kind == "memory" else default_url(folder, SYSTEM)
        )
        self.worker = Worker(self.log, self.store)

    def decide(self, *commands: Command, at_ms: int) -> None:
        partition = self.log.partition(SYSTEM.commands_topic, 0)
        encode = ONE_PARTITION.command_codec(partition.config).encode
        partition.append([Record(encode(command), b"inn", at_ms) for command in commands])
        decide_all(self.log, ONE_PARTITION)
        self.worker.catch_up()

    def happen(self, *events: Event) -> None:
        """These are the events of one command, and the next on the log."""
        partition = self.log.partition(SYSTEM.events_topic, 0)
        codec = ONE_PARTITION.event_codec(partition.config)
        last = None
        for batch in partition.read(0, 1 << 30):
            for record in batch:
                last = codec.decode(record.value or b"")
        sequence, cause = (-1, -1) if last is None else (last.sequence, last.cause)
        records = []
        for index, event in enumerate(events):
            event.sequence, event.cause = sequence + 1 + index, cause + 1
            event.cause_index, event.cause_count = index, len(events)
            records.append(Record(codec.encode(event), b"inn", 0))
        partition.append(records)
        self.worker.catch_up()

    def ask(self, name: str, *arguments: object) -> Any:
        query = MODELS.query(name)
        return query.run(self.store, query.parse([str(argument) for argument in arguments]))

    def table(self, name: str, *arguments: object, show: str = "") -> str:
        """The answer, all columns of it or those to `show`: a line a row, `-` for none or ''."""
        columns, rows = as_table(self.ask(name, *arguments))
        shown = [columns.index(column) for column in show.split() or columns if rows]
        return "\n".join(
            " ".join("-" if row[it] in (None, "") else str(row[it]) for it in shown)
            for row in rows
        )
