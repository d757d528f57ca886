"""What trading came to, by example: totals by instrument, profit and loss by account."""

from projections.markets.exchange.executions import ACCOUNT_EXECUTIONS
from projections.markets.exchange.positions import ACCOUNT_POSITIONS
from projections.markets.exchange.queries_results import profits, totals
from projections.markets.exchange.statistics import DAY_MS, DAY_STATISTICS
from projections.markets.exchange.trade_tape import TRADE_TAPE
from tests.projections.markets.exchange.recorded import (
    Recorded,
    busted,
    corrected,
    lines,
    listed,
    recorded_in,
    traded,
)

recorded = recorded_in(TRADE_TAPE, ACCOUNT_EXECUTIONS, ACCOUNT_POSITIONS, DAY_STATISTICS)
BOB, EVE = (1, 11), (2, 22)


def test_totals_over_all_days(recorded: Recorded) -> None:
    recorded.happen(listed("BOLT"))
    recorded.happen(traded(1, 10, 100, BOB, EVE), traded(2, 30, 90, BOB, EVE), at_ms=5)
    recorded.happen(traded(3, 10, 130, BOB, EVE), at_ms=DAY_MS + 5)
    assert recorded.table(totals) == lines("""
        ACME | 130 | 130 | 90 | 100 | 50 | 5000 | 3
        BOLT | - | - | - | - | 0 | 0 | 0
    """)


def test_profit_is_cash_less_fees_and_the_position_at_the_last_price(recorded: Recorded) -> None:
    recorded.happen(traded(1, 10, 100, BOB, EVE, fees=(3, -1)))
    recorded.happen(traded(2, 4, 120, BOB, EVE, side="sell", fees=(2, 1)))
    # account, instrument, position, last, cash, fees, value, profit
    assert recorded.table(profits) == lines("""
        1 | ACME | 6 | 120 | -520 | 5 | 720 | 195
        2 | ACME | -6 | 120 | 520 | 0 | -720 | -200
    """)
    assert recorded.table(profits, 2) == "2 | ACME | -6 | 120 | 520 | 0 | -720 | -200"
    assert recorded.table(profits, limit=1).startswith("1 | ACME")


def test_busts_and_corrections_count_as_if_made_so(recorded: Recorded) -> None:
    first, second = traded(1, 10, 100, BOB, EVE, fees=(3, 1)), traded(2, 10, 140, BOB, EVE)
    recorded.happen(first, second)
    recorded.happen(corrected(first, 5, 90))
    recorded.happen(busted(second))
    assert recorded.table(profits, hide=("fees", "profit")) == lines("""
        1 | ACME | 5 | 90 | -450 | 450
        2 | ACME | -5 | 90 | 450 | -450
    """)


def test_who_trades_with_oneself_pays_fees_only(recorded: Recorded) -> None:
    recorded.happen(traded(1, 10, 100, BOB, (1, 12), fees=(3, 1)))
    assert recorded.table(profits) == "1 | ACME | 0 | 100 | 0 | 4 | 0 | -4"
