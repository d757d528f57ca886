"""What is set for nights, as ranges, is what a dictionary by night would hold."""

from itertools import pairwise
from random import Random

import pytest

from processors.booking.stays.events import NightTerms
from projections.booking.stays.set_nights import prices_between, ranges_of, terms_on, with_terms


@pytest.mark.parametrize("seed", range(5))
def test_ranges_hold_what_a_dictionary_does(seed: int) -> None:
    draw = Random(seed)
    column, model = b"", dict[int, NightTerms]()
    for _ in range(100):
        terms = NightTerms(price=draw.choice((0, 100, 200)), minimum_nights=draw.choice((0, 0, 3)))
        firsts = [draw.randrange(100, 200) for _ in range(draw.randrange(1, 4))]
        ranges = [(first, first + draw.randrange(1, 20)) for first in firsts]
        column = with_terms(column, ranges, terms)
        for first, end in ranges:
            for night in range(first, end):
                model[night] = terms
                if terms == NightTerms():
                    del model[night]
        for night in range(95, 225):
            found, due = terms_on(column, night), model.get(night)
            assert (found and found[2:4]) == (due and (due.price, due.minimum_nights))
        first = draw.randrange(95, 215)
        assert prices_between(column, first, first + 9) == {
            night: model[night].price
            for night in range(first, first + 9)
            if night in model and model[night].price
        }
    assert all(one.end_night <= other.first_night for one, other in pairwise(ranges_of(column)))


def test_back_to_the_rules_leaves_nothing() -> None:
    column = with_terms(b"", [(10, 20)], NightTerms(price=5))
    assert with_terms(column, [(0, 30)], NightTerms()) == b""
