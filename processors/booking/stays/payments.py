"""A booking's payments: what stands of each at the provider, and what is to be done next.

    authorize ─► (check-in, or a cancellation that costs) capture ─► refund, refund, ...
        └──────► (nothing is owed) reverse
                                   what fails for good on the way in is reversed;
                                   on the way out, somebody has to look (`stuck`)

The rules say what is owed; `spread` makes of that a target for each payment, and `next_step` the
step that brings it nearer. One step of a payment is waited for at a time.
"""

from collections.abc import Iterable
from copy import copy

import msgspec

from processors.booking.stays.events import PaymentAnswered, PaymentRequested
from processors.booking.stays.terms import PaymentOperation, PaymentOutcome


class Payment(msgspec.Struct, omit_defaults=True):
    number: int
    method: str
    amount: int
    """Authorized, or to be."""
    step: int = 0
    """Of the last request."""
    awaits: PaymentOperation | None = None
    """The operation whose answer is waited for."""
    asked: int = 0
    """The amount of the last request."""
    authorized: bool = False
    captured: int = 0
    """What was taken, less what was given back."""
    target: int | None = None
    """What shall be captured in the end; None: that is not known yet."""
    stuck: PaymentOperation | None = None
    """What failed for good, and is to be tried again by hand."""
    retry_step: int = 0
    """Its number then: the same where nobody knows whether it was done, so that it cannot be done
    twice; the next where it was declined, so that it is a new call."""
    over: bool = False
    """Declined, or reversed: nothing can happen to it any more."""


def next_step(payment: Payment) -> tuple[PaymentOperation, int] | None:
    """What to ask the provider for, and the amount; None: nothing, or not now."""
    target = payment.target
    if payment.awaits or payment.stuck or payment.over or target is None or not payment.authorized:
        return None
    if payment.captured:
        owed = payment.captured - target
        return (PaymentOperation.REFUND, owed) if owed > 0 else None
    if target:
        return PaymentOperation.CAPTURE, min(target, payment.amount)
    return PaymentOperation.REVERSE, payment.amount


def is_settled(payment: Payment) -> bool:
    """Whether nothing is to be done about it any more, as things are."""
    if payment.awaits or payment.stuck:
        return False
    return payment.over or (payment.target is not None and next_step(payment) is None)


def apply_request(payment: Payment, asked: PaymentRequested) -> None:
    payment.step = asked.step
    payment.awaits = asked.operation
    payment.asked = asked.amount
    payment.stuck = None
    payment.retry_step = 0


def apply_answer(payment: Payment, answer: PaymentAnswered) -> None:
    """What the answer makes of it. An authorization or a capture that nobody knows the end of, and
    a capture that is declined, leave nothing to do but to reverse."""
    operation, done = answer.operation, answer.outcome is PaymentOutcome.DONE
    payment.awaits = None
    if operation is PaymentOperation.AUTHORIZE:
        payment.authorized = answer.outcome is not PaymentOutcome.DECLINED
        payment.over = not payment.authorized
        if not done:
            payment.target = 0
    elif operation is PaymentOperation.CAPTURE:
        if done:
            payment.captured = answer.amount
        else:
            payment.target = 0
    elif not done:
        payment.stuck = operation
        payment.retry_step = answer.step + (answer.outcome is PaymentOutcome.DECLINED)
    elif operation is PaymentOperation.REFUND:
        payment.captured -= answer.amount
    else:
        payment.captured = 0
        payment.over = True


def spread(payments: Iterable[Payment], owed: int) -> None:
    """Gives each payment its target, the oldest first, so that together they keep what is owed:
    of each at most what was captured, or is authorized. Those that are to be reversed, and those
    that are over, keep nothing."""
    for payment in payments:
        if payment.over or payment.target == 0:
            payment.target = 0
            continue
        payment.target = min(owed, payment.captured or payment.amount)
        owed -= payment.target


def pledged(payments: Iterable[Payment]) -> int:
    """What is authorized, and not to be reversed."""
    return sum(
        payment.amount
        for payment in payments
        if payment.authorized and not payment.over and payment.target != 0
    )


def copies(payments: Iterable[Payment]) -> list[Payment]:
    """For `decide`, which looks at what would be."""
    return [copy(payment) for payment in payments]
