"""`refold replay history`: the life of one order, post, booking, as a causal tree."""

from enum import Enum
from typing import Annotated

import typer

from gateway.cli.context import Context, LogOption, check_on_log, load_context
from gateway.cli.outcome import CommandFailed
from gateway.cli.output import note, print_json
from gateway.cli.progress import ProgressBar
from log.interface import Log
from processors.core.system import System
from replay import history as histories
from replay.causal_tree import mermaid, text_lines
from replay.history import InvalidKey, Key, Place, parse_key


class Format(Enum):
    TEXT = "text"
    JSON = "json"
    MERMAID = "mermaid"


KeyArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[KEY]",
        help="VALUE, FIELD=VALUE, SYSTEM:VALUE, TOPIC/PARTITION@OFFSET or "
        "TOPIC/PARTITION#SEQUENCE.",
    ),
]
CommandOption = Annotated[
    int | None,
    typer.Option(
        metavar="OFFSET",
        min=0,
        help="In the place of KEY: this command, and all it led to. With --system, and "
        "--partition where there are several.",
    ),
]


def history(
    key: KeyArgument = None,
    system: Annotated[
        str | None, typer.Option(metavar="NAME", help="Look for the key in this system alone.")
    ] = None,
    partition: Annotated[
        int | None, typer.Option(min=0, help="Look for the key on this partition alone.")
    ] = None,
    command: CommandOption = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many messages.")] = histories.LIMIT,
    output: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.TEXT,
    log: LogOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Tell the life of one order, post or booking: all that touched it, in order, across systems.

    Every command and event that holds the key (in any field, at any depth, or as the record's
    key) is shown with what led to it and all that it led to, also in other systems: a tree, in
    which a command's children are its events, and an event's children are the commands that
    reactors made of it. `*` marks what holds the key itself.

    Examples:

        refold replay history order_id=4294967298
        refold replay history stays:booking-17
        refold replay history exchange.commands/0@1042 --format mermaid
        refold replay history --system exchange --partition 0 --command 1042 --json
    """
    context = load_context(log)
    with context.open_log() as opened:
        systems = _systems_on(opened, context)
        within = None
        if system is not None:
            chosen = context.find(system).system
            check_on_log(chosen, opened)
            within = chosen.name
        named, sought = _sought(opened, systems, key, within, partition, command)
        with ProgressBar("looking through history", unit="records") as bar:
            told = _history(opened, systems, sought, within or named, partition, limit, bar)
    if not told.messages:
        raise CommandFailed(_nothing(systems, sought, within or named))
    _print(told, Format.JSON if as_json else output)
    if told.is_cut:
        note(
            f"the tree stops at {told.messages:,} messages ({told.matching:,} hold the key): "
            "narrow it by FIELD=VALUE, --system or --partition, or raise --limit"
        )


def _systems_on(log: Log, context: Context) -> list[System]:
    """The registered systems that the log holds something of."""
    topics = log.topics().keys()
    systems = [registered.system for registered in context.registered()]
    return [each for each in systems if {each.commands_topic, each.events_topic} & topics]


def _history(
    log: Log,
    systems: list[System],
    sought: Key | Place,
    within: str | None,
    partition: int | None,
    limit: int,
    bar: ProgressBar,
) -> histories.History:
    try:
        return histories.history(
            log, systems, sought, system=within, partition=partition, limit=limit, progress=bar
        )
    except InvalidKey as error:
        raise CommandFailed(str(error)) from error


def _print(told: histories.History, output: Format) -> None:
    match output:
        case Format.JSON:
            print_json(told)
        case Format.MERMAID:
            print(mermaid(told.roots))
        case Format.TEXT:
            for line in text_lines(told.roots):
                print(line)


def _sought(
    log: Log,
    systems: list[System],
    key: str | None,
    within: str | None,
    partition: int | None,
    command: int | None,
) -> tuple[str | None, Key | Place]:
    """What to look for, and the system that the key itself names."""
    if not systems:
        raise CommandFailed("the log holds nothing of any system: name another with --log")
    if (key is None) == (command is None):
        raise CommandFailed("give a KEY, or --command OFFSET with --system")
    if key is not None:
        try:
            named, sought = parse_key(key, systems)
        except InvalidKey as error:
            raise CommandFailed(str(error)) from error
        if named is not None and within is not None and named != within:
            raise CommandFailed(f"{key!r} names {named}, and --system {within}: give one of them")
        return named, sought
    if within is None:
        raise CommandFailed(f"--command {command}: of which system? Name it by --system")
    topic = next(system.commands_topic for system in systems if system.name == within)
    partitions = log.topics()[topic].partitions
    if partition is None and partitions > 1:
        raise CommandFailed(
            f"{within} has {partitions} partitions, and each has a command at offset {command}: "
            "name one by --partition"
        )
    return None, Place(topic, partition or 0, command or 0)


def _nothing(systems: list[System], sought: Key | Place, within: str | None) -> str:
    names = within or ", ".join(system.name for system in systems)
    if not isinstance(sought, Key):
        return f"there is nothing at {sought}"
    what = f"{sought.field}={sought.value}" if sought.field else sought.value
    return (
        f"no command or event of {names} holds {what}: `refold systems NAME` lists the fields, "
        "and `refold read NAME.events` shows values"
    )
