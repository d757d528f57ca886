"""A payment provider that takes no real money: a tiny HTTP server with a ledger of its own.

    python -m processors.booking.stays.payment_simulator [--port 8099] [--slow-s 30]

    POST /authorize, /capture, /refund, /reverse
         {"payment": "loft-7/3", "amount": 12000, "currency": "EUR", "method": "card_ok"}
         Idempotency-Key: any text; the same again gets the answer of the first call, and moves
         nothing
    GET  /ledger      what was done, in order; and how many calls were repeated

It answers 200 where it is done, 402 where the method declines, 409 where it cannot be (any more),
and how it behaves is up to the method, as with the test cards of real providers:

    card_ok         does everything
    card_declined   declines to authorize             card_unfunded   declines to capture
    card_stubborn   declines the first refund or reversal of a payment
    card_flaky      503 at the first call, not done   card_lost       500 at the first call: done
    card_slow       done, but the first answer takes --slow-s
    card_dead       503, always

Money is kept in memory: the ledger is gone with the process.
"""

import argparse
import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

OPERATIONS = ("authorize", "capture", "refund", "reverse")
METHODS = (
    "card_ok",
    "card_declined",
    "card_unfunded",
    "card_stubborn",
    "card_flaky",
    "card_lost",
    "card_slow",
    "card_dead",
)
START_TIMEOUT_S = 10
DONE, BAD, DECLINED, CONFLICT, BROKEN, AWAY = 200, 400, 402, 409, 500, 503


class Order(msgspec.Struct):
    """The body of a call."""

    payment: str
    amount: int
    currency: str
    method: str


class Entry(msgspec.Struct):
    """A line of the ledger: something that was done, once."""

    payment: str
    operation: str
    amount: int
    """What moved: from the guest if it is above 0, back if it is below."""
    authorized: int
    key: str


class Ledger(msgspec.Struct):
    entries: list[Entry]
    repeated_calls: int


class Account(msgspec.Struct):
    """One payment, as the provider sees it."""

    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    reversed: bool = False
    stubborn: bool = True

    @property
    def left(self) -> int:
        return self.captured - self.refunded


class Answer(NamedTuple):
    status: int
    reason: str = ""


class Provider:
    """The provider's books. Calls are handled one at a time, each in whole."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.entries: list[Entry] = []
        self.answers: dict[str, Answer] = {}
        self.seen: dict[str, int] = {}
        self.repeated_calls = 0

    def handle(self, operation: str, order: Order, key: str) -> tuple[Answer, bool]:
        """The answer, and whether it is the first to this key."""
        calls = self.seen[key] = self.seen.get(key, 0) + 1
        self.repeated_calls += calls > 1
        if key in self.answers:
            return self.answers[key], False
        if order.method == "card_dead" or (order.method == "card_flaky" and calls == 1):
            return Answer(AWAY, "try again"), False
        answer = self.answers[key] = self._do(operation, order, key)
        return answer, True

    def _do(self, operation: str, order: Order, key: str) -> Answer:
        account = self.accounts.setdefault(order.payment, Account())
        if account.reversed and operation == "reverse":
            return Answer(DONE)
        if account.reversed:
            return Answer(CONFLICT, "the payment is reversed")
        moved, stubborn = 0, order.method == "card_stubborn" and account.stubborn
        match operation:
            case "authorize":
                if order.method == "card_declined":
                    return Answer(DECLINED, "the card was declined")
                if account.authorized:
                    return Answer(CONFLICT, "the payment is authorized already")
                account.authorized = order.amount
            case "capture":
                if order.method == "card_unfunded":
                    return Answer(DECLINED, "the card has no funds")
                if account.captured or not 0 < order.amount <= account.authorized:
                    return Answer(CONFLICT, f"{order.amount} cannot be captured")
                account.captured = moved = order.amount
            case "refund" | "reverse" if stubborn:
                account.stubborn = False
                return Answer(DECLINED, "not today")
            case "refund":
                if not 0 < order.amount <= account.left:
                    return Answer(CONFLICT, f"{order.amount} cannot be refunded")
                account.refunded += order.amount
                moved = -order.amount
            case _:
                moved = -account.left
                account.refunded = account.captured
                account.reversed = True
        entry = Entry(order.payment, operation, moved, account.authorized, key)
        self.entries.append(entry)
        return Answer(DONE)


def application(slow_s: float) -> Starlette:
    provider = Provider()
    decode = msgspec.json.Decoder(Order).decode

    async def operate(request: Request) -> Response:
        key = request.headers.get("Idempotency-Key")
        operation = request.path_params["operation"]
        if operation not in OPERATIONS:
            return Response(f"no such operation: {', '.join(OPERATIONS)}", 404)
        try:
            order = decode(await request.body())
        except msgspec.DecodeError as error:
            return Response(f"the body: {error}", BAD)
        except ClientDisconnect:
            return Response("", BAD)  # who called is gone, and nothing was done
        if not key:
            return Response("an Idempotency-Key is missing", BAD)
        if order.method not in METHODS:
            return Response(f"no such method: {', '.join(METHODS)}", BAD)
        answer, is_first = provider.handle(operation, order, key)
        if is_first and order.method == "card_slow":
            await asyncio.sleep(slow_s)
        if is_first and order.method == "card_lost":
            return Response("done, or not?", BROKEN)
        return Response(answer.reason, answer.status)

    async def ledger(_request: Request) -> Response:
        told = Ledger(provider.entries, provider.repeated_calls)
        return Response(msgspec.json.encode(told), media_type="application/json")

    return Starlette(
        routes=[
            Route("/ledger", ledger),
            Route("/{operation}", operate, methods=["POST"]),
        ]
    )


def _server(slow_s: float, port: int = 0) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            application(slow_s),
            host="127.0.0.1",
            port=port,
            log_level="warning",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
    )


@contextmanager
def serving(slow_s: float = 30.0) -> Iterator[str]:
    """A provider in a thread of this process, on a free port; gives its URL."""
    server = _server(slow_s)
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listening]}, name="payments", daemon=True
    )
    thread.start()
    deadline = time.monotonic() + START_TIMEOUT_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError(f"the payment simulator does not start on port {port}")
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--slow-s", type=float, default=30.0, help="what card_slow takes (30)")
    options = parser.parse_args()
    _server(options.slow_s, options.port).run()


if __name__ == "__main__":
    main()
