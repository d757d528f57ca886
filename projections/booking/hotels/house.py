"""What goes on in the hotels, folded: each event changes who is where, and what is sold by night.

**Its own constraint**: a night in which more rooms of a type would be taken than are in service
and the overbooking limit allows, or a second guest in a room, is no fact that rules can have made.
The fold raises there: the projection stops with the event, and what it holds stays right.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from processors.booking.hotels.events import (
    BookedRooms,
    BookingCancelled,
    BookingConfirmed,
    BookingLapsed,
    BookingModified,
    BookingWaitlisted,
    GuestCheckedIn,
    GuestCheckedOut,
    GuestMoved,
    GuestNotShown,
    GuestWalked,
    HotelOpened,
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
from projections.booking.hotels.tables import (
    BOOKINGS,
    HOTEL_DAYS,
    HOTELS,
    OUTCOMES,
    ROOM_COUNTS,
    ROOM_TYPES,
    ROOMS,
    STAYS,
    TYPE_NIGHTS,
    WAITING,
    BookingNow,
    BookingStatus,
    HotelDay,
    HotelNow,
    Outcome,
    RoomCount,
    RoomNow,
    RoomTypeNow,
    StayNow,
    TypeNight,
    Waiting,
    capacity_of,
)
from projections.core.errors import ProjectionError
from projections.core.projection import Events, Projection
from projections.core.rows import Tables

DAY_MS = 86_400_000
UNCONFIRMED: tuple[BookingStatus, ...] = ("held", "offered")
"""Taken, and not booked for sure."""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[int]).decode


class _House:
    """The tables, and the changes that events have in common."""

    def __init__(self, tables: Tables) -> None:
        self.hotels = tables[HOTELS]
        self.room_types = tables[ROOM_TYPES]
        self.room_counts = tables[ROOM_COUNTS]
        self.nights = tables[TYPE_NIGHTS]
        self.rooms = tables[ROOMS]
        self.bookings = tables[BOOKINGS]
        self.stays = tables[STAYS]
        self.waiting = tables[WAITING]
        self.outcomes = tables[OUTCOMES]
        self.days = tables[HOTEL_DAYS]

    def day(self, hotel: str, day: int) -> HotelDay:
        """The caller puts it."""
        return self.days.get((hotel, day)) or HotelDay(hotel, day)

    def today(self, hotel: str, at_ms: int) -> HotelDay:
        """The hotel's own day of a time; the caller puts it."""
        terms = self.hotels[hotel]
        offset_ms = (terms.utc_offset_min - terms.day_ends_min) * 60_000
        return self.day(hotel, (at_ms + offset_ms) // DAY_MS)

    def night(self, hotel: str, room_type: str, night: int) -> TypeNight:
        key = hotel, room_type, night
        return self.nights.get(key) or TypeNight(*key)

    def count(self, hotel: str, status: BookingStatus, rooms: int) -> None:
        outcome = self.outcomes.get((hotel, status)) or Outcome(hotel, status)
        outcome.rooms += rooms
        self.outcomes.put(outcome)

    def set_rooms(self, hotel: str, room_type: str, change: int, day: int) -> None:
        now = self.room_types[hotel, room_type]
        now.rooms += change
        self.room_types.put(now)
        self.room_counts.put(RoomCount(hotel, room_type, day, now.rooms))

    def take(self, stay: StayNow, first: int) -> None:
        """Its nights from `first` on. ProjectionError where one has no room left."""
        is_booked = stay.status not in UNCONFIRMED
        room_type = self.room_types[stay.hotel, stay.room_type]
        for number, price in enumerate(_decode(stay.prices)):
            at = stay.arrival + number
            if at < first:
                continue
            night = self.night(stay.hotel, stay.room_type, at)
            night.taken += 1
            if is_booked:
                night.booked += 1
                night.revenue += price
            self.put_night(room_type, night)

    def put_night(self, room_type: RoomTypeNow, night: TypeNight) -> None:
        """ProjectionError where more is taken than may be."""
        capacity = capacity_of(room_type, night, room_type.rooms)
        if night.taken > capacity:
            raise ProjectionError(
                f"hotel {night.hotel}: {night.taken} rooms of type {night.room_type} are taken in "
                f"night {night.night}, and {capacity} may be"
            )
        self.nights.put(night)

    def release(self, stay: StayNow, first: int) -> None:
        is_booked = stay.status not in UNCONFIRMED
        for number, price in enumerate(_decode(stay.prices)):
            at = stay.arrival + number
            if at < first:
                continue
            night = self.nights[stay.hotel, stay.room_type, at]
            night.taken -= 1
            if is_booked:
                night.booked -= 1
                night.revenue -= price
            self.nights.put(night)

    def add_stays(self, booking: BookingNow, rooms: tuple[BookedRooms, ...]) -> None:
        number = 0
        for line in rooms:
            prices = _encode(line.prices).decode()
            for _ in range(line.count):
                stay = StayNow(
                    booking.hotel,
                    booking.booking,
                    number,
                    booking.guest,
                    booking.status,
                    line.room_type,
                    line.guests,
                    "",
                    booking.arrival,
                    booking.departure,
                    prices,
                )
                self.take(stay, booking.arrival)
                self.stays.put(stay)
                number += 1
        booking.rooms = booking.open_rooms = number
        self.count(booking.hotel, booking.status, number)

    def end_stay(
        self, booking: BookingNow, number: int, status: BookingStatus, fee: int, first: int
    ) -> StayNow:
        """It leaves, or is given up; its nights from `first` on are free."""
        stay = self.stays[booking.hotel, booking.booking, number]
        self.release(stay, first)
        self.count(booking.hotel, stay.status, -1)
        self.count(booking.hotel, status, 1)
        stay.status, stay.fee = status, fee
        self.stays.put(stay)
        booking.open_rooms -= 1
        booking.fees += fee
        return stay

    def put_booking(self, booking: BookingNow, ended: BookingStatus) -> None:
        """After some of its rooms ended so: what is it now?"""
        statuses: list[BookingStatus] = [ended]
        if booking.rooms > 1:
            key = booking.hotel, booking.booking
            statuses = [self.stays[(*key, number)].status for number in range(booking.rooms)]
        booking.held_until_ms = 0 if not booking.open_rooms else booking.held_until_ms
        if "in_house" in statuses:
            booking.status = "in_house"
        elif not booking.open_rooms:
            booking.status = "checked_out" if "checked_out" in statuses else ended
        elif booking.status == "in_house":
            booking.status = "confirmed"
        self.bookings.put(booking)

    def stop_waiting(self, booking: BookingNow) -> None:
        self.waiting.delete((booking.hotel, booking.waiting_number))
        booking.waiting_number = -1

    def occupy(self, stay: StayNow, room: str) -> None:
        """ProjectionError where somebody is in it."""
        row = self.rooms[stay.hotel, room]
        if row.booking:
            raise ProjectionError(
                f"hotel {stay.hotel}: booking {stay.booking} would be the second in room {room}, "
                f"after booking {row.booking}"
            )
        row.booking, row.number = stay.booking, stay.number
        self.rooms.put(row)
        stay.room = room

    def vacate(self, stay: StayNow) -> None:
        row = self.rooms[stay.hotel, stay.room]
        row.booking, row.number = "", 0
        self.rooms.put(row)


def _open_hotel(house: _House, event: HotelOpened, at_ms: int) -> None:
    before = house.hotels.get(event.hotel)
    house.hotels.put(
        HotelNow(
            event.hotel,
            event.name,
            event.currency,
            event.utc_offset_min,
            event.day_ends_min,
            at_ms if before is None else before.opened_at_ms,
        )
    )


def _set_room_type(house: _House, event: RoomTypeSet, at_ms: int) -> None:
    before = house.room_types.get((event.hotel, event.room_type))
    house.room_types.put(
        RoomTypeNow(
            event.hotel,
            event.room_type,
            event.guests_max,
            event.extra_rooms,
            event.extra_percent,
            0 if before is None else before.rooms,
        )
    )


def _set_overbooking(house: _House, event: OverbookingSet, at_ms: int) -> None:
    room_type = house.room_types[event.hotel, event.room_type]
    for at in range(event.first_night, event.until_night):
        night = house.night(event.hotel, event.room_type, at)
        night.extra_rooms, night.extra_percent = event.extra_rooms, event.extra_percent
        house.put_night(room_type, night)


def _add_rooms(house: _House, event: RoomsAdded, at_ms: int) -> None:
    for name in event.names:
        house.rooms.put(RoomNow(event.hotel, name, event.room_type))
    house.set_rooms(event.hotel, event.room_type, len(event.names), event.day)


def _remove_room(house: _House, event: RoomRemoved, at_ms: int) -> None:
    house.rooms.delete((event.hotel, event.room))
    house.set_rooms(event.hotel, event.room_type, -1, event.day)


def _change_order(house: _House, event: RoomOutOfOrder | RoomInOrder, at_ms: int) -> None:
    change = 1 if isinstance(event, RoomOutOfOrder) else -1
    room_type = house.room_types[event.hotel, event.room_type]
    for at in event.nights:
        night = house.night(event.hotel, event.room_type, at)
        night.out_of_order += change
        house.put_night(room_type, night)


def _new_booking(
    event: RoomsBooked | BookingWaitlisted, status: BookingStatus, waiting_number: int = -1
) -> BookingNow:
    booked = isinstance(event, RoomsBooked)
    return BookingNow(
        event.hotel,
        event.booking,
        event.guest,
        event.rate_plan,
        status,
        event.arrival,
        event.departure,
        0,
        0,
        event.total if isinstance(event, RoomsBooked) else 0,
        0,
        0,
        event.held_until_ms if isinstance(event, RoomsBooked) else 0,
        event.booked_at_ms,
        -1 if booked else waiting_number,
    )


def _book(house: _House, event: RoomsBooked, at_ms: int) -> None:
    booking = _new_booking(event, "held" if event.held_until_ms else "confirmed")
    house.add_stays(booking, event.rooms)
    house.bookings.put(booking)
    _count_booked(house, booking, at_ms)


def _count_booked(house: _House, booking: BookingNow, at_ms: int) -> None:
    if booking.status == "confirmed":
        day = house.today(booking.hotel, at_ms)
        day.booked += booking.open_rooms
        house.days.put(day)


def _wait(house: _House, event: BookingWaitlisted, at_ms: int) -> None:
    booking = _new_booking(event, "waiting", event.sequence)
    booking.rooms = sum(request.count for request in event.requests)
    house.bookings.put(booking)
    wanted = ", ".join(f"{request.count} {request.room_type}" for request in event.requests)
    house.waiting.insert(
        Waiting(
            event.hotel,
            event.sequence,
            event.booking,
            event.guest,
            event.rate_plan,
            event.arrival,
            event.departure,
            wanted,
            at_ms,
        )
    )


def _offer(house: _House, event: OfferMade, at_ms: int) -> None:
    booking = house.bookings[event.hotel, event.booking]
    house.stop_waiting(booking)
    booking.status, booking.total = "offered", event.total
    booking.held_until_ms = event.held_until_ms
    house.add_stays(booking, event.rooms)
    house.bookings.put(booking)


def _confirm(house: _House, event: BookingConfirmed, at_ms: int) -> None:
    booking = house.bookings[event.hotel, event.booking]
    house.count(event.hotel, booking.status, -booking.open_rooms)
    booking.status, booking.held_until_ms = "confirmed", 0
    house.count(event.hotel, booking.status, booking.open_rooms)
    house.bookings.put(booking)
    for number in range(booking.rooms):
        stay = house.stays[event.hotel, event.booking, number]
        house.release(stay, stay.arrival)
        stay.status = "confirmed"
        house.take(stay, stay.arrival)
        house.stays.put(stay)
    _count_booked(house, booking, at_ms)


def _lapse(house: _House, event: BookingLapsed, at_ms: int) -> None:
    _give_up(house, event.hotel, event.booking, "lapsed")


def _give_up(house: _House, hotel: str, name: str, ended: BookingStatus) -> None:
    """What waits, or is held."""
    booking = house.bookings[hotel, name]
    if booking.waiting_number >= 0:
        house.stop_waiting(booking)
        booking.status = ended
        house.bookings.put(booking)
        return
    for number in range(booking.rooms):
        house.end_stay(booking, number, ended, 0, booking.arrival)
    house.put_booking(booking, ended)


def _modify(house: _House, event: BookingModified, at_ms: int) -> None:
    booking = house.bookings[event.hotel, event.booking]
    for number in range(booking.rooms):
        stay = house.stays[event.hotel, event.booking, number]
        house.release(stay, stay.arrival)
        house.stays.delete((event.hotel, event.booking, number))
    house.count(event.hotel, booking.status, -booking.rooms)
    booking.rate_plan, booking.total = event.rate_plan, event.total
    booking.arrival, booking.departure = event.arrival, event.departure
    house.add_stays(booking, event.rooms)
    house.bookings.put(booking)


def _cancel(house: _House, event: BookingCancelled, at_ms: int) -> None:
    booking = house.bookings[event.hotel, event.booking]
    if not event.numbers:
        _give_up(house, event.hotel, event.booking, "cancelled")
        return
    fee = event.fee
    day = house.today(event.hotel, at_ms)
    if booking.status not in UNCONFIRMED:
        day.cancelled += len(event.numbers)
    day.fees += fee
    house.days.put(day)
    for number in event.numbers:  # the fee is the booking's: it stands with the first room
        house.end_stay(booking, number, "cancelled", fee, booking.arrival)
        fee = 0
    house.put_booking(booking, "cancelled")


def _check_in(house: _House, event: GuestCheckedIn, at_ms: int) -> None:
    stay = house.stays[event.hotel, event.booking, event.number]
    _change_type(house, stay, event.room_type, event.day)
    house.occupy(stay, event.room)
    house.count(event.hotel, stay.status, -1)
    stay.status = "in_house"
    house.count(event.hotel, stay.status, 1)
    house.stays.put(stay)
    booking = house.bookings[event.hotel, event.booking]
    booking.status = "in_house"
    house.bookings.put(booking)
    day = house.day(event.hotel, event.day)
    day.arrived += 1
    house.days.put(day)


def _change_type(house: _House, stay: StayNow, room_type: str, day: int) -> None:
    if room_type != stay.room_type:
        house.release(stay, day)
        stay.room_type = room_type
        house.take(stay, day)


def _move(house: _House, event: GuestMoved, at_ms: int) -> None:
    stay = house.stays[event.hotel, event.booking, event.number]
    house.vacate(stay)
    _change_type(house, stay, event.room_type, event.day)
    house.occupy(stay, event.room)
    house.stays.put(stay)


def _extend(house: _House, event: StayExtended, at_ms: int) -> None:
    stay = house.stays[event.hotel, event.booking, event.number]
    before = stay.departure
    prices = [*_decode(stay.prices), *event.prices]
    stay.departure, stay.prices = event.departure, _encode(prices).decode()
    house.take(stay, before)
    house.stays.put(stay)
    booking = house.bookings[event.hotel, event.booking]
    booking.total += sum(event.prices)
    booking.departure = max(booking.departure, event.departure)
    house.bookings.put(booking)


def _check_out(house: _House, event: GuestCheckedOut, at_ms: int) -> None:
    booking = house.bookings[event.hotel, event.booking]
    stay = house.end_stay(booking, event.number, "checked_out", event.fee, event.day)
    stay.charged, stay.departure = event.charged, event.day
    house.vacate(stay)
    house.stays.put(stay)
    house.put_booking(booking, "checked_out")
    day = house.day(event.hotel, event.day)
    day.left += 1
    day.fees += event.fee
    house.days.put(day)


def _not_shown(house: _House, event: GuestNotShown, at_ms: int) -> None:
    booking = house.bookings[event.hotel, event.booking]
    house.end_stay(booking, event.number, "no_show", event.fee, booking.arrival)
    house.put_booking(booking, "no_show")
    day = house.day(event.hotel, event.day)
    day.not_shown += 1
    day.fees += event.fee
    house.days.put(day)


def _walk(house: _House, event: GuestWalked, at_ms: int) -> None:
    booking = house.bookings[event.hotel, event.booking]
    house.end_stay(booking, event.number, "walked", 0, booking.arrival)
    booking.compensation += event.compensation
    house.put_booking(booking, "walked")
    day = house.today(event.hotel, at_ms)
    day.walked += 1
    day.compensation += event.compensation
    house.days.put(day)


FOLDS: dict[type[Any], Callable[[_House, Any, int], None]] = {
    HotelOpened: _open_hotel,
    RoomTypeSet: _set_room_type,
    OverbookingSet: _set_overbooking,
    RoomsAdded: _add_rooms,
    RoomRemoved: _remove_room,
    RoomOutOfOrder: _change_order,
    RoomInOrder: _change_order,
    RoomsBooked: _book,
    BookingWaitlisted: _wait,
    OfferMade: _offer,
    BookingConfirmed: _confirm,
    BookingLapsed: _lapse,
    BookingModified: _modify,
    BookingCancelled: _cancel,
    GuestCheckedIn: _check_in,
    GuestMoved: _move,
    StayExtended: _extend,
    GuestCheckedOut: _check_out,
    GuestNotShown: _not_shown,
    GuestWalked: _walk,
}


def fold(tables: Tables, events: Events) -> None:
    house = _House(tables)
    for event, at_ms in events:
        FOLDS[type(event)](house, event, at_ms)


HOUSE = Projection(
    name="house",
    events=tuple(FOLDS),
    tables=(
        HOTELS,
        ROOM_TYPES,
        ROOM_COUNTS,
        TYPE_NIGHTS,
        ROOMS,
        BOOKINGS,
        STAYS,
        WAITING,
        OUTCOMES,
        HOTEL_DAYS,
    ),
    fold=fold,
    rows_of="partition",
)
