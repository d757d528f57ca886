"""Positions by example, and against a model that adds up all trades again."""

import random
from collections import defaultdict
from typing import Any

import pytest

from processors.markets.exchange.events import InstrumentSplit, TradeBusted
from projections.markets.exchange.positions import ACCOUNT_POSITIONS
from projections.markets.exchange.queries_oversight import positions
from tests.projections.markets.exchange.recorded import (
    Recorded,
    auctioned,
    busted,
    corrected,
    lines,
    listed,
    recorded_in,
    traded,
)

recorded = recorded_in(ACCOUNT_POSITIONS)

BOB, EVE = (1, 11), (2, 22)


def split(numerator: int, denominator: int) -> InstrumentSplit:
    return InstrumentSplit(instrument="ACME", numerator=numerator, denominator=denominator)


def held(recorded: Recorded, account_id: int = 1) -> int:
    (holding,) = recorded.ask(positions, account_id, "ACME")
    position: int = holding.position
    return position


@pytest.mark.parametrize(
    ("trade", "bob"),
    [
        (traded(1, 5, 100, taker=BOB, maker=EVE, side="buy"), 5),
        (traded(1, 5, 100, taker=BOB, maker=EVE, side="sell"), -5),
        (auctioned(1, 5, 100, buyer=BOB, seller=EVE), 5),
        (auctioned(1, 5, 100, buyer=EVE, seller=BOB), -5),
    ],
)
def test_a_trade_its_correction_and_its_bust(recorded: Recorded, trade: Any, bob: int) -> None:
    recorded.happen(trade)
    assert (held(recorded, 1), held(recorded, 2)) == (bob, -bob)
    correction = corrected(trade, 3, 99)
    recorded.happen(correction)
    assert (held(recorded, 1), held(recorded, 2)) == (bob * 3 // 5, -bob * 3 // 5)
    trade.quantity = 3
    recorded.happen(busted(trade))
    assert (held(recorded, 1), held(recorded, 2)) == (0, 0)


def test_of_all_instruments(recorded: Recorded) -> None:
    recorded.happen(listed("BOLT"))
    recorded.happen(traded(1, 5, 100, BOB, EVE, instrument="BOLT"), traded(1, 6, 9, EVE, BOB))
    assert recorded.table(positions, 1) == lines("""
        ACME | -6
        BOLT | 5
    """)
    assert recorded.table(positions, 1, "BOLT") == "BOLT | 5"
    assert recorded.table(positions, 1, limit=1) == "ACME | -6"
    assert recorded.ask(positions, 3) == []


def test_a_trade_with_oneself_changes_nothing(recorded: Recorded) -> None:
    recorded.happen(traded(1, 5, 100, BOB, EVE), traded(2, 3, 100, BOB, (1, 12)))
    assert held(recorded) == 5


@pytest.mark.parametrize(
    ("position", "ratio", "after"),
    [(7, (2, 1), 14), (7, (1, 2), 3), (7, (1, 10), 0), (7, (3, 2), 10)],
)
def test_a_split_rounds_toward_zero(
    recorded: Recorded, position: int, ratio: tuple[int, int], after: int
) -> None:
    recorded.happen(traded(1, position, 100, BOB, EVE))
    recorded.happen(split(*ratio))
    assert (held(recorded, 1), held(recorded, 2)) == (after, -after)


def test_splits_before_a_trade_after_it_and_in_between(recorded: Recorded) -> None:
    recorded.happen(traded(1, 7, 100, BOB, EVE))
    recorded.happen(split(1, 2))  # 3, -3
    recorded.happen(split(3, 1))  # 9, -9
    recorded.happen(traded(2, 1, 100, EVE, (3, 33)))  # 9, -8, and -1 of an account without a past
    recorded.happen(split(1, 2))
    assert [held(recorded, account_id) for account_id in (1, 2, 3)] == [4, -4, 0]
    recorded.happen(traded(3, 1, 100, BOB, EVE))
    assert [held(recorded, account_id) for account_id in (1, 2, 3)] == [5, -5, 0]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_against_a_model(recorded: Recorded, seed: int) -> None:
    """Trades, busts, corrections and splits at random: the model moves every account at once."""
    draw = random.Random(seed)
    model: dict[int, int] = defaultdict(int)
    standing: list[Any] = []
    for number in range(1, 401):
        kind = draw.random()
        if kind < 0.04:
            ratio = draw.choice([(2, 1), (1, 2), (3, 2), (1, 3)])
            recorded.happen(split(*ratio))
            for account_id, position in model.items():
                sign = 1 if position > 0 else -1
                model[account_id] = sign * (abs(position) * ratio[0] // ratio[1])
            standing.clear()  # trades from before a split cannot be busted
        elif kind < 0.75 or not standing:
            one, other = (draw.randint(1, 5), 1), (draw.randint(1, 5), 2)
            if draw.random() < 0.5:
                trade: Any = auctioned(number, draw.randint(1, 50), 100, one, other)
            else:
                side = draw.choice(("buy", "sell"))
                trade = traded(number, draw.randint(1, 50), 100, one, other, side)
            recorded.happen(trade)
            standing.append(trade)
            _move(model, busted(trade), trade.quantity)
        else:
            trade = standing.pop(draw.randrange(len(standing)))
            quantity = draw.choice((0, draw.randint(1, trade.quantity)))
            recorded.happen(corrected(trade, quantity, 90) if quantity else busted(trade))
            _move(model, busted(trade), quantity - trade.quantity)
            trade.quantity = quantity
            if quantity:
                standing.append(trade)
    assert {account_id: held(recorded, account_id) for account_id in model} == model
    assert len(model) == 5 and any(model.values())


def _move(model: dict[int, int], parties: TradeBusted, quantity: int) -> None:
    model[parties.buy_account_id] += quantity
    model[parties.sell_account_id] -= quantity
