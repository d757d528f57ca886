"""Listing, members' limits, fees, corrections and corporate actions, as worked examples.

RTS 6 and RTS 7: Regulations (EU) 2017/589 and 2017/584, of members' and venues' systems. RTS 11:
Regulation (EU) 2017/588, tick sizes. XETRA, T7, EURONEXT: as in `test_orders`.
"""

import pytest

from tests.processors.markets.exchange.scenarios.table import WorkedExample, name_of, read

LISTING = """
scenario: ticks by price, lots, and the limits of an order
rule: RTS 11, article 2: the tick size goes by the price
list ACME bands 100:5 lot 10 price-min 50 price-max 500 quantity-max 1000
#1 buy 10 @ 99
#2 buy 10 @ 101             -> rejected off_tick price
#3 buy 10 @ 105
#4 buy 15 @ 105             -> rejected off_lot quantity
#5 buy 10 @ 505             -> rejected price_limit price
#6 buy 1010 @ 105           -> rejected quantity_limit quantity
#7 sell 10 @ 49             -> rejected price_limit price
#8 sell 10 @ 200 iceberg 15 -> rejected off_lot terms.display_quantity
#9 buy 10 @ market stop 121 -> rejected off_tick terms.stop_price
#1 buy 10 @ 105             -> rejected duplicate_order order_id
change #1 to 10 @ 104       -> rejected off_tick price
list ACME                   -> rejected instrument_exists instrument
book:
    10#3 | 105 |
    10#1 | 99  |

scenario: a symbol changes, the instrument and its orders stay
rule: EURONEXT, "corporate events"; the instrument's name is the key, not its symbol
#1 buy 10 @ 100
symbol AMCE                 -> symbol AMCE
#2 sell 10 @ 100            -> 2x1 10@100

scenario: delisting cancels what is open, and ends all
rule: XETRA, "handling of orders in case of events affecting prices": deleted on suspension
#1 buy 10 @ 100
#2 sell 10 @ 105
#3 buy 10 @ market stop 110 -> #3 waits
delist                      -> #1 cancelled 10 delisted; #2 cancelled 10 delisted
                            -> #3 cancelled 10 delisted; delisted
#4 buy 10 @ 100             -> rejected unknown_instrument instrument

scenario: a split: prices of buys down to the tick, of sells up
rule: FINRA rule 5330, adjustment of orders
#1 buy 10 @ 101
#2 sell 10 @ 103
#3 buy 5 @ market stop 105  -> #3 waits
#4 buy 7 @ 101
split 2 for 1               -> rejected wrong_phase instrument
phase pre_open              -> pre_open by operator
split 2 for 1               -> #1 is 20@50; #2 is 20@52; #4 is 14@50; #3 is 10@market
book:
               | 52 | 20#2
    20#1 14#4  | 50 |
parked: 10#3 stop 52

scenario: a reverse split: what is less than a share is cancelled
rule: FINRA rule 5330, adjustment of orders; here reverse splits adjust, too
#1 buy 15 @ 10
#2 sell 5 @ 11
#3 sell 100 @ 12 iceberg 40
phase halt                  -> halt by operator
split 1 for 10              -> #1 is 1@100; #2 cancelled 5 split; #3 is 10@120
book:
         | 120 | 4+6#3
    1#1  | 100 |
split 0 for 1               -> rejected invalid_value numerator

scenario: a split takes the prices with it that trading is measured against
rule: XETRA, "volatility interruption": the reference price after a corporate action is adjusted
list ACME dynamic 2% call 2m
10:00  #1 sell 10 @ 1000
       #2 buy 10 @ 1000     -> 2x1 10@1000
       phase halt           -> halt by operator
       split 2 for 1
       phase continuous     -> continuous by operator
       #3 sell 10 @ 510
       #4 buy 10 @ 510      -> 4x3 10@510
       bust 1               -> rejected unknown_trade trade_id
       bust 2               -> trade 2 busted
"""

LIMITS = """
scenario: a member's limits, before each order
rule: RTS 6, article 15: maximum order volumes and values, price collars; RTS 7, article 20
account 5
limits account 5 quantity 100 notional 5000 collar 10%
#1 buy 101 @ 10 account 5   -> rejected order_quantity_limit quantity
#2 buy 51 @ 99 account 5    -> rejected notional_limit quantity
#3 buy 50 @ 100 account 5
#4 sell 1 @ 100             -> 4x3 1@100
#5 buy 10 @ 111 account 5   -> rejected price_collar price
#6 buy 10 @ 110 account 5
#7 sell 10 @ 89 account 5   -> rejected price_collar price
#8 buy 51 @ market account 5 -> rejected notional_limit quantity
change #3 to 51 @ 100       -> rejected notional_limit quantity
#9 buy 1000 @ 90
book:
    10#6   | 110 |
    49#3   | 100 |
    1000#9 | 90  |

scenario: how many orders may be open, and how many a second
rule: RTS 6, article 15: maximum messages; RTS 7, article 18: throttling
account 5
account 6
limits account 5 open-orders 2
limits account 6 orders-a-second 2
10:00:00  #1 buy 1 @ 10 account 5
          #2 buy 1 @ market stop 20 account 5 -> #2 waits
          #3 buy 1 @ 10 account 5   -> rejected open_orders_limit account_id
          cancel #1                 -> #1 cancelled 1 requested
          #3 buy 1 @ 10 account 5
          #4 buy 1 @ 10 account 6
10:00:00.5  #5 buy 1 @ 10 account 6
10:00:00.999  #6 buy 1 @ 10 account 6 -> rejected order_rate_limit account_id
10:00:01  #6 buy 1 @ 10 account 6

scenario: a position, as if all that is open on its side traded
rule: RTS 6, article 15: maximum long and short positions
account 5
limits account 5 position 20
#1 buy 15 @ 100 account 5
#2 buy 6 @ 100 account 5    -> rejected position_limit quantity
#3 sell 10 @ 100            -> 3x1 10@100
#4 buy 6 @ 99 account 5     -> rejected position_limit quantity
#5 buy 5 @ 99 account 5
#6 sell 30 @ 105 account 5
#7 sell 1 @ 105 account 5   -> rejected position_limit quantity
change #6 to 31 @ 105       -> rejected position_limit quantity
cancel #6                   -> #6 cancelled 30 requested
#7 sell 30 @ 105 account 5

scenario: an instrument's own limits go before those for all
rule: RTS 6, article 15: by financial instrument
list ACME
list BOLT
account 5
limits account 5 quantity 10
limits account 5 quantity 100 in BOLT
#1 buy 11 @ 100 account 5   -> rejected order_quantity_limit quantity
#2 buy 100 @ 100 account 5 on BOLT
limits account 6 quantity 10 -> rejected unknown_account account_id

scenario: the kill switch takes all orders, and lets none in
rule: RTS 7, article 18: kill functionality; RTS 6, article 12
list ACME
list BOLT
account 5
#1 buy 10 @ 100 account 5
#2 sell 10 @ 105 account 5 on BOLT
#3 buy 10 @ 99
kill 5                      -> #1 cancelled 10 account_stopped
                            -> BOLT: #2 cancelled 10 account_stopped
#4 buy 10 @ 100 account 5   -> rejected account_stopped account_id
revive 5
#4 buy 10 @ 100 account 5
account 5 closes            -> #4 cancelled 10 account_stopped
#5 buy 10 @ 100 account 5   -> rejected account_stopped account_id

scenario: members only
rule: XETRA, "market participants": admitted ones alone
list ACME members-only
#1 buy 10 @ 100 account 5   -> rejected unknown_account account_id
account 5
#1 buy 10 @ 100 account 5
"""

MONEY = """
scenario: fees are rounded half up to a price unit, rebates too
rule: XETRA price list: fees in parts of the order value; rounding by this exchange's own rule
show: fees
fees from 0 maker -0.01% taker 0.01%
#1 sell 5 @ 1000 account 2
#2 buy 5 @ 1000 account 3   -> 2x1 5@1000, fees 1 x 0
#3 sell 15 @ 1000 account 2
#4 buy 15 @ 1000 account 3  -> 4x3 15@1000, fees 2 x -1
#5 sell 500 @ 1001 account 2
#6 buy 500 @ 1001 account 3 -> 6x5 500@1001, fees 50 x -50
fees
#7 sell 500 @ 1001 account 2
#8 buy 500 @ 1001 account 3 -> 8x7 500@1001, fees 0 x 0

scenario: a tier is reached by what was traded before, and a period begins with the fees
rule: EURONEXT, trading fee guide: fees by the turnover of a period
show: fees
fees from 0 maker 0% taker 0.02% from 500000 maker -0.01% taker 0.01%
#1 sell 1000 @ 1000 account 2
#2 buy 500 @ 1000 account 3 -> 2x1 500@1000, fees 100 x 0
#3 buy 500 @ 1000 account 3 -> 3x1 500@1000, fees 50 x -50
#4 sell 500 @ 1000 account 2
#5 buy 500 @ 1000 account 4 -> 5x4 500@1000, fees 100 x -50
fees from 0 maker 0% taker 0.02% from 500000 maker -0.01% taker 0.01%
#6 sell 500 @ 1000 account 2
#7 buy 500 @ 1000 account 3 -> 7x6 500@1000, fees 100 x 0

scenario: an auction has a fee of its own for both sides; an instrument's own fees go first
rule: XETRA price list: auctions and continuous trading
show: fees
list ACME
list BOLT
fees from 0 auction 0.01% taker 0.02%
fees in BOLT from 0 taker 0.03%
phase opening_auction       -> opening_auction by operator
#1 sell 100 @ 1000
#2 buy 100 @ 1000
phase continuous            -> auction 100@1000; 2x1 100@1000, fees 10 x 10
                            -> continuous by operator
#3 sell 100 @ 1000 on BOLT
#4 buy 100 @ 1000 on BOLT   -> BOLT: 4x3 100@1000, fees 30 x 0
fees from 900 taker 0.01%   -> rejected invalid_value tiers

scenario: a trade is busted, or corrected, by the operator
rule: NASDAQ rule 11890, clearly erroneous transactions: broken or adjusted
rule: XETRA, "mistrade"
list ACME tick 5
#1 sell 10 @ 1000
#2 buy 4 @ 1000             -> 2x1 4@1000
#3 buy 6 @ 1000             -> 3x1 6@1000
bust 1                      -> trade 1 busted
bust 1                      -> rejected unknown_trade trade_id
correct 2 5@995             -> trade 2 is 5@995
correct 2 6@995             -> rejected quantity_limit quantity
correct 2 5@996             -> rejected off_tick price
correct 9 5@995             -> rejected unknown_trade trade_id
book: empty
"""

EXAMPLES = read(LISTING + LIMITS + MONEY)


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_worked_example(example: WorkedExample) -> None:
    told, expected = example.play()
    assert told == expected
