"""Hotels: rooms of types, sold by the night, up to an overbooking limit. Key: the hotel.

open_hotel, set_room_type, add_rooms, set_prices, ... ─► what there is, and what it costs

book_rooms ─┬─► request_rejected                  code, field, sentence
            ├─► rooms_booked (held) ─┬─► booking_confirmed ─► as below
            │                        └─► booking_lapsed        (time)
            ├─► booking_waitlisted ──┬─► offer_made ─► as held, when something frees
            │                        └─► booking_lapsed        (its arrival day ends)
            └─► rooms_booked ─┬─► booking_modified
                              ├─► booking_cancelled            with fee
                              ├─► guest_walked                 with compensation
                              ├─► guest_not_shown              (the arrival day ends), with fee
                              └─► guest_checked_in ─┬─► guest_moved, stay_extended
                                                    └─► guest_checked_out

the vocabulary    commands.py, events.py, terms.py
the rules         decider.py ─┬─ setting_up.py    the operator
                              ├─ reserving.py     book, hold, wait, change, cancel
                              └─ desk.py          arrive, move, extend, leave, walk
                  quoting.py says whether it may be had, and at what price
the state         state.py ── facts.py applies events; state_rows.py, row_types.py write it down
for people        overview.py; invariants.py says what always holds; flow.py is what the demo runs
"""

from processors.booking.hotels import invariants
from processors.booking.hotels.commands import COMMANDS
from processors.booking.hotels.decider import DECIDER
from processors.booking.hotels.events import EVENTS
from processors.booking.hotels.flow import flow
from processors.booking.hotels.overview import overview
from processors.core.system import System

SYSTEM = System(
    name="booking.hotels",
    decider=DECIDER,
    commands=COMMANDS,
    events=EVENTS,
    key=lambda command: command.hotel,
    invariant=invariants.check,
    render=overview,
    flow=flow,
)
