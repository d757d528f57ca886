"""A booking is modified without losing its hold: the new nights are held beside the old ones until
money and host are sure."""

from typing import Any

import pytest

from processors.booking.stays.commands import (
    AcceptBooking,
    CancelBooking,
    CancellationPolicy,
    DeclineBooking,
    ModifyBooking,
    PriceRules,
    StayRules,
)
from processors.booking.stays.events import (
    BookingModified,
    ChangeHeld,
    ChangeReleased,
    PaymentOperation,
    RejectCode,
    ReleaseReason,
)
from processors.booking.stays.state import Stage
from processors.core.messages import Tick
from tests.processors.booking.stays.scenes import (
    DAY,
    DECLINED,
    DONE,
    FAILED,
    GUEST,
    HOST,
    LOFT,
    NIGHT,
    Scene,
    answer,
    at,
    booked,
    booking_of,
    hold,
    kinds,
    offered,
    rejected,
    requests,
    taken,
)


def modify(arrival: int, departure: int, method: str = "card_ok", **changes: Any) -> ModifyBooking:
    command = ModifyBooking(
        listing=LOFT,
        booking="b",
        guest=GUEST,
        arrival=DAY + arrival,
        departure=DAY + departure,
        method=method,
    )
    for name, value in changes.items():
        setattr(command, name, value)
    return command


def longer(scene: Scene) -> Any:
    """From nights 3 to 5 to nights 4 to 8, two more; returns the payment asked for."""
    held, asked = scene.when(modify(4, 9), at(0, 13))
    assert isinstance(held, ChangeHeld)
    assert (asked.operation, asked.amount) == (PaymentOperation.AUTHORIZE, 2 * NIGHT)
    assert (asked.payment, asked.step) == (2, 1)
    return asked


def test_a_longer_stay_is_held_paid_and_then_the_booking_s() -> None:
    scene = booked(offered(), 3, 6)
    asked = longer(scene)
    assert taken(scene) == [(3, 4, "b"), (4, 9, "b")]
    assert rejected(scene.when(hold("c", 3, 4), at(0, 13))) is RejectCode.NIGHTS_TAKEN
    assert rejected(scene.when(hold("c", 8, 9), at(0, 13))) is RejectCode.NIGHTS_TAKEN
    _answered, modified = scene.when(answer(asked), at(0, 13))
    assert isinstance(modified, BookingModified)
    assert (modified.old_arrival, modified.old_departure) == (DAY + 3, DAY + 6)
    assert (modified.arrival, modified.quote.total) == (DAY + 4, 5 * NIGHT)
    assert taken(scene) == [(4, 9, "b")]
    begun = scene.when(Tick(), at(4, 15))
    assert [(each.payment, each.amount) for each in requests(begun)] == [
        (1, 3 * NIGHT),
        (2, 2 * NIGHT),
    ]


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [(DECLINED, ReleaseReason.PAYMENT_DECLINED), (FAILED, ReleaseReason.PAYMENT_FAILED)],
)
def test_where_the_rest_is_not_paid_the_booking_stays_as_it_was(
    outcome: Any, reason: ReleaseReason
) -> None:
    scene = booked(offered(), 3, 6)
    events = scene.when(answer(longer(scene), outcome), at(0, 13))
    assert isinstance(events[1], ChangeReleased)
    assert events[1].reason is reason
    assert taken(scene) == [(3, 6, "b")]
    assert booking_of(scene).quote.total == 3 * NIGHT
    assert kinds(scene.when(hold("c", 6, 9), at(0, 13))) == ["NightsHeld"]
    assert kinds(scene.when(Tick(), at(3, 15))[1:]) == ["StayBegun", "PaymentRequested"]


def test_money_that_goes_back_pays_for_no_other_change() -> None:
    scene = booked(offered(), 3, 6)
    scene.when(answer(longer(scene), FAILED), at(0, 13))  # it may be authorized, and is reversed
    _held, asked = scene.when(modify(4, 9), at(0, 14))
    assert (asked.payment, asked.amount) == (3, 2 * NIGHT)


def test_a_change_runs_out_and_a_late_answer_is_reversed() -> None:
    scene = booked(offered(), 3, 6)
    asked = longer(scene)
    [released] = scene.when(Tick(), at(0, 13, 15))
    assert released.reason is ReleaseReason.EXPIRED
    assert taken(scene) == [(3, 6, "b")]
    _answered, back = scene.when(answer(asked), at(0, 14))
    assert (back.payment, back.operation) == (2, PaymentOperation.REVERSE)


def test_a_cheaper_stay_is_the_booking_s_at_once_and_less_is_captured() -> None:
    scene = booked(offered(), 3, 6)
    [modified] = scene.when(modify(3, 4, method=""), at(0, 13))
    assert isinstance(modified, BookingModified)
    assert taken(scene) == [(3, 4, "b")]
    [captured] = requests(scene.when(Tick(), at(3, 15)))
    assert captured.amount == NIGHT


def test_what_is_authorized_already_is_not_asked_for_again() -> None:
    """Three nights paid, changed to one, and to four: one more is to be paid."""
    scene = booked(offered(), 3, 6)
    scene.when(modify(3, 4), at(0, 13))
    _held, asked = scene.when(modify(3, 7), at(0, 13))
    assert asked.amount == NIGHT


def test_the_oldest_payment_pays_first_and_the_rest_is_let_go() -> None:
    """Three nights and then five are authorized, four are stayed; and then three, and then two."""
    for departure, expected in (
        (8, [("capture", 3 * NIGHT), ("capture", NIGHT)]),
        (7, [("capture", 3 * NIGHT), ("reverse", 2 * NIGHT)]),
        (6, [("capture", 2 * NIGHT), ("reverse", 2 * NIGHT)]),
    ):
        scene = booked(offered(), 3, 6)
        scene.when(answer(longer(scene)), at(0, 13))
        scene.when(modify(4, departure), at(0, 14))
        asked = requests(scene.when(Tick(), at(4, 15)))
        assert [(each.operation.value, each.amount) for each in asked] == expected


def test_a_hold_is_changed_while_it_runs() -> None:
    scene = offered()
    scene.when(hold("b", 3, 6), at(0))
    [modified] = scene.when(modify(5, 9), at(0, 12, 5))
    assert modified.was_held
    assert taken(scene) == [(5, 9, "b")]
    assert booking_of(scene).stage is Stage.HELD
    assert scene.when(Tick(), at(0, 12, 15))[0].reason is ReleaseReason.EXPIRED


def test_the_host_of_a_request_is_asked_about_changes_too() -> None:
    accept = AcceptBooking(listing=LOFT, booking="b", host=HOST)
    decline = DeclineBooking(listing=LOFT, booking="b", host=HOST)
    for verdict, expected in ((accept, (4, 9, "b")), (decline, (3, 6, "b"))):
        scene = booked(offered(request=True), 3, 6)
        scene.when(accept, at(0, 12, 30))
        events = scene.when(answer(longer(scene)), at(0, 13))
        assert kinds(events) == ["PaymentAnswered", "ChangeRequested"]
        scene.when(verdict, at(0, 15))
        assert taken(scene) == [expected]
    scene = booked(offered(request=True), 3, 6)
    scene.when(accept, at(0, 12, 30))
    assert kinds(scene.when(modify(3, 5), at(0, 13))) == ["ChangeHeld", "ChangeRequested"]
    assert scene.when(Tick(), at(1, 13))[0].reason is ReleaseReason.HOST_SILENT
    assert taken(scene) == [(3, 6, "b")]


def test_no_change_is_under_way_at_check_in() -> None:
    scene = booked(offered(), 1, 3)
    asked = requests(scene.when(modify(1, 5), at(1, 14, 58)))
    events = scene.when(Tick(), at(1, 15))
    assert kinds(events) == ["ChangeReleased", "StayBegun", "PaymentRequested"]
    assert kinds(scene.when(answer(asked[0], DONE), at(1, 15, 1))) == [
        "PaymentAnswered",
        "PaymentRequested",
    ]


def test_a_cancellation_drops_the_change_and_its_payment() -> None:
    scene = booked(offered(), 3, 6)
    asked = longer(scene)
    cancel = CancelBooking(listing=LOFT, booking="b", party_id=GUEST)
    released, cancelled, back = scene.when(cancel, at(0, 13, 5))
    assert released.reason is ReleaseReason.WITHDRAWN
    assert (cancelled.arrival, cancelled.departure) == (DAY + 3, DAY + 6)
    assert (back.payment, back.operation) == (1, PaymentOperation.REVERSE)
    assert taken(scene) == []
    [late] = requests(scene.when(answer(asked), at(0, 15)))
    assert (late.payment, late.operation) == (2, PaymentOperation.REVERSE)


def test_a_cancellation_while_the_host_is_asked_reverses_the_change_s_payment() -> None:
    scene = offered(request=True, cancellation=CancellationPolicy.NON_REFUNDABLE)
    booked(scene, 3, 6)
    scene.when(AcceptBooking(listing=LOFT, booking="b", host=HOST), at(0, 12, 30))
    scene.when(answer(longer(scene)), at(0, 13))
    cancel = CancelBooking(listing=LOFT, booking="b", party_id=GUEST)
    asked = requests(scene.when(cancel, at(0, 14)))
    assert [(each.payment, each.operation.value, each.amount) for each in asked] == [
        (1, "capture", 3 * NIGHT),
        (2, "reverse", 2 * NIGHT),
    ]


def test_changes_go_by_the_rules() -> None:
    scene = booked(booked(offered(StayRules(minimum_nights=2)), 3, 6), 8, 10, "other")
    for command, code in (
        (modify(3, 4), RejectCode.TOO_SHORT),
        (modify(5, 9), RejectCode.NIGHTS_TAKEN),
        (modify(3, 8, method=""), RejectCode.METHOD_NEEDED),
        (modify(3, 6, guests=9), RejectCode.TOO_MANY_GUESTS),
        (modify(3, 8, total_max=4 * NIGHT), RejectCode.PRICE_CHANGED),
        (modify(-1, 6), RejectCode.TOO_SOON),
        (modify(3, 8, guest="grace"), RejectCode.NOT_YOURS),
    ):
        assert rejected(scene.when(command, at(0, 13))) is code
    assert scene.when(modify(3, 6), at(0, 13)) == []
    assert kinds(scene.when(modify(3, 6, guests=2), at(0, 13))) == ["BookingModified"]
    scene.when(modify(3, 8), at(0, 13))
    assert rejected(scene.when(modify(3, 7), at(0, 13))) is RejectCode.WRONG_STAGE


def test_a_stay_that_has_begun_is_not_modified() -> None:
    scene = booked(offered(), 1, 4)
    events = scene.when(modify(1, 5), at(1, 16))
    assert rejected(events[-1:]) is RejectCode.WRONG_STAGE


def test_no_notice_is_needed_to_keep_the_arrival() -> None:
    scene = booked(offered(StayRules(notice_days=2)), 3, 6)
    assert kinds(scene.when(modify(3, 5), at(2))) == ["BookingModified"]
    assert rejected(scene.when(modify(4, 5), at(3))[-1:]) in (
        RejectCode.WRONG_STAGE,
        RejectCode.TOO_SOON,
    )


def test_the_new_stay_is_at_today_s_prices() -> None:
    scene = booked(offered(prices=PriceRules(night_price=NIGHT)), 3, 6)
    scene.state.listings[LOFT].prices = PriceRules(night_price=2 * NIGHT)
    held, asked = scene.when(modify(3, 5), at(0, 13))
    assert (held.quote.total, asked.amount) == (4 * NIGHT, NIGHT)
