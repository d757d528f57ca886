"""A hotel as its desk sees it, for people: what is sold in the nights to come, and who is here.

corso, day 19683: 41 bookings, 9 rooms with guests, 3 bookings waiting
type    rooms  sold / may be sold, by night from day 19683
double      6    6/6      5/6      4/6
"""

from processors.booking.hotels.state import Hotel, Hotels

NIGHTS = 10


def overview(state: Hotels) -> str:
    """The hotel with the most bookings."""
    hotels = state.hotels.values()
    shown = max(hotels, key=lambda hotel: len(hotel.bookings), default=None)
    return "no hotel is open" if shown is None else draw(shown)


def draw(hotel: Hotel) -> str:
    first = hotel.first_open_day
    width = max([len("type"), *map(len, hotel.room_types)])
    lines = [
        f"{hotel.name}, day {first}: {len(hotel.bookings)} bookings, {hotel.in_house} rooms with "
        f"guests, {len(hotel.waiting)} bookings waiting",
        f"{'type':{width}}  rooms  sold / may be sold, by night from day {first}",
    ]
    for name, room_type in sorted(hotel.room_types.items()):
        nights = "  ".join(
            f"{room_type.sold.get(night, 0):3}/{room_type.capacity(night):<3}"
            for night in range(first, first + NIGHTS)
        )
        lines.append(f"{name:{width}}  {room_type.rooms:5}  {nights}".rstrip())
    return "\n".join(lines)
