"""The rules of the garage: a spot holds one car, until it leaves or its stay runs out."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from log.envelope import Event
from processors.core.decider import PartKey, StateParts
from processors.core.messages import Tick
from tests.samples.parking.commands import LeaveSpot, ParkCar
from tests.samples.parking.events import CarLeft, CarParked, CarRefused


class Stay(msgspec.Struct):
    car: str
    until_ms: int


class Garage(msgspec.Struct):
    stays: dict[str, Stay]


def initial() -> Garage:
    return Garage({})


def next_due(garage: Garage) -> int | None:
    return min((stay.until_ms for stay in garage.stays.values()), default=None)


def decide(garage: Garage, command: ParkCar | LeaveSpot | Tick, at: int) -> Sequence[Event]:
    match command:
        case Tick():
            return [
                CarLeft(spot=spot, expired=True)
                for spot, stay in garage.stays.items()
                if stay.until_ms <= at
            ]
        case ParkCar(spot=spot) if spot in garage.stays:
            return [CarRefused(spot=spot, reason=f"taken by {garage.stays[spot].car}")]
        case ParkCar(stay_ms=stay_ms) if stay_ms < 0:
            raise ValueError("a stay cannot be negative")
        case ParkCar(spot=spot, car=car, stay_ms=stay_ms):
            return [CarParked(spot=spot, car=car, until_ms=at + stay_ms)]
        case LeaveSpot(spot=spot):
            return [CarLeft(spot=spot)] if spot in garage.stays else []


def evolve(garage: Garage, event: Event) -> Garage:
    match event:
        case CarParked(spot=spot, car=car, until_ms=until_ms):
            garage.stays[spot] = Stay(car, until_ms)
        case CarLeft(spot=spot):
            del garage.stays[spot]
    return garage


def keys(garage: Garage) -> Iterator[PartKey]:
    return ((spot,) for spot in garage.stays)


def part(garage: Garage, key: PartKey) -> Stay | None:
    return garage.stays.get(key[0])


def touched(garage: Garage, event: Event) -> Iterable[PartKey]:
    return ((event.spot,),) if isinstance(event, CarParked | CarLeft) else ()


PARTS = StateParts(keys=keys, part=part, touched=touched)
