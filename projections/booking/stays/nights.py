"""Nights as bits: of one listing, from a first night on, which are taken, and which by a booking.

A year is 46 bytes, and whether a stay is free is one shift and one mask. Bit 0 is `first_night`;
what lies before it, or behind the last bit, is free.
"""

from typing import Final, Protocol

from processors.booking.stays.events import Neighbour

END_OF_NIGHTS: Final = 1 << 16
"""In 2149. Blocks are not kept from there on, so that a row has 8 KiB of bits at most; no stay is
taken more than three years ahead."""


class Marked(Protocol):
    first_night: int
    taken: bytes
    booked: bytes
    """Those of `taken` that are a booking's; the host blocked the others."""


def bits_of(marks: bytes) -> int:
    return int.from_bytes(marks, "little")


def bytes_of(bits: int) -> bytes:
    return bits.to_bytes((bits.bit_length() + 7) >> 3, "little")


def are_free(marked: Marked, arrival: int, departure: int) -> bool:
    """Whether nobody has a night from `arrival` to `departure - 1`."""
    return not bits_of(marked.taken) & _mask(marked, arrival, departure)


def free_nights(marked: Marked, first: int, end: int) -> int:
    """How many of the nights `first` to `end - 1` are free."""
    return end - first - (bits_of(marked.taken) & _mask(marked, first, end)).bit_count()


def book(marked: Marked, first: int, end: int) -> None:
    _make_room(marked, first)
    mask = _mask(marked, first, end)
    marked.taken = bytes_of(bits_of(marked.taken) | mask)
    marked.booked = bytes_of(bits_of(marked.booked) | mask)


def unbook(marked: Marked, first: int, end: int) -> None:
    mask = ~_mask(marked, first, end)
    marked.taken = bytes_of(bits_of(marked.taken) & mask)
    marked.booked = bytes_of(bits_of(marked.booked) & mask)


def block(marked: Marked, first: int, end: int) -> None:
    end = min(end, END_OF_NIGHTS)
    if first < end:
        _make_room(marked, first)
        marked.taken = bytes_of(bits_of(marked.taken) | _mask(marked, first, end))


def unblock(marked: Marked, first: int, end: int) -> None:
    """What is booked of these nights stays so."""
    blocked = _mask(marked, first, end) & ~bits_of(marked.booked)
    marked.taken = bytes_of(bits_of(marked.taken) & ~blocked)


def forget_before(marked: Marked, day: int) -> None:
    """The nights before this day are past."""
    past = day - marked.first_night
    if past > 0:
        marked.first_night = day
        marked.taken = bytes_of(bits_of(marked.taken) >> past)
        marked.booked = bytes_of(bits_of(marked.booked) >> past)


def freed(before: Marked, after: Marked, first: int, end: int) -> bool:
    """Whether a night from `first` to `end - 1` was taken before, and is free after."""
    was = bits_of(before.taken) & _mask(before, first, end)
    base = min(before.first_night, after.first_night)
    now = bits_of(after.taken) << (after.first_night - base)
    return bool(was << (before.first_night - base) & ~now)


def neighbour_before(marked: Marked, arrival: int) -> Neighbour | None:
    """What is taken next before a stay."""
    place = arrival - marked.first_night
    if place <= 0:
        return None
    last = (bits_of(marked.taken) & ((1 << place) - 1)).bit_length() - 1
    if last < 0:
        return None
    return Neighbour(marked.first_night + last + 1, bool(bits_of(marked.booked) >> last & 1))


def neighbour_after(marked: Marked, departure: int) -> Neighbour | None:
    """What is taken next on the day of departure or after it."""
    place = max(departure - marked.first_night, 0)
    rest = bits_of(marked.taken) >> place
    if not rest:
        return None
    first = place + (rest & -rest).bit_length() - 1
    return Neighbour(marked.first_night + first, bool(bits_of(marked.booked) >> first & 1))


def state_of(marked: Marked, night: int) -> str:
    """`free`, `blocked` or `booked`."""
    place = night - marked.first_night
    if place < 0 or not bits_of(marked.taken) >> place & 1:
        return "free"
    return "booked" if bits_of(marked.booked) >> place & 1 else "blocked"


def _mask(marked: Marked, first: int, end: int) -> int:
    low, high = first - marked.first_night, end - marked.first_night
    if high <= 0:
        return 0
    return (1 << high) - (1 << low if low > 0 else 1)


def _make_room(marked: Marked, first: int) -> None:
    """Let bit 0 be a night at or before `first`."""
    if not marked.taken:
        marked.first_night, marked.booked = first, b""
    later = marked.first_night - first
    if later > 0:
        marked.first_night = first
        marked.taken = bytes_of(bits_of(marked.taken) << later)
        marked.booked = bytes_of(bits_of(marked.booked) << later)
