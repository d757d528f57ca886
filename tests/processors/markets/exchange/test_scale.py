"""What a hostile flow meets: crowded prices, hundreds of thousands of levels, deep sweeps.

The cost of an operation is the number of lines of Python that it runs, on a small and on a large
book: what grew with the book would be a hundred times dearer on the large one, and a search in
O(log n) takes some more. (Compiled, little of it shows. `bench.book` measures the time.)
"""

import gc
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from processors.core.decider import fold
from processors.markets.exchange import invariants
from processors.markets.exchange.commands import ListInstrument, MassCancel
from processors.markets.exchange.decider import DECIDER, decide, evolve
from processors.markets.exchange.events import OrderTraded
from processors.markets.exchange.state import Exchange
from tests.processors.markets.exchange.vocabulary import (
    ACME,
    FOK,
    accepted,
    buy,
    cancel,
    market,
    replace,
    sell,
)

SMALL, LARGE = 1_000, 100_000
MIDDLE = 10_000_000
NEW = 10**9


def listed() -> Exchange:
    return fold(DECIDER, decide(DECIDER.initial(), ListInstrument(instrument=ACME), 0))


def crowded(size: int) -> Exchange:
    """All asks at one price."""
    asks = (sell(number, 10, MIDDLE, account=2) for number in range(1, size + 1))
    return fold(DECIDER, map(accepted, asks), listed())


def tall(size: int) -> Exchange:
    """As many levels as orders, every third price, from the middle up."""
    asks = (sell(number, 10, MIDDLE + 3 * number, account=2) for number in range(1, size + 1))
    return fold(DECIDER, map(accepted, asks), listed())


def do(state: Exchange, *commands: Any) -> None:
    for command in commands:
        events = decide(state, command, 0)
        assert events
        for event in events:
            evolve(state, event)


def cancel_and_place(order_id: int, price: int) -> tuple[Any, ...]:
    return cancel(order_id), sell(order_id, 10, price, account=2)


OPERATIONS: dict[str, tuple[Callable[[int], Exchange], Callable[[int], tuple[Any, ...]]]] = {
    "cancel at the front": (crowded, lambda size: cancel_and_place(1, MIDDLE)),
    "cancel in the middle": (crowded, lambda size: cancel_and_place(size // 2, MIDDLE)),
    "cancel at the back": (crowded, lambda size: cancel_and_place(size, MIDDLE)),
    "trade with the front": (
        crowded,
        lambda size: (buy(NEW, 1, MIDDLE), replace(1, 9, MIDDLE), replace(1, 10, MIDDLE)),
    ),
    "keep a place": (crowded, lambda size: (replace(size // 2, 10, MIDDLE),)),
    "lose a place": (crowded, lambda size: (replace(size // 2, 11, MIDDLE),)),
    "kill what cannot be filled": (
        crowded,
        lambda size: (buy(NEW, 10 * size + 1, MIDDLE, time_in_force=FOK),),
    ),
    "mass cancel of one order": (
        crowded,
        lambda size: (
            sell(NEW, 10, MIDDLE, account=3),
            MassCancel(instrument=ACME, account_id=3),
        ),
    ),
    "come and go of the best level": (
        tall,
        lambda size: (sell(NEW, 10, MIDDLE), cancel(NEW)),
    ),
    "come and go of a middle level": (
        tall,
        lambda size: (sell(NEW, 10, MIDDLE + 3 * (size // 2) + 1), cancel(NEW)),
    ),
    "come and go of the last level": (
        tall,
        lambda size: (sell(NEW, 10, MIDDLE + 3 * size + 1), cancel(NEW)),
    ),
    "trade the best level away": (
        tall,
        lambda size: (
            sell(NEW, 10, MIDDLE + 1),
            buy(NEW + 1, 10, MIDDLE + 1),
        ),
    ),
    "sweep ten levels": (
        tall,
        lambda size: (
            *(sell(NEW + step, 10, MIDDLE - 3 * step) for step in range(1, 11)),
            market(buy(NEW, 100)),
        ),
    ),
}


@pytest.fixture
def quiet_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def lines_run(state: Exchange, commands: tuple[Any, ...]) -> int:
    lines = 0

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        do(state, *commands)
    finally:
        sys.settrace(before)
    return lines


@pytest.mark.parametrize("name", OPERATIONS)
def test_costs_no_more_on_a_large_book(name: str) -> None:
    build, commands = OPERATIONS[name]
    small, large = (lines_run(build(size), commands(size)) for size in (SMALL, LARGE))
    assert large < 1.5 * small + 20, f"{name}: {small} lines on {SMALL} orders, {large} on {LARGE}"


def test_a_sweep_through_every_level_leaves_an_empty_side() -> None:
    state = tall(20_000)
    events = decide(state, buy(NEW, 200_001, 10**12), 0)
    prices = [event.price for event in events if isinstance(event, OrderTraded)]
    assert prices == [MIDDLE + 3 * number for number in range(1, 20_001)]
    fold(DECIDER, events, state)
    invariants.check(state)
    book = state.books[ACME]
    assert (list(book.orders), book.asks.best, len(book.asks.levels)) == ([NEW], None, 0)
    assert book.bids.best is not None and book.bids.best.quantity == 1


def test_the_book_leaves_no_cycles_to_the_garbage_collector(quiet_collector: None) -> None:
    """Tasks run with the collector off: the last reference must free what leaves the book."""
    state = tall(200)
    gc.collect()
    for price in range(MIDDLE, MIDDLE + 700):
        do(state, sell(NEW, 10, price), buy(NEW + 1, 5, price), sell(NEW + 2, 1, price + 1))
        do(state, MassCancel(instrument=ACME, account_id=1))
    assert gc.collect() == 0
