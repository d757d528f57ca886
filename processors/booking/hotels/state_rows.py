"""The hotels' state as rows, for snapshots and digests, and back.

    hotel, then its room types, rooms, plans, rates, bookings, bookings that are over  } by name

However two states came about, equal ones have the same rows: all stand by name, but for those who
wait, who stand last among the bookings, in the order in which they are served. What is sold, who
is in which room, which rooms are free, the schedule and the alarms follow from the bookings.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from processors.booking.hotels.facts import set_day_alarm
from processors.booking.hotels.row_types import (
    BookingRow,
    EndedRow,
    HotelRow,
    PlanRow,
    RatesRow,
    RoomRow,
    RoomTypeRow,
    StateRow,
    StayRow,
)
from processors.booking.hotels.state import (
    Booking,
    Hotel,
    Hotels,
    RatePlan,
    Rates,
    Room,
    RoomType,
    Status,
    Stay,
    Terms,
    rank_of,
)

__all__ = ["StateRow", "from_rows", "to_rows"]

ENDED_A_ROW: Final = 500


def to_rows(state: Hotels) -> Iterator[StateRow]:
    for name in sorted(state.hotels):
        yield from _hotel_to_rows(state.hotels[name])


def _hotel_to_rows(hotel: Hotel) -> Iterator[StateRow]:
    terms = hotel.terms
    yield HotelRow(
        hotel.name,
        terms.name,
        terms.currency,
        terms.utc_offset_min,
        terms.day_ends_min,
        terms.hold_ms_max,
        terms.offer_ms,
        terms.waiting_max,
        terms.walk_percent,
        hotel.first_open_day,
    )
    for name in sorted(hotel.room_types):
        room_type = hotel.room_types[name]
        yield RoomTypeRow(
            name,
            room_type.guests_max,
            room_type.extra_rooms,
            room_type.extra_percent,
            tuple((night, *limit) for night, limit in sorted(room_type.overbooking.items())),
        )
    for name in sorted(hotel.rooms):
        room = hotel.rooms[name]
        yield RoomRow(name, room.room_type, tuple(sorted(room.out_of_order)))
    for name in sorted(hotel.plans):
        yield _plan_to_row(hotel.plans[name])
    for (plan, room_type_name), rates in sorted(hotel.rates.items(), key=_by_name):
        yield RatesRow(
            plan,
            room_type_name,
            tuple(sorted(rates.prices.items())),
            tuple((night, *found) for night, found in sorted(rates.restrictions.items())),
        )
    for name in sorted(hotel.bookings):
        if name not in hotel.waiting:
            yield _booking_to_row(hotel.bookings[name])
    for name in hotel.waiting:
        yield _booking_to_row(hotel.bookings[name])
    ended = sorted(hotel.ended)
    for at in range(0, len(ended), ENDED_A_ROW):
        yield EndedRow(tuple(ended[at : at + ENDED_A_ROW]))


def _by_name(item: tuple[tuple[str, str], Rates]) -> tuple[str, str]:
    return item[0]


def _plan_to_row(plan: RatePlan) -> PlanRow:
    return PlanRow(
        plan.name,
        plan.refundable,
        plan.minimum_nights,
        plan.maximum_nights,
        plan.cancellation,
        plan.no_show_percent,
        plan.early_departure_percent,
        plan.suspended,
    )


def _booking_to_row(booking: Booking) -> BookingRow:
    stays = tuple(
        StayRow(
            number,
            stay.room_type,
            stay.guests,
            stay.arrival,
            stay.departure,
            stay.prices,
            stay.room,
        )
        for number, stay in booking.stays.items()
    )
    return BookingRow(
        booking.name,
        booking.guest,
        booking.rate_plan,
        booking.arrival,
        booking.departure,
        booking.status,
        booking.requests,
        booking.agreed_price,
        booking.loyalty,
        booking.booked_at_ms,
        booking.until_ms,
        booking.rooms,
        stays,
    )


def from_rows(rows: Iterable[StateRow]) -> Hotels:
    """The state that `to_rows` wrote. ValueError: a row of a hotel stands before any."""
    state = Hotels()
    hotel: Hotel | None = None
    for row in rows:
        if isinstance(row, HotelRow):
            terms = Terms(
                row.name,
                row.currency,
                row.utc_offset_min,
                row.day_ends_min,
                row.hold_ms_max,
                row.offer_ms,
                row.waiting_max,
                row.walk_percent,
            )
            hotel = state.hotels[row.hotel] = Hotel(row.hotel, terms, row.first_open_day)
        elif hotel is None:
            raise ValueError("a row of a hotel stands before any hotel")
        elif isinstance(row, BookingRow):
            _restore_booking(state, hotel, row)
        else:
            _restore(hotel, row)
    for each in state.hotels.values():
        set_day_alarm(state, each)
    return state


def _restore(hotel: Hotel, row: Any) -> None:
    match row:
        case RoomTypeRow():
            hotel.room_types[row.room_type] = RoomType(
                row.room_type,
                row.guests_max,
                row.extra_rooms,
                row.extra_percent,
                overbooking={night: (rooms, percent) for night, rooms, percent in row.overbooking},
            )
        case RoomRow():
            _restore_room(hotel, row)
        case PlanRow():
            hotel.plans[row.rate_plan] = RatePlan(
                row.rate_plan,
                row.refundable,
                row.minimum_nights,
                row.maximum_nights,
                row.cancellation,
                row.no_show_percent,
                row.early_departure_percent,
                row.suspended,
            )
        case RatesRow():
            restrictions = {night: (a, b, c, d) for night, a, b, c, d in row.restrictions}
            rates = Rates(dict(row.prices), restrictions)
            hotel.rates[row.rate_plan, row.room_type] = rates
        case EndedRow():
            hotel.ended.update(dict.fromkeys(row.bookings))


def _restore_room(hotel: Hotel, row: RoomRow) -> None:
    room_type = hotel.room_types[row.room_type]
    hotel.rooms[row.room] = Room(
        row.room, row.room_type, out_of_order=dict.fromkeys(row.out_of_order)
    )
    room_type.rooms += 1
    room_type.free.add(rank_of(row.room))
    for night in row.out_of_order:
        room_type.out_of_order[night] = room_type.out_of_order.get(night, 0) + 1
    if row.out_of_order:
        hotel.rooms_out_of_order[row.room] = None


def _restore_booking(state: Hotels, hotel: Hotel, row: BookingRow) -> None:
    booking = hotel.bookings[row.booking] = Booking(
        row.booking,
        row.guest,
        row.rate_plan,
        row.arrival,
        row.departure,
        row.status,
        row.requests,
        row.agreed_price,
        row.loyalty,
        row.booked_at_ms,
        row.until_ms,
        row.rooms,
    )
    if row.status is Status.WAITING:
        hotel.waiting[row.booking] = None
        hotel.schedule.on(row.arrival).waiting[row.booking] = None
    if row.until_ms:
        state.alarms.set(hotel.name, row.booking, row.until_ms)
    for written in row.stays:
        stay = booking.stays[written.number] = Stay(
            written.room_type,
            written.guests,
            written.arrival,
            written.departure,
            written.prices,
            written.room,
        )
        hotel.room_types[stay.room_type].take(hotel.open_nights(stay))
        key = row.booking, written.number
        if stay.room:
            room = hotel.rooms[stay.room]
            room.occupant = key
            hotel.room_types[room.room_type].free.remove(rank_of(room.name))
            hotel.schedule.on(stay.departure).departures[key] = None
            hotel.in_house += 1
        else:
            hotel.schedule.on(stay.arrival).arrivals[key] = None
