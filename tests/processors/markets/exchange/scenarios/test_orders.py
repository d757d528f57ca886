"""The types of orders and the times they stand for, in continuous trading, as worked examples.

XETRA: Deutsche Börse, "T7 Market Model for the Trading Venue Xetra". T7: Deutsche Börse, "T7
Functional Reference". EURONEXT: "Trading Manual for the Optiq Trading Platform". By section title.
"""

import pytest

from tests.processors.markets.exchange.scenarios.table import WorkedExample, name_of, read

BASIC = """
scenario: the best price first, then the oldest, at the maker's price
rule: XETRA, "fundamental principles of the market model": price/time priority
#1 sell 10 @ 101
#2 sell 5 @ 101
#3 sell 20 @ 102
#4 buy 40 @ 102             -> 4x1 10@101; 4x2 5@101; 4x3 20@102
book:
    5#4 | 102 |

scenario: a maker that trades in part keeps its place
rule: XETRA, "fundamental principles of the market model": price/time priority
#1 buy 10 @ 99
#2 buy 10 @ 99
#3 sell 4 @ 98              -> 3x1 4@99
#4 sell 7 @ 99              -> 4x1 6@99; 4x2 1@99
book:
    9#2 | 99 |

scenario: a market order takes any price, and what is left of it does not rest
rule: EURONEXT, "order types": market orders
note: Xetra and Euronext let the rest of a market order rest; here it is cancelled, as on most.
#1 sell 10 @ 101
#2 sell 10 @ 105
#3 buy 30 @ market          -> 3x1 10@101; 3x2 10@105; #3 cancelled 10 no_liquidity
book: empty

scenario: a market-to-limit order takes the best price, which becomes its limit
rule: EURONEXT, "order types": market to limit orders
#1 buy 5 @ market-to-limit  -> rejected no_liquidity order_type
#2 sell 10 @ 101
#3 sell 10 @ 102
#4 buy 25 @ market-to-limit -> #4 at 101; 4x2 10@101
book:
          | 102 | 10#3
    15#4  | 101 |

scenario: immediate-or-cancel takes what there is, fill-or-kill all or nothing
rule: XETRA, "execution conditions for continuous trading": immediate-or-cancel, fill-or-kill
#1 sell 10 @ 101
#2 sell 10 @ 102
#3 buy 11 @ 101 fok         -> #3 cancelled 11 fill_or_kill
#4 buy 15 @ 101 ioc         -> 4x1 10@101; #4 cancelled 5 immediate_or_cancel
#5 buy 10 @ 102 fok         -> 5x2 10@102
book: empty

scenario: post-only adds to the book, or is rejected, or put a tick behind
rule: T7, "book-or-cancel orders"
rule: NASDAQ rule 4702(b)(4), post-only orders: repriced where they would take
#1 sell 10 @ 101
#2 buy 5 @ 101 post-only                -> rejected would_take price
#3 buy 5 @ 105 post-only reprice        -> #3 at 100
#4 buy 5 @ 99 post-only reprice         -> #4 at 99
#5 sell 5 @ 100 post-only               -> rejected would_take price
#6 buy 5 @ 100 post-only ioc            -> rejected contradictory post_only
book:
          | 101 | 10#1
    5#3   | 100 |
    5#4   | 99  |

scenario: a minimum quantity trades at entry, or nothing does
rule: EURONEXT, "order types": minimum quantity, as an additional condition of an order
#1 sell 10 @ 101
#2 sell 10 @ 102
#3 buy 30 @ 101 minimum 15  -> #3 cancelled 30 minimum_quantity
#4 buy 30 @ 102 minimum 15  -> 4x1 10@101; 4x2 10@102
#5 sell 1 @ 102             -> 5x4 1@102
book:
    9#4 | 102 |
"""

SHOWN_IN_PART = """
scenario: an iceberg shows its next part at the back of the queue
rule: XETRA, "iceberg orders": a new peak has a new time stamp
#1 sell 100 @ 101 iceberg 20
#2 sell 30 @ 101
#3 buy 40 @ 101             -> 3x1 20@101; #1 shows 20; 3x2 20@101
book:
    | 101 | 10#2 20+60#1
#4 buy 50 @ 101             -> 4x2 10@101; 4x1 20@101; #1 shows 20; 4x1 20@101; #1 shows 20
book:
    | 101 | 20+20#1
#5 buy 45 @ 101             -> 5x1 20@101; #1 shows 20; 5x1 20@101
book:
    5#5 | 101 |

scenario: two icebergs take turns, part by part
rule: XETRA, "iceberg orders": at one limit their peaks stand by their time stamps
#1 buy 60 @ 50 iceberg 20
#2 buy 40 @ 50 iceberg 10
#3 sell 70 @ 50   -> 3x1 20@50; #1 shows 20; 3x2 10@50; #2 shows 10; 3x1 20@50; #1 shows 20
                  -> 3x2 10@50; #2 shows 10; 3x1 10@50
book:
    10+0#1 10+10#2 | 50 |

scenario: an iceberg that comes in trades with all of itself, and shows what is left
rule: T7, "iceberg orders", "matching": an incoming one is matched with its total quantity
#1 sell 50 @ 101
#2 buy 65 @ 101 iceberg 20  -> 2x1 50@101
#3 buy 45 @ 101 iceberg 20
book:
    15+0#2 20+25#3 | 101 |

scenario: an iceberg of random parts: 20, give or take 10, drawn from its id
rule: T7, "determination of the display quantity": a random peak between a low and a high one
note: order 1 draws 18, 26, 14, 19: splitmix64 of its id and the part's number, modulo 21
#1 sell 100 @ 101 iceberg 20 range 10
book:
    | 101 | 18+82#1
#2 buy 20 @ 101             -> 2x1 18@101; #1 shows 26; 2x1 2@101
#3 buy 38 @ 101             -> 3x1 24@101; #1 shows 14; 3x1 14@101; #1 shows 19
book:
    | 101 | 19+23#1

scenario: a reserve order trades on after all that is shown, and is filled up once
rule: NYSE rule 7.31(d)(1), reserve orders: the reserve interest is behind what is displayed
#1 sell 100 @ 101 reserve 20
#2 sell 30 @ 101
#3 buy 60 @ 101             -> 3x1 20@101; 3x2 30@101; 3x1 10@101; #1 shows 20
book:
    | 101 | 20+50#1
#4 sell 30 @ 101
#5 buy 20 @ 101             -> 5x1 20@101; #1 shows 20
book:
    | 101 | 30#4 20+30#1

scenario: a hidden order trades after all that is shown at its price, whoever came first
rule: NASDAQ rule 4703(k), non-display: behind displayed orders of the same price
#1 sell 10 @ 101 hidden
#2 sell 10 @ 101
#3 buy 15 @ 101             -> 3x2 10@101; 3x1 5@101
#4 buy 5 @ 101 post-only    -> rejected would_take price
book:
    | 101 | (5)#1

scenario: a better hidden price comes before a worse one that is shown
rule: NASDAQ rule 4757(a)(1), price, then display, then time
#1 sell 10 @ 100 hidden
#2 sell 10 @ 101
#3 buy 15 @ 101             -> 3x1 10@100; 3x2 5@101
book:
    | 101 | 5#2

scenario: an all-or-none order waits, unseen, until all of it can trade
rule: CBOE rule 5.6(c), all-or-none orders: not displayed, executed in their entirety or not at all
#1 sell 10 @ 101
#2 buy 15 @ 101 all-or-none
book:
    (15)#2 | 101 | 10#1
#3 sell 5 @ 101             -> 2x1 10@101; 2x3 5@101
book: empty

scenario: an all-or-none order is passed over by one that is too small for it
rule: CBOE rule 5.6(c), all-or-none orders: not displayed, executed in their entirety or not at all
#1 buy 20 @ 100 all-or-none
#2 buy 10 @ 100
#3 sell 15 @ 100            -> 3x2 10@100
book:
    (20)#1 | 100 | 5#3
#4 sell 20 @ 100            -> 4x1 20@100
book:
    | 100 | 5#3
"""

STOPS = """
scenario: a stop order comes in as a market order when a trade reaches its stop price
rule: XETRA, "stop orders": stop market orders
#1 buy 10 @ 99
#2 sell 10 @ 100
#3 sell 10 @ 101
#4 sell 10 @ 102
#5 buy 15 @ market stop 101 -> #5 waits
#6 buy 10 @ 100             -> 6x2 10@100
parked: 15#5 stop 101
#7 buy 5 @ 101              -> 7x3 5@101; #5 enters 15@market; 5x3 5@101; 5x4 10@102
book:
    10#1 | 99 |
parked: none

scenario: a stop-limit order comes in with its limit
rule: XETRA, "stop orders": stop limit orders
#1 buy 10 @ 99
#2 buy 10 @ 98
#3 buy 10 @ 96
#4 sell 20 @ 97 stop 98     -> #4 waits
#5 sell 15 @ 98             -> 5x1 10@99; 5x2 5@98; #4 enters 20@97; 4x2 5@98
book:
          | 97 | 15#4
    10#3  | 96 |

scenario: a stop price that the last trade has reached lets the order in at once
rule: T7, "stop order triggering": checked when the order is entered, too
#1 sell 5 @ 100
#2 buy 5 @ 100              -> 2x1 5@100
#3 sell 5 @ 103
#4 buy 5 @ market stop 100  -> #4 waits; #4 enters 5@market; 4x3 5@103

scenario: what one trade triggers: the nearest stop price first, then by time
rule: T7, "triggering priority"
#1 sell 1 @ 100
#2 buy 1 @ 95 stop 100      -> #2 waits
#3 buy 1 @ 95 stop 99       -> #3 waits
#4 buy 1 @ 95 stop 100      -> #4 waits
#5 sell 1 @ 105 stop 100    -> #5 waits
#6 sell 1 @ 105 stop 101    -> #6 waits
#7 buy 1 @ 100              -> 7x1 1@100; #3 enters 1@95; #2 enters 1@95; #4 enters 1@95
                            -> #6 enters 1@105; #5 enters 1@105
book:
                | 105 | 1#6 1#5
    1#3 1#2 1#4 | 95  |

scenario: a cascade: the trade of one stop triggers the next, and it ends
rule: XETRA, "stop orders": a triggered order is as one that is new
#1 buy 10 @ 100
#2 buy 10 @ 99
#3 buy 10 @ 98
#4 buy 10 @ 97
#5 sell 10 @ market stop 98 -> #5 waits
#6 sell 10 @ market stop 99 -> #6 waits
#7 sell 12 @ 99             -> 7x1 10@100; 7x2 2@99; #6 enters 10@market; 6x2 8@99; 6x3 2@98
                            -> #5 enters 10@market; 5x3 8@98; 5x4 2@97
book:
    8#4 | 97 |

scenario: a trailing stop follows the best trade at its distance, and never goes back
rule: XETRA, "trailing stop orders"
#1 sell 10 @ market trail 5 -> rejected invalid_value terms.stop_price
#1 sell 1 @ 100
#2 buy 1 @ 100              -> 2x1 1@100
#3 sell 10 @ market trail 5 -> #3 waits
parked: 10#3 stop 95
#4 sell 1 @ 104
#5 buy 1 @ 104              -> 5x4 1@104
parked: 10#3 stop 99
#6 buy 1 @ 101
#7 sell 1 @ 101             -> 7x6 1@101
parked: 10#3 stop 99
#8 buy 20 @ 98
#9 buy 1 @ 99
#10 sell 1 @ 99             -> 10x9 1@99; #3 enters 10@market; 3x8 10@98

scenario: a trailing stop by ticks: as wide as they were at entry
rule: XETRA, "trailing stop orders"; RTS 11 (Regulation (EU) 2017/588), tick sizes by price
list ACME tick 1 bands 100:5
#1 sell 1 @ 100
#2 buy 1 @ 100              -> 2x1 1@100
#3 buy 10 @ 110 trail 2 ticks -> #3 waits
parked: 10#3 stop 110
#4 buy 1 @ 95
#5 sell 1 @ 95              -> 5x4 1@95
parked: 10#3 stop 105
#6 sell 1 @ 105
#7 buy 1 @ 105              -> 7x6 1@105; #3 enters 10@110
book:
    10#3 | 110 |

scenario: a trailing stop with a stop price of its own starts there
rule: XETRA, "trailing stop orders": with an initial stop limit
#1 sell 10 @ market stop 90 trail 5 -> #1 waits
#2 buy 1 @ 94
#3 sell 1 @ 94              -> 3x2 1@94
parked: 10#1 stop 90
#4 buy 1 @ 97
#5 sell 1 @ 97              -> 5x4 1@97
parked: 10#1 stop 92
"""

PEGS = """
scenario: a peg to the best bid follows what is shown
rule: NASDAQ rule 4703(d), pegging: primary
#1 buy 10 @ 99
#2 sell 10 @ 103
#3 buy 5 peg bid            -> #3 waits; #3 enters 5@99
#4 buy 10 @ 100             -> #3 moves to 100
book:
                | 103 | 10#2
    10#4 (5)#3  | 100 |
    10#1        | 99  |
cancel #4                   -> #4 cancelled 10 requested; #3 moves to 99
#5 buy 10 @ 102 hidden
book:
                | 103 | 10#2
    (10)#5      | 102 |
    10#1 (5)#3  | 99  |

scenario: a peg stays within its limit, at its offset
rule: NASDAQ rule 4703(d), pegging: with an offset, and to its limit price
#1 buy 10 @ 99
#2 buy 5 @ 101 peg bid +1   -> #2 waits; #2 enters 5@100
#3 buy 10 @ 101             -> #2 moves to 101
cancel #3                   -> #3 cancelled 10 requested; #2 moves to 100
#4 sell 10 @ 100            -> 4x2 5@100
book:
         | 100 | 5#4
    10#1 | 99  |

scenario: pegs to the midpoint are rounded away from each other
rule: EURONEXT, "order types": mid-point orders
#1 buy 10 @ 99
#2 sell 10 @ 102
#3 buy 5 peg midpoint       -> #3 waits; #3 enters 5@100
#4 sell 5 peg midpoint      -> #4 waits; #4 enters 5@101
#5 sell 1 @ 101             -> #4 moves to 100; 3x4 5@100
book:
         | 102 | 10#2
         | 101 | 1#5
    10#1 | 99  |

scenario: a peg without a price to follow waits, and enters when there is one
rule: NASDAQ rule 4703(d), pegging: not on the book while it has nothing to be pegged to
#1 sell 5 peg bid           -> #1 waits
#2 buy 10 @ 99              -> #1 enters 5@99; 1x2 5@99
#3 buy 5 peg bid            -> #3 waits; #3 enters 5@99
cancel #2                   -> #2 cancelled 5 requested; #3 parked
parked: 5#3

scenario: a peg that moves is behind those that were there
rule: NASDAQ rule 4703(d), pegging: a new timestamp each time its price is changed
#1 buy 10 @ 100
#2 buy 5 @ 100 peg bid      -> #2 waits; #2 enters 5@100
#3 buy 5 peg bid            -> #3 waits; #3 enters 5@100
#4 buy 1 @ 101              -> #3 moves to 101
cancel #4                   -> #4 cancelled 1 requested; #3 moves to 100
#5 buy 5 @ 100 hidden
#6 buy 1 @ 99
change #1 to 10 @ 99        -> #2 moves to 99; #3 moves to 99
book:
    (5)#5                | 100 |
    1#6 10#1 (5)#2 (5)#3 | 99  |
"""

LINKS = """
scenario: one cancels the other: a trade of the one
rule: XETRA, "one-cancels-other orders"
#1 buy 10 @ 100
#2 sell 10 @ 110
#3 sell 10 @ market stop 95 one-cancels #2 -> #3 waits
#4 buy 4 @ 110              -> 4x2 4@110; #3 cancelled 10 linked
book:
         | 110 | 6#2
    10#1 | 100 |

scenario: one cancels the other: the stop is triggered
rule: XETRA, "one-cancels-other orders"
#1 buy 10 @ 100
#2 sell 10 @ 110
#3 sell 10 @ market stop 100 one-cancels #2 -> #3 waits
#4 sell 2 @ 100             -> 4x1 2@100; #3 enters 10@market; 3x1 8@100
                            -> #3 cancelled 2 no_liquidity; #2 cancelled 10 linked
book: empty

scenario: one cancels the other: a cancel, too; and only what is open can be linked
rule: FIX, ContingencyType (1385): one cancels the other
#1 buy 10 @ 100
#2 buy 10 @ 99 one-cancels #1
#3 buy 10 @ 98 one-cancels #1           -> rejected unknown_link terms.linked_order_id
#4 buy 10 @ 98 one-cancels #9           -> rejected unknown_link terms.linked_order_id
cancel #1                   -> #1 cancelled 10 requested; #2 cancelled 10 linked

scenario: a bracket: once the parent has traded, its two children guard what it bought
rule: FIX, ContingencyType (1385): one triggers the other, one cancels the other
#1 sell 10 @ 100
#2 buy 10 @ 99
#3 sell 10 @ 105 child-of #2                            -> #3 waits
#4 sell 10 @ market stop 95 child-of #2 one-cancels #3  -> #4 waits
#5 sell 10 @ 99             -> 5x2 10@99; #3 active 10; #3 enters 10@105; #4 active 10
book:
    | 105 | 10#3
    | 100 | 10#1
parked: 10#4 stop 95
#6 buy 20 @ 105             -> 6x1 10@100; 6x3 10@105; #4 cancelled 10 linked

scenario: a parent that ended early lets its child in with what it traded
rule: FIX, ContingencyType (1385): one triggers the other
#1 buy 10 @ 99
#2 sell 10 @ 105 child-of #1 -> #2 waits
#3 sell 4 @ 99              -> 3x1 4@99
cancel #1                   -> #1 cancelled 6 requested; #2 active 4; #2 enters 4@105
#4 buy 10 @ 98
#5 sell 10 @ 104 child-of #4 -> #5 waits
cancel #4                   -> #4 cancelled 10 requested; #5 cancelled 10 linked
book:
    | 105 | 4#2
"""

VALIDITY = """
scenario: good till time: to the very moment
rule: XETRA, "validity constraints"; FIX, TimeInForce (59) good till time
10:00  #1 buy 10 @ 100 until 10:30
       #2 buy 10 @ 99 until 09:59   -> rejected already_expired terms.expires_at_ms
10:29:59.999  #3 sell 1 @ 100       -> 3x1 1@100
10:30  clock                        -> #1 cancelled 9 expired
book: empty

scenario: day orders end with the day, good-till-date with their last one
rule: XETRA, "validity constraints": good-for-day, good-till-date, good-till-cancelled
10:00  #1 buy 10 @ 100 day
       #2 buy 10 @ 100
       #3 buy 10 @ 99 until 20261124
       #4 buy 10 @ 98 until 20261123
       #5 buy 10 @ market stop 110 day -> #5 waits
       #6 buy 10 @ 98 until 20261122   -> rejected already_expired terms.expires_on
17:30  phase closed                 -> closed by operator; #1 cancelled 10 expired
                                    -> #4 cancelled 10 expired; #5 cancelled 10 expired
book:
    10#2 | 100 |
    10#3 | 99  |
20261125 00:00  clock               -> #3 cancelled 10 expired

scenario: an order that expires as it is met does so first
rule: XETRA, "validity constraints"; timers that are due come before a command of their moment
10:00  #1 buy 10 @ 100 until 10:05
       #2 buy 10 @ 99
10:05  #3 sell 10 @ 99              -> #1 cancelled 10 expired; 3x2 10@99
"""

EXAMPLES = read(BASIC + SHOWN_IN_PART + STOPS + PEGS + LINKS + VALIDITY)


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_worked_example(example: WorkedExample) -> None:
    told, expected = example.play()
    assert told == expected
