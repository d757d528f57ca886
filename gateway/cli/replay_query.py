"""`refold replay query`: a read model as it was, asked with its own queries."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from gateway.cli.context import Context, JsonOption, LogOption, check_on_log, load_context
from gateway.cli.outcome import CommandFailed
from gateway.cli.output import note, time_text
from gateway.cli.progress import ProgressBar
from gateway.cli.query import by_name, list_queries, print_answer
from gateway.cli.replay_places import PLACE, parse_place, partitions_of
from gateway.config import nearest
from processors.core.registry import Registered, UnknownSystem
from projections.core.read_models import default_url, read_models
from projections.core.worker import Progress, Report
from replay.places import Place
from replay.query_at import IN_MEMORY, query_at


def query(
    system: Annotated[
        str,
        typer.Argument(metavar="SYSTEM|PROJECTION", help="`exchange`, or one of its read models."),
    ],
    name: Annotated[
        str | None, typer.Argument(metavar="[QUERY]", help="The query; none lists them.")
    ] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ARGUMENTS]...", help="In order, or as --name value."),
    ] = None,
    at: Annotated[
        str,
        typer.Option(
            metavar=PLACE,
            help="After this command, or after all up to this time (ISO 8601).  [default: the "
            "end]",
        ),
    ] = "",
    partition: Annotated[
        int | None, typer.Option(help="The partition that the command offset is of.", min=0)
    ] = None,
    key: Annotated[str | None, typer.Option(help="The same, by a key that belongs to it.")] = None,
    on_disk: Annotated[
        bool,
        typer.Option("--on-disk", help="Build in a temporary database, where memory is short."),
    ] = False,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a system's read models as they were.

    What the query reads is built aside, from the first event to that place, and thrown away: the
    read models that serve are not touched. At a command offset, the other partitions are taken up
    to the time of that command.

    Examples:

        refold replay query exchange best ACME --at 2024-05-01T09:30:00Z
        refold replay query exchange trades ACME --limit 5 --at 1042 --key ACME --json
    """
    place = parse_place("--at", at)
    context = load_context(log)
    registered = _find(context, system)
    models = read_models(registered)
    if name is None:
        list_queries(models, as_json)
        return
    asked = models.query(name)
    parsed = asked.parse(by_name(arguments or []))
    with context.open_log() as opened, _reported() as report, _url(registered, on_disk) as url:
        count = check_on_log(registered.system, opened)
        chosen = partitions_of(registered.system, count, partition, key, place)
        answer = query_at(
            opened,
            models,
            asked,
            parsed,
            place,
            partition=chosen[0] if place.command_offset is not None else None,
            url=url,
            report=report,
        )
    note(f"as of {_told(answer.places)}")
    print_answer(asked, answer.result, as_json)


def _find(context: Context, asked: str) -> Registered:
    """A system by its name, or by that of one of its projections."""
    try:
        return context.find(asked)
    except UnknownSystem:
        name = asked.replace("/", ".")
        by_projection = {
            f"{registered.system.name}.{projection}": registered
            for registered in context.registered()
            for projection in read_models(registered).projections
        }
        found = [full for full in by_projection if f".{full}".endswith(f".{name}")]
        if len(found) == 1:
            return by_projection[found[0]]
        if found:
            full_names = " or ".join(found)
            raise CommandFailed(f"{asked!r} could be {full_names}: give the full name") from None
        names = [*by_projection, *(registered.system.name for registered in context.registry)]
        hint = nearest(asked, [name.rpartition(".")[2] for name in names])
        raise CommandFailed(f"there is no system or projection {asked!r}: {hint}") from None


@contextmanager
def _url(registered: Registered, on_disk: bool) -> Iterator[str]:
    """Where to build."""
    if not on_disk:
        yield IN_MEMORY
        return
    with TemporaryDirectory(prefix="refold-") as folder:
        yield default_url(Path(folder), registered.system)


@contextmanager
def _reported() -> Iterator[Report]:
    """A bar for one projection after the other."""
    with ProgressBar("building", unit="events") as bar:

        def report(progress: Progress) -> None:
            bar.what = f"building {progress.projection}"
            bar.set(progress.done, progress.total)

        yield report


def _told(places: Sequence[Place]) -> str:
    """How far each partition goes; those that hold nothing yet are left out."""
    told = [
        f"partition {number} after command {place.command_offset}, {time_text(place.at)}"
        for number, place in enumerate(places)
        if place.command_offset >= 0
    ]
    return "; ".join(told) or "before any command"
