"""What an order flow comes to, by which a benchmark knows that its sides do the same work."""

from collections.abc import Iterable

import msgspec

from bench.order_flow import INSTRUMENT
from log.envelope import Command
from processors.markets.exchange import SYSTEM
from processors.markets.exchange.events import OrderTraded


class Outcome(msgspec.Struct, frozen=True):
    trades: int
    traded_quantity: int
    resting: int
    """Orders in the book at the end."""


def decide_all(commands: Iterable[Command]) -> Outcome:
    """refold's outcome, by its decider alone."""
    decide, evolve = SYSTEM.decider.decide, SYSTEM.decider.evolve
    state = SYSTEM.decider.initial()
    trades = quantity = 0
    for command in commands:
        for event in decide(state, command, 0):
            state = evolve(state, event)
            if type(event) is OrderTraded:
                trades += 1
                quantity += event.quantity
    return Outcome(trades, quantity, len(state.books[INSTRUMENT].orders))


def check_equal(ours: Outcome, theirs: Outcome, flow: str) -> None:
    if ours != theirs:
        raise RuntimeError(f"{flow}: here {ours}, the peer {theirs}: they must be equal")
