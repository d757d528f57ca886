"""A task against the `eventsourcing` package (9.5): the same orders, both durable.

The peer keeps the book as an aggregate on its SQLite recorder with the recorder's defaults (a
write-ahead log, flushed at each commit). Its event is the command, and applying it matches the
order: one event a command, the least that the package has to store, by an event class with plain
fields and `trigger_event`, which is faster than its `@event` decorator. The aggregate stays in
memory; the matching is that of `plain_book`. Saved after each command, and after each 1,000.

refold's side is a task on the file log, as in `inner_loop`: it reads its commands from the log and
writes all events. The commands' own append is not counted (`append` measures it).

The sides take turns on the first part of one order flow, shorter for the slower ones, and what is
compared is commands/s. First both decide the same part, and must trade the same.
"""

from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate

from bench.harness import Options, Row, at_least, best_of, main, scratch_folder, timed
from bench.inner_loop import ONE_PARTITION, run_task
from bench.order_flow import commands, preload, rows
from bench.outcome import Outcome, check_equal, decide_all
from bench.plain_book import PlainBook
from log.backends.file import FileLog

OrderRow = tuple[str, int, int, int, int, int]
SAVE_EACH = {"a save a command": 1, "saves of 1,000": 1_000}
"""Commands a save."""
PART = {"a save a command": 50, "saves of 1,000": 4}
"""The peer does one in so many of the commands, to take about as long as the task."""
REACH = {"a save a command": 60, "saves of 1,000": 8}


class BookAggregate(Aggregate):
    """The peer's idiom: a command triggers an event, whose `apply` changes the aggregate."""

    def __init__(self) -> None:
        self.book = PlainBook()

    class Commanded(Aggregate.Event):
        kind: str
        order: int
        account: int
        side: int
        price: int
        quantity: int

        def apply(self, aggregate: Aggregate) -> None:
            assert isinstance(aggregate, BookAggregate)
            aggregate.book.apply(self.kind, self.order, self.side, self.price, self.quantity)

    def command(
        self, kind: str, order: int, account: int, side: int, price: int, quantity: int
    ) -> None:
        self.trigger_event(
            self.Commanded,
            kind=kind,
            order=order,
            account=account,
            side=side,
            price=price,
            quantity=quantity,
        )


def run_peer(folder: Path, flow: list[OrderRow], save_each: int) -> tuple[float, Outcome]:
    """Seconds for all of the flow, into a new SQLite file."""
    with TemporaryDirectory(dir=folder) as database:
        application = Application[UUID](
            {
                "PERSISTENCE_MODULE": "eventsourcing.sqlite",
                "SQLITE_DBNAME": f"{database}/events.db",
            }
        )
        aggregate = BookAggregate()
        application.save(aggregate)

        def run() -> None:
            command, save = aggregate.command, application.save
            for number, row in enumerate(flow, 1):
                command(*row)
                if number % save_each == 0:
                    save(aggregate)
            save(aggregate)

        seconds = timed(run)
        application.close()
    book = aggregate.book
    return seconds, Outcome(book.trades, book.traded_quantity, book.resting)


def run(options: Options) -> list[Row]:
    flow = list(islice(rows(options.size), options.size // min(PART.values())))
    parts = {name: flow[: options.size // part] for name, part in PART.items()}
    with scratch_folder() as folder, FileLog(folder / "log") as log:
        _, theirs = run_peer(folder, flow, 1_000)
        # The instrument's listing is a command more.
        ours = decide_all(islice(commands(options.size + 1), len(flow) + 1))
        check_equal(ours, theirs, f"the first {len(flow):,} orders")
        ONE_PARTITION.ensure_topics(log)
        preload(log, ONE_PARTITION, options.size)

        def peer(name: str) -> float:
            seconds, _ = run_peer(folder, parts[name], SAVE_EACH[name])
            return seconds / len(parts[name])

        best = best_of(
            {
                "task": lambda: run_task(log) / options.size,
                **{name: partial(peer, name) for name in SAVE_EACH},
            },
            options.rounds,
        )
    rate = {name: 1 / seconds for name, seconds in best.items()}
    return [
        row
        for name, reach in REACH.items()
        for row in (
            at_least(f"task, to {name}", rate["task"], "commands/s", rate[name], reach),
            Row(name=f"eventsourcing, {name}", value=rate[name], unit="commands/s"),
        )
    ]


if __name__ == "__main__":
    main("peers", run, size=200_000)
