"""Plays recordings on the exchange, for the tests of their readers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.markets.exchange.lobster_files import BookRow, Message
from gateway.recording import Recording
from log.envelope import Event
from processors.markets.exchange.commands import ExchangeCommand
from processors.markets.exchange.decider import DECIDER
from processors.markets.exchange.events import OrderRejected, OrderTraded
from processors.markets.exchange.order_book import BookSide, OrderBook

REAL_DATA = Path(__file__).parents[4].parent / "shared" / "data" / "exchange"
"""Recordings that are not part of the project; the tests on them are skipped without it."""

Levels = list[tuple[int, int]]
"""(price, quantity), best first."""


@dataclass
class Step:
    """One row of a recording, played."""

    number: int
    at: int
    commands: list[ExchangeCommand]
    events: list[Event]
    book: OrderBook
    """The exchange's own, which goes on changing with the next row."""


def play(recording: Recording, instrument: str) -> Iterator[Step]:
    """Each row's commands through the decider. None may be rejected."""
    state = DECIDER.initial()
    for number, at, commands in recording.rows:
        events: list[Event] = []
        for command in commands:
            for event in DECIDER.decide(state, command, at):
                assert not isinstance(event, OrderRejected), (number, command, event)
                DECIDER.evolve(state, event)
                events.append(event)
        yield Step(number, at, commands, events, state.books[instrument])


def levels(side: BookSide, depth: int = 1_000_000) -> Levels:
    found: Levels = []
    level = side.best
    while level is not None and len(found) < depth:
        found.append((level.price, level.quantity))
        level = side.next_worse(level)
    return found


def queue(side: BookSide, price: int) -> Levels:
    """(order id, quantity) at a price, first in priority first."""
    found: Levels = []
    order = side.levels[price].first
    while order is not None:
        found.append((order.order_id, order.quantity))
        order = order.behind
    return found


def trades(step: Step) -> list[tuple[int, int, int]]:
    """(order hit, quantity, price)"""
    return [
        (e.maker_order_id, e.quantity, e.price) for e in step.events if isinstance(e, OrderTraded)
    ]


def shows(book: OrderBook, row: BookRow) -> bool:
    """Whether the book's best levels are those of the row."""
    return levels(book.asks, row.depth) == list(row.asks.items()) and (
        levels(book.bids, row.depth) == list(row.bids.items())
    )


def expected_trades(message: Message) -> list[tuple[int, int, int]]:
    return [(message.order_id, message.size, message.price)] if message.kind == 4 else []
