"""Who holds what, kept from events alone: an oracle that knows nothing of the rules' own state.

    for event in events:
        ledger.apply(event)  # AssertionError where a night or a room has one too many

By hotel, each unit that is sold (a room of a type in a night) has its holders by name, and each
room its guest. What may be sold is counted anew each time, from rooms, nights out of order and
limits.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from processors.booking.hotels.events import (
    BookedRooms,
    BookingCancelled,
    BookingLapsed,
    BookingModified,
    BookingWaitlisted,
    DayEnded,
    GuestCheckedIn,
    GuestCheckedOut,
    GuestMoved,
    GuestNotShown,
    GuestWalked,
    OfferMade,
    OverbookingSet,
    RoomInOrder,
    RoomOutOfOrder,
    RoomRemoved,
    RoomsAdded,
    RoomsBooked,
    RoomTypeSet,
    StayExtended,
)

Holder = tuple[str, int]
Limit = tuple[int, int]
Unit = tuple[str, int]
"""A room type and a night."""


@dataclass
class HotelLedger:
    rooms: dict[str, str] = field(default_factory=dict)
    """Room types by room."""
    usual: dict[str, Limit] = field(default_factory=dict)
    limits: dict[Unit, Limit] = field(default_factory=dict)
    broken: set[tuple[str, int]] = field(default_factory=set)
    """(room, night)"""
    holders: dict[Unit, set[Holder]] = field(default_factory=lambda: defaultdict(set))
    held: dict[Holder, set[Unit]] = field(default_factory=lambda: defaultdict(set))
    guests: dict[str, Holder] = field(default_factory=dict)
    """By room."""
    days: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Arrival and departure by booking."""
    waiting: dict[str, BookingWaitlisted] = field(default_factory=dict)
    most: int = 0
    """The most that was ever held of one unit."""

    def capacity(self, unit: Unit) -> int:
        room_type, night = unit
        rooms = sum(
            kind == room_type and (room, night) not in self.broken
            for room, kind in self.rooms.items()
        )
        extra, percent = self.limits.get(unit, self.usual[room_type])
        return rooms + extra + rooms * percent // 100

    def fits(self, wanted: BookingWaitlisted) -> bool:
        needs: dict[str, int] = defaultdict(int)
        for request in wanted.requests:
            needs[request.room_type] += request.count
        return all(
            len(self.holders[kind, night]) + count <= self.capacity((kind, night))
            for kind, count in needs.items()
            for night in range(wanted.arrival, wanted.departure)
        )

    def take(self, booking: str, rooms: tuple[BookedRooms, ...]) -> None:
        arrival, departure = self.days[booking]
        number = 0
        for line in rooms:
            for _ in range(line.count):
                for night in range(arrival, departure):
                    self.hold((booking, number), (line.room_type, night))
                self.held.setdefault((booking, number), set())
                number += 1

    def hold(self, holder: Holder, unit: Unit) -> None:
        self.holders[unit].add(holder)
        self.held[holder].add(unit)
        self.most = max(self.most, len(self.holders[unit]))
        capacity = self.capacity(unit)
        assert len(self.holders[unit]) <= capacity, (
            f"{unit} has {capacity}, and is held by {sorted(self.holders[unit])}"
        )

    def release(self, holder: Holder, first_night: int = 0) -> None:
        for unit in sorted(self.held[holder]):
            if unit[1] >= first_night:
                self.held[holder].remove(unit)
                self.holders[unit].remove(holder)

    def release_all(self, booking: str) -> None:
        for holder in [holder for holder in self.held if holder[0] == booking]:
            self.release(holder)
            del self.held[holder]

    def enter(self, holder: Holder, room: str) -> None:
        assert room not in self.guests, f"{holder} and {self.guests[room]} are in room {room}"
        self.guests[room] = holder

    def retype(self, holder: Holder, room_type: str, first_night: int) -> None:
        nights = [night for _, night in self.held[holder] if night >= first_night]
        self.release(holder, first_night)
        for night in sorted(nights):
            self.hold(holder, (room_type, night))

    def forget(self, day: int) -> None:
        """Nights up to this one are over."""
        for unit in [unit for unit in self.holders if unit[1] <= day]:
            for holder in self.holders.pop(unit):
                self.held[holder].remove(unit)

    def check_all(self) -> None:
        for unit, holders in self.holders.items():
            assert len(holders) <= self.capacity(unit), f"{unit}: {sorted(holders)}"


class Ledger:
    def __init__(self) -> None:
        self.hotels: dict[str, HotelLedger] = defaultdict(HotelLedger)

    def apply(self, event: Any) -> None:
        hotel = self.hotels[getattr(event, "hotel", "")]
        match event:
            case RoomTypeSet() | OverbookingSet() | RoomsAdded() | RoomRemoved():
                _set_up(hotel, event)
                hotel.check_all()
            case RoomOutOfOrder(room=room, nights=nights):
                hotel.broken.update((room, night) for night in nights)
                hotel.check_all()
            case RoomInOrder(room=room, nights=nights):
                hotel.broken.difference_update((room, night) for night in nights)
            case RoomsBooked() | BookingModified():
                hotel.release_all(event.booking)
                hotel.days[event.booking] = event.arrival, event.departure
                hotel.take(event.booking, event.rooms)
            case BookingWaitlisted():
                hotel.days[event.booking] = event.arrival, event.departure
                hotel.waiting[event.booking] = event
            case OfferMade():
                del hotel.waiting[event.booking]
                hotel.take(event.booking, event.rooms)
            case BookingLapsed(booking=booking):
                hotel.waiting.pop(booking, None)
                hotel.release_all(booking)
            case BookingCancelled(booking=booking, numbers=numbers):
                hotel.waiting.pop(booking, None)
                for number in numbers:
                    hotel.release((booking, number))
            case GuestNotShown() | GuestWalked():
                hotel.release((event.booking, event.number))
            case DayEnded(day=day):
                hotel.forget(day)
            case GuestCheckedIn() | GuestMoved() | GuestCheckedOut() | StayExtended():
                _in_house(hotel, event)


def _set_up(hotel: HotelLedger, event: Any) -> None:
    match event:
        case RoomTypeSet():
            hotel.usual[event.room_type] = event.extra_rooms, event.extra_percent
        case OverbookingSet():
            for night in range(event.first_night, event.until_night):
                hotel.limits[event.room_type, night] = event.extra_rooms, event.extra_percent
        case RoomsAdded():
            hotel.rooms.update(dict.fromkeys(event.names, event.room_type))
        case RoomRemoved():
            del hotel.rooms[event.room]
            hotel.broken = {it for it in hotel.broken if it[0] != event.room}


def _in_house(hotel: HotelLedger, event: Any) -> None:
    holder = event.booking, event.number
    match event:
        case GuestCheckedIn():
            hotel.enter(holder, event.room)
            hotel.retype(holder, event.room_type, event.day)
        case GuestMoved():
            assert hotel.guests.pop(event.from_room) == holder
            hotel.enter(holder, event.room)
            hotel.retype(holder, event.room_type, event.day)
        case StayExtended():
            room = next(room for room, guest in hotel.guests.items() if guest == holder)
            until = event.departure
            for night in range(until - len(event.prices), until):
                hotel.hold(holder, (hotel.rooms[room], night))
        case GuestCheckedOut():
            assert hotel.guests.pop(event.room) == holder
            hotel.release(holder, event.day)
