"""A stock exchange: auctions and continuous trading in price-time priority. Key: the instrument;
what concerns all instruments (calendars, accounts, halts by the index) has none.

place_order ───┬─► order_rejected                  code, field, sentence
               └─► order_accepted ─┬─► parked       waits for its stop, parent, auction, peg
                        ▲          │      └► order_entered, as if accepted now
replace_order ─► order_replaced ───┤
                                   ├─► order_traded, ...     for each maker that it meets
                                   │   order_refilled, order_decremented, order_cancelled
                                   └─► phase_changed         where a trade would leave its band
cancel_order, mass_cancel, mass_quote, close_session, ... ─► order_cancelled, ...

    and then, one by one, what follows: linked orders go, stops fire, pegs move, ...

(time), change_phase ─► auction_ended, auction_traded, ... ─► phase_changed ─► what that lets in

the vocabulary    commands.py, events.py, terms.py
the rules         decider.py ─┬─ admission.py, conditions.py, guard.py     may it be?
                              ├─ placing.py, changing.py, trading.py       what does it do?
                              ├─ matching.py                               whom does it meet?
                              ├─ phases.py, call_auction.py, auction.py    calls and their ends
                              ├─ followups.py                              what follows by itself
                              └─ listing.py, splits.py, supervision.py     the operator
  facts applied   order_facts.py, market_facts.py, waiting.py, standings.py
the state         state.py ── order_book.py ── order.py, price_index.py
                           └─ market.py ── triggers.py, accounts.py, instrument.py, calendar.py
  written down    state_rows.py, row_types.py; draws.py is where chance comes from
for people        ladder.py draws a book; invariants.py says what always holds
flows             flow.py: plain orders; trading_day.py, day_orders.py: whole days of all kinds
"""

from typing import Any

from processors.core.system import System
from processors.markets.exchange import invariants, ladder
from processors.markets.exchange.commands import COMMANDS
from processors.markets.exchange.decider import DECIDER
from processors.markets.exchange.events import EVENTS
from processors.markets.exchange.trading_day import trading_days


def key_of(command: Any) -> str | None:
    """Its instrument; None, for every partition, where it names none."""
    return getattr(command, "instrument", None) or None


SYSTEM = System(
    name="markets.exchange",
    decider=DECIDER,
    commands=COMMANDS,
    events=EVENTS,
    key=key_of,
    rules_version=2,
    invariant=invariants.check,
    render=ladder.overview,
    flow=trading_days,
)
