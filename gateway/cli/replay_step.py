"""`refold replay step`: walk a history by keys, in a terminal."""

import sys
from typing import Annotated

import typer

from gateway.cli.context import LogOption, SystemArgument, check_on_log, load_context
from gateway.cli.outcome import CommandFailed
from gateway.cli.progress import ProgressBar
from gateway.cli.replay_places import PLACE, KeyOption, PartitionOption, parse_place, partitions_of
from replay.stepping import Step, Stepper


def step(
    system: SystemArgument,
    at: Annotated[
        str,
        typer.Option(metavar=PLACE, help="Begin there.  [default: the end]", show_default=False),
    ] = "",
    partition: PartitionOption = None,
    key: KeyOption = None,
    log: LogOption = None,
) -> None:
    """Walk a history forwards and backwards, command by command, in this terminal.

    Each step shows the command, its events, what they changed, and the state as its system draws
    it. Reads only, and may run beside `refold run`.

    Keys: right or n, left or p; Page Down and Page Up (by 100); Home, End; g (go to an offset or a
    time); / (find a text in commands and events); Tab, and the arrows up and down (scroll); q.

    Examples:

        refold replay step exchange --key ACME
        refold replay step exchange --partition 0 --at 1042
    """
    place = parse_place("--at", at)
    if not is_terminal():
        shown = f" --at {at}" if at else ""
        raise CommandFailed(
            f"`replay step` needs a terminal: `refold replay state {system}{shown}` prints a state"
        )
    context = load_context(log)
    registered = context.find(system)
    with context.open_log() as opened:
        partitions = check_on_log(registered.system, opened)
        chosen = partitions_of(registered.system, partitions, partition, key, place)
        if len(chosen) > 1:
            raise CommandFailed(
                f"{registered.system.name} has {partitions} partitions: name the one to walk by "
                "--partition or --key"
            )
        number = chosen[0]
        with ProgressBar(f"folding partition {number}", unit="events") as bar:
            kept = context.open_checkpoints(opened)(registered.system, number)
            stepper = Stepper(opened, registered.system, number, kept)
            first = stepper.at(place, bar)
        run(stepper, first)


def is_terminal() -> bool:
    """Whether there is somebody to press keys and to look: textual draws on stderr."""
    return all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def run(stepper: Stepper, first: Step) -> None:
    """Show the terminal until it is left. CommandFailed where what draws it is not installed."""
    try:
        from gateway.cli.stepper_app import StepperApp
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "textual":
            raise
        raise CommandFailed(
            "`replay step` needs the package textual: pip install 'refold[replay]'"
        ) from error
    StepperApp(stepper, first).run()
