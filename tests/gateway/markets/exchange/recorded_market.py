"""Records a market as LOBSTER would: the exchange itself on a seeded flow, seen through the best
levels only. What happens out of sight, and before the recording begins, is left out, so reading it
back has everything to infer that a real recording has, and the truth is known.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from gateway.markets.exchange.lobster_files import UNOCCUPIED
from log.envelope import Event
from processors.markets.exchange.commands import Side
from processors.markets.exchange.decider import DECIDER
from processors.markets.exchange.events import (
    OrderCancelled,
    OrderDecremented,
    OrderReplaced,
    OrderTraded,
)
from processors.markets.exchange.flow import flow
from processors.markets.exchange.order import Order
from tests.gateway.markets.exchange.replaying import Levels, levels

INSTRUMENT = "ALDER"
SUBMITTED, PARTLY_CANCELLED, DELETED, EXECUTED = 1, 2, 3, 4
Message = tuple[int, int, int, int, Side]
"""Type, order id, size, price, side of the resting order."""


class Tape:
    """What a data feed says of the exchange's events, and the book that it shows.

    An order gets its id there when it comes to rest, so ids are in order of time, and a new place
    means a new id.
    """

    def __init__(self) -> None:
        self.totals: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
        self._resting: dict[int, tuple[int, int, int, Side]] = {}
        """Public id, quantity, price and side, by the exchange's id."""
        self._last_id = 0

    def messages(self, event: Event, came: Order | None) -> Iterator[Message]:
        """What an event, already applied, did to resting orders; `came` is what its command, of
        which it is the last, brought to rest."""
        if isinstance(event, OrderTraded):
            yield self._take(EXECUTED, event.maker_order_id, event.quantity)
        elif isinstance(event, OrderDecremented) and event.order_id in self._resting:
            yield self._take(PARTLY_CANCELLED, event.order_id, event.quantity)
        elif isinstance(event, OrderCancelled) and event.order_id in self._resting:
            yield self._take(DELETED, event.order_id, event.quantity)
        elif isinstance(event, OrderReplaced):
            quantity = self._resting[event.order_id][1]
            if not event.kept_priority:
                yield self._take(DELETED, event.order_id, quantity)
            elif event.quantity < quantity:
                yield self._take(PARTLY_CANCELLED, event.order_id, quantity - event.quantity)
        if came is not None and came.order_id not in self._resting:
            yield self._rest(came)

    def _rest(self, order: Order) -> Message:
        self._last_id += 7
        self._resting[order.order_id] = (self._last_id, order.quantity, order.price, order.side)
        totals = self.totals[order.side]
        totals[order.price] = totals.get(order.price, 0) + order.quantity
        return SUBMITTED, self._last_id, order.quantity, order.price, order.side

    def _take(self, kind: int, order_id: int, quantity: int) -> Message:
        public_id, before, price, side = self._resting.pop(order_id)
        if before > quantity:
            self._resting[order_id] = (public_id, before - quantity, price, side)
        self.totals[side][price] -= quantity
        if not self.totals[side][price]:
            del self.totals[side][price]
        return kind, public_id, quantity, price, side

    def shown(self, side: Side, depth: int) -> Levels:
        return sorted(self.totals[side].items(), reverse=side is Side.BUY)[:depth]


def record(folder: Path, seed: int, depth: int, skipped: int, recorded: int) -> Path:
    """Write the two files of what `recorded` commands did, after `skipped` ones; returns the
    message file's path."""
    state = DECIDER.initial()
    tape = Tape()
    lines: list[str] = []
    rows: list[str] = []
    commands = (c for _, c in flow(seed) if getattr(c, "instrument", "") == INSTRUMENT)
    for number, command in enumerate(islice(commands, skipped + recorded)):
        events = DECIDER.decide(state, command, 0)
        for event in events:
            DECIDER.evolve(state, event)
            before = _sight(tape, depth)
            came = None
            if event is events[-1]:
                came = state.books[INSTRUMENT].orders.get(getattr(command, "order_id", -1))
            for message in tape.messages(event, came):
                after = _sight(tape, depth)
                if number >= skipped and {(message[4], message[3])} & (before | after):
                    lines.append(_message_line(len(lines), message))
                    rows.append(_row(tape, depth))
                before = after
        if rows and number % 50 == 0:  # hidden executions, crosses and halts
            lines.append(f"34200.5,{5 + number // 50 % 3},0,1,10000,-1")
            rows.append(rows[-1])
    book = state.books[INSTRUMENT]
    assert levels(book.bids) == tape.shown(Side.BUY, len(book.orders))
    assert levels(book.asks) == tape.shown(Side.SELL, len(book.orders))
    path = folder / f"{INSTRUMENT}_2024-01-02_34200000_57600000_message_{depth}.csv"
    path.write_text("\n".join(lines) + "\n")
    path.with_name(path.name.replace("message", "orderbook")).write_text("\n".join(rows) + "\n")
    return path


def _sight(tape: Tape, depth: int) -> set[tuple[Side, int]]:
    return {(side, price) for side in Side for price, _ in tape.shown(side, depth)}


def _message_line(number: int, message: Message) -> str:
    kind, order_id, size, price, side = message
    direction = 1 if side is Side.BUY else -1
    return f"34200.{number:09},{kind},{order_id},{size},{price},{direction}"


def _row(tape: Tape, depth: int) -> str:
    asks = tape.shown(Side.SELL, depth)
    bids = tape.shown(Side.BUY, depth)
    asks += [(UNOCCUPIED, 0)] * (depth - len(asks))
    bids += [(-UNOCCUPIED, 0)] * (depth - len(bids))
    return ",".join(str(n) for ask, bid in zip(asks, bids, strict=True) for n in (*ask, *bid))
