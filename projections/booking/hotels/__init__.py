"""The read models of the hotels: what each table holds stands in `tables.py` and `rates.py`.

hotels.events ─┬─► house           hotels, room_types, room_counts, type_nights, rooms,
               │                   bookings, stays, waiting, outcomes, hotel_days
               └─► nightly_rates   rate_plans, rates
"""

from projections.booking.hotels import queries
from projections.booking.hotels.house import HOUSE
from projections.booking.hotels.rates import NIGHTLY_RATES

PROJECTIONS = (HOUSE, NIGHTLY_RATES)
QUERIES = queries.QUERIES
DEMO_QUERIES = (
    queries.outcomes,
    queries.desk,
    queries.calendar,
    queries.occupancy,
    queries.waiting_list,
)
