"""Nights as bits do what a set of nights would."""

from random import Random

import pytest

from processors.booking.stays.events import Neighbour
from projections.booking.stays import nights
from projections.booking.stays.listings import Listing

BASE = 20_500
SPAN = 80


@pytest.mark.parametrize("seed", range(5))
def test_bits_do_what_sets_do(seed: int) -> None:
    draw = Random(seed)
    row = Listing("cabin", "host", "USD")
    booked: set[int] = set()
    blocked: set[int] = set()
    for _ in range(300):
        before = set(booked | blocked)
        was = Listing("cabin", "host", "USD")
        was.first_night, was.taken, was.booked = row.first_night, row.taken, row.booked
        first = BASE + draw.randrange(-SPAN, SPAN)
        end = first + draw.randrange(1, 15)
        span = set(range(first, end))
        match draw.randrange(5):
            case 0 if not span & blocked:
                nights.book(row, first, end)
                booked |= span
            case 1:
                nights.unbook(row, first, end)
                booked -= span
                blocked -= span
            case 2 if not span & booked:
                nights.block(row, first, end)
                blocked |= span
            case 3:
                nights.unblock(row, first, end)
                blocked -= span
            case 4 if draw.random() < 0.1:
                nights.forget_before(row, first)
                booked = {night for night in booked if night >= first}
                blocked = {night for night in blocked if night >= first}
        taken = booked | blocked
        for night in range(BASE - SPAN - 5, BASE + SPAN + 20):
            state = "booked" if night in booked else "blocked" if night in blocked else "free"
            assert nights.state_of(row, night) == state
        arrival = BASE + draw.randrange(-SPAN, SPAN)
        departure = arrival + draw.randrange(1, 9)
        stay = set(range(arrival, departure))
        assert nights.are_free(row, arrival, departure) == (not stay & taken)
        assert nights.free_nights(row, arrival, departure) == len(stay - taken)
        assert nights.freed(was, row, arrival, departure) == bool(stay & before - taken)
        earlier = max((night for night in taken if night < arrival), default=None)
        later = min((night for night in taken if night >= departure), default=None)
        assert nights.neighbour_before(row, arrival) == (
            None if earlier is None else Neighbour(earlier + 1, earlier in booked)
        )
        assert nights.neighbour_after(row, departure) == (
            None if later is None else Neighbour(later, later in booked)
        )


def test_a_year_of_nights_is_46_bytes() -> None:
    row = Listing("cabin", "host", "USD")
    for first in range(BASE, BASE + 365, 2):
        nights.book(row, first, first + 1)
    assert len(row.taken) == len(row.booked) == 46


def test_blocks_of_the_next_century_take_no_room() -> None:
    row = Listing("cabin", "host", "USD")
    nights.block(row, 2**31 - 2, 2**31 - 1)
    nights.block(row, 0, 1)
    nights.block(row, nights.END_OF_NIGHTS - 1, nights.END_OF_NIGHTS + 5)
    assert len(row.taken) == nights.END_OF_NIGHTS // 8
    assert nights.state_of(row, nights.END_OF_NIGHTS) == "free"
