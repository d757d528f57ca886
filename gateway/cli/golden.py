"""`refold golden`: small histories kept as text, and decided again at each change of the rules."""

from pathlib import Path
from typing import Annotated

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
from gateway.cli.output import note, print_json
from gateway.cli.progress import ProgressBar
from gateway.cli.stretch_options import (
    KeysOption,
    SinceOption,
    UntilOption,
    chosen_of,
    explained,
)
from processors.core.system import System
from replay.golden import (
    GoldenCheck,
    InvalidGolden,
    check_golden,
    record_golden,
    system_of,
    update_golden,
)
from replay.recorded import quiet_dead_letters

COMMANDS_TO_REVIEW_MAX = 10_000

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.command()
def record(
    system: SystemArgument,
    out: Annotated[Path, typer.Option(metavar="DIR", help="A folder, for the two files.")],
    keys: KeysOption = None,
    since: SinceOption = "",
    until: UntilOption = "",
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep chosen commands of a log, and what today's rules make of them from nothing, as text.

    Two files, a record a line: `commands.jsonl` and `events.jsonl`. Put them under version
    control, and let `refold golden check` hold every change of the rules to them.

    Examples:

        refold golden record exchange --out golden/markets/exchange --until 200
        refold golden record stays --out golden/booking/stays/loft-7 --key loft-7
    """
    chosen = chosen_of(keys, since, until)
    context = load_context(log)
    registered = context.find(system)
    with context.open_log() as opened, explained(), quiet_dead_letters():
        check_on_log(registered.system, opened)
        try:
            with ProgressBar("choosing") as bar:
                done = record_golden(opened, registered.system, out, chosen, bar)
        except FileExistsError as error:
            raise CommandFailed(str(error)) from error
    if as_json:
        print_json(done)
        return
    print(f"recorded {done.commands:,} commands and {done.events:,} events to {out}")
    if done.commands > COMMANDS_TO_REVIEW_MAX:
        note(f"{done.commands:,} commands are many to review: see --key and --until")


@app.command()
def check(
    paths: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Golden histories, by folder or file.")
    ],
    system: Annotated[
        str | None,
        typer.Option(
            metavar="SYSTEM", help="Whose they are.  [default: what the path or the types tell]"
        ),
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Take what today's rules decide as golden.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Decide golden histories again, and show how the events differ, as a unified diff.

    Exit code 1 where any differs, unless `--update` takes the new events for golden.

    Examples:

        refold golden check golden/markets/exchange golden/booking/stays/loft-7
        refold golden check golden/*/* --update
    """
    context = load_context(None)
    checks: list[GoldenCheck] = []
    with quiet_dead_letters(), ProgressBar("checking", len(paths), "histories") as bar:
        for path in paths:
            checks.append(_check(context, path, system, update))
            bar.add()
    differing = [each for each in checks if each.diff]
    if as_json:
        histories = [msgspec.structs.asdict(each) for each in checks]
        print_json({"same": not differing, "updated": update, "histories": histories})
    else:
        for each in checks:
            _print(each, update)
    if differing and not update:
        raise typer.Exit(ExitCode.FOUND)


def _check(context: Context, path: Path, asked: str | None, update: bool) -> GoldenCheck:
    try:
        system: System = context.find(asked).system if asked else system_of(path, context.registry)
        checked = check_golden(path, system)
        if update and checked.diff:
            update_golden(path, system)
    except InvalidGolden as error:
        raise CommandFailed(str(error)) from error
    return checked


def _print(checked: GoldenCheck, updated: bool) -> None:
    for line in checked.diff:
        print(line)
    outcome = "the same"
    if checked.diff:
        outcome = "updated" if updated else "differs"
    print(
        f"{checked.path} ({checked.system}): {checked.commands:,} commands, "
        f"{checked.events:,} events: {outcome}"
    )
