"""The payment provider that the project ships, over HTTP: every operation, every way to fail, and
its ledger, in which nothing is done twice."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import msgspec
import pytest

from processors.booking.stays.payment_simulator import Ledger, serving

Client = httpx.Client


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(slow_s=0.2) as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with httpx.Client(base_url=url) as client:
        yield client


def post(
    client: Client, operation: str, payment: str, amount: int, step: int, method: str = "card_ok"
) -> httpx.Response:
    return client.post(
        f"/{operation}",
        json={"payment": payment, "amount": amount, "currency": "EUR", "method": method},
        headers={"Idempotency-Key": f"{payment}/{step}"},
    )


def ledger_of(client: Client, payment: str) -> list[tuple[str, int]]:
    told = msgspec.json.decode(client.get("/ledger").content, type=Ledger)
    return [(each.operation, each.amount) for each in told.entries if each.payment == payment]


def test_a_payment_from_authorization_to_refund(client: Client) -> None:
    steps = [("authorize", 500), ("capture", 300), ("refund", 100), ("refund", 200)]
    for number, (operation, amount) in enumerate(steps):
        assert post(client, operation, "a/1", amount, number).status_code == 200
    assert ledger_of(client, "a/1") == [
        ("authorize", 0),
        ("capture", 300),
        ("refund", -100),
        ("refund", -200),
    ]


def test_a_call_that_is_repeated_gets_the_same_answer_and_moves_nothing(client: Client) -> None:
    for _ in range(3):
        assert post(client, "authorize", "b/1", 500, 1).status_code == 200
        assert post(client, "capture", "b/1", 500, 2).status_code == 200
    assert ledger_of(client, "b/1") == [("authorize", 0), ("capture", 500)]


def test_many_at_a_time_with_one_key_are_one(client: Client) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda _: post(client, "authorize", "c/1", 1, 1, "card_slow"), range(16))
        )
    assert [answer.status_code for answer in answers] == [200] * 16
    assert ledger_of(client, "c/1") == [("authorize", 0)]


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ([("authorize", 500), ("authorize", 500)], 409),
        ([("capture", 500)], 409),
        ([("authorize", 500), ("capture", 501)], 409),
        ([("authorize", 500), ("capture", 0)], 409),
        ([("authorize", 500), ("capture", 300), ("capture", 200)], 409),
        ([("authorize", 500), ("refund", 100)], 409),
        ([("authorize", 500), ("capture", 300), ("refund", 301)], 409),
        ([("reverse", 500), ("authorize", 500)], 409),
        ([("authorize", 500), ("reverse", 500), ("capture", 500)], 409),
        ([("authorize", 500), ("reverse", 500), ("reverse", 500)], 200),
    ],
)
def test_what_cannot_be_is_declined(
    client: Client, request: pytest.FixtureRequest, steps: list[tuple[str, int]], status: int
) -> None:
    payment = request.node.name
    *before, last = [
        post(client, operation, payment, amount, number).status_code
        for number, (operation, amount) in enumerate(steps)
    ]
    assert (set(before) or {200}, last) == ({200}, status)


def test_a_reversal_gives_back_whatever_there_is(client: Client) -> None:
    post(client, "authorize", "d/1", 500, 1)
    post(client, "capture", "d/1", 500, 2)
    post(client, "refund", "d/1", 100, 3)
    post(client, "reverse", "d/1", 500, 4)
    assert sum(amount for _, amount in ledger_of(client, "d/1")) == 0


@pytest.mark.parametrize(
    ("method", "operation", "statuses"),
    [
        ("card_declined", "authorize", [402, 402]),
        ("card_unfunded", "capture", [402, 402]),
        ("card_stubborn", "reverse", [402, 402]),
        ("card_flaky", "authorize", [503, 200]),
        ("card_lost", "authorize", [500, 200]),
        ("card_dead", "authorize", [503, 503]),
    ],
)
def test_methods_behave_as_they_are_called(
    client: Client, method: str, operation: str, statuses: list[int]
) -> None:
    if operation != "authorize":
        post(client, "authorize", method, 500, 0, method)
    found = [post(client, operation, method, 500, 1, method).status_code for _ in statuses]
    assert found == statuses
    if method == "card_stubborn":
        assert post(client, operation, method, 500, 2, method).status_code == 200


def test_what_is_no_call_is_told_why(client: Client) -> None:
    good = {"payment": "x", "amount": 1, "currency": "EUR", "method": "card_ok"}
    key = {"Idempotency-Key": "x"}
    for path, body, headers, status, words in (
        ("/authorize", good, {}, 400, "Idempotency-Key"),
        ("/authorize", {**good, "amount": "1"}, key, 400, "amount"),
        ("/authorize", {**good, "method": "cash"}, key, 400, "card_ok"),
        ("/steal", good, key, 404, "authorize"),
    ):
        answer = client.post(path, json=body, headers=headers)
        assert answer.status_code == status
        assert words in answer.text
