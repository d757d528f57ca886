"""Fees by example: who is charged for what, and what a bust and a correction change."""

import random
from collections import defaultdict
from typing import Any

import pytest

from processors.markets.exchange.events import AuctionTraded, InstrumentDelisted, Side
from projections.markets.exchange.fees import ACCOUNT_FEES
from projections.markets.exchange.queries_trading import fees
from tests.projections.markets.exchange.recorded import (
    DAY_MS,
    Recorded,
    auctioned,
    busted,
    corrected,
    lines,
    listed,
    recorded_in,
    traded,
)

recorded = recorded_in(ACCOUNT_FEES)

BOB, EVE = (1, 11), (2, 22)


def test_roles(recorded: Recorded) -> None:
    """day | instrument | maker | taker | auction | rebates | total"""
    recorded.happen(
        traded(1, 1, 100, taker=BOB, maker=EVE, side="buy", fees=(30, 10)),
        traded(2, 1, 100, taker=EVE, maker=BOB, side="buy", fees=(31, -5)),
        traded(3, 1, 100, taker=BOB, maker=EVE, side="sell", fees=(32, 11)),
        auctioned(4, 1, 100, buyer=BOB, seller=EVE, fees=(7, -8)),
    )
    assert recorded.table(fees, 1) == "0 | ACME | 0 | 62 | 7 | 5 | 64"
    assert recorded.table(fees, 2) == "0 | ACME | 21 | 31 | 0 | 8 | 44"
    assert recorded.ask(fees, 3) == []


def test_days_and_instruments_latest_first(recorded: Recorded) -> None:
    recorded.happen(traded(1, 1, 100, BOB, EVE, fees=(1, 0)), at_ms=DAY_MS - 1)
    recorded.happen(traded(2, 1, 100, BOB, EVE, fees=(2, 0)), at_ms=DAY_MS)
    bolt = traded(1, 1, 100, BOB, EVE, fees=(-4, 0), instrument="BOLT")
    recorded.happen(bolt, at_ms=2 * DAY_MS - 1)
    assert recorded.table(fees, 1) == lines(f"""
        {DAY_MS} | BOLT | 0 | 0 | 0 | 4 | -4
        {DAY_MS} | ACME | 0 | 2 | 0 | 0 | 2
        0 | ACME | 0 | 1 | 0 | 0 | 1
    """)
    assert len(recorded.ask(fees, 1, since_ms=1)) == 2
    assert len(recorded.ask(fees, 1, limit=1)) == 1
    assert recorded.ask(fees, 2) == []  # nothing to pay: no row


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_bust_takes_fees_back_on_the_day_of_the_trade(recorded: Recorded, side: str) -> None:
    first = traded(1, 1, 100, taker=BOB, maker=EVE, side=side, fees=(30, -10))
    recorded.happen(first, traded(2, 1, 100, taker=BOB, maker=EVE, side=side, fees=(3, -1)))
    recorded.happen(busted(first), at_ms=DAY_MS)
    assert recorded.table(fees, 1) == "0 | ACME | 0 | 3 | 0 | 0 | 3"
    assert recorded.table(fees, 2) == "0 | ACME | 0 | 0 | 0 | 1 | -1"


def test_a_correction_changes_fees(recorded: Recorded) -> None:
    trade = traded(1, 4, 100, taker=BOB, maker=EVE, side="sell", fees=(40, 20))
    call = auctioned(2, 4, 100, buyer=BOB, seller=EVE, fees=(8, 9))
    recorded.happen(trade, call)
    recorded.happen(corrected(trade, 2, 100, fees=(-10, 25)), at_ms=DAY_MS)  # Eve's, Bob's
    recorded.happen(corrected(call, 2, 100, fees=(4, 5)), at_ms=DAY_MS)
    assert recorded.table(fees, 1) == "0 | ACME | 0 | 25 | 4 | 0 | 29"
    assert recorded.table(fees, 2) == "0 | ACME | 0 | 0 | 5 | 10 | -5"


def test_trade_numbers_begin_again_with_a_listing(recorded: Recorded) -> None:
    recorded.happen(traded(1, 1, 100, taker=BOB, maker=EVE, fees=(30, 10)))
    recorded.happen(InstrumentDelisted(instrument="ACME"))
    again = auctioned(1, 1, 100, buyer=BOB, seller=EVE, fees=(7, 7))
    recorded.happen(listed(), again, at_ms=1)
    recorded.happen(busted(again))
    assert recorded.table(fees, 1) == "0 | ACME | 0 | 30 | 0 | 0 | 30"


@pytest.mark.parametrize("seed", [1, 2])
def test_against_a_model(recorded: Recorded, seed: int) -> None:
    """Whatever happens, an account pays the fees of the trades that stand, as they now are."""
    draw = random.Random(seed)
    standing: dict[int, tuple[int, Any, tuple[int, int]]] = {}

    def two_fees() -> tuple[int, int]:
        return draw.randint(-5, 20), draw.randint(-5, 20)

    for number in range(1, 301):
        at_ms = number * DAY_MS // 90
        kind = draw.random()
        if kind < 0.6 or not standing:
            side, charged = draw.choice(("buy", "sell")), two_fees()
            if draw.random() < 0.3:
                trade: Any = auctioned(number, 9, 100, BOB, EVE, fees=charged)
            else:
                trade = traded(number, 9, 100, BOB, EVE, side=side, fees=charged)
                charged = charged if side == "buy" else charged[::-1]
            recorded.happen(trade, at_ms=at_ms)
            standing[number] = at_ms - at_ms % DAY_MS, trade, charged
            continue
        trade_id = draw.choice(list(standing))
        day, trade, _charged = standing.pop(trade_id)
        if kind < 0.8:
            recorded.happen(busted(trade), at_ms=at_ms)
        else:
            charged = two_fees()
            recorded.happen(corrected(trade, 8, 100, fees=charged), at_ms=at_ms)
            _charge(trade, charged)
            standing[trade_id] = day, trade, charged
    for account_id in (1, 2):
        due: dict[int, int] = defaultdict(int)
        for day, trade, (buy_fee, sell_fee) in standing.values():
            is_buyer = (account_id == 1) == _bob_buys(trade)
            due[day] += buy_fee if is_buyer else sell_fee
        found = {row.day_start_ms: row.total for row in recorded.ask(fees, account_id)}
        assert len(found) >= 3
        assert {day: fee for day, fee in found.items() if fee} == {
            day: fee for day, fee in due.items() if fee
        }


def _bob_buys(trade: Any) -> bool:
    return isinstance(trade, AuctionTraded) or trade.taker_side is Side.BUY


def _charge(trade: Any, charged: tuple[int, int]) -> None:
    """The trade as it now is, so that the next bust or correction of it takes that back."""
    if isinstance(trade, AuctionTraded):
        trade.buy_fee, trade.sell_fee = charged
    elif trade.taker_side is Side.BUY:
        trade.taker_fee, trade.maker_fee = charged
    else:
        trade.maker_fee, trade.taker_fee = charged
