"""Every benchmark in turn: `python -m bench [--json]`. Exit 1 where a reach is not met."""

import subprocess
import sys

BENCHMARKS = (
    "inner_loop",
    "recovery",
    "append",
    "read",
    "book",
    "projection",
    "latency",
    "peers",
    "exchange_core",
)


NOT_RUN = 3
"""A benchmark's exit code where something that it needs is not installed; it says what."""


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
