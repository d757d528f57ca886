"""A booking's way: pay, request, confirm, check in, check out; and how it ends early."""

import pytest

from processors.booking.stays.commands import (
    AcceptBooking,
    CancelBooking,
    CancellationPolicy,
    DeclineBooking,
)
from processors.booking.stays.events import (
    BookingCancelled,
    BookingConfirmed,
    BookingReleased,
    CancelReason,
    PaymentOperation,
    RejectCode,
    ReleaseReason,
)
from processors.booking.stays.state import Stage
from processors.core.messages import Tick
from tests.processors.booking.stays.scenes import (
    DAY,
    DECLINED,
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
    pay,
    rejected,
    requests,
    taken,
)

ACCEPT = AcceptBooking(listing=LOFT, booking="b", host=HOST)
DECLINE = DeclineBooking(listing=LOFT, booking="b", host=HOST)


def cancel(party_id: str = GUEST) -> CancelBooking:
    return CancelBooking(listing=LOFT, booking="b", party_id=party_id)


def test_an_instant_booking_from_hold_to_check_out() -> None:
    scene = offered()
    scene.when(hold("b", 3, 6), at(0))
    [asked] = scene.when(pay(), at(0, 12, 5))
    assert (asked.operation, asked.amount) == (PaymentOperation.AUTHORIZE, 3 * NIGHT)
    assert (asked.payment, asked.step, asked.method) == (1, 1, "card_ok")
    answered, confirmed = scene.when(answer(asked), at(0, 12, 6))
    assert isinstance(confirmed, BookingConfirmed)
    assert (confirmed.total, confirmed.check_in_at_ms) == (3 * NIGHT, at(3, 15))
    assert answered.amount == 3 * NIGHT
    assert scene.when(Tick(), at(3, 14, 59)) == []
    _begun, captured = scene.when(Tick(), at(3, 15))
    assert (captured.operation, captured.amount) == (PaymentOperation.CAPTURE, 3 * NIGHT)
    assert captured.step == 2
    assert kinds(scene.when(answer(captured), at(3, 16))) == ["PaymentAnswered"]
    assert booking_of(scene).payments[0].captured == 3 * NIGHT
    [completed] = scene.when(Tick(), at(6, 11))
    assert completed.departure == DAY + 6
    assert taken(scene) == []
    assert kinds(scene.when(Tick(), at(20, 11))) == ["ReviewsRevealed"]
    assert scene.state.booking(LOFT, "b") is None  # over, and settled: forgotten


def test_a_request_waits_for_the_host() -> None:
    scene = booked(offered(request=True), 3, 6)
    assert booking_of(scene).stage is Stage.REQUESTED
    assert taken(scene) == [(3, 6, "b")]
    other = AcceptBooking(listing=LOFT, booking="b", host="helga")
    assert rejected(scene.when(other, at(0))) is RejectCode.NOT_YOURS
    assert kinds(scene.when(ACCEPT, at(0, 20))) == ["BookingConfirmed"]
    assert rejected(scene.when(ACCEPT, at(0, 20))) is RejectCode.WRONG_STAGE


def test_a_host_who_declines_gives_the_money_back() -> None:
    scene = booked(offered(request=True), 3, 6)
    released, reversed_ = scene.when(DECLINE, at(0, 20))
    assert released.reason is ReleaseReason.HOST_DECLINED
    assert (reversed_.operation, reversed_.step) == (PaymentOperation.REVERSE, 2)
    assert taken(scene) == []
    assert booking_of(scene).stage is Stage.OVER
    scene.when(answer(reversed_), at(0, 21))
    assert scene.state.booking(LOFT, "b") is None


def test_a_host_who_is_silent_is_not_waited_for() -> None:
    scene = booked(offered(request=True), 3, 6)
    assert scene.when(Tick(), at(1, 11, 59)) == []
    released, reversed_ = scene.when(Tick(), at(1, 12))
    assert released.reason is ReleaseReason.HOST_SILENT
    assert reversed_.operation is PaymentOperation.REVERSE


def test_a_request_for_tonight_is_answered_by_midnight() -> None:
    scene = booked(offered(request=True), 0, 2)
    assert scene.when(Tick(), at(0, 23, 59)) == []
    assert scene.when(Tick(), at(1, 0))[0].reason is ReleaseReason.HOST_SILENT


def test_check_in_comes_at_once_where_it_is_past_when_the_host_accepts() -> None:
    scene = booked(offered(request=True), 0, 2)
    assert kinds(scene.when(ACCEPT, at(0, 20))) == [
        "BookingConfirmed",
        "StayBegun",
        "PaymentRequested",
    ]


@pytest.mark.parametrize(
    ("outcome", "reason", "back"),
    [
        (DECLINED, ReleaseReason.PAYMENT_DECLINED, []),
        (FAILED, ReleaseReason.PAYMENT_FAILED, [PaymentOperation.REVERSE]),
    ],
)
def test_a_payment_that_fails_releases_the_nights(
    outcome: object, reason: ReleaseReason, back: list[PaymentOperation]
) -> None:
    """Where nobody knows whether it was authorized, it is reversed."""
    scene = offered()
    scene.when(hold("b", 3, 6), at(0))
    [asked] = requests(scene.when(pay(), at(0)))
    events = scene.when(answer(asked, outcome), at(0))  # type: ignore[arg-type]
    assert isinstance(events[1], BookingReleased)
    assert events[1].reason is reason
    assert [request.operation for request in requests(events)] == back
    assert taken(scene) == []
    assert kinds(scene.when(hold("c", 3, 6), at(0))) == ["NightsHeld"]


def test_only_a_hold_is_paid_for_and_only_once() -> None:
    scene = offered()
    scene.when(hold("b", 3, 6), at(0))
    scene.when(pay(), at(0))
    assert rejected(scene.when(pay(), at(0))) is RejectCode.WRONG_STAGE
    stranger = pay()
    stranger.guest = "grace"
    assert rejected(scene.when(stranger, at(0))) is RejectCode.NOT_YOURS
    assert rejected(scene.when(pay("c"), at(0))) is RejectCode.UNKNOWN_BOOKING


@pytest.mark.parametrize("stage", ["held", "authorizing", "requested"])
def test_what_is_not_confirmed_may_be_withdrawn(stage: str) -> None:
    for party, reason in (
        (GUEST, ReleaseReason.WITHDRAWN),
        (HOST, ReleaseReason.HOST_DECLINED),
    ):
        scene = offered(request=True)
        scene.when(hold("b", 3, 6), at(0))
        if stage != "held":
            [asked] = requests(scene.when(pay(), at(0)))
        if stage == "requested":
            scene.when(answer(asked), at(0))
        released, *back = scene.when(cancel(party), at(0))
        assert released.reason is reason
        expected = ["reverse"] if stage == "requested" else []
        assert [request.operation.value for request in back] == expected
        assert taken(scene) == []


def confirmed_on_day_40(policy: CancellationPolicy) -> Scene:
    """Four nights at 100.00 from day 40 on, booked on day 0 at noon."""
    return booked(offered(cancellation=policy), 40, 44)


@pytest.mark.parametrize(
    ("policy", "day", "hour", "refund"),
    [
        (CancellationPolicy.FLEXIBLE, 39, 15, 4 * NIGHT),
        (CancellationPolicy.FLEXIBLE, 39, 16, 2 * NIGHT),
        (CancellationPolicy.FLEXIBLE, 40, 16, 3 * NIGHT // 2),  # tonight is spent
        (CancellationPolicy.FLEXIBLE, 42, 9, NIGHT // 2),
        (CancellationPolicy.MODERATE, 35, 15, 4 * NIGHT),
        (CancellationPolicy.MODERATE, 36, 12, 2 * NIGHT),
        (CancellationPolicy.MODERATE, 41, 12, NIGHT),
        (CancellationPolicy.FIRM, 10, 12, 4 * NIGHT),
        (CancellationPolicy.FIRM, 20, 12, 2 * NIGHT),
        (CancellationPolicy.FIRM, 34, 12, 0),
        (CancellationPolicy.FIRM, 41, 12, 0),
        (CancellationPolicy.STRICT, 2, 12, 4 * NIGHT),  # within 48 hours of booking
        (CancellationPolicy.STRICT, 2, 13, 2 * NIGHT),
        (CancellationPolicy.STRICT, 33, 16, 0),
        (CancellationPolicy.NON_REFUNDABLE, 1, 12, 0),
        (CancellationPolicy.NON_REFUNDABLE, 41, 12, 0),
    ],
)
def test_a_guest_is_refunded_by_the_policy(
    policy: CancellationPolicy, day: int, hour: int, refund: int
) -> None:
    scene = confirmed_on_day_40(policy)
    for request in requests(scene.when(Tick(), at(day, hour))):
        scene.when(answer(request), at(day, hour))
    cancelled, *asked = scene.when(cancel(), at(day, hour))
    assert isinstance(cancelled, BookingCancelled)
    assert (cancelled.refund, cancelled.kept) == (refund, 4 * NIGHT - refund)
    assert cancelled.reason is CancelReason.GUEST
    has_begun = (day, hour) >= (40, 15)
    operation = "refund" if has_begun else "capture" if cancelled.kept else "reverse"
    moved = {"refund": refund, "capture": cancelled.kept, "reverse": 4 * NIGHT}[operation]
    expected = [(operation, moved)] if moved else []
    assert [(each.operation.value, each.amount) for each in asked] == expected
    left = [(40, cancelled.free_from - DAY, "b")] if has_begun else []
    assert taken(scene) == left


def test_strict_gives_grace_for_stays_that_are_far_off_alone() -> None:
    scene = booked(offered(cancellation=CancellationPolicy.STRICT), 14, 16)
    assert scene.when(cancel(), at(0, 13))[0].refund == 2 * NIGHT
    scene = booked(offered(cancellation=CancellationPolicy.STRICT), 13, 15)
    assert scene.when(cancel(), at(0, 13))[0].refund == NIGHT


def test_a_host_who_cancels_gives_all_back_but_for_nights_spent() -> None:
    scene = confirmed_on_day_40(CancellationPolicy.NON_REFUNDABLE)
    cancelled, asked = scene.when(cancel(HOST), at(30))
    assert (cancelled.reason, cancelled.refund) == (CancelReason.HOST, 4 * NIGHT)
    assert asked.operation is PaymentOperation.REVERSE
    scene = confirmed_on_day_40(CancellationPolicy.NON_REFUNDABLE)
    [captured] = requests(scene.when(Tick(), at(40, 16)))
    scene.when(answer(captured), at(40, 16))
    cancelled, asked = scene.when(cancel(HOST), at(41, 12))
    assert (cancelled.refund, cancelled.free_from) == (2 * NIGHT, DAY + 42)
    assert (asked.operation, asked.amount) == (PaymentOperation.REFUND, 2 * NIGHT)


def test_a_stay_that_is_cut_short_ends_in_its_time() -> None:
    scene = confirmed_on_day_40(CancellationPolicy.FLEXIBLE)
    [captured] = requests(scene.when(Tick(), at(40, 16)))
    scene.when(answer(captured), at(40, 16))
    scene.when(cancel(), at(40, 18))
    assert rejected(scene.when(cancel(), at(40, 19))) is RejectCode.WRONG_STAGE
    assert kinds(scene.when(hold("c", 41, 44), at(40, 19))) == ["NightsHeld"]
    events = scene.when(Tick(), at(41, 11))
    assert kinds(events) == ["BookingReleased", "StayCompleted"]
    assert events[1].departure == DAY + 41


def test_strangers_cancel_nothing() -> None:
    scene = booked(offered(), 3, 6)
    assert rejected(scene.when(cancel("grace"), at(0))) is RejectCode.NOT_YOURS
    assert rejected(scene.when(DECLINE, at(0))) is RejectCode.WRONG_STAGE


def test_what_is_over_is_not_cancelled_and_says_so() -> None:
    scene = booked(offered(), 3, 6)
    [back] = requests(scene.when(cancel(), at(0)))
    assert rejected(scene.when(cancel(), at(0))) is RejectCode.WRONG_STAGE
    scene.when(answer(back), at(0))
    [rejection] = scene.when(cancel(), at(0))
    assert rejection.code is RejectCode.UNKNOWN_BOOKING
    assert rejection.reason == "booking 'b' is over"
