"""Changing and cancelling orders, quotes, and the prevention of self-trades, as worked examples.

XETRA, T7, EURONEXT: as in `test_orders`. STP: Euronext, "Optiq Self-Trade Prevention (STP),
Functional Overview".
"""

import pytest

from tests.processors.markets.exchange.scenarios.table import WorkedExample, name_of, read

CHANGES = """
scenario: less at the same price, or for another time, keeps its place; more does not
rule: XETRA, "change of the priority of an order"
rule: EURONEXT, "order modification": loss of time priority by price or by a higher quantity
#1 buy 10 @ 100
#2 buy 10 @ 100
change #1 to 5 @ 100        -> #1 keeps its place
change #1 to 5 @ 100 day    -> #1 keeps its place
book:
    5#1 10#2 | 100 |
change #1 to 6 @ 100
book:
    10#2 6#1 | 100 |
17:30 phase closed          -> closed by operator; #1 cancelled 6 expired

scenario: another price goes to the back of its queue, there and back
rule: XETRA, "change of the priority of an order"
#1 buy 10 @ 100
#2 buy 10 @ 100
#3 buy 10 @ 99
change #1 to 10 @ 99
book:
    10#2      | 100 |
    10#3 10#1 | 99  |
change #1 to 10 @ 100
book:
    10#2 10#1 | 100 |
    10#3      | 99  |

scenario: a changed price that reaches the other side trades as a new order
rule: T7, "order modification"
#1 buy 10 @ 99
#2 sell 4 @ 101
change #1 to 10 @ 102       -> 1x2 4@101
book:
    6#1 | 102 |
change #1 to 6 @ 102 ioc    -> rejected contradictory time_in_force
change #9 to 6 @ 102        -> rejected unknown_order order_id
change #1 to 6 @ 102 account 2 -> rejected not_the_owner account_id

scenario: an iceberg with less keeps its place, with another part it does not
rule: T7, "iceberg order maintenance"
#1 sell 100 @ 101 iceberg 20
#2 sell 10 @ 101
change #1 to 90 @ 101       -> #1 keeps its place
book:
    | 101 | 20+70#1 10#2
change #1 to 90 @ 101 iceberg 30
book:
    | 101 | 10#2 30+60#1

scenario: a stop price is changed, and may be reached at once
rule: T7, "stop order maintenance"
#1 sell 10 @ 100
#2 buy 5 @ 100              -> 2x1 5@100
#3 buy 5 @ market stop 105  -> #3 waits
change #3 to 5 stop 102
parked: 5#3 stop 102
change #3 to 5 stop 100     -> #3 enters 5@market; 3x1 5@100

scenario: mass cancels: by account, side, session, and all
rule: T7, "order deletion": mass deletion; EURONEXT, "order cancellation"
session 7
list ACME price-max 1000
list BOLT price-max 1000
#1 buy 10 @ 100 account 2
#2 sell 10 @ 105 account 2 session 7
#3 buy 10 @ 99 account 2 session 7
#4 buy 10 @ market stop 110 account 2       -> #4 waits
#5 buy 10 @ 98 account 3 session 7
#6 buy 10 @ 50 account 2 on BOLT
cancel all account 2 side sell in ACME      -> #2 cancelled 10 mass_cancel
cancel all session 7                        -> #3 cancelled 10 mass_cancel
                                            -> #5 cancelled 10 mass_cancel
cancel all account 2                        -> #1 cancelled 10 mass_cancel
                                            -> #4 cancelled 10 mass_cancel
                                            -> BOLT: #6 cancelled 10 mass_cancel
#7 buy 10 @ 97 account 4
#8 buy 10 @ 96 account 5
cancel all in ACME          -> #7 cancelled 10 mass_cancel; #8 cancelled 10 mass_cancel
cancel all

scenario: a session that breaks takes its orders with it, where that was asked for
rule: RTS 7 (Regulation (EU) 2017/584), article 18; Euronext Optiq: cancel on disconnect
session 7
session 8 keeps-orders
#1 buy 10 @ 100 session 7
#2 buy 10 @ 100 session 8
#3 buy 10 @ 100 session 9   -> rejected unknown_session session_id
#4 buy 10 @ market stop 105 session 7 -> #4 waits
session 7 ends              -> #1 cancelled 10 disconnected; #4 cancelled 10 disconnected
session 8 ends
#5 buy 10 @ 100 session 7   -> rejected unknown_session session_id
book:
    10#2 | 100 |
"""

QUOTES = """
scenario: a mass quote replaces the old one in one step
rule: T7, "the mass quote request"
quote account 5 #11 10@99 #12 10@101
#1 buy 10 @ 99
quote account 5 #13 10@98 #14 10@102    -> #11 cancelled 10 quote_replaced
                                        -> #12 cancelled 10 quote_replaced
book:
          | 102 | 10#14
    10#1  | 99  |
    10#13 | 98  |
quote account 5                         -> #13 cancelled 10 quote_replaced
                                        -> #14 cancelled 10 quote_replaced
book:
    10#1  | 99  |

scenario: a quote with the same price and no more quantity keeps its place
rule: T7, "quote modification": priority as of orders
quote account 5 #11 10@99 #12 10@101
#1 buy 10 @ 99
quote account 5 #11 5@99 #12 11@101     -> #12 cancelled 10 quote_replaced
                                        -> #11 keeps its place
#2 sell 6 @ 99                          -> 2x11 5@99; 2x1 1@99
book:
         | 101 | 11#12
    9#1  | 99  |
change #12 to 5 @ 101                   -> rejected contradictory order_id

scenario: a quote that reaches the other side trades; one side may be left out
rule: T7, "quote entry"
#1 sell 4 @ 100
#2 buy 3 @ 98
quote account 5 #11 10@100 #12 0@0      -> 11x1 4@100
quote account 5 #11 6@100 #12 10@102
book:
          | 102 | 10#12
    6#11  | 100 |
    3#2   | 98  |
quote account 5 #11 6@103 #12 10@102    -> rejected contradictory quotes

scenario: quote protection: too much traded within a second withdraws all of a maker's quotes
rule: T7, "market maker protection"
protection account 5 window 1s quantity 15
10:00:00  quote account 5 #11 10@99 #12 10@101
          #1 buy 10 @ 101               -> 1x12 10@101
10:00:00.5  quote account 5 #11 10@99 #13 10@101
10:00:01  #2 sell 8 @ 99                -> 2x11 8@99; quotes of 5 stopped after 18 in 2
                                        -> #11 cancelled 2 quote_protection
                                        -> #13 cancelled 10 quote_protection
          quote account 5 #14 10@99 #15 10@101 -> rejected quotes_stopped account_id
          #3 buy 1 @ 90 account 5
          protection account 5 window 1s trades 1
          quote account 5 #14 10@99 #15 10@101
10:00:02  #4 sell 1 @ 99                -> 4x14 1@99
10:00:03.001  #5 sell 1 @ 99            -> 5x14 1@99
10:00:04  #6 sell 1 @ 99                -> 6x14 1@99; quotes of 5 stopped after 2 in 2
                                        -> #14 cancelled 7 quote_protection
                                        -> #15 cancelled 10 quote_protection

scenario: quotes end with the day
rule: T7, "automatic quote deletion"
quote account 5 #11 10@99 #12 10@101
phase closing_auction                   -> closing_auction by operator
phase closed                            -> auction no trade; closed by operator
                                        -> #11 cancelled 10 expired; #12 cancelled 10 expired
quote account 5 #11 10@99 #12 10@101    -> rejected wrong_phase instrument
"""

SELF_TRADES = """
scenario: no prevention: an account may trade with itself
rule: STP: prevention is asked for, order by order
#1 sell 10 @ 101 account 2
#2 buy 10 @ 101 account 2               -> 2x1 10@101

scenario: self-trade prevention in a group: the newest goes
rule: STP: the incoming order is cancelled
account 2 group 7
account 3 group 7
#1 sell 5 @ 101 account 4
#2 sell 10 @ 101 account 2
#3 buy 15 @ 101 account 3 prevent newest -> 3x1 5@101; #3 cancelled 10 self_trade
book:
    | 101 | 10#2

scenario: self-trade prevention in a group: the oldest goes
rule: STP: the resting order is cancelled
account 2 group 7
account 3 group 7
#1 sell 10 @ 101 account 2
#2 sell 5 @ 101 account 4
#3 buy 15 @ 101 account 3 prevent oldest -> #1 cancelled 10 self_trade; 3x2 5@101
book:
    10#3 | 101 |

scenario: self-trade prevention in a group: both go
rule: STP: both orders are cancelled
account 2 group 7
account 3 group 7
#1 sell 10 @ 101 account 2
#2 sell 5 @ 101 account 4
#3 buy 15 @ 101 account 3 prevent both  -> #1 cancelled 10 self_trade
                                        -> #3 cancelled 15 self_trade
book:
    | 101 | 5#2

scenario: self-trade prevention in a group: decrement and cancel
rule: NASDAQ rule 4757(a)(4), anti-internalization: the smaller goes, the larger is decremented
account 2 group 7
account 3 group 7
#1 sell 10 @ 101 account 2
#2 buy 15 @ 101 account 3 prevent decrement -> #1 cancelled 10 self_trade; #2 loses 10
book:
    5#2 | 101 |
#3 sell 2 @ 101 account 2 prevent decrement -> #2 loses 2; #3 cancelled 2 self_trade
book:
    3#2 | 101 |

scenario: self-trade prevention takes from what an iceberg does not show first
rule: NASDAQ rule 4757(a)(4), anti-internalization; the whole of an iceberg counts
#1 sell 100 @ 101 iceberg 20
#2 buy 30 @ 101 prevent decrement       -> #1 loses 30; #2 cancelled 30 self_trade
book:
    | 101 | 20+50#1
#3 buy 65 @ 101 prevent decrement       -> #1 loses 65; #3 cancelled 65 self_trade
book:
    | 101 | 5+0#1

scenario: accounts of no group, and of another group, trade
rule: STP: within one group of one member
account 2 group 7
account 3 group 8
account 4
#1 sell 10 @ 101 account 2
#2 buy 5 @ 101 account 3 prevent oldest -> 2x1 5@101
#3 buy 5 @ 101 account 4 prevent oldest -> 3x1 5@101

scenario: an auction does not prevent self-trades
rule: T7, "self-match prevention": in continuous trading
phase opening_auction                   -> opening_auction by operator
#1 sell 10 @ 101 account 2
#2 buy 10 @ 101 account 2 prevent both
phase continuous                        -> auction 10@101; 2x1 10@101
                                        -> continuous by operator

scenario: fill-or-kill counts nothing of its own
rule: STP; XETRA, "fill-or-kill": executed in full or not at all
#1 sell 5 @ 101 account 4
#2 sell 10 @ 101 account 2
#3 buy 10 @ 101 account 2 fok prevent oldest -> #3 cancelled 10 fill_or_kill
book:
    | 101 | 5#1 10#2
"""

EXAMPLES = read(CHANGES + QUOTES + SELF_TRADES)


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_worked_example(example: WorkedExample) -> None:
    told, expected = example.play()
    assert told == expected
