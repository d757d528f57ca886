"""What the demo shows: a live picture of the passing day, and a summary at its end."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gateway.cli.output import print_table, stdout, table_of
from projections.core.read_models import as_table
from replay.verify import Verification

SHOWN_ROWS = 5


@dataclass
class Step:
    """One kind of work: how much was done, and how long that took."""

    what: str
    count: int = 0
    elapsed_s: float = 0.0

    @contextmanager
    def measured(self, count: int = 0) -> Iterator[None]:
        started_s = time.perf_counter()
        yield
        self.elapsed_s += time.perf_counter() - started_s
        self.count += count

    @property
    def rate(self) -> float:
        return self.count / self.elapsed_s if self.elapsed_s else 0.0

    def as_dict(self) -> dict[str, Any]:
        return {
            "count": self.count,
            "elapsed_s": round(self.elapsed_s, 3),
            "per_second": round(self.rate),
        }


class DayView:
    """The live picture: the day's clock, what is done and how fast, and the state as drawn."""

    def __init__(self, name: str, commands: int, steps: Mapping[str, Step]) -> None:
        self.name = name
        self.commands = commands
        self.steps = steps
        self.moment = datetime.fromtimestamp(0, UTC)
        self.drawn = ""
        self._started_s = time.monotonic()

    def __rich__(self) -> RenderableType:
        decided = self.steps["decide"].count
        elapsed_s = time.monotonic() - self._started_s
        left_s = elapsed_s / decided * max(self.commands - decided, 0) if decided else 0.0
        head = Table.grid(padding=(0, 2))
        head.add_row(
            Text(self.name, style="bold"),
            Text(f"{self.moment:%Y-%m-%d %H:%M:%S}", style="cyan"),
            ProgressBar(total=self.commands, completed=decided, width=30),
            Text(f"{left_s:.0f} s left"),
        )
        return Group(head, steps_table(self.steps), Text(), Text(self.drawn))


def steps_table(steps: Mapping[str, Step]) -> Table:
    """A line a step: count, what, rate."""
    table = Table.grid(padding=(0, 2))
    for column in range(3):
        table.add_column(justify="left" if column == 1 else "right")
    for step in steps.values():
        table.add_row(f"{step.count:,}", step.what, f"{step.rate:,.0f}/s")
    return table


def print_summary(
    steps: Mapping[str, Step],
    verifications: Sequence[Verification],
    drawing: str,
    answers: Sequence[tuple[str, Any]],
    next_steps: Sequence[str],
) -> None:
    """What happened, what the state looks like, whether history came out the same, what to try."""
    console = stdout()
    if drawing:
        console.print("[bold]The state at the end[/bold]")
        console.print(drawing, markup=False)
    for typed, result in answers:
        names, rows = as_table(result)
        dicts = [dict(zip(names, row, strict=True)) for row in rows[:SHOWN_ROWS]]
        console.print(f"\n[bold]{escape(typed)}[/bold]")
        print_table(table_of(dicts, names) if dicts else Text("nothing"))
    console.print()
    console.print(steps_table(steps))
    console.print()
    _print_verdict(verifications)
    console.print("\n[bold]To try next[/bold]")
    for line in next_steps:
        console.print(f"  {line}", markup=False, soft_wrap=True)


def _print_verdict(verifications: Sequence[Verification]) -> None:
    console = stdout()
    events = sum(each.events_compared for each in verifications)
    commands = sum(each.commands_compared for each in verifications)
    for each in verifications:
        if each.difference is not None:
            at = each.difference.command_offset
            console.print(
                f"[red]Replay differs[/red] on partition {each.partition}, from the command at "
                f"offset {at} on: `refold replay verify {each.system}` shows both sides",
                soft_wrap=True,
            )
            return
    others = sum(each.commands_of_other_rules for each in verifications)
    if others:
        console.print(f"{others:,} commands were decided by other rules: those are not compared.")
    console.print(
        f"[green]History replayed:[/green] {commands:,} commands decided again gave the same "
        f"{events:,} events, byte for byte.",
        soft_wrap=True,
    )
