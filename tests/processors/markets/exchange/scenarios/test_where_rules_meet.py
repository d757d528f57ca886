"""Where two rules meet: links and auctions, bands and quotes, splits and stops: worked examples.

XETRA, T7: as in `test_orders`. OWN: where rule books say nothing, what this exchange does: the
docstrings of its commands and events.
"""

import pytest

from tests.processors.markets.exchange.scenarios.table import WorkedExample, name_of, read

CONDITIONS = """
scenario: reserve orders of one price are filled up together, in the order in which they ran out
rule: OWN: `OrderTerms.reserve`; NYSE rule 7.31(d)(1), reserve orders
#1 sell 30 @ 101 reserve 10
#2 sell 30 @ 101 reserve 10
#3 buy 25 @ 101             -> 3x1 10@101; 3x2 10@101; 3x1 5@101; #1 shows 10; #2 shows 10
book:
    | 101 | 10+5#1 10+10#2

scenario: fill-or-kill counts all of an iceberg
rule: XETRA, "fill-or-kill", "iceberg orders"
#1 sell 50 @ 101 iceberg 20
#2 buy 51 @ 101 fok         -> #2 cancelled 51 fill_or_kill
#3 buy 50 @ 101 fok         -> 3x1 20@101; #1 shows 20; 3x1 20@101; #1 shows 10; 3x1 10@101

scenario: fill-or-kill counts an all-or-none order only where enough is left for it
rule: CBOE rule 5.6(c), all-or-none orders; XETRA, "fill-or-kill"
#1 sell 10 @ 101 all-or-none
#2 sell 5 @ 101
#3 buy 12 @ 101 fok         -> #3 cancelled 12 fill_or_kill
#4 buy 12 @ 101 minimum 6   -> #4 cancelled 12 minimum_quantity
#5 buy 15 @ 101 fok         -> 5x2 5@101; 5x1 10@101

scenario: an all-or-none order that is made smaller trades where it can now
rule: OWN: all-or-none orders are matched again as the book moves
#1 sell 10 @ 101
#2 buy 15 @ 101 all-or-none
change #2 to 10 @ 101       -> #2 keeps its place; 2x1 10@101
book: empty

scenario: an all-or-none order that cannot trade in full within a band waits for the band
rule: OWN: it calls no volatility auction
list ACME dynamic 2% call 2m reference 1000
#1 sell 10 @ 1000
#2 sell 10 @ 1021
#3 buy 20 @ 1030 all-or-none
book:
    (20)#3 | 1030 |
           | 1021 | 10#2
           | 1000 | 10#1
reference 1010              -> 3x1 10@1000; 3x2 10@1021

scenario: two pegs of one account that come to meet: the older takes, and its mode counts
rule: OWN: pegs are matched again as the book moves; the taker's mode of prevention counts
#1 buy 10 @ 99
#2 sell 10 @ 102
#3 buy 5 peg midpoint account 2 prevent newest -> #3 waits; #3 enters 5@100
#4 sell 5 peg midpoint account 2    -> #4 waits; #4 enters 5@101
#5 sell 1 @ 101                     -> #4 moves to 100; #3 cancelled 5 self_trade
book:
         | 102 | 10#2
         | 101 | 1#5
         | 100 | (5)#4
    10#1 | 99  |

scenario: the oldest of one's own goes, hidden or not
rule: OWN: `SelfTradePrevention`
#1 sell 10 @ 101 hidden account 2
#2 buy 5 @ 101 account 2 prevent oldest -> #1 cancelled 10 self_trade
book:
    5#2 | 101 |

scenario: post-only has nowhere to go below the least price
rule: NASDAQ rule 4702(b)(4), post-only orders; OWN: rejected where no price is left
list ACME price-min 100
#1 sell 10 @ 100
#2 buy 5 @ 100 post-only reprice    -> rejected would_take price
"""

LINKS = """
scenario: one cancels the other, and both trade in one auction: the rest goes
rule: XETRA, "one-cancels-other orders"; OWN: an auction's trades are one step
phase opening_auction       -> opening_auction by operator
#1 sell 10 @ 100
#2 sell 10 @ 101 one-cancels #1
#3 buy 15 @ 101
phase continuous            -> auction 15@101 with 5 more to sell; 3x1 10@101; 3x2 5@101
                            -> continuous by operator; #2 cancelled 5 linked

scenario: a parent expires, its child comes in with what it had traded
rule: OWN: `OrderTerms.parent_order_id`
10:00  #1 buy 10 @ 99 until 10:30
       #2 sell 10 @ 105 child-of #1 -> #2 waits
       #3 sell 4 @ 99               -> 3x1 4@99
10:30  clock                        -> #1 cancelled 6 expired; #2 active 4; #2 enters 4@105

scenario: linked orders that end together end once
rule: OWN: each order leaves with one event
#1 buy 10 @ 99 day
#2 sell 10 @ 105 day child-of #1    -> #2 waits
#3 buy 10 @ 98 day
#4 buy 10 @ 97 day one-cancels #3
phase closed                        -> closed by operator; #1 cancelled 10 expired
                                    -> #3 cancelled 10 expired; #4 cancelled 10 expired
                                    -> #2 cancelled 10 expired
phase continuous                    -> continuous by operator
#5 buy 10 @ 98
#6 buy 10 @ 97 one-cancels #5
cancel all                          -> #5 cancelled 10 mass_cancel; #6 cancelled 10 mass_cancel

scenario: a child that is post-only, or market-to-limit, is looked at when it enters
rule: OWN: a child is as if placed then
#1 buy 10 @ 99
#2 buy 5 @ 101 post-only child-of #1 -> #2 waits
#3 sell 5 @ market-to-limit child-of #1 -> #3 waits
#4 sell 10 @ 100
#5 sell 10 @ 99             -> 5x1 10@99; #2 active 5; #2 cancelled 5 would_take
                            -> #3 active 5; #3 cancelled 5 no_liquidity

scenario: a child waits on where it is a stop, or for an auction
rule: OWN: a child is as if placed then
#1 buy 10 @ 99
#2 sell 5 @ 90 at-the-close child-of #1 -> #2 waits
#3 sell 5 @ market trail 3 stop 90 child-of #1 -> #3 waits
#4 sell 5 peg offer child-of #1     -> #4 waits
#5 sell 10 @ 99                     -> 5x1 10@99; #2 active 5; #3 active 5; #4 active 5
parked: 5#2, 5#3 stop 90, 5#4
#6 sell 1 @ 110                     -> #4 enters 5@110
phase closing_auction               -> closing_auction by operator; #4 parked; #2 enters 5@90
"""

PHASES = """
scenario: a quote at a band calls a volatility auction, and its other side enters that
rule: XETRA, "volatility interruption"; T7, "the mass quote request"
list ACME dynamic 2% call 2m reference 1000
10:00  #1 sell 10 @ 1021
       quote account 5 #11 10@1025 #12 10@1030
                            -> volatility_auction until 10:02 by dynamic_band at 1021
book:
          | 1030 | 10#12
    10#11 | 1025 |
          | 1021 | 10#1

scenario: quote protection counts an auction's trades
rule: T7, "market maker protection"
protection account 5 window 1s quantity 5
phase opening_auction       -> opening_auction by operator
quote account 5 #11 10@101 #12 10@105
#1 sell 6 @ 100
phase continuous            -> auction 6@101 with 4 more to buy; 11x1 6@101
                            -> continuous by operator; quotes of 5 stopped after 6 in 1
                            -> #11 cancelled 4 quote_protection
                            -> #12 cancelled 10 quote_protection

scenario: the timetable waits for a call that is drawn out
rule: XETRA, "call phase": a random end after a minimum duration
note: drawn from the ids and quantities of the call's orders: 13,358 of 0 to 30,000 ms
07:00  calendar XETR 09:00 continuous 17:30 closing_auction 17:35 closed
       list ACME random 30s calendar XETR
17:30  clock                -> continuous by timetable; closing_auction by timetable
       #1 buy 10 @ 100
       #2 sell 10 @ 100
17:35  clock                -> extended until 17:35:13.358 by random_end
17:36  clock                -> auction 10@100; 1x2 10@100; closed by timetable at 100

scenario: a halt in a call trades nothing; what could trade does as it resumes
rule: XETRA, "interruption of trading"
halts 1000 7%
phase volatility_auction    -> volatility_auction by operator
#1 buy 10 @ 100
#2 sell 10 @ 100
index 900                   -> levels reached 1; halt by market_halt
phase continuous            -> auction 10@100; 1x2 10@100; continuous by operator

scenario: the closing auction takes a volatility auction over
rule: XETRA, "volatility interruption": the scheduled auction takes over
07:00  calendar XETR 09:00 continuous 17:30 closing_auction 17:35 closed
       list ACME dynamic 2% call 2m reference 1000 calendar XETR
17:29  #1 sell 10 @ 1021    -> continuous by timetable
       #2 buy 10 @ 1025     -> volatility_auction until 17:31 by dynamic_band at 1021
17:31  clock                -> closing_auction by timetable
17:35  clock                -> auction 10@1021; 2x1 10@1021; closed by timetable at 1021

scenario: from the pre-open straight into trading: at one price all the same
rule: XETRA, "opening auction"; OWN: nothing is crossed in continuous trading
phase pre_open              -> pre_open by operator
#1 buy 10 @ 101
#2 sell 5 @ 100
#3 sell 3 @ market
phase continuous            -> auction 8@101 with 2 more to buy; 1x3 3@101; 1x2 5@101
                            -> continuous by operator

scenario: a trailing stop goes through a split with its distance
rule: FINRA rule 5330, adjustment of orders; XETRA, "trailing stop orders"
#1 sell 1 @ 1000
#2 buy 1 @ 1000             -> 2x1 1@1000
#3 sell 10 @ market trail 100 -> #3 waits
phase halt                  -> halt by operator
split 2 for 1               -> #3 is 20@market
parked: 20#3 stop 450
phase continuous            -> continuous by operator
#4 sell 1 @ 600
#5 buy 1 @ 600              -> 5x4 1@600
parked: 20#3 stop 550

scenario: a stop cascade ends at a volatility auction, and goes on after it
rule: XETRA, "stop orders", "volatility interruption"
list ACME dynamic 2% call 2m reference 1000
10:00  #1 buy 10 @ 990
       #2 buy 10 @ 981
       #3 buy 10 @ 970
       #4 buy 10 @ 950
       #5 sell 10 @ market stop 990 -> #5 waits
       #6 sell 10 @ market stop 981 -> #6 waits
       #7 sell 5 @ market stop 970  -> #7 waits
       #8 sell 5 @ 990      -> 8x1 5@990; #5 enters 10@market; 5x1 5@990; 5x2 5@981
                            -> #6 enters 10@market; 6x2 5@981; 6x3 5@970
                            -> #7 enters 5@market; 7x3 5@970
book:
    10#4 | 950 |
       #9 sell 5 @ market   -> volatility_auction until 10:02 by dynamic_band at 950
10:02  clock                -> auction 5@950 with 5 more to buy; 4x9 5@950
                            -> continuous by resumed
"""

EXAMPLES = read(CONDITIONS + LINKS + PHASES)


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_worked_example(example: WorkedExample) -> None:
    told, expected = example.play()
    assert told == expected
