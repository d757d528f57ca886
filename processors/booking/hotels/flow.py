"""A seeded flow of commands: small hotels in high season, with everything that may happen there.

Each hotel is opened with its rooms, plans and prices, for a year at a time. Then bookings come, of
one room or of groups, held or at once, for the days to come; they are confirmed, changed and
cancelled, guests arrive, extend, move and leave, or do not show up; rooms break and are mended,
limits and restrictions change. Two in a hundred requests are nonsense.
"""

import random
from collections import deque
from collections.abc import Iterator

from log.envelope import Command
from processors.booking.hotels.commands import (
    AddRooms,
    BookRooms,
    CancelBooking,
    CancellationStep,
    CheckIn,
    CheckOut,
    ConfirmBooking,
    ExtendStay,
    ModifyBooking,
    MoveGuest,
    OpenHotel,
    RemoveRoom,
    ReportNoShow,
    RoomRequest,
    SetInOrder,
    SetOutOfOrder,
    SetOverbooking,
    SetPrices,
    SetRatePlan,
    SetRestrictions,
    SetRoomType,
    WalkGuest,
)
from processors.booking.hotels.decider import DECIDER
from processors.booking.hotels.state import Booking, Day, Hotel, Hotels, Status
from processors.booking.hotels.terms import DAY_MS
from processors.core.timers import decide_fully

START_MS = 1_700_000_000_000
HOTELS = ("alba", "dune", "esplanade", "fjord")
"""One on each of four partitions."""
TYPES = {"single": (1, 2, 70_00), "double": (2, 4, 110_00), "suite": (4, 1, 260_00)}
"""Guests, rooms, and the price of a night in cents."""
PLANS = ("flexible", "saver")
GUESTS = 400
RECENT = 60
"""Of the latest bookings, how many are changed."""
PRICED_NIGHTS = 365
STEP_MS = 3_000_000
"""The longest time between two commands: some 60 commands a day."""
AHEAD_NIGHTS = 7

Timed = tuple[int, Command]


class _House:
    """A hotel as the flow sees it: by the rules, so that most of what is asked makes sense."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.priced_until = 0
        self.state = Hotels()
        self.recent: deque[str] = deque(maxlen=RECENT)

    def told(self, at: int, command: Command) -> Timed:
        _, self.state = decide_fully(DECIDER, self.state, command, at)
        return at, command

    @property
    def hotel(self) -> Hotel:
        return self.state.hotels[self.name]

    def due(self, today: int) -> Day:
        return self.hotel.schedule.days.get(today) or Day()


def flow(seed: int, start_ms: int = START_MS) -> Iterator[Timed]:
    """Endless; see above."""
    draw = random.Random(seed)
    now, number = start_ms, 0
    houses = [_House(name) for name in HOTELS]
    for house in houses:
        for command in _opening(house, now // DAY_MS):
            yield house.told(now, command)
    while True:
        now += draw.randrange(STEP_MS)
        number += 1
        house = draw.choice(houses)
        today = now // DAY_MS
        if house.priced_until < today + 4 * AHEAD_NIGHTS:
            for command in _prices(house, today):
                yield house.told(now, command)
        yield house.told(now, _next(draw, house, today, f"b{number}"))


def _opening(house: _House, today: int) -> Iterator[Command]:
    name = house.name
    yield OpenHotel(
        hotel=name, name=name.title(), hold_ms_max=DAY_MS, offer_ms=DAY_MS // 8, waiting_max=20
    )
    for room_type, (guests, rooms, _price) in TYPES.items():
        yield SetRoomType(hotel=name, room_type=room_type, guests_max=guests, extra_rooms=1)
        names = tuple(f"{room_type[:2]}{number}" for number in range(1, rooms + 1))
        yield AddRooms(hotel=name, room_type=room_type, names=names)
    steps = (
        CancellationStep(hours_before=72, percent=50),
        CancellationStep(hours_before=24, percent=100),
    )
    yield SetRatePlan(
        hotel=name,
        rate_plan="flexible",
        minimum_nights=0,
        cancellation=steps,
        early_departure_percent=50,
    )
    yield SetRatePlan(hotel=name, rate_plan="saver", refundable=False, minimum_nights=2)
    yield from _prices(house, today)


def _prices(house: _House, today: int) -> Iterator[Command]:
    first = max(today, house.priced_until)
    house.priced_until = today + PRICED_NIGHTS
    for plan, percent in zip(PLANS, (100, 80), strict=True):
        for room_type, (_guests, _rooms, price) in TYPES.items():
            yield SetPrices(
                hotel=house.name,
                rate_plan=plan,
                room_type=room_type,
                first_night=first,
                until_night=house.priced_until,
                price=price * percent // 100,
            )


def _next(draw: random.Random, house: _House, today: int, name: str) -> Command:
    due = house.due(today)
    chance = draw.random()
    if chance < 0.02:
        return _nonsense(draw, house, today)
    if chance < 0.06:
        return _operating(draw, house, today)
    if due.arrivals and chance < 0.35:
        return _arrival(draw, house, *draw.choice(list(due.arrivals)))
    if due.departures and chance < 0.5:
        booking, number = draw.choice(list(due.departures))
        return CheckOut(hotel=house.name, booking=booking, number=number)
    known = [it for it in house.recent if it in house.hotel.bookings]
    held = [it for it in known if house.hotel.bookings[it].until_ms]
    if held and draw.random() < 0.3:
        return ConfirmBooking(hotel=house.name, booking=held[-1])
    if known and draw.random() < 0.25:
        return _change(draw, house, house.hotel.bookings[draw.choice(known)], today)
    return _booking(draw, house, today, name)


def _arrival(draw: random.Random, house: _House, booking: str, number: int) -> Command:
    chance = draw.random()
    if house.hotel.bookings[booking].status is not Status.CONFIRMED:
        return ConfirmBooking(hotel=house.name, booking=booking)
    if chance < 0.08:
        return ReportNoShow(hotel=house.name, booking=booking)
    room_type = house.hotel.bookings[booking].stays[number].room_type
    if chance < (0.1 if house.hotel.room_types[room_type].free else 0.5):
        return WalkGuest(hotel=house.name, room_type=room_type, to="Hotel Central")
    assigned_type = draw.choice(["", "", "", *TYPES])
    return CheckIn(hotel=house.name, booking=booking, number=number, assigned_type=assigned_type)


def _change(draw: random.Random, house: _House, it: Booking, today: int) -> Command:
    hotel, booking = house.name, it.name
    chance = draw.random()
    here = [number for number, stay in it.stays.items() if stay.room]
    if here:
        number = draw.choice(here)
        if chance < 0.4:
            departure = it.stays[number].departure + draw.randrange(1, 3)
            return ExtendStay(hotel=hotel, booking=booking, number=number, departure=departure)
        if chance < 0.8:
            return MoveGuest(hotel=hotel, booking=booking, number=number, room=_room(draw))
        return CheckOut(hotel=hotel, booking=booking, number=number)
    if chance < 0.55:
        return CancelBooking(hotel=hotel, booking=booking)
    arrival = today + draw.randrange(AHEAD_NIGHTS)
    return ModifyBooking(
        hotel=hotel,
        booking=booking,
        arrival=arrival,
        departure=arrival + draw.randrange(1, 5),
        rooms=_rooms(draw),
    )


def _room(draw: random.Random) -> str:
    room_type = draw.choice(list(TYPES))
    return f"{room_type[:2]}{draw.randrange(1, TYPES[room_type][1] + 1)}"


def _rooms(draw: random.Random) -> tuple[RoomRequest, ...]:
    if draw.random() < 0.85:
        return (RoomRequest(room_type=draw.choice(list(TYPES))),)
    chosen = draw.sample(list(TYPES), draw.randrange(1, 3))
    return tuple(RoomRequest(room_type=it, count=draw.randrange(1, 4)) for it in chosen)


def _booking(draw: random.Random, house: _House, today: int, name: str) -> Command:
    arrival = today + min(draw.randrange(AHEAD_NIGHTS), draw.randrange(AHEAD_NIGHTS))
    nights = draw.choice((0, 1, 1, 2, 2, 2, 3, 3, 4, 7))
    rooms = _rooms(draw)
    hold_ms = draw.choice((0, 0, 0, DAY_MS // 12, DAY_MS // 2))
    house.recent.append(name)
    return BookRooms(
        hotel=house.name,
        booking=name,
        guest=f"guest-{draw.randrange(GUESTS)}",
        rate_plan=PLANS[nights > 1 and draw.random() < 0.4],
        arrival=arrival,
        departure=arrival + nights,
        rooms=rooms,
        hold_ms=hold_ms,
        wait=draw.random() < 0.3,
        agreed_price=draw.choice((None, None, None, 90_00)),
        loyalty=draw.choice((0, 0, 0, 10, 50)),
    )


def _operating(draw: random.Random, house: _House, today: int) -> Command:
    hotel, room_type = house.name, draw.choice(list(TYPES))
    first = today + draw.randrange(AHEAD_NIGHTS)
    until = first + draw.randrange(1, 4)
    match draw.randrange(6):
        case 0:
            return SetOutOfOrder(
                hotel=hotel, room=_room(draw), first_night=first, until_night=until, why="leak"
            )
        case 1:
            return SetInOrder(
                hotel=hotel, room=_room(draw), first_night=today, until_night=today + AHEAD_NIGHTS
            )
        case 2:
            return SetOverbooking(
                hotel=hotel,
                room_type=room_type,
                first_night=first,
                until_night=until,
                extra_rooms=draw.randrange(3),
            )
        case 3:
            return SetRoomType(
                hotel=hotel,
                room_type=room_type,
                guests_max=TYPES[room_type][0],
                extra_rooms=1,
                extra_percent=draw.choice((0, 20, 50)),
            )
        case 4:
            return _extra_room(draw, house, room_type)
    return SetRestrictions(
        hotel=hotel,
        rate_plan=draw.choice(PLANS),
        room_type=room_type,
        first_night=first,
        until_night=until,
        closed=draw.random() < 0.2,
        closed_to_arrival=draw.random() < 0.3,
        closed_to_departure=draw.random() < 0.3,
        minimum_nights=draw.choice((0, 0, 2)),
    )


def _extra_room(draw: random.Random, house: _House, room_type: str) -> Command:
    """One that was not there at the beginning: added, or given up again."""
    extra = [name for name in house.hotel.rooms if len(name) > 3]
    if extra and draw.random() < 0.6:
        return RemoveRoom(hotel=house.name, room=draw.choice(extra))
    name = f"{room_type[:2]}{draw.randrange(20, 24)}"
    return AddRooms(hotel=house.name, room_type=room_type, names=(name,))


def _nonsense(draw: random.Random, house: _House, today: int) -> Command:
    hotel = draw.choice((house.name, "nowhere"))
    rooms = (RoomRequest(room_type=draw.choice(("igloo", "double")), count=draw.randrange(2)),)
    return draw.choice(
        (
            CancelBooking(hotel=hotel, booking="nobody"),
            CheckIn(hotel=hotel, booking="nobody"),
            BookRooms(
                hotel=hotel,
                booking="b1",
                guest="guest-0",
                rate_plan="flexible",
                arrival=today - 1,
                departure=today + 1,
                rooms=rooms,
            ),
        )
    )
