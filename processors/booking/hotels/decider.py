"""The rules of the hotels: which rule decides which command, and what time brings.

command ─► the hotel's rule ─► events, or `request_rejected.v1`
(time)  ─► who waits is served ─► a hold ends ─► the hotel's day ends
"""

from collections.abc import Callable, Sequence
from typing import Any

from log.envelope import Event
from processors.booking.hotels import desk, reserving, setting_up
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
    OpenHotel,
    RemoveRoom,
    ReportNoShow,
    SetInOrder,
    SetOutOfOrder,
    SetOverbooking,
    SetPrices,
    SetRatePlan,
    SetRestrictions,
    SetRoomType,
    WalkGuest,
)
from processors.booking.hotels.events import (
    BookingLapsed,
    By,
    DayEnded,
    LapseReason,
    OfferMade,
    RequestRejected,
)
from processors.booking.hotels.facts import evolve
from processors.booking.hotels.quoting import Rejected, offered_to, total_of
from processors.booking.hotels.state import Hotel, Hotels, Status
from processors.booking.hotels.state_rows import StateRow, from_rows, to_rows
from processors.booking.hotels.terms import RejectCode
from processors.core.decider import Decider, StateFormat
from processors.core.messages import Tick

RULES: dict[type[Any], Callable[[Hotel, Any, int], list[Event]]] = {
    SetRoomType: setting_up.set_room_type,
    SetOverbooking: setting_up.set_overbooking,
    AddRooms: setting_up.add_rooms,
    RemoveRoom: setting_up.remove_room,
    SetOutOfOrder: setting_up.set_out_of_order,
    SetInOrder: setting_up.set_in_order,
    SetRatePlan: setting_up.set_rate_plan,
    SetPrices: setting_up.set_prices,
    SetRestrictions: setting_up.set_restrictions,
    BookRooms: reserving.book,
    ConfirmBooking: reserving.confirm,
    ModifyBooking: reserving.modify,
    CancelBooking: reserving.cancel,
    CheckIn: desk.check_in,
    MoveGuest: desk.move,
    ExtendStay: desk.extend,
    CheckOut: desk.check_out,
    ReportNoShow: desk.report_no_show,
    WalkGuest: desk.walk,
}


def decide(state: Hotels, command: Any, at: int) -> Sequence[Event]:
    if type(command) is Tick:
        return on_tick(state, at)
    hotel = state.hotels.get(command.hotel)
    try:
        if type(command) is OpenHotel:
            return setting_up.open_hotel(hotel, command, at)
        if hotel is None:
            raise Rejected(
                RejectCode.UNKNOWN_HOTEL,
                "hotel",
                f"there is no hotel {command.hotel!r}: open it first",
            )
        return RULES[type(command)](hotel, command, at)
    except Rejected as rejected:
        return [
            RequestRejected(
                hotel=command.hotel,
                request=command.__struct_config__.tag,
                booking=getattr(command, "booking", ""),
                code=rejected.code,
                field=rejected.field,
                reason=rejected.reason,
            )
        ]


def next_due(state: Hotels) -> int | None:
    if state.offers:
        return 0
    first = state.alarms.first()
    return None if first is None else first[0]


def on_tick(state: Hotels, at: int) -> list[Event]:
    """One thing that is due: an offer before all, then by time."""
    for hotel_name, booking in state.offers.items():
        return [_offer(state.hotels[hotel_name], booking, at)]
    first = state.alarms.first()
    if first is None or first[0] > at:
        return []
    _due, hotel_name, booking = first
    hotel = state.hotels[hotel_name]
    if not booking:
        return _end_day(hotel)
    was_offered = hotel.bookings[booking].status is Status.OFFERED
    reason = LapseReason.OFFER_EXPIRED if was_offered else LapseReason.HOLD_EXPIRED
    return [BookingLapsed(hotel=hotel_name, booking=booking, reason=reason)]


def _offer(hotel: Hotel, name: str, at: int) -> Event:
    rooms = offered_to(hotel, hotel.bookings[name])
    return OfferMade(
        hotel=hotel.name,
        booking=name,
        rooms=rooms,
        total=total_of(rooms),
        held_until_ms=at + hotel.terms.offer_ms,
    )


def _end_day(hotel: Hotel) -> list[Event]:
    """Those who wait for today give up first, so that nobody is offered what is over; then who
    has not come has not shown up, and who has not left leaves."""
    today = hotel.day_to_end()
    assert today is not None, "no day is to end"
    events: list[Event] = []
    due = hotel.schedule.days.get(today)
    if due is not None:
        held = {name: None for name, _ in due.arrivals if _is_held(hotel, name)}
        for name in sorted([*due.waiting, *held]):
            events.append(
                BookingLapsed(hotel=hotel.name, booking=name, reason=LapseReason.ARRIVAL_DAY_ENDED)
            )
        for name, number in sorted(due.arrivals):
            if name not in held:
                events.append(desk.not_shown(hotel, hotel.bookings[name], number, By.DAY_END))
        for name, number in sorted(due.departures):
            booking = hotel.bookings[name]
            events.append(desk.checked_out(hotel, booking, number, today, By.DAY_END))
    events.append(DayEnded(hotel=hotel.name, day=today))
    return events


def _is_held(hotel: Hotel, name: str) -> bool:
    return hotel.bookings[name].status is not Status.CONFIRMED


DECIDER = Decider[Hotels](
    initial=Hotels,
    decide=decide,
    evolve=evolve,
    state_format=StateFormat[Hotels](row_type=StateRow, to_rows=to_rows, from_rows=from_rows),
    next_due=next_due,
)
