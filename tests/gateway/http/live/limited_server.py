"""`refold serve` with other limits of WebSockets: its first argument, as JSON."""

import sys

import msgspec

from gateway.cli.serve import app
from gateway.http.live import live_queries
from gateway.http.live.limits import LiveLimits

if __name__ == "__main__":
    limits = msgspec.json.decode(sys.argv.pop(1), type=LiveLimits)
    live_queries.LIMITS = limits  # type: ignore[attr-defined]
    app(prog_name="refold serve")
