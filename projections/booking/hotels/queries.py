"""The named queries of the hotels: `refold query hotels NAME ...`.

Days are days since 1970-01-01, money is in minor units of the hotel's currency.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Annotated

import msgspec

from projections.booking.hotels.rates import PLANS, RATES, PlanNow, RateNight
from projections.booking.hotels.tables import (
    BOOKINGS,
    BY_ARRIVAL,
    BY_STATUS,
    HOTEL_DAYS,
    HOTELS,
    OF_GUEST,
    OUTCOMES,
    ROOM_COUNTS,
    ROOM_TYPES,
    STAYS,
    TYPE_NIGHTS,
    WAITING,
    BookingNow,
    HotelDay,
    HotelNow,
    Outcome,
    RoomTypeNow,
    StayNow,
    TypeNight,
    Waiting,
    capacity_of,
)
from projections.core.errors import QueryError, nearest
from projections.core.store import Reader

Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
NightCount = Annotated[int, msgspec.Meta(ge=1, le=400)]
Day = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
NIGHTS_MAX = 365


class Offered(msgspec.Struct):
    """Rooms of a type by a rate plan, for the nights that were asked for."""

    room_type: str
    rate_plan: str
    guests_max: int
    rooms_left: int
    """In the fullest night."""
    total: int | None
    """Of one room. None: a night has no price."""
    price_from: int | None
    price_to: int | None
    refundable: bool
    obstacle: str
    """Empty: it can be booked."""


class CalendarNight(msgspec.Struct):
    night: int
    rooms: int
    out_of_order: int
    overbooking: int
    """How many more may be sold."""
    taken: int
    left: int
    price_from: int | None
    """The lowest of all plans that are open then."""


class DeskRow(msgspec.Struct):
    part: str
    """`arrival`, `in house`, `departure`"""
    booking: str
    number: int
    guest: str
    status: str
    room_type: str
    room: str
    arrival: int
    departure: int


class NightOfHotel(msgspec.Struct):
    """A night of a hotel, or of one of its room types."""

    night: int
    rooms: int
    """In service."""
    sold: int
    occupancy_permille: int
    revenue: int
    average_rate: int
    """Revenue by rooms sold (ADR)."""
    revenue_per_room: int
    """Revenue by rooms in service (RevPAR)."""


def hotels(reader: Reader) -> list[HotelNow]:
    """Every hotel."""
    return list(reader.rows(HOTELS))


def room_types(reader: Reader, hotel: str) -> list[RoomTypeNow]:
    """The room types of a hotel, with their rooms and overbooking limits."""
    _hotel(reader, hotel)
    return list(reader.rows(ROOM_TYPES, hotel))


def rate_plans(reader: Reader, hotel: str) -> list[PlanNow]:
    """The rate plans of a hotel."""
    _hotel(reader, hotel)
    return list(reader.rows(PLANS, hotel))


def availability(
    reader: Reader, hotel: str, arrival: Day, departure: Day, guests: int = 1, rooms: Count = 1
) -> list[Offered]:
    """What a hotel has from one day to another, by room type and rate plan: what can be booked
    first, then by price. Rooms that are too small are left out."""
    _hotel(reader, hotel)
    if not 0 <= departure - arrival <= NIGHTS_MAX:
        raise QueryError(f"from day {arrival} to {departure}: that is no stay of 0 to 365 nights")
    found = []
    for room_type in reader.rows(ROOM_TYPES, hotel):
        if room_type.guests_max < guests:
            continue
        left = _rooms_left(reader, room_type, arrival, departure)
        for plan in reader.rows(PLANS, hotel):
            found.append(_offered(reader, room_type, plan, arrival, departure, left, rooms))
    return sorted(found, key=lambda it: (bool(it.obstacle), it.total is None, it.total or 0))


def _rooms_left(reader: Reader, room_type: RoomTypeNow, arrival: int, departure: int) -> int:
    nights = _nights_of(reader, room_type, arrival, departure)
    left = [capacity_of(room_type, night, room_type.rooms) - night.taken for night in nights]
    return min(left, default=room_type.rooms)


def _nights_of(
    reader: Reader, room_type: RoomTypeNow, first: int, until: int
) -> Iterator[TypeNight]:
    """Every night, those too of which nothing is known yet."""
    key = room_type.hotel, room_type.room_type
    known = {it.night: it for it in reader.rows(TYPE_NIGHTS, *key, at_least=first, below=until)}
    for night in range(first, until):
        yield known.get(night) or TypeNight(*key, night)


def _offered(
    reader: Reader,
    room_type: RoomTypeNow,
    plan: PlanNow,
    arrival: int,
    departure: int,
    left: int,
    rooms: int,
) -> Offered:
    key = plan.hotel, plan.rate_plan, room_type.room_type
    rates = {
        it.night: it for it in reader.rows(RATES, *key, at_least=arrival, below=departure + 1)
    }
    prices = [
        rates[night].price if night in rates else None for night in range(arrival, departure)
    ]
    known = [price for price in prices if price is not None]
    whole = len(known) == len(prices)
    obstacle = "sold_out" if left < rooms else ""
    if not whole:
        obstacle = "no_price"
    return Offered(
        room_type.room_type,
        plan.rate_plan,
        room_type.guests_max,
        max(left, 0),
        sum(known) if whole else None,
        min(known, default=None),
        max(known, default=None),
        plan.refundable,
        _restriction(plan, rates, arrival, departure) or obstacle,
    )


def _restriction(plan: PlanNow, rates: dict[int, RateNight], arrival: int, departure: int) -> str:
    nights = departure - arrival
    first, last = rates.get(arrival), rates.get(departure)
    if plan.suspended or any(rates[it].closed for it in rates if it < departure):
        return "closed"
    if nights < max(plan.minimum_nights, first.minimum_nights if first else 0):
        return "minimum_nights"
    if nights > plan.maximum_nights:
        return "maximum_nights"
    if first is not None and first.closed_to_arrival:
        return "closed_to_arrival"
    return "closed_to_departure" if last is not None and last.closed_to_departure else ""


def calendar(
    reader: Reader,
    hotel: str,
    room_type: str,
    since_night: Day | None = None,
    nights: NightCount = 31,
) -> list[CalendarNight]:
    """A room type, night by night: rooms, what is taken, what is left, the lowest price. Without
    a first night: from the latest day on which something came to pass."""
    _hotel(reader, hotel)
    first_night = _latest_day(reader, hotel) if since_night is None else since_night
    found = reader.get(ROOM_TYPES, hotel, room_type)
    if found is None:
        known = [it.room_type for it in reader.rows(ROOM_TYPES, hotel)]
        raise QueryError(f"{hotel} has no room type {room_type!r}: {nearest(room_type, known)}")
    until = first_night + nights
    lowest: dict[int, int] = {}
    for plan in reader.rows(PLANS, hotel):
        key = hotel, plan.rate_plan, room_type
        for rate in reader.rows(RATES, *key, at_least=first_night, below=until):
            if rate.price is not None and not rate.closed and not plan.suspended:
                lowest[rate.night] = min(rate.price, lowest.get(rate.night, rate.price))
    rooms = _rooms_by_night(reader, found, first_night, nights)
    return [
        _calendar_night(found, night, rooms[number], lowest.get(night.night))
        for number, night in enumerate(_nights_of(reader, found, first_night, until))
    ]


def _calendar_night(
    room_type: RoomTypeNow, night: TypeNight, rooms: int, price_from: int | None
) -> CalendarNight:
    capacity = capacity_of(room_type, night, rooms)
    in_service = rooms - night.out_of_order
    return CalendarNight(
        night.night,
        rooms,
        night.out_of_order,
        capacity - in_service,
        night.taken,
        capacity - night.taken,
        price_from,
    )


def bookings(reader: Reader, guest: str, limit: Count = 100) -> list[BookingNow]:
    """A guest's bookings in all hotels, the latest arrival first."""
    return list(reader.rows(BOOKINGS, guest, by=OF_GUEST, descending=True, limit=limit))


def booking(reader: Reader, hotel: str, name: str) -> BookingNow | None:
    """One booking: how it stands, and what it costs."""
    _hotel(reader, hotel)
    return reader.get(BOOKINGS, hotel, name)


def rooms_of(reader: Reader, hotel: str, name: str) -> list[StayNow]:
    """The rooms of a booking, each with what became of it."""
    _hotel(reader, hotel)
    return list(reader.rows(STAYS, hotel, name))


def desk(
    reader: Reader, hotel: str, day: Day | None = None, limit: Count = 1_000
) -> list[DeskRow]:
    """The desk's day: who arrives or was to arrive, who is in the house now, who leaves. Without
    a day: the latest on which something came to pass."""
    _hotel(reader, hotel)
    day = _latest_day(reader, hotel) if day is None else day
    given_up = ("cancelled", "lapsed")
    arrivals = reader.rows(STAYS, hotel, day, by=BY_ARRIVAL)
    parts = {
        "arrival": (it for it in arrivals if it.status not in given_up),
        "in house": reader.rows(STAYS, hotel, "in_house", by=BY_STATUS),
        "departure": (
            it
            for status in ("in_house", "checked_out")
            for it in reader.rows(STAYS, hotel, status, day, by=BY_STATUS)
        ),
    }
    return [
        DeskRow(
            part,
            it.booking,
            it.number,
            it.guest,
            it.status,
            it.room_type,
            it.room,
            it.arrival,
            it.departure,
        )
        for part, stays in parts.items()
        for it in islice(stays, limit)
    ]


def _latest_day(reader: Reader, hotel: str) -> int:
    """On which something came to pass; 0: none yet."""
    latest = next(reader.rows(HOTEL_DAYS, hotel, descending=True, limit=1), None)
    return 0 if latest is None else latest.day


def occupancy(
    reader: Reader,
    hotel: str,
    since_night: Day | None = None,
    nights: NightCount = 31,
    room_type: str | None = None,
) -> list[NightOfHotel]:
    """Rooms sold and what they bring, by night, in one room type or all: bookings that are for
    sure. In nights that are over, what was slept and what was charged for it. Without a first
    night: from the latest day on which something came to pass."""
    _hotel(reader, hotel)
    first_night = _latest_day(reader, hotel) if since_night is None else since_night
    found = [
        it
        for it in reader.rows(ROOM_TYPES, hotel)
        if room_type is None or it.room_type == room_type
    ]
    by_night = [(0, 0, 0)] * nights
    for each in found:
        rooms = _rooms_by_night(reader, each, first_night, nights)
        for number, night in enumerate(
            _nights_of(reader, each, first_night, first_night + nights)
        ):
            in_service, sold, revenue = by_night[number]
            by_night[number] = (
                in_service + rooms[number] - night.out_of_order,
                sold + night.booked,
                revenue + night.revenue,
            )
    return [
        NightOfHotel(
            first_night + number,
            rooms,
            sold,
            sold * 1000 // rooms if rooms else 0,
            revenue,
            revenue // sold if sold else 0,
            revenue // rooms if rooms else 0,
        )
        for number, (rooms, sold, revenue) in enumerate(by_night)
    ]


def _rooms_by_night(reader: Reader, room_type: RoomTypeNow, first: int, nights: int) -> list[int]:
    """How many rooms there were, by what the operator had added and removed by then."""
    key = room_type.hotel, room_type.room_type
    changes = {it.since_day: it.rooms for it in reader.rows(ROOM_COUNTS, *key)}
    rooms = max(((day, count) for day, count in changes.items() if day < first), default=(0, 0))[1]
    found = []
    for night in range(first, first + nights):
        rooms = changes.get(night, rooms)
        found.append(rooms)
    return found


def days(reader: Reader, hotel: str, first_day: Day = 0, limit: Count = 31) -> list[HotelDay]:
    """What came to pass on a hotel's days: booked, cancelled, arrived, left, fees."""
    _hotel(reader, hotel)
    return list(reader.rows(HOTEL_DAYS, hotel, at_least=first_day, limit=limit))


def waiting_list(reader: Reader, hotel: str, limit: Count = 100) -> list[Waiting]:
    """Who waits for rooms, first come first."""
    _hotel(reader, hotel)
    return list(reader.rows(WAITING, hotel, limit=limit))


def outcomes(reader: Reader, hotel: str | None = None) -> list[Outcome]:
    """How many booked rooms are, or ended, in which status, by hotel."""
    if hotel is not None:
        _hotel(reader, hotel)
        return list(reader.rows(OUTCOMES, hotel))
    return list(reader.rows(OUTCOMES))


def _hotel(reader: Reader, name: str) -> HotelNow:
    found = reader.get(HOTELS, name)
    if found is None:
        known = [row.hotel for row in reader.rows(HOTELS, limit=10_000)]
        raise QueryError(f"there is no hotel {name!r}: {nearest(name, known)}")
    return found


QUERIES = (
    hotels,
    availability,
    calendar,
    desk,
    occupancy,
    waiting_list,
    bookings,
    booking,
    rooms_of,
    outcomes,
    days,
    room_types,
    rate_plans,
)
