"""The garage's read models: who stands where now, and every stay there was.

As small as they come, and with a column of every kind.
"""

import msgspec

from projections.core.projection import Events, Projection, Table
from projections.core.rows import Tables
from projections.core.store import Reader
from tests.samples.parking.events import CarLeft, CarParked, CarRefused


class Spot(msgspec.Struct):
    spot: str
    car: str
    until_ms: int
    sequence: int


class Stay(msgspec.Struct):
    partition: int
    sequence: int
    spot: str
    car: str
    parked_at_ms: int
    left_at_ms: int | None = None
    expired: bool = False
    paid: float = 0.0
    ticket: bytes = b""


class CarVisits(msgspec.Struct):
    partition: int
    car: str
    visits: int = 0
    refusals: int = 0


SPOTS = Table("spots", Spot, key=("spot",), indexes=(("car",),))
STAYS = Table(
    "stays",
    Stay,
    key=("partition", "sequence"),
    indexes=(("spot", "parked_at_ms"), ("expired", "spot")),
)
VISITS = Table("car_visits", CarVisits, key=("partition", "car"))


def fold_spots(tables: Tables, events: Events) -> None:
    spots = tables[SPOTS]
    for event, _at_ms in events:
        match event:
            case CarParked():
                spots.insert(Spot(event.spot, event.car, event.until_ms, event.sequence))
            case CarLeft():
                spots.delete(event.spot)


def fold_stays(tables: Tables, events: Events) -> None:
    spots, stays = tables[STANDING], tables[STAYS]
    for event, at_ms in events:
        match event:
            case CarParked():
                spots.put(Spot(event.spot, event.car, event.until_ms, event.sequence))
                ticket = bytes((event.sequence % 256, 0))
                stays.put(
                    Stay(
                        events.partition,
                        event.sequence,
                        event.spot,
                        event.car,
                        at_ms,
                        ticket=ticket,
                    )
                )
            case CarLeft():
                stay = stays[events.partition, spots[event.spot].sequence]
                spots.delete(event.spot)
                stay.left_at_ms = at_ms
                stay.expired = event.expired
                stay.paid = (at_ms - stay.parked_at_ms) / 1000
                stays.put(stay)


def fold_visits(tables: Tables, events: Events) -> None:
    visits = tables[VISITS]
    for event, _at_ms in events:
        match event:
            case CarParked(car=car):
                row = visits.get((events.partition, car)) or CarVisits(events.partition, car)
                row.visits += 1
                visits.put(row)
            case CarRefused(reason=reason):
                car = reason.removeprefix("taken by ")
                row = visits.get((events.partition, car)) or CarVisits(events.partition, car)
                row.refusals += 1
                visits.put(row)


STANDING = Table("standing", Spot, key=("spot",))
COMINGS = (CarParked, CarLeft)
OCCUPANCY = Projection(name="occupancy", events=COMINGS, tables=(SPOTS,), fold=fold_spots)
HISTORY = Projection(name="history", events=COMINGS, tables=(STANDING, STAYS), fold=fold_stays)
CARS = Projection(name="cars", events=(CarParked, CarRefused), tables=(VISITS,), fold=fold_visits)
PROJECTIONS = (OCCUPANCY, HISTORY, CARS)


def taken(reader: Reader) -> list[Spot]:
    """The spots that are taken now."""
    return list(reader.rows(SPOTS))


def who(reader: Reader, spot: str) -> Spot | None:
    """Who stands on a spot."""
    return reader.get(SPOTS, spot)


def stays(reader: Reader, spot: str, since_ms: int = 0, limit: int = 10) -> list[Stay]:
    """The stays on a spot, earliest first."""
    by = ("spot", "parked_at_ms")
    return list(reader.rows(STAYS, spot, by=by, at_least=since_ms, limit=limit))


QUERIES = (taken, who, stays)
