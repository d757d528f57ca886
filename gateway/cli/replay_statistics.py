"""`refold replay rates` and `slowest`: what went over a system's topics, and what took long."""

import re
from functools import partial
from typing import Annotated, Any

import typer

from gateway.cli.context import JsonOption, LogOption, SystemArgument, check_on_log, load_context
from gateway.cli.outcome import CommandFailed
from gateway.cli.output import print_json, print_rows, stdout
from gateway.cli.progress import ProgressBar
from gateway.cli.replay_places import PartitionOption, chosen_partitions
from gateway.json_lines import BadLine, time_ms
from replay import slowest as slowest_commands
from replay import statistics
from replay.recorded import quiet_dead_letters
from replay.slowest import Slowest
from replay.spread import Spread
from replay.statistics import Rates, TooManyBuckets, Traffic

UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
TYPES_SHOWN = 12
"""Columns of a table over time; the rarer types stand together. JSON has them all."""
OTHERS = "others"
TIME_AND_ALL_WIDTH = 34
"""Of a table over time: what stands before the types, in characters."""


def rates(
    system: SystemArgument,
    every: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="How wide a bucket is: 500ms, 10s, 1m, 6h, 1d.  [default: for some thirty]",
        ),
    ] = "",
    start: Annotated[
        str, typer.Option("--from", metavar="TIME", help="From this time on (ISO 8601).")
    ] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="Before this time.")] = "",
    top: Annotated[int, typer.Option(min=1, help="So many of the keys.")] = 10,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count a system's commands and events by type and time; their sizes, gaps and keys.

    Times are the records' timestamps. Reads only, and may run beside `refold run`.

    Examples:

        refold replay rates exchange
        refold replay rates exchange --every 1m --from 2024-05-01T09:30:00Z --json
    """
    context = load_context(log)
    registered = context.find(system)
    with context.open_log() as opened, ProgressBar("counting", unit="records") as bar:
        check_on_log(registered.system, opened)
        try:
            counted = statistics.rates(
                opened,
                registered.system,
                every_ms=_duration_ms("--every", every) if every else None,
                from_ms=_time_ms("--from", start) if start else None,
                until_ms=_time_ms("--until", until) if until else None,
                top=top,
                progress=bar,
            )
        except TooManyBuckets as error:
            raise CommandFailed(f"--every {every}: {error} (--from, --until)") from error
    if as_json:
        print_json(counted)
    else:
        _print_rates(counted)


def slowest(
    system: SystemArgument,
    top: Annotated[int, typer.Option(min=1, help="So many of them.")] = 20,
    repeat: Annotated[int, typer.Option(min=1, help="Decide everything so many times.")] = 3,
    partition: PartitionOption = None,
    since: Annotated[
        int, typer.Option(metavar="OFFSET", min=0, help="Begin at this command.")
    ] = 0,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the commands that the rules take longest for, by deciding them again.

    Everything is decided several times, and the shortest time of each command counts: what else
    the machine did only makes a time longer. Measured are the rules alone, with the timers that
    fire with a command. Reads only, and may run beside `refold run` (which makes it less exact).

    Examples:

        refold replay slowest exchange
        refold replay slowest exchange --top 5 --repeat 10 --partition 0 --since 1000000
    """
    context = load_context(log)
    registered = context.find(system)
    with context.open_log() as opened, quiet_dead_letters():
        partitions = check_on_log(registered.system, opened)
        with ProgressBar(f"deciding {repeat} times") as bar:
            found = slowest_commands.slowest(
                opened,
                registered.system,
                partitions=chosen_partitions(partition, partitions),
                since=since,
                top=top,
                repeats=repeat,
                snapshots=partial(context.open_snapshots(opened), registered.system),
                progress=bar,
            )
    if as_json:
        print_json(found)
    else:
        _print_slowest(found)


def _print_rates(counted: Rates) -> None:
    commands, events = counted.commands, counted.events
    print(
        f"{counted.system}: {commands.count:,} commands ({commands.bytes:,} bytes) and "
        f"{events.count:,} events ({events.bytes:,} bytes), in buckets of "
        f"{_duration_text(counted.every_ms)}"
    )
    for traffic in (commands, events):
        print()
        _print_buckets(traffic)
        print()
        rows = [
            {"type": each.type, "count": each.count, **_columns("bytes", each.bytes)}
            for each in traffic.types
        ]
        print_rows(rows, as_json=False, title=f"{traffic.topic}, by type")
    print()
    spreads = {
        "events of a command": counted.events_per_command,
        "ms between commands of a partition": counted.gaps_ms,
    }
    rows = [{"what": name, **_columns("", spread)} for name, spread in spreads.items()]
    print_rows(rows, as_json=False)
    print()
    rows = [{"key": each.key, "commands": each.commands} for each in counted.keys]
    print_rows(rows, as_json=False, title="keys")
    if counted.key_count_too_low_by:
        print(f"a key may have up to {counted.key_count_too_low_by:,} commands more")


def _print_buckets(traffic: Traffic) -> None:
    types = [each.type for each in traffic.types]
    shown = _fitting(types, stdout().width)
    rows: list[dict[str, Any]] = []
    for bucket in traffic.buckets:
        row = {"at_ms": bucket.at_ms, "all": bucket.count}
        row |= {name: bucket.by_type.get(name, 0) for name in shown}
        if len(shown) < len(types):
            row[OTHERS] = bucket.count - sum(row[name] for name in shown)
        rows.append(row)
    print_rows(rows, as_json=False, title=f"{traffic.topic}, over time")


def _fitting(types: list[str], width: int) -> list[str]:
    """The commonest types, as many as make a table of so many characters; headers wrap."""
    shown = types if len(types) <= TYPES_SHOWN else types[: TYPES_SHOWN - 1]
    needed = [2 + max(6, *map(len, name.split("_"))) for name in shown]
    while len(shown) > 1 and TIME_AND_ALL_WIDTH + sum(needed[: len(shown)]) > width:
        shown = shown[:-1]
    return shown


def _columns(unit: str, spread: Spread) -> dict[str, int]:
    values = {"min": spread.least, "p50": spread.p50, "p99": spread.p99, "max": spread.most}
    return {f"{unit} {name}".strip(): value for name, value in values.items()}


def _print_slowest(found: Slowest) -> None:
    print(
        f"{found.system}, rules {found.rules_version}: {found.commands:,} commands decided "
        f"{found.repeats} times, the shortest time of each; measuring adds {found.clock_ns} ns to "
        "each call of a rule"
    )
    print()
    rows: list[dict[str, Any]] = [
        {
            "partition": each.partition,
            "offset": each.offset,
            "type": each.type,
            "key": each.key,
            "microseconds": round(each.microseconds, 1),
            "events": each.events,
        }
        for each in found.slowest
    ]
    print_rows(rows, as_json=False, title="the slowest commands")
    print()
    total = sum(each.nanoseconds.total for each in found.types) or 1
    rows = [
        {
            "type": each.type,
            "count": each.count,
            "% of time": round(100 * each.nanoseconds.total / total, 1),
            "p50 µs": round(each.nanoseconds.p50 / 1000, 1),
            "p99 µs": round(each.nanoseconds.p99 / 1000, 1),
            "max µs": round(each.nanoseconds.most / 1000, 1),
        }
        for each in found.types
    ]
    print_rows(rows, as_json=False, title="by type")


def _duration_ms(option: str, text: str) -> int:
    match = re.fullmatch(r"(\d+)(ms|s|m|h|d)", text)
    if match is None or int(match[1]) == 0:
        raise CommandFailed(f"{option} {text!r} is no time: write 500ms, 10s, 1m, 6h or 1d")
    return int(match[1]) * UNITS_MS[match[2]]


def _duration_text(duration_ms: int) -> str:
    name = next(name for name in reversed(UNITS_MS) if duration_ms % UNITS_MS[name] == 0)
    return f"{duration_ms // UNITS_MS[name]}{name}"


def _time_ms(option: str, text: str) -> int:
    try:
        return time_ms(text)
    except BadLine as error:
        raise CommandFailed(
            f"{option} {text!r} is no time: write ISO 8601 (2024-05-01T09:30:00Z)"
        ) from error
