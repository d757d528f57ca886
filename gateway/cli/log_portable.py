"""`refold log export` and `import`: a log as one compressed file, a folder, or JSON lines."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.context import Context, JsonOption, LogOption, find_topic, load_context
from gateway.cli.outcome import CommandFailed
from gateway.cli.output import note, print_json
from gateway.cli.progress import ProgressBar
from log.interface import Log
from processors.core.registry import Registry, UnknownSystem
from replay.portable import Counts, InvalidExport
from replay.portable_folder import export_folder, export_zip, import_folder, import_zip
from replay.portable_lines import export_lines, import_lines
from replay.recorded import quiet_dead_letters
from replay.redacted_log import RedactedLog, decided_again, redacted_log
from replay.redaction import RedactionRefused

ZIP, LINES = ".zip", ".jsonl"


def export(
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE.zip|DIR|FILE.jsonl|-",
            help="A new compressed file, a new folder, a new file of JSON lines, or stdout.",
        ),
    ],
    topics: Annotated[
        list[str] | None,
        typer.Option("--topic", metavar="TOPIC", help="Only this; again for more."),
    ] = None,
    redact: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD", help="Replace the values of this field; again for more."),
    ] = None,
    redact_key: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="What replacements are made with.  [default: random, and kept nowhere]",
            show_default=False,
        ),
    ] = None,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a log to one compressed file, to a folder (both of Kafka segments and a manifest), or
    as JSON lines.

    Each is read back by `refold log import`: every record at its own offset, to the byte. With
    `--redact`, values are replaced wherever they stand (numbers: in the named fields alone), the
    same by the same, and it is told whether history still verifies.

    Examples:

        refold log export --out bug.zip
        refold log export --out bug.zip --redact guest --redact host
        refold log export --out /backup/monday
        refold log export --out - --topic exchange.commands | gzip > monday.jsonl.gz
    """
    if redact_key is not None and not redact:
        raise CommandFailed("--redact-key is for --redact: name the fields too")
    context = load_context(log)
    registry = _registry(context)
    with context.open_log() as opened, _refusals():
        known = opened.topics()
        chosen = [find_topic(known, topic) for topic in topics] if topics else None
        source = _redacted(opened, redact, redact_key, chosen, registry) if redact else opened
        with ProgressBar("exporting", unit="records") as bar:
            counts = _export(source, out, chosen, bar, registry, redact or [])
        if isinstance(source, RedactedLog):
            counts.notes += _notes_of(source, registry)
    if str(out) == "-":
        note(_told("exported", counts))
    elif as_json:
        print_json(counts)
    else:
        print(f"{_told('exported', counts)} to {out}")
    _print_notes(counts, as_json and str(out) != "-")


def _redacted(
    log: Log,
    fields: Sequence[str],
    key: str | None,
    topics: list[str] | None,
    registry: Registry | None,
) -> RedactedLog:
    with ProgressBar("looking for values", unit="records") as bar:
        return redacted_log(
            log,
            fields,
            key=None if key is None else key.encode(),
            topics=topics,
            registry=registry,
            progress=bar,
        )


def _notes_of(redacted: RedactedLog, registry: Registry | None) -> Iterator[str]:
    """What is left as it was, and whether history still verifies."""
    if redacted.numbers_left:
        left = ", ".join(redacted.numbers_left)
        yield f"NOT redacted: numbers in {left}: name these fields too"
    with ProgressBar("deciding again", unit="events") as bar, quiet_dead_letters():
        yield from decided_again(redacted, registry, bar)


def import_log(
    source: Annotated[
        Path,
        typer.Argument(metavar="FILE.zip|DIR|FILE.jsonl", help="What `refold log export` wrote."),
    ],
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put an exported log into a log whose topics of these names are empty, or not there.

    All is checked before anything is written. A topic that holds something is never touched. Where
    the rules or the schemas of its systems are others here, a note says so.

    Examples:

        refold log import bug.zip --log /data/bug
        refold log import /backup/monday --log /data/new
    """
    if not source.exists():
        raise CommandFailed(f"there is no {source}")
    context = load_context(log)
    registry = _registry(context)
    with context.open_log(create=True) as opened, ProgressBar("importing", unit="records") as bar:
        counts = _import(opened, source, bar, registry)
    if as_json:
        print_json(counts)
    else:
        print(f"{_told('imported', counts)} from {source}")
    _print_notes(counts, as_json)


def _registry(context: Context) -> Registry | None:
    """All systems; None, and a note, where a user's package fails: the log is there still."""
    try:
        return context.registry
    except (CommandFailed, UnknownSystem) as error:
        note(f"nothing is said of systems: {error}")
        return None


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except RedactionRefused as error:
        raise CommandFailed(f"--redact: {error}") from error


def _export(
    log: Log,
    out: Path,
    topics: list[str] | None,
    bar: ProgressBar,
    registry: Registry | None,
    redacted: list[str],
) -> Counts:
    if str(out) == "-":
        return export_lines(log, sys.stdout.buffer, topics, bar)
    try:
        if out.suffix == ZIP:
            return export_zip(log, out, topics, bar, registry=registry, redacted=redacted)
        if out.suffix != LINES:
            return export_folder(log, out, topics, bar, registry=registry, redacted=redacted)
        with out.open("xb") as file:
            try:
                return export_lines(log, file, topics, bar)
            except BaseException:
                out.unlink()
                raise
    except FileExistsError as error:
        raise CommandFailed(f"{out} is there already: name a new one to export to") from error


def _import(log: Log, source: Path, bar: ProgressBar, registry: Registry | None) -> Counts:
    try:
        if source.is_dir():
            return import_folder(log, source, bar, registry=registry)
        if source.suffix == ZIP:
            return import_zip(log, source, bar, registry=registry)
        return import_lines(log, source, bar)
    except InvalidExport as error:
        raise CommandFailed(f"{error}. Nothing was imported") from error


def _told(what: str, counts: Counts) -> str:
    return (
        f"{what} {counts.records:,} records of {counts.topics} topics "
        f"({counts.partitions} partitions)"
    )


def _print_notes(counts: Counts, in_json: bool) -> None:
    for each in () if in_json else counts.notes:
        note(each)
