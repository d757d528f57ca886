"""The payment effect: each `payment_requested.v1` is put to the payment provider over HTTP, and
what it says comes back as `answer_payment.v1`.

    POST <url>/<operation>  {"payment", "amount", "currency", "method"}   Idempotency-Key
      2xx  done     402, 409  declined     408, 429, 5xx  try again     else  failed for good

The key is the payment's and its step's, not the attempt's nor the event's: an operator's retry of
a step that failed is a new event, and must not move the money twice.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from zlib import crc32

from processors.booking.stays.answering import is_awaited
from processors.booking.stays.commands import AnswerPayment
from processors.booking.stays.events import PaymentRequested
from processors.booking.stays.terms import PaymentOperation, PaymentOutcome
from processors.core.effect import Effect, Limits, Perform, Refused, Request

DECLINED = (HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.CONFLICT)
TRY_AGAIN = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


@asynccontextmanager
async def open_payments(settings: Mapping[str, str]) -> AsyncIterator[Perform]:
    """`url` leads to the provider. The effect's limits tell how long an attempt may take."""
    import httpx

    async with httpx.AsyncClient(base_url=settings["url"], timeout=None) as client:

        async def perform(request: Request) -> AnswerPayment:
            event: PaymentRequested = request.event
            answer = await client.post(
                f"/{event.operation.value}",
                json={
                    "payment": payment_id(event),
                    "amount": event.amount,
                    "currency": event.currency,
                    "method": event.method,
                },
                headers={"Idempotency-Key": idempotency_key(event)},
            )
            return read_answer(event, answer.status_code, answer.text)

        yield perform


def payment_id(event: PaymentRequested) -> str:
    """What the provider knows the payment by: `loft-7/3` is the third payment of a listing."""
    return f"{event.listing}/{event.payment}"


def idempotency_key(event: PaymentRequested) -> str:
    """The same for every attempt at a step, and for every retry. ASCII, as headers are."""
    return f"{payment_id(event)}/{event.step}".encode().hex()


def read_answer(event: PaymentRequested, status: int, text: str) -> AnswerPayment:
    """What an HTTP answer says. Errors: ConnectionError, where another attempt may do better;
    Refused, where none can."""
    if status in DECLINED:
        return answer_to(event, PaymentOutcome.DECLINED, text)
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return answer_to(event, PaymentOutcome.DONE)
    said = f"the payment provider answers {status}: {text}"
    if status in TRY_AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise ConnectionError(said)
    raise Refused(said)


def answer_to(event: PaymentRequested, outcome: PaymentOutcome, reason: str = "") -> AnswerPayment:
    return AnswerPayment(
        listing=event.listing,
        booking=event.booking,
        payment=event.payment,
        step=event.step,
        outcome=outcome,
        reason=reason,
    )


def failed(event: PaymentRequested, reason: str) -> AnswerPayment:
    """Nobody knows whether it was done."""
    return answer_to(event, PaymentOutcome.FAILED, reason)


@asynccontextmanager
async def simulated() -> AsyncIterator[Mapping[str, str]]:
    """A payment provider of our own, for the demo."""
    from processors.booking.stays.payment_simulator import serving

    with serving() as url:
        yield {"url": url}


def scripted(request: Request) -> AnswerPayment:
    """One payment in eight is declined when it is authorized."""
    event: PaymentRequested = request.event
    unlucky = crc32(payment_id(event).encode()) % 8 == 0
    declined = unlucky and event.operation is PaymentOperation.AUTHORIZE
    return answer_to(event, PaymentOutcome.DECLINED if declined else PaymentOutcome.DONE)


PAYMENTS: Effect = Effect(
    name="payments",
    on=(PaymentRequested,),
    open=open_payments,
    wanted=is_awaited,
    failed=failed,
    limits=Limits(at_once=32, attempt_s=5.0),
    settings={"url": "http://127.0.0.1:8099"},
    simulator=simulated,
    script=scripted,
)
