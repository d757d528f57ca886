"""The seeded flow: everything that may happen in a hotel does, most of it makes sense, and the
overview draws it."""

from collections import Counter
from itertools import islice

from processors.booking.hotels import SYSTEM
from processors.booking.hotels.events import EVENTS, RequestRejected
from processors.booking.hotels.overview import draw
from processors.core.timers import decide_fully
from tests.processors.booking.hotels.ledger import Ledger
from tests.processors.booking.hotels.scenes import book, check_in, day, noon, rooms, small_house

COMMANDS = 6_000


def test_all_events_come_and_no_night_is_oversold() -> None:
    state, ledger = SYSTEM.decider.initial(), Ledger()
    seen: Counter[type[object]] = Counter()
    for at, command in islice(SYSTEM.flow(4), COMMANDS):
        events, state = decide_fully(SYSTEM.decider, state, command, at)
        for event in events:
            seen[type(event)] += 1
            ledger.apply(event)
    assert set(seen) == set(EVENTS)
    assert seen[RequestRejected] < COMMANDS // 2


def test_a_drawn_hotel() -> None:
    house = small_house(extra_rooms=1)
    house.when(book("a", 0, 2), noon(0))
    house.when(book("g", 1, 3, rooms=rooms(double=2, suite=1)), noon(0))
    house.when(book("w", 1, 3, rooms=rooms(suite=1), wait=True), noon(0))
    house.when(check_in("a"), noon(0))
    assert SYSTEM.render is not None
    head, _, double, suite = SYSTEM.render(house.state).splitlines()
    assert head == f"inn, day {day(0)}: 3 bookings, 1 rooms with guests, 1 bookings waiting"
    assert double.split()[:5] == ["double", "2", "1/3", "3/3", "2/3"]
    assert suite.split()[:5] == ["suite", "1", "0/1", "1/1", "1/1"]
    assert draw(house.hotel) == SYSTEM.render(house.state)
    assert SYSTEM.render(SYSTEM.decider.initial()) == "no hotel is open"
