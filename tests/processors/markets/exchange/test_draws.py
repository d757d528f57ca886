"""What is drawn by lot: the same each time, within its bounds, and evenly."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.markets.exchange.draws import mix64, part_size, random_delay_ms

GOLDEN_GAMMA = 0x9E3779B97F4A7C15
"""What splitmix64 adds to its state for each number that it draws."""


def test_as_splitmix64_draws_from_a_seed() -> None:
    """The reference sequence of the seed 1234567 (Rosetta Code, Pseudo-random numbers/Splitmix64,
    as Vigna's splitmix64.c gives it)."""
    assert [mix64(1234567 + GOLDEN_GAMMA * nth) for nth in range(1, 6)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def unmix64(mixed: int) -> int:
    """The way back."""
    mixed ^= mixed >> 31 ^ mixed >> 62
    mixed = mixed * pow(0x94D049BB133111EB, -1, 2**64) % 2**64
    mixed ^= mixed >> 27 ^ mixed >> 54
    mixed = mixed * pow(0xBF58476D1CE4E5B9, -1, 2**64) % 2**64
    return mixed ^ mixed >> 30 ^ mixed >> 60


@given(st.integers(-(2**70), 2**90))
def test_no_two_numbers_of_64_bits_give_the_same(number: int) -> None:
    mixed = mix64(number)
    assert 0 <= mixed < 2**64
    assert unmix64(mixed) == number % 2**64


@pytest.mark.parametrize(
    ("display_quantity", "display_range", "lot_size", "sizes"),
    [
        (100, 0, 10, [100]),
        (1000, 200, 100, [800, 900, 1000, 1100, 1200]),  # TSX guide, section 4.8: 800 to 1,200
        (30, 20, 10, [10, 20, 30, 40, 50]),
        (5, 1, 1, [4, 5, 6]),
        (7, 0, 10, [10]),  # below a lot
        (10, 10, 10, [10, 20]),  # ... or none at all: a lot, twice as often
    ],
)
def test_the_sizes_that_the_parts_of_an_iceberg_have(
    display_quantity: int, display_range: int, lot_size: int, sizes: list[int]
) -> None:
    drawn = {part_size(77, part, display_quantity, display_range, lot_size) for part in range(100)}
    assert sorted(drawn) == sizes


def test_parts_that_histories_were_recorded_with() -> None:
    """Drawn otherwise, old commands would be decided otherwise."""
    assert {
        order_id: [part_size(order_id, part, 1000, 200, 100) for part in range(6)]
        for order_id in (0, 1, 2, 2**63 - 1)
    } == {
        0: [800, 1200, 800, 900, 1000, 1000],
        1: [1200, 1000, 1100, 800, 1100, 1200],
        2: [800, 1000, 1200, 1100, 800, 1000],
        2**63 - 1: [900, 1100, 1200, 900, 1000, 1000],
    }


def test_each_size_is_drawn_as_often_and_each_order_draws_its_own() -> None:
    drawn = Counter(
        part_size(order_id, part, 1000, 200, 100) for order_id in range(100) for part in range(100)
    )
    assert all(1800 < times < 2200 for times in drawn.values()), drawn
    beginnings = {
        tuple(part_size(order_id, part, 1000, 200, 100) for part in range(20))
        for order_id in range(100)
    }
    assert len(beginnings) == 100


@given(
    order_id=st.integers(0, 2**63 - 1),
    part=st.integers(0, 2**20 - 1),
    lot_size=st.integers(1, 10**6),
    lots=st.integers(1, 10**12),
    data=st.data(),
)
def test_a_part_is_whole_lots_within_its_range(
    order_id: int, part: int, lot_size: int, lots: int, data: st.DataObject
) -> None:
    display_quantity = lots * lot_size
    display_range = data.draw(st.integers(0, lots - 1)) * lot_size
    size = part_size(order_id, part, display_quantity, display_range, lot_size)
    assert size % lot_size == 0
    assert display_quantity - display_range <= size <= display_quantity + display_range


@given(seed=st.integers(0, 2**64 - 1), random_end_ms=st.integers(0, 3_600_000))
def test_a_random_end_is_within_its_span(seed: int, random_end_ms: int) -> None:
    assert 0 <= random_delay_ms(seed, random_end_ms) <= random_end_ms


def test_every_delay_of_the_span_may_come_and_no_orders_mean_no_delay() -> None:
    assert {random_delay_ms(seed, 30) for seed in range(1000)} == set(range(31))
    assert random_delay_ms(0, 30_000) == 0
