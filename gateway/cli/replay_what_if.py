"""`refold replay what-if`: the same commands through other rules, or with commands edited."""

import shlex
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from gateway.cli.context import (
    Context,
    JsonOption,
    LogOption,
    SystemArgument,
    check_on_log,
    load_context,
)
from gateway.cli.outcome import CommandFailed, ExitCode
from gateway.cli.output import note, print_json, print_rows, time_text
from gateway.cli.progress import ProgressBar
from gateway.cli.query import by_name
from processors.core.registry import Registered
from replay.state import END, At, parse_at
from replay.what_if import Question, WhatIf, WhatIfFailed
from replay.what_if import what_if as compare_sides
from replay.what_if.report import write_report
from replay.what_if.rules import find_rules

SHOWN = 10
"""So many rows of a table that goes on."""
SHOWN_WORDS = 4


RulesOption = Annotated[
    str | None,
    typer.Option(
        metavar="MODULE|REVISION|A..B",
        help="Decide by these: a module that declares the system, or a git revision of the "
        "repository that it lives in; A..B compares two.  [default: the installed ones]",
        show_default=False,
    ),
]
EditOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Commands to remove, change or add, as JSON lines."),
]
QueryOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="'NAME ARGUMENTS'",
        help="Compare a read model's reply; repeat it for more.  [default: those that tell what "
        "happened best]",
        show_default=False,
    ),
]
BudgetOption = Annotated[
    int | None, typer.Option(min=0, help="Exit with 1 where more commands than so many change.")
]
SinceOption = Annotated[
    str, typer.Option(metavar="COMMAND_OFFSET|TIME", help="Leave what is before as it was.")
]
UntilOption = Annotated[
    str, typer.Option(metavar="COMMAND_OFFSET|TIME", help="Leave out what is after.")
]
PartitionOption = Annotated[int | None, typer.Option(help="Only this partition.", min=0)]
HtmlOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write a report with plots, too.")
]
KeepOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Keep the logs of both sides in this new folder."),
]
SameOption = Annotated[
    bool, typer.Option(help="Run revisions with the packages that are installed, in any case.")
]


def what_if(
    system: SystemArgument,
    rules: RulesOption = None,
    edit: EditOption = None,
    query: QueryOption = None,
    max_changed: BudgetOption = None,
    since: SinceOption = "",
    until: UntilOption = "",
    partition: PartitionOption = None,
    html: HtmlOption = None,
    keep: KeepOption = None,
    same_environment: SameOption = False,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide recorded commands by other rules, or edited, and show what would be other.

    The events (by kind, by key), the final state, and the replies of read models. The log is only
    read; what is compared is decided aside. With a budget (`--max-changed 0`) it is a gate for
    releases: exit code 1 where more commands have another answer, edited ones not counted.

    Lines to edit by: {"op": "remove", "partition": 0, "offset": 12},
    {"op": "change", "where": {"account_id": 7}, "set": {"quantity": 5}},
    {"op": "add", "partition": 0, "after": 12, "command": {"type": ...}}.

    Examples:

        refold replay what-if exchange --rules my_rules.exchange --html report.html
        refold replay what-if orders --rules main..new-fees --max-changed 0
        refold replay what-if exchange --edit edits.jsonl --query 'statistics ACME'
    """
    if rules is None and edit is None:
        raise CommandFailed("there is nothing to compare: give --rules, --edit, or both")
    context = load_context(log)
    registered = context.find(system)
    question = Question(
        edits=_lines_of(edit),
        queries=None if query is None else list(map(_by_name, query)),
        max_changed=max_changed,
        since=_place("--since", since) if since else None,
        until=_place("--until", until) if until else END,
    )
    with _folder(keep) as folder, context.open_log() as opened:
        partitions = check_on_log(registered.system, opened)
        _choose(question, partition, partitions)
        try:
            if rules is not None:
                question.before, question.after = find_rules(
                    rules, registered.package, folder / "trees", same_environment=same_environment
                )
            found = _compare(context, registered, opened, question, folder)
        except WhatIfFailed as error:
            where = f"{edit}: " if type(error) is not WhatIfFailed else ""
            raise CommandFailed(f"{where}{error}") from error
        shutil.rmtree(folder / "trees", ignore_errors=True)
    if keep is None:
        found.before.log = found.after.log = ""  # they are gone
    _tell(found, html, keep, as_json)
    if not found.is_within_budget:
        raise typer.Exit(ExitCode.FOUND)


def _tell(found: WhatIf, html: Path | None, keep: Path | None, as_json: bool) -> None:
    if html is not None:
        write_report(found, html)
    if as_json:
        within = {"within_budget": found.is_within_budget}
        print_json({**within, **msgspec.structs.asdict(found)})
        return
    _print(found)
    if html is not None:
        note(f"the report is in {html}")
    if keep is not None:
        note(f"the logs of both sides: {found.before.log} and {found.after.log}")


def _compare(
    context: Context, registered: Registered, opened: Any, question: Question, folder: Path
) -> WhatIf:
    bars = _Bars()
    try:
        return compare_sides(
            opened, registered, question, folder, snapshots=context.snapshots, report=bars
        )
    finally:
        bars.close()


class _Bars:
    """A bar for each thing that is done, one after the other."""

    def __init__(self) -> None:
        self._bar: ProgressBar | None = None

    def __call__(self, what: str, done: int, total: int) -> None:
        if self._bar is None or self._bar.what != what:
            self.close()
            self._bar = ProgressBar(what, total).__enter__()
        self._bar.set(done, total)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Where the sides are made. One to keep goes again where the command fails."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="refold-what-if-") as name:
            yield Path(name)
        return
    if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise CommandFailed(f"--keep {keep}: it is there, and not empty: name a new folder")
    keep.mkdir(parents=True, exist_ok=True)
    try:
        yield keep
    except BaseException:
        shutil.rmtree(keep, ignore_errors=True)
        raise


def _lines_of(edit: Path | None) -> list[bytes]:
    if edit is None:
        return []
    try:
        lines = edit.read_bytes().splitlines()
    except OSError as error:
        raise CommandFailed(f"--edit {edit}: {error.strerror}") from error
    if not any(line.strip() for line in lines):
        raise CommandFailed(f"--edit {edit}: there is no edit in it")
    return lines


def _by_name(typed: str) -> str:
    """A query as `refold query` takes it, with `--limit 5` as `limit=5`."""
    try:
        return shlex.join(by_name(shlex.split(typed)))
    except ValueError as error:
        raise CommandFailed(f"--query {typed!r}: {error}") from error


def _place(option: str, text: str) -> At:
    try:
        return parse_at(text)
    except ValueError as error:
        raise CommandFailed(f"{option} {error}") from error


def _choose(question: Question, partition: int | None, partitions: int) -> None:
    if partition is not None:
        if partition >= partitions:
            raise CommandFailed(f"--partition {partition}: there are 0 to {partitions - 1}")
        question.numbers = [partition]
    elif partitions > 1:
        for option, place in (("--since", question.since), ("--until", question.until)):
            if place is not None and place.command_offset is not None:
                raise CommandFailed(
                    f"{option} {place.command_offset}: each of the {partitions} partitions has a "
                    "command at that offset: name one by --partition, or give a time"
                )


# -- what is printed -----------------------------------------------------------------------------


def _print(found: WhatIf) -> None:
    events = found.events
    for name, side in (("before", found.before), ("after", found.after)):
        print(f"{name:7}{side.rules}, rules version {side.rules_version}: {side.origin}")
    print(_verdict(found))
    pending = sum(stretch.pending for stretch in found.stretches)
    if pending:
        note(f"{pending:,} commands after these are left out: not decided yet, or after the end")
    _table("events by kind", [_kind_row(each) for each in events.kinds])
    if events.keys:
        _table("keys", [msgspec.structs.asdict(each) for each in events.keys])
    if events.examples:
        _table("first changed commands", [_example_row(each) for each in events.examples])
    for state in found.states:
        if state.differences_count:
            title = f"state of partition {state.partition}"
            _differences(title, state.differences, state.differences_count)
    for query in found.queries:
        errors = {"before": query.before.error, "after": query.after.error}
        for name, error in errors.items():
            if error:
                print(f"query {query.query}: no reply {name}: {error}")
        if not any(errors.values()):
            _differences(f"query {query.query}", query.differences, query.differences_count)


def _verdict(found: WhatIf) -> str:
    events = found.events
    edited = ""
    if events.added or events.removed or events.edited_changed:
        edited = (
            f"; by edits {events.removed:,} are removed, {events.added:,} added, and "
            f"{events.edited_changed:,} that were changed have another answer"
        )
    budget = ""
    if found.max_changed is not None:
        within = "within" if found.is_within_budget else "BEYOND"
        budget = f" ({within} the budget of {found.max_changed:,})"
    return (
        f"{events.changed:,} of {events.commands:,} commands have another answer{budget}{edited}; "
        f"{events.events_before:,} events before, {events.events_after:,} after"
    )


def _kind_row(kind: Any) -> dict[str, Any]:
    fields = sorted(kind.fields.items(), key=lambda each: -each[1])
    row = {name: getattr(kind, name) for name in kind.__struct_fields__ if name != "fields"}
    row["difference"] = kind.after - kind.before
    row["fields"] = _listed([f"{name} {count:,}" for name, count in fields])
    return row


def _example_row(example: Any) -> dict[str, Any]:
    command = example.command if isinstance(example.command, dict) else {}
    return {
        "partition": example.partition,
        "offset": example.offset,
        "at": time_text(example.at_ms),
        "command": command.get("type", ""),
        "key": example.key,
        "edit": example.edit,
        "before": _kinds(example.kinds_before),
        "after": _kinds(example.kinds_after),
        "fields": _listed(example.fields),
    }


def _kinds(names: Sequence[str]) -> str:
    """`order_accepted.v1, 12 order_traded.v1`."""
    counts = Counter(names)
    return _listed([name if count == 1 else f"{count} {name}" for name, count in counts.items()])


def _listed(words: Sequence[str]) -> str:
    more = ["..."] if len(words) > SHOWN_WORDS else []
    return ", ".join([*words[:SHOWN_WORDS], *more])


def _differences(title: str, differences: Sequence[Any], count: int) -> None:
    if not count:
        print(f"{title}: the same")
        return
    rows = []
    for each in differences[:SHOWN]:
        row = {"field": each.path, "before": each.left, "after": each.right, "difference": None}
        if _is_number(each.left) and _is_number(each.right):
            row["difference"] = each.right - each.left
        rows.append(row)
    _table(f"{title}: {count:,} differences", rows, count)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _table(title: str, rows: list[dict[str, Any]], count: int | None = None) -> None:
    print()
    print_rows(rows[:SHOWN] if count else rows[: 2 * SHOWN], as_json=False, title=title)
    left = (count or len(rows)) - (SHOWN if count else 2 * SHOWN)
    if left > 0:
        print(f"... and {left:,} more: --json tells them")
