"""Occupancy and revenue, by month."""

from typing import Any

from processors.booking.stays.commands import BookingTerms, CancelBooking, CancellationPolicy
from processors.core.messages import Tick
from projections.booking.stays.days import (
    date_of,
    day_of,
    first_day,
    month_after,
    month_of,
)
from tests.projections.booking.stays.town import TODAY, Town, at, listing

END_OF_FEBRUARY = first_day(202603)


def months(town: Town, name: str = "attic") -> dict[int, tuple[Any, ...]]:
    return {
        row.month: (row.booked_nights, row.confirmed, row.cancelled, row.revenue)
        for row in town.ask("occupancy", name)
    }


def test_nights_count_in_the_month_that_they_are_in(town: Town) -> None:
    town.tell(listing("attic"))
    town.book("attic", "a", "ann", END_OF_FEBRUARY - 2, END_OF_FEBRUARY + 3)
    assert months(town) == {202602: (2, 1, 0, 0), 202603: (3, 0, 0, 0)}
    row = town.ask("occupancy", "attic", since_month=202603)[0]
    assert (row.nights, row.occupancy_ppm) == (31, 3 * 1_000_000 // 31)
    town.tell(CancelBooking(listing="attic", booking="a", party_id="ann"))
    assert months(town) == {202602: (0, 1, 1, 0), 202603: (0, 0, 0, 0)}


def test_money_counts_in_the_month_in_which_it_moves(town: Town) -> None:
    town.tell(
        listing("attic", terms=BookingTerms(cancellation=CancellationPolicy.FLEXIBLE)),
        listing("barn", currency="EUR"),
    )
    town.book("attic", "a", "ann", END_OF_FEBRUARY - 1, END_OF_FEBRUARY + 3)
    town.book("barn", "b", "ann", END_OF_FEBRUARY - 1, END_OF_FEBRUARY)
    town.tell(Tick(), now_ms=at(END_OF_FEBRUARY - 1, 16))
    town.answer("a")
    town.answer("b")
    town.tell(
        CancelBooking(listing="attic", booking="a", party_id="host"),
        now_ms=at(END_OF_FEBRUARY, 10),
    )
    town.answer("a")
    # The night that has begun is kept, the two after it are given back.
    assert months(town) == {202602: (1, 1, 0, 40_000), 202603: (1, 0, 1, -20_000)}
    found = [
        (row.month, row.currency, row.taken, row.given_back, row.revenue, row.booked_nights)
        for row in town.ask("revenue", "host")
    ]
    assert found == [
        (202602, "EUR", 10_000, 0, 10_000, 1),
        (202602, "USD", 40_000, 0, 40_000, 1),
        (202603, "USD", 0, 20_000, -20_000, 1),
    ]


def test_days_and_months() -> None:
    assert day_of(date_of(TODAY)) == TODAY
    assert month_of(TODAY) == 202602
    assert [month_after(month) for month in (202601, 202611, 202612)] == [202602, 202612, 202701]
    assert first_day(197001) == 0
    assert date_of(2**31).year == 9999
