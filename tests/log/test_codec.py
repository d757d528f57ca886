"""Values on the log: tags, both formats, and history that older code wrote."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from log.codec import DECODE_ERRORS, Codec, Upcasters
from log.envelope import Event
from log.topic import ValueFormat

OLD_HISTORY = Path(__file__).parent / "stays_as_of_v1.jsonl"


class StayBookedV1(Event, tag="stay_booked.v1", kw_only=True):
    """As it was at first: nights by their number only, the price in whole euros."""

    room: str
    nights: int
    price_euros: int


class StayBookedV2(Event, tag="stay_booked.v2", kw_only=True):
    """The price in cents."""

    room: str
    nights: int
    price_cents: int


class StayBooked(Event, tag="stay_booked.v3", kw_only=True):
    """A room is a hotel and a number."""

    hotel: str
    number: int
    nights: int
    price_cents: int


class StayCancelled(Event, tag="stay_cancelled.v1", kw_only=True):
    room: str


def to_v2(old: StayBookedV1) -> StayBookedV2:
    return StayBookedV2(room=old.room, nights=old.nights, price_cents=old.price_euros * 100)


def to_v3(old: StayBookedV2) -> StayBooked:
    hotel, _, number = old.room.partition("/")
    return StayBooked(
        hotel=hotel, number=int(number), nights=old.nights, price_cents=old.price_cents
    )


UPCASTERS: Upcasters = {StayBookedV1: to_v2, StayBookedV2: to_v3}
TYPES: Sequence[type[Event]] = (StayBooked, StayCancelled)


def test_a_stored_old_history_reads_as_if_it_were_written_today() -> None:
    codec: Codec[Event] = Codec(TYPES, upcasters=UPCASTERS)
    events = [codec.decode(line) for line in OLD_HISTORY.read_bytes().splitlines()]
    assert events == [
        StayBooked(sequence=0, cause=0, hotel="adlon", number=12, nights=2, price_cents=90000),
        StayBooked(sequence=1, cause=1, hotel="ritz", number=3, nights=1, price_cents=41050),
        StayCancelled(sequence=2, cause=2, room="adlon/12"),
        StayBooked(
            sequence=3,
            cause=3,
            cause_index=1,
            cause_count=2,
            origin_topic="shop.events",
            origin_sequence=8,
            hotel="ritz",
            number=4,
            nights=7,
            price_cents=99,
        ),
    ]


@pytest.mark.parametrize("value_format", ["json", "msgpack"])
def test_what_is_encoded_decodes_to_the_same(value_format: ValueFormat) -> None:
    codec: Codec[Event] = Codec(TYPES, value_format)
    booked = StayBooked(sequence=9, cause=8, hotel="über", number=1, nights=2, price_cents=3)
    assert codec.decode(codec.encode(booked)) == booked


def test_defaults_are_left_out_and_the_envelope_comes_first() -> None:
    codec: Codec[Event] = Codec(TYPES)
    value = codec.encode(StayCancelled(sequence=0, cause=0, room="a"))
    assert value == b'{"type":"stay_cancelled.v1","sequence":0,"cause":0,"room":"a"}'


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (b'{"type":"stay_moved.v1"}', "stay_moved.v1"),
        (b'{"type":"stay_booked.v3","hotel":"a","number":"x"}', r"\$\.number"),
        (b'{"type":"stay_cancelled.v1"}', "room"),
        (b'{"type":"stay_cancelled.v1","room":"cut', "truncated"),
        (b'{"type":"stay_cancelled.v1","room":"\xff"}', "utf-8"),
    ],
)
def test_what_does_not_decode_says_what_is_wrong(value: bytes, names: str) -> None:
    codec: Codec[Event] = Codec(TYPES)
    with pytest.raises(DECODE_ERRORS, match=names):
        codec.decode(value)


def test_a_type_without_a_tag_of_its_own_is_refused() -> None:
    class Untagged(msgspec.Struct):
        room: str

    with pytest.raises(TypeError, match="explicit tag"):
        Codec((Untagged,))


def test_two_types_with_one_tag_are_refused() -> None:
    class Another(Event, tag="stay_cancelled.v1", kw_only=True):
        room: str

    with pytest.raises(TypeError, match="share a tag"):
        Codec((StayCancelled, Another))
