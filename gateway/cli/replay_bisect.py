"""`refold replay bisect`: the first command at which two histories part, and how.

A side is a log, a log decided again by some rules, or a file of digests that was written
elsewhere. What is found is printed; the comparing is in `replay/bisect.py`.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.context import (
    Context,
    JsonOption,
    LogOption,
    check_on_log,
    load_context,
)
from gateway.cli.outcome import CommandFailed, ExitCode
from gateway.cli.output import as_text, note, print_json, print_rows, time_text
from gateway.cli.progress import ProgressBar
from gateway.cli.replay_digests import open_history
from gateway.cli.replay_places import PartitionOption
from gateway.config import ConfigError
from log.errors import LogError
from log.interface import Log
from processors.core.registry import load_system
from processors.core.system import System
from replay.bisect import (
    Answer,
    Bisection,
    Compared,
    DigestsSide,
    Incomparable,
    Parting,
    WalkedSide,
)
from replay.bisect import bisect as bisect_sides
from replay.digests import DigestFile, InvalidDigests, read_digests
from replay.histories import History, RecordedHistory
from replay.recorded import quiet_dead_letters

FIELDS_SHOWN = 50
"""Of those that differ; JSON holds all."""
DIFFERING = {
    "commands": "the commands themselves differ",
    "events": "the same command led to other events",
    "state": "the same events made another state",
    "length": "one of the two has no events of it: it ends there",
    "unknown": "what differs, the digests alone do not tell",
}

SIDE = "A log (DIR or URL), or a file of `refold replay digests`."
RulesOption = typer.Option(
    metavar="MODULE",
    help="Decide that side again with the SYSTEM of this module.  [default: where the other side "
    "has some, the installed rules]",
    show_default=False,
)


def bisect(
    a: Annotated[str | None, typer.Argument(metavar="[A]", help=SIDE)] = None,
    b: Annotated[str | None, typer.Argument(metavar="[B]", help=SIDE)] = None,
    system: Annotated[
        str | None, typer.Option(help="Which system, where the log holds several.")
    ] = None,
    partition: PartitionOption = None,
    rules_a: Annotated[str | None, RulesOption] = None,
    rules_b: Annotated[str | None, RulesOption] = None,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the first command at which two histories part.

    Prints that command, what either side answered to it, and the fields of the state that differ
    after it, in some 23 comparisons for five million commands. Exit code 1 where they part. With
    rules, A is by default the log of the settings, and B the same as A.

    Examples:

        refold replay bisect .refold copy/.refold --system exchange
        refold replay bisect here.jsonl there.jsonl
        refold replay bisect --rules-b candidate.markets.exchange
    """
    with ExitStack() as stack, quiet_dead_letters():
        try:
            sides = _Sides(stack, log, a, b, rules_a, rules_b)
            found = [
                _bisected(sides, sides.choose(system), number)
                for number in sides.partitions(system, partition)
            ]
        except (Incomparable, InvalidDigests) as error:
            raise CommandFailed(str(error)) from error
        systems = sides.choose(system)
    parted = [one for one in found if one.parting is not None]
    if as_json:
        print_json({"same": not parted, "partitions": found})
    else:
        for one in found:
            _print(systems[0], one, sides.are_digests_decided)
    if parted:
        raise typer.Exit(ExitCode.FOUND)


def _bisected(sides: "_Sides", systems: tuple[System, System], number: int) -> Bisection:
    with ProgressBar(f"bisecting partition {number}") as bar:
        a, b = (sides.compared(at, systems[at], number) for at in (0, 1))
        if a.state_format != b.state_format:
            note("their states have other forms, or other digests: only events are compared")
        return bisect_sides(systems[0].name, number, a, b, bar)


@dataclass
class _Given:
    """One side as it was asked for: a file of digests, or a log."""

    name: str
    digests: DigestFile | None = None
    context: Context | None = None
    log: Log | None = None
    rules: str | None = None


@dataclass
class _Sides:
    """Both sides, with the logs opened that they need."""

    stack: ExitStack
    default_log: str | None
    a: str | None
    b: str | None
    rules_a: str | None
    rules_b: str | None
    _logs: dict[str | None, tuple[Context, Log]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.decide = self.rules_a is not None or self.rules_b is not None
        if not self.decide and (self.a is None or self.b is None):
            raise CommandFailed(
                "name two logs or files of digests; or give --rules-a or --rules-b, to decide one "
                "log by both"
            )
        second = self.a if self.b is None else self.b
        self.given = self._given(self.a, self.rules_a), self._given(second, self.rules_b)

    @property
    def are_digests_decided(self) -> bool:
        """Whether commands were decided again for one of the files of digests."""
        files = [given.digests for given in self.given if given.digests is not None]
        return any(each.header.decided for each in files)

    def _given(self, name: str | None, rules: str | None) -> _Given:
        if name is not None and Path(name).is_file():
            if rules is not None:
                raise CommandFailed(f"{name} is a file of digests: rules decide a log")
            return _Given(name, digests=read_digests(Path(name)))
        context, log = self._open(name if name is not None else self.default_log)
        return _Given(name or context.config.log, context=context, log=log, rules=rules)

    def _open(self, name: str | None) -> tuple[Context, Log]:
        if name not in self._logs:
            context = load_context(name)
            self._logs[name] = context, self.stack.enter_context(context.open_log())
        return self._logs[name]

    def choose(self, asked: str | None) -> tuple[System, System]:
        """The system whose histories are compared, by the rules of either side."""
        name = asked or self._name()
        one, other = (self._system(given, name) for given in self.given)
        if one.name != other.name:
            raise CommandFailed(f"one side is of {one.name}, the other of {other.name}")
        for given in self.given:
            if given.digests is not None and given.digests.header.system != one.name:
                told = given.digests.header.system
                raise CommandFailed(f"{given.name} is of {told}, and not of {one.name}")
        return one, other

    def _system(self, given: _Given, name: str) -> System:
        context = given.context or load_context(self.default_log)
        if given.rules is None:
            return context.find(name).system
        return load_system(given.rules).system

    def _name(self) -> str:
        for given in self.given:
            if given.digests is not None:
                return given.digests.header.system
            if given.rules is not None:
                return load_system(given.rules).system.name
        (context, log), *_ = self._logs.values()
        topics = log.topics()
        names = [
            registered.system.name
            for registered in context.registry
            if registered.system.events_topic in topics
        ]
        if len(names) != 1:
            held = ", ".join(names) or "no system that is known"
            raise CommandFailed(f"{context.config.log} holds {held}: name one by --system")
        return names[0]

    def partitions(self, asked_system: str | None, asked: int | None) -> Sequence[int]:
        """Those that both sides have, or the one asked for."""
        systems = self.choose(asked_system)
        one, other = (
            given.digests.header.partitions
            if given.digests is not None
            else list(range(check_on_log(systems[at], _log_of(given))))
            for at, given in enumerate(self.given)
        )
        if asked is not None:
            one, other = ([each for each in side if each == asked] for side in (one, other))
        if one != other or not one:
            raise CommandFailed(
                f"the sides have other partitions, {one} and {other}: name one that both have by "
                "--partition"
            )
        return one

    def compared(self, at: int, system: System, number: int) -> Compared:
        given = self.given[at]
        if given.digests is None:
            context, log = given.context, _log_of(given)
            assert context is not None
            return WalkedSide(open_history(context, log, system, number, decide=self.decide))
        header, lines = given.digests.header, given.digests.lines[number]
        if not lines and header.since:
            raise CommandFailed(f"{given.name} has no line of partition {number}: it ends before")
        reopened = None if header.decided else self._reopening(header.log, system, number)
        return DigestsSide(header, lines, reopened)

    def _reopening(
        self, place: str, system: System, number: int
    ) -> Callable[[int], History] | None:
        """The history that digests were made of, where its log is to be had here."""
        try:
            context, log = self._open(place)
            check_on_log(system, log)
        except (CommandFailed, ConfigError, LogError, OSError):
            return None
        snapshots = context.open_checkpoints(log)(system, number)
        return lambda after: RecordedHistory(log, system, number, snapshots, after=after)


def _log_of(given: _Given) -> Log:
    assert given.log is not None
    return given.log


def _print(system: System, found: Bisection, are_digests_decided: bool) -> None:
    parting = found.parting
    where = f"partition {found.partition}"
    searched = f"{found.comparisons} comparison{'s' if found.comparisons != 1 else ''}"
    if parting is None:
        print(f"{where}: the same events and states, up to offset {found.commands} ({searched})")
        return
    if not parting.exact:
        begin, end = parting.same_until + 1, parting.command_offset
        decide = " --decide" if are_digests_decided else ""
        print(
            f"{where}: the histories part at a command of offsets {begin} to {end} ({searched}). "
            f"To find it, write digests of every one there, on both sides, and compare those: "
            f"refold replay digests {found.system} --partition {found.partition} --every 1 "
            f"--since {begin} --until {end}{decide} --out FILE"
        )
        return
    print(
        f"{where}: the histories part at the command at offset {parting.command_offset} "
        f"({system.commands_topic}-{found.partition}; {searched}): {DIFFERING[parting.differing]}"
    )
    if parting.a is not None and parting.b is not None:
        _print_answers(parting.a, parting.b)
    _print_state(parting)


def _print_answers(a: Answer, b: Answer) -> None:
    if a.command == b.command:
        print(f"  command  {_command_text(a)}")
    else:
        print(f"  command of a  {_command_text(a)}")
        print(f"  command of b  {_command_text(b)}")
    for name, answer in (("a", a), ("b", b)):
        for event in answer.events:
            print(f"  {name}  {time_text(event.timestamp)} key={event.key} {event.value}")
        if not answer.events:
            print(f"  {name}  no events")


def _command_text(answer: Answer) -> str:
    command = answer.command
    if command is None:
        return "not there"
    fields = command.fields if isinstance(command.fields, str) else as_text(command.fields)
    return f"{time_text(command.timestamp)} key={command.key} {command.type} {fields}"


def _print_state(parting: Parting) -> None:
    if not parting.state_compared:
        return
    if not parting.state:
        print("  the states are the same after it")
        return
    shown = parting.state[:FIELDS_SHOWN]
    rows = [
        {"field of the state": each.path or "(all)", "a": each.left, "b": each.right}
        for each in shown
    ]
    print_rows(rows, as_json=False)
    if len(parting.state) > len(shown):
        print(f"and {len(parting.state) - len(shown):,} more: --json tells all")
