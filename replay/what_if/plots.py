"""The plots of a what-if's report, as SVG that takes its colours from the page around it.

Drawn by matplotlib, which the extra `replay` installs; `draw_...` are called only where
`can_plot()`. Lines are told apart by dashes as well as by colour.
"""

import importlib.util
import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

INK, PAPER, BEFORE, AFTER = "#010101", "#020202", "#030303", "#040404"
"""Stand-ins: the page's own colours take their place."""
COLOURS = {INK: "ink", PAPER: "paper", BEFORE: "before", AFTER: "after"}
DAY_MS = 86_400_000
STEPS_MS = (
    *(1_000 * seconds for seconds in (1, 5, 15, 30)),
    *(60_000 * minutes for minutes in (1, 5, 15, 30, 60, 120, 240, 480)),
    *(DAY_MS * days for days in (1, 2, 7, 28)),
)
TICKS = 4
WIDTH_IN = 4.6
"""So narrow that letters stay readable on a page of 400 pixels."""
FONT_PT = 9


class Points(NamedTuple):
    """One side of a line plot: moments (ms since 1970) and values."""

    times_ms: list[int]
    values: list[float]


def can_plot() -> bool:
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def draw_bars(names: Sequence[str], before: Sequence[int], after: Sequence[int]) -> str:
    """A pair of bars for each name, with its numbers."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_settings()):
        figure = Figure(figsize=(WIDTH_IN, 0.7 + 0.42 * len(names)), layout="constrained")
        axes = figure.subplots()
        places = [float(at) for at in range(len(names))]
        sides = (("before", before, BEFORE, -0.2), ("after", after, AFTER, 0.2))
        for label, values, colour, shift in sides:
            bars = axes.barh(
                [at + shift for at in places], values, 0.38, label=label, color=colour
            )
            axes.bar_label(bars, [f" {value:,}" for value in values], fontsize=FONT_PT - 1)
        axes.set_yticks(places, list(names))
        axes.invert_yaxis()
        axes.margins(x=0.2, y=0.02)
        axes.set_xticks([])
        axes.spines[["top", "right", "bottom"]].set_visible(False)
        figure.legend(loc="outside upper right", ncols=2, frameon=False)
        return _svg(figure, "bars")


def draw_changes(starts_ms: Sequence[int], changed: Sequence[int]) -> str:
    """How many commands changed, over time."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_settings()):
        figure = Figure(figsize=(WIDTH_IN, 1.7), layout="constrained")
        axes = figure.subplots()
        axes.step(starts_ms, changed, where="post", color=AFTER)
        axes.fill_between(starts_ms, changed, step="post", color=AFTER, alpha=0.25)
        axes.set_ylim(bottom=0)
        _tidy(axes, starts_ms)
        return _svg(figure, "changes")


def draw_lines(name: str, title: str, before: Points, after: Points) -> str:
    """A series on both sides. `name` tells its parts from those of other plots."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_settings()):
        figure = Figure(figsize=(WIDTH_IN, 1.9), layout="constrained")
        axes = figure.subplots()
        axes.set_title(title, loc="left", fontsize=FONT_PT)
        sides = (("before", before, BEFORE, "-"), ("after", after, AFTER, (0, (4, 2))))
        for label, points, colour, style in sides:
            marker = "o" if len(points.values) < 3 else None
            axes.plot(
                points.times_ms,
                points.values,
                label=label,
                color=colour,
                linestyle=style,
                linewidth=1.4,
                marker=marker,
            )
        _tidy(axes, [*before.times_ms, *after.times_ms])
        figure.legend(loc="outside upper right", ncols=2, frameon=False)
        return _svg(figure, name)


def ticks(begin_ms: int, end_ms: int) -> tuple[list[int], list[str]]:
    """A few round moments (UTC), and how they are written."""
    step = next((step for step in STEPS_MS if (end_ms - begin_ms) / step <= TICKS), STEPS_MS[-1])
    while (end_ms - begin_ms) / step > TICKS:
        step *= 2
    first = begin_ms + -begin_ms % step
    moments = list(range(first, end_ms + 1, step)) or [begin_ms]
    form = "%Y-%m-%d" if step >= DAY_MS else "%H:%M" if step >= 60_000 else "%H:%M:%S"
    return moments, [f"{datetime.fromtimestamp(at / 1000, UTC):{form}}" for at in moments]


def _settings() -> Any:
    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    return {
        **dict.fromkeys(inked, INK),
        "axes.facecolor": "none",
        "figure.facecolor": "none",
        "font.family": "sans-serif",
        "font.size": FONT_PT,
        "svg.fonttype": "none",  # letters as text: small, and the page's own font
        "svg.hashsalt": "refold",
    }


def _tidy(axes: Any, times_ms: Sequence[int]) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xticks(*ticks(min(times_ms), max(times_ms)))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.2, color=INK)


def _svg(figure: Any, name: str) -> str:
    """The drawing as an element of a page: no prolog, its ids its own, colours of the page."""
    out = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(out, format="svg", metadata=nothing)
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg [^>]*?)width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg [^>]*?)height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r"url\(#", f"url(#{name}-", svg)
    svg = re.sub(r'xlink:href="#', f'xlink:href="#{name}-', svg)
    for colour, variable in COLOURS.items():
        svg = svg.replace(colour, f"var(--{variable})")
    return svg
