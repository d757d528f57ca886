"""`refold dead-letters`: commands that could not be decided, and their second chance."""

import re
from typing import Annotated, Any

import msgspec
import typer

from gateway.cli.context import JsonOption, LogOption, SystemArgument, check_on_log, load_context
from gateway.cli.outcome import CommandFailed
from gateway.cli.output import print_json, print_rows, time_text
from log.interface import Log
from processors.core.dead_letters import DeadLetters, Letter, RetryRefused
from processors.core.system import System

app = typer.Typer(no_args_is_help=True, add_completion=False)

LetterArgument = Annotated[
    str, typer.Argument(metavar="PARTITION:OFFSET", help="The place of its command, as listed.")
]


@app.command(name="list")
def list_letters(
    system: SystemArgument,
    waiting: Annotated[
        bool, typer.Option("--waiting", help="Leave out those that were retried.")
    ] = False,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """List a system's dead letters: where their command stood, and what was wrong with it.

    Example:

        refold dead-letters list exchange --waiting
    """
    context = load_context(log)
    found = context.find(system).system
    with context.open_log() as opened:
        letters = [
            letter
            for number in range(check_on_log(found, opened))
            for letter in DeadLetters(opened, found, number).letters()
            if not (waiting and letter.status == "retried")
        ]
    rows = [{"letter": f"{each.partition}:{each.offset}", **_row(each)} for each in letters]
    columns = ("letter", "timestamp", "key", "status", "error")
    print_rows(rows, as_json=as_json, columns=columns, title="dead letters")


@app.command()
def show(
    system: SystemArgument,
    letter: LetterArgument,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one dead letter whole: its value, key, headers and error.

    Example:

        refold dead-letters show exchange 0:1042
    """
    number, offset = _parse(letter)
    context = load_context(log)
    found = context.find(system).system
    with context.open_log() as opened:
        try:
            told = _letters(opened, found, number).find(offset)
        except RetryRefused as error:
            raise CommandFailed(str(error)) from error
    if as_json:
        print_json(told)
        return
    for name, value in _row(told).items():
        shown = time_text(value) if name == "timestamp" else value
        if shown is not None:
            print(f"{name:11}{shown}")


@app.command()
def retry(
    system: SystemArgument,
    letter: Annotated[
        str | None, typer.Argument(metavar="PARTITION:OFFSET", help="The place of its command.")
    ] = None,
    all_waiting: Annotated[bool, typer.Option("--all", help="All that wait.")] = False,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Append the command of a dead letter again, once what was wrong is mended.

    The earlier waiting letters of the same key go with it, in order. A letter is retried once; a
    retry that fails again is a new letter.

    Examples:

        refold dead-letters retry exchange 0:1042
        refold dead-letters retry exchange --all
    """
    if (letter is None) != all_waiting:
        raise CommandFailed("name one letter as PARTITION:OFFSET, or give --all")
    context = load_context(log)
    found = context.find(system).system
    retried: list[Letter] = []
    with context.open_log() as opened:
        try:
            if letter is not None:
                number, offset = _parse(letter)
                retried = _letters(opened, found, number).retry(offset)
            else:
                for number in range(check_on_log(found, opened)):
                    retried += DeadLetters(opened, found, number).retry()
        except RetryRefused as error:
            raise CommandFailed(str(error)) from error
    if as_json:
        print_json(retried)
        return
    for each in retried:
        along = "" if letter in (None, f"{each.partition}:{each.offset}") else " (of the same key)"
        print(f"{each.partition}:{each.offset} retried as command {each.retried_as}{along}")
    if not retried:
        print("no dead letter waits")


def _row(letter: Letter) -> dict[str, Any]:
    return msgspec.structs.asdict(letter)


def _letters(log: Log, system: System, number: int) -> DeadLetters:
    partitions = check_on_log(system, log)
    if number >= partitions:
        raise CommandFailed(f"partition {number}: there are 0 to {partitions - 1}")
    return DeadLetters(log, system, number)


def _parse(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+):(\d+)", text)
    if match is None:
        raise CommandFailed(f"{text!r} is no PARTITION:OFFSET, such as 0:1042")
    return int(match[1]), int(match[2])
