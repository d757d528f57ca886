"""Best bid and offer over HTTP against a bare Litestar handler that returns a constant.

Both are asked by wrk over 64 connections, on the same server with the same settings. The exchange
decides a few orders a second meanwhile, so that its answer is not the same one for ever.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from bench.harness import Options, Row, at_least, main, scratch_folder
from bench.http_load import in_turns, server

BEST = "/api/markets/exchange/queries/best?instrument=ACME"
COMMANDS = "/api/markets/exchange/commands"
ORDERS_PAUSE_S = 0.1


def list_instrument(client: httpx.Client) -> None:
    listing = {"instrument": "ACME", "price_decimals": 2, "price_max": 100_000}
    client.post(f"{COMMANDS}/list_instrument", json=listing).raise_for_status()


def order(number: int) -> dict[str, object]:
    side = "buy" if number % 2 else "sell"
    return {
        "instrument": "ACME",
        "order_id": number,
        "account_id": 1 + number % 7,
        "side": side,
        "price": 995 if number % 2 else 1005,
        "quantity": 100,
    }


@contextmanager
def trading(client: httpx.Client) -> Iterator[None]:
    """Orders come in, for as long as the block lasts."""
    ended = threading.Event()

    def trade() -> None:
        number = 0
        while not ended.wait(ORDERS_PAUSE_S):
            number += 1
            client.post(f"{COMMANDS}/place_order", json=order(number)).raise_for_status()

    thread = threading.Thread(target=trade)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def run(options: Options) -> list[Row]:
    with scratch_folder() as folder:
        folder = folder.absolute()
        serve = ["gateway.cli.main", "serve", "exchange", "--port", "0", "--log", "log"]
        with server(serve, folder) as gateway, httpx.Client(base_url=gateway) as client:
            list_instrument(client)
            with trading(client):
                constant = client.get(BEST).text
                bare = ["bench.bare_http", "appended", constant]
                with server(bare, folder) as address:
                    urls = {"gateway": gateway + BEST, "bare": f"{address}/constant"}
                    best = in_turns(options.rounds, options.size, urls)
    found, limit = best["gateway"], best["bare"]
    return [
        at_least("best bid and offer", found.requests_per_s, "/s", limit.requests_per_s, 0.7),
        Row(name="p99", value=found.p99_ms, unit="ms"),
        Row(name="bare constant", value=limit.requests_per_s, unit="/s"),
        Row(name="p99, bare", value=limit.p99_ms, unit="ms"),
    ]


if __name__ == "__main__":
    main("http_query", run, size=3)
