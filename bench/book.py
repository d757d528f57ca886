"""The order book under load: commands a second as orders rest, and bytes an order.

Each side holds a book of so many resting orders on 2,000 price levels, and is given the same mix:
a new order that rests, a cancel of an order anywhere in the book, an order that trades with the
best level, and a new order where one was taken. Decide and evolve only: no log. These are plain
limit orders; `order_types` has the others.
"""

import os
from collections.abc import Iterator
from functools import partial

from bench.harness import Options, Row, at_least, best_of, main
from bench.market import INSTRUMENT, MID, QUANTITY, Market, decide_all
from log.envelope import Event
from processors.markets.exchange.commands import CancelOrder, ExchangeCommand, PlaceOrder, Side
from processors.markets.exchange.events import CancelReason, OrderCancelled, OrderTraded

RESTING = (1_000, 100_000, 1_000_000)
LEVELS = 1_000
"""On each side."""
SIDES = (Side.SELL, Side.BUY)
BYTES_AN_ORDER_MAX = 600


class LoadedBook(Market):
    """A book with its resting orders, and the ids of those that may be cancelled."""

    taken = QUANTITY
    """What an order that trades asks for."""

    def __init__(self, resting: int) -> None:
        super().__init__()
        self.resting = resting
        self.ids: list[int] = []
        self.gone: set[int] = set()
        """Of these, those that traded away, or were cancelled with another."""
        self.keep_size()

    def resting_order(self) -> PlaceOrder:
        side = SIDES[self.draw.getrandbits(1)]
        away = self.draw.randrange(1, LEVELS + 1)
        order = self.order(side, MID - away if side is Side.BUY else MID + away)
        self.ids.append(order.order_id)
        return order

    def cancel(self) -> CancelOrder:
        """Of an order anywhere in the book."""
        while True:
            at = self.draw.randrange(len(self.ids))
            cancelled, self.ids[at] = self.ids[at], self.ids[-1]
            self.ids.pop()
            if cancelled not in self.gone:
                return CancelOrder(instrument=INSTRUMENT, order_id=cancelled)
            self.gone.remove(cancelled)

    def mix(self) -> Iterator[ExchangeCommand]:
        """As many orders are added as are taken, so that the book keeps its size."""
        while True:
            yield self.resting_order()
            yield self.cancel()
            if self.draw.getrandbits(1):
                yield self.taker(Side.SELL, MID - LEVELS, self.taken)
            else:
                yield self.taker(Side.BUY, MID + LEVELS, self.taken)
            yield self.resting_order()

    def settle(self, events: list[Event]) -> None:
        self.note_gone(events)
        self.keep_size()

    def note_gone(self, events: list[Event]) -> None:
        # The book is asked for traded orders alone: to look for any other would bring it into the
        # processor's cache before its cancel is timed.
        for event in events:
            if type(event) is OrderTraded:
                if event.maker_order_id not in self.book.orders:
                    self.gone.add(event.maker_order_id)
            elif type(event) is OrderCancelled and event.reason is CancelReason.LINKED:
                self.gone.add(event.order_id)

    def keep_size(self) -> None:
        book = self.book
        while (open_orders := len(book.orders) + len(book.parked)) != self.resting:
            command = self.resting_order() if open_orders < self.resting else self.cancel()
            self.note_gone(decide_all(self.state, (command,)))


def memory_bytes() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def run(options: Options) -> list[Row]:
    before = memory_bytes()
    books = {RESTING[-1]: LoadedBook(RESTING[-1])}
    bytes_an_order = (memory_bytes() - before) / RESTING[-1]
    books |= {resting: LoadedBook(resting) for resting in RESTING[:-1]}
    best = best_of(
        {
            f"{resting:,} resting": partial(books[resting].seconds, options.size)
            for resting in RESTING
        },
        options.rounds,
    )
    rate = {name: options.size / seconds for name, seconds in best.items()}
    return [
        *(
            at_least(name, value, "commands/s", max(rate.values()), 0.7)
            for name, value in rate.items()
        ),
        Row(
            name="memory",
            value=bytes_an_order,
            unit="bytes an order",
            reach=f"<= {BYTES_AN_ORDER_MAX} B",
            met=bytes_an_order <= BYTES_AN_ORDER_MAX,
        ),
    ]


if __name__ == "__main__":
    main("book", run, size=20_000)
