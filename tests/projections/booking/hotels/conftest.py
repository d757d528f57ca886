"""Fixtures: an inn with two doubles and a suite, and its read models in each kind of store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from processors.booking.hotels.commands import (
    AddRooms,
    CancellationStep,
    OpenHotel,
    SetPrices,
    SetRatePlan,
    SetRoomType,
)
from tests.projections.booking.hotels.inn import Inn
from tests.projections.booking.hotels.words import INN, day, noon


@pytest.fixture(params=["sqlite", "memory"])
def inn(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Inn]:
    opened = Inn(request.param, tmp_path)
    steps = (CancellationStep(hours_before=72, percent=50),)
    opened.decide(
        OpenHotel(hotel=INN, name="The Inn", offer_ms=3_600_000),
        SetRoomType(hotel=INN, room_type="double", guests_max=2, extra_rooms=1),
        SetRoomType(hotel=INN, room_type="suite", guests_max=4),
        AddRooms(hotel=INN, room_type="double", names=("d1", "d2")),
        AddRooms(hotel=INN, room_type="suite", names=("s1",)),
        SetRatePlan(hotel=INN, rate_plan="flexible", cancellation=steps),
        SetRatePlan(hotel=INN, rate_plan="saver", refundable=False, minimum_nights=2),
        *(
            SetPrices(
                hotel=INN,
                rate_plan=plan,
                room_type=room_type,
                first_night=day(0),
                until_night=day(30),
                price=price,
            )
            for plan, room_type, price in (
                ("flexible", "double", 100_00),
                ("flexible", "suite", 200_00),
                ("saver", "double", 80_00),
            )
        ),
        at_ms=noon(0),
    )
    yield opened
    opened.store.close()
