"""A statement and the settlements, drawn for a terminal: by query, what rich can print."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from projections.markets.clearing.instructions import FAILED, SETTLED, Instruction
from projections.markets.clearing.queries import Held, Line

PLUS, MINUS, FAINT = "green", "red", "dim"
EPOCH = date(1970, 1, 1).toordinal()


def statement(lines: Sequence[Line]) -> RenderableType:
    """A line a leg, the movement named once."""
    table = _table("time (UTC)", "movement", "reference", "book")
    for header in ("asset", "amount", "balance"):
        table.add_column(header, justify="left" if header == "asset" else "right")
    before: Line | None = None
    for line in lines:
        same = before is not None and _movement(before) == _movement(line)
        table.add_row(
            "" if same else _time(line.at_ms),
            "" if same else line.movement.replace("_", " "),
            "" if same else line.reference,
            Text(line.book, style=FAINT),
            line.asset,
            _signed(line.amount),
            f"{line.balance:,}",
        )
        before = line
    return table if lines else Text("nothing moved")


def settlements(rows: Sequence[Instruction]) -> RenderableType:
    table = _table("day", "account", "instrument")
    for header in ("quantity", "cash", "trades", "status", "lacks", "penalty"):
        table.add_column(header, justify="left" if header in ("status", "lacks") else "right")
    for row in rows:
        style = {SETTLED: PLUS, FAILED: MINUS}.get(row.status, "")
        table.add_row(
            date.fromordinal(EPOCH + row.settlement_day).isoformat(),
            str(row.account_id),
            row.instrument,
            _signed(row.quantity),
            _signed(row.cash),
            str(row.trades),
            Text(row.status, style=style),
            row.lacks,
            f"{row.penalty:,}" if row.penalty else "",
        )
    return table if rows else Text("no instructions")


def held(rows: Sequence[Held]) -> RenderableType:
    table = _table("asset")
    for header in ("settled", "due", "reserved", "available", "withdrawable"):
        table.add_column(header, justify="right")
    for row in rows:
        table.add_row(
            row.asset,
            f"{row.settled:,}",
            _signed(row.due),
            f"{row.reserved:,}",
            f"{row.available:,}",
            f"{row.withdrawable:,}",
        )
    return table if rows else Text("nothing")


RENDERINGS: dict[str, Callable[[Any], RenderableType]] = {
    "statement": statement,
    "settlements": settlements,
    "settlement_day": settlements,
    "instructions": settlements,
    "balances": held,
    "positions": held,
}


def _table(*headers: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, no_wrap=True)
    return table


def _movement(line: Line) -> tuple[int, str, str]:
    return line.at_ms, line.movement, line.reference


def _signed(number: int) -> Text:
    style = PLUS if number > 0 else MINUS if number < 0 else FAINT
    return Text(f"{number:+,}" if number else "0", style=style)


def _time(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%d %H:%M:%S}"
