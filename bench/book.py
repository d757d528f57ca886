"""The order book under load: commands a second as orders rest, and bytes an order.

Each side holds a book of so many resting orders on 2,000 price levels, and is given the same mix:
a new order that rests, a cancel of an order anywhere in the book, an order that trades with the
best level, and a new order where one was taken. Decide and evolve only: no log.
"""

import os
import random
from collections.abc import Iterator
from functools import partial

from bench.harness import Options, Row, at_least, best_of, main, timed
from processors.markets.exchange import SYSTEM
from processors.markets.exchange.commands import (
    CancelOrder,
    ExchangeCommand,
    ListInstrument,
    PlaceOrder,
    Side,
    TimeInForce,
)

RESTING = (1_000, 100_000, 1_000_000)
LEVELS = 1_000
"""On each side."""
MID = 100_000
BYTES_AN_ORDER_MAX = 600


class LoadedBook:
    """A book with its resting orders, and the ids of those that may be cancelled."""

    def __init__(self, resting: int) -> None:
        self.decider = SYSTEM.decider
        self.state = self.decider.initial()
        self.draw = random.Random(resting)
        self.next_id = 1
        self.ids: list[int] = []
        self.apply(ListInstrument(instrument="X"))
        for _ in range(resting):
            self.apply(self.resting_order())

    def apply(self, command: ExchangeCommand) -> None:
        for event in self.decider.decide(self.state, command, 0):
            self.state = self.decider.evolve(self.state, event)

    def resting_order(self) -> PlaceOrder:
        buys = self.draw.getrandbits(1)
        away = self.draw.randrange(1, LEVELS + 1)
        self.ids.append(self.next_id)
        self.next_id += 1
        return PlaceOrder(
            instrument="X",
            order_id=self.ids[-1],
            account_id=self.draw.randrange(1, 1000),
            side=Side.BUY if buys else Side.SELL,
            quantity=10,
            price=MID - away if buys else MID + away,
        )

    def mix(self, count: int) -> Iterator[ExchangeCommand]:
        """As many orders are added as are taken, so that the book keeps its size."""
        for _ in range(count // 4):
            yield self.resting_order()
            at = self.draw.randrange(len(self.ids))
            cancelled, self.ids[at] = self.ids[at], self.ids[-1]
            self.ids.pop()
            yield CancelOrder(instrument="X", order_id=cancelled)
            sells = self.draw.getrandbits(1)
            self.next_id += 1
            yield PlaceOrder(
                instrument="X",
                order_id=self.next_id - 1,
                account_id=1,
                side=Side.SELL if sells else Side.BUY,
                quantity=10,
                price=MID - LEVELS if sells else MID + LEVELS,
                time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL,
            )
            yield self.resting_order()

    def seconds(self, count: int) -> float:
        commands = list(self.mix(count))
        decide, evolve = self.decider.decide, self.decider.evolve

        def run() -> None:
            state = self.state
            for command in commands:
                for event in decide(state, command, 0):
                    state = evolve(state, event)

        return timed(run)


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
