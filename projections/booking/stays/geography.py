"""Places on the map: areas as people write them, the boxes that cover them, and distances.

Coordinates are integers in microdegrees, distances metres on a sphere of the Earth's mean radius,
which is within 0.6 % of the ellipsoid.
"""

from decimal import Decimal, InvalidOperation
from math import asin, cos, degrees, hypot, radians, sin, sqrt
from typing import Final, NamedTuple

from projections.core.errors import QueryError
from projections.core.projection import Box

EARTH_RADIUS_M: Final = 6_371_008.8
MICRODEGREES: Final = 1_000_000
NORTH_POLE: Final = 90 * MICRODEGREES
HALF_TURN: Final = 180 * MICRODEGREES
EVERYWHERE: Final = Box((-NORTH_POLE, -HALF_TURN), (NORTH_POLE, HALF_TURN))
RADIUS_MAX_M: Final = 20_100_000
"""Half way around."""
AREA_FORMS: Final = (
    "an area is SOUTH,WEST,NORTH,EAST or LATITUDE,LONGITUDE,METRES, in degrees: "
    "42.6,-73.9,42.7,-73.7 or 42.65,-73.75,2000"
)


class Point(NamedTuple):
    latitude: int
    longitude: int


class Area(NamedTuple):
    """Where to look: boxes, and of a circle no more than what is within its radius."""

    boxes: tuple[Box, ...]
    centre: Point | None
    """Of the circle, or the middle of the box; everywhere has none."""
    radius_m: int | None = None


def box_area(south: int, west: int, north: int, east: int) -> Area:
    """In microdegrees. Where west is more than east, across the 180th meridian."""
    turn = 0 if west <= east else 2 * HALF_TURN
    longitude = _turned((west + east + turn) // 2)
    return Area(boxes_of(south, west, north, east), Point((south + north) // 2, longitude))


def boxes_of(south: int, west: int, north: int, east: int) -> tuple[Box, ...]:
    """One box, or two where it goes across the 180th meridian."""
    if west <= east:
        return (Box((south, west), (north, east)),)
    return (
        Box((south, west), (north, HALF_TURN)),
        Box((south, -HALF_TURN), (north, east)),
    )


def circle_area(latitude: int, longitude: int, radius_m: int) -> Area:
    """What is at most `radius_m` away from a point."""
    centre = Point(latitude, longitude)
    angle = radius_m / EARTH_RADIUS_M
    height = int(degrees(angle) * MICRODEGREES) + 1
    south, north = latitude - height, latitude + height
    if south <= -NORTH_POLE or north >= NORTH_POLE:  # a pole is in it: every meridian is
        low = Point(max(south, -NORTH_POLE), -HALF_TURN)
        return Area((Box(low, (min(north, NORTH_POLE), HALF_TURN)),), centre, radius_m)
    sine = min(sin(angle) / cos(radians(latitude / MICRODEGREES)), 1.0)
    width = int(degrees(asin(sine)) * MICRODEGREES) + 1
    west, east = _turned(longitude - width), _turned(longitude + width)
    return Area(boxes_of(south, west, north, east), centre, radius_m)


def distance_m(one: Point, other: Point) -> int:
    """Along the great circle, to the metre (haversine)."""
    phi, other_phi = radians(one[0] / MICRODEGREES), radians(other[0] / MICRODEGREES)
    turn = radians((other[1] - one[1]) / MICRODEGREES) / 2
    across = sqrt(cos(phi) * cos(other_phi)) * sin(turn)
    return round(2 * EARTH_RADIUS_M * asin(min(hypot(sin((other_phi - phi) / 2), across), 1.0)))


def parse_area(text: str) -> Area:
    """As a person writes it; empty is everywhere. Errors: QueryError."""
    if not text:
        return Area((EVERYWHERE,), None)
    parts = text.split(",")
    if len(parts) == 3:
        latitude, longitude = _coordinates(text, parts[:2])
        radius = parts[2].strip()
        if not radius.isdecimal() or not 0 < int(radius) <= RADIUS_MAX_M:
            raise QueryError(f"area {text!r}: {radius!r} is no radius in metres; {AREA_FORMS}")
        return circle_area(latitude, longitude, int(radius))
    if len(parts) != 4:
        raise QueryError(f"area {text!r}: {AREA_FORMS}")
    south, west, north, east = _coordinates(text, parts)
    if south > north:
        raise QueryError(f"area {text!r}: south is north of north; {AREA_FORMS}")
    return box_area(south, west, north, east)


def _coordinates(text: str, parts: list[str]) -> list[int]:
    found = []
    for place, part in enumerate(parts):
        limit = HALF_TURN if place % 2 else NORTH_POLE
        try:
            scaled = Decimal(part.strip()) * MICRODEGREES
        except InvalidOperation:
            scaled = Decimal("NaN")
        if not scaled.is_finite() or abs(scaled) > limit:
            name = "longitude" if place % 2 else "latitude"
            raise QueryError(f"area {text!r}: {part.strip()!r} is no {name}; {AREA_FORMS}")
        found.append(round(scaled))
    return found


def _turned(longitude: int) -> int:
    """Within half a turn of zero."""
    if -HALF_TURN <= longitude <= HALF_TURN:
        return longitude
    return (longitude + HALF_TURN) % (2 * HALF_TURN) - HALF_TURN
