"""`refold replay`: decide history again, look at a past state, make a read model again."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
import typer

from gateway.cli.context import (
    Context,
    JsonOption,
    LogOption,
    SystemArgument,
    check_on_log,
    load_context,
)
from gateway.cli.outcome import CommandFailed, ExitCode
from gateway.cli.output import print_json, print_rows, time_text
from gateway.cli.progress import ProgressBar
from gateway.cli.projecting import opened_store
from gateway.config import nearest
from log.partitioner import partition_for_key
from processors.core.registry import Registered
from projections.core import rebuild as rebuilding
from projections.core.read_models import read_models
from projections.core.worker import Progress
from replay.state import END, StateAt, parse_at, state_at
from replay.verify import Difference, Verification
from replay.verify import verify as verify_partition

app = typer.Typer(no_args_is_help=True, add_completion=False)

PartitionOption = Annotated[int | None, typer.Option(help="Only this partition.", min=0)]


@app.command()
def verify(
    system: SystemArgument,
    partition: PartitionOption = None,
    since: Annotated[
        int, typer.Option(metavar="OFFSET", min=0, help="Begin at this command.")
    ] = 0,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide the recorded commands again and compare the events, byte by byte.

    Reads only, and may run beside `refold run`. Commands that other rules decided (another
    `rules_version`) are folded and not compared. Exit code 1 at a difference, which is shown with
    both sides.

    Examples:

        refold replay verify exchange
        refold replay verify exchange --partition 0 --since 1000000
    """
    context = load_context(log)
    registered = context.find(system)
    results: list[Verification] = []
    with context.open_log() as opened, _quiet_dead_letters():
        partitions = check_on_log(registered.system, opened)
        for number in _chosen(partition, partitions):
            with ProgressBar(f"verifying partition {number}", unit="events") as bar:
                result = verify_partition(
                    opened,
                    registered.system,
                    number,
                    since=since,
                    snapshots=context.open_snapshots(opened)(registered.system, number),
                    progress=bar,
                )
            results.append(result)
    differing = [result for result in results if result.difference is not None]
    if as_json:
        print_json({"same": not differing, "partitions": results})
    else:
        rows = [msgspec.structs.asdict(result) for result in results]
        print_rows(rows, as_json=False, columns=_COLUMNS)
        for result in differing:
            if result.difference is not None:
                _print_difference(registered, result.partition, result.difference)
        if not differing:
            events = sum(result.events_compared for result in results)
            print(f"the same: {events:,} events came out as they were recorded")
    if differing:
        raise typer.Exit(ExitCode.FOUND)


_COLUMNS = (
    "partition",
    "commands_compared",
    "events_compared",
    "commands_of_other_rules",
    "commands_before",
    "commands_pending",
    "dead_letters",
)


def _print_difference(registered: Registered, number: int, difference: Difference) -> None:
    topic = registered.system.commands_topic
    print(
        f"partition {number} differs first at the command at offset {difference.command_offset} "
        f"({topic}-{number}), event sequence {difference.sequence}"
        + (f": {', '.join(difference.fields)}" if difference.fields else "")
    )
    for name, side in (("recorded", difference.recorded), ("decided", difference.decided)):
        if side is None:
            print(f"  {name:9}no such event")
        else:
            print(f"  {name:9}{time_text(side.timestamp)} key={side.key} {side.value}")


@contextmanager
def _quiet_dead_letters() -> Iterator[None]:
    """What was a dead letter is one again, and was told when it happened."""
    logger = logging.getLogger("refold.task")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@app.command()
def state(
    system: SystemArgument,
    at: Annotated[
        str,
        typer.Option(
            metavar="COMMAND_OFFSET|TIME",
            help="After this command, or after all up to this time (ISO 8601).  [default: the "
            "end]",
        ),
    ] = "",
    partition: PartitionOption = None,
    key: Annotated[
        str | None, typer.Option(help="Only the partition that this key belongs to.")
    ] = None,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a system's state as it was.

    The nearest snapshot and the events after it are folded; nothing is decided. A command offset
    is one on a partition: name it by `--partition` or `--key`, unless there is but one.

    Examples:

        refold replay state exchange --at 2024-05-01T09:30:00Z
        refold replay state exchange --at 1042 --key AAPL --json
    """
    context = load_context(log)
    registered = context.find(system)
    try:
        place = parse_at(at) if at else END
    except ValueError as error:
        raise CommandFailed(f"--at {error}") from error
    states: list[StateAt] = []
    with context.open_log() as opened:
        partitions = check_on_log(registered.system, opened)
        if key is not None:
            if partition is not None:
                raise CommandFailed("give --partition or --key, not both")
            partition = partition_for_key(key.encode(), partitions)
        chosen = _chosen(partition, partitions)
        if place.command_offset is not None and len(chosen) > 1:
            raise CommandFailed(
                f"{registered.system.name} has {partitions} partitions, and each has a command "
                f"at offset {place.command_offset}: name one by --partition or --key"
            )
        for number in chosen:
            with ProgressBar(f"folding partition {number}", unit="events") as bar:
                states.append(
                    state_at(
                        opened,
                        registered.system,
                        number,
                        place,
                        snapshots=context.open_snapshots(opened)(registered.system, number),
                        progress=bar,
                    )
                )
    if as_json:
        print_json(states)
        return
    for each in states:
        print(
            f"{each.system} partition {each.partition}: after command {each.command_offset}, "
            f"{each.next_sequence:,} events, {time_text(each.at)}, rules {each.rules_version}, "
            f"digest {each.digest}"
        )
        for row in each.rows:
            print(f"  {msgspec.json.encode(row).decode()}")


@app.command()
def rebuild(
    projection: Annotated[
        str, typer.Argument(metavar="PROJECTION", help="`exchange.candles`, or its last part.")
    ],
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a read model again from the first event, beside the one that serves, and swap it in.

    Examples:

        refold replay rebuild candles
        refold replay rebuild markets.exchange.candles
    """
    context = load_context(log)
    registered, name = _find_projection(context, projection)
    with context.open_log() as opened, opened_store(context.config, registered) as (models, store):
        check_on_log(registered.system, opened)
        with ProgressBar(f"rebuilding {name}", unit="events") as bar:
            last = Progress(name, True, 0, 0)

            def report(progress: Progress) -> None:
                nonlocal last
                last = progress
                bar(progress.done, progress.total)

            rebuilding.rebuild(opened, store, models.projection(name), report)
    done: dict[str, Any] = {"projection": name, "system": registered.system.name}
    done["events"] = last.done
    if as_json:
        print_json(done)
    else:
        print(f"{registered.system.name}: {name} was made again from {last.done:,} events")


def _find_projection(context: Context, asked: str) -> tuple[Registered, str]:
    """By its name, or with its system's (or the last part of that) before it."""
    found = [
        (registered, name)
        for registered in context.registered()
        for name in read_models(registered).projections
        if f".{registered.system.name}.{name}".endswith(f".{asked.replace('/', '.')}")
    ]
    names = [f"{registered.system.name}.{name}" for registered, name in found]
    if len(found) > 1:
        raise CommandFailed(f"{asked!r} could be {' or '.join(names)}: give the full name")
    if not found:
        known = [
            f"{registered.system.name}.{name}"
            for registered in context.registered()
            for name in read_models(registered).projections
        ]
        raise CommandFailed(f"there is no projection {asked!r}: {nearest(asked, known)}")
    return found[0]


def _chosen(partition: int | None, partitions: int) -> range:
    if partition is None:
        return range(partitions)
    if partition >= partitions:
        raise CommandFailed(f"--partition {partition}: there are 0 to {partitions - 1}")
    return range(partition, partition + 1)
