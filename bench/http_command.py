"""Durable commands over HTTP against a bare Litestar handler that appends the bytes to a file.

All are sent orders by wrk over 64 connections. The bare side flushes once for all who wait. The
gateway does so twice: the command, and once it is decided the events, which it then reads back and
answers with. It is measured as one process that does all, read models too (`refold serve`), and
with tasks and read models in processes of their own (`refold serve --no-worker`, `refold run`).
"""

import re
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx

from bench.harness import Options, Row, at_least, main, scratch_folder
from bench.http_load import in_turns, server
from bench.http_query import COMMANDS, list_instrument

SCRIPT = """
local count = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
request = function()
  count = count + 1
  local side = count % 2 == 0 and "sell" or "buy"
  local body = string.format('{"instrument":"ACME","order_id":%d,"account_id":%d,"side":"%s",' ..
    '"price":1000,"quantity":100}', FIRST + count, 1 + count % 7, side)
  return wrk.format(nil, nil, nil, body)
end
"""
ORDERS_A_ROUND = 10_000_000
RUNNING = re.compile(rb"(running) ")


def script(folder: Path, number: int) -> Path:
    """Orders whose numbers no other round has."""
    path = folder / f"orders-{number}.lua"
    path.write_text(SCRIPT.replace("FIRST", str(number * ORDERS_A_ROUND)))
    return path


def run(options: Options) -> list[Row]:
    with ExitStack() as stack:
        scratch = stack.enter_context(scratch_folder()).absolute()
        folders = {name: scratch / name for name in ("embedded", "tier", "bare")}
        for folder in folders.values():
            folder.mkdir()
        serve = ["gateway.cli.main", "serve", "exchange", "--port", "0", "--log", "log"]
        worker = ["gateway.cli.main", "run", "exchange", "--log", "log"]
        embedded = stack.enter_context(server(serve, folders["embedded"]))
        stack.enter_context(server(worker, folders["tier"], RUNNING))
        tier = stack.enter_context(server([*serve, "--no-worker"], folders["tier"]))
        bare = stack.enter_context(server(["bench.bare_http", "appended", ""], folders["bare"]))
        urls = {"bare": f"{bare}/append"}
        for name, address in (("embedded", embedded), ("tier", tier)):
            with httpx.Client(base_url=address) as client:
                list_instrument(client)
            urls[name] = f"{address}{COMMANDS}/place_order"
        best = in_turns(options.rounds, options.size, urls, partial(script, scratch))
    limit = best["bare"]
    rows = []
    for name, title in (("embedded", "orders, durable, one process"), ("tier", "... two")):
        rate, p99_ms = best[name]
        rows += [
            at_least(title, rate, "/s", limit.requests_per_s, 0.7),
            Row(name="... p99", value=p99_ms, unit="ms"),
        ]
    return [
        *rows,
        Row(name="bare append", value=limit.requests_per_s, unit="/s"),
        Row(name="... p99", value=limit.p99_ms, unit="ms"),
    ]


if __name__ == "__main__":
    main("http_command", run, size=3)
