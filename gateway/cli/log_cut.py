"""`refold log cut`: a smaller history that still replays."""

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
from gateway.cli.outcome import CommandFailed
from gateway.cli.output import note, print_json, print_rows
from gateway.cli.progress import ProgressBar
from gateway.cli.stretch_options import (
    KeysOption,
    SinceOption,
    UntilOption,
    chosen_of,
    explained,
)
from replay.cut import SNAPSHOTS_NAME, cut_history
from replay.recorded import quiet_dead_letters


def cut(
    system: SystemArgument,
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new folder, for the new log.")],
    keys: KeysOption = None,
    since: SinceOption = "",
    until: UntilOption = "",
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cut a smaller history of one system out of a log, into a new log that still replays.

    By place, commands and events keep their offsets; with `--since`, a snapshot holds the state
    just before. With `--key`, the commands of these keys (and those without a key) are decided
    again from nothing, by today's rules, under new offsets. An offset is one on each partition.

    Examples:

        refold log cut exchange --out small --until 5000
        refold log cut exchange --out noon --since 2024-05-01T12:00:00Z
        refold log cut stays --out loft --key loft-7
        refold replay verify stays --log loft
    """
    chosen = chosen_of(keys, since, until)
    context = load_context(log)
    registered = context.find(system)
    with context.open_log() as opened, explained(), quiet_dead_letters():
        check_on_log(registered.system, opened)
        with ProgressBar("cutting", unit="events") as bar:
            try:
                done = cut_history(
                    opened,
                    registered.system,
                    out,
                    chosen,
                    snapshots=context.open_snapshots(opened),
                    progress=bar,
                )
            except FileExistsError as error:
                raise CommandFailed(str(error)) from error
    has_snapshot = any(one.snapshot for one in done.partitions)
    if as_json:
        print_json(done)
    else:
        rows = [msgspec.structs.asdict(one) for one in done.partitions]
        print_rows(rows, as_json=False)
        commands = sum(one.commands for one in done.partitions)
        print(f"cut {commands:,} commands of {done.system} to {out}")
    for each in () if as_json else done.notes:
        note(each)
    if has_snapshot and context.config.snapshots:
        note(
            f"the state before is in {out / SNAPSHOTS_NAME}, and your settings look for snapshots "
            f"elsewhere: set REFOLD_SNAPSHOTS={out / SNAPSHOTS_NAME} to replay it"
        )
