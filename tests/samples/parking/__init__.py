"""Parking spots with meters: the smallest system with timers, for the tests of the core.

park_car ─► decide ─► car_parked / car_refused ...; a stay that runs out is ended by its timer.
"""

import random
from collections.abc import Iterator

from processors.core.decider import Decider, whole_state
from processors.core.system import System
from tests.samples.parking.commands import COMMANDS, LeaveSpot, ParkCar
from tests.samples.parking.decider import PARTS, Garage, decide, evolve, initial, next_due
from tests.samples.parking.events import EVENTS

START_MS = 1_700_000_000_000


def flow(seed: int, start_ms: int = START_MS) -> Iterator[tuple[int, ParkCar | LeaveSpot]]:
    draw = random.Random(seed)
    now = start_ms
    while True:
        now += draw.randrange(400)
        spot = f"spot-{draw.randrange(8)}"
        if draw.random() < 0.8:
            yield now, ParkCar(spot=spot, car=f"car-{draw.randrange(50)}", stay_ms=1000)
        else:
            yield now, LeaveSpot(spot=spot)


def check(garage: Garage) -> None:
    assert all(stay.until_ms > 0 for stay in garage.stays.values())


SYSTEM = System(
    name="samples.parking",
    decider=Decider(
        initial=initial,
        decide=decide,
        evolve=evolve,
        state_format=whole_state(Garage, PARTS),
        next_due=next_due,
    ),
    commands=COMMANDS,
    events=EVENTS,
    key=lambda command: command.spot,
    partitions=2,
    invariant=check,
    flow=flow,
)
