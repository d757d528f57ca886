"""What holds of every state of the hotels. For tests: walks everything, and counts anew what the
state keeps up to date.

Above all: in no night are more rooms of a type sold than are in service and the overbooking limit
allows, and in no room is more than one guest.
"""

from processors.booking.hotels.state import Hotel, Hotels, Status, StayKey, rank_of


def check(state: Hotels) -> None:
    """AssertionError, with the hotel, where the state is impossible."""
    for name, hotel in state.hotels.items():
        assert hotel.name == name, f"{name}: the hotel is {hotel.name}"
        _check_sold(hotel)
        _check_rooms(hotel)
        _check_bookings(hotel)
        _check_schedule(hotel)
        if name in state.offers:
            assert state.offers[name] in hotel.waiting, f"{name}: offered to nobody who waits"
    _check_alarms(state)


def _check_sold(hotel: Hotel) -> None:
    counted: dict[str, dict[int, int]] = {name: {} for name in hotel.room_types}
    for booking in hotel.bookings.values():
        for stay in booking.stays.values():
            nights = counted[stay.room_type]
            for night in hotel.open_nights(stay):
                nights[night] = nights.get(night, 0) + 1
    for name, room_type in hotel.room_types.items():
        where = f"{hotel.name}, room type {name}"
        assert room_type.sold == counted[name], f"{where}: {room_type.sold}, not {counted[name]}"
        for night, sold in room_type.sold.items():
            capacity = room_type.capacity(night)
            assert sold <= capacity, f"{where}: {sold} sold of {capacity} in night {night}"


def _check_rooms(hotel: Hotel) -> None:
    guests: dict[str, StayKey] = {}
    for booking in hotel.bookings.values():
        for number, stay in booking.stays.items():
            if not stay.room:
                continue
            key, where = (booking.name, number), f"{hotel.name}, room {stay.room}"
            assert stay.room not in guests, f"{where}: {key} and {guests[stay.room]} are in it"
            guests[stay.room] = key
            room = hotel.rooms[stay.room]
            assert room.occupant == key, f"{where}: {room.occupant} is in it, not {key}"
            assert room.room_type == stay.room_type, f"{where}: nights are of {stay.room_type}"
            nights = range(hotel.first_open_day, stay.departure)
            late = [night for night in nights if night in room.out_of_order]
            assert not late, f"{where}: out of order in {late}, with a guest"
    assert hotel.in_house == len(guests), f"{hotel.name}: {hotel.in_house}, not {len(guests)}"
    free: dict[str, list[tuple[int, str]]] = {name: [] for name in hotel.room_types}
    out_of_order: dict[str, dict[int, int]] = {name: {} for name in hotel.room_types}
    counts = dict.fromkeys(hotel.room_types, 0)
    for room in hotel.rooms.values():
        assert (room.occupant is not None) == (room.name in guests), f"{room.name}: who is in it?"
        if room.occupant is None:
            free[room.room_type].append(rank_of(room.name))
        counts[room.room_type] += 1
        assert (room.name in hotel.rooms_out_of_order) == bool(room.out_of_order)
        for night in room.out_of_order:
            nights_of = out_of_order[room.room_type]
            nights_of[night] = nights_of.get(night, 0) + 1
    for name, room_type in hotel.room_types.items():
        assert list(room_type.free) == sorted(free[name]), f"{hotel.name}: free rooms of {name}"
        assert room_type.rooms == counts[name], f"{hotel.name}: rooms of {name}"
        assert room_type.out_of_order == out_of_order[name], f"{hotel.name}: out of order, {name}"


def _check_bookings(hotel: Hotel) -> None:
    waiting = [name for name, it in hotel.bookings.items() if it.status is Status.WAITING]
    assert sorted(waiting) == sorted(hotel.waiting), f"{hotel.name}: who waits?"
    for name, booking in hotel.bookings.items():
        assert name not in hotel.ended, f"{hotel.name}: booking {name} is over"
        is_waiting = booking.status is Status.WAITING
        assert is_waiting == (not booking.stays), f"{hotel.name}: rooms of booking {name}"
        assert is_waiting == bool(booking.requests), f"{hotel.name}: requests of booking {name}"
        is_held = booking.status in (Status.HELD, Status.OFFERED)
        assert is_held == bool(booking.until_ms), f"{hotel.name}: the hold of booking {name}"
        for stay in booking.stays.values():
            assert len(stay.prices) == stay.departure - stay.arrival, f"{name}: prices"
            assert stay.room or stay.arrival >= hotel.first_open_day, f"{name} did not arrive"
            assert stay.departure >= hotel.first_open_day, f"{name} is still here"


def _check_schedule(hotel: Hotel) -> None:
    found: dict[int, tuple[list[StayKey], list[StayKey], list[str]]] = {}
    for booking in hotel.bookings.values():
        if booking.status is Status.WAITING:
            found.setdefault(booking.arrival, ([], [], []))[2].append(booking.name)
        for number, stay in booking.stays.items():
            arrivals, departures, _ = found.setdefault(
                stay.departure if stay.room else stay.arrival, ([], [], [])
            )
            (departures if stay.room else arrivals).append((booking.name, number))
    days = hotel.schedule.days
    assert sorted(found) == list(days), f"{hotel.name}: days {list(days)}, not {sorted(found)}"
    for day, (arrivals, departures, waiting) in found.items():
        due, where = days[day], f"{hotel.name}, day {day}"
        assert sorted(due.arrivals) == sorted(arrivals), f"{where}: arrivals"
        assert sorted(due.departures) == sorted(departures), f"{where}: departures"
        assert sorted(due.waiting) == sorted(waiting), f"{where}: waiting"


def _check_alarms(state: Hotels) -> None:
    expected = []
    for name, hotel in state.hotels.items():
        day = hotel.day_to_end()
        if day is not None:
            expected.append((hotel.start_ms(day + 1), name, ""))
        for booking in hotel.bookings.values():
            if booking.until_ms:
                expected.append((booking.until_ms, name, booking.name))
    assert sorted(expected) == list(state.alarms.all()), "the alarms are others"
