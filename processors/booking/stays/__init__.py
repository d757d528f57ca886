"""Stays: listings of one unit, booked by the night, held, paid, changed, cancelled, reviewed. Key:
the listing; saved searches, which concern every listing, have none.

hold_nights ───┬─► request_rejected                code, field, sentence
               └─► nights_held ── (time) ─► booking_released
                        │
pay_booking ───► payment_requested ─► the payment effect ─► answer_payment
                                                                 │
    payment_answered ◄───────────────────────────────────────────┘
        ├─► booking_released                       declined: the nights are free
        ├─► booking_requested ── accept_booking ─┐
        └────────────────────────────────────────┴► booking_confirmed
                                                         │ (check-in)
modify_booking ─► change_held ─► booking_modified        ├─► stay_begun, payment_requested: capture
cancel_booking ─► booking_cancelled, payment_requested:  │ (check-out)
                  capture, refund or reverse             └─► stay_completed
                                                              └ write_review ─► reviews_revealed

the vocabulary    commands.py, events.py, terms.py
the rules         decider.py ─┬─ hosting.py, listing_checks.py       listings, prices, blocks
                              ├─ holding.py, stay_rules.py, pricing.py   may it be? what for?
                              ├─ saga.py, changing.py, cancellation.py   a booking's way
                              ├─ answering.py, asking.py, payments.py    its money
                              └─ reviewing.py                         what they say afterwards
  facts applied   facts.py
the state         state.py ── spans.py;   written down: state_rows.py
outside           effects.py ─► the provider; payment_simulator.py is one
for people        month.py draws a calendar; invariants.py says what always holds
flows             flow.py
"""

from typing import Any

from processors.booking.stays import invariants, month
from processors.booking.stays.commands import COMMANDS
from processors.booking.stays.decider import DECIDER
from processors.booking.stays.effects import PAYMENTS
from processors.booking.stays.events import EVENTS
from processors.booking.stays.flow import demo_flow, flow
from processors.core.system import System


def key_of(command: Any) -> str | None:
    """Its listing; None, for every partition, where it names none."""
    return getattr(command, "listing", None) or None


SYSTEM = System(
    name="booking.stays",
    decider=DECIDER,
    commands=COMMANDS,
    events=EVENTS,
    key=key_of,
    invariant=invariants.check,
    render=month.overview,
    flow=flow,
    demo_flow=demo_flow,
    demo_commands=20_000,
    effects=(PAYMENTS,),
)
