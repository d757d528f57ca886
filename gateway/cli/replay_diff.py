"""`refold replay diff`: any two states of a system, field by field."""

from contextlib import ExitStack
from typing import Annotated

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
from gateway.cli.output import as_text, note, print_json, print_rows, time_text
from gateway.cli.progress import ProgressBar
from gateway.cli.replay_places import PLACE, KeyOption, PartitionOption, parse_place, partitions_of
from log.interface import Log
from processors.core.system import System
from replay.state import At, StateAt, state_at
from replay.state_difference import StateDifference, StatePlace, diff_states

FIELDS_SHOWN = 100
VALUE_WIDTH = 200


def diff(
    system: SystemArgument,
    at: Annotated[
        str, typer.Option("--at", metavar=PLACE, help="The one state.  [default: the end]")
    ] = "",
    other: Annotated[
        str, typer.Option("--and", metavar=PLACE, help="The other state.  [default: the end]")
    ] = "",
    other_log: Annotated[
        str | None,
        typer.Option(metavar="DIR|URL", help="The log that the other state is of."),
    ] = None,
    partition: PartitionOption = None,
    key: KeyOption = None,
    limit: Annotated[
        int, typer.Option(min=0, help="Show so many fields; 0 for all. JSON holds all.")
    ] = FIELDS_SHOWN,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two states of a system, field by field: of two places in history, or of two logs.

    Rows are matched by what they are called, not by where they stand. Exit code 1 where the states
    differ.

    Examples:

        refold replay diff exchange --at 1042 --and 1043 --key ACME
        refold replay diff exchange --at 2024-05-01T09:30:00Z --and 2024-05-01T16:00:00Z
        refold replay diff exchange --other-log /backup/monday --json
    """
    places = parse_place("--at", at), parse_place("--and", other)
    if not (at or other or other_log):
        raise CommandFailed("name the states to compare: --at, --and, or --other-log")
    context = load_context(log)
    contexts = context, load_context(other_log) if other_log else context
    chosen_system = context.find(system).system
    found: list[StateDifference] = []
    with ExitStack() as stack:
        first = stack.enter_context(context.open_log())
        second = stack.enter_context(contexts[1].open_log()) if other_log else first
        counts = [check_on_log(chosen_system, each) for each in (first, second)]
        if counts[0] != counts[1]:
            raise CommandFailed(
                f"{chosen_system.name} has {counts[0]} partitions on one log and {counts[1]} on "
                "the other: their states cannot be compared"
            )
        for number in partitions_of(chosen_system, counts[0], partition, key, *places):
            sides = [
                _state(each, opened, chosen_system, number, place)
                for each, opened, place in zip(contexts, (first, second), places, strict=True)
            ]
            found.append(diff_states(chosen_system, *sides))
    if as_json:
        print_json({"same": all(each.is_same for each in found), "partitions": found})
    else:
        for each in found:
            _print(each, limit)
    if not all(each.is_same for each in found):
        raise typer.Exit(ExitCode.FOUND)


def _state(context: Context, log: Log, system: System, number: int, at: At) -> StateAt:
    kept = context.open_checkpoints(log)(system, number)
    with ProgressBar(f"folding partition {number}", unit="events") as bar:
        return state_at(log, system, number, at, snapshots=kept, progress=bar)


def _print(found: StateDifference, limit: int) -> None:
    left, right = _told(found.left), _told(found.right)
    verdict = "the same state" if found.is_same else f"{len(found.fields):,} fields differ"
    print(f"{found.system} partition {found.left.partition}: {verdict}")
    print(f"  left   {left}\n  right  {right}")
    shown = found.fields[: limit or None]
    if shown:
        rows = [
            {
                "field": each.path,
                "left": as_text(each.left)[:VALUE_WIDTH],
                "right": as_text(each.right)[:VALUE_WIDTH],
            }
            for each in shown
        ]
        print_rows(rows, as_json=False)
    if len(shown) < len(found.fields):
        note(f"{len(found.fields) - len(shown):,} fields more: --limit 0 shows them, and --json")


def _told(place: StatePlace) -> str:
    return (
        f"after command {place.command_offset}, {place.next_sequence:,} events, "
        f"{time_text(place.at)}, rules {place.rules_version}, digest {place.digest}"
    )
