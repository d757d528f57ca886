"""Hand-computed auctions as tables: published examples, and each tie-break of either rule book.

A table has the quantities to buy at a limit on its left and those to sell at it on its right; mkt
is the limit of market and market-to-limit orders. XETRA: Deutsche Börse, "Xetra Release 14.0,
Market Model Equities", 13.1. EURONEXT: the trading manual's uncrossing, and the examples of the
call phase published with the pure market order (prices here in cents).
"""

from typing import NamedTuple

from processors.markets.exchange.instrument import Instrument
from processors.markets.exchange.terms import AuctionPrices


class Case(NamedTuple):
    rule: str
    orders: str
    outcomes: dict[int, str]
    """By the reference price."""
    tick: int = 1
    tick_bands: tuple[tuple[int, int], ...] = ()

    def instrument(self, prices: AuctionPrices) -> Instrument:
        """Its prices are from 1 to 10,000."""
        terms = Instrument("ACME", 2, self.tick, 1, 1, 10_000, 1_000_000)
        terms.set_tick_bands(self.tick_bands)
        terms.auction_prices = prices
        return terms


LIMIT_CASES = [
    Case(
        "XETRA example 1: exactly one limit has the highest volume and the lowest surplus",
        """
        200 | 202 |
        200 | 201 |
        300 | 200 | 100
            | 198 | 200
            | 197 | 400
        """,
        {0: "700 at 200", 197: "700 at 200", 202: "700 at 200"},
    ),
    Case(
        "XETRA example 2: several limits with a surplus on the bid: the highest",
        """
        400 | 202 |
        200 | 201 |
            | 199 | 300
            | 198 | 200
        """,
        {0: "500 at 201, 100 buy", 199: "500 at 201, 100 buy"},
    ),
    Case(
        "XETRA example 3: several limits with a surplus on the ask: the lowest",
        """
        300 | 202 |
        200 | 201 |
            | 199 | 400
            | 198 | 200
        """,
        {0: "500 at 199, 100 sell", 201: "500 at 199, 100 sell"},
    ),
    Case(
        "XETRA example 4: surplus on both sides: the limit nearest to the reference price",
        """
        100 | mkt | 100
            | 202 | 100
        100 | 199 |
        """,
        {
            0: "100 at 199, 100 buy",
            150: "100 at 199, 100 buy",
            199: "100 at 199, 100 buy",
            200: "100 at 199, 100 buy",
            201: "100 at 202, 100 sell",
            250: "100 at 202, 100 sell",
        },
    ),
    Case(
        "XETRA example 5: no surplus: the nearest limit, the higher of two as near",
        """
        300 | 202 |
        200 | 201 |
            | 199 | 300
            | 198 | 200
        """,
        {
            0: "500 at 199",
            198: "500 at 199",
            199: "500 at 199",
            200: "500 at 201",
            202: "500 at 201",
        },
    ),
    Case(
        "XETRA figure, 5: between two limits 10 apart: from the middle on the higher",
        """
        100 | 110 |
            | 100 | 100
        """,
        {104: "100 at 100", 105: "100 at 110", 107: "100 at 110", 110: "100 at 110"},
        tick=5,
    ),
    Case(
        "XETRA example 6: only market orders: the reference price, and no price without one",
        "900 | mkt | 800",
        {250: "800 at 250, 100 buy", 0: "no trade"},
    ),
    Case(
        "XETRA example 7: orders that are not executable: no price",
        """
            | 201 | 80
         80 | 200 |
         80 | 199 |
        """,
        {0: "no trade", 200: "no trade"},
    ),
    Case(
        "XETRA example of a partial execution: one limit",
        "600 | 200 | 400",
        {0: "400 at 200, 200 buy", 300: "400 at 200, 200 buy"},
    ),
    Case(
        "XETRA example of a strike match order, table 2: market orders and an ask surplus",
        """
        300 | mkt | 300
        150 | 199 |
            | 198 | 200
        """,
        {201: "450 at 198, 50 sell"},
    ),
    Case(
        "market orders alone: the reference price, here down to a tick of 5",
        "60 | mkt | 60",
        {1000: "60 at 1000", 1004: "60 at 1000", 4: "no trade"},
        tick=5,
    ),
    Case(
        "XETRA exactly one limit, on the orders of EURONEXT market order 3",
        """
         40 | mkt |
            | 998 | 40
        """,
        {1000: "40 at 998"},
    ),
    Case(
        "no surplus, and a limit farther off that has one: the first alone counts",
        """
         10 | 102 |
          5 | 101 |
            | 100 | 10
        """,
        {0: "10 at 102", 100: "10 at 102"},
    ),
    Case(
        "market orders meet beside a limit that does not trade: limits alone are candidates",
        """
        100 | mkt | 100
         10 | 90  |
        """,
        {120: "100 at 90, 10 buy"},
    ),
    Case(
        "market orders of one side meet limits: the one that fills most",
        """
        100 | mkt |
            | 105 | 50
            | 104 | 30
            | 103 | 40
        """,
        {0: "100 at 105, 20 sell"},
    ),
    Case(
        "least surplus before the reference price: the lower limit",
        """
        100 | mkt | 100
            | 103 | 50
         20 | 101 |
        """,
        {0: "100 at 101, 20 buy", 103: "100 at 101, 20 buy"},
    ),
    Case(
        "least surplus before the reference price: the upper limit",
        """
        100 | mkt | 100
            | 103 | 20
         50 | 101 |
        """,
        {0: "100 at 103, 20 sell", 101: "100 at 103, 20 sell"},
    ),
    Case("buys alone: no price", "100 | mkt |", {100: "no trade"}),
    Case("sells alone: no price", "| 100 | 50", {100: "no trade"}),
    Case("an empty book: no price", "", {100: "no trade"}),
]
ALL_CASES = [
    Case(
        "EURONEXT market order 1, before it: no surplus from 1008 to 1010: the nearest of these",
        """
         50 | mkt  | 40
            | 1015 | 60
         90 | 1010 |
            | 1008 | 100
         10 | 990  |
        """,
        {
            0: "140 at 1008",
            1000: "140 at 1008",
            1009: "140 at 1009",
            1010: "140 at 1010",
            1200: "140 at 1010",
        },
    ),
    Case(
        "EURONEXT market order 1, after it: the market pressure of buys takes the highest",
        """
         70 | mkt  | 40
            | 1015 | 60
         90 | 1010 |
            | 1008 | 100
         10 | 990  |
        """,
        {1000: "140 at 1010, 20 buy"},
    ),
    Case(
        "EURONEXT market order 2: market orders alone: the reference price",
        "60 | mkt | 45",
        {1000: "45 at 1000, 15 buy"},
    ),
    Case(
        "EURONEXT market order 3: no surplus from 998 on: the reference price",
        """
         40 | mkt |
            | 998 | 40
        """,
        {
            0: "40 at 998",
            990: "40 at 998",
            998: "40 at 998",
            1000: "40 at 1000",
            20_000: "40 at 10000",
        },
    ),
    Case(
        "EURONEXT market order 4: the best limit, below the reference price",
        """
         40 | mkt |
            | 998 | 41
        """,
        {1000: "40 at 998, 1 sell"},
    ),
    Case(
        "EURONEXT market order 5: the best limit, above the reference price",
        """
         40 | mkt  |
            | 1002 | 40
        """,
        {1000: "40 at 1002"},
    ),
    Case(
        "EURONEXT maximum volume comes first: 105 at 101, though 100 at 100 leave less over",
        """
        105 | 101 | 50
          5 | 100 | 100
        """,
        {0: "105 at 101, 45 sell", 100: "105 at 101, 45 sell"},
    ),
    Case(
        "EURONEXT minimum imbalance: limits farther from the crossing leave more over",
        """
        100 | 105 |
         10 | 103 |
         10 | 102 |
            | 101 | 90
        """,
        {101: "90 at 105, 10 buy"},
    ),
    Case(
        "EURONEXT minimum imbalance: there is none between the two limits",
        """
        100 | mkt | 100
            | 103 | 50
         20 | 101 |
        """,
        {0: "100 at 102", 101: "100 at 102", 103: "100 at 102"},
    ),
    Case(
        "EURONEXT minimum imbalance comes before the reference price: at the lower limit",
        """
        100 | mkt | 100
            | 102 | 50
         20 | 101 |
        """,
        {0: "100 at 101, 20 buy", 50: "100 at 101, 20 buy", 102: "100 at 101, 20 buy"},
    ),
    Case(
        "EURONEXT minimum imbalance comes before the reference price: at the upper limit",
        """
        100 | mkt | 100
            | 102 | 20
         50 | 101 |
        """,
        {0: "100 at 102, 20 sell", 101: "100 at 102, 20 sell", 200: "100 at 102, 20 sell"},
    ),
    Case(
        "EURONEXT market pressure of buys from 199 to 201: the highest",
        """
        400 | 202 |
        200 | 201 |
            | 199 | 300
            | 198 | 200
        """,
        {0: "500 at 201, 100 buy", 199: "500 at 201, 100 buy"},
    ),
    Case(
        "EURONEXT market pressure of sells from 199 to 201: the lowest",
        """
        300 | 202 |
        200 | 201 |
            | 199 | 400
            | 198 | 200
        """,
        {0: "500 at 199, 100 sell", 201: "500 at 199, 100 sell"},
    ),
    Case(
        "market pressure of market orders that no limit bounds: up to price_max",
        """
        100 | mkt  |
            | 1000 | 60
        """,
        {0: "60 at 10000, 40 buy", 1000: "60 at 10000, 40 buy"},
    ),
    Case(
        "market pressure of market orders that no limit bounds: down to price_min, on tick",
        """
            | mkt  | 100
         60 | 1000 |
        """,
        {0: "60 at 5, 40 sell", 1000: "60 at 5, 40 sell"},
        tick=5,
    ),
    Case(
        # From 198 to 200 buys are left over, from 201 to 203 as many sells; beyond, more.
        "EURONEXT market pressure on both sides: the nearest to the reference price",
        """
        100 | 205 |
            | 204 | 10
            | 201 | 100
        100 | 200 |
         10 | 197 |
            | 195 | 100
        """,
        {
            0: "100 at 198, 100 buy",
            190: "100 at 198, 100 buy",
            199: "100 at 199, 100 buy",
            201: "100 at 201, 100 sell",
            202: "100 at 202, 100 sell",
            210: "100 at 203, 100 sell",
        },
    ),
    Case(
        "EURONEXT market pressure on both sides: buys at 201 end it there",
        """
        100 | 201 | 100
        100 | 200 |
            | 195 | 100
        """,
        {190: "100 at 195, 100 buy", 201: "100 at 201, 100 sell", 210: "100 at 201, 100 sell"},
    ),
    Case(
        "market pressure of as many market orders on both sides: from end to end, on tick",
        """
        100 | mkt | 100
            | 201 | 100
        100 | 198 |
        """,
        {
            0: "100 at 3, 100 buy",
            200: "100 at 198, 100 buy",
            9_000: "100 at 9000, 100 sell",
            20_000: "100 at 9999, 100 sell",
        },
        tick=3,
    ),
    Case(
        "EURONEXT reference price inside and outside, here down to a tick of 5",
        """
        100 | 110 |
            | 100 | 100
        """,
        {
            0: "100 at 100",
            97: "100 at 100",
            104: "100 at 100",
            107: "100 at 105",
            109: "100 at 105",
            110: "100 at 110",
            118: "100 at 110",
        },
        tick=5,
    ),
    Case(
        "no surplus over a limit that does not trade: the reference price",
        """
        100 | mkt | 100
         10 | 90  |
        """,
        {0: "100 at 91", 80: "100 at 91", 120: "100 at 120"},
    ),
    Case(
        "no surplus across a tick band: ticks of 1 below 100, of 5 from there",
        """
        100 | 110 |
            | 97  | 100
        """,
        {
            98: "100 at 98",
            99: "100 at 99",
            103: "100 at 100",
            109: "100 at 105",
            112: "100 at 110",
        },
        tick_bands=((100, 5),),
    ),
    Case(
        "above the buys at 99 there is no surplus: from the next band's first price on",
        """
        100 | 120 |
         30 | 99  |
            | 90  | 100
        """,
        {0: "100 at 100", 99: "100 at 100", 117: "100 at 115"},
        tick_bands=((100, 5),),
    ),
    Case(
        "below the sells at 100 there is no surplus: up to the last price of the band before",
        """
        100 | 120 |
            | 100 | 30
            | 90  | 100
        """,
        {0: "100 at 90", 91: "100 at 91", 100: "100 at 99", 200: "100 at 99"},
        tick_bands=((100, 5),),
    ),
    Case(
        "a limit off tick, as from a midpoint peg, counts at the next price that it allows",
        """
        100 | 1008 |
            | 1001 | 100
        """,
        {0: "100 at 1005", 1004: "100 at 1005", 1200: "100 at 1005"},
        tick=5,
    ),
    Case(
        "a limit below the first price on tick does not count",
        """
            | mkt | 10
         10 | 3   |
        """,
        {0: "no trade", 1000: "no trade"},
        tick=5,
    ),
    Case(
        "a limit above the last price on tick, 9999, does not count",
        """
         10 | mkt   |
            | 10000 | 10
        """,
        {0: "no trade", 1000: "no trade"},
        tick=3,
    ),
    Case(
        "no limit bounds what has no surplus: from the first price on tick",
        """
            | mkt  | 40
         40 | 1000 |
        """,
        {0: "40 at 5", 3: "40 at 5", 997: "40 at 995", 1200: "40 at 1000"},
        tick=5,
    ),
    Case(
        "an uncrossed book: no price", "| 201 | 80\n 80 | 200 |", {0: "no trade", 200: "no trade"}
    ),
    Case("buys alone: no price", "100 | mkt |", {100: "no trade"}),
    Case("sells alone: no price", "| 100 | 50", {100: "no trade"}),
    Case("an empty book: no price", "", {100: "no trade"}),
]
