"""What the payment provider says: late, twice, to what is over; and money that gets stuck."""

from processors.booking.stays.answering import is_awaited
from processors.booking.stays.commands import CancelBooking, RetryPayment
from processors.booking.stays.events import (
    BookingCancelled,
    CancelReason,
    PaymentOperation,
    PaymentRequested,
    PaymentStuck,
    RejectCode,
)
from processors.core.messages import Tick
from tests.processors.booking.stays.scenes import (
    DAY,
    DECLINED,
    DONE,
    FAILED,
    GUEST,
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

CANCEL = CancelBooking(listing=LOFT, booking="b", party_id=GUEST)
RETRY = RetryPayment(listing=LOFT, booking="b", payment=1)


def authorizing() -> tuple[Scene, PaymentRequested]:
    scene = offered()
    scene.when(hold("b", 3, 6), at(0))
    [asked] = requests(scene.when(pay(), at(0)))
    return scene, asked


def staying() -> tuple[Scene, PaymentRequested]:
    """Three nights from day 3 on; it is day 3, and the capture is asked for."""
    scene = booked(offered(), 3, 6)
    [asked] = requests(scene.when(Tick(), at(3, 15)))
    return scene, asked


def test_an_answer_counts_once() -> None:
    scene, asked = authorizing()
    assert is_awaited(scene.state, asked)
    assert len(scene.when(answer(asked), at(0))) == 2
    assert not is_awaited(scene.state, asked)
    for outcome in (DONE, DECLINED, FAILED):
        assert scene.when(answer(asked, outcome), at(0)) == []


def test_answers_to_what_is_not_known_change_nothing() -> None:
    scene, asked = authorizing()
    for field, value in (("listing", "shed"), ("booking", "c"), ("payment", 7), ("step", 2)):
        wrong = answer(asked)
        setattr(wrong, field, value)
        assert scene.when(wrong, at(0)) == []


def test_money_that_comes_after_the_hold_ran_out_goes_back() -> None:
    scene, asked = authorizing()
    scene.when(Tick(), at(0, 12, 15))
    assert taken(scene) == []
    assert is_awaited(scene.state, asked)  # what becomes of it must be known
    events = scene.when(answer(asked), at(0, 12, 20))
    assert kinds(events) == ["PaymentAnswered", "PaymentRequested"]
    assert events[1].operation is PaymentOperation.REVERSE
    scene.when(answer(events[1]), at(0, 12, 21))
    assert scene.state.booking(LOFT, "b") is None


def test_a_late_decline_ends_it() -> None:
    scene, asked = authorizing()
    scene.when(Tick(), at(0, 12, 15))
    assert kinds(scene.when(answer(asked, DECLINED), at(0, 12, 20))) == ["PaymentAnswered"]
    assert scene.state.booking(LOFT, "b") is None


def test_a_booking_cancelled_while_the_capture_is_under_way_is_refunded() -> None:
    scene, asked = staying()
    [cancelled] = scene.when(CANCEL, at(3, 16))
    assert (cancelled.refund, cancelled.free_from) == (NIGHT, DAY + 4)  # half of two nights
    events = scene.when(answer(asked), at(3, 17))
    assert kinds(events) == ["PaymentAnswered", "PaymentRequested"]
    assert (events[1].operation, events[1].amount) == (PaymentOperation.REFUND, NIGHT)
    scene.when(answer(events[1]), at(3, 18))
    assert booking_of(scene).payments[0].captured == 2 * NIGHT


def test_a_stay_whose_money_cannot_be_taken_is_over_tomorrow() -> None:
    for outcome in (DECLINED, FAILED):
        scene, asked = staying()
        answered, cancelled, back = scene.when(answer(asked, outcome), at(3, 16))
        assert answered.outcome is outcome
        assert isinstance(cancelled, BookingCancelled)
        assert cancelled.reason is CancelReason.PAYMENT
        assert (cancelled.free_from, cancelled.kept) == (DAY + 4, 0)
        assert back.operation is PaymentOperation.REVERSE
        assert taken(scene) == [(3, 4, "b")]


def test_a_capture_that_fails_after_the_stay_is_reversed() -> None:
    scene, asked = staying()
    scene.when(Tick(), at(6, 11))
    events = scene.when(answer(asked, FAILED), at(6, 12))
    assert kinds(events) == ["PaymentAnswered", "PaymentRequested"]
    assert events[1].operation is PaymentOperation.REVERSE


def test_money_that_cannot_be_given_back_waits_for_somebody() -> None:
    """A declined step is a new one when it is tried again; one that may be done keeps its number,
    by which the provider tells."""
    for outcome, step in ((DECLINED, 3), (FAILED, 2)):
        scene = booked(offered(), 3, 6)
        [back] = requests(scene.when(CANCEL, at(0)))
        assert back.step == 2
        answered, stuck = scene.when(answer(back, outcome), at(0, 13))
        assert isinstance(stuck, PaymentStuck)
        assert (stuck.operation, stuck.amount) == (PaymentOperation.REVERSE, answered.amount)
        assert not is_awaited(scene.state, back)
        [again] = scene.when(RETRY, at(1))
        assert (again.operation, again.step) == (PaymentOperation.REVERSE, step)
        assert is_awaited(scene.state, again)
        assert rejected(scene.when(RETRY, at(1))) is RejectCode.WRONG_STAGE
        scene.when(answer(again), at(1))
        assert scene.state.booking(LOFT, "b") is None


def test_a_refund_that_is_stuck_is_tried_again_with_its_amount() -> None:
    scene, asked = staying()
    scene.when(answer(asked), at(3, 16))
    [refund] = requests(scene.when(CANCEL, at(3, 16)))
    scene.when(answer(refund, FAILED), at(3, 17))
    [again] = scene.when(RETRY, at(3, 18))
    assert (again.operation, again.amount, again.step) == (
        PaymentOperation.REFUND,
        NIGHT,
        refund.step,
    )


def test_only_what_is_stuck_is_tried_again() -> None:
    scene, _asked = authorizing()
    assert rejected(scene.when(RETRY, at(0))) is RejectCode.WRONG_STAGE
    unknown = RetryPayment(listing=LOFT, booking="b", payment=9)
    assert rejected(scene.when(unknown, at(0))) is RejectCode.UNKNOWN_PAYMENT


def test_payments_are_numbered_by_listing_and_never_again() -> None:
    scene = offered()
    numbers = []
    for booking in ("b", "c", "d"):
        scene.when(hold(booking, 3, 6), at(0))
        [asked] = requests(scene.when(pay(booking), at(0)))
        numbers.append(asked.payment)
        scene.when(answer(asked, DECLINED), at(0))
    assert numbers == [1, 2, 3]
