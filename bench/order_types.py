"""Flows heavy in one order type, each beside plain orders in the same run; and a million resting
orders of mixed types. Decide and evolve only, with what follows by itself: no log.

    plain orders            as `book`, with 1,000 resting
      beside a hidden one   the same flow, on a book where the rules' short way is closed
    icebergs                each sweep takes ten parts
    stops                   each trade triggers four
    trailing stops, pegs    a few and many: a trade at a new best price moves every trailing stop,
                            an order at a new best price every peg; what that costs each of them
    pegs that stay          many, while the best price does not move
    call auction            orders that come and go, and an indication after each
    mixed                   plain, iceberg, hidden, day, stop, linked, and those of sessions

Ratios are to the plain flow: of rates where the unit is one, else of costs. Where there is a
reach, they are to the same flow with 1,000 resting. A command of these leads to more events than a
plain one: the rows in events/s say what is left of the difference, event for event.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

from bench.book import LEVELS, RESTING, LoadedBook, memory_bytes
from bench.harness import Options, Row, at_least, best_of, main
from bench.market import INSTRUMENT, MID, QUANTITY, Market
from processors.markets.exchange.commands import (
    CancelOrder,
    ChangePhase,
    ExchangeCommand,
    OpenSession,
    OrderTerms,
    OrderType,
    Phase,
    PlaceOrder,
    Side,
    TimeInForce,
)
from processors.markets.exchange.terms import Peg

BUY: Final = Side.BUY
SELL: Final = Side.SELL
PARTS: Final = 10
"""Of icebergs, in a sweep."""
TRIGGERED: Final = 4
"""Stops, by a trade."""
FEW, MANY = 10, 1_000
SESSIONS: Final = 100
BYTES_AN_ORDER_MAX: Final = 1_000


class BesideHidden(LoadedBook):
    """Plain orders that meet plain orders; but one on the book is none."""

    def __init__(self) -> None:
        super().__init__(RESTING[0])
        self.resting += 1
        hidden = OrderTerms(hidden=True)
        self.apply(self.order(BUY, MID - 2 * LEVELS, terms=hidden))


class Icebergs(LoadedBook):
    """Nothing but icebergs; what trades takes the shown parts of ten."""

    taken = PARTS * QUANTITY

    def __init__(self) -> None:
        super().__init__(RESTING[0])

    def resting_order(self) -> PlaceOrder:
        order = super().resting_order()
        order.quantity = PARTS * QUANTITY
        order.terms = OrderTerms(display_quantity=QUANTITY)
        return order


class Stops(Market):
    """A trade one tick up, stops to sell below it, and a trade two ticks down, that triggers them:
    they trade too. Then the bids that they took come back; and all that on the other side."""

    def __init__(self) -> None:
        super().__init__()
        for _ in range(RESTING[0] // 2):
            self.apply(self.order(BUY, MID - 1), self.order(SELL, MID + 1))

    def mix(self) -> Iterator[ExchangeCommand]:
        while True:
            yield from self.cascade(SELL, MID - 1, BUY, MID + 1)
            yield from self.cascade(BUY, MID + 1, SELL, MID - 1)

    def cascade(
        self, side: Side, price: int, other: Side, other_price: int
    ) -> Iterator[ExchangeCommand]:
        yield self.taker(other, other_price)
        yield self.order(side, other_price)
        for _ in range(TRIGGERED):
            yield self.order(
                side, 0, order_type=OrderType.MARKET, terms=OrderTerms(stop_price=MID)
            )
        yield self.taker(side, price)
        for _ in range(TRIGGERED + 1):
            yield self.order(other, price)


class Trailing(Market):
    """Each trade is a tick above the one before, and moves all stops to sell that trail it."""

    def __init__(self, trailing: int) -> None:
        super().__init__()
        self.price = MID
        self.apply(self.order(SELL, MID), self.taker(BUY, MID))
        for _ in range(trailing):
            self.apply(
                self.order(
                    SELL, 0, order_type=OrderType.MARKET, terms=OrderTerms(trail_amount=LEVELS)
                )
            )

    def mix(self) -> Iterator[ExchangeCommand]:
        while True:
            self.price += 1
            yield self.order(SELL, self.price)
            yield self.taker(BUY, self.price)


class Pegs(Market):
    """A bid comes and goes, `away` from the others: one that is better than them all (1) moves all
    that are pegged to the best bid, up and down again; one behind (-1) moves none."""

    def __init__(self, pegs: int, away: int) -> None:
        super().__init__()
        self.away = away
        self.apply(self.order(BUY, MID))
        for _ in range(pegs):
            self.apply(self.order(BUY, 0, terms=OrderTerms(peg=Peg.BEST_BID)))

    def mix(self) -> Iterator[ExchangeCommand]:
        while True:
            bid = self.order(BUY, MID + self.away)
            yield bid
            yield CancelOrder(instrument=INSTRUMENT, order_id=bid.order_id)


class CallAuction(LoadedBook):
    """In the call, with prices of both sides all over one another: an order comes, one goes."""

    def __init__(self, resting: int) -> None:
        super().__init__(resting)
        self.apply(ChangePhase(instrument=INSTRUMENT, phase=Phase.OPENING_AUCTION))

    def keep_size(self) -> None:
        if not self.ids:  # without a call, there is no indication after each
            self.apply(ChangePhase(instrument=INSTRUMENT, phase=Phase.PRE_OPEN))
        super().keep_size()

    def resting_order(self) -> PlaceOrder:
        order = super().resting_order()
        order.price = self.draw.randrange(MID - LEVELS, MID + LEVELS)
        return order

    def mix(self) -> Iterator[ExchangeCommand]:
        while True:
            yield self.resting_order()
            yield self.cancel()


class Mixed(LoadedBook):
    """Eight kinds in equal shares. The stops are out of any trade's reach."""

    def __init__(self, resting: int) -> None:
        self.placed = 0
        super().__init__(resting)

    def keep_size(self) -> None:
        if not self.ids:
            for number in range(1, SESSIONS + 1):
                self.apply(OpenSession(session_id=number, member_id=1))
        super().keep_size()

    def resting_order(self) -> PlaceOrder:
        order = super().resting_order()
        self.placed += 1
        kind = self.placed % 8
        if kind == 1:
            order.quantity = PARTS * QUANTITY
            order.terms = OrderTerms(display_quantity=QUANTITY)
        elif kind == 2:
            order.terms = OrderTerms(hidden=True)
        elif kind == 3:
            order.time_in_force = TimeInForce.DAY
        elif kind == 4:
            order.price += LEVELS if order.side is SELL else -LEVELS
            order.side = BUY if order.side is SELL else SELL
            order.terms = OrderTerms(stop_price=order.price)
        elif kind == 5:
            order.session_id = self.draw.randrange(1, SESSIONS + 1)
        elif kind == 6:
            self.first = order
        elif kind == 7:
            order.account_id = self.first.account_id
            order.terms = OrderTerms(linked_order_id=self.first.order_id)
        return order


class Flow:
    """A market, and what its commands cost: microseconds each, by the best round."""

    def __init__(self, name: str, market: Market, count: int, plain: "Flow | None" = None) -> None:
        self.name = name
        self.market = market
        self.count = count
        self.plain = plain or self
        self.us = 0.0

    @property
    def events(self) -> float:
        """A command."""
        return self.market.told / self.market.decided

    def row(self) -> Row:
        ratio = self.plain.us / self.us
        return Row(name=self.name, value=1e6 / self.us, unit="commands/s", ratio=ratio)

    def event_row(self) -> Row:
        rate, plain_rate = (1e6 * flow.events / flow.us for flow in (self, self.plain))
        name = f"  at {self.events:.1f} events a command"
        return Row(name=name, value=rate, unit="events/s", ratio=rate / plain_rate)


def time_flows(flows: Iterable[Flow], rounds: int) -> None:
    by_name = {flow.name: flow for flow in flows}
    best = best_of(
        {name: partial(flow.market.seconds, flow.count) for name, flow in by_name.items()}, rounds
    )
    for name, seconds in best.items():
        by_name[name].us = seconds / by_name[name].count * 1e6


class Followers:
    """Flows with none, a few and many orders that each follow the market: what one of them costs.

    `moves` is the share of the commands at which each of them moves (or is looked at).
    """

    def __init__(
        self, name: str, market: Callable[[int], Market], moves: float, size: int, plain: Flow
    ) -> None:
        self.moves = moves
        self.none = Flow(f"{name}: none", market(0), size, plain)
        self.few = Flow(f"{name}: {FEW}", market(FEW), size, plain)
        # As many moves as with few, so that it takes about as long.
        self.many = Flow(f"{name}: {MANY:,}", market(MANY), max(size * FEW // MANY, 1), plain)
        self.flows = [self.none, self.few, self.many]

    def rows(self) -> list[Row]:
        few_us = (self.few.us - self.none.us) / FEW / self.moves
        many_us = (self.many.us - self.none.us) / MANY / self.moves
        plain_us = self.few.plain.us
        return [
            self.none.row(),
            self.few.row(),
            Row(name="  each of them", value=few_us, unit="us", ratio=few_us / plain_us),
            self.many.row(),
            Row(name="  each of them", value=many_us, unit="us", ratio=many_us / plain_us),
        ]


def measure_flows(options: Options) -> list[Row]:
    size = options.size
    plain = Flow("plain orders", LoadedBook(RESTING[0]), size)
    kinds = [
        Flow("plain, beside a hidden order", BesideHidden(), size, plain),
        Flow(f"icebergs, {PARTS} parts a sweep", Icebergs(), size, plain),
        Flow(f"stops, {TRIGGERED} a trade", Stops(), size, plain),
    ]
    calls = [
        Flow(f"call auction, {resting:,} resting", CallAuction(resting), size, plain)
        for resting in RESTING
    ]
    followers = [
        Followers("trailing stops", Trailing, 1 / 2, size, plain),
        Followers("pegs that move", partial(Pegs, away=1), 1, size, plain),
        Followers("pegs that stay", partial(Pegs, away=-1), 1, size, plain),
    ]
    of_followers = [flow for each in followers for flow in each.flows]
    time_flows([plain, *kinds, *calls, *of_followers], options.rounds)
    return [
        plain.row(),
        *(row for flow in kinds for row in (flow.row(), flow.event_row())),
        *(row for each in followers for row in each.rows()),
        calls[0].row(),
        calls[0].event_row(),
        *(
            at_least(call.name, 1e6 / call.us, "commands/s", 1e6 / calls[0].us, 0.7)
            for call in calls[1:]
        ),
    ]


def measure_mixed(options: Options) -> list[Row]:
    """Before all others, while the memory that the process has is its own."""
    few, many = RESTING[0], RESTING[-1]
    before = memory_bytes()
    large = Flow(f"mixed, {many:,} resting", Mixed(many), options.size)
    bytes_an_order = (memory_bytes() - before) / many
    small = Flow(f"mixed, {few:,} resting", Mixed(few), options.size)
    time_flows([small, large], options.rounds)
    return [
        Row(name=small.name, value=1e6 / small.us, unit="commands/s"),
        at_least(large.name, 1e6 / large.us, "commands/s", 1e6 / small.us, 0.7),
        Row(
            name="mixed, memory",
            value=bytes_an_order,
            unit="bytes an order",
            reach=f"<= {BYTES_AN_ORDER_MAX:,} B",
            met=bytes_an_order <= BYTES_AN_ORDER_MAX,
        ),
    ]


def run(options: Options) -> list[Row]:
    mixed = measure_mixed(options)
    return [*measure_flows(options), *mixed]


if __name__ == "__main__":
    main("order_types", run, size=20_000)
