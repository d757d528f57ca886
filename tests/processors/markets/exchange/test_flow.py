"""The plain seeded flow: the same for the same seed, and in the proportions of a market."""

from collections import Counter
from itertools import islice, pairwise

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
from processors.markets.exchange.decider import DECIDER
from processors.markets.exchange.events import (
    OrderCancelled,
    OrderRejected,
    OrderReplaced,
    OrderTraded,
)
from processors.markets.exchange.flow import (
    DAY_COMMANDS,
    DAY_LENGTH_MS,
    DAY_MS,
    DAY_START_MS,
    flow,
)

COUNT = 40_000


def test_a_seed_gives_the_same_commands_and_another_seed_others() -> None:
    first, again, other = (list(islice(flow(seed), 5_000)) for seed in (7, 7, 8))
    assert first == again
    assert first != other
    # One of them, written down: a change here is a change of every recorded benchmark.
    assert first[4_999] == (
        DAY_START_MS + 272_648,
        PlaceOrder(
            instrument="LARCH",
            order_id=2_892,
            account_id=64,
            side=Side.SELL,
            quantity=300,
            price=520_030_000,
        ),
    )


def test_a_day_passes_with_the_commands_asked_for() -> None:
    flowing = flow(1)
    day = [at for at, _ in islice(flowing, DAY_COMMANDS)]
    assert day == sorted(day)
    assert day[0] == DAY_START_MS
    assert 0.999 * DAY_LENGTH_MS < day[-1] - DAY_START_MS < 1.001 * DAY_LENGTH_MS
    next_day = next(at for at, _ in islice(flowing, 100, 101))
    assert DAY_MS <= next_day - DAY_START_MS < DAY_MS + 60_000
    by_half_hour = Counter((at - DAY_START_MS) // (DAY_LENGTH_MS // 13) for at in day)
    assert by_half_hour[0] > 2 * by_half_hour[6] < by_half_hour[12]

    short = [at for at, _ in islice(flow(1, day_commands=1_000, start_ms=5), 1_000)]
    assert short[0] == 5
    assert 0.9 * DAY_LENGTH_MS < short[-1] < DAY_LENGTH_MS + 10_000


def test_arrivals_come_in_bursts() -> None:
    times = [at for at, _ in islice(flow(1), COUNT)]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert sum(gap <= 3 for gap in gaps) > len(gaps) // 2
    assert max(gaps) > 50 * sum(gaps) / len(gaps)


def test_the_proportions_are_those_of_a_market() -> None:
    state = DECIDER.initial()
    commands: Counter[type] = Counter()
    events: Counter[type] = Counter()
    trading = invalid = 0
    for at, command in islice(flow(1), COUNT):
        decided = DECIDER.decide(state, command, at)
        for event in decided:
            DECIDER.evolve(state, event)
            events[type(event)] += 1
        commands[type(command)] += 1
        trading += any(isinstance(event, OrderTraded) for event in decided)
        invalid += any(isinstance(event, OrderRejected) for event in decided)
    assert set(commands) == {ListInstrument, PlaceOrder, CancelOrder, ReplaceOrder, MassCancel}
    assert commands[ListInstrument] == len(state.books) == 8
    assert 0.04 < trading / COUNT < 0.12
    assert 0.001 < invalid / COUNT < 0.02
    assert 0.55 < events[OrderCancelled] / commands[PlaceOrder] < 0.85
    assert 0.03 < commands[ReplaceOrder] / COUNT < 0.08
    assert 0.3 < commands[CancelOrder] / COUNT < 0.5
    for book in state.books.values():
        assert 20 < len(book.orders) < 2_000
        assert book.bids.best is not None
        assert book.asks.best is not None


def test_every_kind_of_order_comes_and_most_cancels_are_quick() -> None:
    placed: dict[int, int] = {}
    ages: list[int] = []
    orders: list[PlaceOrder] = []
    for number, (_, command) in enumerate(islice(flow(1), COUNT)):
        if isinstance(command, PlaceOrder):
            orders.append(command)
            placed[command.order_id] = number
        elif isinstance(command, CancelOrder) and command.order_id in placed:
            ages.append(number - placed[command.order_id])
    assert {o.order_type for o in orders} == {OrderType.LIMIT, OrderType.MARKET}
    assert {o.time_in_force for o in orders} == {
        TimeInForce.GOOD_TILL_CANCELLED,
        TimeInForce.IMMEDIATE_OR_CANCEL,
        TimeInForce.FILL_OR_KILL,
    }
    assert {o.terms for o in orders} == {None}
    assert {o.self_trade_prevention for o in orders} == set(SelfTradePrevention)
    assert {o.post_only for o in orders} == {True, False}
    ages.sort()
    assert ages[len(ages) // 4] < 60 < 2_000 < ages[-len(ages) // 20]
    sizes = sorted(o.quantity for o in orders if o.instrument == "ALDER")
    assert sizes[-1] >= 500 * sizes[len(sizes) // 2]


def test_both_kinds_of_replace_come() -> None:
    state = DECIDER.initial()
    kept: Counter[bool] = Counter()
    for at, command in islice(flow(1), COUNT):
        for event in DECIDER.decide(state, command, at):
            DECIDER.evolve(state, event)
            if isinstance(event, OrderReplaced):
                kept[event.kept_priority] += 1
    assert min(kept[True], kept[False]) > 300
