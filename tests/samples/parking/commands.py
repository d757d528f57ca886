"""What drivers ask for."""

from log.envelope import Command


class ParkCar(Command, tag="park_car.v1", kw_only=True):
    spot: str
    car: str
    stay_ms: int


class LeaveSpot(Command, tag="leave_spot.v1", kw_only=True):
    spot: str


COMMANDS = (ParkCar, LeaveSpot)
