"""Facts applied: one event at a time changes a hotel. Nothing is rejected here."""

from collections.abc import Callable, Iterable
from typing import Any, cast

from processors.booking.hotels.events import (
    BookingCancelled,
    BookingConfirmed,
    BookingLapsed,
    BookingModified,
    BookingWaitlisted,
    DayEnded,
    GuestCheckedIn,
    GuestCheckedOut,
    GuestMoved,
    GuestNotShown,
    GuestWalked,
    HotelOpened,
    OfferMade,
    OverbookingSet,
    PricesSet,
    RatePlanSet,
    RestrictionsSet,
    RoomInOrder,
    RoomOutOfOrder,
    RoomRemoved,
    RoomsAdded,
    RoomsBooked,
    RoomTypeSet,
    StayExtended,
)
from processors.booking.hotels.quoting import can_be_offered
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
    drop_before,
    rank_of,
)
from processors.booking.hotels.terms import BookedRooms


def open_hotel(state: Hotels, event: HotelOpened) -> None:
    terms = Terms(
        event.name,
        event.currency,
        event.utc_offset_min,
        event.day_ends_min,
        event.hold_ms_max,
        event.offer_ms,
        event.waiting_max,
        event.walk_percent,
    )
    hotel = state.hotels.get(event.hotel)
    if hotel is None:
        state.hotels[event.hotel] = Hotel(event.hotel, terms, event.day)
    else:
        hotel.terms = terms


def set_room_type(hotel: Hotel, event: RoomTypeSet) -> None:
    room_type = hotel.room_types.get(event.room_type)
    if room_type is None:
        room_type = hotel.room_types[event.room_type] = RoomType(event.room_type)
    room_type.guests_max = event.guests_max
    room_type.extra_rooms, room_type.extra_percent = event.extra_rooms, event.extra_percent


def set_overbooking(hotel: Hotel, event: OverbookingSet) -> None:
    limits = hotel.room_types[event.room_type].overbooking
    for night in range(event.first_night, event.until_night):
        limits[night] = event.extra_rooms, event.extra_percent


def add_rooms(hotel: Hotel, event: RoomsAdded) -> None:
    room_type = hotel.room_types[event.room_type]
    room_type.rooms += len(event.names)
    for name in event.names:
        hotel.rooms[name] = Room(name, event.room_type)
        room_type.free.add(rank_of(name))


def remove_room(hotel: Hotel, event: RoomRemoved) -> None:
    room = hotel.rooms.pop(event.room)
    room_type = hotel.room_types[room.room_type]
    room_type.rooms -= 1
    room_type.free.remove(rank_of(room.name))
    _put_in_order(hotel, room, list(room.out_of_order))


def put_out_of_order(hotel: Hotel, event: RoomOutOfOrder) -> None:
    room = hotel.rooms[event.room]
    counts = hotel.room_types[room.room_type].out_of_order
    for night in event.nights:
        room.out_of_order[night] = None
        counts[night] = counts.get(night, 0) + 1
    hotel.rooms_out_of_order[room.name] = None


def put_in_order(hotel: Hotel, event: RoomInOrder) -> None:
    _put_in_order(hotel, hotel.rooms[event.room], event.nights)


def _put_in_order(hotel: Hotel, room: Room, nights: Iterable[int]) -> None:
    counts = hotel.room_types[room.room_type].out_of_order
    for night in nights:
        del room.out_of_order[night]
        counts[night] -= 1
        if not counts[night]:
            del counts[night]
    if not room.out_of_order:
        hotel.rooms_out_of_order.pop(room.name, None)


def set_rate_plan(hotel: Hotel, event: RatePlanSet) -> None:
    hotel.plans[event.rate_plan] = RatePlan(
        event.rate_plan,
        event.refundable,
        event.minimum_nights,
        event.maximum_nights,
        event.cancellation,
        event.no_show_percent,
        event.early_departure_percent,
        event.suspended,
    )


def _rates(hotel: Hotel, event: PricesSet | RestrictionsSet) -> Rates:
    return hotel.rates.setdefault((event.rate_plan, event.room_type), Rates())


def set_prices(hotel: Hotel, event: PricesSet) -> None:
    prices = _rates(hotel, event).prices
    for night in range(event.first_night, event.until_night):
        prices[night] = event.price


def set_restrictions(hotel: Hotel, event: RestrictionsSet) -> None:
    restrictions = _rates(hotel, event).restrictions
    restriction = (
        event.closed,
        event.closed_to_arrival,
        event.closed_to_departure,
        event.minimum_nights,
    )
    for night in range(event.first_night, event.until_night):
        if any(restriction):
            restrictions[night] = restriction
        else:
            restrictions.pop(night, None)


def book(state: Hotels, hotel: Hotel, event: RoomsBooked) -> None:
    booking = hotel.bookings[event.booking] = Booking(
        event.booking,
        event.guest,
        event.rate_plan,
        event.arrival,
        event.departure,
        Status.HELD if event.held_until_ms else Status.CONFIRMED,
        agreed_price=event.agreed_price,
        loyalty=event.loyalty,
        booked_at_ms=event.booked_at_ms,
        until_ms=event.held_until_ms,
    )
    _take(hotel, booking, event.rooms)
    if event.held_until_ms:
        state.alarms.set(hotel.name, booking.name, event.held_until_ms)


def _take(hotel: Hotel, booking: Booking, rooms: tuple[BookedRooms, ...]) -> None:
    """The booking's days are set; take its rooms."""
    arrival, departure = booking.arrival, booking.departure
    arrivals = hotel.schedule.on(arrival).arrivals
    stays: dict[int, Stay] = {}
    for line in rooms:
        hotel.room_types[line.room_type].take(range(arrival, departure), line.count)
        for _ in range(line.count):
            number = len(stays)
            arrivals[booking.name, number] = None
            stays[number] = Stay(line.room_type, line.guests, arrival, departure, line.prices)
    booking.stays, booking.rooms = stays, len(stays)


def _leave(hotel: Hotel, booking: Booking, number: int) -> None:
    """Give up one of its rooms, whether its guest has arrived or not."""
    stay = booking.stays.pop(number)
    hotel.room_types[stay.room_type].release(hotel.open_nights(stay))
    key = booking.name, number
    if stay.room:
        _vacate(hotel, stay)
        hotel.in_house -= 1
        del hotel.schedule.on(stay.departure).departures[key]
        hotel.schedule.tidy(stay.departure)
    else:
        del hotel.schedule.on(stay.arrival).arrivals[key]
        hotel.schedule.tidy(stay.arrival)


def _vacate(hotel: Hotel, stay: Stay) -> None:
    room = hotel.rooms[stay.room]
    room.occupant = None
    hotel.room_types[room.room_type].free.add(rank_of(room.name))


def _occupy(hotel: Hotel, room_name: str, booking: Booking, number: int) -> None:
    room = hotel.rooms[room_name]
    room.occupant = booking.name, number
    hotel.room_types[room.room_type].free.remove(rank_of(room.name))
    booking.stays[number].room = room.name


def _end_if_left(state: Hotels, hotel: Hotel, booking: Booking) -> None:
    if not booking.stays:
        del hotel.bookings[booking.name]
        hotel.ended[booking.name] = None
        state.alarms.set(hotel.name, booking.name, None)


def wait(hotel: Hotel, event: BookingWaitlisted) -> None:
    hotel.bookings[event.booking] = Booking(
        event.booking,
        event.guest,
        event.rate_plan,
        event.arrival,
        event.departure,
        Status.WAITING,
        requests=event.requests,
        agreed_price=event.agreed_price,
        loyalty=event.loyalty,
        booked_at_ms=event.booked_at_ms,
    )
    hotel.waiting[event.booking] = None
    hotel.schedule.on(event.arrival).waiting[event.booking] = None


def _stop_waiting(hotel: Hotel, booking: Booking) -> None:
    del hotel.waiting[booking.name]
    del hotel.schedule.on(booking.arrival).waiting[booking.name]
    hotel.schedule.tidy(booking.arrival)
    booking.requests = ()


def offer(state: Hotels, hotel: Hotel, event: OfferMade) -> None:
    booking = hotel.bookings[event.booking]
    _stop_waiting(hotel, booking)
    booking.status, booking.until_ms = Status.OFFERED, event.held_until_ms
    _take(hotel, booking, event.rooms)
    state.alarms.set(hotel.name, booking.name, event.held_until_ms)


def confirm(state: Hotels, hotel: Hotel, event: BookingConfirmed) -> None:
    booking = hotel.bookings[event.booking]
    booking.status, booking.until_ms = Status.CONFIRMED, 0
    state.alarms.set(hotel.name, booking.name, None)


def modify(hotel: Hotel, event: BookingModified) -> None:
    booking = hotel.bookings[event.booking]
    for number in list(booking.stays):
        _leave(hotel, booking, number)
    booking.rate_plan, booking.agreed_price = event.rate_plan, event.agreed_price
    booking.arrival, booking.departure = event.arrival, event.departure
    _take(hotel, booking, event.rooms)


def give_up(state: Hotels, hotel: Hotel, event: BookingLapsed | BookingCancelled) -> None:
    booking = hotel.bookings[event.booking]
    if booking.status is Status.WAITING:
        _stop_waiting(hotel, booking)
    numbers = event.numbers if isinstance(event, BookingCancelled) else tuple(booking.stays)
    for number in numbers:
        _leave(hotel, booking, number)
    _end_if_left(state, hotel, booking)


def check_in(hotel: Hotel, event: GuestCheckedIn) -> None:
    if not hotel.in_house:
        forget_nights(hotel, event.day)
    booking = hotel.bookings[event.booking]
    stay, key = booking.stays[event.number], (event.booking, event.number)
    del hotel.schedule.on(stay.arrival).arrivals[key]
    hotel.schedule.tidy(stay.arrival)
    hotel.schedule.on(stay.departure).departures[key] = None
    hotel.in_house += 1
    _change_type(hotel, stay, event.room_type)
    _occupy(hotel, event.room, booking, event.number)


def _change_type(hotel: Hotel, stay: Stay, room_type: str) -> None:
    """Its nights count there, those that are over too: they are forgotten together."""
    if room_type != stay.room_type:
        nights = hotel.open_nights(stay)
        hotel.room_types[stay.room_type].release(nights)
        hotel.room_types[room_type].take(nights)
        stay.room_type = room_type


def move(hotel: Hotel, event: GuestMoved) -> None:
    booking = hotel.bookings[event.booking]
    stay = booking.stays[event.number]
    _vacate(hotel, stay)
    _change_type(hotel, stay, event.room_type)
    _occupy(hotel, event.room, booking, event.number)


def extend(hotel: Hotel, event: StayExtended) -> None:
    stay = hotel.bookings[event.booking].stays[event.number]
    key = event.booking, event.number
    del hotel.schedule.on(stay.departure).departures[key]
    hotel.schedule.tidy(stay.departure)
    hotel.schedule.on(event.departure).departures[key] = None
    hotel.room_types[stay.room_type].take(range(stay.departure, event.departure))
    stay.departure, stay.prices = event.departure, stay.prices + event.prices


def leave(
    state: Hotels, hotel: Hotel, event: GuestCheckedOut | GuestNotShown | GuestWalked
) -> None:
    booking = hotel.bookings[event.booking]
    _leave(hotel, booking, event.number)
    _end_if_left(state, hotel, booking)


def end_day(hotel: Hotel, event: DayEnded) -> None:
    forget_nights(hotel, event.day + 1)


def forget_nights(hotel: Hotel, day: int) -> None:
    """Those before `day` are over."""
    first = hotel.first_open_day
    if day <= first:
        return
    for room_type in hotel.room_types.values():
        for nights in (room_type.sold, room_type.overbooking, room_type.out_of_order):
            drop_before(cast("dict[int, object]", nights), first, day)
    for rates in hotel.rates.values():
        for by_night in (rates.prices, rates.restrictions):
            drop_before(cast("dict[int, object]", by_night), first, day)
    for name in list(hotel.rooms_out_of_order):
        room = hotel.rooms[name]
        drop_before(cast("dict[int, object]", room.out_of_order), first, day)
        if not room.out_of_order:
            del hotel.rooms_out_of_order[name]
    hotel.first_open_day = day


OF_HOTEL: dict[type[Any], Callable[[Hotel, Any], None]] = {
    RoomTypeSet: set_room_type,
    OverbookingSet: set_overbooking,
    RoomsAdded: add_rooms,
    RoomRemoved: remove_room,
    RoomOutOfOrder: put_out_of_order,
    RoomInOrder: put_in_order,
    RatePlanSet: set_rate_plan,
    PricesSet: set_prices,
    RestrictionsSet: set_restrictions,
    BookingWaitlisted: wait,
    BookingModified: modify,
    GuestCheckedIn: check_in,
    GuestMoved: move,
    StayExtended: extend,
    DayEnded: end_day,
}
WITH_ALARMS: dict[type[Any], Callable[[Hotels, Hotel, Any], None]] = {
    RoomsBooked: book,
    OfferMade: offer,
    BookingConfirmed: confirm,
    BookingLapsed: give_up,
    BookingCancelled: give_up,
    GuestCheckedOut: leave,
    GuestNotShown: leave,
    GuestWalked: leave,
}
TAKES_ONLY = frozenset({RoomsBooked, BookingWaitlisted, BookingConfirmed, StayExtended, DayEnded})
"""Events that free nothing: nobody who waits can be served by them."""


def evolve(state: Hotels, event: Any) -> Hotels:
    kind = type(event)
    apply = OF_HOTEL.get(kind)
    if apply is not None:
        hotel = state.hotels[event.hotel]
        apply(hotel, event)
    elif kind in WITH_ALARMS:
        hotel = state.hotels[event.hotel]
        WITH_ALARMS[kind](state, hotel, event)
    elif kind is HotelOpened:
        open_hotel(state, event)
        hotel = state.hotels[event.hotel]
    else:
        return state
    if (hotel.waiting or hotel.name in state.offers) and kind not in TAKES_ONLY:
        look_for_offer(state, hotel)
    set_day_alarm(state, hotel)
    return state


def look_for_offer(state: Hotels, hotel: Hotel) -> None:
    """Who waits longest of those who can be served now is next."""
    for name in hotel.waiting:
        if can_be_offered(hotel, hotel.bookings[name]):
            state.offers[hotel.name] = name
            return
    state.offers.pop(hotel.name, None)


def set_day_alarm(state: Hotels, hotel: Hotel) -> None:
    day = hotel.day_to_end()
    state.alarms.set(hotel.name, "", None if day is None else hotel.start_ms(day + 1))
