"""Areas, the boxes that cover them, and distances."""

from random import Random

import pytest

from projections.booking.stays.geography import (
    HALF_TURN,
    NORTH_POLE,
    Area,
    Point,
    box_area,
    circle_area,
    distance_m,
    parse_area,
)
from projections.core.errors import QueryError

ALBANY = Point(42_652_600, -73_756_200)
NEW_YORK = Point(40_712_800, -74_006_000)


def is_in(area: Area, point: Point) -> bool:
    return any(
        low[0] <= point[0] <= high[0] and low[1] <= point[1] <= high[1] for low, high in area.boxes
    )


def test_distances_that_are_known() -> None:
    assert distance_m(ALBANY, ALBANY) == 0
    assert distance_m(ALBANY, NEW_YORK) == pytest.approx(216_700, rel=0.002)
    assert distance_m(Point(0, 0), Point(0, HALF_TURN)) == pytest.approx(20_015_115, abs=2)
    assert distance_m(Point(NORTH_POLE, 7), Point(-NORTH_POLE, 9)) == pytest.approx(
        20_015_115, abs=2
    )
    assert distance_m(Point(0, HALF_TURN), Point(0, -HALF_TURN)) == 0
    assert distance_m(Point(0, 0), Point(9, 0)) == 1


def test_the_boxes_of_a_circle_leave_nothing_out_and_are_not_much_larger() -> None:
    draw = Random(4)
    for _ in range(2_000):
        centre = Point(draw.randint(-NORTH_POLE, NORTH_POLE), draw.randint(-HALF_TURN, HALF_TURN))
        radius_m = draw.choice((500, 20_000, 1_000_000))
        area = circle_area(*centre, radius_m)
        spread = radius_m * 30
        near = Point(
            max(min(centre[0] + draw.randint(-spread, spread), NORTH_POLE), -NORTH_POLE),
            (centre[1] + draw.randint(-spread, spread) + HALF_TURN) % (2 * HALF_TURN) - HALF_TURN,
        )
        if distance_m(centre, near) <= radius_m:
            assert is_in(area, near), (centre, radius_m, near)
        if abs(centre[0]) < 60_000_000 and is_in(area, near):
            assert distance_m(centre, near) < radius_m * 1.6


def test_what_goes_across_the_180th_meridian_is_two_boxes() -> None:
    fiji = box_area(-20_000_000, 177_000_000, -15_000_000, -178_000_000)
    assert len(fiji.boxes) == 2
    assert fiji.centre == Point(-17_500_000, 179_500_000)
    assert is_in(fiji, Point(-18_000_000, 179_000_000))
    assert is_in(fiji, Point(-18_000_000, -179_000_000))
    assert not is_in(fiji, Point(-18_000_000, 0))
    around = circle_area(-17_000_000, 179_990_000, 5_000)
    assert is_in(around, Point(-17_000_000, -179_990_000))


def test_areas_as_people_write_them() -> None:
    assert parse_area("42.6,-73.9, 42.7,-73.7") == box_area(
        42_600_000, -73_900_000, 42_700_000, -73_700_000
    )
    assert parse_area("42.6526,-73.7562,2000") == circle_area(*ALBANY, 2_000)
    assert is_in(parse_area(""), Point(-NORTH_POLE, HALF_TURN))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Albany", "an area is SOUTH,WEST,NORTH,EAST"),
        ("1,2", "an area is SOUTH,WEST,NORTH,EAST"),
        ("91,0,92,1", "'91' is no latitude"),
        ("1,181,2,3", "'181' is no longitude"),
        ("north,0,1,1", "'north' is no latitude"),
        ("nan,0,1,1", "'nan' is no latitude"),
        ("2,0,1,1", "south is north of north"),
        ("1,1,-5", "'-5' is no radius"),
        ("1,1,1e3", "'1e3' is no radius"),
        ("1,1,99999999", "'99999999' is no radius"),
    ],
)
def test_what_is_no_area_is_said(text: str, says: str) -> None:
    with pytest.raises(QueryError, match=says):
        parse_area(text)
