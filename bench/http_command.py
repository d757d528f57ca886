"""Durable commands over HTTP against a bare Litestar handler that appends the bytes to a file.

Both are sent orders by wrk over 64 connections. The bare side flushes once for all who wait. The
gateway does so twice: the command, and once it is decided the events, which it then reads back and
answers with.
"""

from pathlib import Path

import httpx

from bench.harness import Options, Row, at_least, main, scratch_folder
from bench.http_load import Load, server, wrk
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


def script(folder: Path, number: int) -> Path:
    """Orders whose numbers no other round has."""
    path = folder / f"orders-{number}.lua"
    path.write_text(SCRIPT.replace("FIRST", str(number * ORDERS_A_ROUND)))
    return path


def run(options: Options) -> list[Row]:
    best = {"gateway": Load(0.0, 0.0), "bare": Load(0.0, 0.0)}
    with scratch_folder() as folder:
        folder = folder.absolute()
        serve = ["gateway.cli.main", "serve", "exchange", "--port", "0", "--log", "log"]
        with (
            server(serve, folder) as gateway,
            server(["bench.bare_http", "appended", ""], folder) as bare,
        ):
            with httpx.Client(base_url=gateway) as client:
                list_instrument(client)
            urls = {"gateway": f"{gateway}{COMMANDS}/place_order", "bare": f"{bare}/append"}
            for number in range(options.rounds):
                for name, url in urls.items():
                    load = wrk(url, options.size, script(folder, number))
                    best[name] = max(best[name], load)
    found, limit = best["gateway"], best["bare"]
    return [
        at_least("orders, durable", found.requests_per_s, "/s", limit.requests_per_s, 0.7),
        Row(name="p99", value=found.p99_ms, unit="ms"),
        Row(name="bare append", value=limit.requests_per_s, unit="/s"),
        Row(name="p99, bare", value=limit.p99_ms, unit="ms"),
    ]


if __name__ == "__main__":
    main("http_command", run, size=3)
