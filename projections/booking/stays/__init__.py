"""The read models of the stays: what each table holds stands in the module of its projection.

stays.events ─┬─► offered_listings       listings (by place), held_nights, notifications,
              │                          saved searches and wish lists
              ├─► bookings               trips of guests, days of hosts, reviews
              └─► occupancy_and_revenue  listing_months

what a stay costs and whether it may be   offers.py, by the rules' own functions
the search                                search.py ── geography.py, nights.py, set_nights.py
who hears of a change                     notifications.py ── watching.py
"""

from projections.booking.stays import queries, queries_people, renderings
from projections.booking.stays.bookings import GUEST_BOOKINGS
from projections.booking.stays.months import OCCUPANCY_AND_REVENUE
from projections.booking.stays.offered import OFFERED_LISTINGS

PROJECTIONS = (OFFERED_LISTINGS, GUEST_BOOKINGS, OCCUPANCY_AND_REVENUE)
QUERIES = (*queries.QUERIES, *queries_people.QUERIES)
DEMO_QUERIES = (
    queries.search,
    queries_people.trips,
    queries.listings,
    queries_people.wish_list,
    queries_people.notifications,
)
RENDERINGS = renderings.RENDERINGS
