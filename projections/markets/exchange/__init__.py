"""The read models of the exchange.

exchange.events ─┬─► listed_instruments    instruments
                 ├─► order_book            open_orders, price_levels
                 ├─► trade_tape            trades
                 ├─► trade_candles         candles (1 s, 1 min, 1 h, 1 d)
                 └─► account_executions    executions
"""

from projections.markets.exchange import queries
from projections.markets.exchange.candles import TRADE_CANDLES
from projections.markets.exchange.executions import ACCOUNT_EXECUTIONS
from projections.markets.exchange.instruments import LISTED_INSTRUMENTS
from projections.markets.exchange.order_book import ORDER_BOOK
from projections.markets.exchange.trade_tape import TRADE_TAPE

PROJECTIONS = (LISTED_INSTRUMENTS, ORDER_BOOK, TRADE_TAPE, TRADE_CANDLES, ACCOUNT_EXECUTIONS)

QUERIES = (
    queries.instruments,
    queries.best,
    queries.book_by_price,
    queries.book_by_order,
    queries.trades,
    queries.candles,
    queries.open_orders,
    queries.executions,
)
