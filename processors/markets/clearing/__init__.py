"""Clearing: cash, positions, and what stands behind every order. Key: the account; what concerns
all accounts (instruments, the calendar, splits) has none.

place_order ──┬─► request_rejected                      code, field, sentence
              └─► order_reserved ═══════► exchange: place_order
replace_order ──► replacement_reserved ═► exchange: replace_order
cancel_order ───► cancel_requested ═════► exchange: cancel_order

exchange ═► record_fill ──────────────► order_filled        settled against, due in a business day
         ═► close_order, reduce_order ► order_released      what was reserved is free
         ═► amend_order ──────────────► order_amended       replaced, split, activated
         ═► refuse_order ─────────────► order_released, replacement_refused
         ═► adjust_trade ─────────────► trade_adjusted      busted, corrected
         ═► split_instrument ─────────► instrument_split, holding_split ..., order_amended ...

deposit, withdraw ─► deposited, withdrawn
(time) ─► instruction_settled, instruction_failed           shares against cash, net, by T+1

the vocabulary    commands.py, events.py, order_ids.py
the rules         decider.py ─┬─ orders.py, answers.py            before and after the exchange
                              ├─ settlement.py, calendar.py       when what is due is settled
                              ├─ splits.py, administration.py
                              └─ checks.py                        what several of them ask
  facts applied   facts.py
the state         state.py; written down by state_rows.py
to the exchange   reactors.py; keys.py says which partition
for people        overview.py; invariants.py says what always holds
flows             flow.py, of both systems; connected.py decides them in memory
"""

from processors.core.system import System
from processors.markets.clearing import invariants, overview
from processors.markets.clearing.commands import COMMANDS
from processors.markets.clearing.decider import DECIDER
from processors.markets.clearing.events import EVENTS
from processors.markets.clearing.flow import demo_flow, flow
from processors.markets.clearing.keys import key_of
from processors.markets.clearing.reactors import REACTORS

SYSTEM = System(
    name="markets.clearing",
    decider=DECIDER,
    commands=COMMANDS,
    events=EVENTS,
    key=key_of,
    invariant=invariants.check,
    render=overview.overview,
    flow=flow,
    demo_flow=demo_flow,
    reactors=REACTORS,
)
