"""Rules of bookings before the guests arrive: book, hold, wait, confirm, change, cancel."""

from log.envelope import Event
from processors.booking.hotels.commands import (
    BookRooms,
    CancelBooking,
    ConfirmBooking,
    ModifyBooking,
)
from processors.booking.hotels.events import (
    BookingCancelled,
    BookingConfirmed,
    BookingModified,
    BookingWaitlisted,
    RoomsBooked,
)
from processors.booking.hotels.quoting import (
    Rejected,
    check_days,
    check_left,
    full_night,
    needs_of,
    plan_of,
    quote,
    share_of,
    sold_out,
    total_of,
)
from processors.booking.hotels.state import Booking, Hotel, RatePlan, Status
from processors.booking.hotels.terms import BookedRooms, RejectCode


def book(hotel: Hotel, command: BookRooms, at: int) -> list[Event]:
    _check_new(hotel, command)
    plan = plan_of(hotel, command.rate_plan)
    arrival, departure = command.arrival, command.departure
    check_days(hotel, arrival, departure, at)
    needs = needs_of(command.rooms)
    rooms = quote(hotel, plan, command.rooms, arrival, departure, command.agreed_price)
    full = full_night(hotel, needs, range(arrival, departure))
    if full is None:
        return [_booked(command, rooms, at)]
    if not command.wait:
        raise Rejected(RejectCode.SOLD_OUT, "rooms", sold_out(hotel, *full))
    if len(hotel.waiting) >= hotel.terms.waiting_max:
        raise Rejected(
            RejectCode.WAITING_LIST_FULL,
            "wait",
            f"{len(hotel.waiting)} wait already, and the hotel lets no more: try again later",
        )
    return [
        BookingWaitlisted(
            hotel=command.hotel,
            booking=command.booking,
            guest=command.guest,
            rate_plan=command.rate_plan,
            arrival=arrival,
            departure=departure,
            requests=command.rooms,
            agreed_price=command.agreed_price,
            loyalty=command.loyalty,
            booked_at_ms=at,
        )
    ]


def _check_new(hotel: Hotel, command: BookRooms) -> None:
    name = command.booking
    if name in hotel.bookings or name in hotel.ended:
        raise Rejected(
            RejectCode.DUPLICATE_BOOKING,
            "booking",
            f"there is or was a booking {name!r} in this hotel: choose another name",
        )
    if command.hold_ms > hotel.terms.hold_ms_max:
        raise Rejected(
            RejectCode.HOLD_TOO_LONG,
            "hold_ms",
            f"{command.hold_ms} ms: the hotel holds rooms {hotel.terms.hold_ms_max} ms at most",
        )


def _booked(command: BookRooms, rooms: tuple[BookedRooms, ...], at: int) -> RoomsBooked:
    return RoomsBooked(
        hotel=command.hotel,
        booking=command.booking,
        guest=command.guest,
        rate_plan=command.rate_plan,
        arrival=command.arrival,
        departure=command.departure,
        rooms=rooms,
        total=total_of(rooms),
        held_until_ms=at + command.hold_ms if command.hold_ms else 0,
        agreed_price=command.agreed_price,
        loyalty=command.loyalty,
        booked_at_ms=at,
    )


def booking_of(hotel: Hotel, name: str) -> Booking:
    found = hotel.bookings.get(name)
    if found is None:
        was = "is over" if name in hotel.ended else "is not known"
        raise Rejected(
            RejectCode.UNKNOWN_BOOKING, "booking", f"booking {name!r} {was} in this hotel"
        )
    return found


def confirm(hotel: Hotel, command: ConfirmBooking, at: int) -> list[Event]:
    booking = booking_of(hotel, command.booking)
    if booking.status is Status.WAITING:
        raise Rejected(
            RejectCode.STILL_WAITING,
            "booking",
            f"booking {booking.name!r} is on the waiting list: it can be confirmed once offered",
        )
    if booking.status is Status.CONFIRMED:
        return []
    return [BookingConfirmed(hotel=hotel.name, booking=booking.name)]


def modify(hotel: Hotel, command: ModifyBooking, at: int) -> list[Event]:
    booking = booking_of(hotel, command.booking)
    if booking.status is Status.WAITING:
        raise Rejected(
            RejectCode.STILL_WAITING,
            "booking",
            "it is on the waiting list: cancel it, and ask anew",
        )
    if any(stay.room for stay in booking.stays.values()):
        raise Rejected(
            RejectCode.ALREADY_ARRIVED,
            "booking",
            "a guest of it has arrived: extend the stay, move the guest, or check out early",
        )
    if len(booking.stays) < booking.rooms:
        raise Rejected(
            RejectCode.PARTLY_OVER,
            "booking",
            f"{len(booking.stays)} of its {booking.rooms} rooms are left: cancel these, and book "
            "anew",
        )
    plan = plan_of(hotel, command.new_rate_plan or booking.rate_plan)
    check_days(hotel, command.arrival, command.departure, at)
    needs = needs_of(command.rooms)
    rooms = quote(
        hotel, plan, command.rooms, command.arrival, command.departure, command.agreed_price
    )
    total = total_of(rooms)
    _check_no_fee_saved(hotel, booking, total, at)
    check_left(hotel, needs, range(command.arrival, command.departure), booking)
    return [
        BookingModified(
            hotel=hotel.name,
            booking=booking.name,
            rate_plan=plan.name,
            arrival=command.arrival,
            departure=command.departure,
            rooms=rooms,
            total=total,
            agreed_price=command.agreed_price,
        )
    ]


def _check_no_fee_saved(hotel: Hotel, booking: Booking, total: int, at: int) -> None:
    if booking.status is not Status.CONFIRMED:
        return
    fee = cancellation_fee(hotel, booking, at)
    before = sum(sum(stay.prices) for stay in booking.stays.values())
    if fee and total < before:
        raise Rejected(
            RejectCode.FEE_DUE,
            "rooms",
            f"it would cost {total} after {before}, while a cancellation costs {fee} by now: "
            "change it for as much or more, or cancel it",
        )


def cancel(hotel: Hotel, command: CancelBooking, at: int) -> list[Event]:
    booking = booking_of(hotel, command.booking)
    numbers = tuple(number for number, stay in booking.stays.items() if not stay.room)
    if booking.stays and not numbers:
        raise Rejected(
            RejectCode.ALREADY_ARRIVED,
            "booking",
            "all its guests have arrived: check them out instead",
        )
    fee = cancellation_fee(hotel, booking, at) if booking.status is Status.CONFIRMED else 0
    return [
        BookingCancelled(hotel=hotel.name, booking=booking.name, numbers=numbers, fee=fee),
    ]


def cancellation_fee(hotel: Hotel, booking: Booking, at: int) -> int:
    """What it costs at this time to cancel all rooms that nobody has arrived in."""
    price = sum(sum(stay.prices) for stay in booking.stays.values() if not stay.room)
    percent = cancellation_percent(
        hotel.plans[booking.rate_plan], hotel.start_ms(booking.arrival) - at
    )
    return share_of(price, percent)


def cancellation_percent(plan: RatePlan, ahead_ms: int) -> int:
    """By the plan, so long ahead of the arrival day."""
    if not plan.refundable:
        return 100
    reached = (
        step.percent for step in plan.cancellation if ahead_ms <= step.hours_before * 3_600_000
    )
    return max(reached, default=0)
