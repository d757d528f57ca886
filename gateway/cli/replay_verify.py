"""`refold replay verify`: decide history again and compare, in parallel, as a gate of CI; and the
determinism detective (`--hostile`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from gateway.cli.context import Context, JsonOption, LogOption, check_on_log, load_context
from gateway.cli.outcome import CommandFailed, ExitCode
from gateway.cli.output import note, print_json, print_rows, time_text
from gateway.cli.progress import ProgressBar
from gateway.config import Config
from log.interface import Log
from processors.core.system import System
from replay.hostile import Finding, Report, RunFailed, examine
from replay.junit import junit_of
from replay.verify import Difference, Verification
from replay.verify_parallel import Part, ProcessDied, Recorded, Source, verify_all

SystemOption = Annotated[
    str | None,
    typer.Argument(metavar="SYSTEM", help="Its name (`markets.exchange`), or the last part."),
]


def verify(
    system: SystemOption = None,
    all_systems: Annotated[
        bool, typer.Option("--all", help="Every registered system that is on the log.")
    ] = False,
    partition: Annotated[int | None, typer.Option(help="Only this partition.", min=0)] = None,
    since: Annotated[
        int, typer.Option(metavar="OFFSET", min=0, help="Begin at this command.")
    ] = 0,
    processes: Annotated[
        int | None,
        typer.Option(
            min=1, help="Partitions at once.  [default: as many as cores]", show_default=False
        ),
    ] = None,
    hostile: Annotated[
        bool,
        typer.Option(
            help="Decide under other hash seeds, time zones, locales, clocks and the like, and "
            "name the line that goes by one of them."
        ),
    ] = False,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a JUnit XML report, too.")
    ] = None,
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
        refold replay verify --all --junit verify.xml
        refold replay verify exchange --hostile
    """
    context = load_context(log)
    source = partial(open_recorded, _with_places(context.config))
    with context.open_log() as opened:
        systems = _systems(context, opened, system, all_systems)
        parts = _parts(opened, systems, partition)
    try:
        if hostile:
            if junit is not None:
                raise CommandFailed("give --hostile or --junit, not both")
            _examine(source, parts, since, processes, as_json)
            return
        with ProgressBar("verifying", unit="events") as bar:
            found = verify_all(source, parts, since=since, processes=processes, progress=bar)
    except (ProcessDied, RunFailed) as error:
        raise CommandFailed(str(error), ExitCode.REFUSED) from error
    topics = {each.name: each.commands_topic for each in systems}
    if junit is not None:
        _write(junit, junit_of(found, lambda each: difference_text(topics, each)))
    _print(found, topics, as_json, many=all_systems)
    if any(each.difference is not None for each in found):
        raise typer.Exit(ExitCode.FOUND)


@contextmanager
def open_recorded(config: Config) -> Iterator[Recorded]:
    """The log of the settings, as each process opens it."""
    context = Context(config)
    with context.open_log() as log:
        yield Recorded(log, lambda name: context.find(name).system, context.open_snapshots(log))


def _with_places(config: Config) -> Config:
    """With places that mean the same in another working folder."""
    places = {
        name: str(Path(getattr(config, name)).absolute())
        for name in ("log", "snapshots")
        if getattr(config, name) and "://" not in getattr(config, name)
    }
    if config.log_folder is None:
        places.pop("log", None)
    return msgspec.structs.replace(config, **places, home=config.home.absolute())


def _systems(context: Context, log: Log, system: str | None, every: bool) -> list[System]:
    if every == (system is not None):
        raise CommandFailed("name a system, or give --all")
    if system is not None:
        found = context.find(system).system
        check_on_log(found, log)
        return [found]
    topics = log.topics()
    systems = [each.system for each in context.registered()]
    held = [
        each for each in systems if each.commands_topic in topics and each.events_topic in topics
    ]
    if not held:
        raise CommandFailed("the log holds nothing of any registered system")
    return held


def _parts(log: Log, systems: Sequence[System], partition: int | None) -> list[Part]:
    parts = [
        (system.name, number)
        for system in systems
        for number in range(check_on_log(system, log))
        if partition is None or number == partition
    ]
    if not parts:
        most = max(check_on_log(system, log) for system in systems)
        raise CommandFailed(f"--partition {partition}: there are 0 to {most - 1}")
    return parts


def _write(path: Path, report: bytes) -> None:
    """All of the report, or nothing."""
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_bytes(report)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise CommandFailed(f"--junit {path}: {error.strerror or error}") from error


_COLUMNS = (
    "partition",
    "commands_compared",
    "events_compared",
    "commands_of_other_rules",
    "commands_before",
    "commands_pending",
    "dead_letters",
)


def _print(
    found: Sequence[Verification], topics: dict[str, str], as_json: bool, many: bool
) -> None:
    differing = [each for each in found if each.difference is not None]
    if as_json:
        print_json({"same": not differing, "partitions": found})
        return
    rows = [msgspec.structs.asdict(each) for each in found]
    print_rows(rows, as_json=False, columns=("system", *_COLUMNS) if many else _COLUMNS)
    for each in differing:
        print(difference_text(topics, each))
    if not differing:
        events = sum(each.events_compared for each in found)
        print(f"the same: {events:,} events came out as they were recorded")


def difference_text(topics: dict[str, str], found: Verification) -> str:
    """The difference for people; `topics` are the commands topics of systems."""
    assert found.difference is not None
    difference: Difference = found.difference
    lines = [
        f"partition {found.partition} differs first at the command at offset "
        f"{difference.command_offset} ({topics[found.system]}-{found.partition}), event sequence "
        f"{difference.sequence}"
        + (f": {', '.join(difference.fields)}" if difference.fields else "")
    ]
    for name, side in (("recorded", difference.recorded), ("decided", difference.decided)):
        if side is None:
            lines.append(f"  {name:9}no such event")
        else:
            at = time_text(side.timestamp)
            lines.append(f"  {name:9}{at} key={side.key} {side.value}")
    return "\n".join(lines)


def _examine(
    source: Source, parts: Sequence[Part], since: int, processes: int | None, as_json: bool
) -> None:
    """The verification in hostile worlds; exit code 1 where a world comes out otherwise."""
    reports = []
    for part in parts:
        with ProgressBar(f"{part[0]}, partition {part[1]}", unit="events") as bar:
            found = examine(source, part, since=since, processes=processes, progress=bar)
        reports.append(found)
    same = all(report.same for report in reports)
    if as_json:
        print_json({"same": same, "partitions": reports})
    else:
        for reason in dict.fromkeys(each for report in reports for each in report.left_out):
            note(f"left out: {reason}")
        for report in reports:
            _print_report(report)
    if not same:
        raise typer.Exit(ExitCode.FOUND)


def _print_report(report: Report) -> None:
    where = f"{report.system} partition {report.partition}"
    plain, *others = report.runs
    if not plain.same:
        difference = plain.difference
        how = f"at command {difference.command_offset}" if difference else plain.failure
        print(f"{where}: decided again, it differs from what is recorded, {how}")
    if not others:
        print(f"{where}: no command here was decided by today's rules")
        return
    differing = [run.world for run in others if not run.same]
    if not differing:
        print(f"{where}: the same in {len(others)} worlds, {report.commands:,} commands")
        if not plain.same:
            print("  no hostile source: the rules or their libraries are others now")
        return
    print(
        f"{where}: otherwise in {len(differing)} of {len(others)} worlds: {', '.join(differing)}"
    )
    for finding in report.findings:
        _print_finding(finding)


def _print_finding(finding: Finding) -> None:
    kind = "nothing (two plain runs differ)" if finding.kind == "nothing" else finding.kind
    print(f"it goes by: {kind}" + (f", by {finding.source}" if finding.source else ""))
    if finding.function:
        print(f"  {finding.function}, {finding.file}:{finding.line}")
        print(f"      {finding.text}")
    for place in finding.by:
        print(f"    called by {place.function}, {place.file}:{place.line}")
    offset = finding.command_offset
    print("  as the rules were loaded" if offset is None else f"  at the command at {offset}")
    if finding.function or offset is None:
        print(f"  plain  {finding.plain}")
        print(f"  {finding.world}  {finding.other}")
    if finding.differs_at is None:
        print("  the events are the same: the state differs")
    elif finding.differs_at != offset:
        print(f"  the first events that differ are of the command at {finding.differs_at}")
    if finding.note:
        print(f"  {finding.note}")
