"""What holds of any commands whatever: found by Hypothesis, in a narrow world where all meets."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings

from processors.core.decider import decode_state, digest, encode_state, fold
from processors.core.messages import Tick
from processors.core.timers import decide_fully
from processors.markets.exchange import SYSTEM
from processors.markets.exchange.commands import Phase, Side
from processors.markets.exchange.events import (
    AuctionEnded,
    AuctionTraded,
    FeesSet,
    InstrumentSplit,
    OrderAccepted,
    OrderActivated,
    OrderAdjusted,
    OrderCancelled,
    OrderDecremented,
    OrderEntered,
    OrderRefilled,
    OrderReplaced,
    OrderRepriced,
    OrderTraded,
    PhaseChanged,
    TradeBusted,
    TradeCorrected,
)
from processors.markets.exchange.order import Order
from processors.markets.exchange.order_book import OrderBook
from processors.markets.exchange.state import Exchange
from tests.processors.markets.exchange.narrow_world import SETUP, Flow, flows

DECIDER = SYSTEM.decider
FORMAT = DECIDER.state_format


def set_up() -> Exchange:
    state = DECIDER.initial()
    for command in SETUP:
        state = fold(DECIDER, DECIDER.decide(state, command, 0), state)
    return state  # type: ignore[no-any-return]


def decisions(state: Exchange, flow: Flow) -> Iterator[list[Any]]:
    """The events of each decision: of timers, of commands, of each of their follow-ups. Whoever
    takes them applies them, before the next."""
    now = 0
    assert DECIDER.next_due is not None
    for passed_ms, command in [(0, Tick()), *flow]:
        at = now + passed_ms
        while (due := DECIDER.next_due(state)) is not None and due <= at:
            now = max(due, now)
            yield list(DECIDER.decide(state, Tick(), now))
        now = at
        if type(command) is not Tick:
            yield list(DECIDER.decide(state, command, at))
            while (due := DECIDER.next_due(state)) is not None and due <= at:
                yield list(DECIDER.decide(state, Tick(), at))


class Ledger:
    """What became of every order's quantity, and of every account's shares and money, by the
    events alone."""

    def __init__(self) -> None:
        self.open: dict[tuple[str, int], int] = {}
        self.positions: dict[tuple[str, int], int] = defaultdict(int)
        self.traded: dict[tuple[str, int], int] = defaultdict(int)

    def note(self, event: Any) -> None:
        if isinstance(event, OrderAccepted | OrderReplaced | OrderAdjusted):
            self.open[event.instrument, event.order_id] = event.quantity
        elif isinstance(event, OrderEntered | OrderActivated):
            waited = self.open[event.instrument, event.order_id]
            assert event.quantity <= waited, f"{event.quantity} enters of {waited}"
            self.open[event.instrument, event.order_id] = event.quantity
        elif isinstance(event, OrderCancelled | OrderDecremented):
            self._take(event.instrument, event.order_id, event.quantity)
            gone = (event.instrument, event.order_id) not in self.open
            assert gone == isinstance(event, OrderCancelled), "a cancel takes all, the rest less"
        elif isinstance(event, OrderTraded):
            self._take(event.instrument, event.taker_order_id, event.quantity)
            self._take(event.instrument, event.maker_order_id, event.quantity)
            taker, maker = event.taker_account_id, event.maker_account_id
            buyer, seller = (taker, maker) if event.taker_side is Side.BUY else (maker, taker)
            self._trade(event, buyer, seller)
        elif isinstance(event, AuctionTraded):
            self._take(event.instrument, event.buy_order_id, event.quantity)
            self._take(event.instrument, event.sell_order_id, event.quantity)
            self._trade(event, event.buy_account_id, event.sell_account_id)
        elif isinstance(event, TradeBusted):
            self._pass(event, event.buy_account_id, event.sell_account_id, -event.quantity)
        elif isinstance(event, TradeCorrected):
            more = event.quantity - event.previous_quantity
            self._pass(event, event.buy_account_id, event.sell_account_id, more)
        elif isinstance(event, InstrumentSplit):
            for (name, account_id), held in self.positions.items():
                if name == event.instrument:
                    new = abs(held) * event.numerator // event.denominator
                    self.positions[name, account_id] = new if held > 0 else -new
        elif isinstance(event, FeesSet):
            self.traded.clear()

    def _take(self, instrument: str, order_id: int, quantity: int) -> None:
        left = self.open[instrument, order_id] - quantity
        assert left >= 0, f"order {order_id} gave {-left} more than it had"
        self.open[instrument, order_id] = left
        if not left:
            del self.open[instrument, order_id]

    def _trade(self, event: OrderTraded | AuctionTraded, buyer: int, seller: int) -> None:
        """What fees go by: a trade that is taken back later counts all the same."""
        self._pass(event, buyer, seller, event.quantity)
        for account_id in (buyer, seller):
            self.traded[event.instrument, account_id] += event.price * event.quantity

    def _pass(self, event: Any, buyer: int, seller: int, quantity: int) -> None:
        self.positions[event.instrument, buyer] += quantity
        self.positions[event.instrument, seller] -= quantity


@given(flows)
@settings(max_examples=200, deadline=None)
def test_never_crossed_and_every_quantity_and_all_money_accounted_for(flow: Flow) -> None:
    """So no order is both filled and cancelled, and none is filled beyond what it had. A replace
    cannot create quantity either: what it asked for is what the ledger gives out."""
    state = set_up()
    ledger = Ledger()
    assert SYSTEM.invariant is not None
    for events in decisions(state, flow):
        for event in events:
            ledger.note(event)
            DECIDER.evolve(state, event)
        SYSTEM.invariant(state)
        is_open = {
            (name, order.order_id): order.quantity
            for name, book in state.books.items()
            for order in book.all_orders()
        }
        assert is_open == ledger.open
    for name, book in state.books.items():
        for account_id, standing in book.market.standings.items():
            assert standing.position == ledger.positions[name, account_id]
        for account_id, notional in book.market.volumes.items():
            assert notional == ledger.traded[name, account_id]


class Arrivals:
    """When each order came to its place, by the events alone: what it shows, and what it does
    not."""

    def __init__(self) -> None:
        self.shown: dict[tuple[str, int], int] = defaultdict(int)
        self.dark: dict[tuple[str, int], int] = defaultdict(int)
        self._clock = 0

    def note(self, event: Any) -> None:
        self._clock += 1
        kept = isinstance(event, OrderReplaced) and event.kept_priority
        placed = OrderAccepted | OrderEntered | OrderReplaced | OrderRepriced
        if isinstance(event, placed | OrderRefilled) and not kept:
            self.shown[event.instrument, event.order_id] = self._clock
        if isinstance(event, placed) and not kept:
            self.dark[event.instrument, event.order_id] = self._clock

    def turn(self, name: str, maker: Order) -> tuple[int, bool, int, int]:
        """Whose turn it is comes first: by price, then what is shown, then by time."""
        price = -maker.price if maker.side is Side.BUY else maker.price
        special, order_id = maker.special, maker.order_id
        shows = special is None or not (special.is_dark or special.terms.display_quantity)
        if shows or (special is not None and special.displayed):
            return price, False, self.shown[name, order_id], order_id
        return price, True, self.dark[name, order_id], order_id


@given(flows)
@settings(max_examples=200, deadline=None)
def test_trades_go_by_price_then_by_what_is_shown_and_then_by_time(flow: Flow) -> None:
    """Each trade is with the first opposite order of its moment, at that order's price. An
    all-or-none order that is too large for what is left of the taker is passed over."""
    state = set_up()
    arrivals = Arrivals()
    for events in decisions(state, flow):
        left: dict[int, int] = {}
        for event in events:
            arrivals.note(event)
            if isinstance(event, OrderAccepted | OrderEntered | OrderReplaced):
                left[event.order_id] = event.quantity
            elif isinstance(event, OrderDecremented) and event.order_id in left:
                left[event.order_id] -= event.quantity
            elif isinstance(event, OrderTraded):
                name, taker_id = event.instrument, event.taker_order_id
                book = state.books[name]
                if taker_id not in left:  # a peg, or an all-or-none order, that is matched again
                    left[taker_id] = book.orders[taker_id].quantity
                makers = [
                    arrivals.turn(name, order)
                    for order in book.orders.values()
                    if order.side is not event.taker_side
                    and can_trade(book, order, left[taker_id])
                ]
                price, _dark, _time, maker_id = min(makers)
                assert (event.maker_order_id, event.price) == (maker_id, abs(price))
                left[taker_id] -= event.quantity
            DECIDER.evolve(state, event)


def can_trade(book: OrderBook, maker: Order, left: int) -> bool:
    market = book.market
    if market.phase is Phase.TRADING_AT_LAST and maker.price != market.closing_price:
        return False
    special = maker.special
    return special is None or not special.terms.all_or_none or maker.quantity <= left


@given(flows)
@settings(max_examples=200, deadline=None)
def test_an_auction_trades_the_most_and_leaves_nothing_that_could_trade(flow: Flow) -> None:
    """The most by brute force over all prices; the price is one at which so much trades."""
    state = set_up()
    for events in decisions(state, flow):
        ended = False
        for event in events:
            if isinstance(event, AuctionEnded):
                ended = True
                book = state.books[event.instrument]
                at_each = {price: executable(book, price) for price in range(1, 1_001)}
                most = max(at_each.values())
                if event.quantity or has_limits(book) or book.market.reference_price:
                    assert event.quantity == most
                    assert not most or at_each[event.price] == most
            DECIDER.evolve(state, event)
            if isinstance(event, PhaseChanged) and ended:
                orders = state.books[event.instrument].orders.values()
                assert all(order.price for order in orders)
                bids = [order.price for order in orders if order.side is Side.BUY]
                asks = [order.price for order in orders if order.side is Side.SELL]
                assert max(bids, default=0) < min(asks, default=1_001)


def executable(book: OrderBook, price: int) -> int:
    bought = sold = 0
    for order in book.orders.values():
        if order.side is Side.BUY and (not order.price or order.price >= price):
            bought += order.quantity
        elif order.side is Side.SELL and order.price <= price:
            sold += order.quantity
    return min(bought, sold)


def has_limits(book: OrderBook) -> bool:
    return any(order.price for order in book.orders.values())


@given(flows, flows)
@settings(max_examples=100, deadline=None)
def test_a_state_written_down_and_read_again_decides_the_same(before: Flow, after: Flow) -> None:
    state = set_up()
    now = 0
    for passed_ms, command in before:
        now += passed_ms
        _events, state = decide_fully(DECIDER, state, command, now)
    restored = decode_state(FORMAT, encode_state(FORMAT, state))
    assert digest(FORMAT, restored) == digest(FORMAT, state)
    for passed_ms, command in after:
        now += passed_ms
        unchanged = digest(FORMAT, state)
        DECIDER.decide(state, command, now)
        assert digest(FORMAT, state) == unchanged, "decide changed the state"
        events, state = decide_fully(DECIDER, state, command, now)
        again, restored = decide_fully(DECIDER, restored, command, now)
        assert again == events
    assert digest(FORMAT, restored) == digest(FORMAT, state)
