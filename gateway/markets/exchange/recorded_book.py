"""A mirror of the book that the commands so far lead to, which writes the commands that change it.

    lobster | arca ─► RecordedBook ─► commands
                        └── levels: orders in priority, to see what the exchange will do

A recording says what happened; a matching engine wants to be asked. The mirror tells a reader
whether asking has that effect: whether an order would rest, and whom an aggressor would hit.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from typing import Final

from gateway.recording import Summary
from processors.markets.exchange.commands import (
    CancelOrder,
    ExchangeCommand,
    PlaceOrder,
    ReplaceOrder,
    Side,
    TimeInForce,
)

BUY: Final = Side.BUY
SELL: Final = Side.SELL
OPPOSITE: Final = {BUY: SELL, SELL: BUY}

RECORDED_ACCOUNT_ID: Final = 1
"""Owns the orders that the recording names."""
ANONYMOUS_ACCOUNT_ID: Final = 2
"""Owns quantity that is known to rest, in orders that the recording never names."""
AGGRESSOR_ACCOUNT_ID: Final = 3
"""Sends the immediate-or-cancel orders that a recording's executions stand for."""

ANONYMOUS_ID_BASE: Final = 7_000_000_000_000_000
AGGRESSOR_ID_BASE: Final = 8_000_000_000_000_000
"""Ids of orders that we make up count from here, and a recording's own stay below (and all of
them below 2**53, beyond which JavaScript and some JSON tools lose digits)."""

Queue = list[tuple[int, int]]
"""(order id, open quantity), first in priority first."""


class Level:
    """The orders at one price, first in priority first."""

    __slots__ = ("quantities", "total")

    def __init__(self) -> None:
        self.quantities: dict[int, int] = {}
        self.total = 0

    @property
    def first_id(self) -> int:
        return next(iter(self.quantities))


class BookSide:
    """Levels by price; `ranks` has them best first (a rank is the price, or minus it for bids)."""

    __slots__ = ("levels", "ranks", "sign")

    def __init__(self, side: Side) -> None:
        self.sign = -1 if side is BUY else 1
        self.levels: dict[int, Level] = {}
        self.ranks: list[int] = []

    @property
    def best(self) -> int | None:
        return self.ranks[0] * self.sign if self.ranks else None

    def prices_between(self, better: int | None, worse: int | None) -> list[int]:
        """Prices strictly worse than `better` and at least as good as `worse`, best first."""
        start = 0 if better is None else bisect_right(self.ranks, better * self.sign)
        end = len(self.ranks) if worse is None else bisect_right(self.ranks, worse * self.sign)
        return [rank * self.sign for rank in self.ranks[start:end]]

    def prices_better_than(self, price: int) -> list[int]:
        return [r * self.sign for r in self.ranks[: bisect_left(self.ranks, price * self.sign)]]


class RecordedBook:
    """See the module. Commands gather in `written` until the caller takes them away."""

    def __init__(self, instrument: str, summary: Summary) -> None:
        self.instrument = instrument
        self.sides = {BUY: BookSide(BUY), SELL: BookSide(SELL)}
        self.places: dict[int, tuple[Side, int]] = {}
        """Side and price of each resting order, by id."""
        self.held: dict[int, tuple[Side, int, int]] = {}
        """Side, price and quantity of orders that would trade on arrival though the recording
        let them rest (a crossed book, as in a halt): kept back until they would rest."""
        self.written: list[ExchangeCommand] = []
        self._summary = summary
        self._anonymous = 0
        self._aggressors = 0

    def level(self, side: Side, price: int) -> Level | None:
        return self.sides[side].levels.get(price)

    def quantity(self, order_id: int) -> int:
        """Of a resting order."""
        side, price = self.places[order_id]
        return self.sides[side].levels[price].quantities[order_id]

    def new_anonymous_id(self) -> int:
        self._anonymous += 1
        return ANONYMOUS_ID_BASE + self._anonymous

    def crosses(self, side: Side, price: int) -> bool:
        other = self.sides[OPPOSITE[side]]
        return bool(other.ranks) and other.ranks[0] <= price * other.sign

    def place(self, order_id: int, side: Side, price: int, quantity: int) -> None:
        """A new order that rests; one that would trade is held back instead."""
        if self.crosses(side, price):
            self._summary.remarks["orders held back while the recorded book was crossed"] += 1
            self.held[order_id] = (side, price, quantity)
            return
        anonymous = order_id > ANONYMOUS_ID_BASE
        self.written.append(
            PlaceOrder(
                instrument=self.instrument,
                order_id=order_id,
                account_id=ANONYMOUS_ACCOUNT_ID if anonymous else RECORDED_ACCOUNT_ID,
                side=side,
                quantity=quantity,
                price=price,
            )
        )
        own = self.sides[side]
        level = own.levels.get(price)
        if level is None:
            level = own.levels[price] = Level()
            insort(own.ranks, price * own.sign)
        level.quantities[order_id] = quantity
        level.total += quantity
        self.places[order_id] = (side, price)

    def cancel(self, order_id: int) -> None:
        self.written.append(CancelOrder(instrument=self.instrument, order_id=order_id))
        self._take(order_id, self.quantity(order_id))

    def shrink(self, order_id: int, quantity: int) -> None:
        """Take `quantity` off an order, which keeps its place; all of it cancels it."""
        left = self.quantity(order_id) - quantity
        if left <= 0:
            self.cancel(order_id)
            return
        price = self.places[order_id][1]
        self.written.append(
            ReplaceOrder(instrument=self.instrument, order_id=order_id, price=price, quantity=left)
        )
        self._take(order_id, quantity)

    def is_next(self, order_id: int) -> bool:
        """Whether an aggressor from the other side would meet this order before all others."""
        side, price = self.places[order_id]
        own = self.sides[side]
        return own.best == price and own.levels[price].first_id == order_id

    def execute(self, order_id: int, quantity: int) -> None:
        """Send the aggressor that hits this order, which must be the next and large enough."""
        side, price = self.places[order_id]
        self._aggressors += 1
        self.written.append(
            PlaceOrder(
                instrument=self.instrument,
                order_id=AGGRESSOR_ID_BASE + self._aggressors,
                account_id=AGGRESSOR_ACCOUNT_ID,
                side=OPPOSITE[side],
                quantity=quantity,
                price=price,
                time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL,
            )
        )
        self._take(order_id, quantity)

    def arrange(self, side: Side, price: int, queue: Queue) -> None:
        """Make the level's queue this one, by as few commands as keep orders' places.

        The longest beginning that only needs cancels and smaller quantities stays; what comes
        after it is placed (again) in order.
        """
        level = self.level(side, price)
        present = dict(level.quantities) if level is not None else {}
        kept = _kept_in_place(present, queue)
        stays = dict(queue[:kept])
        for order_id, quantity in present.items():
            if order_id not in stays:
                self.cancel(order_id)
            elif stays[order_id] < quantity:
                self.shrink(order_id, quantity - stays[order_id])
        for order_id, quantity in queue[kept:]:
            self.place(order_id, side, price, quantity)

    def quantity_held(self, side: Side, price: int) -> int:
        return sum(h[2] for h in self.held.values() if h[:2] == (side, price))

    def shrink_held(self, order_id: int, quantity: int) -> None:
        side, price, before = self.held.pop(order_id)
        if before > quantity:
            self.held[order_id] = (side, price, before - quantity)

    def release_held(self) -> None:
        """Place the held orders that would rest by now, oldest first."""
        for order_id, (side, price, quantity) in list(self.held.items()):
            if not self.crosses(side, price):
                del self.held[order_id]
                self.place(order_id, side, price, quantity)

    def take_written(self) -> list[ExchangeCommand]:
        written = self.written
        self.written = []
        return written

    def _take(self, order_id: int, quantity: int) -> None:
        side, price = self.places[order_id]
        own = self.sides[side]
        level = own.levels[price]
        level.total -= quantity
        left = level.quantities[order_id] - quantity
        if left:
            level.quantities[order_id] = left
            return
        del level.quantities[order_id]
        del self.places[order_id]
        if not level.quantities:
            del own.levels[price]
            del own.ranks[bisect_left(own.ranks, price * own.sign)]


def _kept_in_place(present: dict[int, int], queue: Iterable[tuple[int, int]]) -> int:
    """How many orders at the front of `queue` are there already, in that order, large enough."""
    order: Iterator[int] = iter(present)
    kept = 0
    for order_id, quantity in queue:
        if present.get(order_id, 0) < quantity or order_id not in order:
            break  # `in` moves the iterator on to the id, so the order of the two must agree
        kept += 1
    return kept
