"""Load over HTTP, for the benchmarks of the gateway: servers in processes of their own, and wrk,
which plays the clients from a process of its own.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

from bench.harness import NOT_RUN

CONNECTIONS = 64
START_S = 30.0
ADDRESS = re.compile(rb"on (http://[0-9.:]+)")
UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


class Load(NamedTuple):
    """What wrk measured. Answers other than 2xx and 3xx are an error."""

    requests_per_s: float
    p99_ms: float


@contextmanager
def server(
    arguments: Sequence[str], folder: Path, address: re.Pattern[bytes] = ADDRESS
) -> Iterator[str]:
    """A Python module as a server; its address, which it tells on stderr. Ends with the block."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("REFOLD_")
    }
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(Path(__file__).parents[1])},
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if found := address.search(line):
                yield found[1].decode()
                return
        raise RuntimeError(f"{arguments[0]} ended with {process.wait(START_S)}")
    finally:
        process.terminate()
        process.communicate()


def in_turns(
    rounds: int, seconds: int, urls: Mapping[str, str], script: Callable[[int], Path] | None = None
) -> dict[str, Load]:
    """The best round of each address; they take turns, so that a slow moment meets all of them.
    `script` makes the requests of a run, which has a number of its own."""
    best = dict.fromkeys(urls, Load(0.0, 0.0))
    numbers = count(1)
    for _ in range(rounds):
        for name, url in urls.items():
            load = wrk(url, seconds, script(next(numbers)) if script else None)
            best[name] = max(best[name], load)
    return best


def wrk(url: str, seconds: int, script: Path | None = None) -> Load:
    """Exit code NOT_RUN where wrk is missing. Errors: RuntimeError where requests failed."""
    program = shutil.which("wrk")
    if program is None:
        print("wrk is not installed (Debian: apt install wrk)", file=sys.stderr)
        sys.exit(NOT_RUN)
    options = ["-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "--latency"]
    if script is not None:
        options += ["-s", str(script)]
    told = subprocess.run([program, *options, url], capture_output=True, text=True, check=True)
    failed = re.search(r"Non-2xx or 3xx responses: \d+|Socket errors: .*", told.stdout)
    if failed:
        raise RuntimeError(f"{url}: {failed[0]}")
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", told.stdout)
    p99 = re.search(r"99%\s+([0-9.]+)(us|ms|s|m)\b", told.stdout)
    if rate is None or p99 is None:
        raise RuntimeError(f"wrk told something else:\n{told.stdout}")
    return Load(float(rate[1]), float(p99[1]) * UNITS_MS[p99[2]])
