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


def main() -> None:
    codes = [
        subprocess.run([sys.executable, "-m", f"bench.{name}", *sys.argv[1:]], check=False)
        for name in BENCHMARKS
    ]
    sys.exit(any(code.returncode for code in codes))


if __name__ == "__main__":
    main()
