"""Every benchmark in turn: `python -m bench [--json]`. Exit 1 where a reach is not met."""

import subprocess
import sys

from bench.harness import NOT_RUN

BENCHMARKS = (
    "inner_loop",
    "plain_engine",
    "recovery",
    "append",
    "read",
    "book",
    "order_types",
    "projection",
    "availability_search",
    "booking",
    "clearing",
    "feed_read",
    "feed_fanout",
    "transcode",
    "latency",
    "replay_verify",
    "rebuild",
    "state_at",
    "bisect",
    "record",
    "simulator",
    "websocket",
    "websocket_book",
    "http_command",
    "http_query",
    "web_page",
    "peers",
    "exchange_core",
    "kafka_loop",
    "kafka_recovery",
    "kafka_latency",
    "kafka_peers",
    "takeover",
)


def main() -> None:
    codes = {
        name: subprocess.run(
            [sys.executable, "-m", f"bench.{name}", *sys.argv[1:]], check=False
        ).returncode
        for name in BENCHMARKS
    }
    for name, code in codes.items():
        if code:
            print(f"{name}: {'not run' if code == NOT_RUN else 'not met'}", file=sys.stderr)
    sys.exit(any(code != NOT_RUN for code in codes.values() if code))


if __name__ == "__main__":
    main()
