"""Random commands on a tiny hotel: at every event, no night is sold beyond its limit, no room has
two guests, a group has all its rooms or none, and nobody waits for what is free."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from log.envelope import Command
from processors.booking.hotels import SYSTEM
from processors.booking.hotels.commands import (
    AddRooms,
    BookRooms,
    CancelBooking,
    CheckIn,
    CheckOut,
    ConfirmBooking,
    ExtendStay,
    ModifyBooking,
    MoveGuest,
    RemoveRoom,
    ReportNoShow,
    RoomRequest,
    SetInOrder,
    SetOutOfOrder,
    SetOverbooking,
    SetRoomType,
    WalkGuest,
)
from processors.booking.hotels.events import BookedRooms, OfferMade, RoomsBooked
from processors.booking.hotels.invariants import check
from processors.booking.hotels.state import Day, Hotels
from processors.core.decider import decode_state, digest, encode_state
from processors.core.messages import Tick
from processors.core.timers import decide_fully
from tests.processors.booking.hotels.ledger import HotelLedger, Ledger
from tests.processors.booking.hotels.scenes import (
    HOUR_MS,
    INN,
    noon,
    small_house,
)

TYPES = ("double", "suite")
ROOMS = ("d1", "d2", "s1", "x1")
STEPS_MS = st.sampled_from((0, 0, 0, 0, HOUR_MS, 5 * HOUR_MS, 26 * HOUR_MS))
NUMBERS = st.tuples(*[st.integers(0, 11)] * 4)
ACTIONS = (
    *("book",) * 6,
    *("check_in",) * 5,
    *("check_out", "cancel", "confirm", "modify", "move", "extend", "no_show", "walk"),
    *("break_room", "mend_room", "limit_nights", "limit", "add_room", "remove_room", "tick"),
)
Step = tuple[int, str, tuple[int, int, int, int]]
"""How long after the one before, an action, and numbers that say whom and what it is about."""


def command_of(state: Hotels, action: str, numbers: tuple[int, ...], at: int, name: str) -> Any:
    """About bookings that there are, on the days around today, so that most of it may be."""
    a, b, c, d = numbers
    hotel = state.hotels[INN]
    today = hotel.today(at)
    due = hotel.schedule.days.get(today) or Day()
    about = sorted(hotel.bookings)
    booking = about[a % len(about)] if about else "nobody"
    arriving = sorted(due.arrivals) or [(booking, 0)]
    here = sorted(room.occupant for room in hotel.rooms.values() if room.occupant)
    guest, number = here[a % len(here)] if here else (booking, 0)
    nights: Any = {"first_night": today + b % 4, "until_night": today + b % 4 + 1 + c % 3}
    arrival, departure = nights["first_night"], nights["until_night"]
    wanted = [RoomRequest(room_type=TYPES[d % 5 == 4], count=1 + (d % 6 == 5))]
    wanted += [RoomRequest(room_type="suite")] * (a == 11)
    commands: dict[str, Command] = {
        "book": BookRooms(
            hotel=INN,
            booking=name,
            guest="guest",
            rate_plan="flexible",
            arrival=arrival,
            departure=departure,
            rooms=tuple(wanted),
            hold_ms=HOUR_MS if a % 4 == 0 else 0,
            wait=d % 2 == 0,
            loyalty=a % 3,
        ),
        "check_in": CheckIn(
            hotel=INN,
            booking=arriving[a % len(arriving)][0],
            number=arriving[a % len(arriving)][1],
            assigned_type=TYPES[c % 2] if d < 3 else "",
        ),
        "check_out": CheckOut(hotel=INN, booking=guest, number=number),
        "cancel": CancelBooking(hotel=INN, booking=booking),
        "confirm": ConfirmBooking(hotel=INN, booking=booking),
        "modify": ModifyBooking(
            hotel=INN, booking=booking, arrival=arrival, departure=departure, rooms=tuple(wanted)
        ),
        "move": MoveGuest(hotel=INN, booking=guest, number=number, room=ROOMS[b % 4]),
        "extend": ExtendStay(hotel=INN, booking=guest, number=number, departure=departure + 1),
        "no_show": ReportNoShow(hotel=INN, booking=arriving[0][0]),
        "walk": WalkGuest(hotel=INN, room_type="double"),
        "break_room": SetOutOfOrder(hotel=INN, room=ROOMS[a % 4], **nights),
        "mend_room": SetInOrder(hotel=INN, room=ROOMS[a % 4], **nights),
        "limit_nights": SetOverbooking(
            hotel=INN, room_type="double", extra_rooms=d % 3, extra_percent=50 * (a % 2), **nights
        ),
        "limit": SetRoomType(hotel=INN, room_type=TYPES[a % 2], guests_max=4, extra_rooms=b % 3),
        "add_room": AddRooms(hotel=INN, room_type=TYPES[a % 2], names=("x1",)),
        "remove_room": RemoveRoom(hotel=INN, room=ROOMS[a % 4]),
        "tick": Tick(),
    }
    return commands[action]


@settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(STEPS_MS, st.sampled_from(ACTIONS), NUMBERS), min_size=30, max_size=90))
def test_at_every_event(drawn: list[Step]) -> None:
    ledger, house = Ledger(), small_house()
    state = house.state
    _apply_set_up(ledger)
    now = noon(0)
    for place, (step_ms, action, numbers) in enumerate(drawn):
        now += step_ms
        command = command_of(state, action, numbers, now, f"b{place}")
        events, state = decide_fully(SYSTEM.decider, state, command, now)
        for event in events:
            ledger.apply(event)
            if isinstance(event, RoomsBooked) and isinstance(command, BookRooms):
                assert _counts(event.rooms) == _counts(command.rooms)
            if isinstance(event, OfferMade):
                assert event.booking not in ledger.hotels[INN].waiting
        check(state)
        hotel = ledger.hotels[INN]
        assert not [name for name, wanted in hotel.waiting.items() if hotel.fits(wanted)]
        _check_same(hotel, state)
    state_format = SYSTEM.decider.state_format
    again = decode_state(state_format, encode_state(state_format, state))
    check(again)
    assert digest(state_format, again) == digest(state_format, state)


def _apply_set_up(ledger: Ledger) -> None:
    """What `small_house` has led to."""
    hotel = ledger.hotels[INN]
    hotel.usual = {"double": (0, 0), "suite": (0, 0)}
    hotel.rooms = {"d1": "double", "d2": "double", "s1": "suite"}


def _counts(lines: tuple[RoomRequest, ...] | tuple[BookedRooms, ...]) -> list[tuple[str, int]]:
    return [(line.room_type, line.count) for line in lines]


def _check_same(ledger: HotelLedger, state: Any) -> None:
    """What the rules keep is what the events say."""
    hotel = state.hotels[INN]
    sold = {
        (name, night): count
        for name, room_type in hotel.room_types.items()
        for night, count in room_type.sold.items()
    }
    held = {
        unit: len(holders)
        for unit, holders in ledger.holders.items()
        if holders and unit[1] >= hotel.first_open_day
    }
    assert sold == held
    guests = {room.name: room.occupant for room in hotel.rooms.values() if room.occupant}
    assert guests == ledger.guests
    assert list(hotel.waiting) == list(ledger.waiting)
