"""`refold export`: what happened, in the formats of markets."""

import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from gateway.cli.context import JsonOption, LogOption, check_on_log, load_context
from gateway.cli.outcome import CommandFailed
from gateway.cli.output import note, print_json, print_rows
from gateway.cli.progress import ProgressBar
from gateway.config import nearest
from gateway.json_lines import BadLine, time_ms
from gateway.markets.exchange.exporters import EXPORTERS, Exporter
from gateway.markets.exchange.exporting import CannotExport, EventSource, ExportOptions

app = typer.Typer(add_completion=False)


FormatArgument = Annotated[
    str | None, typer.Argument(metavar="[FORMAT]", help="Which format; none lists them.")
]
FileArgument = Annotated[
    str | None, typer.Argument(metavar="[FILE|-]", help="A new file, or stdout.")
]
FromOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="TIME",
        help="Write from here on: ISO 8601, or ms since 1970. What came before counts all the "
        "same.",
    ),
]
ToOption = Annotated[
    str | None, typer.Option("--to", metavar="TIME", help="Stop before this time.")
]
ZoneOption = Annotated[
    str, typer.Option(help="ITCH: where the exchange's midnight is, as America/New_York.")
]
AccountOption = Annotated[
    int | None, typer.Option(help="Drop copy: of this account.  [default: of all]")
]
MemberOption = Annotated[int | None, typer.Option(help="Drop copy: of this member's accounts.")]
ReadableOption = Annotated[
    bool, typer.Option("--readable", help="Drop copy: | between fields, a line a message.")
]


@app.command("export")
def export(
    format_name: FormatArgument = None,
    file: FileArgument = None,
    start: FromOption = None,
    end: ToOption = None,
    instrument: Annotated[str | None, typer.Option(help="Only this one.")] = None,
    zone: ZoneOption = "UTC",
    account: AccountOption = None,
    member: MemberOption = None,
    readable: ReadableOption = False,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write what happened as market data.

    The file is there once it is whole. What a format cannot say stops it, with the event that is
    at fault: exit code 2, and no file.

    Examples:

        refold export
        refold export itch monday.itch --from 2024-05-06 --to 2024-05-07
        refold export drop-copy account7.fix --account 7
        refold export drop-copy - --member 3 --readable | less
    """
    if format_name is None:
        rows = [
            {"format": name, "system": each.system, "about": each.description}
            for name, each in EXPORTERS.items()
        ]
        print_rows(rows, as_json=as_json)
        return
    exporter = EXPORTERS.get(format_name)
    if exporter is None:
        raise CommandFailed(
            f"there is no export format {format_name!r}: {nearest(format_name, EXPORTERS)}"
        )
    if file is None:
        raise CommandFailed(f"name the new file: `refold export {format_name} FILE`")
    options = ExportOptions(
        start_ms=0 if start is None else _time_ms("--from", start),
        end_ms=None if end is None else _time_ms("--to", end),
        instrument=instrument,
        zone=zone,
        account_id=account,
        member_id=member,
        readable=readable,
    )
    _tell(_export(exporter, file, options, log), exporter.system, file, as_json)


def _time_ms(option: str, text: str) -> int:
    try:
        return time_ms(int(text) if text.isdecimal() else text)
    except BadLine as error:
        raise CommandFailed(f"{option}: {error.reason}") from error


def _export(
    exporter: Exporter, file: str, options: ExportOptions, log: str | None
) -> Counter[str]:
    context = load_context(log)
    system = context.find(exporter.system).system
    with context.open_log() as opened, ProgressBar("export", unit="events") as bar:
        check_on_log(system, opened)
        try:
            events = EventSource(opened, system, options, bar, exporter.passes)
            return _to(file, lambda out: exporter.write(events, out, options))
        except CannotExport as error:
            raise CommandFailed(str(error)) from error


def _to(file: str, write: Callable[[BinaryIO], Counter[str]]) -> Counter[str]:
    """Write to a file of another name, which gets its own once it is whole."""
    if file == "-":
        return write(sys.stdout.buffer)
    path, partial = Path(file), Path(f"{file}.partial")
    if path.exists():
        raise CommandFailed(f"{path} is there already: name a new file to export to")
    try:
        with partial.open("wb") as out:
            counts = write(out)
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return counts


def _tell(counts: Counter[str], system: str, file: str, as_json: bool) -> None:
    total = counts.total()
    if file == "-":
        note(f"{total:,} messages of {system}")
    elif as_json:
        print_json({"system": system, "file": file, "written": total, "messages": counts})
    else:
        rows = [{"type": kind, "count": count} for kind, count in sorted(counts.items())]
        print_rows(rows, as_json=False, title="messages")
        print(f"{total:,} messages of {system} are in {file}")
