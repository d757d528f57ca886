"""`refold log export` and `import`: a log as a portable folder, or as JSON lines."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.context import JsonOption, LogOption, find_topic, load_context
from gateway.cli.outcome import CommandFailed
from gateway.cli.output import note, print_json
from gateway.cli.progress import ProgressBar
from log.interface import Log
from replay.portable import Counts, InvalidExport
from replay.portable_folder import export_folder, import_folder
from replay.portable_lines import export_lines, import_lines


def export(
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR|FILE.jsonl|-", help="A new folder, a new file of JSON lines, or stdout."
        ),
    ],
    topics: Annotated[
        list[str] | None,
        typer.Option("--topic", metavar="TOPIC", help="Only this; again for more."),
    ] = None,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a log to a folder (Kafka segment files, with a manifest) or as JSON lines.

    Either is read back by `refold log import`: every record at its own offset, to the byte.

    Examples:

        refold log export --out /backup/monday
        refold log export --out monday.jsonl --topic exchange.commands
        refold log export --out - | gzip > monday.jsonl.gz
    """
    context = load_context(log)
    with context.open_log() as opened, ProgressBar("exporting", unit="records") as bar:
        chosen = [find_topic(opened, topic) for topic in topics] if topics else None
        if str(out) == "-":
            counts = export_lines(opened, sys.stdout.buffer, chosen, bar)
        else:
            counts = _export(opened, out, chosen, bar)
    if str(out) == "-":
        note(_told("exported", counts))
    elif as_json:
        print_json(counts)
    else:
        print(f"{_told('exported', counts)} to {out}")


def import_log(
    source: Annotated[
        Path, typer.Argument(metavar="DIR|FILE.jsonl", help="What `refold log export` wrote.")
    ],
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put an exported log into a log whose topics of these names are empty, or not there.

    All is checked before anything is written. A topic that holds something is never touched.

    Example:

        refold log import /backup/monday --log /data/new
    """
    if not source.exists():
        raise CommandFailed(f"there is no {source}")
    context = load_context(log)
    with context.open_log(create=True) as opened, ProgressBar("importing", unit="records") as bar:
        counts = _import(opened, source, bar)
    if as_json:
        print_json(counts)
    else:
        print(f"{_told('imported', counts)} from {source}")


def _export(log: Log, out: Path, topics: list[str] | None, bar: ProgressBar) -> Counts:
    try:
        if out.suffix != ".jsonl":
            return export_folder(log, out, topics, bar)
        with out.open("xb") as file:
            return export_lines(log, file, topics, bar)
    except FileExistsError as error:
        raise CommandFailed(f"{out} is there already: name a new one to export to") from error


def _import(log: Log, source: Path, bar: ProgressBar) -> Counts:
    try:
        if source.is_dir():
            return import_folder(log, source, bar)
        return import_lines(log, source, bar)
    except InvalidExport as error:
        raise CommandFailed(f"{error}. Nothing was imported") from error


def _told(what: str, counts: Counts) -> str:
    return (
        f"{what} {counts.records:,} records of {counts.topics} topics "
        f"({counts.partitions} partitions)"
    )
