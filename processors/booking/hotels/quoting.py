"""May it be had, and at what price? Restrictions, prices, and the rooms that are left.

The same for a booking, a change, and one who waits: each asks here, and a `Rejected` says why not.
"""

from collections.abc import Mapping, Sequence

from processors.booking.hotels.state import Booking, Hotel, RatePlan, Rates, RoomType
from processors.booking.hotels.terms import (
    HORIZON_NIGHTS,
    ROOMS_A_BOOKING_MAX,
    STAY_NIGHTS_MAX,
    BookedRooms,
    RejectCode,
    RoomRequest,
)

NO_RATES = Rates()


class Rejected(Exception):
    """A request that cannot be: its code, the field that is at fault, and a sentence."""

    def __init__(self, code: RejectCode, field: str, reason: str) -> None:
        self.code = code
        self.field = field
        self.reason = reason
        super().__init__(reason)


def room_type_of(hotel: Hotel, name: str, field: str = "room_type") -> RoomType:
    found = hotel.room_types.get(name)
    if found is None:
        raise Rejected(
            RejectCode.UNKNOWN_ROOM_TYPE,
            field,
            f"the hotel has no room type {name!r}: set it, or name one that it has",
        )
    return found


def plan_of(hotel: Hotel, name: str) -> RatePlan:
    found = hotel.plans.get(name)
    if found is None:
        raise Rejected(
            RejectCode.UNKNOWN_RATE_PLAN,
            "rate_plan",
            f"the hotel has no rate plan {name!r}: set it, or name one that it has",
        )
    return found


def check_days(hotel: Hotel, arrival: int, departure: int, at: int) -> None:
    today = hotel.today(at)
    if departure < arrival:
        raise Rejected(
            RejectCode.INVALID_VALUE,
            "departure",
            f"the departure, day {departure}, is before the arrival, day {arrival}",
        )
    if arrival < today:
        raise Rejected(
            RejectCode.PAST_NIGHT, "arrival", f"day {arrival} is over: it is day {today} by now"
        )
    if departure > today + HORIZON_NIGHTS:
        raise Rejected(
            RejectCode.BEYOND_HORIZON,
            "departure",
            f"day {departure} is more than {HORIZON_NIGHTS} nights ahead",
        )


def needs_of(requests: Sequence[RoomRequest]) -> dict[str, int]:
    """How many rooms are wanted of each type."""
    needs: dict[str, int] = {}
    for request in requests:
        if request.count == 0:
            raise Rejected(
                RejectCode.INVALID_VALUE, "rooms", "0 rooms of a type: ask for one or more"
            )
        needs[request.room_type] = needs.get(request.room_type, 0) + request.count
    total = sum(needs.values())
    if not 1 <= total <= ROOMS_A_BOOKING_MAX:
        raise Rejected(
            RejectCode.TOO_MANY_ROOMS if total else RejectCode.INVALID_VALUE,
            "rooms",
            f"{total} rooms: a booking has from 1 to {ROOMS_A_BOOKING_MAX}",
        )
    return needs


def quote(
    hotel: Hotel,
    plan: RatePlan,
    requests: Sequence[RoomRequest],
    arrival: int,
    departure: int,
    agreed_price: int | None,
) -> tuple[BookedRooms, ...]:
    """The rooms with their prices, where restrictions allow them; whether they are left is
    another question. Errors: Rejected."""
    nights = departure - arrival
    if plan.suspended:
        raise Rejected(
            RejectCode.CLOSED, "rate_plan", f"rate plan {plan.name!r} is suspended: take another"
        )
    check_length(plan, nights, "departure")
    quoted = []
    for request in requests:
        room_type = room_type_of(hotel, request.room_type, "rooms")
        if request.guests > room_type.guests_max:
            raise Rejected(
                RejectCode.TOO_MANY_GUESTS,
                "rooms",
                f"{request.guests} guests in a room of type {room_type.name!r}, which takes "
                f"{room_type.guests_max}: take more rooms, or larger ones",
            )
        rates = hotel.rates.get((plan.name, room_type.name), NO_RATES)
        _check_arrival(rates, arrival, nights)
        check_departure(rates, departure)
        prices = prices_of(rates, range(arrival, departure), agreed_price)
        quoted.append(
            BookedRooms(
                room_type=room_type.name,
                count=request.count,
                guests=request.guests,
                prices=prices,
            )
        )
    return tuple(quoted)


def check_length(plan: RatePlan, nights: int, field: str) -> None:
    if nights < plan.minimum_nights:
        raise Rejected(
            RejectCode.MINIMUM_NIGHTS,
            field,
            f"{nights} nights: rate plan {plan.name!r} asks for {plan.minimum_nights} or more",
        )
    maximum = min(plan.maximum_nights, STAY_NIGHTS_MAX)
    if nights > maximum:
        raise Rejected(
            RejectCode.MAXIMUM_NIGHTS,
            field,
            f"{nights} nights: rate plan {plan.name!r} allows {maximum} at the most",
        )


def _check_arrival(rates: Rates, arrival: int, nights: int) -> None:
    restriction = rates.restrictions.get(arrival)
    if restriction is None:
        return
    _closed, closed_to_arrival, _to_departure, minimum_nights = restriction
    if closed_to_arrival:
        raise Rejected(
            RejectCode.CLOSED_TO_ARRIVAL,
            "arrival",
            f"nobody may arrive on day {arrival}: arrive on another, or take another plan",
        )
    if nights < minimum_nights:
        raise Rejected(
            RejectCode.MINIMUM_NIGHTS,
            "departure",
            f"{nights} nights: who arrives on day {arrival} stays {minimum_nights} or more",
        )


def check_departure(rates: Rates, departure: int) -> None:
    restriction = rates.restrictions.get(departure)
    if restriction is not None and restriction[2]:
        raise Rejected(
            RejectCode.CLOSED_TO_DEPARTURE,
            "departure",
            f"nobody may leave on day {departure}: leave on another, or take another plan",
        )


def prices_of(rates: Rates, nights: range, agreed_price: int | None) -> tuple[int, ...]:
    """By night. Errors: Rejected where one is closed, or has no price."""
    restrictions = rates.restrictions
    if restrictions:
        for night in nights:
            restriction = restrictions.get(night)
            if restriction is not None and restriction[0]:
                raise Rejected(
                    RejectCode.CLOSED, "arrival", f"night {night} is closed: take another plan"
                )
    if agreed_price is not None:
        return (agreed_price,) * len(nights)
    prices = rates.prices
    try:
        return tuple([prices[night] for night in nights])
    except KeyError as missing:
        raise Rejected(
            RejectCode.NO_PRICE,
            "arrival",
            f"night {missing.args[0]} has no price by this plan: set it, or take another plan",
        ) from None


def full_night(
    hotel: Hotel,
    needs: Mapping[str, int],
    nights: range,
    own: Booking | None = None,
) -> tuple[str, int] | None:
    """The first room type and night in which so many are not left; None: they are.

    `own`: a booking whose rooms would be given up for these.
    """
    own_needs: dict[str, int] = {}
    if own is not None:
        for stay in own.stays.values():
            own_needs[stay.room_type] = own_needs.get(stay.room_type, 0) + 1
    for name, count in needs.items():
        room_type = hotel.room_types[name]
        sold, given_up = room_type.sold, own_needs.get(name, 0)
        for night in nights:
            taken = sold.get(night, 0)
            if own is not None and own.arrival <= night < own.departure:
                taken -= given_up
            if taken + count > room_type.capacity(night):
                return name, night
    return None


def check_left(
    hotel: Hotel, needs: Mapping[str, int], nights: range, own: Booking | None = None
) -> None:
    full = full_night(hotel, needs, nights, own)
    if full is not None:
        raise Rejected(RejectCode.SOLD_OUT, "rooms", sold_out(hotel, *full))


def sold_out(hotel: Hotel, name: str, night: int) -> str:
    room_type = hotel.room_types[name]
    left = room_type.capacity(night) - room_type.sold.get(night, 0)
    return (
        f"{left} rooms of type {name!r} are left in night {night}: take other nights or another "
        "type, or join the waiting list"
    )


def total_of(rooms: Sequence[BookedRooms]) -> int:
    return sum(line.count * sum(line.prices) for line in rooms)


def share_of(amount: int, percent: int) -> int:
    """Rounded half up."""
    return (amount * percent + 50) // 100


def can_be_offered(hotel: Hotel, booking: Booking) -> bool:
    """Whether what is waited for can be had now."""
    nights = range(booking.arrival, booking.departure)
    if full_night(hotel, needs_of(booking.requests), nights) is not None:
        return False
    try:
        offered_to(hotel, booking)
    except Rejected:
        return False
    return True


def offered_to(hotel: Hotel, booking: Booking) -> tuple[BookedRooms, ...]:
    """Errors: Rejected."""
    return quote(
        hotel,
        plan_of(hotel, booking.rate_plan),
        booking.requests,
        booking.arrival,
        booking.departure,
        booking.agreed_price,
    )
