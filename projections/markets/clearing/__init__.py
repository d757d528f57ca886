"""The read models of clearing: what each table holds stands in the module of its projection.

clearing.events ─┬─► account_balances    balances, reservations
                 ├─► ledger              ledger_entries, book_balances: the legs of `legs`
                 └─► settlement          instructions
"""

from projections.markets.clearing import queries, renderings
from projections.markets.clearing.balances import ACCOUNT_BALANCES
from projections.markets.clearing.instructions import SETTLEMENT
from projections.markets.clearing.ledger import LEDGER

PROJECTIONS = (ACCOUNT_BALANCES, LEDGER, SETTLEMENT)
QUERIES = queries.QUERIES
DEMO_QUERIES = (
    queries.house,
    queries.settlements,
    queries.balances,
    queries.positions,
    queries.statement,
)
RENDERINGS = renderings.RENDERINGS
