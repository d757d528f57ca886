"""A book and a tape as they are drawn on a terminal."""

from typing import Any

from rich.console import Console

from projections.markets.exchange.queries import DepthRow
from projections.markets.exchange.renderings import RENDERINGS
from projections.markets.exchange.trade_tape import Trade
from tests.projections.markets.exchange.recorded import lines


def drawn(query: str, answer: Any) -> str:
    console = Console(width=80, color_system=None)
    with console.capture() as captured:
        console.print(RENDERINGS[query](answer))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def test_a_ladder_goes_from_the_highest_price_down() -> None:
    rows = [
        DepthRow(1, 2, 1_500, 99, 101, 400, 1),
        DepthRow(2, 1, 100, 98, 102, 3_000, 7),
        DepthRow(3, None, None, None, 103, 1, 1),
    ]
    assert drawn("book_by_price", rows) == lines("""
        orders    bid            price                    offer  orders
                                   103  █                     1       1
                                   102  ████████████████  3,000       7
                                   101  ███                 400       1
             2  1,500  ████████     99
             1    100         █     98
    """)


def test_in_a_call_market_orders_stand_on_top_and_prices_may_cross() -> None:
    rows = [DepthRow(0, 3, 40, 0, None, None, None), DepthRow(1, 1, 80, 100, 100, 80, 2)]
    assert drawn("book_by_price", rows) == lines("""
        orders  bid                     price                    offer  orders
             3   40          ████████  market
             1   80  ████████████████     100  ████████████████     80       2
    """)


def test_the_best_and_nothing() -> None:
    nothing = DepthRow(1, None, None, None, None, None, None)
    assert drawn("best", nothing) == drawn("book_by_price", []) == "an empty book"
    assert drawn("best", DepthRow(1, None, None, None, 7, 5, 1)).split() == [
        *("orders", "bid", "price", "offer", "orders"),
        *("7", "█" * 16, "5", "1"),
    ]
    assert drawn("trades", []) == "no trades"


def test_a_tape_has_arrows_and_flags() -> None:
    noon_ms = 1_700_000_000_000 // 86_400_000 * 86_400_000 + 43_200_000
    trades = [
        Trade("ACME", 3, noon_ms + 250, 3, 99, 1_000, "sell", "trading_at_last", False, True),
        Trade("ACME", 2, noon_ms, 2, 101, 20, "buy", "continuous", True, False),
        Trade("ACME", 1, noon_ms - 1, 0, 100, 5, None, "opening_auction", False, False),
    ]
    assert drawn("trades", trades) == lines("""
        time (UTC)          trade  price     quantity  taker  condition
        11-14 12:00:00.250      3     99  ▼     1,000  sell   trading at last corrected
        11-14 12:00:00.000      2    101  ▲        20  buy    continuous busted
        11-14 11:59:59.999      -    100            5  -      opening auction
    """)
