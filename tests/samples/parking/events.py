"""What happened in the garage."""

from log.envelope import Event


class CarParked(Event, tag="car_parked.v1", kw_only=True):
    spot: str
    car: str
    until_ms: int


class CarRefused(Event, tag="car_refused.v1", kw_only=True):
    spot: str
    reason: str


class CarLeft(Event, tag="car_left.v1", kw_only=True):
    spot: str
    expired: bool = False


EVENTS = (CarParked, CarRefused, CarLeft)
