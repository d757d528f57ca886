"""What the host set for certain nights, in one column: disjoint ranges in order, as MessagePack.

Empty where nothing is set, which is what most listings have.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from processors.booking.stays.events import NightTerms


class SetRange(NamedTuple):
    first_night: int
    end_night: int
    price: int
    minimum_nights: int
    maximum_nights: int


NOTHING: Final = NightTerms()
KEPT_DECODED: Final = 4_096
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[SetRange, ...]).decode


@lru_cache(KEPT_DECODED)
def ranges_of(column: bytes) -> tuple[SetRange, ...]:
    return _decode(column) if column else ()


def with_terms(column: bytes, ranges: Iterable[tuple[int, int]], terms: NightTerms) -> bytes:
    """The nights from first to end have these terms now, whatever they had."""
    held = list(ranges_of(column))
    for first, end in ranges:
        held = [
            part
            for each in held
            for part in (
                each._replace(end_night=min(each.end_night, first)),
                each._replace(first_night=max(each.first_night, end)),
            )
            if part.first_night < part.end_night
        ]
        if terms != NOTHING:
            added = (terms.price, terms.minimum_nights, terms.maximum_nights)
            held.append(SetRange(first, end, *added))
    return _encode(sorted(held)) if held else b""


def terms_on(column: bytes, night: int) -> SetRange | None:
    """What is set for a night."""
    ranges = ranges_of(column)
    place = bisect_right(ranges, night, key=lambda each: each.first_night) - 1
    return ranges[place] if place >= 0 and night < ranges[place].end_night else None


def prices_between(column: bytes, arrival: int, departure: int) -> Mapping[int, int]:
    """The prices that are set for the nights `arrival` to `departure - 1`."""
    ranges = ranges_of(column)
    place = max(bisect_right(ranges, arrival, key=lambda each: each.first_night) - 1, 0)
    prices: dict[int, int] = {}
    for each in ranges[place:]:
        if each.first_night >= departure:
            break
        if each.price:
            nights = range(max(each.first_night, arrival), min(each.end_night, departure))
            prices.update(dict.fromkeys(nights, each.price))
    return prices
