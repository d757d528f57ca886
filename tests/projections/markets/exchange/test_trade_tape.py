"""The trade tape, its candles, and executions by example, from hand-made events: conditions, and
what a bust or a correction changes."""

import pytest

from processors.markets.exchange.events import OrderTraded, Phase, PhaseChanged, PhaseReason
from projections.markets.exchange import queries
from projections.markets.exchange.executions import ACCOUNT_EXECUTIONS
from projections.markets.exchange.trade_tape import TRADE_TAPE
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

recorded = recorded_in(TRADE_TAPE, ACCOUNT_EXECUTIONS)
SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000
NOON_MS = 1_700_000_000_000 // DAY_MS * DAY_MS + 12 * HOUR_MS


def phase(name: str) -> PhaseChanged:
    return PhaseChanged(
        instrument="ACME",
        phase=Phase(name),
        previous=Phase.CONTINUOUS,
        reason=PhaseReason.OPERATOR,
    )


def tape(recorded: Recorded) -> str:
    """Latest first: trade id, price, quantity, taker, condition, busted, corrected."""
    return recorded.table(queries.trades, "ACME", hide=("instrument", "at_ms", "number"))


def candles(recorded: Recorded, interval: str) -> str:
    """From noon on: start, open, high, low, close, volume, trades, average, notional."""
    found = recorded.ask(queries.candles, "ACME", interval)
    return "\n".join(
        f"{it.start_ms - NOON_MS}: {it.open} {it.high} {it.low} {it.close}, {it.volume} in "
        f"{it.trades}, {it.vwap} ({it.notional})"
        for it in found
    )


def executions(recorded: Recorded, account: int) -> str:
    """Latest first: side, kind, order, price, quantity, trade id, fee."""
    hide = ("account_id", "at_ms", "instrument", "sequence")
    return recorded.table(queries.executions, account, hide=hide)


@pytest.mark.parametrize(
    ("phase_name", "condition"),
    [
        ("opening_auction", "opening_auction"),
        ("volatility_auction", "volatility_auction"),
        ("closing_auction", "closing_auction"),
        ("pre_open", "auction"),
        ("halt", "auction"),
    ],
)
def test_a_trade_in_an_auction_has_its_phase_as_condition(
    recorded: Recorded, phase_name: str, condition: str
) -> None:
    recorded.happen(listed())
    recorded.happen(phase(phase_name))
    recorded.happen(auctioned(1, 10, 100), phase("continuous"))
    recorded.happen(traded(2, 5, 101, side="sell"))
    recorded.happen(phase("trading_at_last"))
    recorded.happen(traded(3, 1, 101))
    assert tape(recorded) == lines(f"""
        3 | 101 | 1 | buy | trading_at_last | False | False
        2 | 101 | 5 | sell | continuous | False | False
        1 | 100 | 10 | - | {condition} | False | False
    """)


def test_a_busted_and_a_corrected_trade_stay_on_the_tape(recorded: Recorded) -> None:
    first, second, third = traded(1, 10, 100), auctioned(2, 5, 110), traded(3, 7, 90)
    recorded.happen(listed())
    recorded.happen(first, second, third)
    recorded.happen(busted(second))
    recorded.happen(corrected(third, 6, 95))
    assert tape(recorded) == lines("""
        3 | 95 | 6 | buy | continuous | False | True
        2 | 110 | 5 | - | auction | True | False
        1 | 100 | 10 | buy | continuous | False | False
    """)


def test_a_bust_finds_its_trade_after_older_ones_without_numbers(recorded: Recorded) -> None:
    recorded.happen(listed())
    recorded.happen(traded(0, 3, 100), traded(0, 4, 100))
    numbered = traded(1, 5, 100), traded(2, 6, 100)
    recorded.happen(*numbered)
    recorded.happen(busted(numbered[0]))
    assert tape(recorded) == lines("""
        2 | 100 | 6 | buy | continuous | False | False
        1 | 100 | 5 | buy | continuous | True | False
        0 | 100 | 4 | buy | continuous | False | False
        0 | 100 | 3 | buy | continuous | False | False
    """)


def test_an_instrument_listed_again_goes_on_with_its_tape(recorded: Recorded) -> None:
    recorded.happen(listed())
    recorded.happen(traded(1, 3, 100), traded(2, 4, 100))
    again = traded(1, 5, 90)
    recorded.happen(listed())
    recorded.happen(again)
    recorded.happen(busted(again))
    hide = ("instrument", "at_ms", "condition", "taker_side", "corrected")
    assert recorded.table(queries.trades, "ACME", hide=hide) == lines("""
        3 | 1 | 90 | 5 | True
        2 | 2 | 100 | 4 | False
        1 | 1 | 100 | 3 | False
    """)


TIMES_AND_PRICES = (
    (0, 10, 100),
    (999, 30, 102),
    (SECOND_MS, 5, 90),
    (MINUTE_MS, 1, 120),
    (HOUR_MS, 2, 80),
)


@pytest.fixture
def day(recorded: Recorded) -> list[OrderTraded]:
    """An hour of trades."""
    recorded.happen(listed(), at_ms=NOON_MS)
    trades = []
    for number, (after_ms, quantity, price) in enumerate(TIMES_AND_PRICES, 1):
        trades.append(traded(number, quantity, price))
        recorded.happen(trades[-1], at_ms=NOON_MS + after_ms)
    return trades


def test_candles_have_averages_by_volume(recorded: Recorded, day: list[OrderTraded]) -> None:
    assert candles(recorded, "1s").splitlines()[:2] == [
        "0: 100 102 100 102, 40 in 2, 102 (4060)",
        "1000: 90 90 90 90, 5 in 1, 90 (450)",
    ]
    assert candles(recorded, "1h") == lines("""
        0: 100 120 90 120, 46 in 4, 101 (4630)
        3600000: 80 80 80 80, 2 in 1, 80 (160)
    """)


def test_a_bust_makes_its_candles_again(recorded: Recorded, day: list[OrderTraded]) -> None:
    recorded.happen(busted(day[0]), at_ms=NOON_MS + 2 * HOUR_MS)
    recorded.happen(busted(day[2]), at_ms=NOON_MS + 2 * HOUR_MS)
    recorded.happen(busted(day[4]), at_ms=NOON_MS + 2 * HOUR_MS)
    assert candles(recorded, "1s") == lines("""
        0: 102 102 102 102, 30 in 1, 102 (3060)
        60000: 120 120 120 120, 1 in 1, 120 (120)
    """)
    assert candles(recorded, "1min") == candles(recorded, "1s")
    assert candles(recorded, "1h") == "0: 102 120 102 120, 31 in 2, 103 (3180)"
    assert candles(recorded, "1d") == "-43200000: 102 120 102 120, 31 in 2, 103 (3180)"


def test_a_correction_makes_its_candles_again(recorded: Recorded, day: list[OrderTraded]) -> None:
    recorded.happen(corrected(day[1], 20, 99), at_ms=NOON_MS + 2 * HOUR_MS)
    assert candles(recorded, "1s").splitlines()[0] == "0: 100 100 99 99, 30 in 2, 99 (2980)"
    assert candles(recorded, "1h").splitlines()[0] == "0: 100 120 90 120, 36 in 4, 99 (3550)"
    recorded.happen(busted(day[1]), at_ms=NOON_MS + 2 * HOUR_MS)
    assert candles(recorded, "1s").splitlines()[0] == "0: 100 100 100 100, 10 in 1, 100 (1000)"


def test_a_bust_in_the_second_of_the_trade(recorded: Recorded) -> None:
    first, second = traded(1, 10, 100), traded(2, 10, 200)
    recorded.happen(listed(), at_ms=NOON_MS)
    recorded.happen(first, second, busted(first), traded(3, 10, 300), at_ms=NOON_MS)
    for interval in ("1s", "1min", "1h"):
        assert candles(recorded, interval) == "0: 200 300 200 300, 20 in 2, 250 (5000)"


def test_a_notional_may_pass_64_bits(recorded: Recorded) -> None:
    recorded.happen(listed(), at_ms=NOON_MS)
    recorded.happen(*(traded(number, 10**9, 10**12) for number in (1, 2)), at_ms=NOON_MS)
    recorded.happen(traded(3, 10**9, 10**12), at_ms=NOON_MS + SECOND_MS)
    total = "3000000000000000000000"
    assert candles(recorded, "1h") == (
        f"0: {10**12} {10**12} {10**12} {10**12}, 3000000000 in 3, {10**12} ({total})"
    )


def test_executions_with_fees_and_what_became_of_them(recorded: Recorded) -> None:
    first = traded(1, 10, 100, taker=(1, 11), maker=(2, 22), side="sell", fees=(30, -5))
    second = auctioned(2, 4, 99, buyer=(1, 12), seller=(2, 23), fees=(7, 8))
    recorded.happen(listed())
    recorded.happen(first, at_ms=1)
    recorded.happen(second, at_ms=2)
    recorded.happen(busted(first), at_ms=3)
    recorded.happen(corrected(second, 3, 98, fees=(5, 6)), at_ms=4)
    assert executions(recorded, 1) == lines("""
        buy | corrected | 12 | 98 | 3 | 2 | 5
        sell | busted | 11 | 100 | 10 | 1 | 30
        buy | auction | 12 | 99 | 4 | 2 | 7
        sell | taker | 11 | 100 | 10 | 1 | 30
    """)
    assert executions(recorded, 2) == lines("""
        sell | corrected | 23 | 98 | 3 | 2 | 6
        buy | busted | 22 | 100 | 10 | 1 | -5
        sell | auction | 23 | 99 | 4 | 2 | 8
        buy | maker | 22 | 100 | 10 | 1 | -5
    """)


def test_an_account_that_trades_with_itself_has_both_sides(recorded: Recorded) -> None:
    recorded.happen(listed())
    recorded.happen(auctioned(1, 4, 99, buyer=(1, 12), seller=(1, 13)))
    assert executions(recorded, 1) == lines("""
        sell | auction | 13 | 99 | 4 | 1 | 0
        buy | auction | 12 | 99 | 4 | 1 | 0
    """)
