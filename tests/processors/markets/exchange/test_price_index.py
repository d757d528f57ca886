"""The sorted set of prices, against a sorted list."""

import random

import pytest

from processors.markets.exchange.price_index import PriceIndex


def descending(index: PriceIndex) -> list[int]:
    """Everything in it (but for its last number), from the top."""
    found = []
    number = index.below(index.last)
    while number >= 0:
        found.append(number)
        number = index.below(number)
    return found


@pytest.mark.parametrize("largest", [1, 255, 256, 70_000, 10**12, 2**63 - 1])
def test_finds_the_next_as_a_sorted_list_does(largest: int) -> None:
    draw = random.Random(largest)
    index = PriceIndex(largest)
    assert index.last >= largest
    there: set[int] = set()
    middle = draw.randrange(largest)
    for step in range(3000):
        near = middle + draw.randrange(-300, 300)
        number = near if draw.random() < 0.7 else draw.randrange(largest)
        number = min(max(number, 0), largest - 1)
        if number in there:
            there.remove(number)
            index.remove(number)
        else:
            there.add(number)
            index.add(number)
        probe = draw.randrange(largest + 1)
        assert index.below(probe) == max((n for n in there if n < probe), default=-1)
        assert index.above(probe) == min((n for n in there if n > probe), default=-1)
        if step % 500 == 0:
            assert descending(index) == sorted(there, reverse=True)
    for number in sorted(there):
        index.remove(number)
    assert index.below(index.last) == index.above(0) == -1
    for number in sorted(there):
        index.add(number)
        assert index.below(index.last) == number, "what was there before is found again"


def test_both_ends_of_the_range() -> None:
    index = PriceIndex(255)
    index.add(0)
    index.add(index.last)
    assert index.below(index.last) == 0
    assert index.below(0) == -1
    assert index.above(0) == index.last
    assert index.above(index.last) == -1
