"""A guest's trips, a host's day, reviews, and a listing's calendar."""

from typing import Any

import pytest

from processors.booking.stays.commands import (
    AcceptBooking,
    BookingMode,
    BookingTerms,
    CancelBooking,
    DeclineBooking,
    HoldNights,
    ModifyBooking,
    PaymentOutcome,
    WriteReview,
)
from processors.core.messages import Tick
from projections.core.errors import QueryError
from tests.projections.booking.stays.town import TODAY, Town, at, day, listing

REQUEST = BookingTerms(mode=BookingMode.REQUEST)


@pytest.fixture
def two(town: Town) -> Town:
    town.tell(listing("attic", title="The attic"), listing("barn", terms=REQUEST))
    return town


def tasks(town: Town, number: int) -> list[tuple[Any, ...]]:
    return [
        (task.kind, task.listing, task.booking, task.arrival)
        for task in town.ask("host_day", "host", day(number))
    ]


def test_trips_are_those_of_the_guest_with_what_became_of_them(two: Town) -> None:
    two.book("attic", "a", "ann", TODAY + 5, TODAY + 7)
    two.book("barn", "b", "ann", TODAY + 9, TODAY + 10)
    two.tell(
        HoldNights(listing="attic", booking="c", guest="ann", arrival=TODAY, departure=TODAY + 1),
        HoldNights(listing="barn", booking="x", guest="bob", arrival=TODAY, departure=TODAY + 1),
    )
    two.tell(CancelBooking(listing="attic", booking="a", party_id="ann"))
    found = [
        (trip.booking, trip.arrival, trip.title, trip.status, trip.total, trip.reason)
        for trip in two.ask("trips", "ann")
    ]
    assert found == [
        ("b", day(TODAY + 9), "", "requested", 10_000, ""),
        ("a", day(TODAY + 5), "The attic", "cancelled", 20_000, "guest"),
        ("c", day(TODAY), "The attic", "held", 10_000, ""),
    ]
    assert len(two.ask("trips", "ann", since=day(TODAY + 5))) == 2
    assert two.ask("trips", "nobody") == []


def test_a_host_sees_who_comes_who_goes_and_who_asks(two: Town) -> None:
    two.book("attic", "a", "ann", TODAY + 5, TODAY + 7)
    two.book("attic", "a2", "ann", TODAY + 7, TODAY + 8)
    two.book("barn", "b", "bob", TODAY + 7, TODAY + 10)
    request = ("request", "barn", "b", day(TODAY + 7))
    assert tasks(two, TODAY + 5) == [("arrival", "attic", "a", day(TODAY + 5)), request]
    assert tasks(two, TODAY + 7) == [
        ("arrival", "attic", "a2", day(TODAY + 7)),
        ("departure", "attic", "a", day(TODAY + 5)),
        request,
    ]
    two.tell(AcceptBooking(listing="barn", booking="b", host="host"))
    assert ("arrival", "barn", "b", day(TODAY + 7)) in tasks(two, TODAY + 7)
    assert request not in tasks(two, TODAY + 7)
    change = ModifyBooking(
        listing="barn",
        booking="b",
        guest="bob",
        arrival=TODAY + 8,
        departure=TODAY + 12,
        method="card",
    )
    two.tell(change)
    two.answer("b")
    assert tasks(two, TODAY) == [("change", "barn", "b", day(TODAY + 8))]
    two.tell(DeclineBooking(listing="barn", booking="b", host="host"))
    assert tasks(two, TODAY) == []
    assert ("arrival", "barn", "b", day(TODAY + 7)) in tasks(two, TODAY + 7)


def test_money_and_reviews_of_a_stay(two: Town) -> None:
    two.book("attic", "a", "ann", TODAY + 1, TODAY + 3)
    assert two.ask("booking", "attic", "a").paid == 0
    two.tell(Tick(), now_ms=at(TODAY + 1, 16))
    two.answer("a")
    row = two.ask("booking", "attic", "a")
    assert (row.status, row.paid) == ("staying", 20_000)
    assert tasks(two, TODAY + 3) == [("departure", "attic", "a", day(TODAY + 1))]
    two.tell(Tick(), now_ms=at(TODAY + 3, 12))
    assert two.ask("booking", "attic", "a").status == "completed"
    review: dict[str, Any] = {"listing": "attic", "booking": "a"}
    two.tell(WriteReview(**review, party_id="ann", stars=5, text="lovely"))
    assert two.ask("reviews", "attic") == []
    two.tell(WriteReview(**review, party_id="host", stars=4))
    (seen,) = two.ask("reviews", "attic")
    assert (seen.guest, seen.guest_stars, seen.guest_text, seen.host_stars) == (
        "ann",
        5,
        "lovely",
        4,
    )
    (attic, _barn) = two.ask("listings", "host")
    assert (attic.reviews, attic.rank) == (1, (5_000 + 20_000) // 6)


def test_a_payment_that_is_declined_releases_the_booking(two: Town) -> None:
    two.tell(
        HoldNights(listing="attic", booking="a", guest="ann", arrival=TODAY, departure=TODAY + 1)
    )
    two.pay("attic", "a", "ann")
    two.answer("a", PaymentOutcome.DECLINED)
    row = two.ask("booking", "attic", "a")
    assert (row.status, row.reason, row.due_at_ms) == ("released", "payment_declined", None)
    assert two.ask("booking", "attic", "b") is None


def test_a_booking_tells_why_a_change_of_it_came_to_nothing(two: Town) -> None:
    # given a booking, and a change of it that the host declines
    two.book("barn", "b", "bob", TODAY + 5, TODAY + 7)
    two.tell(AcceptBooking(listing="barn", booking="b", host="host"))
    stay: dict[str, Any] = {"listing": "barn", "booking": "b", "guest": "bob", "method": "card"}
    longer = ModifyBooking(**stay, arrival=TODAY + 5, departure=TODAY + 9)
    two.tell(longer)
    assert two.ask("booking", "barn", "b").change_total == 40_000
    two.answer("b")
    two.tell(DeclineBooking(listing="barn", booking="b", host="host"))
    row = two.ask("booking", "barn", "b")
    assert (row.departure, row.change_departure) == (TODAY + 7, 0)
    assert row.change_reason == "host_declined"

    # when another is asked for, that is over
    two.tell(longer)
    assert two.ask("booking", "barn", "b").change_reason == ""
    two.answer("b", PaymentOutcome.DECLINED)
    assert two.ask("booking", "barn", "b").change_reason == "payment_declined"

    # and it is once the booking has other nights
    two.tell(ModifyBooking(**stay, arrival=TODAY + 5, departure=TODAY + 6))
    two.tell(AcceptBooking(listing="barn", booking="b", host="host"))
    row = two.ask("booking", "barn", "b")
    assert (row.departure, row.total, row.change_reason) == (TODAY + 6, 10_000, "")


def test_the_calendar_shows_whose_each_night_is(two: Town) -> None:
    two.book("attic", "a", "ann", TODAY + 1, TODAY + 3)
    nights = two.ask("calendar", "attic", days=5)
    assert [(night.night, night.state, night.booking) for night in nights] == [
        (day(TODAY), "free", ""),
        (day(TODAY + 1), "booked", "a"),
        (day(TODAY + 2), "booked", "a"),
        (day(TODAY + 3), "free", ""),
        (day(TODAY + 4), "free", ""),
    ]
    assert {(night.price, night.minimum_nights) for night in nights} == {(10_000, 1)}
    with pytest.raises(QueryError, match="no listing 'atic': did you mean 'attic'"):
        two.ask("calendar", "atic")
