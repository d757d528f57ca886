"""`refold import`: recorded data, turned into commands and appended to a system's log."""

from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

import typer

from gateway.booking.hotels import importers as hotels
from gateway.booking.stays import importers as stays
from gateway.cli.context import JsonOption, LogOption, load_context
from gateway.cli.interrupts import Interrupts
from gateway.cli.outcome import CommandFailed, ExitCode
from gateway.cli.output import note, print_json, print_rows
from gateway.cli.progress import ProgressBar
from gateway.config import nearest
from gateway.markets.exchange import importers as exchange
from gateway.recording import BadRecording, Importer, Recording, RecordingOptions
from processors.core.appender import Appender

app = typer.Typer(add_completion=False)

BATCH_COMMANDS = 5000
IMPORTERS = {**exchange.IMPORTERS, **hotels.IMPORTERS, **stays.IMPORTERS}


@app.command("import")
def import_recording(
    format_name: Annotated[
        str | None,
        typer.Argument(metavar="[FORMAT]", help="What kind of recording; none lists them."),
    ] = None,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Plain, or as .gz.")
    ] = None,
    instrument: Annotated[
        str | None, typer.Option(help="Its name.  [default: from the file's name]")
    ] = None,
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day.  [default: from the file's name]"),
    ] = None,
    zone: Annotated[
        str, typer.Option(help="Where the recording's midnight is, such as America/New_York.")
    ] = "UTC",
    orderbook: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|none", help="LOBSTER's orderbook file.  [default: the one beside it]"
        ),
    ] = None,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn recorded data into commands.

    The commands go to the system that the recording is for, so that its book, or calendar, comes
    out as recorded. At a bad line it stops, and says which line, which field and why; the commands
    made up to there are durable, and counted. Exit code 2.

    Examples:

        refold import
        refold import lobster AAPL_2012-06-21_34200000_57600000_message_10.csv
        refold import arca arca.txt --instrument XYZ --day 2024-05-01 --log /data/log
        refold import inside-airbnb listings.csv.gz --zone America/New_York
    """
    if format_name is None:
        rows = [
            {"format": name, "system": each.system, "about": each.description}
            for name, each in IMPORTERS.items()
        ]
        print_rows(rows, as_json=as_json)
        return
    importer = IMPORTERS.get(format_name)
    if importer is None:
        raise CommandFailed(
            f"there is no recording format {format_name!r}: {nearest(format_name, IMPORTERS)}"
        )
    if file is None:
        raise CommandFailed(f"name the file: `refold import {format_name} FILE`")
    options = RecordingOptions(
        instrument=instrument,
        day=None if day is None else date(day.year, day.month, day.day),
        zone=zone,
        orderbook=_orderbook(orderbook),
    )
    _import(importer, file, options, log, as_json)


def _orderbook(text: str | None) -> Path | Literal["beside", "none"]:
    if text is None:
        return "beside"
    return "none" if text == "none" else Path(text)


def _import(
    importer: Importer, file: Path, options: RecordingOptions, log: str | None, as_json: bool
) -> None:
    context = load_context(log)
    system = context.find(importer.system).system
    try:
        recording = importer.open(file, options)
    except BadRecording as error:
        raise CommandFailed(str(error)) from error
    with context.open_log(create=True) as opened:
        appender = Appender(opened, system)
        stopped = _append(recording, appender)
    summary = recording.summary
    if as_json:
        print_json(
            {
                "system": system.name,
                "appended": appender.durable_count,
                "messages": summary.messages,
                "commands": summary.commands,
                "remarks": summary.remarks,
                "error": None if stopped is None else str(stopped),
            }
        )
    else:
        counted = {"messages": summary.messages, "commands": summary.commands}
        for title, counts in counted.items():
            rows = [{"type": kind, "count": count} for kind, count in sorted(counts.items())]
            print_rows(rows, as_json=False, title=title)
        print(f"{appender.durable_count} commands are durable on {system.commands_topic}")
        for remark, count in summary.remarks.items():
            note(f"{count} times: {remark}")
    if stopped is not None:
        raise stopped


def _append(recording: Recording, appender: Appender) -> CommandFailed | None:
    """Append all; where that ends early, why. What came before is durable."""
    commands = recording.commands()
    with Interrupts() as interrupts, ProgressBar("import", 1000, unit="per mille") as bar:
        while not interrupts.stop.is_set():
            try:
                chunk = 0
                for at, command in islice(commands, BATCH_COMMANDS):
                    appender.add(command, at)
                    chunk += 1
            except BadRecording as error:
                appender.flush()
                return CommandFailed(
                    f"{error}. The {appender.durable_count} commands made so far are durable"
                )
            appender.flush()
            bar.set(int(recording.fraction_done() * 1000))
            if not chunk:
                return None
    return CommandFailed("interrupted; what was appended is durable", ExitCode.INTERRUPTED)
