"""`refold replay digests`: write a history's digests, to be compared elsewhere."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.context import (
    Context,
    JsonOption,
    LogOption,
    SystemArgument,
    check_on_log,
    load_context,
)
from gateway.cli.outcome import CommandFailed
from gateway.cli.output import print_json
from gateway.cli.progress import ProgressBar
from gateway.cli.replay_places import PartitionOption, chosen_partitions
from log.interface import Log
from processors.core.system import System
from replay.digests import DigestLine, digests_of, header_of, write_digests
from replay.histories import DecidedHistory, History, RecordedHistory
from replay.recorded import quiet_dead_letters

EVERY_COMMANDS = 10_000


def digests(
    system: SystemArgument,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Where the digests go, as JSON lines.")
    ],
    every: Annotated[
        int, typer.Option(metavar="COMMANDS", min=1, help="A line after every so many commands.")
    ] = EVERY_COMMANDS,
    decide: Annotated[
        bool,
        typer.Option("--decide", help="Decide the commands again, rather than fold the events."),
    ] = False,
    since: Annotated[
        int, typer.Option(metavar="OFFSET", min=0, help="No line before this command.")
    ] = 0,
    until: Annotated[
        int | None, typer.Option(metavar="OFFSET", min=0, help="No line after this command.")
    ] = None,
    partition: PartitionOption = None,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write digests of a history: of its events and its state, every so many commands.

    Two such files, from two machines or two versions of Python, are compared by `refold replay
    bisect`. Reads only.

    Examples:

        refold replay digests exchange --out here.jsonl
        refold replay digests exchange --decide --out decided-again.jsonl
    """
    context = load_context(log)
    found = context.find(system).system
    if until is not None and until < since:
        raise CommandFailed(f"--until {until} is before --since {since}")
    with context.open_log() as opened, quiet_dead_letters():
        numbers = chosen_partitions(partition, check_on_log(found, opened))
        header = header_of(
            found,
            numbers,
            log=place_of(context),
            decided=decide,
            every_commands=every,
            since=since,
        )
        total = sum(_end(opened, found, number, until) for number in numbers)
        with ProgressBar("digesting", total) as bar:

            def lines() -> Iterator[DigestLine]:
                done = 0
                for number in numbers:
                    history = open_history(context, opened, found, number, decide=decide)
                    begin = done
                    yield from digests_of(
                        history, every, since=since, until=until, progress=_on(bar, begin)
                    )
                    done += _end(opened, found, number, until)

            count = write_digests(out, header, lines())
    told: dict[str, Any] = {"file": str(out), "lines": count, "incremental": header.incremental}
    if as_json:
        print_json(told)
    else:
        how = "event by event" if header.incremental else "of all rows each time"
        print(f"{out}: {count:,} lines; the state's digest is made {how}")


def place_of(context: Context) -> str:
    """Where a log is, told so that it means the same in another working folder."""
    folder = context.config.log_folder
    return context.config.log if folder is None else str(folder.absolute())


def open_history(
    context: Context, log: Log, system: System, number: int, *, decide: bool
) -> History:
    """A partition's history, to be walked from its beginning."""
    snapshots = context.open_checkpoints(log)(system, number)
    kind = DecidedHistory if decide else RecordedHistory
    return kind(log, system, number, snapshots)


def _end(log: Log, system: System, number: int, until: int | None) -> int:
    end = log.partition(system.commands_topic, number).high_watermark
    return end if until is None else min(end, until + 1)


def _on(bar: ProgressBar, begin: int) -> Callable[[int], None]:
    return lambda last_cause: bar.set(begin + last_cause + 1)
