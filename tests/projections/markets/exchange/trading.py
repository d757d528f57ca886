"""Commands decided by the exchange, and its read models in a store: for these tests."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from log.envelope import Command
from log.record import Record
from processors.core.registry import Registered
from processors.core.testing.subject import decide_all, memory_log
from processors.markets.exchange import SYSTEM
from projections.core.read_models import as_table, default_url, read_models
from projections.core.worker import Worker

ONE_PARTITION = dataclasses.replace(SYSTEM, partitions=1)
MODELS = read_models(Registered(ONE_PARTITION, "processors.markets.exchange"))


class Trading:
    """`decide` commands, then `ask` the read models."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.log = memory_log(ONE_PARTITION)
        self.commands = self.log.partition(SYSTEM.commands_topic, 0)
        self.encode = ONE_PARTITION.command_codec(self.commands.config).encode
        self.store = MODELS.open_store(
            "memory:" if kind == "memory" else default_url(folder, SYSTEM)
        )
        self.worker = Worker(self.log, self.store)

    def decide(self, *commands: Command, at_ms: int = 0) -> Any:
        """Returns the state that the exchange is in."""
        return self.decide_timed((at_ms, command) for command in commands)

    def decide_timed(self, commands: Iterable[tuple[int, Command]]) -> Any:
        records = [Record(self.encode(command), b"key", at_ms) for at_ms, command in commands]
        self.commands.append(records)
        (fold,) = decide_all(self.log, ONE_PARTITION)
        self.worker.catch_up()
        return fold.state

    def ask(self, name: str, *arguments: str) -> Any:
        query = MODELS.query(name)
        return query.run(self.store, query.parse(arguments))

    def table(self, name: str, *arguments: str, show: str = "") -> str:
        """The answer, all columns of it or those to `show`: a line a row, values by blanks, `-`
        for none."""
        columns, rows = as_table(self.ask(name, *arguments))
        shown = [columns.index(column) for column in show.split() or columns if rows]
        return "\n".join(
            " ".join("-" if row[number] is None else str(row[number]) for number in shown)
            for row in rows
        )
