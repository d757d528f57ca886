"""Rules of the operator: the hotel, its rooms, limits, plans, prices and restrictions.

Whatever would leave fewer rooms in a night than are sold by then is rejected: that more is sold
than there are rooms is only ever so because an overbooking limit says so.
"""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import asdict

from log.envelope import Command, Event
from processors.booking.hotels.commands import (
    AddRooms,
    OpenHotel,
    RemoveRoom,
    SetInOrder,
    SetOutOfOrder,
    SetOverbooking,
    SetPrices,
    SetRatePlan,
    SetRestrictions,
    SetRoomType,
)
from processors.booking.hotels.desk import room_of
from processors.booking.hotels.events import (
    HotelOpened,
    OverbookingSet,
    PricesSet,
    RatePlanSet,
    RestrictionsSet,
    RoomInOrder,
    RoomOutOfOrder,
    RoomRemoved,
    RoomsAdded,
    RoomTypeSet,
)
from processors.booking.hotels.quoting import Rejected, plan_of, room_type_of
from processors.booking.hotels.state import Hotel, RoomType
from processors.booking.hotels.terms import DAY_MS, HORIZON_NIGHTS, RejectCode

ENVELOPE = frozenset(Command.__struct_fields__)


def _said(command: Command) -> dict[str, Any]:
    """What the command itself says, for the event of the same fields."""
    return {name: value for name, value in asdict(command).items() if name not in ENVELOPE}


def open_hotel(hotel: Hotel | None, command: OpenHotel, at: int) -> list[Event]:
    if hotel is None:
        offset_ms = (command.utc_offset_min - command.day_ends_min) * 60_000
        day = (at + offset_ms) // DAY_MS
    elif hotel.terms.currency != command.currency:
        raise Rejected(
            RejectCode.CURRENCY_IS_FIXED,
            "currency",
            f"the hotel's prices are in {hotel.terms.currency}: open another for "
            f"{command.currency}",
        )
    else:
        day = hotel.today(at)
    return [HotelOpened(**_said(command), day=day)]


def set_room_type(hotel: Hotel, command: SetRoomType, at: int) -> list[Event]:
    room_type = hotel.room_types.get(command.room_type)
    if room_type is not None:
        limit = command.extra_rooms, command.extra_percent
        nights = [night for night in room_type.sold if night not in room_type.overbooking]
        _check_not_oversold(room_type, nights, lambda night: _capacity(room_type, night, limit))
    return [RoomTypeSet(**_said(command))]


def _capacity(
    room_type: RoomType, night: int, limit: tuple[int, int] | None = None, fewer: int = 0
) -> int:
    """With another limit, where one is given, and so many rooms fewer."""
    in_service = room_type.in_service(night) - fewer
    if limit is None:
        usual = room_type.extra_rooms, room_type.extra_percent
        limit = room_type.overbooking.get(night, usual)
    return in_service + limit[0] + in_service * limit[1] // 100


def _check_not_oversold(
    room_type: RoomType, nights: Iterable[int], capacity: Callable[[int], int]
) -> None:
    for night in nights:
        sold, left = room_type.sold.get(night, 0), capacity(night)
        if sold > left:
            raise Rejected(
                RejectCode.OVERSOLD,
                "room_type",
                f"{sold} rooms of type {room_type.name!r} are sold in night {night}, and {left} "
                "would be left: raise the limit of the night first, or modify bookings",
            )


def _nights(hotel: Hotel, first_night: int, until_night: int, at: int) -> range:
    today = hotel.today(at)
    if until_night <= first_night:
        raise Rejected(
            RejectCode.INVALID_VALUE,
            "until_night",
            f"from {first_night} to before {until_night} there is no night",
        )
    if first_night < today:
        raise Rejected(
            RejectCode.PAST_NIGHT,
            "first_night",
            f"night {first_night} is over: it is day {today} by now",
        )
    if until_night > today + HORIZON_NIGHTS + 1:
        raise Rejected(
            RejectCode.BEYOND_HORIZON,
            "until_night",
            f"night {until_night - 1} is more than {HORIZON_NIGHTS} nights ahead",
        )
    return range(first_night, until_night)


def set_overbooking(hotel: Hotel, command: SetOverbooking, at: int) -> list[Event]:
    room_type = room_type_of(hotel, command.room_type)
    nights = _nights(hotel, command.first_night, command.until_night, at)
    limit = command.extra_rooms, command.extra_percent
    _check_not_oversold(room_type, nights, lambda night: _capacity(room_type, night, limit))
    return [OverbookingSet(**_said(command))]


def add_rooms(hotel: Hotel, command: AddRooms, at: int) -> list[Event]:
    room_type = room_type_of(hotel, command.room_type)
    if not command.names:
        raise Rejected(RejectCode.INVALID_VALUE, "names", "name one room or more")
    seen: dict[str, None] = {}
    for name in command.names:
        if name in hotel.rooms or name in seen:
            raise Rejected(RejectCode.DUPLICATE_ROOM, "names", f"there is a room {name!r} already")
        seen[name] = None
    return [
        RoomsAdded(
            hotel=hotel.name,
            room_type=room_type.name,
            names=command.names,
            day=hotel.today(at),
        )
    ]


def remove_room(hotel: Hotel, command: RemoveRoom, at: int) -> list[Event]:
    room = room_of(hotel, command.room)
    if room.occupant is not None:
        raise Rejected(
            RejectCode.ROOM_OCCUPIED, "room", f"a guest is in room {room.name!r}: move them first"
        )
    room_type = hotel.room_types[room.room_type]
    _check_not_oversold(
        room_type,
        room_type.sold,
        lambda night: _capacity(room_type, night, fewer=int(night not in room.out_of_order)),
    )
    return [
        RoomRemoved(
            hotel=hotel.name, room_type=room.room_type, room=room.name, day=hotel.today(at)
        )
    ]


def set_out_of_order(hotel: Hotel, command: SetOutOfOrder, at: int) -> list[Event]:
    room = room_of(hotel, command.room)
    room_type = hotel.room_types[room.room_type]
    nights = _nights(hotel, command.first_night, command.until_night, at)
    if room.occupant is not None:
        booking, number = room.occupant
        departure = hotel.bookings[booking].stays[number].departure
        if departure > nights.start:
            raise Rejected(
                RejectCode.ROOM_OCCUPIED,
                "first_night",
                f"a guest is in room {room.name!r} until day {departure}: move them first",
            )
    fresh = tuple(night for night in nights if night not in room.out_of_order)
    _check_not_oversold(room_type, fresh, lambda night: _capacity(room_type, night, fewer=1))
    if not fresh:
        return []
    return [
        RoomOutOfOrder(
            hotel=hotel.name,
            room_type=room_type.name,
            room=room.name,
            nights=fresh,
            why=command.why,
        )
    ]


def set_in_order(hotel: Hotel, command: SetInOrder, at: int) -> list[Event]:
    room = room_of(hotel, command.room)
    nights = _nights(hotel, command.first_night, command.until_night, at)
    ended = tuple(night for night in nights if night in room.out_of_order)
    if not ended:
        return []
    return [RoomInOrder(hotel=hotel.name, room_type=room.room_type, room=room.name, nights=ended)]


def set_rate_plan(hotel: Hotel, command: SetRatePlan, at: int) -> list[Event]:
    if command.minimum_nights > command.maximum_nights:
        raise Rejected(
            RejectCode.INVALID_VALUE,
            "minimum_nights",
            f"{command.minimum_nights} is more than the maximum, {command.maximum_nights}",
        )
    return [RatePlanSet(**_said(command))]


def set_prices(hotel: Hotel, command: SetPrices, at: int) -> list[Event]:
    _check_rates(hotel, command, at)
    return [PricesSet(**_said(command))]


def set_restrictions(hotel: Hotel, command: SetRestrictions, at: int) -> list[Event]:
    _check_rates(hotel, command, at)
    return [RestrictionsSet(**_said(command))]


def _check_rates(hotel: Hotel, command: SetPrices | SetRestrictions, at: int) -> None:
    plan_of(hotel, command.rate_plan)
    room_type_of(hotel, command.room_type)
    _nights(hotel, command.first_night, command.until_night, at)
