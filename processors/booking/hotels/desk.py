"""Rules of the desk: who arrives gets a room, stays longer or shorter, does not come, or is sent
elsewhere because more was sold than there is.

**Who is walked.** Where more rooms of a type are sold tonight than are in service, one of those
who have not arrived yet goes: the least loyal first; of these, the one with the fewest nights, who
can be back the soonest; then who pays least; then who booked last.
"""

from collections.abc import Iterator

from log.envelope import Event
from processors.booking.hotels.commands import (
    CheckIn,
    CheckOut,
    ExtendStay,
    MoveGuest,
    ReportNoShow,
    WalkGuest,
)
from processors.booking.hotels.events import (
    By,
    GuestCheckedIn,
    GuestCheckedOut,
    GuestMoved,
    GuestNotShown,
    GuestWalked,
    StayExtended,
)
from processors.booking.hotels.quoting import (
    NO_RATES,
    Rejected,
    check_days,
    check_departure,
    check_left,
    check_length,
    prices_of,
    room_type_of,
    share_of,
)
from processors.booking.hotels.reserving import booking_of
from processors.booking.hotels.state import Booking, Hotel, Room, Status, Stay, StayKey
from processors.booking.hotels.terms import RejectCode


def stay_of(booking: Booking, number: int) -> Stay:
    found = booking.stays.get(number)
    if found is None:
        raise Rejected(
            RejectCode.UNKNOWN_BOOKING,
            "number",
            f"booking {booking.name!r} has no room {number}, or not any more",
        )
    return found


def _in_house(hotel: Hotel, name: str, number: int) -> tuple[Booking, Stay]:
    booking = booking_of(hotel, name)
    stay = stay_of(booking, number)
    if not stay.room:
        raise Rejected(
            RejectCode.NOT_ARRIVED, "number", "its guest has not arrived: check in first"
        )
    return booking, stay


def check_in(hotel: Hotel, command: CheckIn, at: int) -> list[Event]:
    booking = booking_of(hotel, command.booking)
    _check_confirmed(booking)
    stay = stay_of(booking, command.number)
    if stay.room:
        raise Rejected(
            RejectCode.ALREADY_ARRIVED,
            "number",
            f"its guest is in room {stay.room!r}: move the guest to have another",
        )
    today = hotel.today(at)
    if stay.arrival != today:
        raise Rejected(
            RejectCode.NOT_ARRIVAL_DAY,
            "booking",
            f"it arrives on day {stay.arrival}, and it is day {today}: modify the booking first",
        )
    room = _room_for(hotel, stay, command)
    if room.room_type != stay.room_type:
        check_left(hotel, {room.room_type: 1}, range(today, stay.departure))
    return [
        GuestCheckedIn(
            hotel=hotel.name,
            booking=booking.name,
            number=command.number,
            room=room.name,
            room_type=room.room_type,
            booked_type=stay.room_type,
            day=today,
        )
    ]


def _check_confirmed(booking: Booking) -> None:
    if booking.status is not Status.CONFIRMED:
        raise Rejected(
            RejectCode.NOT_CONFIRMED,
            "booking",
            f"booking {booking.name!r} is {booking.status.value}: confirm it first",
        )


def _room_for(hotel: Hotel, stay: Stay, command: CheckIn) -> Room:
    if command.assigned_room:
        room = room_of(hotel, command.assigned_room)
        if command.assigned_type and room.room_type != command.assigned_type:
            raise Rejected(
                RejectCode.INVALID_VALUE,
                "assigned_type",
                f"room {room.name!r} is of type {room.room_type!r}: name one of the two",
            )
        _check_usable(room, range(stay.arrival, stay.departure), "assigned_room")
        return room
    room_type = room_type_of(hotel, command.assigned_type or stay.room_type)
    for _length, name in room_type.free:
        room = hotel.rooms[name]
        if is_in_order(room, range(stay.arrival, stay.departure)):
            return room
    raise Rejected(
        RejectCode.NO_ROOM_FREE,
        "assigned_type",
        f"no room of type {room_type.name!r} is free for these nights: give another type, wait "
        "for one who leaves, or walk a guest",
    )


def room_of(hotel: Hotel, name: str) -> Room:
    found = hotel.rooms.get(name)
    if found is None:
        raise Rejected(RejectCode.UNKNOWN_ROOM, "room", f"the hotel has no room {name!r}")
    return found


def is_in_order(room: Room, nights: range) -> bool:
    return not room.out_of_order or not any(night in room.out_of_order for night in nights)


def _check_usable(room: Room, nights: range, field: str) -> None:
    if room.occupant is not None:
        booking, number = room.occupant
        raise Rejected(
            RejectCode.ROOM_OCCUPIED,
            field,
            f"room {room.name!r} is taken by booking {booking!r}, room {number} of it",
        )
    if not is_in_order(room, nights):
        raise Rejected(
            RejectCode.ROOM_OUT_OF_ORDER,
            field,
            f"room {room.name!r} is out of order in one of these nights: take another",
        )


def move(hotel: Hotel, command: MoveGuest, at: int) -> list[Event]:
    booking, stay = _in_house(hotel, command.booking, command.number)
    room = room_of(hotel, command.room)
    if room.name == stay.room:
        return []
    today = hotel.today(at)
    nights = range(today, stay.departure)
    _check_usable(room, nights, "room")
    if room.room_type != stay.room_type:
        check_left(hotel, {room.room_type: 1}, nights)
    return [
        GuestMoved(
            hotel=hotel.name,
            booking=booking.name,
            number=command.number,
            room=room.name,
            room_type=room.room_type,
            from_room=stay.room,
            from_type=stay.room_type,
            day=today,
        )
    ]


def extend(hotel: Hotel, command: ExtendStay, at: int) -> list[Event]:
    booking, stay = _in_house(hotel, command.booking, command.number)
    departure = command.departure
    if departure == stay.departure:
        return []
    if departure < stay.departure:
        raise Rejected(
            RejectCode.INVALID_VALUE,
            "departure",
            f"the guest stays until day {stay.departure} as it is: check out to leave before",
        )
    check_days(hotel, max(stay.departure, hotel.today(at)), departure, at)
    plan = hotel.plans[booking.rate_plan]
    check_length(plan, departure - stay.arrival, "departure")
    rates = hotel.rates.get((plan.name, stay.room_type), NO_RATES)
    check_departure(rates, departure)
    nights = range(stay.departure, departure)
    prices = prices_of(rates, nights, booking.agreed_price)
    if not is_in_order(hotel.rooms[stay.room], nights):
        raise Rejected(
            RejectCode.ROOM_OUT_OF_ORDER,
            "departure",
            f"room {stay.room!r} is out of order by then: move the guest first",
        )
    check_left(hotel, {stay.room_type: 1}, nights)
    return [
        StayExtended(
            hotel=hotel.name,
            booking=booking.name,
            number=command.number,
            departure=departure,
            prices=prices,
        )
    ]


def check_out(hotel: Hotel, command: CheckOut, at: int) -> list[Event]:
    booking, _stay = _in_house(hotel, command.booking, command.number)
    return [checked_out(hotel, booking, command.number, hotel.today(at), By.REQUEST)]


def checked_out(hotel: Hotel, booking: Booking, number: int, today: int, by: By) -> Event:
    stay = booking.stays[number]
    slept = min(today, stay.departure) - stay.arrival
    plan = hotel.plans[booking.rate_plan]
    percent = plan.early_departure_percent if plan.refundable else 100
    return GuestCheckedOut(
        hotel=hotel.name,
        booking=booking.name,
        number=number,
        room=stay.room,
        day=min(today, stay.departure),
        charged=sum(stay.prices[:slept]),
        fee=share_of(sum(stay.prices[slept:]), percent),
        by=by,
    )


def report_no_show(hotel: Hotel, command: ReportNoShow, at: int) -> list[Event]:
    booking = booking_of(hotel, command.booking)
    _check_confirmed(booking)
    today = hotel.today(at)
    if booking.arrival != today:
        raise Rejected(
            RejectCode.NOT_ARRIVAL_DAY,
            "booking",
            f"it arrives on day {booking.arrival}, and it is day {today}: cancel it instead",
        )
    numbers = [number for number, stay in booking.stays.items() if not stay.room]
    if command.only_number is not None:
        if stay_of(booking, command.only_number).room:
            numbers = []
        else:
            numbers = [command.only_number]
    if not numbers:
        raise Rejected(
            RejectCode.ALREADY_ARRIVED, "booking", "its guest has arrived: check out instead"
        )
    return [not_shown(hotel, booking, number, By.REQUEST) for number in numbers]


def not_shown(hotel: Hotel, booking: Booking, number: int, by: By) -> Event:
    plan = hotel.plans[booking.rate_plan]
    percent = plan.no_show_percent if plan.refundable else 100
    return GuestNotShown(
        hotel=hotel.name,
        booking=booking.name,
        number=number,
        day=booking.arrival,
        fee=share_of(sum(booking.stays[number].prices), percent),
        by=by,
    )


def walk(hotel: Hotel, command: WalkGuest, at: int) -> list[Event]:
    room_type = room_type_of(hotel, command.room_type)
    today = hotel.today(at)
    sold, rooms = room_type.sold.get(today, 0), room_type.in_service(today)
    if sold <= rooms:
        raise Rejected(
            RejectCode.NOT_OVERBOOKED,
            "room_type",
            f"{sold} of {rooms} rooms of type {room_type.name!r} are sold tonight: all find room",
        )
    if command.only_booking:
        booking_of(hotel, command.only_booking)
    walked = min(
        (
            _walk_rank(hotel, key)
            for key in _expected(hotel, today, room_type.name)
            if not command.only_booking or key[0] == command.only_booking
        ),
        default=None,
    )
    if walked is None:
        whose = f"of booking {command.only_booking!r}" if command.only_booking else "confirmed"
        raise Rejected(
            RejectCode.NOT_ARRIVAL_DAY,
            "only_booking",
            f"nobody {whose} is still to arrive today in a room of type {room_type.name!r}",
        )
    name, number = walked[-2:]
    prices = hotel.bookings[name].stays[number].prices
    return [
        GuestWalked(
            hotel=hotel.name,
            booking=name,
            number=number,
            to=command.to,
            compensation=share_of(prices[0], hotel.terms.walk_percent),
        )
    ]


def _expected(hotel: Hotel, today: int, room_type: str) -> Iterator[StayKey]:
    """Confirmed, tonight, in a room of that type."""
    day = hotel.schedule.days.get(today)
    if day is None:
        return
    for name, number in day.arrivals:
        booking = hotel.bookings[name]
        stay = booking.stays[number]
        if (
            booking.status is Status.CONFIRMED
            and stay.room_type == room_type
            and stay.departure > today
        ):
            yield name, number


WalkRank = tuple[int, int, int, int, str, int]


def _walk_rank(hotel: Hotel, key: StayKey) -> WalkRank:
    """The least is walked."""
    booking = hotel.bookings[key[0]]
    stay = booking.stays[key[1]]
    nights = stay.departure - stay.arrival
    return (booking.loyalty, nights, sum(stay.prices), -booking.booked_at_ms, *key)
