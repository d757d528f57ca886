"""What commands print: data to stdout, as tables for people or JSON; progress to stderr.

On a terminal a table is fitted to it; in a pipe it is bare columns, as wide as need be.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIME_MS_LIMIT = 253_402_300_800_000
"""The year 10000: beyond, a number is hardly meant as milliseconds since 1970."""
PLAIN_WIDTH = 10_000
"""Of a table in a pipe: wide enough that nothing is cut."""

PROSE_WIDTH_MIN = 16


class _Console(Console):
    """Where nobody reads on, the command ends as any program in a pipe does."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def stdout() -> Console:
    """A console on stdout, wherever that goes now."""
    terminal = sys.stdout.isatty()
    return _Console(highlight=False, width=None if terminal else PLAIN_WIDTH)


def stderr() -> Console:
    return Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """One JSON document on one line."""
    sys.stdout.flush()
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


def note(text: str) -> None:
    """One line `note: ...` on stderr: what a person should know beside the data."""
    print(f"note: {text}", file=sys.stderr, flush=True)


def print_rows(
    rows: Iterable[Mapping[str, Any]],
    *,
    as_json: bool,
    columns: Sequence[str] | None = None,
    title: str | None = None,
) -> None:
    """Rows of the same columns, as a table or (all of them) as one JSON array.

    `columns` chooses and orders them, for the table alone; JSON holds all. A table shows columns
    called `..._ms` that hold moments as times.
    """
    listed = list(rows)
    if as_json:
        print_json(listed)
        return
    names = columns or (list(listed[0]) if listed else [])
    if not listed:
        print(f"{title}: none" if title else "none")
        return
    print_table(table_of(listed, names, title))


def table_of(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str | None = None
) -> Table:
    """Columns under their names, numbers on the right. Where room is short, only prose wraps."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        box=None,
        pad_edge=False,
    )
    cells = []
    for name in columns:
        values = [row.get(name) for row in rows]
        is_time = all(_is_time(name, value) for value in values)
        texts = [time_text(value or 0) if is_time else as_text(value) for value in values]
        is_number = not is_time and all(map(_is_number, values))
        header = (name.removesuffix("_ms") if is_time else name).replace("_", " ")
        longest = max(map(len, (*texts, *header.split())))
        table.add_column(
            escape(header),
            justify="right" if is_number else "left",
            overflow="fold",
            min_width=longest if is_time or is_number else min(longest, PROSE_WIDTH_MIN),
        )
        cells.append(texts)
    for line in zip(*cells, strict=True):
        table.add_row(*map(escape, line))
    return table


def print_table(table: RenderableType) -> None:
    """Print; a table that cannot fit the terminal runs over its edge, rather than be cut."""
    console = stdout()
    unbounded = console.options.update(max_width=PLAIN_WIDTH)
    widest = console.measure(table, options=unbounded).maximum
    if isinstance(table, Table) and widest > console.width:
        for column in table.columns:
            if column.justify == "right":  # numbers: rich would widen them again, and cut others
                column.width = column.min_width
    console.width = max(console.width, console.measure(table, options=unbounded).minimum)
    console.print(table)


def time_text(timestamp_ms: int) -> str:
    """ISO 8601, in UTC, to the millisecond."""
    moment = EPOCH + timedelta(milliseconds=timestamp_ms)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{timestamp_ms % 1000:03}Z"


def as_text(value: Any) -> str:
    """A value as a cell of a table."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case date():
            return value.isoformat()
        case list() | tuple() if all(isinstance(part, str) for part in value):
            return ", ".join(value)
    return msgspec.json.encode(value).decode()


def _is_time(name: str, value: Any) -> bool:
    """Whether a column holds moments (and not durations): by its name, or as of about 1973."""
    if type(value) is not int or not name.endswith("_ms") or not 0 <= value < TIME_MS_LIMIT:
        return False
    return name.endswith("_at_ms") or value >= 10**11


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
