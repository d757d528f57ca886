"""What the payment provider answers, and what the rules make of it.

An answer counts if it is to the step that its payment waits for. It may come late: the hold ran
out meanwhile, the booking was cancelled, the change was dropped. Then the money that it brings
goes back, which is the next step of the payment.
"""

from collections.abc import Sequence

from log.envelope import Event
from processors.booking.stays.asking import next_requests
from processors.booking.stays.changing import change_authorized
from processors.booking.stays.commands import AnswerPayment, RetryPayment
from processors.booking.stays.events import (
    CancelReason,
    PaymentAnswered,
    PaymentRequested,
    PaymentStuck,
    ReleaseReason,
)
from processors.booking.stays.payments import Payment, apply_answer, copies, spread
from processors.booking.stays.rejecting import Turned, booking_of, listing_of
from processors.booking.stays.saga import (
    authorized,
    cancelled,
    change_released,
    first_night_left,
    released,
    unspent_value,
)
from processors.booking.stays.state import Booking, Listing, Stage, Stays
from processors.booking.stays.terms import PaymentOperation, PaymentOutcome, RejectCode

MONEY_BACK = (PaymentOperation.REFUND, PaymentOperation.REVERSE)


def is_awaited(state: Stays, request: PaymentRequested) -> bool:
    """Whether the state still waits for the answer: the payment effect asks."""
    booking = state.booking(request.listing, request.booking)
    payment = None if booking is None else booking.payment(request.payment)
    return payment is not None and payment.awaits is not None and payment.step == request.step


def answer_payment(state: Stays, command: AnswerPayment, at: int) -> Sequence[Event]:
    listing = state.listings.get(command.listing)
    booking = None if listing is None else listing.bookings.get(command.booking)
    payment = None if booking is None else booking.payment(command.payment)
    if (
        listing is None
        or booking is None
        or payment is None
        or payment.awaits is None
        or payment.step != command.step
    ):
        return ()
    answer = PaymentAnswered(
        listing=listing.listing,
        booking=booking.booking,
        payment=payment.number,
        step=payment.step,
        operation=payment.awaits,
        outcome=command.outcome,
        amount=_amount_of(payment),
        currency=listing.currency,
        reason=command.reason,
    )
    done = command.outcome is PaymentOutcome.DONE
    if answer.operation in MONEY_BACK and not done:
        return (answer, _stuck(answer))
    followed, payments = _follow(listing, booking, payment, answer, at)
    return (answer, *followed, *next_requests(listing, booking, payments))


def _amount_of(payment: Payment) -> int:
    """What moves, if it is done."""
    return payment.captured if payment.awaits is PaymentOperation.REVERSE else payment.asked


def _follow(
    listing: Listing, booking: Booking, payment: Payment, answer: PaymentAnswered, at: int
) -> tuple[Sequence[Event], Sequence[Payment]]:
    """What the answer means for the booking, and its payments as they would stand then."""
    payments = copies(booking.payments)
    for one in payments:
        if one.number == payment.number:
            apply_answer(one, answer)
    done = answer.outcome is PaymentOutcome.DONE
    change = booking.change
    if answer.operation is PaymentOperation.AUTHORIZE:
        failure = _failure(answer)
        if booking.stage is Stage.AUTHORIZING:
            if done:
                return authorized(listing, booking, at), payments
            return (released(listing, booking, failure),), payments
        if change is not None and change.payment == payment.number:
            if done:
                return change_authorized(listing, booking, change, at), payments
            return (change_released(listing, booking, change, failure),), payments
    if answer.operation is PaymentOperation.CAPTURE and not done:
        return _capture_failed(listing, booking, payments, at)
    return (), payments


def _failure(answer: PaymentAnswered) -> ReleaseReason:
    if answer.outcome is PaymentOutcome.DECLINED:
        return ReleaseReason.PAYMENT_DECLINED
    return ReleaseReason.PAYMENT_FAILED


def _capture_failed(
    listing: Listing, booking: Booking, payments: list[Payment], at: int
) -> tuple[Sequence[Event], Sequence[Payment]]:
    """A guest who is there, and has not paid: the nights left are free again. What other payments
    of the booking bring is kept for the nights that are spent."""
    if booking.stage is not Stage.STAYING:
        return (), payments
    free_from = first_night_left(booking, at)
    spent = booking.owed - unspent_value(booking, free_from)
    kept = min(spent, sum(payment.captured for payment in payments))
    spread(payments, kept)
    return (cancelled(listing, booking, free_from, CancelReason.PAYMENT, kept),), payments


def _stuck(answer: PaymentAnswered) -> PaymentStuck:
    return PaymentStuck(
        listing=answer.listing,
        booking=answer.booking,
        payment=answer.payment,
        step=answer.step,
        operation=answer.operation,
        amount=answer.amount,
        currency=answer.currency,
    )


def retry_payment(state: Stays, command: RetryPayment, _at: int) -> Sequence[Event]:
    listing = listing_of(state, command)
    booking = booking_of(listing, command)
    payment = booking.payment(command.payment)
    if payment is None:
        reason = f"booking {booking.booking} has no payment {command.payment}"
        raise Turned(RejectCode.UNKNOWN_PAYMENT, "payment", reason)
    if payment.stuck is None:
        reason = f"payment {payment.number} is not stuck"
        raise Turned(RejectCode.WRONG_STAGE, "payment", reason)
    return (
        PaymentRequested(
            listing=listing.listing,
            booking=booking.booking,
            payment=payment.number,
            step=payment.retry_step,
            operation=payment.stuck,
            amount=payment.asked,
            currency=listing.currency,
            method=payment.method,
        ),
    )
