"""What holds of the exchange's state after any commands whatever, and before each of their
follow-ups: Hypothesis draws them, in a narrow world where all meets. `test_properties` looks at
the events alone.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings

from processors.core.decider import decode_state, digest, encode_state
from processors.core.messages import Tick
from processors.core.timers import decide_fully
from processors.markets.exchange import invariants
from processors.markets.exchange.call_auction import call_book_of
from processors.markets.exchange.commands import (
    OpenAccount,
    OrderTerms,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from processors.markets.exchange.decider import DECIDER
from processors.markets.exchange.events import (
    InstrumentSplit,
    OrderRejected,
    TradeBusted,
    TradeCorrected,
)
from processors.markets.exchange.order import Level, Order, Special, new_order
from processors.markets.exchange.order_book import OrderBook
from processors.markets.exchange.state import Exchange
from processors.markets.exchange.terms import Peg
from tests.given_when_then import Scenario
from tests.processors.markets.exchange import vocabulary
from tests.processors.markets.exchange.event_book import TRADED, Book, trade_of
from tests.processors.markets.exchange.narrow_world import SETUP, Flow, flows
from tests.processors.markets.exchange.vocabulary import ACME, buy, sell

FORMAT = DECIDER.state_format
SET_UP: Flow = [(0, command) for command in SETUP]


def decisions(state: Exchange, flow: Flow) -> Iterator[list[Any]]:
    """The events of each decision: of timers, of commands, of each of their follow-ups. Whoever
    takes them applies them, before the next."""
    now = 0
    assert DECIDER.next_due is not None
    for passed_ms, command in flow:
        at = now + passed_ms
        while (due := DECIDER.next_due(state)) is not None and due <= at:
            now = max(due, now)
            yield list(DECIDER.decide(state, Tick(), now))
        now = at
        if type(command) is not Tick:
            yield list(DECIDER.decide(state, command, at))
            while (due := DECIDER.next_due(state)) is not None and due <= at:
                yield list(DECIDER.decide(state, Tick(), at))


class Told:
    """What the events alone tell of an instrument: its orders, and what each account holds and
    has traded (also in trades that were taken back)."""

    def __init__(self) -> None:
        self.book = Book()
        self.held: dict[int, int] = defaultdict(int)
        self.traded: dict[int, int] = defaultdict(int)

    def note(self, event: Any) -> None:
        self.book.apply(event)
        if isinstance(event, TRADED):
            self._pass(event, event.quantity)
            trade = trade_of(event)
            self.traded[trade.buy_account_id] += trade.price * trade.quantity
            self.traded[trade.sell_account_id] += trade.price * trade.quantity
        elif isinstance(event, TradeBusted):
            self._pass(event, -event.quantity)
        elif isinstance(event, TradeCorrected):
            self._pass(event, event.quantity - event.previous_quantity)
        elif isinstance(event, InstrumentSplit):
            for account_id, held in self.held.items():
                new = abs(held) * event.numerator // event.denominator
                self.held[account_id] = new if held > 0 else -new

    def _pass(self, event: Any, quantity: int) -> None:
        trade = trade_of(event)
        self.held[trade.buy_account_id] += quantity
        self.held[trade.sell_account_id] -= quantity


def open_orders(book: OrderBook) -> dict[int, tuple[int, int | None]]:
    """Their quantity, and their price if they are on the book."""
    return {
        order.order_id: (order.quantity, order.price if order.order_id in book.orders else None)
        for order in book.all_orders()
    }


@given(flows)
@settings(max_examples=150, deadline=None)
def test_the_state_is_possible_and_is_what_its_events_tell(flow: Flow) -> None:
    state = DECIDER.initial()
    told: dict[str, Told] = defaultdict(Told)
    for events in decisions(state, [*SET_UP, *flow]):
        for event in events:
            if getattr(event, "instrument", ""):
                told[event.instrument].note(event)
            DECIDER.evolve(state, event)
        invariants.check(state)
        for name, book in state.books.items():
            tell, market = told[name], book.market
            assert tell.book.phase is market.phase
            assert open_orders(book) == {
                order_id: (order.quantity, order.price if order.on_book else None)
                for order_id, order in tell.book.orders.items()
            }
            for account_id, standing in market.standings.items():
                assert standing.position == tell.held[account_id]
            for account_id, notional in market.volumes.items():
                assert notional == tell.traded[account_id]


@given(flows, flows)
@settings(max_examples=100, deadline=None)
def test_a_state_written_down_and_read_again_decides_the_same(before: Flow, after: Flow) -> None:
    state = DECIDER.initial()
    now = 0
    for passed_ms, command in [*SET_UP, *before]:
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


def varied() -> Scenario[Exchange]:
    """A book with an order of every kind, some of them waiting, and an account that is counted."""
    exchange = vocabulary.given(buy(1, 10, 98), buy(2, 10, 98), sell(3, 10, 102))
    exchange.when(OpenAccount(account_id=1, member_id=1))
    for order in (
        buy(4, 30, 98, terms=OrderTerms(display_quantity=10, reserve=True)),
        buy(5, 10, 98, terms=OrderTerms(hidden=True)),
        buy(6, 10, terms=OrderTerms(peg=Peg.BEST_BID, peg_offset=1)),
        buy(7, 1, 102),
        buy(8, 10, 120, terms=OrderTerms(stop_price=110)),
        sell(9, 10, 80, terms=OrderTerms(trail_amount=5)),
        sell(10, 5, 103, time_in_force=TimeInForce.DAY),
        sell(11, 5, 103, terms=OrderTerms(parent_order_id=1)),
    ):
        assert not isinstance(exchange.when(order)[0], OrderRejected)
    invariants.check(exchange.state)
    return exchange


def level(book: OrderBook) -> Level:
    return book.bids.levels[98]


def special(book: OrderBook, order_id: int) -> Special:
    order = book.find(order_id)
    assert order is not None and order.special is not None
    return order.special


def set_to(thing: Any, name: str, value: Any) -> None:
    setattr(thing, name, value)


def new(order_id: int, side: Side, price: int) -> Order:
    return new_order(order_id, 2, 2, side, price, 1, False, SelfTradePrevention.NONE)


def without_reserve(book: OrderBook) -> None:
    dark = level(book).dark
    assert dark is not None
    del dark[4]


def first_again(book: OrderBook) -> None:
    """The oldest order is listed as the newest."""
    book.orders[1] = book.orders.pop(1)


@pytest.mark.parametrize(
    ("what_is_wrong", "harm"),
    [
        ("60 there, 61 said", lambda book: set_to(level(book), "quantity", 61)),
        ("1 show a part, 0 said", lambda book: set_to(level(book), "parts", 0)),
        ("unseen are [5], not [5, 4]", without_reserve),
        ("not in order of time", lambda book: set_to(special(book, 5), "time", 0)),
        ("0 shown of 30", lambda book: set_to(special(book, 4), "displayed", 0)),
        ("3 orders show a part or nothing", lambda book: set_to(book, "shaped", 2)),
        ("restless are []", lambda book: book.market.restless.clear()),
        ("pegs are [6], listed []", lambda book: book.market.pegs.clear()),
        ("is crossed: 98 bid, 97", lambda book: book.rest(new(12, Side.SELL, 97))),
        ("the queue is not in order", first_again),
        ("orders of account 1", lambda book: book.newest_by_account.update({1: book.orders[1]})),
        ("102 has triggered its stop", lambda book: set_to(special(book, 8), "stop_price", 100)),
        ("stop_sells: {} wait there", lambda book: book.market.stop_sells.pop_triggered(1)),
        ("trail_sells: {} wait there", lambda book: book.market.trail_sells.pop_triggered(999)),
        ("noted to enter: True", lambda book: book.market.to_enter.update({8: None})),
        ("to be cancelled, is gone", lambda book: book.market.to_cancel.update({99: None})),
        ("its standing says", lambda book: book.market.standings[1].count_open(True, 1, 0)),
        ("a call book, or none", lambda book: set_to(book, "call", call_book_of(book))),
        ("linked one way", lambda book: set_to(special(book, 8), "linked", 10)),
        ("11: an orphan", lambda book: set_to(special(book, 11), "terms", OrderTerms())),
        ("overlooked: ['ACME']", lambda book: book.market.to_cancel.update({10: None})),
        ("off tick", lambda book: book.instrument.set_tick_bands(((101, 4),))),
    ],
)
def test_what_is_impossible_is_found_and_named(
    what_is_wrong: str, harm: Callable[[OrderBook], object]
) -> None:
    exchange = varied()
    harm(exchange.state.books[ACME])
    with pytest.raises(AssertionError, match=re.escape(what_is_wrong)):
        invariants.check(exchange.state)


def test_a_timer_that_is_missing_is_found() -> None:
    exchange = varied()
    exchange.state.timers.clear()
    with pytest.raises(AssertionError, match="no timer for"):
        invariants.check(exchange.state)
