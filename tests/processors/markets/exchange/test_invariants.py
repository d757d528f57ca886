"""What holds of any commands whatever: found by Hypothesis, in a narrow world where all meets."""

from collections import defaultdict
from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings

from processors.core.decider import decode_state, digest, encode_state, fold
from processors.markets.exchange import SYSTEM
from processors.markets.exchange.commands import (
    CancelOrder,
    ListInstrument,
    MassCancel,
    OrderType,
    PlaceOrder,
    ReplaceOrder,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from processors.markets.exchange.decider import Exchange
from processors.markets.exchange.events import (
    OrderAccepted,
    OrderCancelled,
    OrderDecremented,
    OrderReplaced,
    OrderTraded,
)

DECIDER = SYSTEM.decider
FORMAT = DECIDER.state_format
INSTRUMENTS = st.sampled_from(["ACME", "BOLT"])
ORDER_IDS = st.integers(1, 12)
ACCOUNTS = st.integers(1, 3)
PRICES = st.integers(97, 103)
QUANTITIES = st.integers(-1, 12)
SIDES = st.sampled_from(Side)

places = st.builds(
    PlaceOrder,
    instrument=INSTRUMENTS,
    order_id=ORDER_IDS,
    account_id=ACCOUNTS,
    side=SIDES,
    quantity=QUANTITIES,
    price=PRICES | st.just(0),
    order_type=st.sampled_from([OrderType.LIMIT] * 5 + [OrderType.MARKET]),
    time_in_force=st.sampled_from([TimeInForce.GOOD_TILL_CANCELLED] * 3 + list(TimeInForce)),
    post_only=st.booleans(),
    self_trade_prevention=st.sampled_from(SelfTradePrevention),
)
replaces = st.builds(
    ReplaceOrder,
    instrument=INSTRUMENTS,
    order_id=ORDER_IDS,
    price=PRICES,
    quantity=QUANTITIES,
    account_id=st.integers(0, 3),
)
cancels = st.builds(
    CancelOrder, instrument=INSTRUMENTS, order_id=ORDER_IDS, account_id=st.integers(0, 3)
)
mass_cancels = st.builds(
    MassCancel, instrument=INSTRUMENTS, account_id=ACCOUNTS, side=st.none() | SIDES
)
listings = st.builds(
    ListInstrument, instrument=INSTRUMENTS, lot_size=st.integers(0, 2), tick_size=st.integers(0, 2)
)
anything = st.one_of(places, places, places, replaces, cancels, mass_cancels, listings)
flows = st.lists(anything, min_size=5, max_size=60)


def two_listed() -> Exchange:
    state = DECIDER.initial()
    for name in ("ACME", "BOLT"):
        state = fold(DECIDER, DECIDER.decide(state, ListInstrument(instrument=name), 0), state)
    return state  # type: ignore[no-any-return]


class Ledger:
    """What became of every order's quantity, by the events alone."""

    def __init__(self) -> None:
        self.open: dict[tuple[str, int], int] = {}

    def take(self, instrument: str, order_id: int, quantity: int) -> None:
        left = self.open[instrument, order_id] - quantity
        assert left >= 0, f"order {order_id} gave {-left} more than it had"
        self.open[instrument, order_id] = left
        if not left:
            del self.open[instrument, order_id]

    def note(self, event: Any) -> None:
        if isinstance(event, OrderAccepted | OrderReplaced):
            self.open[event.instrument, event.order_id] = event.quantity
        elif isinstance(event, OrderTraded):
            self.take(event.instrument, event.taker_order_id, event.quantity)
            self.take(event.instrument, event.maker_order_id, event.quantity)
        elif isinstance(event, OrderCancelled | OrderDecremented):
            self.take(event.instrument, event.order_id, event.quantity)
            gone = (event.instrument, event.order_id) not in self.open
            assert gone == isinstance(event, OrderCancelled), "a cancel takes all, the rest less"


@given(flows)
@settings(max_examples=150, deadline=None)
def test_never_crossed_and_every_quantity_accounted_for(commands: list[Any]) -> None:
    """A replace cannot create quantity either: what it asked for is what the ledger gives out."""
    state = two_listed()
    ledger = Ledger()
    assert SYSTEM.invariant is not None
    for command in commands:
        events = DECIDER.decide(state, command, 0)
        for event in events:
            ledger.note(event)
            state = DECIDER.evolve(state, event)
        SYSTEM.invariant(state)
        resting = {
            (name, order.order_id): order.quantity
            for name, book in state.books.items()
            for order in book.orders.values()
        }
        assert resting == ledger.open


@given(flows)
@settings(max_examples=150, deadline=None)
def test_trades_go_by_price_and_then_by_time(commands: list[Any]) -> None:
    """Each trade is with the best opposite order of its moment, at that order's price."""
    state = two_listed()
    arrived: dict[tuple[str, int], int] = defaultdict(int)
    clock = 0
    for command in commands:
        for event in DECIDER.decide(state, command, 0):
            clock += 1
            if isinstance(event, OrderAccepted) or (
                isinstance(event, OrderReplaced) and not event.kept_priority
            ):
                arrived[event.instrument, event.order_id] = clock
            elif isinstance(event, OrderTraded):
                makers = [
                    (
                        -order.price if order.side is Side.BUY else order.price,
                        arrived[event.instrument, order.order_id],
                        order.order_id,
                    )
                    for order in state.books[event.instrument].orders.values()
                    if order.side is not event.taker_side
                ]
                best_price, _, best_id = min(makers)
                assert (event.maker_order_id, event.price) == (best_id, abs(best_price))
            state = DECIDER.evolve(state, event)


@given(flows, flows)
@settings(max_examples=100, deadline=None)
def test_a_state_written_down_and_read_again_decides_the_same(
    before: list[Any], after: list[Any]
) -> None:
    state = two_listed()
    for command in before:
        state = fold(DECIDER, DECIDER.decide(state, command, 0), state)
    restored = decode_state(FORMAT, encode_state(FORMAT, state))
    assert digest(FORMAT, restored) == digest(FORMAT, state)
    for command in after:
        unchanged = digest(FORMAT, state)
        events = DECIDER.decide(state, command, 0)
        assert digest(FORMAT, state) == unchanged, "decide changed the state"
        assert DECIDER.decide(restored, command, 0) == events
        state = fold(DECIDER, events, state)
        restored = fold(DECIDER, events, restored)
    assert digest(FORMAT, restored) == digest(FORMAT, state)
