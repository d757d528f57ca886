"""What every benchmark shares: rounds that alternate, rows with their reach, a table or JSON.

Neighbours on a machine steal time, so a figure is worth something only beside its peer from the
same run: the sides take turns for at least five rounds, and the best of one is compared with the
best of the other.
"""

import argparse
import gc
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import msgspec
from rich.console import Console
from rich.table import Table

ROUNDS = 5
NOT_RUN = 3
"""A benchmark's exit code where something that it needs is not installed; it says what."""


class Row(msgspec.Struct, kw_only=True):
    """One line of a benchmark: a figure, and how it stands to what it is compared with."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    """To the peer or the bare limit of the same run; more is better unless the reach says so."""
    reach: str | None = None
    met: bool | None = None


def at_least(name: str, value: float, unit: str, peer: float, reach: float) -> Row:
    """A rate beside its peer's: met where it is at least `reach` times as high."""
    ratio = value / peer
    return Row(
        name=name,
        value=value,
        unit=unit,
        ratio=ratio,
        reach=f">= {reach:g} x",
        met=ratio >= reach,
    )


def at_most(name: str, value: float, unit: str, peer: float, reach: float) -> Row:
    """A cost beside its peer's: met where it is at most `reach` times as high."""
    ratio = value / peer
    return Row(
        name=name,
        value=value,
        unit=unit,
        ratio=ratio,
        reach=f"<= {reach:g} x",
        met=ratio <= reach,
    )


def timed(side: Callable[[], object]) -> float:
    """Seconds of one call, with the collector out of the way."""
    gc.collect()
    gc.disable()
    started = perf_counter()
    try:
        side()
        return perf_counter() - started
    finally:
        gc.enable()


def best_of(sides: Mapping[str, Callable[[], float]], rounds: int = ROUNDS) -> dict[str, float]:
    """The least seconds of each side over rounds in which they take turns.

    A side is a function that does its work and returns the seconds that count.
    """
    best = dict.fromkeys(sides, float("inf"))
    for _ in range(max(rounds, 1)):
        for name, side in sides.items():
            best[name] = min(best[name], side())
    return best


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder on the disk of the working directory (not a memory file system), removed after."""
    folder = Path(tempfile.mkdtemp(prefix=".bench-", dir="."))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Options(argparse.Namespace):
    size: int
    rounds: int
    json: bool
    profile: bool
    before: str
    """Of `plain_engine` alone."""
    broker: str
    """Of those on Kafka."""
    peers: str
    """Of `kafka_peers` alone."""


def main(
    benchmark: str,
    run: Callable[[Options], list[Row]],
    *,
    size: int,
    profile: Callable[[Options], None] | None = None,
    arguments: Callable[[argparse.ArgumentParser], object] | None = None,
) -> None:
    """The command line of a benchmark: runs it and prints its rows. Exit 1 where a reach is not
    met, so that a script can tell. `arguments` adds those that only this benchmark has."""
    parser = argparse.ArgumentParser(prog=f"python -m bench.{benchmark}")
    parser.add_argument("--size", type=int, default=size, help=f"how much of it ({size:,})")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"at least {ROUNDS} to count")
    parser.add_argument("--json", action="store_true")
    if profile is not None:
        parser.add_argument("--profile", action="store_true", help="where the time goes")
    if arguments is not None:
        arguments(parser)
    options = parser.parse_args(namespace=Options())
    if profile is not None and options.profile:
        profile(options)
        return
    rows = run(options)
    if options.json:
        print(json.dumps({"benchmark": benchmark, "rows": msgspec.to_builtins(rows)}))
    else:
        print_table(benchmark, rows)
    sys.exit(any(row.met is False for row in rows))


def print_table(benchmark: str, rows: list[Row]) -> None:
    table = Table(title=benchmark, title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("unit")
    table.add_column("ratio", justify="right")
    table.add_column("reach")
    table.add_column("met")
    for row in rows:
        table.add_row(
            row.name,
            f"{row.value:,.0f}" if row.value >= 100 else f"{row.value:,.3f}",
            row.unit,
            "" if row.ratio is None else f"{row.ratio:{'.2f' if row.ratio >= 0.1 else '.1g'}} x",
            row.reach or "",
            {None: "", True: "yes", False: "no"}[row.met],
        )
    Console().print(table)
