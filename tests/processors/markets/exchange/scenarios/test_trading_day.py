"""The phases of the trading day, price bands and halts, as worked examples.

XETRA, T7, EURONEXT: as in `test_orders`. Moments are UTC; 20261123 is a Monday.
"""

import pytest

from tests.processors.markets.exchange.scenarios.table import WorkedExample, name_of, read

TIMETABLE = """
scenario: a trading day by its timetable, from the pre-open to the close, and the next
rule: EURONEXT, "trading phases for securities which are traded continuously"
07:00  calendar XPAR 07:15 pre_open 08:50 opening_auction 09:00 continuous \
           17:30 closing_auction 17:35 trading_at_last 17:40 closed
       list ACME calendar XPAR
       #1 sell 100 @ 100    -> rejected wrong_phase instrument
07:15  clock                -> pre_open by timetable
08:00  #1 sell 100 @ 100
       #2 buy 60 @ 101
       #3 buy 20 @ market at-the-opening    -> #3 waits
08:50  clock                -> opening_auction by timetable; #3 enters 20@market
09:00  clock                -> auction 80@100 with 20 more to sell; 3x1 20@100; 2x1 60@100
                            -> continuous by timetable
10:00  #4 buy 5 @ 100       -> 4x1 5@100
17:30  clock                -> closing_auction by timetable
17:31  #5 buy 15 @ 102 day
       #6 buy 5 @ 99 day
17:35  clock                -> auction 15@100; 5x1 15@100; trading_at_last by timetable at 100
17:36  #7 sell 5 @ 100
       #8 sell 5 @ 99       -> rejected wrong_phase price
       #9 buy 3 @ 100       -> 9x7 3@100
17:40  clock                -> closed by timetable at 100; #6 cancelled 5 expired
       #10 sell 5 @ 100     -> rejected wrong_phase instrument
book:
    | 100 | 2#7
20261124 07:15  clock       -> pre_open by timetable

scenario: a half day has a timetable of its own, a holiday none
rule: EURONEXT, "trading calendar": half trading days and closing days
20261223 17:50  calendar XPAR 09:00 continuous 17:40 closed \
           half-day 09:00 continuous 14:05 closed half-days 20261224 \
            holidays 20261225
       list ACME calendar XPAR
20261224 09:00  clock       -> continuous by timetable
14:05  clock                -> closed by timetable
20261225 12:00  #1 buy 10 @ 100         -> rejected wrong_phase instrument
20261227 12:00  clock
20261228 09:00  clock       -> continuous by timetable
17:40  clock                -> closed by timetable

scenario: a whole day passes between two commands: each step at its time
rule: XETRA, "trading phases": pre-trading, main trading, post-trading
07:00  calendar XETR 07:30 pre_open 08:50 opening_auction 09:00 continuous \
           17:30 closing_auction 17:35 closed
       list ACME calendar XETR
07:40  #1 buy 10 @ 100 day  -> pre_open by timetable
       #2 sell 10 @ 99
22:00  cancel #2            -> opening_auction by timetable; auction 10@99; 1x2 10@99
                            -> continuous by timetable; closing_auction by timetable
                            -> auction no trade; closed by timetable at 99
                            -> rejected unknown_order order_id

scenario: in trading at last the closing price alone trades
rule: EURONEXT, "trading-at-last phase"
list ACME reference 100
phase closing_auction       -> closing_auction by operator
#1 buy 10 @ 101
#2 sell 10 @ 101
#3 buy 10 @ 102 for-auctions
#4 buy 5 @ 100
#5 sell 5 @ 103
phase trading_at_last       -> auction 10@102; 3x2 10@102
                            -> trading_at_last by operator at 102
#6 sell 10 @ market         -> #6 cancelled 10 no_liquidity
#7 sell 4 @ 102
#8 buy 10 @ market-to-limit -> rejected wrong_phase order_type
#9 buy 10 @ market          -> 9x7 4@102; #9 cancelled 6 no_liquidity
#10 buy 6 @ 102
#11 sell 9 @ 102 ioc        -> 11x10 6@102; #11 cancelled 3 immediate_or_cancel
change #4 to 5 @ 101        -> rejected wrong_phase price
phase closed                -> closed by operator at 102
book:
        | 103 | 5#5
   10#1 | 101 |
   5#4  | 100 |
"""

BANDS = """
scenario: the dynamic band: executed up to it, then a volatility auction
rule: XETRA, "volatility interruption during continuous trading": partly executed up to the range
list ACME dynamic 2% call 2m reference 1000
10:00  #1 sell 10 @ 1010
       #2 sell 10 @ 1020
       #3 sell 10 @ 1021
       #4 buy 30 @ 1030     -> 4x1 10@1010; 4x2 10@1020
                            -> volatility_auction until 10:02 by dynamic_band at 1021
book:
    10#4 | 1030 |
         | 1021 | 10#3
10:02  clock                -> auction 10@1021; 4x3 10@1021; continuous by resumed

scenario: the dynamic band moves with each trade, but not within one order
rule: XETRA, "volatility interruption": reference price 1 is the last price
list ACME dynamic 2% call 2m reference 1000
10:00  #1 sell 10 @ 1020
       #2 buy 10 @ 1020     -> 2x1 10@1020
       #3 sell 10 @ 1040
       #4 sell 10 @ 1041
       #5 buy 15 @ 1040     -> 5x3 10@1040
book:
        | 1041 | 10#4
    5#5 | 1040 |

scenario: the static band: around the price of the last auction
rule: XETRA, "volatility interruption": reference price 2 is the last auction's price
list ACME static 5% call 2m reference 1000
10:00  #1 sell 10 @ 1050
       #2 sell 10 @ 1051
       #3 buy 20 @ 1060     -> 3x1 10@1050
                            -> volatility_auction until 10:02 by static_band at 1051
10:02  clock                -> auction 10@1051; 3x2 10@1051; continuous by resumed
       #4 sell 5 @ 1103
       #5 buy 5 @ 1103      -> 5x4 5@1103
       #6 sell 5 @ 1104
       #7 buy 5 @ 1104      -> volatility_auction until 10:04 by static_band at 1104

scenario: a sell that would fall out of the band, at once
rule: XETRA, "volatility interruption during continuous trading"
list ACME dynamic 2% call 2m reference 1000
10:00  #1 buy 10 @ 979
       #2 sell 10 @ market  -> volatility_auction until 10:02 by dynamic_band at 979
book:
         | mkt | 10#2
    10#1 | 979 |
10:01  #3 buy 10 @ 990
10:02  clock                -> auction 10@990; 3x2 10@990; continuous by resumed

scenario: orders that never rest call no auction: the rest is cancelled at the band
rule: XETRA, "volatility interruption": fill-or-kill orders lead to none
list ACME dynamic 2% call 2m reference 1000
#1 sell 10 @ 1020
#2 sell 10 @ 1021
#3 buy 20 @ 1030 fok        -> #3 cancelled 20 fill_or_kill
#4 buy 20 @ 1030 ioc        -> 4x1 10@1020; #4 cancelled 10 price_band

scenario: a limit within the band rests there, and calls no auction
rule: XETRA, "volatility interruption": the potential execution price counts, not the limit
list ACME dynamic 2% call 2m reference 1000
#1 sell 10 @ 1021
#2 buy 20 @ 1020
#3 buy 10 @ 900
book:
         | 1021 | 10#1
    20#2 | 1020 |
    10#3 | 900  |
"""

HALTS = """
scenario: the operator halts, and trading is resumed through an auction
rule: XETRA, "interruption of trading"; EURONEXT, "suspension": resumed by a call phase
list ACME call 2m
10:00  #1 buy 10 @ 100
       #2 buy 10 @ 98
       phase halt for 5m    -> halt until 10:05 by operator
10:01  #3 sell 10 @ 100     -> rejected wrong_phase instrument
       change #1 to 5 @ 100 -> rejected wrong_phase instrument
       cancel #2            -> #2 cancelled 10 requested
10:05  clock                -> volatility_auction until 10:07 by resumed
10:06  #4 sell 5 @ 99
10:07  clock                -> auction 5@100 with 5 more to buy; 1x4 5@100
                            -> continuous by resumed

scenario: the index falls: all halt, by levels
rule: NYSE rule 7.12, trading halts due to extraordinary market volatility: 7, 13 and 20 percent
list ACME call 2m
list BOLT
halts 1000 7% for 15m 13% for 15m 20%
10:00  index 931            -> levels reached 0
10:01  index 930            -> levels reached 1; halt until 10:16 by market_halt
                            -> BOLT: halt until 10:16 by market_halt
10:02  index 925            -> levels reached 1
10:16  clock                -> volatility_auction until 10:18 by resumed
                            -> BOLT: continuous by resumed
10:17  index 800            -> levels reached 3; halt by market_halt
                            -> BOLT: halt by market_halt
15:00  phase continuous     -> continuous by operator

scenario: in a halt the timetable's auctions pass by; the close does not
rule: XETRA, "interruption of trading"
07:00  calendar XETR 09:00 continuous 13:00 volatility_auction 13:02 continuous \
           17:30 closing_auction 17:35 closed
       list ACME calendar XETR
09:00  clock                -> continuous by timetable
12:00  phase halt           -> halt by operator
13:30  clock
17:35  clock                -> closed by timetable

scenario: a market-wide call, for all who are not in it yet
rule: EURONEXT, "reservation"; the operator's hand
list ACME
list BOLT
phase volatility_auction    -> volatility_auction by operator
phase volatility_auction everywhere -> BOLT: volatility_auction by operator
phase continuous for 5m     -> rejected contradictory duration_ms
"""

STOPS = """
scenario: an auction's price triggers a stop, which enters continuous trading after it
rule: XETRA, "stop orders": triggered by auction prices, too
#1 buy 10 @ market stop 105 -> #1 waits
#2 sell 10 @ 107
phase opening_auction       -> opening_auction by operator
#3 buy 10 @ 106
#4 sell 10 @ 106
phase continuous            -> auction 10@106; 3x4 10@106; continuous by operator
                            -> #1 enters 10@market; 1x2 10@107

scenario: a stop that is triggered as a volatility auction begins waits in it
rule: XETRA, "stop orders", "volatility interruption"
list ACME dynamic 2% call 2m reference 1000
10:00  #1 buy 5 @ market stop 1010 -> #1 waits
       #2 sell 10 @ 1010
       #3 sell 10 @ 1021
       #4 buy 15 @ 1030     -> 4x2 10@1010
                            -> volatility_auction until 10:02 by dynamic_band at 1021
                            -> #1 enters 5@market
book:
    5#1 | mkt  |
    5#4 | 1030 |
        | 1021 | 10#3
10:02  clock                -> auction 10@1021; 1x3 5@1021; 4x3 5@1021; continuous by resumed

scenario: a stop that an auction triggers may call the next one, for as long from its end on
rule: XETRA, "stop orders", "volatility interruption"
list ACME dynamic 2% call 2m reference 1000
10:00  #1 buy 5 @ market stop 1010 -> #1 waits
       #2 sell 10 @ 1040
       phase opening_auction for 1m -> opening_auction until 10:01 by operator
       #3 buy 5 @ 1010
       #4 sell 5 @ 1010
10:01  clock                -> auction 5@1010; 3x4 5@1010; continuous by resumed
                            -> #1 enters 5@market
                            -> volatility_auction until 10:03 by dynamic_band at 1040
10:03  clock                -> auction 5@1040 with 5 more to sell; 1x2 5@1040
                            -> continuous by resumed

scenario: a stop that is triggered by the closing auction waits for the next day
rule: T7, "stop order triggering"; no stop is lost in a change of phase
#1 buy 10 @ 110 stop 105    -> #1 waits
phase closing_auction       -> closing_auction by operator
#2 buy 10 @ 106
#3 sell 10 @ 106
phase closed                -> auction 10@106; 2x3 10@106; closed by operator at 106
parked: 10#1 stop 105
phase pre_open              -> pre_open by operator; #1 enters 10@110
book:
    10#1 | 110 |

scenario: a market order of a stop rests where a call is on
rule: XETRA, "stop orders"; market orders in the call phase
#1 sell 1 @ 100
#2 buy 1 @ 100              -> 2x1 1@100
phase closing_auction       -> closing_auction by operator
#3 buy 10 @ market stop 100 -> #3 waits; #3 enters 10@market
#4 sell 10 @ 101
phase closed                -> auction 10@101; 3x4 10@101; closed by operator at 101

scenario: pegs and all-or-none orders leave the book for an auction, and come back
rule: NASDAQ rule 4703(d), pegging: for continuous trading; CBOE rule 5.6(c), all-or-none
#1 buy 10 @ 99
#2 buy 5 peg bid            -> #2 waits; #2 enters 5@99
#3 sell 10 @ 105 all-or-none
phase volatility_auction    -> volatility_auction by operator; #2 parked; #3 parked
parked: 5#2, 10#3
#4 buy 5 @ 90 all-or-none   -> rejected wrong_phase terms.all_or_none
phase continuous            -> auction no trade; continuous by operator
                            -> #3 enters 10@105; #2 enters 5@99
"""

EXAMPLES = read(TIMETABLE + BANDS + HALTS + STOPS)


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_worked_example(example: WorkedExample) -> None:
    told, expected = example.play()
    assert told == expected
