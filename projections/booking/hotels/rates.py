"""Rate plans, and prices and restrictions by night, of each hotel."""

from typing import Any

import msgspec

from processors.booking.hotels.events import PricesSet, RatePlanSet, RestrictionsSet
from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables


class PlanNow(msgspec.Struct, gc=False):
    hotel: str
    rate_plan: str
    refundable: bool
    minimum_nights: int
    maximum_nights: int
    cancellation: str
    """`50% from 72 h before, 100% from 24 h before`"""
    no_show_percent: int
    early_departure_percent: int
    suspended: bool


class RateNight(msgspec.Struct, gc=False):
    hotel: str
    rate_plan: str
    room_type: str
    night: int
    price: int | None = None
    """None: not for sale."""
    closed: bool = False
    closed_to_arrival: bool = False
    closed_to_departure: bool = False
    minimum_nights: int = 0


PLANS = Table("rate_plans", PlanNow, key=("hotel", "rate_plan"))
RATES = Table("rates", RateNight, key=("hotel", "rate_plan", "room_type", "night"))


def fold(tables: Tables, events: Events) -> None:
    for event, _at_ms in events:
        if isinstance(event, RatePlanSet):
            tables[PLANS].put(_plan(event))
        else:
            _set_nights(tables, event)


def _plan(event: RatePlanSet) -> PlanNow:
    steps = (f"{step.percent}% from {step.hours_before} h before" for step in event.cancellation)
    return PlanNow(
        event.hotel,
        event.rate_plan,
        event.refundable,
        event.minimum_nights,
        event.maximum_nights,
        ", ".join(steps),
        event.no_show_percent,
        event.early_departure_percent,
        event.suspended,
    )


def _set_nights(tables: Tables, event: Any) -> None:
    rates = tables[RATES]
    for night in range(event.first_night, event.until_night):
        key = event.hotel, event.rate_plan, event.room_type, night
        row = rates.get(key) or RateNight(*key)
        if isinstance(event, PricesSet):
            row.price = event.price
        else:
            row.closed = event.closed
            row.closed_to_arrival = event.closed_to_arrival
            row.closed_to_departure = event.closed_to_departure
            row.minimum_nights = event.minimum_nights
        rates.put(row)


NIGHTLY_RATES = Projection(
    name="nightly_rates",
    events=(RatePlanSet, PricesSet, RestrictionsSet),
    tables=(PLANS, RATES),
    fold=fold,
    rows_of="partition",
)
