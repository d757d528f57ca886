"""`refold doctor`: everything that is wrong with a log, where, and what to do about it."""

from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.context import Context, JsonOption, LogOption, load_context
from gateway.cli.outcome import CommandFailed, ExitCode
from gateway.cli.output import note, print_json
from gateway.cli.progress import ProgressBar
from log.backends.file import FileLog
from log.backends.file.doctor import examine
from log.errors import LogError
from log.finding import Finding
from replay.doctor import examine_system

app = typer.Typer(add_completion=False)


@app.command()
def doctor(
    most: Annotated[int, typer.Option(min=1, help="Stop after so many findings.")] = 100,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a log for damage, and say what is wrong and where.

    Segments (checksums, offsets, lengths), indexes, configurations and checkpoints; and of every
    system the sequences and causes of its events, and its snapshots. Changes nothing, and may run
    while the log is in use. Exit code 1 where there is damage; what the next opening mends by
    itself is told as a note. On Kafka the files are the brokers' affair, and systems alone are
    checked.

    Examples:

        refold doctor --log /data/log
        refold doctor --json | jq '.findings[].path'
    """
    context = load_context(log)
    folder = context.config.log_folder
    findings: list[Finding] = []
    if folder is None:
        note("the log is on Kafka: its files are the brokers' affair, and are not checked")
    elif not folder.is_dir():
        raise CommandFailed(f"there is no folder {folder}: name the log's with --log")
    else:
        findings = _files(folder, most)
    if not any(not finding.is_note for finding in findings):
        findings += _systems(context, folder, most)
    damage = sum(not finding.is_note for finding in findings)
    if as_json:
        print_json({"healthy": not damage, "findings": findings})
    else:
        for finding in findings:
            print(_told(finding))
        if damage:
            more = "at least " if len(findings) >= most else ""
            print(f"{more}{damage} damaged {'place' if damage == 1 else 'places'}")
        else:
            print("healthy")
    if damage:
        raise typer.Exit(ExitCode.FOUND)


def _files(folder: Path, most: int) -> list[Finding]:
    with ProgressBar("checking files", unit="bytes") as bar:
        return list(islice(examine(str(folder), progress=bar), most))


def _systems(context: Context, folder: Path | None, most: int) -> list[Finding]:
    """Of each system; a folder that cannot even be opened has been told of by its files."""
    findings: list[Finding] = []
    log = context.open_log() if folder is None else FileLog(folder, read_only=True)
    with log as opened:
        snapshots = context.open_snapshots(opened)
        for registered in context.registered():
            system = registered.system
            with ProgressBar(f"checking {system.name}", unit="events") as bar:
                examined = examine_system(opened, system, snapshots, bar)
                try:
                    findings += islice(examined, most)
                except LogError as error:
                    path, advice = system.name, "see to this first, then check again"
                    findings.append(Finding(path=path, what=str(error), advice=advice))
    return findings


def _told(finding: Finding) -> str:
    place = [finding.path]
    if finding.position is not None:
        place.append(f"position {finding.position}")
    if finding.offset is not None:
        place.append(f"offset {finding.offset}")
    kind = "note" if finding.is_note else "DAMAGE"
    return f"{kind}: {', '.join(place)}: {finding.what}\n    -> {finding.advice}"
