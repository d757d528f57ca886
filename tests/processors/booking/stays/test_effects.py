"""The payment effect against the real simulator over HTTP: one attempt at a time, and a worker
with the rules, until nothing waits any more."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import msgspec
import pytest

from log.backends.memory import MemoryLog
from log.record import Record
from processors.booking.stays import SYSTEM
from processors.booking.stays.commands import (
    AnswerPayment,
    CancelBooking,
    PaymentOutcome,
    RetryPayment,
)
from processors.booking.stays.effects import (
    PAYMENTS,
    failed,
    idempotency_key,
    read_answer,
)
from processors.booking.stays.events import PaymentOperation, PaymentRequested
from processors.booking.stays.payment_simulator import Ledger, serving
from processors.booking.stays.state import Stage
from processors.core.effect import Refused, Request
from processors.core.system import System
from processors.core.workers.embedded import Worker
from tests.processors.booking.stays.scenes import (
    DAY,
    GUEST,
    HOST,
    LOFT,
    NIGHT,
    at,
    hold,
    loft,
    pay,
)

SLOW_S = 0.5


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(slow_s=SLOW_S) as url:
        yield url


def asked(
    payment: int,
    method: str,
    operation: PaymentOperation = PaymentOperation.AUTHORIZE,
    step: int = 1,
) -> PaymentRequested:
    return PaymentRequested(
        listing="löft/7",
        booking="b",
        payment=payment,
        step=step,
        operation=operation,
        amount=500,
        currency="EUR",
        method=method,
    )


def attempts(url: str, event: PaymentRequested, count: int = 1) -> list[Any]:
    """What each attempt gives: an answer, or the error that it raises."""

    async def perform_all() -> list[Any]:
        async with PAYMENTS.open({"url": url}) as perform:
            found: list[Any] = []
            for number in range(1, count + 1):
                try:
                    found.append(
                        await perform(Request(event=event, at=0, key="k", attempt=number))
                    )
                except Exception as error:
                    found.append(error)
            return found

    return asyncio.run(perform_all())


def ledger(url: str) -> Ledger:
    return msgspec.json.decode(httpx.get(f"{url}/ledger").content, type=Ledger)


def test_what_is_done_is_answered(url: str) -> None:
    [answer] = attempts(url, asked(1, "card_ok"))
    assert answer == AnswerPayment(
        listing="löft/7", booking="b", payment=1, step=1, outcome=PaymentOutcome.DONE
    )


def test_a_decline_is_an_answer_with_the_reason(url: str) -> None:
    [answer] = attempts(url, asked(2, "card_declined"))
    assert (answer.outcome, answer.reason) == (PaymentOutcome.DECLINED, "the card was declined")


@pytest.mark.parametrize("method", ["card_flaky", "card_lost"])
def test_an_error_is_no_answer_and_the_next_attempt_is(url: str, method: str) -> None:
    error, answer = attempts(url, asked(len(method), method), count=2)
    assert isinstance(error, ConnectionError)
    assert answer.outcome is PaymentOutcome.DONE


def test_what_is_wrong_with_the_call_is_not_tried_again(url: str) -> None:
    [error] = attempts(url, asked(4, "no_such_card"))
    assert isinstance(error, Refused)
    assert "no such method" in str(error)


def test_nobody_there_is_an_error_and_the_last_of_them_a_failure() -> None:
    [error] = attempts("http://127.0.0.1:1", asked(5, "card_ok"))
    assert isinstance(error, httpx.ConnectError)
    assert failed(asked(5, "card_ok"), "gone").outcome is PaymentOutcome.FAILED


def test_attempts_and_retries_of_a_step_have_one_key() -> None:
    assert idempotency_key(asked(1, "card_ok")) == idempotency_key(asked(1, "card_lost"))
    keys = {
        idempotency_key(asked(payment, "card_ok", step=s)) for payment in (1, 2) for s in (1, 2)
    }
    assert len(keys) == 4
    assert all(key.isascii() for key in keys)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, PaymentOutcome.DONE),
        (202, PaymentOutcome.DONE),
        (402, PaymentOutcome.DECLINED),
        (409, PaymentOutcome.DECLINED),
        (302, Refused),
        (400, Refused),
        (404, Refused),
        (408, ConnectionError),
        (429, ConnectionError),
        (500, ConnectionError),
        (503, ConnectionError),
    ],
)
def test_what_an_answer_says(status: int, expected: Any) -> None:
    if isinstance(expected, PaymentOutcome):
        assert read_answer(asked(1, "card_ok"), status, "").outcome is expected
    else:
        with pytest.raises(expected, match=str(status)):
            read_answer(asked(1, "card_ok"), status, "")


class House:
    """The loft on a log in memory, with a worker that runs the effect."""

    def __init__(self, url: str, system: System = SYSTEM) -> None:
        self.log = MemoryLog(clock=lambda: self.now)
        self.now = at(0)
        self.url = url
        self.system = system
        system.ensure_topics(self.log)
        self.send(loft())

    def send(self, *commands: Any, now: int = 0) -> None:
        """Append them, and run until nothing waits."""
        self.now = now or self.now
        system = self.system
        encode = system.command_codec(self.log.topics()[system.commands_topic]).encode
        for command in commands:
            key, [number] = system.placed(command, system.partitions)
            partition = self.log.partition(system.commands_topic, number)
            partition.append([Record(encode(command), key, self.now)])
        settings = {"booking.stays.payments": {"url": self.url}}
        with Worker(self.log, [system], clock=lambda: self.now, settings=settings) as worker:
            worker.run(until_idle=True)
            [self.state] = [
                task.fold.state for task in worker.tasks if LOFT in task.fold.state.listings
            ]

    def stage(self, booking: str) -> Stage | None:
        found = self.state.booking(LOFT, booking)
        return None if found is None else found.stage

    def moved(self) -> list[tuple[str, str, int]]:
        entries = ledger(self.url).entries
        return [(each.payment, each.operation, each.amount) for each in entries]


@pytest.fixture
def provider() -> Iterator[str]:
    with serving(slow_s=SLOW_S) as url:
        yield url


def test_from_hold_to_refund_through_the_provider(provider: str) -> None:
    house = House(provider)
    house.send(hold("b", 3, 6), pay("b"))
    assert house.stage("b") is Stage.CONFIRMED
    house.send(now=at(3, 15))
    assert house.stage("b") is Stage.STAYING
    house.send(CancelBooking(listing=LOFT, booking="b", party_id=HOST), now=at(4, 12))
    assert house.moved() == [
        (f"{LOFT}/1", "authorize", 0),
        (f"{LOFT}/1", "capture", 3 * NIGHT),
        (f"{LOFT}/1", "refund", -NIGHT),
    ]


def test_a_decline_frees_the_nights_for_the_next(provider: str) -> None:
    house = House(provider)
    house.send(hold("b", 3, 6), pay("b", "card_declined"))
    assert house.stage("b") is None
    house.send(hold("c", 3, 6), pay("c"))
    assert house.stage("c") is Stage.CONFIRMED


def test_a_failing_capture_frees_the_nights_left(provider: str) -> None:
    house = House(provider)
    house.send(hold("b", 3, 6), pay("b", "card_unfunded"))
    house.send(now=at(3, 15))
    assert list(house.state.listings[LOFT].nights) == [(DAY + 3, DAY + 4, "b")]
    assert house.moved() == [(f"{LOFT}/1", "authorize", 0), (f"{LOFT}/1", "reverse", 0)]


def test_an_answer_that_got_lost_is_asked_for_again_and_nothing_is_done_twice(
    provider: str,
) -> None:
    house = House(provider)
    house.send(hold("b", 3, 6), pay("b", "card_lost"))
    assert house.stage("b") is Stage.CONFIRMED
    house.send(now=at(3, 15))
    assert house.moved() == [
        (f"{LOFT}/1", "authorize", 0),
        (f"{LOFT}/1", "capture", 3 * NIGHT),
    ]
    assert ledger(provider).repeated_calls == 2


def test_money_that_is_stuck_goes_back_when_somebody_says_so(provider: str) -> None:
    house = House(provider)
    house.send(hold("b", 3, 6), pay("b", "card_stubborn"))
    house.send(CancelBooking(listing=LOFT, booking="b", party_id=GUEST))
    assert house.stage("b") is Stage.OVER
    house.send(RetryPayment(listing=LOFT, booking="b", payment=1))
    assert house.stage("b") is None
    assert house.moved()[-1] == (f"{LOFT}/1", "reverse", 0)


def impatient(**limits: Any) -> System:
    """The system, with other limits of the effect."""
    changed = msgspec.structs.replace(PAYMENTS.limits, backoff_s=0.01, **limits)
    return replace(SYSTEM, effects=(replace(PAYMENTS, limits=changed),))


def test_a_slow_provider_is_timed_out_and_answers_the_next_attempt(provider: str) -> None:
    house = House(provider, impatient(attempt_s=SLOW_S / 2))
    house.send(hold("b", 3, 6), pay("b", "card_slow"))
    assert house.stage("b") is Stage.CONFIRMED
    assert house.moved() == [(f"{LOFT}/1", "authorize", 0)]
    assert ledger(provider).repeated_calls == 1


def test_a_provider_that_is_dead_fails_and_the_nights_are_free(provider: str) -> None:
    """Nobody knows what was done: a reversal follows, and gets stuck in its turn."""
    house = House(provider, impatient(attempts=2))
    house.send(hold("b", 3, 6), pay("b", "card_dead"))
    assert not list(house.state.listings[LOFT].nights)
    found = house.state.booking(LOFT, "b")
    assert found is not None
    assert found.payments[0].stuck is PaymentOperation.REVERSE
    assert house.moved() == []


def test_the_demo_has_a_provider_of_its_own() -> None:
    async def authorize() -> Any:
        assert PAYMENTS.simulator is not None
        async with PAYMENTS.simulator() as settings, PAYMENTS.open(settings) as perform:
            return await perform(Request(event=asked(1, "card_ok"), at=0, key="k"))

    assert asyncio.run(authorize()).outcome is PaymentOutcome.DONE
