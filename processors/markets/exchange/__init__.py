"""A stock exchange: one order book an instrument, in price-time priority. Key: the instrument.

list_instrument ─────────────► instrument_listed

place_order ──┬──────────────► order_rejected
              │
              └► order_accepted ─┬─► order_traded, ...     for each maker that it meets
                 order_replaced ─┤   order_cancelled,      where self-trade prevention
                      ▲          │   order_decremented       comes between (self_trade)
replace_order ──┬─────┘          ├─► order_cancelled       what is left of a market,
                │                │                           immediate-or-cancel or
                ├► order_replaced│                           fill-or-kill order
                │  (kept place)  └─► (nothing)             what is left of a limit
                └► order_rejected                            order rests
cancel_order ─┬► order_cancelled
              └► order_rejected
mass_cancel ─────► order_cancelled, ...   the account's orders, oldest first

commands.py, events.py   the vocabulary
admission.py             may the command be at all? Terms, owner, contradictions
matching.py              whom does an order meet, and what comes of it? Self-trade prevention
decider.py               state, initial, decide, evolve; what each type of order does
order_book.py            the structure: sides, levels, queues, accounts
price_index.py           ... and its sorted set of prices
instrument.py            what may be traded, in which steps
state_rows.py            the state in snapshots
invariants.py, ladder.py what always holds; a book drawn for people
flow.py                  a seeded order flow
"""

from operator import attrgetter

from processors.core.system import System
from processors.markets.exchange import invariants, ladder
from processors.markets.exchange.commands import COMMANDS
from processors.markets.exchange.decider import DECIDER
from processors.markets.exchange.events import EVENTS
from processors.markets.exchange.flow import flow

SYSTEM = System(
    name="markets.exchange",
    decider=DECIDER,
    commands=COMMANDS,
    events=EVENTS,
    key=attrgetter("instrument"),
    invariant=invariants.check,
    render=ladder.overview,
    flow=flow,
)
