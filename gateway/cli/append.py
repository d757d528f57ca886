"""`refold append`: JSON lines of tagged commands, from a file or a pipe, onto a system's log.

Lines are appended as they arrive: what one read of the input gives is one batch a partition, so
that a file goes in at full speed and a line typed by hand goes in at once.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from gateway.cli.context import JsonOption, LogOption, SystemArgument, load_context, traced
from gateway.cli.interrupts import Interrupts
from gateway.cli.outcome import CommandFailed, ExitCode, print_error
from gateway.cli.output import print_json, print_rows
from gateway.cli.progress import ProgressBar
from gateway.json_lines import BadLine, LineDecoder
from log.errors import LogError
from processors.core.appender import Appender
from processors.core.system import System

app = typer.Typer(add_completion=False)

READ_BYTES = 1 << 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass
class Problem:
    """Why an append ended before its input did."""

    code: ExitCode
    reason: str
    line: int
    """The first line that is not durable in full."""
    field: str | None = None

    def __str__(self) -> str:
        where = f", field {self.field}" if self.field else ""
        return f"line {self.line}{where}: {self.reason}"


@app.command()
def append(
    system: SystemArgument,
    file: Annotated[
        str,
        typer.Argument(metavar="[FILE|-]", help="JSON lines; `-` is stdin.", show_default=False),
    ] = "-",
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Append commands to a system, from JSON lines.

    A line is a command with its type, `{"type": "place_order.v1", ...}`; `refold systems SYSTEM`
    shows what types and fields there are. A line may say when the command was asked with `at`:
    milliseconds since 1970, or ISO 8601.

    At a bad line it stops, and says which line, which field and why; every line before it is
    durable, and counted. Exit code 2.

    Examples:

        refold append exchange orders.jsonl
        generate | refold append exchange --log /data/log --json
        echo '{"type": "list_instrument.v1", "instrument": "ACME"}' | refold append exchange
    """
    context = load_context(log)
    found = context.find(system).system
    with (
        open_input(file) as (source, total),
        context.open_log(create=True) as opened,
        traced(context.config) as tracing,
    ):
        appender = Appender(opened, found, tracing=tracing.of_appender(found) if tracing else None)
        with Interrupts() as interrupts, ProgressBar("append", total, unit="bytes") as bar:
            problem = append_lines(source, appender, LineDecoder(found), interrupts, bar)
    _report(found, appender, problem, as_json)
    if problem is not None:
        stop = "" if str(problem).endswith("?") else "."
        print_error(f"{'stdin' if file == '-' else file}: {problem}{stop} {_rest(problem, file)}")
        raise typer.Exit(problem.code)


def append_lines(
    source: BinaryIO,
    appender: Appender,
    decoder: LineDecoder,
    interrupts: Interrupts,
    bar: ProgressBar,
) -> Problem | None:
    """Append until the input ends; else the reason to stop. What came before is durable."""
    line_number = 0
    rest = b""
    while True:
        try:
            with interrupts.allowed():
                chunk = source.read1(READ_BYTES)  # type: ignore[attr-defined]
        except KeyboardInterrupt:
            return Problem(ExitCode.INTERRUPTED, "interrupted", line_number + 1)
        if line_number == 0 and not rest:
            chunk = chunk.removeprefix(BYTE_ORDER_MARK)
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop() if chunk else b""
        first = line_number + 1
        bad: Problem | None = None
        for line in lines:
            line_number += 1
            if not line.strip():
                continue
            try:
                appender.add(*decoder.decode(line))
            except BadLine as error:
                bad = Problem(ExitCode.BAD_INPUT, error.reason, line_number, error.field)
                break
        else:
            if len(rest) > appender.message_bytes_limit:
                limit = appender.message_bytes_limit
                reason = f"it is longer than the topic's max_message_bytes, {limit}"
                bad = Problem(ExitCode.BAD_INPUT, reason, line_number + 1)
        try:
            appender.flush()
        except LogError as error:
            return Problem(ExitCode.REFUSED, str(error), first)
        bar.add(len(chunk))
        if bad is not None or not chunk:
            return bad


@contextmanager
def open_input(file: str) -> Iterator[tuple[BinaryIO, int | None]]:
    """The bytes of a file (and how many) or of stdin; CommandFailed where it cannot be read."""
    if file == "-":
        yield sys.stdin.buffer, None
        return
    path = Path(file)
    try:
        source = path.open("rb")
    except OSError as error:
        raise CommandFailed(f"cannot read {file}: {error.strerror}") from error
    with source:
        yield source, path.stat().st_size or None


def _report(system: System, appender: Appender, problem: Problem | None, as_json: bool) -> None:
    rows = [
        {
            "partition": number,
            "count": appended.count,
            "first_offset": appended.first_offset,
            "last_offset": appended.last_offset,
        }
        for number, appended in sorted(appender.durable.items())
    ]
    count = appender.durable_count
    if as_json:
        print_json(
            {
                "system": system.name,
                "topic": system.commands_topic,
                "appended": count,
                "partitions": rows,
                "error": problem
                and {"line": problem.line, "field": problem.field, "reason": problem.reason},
            }
        )
        return
    if rows:
        print_rows(rows, as_json=False)
    print(f"{count} commands are durable on {system.commands_topic}")


def _rest(problem: Problem, file: str) -> str:
    """What to do after a stop."""
    source = "the input" if file == "-" else file
    if problem.code is ExitCode.REFUSED:
        return (
            f"All lines before line {problem.line} are durable, and of those after it what the "
            "partitions above count"
        )
    return (
        f"All lines before it are durable: go on with `tail -n +{problem.line} {source}` once it "
        "is mended"
    )
