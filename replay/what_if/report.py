"""A what-if as one HTML file that needs nothing else: tables, and plots where matplotlib is
installed. Light or dark as the reader's screen is, and readable on a phone.

All that comes from a log is escaped on its way in.
"""

import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import msgspec

from replay.differences import FieldDifference
from replay.what_if import Side, WhatIf
from replay.what_if.answers import QueryComparison
from replay.what_if.compare import ChangedCommand, EventComparison
from replay.what_if.plots import Points, can_plot, draw_bars, draw_changes, draw_lines

SHOWN_DIFFERENCES = 100
SHOWN_KINDS = 20
SHOWN_EXAMPLES = 50
SHOWN_FIELDS = 6
PLOTS_OF_A_QUERY = 8
MOMENTS_FROM_MS = 10**11
"""Of 1973: a smaller number is hardly milliseconds since 1970."""
NO_PLOTS = "There are no plots: <code>pip install 'refold[replay]'</code> brings matplotlib."

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --paper: #ffffff; --faint: #eef1f5;
  --line: #d5dbe3; --before: #2563a8; --after: #b4530a; --good: #1a7f37; --bad: #b42318; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --paper: #14181e; --faint: #1e242c;
  --line: #38414d; --before: #6cb0f5; --after: #f2a65a; --good: #5ccb7a; --bad: #ff8b7e; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2rem; } h3 { font-size: 1rem; }
.verdict { border-left: 0.4rem solid var(--before); background: var(--faint); padding: 0.7rem; }
.good { border-color: var(--good); } .bad { border-color: var(--bad); }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; }
.plots figure { margin: 0; flex: 1 1 20rem; max-width: 36rem; }
figure svg { width: 100%; height: auto; }
figcaption { font-size: 0.85rem; }
.scroll { overflow-x: auto; margin: 0.6rem 0; }
table { border-collapse: collapse; font-size: 0.85rem; min-width: 60%; }
th, td { padding: 0.2rem 0.6rem; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); overflow-wrap: normal; }
th { white-space: nowrap; } td:last-child { min-width: 7rem; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.before { color: var(--before); } .after { color: var(--after); }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 0.8rem; }
summary { cursor: pointer; }
"""


def write_report(found: WhatIf, path: Path) -> None:
    """Write the report, whole or not at all. Errors: OSError."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_text(render_report(found), encoding="utf-8")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def render_report(found: WhatIf) -> str:
    """The page."""
    title = f"What if: {escape(found.system)}"
    body = [
        f"<h1>{title}</h1>",
        _verdict(found),
        "<h2>What was compared</h2>",
        _compared(found),
        "<h2>Events</h2>",
        _events(found.events),
        _examples(found.events.examples),
        "<h2>Final state</h2>",
        *(
            _state(each.partition, each.differences, each.differences_count)
            for each in found.states
        ),
        "<h2>Read models</h2>" if found.queries else "",
        *(_query(number, each) for number, each in enumerate(found.queries, 1)),
    ]
    if not can_plot():
        body.append(f"<p>{NO_PLOTS}</p>")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(filter(None, body))
        + "\n</body>\n</html>\n"
    )


# -- parts ---------------------------------------------------------------------------------------


def _verdict(found: WhatIf) -> str:
    events = found.events
    words = [
        f"<strong>{events.changed:,}</strong> of {events.commands:,} commands have another answer."
    ]
    if events.added or events.removed or events.edited_changed:
        words.append(
            f"By edits {events.removed:,} are removed and {events.added:,} added; "
            f"{events.edited_changed:,} that were changed have another answer."
        )
    kind = ""
    if found.max_changed is not None:
        kind = "good" if found.is_within_budget else "bad"
        within = "Within" if found.is_within_budget else "Beyond"
        words.append(f"<strong>{within} the budget</strong> of {found.max_changed:,}.")
    return f'<p class="verdict {kind}">{" ".join(words)}</p>'


def _compared(found: WhatIf) -> str:
    def row(name: str, side: Side) -> list[Any]:
        return [name, side.rules, side.rules_version, side.origin]

    sides = [row("before", found.before), row("after", found.after)]
    stretches = [
        [
            each.partition,
            f"{each.start:,} to {each.end - 1:,}" if each.end > each.start else "none",
            f"{_moment(each.first_ms)} to {_moment(each.last_ms)}" if each.last_ms else "",
            each.pending,
        ]
        for each in found.stretches
    ]
    return _table(["side", "rules", "version", "events"], sides) + _table(
        ["partition", "commands at offsets", "of", "left out after these"], stretches
    )


def _events(events: EventComparison) -> str:
    parts = []
    kinds = events.kinds[:SHOWN_KINDS]
    if can_plot() and kinds:
        drawn = draw_bars(
            [each.kind for each in kinds],
            [each.before for each in kinds],
            [each.after for each in kinds],
        )
        parts.append(_figure(drawn, "Events by kind, on both sides."))
        if any(each.changed for each in events.times):
            drawn = draw_changes(
                [each.start_ms for each in events.times], [each.changed for each in events.times]
            )
            parts.append(_figure(drawn, "Commands with another answer, over time (UTC)."))
    rows = [
        [
            each.kind,
            each.before,
            each.after,
            each.after - each.before,
            each.removed,
            each.added,
            each.changed,
            _fields(each.fields),
        ]
        for each in events.kinds
    ]
    names = ["kind", "before", "after", "difference", "removed", "added", "changed", "fields"]
    told = f'<div class="plots">{"".join(parts)}</div>' if parts else ""
    told += _table(names, rows)
    if events.keys:
        told += "<h3>Keys with the most changed commands</h3>" + _table(
            ["key", "changed commands"],
            [[each.key, each.changed_commands] for each in events.keys],
        )
    return told


def _fields(fields: dict[str, int]) -> str:
    """Those that differ most often."""
    ranked = sorted(fields.items(), key=lambda each: -each[1])
    words = [f"{name} {count:,}" for name, count in ranked[:SHOWN_FIELDS]]
    return ", ".join([*words, *(["..."] if len(ranked) > SHOWN_FIELDS else [])])


def _examples(examples: Sequence[ChangedCommand]) -> str:
    if not examples:
        return ""
    rows = []
    for each in examples[:SHOWN_EXAMPLES]:
        kinds = [", ".join(names) for names in (each.kinds_before, each.kinds_after)]
        place = f"{each.partition}:{each.offset} {each.edit}".strip()
        rows.append(
            "<tr>"
            + _cell(place)
            + _cell(_moment(each.at_ms))
            + _folded(_name_of(each.command), [each.command])
            + _folded(kinds[0], each.before)
            + _folded(kinds[1], each.after)
            + _cell(", ".join(each.fields))
            + "</tr>"
        )
    names = ["partition:offset", "time", "command", "before", "after", "fields"]
    return "<h3>The first of them</h3>" + _table_of(names, rows)


def _name_of(command: Any) -> str:
    return str(command.get("type", "")) if isinstance(command, dict) else "unreadable"


def _folded(summary: str, values: Sequence[Any]) -> str:
    """A cell that opens to the values themselves."""
    if not values:
        return "<td>none</td>"
    text = "\n".join(msgspec.json.encode(value).decode() for value in values)
    summary, text = escape(summary), escape(text)
    return f"<td><details><summary>{summary}</summary><pre>{text}</pre></details></td>"


def _state(partition: int, differences: Sequence[FieldDifference], count: int) -> str:
    return f"<h3>Partition {partition}</h3>" + _differences(differences, count)


def _query(number: int, query: QueryComparison) -> str:
    told = [f"<h3><code>{escape(query.query)}</code></h3>"]
    for name, reply in (("before", query.before), ("after", query.after)):
        if reply.error:
            told.append(f"<p>No reply {name}: {escape(reply.error)}</p>")
    if not (query.before.error or query.after.error):
        plots = [
            _figure(drawn, f"{escape(name)}, before and after (UTC).")
            for name, drawn in _series(number, query)
        ]
        if plots:
            told.append(f'<div class="plots">{"".join(plots)}</div>')
        rows = f"{len(query.before.rows):,} rows before, {len(query.after.rows):,} after."
        told.append(f"<p>{rows}</p>")
        told.append(_differences(query.differences, query.differences_count))
    return "\n".join(told)


def _series(number: int, query: QueryComparison) -> Iterable[tuple[str, str]]:
    """The numbers of a reply over its time, drawn, where it has a time and some numbers."""
    sides = [query.before.rows, query.after.rows]
    rows = [row for side in sides for row in side]
    if not can_plot() or len(rows) < 3:
        return
    moments = [
        name
        for name in rows[0]
        if name.endswith("_ms") and all(_is_moment(row.get(name)) for row in rows)
    ]
    if not moments or len({row[moments[0]] for row in rows}) < 2:
        return
    time = moments[0]
    series = []
    for name in rows[0]:
        values = [row.get(name) for row in rows]
        numbers = {value for value in values if _is_number(value)}
        is_series = all(value is None or _is_number(value) for value in values)
        if name not in moments and is_series and len(numbers) > 1 and not _is_numbering(name):
            before, after = (_points(side, time, name) for side in sides)
            series.append((before == after, name, before, after))
    series.sort(key=lambda each: each[0])  # those that differ first
    for at, (_, name, before, after) in enumerate(series[:PLOTS_OF_A_QUERY]):
        yield name, draw_lines(f"query{number}-{at}", name, before, after)


def _points(rows: Sequence[dict[str, Any]], time: str, name: str) -> Points:
    pairs = sorted((row[time], row[name]) for row in rows if row.get(name) is not None)
    return Points([at for at, _ in pairs], [value for _, value in pairs])


def _is_moment(value: Any) -> bool:
    return type(value) is int and value >= MOMENTS_FROM_MS


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_numbering(name: str) -> bool:
    """Whether a number names something, and measures nothing."""
    return name.endswith("_id") or name in ("number", "sequence", "partition", "id")


# -- pieces of HTML ------------------------------------------------------------------------------


def _figure(svg: str, caption: str) -> str:
    return f"<figure>{svg}<figcaption>{caption}</figcaption></figure>"


def _differences(differences: Sequence[FieldDifference], count: int) -> str:
    if not count:
        return "<p>The same on both sides.</p>"
    rows = []
    for each in differences[:SHOWN_DIFFERENCES]:
        both = _is_number(each.left) and _is_number(each.right)
        rows.append([each.path, each.left, each.right, each.right - each.left if both else ""])
    told = _table(["field", "before", "after", "difference"], rows)
    left = count - len(rows)
    return told + (f"<p>... and {left:,} more.</p>" if left else "")


def _table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    return _table_of(names, ["<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows])


def _table_of(names: Sequence[str], rows: Sequence[str]) -> str:
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    return (
        f'<div class="scroll"><table><thead><tr>{heads}</tr></thead>\n<tbody>'
        + "\n".join(rows)
        + "</tbody></table></div>"
    )


def _cell(value: Any) -> str:
    if _is_number(value):
        return f'<td class="number">{value:,}</td>'
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"<td>{escape(text)}</td>"


def _moment(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"
