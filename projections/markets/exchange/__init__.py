"""The read models of the exchange: what each table holds stands in the module of its projection.

exchange.events ─┬─► listed_instruments    instruments, tick_bands, phases
                 ├─► order_book            open_orders, price_levels, dark_levels
                 ├─► trade_tape            trades, candles (1 s, 1 min, 1 h, 1 d), tape_heads
                 ├─► account_executions    executions
                 ├─► queries_trading       the day's statistics, auctions, order life, fees
                 ├─► queries_oversight     accounts, positions, surveillance
                 └─► queries_results       totals, profit and loss: of the tables above
"""

from projections.markets.exchange import (
    queries,
    queries_oversight,
    queries_results,
    queries_trading,
    renderings,
)
from projections.markets.exchange.executions import ACCOUNT_EXECUTIONS
from projections.markets.exchange.instruments import LISTED_INSTRUMENTS
from projections.markets.exchange.order_book import ORDER_BOOK
from projections.markets.exchange.trade_tape import TRADE_TAPE

PROJECTIONS = (
    LISTED_INSTRUMENTS,
    ORDER_BOOK,
    TRADE_TAPE,
    ACCOUNT_EXECUTIONS,
    *queries_trading.PROJECTIONS,
    *queries_oversight.PROJECTIONS,
)
QUERIES = (
    *queries.QUERIES,
    *queries_trading.QUERIES,
    *queries_oversight.QUERIES,
    *queries_results.QUERIES,
)
DEMO_QUERIES = (
    queries_trading.auctions,
    queries_trading.statistics,
    queries.best,
    queries.trades,
    queries.candles,
    queries_results.totals,
    queries_results.profits,
)
RENDERINGS = renderings.RENDERINGS
