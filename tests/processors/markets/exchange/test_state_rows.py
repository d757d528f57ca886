"""The exchange's state as rows: canonical, complete, and streamed."""

from itertools import islice

import pytest

from processors.core.decider import decode_state, digest, encode_state, fold
from processors.markets.exchange import invariants
from processors.markets.exchange.commands import ListInstrument, SelfTradePrevention, Side
from processors.markets.exchange.decider import DECIDER
from processors.markets.exchange.state_rows import InstrumentRow, OrderRow
from tests.processors.markets.exchange.mixed_flow import mixed_flow
from tests.processors.markets.exchange.vocabulary import (
    buy,
    cancel,
    given,
    preventing,
    replace,
    sell,
)

FORMAT = DECIDER.state_format
ACME_ROW = InstrumentRow(
    instrument="ACME",
    price_decimals=0,
    tick_size=1,
    lot_size=1,
    price_min=1,
    price_max=1000,
    quantity_max=1000,
)


def test_rows_are_instruments_with_their_orders_in_order_of_time() -> None:
    exchange = given(
        buy(1, 10, 100),
        preventing(sell(2, 5, 105, account=2), SelfTradePrevention.CANCEL_BOTH),
        buy(3, 7, 100, post_only=True),
    )
    exchange.when(replace(1, 11, 100))
    none = SelfTradePrevention.NONE
    assert list(FORMAT.to_rows(exchange.state)) == [
        ACME_ROW,
        OrderRow(2, 2, Side.SELL, 105, 5, False, SelfTradePrevention.CANCEL_BOTH),
        OrderRow(3, 1, Side.BUY, 100, 7, True, none),
        OrderRow(1, 1, Side.BUY, 100, 11, False, none),
    ]


def test_equal_books_have_equal_digests_however_they_came_about() -> None:
    straight = given(buy(2, 10, 100), buy(1, 4, 100))
    winding = given(buy(1, 10, 90), buy(9, 5, 95))
    for command in (
        buy(2, 30, 100),
        replace(2, 10, 100),
        cancel(9),
        replace(1, 6, 100),
        sell(5, 16, 99),
        buy(2, 10, 100),
        buy(1, 4, 100),
    ):
        winding.when(command)
    assert digest(FORMAT, straight.state) == digest(FORMAT, winding.state)
    straight.when(cancel(2))
    assert digest(FORMAT, straight.state) != digest(FORMAT, winding.state)


def test_instruments_stand_by_name_whichever_was_listed_first() -> None:
    names = ["ACME", "BOLT", "COIL"]
    listings = {name: ListInstrument(instrument=name) for name in names}
    states = [DECIDER.initial(), DECIDER.initial()]
    for state, order in zip(states, (names, reversed(names)), strict=True):
        for name in order:
            fold(DECIDER, DECIDER.decide(state, listings[name], 0), state)
    assert digest(FORMAT, states[0]) == digest(FORMAT, states[1])


def test_a_restored_exchange_goes_on_as_the_one_that_was_written() -> None:
    state = DECIDER.initial()
    flow = mixed_flow(seed=11)
    for command in islice(flow, 5_000):
        state = fold(DECIDER, DECIDER.decide(state, command, 0), state)
    restored = decode_state(FORMAT, encode_state(FORMAT, state))
    invariants.check(restored)
    for command in islice(flow, 5_000):
        events = DECIDER.decide(state, command, 0)
        assert DECIDER.decide(restored, command, 0) == events
        state = fold(DECIDER, events, state)
        restored = fold(DECIDER, events, restored)
    assert digest(FORMAT, restored) == digest(FORMAT, state)


def test_an_order_without_an_instrument_is_an_error() -> None:
    row = OrderRow(1, 1, Side.BUY, 100, 1, False, SelfTradePrevention.NONE)
    with pytest.raises(ValueError, match="before any instrument"):
        FORMAT.from_rows(iter([row]))
