"""What the payment provider is asked for: requests as events, numbered by payment and step."""

from collections.abc import Iterable
from typing import Final

from processors.booking.stays.events import PaymentRequested
from processors.booking.stays.payments import Payment, copies, next_step, spread
from processors.booking.stays.state import Booking, Listing
from processors.booking.stays.terms import PaymentOperation

FIRST_STEP: Final = 1


def authorize(listing: Listing, booking: Booking, amount: int, method: str) -> PaymentRequested:
    """A payment more of the booking."""
    return PaymentRequested(
        listing=listing.listing,
        booking=booking.booking,
        payment=listing.payments_made + 1,
        step=FIRST_STEP,
        operation=PaymentOperation.AUTHORIZE,
        amount=amount,
        currency=listing.currency,
        method=method,
    )


def next_requests(
    listing: Listing, booking: Booking, payments: Iterable[Payment]
) -> list[PaymentRequested]:
    """The next step of each payment, as these would stand."""
    requests = []
    for payment in payments:
        step = next_step(payment)
        if step is not None:
            operation, amount = step
            requests.append(
                PaymentRequested(
                    listing=listing.listing,
                    booking=booking.booking,
                    payment=payment.number,
                    step=payment.step + 1,
                    operation=operation,
                    amount=amount,
                    currency=listing.currency,
                    method=payment.method,
                )
            )
    return requests


def requests_to_keep(listing: Listing, booking: Booking, owed: int) -> list[PaymentRequested]:
    """What brings the booking's payments to what is owed. The oldest keep it: those of a change
    that comes to nothing are beyond it."""
    if not booking.payments:
        return []
    payments = copies(booking.payments)
    spread(payments, owed)
    return next_requests(listing, booking, payments)


def requests_to_drop(listing: Listing, booking: Booking, dropped: int) -> list[PaymentRequested]:
    """What undoes the payment of a change that comes to nothing; the others stay as they are."""
    found = booking.payment(dropped)
    payments = [] if found is None else copies((found,))
    for payment in payments:
        payment.target = 0
    return next_requests(listing, booking, payments)
