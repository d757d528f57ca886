"""A market of one instrument that benchmarks load and time: decide and evolve only, no log.

Commands are decided as a task does, with what follows by itself (triggered stops, pegs that move,
an auction's indication). Each benchmark has flows of its own, as subclasses that write the mix.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from time import perf_counter
from typing import Any, NoReturn

from bench.harness import timed
from log.envelope import Event
from processors.core.timers import TimerFailed, fire_timers
from processors.markets.exchange import SYSTEM
from processors.markets.exchange.commands import (
    ExchangeCommand,
    ListInstrument,
    PlaceOrder,
    Side,
    TimeInForce,
)
from processors.markets.exchange.events import OrderRejected
from processors.markets.exchange.state import Exchange

INSTRUMENT = "X"
START_MS = 1_700_000_000_000
MID = 100_000
QUANTITY = 10
CHUNK = 200
"""So many commands are written, untimed, and then decided: few enough that what a command names is
still open, and that their events stay in the processor's cache."""


def decide_all(state: Exchange, commands: Iterable[ExchangeCommand]) -> list[Event]:
    """Decide and apply each command at START_MS, as the task's inner loop does, and what it makes
    due at once; returns all events. The state is changed in place."""
    decide, evolve, next_due = (
        SYSTEM.decider.decide,
        SYSTEM.decider.evolve,
        SYSTEM.decider.next_due,
    )
    assert next_due is not None
    told: list[Event] = []
    for command in commands:
        events: Sequence[Event] = decide(state, command, START_MS)
        told += events
        for event in events:
            state = evolve(state, event)
        due = next_due(state)
        if due is not None and due <= START_MS:
            fired, state = fire_timers(
                SYSTEM.decider, state, START_MS, at=START_MS, encode=_unwritten, failed=_fail
            )
            told += fired
    return told


def _unwritten(event: Any) -> None:
    """In the place of an encoder: there is no log."""


def _fail(due: int, error: Exception) -> NoReturn:
    raise TimerFailed(f"the timer due at {due} did not fire: {error!r}") from error


class Market:
    """One instrument in continuous trading, and the flow that it is given: `mix`."""

    def __init__(self) -> None:
        self.state: Exchange = SYSTEM.decider.initial()
        self.draw = random.Random(7)
        self.next_id = 1
        self.flow = self.mix()
        self.decided = self.told = self.rejected = 0
        """Commands timed, their events, and how many of those reject."""
        self.apply(ListInstrument(instrument=INSTRUMENT))
        self.book = self.state.books[INSTRUMENT]

    def apply(self, *commands: ExchangeCommand) -> None:
        for event in decide_all(self.state, commands):
            if isinstance(event, OrderRejected):
                raise RuntimeError(f"the benchmark's own set-up was rejected: {event}")

    def order(self, side: Side, price: int, quantity: int = QUANTITY, **more: Any) -> PlaceOrder:
        """A limit order that rests, of an account drawn, unless `more` says otherwise."""
        self.next_id += 1
        fields = {"account_id": self.draw.randrange(1, 1_000), **more}
        return PlaceOrder(
            instrument=INSTRUMENT,
            order_id=self.next_id - 1,
            side=side,
            quantity=quantity,
            price=price,
            **fields,
        )

    def taker(self, side: Side, price: int, quantity: int = QUANTITY) -> PlaceOrder:
        """An order that trades with what there is, up to its price."""
        ioc = TimeInForce.IMMEDIATE_OR_CANCEL
        return self.order(side, price, quantity, time_in_force=ioc)

    def mix(self) -> Iterator[ExchangeCommand]:
        """The endless flow: it adds as much as it takes."""
        raise NotImplementedError

    def settle(self, events: list[Event]) -> None:
        """After each chunk, untimed: what the flow must know of it."""

    def seconds(self, count: int) -> float:
        """Decide so many commands of the mix; only that is timed, not the writing of them."""
        spent = 0.0

        def run() -> None:
            nonlocal spent
            left = count
            while left:
                commands = list(islice(self.flow, min(CHUNK, left)))
                started = perf_counter()
                events = decide_all(self.state, commands)
                spent += perf_counter() - started
                left -= len(commands)
                self.told += len(events)
                self.rejected += sum(type(event) is OrderRejected for event in events)
                self.settle(events)

        timed(run)
        self.decided += count
        if self.rejected * 50 > self.decided:
            raise RuntimeError(
                f"{type(self).__name__}: {self.rejected:,} of {self.decided:,} commands were "
                "rejected; the flow names what is not there"
            )
        return spent
