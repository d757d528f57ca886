"""What a decision costs does not grow with the bookings that there are."""

import gc
import random
import time

from log.envelope import Command
from processors.booking.hotels.commands import (
    AddRooms,
    BookRooms,
    OpenHotel,
    RoomRequest,
    SetRatePlan,
    SetRoomType,
)
from processors.booking.hotels.decider import DECIDER
from processors.booking.hotels.events import RoomsBooked
from processors.booking.hotels.state import Hotels
from processors.core.timers import decide_fully
from tests.processors.booking.hotels.scenes import DAY_ZERO, noon

HOTELS, ROOMS = 40, 100
ROUNDS, BOOKINGS = 8, 2_500
NAMES = tuple(f"r{number}" for number in range(ROOMS))


def opened() -> Hotels:
    state = DECIDER.initial()
    for number in range(HOTELS):
        hotel = f"h{number}"
        commands: list[Command] = [
            OpenHotel(hotel=hotel),
            SetRatePlan(hotel=hotel, rate_plan="p"),
            SetRoomType(hotel=hotel, room_type="room", guests_max=2),
            AddRooms(hotel=hotel, room_type="room", names=NAMES),
        ]
        for command in commands:
            _, state = decide_fully(DECIDER, state, command, noon(0))
    return state


def test_a_booking_costs_the_same_however_many_there_are() -> None:
    """The last round against the fastest of all, with much room for a busy machine."""
    draw, state = random.Random(1), opened()
    took_s = []
    gc.collect()
    gc.freeze()  # what other tests have left is not looked through here
    for number in range(ROUNDS):
        commands = [
            BookRooms(
                hotel=f"h{draw.randrange(HOTELS)}",
                booking=f"b{number}-{each}",
                guest="guest",
                rate_plan="p",
                arrival=(arrival := DAY_ZERO + draw.randrange(350)),
                departure=arrival + draw.randrange(1, 4),
                rooms=(RoomRequest(room_type="room"),),
                agreed_price=100_00,
                hold_ms=86_400_000 if each % 4 == 0 else 0,
            )
            for each in range(BOOKINGS)
        ]
        started = time.process_time()
        for command in commands:
            events, state = decide_fully(DECIDER, state, command, noon(0))
            assert isinstance(events[0], RoomsBooked)
        took_s.append(time.process_time() - started)
    gc.unfreeze()
    assert sum(len(hotel.bookings) for hotel in state.hotels.values()) == ROUNDS * BOOKINGS
    assert took_s[-1] < 4 * min(took_s), took_s
