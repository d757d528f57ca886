"""At most one holder a night: the read model's own constraint, whatever the events say."""

from typing import Any

import pytest

from log.envelope import Event
from log.record import Record
from processors.booking.stays.commands import CancelBooking, HoldNights, ModifyBooking
from processors.booking.stays.events import (
    BookingModified,
    BookingTerms,
    ChangeHeld,
    ListingCreated,
    NightsHeld,
    Place,
    PriceRules,
    Quote,
)
from processors.core.testing.subject import json_config
from projections.booking.stays.held_nights import HELD_NIGHTS, DoublyBooked
from projections.core.errors import FoldFailed
from tests.projections.booking.stays.town import SYSTEM, TODAY, Town, listing

QUOTE = Quote(night_prices=(10,), total=10)
NIGHT = TODAY + 5


def held(booking: str, arrival: int, departure: int) -> NightsHeld:
    return NightsHeld(
        listing="cabin",
        booking=booking,
        guest="g",
        host="h",
        arrival=arrival,
        departure=departure,
        guests=1,
        quote=QUOTE,
        currency="USD",
        terms=BookingTerms(),
        expires_at_ms=1,
    )


def changed(booking: str, arrival: int, departure: int) -> ChangeHeld:
    return ChangeHeld(
        listing="cabin",
        booking=booking,
        arrival=arrival,
        departure=departure,
        guests=1,
        quote=QUOTE,
        expires_at_ms=1,
    )


def modified(booking: str, arrival: int, departure: int) -> BookingModified:
    return BookingModified(
        listing="cabin",
        booking=booking,
        guest="g",
        old_arrival=NIGHT + 8,
        old_departure=NIGHT + 9,
        arrival=arrival,
        departure=departure,
        guests=1,
        quote=QUOTE,
        currency="USD",
        check_in_at_ms=1,
    )


def write(town: Town, *events: Event) -> None:
    """Straight to the events topic: what no rules would decide."""
    encode = SYSTEM.event_codec(json_config(SYSTEM)).encode
    partition = town.log.partition(SYSTEM.events_topic, 0)
    for number, event in enumerate(events):
        event.sequence = event.cause = number
        partition.append([Record(encode(event), timestamp=0)])


@pytest.mark.parametrize(
    "second",
    [
        held("second", NIGHT - 1, NIGHT + 1),
        changed("second", NIGHT, NIGHT + 1),
        modified("second", NIGHT + 1, NIGHT + 9),
    ],
)
def test_a_second_holder_stops_the_read_model(town: Town, second: Any) -> None:
    created = ListingCreated(
        listing="cabin",
        host="h",
        place=Place(latitude_microdegrees=1, longitude_microdegrees=2),
        capacity=2,
        currency="USD",
        prices=PriceRules(night_price=5),
    )
    kept = held("second", NIGHT + 8, NIGHT + 9)
    write(town, created, held("first", NIGHT, NIGHT + 3), kept, second)
    with pytest.raises(FoldFailed, match="is held by 'first', and was given to 'second' too") as e:
        town.catch_up()
    assert isinstance(e.value.__cause__, DoublyBooked)
    with town.store.reading() as reader:  # nothing of what failed is there
        assert "second" not in {
            row.booking for row in reader.rows(HELD_NIGHTS, "cabin") if row.night < NIGHT + 8
        }


def nights_of(town: Town, booking: str) -> list[int]:
    with town.store.reading() as reader:
        rows = reader.rows(HELD_NIGHTS, "cabin")
        return [row.night - TODAY for row in rows if row.booking == booking]


def test_nights_follow_the_booking(town: Town) -> None:
    """Held; changed to others, with both held meanwhile; cancelled."""
    town.tell(listing("cabin"))
    town.book("cabin", "b", "g", TODAY + 10, TODAY + 13)
    assert nights_of(town, "b") == [10, 11, 12]
    change = ModifyBooking(
        listing="cabin",
        booking="b",
        guest="g",
        arrival=TODAY + 12,
        departure=TODAY + 16,
        method="card",
    )
    town.tell(change)
    assert nights_of(town, "b") == [10, 11, 12, 13, 14, 15]
    assert town.ask("availability", "cabin").availability_30 == 24
    town.answer("b")
    assert nights_of(town, "b") == [12, 13, 14, 15]
    town.tell(CancelBooking(listing="cabin", booking="b", party_id="g"))
    assert nights_of(town, "b") == []
    assert town.ask("availability", "cabin").availability_30 == 30


def test_a_hold_that_runs_out_frees_its_nights(town: Town) -> None:
    town.tell(listing("cabin"))
    hold: dict[str, Any] = {
        "listing": "cabin",
        "guest": "g",
        "arrival": NIGHT,
        "departure": NIGHT + 2,
    }
    town.tell(HoldNights(booking="first", **hold))
    assert nights_of(town, "first") == [5, 6]
    later_ms = town.now_ms + BookingTerms().hold_ms
    town.tell(HoldNights(booking="second", **hold), now_ms=later_ms)
    assert (nights_of(town, "first"), nights_of(town, "second")) == ([], [5, 6])
