"""`refold replay checkpoint`: keep snapshots all along a history, near any place."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from gateway.cli.context import (
    JsonOption,
    LogOption,
    SystemArgument,
    check_on_log,
    load_context,
)
from gateway.cli.outcome import CommandFailed, ExitCode
from gateway.cli.output import print_rows
from gateway.cli.progress import ProgressBar
from gateway.cli.replay_places import PartitionOption, chosen_partitions
from processors.core.snapshots import SnapshotsUnavailable
from replay.checkpoints import Made, make_checkpoints


def checkpoint(
    system: SystemArgument,
    every: Annotated[
        int | None,
        typer.Option(
            metavar="COMMANDS",
            min=1,
            help="One after every so many commands.  [default: 10,000, or more for a history of "
            "over two million]",
            show_default=False,
        ),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keep them here.  [default: `checkpoints` beside the log]",
            show_default=False,
        ),
    ] = None,
    partition: PartitionOption = None,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep checkpoints along a history: snapshots for good.

    Folds the recorded events once; a later run goes on after the last checkpoint. `refold replay
    state` then gets to any place from the nearest one. Only a speed-up: the folder may be deleted.

    Examples:

        refold replay checkpoint exchange
        refold replay checkpoint exchange --every 5000 --into /data/checkpoints
    """
    context = load_context(log)
    found = context.find(system).system
    made: list[Made] = []
    with context.open_log() as opened:
        open_checkpoints = context.open_checkpoints(opened, into)
        for number in chosen_partitions(partition, check_on_log(found, opened)):
            with ProgressBar(f"folding partition {number}", unit="events") as bar:
                try:
                    one = make_checkpoints(
                        opened,
                        found,
                        number,
                        open_checkpoints(found, number),
                        every_commands=every,
                        progress=bar,
                    )
                except SnapshotsUnavailable as error:
                    raise CommandFailed(str(error), ExitCode.REFUSED) from error
            made.append(one)
    columns = ("partition", "every_commands", "made", "checkpoints", "size_bytes")
    print_rows(map(msgspec.structs.asdict, made), as_json=as_json, columns=columns)
