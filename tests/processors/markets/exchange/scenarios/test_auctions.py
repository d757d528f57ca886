"""The call auction, as worked examples: its price, who trades, what is left, and how it ends.

XETRA: Deutsche Börse, "T7 Market Model for the Trading Venue Xetra"; the numbered examples of
price determination are those of "Xetra Release 14.0, Market Model Equities", 13.1, before it.
EURONEXT: "Trading Manual for the Optiq Trading Platform". By section title.
"""

import pytest

from tests.processors.markets.exchange.scenarios.table import WorkedExample, name_of, read

PRICES = """
scenario: exactly one limit has the highest volume and the lowest surplus
rule: XETRA, price determination, example 1
phase opening_auction       -> opening_auction by operator
#1 buy 200 @ 202
#2 buy 200 @ 201
#3 buy 300 @ 200
#4 sell 100 @ 200
#5 sell 200 @ 198
#6 sell 400 @ 197
phase continuous            -> auction 700@200; 1x6 200@200; 2x6 200@200; 3x5 200@200
                            -> 3x4 100@200; continuous by operator
book: empty

scenario: several limits with a surplus on the bid: the highest
rule: XETRA, price determination, example 2
phase opening_auction       -> opening_auction by operator
#1 buy 400 @ 202
#2 buy 200 @ 201
#3 sell 300 @ 199
#4 sell 200 @ 198
phase continuous            -> auction 500@201 with 100 more to buy
                            -> 1x4 200@201; 1x3 200@201; 2x3 100@201; continuous by operator
book:
    100#2 | 201 |

scenario: several limits with a surplus on the ask: the lowest
rule: XETRA, price determination, example 3
phase opening_auction       -> opening_auction by operator
#1 buy 300 @ 202
#2 buy 200 @ 201
#3 sell 400 @ 199
#4 sell 200 @ 198
phase continuous            -> auction 500@199 with 100 more to sell
                            -> 1x4 200@199; 1x3 100@199; 2x3 200@199; continuous by operator
book:
    | 199 | 100#3

scenario: surplus on both sides, reference price between: the nearer limit
rule: XETRA, price determination, example 4: the limit nearest to the reference price
list ACME reference 200
phase opening_auction       -> opening_auction by operator
#1 buy 100 @ market
#2 sell 100 @ market
#3 sell 100 @ 202
#4 buy 100 @ 199
phase continuous            -> auction 100@199 with 100 more to buy; 1x2 100@199
                            -> continuous by operator
book:
          | 202 | 100#3
    100#4 | 199 |

scenario: surplus on both sides, reference price above: the upper limit
rule: XETRA, price determination, example 4: the limit nearest to the reference price
list ACME reference 250
phase opening_auction       -> opening_auction by operator
#1 buy 100 @ market
#2 sell 100 @ market
#3 sell 100 @ 202
#4 buy 100 @ 199
phase continuous            -> auction 100@202 with 100 more to sell; 1x2 100@202
                            -> continuous by operator

scenario: several limits and no surplus, reference price above: the upper limit
rule: XETRA, price determination, example 5
list ACME reference 203
phase opening_auction       -> opening_auction by operator
#1 buy 300 @ 202
#2 buy 200 @ 201
#3 sell 300 @ 199
#4 sell 200 @ 198
phase continuous            -> auction 500@201; 1x4 200@201; 1x3 100@201; 2x3 200@201
                            -> continuous by operator

scenario: several limits and no surplus, reference price as near to both: the higher
rule: XETRA, price determination, example 5
list ACME reference 200
phase opening_auction       -> opening_auction by operator
#1 buy 300 @ 202
#2 buy 200 @ 201
#3 sell 300 @ 199
#4 sell 200 @ 198
phase continuous            -> auction 500@201; 1x4 200@201; 1x3 100@201; 2x3 200@201
                            -> continuous by operator

scenario: several limits and no surplus, and no reference price at all: the lowest
rule: XETRA, price determination, example 5; without a reference, by this exchange's own rule
phase opening_auction       -> opening_auction by operator
#1 buy 10 @ 202
#2 sell 10 @ 199
phase continuous            -> auction 10@199; 1x2 10@199; continuous by operator

scenario: only market orders: the reference price, and what is left does not rest
rule: XETRA, price determination, example 6
list ACME reference 250
phase opening_auction       -> opening_auction by operator
#1 buy 900 @ market
#2 sell 800 @ market
phase continuous            -> auction 800@250 with 100 more to buy; 1x2 800@250
                            -> #1 cancelled 100 no_liquidity; continuous by operator

scenario: only market orders, and no reference price: no price
rule: XETRA, price determination, example 6
phase opening_auction       -> opening_auction by operator
#1 buy 900 @ market
#2 sell 800 @ market
phase continuous            -> auction no trade; #1 cancelled 900 no_liquidity
                            -> #2 cancelled 800 no_liquidity; continuous by operator

scenario: orders that are not executable: no price
rule: XETRA, price determination, example 7
list ACME reference 200
phase opening_auction       -> opening_auction by operator
#1 buy 80 @ 200
#2 buy 80 @ 199
#3 sell 80 @ 201
phase continuous            -> auction no trade; continuous by operator
book:
         | 201 | 80#3
    80#1 | 200 |
    80#2 | 199 |

scenario: the last trade goes before the reference price that was set
rule: XETRA, "auction price determination": the reference price is the last traded price
list ACME reference 300
#1 sell 10 @ 195
#2 buy 10 @ 195             -> 2x1 10@195
phase volatility_auction    -> volatility_auction by operator
#3 buy 10 @ 210
#4 sell 10 @ 190
phase continuous            -> auction 10@190; 3x4 10@190; continuous by operator

scenario: any price on tick: the reference price itself, where the volume lets it
rule: EURONEXT, "uncrossing": the price nearest to the reference price
list ACME auction-prices all reference 1000
phase opening_auction       -> opening_auction by operator
#1 buy 40 @ market
#2 sell 40 @ 998
phase continuous            -> auction 40@1000; 1x2 40@1000; continuous by operator

scenario: any price on tick: the least imbalance lies between the limits
rule: EURONEXT, "uncrossing": minimum imbalance, then the price nearest to the reference price
list ACME auction-prices all reference 250
phase opening_auction       -> opening_auction by operator
#1 buy 100 @ market
#2 sell 100 @ market
#3 sell 100 @ 202
#4 buy 100 @ 199
phase continuous            -> auction 100@201; 1x2 100@201; continuous by operator

scenario: any price on tick: market pressure of sells takes the lowest
rule: EURONEXT, "uncrossing": an imbalance of sells alone takes the lowest price
list ACME auction-prices all reference 1000
phase opening_auction       -> opening_auction by operator
#1 buy 40 @ market
#2 sell 41 @ 998
phase continuous            -> auction 40@998 with 1 more to sell; 1x2 40@998
                            -> continuous by operator
book:
    | 998 | 1#2
"""

ALLOCATION = """
scenario: market orders first, then by price, then by time; the last in part
rule: EURONEXT, "uncrossing": market orders have priority over limit orders
rule: XETRA, "auction price determination": at most one order is executed in part
phase opening_auction       -> opening_auction by operator
#1 buy 10 @ 100
#2 buy 10 @ 100
#3 buy 10 @ 101
#4 buy 10 @ market
#5 sell 35 @ 100
phase continuous            -> auction 35@100 with 5 more to buy; 4x5 10@100; 3x5 10@100
                            -> 1x5 10@100; 2x5 5@100; continuous by operator
book:
    5#2 | 100 |

scenario: an iceberg comes into an auction with all of itself; what is hidden comes last
rule: XETRA, "iceberg orders": in auctions with their overall volume
phase opening_auction       -> opening_auction by operator
#1 sell 100 @ 100 iceberg 20
#2 sell 10 @ 100 hidden
#3 sell 10 @ 100
#4 buy 115 @ 100
phase continuous            -> auction 115@100 with 5 more to sell; 4x1 100@100; 4x3 10@100
                            -> 4x2 5@100; continuous by operator
book:
    | 100 | (5)#2

scenario: an iceberg that traded what it shows, or more, shows its next part after the auction
rule: XETRA, "iceberg orders": in auctions with their overall volume
phase opening_auction       -> opening_auction by operator
#1 sell 100 @ 100 iceberg 20
#2 sell 10 @ 100
#3 buy 50 @ 100
phase continuous            -> auction 50@100 with 60 more to sell; 3x1 50@100; #1 shows 20
                            -> continuous by operator
book:
    | 100 | 10#2 20+30#1

scenario: what an auction leaves of a market-to-limit order has the auction's price
rule: EURONEXT, "order types": market to limit orders in a call phase
phase opening_auction       -> opening_auction by operator
#1 buy 10 @ market-to-limit
#2 sell 6 @ 100
phase continuous            -> auction 6@100 with 4 more to buy; 1x2 6@100; #1 moves to 100
                            -> continuous by operator
book:
    4#1 | 100 |

scenario: orders for one auction wait for it, and end with it
rule: T7, "opening-auction-only orders", "closing-auction-only orders", "auction-only orders"
#1 buy 10 @ 100 at-the-close -> #1 waits
#2 buy 10 @ 101 at-the-opening -> #2 waits
#3 buy 5 @ 99 for-auctions  -> #3 waits
#4 sell 4 @ 100
phase closing_auction       -> closing_auction by operator; #1 enters 10@100; #3 enters 5@99
#5 buy 1 @ 98 ioc           -> rejected wrong_phase time_in_force
phase closed                -> auction 4@100 with 6 more to buy; 1x4 4@100
                            -> #1 cancelled 6 auction_over; #3 cancelled 5 auction_over
                            -> closed by operator at 100
parked: 10#2
phase opening_auction       -> opening_auction by operator; #2 enters 10@101
phase continuous            -> auction no trade; #2 cancelled 10 auction_over
                            -> continuous by operator

scenario: an order for auctions may come into the one that is on; a closing one waits on
rule: T7, "auction-only orders"
phase volatility_auction    -> volatility_auction by operator
#1 buy 10 @ 100 for-auctions
#2 buy 10 @ 100 at-the-close -> #2 waits
#3 sell 10 @ 100
phase continuous            -> auction 10@100; 1x3 10@100; continuous by operator
phase closed                -> closed by operator at 100; #2 cancelled 10 auction_over
"""

CALL_PHASE = """
scenario: the indication is published as orders come and go
rule: XETRA, "call phase": indicative auction price, executable volume and surplus
show: indications
phase opening_auction       -> opening_auction by operator
#1 buy 10 @ 101
#2 sell 4 @ 100             -> indicated 4@101 with 6 more to buy
#3 sell 6 @ 100             -> indicated 10@100
#4 buy 5 @ 99
cancel #3                   -> #3 cancelled 6 requested; indicated 4@101 with 6 more to buy
change #2 to 4 @ 102        -> indicated no trade
phase continuous            -> auction no trade; continuous by operator

scenario: a call ends at random, by up to half a minute
rule: XETRA, "call phase": a random end after a minimum duration
note: drawn from the ids and quantities of the call's orders: 13,358 of 0 to 30,000 ms
list ACME random 30s
10:00  phase opening_auction for 5m -> opening_auction until 10:05 by operator
10:01  #1 buy 10 @ 100
10:02  #2 sell 10 @ 100
10:05  clock                -> extended until 10:05:13.358 by random_end
10:05:13.357  clock
10:05:13.358  clock         -> auction 10@100; 1x2 10@100; continuous by resumed

scenario: a call is extended where its price would leave the static band
rule: XETRA, "volatility interruption" in auctions
list ACME static 5% call 2m extend 1m reference 100
10:00  phase opening_auction for 2m -> opening_auction until 10:02 by operator
       #1 buy 10 @ 110
       #2 sell 10 @ 110
10:02  clock                -> extended until 10:03 by price_band
10:03  clock                -> auction 10@110; 1x2 10@110; continuous by resumed

scenario: a price at the edge of the static band is within it
rule: XETRA, "volatility interruption" in auctions
list ACME static 5% call 2m extend 1m reference 100
10:00  phase opening_auction for 2m -> opening_auction until 10:02 by operator
       #1 buy 10 @ 105
       #2 sell 10 @ 105
10:02  clock                -> auction 10@105; 1x2 10@105; continuous by resumed

scenario: a call is extended, once, where market orders would remain
rule: XETRA, "market order interruption"
list ACME extend 1m reference 100
10:00  phase opening_auction for 2m -> opening_auction until 10:02 by operator
       #1 buy 30 @ market
       #2 sell 10 @ 100
10:02  clock                -> extended until 10:03 by market_orders
10:02:30  #3 sell 10 @ 100
10:03  clock                -> auction 20@100 with 10 more to buy; 1x2 10@100; 1x3 10@100
                            -> #1 cancelled 10 no_liquidity; continuous by resumed

scenario: a random end, then an extension for the price, each once
rule: XETRA, "call phase", "volatility interruption" in auctions
note: drawn: 13,358 ms, as above
list ACME random 30s static 5% call 2m extend 1m reference 100
10:00  phase opening_auction for 5m -> opening_auction until 10:05 by operator
       #1 buy 10 @ 110
       #2 sell 10 @ 110
10:05  clock                -> extended until 10:05:13.358 by random_end
10:06  clock                -> extended until 10:06:13.358 by price_band
10:07  clock                -> auction 10@110; 1x2 10@110; continuous by resumed

scenario: the operator's hand ends a call at once
rule: XETRA, "extended volatility interruption": terminated manually
list ACME random 30s static 5% call 2m extend 1m reference 100
10:00  phase opening_auction for 5m -> opening_auction until 10:05 by operator
       #1 buy 10 @ 110
       #2 sell 10 @ 110
10:01  phase continuous     -> auction 10@110; 1x2 10@110; continuous by operator
       phase continuous     -> rejected wrong_phase phase

scenario: from one call into another nothing trades
rule: XETRA, "volatility interruption": a scheduled auction takes over its call phase
phase volatility_auction    -> volatility_auction by operator
#1 buy 10 @ 100
#2 sell 10 @ 100
phase closing_auction       -> closing_auction by operator
phase closed                -> auction 10@100; 1x2 10@100; closed by operator at 100
"""

EXAMPLES = read(PRICES + ALLOCATION + CALL_PHASE)


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_worked_example(example: WorkedExample) -> None:
    told, expected = example.play()
    assert told == expected
